//! A loaded model, and its tasks.

pub(crate) mod explore;
mod extract;
pub(crate) mod hooks;
pub(crate) mod load;
mod probe;
mod rows;
mod task;

use crate::analysis::Analysis;
use crate::errors;
use crate::job::{self, Job};
use crate::options::{self, Named, layers, names, paths, texts};
use crate::states::States;
use explore::explore_options;
use hooks::{Functions, Hooks};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rows::Rows;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use stratoscope::bank::Bank;
use stratoscope::crates::extractor::{prepare, prepare_ids};
use stratoscope::crates::loader::path_text;
use stratoscope::explore::side_by_side;
use stratoscope::geometry;
use stratoscope::probe::{Column, ConlluCorpus, Filter, Labelled, TsvTask};
use stratoscope::profile::Profiles;
use stratoscope::{
    Activations, CompareOptions, Error, ExploreOptions, Explorer, GeometryOptions, Image,
    LensOptions, LongText, Metric, Pooler, Pooling, ProbeOptions, ProfileOptions, Text, compare,
};
use task::{Beside, WITHIN_HOOKS};

/// A model that is loaded.
#[derive(Clone)]
pub(crate) struct Opened {
    pub(crate) explorer: Explorer,
    /// Whether the user has limited the memory.
    limited: bool,
}

impl Opened {
    /// The pooling of the model for whole texts, if it is supported.
    pub(crate) fn sentence_pooler(&self) -> Option<Pooler> {
        self.explorer.model().info.sentence_pooler().ok()
    }
}

/// A loaded model.
#[pyclass(frozen, module = "stratoscope", weakref)]
pub(crate) struct Model {
    pub(crate) opened: Opened,
    /// The functions of the contexts that are entered.
    functions: Mutex<Vec<Functions>>,
}

#[pymethods]
impl Model {
    /// The name: a hub id, the path of a folder, or the name of the bundled model.
    #[getter]
    fn name(&self) -> &str {
        &self.opened.explorer.model().info.id
    }

    /// The family, such as "BERT".
    #[getter]
    fn family(&self) -> &str {
        self.opened.explorer.model().info.family
    }

    /// The number of blocks; states have one layer more.
    #[getter]
    fn n_layers(&self) -> usize {
        self.opened.explorer.model().transformer.architecture().n_layers
    }

    /// The width of a state.
    #[getter]
    fn d_model(&self) -> usize {
        self.opened.explorer.model().transformer.architecture().d_model
    }

    /// The number of attention heads of a block.
    #[getter]
    fn n_heads(&self) -> usize {
        self.opened.explorer.model().transformer.architecture().n_heads
    }

    /// The number type of the computation: "f32", "f16" or "bf16".
    #[getter]
    fn dtype(&self) -> &'static str {
        self.opened.explorer.model().info.dtype.as_str()
    }

    /// The names of the hook points, in the order of the forward pass.
    #[getter]
    fn hook_points(&self) -> Vec<String> {
        let architecture = self.opened.explorer.model().transformer.architecture();
        architecture.hook_points().iter().map(ToString::to_string).collect()
    }

    /// The hidden states of texts. A text is a str; a pair that the model reads together is a tuple.
    /// `images` are images instead of texts: paths, or arrays of uint8. `token_ids` are sequences of ids instead of texts, used as they are. `hooks` are other hook
    /// points to keep, such as "blocks.3.attn.hook_pattern". `words` or `sentences` pool the tokens.
    #[pyo3(signature = (texts = None, *, token_ids = None, images = None, layers = None, words = false,
        sentences = false, pooling = None, special_tokens = true, long = "refuse", hooks = None))]
    #[allow(clippy::too_many_arguments)]
    fn states(
        &self,
        py: Python<'_>,
        texts: Option<&Bound<'_, PyAny>>,
        token_ids: Option<Vec<Vec<u32>>>,
        images: Option<&Bound<'_, PyAny>>,
        layers: Option<&Bound<'_, PyAny>>,
        words: bool,
        sentences: bool,
        pooling: Option<&str>,
        special_tokens: bool,
        long: &str,
        hooks: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<States> {
        let input = match (texts, token_ids, images) {
            (Some(texts), None, None) => Input::Texts(options::texts(texts)?),
            (None, Some(ids), None) => Input::Ids(ids),
            (None, None, Some(images)) => Input::Images(options::images(py, images)?),
            _ => return Err(errors::usage(py, "give either texts, token_ids or images")),
        };
        let (layers, hooks) = (options::layers(layers)?, options::hooks(hooks)?);
        let rows = Rows::new(py, words, sentences, pooling, special_tokens)?;
        let long = LongText::of(py, long)?;
        let functions = self.active().clone();
        if let (Input::Images(_), false) = (&input, functions.is_empty()) {
            return Err(errors::usage(py, "functions at hook points are for texts"));
        }
        let opened = self.opened.clone();
        let read = move |job: Arc<Job>| -> stratoscope::Result<Activations> {
            let explorer = opened.explorer.with_progress(job.clone());
            let model = explorer.model();
            let limit = rows.limit(&explorer, long);
            let states = match (input, functions.is_empty()) {
                (Input::Texts(texts), false) => {
                    hooks::states(&explorer, texts, &functions, &layers, &hooks, &job)?
                }
                (Input::Texts(texts), true) => {
                    explorer.states(prepare(model, texts, limit)?, &layers, &hooks)?
                }
                (Input::Images(images), _) => {
                    explorer.states(prepare(model, images, limit)?, &layers, &hooks)?
                }
                (Input::Ids(ids), _) => {
                    let numbered = ids.into_iter().enumerate().map(|(i, ids)| (i + 1, ids));
                    explorer.states(prepare_ids(model, numbered.collect())?, &layers, &hooks)?
                }
            };
            rows.of(states, &explorer)
        };
        let (states, _) = job::run(py, read)?;
        Ok(States::new(states, self.opened.sentence_pooler()))
    }

    /// Measures, maps and figures of texts, by layer: `stratoscope explore`. `images` are images instead of
    /// texts: paths, or arrays of uint8; `patch` is the row and column of the one whose similarity is
    /// drawn. With other models `beside` it, of the words that all have.
    #[pyo3(signature = (texts = None, *, images = None, patch = None, beside = None, metric = "cosine", reducer = "pca", align = "joint", seed = 0,
        layers = None, words = false, pooling = None, special_tokens = true, long = "refuse",
        attention = false, figures = None, baseline = false))]
    #[allow(clippy::too_many_arguments)]
    fn explore(
        &self,
        py: Python<'_>,
        texts: Option<&Bound<'_, PyAny>>,
        images: Option<&Bound<'_, PyAny>>,
        patch: Option<[usize; 2]>,
        beside: Beside<'_>,
        metric: &str,
        reducer: &str,
        align: &str,
        seed: u64,
        layers: Option<&Bound<'_, PyAny>>,
        words: bool,
        pooling: Option<&str>,
        special_tokens: bool,
        long: &str,
        attention: bool,
        figures: Option<&Bound<'_, PyAny>>,
        baseline: bool,
    ) -> PyResult<Analysis> {
        let (texts, images) = match (texts, images) {
            (Some(texts), None) => (self::texts(texts)?, Vec::new()),
            (None, Some(images)) => (Vec::new(), options::images(py, images)?),
            _ => return Err(errors::usage(py, "give either texts or images")),
        };
        let options = ExploreOptions {
            cell: patch,
            long: LongText::of(py, long)?,
            attention,
            layers: self::layers(layers)?,
            compute_baseline: baseline,
            ..explore_options(
                py,
                [metric, reducer, align],
                seed,
                words,
                pooling,
                special_tokens,
                figures,
            )?
        };
        if !images.is_empty() {
            if beside.as_ref().is_some_and(|models| !models.is_empty()) {
                return Err(errors::usage(py, "images are for a single model"));
            }
            let work = move |model: &Explorer| model.explore(&images, &options);
            let (result, warnings) = self.task(py, work)?;
            return Ok(Analysis::explored(result, Some(self.opened.clone()), warnings));
        }
        if beside.as_ref().is_some_and(|models| !models.is_empty()) {
            if texts.iter().any(|text| text.pair.is_some()) {
                return Err(errors::usage(py, "pairs are for a single model"));
            }
            let work = move |models: &[Explorer]| side_by_side(models, &texts, &options);
            let (result, warnings) = self.task_beside(py, beside, work)?;
            return Ok(Analysis::new(result, warnings));
        }
        let (result, warnings) = self.task(py, move |model| model.explore(&texts, &options))?;
        Ok(Analysis::explored(result, Some(self.opened.clone()), warnings))
    }

    /// Two sentences; or with `word`, one word in several contexts; or `pairs` or `wic`, the path of a
    /// file: `stratoscope compare`.
    #[pyo3(signature = (*texts, word = None, pairs = None, wic = None, metric = "cosine",
        pooling = "mean", seed = 0))]
    #[allow(clippy::too_many_arguments)]
    fn compare(
        &self,
        py: Python<'_>,
        texts: Vec<String>,
        word: Option<&Bound<'_, PyAny>>,
        pairs: Option<PathBuf>,
        wic: Option<PathBuf>,
        metric: &str,
        pooling: &str,
        seed: u64,
    ) -> PyResult<Analysis> {
        let (metric, pooling) = (Metric::of(py, metric)?, Pooling::of(py, pooling)?);
        let options = CompareOptions { metric, pooling, seed };
        let words = names(word)?;
        let wrong = "give two sentences, or several texts and word=…, or pairs=FILE, or wic=FILE";
        let one_kind = match (&pairs, &wic) {
            (None, None) => texts.len() == 2 || (!words.is_empty() && !texts.is_empty()),
            (Some(_), Some(_)) => false,
            _ => texts.is_empty() && words.is_empty(),
        };
        if !one_kind {
            return Err(errors::usage(py, wrong));
        }
        let work = move |model: &Explorer| {
            if let Some(path) = pairs {
                let place = path_text(&path);
                let read = compare::parse_minimal_pairs(&options::bytes(&path)?, &place)?;
                return model.compare_pairs(&read.items, &place, &options);
            }
            if let Some(path) = wic {
                let place = path_text(&path);
                let (read, _) = compare::parse_wic(&options::bytes(&path)?, &place)?;
                return model.compare_wic(&read, &place, &options);
            }
            match words.is_empty() {
                true => model.compare_sentences(&texts[0], &texts[1], &options),
                false => model.compare_word(&texts, &words, &options),
            }
        };
        let (result, warnings) = self.task(py, work)?;
        Ok(Analysis::new(result, warnings))
    }

    /// What the model shows of words by layer: `stratoscope profile`. `bank` are CoNLL-U files,
    /// `stimuli` is "homographs", "noun-verb" or a file. With other models `beside` it, in one figure.
    #[pyo3(signature = (*, beside = None, bank = None, stimuli = "homographs", cues_first = false))]
    fn profile(
        &self,
        py: Python<'_>,
        beside: Beside<'_>,
        bank: Option<&Bound<'_, PyAny>>,
        stimuli: &str,
        cues_first: bool,
    ) -> PyResult<Analysis> {
        let (files, stimuli) = (paths(bank)?, stimuli.to_owned());
        let work = move |models: &[Explorer]| {
            let bank = if files.is_empty() { None } else { Some(Bank::read(&files)?) };
            let read = options::stimuli(&stimuli);
            let read = if cues_first { read?.cues_first()? } else { read? };
            let options = ProfileOptions { bank, stimuli: Some(read) };
            models.iter().map(|model| model.profile(&options)).collect::<Result<Vec<_>, _>>()
        };
        let (mut profiles, warnings) = self.task_beside(py, beside, work)?;
        Ok(match profiles.len() {
            1 => Analysis::new(profiles.remove(0), warnings),
            _ => Analysis::new(Profiles(profiles), warnings),
        })
    }

    /// What each layer would predict: `stratoscope lens`. `targets` are the true tokens.
    #[pyo3(signature = (text, *, top = 5, targets = None, perplexity = false))]
    fn lens(
        &self,
        py: Python<'_>,
        text: String,
        top: usize,
        targets: Option<&Bound<'_, PyAny>>,
        perplexity: bool,
    ) -> PyResult<Analysis> {
        let options = LensOptions { top, targets: names(targets)?, perplexity };
        let (result, warnings) = self.task(py, move |model| model.lens(&text, &options))?;
        Ok(Analysis::new(result, warnings))
    }

    /// Measures of the representation space of a corpus: `stratoscope geometry`. The corpus is the path
    /// of a file, or a list of texts. `sample` words are drawn for measures of pairs. With other models
    /// `beside` it, of the same words.
    #[pyo3(signature = (corpus, *, beside = None, sample = 2000, seed = 0, pooling = "mean", long = "refuse",
        field = "text", figures = None))]
    #[allow(clippy::too_many_arguments)]
    fn geometry(
        &self,
        py: Python<'_>,
        corpus: &Bound<'_, PyAny>,
        beside: Beside<'_>,
        sample: usize,
        seed: u64,
        pooling: &str,
        long: &str,
        field: &str,
        figures: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Analysis> {
        let (pooling, long) = (Pooling::of(py, pooling)?, LongText::of(py, long)?);
        let figures = options::figures(figures)?;
        figures.check(&stratoscope::geometry::FIGURES).map_err(|e| errors::of(py, e))?;
        let corpus = options::corpus(corpus, field, long)?;
        let options = GeometryOptions { sample, seed, pooling, long, figures };
        let work = move |models: &[Explorer]| geometry::measure(models, &corpus, &options);
        let (result, warnings) = self.task_beside(py, beside, work)?;
        Ok(Analysis::new(result, warnings))
    }

    /// How well probes predict a label from each layer: `stratoscope probe`. The data are `texts` and
    /// `labels` (with `spans`, the places of words, in characters), or a file `tsv`, or CoNLL-U files:
    /// `corpus`, or `train` and `test` and `dev`, with `label`, such as "upos", and filters `where`.
    #[pyo3(signature = (texts = None, labels = None, *, spans = None, name = "label", tsv = None,
        corpus = None, train = None, dev = None, test = None, label = None, r#where = None,
        layers = None, pooling = None, long = "refuse", strength = None, control = false,
        random_weights = false, mlp = false, mdl = false, mix = false, structural = false, seed = 0))]
    #[allow(clippy::too_many_arguments)]
    fn probe(
        &self,
        py: Python<'_>,
        texts: Option<&Bound<'_, PyAny>>,
        labels: Option<&Bound<'_, PyAny>>,
        spans: Option<Vec<(usize, usize)>>,
        name: &str,
        tsv: Option<PathBuf>,
        corpus: Option<PathBuf>,
        train: Option<&Bound<'_, PyAny>>,
        dev: Option<&Bound<'_, PyAny>>,
        test: Option<&Bound<'_, PyAny>>,
        label: Option<&Bound<'_, PyAny>>,
        r#where: Option<&Bound<'_, PyAny>>,
        layers: Option<&Bound<'_, PyAny>>,
        pooling: Option<&str>,
        long: &str,
        strength: Option<f64>,
        control: bool,
        random_weights: bool,
        mlp: bool,
        mdl: bool,
        mix: bool,
        structural: bool,
        seed: u64,
    ) -> PyResult<Analysis> {
        let parsed = |error| errors::of(py, Error::Probe(error));
        let columns = names(label)?;
        let columns = columns.iter().map(|text| text.parse::<Column>().map_err(parsed));
        let filters = names(r#where)?;
        let filters = filters.iter().map(|text| text.parse::<Filter>().map_err(parsed));
        let chosen = options::pooling(py, pooling)?;
        let memory = self.opened.explorer.model().memory.left();
        let mut options = ProbeOptions {
            labels: columns.collect::<PyResult<_>>()?,
            filters: filters.collect::<PyResult<_>>()?,
            layers: self::layers(layers)?,
            pooling: chosen.unwrap_or_default(),
            long: LongText::of(py, long)?,
            strength,
            control,
            random_weights,
            mlp,
            mdl,
            mix,
            structural,
            seed,
            memory: if self.opened.limited { memory } else { memory.min(4 << 30) },
        };
        let rows = match (texts, labels) {
            (Some(texts), Some(labels)) => Some(probe::rows(py, texts, labels, spans.as_deref())?),
            (None, None) => None,
            _ => return Err(errors::usage(py, "give texts together with labels")),
        };
        let name = name.to_owned();
        let parts = [paths(train)?, paths(dev)?, paths(test)?];
        if rows.is_none() && tsv.is_none() && options.labels.is_empty() && !structural {
            let what = "nothing to predict; give texts and labels, or tsv=FILE, or label=\"upos\" with corpus=FILE";
            return Err(errors::usage(py, what));
        }
        let work = move |model: &Explorer| {
            let task = match (rows, tsv) {
                (Some(rows), _) => Some(TsvTask::from_rows(&name, rows)?),
                (None, Some(path)) => Some(TsvTask::read(&path)?),
                (None, None) => None,
            };
            if let Some(task) = &task {
                if chosen.is_none() && !task.has_spans() {
                    options.pooling = probe::text_pooling(model)?;
                }
                return model.probe(Labelled::Task(task), &options);
            }
            let corpus = match corpus {
                Some(path) => ConlluCorpus::split(&path, seed)?,
                None => ConlluCorpus::of_parts(&parts[0], &parts[1], &parts[2])?,
            };
            model.probe(Labelled::Corpus(&corpus), &options)
        };
        let (result, warnings) = self.task(py, work)?;
        Ok(Analysis::new(result, warnings))
    }

    /// Write the states of a corpus (the path of a file, or texts) to FILE.safetensors, FILE.npz or
    /// FILE.parquet; or to a folder of shards, for a corpus of any length: with `resume`, an
    /// interrupted run goes on and gives the same bytes. Returns the output.
    #[pyo3(signature = (corpus, output, *, resume = false, overwrite = false, layers = None,
        words = false, sentences = false, pooling = None, special_tokens = true, long = "refuse",
        hooks = None, half = false, sample = None, seed = 0, format = "safetensors",
        shard_mib = 64, field = "text"))]
    #[allow(clippy::too_many_arguments)]
    fn extract(
        &self,
        py: Python<'_>,
        corpus: &Bound<'_, PyAny>,
        output: PathBuf,
        resume: bool,
        overwrite: bool,
        layers: Option<&Bound<'_, PyAny>>,
        words: bool,
        sentences: bool,
        pooling: Option<&str>,
        special_tokens: bool,
        long: &str,
        hooks: Option<&Bound<'_, PyAny>>,
        half: bool,
        sample: Option<usize>,
        seed: u64,
        format: &str,
        shard_mib: u32,
        field: &str,
    ) -> PyResult<PathBuf> {
        let long = LongText::of(py, long)?;
        let wanted = extract::Wanted {
            corpus: options::corpus(corpus, field, long)?,
            output: output.clone(),
            start: extract::start(py, resume, overwrite)?,
            rows: Rows::new(py, words, sentences, pooling, special_tokens)?,
            layers: self::layers(layers)?,
            hooks: options::hooks(hooks)?,
            format: extract::format(py, &output, format, resume, overwrite)?,
            long,
            half,
            sample,
            seed,
            shard_bytes: u64::from(shard_mib) << 20,
        };
        if !self.active().is_empty() {
            return Err(errors::usage(py, WITHIN_HOOKS));
        }
        let opened = self.opened.clone();
        job::run(py, move |job| {
            extract::run(&opened.explorer.with_progress(job.clone()), wanted, &job)
        })?;
        Ok(output)
    }

    /// Functions at hook points, for `states` within a `with` block. Each receives the value, float32
    /// [tokens, width], and returns a replacement of this shape, or None to change nothing. The key
    /// `blocks.*.hook_mlp_out` is the hook point of every block.
    fn hooks(this: Bound<'_, Self>, functions: &Bound<'_, PyDict>) -> PyResult<Hooks> {
        Hooks::new(this, functions)
    }

    fn __repr__(&self) -> String {
        let model = self.opened.explorer.model();
        let a = model.transformer.architecture();
        let (id, family, dtype) = (&model.info.id, model.info.family, model.info.dtype.as_str());
        let (n_layers, d_model) = (a.n_layers, a.d_model);
        format!("<stratoscope.Model {id}, {family}, {n_layers} blocks of width {d_model}, {dtype}>")
    }
}

/// What a model reads.
enum Input {
    Texts(Vec<Text>),
    Ids(Vec<Vec<u32>>),
    Images(Vec<Image>),
}
