//! From a corpus to its measures. Each model reads all words once; then the measures of pairs of
//! sampled words are computed.

use super::layer_pairs::layer_pairs;
use super::layers::{Occurrences, Undefined, measures_of};
use super::report::{ChangeStep, Counts, Input, ModelGeometry, Report};
use super::sampling::{Drawn, Words, draw};
use super::{NEIGHBOURS, Options};
use crate::given::Subject;
use crate::progress::TextWarnings;
use crate::text::counted;
use crate::{Explorer, Part, Result};
use ndarray::{Array3, Axis, s};
use rayon::prelude::*;
use std::collections::{BTreeMap, HashSet};
use stratoscope_extractor::{Corpus, Inputs, Text};
use stratoscope_geometry::{LayerSums, Neighbours};

/// The approximate size of the states in memory at a time, in bytes, in addition to the samples.
const PART_BYTES: u64 = 48 << 20;

/// The number of words that are listed for each step between layers.
const LISTED: usize = 20;

/// The result of one model's pass over the corpus.
struct Pass {
    /// `[layers]`: the sums over all words.
    sums: Vec<LayerSums>,
    /// `[layers, sample, d_model]`: the states of sampled words.
    sample: Array3<f32>,
    /// `[layers, occurrences, d_model]`: the states of sampled occurrences.
    occurrences: Array3<f32>,
}

/// Measures the representation space of one or several models over a corpus: each layer by every
/// [`Measure`](super::Measure), pairs of layers by every [`PairMeasure`](super::PairMeasure), and
/// the words whose neighbours change most. Each text counts as a sentence. Words are those of the
/// corpus (CoNLL-U); without annotation, those of the tokenizer. Special tokens are omitted.
///
/// Each model tokenizes each text once. Texts stay in memory, but states do not: measures of single
/// words are summed while texts are read. Measures of pairs of words use a seeded sample of
/// [`sample`](Options::sample) words. These words are the same at every layer and in every model.
///
/// ```no_run
/// use stratoscope::Explorer;
/// use stratoscope::crates::extractor::{Corpus, ReadOptions};
/// use stratoscope::geometry::{Measure, Options};
///
/// let explorer = Explorer::open("models/all-MiniLM-L6-v2")?;
/// let corpus = Corpus::File { path: "corpus.txt".into(), options: ReadOptions::default() };
/// let report = explorer.geometry(&corpus, &Options::default())?;
/// for layer in &report.models[0].layers {
///     println!("layer {}: {:?}", layer.layer, layer.measures[&Measure::Anisotropy]);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A corpus that cannot be read or has no text; a text that is too long for a model; a forward pass
/// that fails. A measure that is not defined is not an error: it is `None`, and
/// [`ModelGeometry::omitted`] has the reason.
pub fn measure(explorers: &[Explorer], corpus: &Corpus, options: &Options) -> Result<Report> {
    let subjects: Vec<Subject<'_>> = explorers.iter().map(Subject::Model).collect();
    measured(&subjects, corpus, options)
}

/// [`measure`] of models, or of states that were computed before.
pub(crate) fn measured(
    subjects: &[Subject<'_>],
    corpus: &Corpus,
    options: &Options,
) -> Result<Report> {
    let Inputs { items, blank_lines, .. } = corpus.read_all(None, 0)?;
    let input = Input::of(corpus, &items, blank_lines)?;
    if let Some(first) = subjects.first() {
        first.progress().part("tokenizing", 0, 1);
    }
    let words: Vec<Words> = subjects
        .iter()
        .map(|subject| Words::new(*subject, items.clone(), options))
        .collect::<Result<_>>()?;
    drop(items);
    let drawn = draw(&words, options);
    let mut models = Vec::new();
    let mut samples = Vec::new();
    let mut undefined = Vec::new();
    for ((&subject, words), drawn) in subjects.iter().zip(&words).zip(&drawn) {
        let pass = pass(subject, words, drawn, options)?;
        let (model, own) = of_model(subject, words, drawn, &pass, options)?;
        models.push(model);
        undefined.push(own);
        samples.push(pass.sample);
    }
    if let Some(first) = subjects.first() {
        first.progress().part("pairs of layers", 0, 1);
    }
    let sentences = words.first().zip(drawn.first());
    let sentences = sentences.map_or_else(Vec::new, |(words, drawn)| words.texts_of(&drawn.sample));
    let across = layer_pairs(&samples, &sentences, options, &mut models, &mut undefined);
    for ((model, undefined), subject) in models.iter_mut().zip(undefined).zip(subjects) {
        model.omitted = undefined.omitted();
        model.number_layers(&subject.layers());
    }
    let report = Report { input, options: options.clone(), models, across };
    note(&report, matches!(corpus, Corpus::File { .. }), subjects);
    Ok(report)
}

/// Reports notes and warnings about the texts.
fn note(report: &Report, is_file: bool, subjects: &[Subject<'_>]) {
    let Some(first) = subjects.first() else { return };
    let progress = first.progress();
    let input = &report.input;
    if input.blank_lines > 0 && is_file {
        let lines = counted(input.blank_lines, "blank line", "blank lines");
        progress.note(&format!("{}: {lines} skipped", input.name));
    }
    if input.repeated_texts > 0 {
        let (n, of) = (input.repeated_texts, input.texts);
        progress.note(&format!(
            "{n} of {of} texts are equal to an earlier text: intervals over sentences are too \
             narrow; words are sampled from the other texts"
        ));
    }
    for (model, subject) in report.models.iter().zip(subjects) {
        let progress = subject.progress();
        progress.warn(&model.warnings);
        if model.counts.words_without_tokens > 0 {
            let words = counted(model.counts.words_without_tokens, "word is", "words are");
            progress.note(&format!("{words} omitted: the tokenizer has no token there"));
        }
    }
}

impl Input {
    fn of(corpus: &Corpus, texts: &[Text], blank_lines: usize) -> Result<Self> {
        let (name, bytes, sha256) = corpus.identity()?;
        let mut seen = HashSet::new();
        Ok(Self {
            name,
            bytes,
            sha256,
            texts: texts.len(),
            repeated_texts: texts.iter().filter(|text| !seen.insert(&text.text)).count(),
            blank_lines,
        })
    }
}

/// Reads the states of all words.
fn pass(subject: Subject<'_>, words: &Words, drawn: &Drawn, options: &Options) -> Result<Pass> {
    let layers = subject.layers();
    let d = subject.d_model();
    let mut pass = Pass {
        sums: layers.iter().map(|_| LayerSums::new(d, options.seed)).collect(),
        sample: Array3::zeros((layers.len(), drawn.sample.len(), d)),
        occurrences: Array3::zeros((layers.len(), drawn.occurrences.len(), d)),
    };
    let mut take = |first: usize, states: Array3<f32>| -> Result<()> {
        let rows = first..first + states.dim().1;
        let sentences: Vec<usize> = words.rows[rows].iter().map(|row| row.0).collect();
        let layer_0 = states.index_axis(Axis(0), 0);
        (pass.sums.par_iter_mut().enumerate()).try_for_each(|(layer, sums)| {
            sums.add(states.index_axis(Axis(0), layer), &sentences, Some(layer_0))
        })?;
        copy(&states, first, &drawn.sample, &mut pass.sample);
        copy(&states, first, &drawn.occurrences, &mut pass.occurrences);
        Ok(())
    };
    words.chosen.states_in_parts(subject.source(), &layers, PART_BYTES, &mut take, &mut |p| {
        subject.progress().tokens("states", p.done, p.total);
    })?;
    Ok(pass)
}

/// Copies the sampled rows of a part of the states.
fn copy(states: &Array3<f32>, first: usize, drawn: &[usize], to: &mut Array3<f32>) {
    let end = first + states.dim().1;
    let places = drawn.partition_point(|&row| row < first)..drawn.partition_point(|&row| row < end);
    for place in places {
        to.slice_mut(s![.., place, ..]).assign(&states.slice(s![.., drawn[place] - first, ..]));
    }
}

/// All measures of one model, except those of pairs of layers.
fn of_model(
    subject: Subject<'_>,
    words: &Words,
    drawn: &Drawn,
    pass: &Pass,
    options: &Options,
) -> Result<(ModelGeometry, Undefined)> {
    let sentences = words.texts_of(&drawn.sample);
    let n_layers = pass.sums.len();
    let mut undefined = Undefined::new(n_layers);
    let mut neighbours: Vec<Option<Neighbours>> = Vec::with_capacity(n_layers);
    for layer in 0..n_layers {
        if !options.figures.has_any(&["geometry", "neighbour_change", "neighbours_kept"]) {
            neighbours.push(None);
            continue;
        }
        subject.progress().part("neighbours", layer, n_layers);
        let x = pass.sample.index_axis(Axis(0), layer);
        let found = Neighbours::of(x, &sentences, NEIGHBOURS, options.seed);
        neighbours.push(undefined.known(Part::Neighbours, layer, found));
    }
    subject.progress().part("measures", 0, 1);
    let occurrences = Occurrences {
        forms: &drawn.forms,
        sentences: words.texts_of(&drawn.occurrences),
        states: &pass.occurrences,
    };
    let with_layers = options.figures.has("geometry");
    let measured = if with_layers { &pass.sums[..] } else { &[] };
    let layers = (measured.par_iter().enumerate())
        .map(|(layer, sums)| {
            let own = &neighbours[layer];
            let before = layer.checked_sub(1).and_then(|before| neighbours[before].as_ref());
            measures_of(layer, sums, &occurrences, own.as_ref(), before, options.seed)
        })
        .collect::<Vec<_>>();
    let layers = layers.into_iter().map(|(layer, of_layer)| {
        undefined.add(layer.layer, of_layer);
        layer
    });
    let layers = layers.collect();
    let neighbour_change = (0..n_layers.saturating_sub(1))
        .filter_map(|from| {
            let (a, b) = (neighbours[from].as_ref()?, neighbours[from + 1].as_ref()?);
            Some(step(from, a, b, words, drawn))
        })
        .collect::<Result<_>>()?;
    let count = |numbers: &[usize]| numbers.iter().collect::<HashSet<_>>().len();
    let counts = Counts {
        words: words.rows.len(),
        words_without_tokens: words.chosen.dropped(),
        sampled_words: drawn.sample.len(),
        sampled_texts: count(&sentences),
        occurrences: drawn.occurrences.len(),
        forms: count(&drawn.forms),
    };
    let model = subject.origin();
    let warnings = TextWarnings::from(&words.chosen).list();
    let model = ModelGeometry {
        model,
        counts,
        layers,
        layer_pairs: BTreeMap::new(),
        neighbour_change,
        omitted: Vec::new(),
        files: subject.record().files,
        warnings,
    };
    Ok((model, undefined))
}

/// The change of neighbours from a layer to the next.
fn step(
    from: usize,
    a: &Neighbours,
    b: &Neighbours,
    words: &Words,
    drawn: &Drawn,
) -> Result<ChangeStep> {
    let changes = a.changes(b)?;
    let k = a.k();
    let mut kept = vec![0; k + 1];
    for word in &changes {
        kept[((1.0 - word.change) * k as f64).round() as usize] += 1;
    }
    let words =
        changes.iter().take(LISTED).map(|c| words.shown(drawn.sample[c.row], c.change)).collect();
    Ok(ChangeStep { from, to: from + 1, kept, words })
}
