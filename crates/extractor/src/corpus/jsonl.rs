//! The text of a JSON line. Only the value of one key is kept, so that memory is bounded by the length of
//! the line.

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use std::fmt;

/// The most keys in a message.
const MAX_KEYS: usize = 20;

/// The value of the key.
pub(super) enum FieldValue {
    /// A text.
    Text(String),
    /// null.
    Null,
    /// Another value.
    Other,
    /// No such key; the first keys of the line.
    Missing(Vec<String>),
}

/// Finds a key in a line.
pub(super) fn find(line: &str, field: &str) -> serde_json::Result<FieldValue> {
    let mut json = serde_json::Deserializer::from_str(line);
    let found = json.deserialize_map(Object { field })?;
    json.end()?;
    Ok(found)
}

/// Visits an object for one key.
struct Object<'a> {
    field: &'a str,
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = FieldValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FieldValue, A::Error> {
        let (mut found, mut keys) = (None, Vec::new());
        while let Some(key) = map.next_key::<String>()? {
            if key == self.field {
                // The last of two, as in Python.
                found = Some(map.next_value::<Content>()?);
                continue;
            }
            map.next_value::<IgnoredAny>()?;
            if keys.len() < MAX_KEYS {
                keys.push(key);
            }
        }
        Ok(match found {
            Some(Content::Text(text)) => FieldValue::Text(text),
            Some(Content::Null) => FieldValue::Null,
            Some(Content::Other) => FieldValue::Other,
            None => FieldValue::Missing(keys),
        })
    }
}

/// A value, which is kept if it is a text.
enum Content {
    Text(String),
    Null,
    Other,
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        value.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Content, E> {
        Ok(Content::Text(text.to_owned()))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Content, E> {
        Ok(Content::Other)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Content, E> {
        Ok(Content::Other)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Content, E> {
        Ok(Content::Other)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Content, E> {
        Ok(Content::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Content, A::Error> {
        while values.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Content::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Content::Other)
    }
}
