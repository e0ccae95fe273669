//! From two lists to directions.

use super::Options;
use super::data::ContrastLists;
use super::direction::Directions;
use super::report::{Along, Data, LayerReport, Report};
use crate::analysis::TOOL;
use crate::given::Subject;
use crate::progress::TextWarnings;
use crate::{Explorer, Result};
use ndarray::{Array1, Axis};
use rayon::prelude::*;
use std::collections::BTreeMap;
use stratoscope_extractor::{ChosenWords, Text};
use stratoscope_geometry::{Separation, Sides, auc, separation};
use stratoscope_numerics::largest;

/// The items that are listed at each end of the direction.
const FARTHEST: usize = 5;

impl Explorer {
    /// Computes the direction from the second list to the first at every layer, with its controls.
    ///
    /// ```no_run
    /// use stratoscope::Explorer;
    /// use stratoscope::contrast::{ContrastLists, Options};
    ///
    /// let explorer = Explorer::open("models/all-MiniLM-L6-v2")?;
    /// let lists = ContrastLists::read("happy.txt".as_ref(), "sad.txt".as_ref())?;
    /// let report = explorer.contrast(&lists, &Options::default())?;
    /// report.directions.save("happy.npz".as_ref())?;
    /// # Ok::<(), stratoscope::Error>(())
    /// ```
    ///
    /// # Errors
    /// A text that is blank or too long; a model without next-token predictions, if the direction is to be
    /// added; a forward pass that fails.
    pub fn contrast(&self, lists: &ContrastLists, options: &Options) -> Result<Report> {
        if options.steer {
            self.check_steering()?;
        }
        let mut report = Subject::Model(self).contrast(lists, options)?;
        if options.steer {
            report.steering = self.steering(lists, &report)?;
        }
        Ok(report)
    }
}

impl Subject<'_> {
    /// [`Explorer::contrast`] of a model, or of states that were computed before.
    pub(crate) fn contrast(self, lists: &ContrastLists, options: &Options) -> Result<Report> {
        let progress = self.progress();
        progress.part("tokens", 0, 1);
        let (texts, long) = (lists.texts(), options.long);
        let chosen = match lists.words {
            false => ChosenWords::whole_texts(self.source(), texts.clone(), options.pooling, long)?,
            true => {
                let first = vec![vec![0]; texts.len()];
                ChosenWords::words(self.source(), texts.clone(), first, options.pooling, long)?
            }
        };
        TextWarnings::from(&chosen).report(progress);
        let layers = self.chosen_layers(&options.layers)?;
        let rows: Vec<usize> = chosen.rows().map(|(text, _)| text).collect();
        let tokens: Vec<usize> = chosen.text_tokens().collect();
        let first = lists.sides[0].texts.len();
        let groups = groups(&texts, first);
        let sides = Sides {
            positive: rows.iter().map(|&text| text < first).collect(),
            groups: rows.iter().map(|&text| groups[text]).collect(),
            lengths: rows.iter().map(|&text| tokens[text]).collect(),
            seed: options.seed,
        };
        let bytes = 4 * (rows.len() * self.d_model()) as u64;
        let fit = usize::try_from(options.memory / bytes.max(1)).unwrap_or(usize::MAX).max(1);
        let mut found: Vec<(Separation, f64)> = Vec::new();
        for pass in layers.chunks(fit) {
            let states = chosen.states(self.source(), pass, &mut |step| {
                progress.tokens("states", step.done, step.total);
            })?;
            progress.part("directions", 0, 1);
            let of = (0..pass.len()).into_par_iter().map(|layer| -> Result<_> {
                let x = states.index_axis(Axis(0), layer);
                let lengths =
                    x.outer_iter().map(|row| row.mapv(|v| f64::from(v).powi(2)).sum().sqrt());
                let mean = lengths.sum::<f64>() / x.nrows().max(1) as f64;
                Ok((separation(x, &sides)?, mean))
            });
            found.extend(of.collect::<Result<Vec<_>>>()?);
        }
        let length = |direction: &Array1<f64>| direction.dot(direction).sqrt();
        let reports: Vec<LayerReport> = layers
            .iter()
            .zip(&found)
            .map(|(&layer, (of, norm))| LayerReport {
                layer,
                auc: of.auc,
                auc_same_length: of.auc_same_length,
                random: of.random,
                share_of_norm: length(&of.direction) / norm.max(f64::MIN_POSITIVE),
            })
            .collect();
        let best = largest(reports.iter().map(|of| of.auc.map_or(-1.0, |auc| auc.value)));
        let along = best.map(|best| farthest(&found[best].0, &sides, &rows, &texts));
        let lengths: Vec<f64> = sides.lengths.iter().map(|&n| n as f64).collect();
        let auc_of_length = auc(&lengths, &sides.positive, options.seed).ok();
        let count = |list: usize| {
            sides.positive.iter().filter(|&&positive| usize::from(!positive) == list).count()
        };
        let names = [0, 1].map(|side| lists.sides[side].name.clone());
        let directions: Vec<&Array1<f64>> = found.iter().map(|(of, _)| &of.direction).collect();
        let cosine = |(a, b): (usize, usize)| {
            let lengths = length(directions[a]) * length(directions[b]);
            if lengths > 0.0 { directions[a].dot(directions[b]) / lengths } else { 0.0 }
        };
        let all = 0..directions.len();
        let pairs = all.clone().flat_map(|a| all.clone().map(move |b| (a, b)));
        Ok(Report {
            tool: TOOL.to_owned(),
            model: self.origin(),
            files: self.record().files,
            data: Data {
                n: [count(0), count(1)],
                lists: [0, 1].map(|side| lists.sides[side].file.clone()),
                unit: if lists.words { "word" } else { "text" },
                without_tokens: chosen.dropped(),
                pooling: options.pooling.name(),
                seed: options.seed,
                auc_of_length,
                names: names.clone(),
            },
            best_layer: best.map(|best| layers[best]),
            along: along.unwrap_or_default(),
            cosines: pairs.map(cosine).collect(),
            steering: None,
            layers: reports,
            directions: Directions {
                tool: TOOL.to_owned(),
                model: self.origin(),
                names,
                pooling: options.pooling,
                layers,
                vectors: found.iter().map(|(of, _)| of.direction.mapv(|v| v as f32)).collect(),
                means: found.iter().map(|(of, _)| of.mean.mapv(|v| v as f32)).collect(),
            },
        })
    }
}

/// `[texts]`: the group of each text. Equal texts are one group; in lists of one length also the texts of
/// one line, which may be matched: with only its partner among the others, a text would be held out with
/// a direction that its partner turns away from it.
fn groups(texts: &[Text], first: usize) -> Vec<usize> {
    let matched = texts.len() == 2 * first;
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    let mut groups = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let own = match index.checked_sub(first).filter(|_| matched) {
            Some(partner) => groups[partner],
            None => index,
        };
        groups.push(*known.entry(text.text.as_str()).or_insert(own));
    }
    groups
}

/// The items at both ends of a direction, the farthest of the first list's end first.
fn farthest(of: &Separation, sides: &Sides, rows: &[usize], texts: &[Text]) -> Vec<Along> {
    let length = of.direction.dot(&of.direction).sqrt();
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|&a, &b| of.held_out[b].total_cmp(&of.held_out[a]));
    let ends = order.len().saturating_sub(FARTHEST).max(FARTHEST.min(order.len()));
    let item = |&row: &usize| {
        let text = &texts[rows[row]];
        let word = text
            .words
            .first()
            .map(|word| text.text.chars().skip(word.start).take(word.len()).collect::<String>());
        Along {
            place: if length > 0.0 { of.held_out[row] / length } else { 0.0 },
            list: usize::from(!sides.positive[row]),
            text: text.text.clone(),
            word,
        }
    };
    order[..FARTHEST.min(order.len())].iter().chain(&order[ends..]).map(item).collect()
}
