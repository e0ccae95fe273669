//! `stratoscope verify`: compares a model with candle-transformers' implementation of it.

use crate::args::VerifyArgs;
use crate::exit::{Failure, Result};

#[cfg(not(feature = "second-opinion"))]
pub(crate) fn run(args: &VerifyArgs) -> Result<()> {
    let _ = (&args.name, &args.text, &args.token_ids, &args.hub);
    Err(Failure::usage(
        "this build cannot verify models; cargo install --path crates/cli --features second-opinion builds one that can",
    ))
}

#[cfg(feature = "second-opinion")]
pub(crate) use with::run;

#[cfg(feature = "second-opinion")]
mod with {
    use super::{Failure, Result, VerifyArgs};
    use crate::exit::{print_json, print_text};
    use crate::progress::Progress;
    use crate::{input, model};
    use serde_json::{Value, json};
    use std::fmt::Write;
    use stratoscope::crates::extractor::parse_token_ids;
    use stratoscope::crates::loader::path_text;
    use stratoscope::verification::{VERIFY_TOLERANCE, Verdict, Verification};

    /// The default texts: a short and a longer text.
    const TEXTS: [&str; 2] = [
        "The bank by the river refused the loan.",
        "After the long winter nobody in the village expected the old bridge, closed since 1987, to open by May.",
    ];

    pub(crate) fn run(args: &VerifyArgs) -> Result<()> {
        let progress = Progress::new(&args.common);
        let ids = match &args.token_ids {
            Some(path) => {
                let place = path_text(path);
                let inputs = parse_token_ids(&input::read(path)?, &place)?;
                let ids = input::items(inputs, &place, &progress);
                Some(ids.into_iter().map(|(_, ids)| ids).collect())
            }
            None => None,
        };
        let source = model::source(&args.name, &args.hub)?;
        let explorer = model::open_named(&args.name, &args.hub, None, false, &progress)?;
        let ids = match explorer.model().tokenizer {
            None if ids.is_none() && args.text.is_empty() => {
                Some(spread_ids(explorer.model().transformer.architecture().d_vocab))
            }
            _ => ids,
        };
        progress.part("running both implementations");
        let verification = match &ids {
            Some(ids) => explorer.verify_ids(&source, ids)?,
            None if args.text.is_empty() => explorer.verify(&source, &TEXTS)?,
            None => {
                let texts: Vec<&str> = args.text.iter().map(String::as_str).collect();
                explorer.verify(&source, &texts)?
            }
        };
        progress.finish();
        let verdict = words(&verification);
        if args.common.json {
            print_json("verify", as_json(&verification))?;
        } else {
            let mut text = String::new();
            // Writing to a String cannot fail.
            let _ = table(&mut text, &verification);
            if verification.verdict() == Verdict::Agree {
                let _ = writeln!(text, "{verdict}");
            }
            print_text(&text)?;
        }
        match verification.verdict() {
            Verdict::Agree => Ok(()),
            _ => Err(Failure::check(verdict)),
        }
    }

    /// Token ids for a model without a tokenizer: one token, and a sequence spread over the
    /// vocabulary.
    fn spread_ids(d_vocab: usize) -> Vec<Vec<u32>> {
        let id = |i: usize| (i.wrapping_mul(7919).wrapping_add(5) % d_vocab.max(1)) as u32;
        vec![vec![id(0)], (0..24).map(id).collect()]
    }

    /// The verdict, as one line.
    fn words(verification: &Verification) -> String {
        match verification.verdict() {
            Verdict::Agree => format!(
                "agrees with candle-transformers, within {VERIFY_TOLERANCE:.0e} of the largest number of each token"
            ),
            Verdict::KnownDeviation => {
                let mut known: Vec<_> =
                    verification.texts.iter().flat_map(|t| &t.deviations).copied().collect();
                known.sort_unstable();
                known.dedup();
                format!("differs; known: {}", known.join("; "))
            }
            Verdict::Differ => format!(
                "differs from candle-transformers by more than {VERIFY_TOLERANCE:.0e} of the largest number of a token, and no known deviation explains it"
            ),
        }
    }

    fn table(text: &mut String, verification: &Verification) -> std::fmt::Result {
        writeln!(text, "{}", verification.model)?;
        for one in &verification.texts {
            let short: String = one.text.chars().take(60).collect();
            let cut = if short.len() < one.text.len() { "…" } else { "" };
            let tokens = if one.tokens == 1 { "token" } else { "tokens" };
            writeln!(text, "\n{short}{cut}  ({} {tokens})", one.tokens)?;
            writeln!(text, "  {:<20}{:>10}{:>10}{:>10}", "", "absolute", "relative", "of")?;
            for q in &one.quantities {
                let rows = if q.tokens == one.tokens { "" } else { "  last token only" };
                writeln!(
                    text,
                    "  {:<20}{:>10.1e}{:>10.1e}{:>10.3}{rows}",
                    q.quantity.to_string(),
                    q.largest_absolute,
                    q.largest_relative,
                    q.of
                )?;
            }
        }
        writeln!(text)
    }

    fn as_json(verification: &Verification) -> Value {
        json!({
            "model": verification.model,
            "verdict": verification.verdict(),
            "tolerance": VERIFY_TOLERANCE,
            "texts": verification.texts.iter().map(|one| json!({
                "text": one.text,
                "tokens": one.tokens,
                "verdict": one.verdict,
                "known_deviations": one.deviations,
                "quantities": one.quantities.iter().map(|q| json!({
                    "quantity": q.quantity.to_string(),
                    "tokens": q.tokens,
                    "largest_absolute": q.largest_absolute,
                    "largest_relative": q.largest_relative,
                    "of": q.of,
                })).collect::<Value>(),
            })).collect::<Value>(),
        })
    }
}
