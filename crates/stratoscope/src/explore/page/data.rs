//! The data of the page of an exploration, for all tokens or a sample.

use super::labels::labels;
use crate::explore::{Exploration, LayerMaps, TokenChange};
use crate::profile::not_measured;
use crate::sinks::ordinary_rows;
use crate::{Analysis, Estimate, Omitted, Part, Result, Why, journey};
use ndarray::Axis;
use serde::Serialize;
use serde_json::Value;
use stratoscope_geometry::{Metric, Reference, similarity_matrix};
use stratoscope_report as schema;

/// The largest number of similarities on a page, over all layers and metrics.
const MAX_CELLS: usize = 400_000;

/// The same for images and sounds: two metrics of 197 tokens at 13 layers.
const MAX_CELLS_OF_MEDIA: usize = 600_000;

impl Exploration {
    /// The data of some rows; `rows` is ascending.
    pub(super) fn data_of(&self, rows: &[usize]) -> Result<schema::Exploration> {
        let states = &self.states;
        let provenance = self.provenance();
        let mut omitted = self.omitted.clone();
        let similarities = self.similarities(rows, &mut omitted)?;
        let labels = labels(states, rows, &mut omitted);
        let attention = self.attention_weights(rows, &mut omitted);
        let media = self.media(rows)?;
        let queries = self.queries().filter(|_| media.is_some());
        let side = states.layers.len();
        let mut layers = Vec::with_capacity(side);
        for (index, summary) in self.layers.iter().enumerate() {
            let cka = self.cka.as_ref().map(|(v, _)| v[index * side..(index + 1) * side].to_vec());
            let before = index.checked_sub(1);
            let steps = before.and_then(|before| self.steps.get(before));
            let neighbour_change = self.neighbour_change.as_ref().and_then(|change| {
                let all = &change.steps.get(before?)?.tokens;
                let token = |m: &TokenChange| {
                    let token = rows.binary_search(&m.row).ok()?;
                    (m.change > 0.0).then_some(schema::TokenChange { token, change: m.change })
                };
                Some(all.iter().filter_map(token).take(change.listed()).collect())
            });
            let experts = self.experts.as_ref().and_then(|experts| experts.at(summary.layer));
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
                similarity: similarities.as_ref().map(|of| of[index].clone()),
                neighbours: self.listed_neighbours(index, rows),
                steps: steps.map(|step| rows.iter().map(|&row| step[row]).collect()),
                neighbour_change,
                experts: experts.map(|all| rows.iter().map(|&row| all[row].clone()).collect()),
                heads: heads.map(<[_]>::to_vec),
                attention: attention.as_ref().and_then(|weights| weights.at(summary.layer)),
                query_similarity: queries
                    .as_ref()
                    .map(|queries| self.query_similarity(index, queries))
                    .transpose()?,
                from_first: media.as_ref().and_then(|_| self.from_first_at(summary.layer)),
            });
        }
        Ok(schema::Exploration {
            tool: provenance.tool,
            model: states.origin.model.clone(),
            revision: states.origin.revision.clone(),
            family: states.origin.family.clone(),
            n_layers: states.origin.n_layers,
            d_model: states.d_model(),
            unit: self.unit_name().to_owned(),
            settings: self.options.of_measures(),
            options: Value::Null,
            texts: self.texts(),
            media,
            queries,
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
                        unknown: row.unknown,
                    }
                })
                .collect(),
            labels,
            attention: attention.as_ref().map(|weights| weights.about),
            sampled: (rows.len() < states.rows.len())
                .then_some(schema::Sampled { of: states.rows.len(), seed: self.options.seed }),
            trajectory: self.trajectory.as_ref().map(|m| about_map(m, rows)),
            tsne: self.tsne.as_ref().map(|m| about_map(m, rows)),
            cka_tokens: self.cka.as_ref().map(|(_, n)| *n),
            neighbours: self.neighbours.as_ref().map(|near| near.k),
            neighbour_change: self.neighbour_change.as_ref().map(|m| schema::NeighbourChange {
                neighbours: m.neighbours,
                n: m.n,
                by_chance: m.by_chance,
            }),
            layers,
            profile: self.crossed.as_ref().map(serde_json::to_value).transpose()?,
            story: states.media.is_empty().then(|| self.story()).transpose()?,
            journeys: self
                .journeys
                .as_ref()
                .and_then(|all| journey::shown(all, rows, states.origin.causal)),
            omitted: omitted
                .iter()
                .map(|o| schema::Omitted { what: o.what.to_string(), why: o.why.to_string() })
                .collect(),
        })
    }

    /// The curves of the model, or how to get them.
    fn story(&self) -> Result<schema::Story> {
        if let Some(curves) = &self.curves {
            return Ok(curves.story());
        }
        let how = not_measured(&self.states.origin, self.states.d_model())?;
        Ok(schema::Story { not_measured: Some(how), ..schema::Story::default() })
    }

    /// `[layers]`: similarities between tokens. Metrics for which the page has no room are omitted.
    fn similarities(
        &self,
        rows: &[usize],
        omitted: &mut Vec<Omitted>,
    ) -> Result<Option<Vec<schema::Similarity>>> {
        let Some(known) = &self.similarity else { return Ok(None) };
        let layers = self.states.layers.len();
        let cells = layers * rows.len() * (rows.len() + 1) / 2;
        let most = match self.states.media.is_empty() {
            true => MAX_CELLS,
            false => MAX_CELLS_OF_MEDIA,
        };
        let held = most / cells.max(1);
        for metric in Metric::ALL.into_iter().skip(held) {
            let hint = "choose fewer texts or --layers";
            let why = Why::TooMany { what: "cells", found: cells, hint };
            omitted.push(Omitted::new(Part::PageSimilarity(metric), why));
        }
        if held == 0 {
            return Ok(None);
        }
        // The mean and the standard deviation are those of all rows, not of the sample.
        let side = self.states.rows.len();
        let ordinary = ordinary_rows(&self.states);
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

    /// `[rows]`: the neighbours of each row, as indices into `rows`.
    fn listed_neighbours(&self, layer: usize, rows: &[usize]) -> Option<Vec<Vec<usize>>> {
        let near = self.neighbours.as_ref()?;
        let place = |&place: &usize| rows.binary_search(&near.rows[place]).ok();
        let mut all = vec![Vec::new(); rows.len()];
        for (row, nearest) in near.rows.iter().zip(near.at(layer)) {
            if let Ok(token) = rows.binary_search(row) {
                all[token] = nearest.iter().filter_map(place).collect();
            }
        }
        Some(all)
    }

    /// The texts; the two texts of a pair are joined by a tab.
    pub(crate) fn texts(&self) -> Vec<String> {
        let texts = self.states.texts.iter().map(|text| match &text.pair {
            Some(pair) => format!("{}\t{pair}", text.text),
            None => text.text.clone(),
        });
        texts.collect()
    }
}

/// The values of all pairs of rows: the upper triangle with the diagonal, row by row.
fn triangle(rows: &[usize], value: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let pairs = rows.iter().enumerate().flat_map(|(i, &a)| rows[i..].iter().map(move |&b| (a, b)));
    pairs.map(|(a, b)| value(a, b)).collect()
}

fn estimate(of: Estimate) -> schema::Estimate {
    schema::Estimate { value: of.value, interval: of.interval, n: of.n }
}

/// The string that serde writes for a value.
fn name(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn about_map(maps: &LayerMaps, rows: &[usize]) -> schema::MapAbout {
    let places = |of: &[usize]| of.iter().filter_map(|row| rows.binary_search(row).ok()).collect();
    schema::MapAbout {
        reducer: name(maps.reducer),
        alignment: name(maps.alignment),
        unit_length: maps.unit_length,
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
