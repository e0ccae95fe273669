//! `stratoscope probe`: probes of a label, or of a task of the user.

use crate::args::{ApplyArgs, InputArgs, ProbeArgs, ProbeCommand};
use crate::exit::{Failure, Result, print_json, print_text};
use crate::extract::check_place;
use crate::progress::Progress;
use crate::run::Run;
use crate::{input, model};
use stratoscope::crates::loader::path_text;
use stratoscope::probe::{ConlluCorpus, FIGURES, Labelled, Options, SavedProbe, TsvTask};
use stratoscope::{Pooler, Pooling};

/// The data, read before the model is loaded, to fail early.
enum Data {
    Corpus(Box<ConlluCorpus>),
    Task(TsvTask),
}

pub(crate) fn run(args: &ProbeArgs) -> Result<()> {
    if let Some(ProbeCommand::Apply(apply)) = &args.command {
        return self::apply(apply);
    }
    let run = Run::new(&args.output, &args.common, &FIGURES)?;
    if let Some(path) = &args.save {
        // Not a `requires` of clap: an argument that conflicts with --tsv would satisfy it.
        if args.tsv.is_none() {
            return Err(Failure::usage(
                "--save needs --tsv FILE: only the probe of a task of your own can be saved",
            ));
        }
        check_place(path, args.output.overwrite)?;
    }
    let data = data(args, &run.progress)?;
    let explorer = model::open(&args.model, &run.progress)?;
    let labelled = match &data {
        Data::Corpus(corpus) => Labelled::Corpus(corpus),
        Data::Task(task) => Labelled::Task(task),
    };
    let whole_texts = matches!(&data, Data::Task(task) if !task.has_spans());
    let pooling =
        text_pooling(model::pooler(&explorer, args.pooling, whole_texts, &run.progress)?)?;
    let options = Options {
        labels: args.label.clone(),
        filters: args.filters.clone(),
        layers: args.layers.clone().unwrap_or_default(),
        pooling,
        long: args.long.into(),
        strength: args.strength,
        control: args.control,
        random_weights: args.random_weights,
        mdl: args.mdl,
        mix: args.mix,
        structural: args.structural,
        seed: args.seed,
        memory: model::state_memory(&explorer, &args.model),
    };
    let report = explorer.probe(labelled, &options)?;
    if let Some((path, saved)) = args.save.as_ref().zip(report.saved.as_ref()) {
        saved.save(path)?;
    }
    drop(explorer);
    run.finish(&report, args.save.as_deref().as_slice())
}

/// The pooling of a vector. A probe reads states, so it leaves out what follows the pooling.
fn text_pooling(pooler: Pooler) -> Result<Pooling> {
    match pooler.poolings.as_slice() {
        [pooling] => Ok(*pooling),
        _ => Err(Failure::usage(format!(
            "the model has several poolings side by side ({}); choose one (--pooling mean)",
            pooler.name()
        ))),
    }
}

/// Reads the corpus or the task that the arguments name.
fn data(args: &ProbeArgs, progress: &Progress) -> Result<Data> {
    if let Some(path) = &args.tsv {
        let task = TsvTask::read(path)?;
        if let Some(header) = task.header() {
            input::note_header(&path_text(path), header, progress);
        }
        if task.blank_lines() > 0 {
            let (place, n) = (path_text(path), task.blank_lines());
            let lines = if n == 1 { "line" } else { "lines" };
            progress.note(&format!("{place}: {n} blank {lines} skipped"));
        }
        return Ok(Data::Task(task));
    }
    if args.label.is_empty() && !args.structural {
        return Err(Failure::usage(
            "nothing to predict; name a label (--label upos), or choose the structural probe (--structural)",
        ));
    }
    let corpus = match &args.corpus {
        Some(path) => ConlluCorpus::split(path, args.seed)?,
        None if args.train.is_empty() => {
            return Err(Failure::usage(
                "no corpus; give --corpus FILE, or --train FILE and --test FILE, or --tsv FILE",
            ));
        }
        None if args.test.is_empty() && !args.dev.is_empty() => {
            progress.note(
                "no --test: the scores are those on --dev, and the penalty is chosen on a tenth of \
                 --train",
            );
            ConlluCorpus::of_parts(&args.train, &[], &args.dev)?
        }
        None => ConlluCorpus::of_parts(&args.train, &args.dev, &args.test)?,
    };
    Ok(Data::Corpus(Box::new(corpus)))
}

/// `stratoscope probe apply`.
fn apply(args: &ApplyArgs) -> Result<()> {
    let progress = Progress::new(&args.common);
    let saved = SavedProbe::load(&args.probe)?;
    let given = InputArgs {
        text: args.text.clone(),
        file: args.file.clone(),
        field: args.field.clone(),
        pairs: false,
        long: args.long,
    };
    let texts = input::texts(&given, &progress)?;
    let given_texts: Vec<String> = texts.iter().map(|text| text.text.clone()).collect();
    let mut own = Vec::with_capacity(texts.len());
    for text in texts {
        own.push(saved.text(text)?);
    }
    let explorer = model::open(&args.model, &progress)?;
    saved.check_model(&explorer.origin(), &args.probe)?;
    progress.part("texts");
    let predictions = saved.predict(&explorer, own, args.long.into())?;
    progress.finish();
    if args.common.json {
        let texts = given_texts.iter().zip(&predictions).map(|(text, prediction)| {
            let mut all = serde_json::json!(prediction);
            all["text"] = text.as_str().into();
            all
        });
        let all = serde_json::json!({
            "tool": saved.tool,
            "model": saved.model,
            "layer": saved.layer,
            "classes": saved.classes().collect::<Vec<_>>(),
            "texts": texts.collect::<Vec<_>>(),
        });
        return print_json("probe-apply", all);
    }
    let mut lines = String::new();
    for (text, prediction) in given_texts.iter().zip(&predictions) {
        // The text of an argument can have line ends.
        let text = text.replace(['\n', '\r'], " ");
        lines += &format!("{}\t{:.4}\t{text}\n", prediction.label, prediction.probability);
    }
    print_text(&lines)
}
