//! Checks that the compared tools computed the same numbers.

use serde_json::Value;

use crate::failure::Failure;

/// The largest relative difference between numbers that should be equal. An answer of an
/// approximate method has its own `tolerance`.
const TOLERANCE: f64 = 1e-4;

/// The largest relative difference between the sizes of files with the same numbers.
const SIZES: f64 = 0.05;

/// Refuses answers that differ from the first answer in the number of tokens or rows, the means of
/// layers (if an answer has fewer layers, they are the last ones), or the size of files.
pub(crate) fn check(what: &str, answers: &[(String, Value)]) -> Result<(), Failure> {
    let Some(((first, expected), others)) = answers.split_first() else { return Ok(()) };
    for (name, found) in others {
        if let Some(reason) = difference(expected, found) {
            return Err(Failure::Check(format!(
                "{what}: {first} and {name} do not compute the same numbers: {reason}"
            )));
        }
    }
    Ok(())
}

fn difference(expected: &Value, found: &Value) -> Option<String> {
    for key in ["tokens", "rows"] {
        if expected[key] != found[key] {
            return Some(format!("{key} {} and {}", expected[key], found[key]));
        }
    }
    let numbers = |value: &Value| -> Vec<f64> {
        let list = value["check"].as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter().map(|number| number.as_f64().unwrap_or(f64::NAN)).collect()
    };
    let (ours, theirs) = (numbers(expected), numbers(found));
    if theirs.len() > ours.len() || theirs.is_empty() != ours.is_empty() {
        return Some(format!("{} numbers to compare and {}", ours.len(), theirs.len()));
    }
    let last = &ours[ours.len() - theirs.len()..];
    let tolerance = found["tolerance"].as_f64().unwrap_or(TOLERANCE);
    if let Some((a, b)) = last.iter().zip(&theirs).find(|(a, b)| !near(**a, **b, tolerance)) {
        return Some(format!("{a} and {b}"));
    }
    match (expected["bytes"].as_f64(), found["bytes"].as_f64()) {
        (Some(a), Some(b)) if !near(a, b, SIZES) => Some(format!("files of {a} and {b} bytes")),
        _ => None,
    }
}

/// Whether two numbers agree; NaN agrees with no number.
fn near(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * a.abs().max(b.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_with_other_numbers_are_refused() {
        let ours = json!({ "tokens": 9, "check": [0.5, 0.4, 0.3], "bytes": 1000 });
        let reason = |theirs: Value| difference(&ours, &theirs);
        assert_eq!(reason(json!({ "tokens": 9, "check": [0.5, 0.40001, 0.3] })), None);
        assert_eq!(reason(json!({ "tokens": 9, "check": [0.301], "tolerance": 0.01 })), None);
        // Only the last layer.
        assert_eq!(reason(json!({ "tokens": 9, "check": [0.30001] })), None);
        for (theirs, said) in [
            (json!({ "tokens": 8, "check": [0.3] }), "tokens 9 and 8"),
            (json!({ "tokens": 9, "check": [0.5, 0.41, 0.3] }), "0.4 and 0.41"),
            (json!({ "tokens": 9, "check": [null] }), "0.3 and NaN"),
            (json!({ "tokens": 9 }), "3 numbers to compare and 0"),
            (json!({ "tokens": 9, "check": [0.3], "bytes": 900 }), "1000 and 900 bytes"),
        ] {
            assert_eq!(reason(theirs.clone()).as_deref().map(|r| r.contains(said)), Some(true));
            let answers = [("we".to_owned(), ours.clone()), ("they".to_owned(), theirs)];
            let message = check("states", &answers).unwrap_err().to_string();
            assert!(message.contains("states: we and they"), "{message}");
        }
    }
}
