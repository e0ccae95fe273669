//! `stratoscope probe`: what each layer knows of a label, or of a task of the user's own.

use crate::args::{ApplyArgs, InputArgs, ProbeArgs, ProbeCommand};
use crate::extract::check_place;
use crate::outcome::{Failure, Result, hold_interrupts, print};
use crate::output::Output;
use crate::profile::{short, wrapped};
use crate::progress::Progress;
use crate::{input, model};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use stratoscope::probing::{Scored, Scores};
use stratoscope::{
    ConlluCorpus, LabelProbe, LayerProbe, ModelFile, OwnTask, Pooling, Probe, ProbeSettings,
    SavedProbe, StructuralReport, slug, write_probe,
};

/// What is read, before any model is.
enum Data {
    Corpus(Box<ConlluCorpus>),
    Own(OwnTask),
}

pub(crate) fn run(args: &ProbeArgs) -> Result<()> {
    if let Some(ProbeCommand::Apply(apply)) = &args.command {
        return self::apply(apply);
    }
    let mut progress = Progress::new(&args.common);
    let output = Output::new(&args.output, &args.common)?;
    if let Some(path) = &args.save {
        // What conflicts with --tsv would pass a requirement of it in the arguments' definition.
        if args.tsv.is_none() {
            return Err(Failure::usage(
                "--save keeps the probe of a task of your own (--tsv FILE)",
            ));
        }
        check_place(path, args.output.overwrite)?;
    }
    let data = data(args, &progress)?;
    let explorer = model::open(&args.model, &mut progress)?;
    let whole_texts = matches!(&data, Data::Own(task) if !task.has_spans());
    let pooling = args.pooling.map(Pooling::from).unwrap_or_else(|| {
        let own = explorer.model().info.sentence_pooling.filter(|_| whole_texts);
        own.unwrap_or_default()
    });
    let settings = ProbeSettings {
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
        memory: u64::from(args.memory) << 20,
    };
    let mut step = |s: stratoscope::Step| match s.what {
        "states" => progress.tokens(s.what, s.done as u64, s.total as u64),
        what => progress.at(what, s.done as u64, s.total as u64),
    };
    let (probe, saved) = match &data {
        Data::Corpus(corpus) => (explorer.probe(corpus, &settings, &mut step)?, None),
        Data::Own(task) => {
            let (probe, saved) = explorer.probe_own(task, &settings, &mut step)?;
            (probe, Some(saved))
        }
    };
    warn(&probe, &progress);
    let files: Vec<ModelFile> = explorer.model().info.files.iter().map(ModelFile::from).collect();
    let line = std::env::args().collect();
    let written = output.write(
        &mut progress,
        || default_folder(args, &probe),
        |folder, overwrite| Ok(write_probe(folder, &probe, &files, line, overwrite)?),
    )?;
    if let Some((path, saved)) = args.save.as_ref().zip(saved) {
        let _guard = hold_interrupts();
        saved.save(path)?;
    }
    progress.finish();
    if args.common.json {
        return print(&format!("{}\n", probe.numbers()?));
    }
    if args.common.quiet {
        return Ok(());
    }
    let folder = written.as_ref().map(|(folder, _)| folder.as_path());
    print(&summary(&probe, folder, args.save.as_deref()))
}

/// Reads the corpus or the task that the arguments name.
fn data(args: &ProbeArgs, progress: &Progress) -> Result<Data> {
    if let Some(path) = &args.tsv {
        let task = OwnTask::read(path)?;
        if task.blank_lines() > 0 {
            let (place, n) = (path.display(), task.blank_lines());
            let lines = if n == 1 { "line" } else { "lines" };
            progress.note(&format!("{place}: {n} blank {lines} skipped"));
        }
        return Ok(Data::Own(task));
    }
    if args.label.is_empty() && !args.structural {
        return Err(Failure::usage(
            "there is nothing to predict; name a label (--label upos), or ask for trees (--structural)",
        ));
    }
    let corpus = match &args.corpus {
        Some(path) => ConlluCorpus::split(path, args.seed)?,
        None if args.train.is_empty() => {
            return Err(Failure::usage(
                "there is no corpus; give --corpus FILE, --train FILE and --test FILE, or --tsv FILE",
            ));
        }
        None if args.test.is_empty() && !args.dev.is_empty() => {
            progress.note("no --test: scores are of --dev, and nothing is chosen on it");
            ConlluCorpus::of_parts(&args.train, &[], &args.dev)?
        }
        None => ConlluCorpus::of_parts(&args.train, &args.dev, &args.test)?,
    };
    Ok(Data::Corpus(Box::new(corpus)))
}

/// Fewer sentences or texts than this make a bootstrap's intervals too narrow to be believed.
const FEW: usize = 20;

/// Says which words are in no score, and where there is little to score on.
fn warn(probe: &Probe, progress: &Progress) {
    let words = |n: usize| if n == 1 { "1 word is".to_owned() } else { format!("{n} words are") };
    if probe.data.unlabelled > 0 {
        let names: Vec<&str> = probe.labels.iter().map(|l| l.label.as_str()).collect();
        let (n, names) = (words(probe.data.unlabelled), names.join(" or "));
        progress.note(&format!("{n} left out: not annotated with {names}"));
    }
    if probe.data.without_tokens > 0 {
        let n = words(probe.data.without_tokens);
        progress.note(&format!("{n} left out: the tokenizer has no token there"));
    }
    if let Some(few) = probe.labels.iter().map(|l| l.counts.test_clusters).min()
        && few < FEW
    {
        let what = if probe.data.unit == "word" { "sentence" } else { "text" };
        let s = if few == 1 { "" } else { "s" };
        progress.note(&format!("{few} {what}{s} to score on: the intervals are too narrow"));
    }
}

/// `stratoscope-out/<model>--probe--<labels>--<hash8>`.
fn default_folder(args: &ProbeArgs, probe: &Probe) -> Result<PathBuf> {
    let mut labels: Vec<String> = probe.labels.iter().map(|l| slug(&l.label)).collect();
    if let Some(path) = &args.tsv {
        labels = vec![slug(&path.file_stem().unwrap_or_default().to_string_lossy())];
    }
    labels.extend(probe.structural.as_ref().map(|_| "trees".to_owned()));
    let labels: String = labels.join("-").chars().take(40).collect();
    let (model, hash) = (slug(model::short_name(&args.model)), probe.hash8()?);
    let parts = [model.as_str(), "probe", labels.trim_end_matches('-'), &hash];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Ok(PathBuf::from("stratoscope-out").join(parts.join("--")))
}

/// What is said on the terminal.
fn summary(probe: &Probe, folder: Option<&Path>, saved: Option<&Path>) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut text, probe, folder, saved);
    text
}

fn write(
    text: &mut String,
    probe: &Probe,
    folder: Option<&Path>,
    saved: Option<&Path>,
) -> std::fmt::Result {
    let (model, data) = (&probe.model, &probe.data);
    writeln!(text, "{}, {}, {} layers", model.model, model.family, model.n_layers)?;
    let s = data.sentences;
    let what = if data.unit == "word" { "sentences" } else { "texts" };
    write!(text, "{} {what} to fit to", s.train)?;
    if s.dev > 0 {
        write!(text, ", {} to choose on", s.dev)?;
    }
    writeln!(text, ", {} to score on", s.test)?;
    for label in &probe.labels {
        writeln!(text)?;
        table(text, label, data.unit)?;
    }
    if let Some(structural) = &probe.structural {
        writeln!(text)?;
        trees(text, structural)?;
    }
    writeln!(text)?;
    for line in wrapped(&probe.in_words(), 96) {
        writeln!(text, "{line}")?;
    }
    if folder.is_some() || saved.is_some() {
        writeln!(text)?;
    }
    if let Some(folder) = folder {
        writeln!(text, "{}", folder.display())?;
        writeln!(text, "  probe (.svg .png .json) manifest.json")?;
    }
    if let Some(saved) = saved {
        writeln!(text, "{}", saved.display())?;
    }
    Ok(())
}

type Pick = fn(&LayerProbe) -> Option<Scored>;

/// One row a layer, and one a baseline.
fn table(text: &mut String, label: &LabelProbe, unit: &str) -> std::fmt::Result {
    let c = &label.counts;
    write!(text, "{}: {} classes, {} {unit}s to fit to, ", label.label, c.classes, c.train)?;
    write!(text, "{} to score on", c.test)?;
    if c.unseen_lemmas > 0 {
        write!(text, " ({} of unseen lemmas)", c.unseen_lemmas)?;
    }
    writeln!(text, " [95 % interval]")?;
    let columns: [(&str, Pick); 6] = [
        ("accuracy", |l| Some(l.scores.scores.accuracy)),
        ("macro-F1", |l| Some(l.scores.scores.macro_f1)),
        ("unseen lemmas", |l| l.scores.scores.unseen_lemma_accuracy),
        ("selectivity", |l| l.control.map(|c| c.selectivity)),
        ("random weights", |l| l.random_weights.map(|s| s.accuracy)),
        ("compression", |l| l.mdl.as_ref().map(|m| m.compression)),
    ];
    let known = |pick: &Pick| label.layers.iter().any(|layer| pick(layer).is_some());
    let columns: Vec<(&str, Pick)> = columns.into_iter().filter(|(_, p)| known(p)).collect();
    write!(text, "layer          C")?;
    columns.iter().try_for_each(|(title, _)| write!(text, "  {title:<17}"))?;
    end_line(text);
    for layer in &label.layers {
        write!(text, "{:>5}  {:>9}", layer.layer, layer.scores.strength)?;
        columns.iter().try_for_each(|(_, pick)| write!(text, "  {:<17}", cell(pick(layer))))?;
        end_line(text);
    }
    let b = &label.baselines;
    let baselines: [(&str, Option<Scores>); 3] = [
        ("majority class", Some(b.majority)),
        ("form lookup", b.form_lookup),
        ("lemma lookup", b.lemma_lookup),
    ];
    for (name, scores) in baselines {
        let Some(scores) = scores else { continue };
        write!(text, "{name:<16}")?;
        let cells = [Some(scores.accuracy), Some(scores.macro_f1), scores.unseen_lemma_accuracy];
        let shown = if columns.iter().any(|(title, _)| *title == "unseen lemmas") { 3 } else { 2 };
        cells.iter().take(shown).try_for_each(|score| write!(text, "  {:<17}", cell(*score)))?;
        end_line(text);
    }
    if label.chosen_layer.is_some() && label.learning_curve.len() > 1 {
        writeln!(text)?;
        writeln!(text, "training texts  accuracy")?;
        for point in &label.learning_curve {
            writeln!(text, "{:>14}  {}", point.clusters, cell(Some(point.accuracy)))?;
        }
    }
    Ok(())
}

/// The structural probe, one row a layer.
fn trees(text: &mut String, report: &StructuralReport) -> std::fmt::Result {
    writeln!(
        text,
        "trees: {} sentences to fit to, {} to score on, {} edges [95 % interval]",
        report.train_sentences, report.sample.sentences, report.sample.edges
    )?;
    writeln!(text, "layer  {:<17}  {:<17}  {:<17}  root accuracy", "UUAS", "DSpr", "NSpr")?;
    let layers = report.layers.iter().map(|(layer, l)| (layer.to_string(), &l.scores));
    for (name, s) in layers.chain([("chain".to_owned(), &report.chain)]) {
        write!(text, "{name:>5}")?;
        for score in [s.uuas, s.dspr, s.nspr, s.root_accuracy] {
            write!(text, "  {:<17}", cell(score))?;
        }
        end_line(text);
    }
    Ok(())
}

fn cell(score: Option<Scored>) -> String {
    score.map_or("–".to_owned(), |s| {
        format!("{} [{}, {}]", short(s.value), short(s.low), short(s.high))
    })
}

/// Ends a line without spaces before its end, which help nobody.
fn end_line(text: &mut String) {
    text.truncate(text.trim_end_matches(' ').len());
    text.push('\n');
}

/// `stratoscope probe apply`.
fn apply(args: &ApplyArgs) -> Result<()> {
    let mut progress = Progress::new(&args.common);
    let saved = SavedProbe::load(&args.probe)?;
    let given = InputArgs {
        text: args.text.clone(),
        file: args.file.clone(),
        field: args.field.clone(),
        pairs: false,
        long: args.long,
    };
    let texts = input::texts(&given, &progress)?;
    let lines: Vec<String> = texts.iter().map(|text| text.text.clone()).collect();
    let mut own = Vec::with_capacity(texts.len());
    for text in texts {
        own.push(saved.text(text)?);
    }
    let explorer = model::open(&args.model, &mut progress)?;
    saved.check_model(&explorer.origin(), &args.probe)?;
    progress.at("texts", 0, 1);
    let answers = saved.apply(&explorer, own, args.long.into())?;
    progress.finish();
    if args.common.json {
        let texts = lines.iter().zip(&answers).map(|(text, answer)| {
            let mut all = serde_json::json!(answer);
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
        return print(&format!("{all}\n"));
    }
    let mut said = String::new();
    for (text, answer) in lines.iter().zip(&answers) {
        // A line's text has no line ends; that of an argument may.
        let text = text.replace(['\n', '\r'], " ");
        said += &format!("{}\t{:.4}\t{text}\n", answer.label, answer.probability);
    }
    print(&said)
}
