//! A special or added token of a settings file: a text, or a text with the flags of its match.

use serde::Deserialize;
use serde_json::Value;
use tokenizers::AddedToken;

/// A token as a settings file gives it. A text alone leaves the flags to its use.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A text.
    Text(String),
    /// A text with flags.
    Added(Added),
}

/// A text with flags.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Added {
    pub(super) content: String,
    #[serde(default)]
    pub(super) single_word: bool,
    #[serde(default)]
    pub(super) lstrip: bool,
    #[serde(default)]
    pub(super) rstrip: bool,
    /// None: the opposite of `special`.
    #[serde(default)]
    pub(super) normalized: Option<bool>,
    #[serde(default)]
    pub(super) special: bool,
}

impl Added {
    /// A token without flags.
    pub(super) fn new(content: &str, special: bool, normalized: Option<bool>) -> Self {
        Self {
            content: content.to_owned(),
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized,
            special,
        }
    }

    /// The token of the library.
    pub(super) fn token(&self) -> AddedToken {
        AddedToken {
            content: self.content.clone(),
            single_word: self.single_word,
            lstrip: self.lstrip,
            rstrip: self.rstrip,
            normalized: self.normalized.unwrap_or(!self.special),
            special: self.special,
        }
    }
}

impl PartialEq for Added {
    fn eq(&self, other: &Self) -> bool {
        self.token() == other.token()
    }
}

impl From<AddedToken> for Added {
    fn from(token: AddedToken) -> Self {
        Self {
            content: token.content,
            single_word: token.single_word,
            lstrip: token.lstrip,
            rstrip: token.rstrip,
            normalized: Some(token.normalized),
            special: token.special,
        }
    }
}

impl Token {
    /// A text, or an object that says that it is a token; none for other values.
    pub(super) fn parse(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Object(fields) if fields.contains_key("__type") => {
                let mut fields = fields.clone();
                fields.remove("__type");
                Added::deserialize(Value::Object(fields)).ok().map(Self::Added)
            }
            _ => None,
        }
    }

    /// The text.
    pub(super) fn content(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Added(added) => &added.content,
        }
    }
}
