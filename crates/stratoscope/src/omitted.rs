//! The parts that are missing from a result, with the reasons.

use crate::geometry::Measure;
use serde::{Serialize, Serializer};
use std::fmt;
use stratoscope_extractor::Origin;
use stratoscope_geometry::{Estimate, GeometryError, MIN_UNITS, Metric};

/// A part that is missing from a result.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Omitted {
    /// The part.
    pub what: Part,
    /// The layer at which it is missing; `None` if it is missing at all layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
    /// The reason.
    pub why: Why,
}

/// A part of a result.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Part {
    /// The trajectory.
    Trajectory,
    /// The t-SNE maps.
    Tsne,
    /// CKA between layers.
    Cka,
    /// Similarities between tokens.
    Similarity,
    /// Similarities between tokens by one metric, on the page.
    PageSimilarity(Metric),
    /// The labels of tokens of one kind, by its name.
    Label(String),
    /// The attention weights on the page: of all texts or of some, and by head or as means.
    PageAttention(&'static str),
    /// Tokens that statistics leave out, by their names.
    Statistics(String),
    /// The similarity of a token to its state at layer 0.
    SimilarityToLayer0,
    /// The similarity of a token to the other tokens of its sentence.
    SimilarityInSentence,
    /// The anisotropy baseline.
    Baseline,
    /// The curves of the model over the reference bank, with their headline.
    Story,
    /// The crossed design of the model.
    Profile,
    /// The nearest words in other sentences.
    Journeys,
    /// The nearest words in other sentences, of the words after the first ones.
    LaterJourneys,
    /// Nearest neighbours.
    Neighbours,
    /// The change of nearest neighbours from layer to layer.
    NeighbourChange,
    /// A measure of the representation space.
    Measure(Measure),
    /// A figure, by its id.
    Figure(String),
    /// Another number, in words.
    Number(&'static str),
    /// The interval of a number, in words.
    Interval(&'static str),
}

impl Part {
    /// The id of the figure that is missing with this part; `None` if there is no such figure.
    pub(crate) fn figure(&self) -> Option<&str> {
        match self {
            Self::Trajectory => Some("trajectory"),
            Self::Tsne => Some("tsne"),
            Self::Cka => Some("cka"),
            Self::Similarity => Some("similarity"),
            Self::Story => Some("story"),
            Self::Journeys => Some("journey"),
            Self::NeighbourChange => Some("neighbour_change"),
            Self::Figure(id) => Some(id),
            _ => None,
        }
    }
}

/// The reason why a part is missing.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Why {
    /// It is not stored for this model.
    NotStored,
    /// The norm of a token is more than 10 times the median norm of a layer.
    AttentionSink,
    /// It compares layers, and there is one layer.
    OneLayer,
    /// The maps are not aligned, so that they share no axes.
    NotAligned,
    /// Layer 0 was not chosen.
    NoLayer0,
    /// No sentence has two tokens.
    NoSentenceOfTwo,
    /// It exists for raw cosines only, and the metric is another one.
    RawCosinesOnly,
    /// The input is too small.
    TooFew {
        /// The units that are counted.
        what: &'static str,
        /// The number that is needed.
        needed: usize,
        /// The number in the input.
        found: usize,
    },
    /// The input is too large.
    TooMany {
        /// The units that are counted.
        what: &'static str,
        /// The number in the input.
        found: usize,
        /// Advice for the user.
        hint: &'static str,
    },
    /// It is a difference of two measures, one of which is not defined.
    NeedsBoth,
    /// It needs nearest neighbours, and they are not defined.
    NeedsNeighbours,
    /// It divides by the logarithm of the number of words, and there is one word.
    OneWord,
    /// The measure is not defined for these numbers.
    Undefined(String),
    /// The texts do not have the words or pairs from which it is computed.
    Texts(String),
    /// It needs the model, and only states are given.
    NoModel,
    /// It is about words, and the input is images or sounds.
    OfWords,
    /// It is drawn over images and sounds, and the input is texts.
    NoPicture,
}

impl Why {
    /// Why nothing is stored for a model: it was not computed, or nobody knows which model it is.
    pub(crate) fn not_stored(origin: &Origin) -> Self {
        match origin.read_as {
            Some(_) => Self::NoModel,
            None => Self::NotStored,
        }
    }
}

impl Omitted {
    /// A part that is missing at all layers.
    pub(crate) fn new(what: Part, why: Why) -> Self {
        Self { what, layer: None, why }
    }

    /// The interval of a number, `name` in words, over too few `units`. None if the number has an interval, or is not
    /// defined.
    pub(crate) fn interval(
        name: &'static str,
        units: &'static str,
        found: Option<Estimate>,
    ) -> Option<Self> {
        let found = found.filter(Estimate::has_few_units)?.n;
        let why = Why::TooFew { what: units, needed: MIN_UNITS, found };
        Some(Self::new(Part::Interval(name), why))
    }
}

impl fmt::Display for Omitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        if let Some(layer) = self.layer {
            write!(f, " at layer {layer}")?;
        }
        write!(f, " ({})", self.why)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trajectory => f.write_str("trajectory"),
            Self::Tsne => f.write_str("t-SNE maps"),
            Self::Cka => f.write_str("CKA between layers"),
            Self::Similarity => f.write_str("similarity between tokens"),
            Self::PageSimilarity(metric) => {
                write!(f, "similarity on the page, {}", metric.label())
            }
            Self::Label(name) => write!(f, "label {name}"),
            Self::PageAttention(which) => write!(f, "attention on the page{which}"),
            Self::Statistics(tokens) => {
                write!(f, "{tokens} in means, centres, CKA and the basis of maps")
            }
            Self::SimilarityToLayer0 => f.write_str("similarity to layer 0"),
            Self::SimilarityInSentence => f.write_str("similarity within the sentence"),
            Self::Baseline => f.write_str("baseline"),
            Self::Story => f.write_str("curves of the model"),
            Self::Profile => f.write_str("sense and role in the model"),
            Self::Journeys => f.write_str("journeys"),
            Self::LaterJourneys => f.write_str("journeys of further words"),
            Self::Neighbours => f.write_str("nearest neighbours"),
            Self::NeighbourChange => f.write_str("change of nearest neighbours"),
            Self::Measure(measure) => f.write_str(&measure.name().replace('_', " ")),
            Self::Figure(id) => f.write_str(id),
            Self::Number(name) => f.write_str(name),
            Self::Interval(name) => write!(f, "interval of the {}", name.replace('_', " ")),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStored => f.write_str("none is stored for this model"),
            Self::AttentionSink => f.write_str(
                "attention sink: a norm of more than 10 times the median of a layer, which would \
                 decide every statistic",
            ),
            Self::OneLayer => f.write_str("it needs two layers"),
            Self::NotAligned => f.write_str("maps that are not aligned share no axes"),
            Self::NoLayer0 => f.write_str("layer 0 was not chosen"),
            Self::NoSentenceOfTwo => f.write_str("no sentence has two tokens"),
            Self::RawCosinesOnly => f.write_str("it exists for raw cosines only"),
            Self::TooFew { what, needed, found } => {
                write!(f, "it needs {needed} {what}, found {found}")
            }
            Self::TooMany { what, found, hint } => {
                write!(f, "{found} {what} are too many; {hint}")
            }
            Self::NeedsBoth => f.write_str("the measure or its baseline is not defined"),
            Self::NeedsNeighbours => f.write_str("nearest neighbours are not defined"),
            Self::OneWord => f.write_str("for a single word it is 0 / 0"),
            Self::Undefined(reason) | Self::Texts(reason) => f.write_str(reason),
            Self::OfWords => f.write_str("it is about words of texts"),
            Self::NoPicture => f.write_str("it needs images or sounds"),
            Self::NoModel => f.write_str("it needs the model, and only states are given"),
        }
    }
}

impl From<GeometryError> for Why {
    fn from(error: GeometryError) -> Self {
        Self::Undefined(error.to_string())
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Why {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
