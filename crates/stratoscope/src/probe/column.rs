//! Columns of an annotated corpus (labels to predict), and filters of words.

use super::ProbeError;
use regex::Regex;
use std::fmt;
use std::str::FromStr;
use stratoscope_extractor::AnnotatedWord;

/// A column of a CoNLL-U file, or a key in a column.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Column {
    /// `form`: the word form.
    Form,
    /// `lemma`: the lemma.
    Lemma,
    /// `upos`: the universal part of speech.
    Upos,
    /// `xpos`: the part of speech in the tag set of the corpus.
    Xpos,
    /// `deprel`: the annotated relation to the head.
    Relation,
    /// `deprel.universal`: the relation without the subtype after the colon (`nsubj` for
    /// `nsubj:pass`). It is comparable between corpora and languages.
    UniversalRelation,
    /// `feats.KEY`: the value of a morphological feature.
    Feature(String),
    /// `misc.KEY`: the value of a key in the last column.
    Misc(String),
}

impl Column {
    /// The value for a word; `None` if it is not annotated.
    pub fn of<'a>(&self, word: &'a AnnotatedWord) -> Option<&'a str> {
        match self {
            Self::Form => Some(&word.form),
            Self::Lemma => word.lemma.as_deref(),
            Self::Upos => word.upos.as_deref(),
            Self::Xpos => word.xpos.as_deref(),
            Self::Relation => word.deprel.as_deref(),
            Self::UniversalRelation => {
                word.deprel.as_deref()?.split(':').next().filter(|r| !r.is_empty())
            }
            Self::Feature(key) => word.feature(key),
            Self::Misc(key) => word.misc_value(key),
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => write!(f, "form"),
            Self::Lemma => write!(f, "lemma"),
            Self::Upos => write!(f, "upos"),
            Self::Xpos => write!(f, "xpos"),
            Self::Relation => write!(f, "deprel"),
            Self::UniversalRelation => write!(f, "deprel.universal"),
            Self::Feature(key) => write!(f, "feats.{key}"),
            Self::Misc(key) => write!(f, "misc.{key}"),
        }
    }
}

impl FromStr for Column {
    type Err = ProbeError;

    fn from_str(text: &str) -> Result<Self, ProbeError> {
        Ok(match text.split_once('.') {
            None if text == "form" => Self::Form,
            None if text == "lemma" => Self::Lemma,
            None if text == "upos" => Self::Upos,
            None if text == "xpos" => Self::Xpos,
            None if text == "deprel" => Self::Relation,
            Some(("deprel", "universal")) => Self::UniversalRelation,
            Some(("feats", key)) if !key.is_empty() => Self::Feature(key.to_owned()),
            Some(("misc", key)) if !key.is_empty() => Self::Misc(key.to_owned()),
            _ => return Err(ProbeError::Column { text: text.to_owned() }),
        })
    }
}

/// A filter of words: `upos=NOUN`, or a pattern such as `misc.Supersense~^n\.`. A word without the
/// annotation does not pass.
#[derive(Debug, Clone)]
pub struct Filter {
    column: Column,
    test: Test,
    /// The filter as the user wrote it.
    text: String,
}

#[derive(Debug, Clone)]
enum Test {
    Is(String),
    Matches(Regex),
}

impl Filter {
    /// Whether a word passes.
    pub fn holds(&self, word: &AnnotatedWord) -> bool {
        self.column.of(word).is_some_and(|value| match &self.test {
            Test::Is(wanted) => value == wanted,
            Test::Matches(pattern) => pattern.is_match(value),
        })
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Filter {
    type Err = ProbeError;

    fn from_str(text: &str) -> Result<Self, ProbeError> {
        let Some(at) = text.find(['=', '~']) else {
            return Err(ProbeError::Filter { text: text.to_owned() });
        };
        let (column, value) = (text[..at].parse()?, &text[at + 1..]);
        let test =
            match text.as_bytes()[at] {
                b'=' => Test::Is(value.to_owned()),
                _ => Test::Matches(Regex::new(value).map_err(|e| ProbeError::Pattern {
                    text: value.to_owned(),
                    reason: reason(&e),
                })?),
            };
        Ok(Self { column, test, text: text.to_owned() })
    }
}

/// The last line of an error of the regex crate, without the lines that show the pattern.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let line = text.lines().last().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use stratoscope_extractor::parse_annotated;

    #[test]
    fn labels_and_filters_read_columns() {
        let line = "1\tWas\tbe\tAUX\tVBD\tNumber[psor]=Sing\t0\taux:pass\t_\tSupersense=n.ACT\n";
        let word = &parse_annotated(line.as_bytes(), "f").unwrap()[0].words[0];
        for (label, value) in [
            ("form", Some("Was")),
            ("lemma", Some("be")),
            ("upos", Some("AUX")),
            ("xpos", Some("VBD")),
            ("deprel", Some("aux:pass")),
            ("deprel.universal", Some("aux")),
            ("feats.Number[psor]", Some("Sing")),
            ("feats.Case", None),
            ("misc.Supersense", Some("n.ACT")),
        ] {
            let column: Column = label.parse().unwrap();
            assert_eq!((column.of(word), column.to_string()), (value, label.to_owned()));
        }
        for (filter, holds) in [
            ("upos=AUX", true),
            ("upos=AU", false),
            ("misc.Supersense~^n\\.", true),
            ("misc.Supersense~^v\\.", false),
            ("deprel=aux", false),
            ("deprel.universal=aux", true),
            ("deprel~pass", true),
            ("feats.Case=", false),
            ("form~(?i)WAS", true),
        ] {
            let filter: Filter = filter.parse().unwrap();
            assert_eq!(filter.holds(word), holds, "{filter}");
        }
        for bad in ["", "pos", "feats", "feats.", "misc.", "head", "deprel.x"] {
            assert!(bad.parse::<Column>().is_err(), "{bad}");
        }
        let said = |filter: &str| filter.parse::<Filter>().unwrap_err().to_string();
        assert!(said("upos").contains("COLUMN=VALUE"), "{}", said("upos"));
        assert!(said("pos=X").contains("\"pos\""), "{}", said("pos=X"));
        assert!(said("upos~(").contains("unclosed group"), "{}", said("upos~("));
    }
}
