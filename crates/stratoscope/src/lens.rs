//! `lens`: the logit lens (nostalgebraist 2020). It applies the final norm and the head of the
//! model to the states of every layer, which gives the prediction of the model if it ended at this
//! layer.

mod charts;
mod distribution;
mod error;
mod fit;
mod readout;
mod summary;
#[cfg(test)]
mod tests;
mod translators;

pub use distribution::{Distribution, Perplexity};
pub use error::LensError;
pub use fit::{FitOptions, FittedLayer, FittedLens};
pub use translators::{Affine, TranslatorKind, Translators};

use crate::analysis::{Analysis, Figure, ModelFile, ModelRecord, Provenance, TOOL};
use crate::progress::TextWarnings;
use crate::text::written;
use crate::{Error, Explorer, Result};
use ndarray::Axis;
use readout::Readout;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stratoscope_extractor::{
    Group, HookSelection, LayerSelection, LongText, Origin, Text, extract, prepare, prepare_ids,
    read_groups,
};
use stratoscope_loader::{Tokenizer, families_with_heads};

/// The figures of the lens, by their ids; `fitted_lens` is that of [`Explorer::fit_lens`].
pub const FIGURES: [&str; 2] = ["lens", fit::FIGURE];

/// The options of the lens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// The number of most probable tokens for each layer and position; at least 1.
    pub top: usize,
    /// The true tokens: one for each mask in the text, in order. For a causal model, it is the
    /// token after the text.
    pub targets: Vec<String>,
    /// Whether the perplexity of the text is computed. A masked model reads one sequence per token
    /// for this.
    pub perplexity: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { top: 5, targets: Vec::new(), perplexity: false }
    }
}

/// The predictions of every layer at every token of a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The program that computed it.
    pub tool: String,
    /// The model.
    pub model: Origin,
    /// The files from which the model was loaded.
    #[serde(skip)]
    pub files: Vec<ModelFile>,
    /// The text.
    pub text: String,
    /// The options.
    pub settings: Options,
    /// The kind of prediction.
    pub reading: Reading,
    /// The size of the vocabulary of the head.
    pub d_vocab: usize,
    /// `[tokens]`: the tokens that the model read.
    pub positions: Vec<Position>,
    /// `[n_layers + 1]`: the predictions of each layer; the last is the prediction of the model.
    pub layers: Vec<Layer>,
    /// The perplexity of the text; only if the options ask for it.
    pub perplexity: Option<Perplexity>,
    /// The maps through which layers were read; none for the plain lens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<Through>,
}

/// The maps through which the layers were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Through {
    /// What the maps are.
    pub kind: TranslatorKind,
    /// The layers that have a map.
    pub layers: Vec<usize>,
    /// The sha256 of the file; none for maps from memory.
    pub sha256: Option<String>,
    /// What they are, as a sentence.
    pub described: String,
}

impl Through {
    fn of(translators: &Translators) -> Self {
        Self {
            kind: translators.kind,
            layers: translators.of_layer.keys().copied().collect(),
            sha256: translators.file.as_ref().map(|file| file.sha256.clone()),
            described: translators.in_words(),
        }
    }
}

/// The kind of prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// For a causal model: the next token.
    NextToken,
    /// For a masked model and a text with masks: the token at each mask.
    Masks,
    /// For a masked model and a text without masks: the token itself. The model sees it, so that a
    /// correct prediction is a copy.
    OwnToken,
}

/// A token of the vocabulary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its id.
    pub id: u32,
    /// Its text.
    pub text: String,
}

/// A token that the model read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The token.
    #[serde(flatten)]
    pub token: Token,
    /// Whether the tokenizer added it (`[CLS]`, `<s>`).
    pub special: bool,
    /// Whether it is a mask token.
    pub masked: bool,
    /// The true token of the prediction, if it is known.
    pub truth: Option<Token>,
}

/// The predictions of one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// The layer; 0 is the embedding output.
    pub layer: usize,
    /// `[tokens]`: the prediction at each position.
    pub cells: Vec<Cell>,
}

/// The prediction of one layer at one position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The most probable tokens, most probable first; of equally probable tokens, the smaller id
    /// first.
    pub top: Vec<TopToken>,
    /// The entropy of the prediction, in nats: 0 to ln d_vocab.
    pub entropy_nats: f64,
    /// KL(last layer ‖ this layer) in nats (Belrose et al. 2023). It is 0 at the last layer.
    pub kl_nats: f64,
    /// The rank and the probability of the true token, if it is known.
    pub truth: Option<Truth>,
}

/// A token with its probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TopToken {
    /// Its id.
    pub id: u32,
    /// Its text.
    pub text: String,
    /// Its probability.
    pub probability: f64,
}

/// The rank and the probability of the true token.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// 1 plus the number of tokens that are strictly more probable.
    pub rank: usize,
    /// Its probability.
    pub probability: f64,
    /// Its surprisal, −ln p.
    pub nats: f64,
}

impl Explorer {
    /// Applies the final norm and the head of the model to the states of every layer, at every
    /// token of a text.
    ///
    /// # Errors
    /// [`LensError`] for a checkpoint without a head or tokenizer, a text that is too long, and
    /// targets that are not tokens or have no mask; a blank text; a forward pass that fails.
    pub fn lens(&self, text: &str, options: &Options) -> Result<Report> {
        self.lens_through(text, options, None)
    }

    /// [`lens`](Self::lens) with a map of the states of each layer before the final norm: a lens that is fair
    /// to early layers.
    ///
    /// # Errors
    /// The errors of [`lens`](Self::lens).
    pub fn lens_through(
        &self,
        text: &str,
        options: &Options,
        translators: Option<&Translators>,
    ) -> Result<Report> {
        let model = self.model();
        let readout: &dyn Readout = &model.transformer;
        let id = || model.info.id.clone();
        if !readout.has_head() {
            let families = families_with_heads().join(", ");
            return Err(LensError::NoHead { model: id(), families }.into());
        }
        let Some(tokenizer) = &model.tokenizer else {
            model.info.check_tokenizer()?;
            return Err(LensError::NoTokenizer { model: id() }.into());
        };
        let prepared = prepare(model, vec![Text::from(text)], LongText::Refuse).map_err(refused)?;
        TextWarnings::from(&prepared).report(self.progress());
        let read = prepared.rows.iter().filter_map(|row| Some((row.token_id?, row.special)));
        let read: Vec<(u32, bool)> = read.collect();
        let causal = readout.is_causal();
        let (reading, mut positions) = positions(tokenizer, causal, &read);
        let targets: Vec<Token> =
            options.targets.iter().map(|t| target(tokenizer, t)).collect::<Result<_, _>>()?;
        place(reading, &mut positions, targets, &mask_name(tokenizer))?;
        if options.perplexity {
            check_perplexity(tokenizer, reading, &positions, id)?;
        }
        let none = HookSelection::default();
        let states = extract(model, prepared, &LayerSelection::All, &none, &mut |_| {})?;
        let name = |id: u32| named(tokenizer, id).text;
        let views = states.hidden_states.view();
        let (d_vocab, layers) = readout::layers(
            readout,
            views,
            &positions,
            options.top,
            &name,
            translators,
            self.progress(),
        )?;
        let perplexity = match (options.perplexity, causal) {
            (false, _) => None,
            (true, true) => perplexity(&layers),
            (true, false) => self.pseudo_perplexity(tokenizer, &read)?,
        };
        Ok(Report {
            tool: TOOL.to_owned(),
            model: self.origin(),
            files: self.record().files,
            text: text.to_owned(),
            settings: options.clone(),
            reading,
            d_vocab,
            positions,
            layers,
            perplexity,
            through: translators.map(Through::of),
        })
    }

    /// Masks each token that is not special in turn, and predicts it from all other tokens.
    fn pseudo_perplexity(
        &self,
        tokenizer: &Tokenizer,
        read: &[(u32, bool)],
    ) -> Result<Option<Perplexity>> {
        let Some(mask) = tokenizer.mask_id() else { return Ok(None) };
        let ids: Vec<u32> = read.iter().map(|(id, _)| *id).collect();
        let hidden: Vec<usize> = (0..read.len()).filter(|&i| !read[i].1).collect();
        let without = |&i: &usize| {
            let mut ids = ids.clone();
            ids[i] = mask;
            (i + 1, ids)
        };
        let prepared = prepare_ids(self.model(), hidden.iter().map(without).collect())?;
        let mut nats = Vec::with_capacity(hidden.len());
        let mut take = |Group { first_text, states }: Group| -> Result<()> {
            let masked = &hidden[first_text..first_text + states.texts.len()];
            let rows: Vec<usize> =
                masked.iter().enumerate().map(|(n, i)| n * ids.len() + i).collect();
            let at = states.layer(0).select(Axis(0), &rows);
            let logits = readout::logits(&self.model().transformer, at.view(), true)?;
            for (row, &i) in logits.values.chunks(logits.d_vocab).zip(masked) {
                let (id, d_vocab) = (ids[i], logits.d_vocab);
                let log = Distribution::of(row)?.log_probability(id);
                nats.push(-log.ok_or(LensError::TokenId { id, d_vocab })?);
            }
            Ok(())
        };
        read_groups(
            self.model(),
            prepared,
            &LayerSelection::Some("-1".to_owned()),
            &HookSelection::default(),
            &mut take,
            &mut |p| self.progress().part("perplexity", p.done, p.total),
        )?;
        Ok(Perplexity::of(&nats, true))
    }
}

impl Analysis for Report {
    fn kind(&self) -> &'static str {
        "lens"
    }

    fn provenance(&self) -> Provenance {
        let record = ModelRecord { origin: self.model.clone(), files: self.files.clone() };
        let input = match &self.through {
            None => json!({ "texts": [self.text] }),
            Some(through) => json!({ "texts": [self.text], "through": through }),
        };
        Provenance::new(vec![record], &self.settings, input, self.text.as_str())
    }

    fn figures(&self) -> Result<Vec<Figure>> {
        Ok(vec![self.chart().into()])
    }

    fn numbers(&self) -> Result<Value> {
        Ok(serde_json::to_value(self)?)
    }

    fn summary(&self) -> String {
        written(|text| summary::write(text, self))
    }

    fn title(&self) -> String {
        self.page_title()
    }
}

/// The error for a long text, without the advice to cut the text, which `lens` does not do.
fn refused(error: stratoscope_extractor::Error) -> Error {
    match error {
        stratoscope_extractor::Error::TooLong { tokens, limit, .. } => {
            LensError::TooLong { tokens, limit }.into()
        }
        other => other.into(),
    }
}

fn named(tokenizer: &Tokenizer, id: u32) -> Token {
    Token { id, text: tokenizer.text(id).unwrap_or_else(|| format!("#{id}")) }
}

fn mask_name(tokenizer: &Tokenizer) -> String {
    let mask = tokenizer.mask_id().and_then(|id| tokenizer.token(id));
    mask.unwrap_or_else(|| "a mask".to_owned())
}

/// The kind of prediction, and the tokens of a text with the true tokens that the text gives.
fn positions(
    tokenizer: &Tokenizer,
    causal: bool,
    read: &[(u32, bool)],
) -> (Reading, Vec<Position>) {
    let mask = tokenizer.mask_id().filter(|_| !causal);
    let masked = |id: u32| mask == Some(id);
    let reading = match (causal, read.iter().any(|(id, _)| masked(*id))) {
        (true, _) => Reading::NextToken,
        (false, true) => Reading::Masks,
        (false, false) => Reading::OwnToken,
    };
    let position = |(index, &(id, special)): (usize, &(u32, bool))| {
        let truth = match reading {
            Reading::NextToken => read.get(index + 1).map(|(id, _)| *id),
            Reading::Masks => None,
            Reading::OwnToken => Some(id).filter(|_| !special),
        };
        Position {
            token: named(tokenizer, id),
            special,
            masked: masked(id),
            truth: truth.map(|id| named(tokenizer, id)),
        }
    };
    (reading, read.iter().enumerate().map(position).collect())
}

/// Sets the targets as the true tokens of their positions.
fn place(
    reading: Reading,
    positions: &mut [Position],
    mut targets: Vec<Token>,
    mask: &str,
) -> Result<(), LensError> {
    let mask = || mask.to_owned();
    match (reading, targets.len()) {
        (_, 0) => Ok(()),
        (Reading::OwnToken, _) => Err(LensError::NoMask { mask: mask() }),
        (Reading::NextToken, 1) => {
            if let Some(last) = positions.last_mut() {
                last.truth = targets.pop();
            }
            Ok(())
        }
        (Reading::NextToken, targets) => Err(LensError::CausalTargets { targets }),
        (Reading::Masks, n) => {
            let masks = positions.iter().filter(|p| p.masked).count();
            if n != masks {
                return Err(LensError::TargetCount { targets: n, masks, mask: mask() });
            }
            for (position, target) in positions.iter_mut().filter(|p| p.masked).zip(targets) {
                position.truth = Some(target);
            }
            Ok(())
        }
    }
}

/// The token of a target: the token that the tokenizer gives for it in a text, or the token with
/// this spelling in the vocabulary (`##s`).
fn target(tokenizer: &Tokenizer, target: &str) -> Result<Token> {
    let encoded = tokenizer.encode(target, None)?;
    let tokens = encoded.ids.iter().zip(&encoded.special).filter(|(_, special)| !**special);
    let ids: Vec<u32> = tokens.map(|(id, _)| *id).collect();
    let unknown = tokenizer.unknown_id();
    if let [id] = ids[..]
        && Some(id) != unknown
    {
        return Ok(named(tokenizer, id));
    }
    if let Some(id) = tokenizer.id(target) {
        return Ok(named(tokenizer, id));
    }
    let target = target.to_owned();
    if ids.len() < 2 || ids.iter().any(|id| Some(*id) == unknown) {
        return Err(LensError::UnknownTarget { target }.into());
    }
    let pieces = ids.iter().take(12).map(|id| format!("{:?}", named(tokenizer, *id).text));
    Err(LensError::LongTarget { target, pieces: pieces.collect() }.into())
}

/// Fails early if the perplexity is not defined.
fn check_perplexity(
    tokenizer: &Tokenizer,
    reading: Reading,
    positions: &[Position],
    model: impl Fn() -> String,
) -> Result<(), LensError> {
    match reading {
        Reading::NextToken if positions.len() < 2 => Err(LensError::NothingScored),
        Reading::Masks => Err(LensError::MaskedPerplexity { mask: mask_name(tokenizer) }),
        Reading::OwnToken if tokenizer.mask_id().is_none() => {
            Err(LensError::NoMaskToken { model: model() })
        }
        _ => Ok(()),
    }
}

/// The perplexity of a causal model over all tokens except the first. A target is not included,
/// because it is not in the text.
fn perplexity(layers: &[Layer]) -> Option<Perplexity> {
    let cells = &layers.last()?.cells;
    let scored = cells.iter().take(cells.len().saturating_sub(1));
    let nats: Vec<f64> = scored.filter_map(|cell| Some(cell.truth?.nats)).collect();
    Perplexity::of(&nats, false)
}
