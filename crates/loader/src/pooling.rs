//! The pooling of several vectors to one, and `1_Pooling/config.json`.

use crate::error::{Error, Result};
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
}

impl Pooling {
    /// Reads sentence-transformers' `1_Pooling/config.json`.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        const FILE: &str = "1_Pooling/config.json";
        let config: Value = serde_json::from_slice(bytes)
            .map_err(|source| Error::Json { file: FILE.to_owned(), source })?;
        let modes = [
            ("pooling_mode_cls_token", Self::First),
            ("pooling_mode_lasttoken", Self::Last),
            ("pooling_mode_mean_tokens", Self::Mean),
            ("pooling_mode_max_tokens", Self::Max),
        ];
        let on: Vec<&str> = config
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(key, value)| key.starts_with("pooling_mode_") && **value == Value::Bool(true))
            .map(|(key, _)| key.as_str())
            .collect();
        match (on.as_slice(), modes.iter().find(|(key, _)| on.first() == Some(key))) {
            ([_], Some((_, pooling))) => Ok(*pooling),
            _ => Err(Error::Config {
                file: FILE.to_owned(),
                key: "pooling_mode_…".to_owned(),
                value: if on.is_empty() { "true for none".to_owned() } else { on.join(" + ") },
                reason: "one of cls_token, lasttoken, mean_tokens and max_tokens is supported"
                    .to_owned(),
            }),
        }
    }

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Last => "last",
            Self::Mean => "mean",
            Self::Max => "max",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_and_mixtures_refused() {
        let parse = |text: &str| Pooling::parse(text.as_bytes());
        let mean = r#"{"pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true}"#;
        assert_eq!(parse(mean).unwrap(), Pooling::Mean);
        assert_eq!(parse(r#"{"pooling_mode_cls_token": true}"#).unwrap(), Pooling::First);
        for bad in [
            r#"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true}"#,
            r#"{"pooling_mode_weightedmean_tokens": true}"#,
            "{}",
            "[]",
            "{",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
