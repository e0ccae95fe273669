//! The keys of the files of sentence-transformers, under one rule: a key is read as sentence-transformers
//! 6.2 reads it, or it is known not to change a vector, or it is named.

use crate::error::{Error, Result};
use crate::json;
use crate::note::Note;
use crate::source::Files;
use serde_json::{Map, Value};

/// The keys of an object that were not read yet.
pub(crate) struct Keys {
    file: String,
    /// The keys of the objects around it, each with its point.
    within: String,
    rest: Map<String, Value>,
}

impl Keys {
    /// The keys of a file; none if there is no file.
    ///
    /// # Errors
    /// A file that cannot be read, or that is no object.
    pub(super) fn of_file(files: &Files, file: &str, notes: &mut Vec<Note>) -> Result<Self> {
        match files.find(file)? {
            Some(bytes) => Self::of(file, json::read(file, &bytes, notes)?),
            None => Self::of(file, Value::Object(Map::new())),
        }
    }

    /// The keys of an object in a file.
    pub(crate) fn of(file: &str, value: Value) -> Result<Self> {
        let (file, within) = (file.to_owned(), String::new());
        match value {
            Value::Object(rest) => Ok(Self { file, within, rest }),
            other => {
                let keys = Self { file, within, rest: Map::new() };
                Err(keys.wrong("(the whole file)", &other, "an object is expected"))
            }
        }
    }

    /// Whether a key is there and was not read.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.rest.contains_key(key)
    }

    /// Reads a key.
    pub(crate) fn take(&mut self, key: &str) -> Option<Value> {
        self.rest.remove(key)
    }

    /// Reads a key with an object; no keys if it is absent or null.
    pub(super) fn object(&mut self, key: &str) -> Result<Self> {
        let within = format!("{}{key}.", self.within);
        let rest = match self.take(key) {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(rest)) => rest,
            Some(other) => return Err(self.wrong(key, &other, "an object is expected")),
        };
        Ok(Self { file: self.file.clone(), within, rest })
    }

    /// Reads a key with true or false; `default` if it is absent, false if it is null.
    pub(crate) fn flag(&mut self, key: &str, default: bool) -> Result<bool> {
        match self.take(key) {
            None => Ok(default),
            Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            // Python has no other numbers for them.
            Some(Value::Number(n)) if n.as_f64() == Some(0.0) => Ok(false),
            Some(Value::Number(n)) if n.as_f64() == Some(1.0) => Ok(true),
            Some(other) => Err(self.wrong(key, &other, "true or false is expected")),
        }
    }

    /// Reads a key that may have only some values; absent is allowed too.
    pub(super) fn only(&mut self, key: &str, allowed: &[Value], reason: &str) -> Result<()> {
        match self.take(key) {
            Some(value) if !allowed.contains(&value) => Err(self.wrong(key, &value, reason)),
            _ => Ok(()),
        }
    }

    /// Reads a key with a number of tokens. Null counts as absent; the largest `usize` is no limit.
    pub(super) fn tokens(&mut self, key: &str) -> Result<Option<usize>> {
        // transformers writes 10^30 for none.
        const LARGE: f64 = 1e19;
        let Some(value) = self.take(key).filter(|value| !value.is_null()) else { return Ok(None) };
        match value.as_u64() {
            Some(tokens) if tokens >= 1 => Ok(Some(usize::try_from(tokens).unwrap_or(usize::MAX))),
            _ if value.as_f64().is_some_and(|n| n >= LARGE) => Ok(Some(usize::MAX)),
            _ => Err(self.wrong(key, &value, "a whole number of tokens is expected")),
        }
    }

    /// Leaves out keys that do not change a vector.
    pub(super) fn without_effect(&mut self, keys: &[&str]) {
        self.rest.retain(|key, _| !keys.contains(&&**key));
    }

    /// Refuses the keys that were not read: they may change the vectors.
    pub(crate) fn done(self) -> Result<()> {
        match self.rest.iter().next() {
            Some((key, value)) => {
                Err(self.wrong(key, value, "vectors of sentences with this key are not supported"))
            }
            None => Ok(()),
        }
    }

    /// Names the keys that were not read: sentence-transformers does not read them.
    pub(super) fn unread(self, notes: &mut Vec<Note>) {
        let note =
            |key| Note::UnreadKey { file: self.file.clone(), key: format!("{}{key}", self.within) };
        notes.extend(self.rest.keys().map(note));
    }

    /// An error of a key.
    pub(crate) fn wrong(&self, key: &str, value: &Value, reason: &str) -> Error {
        Error::Config {
            file: self.file.clone(),
            key: format!("{}{key}", self.within),
            value: value.to_string().chars().take(80).collect(),
            reason: reason.to_owned(),
        }
    }
}
