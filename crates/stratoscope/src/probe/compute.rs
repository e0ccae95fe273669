//! From words to scores: computes states in passes of layers, and fits the probes of all layers in
//! parallel.

use super::corpus::parsed;
use super::report::{
    Baselines, ClassCount, Data, LabelReport, LayerReport, Report, StructuralReport,
};
use super::rows::Rows;
use super::saved::SavedProbe;
use super::{ConlluCorpus, Options, PartCounts, ProbeError, ProbeFile, TsvTask};
use crate::analysis::TOOL;
use crate::given::Subject;
use crate::progress::{Progress, TextWarnings};
use crate::text::counted;
use crate::{Explorer, Result};
use ndarray::{Array3, ArrayView2, Axis};
use rayon::prelude::*;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use stratoscope_extractor::ChosenWords;
use stratoscope_geometry::MIN_UNITS;
use stratoscope_probing::{
    LinearProbe, MlpOptions, Prober, Scores, Split, Strength, StructuralOptions, Treebank, Trees,
    structural,
};

/// The data of a probe: an annotated corpus, or texts with labels.
#[derive(Debug, Clone, Copy)]
pub enum Labelled<'a> {
    /// An annotated corpus.
    Corpus(&'a ConlluCorpus),
    /// Texts with labels.
    Task(&'a TsvTask),
}

impl<'a> From<&'a ConlluCorpus> for Labelled<'a> {
    fn from(corpus: &'a ConlluCorpus) -> Self {
        Self::Corpus(corpus)
    }
}

impl<'a> From<&'a TsvTask> for Labelled<'a> {
    fn from(task: &'a TsvTask) -> Self {
        Self::Task(task)
    }
}

/// The source of the rows, which the report records.
struct Source {
    files: Vec<ProbeFile>,
    split_seed: Option<u64>,
    sentences: PartCounts,
}

impl Explorer {
    /// Fits probes to every layer. For a corpus, they predict labels, and trees if the options ask
    /// for them. For a [`TsvTask`], they predict the labels of the task; the report also has the
    /// learning curve and the probe ([`Report::saved`]) of the layer that is best on held-out
    /// texts.
    ///
    /// ```no_run
    /// use stratoscope::Explorer;
    /// use stratoscope::probe::{ConlluCorpus, Options};
    ///
    /// let explorer = Explorer::open("models/all-MiniLM-L6-v2")?;
    /// let corpus = ConlluCorpus::split("corpus.conllu".as_ref(), 0)?;
    /// let options = Options { labels: vec!["upos".parse()?], ..Options::default() };
    /// let report = explorer.probe(&corpus, &options)?;
    /// for (layer, accuracy) in report.accuracy() {
    ///     println!("layer {layer}: {accuracy:?}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Options with neither a label nor the structural probe; no word for training or for the test;
    /// a task with fewer than three different texts or two classes; a sentence that is too long for
    /// the model; a forward pass or a fit that fails.
    pub fn probe<'a>(&self, data: impl Into<Labelled<'a>>, options: &Options) -> Result<Report> {
        Subject::Model(self).probe(data.into(), options)
    }
}

impl Subject<'_> {
    /// [`Explorer::probe`] of a model, or of states that were computed before.
    pub(crate) fn probe(self, data: Labelled<'_>, options: &Options) -> Result<Report> {
        let report = match data {
            Labelled::Corpus(corpus) => self.probe_corpus(corpus, options)?,
            Labelled::Task(task) => self.probe_task(task, options)?,
        };
        note(&report, self.progress());
        Ok(report)
    }

    fn probe_corpus(self, corpus: &ConlluCorpus, options: &Options) -> Result<Report> {
        if options.labels.is_empty() && !options.structural {
            return Err(ProbeError::NoLabel.into());
        }
        let source = Source {
            files: corpus.files().to_vec(),
            split_seed: corpus.split_seed(),
            sentences: corpus.sentences(),
        };
        let mut report = self.report(options, source, "word");
        let mut said = TextWarnings::default();
        if !options.labels.is_empty() {
            let rows = corpus.rows(&options.labels, &options.filters)?;
            let mut run = Run::new(self, rows, options)?;
            said = TextWarnings::from(&run.chosen);
            run.run(&mut report)?;
        }
        if options.structural {
            report.structural = Some(self.structural(corpus, options, &said)?);
        }
        Ok(report)
    }

    fn probe_task(self, task: &TsvTask, options: &Options) -> Result<Report> {
        let (rows, sentences) = task.split(options.seed)?;
        let source = Source { files: task.files(), split_seed: Some(options.seed), sentences };
        let unit = if task.has_spans() { "span" } else { "text" };
        let mut report = self.report(options, source, unit);
        report.data.filters = Vec::new();
        let kept = Run::new(self, rows, options)?.task(&mut report)?;
        report.saved = Some(SavedProbe {
            tool: TOOL.to_owned(),
            model: self.origin(),
            layer: kept.layer,
            pooling: options.pooling,
            spans: task.has_spans(),
            labels: report.labels[0].classes.iter().map(|c| c.class.clone()).collect(),
            accuracy: kept.scores.accuracy,
            probe: kept.probe,
        });
        Ok(report)
    }

    fn report(self, options: &Options, source: Source, unit: &'static str) -> Report {
        Report {
            tool: TOOL.to_owned(),
            model: self.origin(),
            data: Data {
                files: source.files,
                split_seed: source.split_seed,
                unit,
                sentences: source.sentences,
                filters: options.filters.iter().map(ToString::to_string).collect(),
                pooling: options.pooling.name(),
                strength: options.strength,
                seed: options.seed,
                unlabelled: 0,
                without_tokens: 0,
            },
            labels: Vec::new(),
            structural: None,
            saved: None,
            files: self.record().files,
        }
    }

    /// The structural probe; `said` are the warnings about the corpus that are reported already.
    fn structural(
        &self,
        corpus: &ConlluCorpus,
        options: &Options,
        said: &TextWarnings,
    ) -> Result<StructuralReport> {
        let (mut texts, mut sentences) = (Vec::new(), Vec::new());
        for (part, name) in [(Split::Train, "train"), (Split::Test, "test")] {
            let before = sentences.len();
            for (sentence, heads) in corpus.trees(part) {
                texts.push(sentence.text.clone());
                sentences.push((part, sentence, heads));
            }
            if sentences.len() == before {
                return Err(ProbeError::NoHeads { part: name }.into());
            }
        }
        let all = texts.iter().map(|text| (0..text.words.len()).collect()).collect();
        let from = self.source();
        let chosen = ChosenWords::words(from, texts, all, options.pooling, options.long)?;
        TextWarnings::from(&chosen).beyond(said).report(self.progress());
        let mut rows: Vec<Vec<Option<usize>>> =
            sentences.iter().map(|(_, sentence, _)| vec![None; sentence.words.len()]).collect();
        for (row, (sentence, word)) in chosen.rows().enumerate() {
            rows[sentence][word] = Some(row);
        }
        let (mut train, mut test) = (Vec::new(), Vec::new());
        for ((part, sentence, heads), rows) in sentences.into_iter().zip(rows) {
            let own = parsed(sentence, heads, rows);
            if part == Split::Train { train.push(own) } else { test.push(own) }
        }
        let train_sentences = train.len();
        let (train, test) = (Trees::new(&train)?, Trees::new(&test)?);
        let fit = StructuralOptions { seed: options.seed, ..StructuralOptions::default() };
        let layers = self.layers_to_probe(options)?;
        let total = 2 * layers.len();
        let done = AtomicUsize::new(0);
        let mut report: Option<StructuralReport> = None;
        let progress = self.progress();
        progress.part("structural probes", 0, total);
        for pass in passes(&layers, self.layer_bytes(&chosen), options.memory) {
            let states = self.chosen_states(&chosen, pass, self.progress())?;
            let views: Vec<ArrayView2<'_, f32>> = states.outer_iter().collect();
            let step = |step: stratoscope_probing::StructuralStep| {
                if step.done {
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    progress.part("structural probes", done, total);
                }
                ControlFlow::Continue(())
            };
            let found = structural(
                Treebank { trees: &train, layers: &views },
                Treebank { trees: &test, layers: &views },
                &fit,
                &step,
            )?;
            let report = report.get_or_insert(StructuralReport {
                train_sentences,
                sample: found.sample,
                chain: found.chain,
                layers: Vec::new(),
            });
            report.layers.extend(pass.iter().copied().zip(found.layers));
        }
        report.ok_or_else(|| ProbeError::NoLabel.into())
    }

    fn layers_to_probe(self, options: &Options) -> Result<Vec<usize>> {
        self.chosen_layers(&options.layers)
    }

    /// The size of the states of one layer, in bytes.
    fn layer_bytes(self, chosen: &ChosenWords) -> u64 {
        let d_model = self.d_model();
        4 * chosen.n_rows() as u64 * d_model as u64
    }

    fn chosen_states(
        &self,
        chosen: &ChosenWords,
        layers: &[usize],
        progress: &dyn Progress,
    ) -> Result<Array3<f32>> {
        let states = chosen.states(self.source(), layers, &mut |step| {
            progress.tokens("states", step.done, step.total);
        })?;
        Ok(states)
    }
}

/// With fewer test sentences or texts, bootstrap intervals are too narrow.
const FEW: usize = 20;

/// Reports the number of omitted words, and a test set that is small.
fn note(report: &Report, progress: &dyn Progress) {
    let words = |n: usize| counted(n, "word is", "words are");
    let data = &report.data;
    if data.unlabelled > 0 {
        let names: Vec<&str> = report.labels.iter().map(|l| l.label.as_str()).collect();
        let (n, names) = (words(data.unlabelled), names.join(" or "));
        progress.note(&format!("{n} omitted: not annotated with {names}"));
    }
    if data.without_tokens > 0 {
        let n = words(data.without_tokens);
        progress.note(&format!("{n} omitted: the tokenizer has no token there"));
    }
    let trees = report.structural.as_ref().map(|trees| trees.sample.sentences);
    let few = report.labels.iter().map(|l| l.counts.test_clusters).chain(trees).min();
    if let Some(few) = few.filter(|few| *few < FEW) {
        let what = match data.unit {
            "word" => counted(few, "sentence", "sentences"),
            _ => counted(few, "text", "texts"),
        };
        let so =
            if few < MIN_UNITS { "there are no intervals" } else { "the intervals are too narrow" };
        progress.note(&format!("the test has only {what}: {so}"));
    }
}

/// Groups of layers that fit into memory together; each group has at least one layer.
fn passes(layers: &[usize], bytes: u64, memory: u64) -> impl Iterator<Item = &[usize]> {
    let fit = usize::try_from(memory / bytes.max(1)).unwrap_or(usize::MAX);
    layers.chunks(fit.max(1))
}

/// The probe of the chosen layer.
struct Kept {
    layer: usize,
    probe: LinearProbe,
    scores: Scores,
}

/// The input of the probes of some labels.
struct Run<'a> {
    subject: Subject<'a>,
    options: &'a Options,
    rows: Rows,
    chosen: ChosenWords,
    layers: Vec<usize>,
    /// `[labels]`: the prober of each label.
    probers: Vec<Prober>,
}

impl<'a> Run<'a> {
    fn new(subject: Subject<'a>, mut rows: Rows, options: &'a Options) -> Result<Self> {
        let layers = subject.layers_to_probe(options)?;
        let (from, pooling, long) = (subject.source(), options.pooling, options.long);
        let texts = rows.texts.clone();
        subject.progress().part("tokens", 0, 1);
        let chosen = match rows.whole {
            true => ChosenWords::whole_texts(from, texts, pooling, long)?,
            false => ChosenWords::words(from, texts, rows.chosen(), pooling, long)?,
        };
        TextWarnings::from(&chosen).report(subject.progress());
        rows.keep(&chosen)?;
        let needed = subject.layer_bytes(&chosen).saturating_mul(layers.len() as u64);
        if options.mix && needed > options.memory {
            return Err(ProbeError::Memory { needed, allowed: options.memory }.into());
        }
        let strength = options.strength.map_or(Strength::Chosen, Strength::Fixed);
        let prober = |label| Prober::new(rows.task(label, false), strength, options.seed);
        let probers = (0..rows.labels.len()).map(prober).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { subject, options, rows, chosen, layers, probers })
    }

    /// Fits all probes, chooses a layer on held-out rows, and computes the learning curve of this
    /// layer.
    fn task(mut self, report: &mut Report) -> Result<Kept> {
        let fitted = self.run(report)?;
        let [label] = &mut report.labels[..] else { return Err(ProbeError::NoLabel.into()) };
        let best = label.layers.iter().zip(fitted).max_by(|(a, _), (b, _)| {
            let score = |layer: &LayerReport| layer.linear.held_out_accuracy.unwrap_or(0.0);
            // Of equal layers, the lower one.
            score(a).total_cmp(&score(b)).then(b.layer.cmp(&a.layer))
        });
        let Some((layer, probe)) = best else { return Err(ProbeError::NoLabel.into()) };
        let kept = Kept { layer: layer.layer, probe, scores: layer.scores() };
        label.chosen_layer = Some(kept.layer);
        let states = self.states(self.subject, &[kept.layer])?;
        self.subject.progress().part("learning curve", 0, 1);
        label.learning_curve = self.probers[0].learning_curve(states.index_axis(Axis(0), 0))?;
        Ok(kept)
    }

    /// Fits all probes and fills the report. Returns the probes of the first label, by layer.
    fn run(&mut self, report: &mut Report) -> Result<Vec<LinearProbe>> {
        report.data.unlabelled = self.rows.unlabelled;
        report.data.without_tokens = self.chosen.dropped();
        let n_labels = self.probers.len();
        let mut found: Vec<Vec<LayerReport>> = vec![Vec::new(); n_labels];
        let (mut fitted, mut mixes) = (Vec::new(), Vec::new());
        let random = match self.options.random_weights {
            true => Some(self.subject.random_weights(self.options.seed)?),
            false => None,
        };
        let bytes = self.subject.layer_bytes(&self.chosen);
        let total = self.layers.len() * n_labels * (1 + usize::from(random.is_some()));
        let done = AtomicUsize::new(0);
        let step = || {
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            self.subject.progress().part("probes", done, total);
        };
        for pass in passes(&self.layers, bytes, self.options.memory) {
            let jobs: Vec<(usize, usize)> =
                (0..n_labels).flat_map(|l| (0..pass.len()).map(move |i| (l, i))).collect();
            let states = self.states(self.subject, pass)?;
            let probes: Vec<(LinearProbe, LayerReport)> = jobs
                .par_iter()
                .map(|&(label, index)| {
                    let view = states.index_axis(Axis(0), index);
                    let found = self.layer(label, pass[index], view)?;
                    step();
                    Ok(found)
                })
                .collect::<Result<_>>()?;
            let first = found[0].len();
            for (&(label, _), (linear, layer)) in jobs.iter().zip(probes) {
                found[label].push(layer);
                if label == 0 {
                    fitted.push(linear);
                }
            }
            if self.options.mix {
                for prober in &self.probers {
                    let progress = self.subject.progress();
                    let step = |done, total| progress.part("mixes of layers", done, total);
                    mixes.push(prober.mixes(states.view(), &step)?);
                }
            }
            drop(states);
            let Some(random) = &random else { continue };
            let states = self.states(Subject::Model(random), pass)?;
            let scores: Vec<Scores> = jobs
                .par_iter()
                .map(|&(label, index)| {
                    let view = states.index_axis(Axis(0), index);
                    let (_, found) = self.probers[label].linear(view)?;
                    step();
                    Ok(found.scores)
                })
                .collect::<Result<_>>()?;
            for (&(label, index), scores) in jobs.iter().zip(scores) {
                found[label][first + index].random_weights = Some(scores);
            }
        }
        let mut mixes = mixes.into_iter();
        for (label, layers) in found.into_iter().enumerate() {
            report.labels.push(LabelReport {
                label: self.rows.labels[label].clone(),
                counts: self.probers[label].counts(),
                classes: self.classes(label),
                baselines: self.baselines(label, &layers)?,
                layers,
                mixes: mixes.next(),
                chosen_layer: None,
                learning_curve: Vec::new(),
            });
        }
        Ok(fitted)
    }

    fn states(&self, subject: Subject<'_>, layers: &[usize]) -> Result<Array3<f32>> {
        subject.chosen_states(&self.chosen, layers, self.subject.progress())
    }

    /// Fits the probes of one layer and label; `vectors` is `[rows, d_model]`.
    fn layer(
        &self,
        label: usize,
        layer: usize,
        vectors: ArrayView2<'_, f32>,
    ) -> Result<(LinearProbe, LayerReport)> {
        let prober = &self.probers[label];
        let (linear, scores) = prober.linear(vectors)?;
        let control = match self.options.control {
            true => Some(prober.control(vectors, &linear)?),
            false => None,
        };
        let mdl = match self.options.mdl {
            true => Some(prober.mdl(vectors)?),
            false => None,
        };
        let more = MlpOptions { control: self.options.control, mdl: self.options.mdl };
        let mlp = match self.options.mlp {
            true => Some(prober.mlp(vectors, &linear, more)?),
            false => None,
        };
        let random_weights = None;
        Ok((linear, LayerReport { layer, linear: scores, control, random_weights, mdl, mlp }))
    }

    fn classes(&self, label: usize) -> Vec<ClassCount> {
        let count = |(class, [train, _, test]): (&str, [usize; 3])| ClassCount {
            class: class.to_owned(),
            train,
            test,
        };
        self.rows.classes(label).into_iter().map(count).collect()
    }

    fn baselines(&self, label: usize, layers: &[LayerReport]) -> Result<Baselines> {
        let by_form = self.probers[label].baselines()?;
        let by_lemma = match self.rows.has_lemmas {
            true => {
                let strength = Strength::Fixed(1.0);
                let task = self.rows.task(label, true);
                Some(Prober::new(task, strength, self.options.seed)?.baselines()?.lookup)
            }
            false => None,
        };
        Ok(Baselines {
            majority: by_form.majority,
            form_lookup: Some(by_form.lookup).filter(|_| !self.rows.whole),
            lemma_lookup: by_lemma,
            layer_0: layers.iter().find(|l| l.layer == 0).map(|l| l.scores()),
        })
    }
}
