//! The page of a comparison.

use super::Comparison;
use crate::analysis;
use crate::explore::{self, Exploration};
use crate::progress::Silent;
use crate::{Figure, Result};
use stratoscope_report::Report;

impl Comparison {
    /// The charts, and for two sentences also the sentences side by side, in one basis.
    pub(super) fn page(&self, figures: &[Figure]) -> Result<Report> {
        let mut page = analysis::page(self, figures);
        if let Some((states, artifacts)) = &self.states {
            let options = explore::Options {
                metric: self.settings.metric,
                seed: self.settings.seed,
                ..explore::Options::default()
            };
            let exploration = Exploration::of(states.clone(), &options, artifacts, &Silent)?;
            explore::beside(&mut page, &exploration)?;
        }
        Ok(page)
    }
}
