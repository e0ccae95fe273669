//! `stratoscope compare`: two sentences, one word in several contexts, pairs from a file, by depth.

mod shown;

use crate::args::CompareArgs;
use crate::outcome::{Failure, Result, print};
use crate::output::Output;
use crate::progress::Progress;
use crate::{baseline, input, model};
use std::path::{Path, PathBuf};
use stratoscope::extractor::Inputs;
use stratoscope::{
    CompareSettings, Comparison, Exploration, Explorer, Known, Manifest, MinimalPair, ModelFile,
    Settings, WicPair, explore, parse_minimal_pairs, parse_wic, slug, write_comparison,
};

/// What is to be compared.
enum Job {
    Sentences(String, String),
    Word(Vec<String>, Vec<String>),
    Pairs(Vec<MinimalPair>, String),
    Wic(Vec<WicPair>, String),
}

pub(crate) fn run(args: &CompareArgs) -> Result<()> {
    let mut progress = Progress::new(&args.common);
    let output = Output::new(&args.output, &args.common)?;
    let job = job(args, &progress)?;
    let settings = CompareSettings {
        metric: args.metric.into(),
        pooling: args.pooling.into(),
        seed: args.seed,
    };
    let explorer = model::open(&args.model, &mut progress)?;
    let found = compared(&explorer, &job, &settings, &mut progress)?;
    let explored = match &job {
        Job::Sentences(first, second) if output.is_wanted() => {
            Some(explored(args, &explorer, [first, second], &mut progress)?)
        }
        _ => None,
    };

    let files: Vec<ModelFile> = explorer.model().info.files.iter().map(ModelFile::from).collect();
    let line = std::env::args().collect();
    let written = output.write(
        &mut progress,
        || default_folder(args, &job, &found),
        |folder, overwrite| {
            let explored = explored.as_ref().map(|(exploration, manifest)| (exploration, manifest));
            Ok(write_comparison(folder, &found, explored, &files, line, overwrite)?)
        },
    )?;
    progress.finish();
    if args.common.json {
        return print(&format!("{}\n", serde_json::json!(found)));
    }
    if args.common.quiet {
        return Ok(());
    }
    print(&shown::summary(&found, written.as_ref().map(|(folder, _)| folder.as_path())))
}

/// What the arguments ask for; files are read, and their mistakes found, before a model is loaded.
fn job(args: &CompareArgs, progress: &Progress) -> Result<Job> {
    match (&args.pairs, &args.wic) {
        (Some(path), _) => {
            let place = path.display().to_string();
            let (items, blank_lines) = parse_minimal_pairs(&input::read(path)?, &place)?;
            let pairs = input::items(Inputs { items, blank_lines }, &place, progress);
            Ok(Job::Pairs(pairs, place))
        }
        (None, Some(path)) => {
            let place = path.display().to_string();
            let (items, blank_lines) = parse_wic(&input::read(path)?, &place)?;
            let pairs = input::items(Inputs { items, blank_lines }, &place, progress);
            Ok(Job::Wic(pairs, place))
        }
        (None, None) => match (&args.text[..], &args.word[..]) {
            ([], _) => Err(Failure::usage(
                "there is nothing to compare; give two sentences in quotes, --pairs FILE or --wic FILE",
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

fn compared(
    explorer: &Explorer,
    job: &Job,
    settings: &CompareSettings,
    progress: &mut Progress,
) -> Result<Comparison> {
    let mut step = |s: stratoscope::Step| progress.at(s.what, s.done as u64, s.total as u64);
    Ok(match job {
        Job::Sentences(first, second) => {
            explorer.compare_sentences(first, second, settings, &mut step)?
        }
        Job::Word(texts, words) => explorer.compare_word(texts, words, settings, &mut step)?,
        Job::Pairs(pairs, file) => explorer.compare_pairs(pairs, file, settings, &mut step)?,
        Job::Wic(pairs, file) => explorer.compare_wic(pairs, file, settings, &mut step)?,
    })
}

/// Both sentences in one exploration, so that their maps have one basis.
fn explored(
    args: &CompareArgs,
    explorer: &Explorer,
    [first, second]: [&String; 2],
    progress: &mut Progress,
) -> Result<(Exploration, Manifest)> {
    progress.at("measuring", 0, 1);
    let states = explorer.extract(&[first.as_str(), second.as_str()])?;
    let baseline = baseline::find(&args.model, &states.origin, None, progress)?;
    let settings = Settings { metric: args.metric.into(), seed: args.seed, ..Settings::default() };
    let manifest = Manifest::new(&states, None, &settings);
    let known = Known { baseline: baseline.as_ref(), ..Known::default() };
    let mut step = |s: stratoscope::Step| progress.at(s.what, s.done as u64, s.total as u64);
    Ok((explore(states, &settings, known, &mut step)?, manifest))
}

/// `stratoscope-out/<model>--compare--<what>--<hash8>`.
fn default_folder(args: &CompareArgs, job: &Job, found: &Comparison) -> Result<PathBuf> {
    let what = match job {
        Job::Sentences(first, _) => slug(first),
        Job::Word(_, words) => slug(&words.join(" ")),
        Job::Pairs(_, file) | Job::Wic(_, file) => {
            slug(&Path::new(file).file_stem().unwrap_or_default().to_string_lossy())
        }
    };
    let what: String = what.chars().take(40).collect();
    let (model, hash) = (slug(model::short_name(&args.model)), found.hash8()?);
    let parts = [model.as_str(), "compare", what.trim_end_matches('-'), &hash];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Ok(PathBuf::from("stratoscope-out").join(parts.join("--")))
}
