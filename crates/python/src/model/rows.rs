//! The rows that are kept of the tokens that a model reads.

use crate::{errors, options};
use pyo3::prelude::*;
use stratoscope::crates::extractor::LengthLimit;
use stratoscope::{Activations, Explorer, LongText, Pooler, Pooling, Unit};

/// The rows that are kept of the tokens.
pub(super) struct Rows {
    pub(super) unit: Unit,
    pooling: Option<Pooling>,
    pub(super) special_tokens: bool,
}

impl Rows {
    pub(super) fn new(
        py: Python<'_>,
        words: bool,
        sentences: bool,
        pooling: Option<&str>,
        special_tokens: bool,
    ) -> PyResult<Self> {
        let unit = match (words, sentences) {
            (true, true) => return Err(errors::usage(py, "choose words or sentences, not both")),
            (true, false) => Unit::Word,
            (false, true) => Unit::Sentence,
            (false, false) => Unit::Token,
        };
        Ok(Self { unit, pooling: options::pooling(py, pooling)?, special_tokens })
    }

    /// As the program: without a pooling of the user, a vector of a text is that of
    /// sentence-transformers, which may read fewer tokens than the model can.
    pub(super) fn limit(&self, explorer: &Explorer, long: LongText) -> LengthLimit {
        let as_there = self.unit == Unit::Sentence && self.pooling.is_none();
        let max_tokens = explorer.model().info.sentence_max_tokens.filter(|_| as_there);
        LengthLimit { long, max_tokens }
    }

    pub(super) fn pooler(&self, explorer: &Explorer) -> stratoscope::Result<Pooler> {
        match (self.pooling, self.unit) {
            (Some(pooling), _) => Ok(pooling.into()),
            (None, Unit::Sentence) => Ok(explorer.model().info.sentence_pooler()?),
            (None, _) => Ok(Pooling::default().into()),
        }
    }

    pub(super) fn of(
        &self,
        states: Activations,
        explorer: &Explorer,
    ) -> stratoscope::Result<Activations> {
        let states = match self.unit {
            Unit::Token => states,
            unit => states.pooled(unit, self.pooler(explorer)?)?,
        };
        Ok(if self.special_tokens { states } else { states.without_special()? })
    }
}
