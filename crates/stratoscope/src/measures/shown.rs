//! What the measures look like, and what they say in words.

use super::Geometry;
use crate::{NamedFigure, Result};

impl Geometry {
    /// The figures.
    pub fn figures(&self) -> Result<Vec<NamedFigure>> {
        Ok(Vec::new())
    }

    /// Their names.
    pub fn figure_names(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// In words.
    pub fn in_words(&self) -> String {
        String::new()
    }
}
