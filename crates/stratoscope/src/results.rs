//! The common methods of [`Analysis`] as methods of each result, so that callers do not need to
//! import the trait.

use crate::analysis::{Analysis, Figure};
use crate::folder::Written;
use crate::{Result, compare, contrast, explore, geometry, lens, pairs, probe, profile};
use std::path::Path;

macro_rules! results {
    ($($result:ty),+ $(,)?) => {$(
        impl $result {
            /// Writes the output folder: page, figures, numbers and manifest. An existing folder
            /// must be empty.
            ///
            /// # Errors
            /// The errors of [`folder::write`](crate::folder::write).
            pub fn write(&self, folder: impl AsRef<Path>) -> Result<Written> {
                Analysis::write(self, folder)
            }

            /// The figure with an id.
            ///
            /// # Errors
            /// [`Error::NoFigure`](crate::Error::NoFigure), which names the existing figures.
            pub fn figure(&self, id: &str) -> Result<Figure> {
                Analysis::figure(self, id)
            }

            /// A summary of the numbers, as text for a terminal.
            pub fn summary(&self) -> String {
                Analysis::summary(self)
            }
        }
    )+};
}

results!(
    explore::Exploration,
    explore::SideBySide,
    compare::Comparison,
    contrast::Report,
    geometry::Report,
    lens::FittedLens,
    lens::Report,
    pairs::Report,
    probe::Report,
    profile::Profile,
    profile::Profiles,
);
