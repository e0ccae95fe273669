//! Rounds that alternate, so that whatever else the machine does meets everybody alike.

use std::time::Duration;

use serde_json::Value;

use crate::failure::Failure;

/// Before each turn: threads that wait for more work by spinning have gone to sleep by then.
const PAUSE: Duration = Duration::from_millis(300);

/// Lets everyone (by `names`) take a turn in each round, and gives what `turn` gave, by name and
/// then by round. The one that begins changes with the round; a warm-up round does not count.
pub(crate) fn interleaved(
    names: &[String],
    rounds: usize,
    warm_up: bool,
    mut turn: impl FnMut(usize) -> Result<Value, Failure>,
) -> Result<Vec<Vec<Value>>, Failure> {
    let mut answers = vec![Vec::with_capacity(rounds); names.len()];
    for round in usize::from(!warm_up)..=rounds {
        for who in order(names.len(), round) {
            std::thread::sleep(PAUSE);
            let answer = turn(who)?;
            let seconds = answer["seconds"].as_f64().unwrap_or(f64::NAN);
            eprintln!("  round {round} of {rounds}: {}: {seconds:.4} s", names[who]);
            if round > 0 {
                answers[who].push(answer);
            }
        }
    }
    Ok(answers)
}

/// The order of a round: everyone once, beginning with another in each.
fn order(n: usize, round: usize) -> impl Iterator<Item = usize> {
    (0..n).map(move |place| (place + round) % n)
}

/// The numbers under a key of answers.
pub(crate) fn numbers(answers: &[Value], key: &str) -> Vec<f64> {
    answers.iter().filter_map(|answer| answer[key].as_f64()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn everyone_has_a_turn_and_the_first_changes() {
        let names = ["a", "b", "c"].map(str::to_owned);
        let mut turns = Vec::new();
        let answers = interleaved(&names, 2, true, |who| {
            turns.push(who);
            Ok(json!({ "seconds": turns.len() }))
        })
        .unwrap();
        assert_eq!(turns, [0, 1, 2, 1, 2, 0, 2, 0, 1]);
        assert_eq!(numbers(&answers[0], "seconds"), [6.0, 8.0]);
        assert_eq!(numbers(&answers[1], "seconds"), [4.0, 9.0]);
        let once = interleaved(&names, 1, false, |_| Ok(json!({}))).unwrap();
        assert!(once.iter().all(|answers| answers.len() == 1));
    }
}
