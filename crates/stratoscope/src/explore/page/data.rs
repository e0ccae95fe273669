//! An exploration as the report's schema has it, of all tokens or of some.

use crate::{Estimate, Exploration, LayerMaps, Manifest, Result};
use ndarray::{Array2, ArrayView2, Axis};
use serde::Serialize;
use serde_json::Value;
use stratoscope_geometry::{Metric, Neighbours, Reference, similarity_matrix};
use stratoscope_report as schema;

/// More cells than this, of all layers and measures, make a page too heavy.
const MOST_CELLS: usize = 400_000;

/// Rows that neighbours are looked for among: time grows with their square.
const MOST_ROWS: usize = 5_000;
/// Neighbours that are listed of each token, and where there are many tokens.
const LISTED: usize = 8;
const LISTED_OF_MANY: usize = 5;
/// Tokens that are called many.
const MANY: usize = 1_000;
/// Tokens that are listed as having moved at a step: all of a text that a chart holds, of more
/// those that moved most.
const MOVED_OF_MANY: usize = 10;

impl Exploration {
    /// The exploration as the schema has it, of some rows, ascending.
    pub(super) fn data_of(
        &self,
        manifest: &Manifest,
        rows: &[usize],
    ) -> Result<schema::Exploration> {
        let states = &self.states;
        let mut left_out: Vec<schema::LeftOut> = (self.left_out.iter())
            .map(|l| schema::LeftOut { name: l.name.to_owned(), reason: l.reason.clone() })
            .collect();
        let mut leave = |name: String, reason: String| {
            left_out.push(schema::LeftOut { name, reason });
        };
        let likeness = self.likeness(rows, &mut leave)?;
        let near = self.neighbours(rows, &mut leave)?;
        let side = states.layers.len();
        let mut layers = Vec::with_capacity(side);
        for (index, summary) in self.layers.iter().enumerate() {
            let cka = self.cka.as_ref().map(|(v, _)| v[index * side..(index + 1) * side].to_vec());
            let step = self.moves.as_ref().zip(index.checked_sub(1));
            let moved = step.and_then(|(moves, before)| {
                let all = &moves.steps.get(before)?.tokens;
                let few = all.len() <= super::charts::MOST_MOVING;
                let listed = if few { all.len() } else { MOVED_OF_MANY };
                let token = |m: &crate::Move| {
                    let token = rows.binary_search(&m.row).ok()?;
                    (m.change > 0.0).then_some(schema::Moved { token, change: m.change })
                };
                Some(all.iter().filter_map(token).take(listed).collect())
            });
            let heads = self.attention.as_ref().and_then(|a| a.at(summary.layer));
            layers.push(schema::Layer {
                layer: summary.layer,
                to_layer_0: summary.to_layer_0.map(estimate),
                to_sentence: summary.to_sentence.map(estimate),
                baseline: summary.baseline.map(estimate),
                norm: summary.norm,
                cka,
                trajectory: self.trajectory.as_ref().map(|m| map_layer(m, index, rows)),
                tsne: self.tsne.as_ref().map(|m| map_layer(m, index, rows)),
                plane: None,
                similarity: likeness.as_ref().map(|l| l[index].clone()),
                neighbours: near.as_ref().map(|near| near.listed(index, rows.len())),
                moved,
                heads: heads.map(|heads| heads.iter().map(head).collect()),
            });
        }
        Ok(schema::Exploration {
            tool: manifest.tool.clone(),
            model: manifest.model.clone(),
            revision: manifest.revision.clone(),
            family: manifest.family.clone(),
            n_layers: states.origin.n_layers,
            d_model: states.d_model(),
            unit: self.unit_name().to_owned(),
            settings: serde_json::to_value(&manifest.settings)?,
            options: Value::Null,
            texts: manifest.texts.clone(),
            tokens: rows
                .iter()
                .map(|&row| {
                    let row = &states.rows[row];
                    schema::Token {
                        text: row.label.clone(),
                        sentence: row.sequence,
                        token_id: row.token_id,
                        char_offsets: row.char_offsets,
                        word_id: row.word_id,
                        special: row.special,
                    }
                })
                .collect(),
            sampled: (rows.len() < states.rows.len())
                .then_some(schema::Sampled { of: states.rows.len(), seed: self.settings.seed }),
            trajectory: self.trajectory.as_ref().map(|m| about_map(m, rows)),
            tsne: self.tsne.as_ref().map(|m| about_map(m, rows)),
            plane: None,
            cka_tokens: self.cka.as_ref().map(|(_, n)| *n),
            neighbours: near.as_ref().and_then(|n| n.found.first()).map(Neighbours::k),
            moves: self.moves.as_ref().map(|m| schema::Moves {
                neighbours: m.neighbours,
                n: m.n,
                by_chance: m.by_chance,
            }),
            layers,
            profile: self.profile.as_ref().map(serde_json::to_value).transpose()?,
            left_out,
        })
    }

    /// Every token against every token, by as many measures as the page holds, in this order.
    fn likeness(
        &self,
        rows: &[usize],
        leave: &mut dyn FnMut(String, String),
    ) -> Result<Option<Vec<schema::Similarity>>> {
        let Some(known) = &self.similarity else { return Ok(None) };
        let layers = self.states.layers.len();
        let cells = layers * rows.len() * (rows.len() + 1) / 2;
        let held = MOST_CELLS / cells.max(1);
        let names = ["cosine", "centred cosine", "standardised cosine", "Euclidean distance"];
        for name in names.iter().skip(held) {
            let reason = format!("{} tokens at {layers} layers are too many cells", rows.len());
            leave(format!("similarity on the page, {name}"), reason);
        }
        if held == 0 {
            return Ok(None);
        }
        // The figure has two of them. Centred and standardised are by all rows in both.
        let side = self.states.rows.len();
        let ordinary = self.ordinary(&(0..side).collect::<Vec<_>>());
        let of_known = |values: &[f64]| triangle(rows, |a, b| values[a * side + b]);
        let of_layer = |index: usize| -> Result<schema::Similarity> {
            let x = self.states.layer(index);
            let reference = Reference::of(x.select(Axis(0), &ordinary).view())?;
            let of = |metric| -> Result<Vec<f64>> {
                let values = similarity_matrix(x, metric, Some(&reference))?;
                Ok(triangle(rows, |a, b| values[[a, b]]))
            };
            Ok(schema::Similarity {
                cosine: Some(of_known(&known.raw[index])),
                centred: (held > 1).then(|| of_known(&known.centred[index])),
                standardised: (held > 2).then(|| of(Metric::Standardised)).transpose()?,
                euclidean: (held > 3).then(|| of(Metric::Euclidean)).transpose()?,
            })
        };
        (0..layers).map(of_layer).collect::<Result<_>>().map(Some)
    }

    /// Of some rows those that are not special; all where there are no others.
    fn ordinary(&self, rows: &[usize]) -> Vec<usize> {
        let special = |row: &&usize| !self.states.rows[**row].special;
        let found: Vec<usize> = rows.iter().filter(special).copied().collect();
        if found.is_empty() { rows.to_vec() } else { found }
    }

    /// The nearest neighbours by cosine of every token that is not special, at every layer.
    fn neighbours(
        &self,
        rows: &[usize],
        leave: &mut dyn FnMut(String, String),
    ) -> Result<Option<Near>> {
        let ordinary = self.ordinary(rows);
        let n = ordinary.len();
        if !(3..=MOST_ROWS).contains(&n) {
            let reason = match n {
                0..3 => format!("{n} tokens are too few"),
                _ => format!("{n} tokens are too many; choose fewer texts"),
            };
            leave("neighbours".to_owned(), reason);
            return Ok(None);
        }
        let listed = if n > MANY { LISTED_OF_MANY } else { LISTED };
        // Of few tokens half are near enough: that nearly all others are neighbours says nothing.
        let k = listed.min((n - 1) / 2);
        // All of one sentence: intervals are not asked for, and so not computed.
        let sentences = vec![0; n];
        let of_layer = |index: usize| {
            let x = self.states.layer(index).select(Axis(0), &ordinary);
            Ok(Neighbours::of(unit_rows(x.view()).view(), &sentences, k, 0)?)
        };
        let found = (0..self.states.layers.len()).map(of_layer).collect::<Result<_>>()?;
        // Places among `rows`, which are ascending.
        let place = |row: &usize| rows.binary_search(row).unwrap_or_default();
        Ok(Some(Near { rows: ordinary.iter().map(place).collect(), found }))
    }
}

/// Neighbours of the tokens that are not special.
struct Near {
    /// Their places among the tokens of the report.
    rows: Vec<usize>,
    /// `[layers]`.
    found: Vec<Neighbours>,
}

impl Near {
    /// `[tokens]`: the neighbours of each at a layer, as places among the tokens.
    fn listed(&self, layer: usize, tokens: usize) -> Vec<Vec<usize>> {
        let mut all = vec![Vec::new(); tokens];
        for (own, &token) in self.rows.iter().enumerate() {
            all[token] = self.found[layer].nearest(own).map(|near| self.rows[near]).collect();
        }
        all
    }
}

/// Rows at length 1, so that the nearest by distance are the nearest by cosine.
fn unit_rows(x: ArrayView2<'_, f32>) -> Array2<f32> {
    let mut x = x.to_owned();
    for mut row in x.rows_mut() {
        let length = row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        if length > 0.0 {
            row.mapv_inplace(|v| (f64::from(v) / length) as f32);
        }
    }
    x
}

fn head(of: &crate::HeadSummary) -> schema::Head {
    schema::Head {
        entropy: of.entropy,
        relative_entropy: of.relative_entropy,
        distance: of.distance,
        to_special: of.to_special,
    }
}

/// The upper triangle with the diagonal, row by row; `value` is that of two rows.
fn triangle(rows: &[usize], value: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let pairs = rows.iter().enumerate().flat_map(|(i, &a)| rows[i..].iter().map(move |&b| (a, b)));
    pairs.map(|(a, b)| value(a, b)).collect()
}

fn estimate(of: Estimate) -> schema::Estimate {
    schema::Estimate { value: of.value, low: of.low, high: of.high, n: of.n }
}

/// The name that serde has for a value.
fn name(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn about_map(maps: &LayerMaps, rows: &[usize]) -> schema::MapAbout {
    let places = |of: &[usize]| of.iter().filter_map(|row| rows.binary_search(row).ok()).collect();
    schema::MapAbout {
        reducer: name(maps.reducer),
        alignment: name(maps.alignment),
        rows: places(&maps.rows),
        placed: places(&maps.placed),
        share_of_variance: maps.shares,
        third_share: maps.third.as_ref().map(|t| t.share),
        perplexity: maps.perplexity,
        neighbours: maps.k,
    }
}

fn map_layer(maps: &LayerMaps, index: usize, rows: &[usize]) -> schema::MapLayer {
    let kept: Vec<usize> = (maps.rows.iter().enumerate())
        .filter(|(_, row)| rows.binary_search(row).is_ok())
        .map(|(place, _)| place)
        .collect();
    schema::MapLayer {
        points: kept.iter().map(|&place| maps.points[index][place]).collect(),
        third: (maps.third.as_ref())
            .map(|t| kept.iter().map(|&place| t.values[index][place]).collect()),
        trustworthiness: maps.trustworthiness[index],
        continuity: maps.continuity[index],
    }
}
