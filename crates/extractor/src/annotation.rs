//! The annotation of a word, from the ten columns of CoNLL-U.

/// The index of the column with the head.
pub(crate) const HEAD: usize = 6;

/// Whether a column is annotated.
pub(crate) fn is_given(column: &str) -> bool {
    column != "_" && !column.is_empty()
}

/// A word of a CoNLL-U file. A column with `_` is not annotated, and `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnotatedWord {
    /// The line, counted from 1.
    pub line: usize,
    /// The form.
    pub form: String,
    /// The lemma.
    pub lemma: Option<String>,
    /// The universal part of speech.
    pub upos: Option<String>,
    /// The language-specific part of speech.
    pub xpos: Option<String>,
    /// The features, `Key=Value` with `|` between them.
    pub feats: Option<String>,
    /// The head: a word of the sentence, counted from 1, or 0 for the root.
    pub head: Option<usize>,
    /// The dependency relation to the head.
    pub deprel: Option<String>,
    /// Further annotation, `Key=Value` with `|` between them.
    pub misc: Option<String>,
}

impl AnnotatedWord {
    /// A word from its ten columns. A head that is no number is none.
    pub(crate) fn of(line: usize, columns: &[&str]) -> Self {
        let column = |index: usize| columns.get(index).copied().unwrap_or("_");
        let owned = |index| Some(column(index)).filter(|v| is_given(v)).map(str::to_owned);
        let form = column(1).to_owned();
        Self {
            line,
            // The word "_" has the lemma "_".
            lemma: owned(2).or_else(|| (form == "_" && column(2) == "_").then(|| form.clone())),
            upos: owned(3),
            xpos: owned(4),
            feats: owned(5),
            head: column(HEAD).parse().ok(),
            deprel: owned(7),
            misc: owned(9),
            form,
        }
    }

    /// The features, as pairs of key and value.
    pub fn features(&self) -> impl Iterator<Item = (&str, &str)> {
        pairs(self.feats.as_deref())
    }

    /// The entries of the last column, as pairs of key and value.
    pub fn misc_values(&self) -> impl Iterator<Item = (&str, &str)> {
        pairs(self.misc.as_deref())
    }

    /// The value of a feature.
    pub fn feature(&self, key: &str) -> Option<&str> {
        value(self.feats.as_deref(), key)
    }

    /// The value of a key in the last column.
    pub fn misc_value(&self, key: &str) -> Option<&str> {
        value(self.misc.as_deref(), key)
    }
}

/// The pairs of `Key=Value` with `|` between them.
fn pairs(entries: Option<&str>) -> impl Iterator<Item = (&str, &str)> {
    let entries = entries.into_iter().flat_map(|entries| entries.split('|'));
    entries.filter_map(|entry| entry.split_once('=')).filter(|(_, value)| !value.is_empty())
}

/// The value of a key.
fn value<'a>(entries: Option<&'a str>, key: &str) -> Option<&'a str> {
    pairs(entries).find(|(k, _)| *k == key).map(|(_, value)| value)
}
