//! `stratoscope probe`: probes of a label, or of a task of the user.

mod contrast;
mod pairs;

use crate::args::{ApplyArgs, InputArgs, ProbeArgs, ProbeCommand};
use crate::exit::{Failure, Result, print_json, print_text};
use crate::extract::check_place;
use crate::progress::Progress;
use crate::run::Run;
use crate::{input, model, states};
use stratoscope::crates::loader::path_text;
use stratoscope::pairs::Embedder;
use stratoscope::probe::{ConlluCorpus, FIGURES, Labelled, Options, Report, SavedProbe, TsvTask};
use stratoscope::{Pooler, Pooling, Text};

/// The data, read before the model is loaded, to fail early.
enum Data {
    Corpus(Box<ConlluCorpus>),
    Task(TsvTask),
}

pub(crate) fn run(args: &ProbeArgs) -> Result<()> {
    if let Some(ProbeCommand::Apply(apply)) = &args.command {
        return self::apply(apply);
    }
    if let [first, second] = args.contrast.as_slice() {
        return contrast::run(args, first, second);
    }
    if let Some(path) = &args.pairs {
        return pairs::run(args, path);
    }
    let run = Run::new(&args.output, &args.common, &FIGURES)?;
    if let Some(path) = &args.save {
        // Not a `requires` of clap: an argument that conflicts with --tsv would satisfy it.
        if args.tsv.is_none() {
            return Err(Failure::usage(
                "--save needs --tsv, --pairs or --contrast: only the result of a task of your own can be saved",
            ));
        }
        check_place(path, args.output.overwrite)?;
    }
    let data = data(args, &run.progress)?;
    let labelled = match &data {
        Data::Corpus(corpus) => Labelled::Corpus(corpus),
        Data::Task(task) => Labelled::Task(task),
    };
    if let Some(given) = states::given(&args.states, || Ok(Some(texts(&data))), &run.progress)? {
        let known = !given.states().origin.states.is_empty();
        if args.save.is_some() && !known {
            return Err(Failure::usage(
                "--save needs the model, which apply compares by its weights; these states are of an unknown model",
            ));
        }
        let pooling = args.pooling.map_or_else(Pooling::default, Pooling::from);
        let report = given.probe(labelled, &options(args, pooling, STATE_MEMORY))?;
        return finish(args, run, &report);
    }
    let explorer = model::open(&args.model, &run.progress)?;
    let whole_texts = matches!(&data, Data::Task(task) if !task.has_spans());
    let pooling =
        text_pooling(model::pooler(&explorer, args.pooling, whole_texts, &run.progress)?)?;
    let memory = model::state_memory(&explorer, &args.model);
    let report = explorer.probe(labelled, &options(args, pooling, memory))?;
    drop(explorer);
    finish(args, run, &report)
}

/// The memory for the vectors of words, beside states that are in memory.
const STATE_MEMORY: u64 = 4 << 30;

/// The texts of the data, in order.
fn texts(data: &Data) -> Vec<Text> {
    match data {
        Data::Corpus(corpus) => corpus.texts().cloned().collect(),
        Data::Task(task) => task.rows().iter().map(|row| Text::from(row.text.as_str())).collect(),
    }
}

/// Keeps the probe, if it is wanted, and ends the command.
fn finish(args: &ProbeArgs, run: Run<'_>, report: &Report) -> Result<()> {
    if let Some((path, saved)) = args.save.as_ref().zip(report.saved.as_ref()) {
        saved.save(path)?;
    }
    run.finish(report, args.save.as_deref().as_slice())
}

fn options(args: &ProbeArgs, pooling: Pooling, memory: u64) -> Options {
    Options {
        labels: args.label.clone(),
        filters: args.filters.clone(),
        layers: args.layers.clone().unwrap_or_default(),
        pooling,
        long: args.long.into(),
        strength: args.strength,
        control: args.control,
        random_weights: args.random_weights,
        mlp: args.mlp,
        mdl: args.mdl,
        mix: args.mix,
        structural: args.structural,
        seed: args.seed,
        memory,
    }
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
                "no corpus; give --corpus FILE, or --train FILE and --test FILE, or --tsv FILE, or --pairs FILE, or --contrast FILE FILE",
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
    if Embedder::is_embedder(&args.probe) {
        return pairs::apply(args, &progress);
    }
    let saved = SavedProbe::load(&args.probe)?;
    let texts = input::texts(&given_texts(args), &progress)?;
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

/// The texts that the arguments name.
fn given_texts(args: &ApplyArgs) -> InputArgs {
    InputArgs {
        text: args.text.clone(),
        file: args.file.clone(),
        field: args.field.clone(),
        pairs: false,
        long: args.long,
    }
}
