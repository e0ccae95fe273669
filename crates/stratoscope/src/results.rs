//! The common methods of [`Analysis`] on each result, so that a caller does not have to import the
//! trait.

use crate::analysis::{Analysis, Figure};
use crate::folder::Written;
use crate::{Result, compare, explore, geometry, lens, probe, profile};
use std::path::Path;

macro_rules! results {
    ($($result:ty),+ $(,)?) => {$(
        impl $result {
            /// Writes the folder: page, figures, numbers and manifest. An existing folder must be
            /// empty.
            ///
            /// # Errors
            /// As [`folder::write`](crate::folder::write).
            pub fn write(&self, folder: impl AsRef<Path>) -> Result<Written> {
                Analysis::write(self, folder)
            }

            /// The figure with an id.
            ///
            /// # Errors
            /// [`Error::NoFigure`](crate::Error::NoFigure), which names the figures that exist.
            pub fn figure(&self, id: &str) -> Result<Figure> {
                Analysis::figure(self, id)
            }

            /// What the numbers say, as text for a terminal.
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
    geometry::Report,
    lens::Report,
    probe::Report,
    profile::Profile,
    profile::Profiles,
);
