//! Adds a direction to the states of a layer, and measures what the predictions become.

use super::ContrastError;
use super::data::ContrastLists;
use super::report::Report;
use crate::lens::Distribution;
use crate::{Explorer, Result};
use ndarray::{Array1, Array2};
use serde::Serialize;
use stratoscope_extractor::{HookSelection, Interventions, Text, run_with_hooks};
use stratoscope_geometry::{Estimate, grouped_mean};

/// The doses: 1 is the whole difference of the means.
const DOSES: [f64; 7] = [-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0];
/// The most texts that are steered.
const TEXTS: usize = 20;
/// Tokens that are listed.
const TOKENS: usize = 10;

/// What adding the direction of a layer does to the predictions of next tokens.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Steering {
    /// The layer whose states are changed, at every token.
    pub layer: usize,
    /// The number of texts, from the first of the second list on.
    pub texts: usize,
    /// The doses, ascending.
    pub doses: Vec<Dose>,
    /// The tokens whose mean probability after the texts rises most with dose 1.
    pub raised: Vec<TokenChange>,
    /// Those whose mean probability falls most.
    pub lowered: Vec<TokenChange>,
}

/// One dose.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Dose {
    /// The factor of the direction.
    pub dose: f64,
    /// KL(without ‖ with) of the next-token distribution in nats, over texts: each text counts by the mean
    /// of its tokens.
    pub kl: Estimate,
    /// −ln p of the next token of the texts in nats, over texts.
    pub nats_per_token: Option<Estimate>,
    /// The exponential of the mean of `nats_per_token`.
    pub perplexity: Option<f64>,
}

/// The change of the probability of a token.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TokenChange {
    /// The token.
    pub token: String,
    /// Its mean probability after the texts without the direction.
    pub before: f64,
    /// With dose 1.
    pub after: f64,
}

/// The predictions of a text: logits `[tokens, d_vocab]`, and its token ids.
struct Predicted {
    logits: Array2<f32>,
    ids: Vec<u32>,
}

impl Explorer {
    /// Fails for a model without next-token predictions.
    pub(super) fn check_steering(&self) -> Result<()> {
        let architecture = self.model().transformer.architecture();
        match architecture.head.is_some() && architecture.is_causal() {
            true => Ok(()),
            false => Err(ContrastError::NotCausal { model: self.model().info.id.clone() }.into()),
        }
    }

    /// Adds the direction of the best layer to the states of texts of the second list.
    pub(super) fn steering(
        &self,
        lists: &ContrastLists,
        report: &Report,
    ) -> Result<Option<Steering>> {
        let Some(layer) = report.best_layer else { return Ok(None) };
        let place = report.directions.layers.iter().position(|of| *of == layer);
        let Some(direction) = place.map(|place| &report.directions.vectors[place]) else {
            return Ok(None);
        };
        let texts: Vec<&Text> = lists.sides[1].texts.iter().take(TEXTS).collect();
        let total = texts.len() * DOSES.len();
        // `[doses][texts]`.
        let (mut kls, mut nats) = (vec![Vec::new(); DOSES.len()], vec![Vec::new(); DOSES.len()]);
        let d_vocab = self.model().transformer.architecture().d_vocab;
        let (mut before, mut after) = (vec![0.0; d_vocab], vec![0.0; d_vocab]);
        for (text_number, text) in texts.iter().enumerate() {
            let plain = self.predicted(text, layer, direction, 0.0)?;
            for (number, &dose) in DOSES.iter().enumerate() {
                self.progress().part("steering", text_number * DOSES.len() + number, total);
                let own = match dose == 0.0 {
                    true => None,
                    false => Some(self.predicted(text, layer, direction, dose)?),
                };
                let own = own.as_ref().unwrap_or(&plain);
                let (mut kl, mut surprisal) = (0.0, Vec::new());
                for (token, (with, without)) in
                    own.logits.outer_iter().zip(plain.logits.outer_iter()).enumerate()
                {
                    let with = with.to_vec();
                    let without = without.to_vec();
                    let with = Distribution::of(&with)?;
                    kl += Distribution::of(&without)?.kl(&with)?;
                    let next = own.ids.get(token + 1).and_then(|&id| with.log_probability(id));
                    surprisal.extend(next.map(|log| -log));
                }
                kls[number].push(kl / own.logits.nrows().max(1) as f64);
                if !surprisal.is_empty() {
                    nats[number].push(surprisal.iter().sum::<f64>() / surprisal.len() as f64);
                }
                let sums = match dose {
                    0.0 => &mut before,
                    1.0 => &mut after,
                    _ => continue,
                };
                let last = own.logits.outer_iter().next_back().map(|row| row.to_vec());
                if let Some(last) = last {
                    let last = Distribution::of(&last)?;
                    for (sum, id) in sums.iter_mut().zip(0..) {
                        *sum += last.log_probability(id).map_or(0.0, f64::exp) / texts.len() as f64;
                    }
                }
            }
        }
        let seed = report.data.seed;
        let mut doses = Vec::new();
        for (&dose, (kls, nats)) in DOSES.iter().zip(kls.iter().zip(&nats)) {
            let nats = mean(nats, seed)?;
            let perplexity = nats.map(|nats| nats.value.exp()).filter(|p| p.is_finite());
            let kl = mean(kls, seed)?;
            doses.extend(kl.map(|kl| Dose { dose, kl, nats_per_token: nats, perplexity }));
        }
        let mut order: Vec<usize> = (0..d_vocab).collect();
        order.sort_by(|&a, &b| (after[b] - before[b]).total_cmp(&(after[a] - before[a])));
        let change = |&id: &usize| TokenChange {
            token: self.token_text(id as u32),
            before: before[id],
            after: after[id],
        };
        Ok(Some(Steering {
            layer,
            texts: texts.len(),
            doses,
            raised: order.iter().take(TOKENS).map(change).collect(),
            lowered: order.iter().rev().take(TOKENS).map(change).collect(),
        }))
    }

    fn token_text(&self, id: u32) -> String {
        let text = self.model().tokenizer.as_ref().and_then(|tokenizer| tokenizer.text(id));
        text.unwrap_or_else(|| format!("#{id}"))
    }

    /// The predictions of a text with the direction times `dose` added to every state of a layer.
    fn predicted(
        &self,
        text: &Text,
        layer: usize,
        direction: &Array1<f32>,
        dose: f64,
    ) -> Result<Predicted> {
        let point = match layer {
            0 => "hook_embed".to_owned(),
            _ => format!("blocks.{}.hook_resid_post", layer - 1),
        };
        let added = direction.mapv(|v| (f64::from(v) * dose) as f32);
        let mut hooks = Interventions::new();
        if dose != 0.0 {
            hooks = hooks.at(&point, move |state| Some(&state + &added))?;
        }
        // Any text is a selection of names.
        let wanted: HookSelection = "logits".parse().unwrap_or_default();
        let mut states = run_with_hooks(self.model(), text.clone(), hooks, &wanted)?;
        let logits = states.hooks.pop().map(|captured| captured.values).unwrap_or_default();
        Ok(Predicted { logits, ids: states.rows.iter().filter_map(|row| row.token_id).collect() })
    }
}

/// The mean over texts, with its bootstrap interval.
fn mean(texts: &[f64], seed: u64) -> Result<Option<Estimate>> {
    let each: Vec<usize> = (0..texts.len()).collect();
    Ok(grouped_mean(texts, &each, seed)?)
}
