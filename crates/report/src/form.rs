//! The form above the page of `serve`.

use crate::comments::without_comments;
use std::sync::LazyLock;

/// The style of the form.
pub(crate) static STYLE: LazyLock<String> =
    LazyLock::new(|| without_comments(include_str!("../page/form.css")));

/// The script of the form, and of editing a word in place. The script of the page works with it and
/// without it.
pub(crate) static SCRIPT: LazyLock<String> = LazyLock::new(|| without_comments(SOURCE));

const SOURCE: &str =
    concat!("'use strict';\n", include_str!("../page/form.js"), include_str!("../page/edit.js"));

/// The sentence that a server shows first.
pub const EXAMPLE: &str = "The old spring in the mattress broke.";

/// A form for texts, a sentence to compare with, and a model, with its current content. It sends a GET
/// request with the fields `text`, `against` and `model` to `/`, or to `/report.html` and `/report.json`
/// to save a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    /// The texts, one per line.
    pub text: String,
    /// The sentence to compare the text with; empty if there is none.
    pub against: String,
    /// The largest number of characters.
    pub longest: usize,
    /// The models to choose from.
    pub models: Vec<String>,
    /// The chosen model.
    pub model: String,
    /// What is wrong with the last request.
    pub trouble: Option<String>,
}

/// A suggestion of what to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Example {
    /// What it shows.
    pub name: &'static str,
    /// The text.
    pub text: &'static str,
    /// The sentence to compare it with; empty if there is none.
    pub against: &'static str,
}

impl Form {
    /// The height of the box in lines.
    pub(crate) fn rows(&self) -> usize {
        self.text.lines().count().clamp(1, 6)
    }

    /// Suggestions: two senses of a word, one sentence and two, the number of a noun, the order of words,
    /// and a long sentence.
    pub(crate) fn examples(&self) -> [Example; 5] {
        [
            Example {
                name: "a season or a coil",
                text: "The warm spring brought rain to the valley.",
                against: "The rusty spring snapped inside the clock.",
            },
            Example {
                name: "two banks",
                text: "She deposited the money in the bank.",
                against: "She pitched the tent on the bank.",
            },
            Example {
                name: "one key or many",
                text: "The key to the old cabinets is on the table.",
                against: "The keys to the old cabinets are on the table.",
            },
            Example {
                name: "who chased whom",
                text: "The dog chased the cat through the garden.",
                against: "The cat chased the dog through the garden.",
            },
            Example {
                name: "a long sentence",
                text: "When the judge who had read the letter finally passed the sentence, the \
                       crowd that had waited outside the court since the early morning fell silent, \
                       and only the lawyer, who knew the case well, smiled.",
                against: "",
            },
        ]
    }
}
