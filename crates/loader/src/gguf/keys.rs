//! The metadata of a GGUF file by key, with a record of the keys that were read. An unknown key is an
//! error, since it may change what the model computes.

use super::parse::Value;
use crate::error::{Error, Result};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// The keys that begin with one prefix.
pub(super) struct Keys<'a> {
    file: &'a str,
    prefix: &'a str,
    values: &'a BTreeMap<String, Value>,
    read: RefCell<BTreeSet<String>>,
}

impl<'a> Keys<'a> {
    pub(super) fn new(file: &'a str, prefix: &'a str, values: &'a BTreeMap<String, Value>) -> Self {
        Self { file, prefix, values, read: RefCell::default() }
    }

    /// The file, for messages.
    pub(super) fn file(&self) -> &'a str {
        self.file
    }

    fn full(&self, key: &str) -> String {
        format!("{}.{key}", self.prefix)
    }

    /// A value, if there is one. The key counts as read.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        let full = self.full(key);
        let value = self.values.get(&full);
        self.read.borrow_mut().insert(full);
        value
    }

    /// An optional value of a kind.
    fn typed<T>(
        &self,
        key: &str,
        kind: &str,
        take: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match take(value) {
            Some(value) => Ok(Some(value)),
            None => Err(self.error(key, &format!("{kind} is expected"))),
        }
    }

    /// A whole number.
    pub(super) fn size(&self, key: &str) -> Result<Option<u64>> {
        self.typed(key, "a whole number", Value::unsigned)
    }

    /// A number.
    pub(super) fn float(&self, key: &str) -> Result<Option<f64>> {
        self.typed(key, "a number", Value::float)
    }

    /// A truth value.
    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>> {
        self.typed(key, "true or false", |value| match value {
            Value::Bool(value) => Some(*value),
            _ => None,
        })
    }

    /// A text.
    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>> {
        self.typed(key, "a text", |value| match value {
            Value::Text(value) => Some(value.as_str()),
            _ => None,
        })
    }

    /// A list of texts.
    pub(super) fn texts(&self, key: &str) -> Result<Option<&'a [String]>> {
        self.typed(key, "a list of texts", |value| match value {
            Value::Texts(values) => Some(values.as_slice()),
            _ => None,
        })
    }

    /// A list of numbers or truth values.
    pub(super) fn list(&self, key: &str) -> Result<Option<Vec<Value>>> {
        self.typed(key, "a list of numbers", Value::list)
    }

    /// A required value.
    pub(super) fn need<T>(&self, key: &str, value: Result<Option<T>>) -> Result<T> {
        value?.ok_or_else(|| self.error(key, "the key is required"))
    }

    /// Refuses every value of a key but `allowed`; the key may be absent.
    pub(super) fn only(&self, key: &str, allowed: f64) -> Result<()> {
        match self.float(key)? {
            Some(value) if value != allowed => {
                Err(self.error(key, &format!("only {allowed} is supported")))
            }
            _ => Ok(()),
        }
    }

    /// Refuses keys that were not read.
    pub(super) fn finish(&self) -> Result<()> {
        let begin = self.full("");
        let read = self.read.borrow();
        let unread = self.values.range(begin.clone()..).map(|(key, _)| key);
        match unread.take_while(|key| key.starts_with(&begin)).find(|key| !read.contains(*key)) {
            None => Ok(()),
            Some(key) => {
                let reason = "the key is not supported";
                Err(error(self.file, key, self.values.get(key), reason))
            }
        }
    }

    /// An error about a key, with its value.
    pub(super) fn error(&self, key: &str, reason: &str) -> Error {
        let full = self.full(key);
        error(self.file, &full, self.values.get(&full), reason)
    }
}

/// An error about a key, with its value or `missing`.
pub(super) fn error(file: &str, key: &str, value: Option<&Value>, reason: &str) -> Error {
    Error::Config {
        file: file.to_owned(),
        key: key.to_owned(),
        value: value.map_or_else(|| "missing".to_owned(), Value::shown),
        reason: reason.to_owned(),
    }
}
