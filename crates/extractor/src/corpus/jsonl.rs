//! The text of a JSON line. Only the value of one key is kept, so that memory is bounded by the length of
//! the line.

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use stratoscope_loader::json::standard;

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

/// Finds a key in a line; `doc.text` is the key `text` of the object `doc`, where no key has this name.
pub(super) fn find(line: &str, field: &str) -> serde_json::Result<FieldValue> {
    let read = |bytes: &[u8]| {
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let found = json.deserialize_map(Object { field })?;
        json.end()?;
        Ok(found)
    };
    read(line.as_bytes()).or_else(|error| match read(&standard(line.as_bytes())) {
        // Half of a surrogate pair in the text itself is not a letter.
        Ok(FieldValue::Text(text)) if text.contains('\u{fffd}') => Err(error),
        found => found,
    })
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
        let (mut found, mut within, mut keys) = (None, None, Vec::new());
        while let Some(key) = map.next_key::<String>()? {
            if key == self.field {
                // The last of two, as in Python.
                found = Some(map.next_value_seed(Value { field: None })?);
                continue;
            }
            let rest = self.field.strip_prefix(&key).and_then(|rest| rest.strip_prefix('.'));
            match rest {
                Some(rest) => within = Some(map.next_value_seed(Value { field: Some(rest) })?),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
            if keys.len() < MAX_KEYS {
                keys.push(key);
            }
        }
        let within = within.filter(|found| !matches!(found, FieldValue::Missing(_)));
        Ok(found.or(within).unwrap_or(FieldValue::Missing(keys)))
    }
}

/// A value, which is kept if it is a text; or the value of a key of an object.
struct Value<'a> {
    field: Option<&'a str>,
}

impl Value<'_> {
    /// A value that is not an object and not null.
    fn plain(self, text: Option<&str>) -> FieldValue {
        match (self.field, text) {
            (Some(_), _) => FieldValue::Missing(Vec::new()),
            (None, Some(text)) => FieldValue::Text(text.to_owned()),
            (None, None) => FieldValue::Other,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = FieldValue;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<FieldValue, D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = FieldValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<FieldValue, E> {
        Ok(self.plain(Some(text)))
    }

    fn visit_unit<E: de::Error>(self) -> Result<FieldValue, E> {
        Ok(FieldValue::Null)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<FieldValue, E> {
        Ok(self.plain(None))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<FieldValue, E> {
        Ok(self.plain(None))
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<FieldValue, E> {
        Ok(self.plain(None))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<FieldValue, E> {
        Ok(self.plain(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<FieldValue, A::Error> {
        while values.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self.plain(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FieldValue, A::Error> {
        match self.field {
            Some(field) => Object { field }.visit_map(map),
            None => {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(FieldValue::Other)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str, field: &str) -> String {
        match find(line, field) {
            Ok(FieldValue::Text(text)) => text,
            Ok(FieldValue::Null) => "null".to_owned(),
            Ok(FieldValue::Other) => "other".to_owned(),
            Ok(FieldValue::Missing(keys)) => format!("none of {}", keys.join(" ")),
            Err(_) => "wrong".to_owned(),
        }
    }

    #[test]
    fn a_key_within_an_object_is_named_with_points() {
        let line = r#"{"doc": {"text": "a", "x": {"y": "b"}, "n": 1}, "doc.n": "c", "l": [1]}"#;
        for (field, right) in [
            ("doc.text", "a"),
            ("doc.x.y", "b"),
            ("doc.n", "c"),
            ("doc", "other"),
            ("doc.x", "other"),
            ("doc.z", "none of doc doc.n l"),
            ("l.0", "none of doc doc.n l"),
            ("do", "none of doc doc.n l"),
        ] {
            assert_eq!(of(line, field), right, "{field}");
        }
        assert_eq!(of(r#"{"doc": null}"#, "doc.text"), "null");
        assert_eq!(of(r#"{"text": "a", "text": "b"}"#, "text"), "b");
    }

    #[test]
    fn what_python_writes_is_read() {
        let line = r#"{"score": NaN, "x": [-Infinity, 1e999], "text": "NaN.", "m": "\ud83d"}"#;
        assert_eq!(of(line, "text"), "NaN.");
        assert_eq!(of(line, "score"), "other");
        // Half of a surrogate pair matters only in the text itself.
        assert_eq!(of(line, "m"), "wrong");
        assert_eq!(of(r#"{"text": nan}"#, "text"), "wrong");
    }
}
