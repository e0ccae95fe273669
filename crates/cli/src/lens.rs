//! `stratoscope lens`: what each layer would predict.

use crate::args::LensArgs;
use crate::exit::{Failure, Result};
use crate::extract::check_place;
use crate::progress::Progress;
use crate::run::Run;
use crate::{input, model};
use std::path::Path;
use stratoscope::crates::extractor::{ReadOptions, TextReader};
use stratoscope::crates::loader::path_text;
use stratoscope::lens::{FIGURES, FitOptions, Options, Translators};

pub(crate) fn run(args: &LensArgs) -> Result<()> {
    let run = Run::new(&args.output, &args.common, &FIGURES)?;
    if let Some(corpus) = &args.fit {
        return fit(args, corpus, run);
    }
    let pickled = args.jacobian.as_ref().or(args.tuned.as_ref().filter(|path| !is_own(path)));
    if let Some(path) = pickled.filter(|_| !args.model.run.hub.allow_pickle) {
        return Err(Failure::usage(format!(
            "{} is a PyTorch file; --allow-pickle reads it (nothing in it is executed)",
            path_text(path)
        )));
    }
    let text = text(args, &run.progress)?;
    let options =
        Options { top: args.top.into(), targets: args.target.clone(), perplexity: args.perplexity };
    let explorer = model::open(&args.model, &run.progress)?;
    let architecture = explorer.model().transformer.architecture();
    let (n_layers, d_model) = (architecture.n_layers, architecture.d_model);
    let translators = match (&args.jacobian, &args.tuned) {
        (Some(path), _) => Some(Translators::jacobian(path, n_layers, d_model)?),
        (None, Some(path)) => Some(Translators::tuned(path, n_layers, d_model)?),
        (None, None) => None,
    };
    let own = explorer.origin();
    if let Some(fitted) = translators.as_ref().and_then(|maps| maps.model.as_ref())
        && fitted.states != own.states
    {
        run.progress.warning(&format!(
            "the lens was fitted to {}, and {} has other weights, or another config or tokenizer",
            fitted.model, own.model
        ));
    }
    let report = explorer.lens_through(&text, &options, translators.as_ref())?;
    drop(explorer);
    run.finish(&report, &[])
}

/// Whether a lens is a file that `--fit` wrote.
fn is_own(path: &Path) -> bool {
    path.extension().is_some_and(|end| end.eq_ignore_ascii_case("safetensors"))
}

/// `lens --fit`.
fn fit(args: &LensArgs, path: &Path, run: Run<'_>) -> Result<()> {
    if let Some(path) = &args.save {
        if !is_own(path) {
            return Err(Failure::usage("--save writes a .safetensors file; give it that ending"));
        }
        check_place(path, args.output.overwrite)?;
    }
    let options = ReadOptions { field: args.field.clone(), ..ReadOptions::default() };
    let place = path_text(path);
    let read = TextReader::open(path, &options)?.read_all()?;
    let texts = input::items(read, &place, &run.progress);
    let explorer = model::open(&args.model, &run.progress)?;
    let memory = model::state_memory(&explorer, &args.model);
    let options = FitOptions { long: args.long.into(), memory, ..FitOptions::default() };
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let fitted = explorer.fit_lens(&name, texts, &options)?;
    if let Some(path) = &args.save {
        fitted.translators.save(path)?;
    }
    drop(explorer);
    run.finish(&fitted, args.save.as_deref().as_slice())
}

/// The text: TEXT, or the only line of standard input.
fn text(args: &LensArgs, progress: &Progress) -> Result<String> {
    let given = args.text.as_deref().unwrap_or_default();
    if given != "-" {
        input::not_files(&[given.to_owned()], "- <")?;
        return Ok(given.to_owned());
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
