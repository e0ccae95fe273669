//! `stratoscope compare`: two sentences, one word in several contexts, or pairs from a file.

use crate::args::CompareArgs;
use crate::exit::{Failure, Result};
use crate::progress::Progress;
use crate::run::Run;
use crate::{input, model};
use stratoscope::compare::{
    FIGURES, MinimalPair, Options, WicPair, parse_minimal_pairs, parse_wic,
};
use stratoscope::crates::extractor::Inputs;
use stratoscope::crates::loader::path_text;

/// The input of a comparison.
enum Job {
    Sentences(String, String),
    Word(Vec<String>, Vec<String>),
    Pairs(Vec<MinimalPair>, String),
    Wic(Vec<WicPair>, String),
}

pub(crate) fn run(args: &CompareArgs) -> Result<()> {
    let run = Run::new(&args.output, &args.common, &FIGURES)?;
    let job = job(args, &run.progress)?;
    let options =
        Options { metric: args.metric.into(), pooling: args.pooling.into(), seed: args.seed };
    let explorer = model::open(&args.model, &run.progress)?;
    let comparison = match &job {
        Job::Sentences(first, second) => explorer.compare_sentences(first, second, &options)?,
        Job::Word(texts, words) => explorer.compare_word(texts, words, &options)?,
        Job::Pairs(pairs, file) => explorer.compare_pairs(pairs, file, &options)?,
        Job::Wic(pairs, file) => explorer.compare_wic(pairs, file, &options)?,
    };
    drop(explorer);
    run.finish(&comparison, &[])
}

/// Reads the arguments and files. This comes before loading the model, to fail early.
fn job(args: &CompareArgs, progress: &Progress) -> Result<Job> {
    match (&args.pairs, &args.wic) {
        (Some(path), _) => {
            let place = path_text(path);
            let pairs = parse_minimal_pairs(&input::read(path)?, &place)?;
            let pairs = input::items(pairs, &place, progress);
            Ok(Job::Pairs(pairs, place))
        }
        (None, Some(path)) => {
            let place = path_text(path);
            let (items, blank_lines) = parse_wic(&input::read(path)?, &place)?;
            let pairs = input::items(Inputs { items, blank_lines, header: None }, &place, progress);
            Ok(Job::Wic(pairs, place))
        }
        (None, None) => match (input::not_files(&args.text, "--pairs")?, &args.word[..]) {
            ([], _) => Err(Failure::usage(
                "nothing to compare; give two sentences in quotes, --pairs FILE, or --wic FILE",
            )),
            ([first, second], []) => Ok(Job::Sentences(first.clone(), second.clone())),
            (texts, []) => Err(Failure::usage(format!(
                "{} given; compare takes two sentences, or several texts with --word WORD",
                if texts.len() == 1 {
                    "one text".to_owned()
                } else {
                    format!("{} texts", texts.len())
                },
            ))),
            (texts, words) => Ok(Job::Word(texts.to_vec(), words.to_vec())),
        },
    }
}
