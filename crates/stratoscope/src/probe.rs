//! What each layer knows of a label: linear and structural probes over an annotated corpus or a
//! user's own task, each beside the controls that keep it honest.

mod column;
mod corpus;
mod error;
mod numbers;
mod own;
mod report;
mod rows;
mod run;
mod saved;
mod shown;

pub use column::{Column, Filter};
pub use corpus::{ConlluCorpus, PartCounts, ProbeFile};
pub use error::ProbeError;
pub use own::{OwnTask, Span, TaskRow};
pub use report::{
    ClassCount, LabelProbe, LayerProbe, Probe, ProbeBaselines, ProbeData, StructuralReport,
};
pub use saved::{Answer, SavedProbe};

use crate::{LayerSelection, LongText, Pooling, Result};
use stratoscope_probing::Part;

/// What is probed, and how.
#[derive(Debug, Clone)]
pub struct ProbeSettings {
    /// What is to be predicted of a word; of several, all on the same words. (An own task has its
    /// labels in its file.)
    pub labels: Vec<Column>,
    /// Which words; all filters have to hold.
    pub filters: Vec<Filter>,
    /// The layers.
    pub layers: LayerSelection,
    /// How the sub-words of a word, or the tokens of a text, become one vector.
    pub pooling: Pooling,
    /// What to do with sentences that are too long for the model.
    pub long: LongText,
    /// The strength of the probe, scikit-learn's `C`; none to choose it on held-out sentences.
    pub strength: Option<f64>,
    /// Whether the control task is run (Hewitt & Liang 2019).
    pub control: bool,
    /// Whether the same architecture with random weights is probed too.
    pub random_weights: bool,
    /// Whether the online code is measured (Voita & Titov 2020).
    pub mdl: bool,
    /// Whether layers are mixed, for the expected layer and the centre of gravity (Tenney et al.
    /// 2019).
    pub mix: bool,
    /// Whether the structural probe is fitted (Hewitt & Manning 2019).
    pub structural: bool,
    /// The seed of everything that is drawn.
    pub seed: u64,
    /// About how many bytes of states are in memory at a time; layers are computed in several
    /// passes where all of them are more.
    pub memory: u64,
}

impl Default for ProbeSettings {
    fn default() -> Self {
        Self {
            labels: Vec::new(),
            filters: Vec::new(),
            layers: LayerSelection::All,
            pooling: Pooling::Mean,
            long: LongText::Refuse,
            strength: None,
            control: false,
            random_weights: false,
            mdl: false,
            mix: false,
            structural: false,
            seed: 0,
            memory: 4 << 30,
        }
    }
}

/// What texts are for, by a seeded draw; or that there are too few.
fn split(texts: &[&str], seed: u64, place: &str, unit: &'static str) -> Result<Vec<Part>> {
    own::parts_of(texts, seed).ok_or_else(|| {
        let different: std::collections::BTreeSet<_> = texts.iter().collect();
        ProbeError::TooFew { place: place.to_owned(), found: different.len(), unit }.into()
    })
}
