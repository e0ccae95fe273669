//! What a browser says: nothing about options and commands of the terminal, which its user does not have.

use crate::exit::Failure;
use std::borrow::Cow;
use stratoscope::Error;
use stratoscope::crates::extractor::Error as Input;
use stratoscope::crates::report::Report;

/// Why a page has no curves.
const NOT_MEASURED: &str = "what changes with depth is not measured for this model";

/// The error of a request, with advice for the user of a browser.
pub(super) fn told(error: impl Into<Error>) -> Failure {
    let error = error.into();
    let Error::Extractor(input) = &error else { return error.into() };
    Failure::input(match input {
        Input::TooLong { place, tokens, limit } => format!(
            "{place} has {tokens} tokens, and the model reads at most {limit}: shorten it, or put its \
             sentences on separate lines"
        ),
        Input::NoTokenizer { model, reason } => {
            format!("the model {model} has no tokenizer ({reason}): choose another model")
        }
        Input::PairWindows { .. } | Input::HooksInWindows => {
            "the text is too long for this model: shorten it, or put its sentences on separate lines"
                .to_owned()
        }
        Input::Memory { .. } => {
            "there is not enough memory for these texts: choose fewer or shorter texts".to_owned()
        }
        _ => return error.into(),
    })
}

/// A message without the parts that name a command, an option or a variable of the terminal: clauses
/// (after a colon or a semicolon) and parentheses.
pub(crate) fn without_commands(message: &str) -> Cow<'_, str> {
    if !names_command(message) {
        return Cow::Borrowed(message);
    }
    let mut open = String::with_capacity(message.len());
    let mut rest = message;
    while let Some((before, inside, after)) = parenthesis(rest) {
        open += match names_command(inside) {
            true => before.trim_end(),
            false => &rest[..rest.len() - after.len()],
        };
        rest = after;
    }
    open += rest;
    let mut kept = String::with_capacity(open.len());
    for clause in open.split_inclusive([';', ':']) {
        if !names_command(clause) {
            kept += clause;
        }
    }
    let kept = kept.trim_end_matches([';', ':', ' ', ',']).trim_start();
    Cow::Owned(if kept.is_empty() {
        "this is not possible here".to_owned()
    } else {
        kept.to_owned()
    })
}

/// The text before the first parenthesis, in it, and after it.
fn parenthesis(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('(')?;
    let (inside, after) = rest.split_once(')')?;
    Some((before, inside, after))
}

/// Whether a text names a command of the program, an option, or a variable of the environment.
fn names_command(text: &str) -> bool {
    let is_option = |word: &str| {
        let word = word.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '-');
        word.strip_prefix("--")
            .is_some_and(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))
            || word.starts_with("HF_")
    };
    text.contains("`stratoscope ") || text.split_whitespace().any(is_option)
}

/// Leaves out of a page what names a command: how to measure a model, and how to get what is omitted.
pub(super) fn in_browser(page: &mut Report) {
    let clean = |text: &mut String| {
        if let Cow::Owned(kept) = without_commands(text) {
            *text = kept;
        }
    };
    for exploration in &mut page.explorations {
        exploration.omitted.iter_mut().for_each(|omitted| clean(&mut omitted.why));
        if let Some(text) = exploration.story.as_mut().and_then(|story| story.not_measured.as_mut())
        {
            *text = NOT_MEASURED.to_owned();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use stratoscope::crates::loader::ErrorKind;
    use stratoscope::crates::report::{Exploration, Omitted, Story};

    fn said(error: impl Into<Error>) -> String {
        without_commands(&told(error).to_string()).into_owned()
    }

    #[test]
    fn errors_advise_what_a_browser_can_do() {
        let place = || "line 2 of the text box".to_owned();
        let long = Input::TooLong { place: place(), tokens: 62, limit: 37 };
        assert_eq!(
            said(long),
            "line 2 of the text box has 62 tokens, and the model reads at most 37: shorten it, or put \
             its sentences on separate lines"
        );
        let none = Input::NoTokenizer { model: "a/b".to_owned(), reason: "no file".to_owned() };
        assert_eq!(said(none), "the model a/b has no tokenizer (no file): choose another model");
        assert_eq!(told(Input::HooksInWindows).kind(), ErrorKind::BadInput);
        for error in [
            Input::Memory { bytes: 1 << 40, free: 1 << 30 },
            Input::HooksInWindows,
            Input::PairWindows { place: place() },
            Input::TooLarge { place: place(), bytes: 9, max: 8 },
            Input::NoTokens { place: place() },
        ] {
            let text = said(error);
            assert!(!names_command(&text) && text.len() > 20, "{text}");
        }
        let said = said(Error::NotEmpty { path: PathBuf::from("x") });
        assert_eq!(said, "x is not empty");
    }

    #[test]
    fn parts_that_name_a_command_are_left_out_and_others_stay() {
        for (message, kept) in [
            ("a: b; c (d)", "a: b; c (d)"),
            ("a -- b - c: d-e", "a -- b - c: d-e"),
            (
                "are in x.bin, a pickle: pass --allow-pickle to read it (safe), or save it",
                "are in x.bin, a pickle",
            ),
            ("shorten it (--long cut), please; or wait", "shorten it, please; or wait"),
            (
                "x; run once with a network (without --offline and HF_HUB_OFFLINE)",
                "x; run once with a network",
            ),
            ("no folder; set HF_HOME, or name it (--cache-dir)", "no folder"),
            (
                "not measured yet: run `stratoscope profile --model x` (about 40 s)",
                "not measured yet",
            ),
            ("choose --layers", "this is not possible here"),
        ] {
            assert_eq!(without_commands(message), kept);
        }
    }

    #[test]
    fn a_page_names_no_command() {
        let mut page = Report::new("explore", "t", "t");
        page.explorations.push(Exploration {
            story: Some(Story {
                not_measured: Some("not measured: run `stratoscope profile`".to_owned()),
                ..Story::default()
            }),
            omitted: vec![Omitted {
                what: "tsne".to_owned(),
                why: "9 points are too many; choose fewer texts or --layers".to_owned(),
            }],
            ..Exploration::default()
        });
        in_browser(&mut page);
        let [exploration] = &page.explorations[..] else { panic!("one exploration") };
        assert_eq!(exploration.story.as_ref().unwrap().not_measured.as_deref(), Some(NOT_MEASURED));
        assert_eq!(exploration.omitted[0].why, "9 points are too many");
    }
}
