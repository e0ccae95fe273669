//! The form above a page that a server shows.

use crate::page::without_comments;
use crate::{Report, Result, page};
use std::sync::LazyLock;

/// The style of the form.
pub(crate) static STYLE: LazyLock<String> =
    LazyLock::new(|| without_comments(include_str!("../page/form.css")));

/// The script of the form, by itself: the page's own works with it and without.
pub(crate) static SCRIPT: LazyLock<String> =
    LazyLock::new(|| without_comments(concat!("'use strict';\n", include_str!("../page/form.js"))));

/// A form that asks for texts and a model, with what it was filled in with. It sends a GET request
/// to `/` with the fields `text` and `model`, or to `/report.html` and `/report.json` for what is
/// to be saved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    /// The texts, one a line.
    pub text: String,
    /// The most characters that they may have.
    pub longest: usize,
    /// The models to choose from.
    pub models: Vec<String>,
    /// The chosen one.
    pub model: String,
    /// What is wrong with what was asked for.
    pub trouble: Option<String>,
}

impl Form {
    /// The page of a report with the form above it; without one, the form and a few texts to begin
    /// with.
    ///
    /// # Errors
    /// As [`Report::check`].
    pub fn html(&self, report: Option<&Report>) -> Result<String> {
        page::render(report, Some(self))
    }

    /// The height of the box: all of its lines, as long as they are few.
    pub(crate) fn rows(&self) -> usize {
        self.text.lines().count().clamp(1, 6)
    }

    /// Texts to begin with: one word in two senses, a sentence that has to be read to its end, two
    /// sentences that differ in one word.
    pub(crate) fn examples(&self) -> [&'static str; 3] {
        [
            "The bank by the river refused the loan.",
            "The old man the boats while the young row them home.",
            "She deposited the money in the bank.\nShe pitched the tent on the bank.",
        ]
    }
}
