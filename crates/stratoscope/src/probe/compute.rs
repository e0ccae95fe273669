//! From words to scores: states pass by pass, and the probes of every layer side by side.

use super::corpus::parsed;
use super::report::{
    ClassCount, LabelProbe, LayerProbe, Probe, ProbeBaselines, ProbeData, StructuralReport,
};
use super::rows::Rows;
use super::saved::SavedProbe;
use super::{ConlluCorpus, OwnTask, PartCounts, ProbeError, ProbeFile, ProbeSettings};
use crate::{Explorer, Result, Step};
use ndarray::{Array3, ArrayView2, Axis};
use rayon::prelude::*;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use stratoscope_extractor::ChosenWords;
use stratoscope_probing::{
    LinearProbe, Part, Prober, Scores, Strength, StructuralOptions, Treebank, Trees, structural,
};

const TOOL: &str = concat!("stratoscope ", env!("CARGO_PKG_VERSION"));

/// Progress that several threads tell of.
struct Told<'a>(Mutex<&'a mut (dyn FnMut(Step) + Send)>);

impl Told<'_> {
    fn at(&self, what: &'static str, done: usize, total: usize) {
        let mut tell = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tell(Step { what, done, total });
    }
}

/// Where rows come from, for the report.
struct Source {
    files: Vec<ProbeFile>,
    split_seed: Option<u64>,
    sentences: PartCounts,
}

impl Explorer {
    /// Probes every layer for the labels of a corpus, and for its trees where the settings ask for
    /// it.
    ///
    /// ```no_run
    /// use stratoscope::{ConlluCorpus, Explorer, ProbeSettings, Source};
    ///
    /// let explorer = Explorer::open(&Source::Folder("models/all-MiniLM-L6-v2".into()))?;
    /// let corpus = ConlluCorpus::split("corpus.conllu".as_ref(), 0)?;
    /// let settings =
    ///     ProbeSettings { labels: vec!["upos".parse()?], ..ProbeSettings::default() };
    /// let probe = explorer.probe(&corpus, &settings, &mut |_| {})?;
    /// for layer in &probe.labels[0].layers {
    ///     println!("layer {}: {:?}", layer.layer, layer.scores.scores.accuracy);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Neither a label nor the structural probe; no word to fit to or to score on; a sentence that
    /// is too long for the model; a forward pass or a fit that fails.
    pub fn probe(
        &self,
        corpus: &ConlluCorpus,
        settings: &ProbeSettings,
        progress: &mut (dyn FnMut(Step) + Send),
    ) -> Result<Probe> {
        if settings.labels.is_empty() && !settings.structural {
            return Err(ProbeError::NoLabel.into());
        }
        let told = Told(Mutex::new(progress));
        let source = Source {
            files: corpus.files().to_vec(),
            split_seed: corpus.split_seed(),
            sentences: corpus.sentences(),
        };
        let mut probe = self.report(settings, source, "word");
        if !settings.labels.is_empty() {
            let rows = corpus.rows(&settings.labels, &settings.filters)?;
            Run::new(self, rows, settings, &told)?.into(&mut probe)?;
        }
        if settings.structural {
            probe.structural = Some(self.structural(corpus, settings, &told)?);
        }
        Ok(probe)
    }

    /// Probes every layer for the labels of a user's own task, split by a seeded draw; with the
    /// learning curve of the layer that is best on held-out texts, and the probe of that layer as
    /// something to keep.
    ///
    /// # Errors
    /// Fewer than three different texts or two classes; else as [`probe`](Self::probe).
    pub fn probe_own(
        &self,
        task: &OwnTask,
        settings: &ProbeSettings,
        progress: &mut (dyn FnMut(Step) + Send),
    ) -> Result<(Probe, SavedProbe)> {
        let told = Told(Mutex::new(progress));
        let (rows, sentences) = task.split(settings.seed)?;
        let source = Source { files: task.files(), split_seed: Some(settings.seed), sentences };
        let unit = if task.has_spans() { "span" } else { "text" };
        let mut probe = self.report(settings, source, unit);
        probe.data.filters = Vec::new();
        let mut run = Run::new(self, rows, settings, &told)?;
        let kept = run.own(&mut probe)?;
        let saved = SavedProbe {
            tool: TOOL.to_owned(),
            model: self.origin(),
            layer: kept.layer,
            pooling: settings.pooling,
            spans: task.has_spans(),
            labels: probe.labels[0].classes.iter().map(|c| c.class.clone()).collect(),
            accuracy: kept.scores.accuracy,
            probe: kept.probe,
        };
        Ok((probe, saved))
    }

    fn report(&self, settings: &ProbeSettings, source: Source, unit: &'static str) -> Probe {
        Probe {
            tool: TOOL.to_owned(),
            model: self.origin(),
            data: ProbeData {
                files: source.files,
                split_seed: source.split_seed,
                unit,
                sentences: source.sentences,
                filters: settings.filters.iter().map(ToString::to_string).collect(),
                pooling: settings.pooling.name(),
                strength: settings.strength,
                seed: settings.seed,
                unlabelled: 0,
                without_tokens: 0,
            },
            labels: Vec::new(),
            structural: None,
        }
    }

    fn structural(
        &self,
        corpus: &ConlluCorpus,
        settings: &ProbeSettings,
        told: &Told<'_>,
    ) -> Result<StructuralReport> {
        let (mut texts, mut sentences) = (Vec::new(), Vec::new());
        for (part, name) in [(Part::Train, "train"), (Part::Test, "test")] {
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
        let model = self.model();
        let chosen = ChosenWords::words(model, texts, all, settings.pooling, settings.long)?;
        let mut rows: Vec<Vec<Option<usize>>> =
            sentences.iter().map(|(_, sentence, _)| vec![None; sentence.words.len()]).collect();
        for (row, (sentence, word)) in chosen.rows().enumerate() {
            rows[sentence][word] = Some(row);
        }
        let (mut train, mut test) = (Vec::new(), Vec::new());
        for ((part, sentence, heads), rows) in sentences.into_iter().zip(rows) {
            let own = parsed(sentence, heads, rows);
            if part == Part::Train { train.push(own) } else { test.push(own) }
        }
        let train_sentences = train.len();
        let (train, test) = (Trees::new(&train)?, Trees::new(&test)?);
        let options = StructuralOptions { seed: settings.seed, ..StructuralOptions::default() };
        let layers = self.layers(settings)?;
        let total = 2 * layers.len();
        let done = AtomicUsize::new(0);
        let mut report: Option<StructuralReport> = None;
        told.at("structural probes", 0, total);
        for pass in passes(&layers, self.layer_bytes(&chosen), settings.memory) {
            let states = self.states(&chosen, pass, told)?;
            let views: Vec<ArrayView2<'_, f32>> = states.outer_iter().collect();
            let step = |step: stratoscope_probing::StructuralStep| {
                if step.done {
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    told.at("structural probes", done, total);
                }
                ControlFlow::Continue(())
            };
            let found = structural(
                Treebank { trees: &train, layers: &views },
                Treebank { trees: &test, layers: &views },
                &options,
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

    fn layers(&self, settings: &ProbeSettings) -> Result<Vec<usize>> {
        Ok(settings.layers.resolve(self.model().transformer.architecture().n_layers)?)
    }

    /// What the rows of one layer are in memory.
    fn layer_bytes(&self, chosen: &ChosenWords) -> u64 {
        let d_model = self.model().transformer.architecture().d_model;
        4 * chosen.n_rows() as u64 * d_model as u64
    }

    fn states(
        &self,
        chosen: &ChosenWords,
        layers: &[usize],
        told: &Told<'_>,
    ) -> Result<Array3<f32>> {
        let states = chosen.states(self.model(), layers, &mut |step| {
            told.at("states", step.done, step.total);
        })?;
        Ok(states)
    }
}

/// Layers that fit into memory together; always one at least.
fn passes(layers: &[usize], bytes: u64, memory: u64) -> impl Iterator<Item = &[usize]> {
    let fit = usize::try_from(memory / bytes.max(1)).unwrap_or(usize::MAX);
    layers.chunks(fit.max(1))
}

/// A probe that was fitted on the way.
struct Kept {
    layer: usize,
    probe: LinearProbe,
    scores: Scores,
}

/// Everything that the probes of some labels need.
struct Run<'a> {
    explorer: &'a Explorer,
    settings: &'a ProbeSettings,
    told: &'a Told<'a>,
    rows: Rows,
    chosen: ChosenWords,
    layers: Vec<usize>,
    /// One a label.
    probers: Vec<Prober>,
}

impl<'a> Run<'a> {
    fn new(
        explorer: &'a Explorer,
        mut rows: Rows,
        settings: &'a ProbeSettings,
        told: &'a Told<'a>,
    ) -> Result<Self> {
        let layers = explorer.layers(settings)?;
        let (model, pooling, long) = (explorer.model(), settings.pooling, settings.long);
        let texts = rows.texts.clone();
        told.at("tokens", 0, 1);
        let chosen = match rows.whole {
            true => ChosenWords::whole_texts(model, texts, pooling, long)?,
            false => ChosenWords::words(model, texts, rows.chosen(), pooling, long)?,
        };
        rows.keep(&chosen)?;
        let needed = explorer.layer_bytes(&chosen).saturating_mul(layers.len() as u64);
        if settings.mix && needed > settings.memory {
            return Err(ProbeError::Memory { needed, allowed: settings.memory }.into());
        }
        let strength = settings.strength.map_or(Strength::Chosen, Strength::Fixed);
        let prober = |label| Prober::new(rows.task(label, false), strength, settings.seed);
        let probers = (0..rows.labels.len()).map(prober).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { explorer, settings, told, rows, chosen, layers, probers })
    }

    /// Runs everything but what only an own task has.
    fn into(mut self, probe: &mut Probe) -> Result<()> {
        self.run(probe).map(drop)
    }

    /// Runs everything, chooses a layer on held-out rows, and draws its learning curve.
    fn own(&mut self, probe: &mut Probe) -> Result<Kept> {
        let fitted = self.run(probe)?;
        let [label] = &mut probe.labels[..] else { return Err(ProbeError::NoLabel.into()) };
        let best = label.layers.iter().zip(fitted).max_by(|(a, _), (b, _)| {
            let score = |layer: &LayerProbe| layer.scores.held_out_accuracy.unwrap_or(0.0);
            // Of equals the lower layer.
            score(a).total_cmp(&score(b)).then(b.layer.cmp(&a.layer))
        });
        let Some((layer, probe)) = best else { return Err(ProbeError::NoLabel.into()) };
        let kept = Kept { layer: layer.layer, probe, scores: layer.scores.scores };
        label.chosen_layer = Some(kept.layer);
        let states = self.explorer.states(&self.chosen, &[kept.layer], self.told)?;
        self.told.at("learning curve", 0, 1);
        label.learning_curve = self.probers[0].learning_curve(states.index_axis(Axis(0), 0))?;
        Ok(kept)
    }

    /// Fills the report; the fitted probes of the first label, by layer.
    fn run(&mut self, probe: &mut Probe) -> Result<Vec<LinearProbe>> {
        probe.data.unlabelled = self.rows.unlabelled;
        probe.data.without_tokens = self.chosen.dropped();
        let n_labels = self.probers.len();
        let mut found: Vec<Vec<LayerProbe>> = vec![Vec::new(); n_labels];
        let (mut fitted, mut mixes) = (Vec::new(), Vec::new());
        let random = match self.settings.random_weights {
            true => Some(self.explorer.with_random_weights(self.settings.seed)?),
            false => None,
        };
        let bytes = self.explorer.layer_bytes(&self.chosen);
        let total = self.layers.len() * n_labels * (1 + usize::from(random.is_some()));
        let done = AtomicUsize::new(0);
        let step = || {
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            self.told.at("probes", done, total);
        };
        for pass in passes(&self.layers, bytes, self.settings.memory) {
            let jobs: Vec<(usize, usize)> =
                (0..n_labels).flat_map(|l| (0..pass.len()).map(move |i| (l, i))).collect();
            let states = self.explorer.states(&self.chosen, pass, self.told)?;
            let probes: Vec<(LinearProbe, LayerProbe)> = jobs
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
            if self.settings.mix {
                for prober in &self.probers {
                    let tell = |done, total| self.told.at("mixes of layers", done, total);
                    mixes.push(prober.mixes(states.view(), &tell)?);
                }
            }
            drop(states);
            let Some(random) = &random else { continue };
            let states = random.states(&self.chosen, pass, self.told)?;
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
            probe.labels.push(LabelProbe {
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

    /// Everything that is asked of one layer and label.
    fn layer(
        &self,
        label: usize,
        layer: usize,
        vectors: ArrayView2<'_, f32>,
    ) -> Result<(LinearProbe, LayerProbe)> {
        let prober = &self.probers[label];
        let (linear, scores) = prober.linear(vectors)?;
        let control = match self.settings.control {
            true => Some(prober.control(vectors, &linear)?),
            false => None,
        };
        let mdl = match self.settings.mdl {
            true => Some(prober.mdl(vectors)?),
            false => None,
        };
        Ok((linear, LayerProbe { layer, scores, control, random_weights: None, mdl }))
    }

    fn classes(&self, label: usize) -> Vec<ClassCount> {
        let count = |(class, [train, _, test]): (&str, [usize; 3])| ClassCount {
            class: class.to_owned(),
            train,
            test,
        };
        self.rows.classes(label).into_iter().map(count).collect()
    }

    fn baselines(&self, label: usize, layers: &[LayerProbe]) -> Result<ProbeBaselines> {
        let by_form = self.probers[label].baselines()?;
        let by_lemma = match self.rows.has_lemmas {
            true => {
                let strength = Strength::Fixed(1.0);
                let task = self.rows.task(label, true);
                Some(Prober::new(task, strength, self.settings.seed)?.baselines()?.lookup)
            }
            false => None,
        };
        Ok(ProbeBaselines {
            majority: by_form.majority,
            form_lookup: Some(by_form.lookup).filter(|_| !self.rows.whole),
            lemma_lookup: by_lemma,
            layer_0: layers.iter().find(|l| l.layer == 0).map(|l| l.scores.scores),
        })
    }
}
