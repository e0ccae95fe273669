//! From pairs of texts to scores: vectors of all layers, poolings and metrics, their similarities, and
//! intervals.

use super::choice::choose;
use super::data::TextPairs;
use super::measure::{Column, DEPTHS, Units, Work, recall};
use super::report::{Data, LayerReport, Report, Scores, SetReport, Way, WayScore};
use super::{METRICS, Options, POOLINGS, PairsError};
use crate::analysis::TOOL;
use crate::given::Subject;
use crate::progress::TextWarnings;
use crate::{Explorer, Result};
use ndarray::{Array3, ArrayView2, Axis, s};
use rayon::prelude::*;
use std::collections::BTreeMap;
use stratoscope_extractor::{ChosenWords, Text};
use stratoscope_geometry::{Estimate, Reference};
use stratoscope_loader::{Pooler, Pooling};
use stratoscope_numerics::{Ranked, generator, resample};

impl Explorer {
    /// Compares the similarities of pairs of texts with scores that people gave, at every layer, with
    /// every pooling and metric; or finds the relevant texts of queries. Chooses a layer on one half of
    /// the pairs, and reports it on the other.
    ///
    /// ```no_run
    /// use stratoscope::Explorer;
    /// use stratoscope::pairs::{Options, TextPairs};
    ///
    /// let explorer = Explorer::open("models/all-MiniLM-L6-v2")?;
    /// let pairs = TextPairs::read("scored.tsv".as_ref())?;
    /// let report = explorer.pairs(&pairs, &Options::default())?;
    /// for layer in &report.layers {
    ///     println!("layer {}: {:?}", layer.layer, layer.scores.main());
    /// }
    /// # Ok::<(), stratoscope::Error>(())
    /// ```
    ///
    /// # Errors
    /// Fewer than three pairs; a text that is blank or too long; a forward pass that fails.
    pub fn pairs(&self, pairs: &TextPairs, options: &Options) -> Result<Report> {
        Subject::Model(self).pairs(pairs, options)
    }
}

/// The columns of one layer, in the order of poolings and metrics.
type Columns = Vec<(Way, Column)>;

impl Subject<'_> {
    /// [`Explorer::pairs`] of a model, or of states that were computed before.
    pub(crate) fn pairs(self, pairs: &TextPairs, options: &Options) -> Result<Report> {
        let units = Units::of(pairs);
        let n = units.len(pairs);
        if n < 3 {
            let what = if pairs.has_scores() { "pairs" } else { "queries" };
            return Err(PairsError::TooFew { found: n, what }.into());
        }
        let progress = self.progress();
        progress.part("tokens", 0, 1);
        let texts: Vec<Text> = pairs.texts().iter().map(|text| text.as_str().into()).collect();
        let poolings = poolings(options.pooling);
        let pooler = Pooler { poolings: poolings.clone(), steps: Vec::new() };
        let chosen = ChosenWords::whole_texts(self.source(), texts, pooler, options.long)?;
        TextWarnings::from(&chosen).report(progress);
        let layers = self.chosen_layers(&options.layers)?;
        let width = poolings.len() * self.d_model();
        let bytes = 4 * (chosen.n_rows() * width) as u64;
        let fit = usize::try_from(options.memory / bytes.max(1)).unwrap_or(usize::MAX).max(1);
        let mut columns: Columns = Vec::new();
        for pass in layers.chunks(fit) {
            let states = chosen.states(self.source(), pass, &mut |step| {
                progress.tokens("states", step.done, step.total);
            })?;
            progress.part("similarities", 0, 1);
            columns.extend(columns_of(&units, pairs, pass, &poolings, &states)?);
        }
        let tokens: Vec<f64> = chosen.text_tokens().map(|n| n as f64).collect();
        let side = |side: usize| -> Vec<f64> {
            pairs.pairs().iter().map(|pair| tokens[pair.texts[side]]).collect()
        };
        let lengths = [Ranked::new(&side(0)), Ranked::new(&side(1))];
        progress.part("intervals", 0, 1);
        let of_layer = columns.chunks(poolings.len() * METRICS.len());
        let reports = of_layer.collect::<Vec<_>>().into_par_iter().map(|columns| {
            let layer = columns.first().map_or(0, |(way, _)| way.layer);
            measured(&units, n, columns, &lengths, options, layer)
        });
        let layers: Vec<LayerReport> = reports.collect();
        let groups = pairs.groups();
        let groups: Vec<usize> = units.pair_of(pairs).iter().map(|&pair| groups[pair]).collect();
        let candidates = match &units {
            Units::Scored(_) => None,
            Units::Queries { candidates, .. } => Some(candidates.len()),
        };
        Ok(Report {
            tool: TOOL.to_owned(),
            model: self.origin(),
            files: self.record().files,
            data: Data {
                file: pairs.file().cloned(),
                name: pairs.name(),
                task: if candidates.is_some() { "retrieval" } else { "scores" },
                n,
                texts: pairs.texts().len(),
                candidates,
                pooling: options.pooling.name(),
                metric: options.metric.name(),
                seed: options.seed,
            },
            layers,
            choice: choose(&units, &columns, &groups, options.seed),
            sets: sets(&units, pairs, &columns, options),
        })
    }
}

/// The poolings: the usual ones, and that of the options.
fn poolings(own: Pooling) -> Vec<Pooling> {
    let mut all = POOLINGS.to_vec();
    if !all.contains(&own) {
        all.push(own);
    }
    all
}

/// The columns of some layers; `states` is `[layers, texts, poolings * d_model]`.
fn columns_of(
    units: &Units,
    pairs: &TextPairs,
    layers: &[usize],
    poolings: &[Pooling],
    states: &Array3<f32>,
) -> Result<Columns> {
    let d_model = states.dim().2 / poolings.len();
    let jobs: Vec<(usize, usize)> = (0..layers.len())
        .flat_map(|layer| (0..poolings.len()).map(move |pooling| (layer, pooling)))
        .collect();
    let columns = jobs.into_par_iter().map(|(layer, pooling)| -> Result<Columns> {
        let states = states.index_axis(Axis(0), layer);
        let own: ArrayView2<f32> = states.slice(s![.., pooling * d_model..(pooling + 1) * d_model]);
        let reference = Reference::of(own)?;
        let mut columns = Vec::new();
        for metric in METRICS {
            let way = Way { layer: layers[layer], pooling: poolings[pooling], metric };
            columns.push((way, units.column(pairs, reference.prepared(own, metric)?)));
        }
        Ok(columns)
    });
    Ok(columns.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// The scores of the columns of one layer, with intervals over the units.
fn measured(
    units: &Units,
    n: usize,
    columns: &[(Way, Column)],
    lengths: &[Ranked; 2],
    options: &Options,
    layer: usize,
) -> LayerReport {
    let is_main = |way: &Way| way.pooling == options.pooling && way.metric == options.metric;
    let main = columns.iter().find(|(way, _)| is_main(way)).map(|(_, column)| column);
    let work = &mut Work::default();
    // All scores of the layer in one resample: of the columns, then those of the main column alone.
    let mut scores = |counts: &[u32]| -> Vec<Option<f64>> {
        let mut all: Vec<Option<f64>> =
            columns.iter().map(|(_, column)| units.score(column, counts, work)).collect();
        match main {
            Some(Column::Ranks(ranks)) => {
                all.extend(DEPTHS.iter().map(|&depth| recall(ranks, depth, counts)));
            }
            Some(column) => all.push(units.given(column, lengths, counts, work)),
            None => {}
        }
        all
    };
    let values = scores(&vec![1; n]);
    let mut samples: Vec<Vec<f64>> = vec![Vec::new(); values.len()];
    resample(n, &mut generator(options.seed), |counts| {
        for (samples, score) in samples.iter_mut().zip(scores(counts)) {
            samples.extend(score);
        }
    });
    let mut estimates = values
        .into_iter()
        .zip(samples)
        .map(|(value, samples)| value.map(|value| Estimate::of_samples(value, n, samples)));
    let ways: Vec<WayScore> = columns
        .iter()
        .zip(estimates.by_ref())
        .map(|((way, _), score)| WayScore { pooling: way.pooling, metric: way.metric, score })
        .collect();
    let own = columns.iter().position(|(way, _)| is_main(way)).and_then(|at| ways[at].score);
    let mut more = || estimates.next().flatten();
    let scores = match units {
        Units::Scored(_) => Scores::Scored { spearman: own, spearman_given_lengths: more() },
        Units::Queries { .. } => Scores::Retrieval {
            reciprocal_rank: own,
            recall_at_1: more(),
            recall_at_5: more(),
            recall_at_10: more(),
        },
    };
    LayerReport { layer, scores, ways }
}

/// The scores of each set that the file names, in the order of the file.
fn sets(
    units: &Units,
    pairs: &TextPairs,
    columns: &[(Way, Column)],
    options: &Options,
) -> Vec<SetReport> {
    let mut order: Vec<&str> = Vec::new();
    let mut of: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, pair) in pairs.pairs().iter().enumerate() {
        if let Some(set) = pair.set.as_deref() {
            if !of.contains_key(set) {
                order.push(set);
            }
            of.entry(set).or_default().push(index);
        }
    }
    let main =
        |(way, _): &&(Way, Column)| way.pooling == options.pooling && way.metric == options.metric;
    let own: Vec<&Column> = columns.iter().filter(main).map(|(_, column)| column).collect();
    let report = |set: &str| {
        let members = &of[set];
        let estimate = |column: &&Column| {
            let work = &mut Work::default();
            let mut counts = vec![0u32; pairs.pairs().len()];
            members.iter().for_each(|&pair| counts[pair] = 1);
            let value = units.score(column, &counts, work)?;
            let mut samples = Vec::new();
            resample(members.len(), &mut generator(options.seed), |drawn| {
                members.iter().zip(drawn).for_each(|(&pair, &n)| counts[pair] = n);
                samples.extend(units.score(column, &counts, work));
            });
            Some(Estimate::of_samples(value, members.len(), samples))
        };
        let spearman = own.par_iter().map(estimate).collect();
        SetReport { set: set.to_owned(), n: members.len(), spearman }
    };
    order.into_iter().map(report).collect()
}
