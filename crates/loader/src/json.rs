//! The one reader of the JSON files of a checkpoint. It accepts what Python's json accepts: NaN and
//! infinities, numbers beyond f64, halves of surrogate pairs, and repeated keys, of which the last
//! counts.

use crate::error::{Error, Result};
use crate::note::Note;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::borrow::Cow;
use std::fmt;

/// Reads a file. Repeated keys become notes.
///
/// NaN and infinities become texts, so that a key that must be a number refuses them.
pub(crate) fn read(file: &str, bytes: &[u8], notes: &mut Vec<Note>) -> Result<Value> {
    let plain = plain(bytes, ["\"NaN\"", "\"Infinity\"", "\"-Infinity\""]);
    let mut repeated = Vec::new();
    let mut json = serde_json::Deserializer::from_slice(&plain);
    let read = Place { path: String::new(), repeated: &mut repeated }.deserialize(&mut json);
    let value = read.and_then(|value| json.end().map(|()| value));
    let value = value.map_err(|source| Error::Json { file: file.to_owned(), source })?;
    let note = |key| Note::RepeatedKey { file: file.to_owned(), key };
    notes.extend(repeated.into_iter().map(note));
    Ok(value)
}

/// JSON as Python's json accepts it, as standard JSON: NaN, infinities and numbers beyond f64 become 0,
/// and halves of surrogate pairs U+FFFD. For readers to whom a number is of no use.
pub fn standard(bytes: &[u8]) -> Cow<'_, [u8]> {
    plain(bytes, ["0"; 3])
}

/// The bytes as standard JSON, with other values for NaN and the two infinities.
fn plain<'a>(bytes: &'a [u8], [nan, most, least]: [&'static str; 3]) -> Cow<'a, [u8]> {
    let mut out: Option<Vec<u8>> = None;
    let mut done = 0;
    let mut at = 0;
    let mut in_text = false;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let (length, better): (usize, Option<&str>) = match rest[0] {
            b'"' => {
                in_text = !in_text;
                (1, None)
            }
            b'\\' if in_text => match surrogate(rest) {
                Some(_)
                    if rest.get(6..).and_then(surrogate) == Some(Half::Low)
                        && surrogate(rest) == Some(Half::High) =>
                {
                    (12, None)
                }
                Some(_) => (6, Some("\\ufffd")),
                None => (2, None),
            },
            _ if in_text => (1, None),
            b'N' if rest.starts_with(b"NaN") => (3, Some(nan)),
            b'I' if rest.starts_with(b"Infinity") => (8, Some(most)),
            b'-' if rest.starts_with(b"-Infinity") => (9, Some(least)),
            b'-' | b'0'..=b'9' => number(rest, [most, least]),
            _ => (1, None),
        };
        if let Some(better) = better {
            let out = out.get_or_insert_with(Vec::new);
            out.extend_from_slice(&bytes[done..at]);
            out.extend_from_slice(better.as_bytes());
            done = at + length;
        }
        at += length;
    }
    match out {
        None => Cow::Borrowed(bytes),
        Some(mut out) => {
            out.extend_from_slice(&bytes[done..]);
            Cow::Owned(out)
        }
    }
}

/// The length of a number, and its text if it is beyond f64.
fn number(rest: &[u8], [most, least]: [&'static str; 2]) -> (usize, Option<&'static str>) {
    let of_number = |b: &&u8| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    let length = rest.iter().take_while(of_number).count();
    let value = std::str::from_utf8(&rest[..length]).ok().and_then(|text| text.parse::<f64>().ok());
    let better = match value {
        Some(f64::INFINITY) => Some(most),
        Some(f64::NEG_INFINITY) => Some(least),
        _ => None,
    };
    (length, better)
}

#[derive(PartialEq)]
enum Half {
    High,
    Low,
}

/// The half of a surrogate pair that an escape such as `\ud83d` is.
fn surrogate(rest: &[u8]) -> Option<Half> {
    let digits = rest.strip_prefix(b"\\u")?.get(..4)?;
    match u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()? {
        0xd800..=0xdbff => Some(Half::High),
        0xdc00..=0xdfff => Some(Half::Low),
        _ => None,
    }
}

/// A value at a place in a file, such as `rope_scaling.factor`.
struct Place<'a> {
    path: String,
    repeated: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        loop {
            let path = format!("{}{}.", self.path, values.len());
            match list.next_element_seed(Place { path, repeated: &mut *self.repeated })? {
                Some(value) => values.push(value),
                None => return Ok(Value::Array(values)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some(key) = object.next_key::<String>()? {
            let full = format!("{}{key}", self.path);
            let place = Place { path: format!("{full}."), repeated: &mut *self.repeated };
            let value = object.next_value_seed(place)?;
            if values.insert(key, value).is_some() && !self.repeated.contains(&full) {
                self.repeated.push(full);
            }
        }
        Ok(Value::Object(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value(text: &str) -> Option<Value> {
        read("x.json", text.as_bytes(), &mut Vec::new()).ok()
    }

    // The values of Python 3.11's json, with NaN and infinities as texts.
    #[test]
    fn what_python_accepts_is_accepted() {
        let good = [
            (
                r#"{"a": NaN, "b": [Infinity, -Infinity]}"#,
                json!({"a": "NaN", "b": ["Infinity", "-Infinity"]}),
            ),
            (r#"{"a": "NaN, \" Infinity"}"#, json!({"a": "NaN, \" Infinity"})),
            (r#"{"a": 1e400, "b": -1e400}"#, json!({"a": "Infinity", "b": "-Infinity"})),
            ("1000000000000000019884624838656", json!(1e30)),
            (
                r#"["\ud83d\ude00", "\ud83d", "\ude00x", "\\ud83d"]"#,
                json!(["😀", "\u{fffd}", "\u{fffd}x", "\\ud83d"]),
            ),
            (r#"["\ud83d\ud83d\ude00"]"#, json!(["\u{fffd}😀"])),
            ("[1, -2, 0.5, null, true]", json!([1, -2, 0.5, null, true])),
            (r#"{"a": 1, "b": 2, "a": 3}"#, json!({"a": 3, "b": 2})),
        ];
        for (text, right) in good {
            assert_eq!(value(text), Some(right), "{text}");
        }
    }

    #[test]
    fn what_python_refuses_is_refused() {
        let bad = [
            "",
            "{",
            "nan",
            "inf",
            "+1",
            "[1,]",
            "{'a': 1}",
            "NaNa",
            "[Infinity 1]",
            "1 2",
            "\u{feff}{}",
            "\"\n\"",
            "// a\n1",
            "\"\\ud8\"",
            "--1",
            "\"\\",
        ];
        for text in bad {
            assert_eq!(value(text), None, "{text}");
        }
    }

    #[test]
    fn repeated_keys_are_noted_once_with_their_place() {
        let text = br#"{"a": {"b": 1, "b": 2, "b": 3}, "c": [{"d": 1, "d": 2}], "c": 0}"#;
        let mut notes = Vec::new();
        read("x.json", text, &mut notes).unwrap();
        let keys = ["a.b", "c.0.d", "c"]
            .map(|key| Note::RepeatedKey { file: "x.json".to_owned(), key: key.to_owned() });
        assert_eq!(notes, keys);
    }
}
