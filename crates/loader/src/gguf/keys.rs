//! The metadata of a GGUF file by key, with a record of what was read: a key that nobody knows is
//! an error, as it may change what the model computes.

use super::parse::Value;
use crate::{Error, Result};
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

    /// A value, where there is one; it counts as read.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        let full = self.full(key);
        let value = self.values.get(&full);
        self.read.borrow_mut().insert(full);
        value
    }

    /// A value that must be of a kind, where there is one.
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

    /// A value that must be there.
    pub(super) fn need<T>(&self, key: &str, value: Result<Option<T>>) -> Result<T> {
        value?.ok_or_else(|| self.error(key, "it is needed"))
    }

    /// Refuses a key that asks for what is not built: it may be absent or `allowed`.
    pub(super) fn only(&self, key: &str, allowed: f64) -> Result<()> {
        match self.float(key)? {
            Some(value) if value != allowed => {
                Err(self.error(key, &format!("only {allowed} is supported")))
            }
            _ => Ok(()),
        }
    }

    /// Refuses what nobody read.
    pub(super) fn finish(&self) -> Result<()> {
        let begin = self.full("");
        let read = self.read.borrow();
        let unread = self.values.range(begin.clone()..).map(|(key, _)| key);
        match unread.take_while(|key| key.starts_with(&begin)).find(|key| !read.contains(*key)) {
            None => Ok(()),
            Some(key) => {
                let reason = "what it asks for is not known";
                Err(error(self.file, key, self.values.get(key), reason))
            }
        }
    }

    /// An error that names a key and its value.
    pub(super) fn error(&self, key: &str, reason: &str) -> Error {
        let full = self.full(key);
        error(self.file, &full, self.values.get(&full), reason)
    }
}

/// An error that names a key and its value, or that it is missing.
pub(super) fn error(file: &str, key: &str, value: Option<&Value>, reason: &str) -> Error {
    Error::Config {
        file: file.to_owned(),
        key: key.to_owned(),
        value: value.map_or_else(|| "missing".to_owned(), Value::shown),
        reason: reason.to_owned(),
    }
}
