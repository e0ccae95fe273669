//! `stratoscope lens`: what each layer would predict.

use crate::args::LensArgs;
use crate::exit::{Failure, Result};
use crate::progress::Progress;
use crate::run::Run;
use crate::{input, model};
use stratoscope::crates::extractor::ReadOptions;
use stratoscope::lens::{FIGURES, Options};

pub(crate) fn run(args: &LensArgs) -> Result<()> {
    let run = Run::new(&args.output, &args.common, &FIGURES)?;
    let text = text(args, &run.progress)?;
    let options =
        Options { top: args.top.into(), targets: args.target.clone(), perplexity: args.perplexity };
    let explorer = model::open(&args.model, &run.progress)?;
    let report = explorer.lens(&text, &options)?;
    drop(explorer);
    run.finish(&report, &[])
}

/// The text: TEXT, or the only line of standard input.
fn text(args: &LensArgs, progress: &Progress) -> Result<String> {
    if args.text != "-" {
        input::not_files(std::slice::from_ref(&args.text), "- <")?;
        return Ok(args.text.clone());
    }
    let place = input::STDIN;
    let lines = input::lines_of_stdin(&ReadOptions::default())?;
    let texts = input::items(lines, place, progress);
    match &texts[..] {
        [one] => Ok(one.text.clone()),
        more => {
            Err(Failure::input(format!("{place} has {} lines; lens reads one text", more.len())))
        }
    }
}
