//! `stratoscope geometry`: measures of the representation space over a corpus, by layer.

use crate::args::{GeometryArgs, InputArgs, ModelArgs};
use crate::outcome::{Result, print};
use crate::output::Output;
use crate::profile::{short, wrapped};
use crate::progress::Progress;
use crate::{input, model};
use std::fmt::Write;
use std::path::PathBuf;
use stratoscope::{
    Explorer, Geometry, GeometrySettings, LayerGeometry, Measure, ModelFile, ModelGeometry, Step,
    Written, measure_geometry, slug, write_geometry,
};

/// Warnings of long texts that are told, of each model.
const WARNINGS: usize = 10;

pub(crate) fn run(args: &GeometryArgs) -> Result<()> {
    let mut progress = Progress::new(&args.common);
    let output = Output::new(&args.output, &args.common)?;
    let models = model::each(&args.models)?;
    let given = InputArgs {
        text: Vec::new(),
        file: Some(args.file.clone()),
        field: args.field.clone(),
        pairs: false,
        long: args.long,
    };
    let corpus = input::corpus(&given, &progress)?;
    let explorers: Vec<Explorer> =
        models.iter().map(|model| model::open(model, &mut progress)).collect::<Result<_>>()?;
    let settings = GeometrySettings {
        sample: args.sample as usize,
        seed: args.seed,
        pooling: args.pooling.into(),
        long: args.long.into(),
    };
    let mut step = |s: Step| match s.what {
        "states" => progress.tokens(s.what, s.done as u64, s.total as u64),
        what => progress.at(what, s.done as u64, s.total as u64),
    };
    let found = measure_geometry(&explorers, &corpus, &settings, &mut step)?;
    warn(&found, args, &progress);
    let files: Vec<Vec<ModelFile>> = explorers
        .iter()
        .map(|explorer| explorer.model().info.files.iter().map(ModelFile::from).collect())
        .collect();
    let line = std::env::args().collect();
    let written = output.write(
        &mut progress,
        || default_folder(args, &models, &found),
        |folder, overwrite| Ok(write_geometry(folder, &found, &files, line, overwrite)?),
    )?;
    progress.finish();
    if args.common.json {
        return print(&format!("{}\n", found.numbers()?));
    }
    if args.common.quiet {
        return Ok(());
    }
    print(&summary(&found, written.as_ref()))
}

/// Says what a reader of the numbers has to know of the texts.
fn warn(found: &Geometry, args: &GeometryArgs, progress: &Progress) {
    let input = &found.input;
    if input.blank_lines > 0 && args.file.as_os_str() != "-" {
        let s = if input.blank_lines == 1 { "" } else { "s" };
        progress.note(&format!("{}: {} blank line{s} skipped", input.name, input.blank_lines));
    }
    if input.repeated_texts > 0 {
        let (n, of) = (input.repeated_texts, input.texts);
        progress.note(&format!(
            "{n} of {of} texts repeat an earlier one: intervals over sentences are too narrow; \
             samples are drawn from the others"
        ));
    }
    for model in &found.models {
        let (shown, more) = model.warnings.split_at(model.warnings.len().min(WARNINGS));
        shown.iter().for_each(|warning| progress.note(&format!("warning: {warning}")));
        if !more.is_empty() {
            progress.note(&format!("and {} more such warnings", more.len()));
        }
        if model.counts.words_without_tokens > 0 {
            let n = model.counts.words_without_tokens;
            let are = if n == 1 { "word is" } else { "words are" };
            progress.note(&format!("{n} {are} left out: the tokenizer has no token there"));
        }
    }
}

/// `stratoscope-out/<models>--geometry--<file>--<hash8>`.
fn default_folder(args: &GeometryArgs, models: &[ModelArgs], found: &Geometry) -> Result<PathBuf> {
    let names = models.iter().map(|model| slug(model::short_name(model)));
    let names: String = names.collect::<Vec<_>>().join("-").chars().take(60).collect();
    let file: String = slug(&args.file.file_stem().unwrap_or_default().to_string_lossy());
    let file: String = file.chars().take(40).collect();
    let hash = found.hash8()?;
    let parts = [names.trim_matches('-'), "geometry", file.trim_matches('-'), &hash];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Ok(PathBuf::from("stratoscope-out").join(parts.join("--")))
}

/// What is said on the terminal.
fn summary(found: &Geometry, written: Option<&(PathBuf, Written)>) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut text, found, written);
    text
}

fn write(
    text: &mut String,
    found: &Geometry,
    written: Option<&(PathBuf, Written)>,
) -> std::fmt::Result {
    for model in &found.models {
        let (origin, counts) = (&model.model, &model.counts);
        writeln!(text, "{}, {}, {} layers", origin.model, origin.family, origin.n_layers)?;
        writeln!(
            text,
            "{} texts, {} words; {} of them drawn for pairs, {} occurrences of {} forms",
            found.input.texts, counts.words, counts.sampled_words, counts.occurrences, counts.forms
        )?;
        writeln!(text)?;
        table(text, model)?;
        if !model.left_out.is_empty() {
            writeln!(text)?;
            writeln!(text, "not defined:")?;
            for left in &model.left_out {
                let at = left.layer.map_or_else(String::new, |layer| format!(" at layer {layer}"));
                writeln!(text, "  {}{at}: {}", left.name, left.reason)?;
            }
        }
        moved(text, model)?;
        writeln!(text)?;
    }
    for line in wrapped(&found.in_words(), 96) {
        writeln!(text, "{line}")?;
    }
    if let Some((folder, Written { files, left_out })) = written {
        writeln!(text)?;
        writeln!(text, "{}", folder.display())?;
        let figures = files.iter().filter_map(|name| name.strip_suffix(".svg"));
        let names = figures.collect::<Vec<_>>().join(" ");
        writeln!(text, "  {names} (.svg .png .json) geometry.csv report.html manifest.json")?;
        for left in left_out {
            writeln!(text, "  left out: {} ({})", left.name, left.reason)?;
        }
    }
    Ok(())
}

/// The columns of the table: a heading of two lines, and the measure.
const COLUMNS: [(&str, &str, Measure); 10] = [
    ("aniso-", "tropy", Measure::Anisotropy),
    ("self-", "sim.", Measure::SelfSimilarityAdjusted),
    ("intra-", "sent.", Measure::IntraSentenceSimilarityAdjusted),
    ("expl.", "var.", Measure::MaximumExplainableVarianceAdjusted),
    ("", "norm", Measure::Norm),
    ("TwoNN", "dim.", Measure::IntrinsicDimension),
    ("eff.", "rank", Measure::EffectiveRank),
    ("curva-", "ture", Measure::Curvature),
    ("reten-", "tion", Measure::IdentityRetention),
    ("over-", "lap", Measure::NeighbourOverlap),
];

/// One row a layer.
fn table(text: &mut String, model: &ModelGeometry) -> std::fmt::Result {
    write!(text, "     ")?;
    COLUMNS.iter().try_for_each(|(above, _, _)| write!(text, "  {above:>6}"))?;
    write!(text, "\nlayer")?;
    COLUMNS.iter().try_for_each(|(_, below, _)| write!(text, "  {below:>6}"))?;
    writeln!(text)?;
    for layer in &model.layers {
        write!(text, "{:>5}", layer.layer)?;
        COLUMNS
            .iter()
            .try_for_each(|(_, _, measure)| write!(text, "  {:>6}", cell(layer, *measure)))?;
        writeln!(text)?;
    }
    writeln!(
        text,
        "self-sim., intra-sent. and expl. var. are less their baselines; intervals are in"
    )?;
    writeln!(text, "geometry.csv")
}

fn cell(layer: &LayerGeometry, measure: Measure) -> String {
    match layer.measures.get(&measure) {
        Some(Some(found)) if found.value.abs() < 10.0 => short(found.value),
        Some(Some(found)) if found.value.abs() < 1e6 => format!("{:.1}", found.value),
        Some(Some(found)) => format!("{:.0e}", found.value),
        _ => "–".to_owned(),
    }
}

/// Words named of a step.
const NAMED: usize = 5;

/// The words that moved most, a line a step.
fn moved(text: &mut String, model: &ModelGeometry) -> std::fmt::Result {
    if model.moved.is_empty() {
        return Ok(());
    }
    writeln!(text)?;
    writeln!(
        text,
        "words that keep the fewest of their 10 nearest neighbours (kept none; first of)"
    )?;
    for step in &model.moved {
        // Quoted, so that nothing reaches the terminal that is not to be printed.
        let words = step.words.iter().take(NAMED).map(|word| format!("{:?}", word.word));
        let words = words.collect::<Vec<_>>().join(" ");
        let none = step.kept.first().copied().unwrap_or(0);
        writeln!(text, "{:>2} to {:<2}  {none:>5}  {words}", step.from, step.to)?;
    }
    Ok(())
}
