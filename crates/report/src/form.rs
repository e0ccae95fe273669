//! The form above the page of `serve`.

use crate::comments::without_comments;
use std::sync::LazyLock;

/// The style of the form.
pub(crate) static STYLE: LazyLock<String> =
    LazyLock::new(|| without_comments(include_str!("../page/form.css")));

/// The script of the form. The script of the page works with it and without it.
pub(crate) static SCRIPT: LazyLock<String> =
    LazyLock::new(|| without_comments(concat!("'use strict';\n", include_str!("../page/form.js"))));

/// A form for texts and a model, with its current content. It sends a GET request with the fields
/// `text` and `model` to `/`, or to `/report.html` and `/report.json` to save a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    /// The texts, one per line.
    pub text: String,
    /// The largest number of characters.
    pub longest: usize,
    /// The models to choose from.
    pub models: Vec<String>,
    /// The chosen model.
    pub model: String,
    /// What is wrong with the last request.
    pub trouble: Option<String>,
}

impl Form {
    /// The height of the box in lines.
    pub(crate) fn rows(&self) -> usize {
        self.text.lines().count().clamp(1, 6)
    }

    /// Example texts: one word in two senses, a garden-path sentence, two sentences that differ in
    /// one word.
    pub(crate) fn examples(&self) -> [&'static str; 3] {
        [
            "The bank by the river refused the loan.",
            "The old man the boats while the young row them home.",
            "She deposited the money in the bank.\nShe pitched the tent on the bank.",
        ]
    }
}
