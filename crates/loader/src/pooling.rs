//! The poolings of several vectors to one, and the pooling file of sentence-transformers.

use crate::error::{Error, Result};
use crate::json;
use crate::note::Note;
use crate::sentences::Keys;
use serde_json::Value;

/// The pooling of several vectors to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pooling {
    /// The first vector (of a sentence: the first special token, such as `[CLS]`).
    First,
    /// The last vector.
    Last,
    /// The mean.
    #[default]
    Mean,
    /// The maximum in each dimension.
    Max,
    /// The sum, divided by the square root of the number of vectors.
    MeanSqrtLen,
    /// The mean, with weight 1 for the first vector, 2 for the second, and so on.
    WeightedMean,
}

/// sentence-transformers' names: of `pooling_mode`, and of the older flags. The order is that in which
/// it joins the poolings of flags.
const MODES: [(&str, &str, Pooling); 6] = [
    ("cls", "pooling_mode_cls_token", Pooling::First),
    ("max", "pooling_mode_max_tokens", Pooling::Max),
    ("mean", "pooling_mode_mean_tokens", Pooling::Mean),
    ("mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens", Pooling::MeanSqrtLen),
    ("weightedmean", "pooling_mode_weightedmean_tokens", Pooling::WeightedMean),
    ("lasttoken", "pooling_mode_lasttoken", Pooling::Last),
];

impl Pooling {
    /// All poolings.
    pub const ALL: [Self; 6] =
        [Self::First, Self::Last, Self::Mean, Self::Max, Self::MeanSqrtLen, Self::WeightedMean];

    /// Reads the config of sentence-transformers' pooling: one pooling, or several side by side.
    pub(crate) fn parse(file: &str, bytes: &[u8], notes: &mut Vec<Note>) -> Result<Vec<Self>> {
        let mut keys = Keys::of(file, json::read(file, bytes, notes)?)?;
        let widths = ["embedding_dimension", "word_embedding_dimension"];
        let is_sized = widths.map(|key| keys.take(key)).iter().any(Option::is_some);
        // No prompt is put before a text here.
        keys.flag("include_prompt", true)?;
        const KEY: &str = "pooling_mode";
        let mode = keys.take(KEY);
        let flags = MODES.iter().filter(|mode| keys.has(mode.1)).count();
        let mut of_flags = Vec::new();
        for (_, key, pooling) in &MODES {
            if keys.flag(key, false)? {
                of_flags.push(*pooling);
            }
        }
        keys.done()?;
        let wrong = |value: &Value| Error::Config {
            file: file.to_owned(),
            key: KEY.to_owned(),
            value: value.to_string(),
            reason: format!("one or several of {} are expected", list(|m| m.0)),
        };
        let Some(mode) = mode else {
            return match of_flags.is_empty() {
                false => Ok(of_flags),
                true if flags > 0 || is_sized => Ok(vec![Self::Mean]),
                true => Err(wrong(&Value::Null)),
            };
        };
        let names = match &mode {
            Value::Array(names) => names.as_slice(),
            one => std::slice::from_ref(one),
        };
        let of_name = |name: &Value| MODES.iter().find(|mode| name.as_str() == Some(mode.0));
        let poolings: Option<Vec<Self>> = names.iter().map(|n| Some(of_name(n)?.2)).collect();
        poolings.filter(|poolings| !poolings.is_empty()).ok_or_else(|| wrong(&mode))
    }

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Last => "last",
            Self::Mean => "mean",
            Self::Max => "max",
            Self::MeanSqrtLen => "mean-sqrt-len",
            Self::WeightedMean => "weighted-mean",
        }
    }
}

/// The names of all modes.
fn list(name: fn(&(&'static str, &'static str, Pooling)) -> &'static str) -> String {
    MODES.iter().map(name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Pooling>> {
        Pooling::parse("1_Pooling/config.json", text.as_bytes(), &mut Vec::new())
    }

    // The right sides follow `load_config` and `__init__` of sentence-transformers 6.2's Pooling.
    #[test]
    fn old_and_new_spellings_are_read() {
        use Pooling::{First, Last, Max, Mean, MeanSqrtLen, WeightedMean};
        let good: &[(&str, &[Pooling])] = &[
            (r#"{"pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true}"#, &[Mean]),
            (r#"{"pooling_mode_cls_token": true}"#, &[First]),
            (r#"{"pooling_mode_lasttoken": true, "include_prompt": false}"#, &[Last]),
            (
                r#"{"pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": true}"#,
                &[Max, Mean],
            ),
            (r#"{"pooling_mode_mean_tokens": false}"#, &[Mean]),
            (r#"{"word_embedding_dimension": 8}"#, &[Mean]),
            (
                r#"{"embedding_dimension": 8, "pooling_mode": "mean", "include_prompt": true}"#,
                &[Mean],
            ),
            (r#"{"pooling_mode": "cls", "pooling_mode_mean_tokens": true}"#, &[First]),
            (
                r#"{"pooling_mode": ["weightedmean", "lasttoken", "max"]}"#,
                &[WeightedMean, Last, Max],
            ),
            (r#"{"pooling_mode": ["mean_sqrt_len_tokens"]}"#, &[MeanSqrtLen]),
            (r#"{"pooling_mode": "cls", "pooling_mode": "max"}"#, &[Max]),
        ];
        for (text, right) in good {
            assert_eq!(parse(text).unwrap(), *right, "{text}");
        }
    }

    #[test]
    fn other_poolings_are_refused_by_name() {
        for (text, name) in [
            (r#"{"pooling_mode": "median"}"#, "median"),
            (r#"{"pooling_mode": ["mean", "median"]}"#, "median"),
            (r#"{"pooling_mode": []}"#, "[]"),
            (r#"{"pooling_mode": null}"#, "null"),
            (r#"{"pooling_mode_median": true}"#, "pooling_mode_median"),
            ("{}", "pooling_mode"),
            ("[]", "whole file"),
            ("{", "1_Pooling/config.json"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(name), "{text}: {error}");
        }
    }
}
