//! Measurements in turns, so that other load of the machine affects all tools equally.

use std::time::Duration;

use serde_json::Value;

use crate::failure::Failure;

/// The pause before each turn, in which waiting threads stop spinning.
const PAUSE: Duration = Duration::from_millis(300);

/// Runs `turn` for every tool in each round, and returns the results by tool and round. Each round
/// starts with another tool. A warm-up round does not count.
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

/// The order of the tools in a round; each round starts with another tool.
fn order(n: usize, round: usize) -> impl Iterator<Item = usize> {
    (0..n).map(move |place| (place + round) % n)
}

/// The numbers with a key in the answers.
pub(crate) fn numbers(answers: &[Value], key: &str) -> Vec<f64> {
    answers.iter().filter_map(|answer| answer[key].as_f64()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_tool_has_a_turn_and_the_order_changes() {
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
