//! The report as data: the output of `--json`, and the content of the page. SCHEMA.md describes it.

mod media;
mod overlay;
mod story;

pub use media::{Media, MediaKind, QuerySimilarity};
pub use overlay::{Contexts, Overlay, OverlayDisplaced, OverlayStep};
pub use story::{
    BankAbout, ByClass, Journey, JourneyLayer, Journeys, Majority, Neighbour, Occurrence, Sense,
    Story, StoryLayer,
};

use crate::{Error, Result, check};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stratoscope_chart::Chart;

/// The name of the schema: a report is recognised by it.
pub const SCHEMA: &str = "stratoscope-report";
/// The version of the schema. It rises when a reader of the previous version would misread a report;
/// new fields do not raise it.
pub const VERSION: u32 = 2;

/// Everything that a page shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// [`VERSION`].
    pub version: u32,
    /// The command that made it: `explore`, `compare`, `profile`, `lens`, `geometry`, `probe`.
    pub kind: String,
    /// The program and its version.
    pub tool: String,
    /// The title of the page.
    pub title: String,
    /// What determines the numbers, as in `manifest.json`.
    pub manifest: Value,
    /// What a comparison or a profile found, in sentences, the finding first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verdict: Vec<String>,
    /// The words of two sentences, one sentence above the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay: Option<Overlay>,
    /// One word in two contexts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contexts: Option<Contexts>,
    /// The explored texts or models, one or two.
    #[serde(default)]
    pub explorations: Vec<Exploration>,
    /// Pairs of tokens, one of each of two explorations, that correspond to the same word.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aligned: Vec<[usize; 2]>,
    /// Whether the maps of two explorations share one basis, so that positions can be compared.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub one_basis: bool,
    /// The charts; every id is unique.
    #[serde(default)]
    pub charts: Vec<Chart>,
}

/// One text (or several) in one model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Exploration {
    /// The program and its version.
    pub tool: String,
    /// The model's id or path.
    pub model: String,
    /// Its commit on the hub.
    pub revision: Option<String>,
    /// Its family.
    pub family: String,
    /// The number of its blocks.
    pub n_layers: usize,
    /// The width of its states.
    pub d_model: usize,
    /// What a row of `tokens` is: `token`, `word`, `sentence`, `patch` or `frame`.
    pub unit: String,
    /// How states were measured and reduced.
    pub settings: Value,
    /// Other options of the command, by name.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub options: Value,
    /// The texts; of images and sounds, the names of the files.
    pub texts: Vec<String>,
    /// The images or the sounds; none for texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<Vec<Media>>,
    /// `[tokens]`.
    pub tokens: Vec<Token>,
    /// The tokens that `query_similarity` of the layers is about, as indices of `tokens`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queries: Option<Vec<usize>>,
    /// How the tokens were sampled, where some are missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampled: Option<Sampled>,
    /// The labels of the tokens, from an annotated file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
    /// The map of the trajectory.
    pub trajectory: Option<MapAbout>,
    /// The t-SNE map.
    pub tsne: Option<MapAbout>,
    /// The number of tokens that CKA is computed from.
    pub cka_tokens: Option<usize>,
    /// The number of neighbours listed for each token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbours: Option<usize>,
    /// How `neighbour_change` of the layers is counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbour_change: Option<NeighbourChange>,
    /// Which attention weights the layers have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention: Option<AttentionAbout>,
    /// The measures of each layer.
    pub layers: Vec<Layer>,
    /// The model's own profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Value>,
    /// What changes with depth in the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub story: Option<Story>,
    /// The nearest words in context of the words of the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journeys: Option<Journeys>,
    /// What is not shown, and why.
    pub omitted: Vec<Omitted>,
}

/// A token, or the word or text that rows were pooled to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The letters that it covers (with `##` where it continues a word), or its name.
    pub text: String,
    /// The index of its text, counted from 0.
    pub sentence: usize,
    /// Its id in the vocabulary.
    pub token_id: Option<u32>,
    /// Its start and end in its text, in characters.
    pub char_offsets: [usize; 2],
    /// Its word, counted from 0 within the text.
    pub word_id: Option<u32>,
    /// Whether the tokenizer added it.
    pub special: bool,
    /// Whether it is the unknown token, which stands for letters that the vocabulary does not have.
    #[serde(default)]
    pub unknown: bool,
}

/// A kind of label, and the label of each token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Its name: `upos`, `deprel`, `xpos`, `feats.KEY` or `misc.KEY`.
    pub name: String,
    /// Its values, the most frequent first. A token that is part of several words has their values with
    /// `+` between them.
    pub values: Vec<String>,
    /// `[tokens]`: the value of each token, as an index of `values`; null for a token without a label.
    pub of_tokens: Vec<Option<usize>>,
}

/// A sample of the tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sampled {
    /// The number of all tokens.
    pub of: usize,
    /// The seed of the sample.
    pub seed: u64,
}

/// How a map was made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MapAbout {
    /// `pca`, `tsne` or `random`.
    pub reducer: String,
    /// `joint`, `procrustes` or `none`.
    pub alignment: String,
    /// Whether each state was divided by its norm first, so that the map compares directions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unit_length: bool,
    /// The tokens on it, as indices of `tokens`.
    pub rows: Vec<usize>,
    /// The tokens that were placed on a basis fitted without them, as indices of `tokens`.
    #[serde(default)]
    pub placed: Vec<usize>,
    /// The share of the variance along each axis.
    pub share_of_variance: Option<[f64; 2]>,
    /// The share along the third component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub third_share: Option<f64>,
    /// t-SNE's perplexity.
    pub perplexity: Option<f64>,
    /// The number of neighbours that trustworthiness and continuity consider.
    pub neighbours: Option<usize>,
}

/// The measures of one layer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// The layer; 0 is the embedding output.
    pub layer: usize,
    /// Mean similarity of a token to itself at layer 0.
    pub to_layer_0: Option<Estimate>,
    /// Mean similarity of a token to the other tokens of its sentence.
    pub to_sentence: Option<Estimate>,
    /// Mean cosine of words of unrelated sentences.
    pub baseline: Option<Estimate>,
    /// Mean Euclidean norm of a token.
    pub norm: f64,
    /// `[layers]`: debiased linear CKA with every layer.
    pub cka: Option<Vec<f64>>,
    /// Its points on the trajectory's map.
    pub trajectory: Option<MapLayer>,
    /// Its points on the t-SNE map.
    pub tsne: Option<MapLayer>,
    /// Every token against every token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similarity: Option<Similarity>,
    /// Some tokens against every token, where `similarity` would be too large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_similarity: Option<QuerySimilarity>,
    /// `[tokens]`: the nearest other tokens by the metric of the settings in the full space, nearest
    /// first, as indices of `tokens`; empty for special tokens, which are not listed as neighbours either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbours: Option<Vec<Vec<usize>>>,
    /// `[tokens]`: 1 − cosine between the state of each token and its state at the layer before; none
    /// at the first layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<f64>>,
    /// The tokens whose neighbours changed since the layer before, largest change first; a sample of
    /// many tokens lists only some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbour_change: Option<Vec<TokenChange>>,
    /// `[tokens]`: the experts that each token uses in the block that computes the layer; none in a block
    /// without a mixture of experts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experts: Option<Vec<TokenExperts>>,
    /// `[heads]`: the attention heads of the block that computes the layer, on request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heads: Option<Vec<Head>>,
    /// `[heads]`: the attention weights of the block that computes the layer, in thousandths. Each text has
    /// `tokens × tokens` weights, a row for each token that attends; the texts follow each other. A row
    /// sums to 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention: Option<Vec<Vec<u32>>>,
    /// `[heads][tokens]`: the attention of the first token of each text, such as the class token of an
    /// image, to every token of its text, in hundred-thousandths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_first: Option<Vec<Vec<u32>>>,
}

/// Which attention weights the layers have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttentionAbout {
    /// The number of texts, from the first on.
    pub texts: usize,
    /// Whether the layers have the mean of their heads in place of the heads.
    pub mean: bool,
}

/// A mean with its 95 % interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean.
    pub value: f64,
    /// The low and the high end; none where there is nothing to resample.
    pub interval: Option<[f64; 2]>,
    /// The number of resampled units: sentences, or the tokens of a single one.
    pub n: usize,
}

/// One layer of a map.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MapLayer {
    /// `[rows]` of the map.
    pub points: Vec<[f64; 2]>,
    /// `[rows]`: the third component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub third: Option<Vec<f64>>,
    /// The share of neighbours on the map that are neighbours in the space of the layer, 0 to 1.
    pub trustworthiness: Option<f64>,
    /// The share of neighbours in the space that are neighbours on the map, 0 to 1.
    pub continuity: Option<f64>,
}

/// Token × token matrices of one layer, each as its upper triangle with the diagonal, row by row:
/// `[tokens (tokens + 1) / 2]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Similarity {
    /// Cosines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cosine: Option<Vec<f64>>,
    /// Cosines after the mean of the layer's tokens is subtracted, without special tokens and
    /// attention sinks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub centred: Option<Vec<f64>>,
    /// Cosines of z-scores over these tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standardised: Option<Vec<f64>>,
    /// Euclidean distances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub euclidean: Option<Vec<f64>>,
}

/// How changes of neighbourhoods are counted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NeighbourChange {
    /// The number of nearest neighbours, by the metric of the settings in the full space.
    pub neighbours: usize,
    /// The number of tokens among which neighbours are found.
    pub n: usize,
    /// The expected change between two unrelated neighbourhoods.
    pub by_chance: f64,
}

/// The experts that a token uses in a block with a mixture of experts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TokenExperts {
    /// The chosen experts, counted from 0, the largest router logit first.
    pub experts: Vec<usize>,
    /// Their weights.
    pub weights: Vec<f64>,
    /// The routing margin: by how much the smallest logit of a chosen expert exceeds the largest of the
    /// others; none if all experts are chosen.
    pub margin: Option<f64>,
    /// Whether the margin is within the error of the computation.
    pub uncertain: bool,
}

/// An attention head, as means over the tokens that are not special.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// Entropy of a token's weights, in nats.
    pub entropy: f64,
    /// The entropy divided by its maximum.
    pub relative_entropy: Option<f64>,
    /// The mean distance of attention, in tokens.
    pub distance: Option<f64>,
    /// The share of the weight that goes to special tokens.
    pub to_special: Option<f64>,
}

/// A token whose neighbours changed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TokenChange {
    /// Its index in `tokens`.
    pub token: usize,
    /// The share of its neighbours that are new, 0 to 1.
    pub change: f64,
}

/// Something that is not shown, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Omitted {
    /// What it is.
    pub what: String,
    /// Why it is not shown.
    pub why: String,
}

impl Report {
    /// An empty report of a command.
    pub fn new(kind: &str, tool: &str, title: &str) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            version: VERSION,
            kind: kind.to_owned(),
            tool: tool.to_owned(),
            title: title.to_owned(),
            manifest: Value::Null,
            verdict: Vec::new(),
            overlay: None,
            contexts: None,
            explorations: Vec::new(),
            aligned: Vec::new(),
            one_basis: false,
            charts: Vec::new(),
        }
    }

    /// Reads a report.
    ///
    /// # Errors
    /// [`Error::NotAReport`], [`Error::Version`], or what [`Report::check`] refuses.
    pub fn parse(text: &str) -> Result<Self> {
        let refuse = |reason: String| Error::NotAReport { reason };
        let value: Value = serde_json::from_str(text).map_err(|e| refuse(e.to_string()))?;
        if value["schema"].as_str() != Some(SCHEMA) {
            return Err(refuse(format!("`schema` is not \"{SCHEMA}\"")));
        }
        match value["version"].as_u64() {
            None | Some(0) => return Err(refuse("`version` is no number from 1 up".to_owned())),
            Some(found) if found != u64::from(VERSION) => {
                return Err(Error::Version { found, known: VERSION });
            }
            Some(_) => {}
        }
        let report: Self = serde_json::from_value(value).map_err(|e| refuse(e.to_string()))?;
        report.check()?;
        Ok(report)
    }

    /// The report as JSON.
    ///
    /// # Errors
    /// As [`Report::check`], or a number that JSON cannot hold.
    pub fn json(&self) -> Result<String> {
        self.check()?;
        Ok(serde_json::to_string(self)?)
    }

    /// Checks that lengths agree, that numbers are finite, and that ids of charts are unique.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NotFinite`], [`Error::Twice`] or [`Error::Chart`], which say where.
    pub fn check(&self) -> Result<()> {
        check::report(self)
    }
}

impl Exploration {
    /// The exploration with the name and version of the schema: the output of `explore --json`.
    ///
    /// # Errors
    /// A number that JSON cannot hold.
    pub fn json(&self) -> Result<Value> {
        let mut all = json!({ "schema": SCHEMA, "version": VERSION });
        if let (Value::Object(all), Value::Object(own)) = (&mut all, serde_json::to_value(self)?) {
            all.extend(own);
        }
        Ok(all)
    }
}
