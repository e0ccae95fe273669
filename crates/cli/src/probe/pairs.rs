//! `stratoscope probe --pairs`, and `probe apply` of an embedder.

use super::{STATE_MEMORY, given_texts};
use crate::args::{ApplyArgs, MetricName, ProbeArgs};
use crate::exit::{Failure, Result, print_json, print_text};
use crate::extract::check_place;
use crate::progress::Progress;
use crate::run::Run;
use crate::{input, model, states};
use std::path::Path;
use stratoscope::crates::loader::path_text;
use stratoscope::pairs::{
    Embedder, FIGURES, METRICS, MIN_HALF, Options, PairsError, Speed, TextPairs,
};
use stratoscope::{Metric, Pooling, Text};

pub(super) fn run(args: &ProbeArgs, path: &Path) -> Result<()> {
    let run = Run::new(&args.output, &args.common, &FIGURES)?;
    if let Some(path) = &args.save {
        check_place(path, args.output.overwrite)?;
    }
    let metric = metric(args.metric)?;
    let pairs = TextPairs::read(path)?;
    let place = path_text(path);
    if let Some(header) = pairs.header() {
        input::note_header(&place, header, &run.progress);
    }
    if pairs.blank_lines() > 0 {
        let n = pairs.blank_lines();
        let lines = if n == 1 { "line" } else { "lines" };
        run.progress.note(&format!("{place}: {n} blank {lines} skipped"));
    }
    let texts = || pairs.texts().iter().map(|text| text.as_str().into()).collect::<Vec<Text>>();
    let pooling = args.pooling.map_or_else(Pooling::default, Pooling::from);
    let options = |memory| Options {
        layers: args.layers.clone().unwrap_or_default(),
        pooling,
        metric,
        long: args.long.into(),
        seed: args.seed,
        memory,
    };
    if let Some(given) = states::given(&args.states, || Ok(Some(texts())), &run.progress)? {
        if args.save.is_some() {
            return Err(Failure::usage("--save needs the model, and --from takes its place"));
        }
        return run.finish(&given.pairs(&pairs, &options(STATE_MEMORY))?, &[]);
    }
    let explorer = model::open(&args.model, &run.progress)?;
    let report = explorer.pairs(&pairs, &options(model::state_memory(&explorer, &args.model)))?;
    if let Some(path) = &args.save {
        let Some(choice) = &report.choice else {
            return Err(stratoscope::Error::from(PairsError::NoChoice { needed: MIN_HALF }).into());
        };
        let embedder = explorer.embedder(&pairs, choice.chosen, args.long.into())?;
        embedder.save(path)?;
        if choice.chosen.layer < report.model.n_layers {
            run.progress.part("speed");
            let speed = embedder.speed(&explorer, &texts(), args.long.into())?;
            run.progress.note(&speed_in_words(choice.chosen.layer, report.model.n_layers, speed));
        }
    }
    drop(explorer);
    run.finish(&report, args.save.as_deref().as_slice())
}

/// What cutting the model saves.
fn speed_in_words(layer: usize, n_layers: usize, speed: Speed) -> String {
    let share = speed.cut.as_secs_f64() / speed.all.as_secs_f64().max(1e-9);
    let blocks = match layer {
        0 => "the embeddings alone take".to_owned(),
        1 => "the first block takes".to_owned(),
        n => format!("the first {n} blocks take"),
    };
    format!(
        "{blocks} {:.0} % of the time of all {n_layers} on {} texts of the file (medians of runs in \
         turns)",
        100.0 * share,
        speed.texts
    )
}

/// The metric, which must be one that is compared.
fn metric(name: MetricName) -> Result<Metric> {
    let metric = Metric::from(name);
    match METRICS.contains(&metric) {
        true => Ok(metric),
        false => Err(Failure::usage(
            "--pairs compares texts by cosine, centred or standardised; choose one of them",
        )),
    }
}

/// `probe apply` of an embedder.
pub(super) fn apply(args: &ApplyArgs, progress: &Progress) -> Result<()> {
    let embedder = Embedder::load(&args.probe)?;
    let texts = input::texts(&given_texts(args), progress)?;
    let own: Vec<String> = texts.iter().map(|text| text.text.clone()).collect();
    let explorer = model::open(&args.model, progress)?;
    embedder.check_model(&explorer.origin(), &args.probe)?;
    progress.part("texts");
    let vectors = embedder.embed(&explorer, texts, args.long.into())?;
    progress.finish();
    if args.common.json {
        let texts = own.iter().zip(vectors.outer_iter());
        let texts = texts
            .map(|(text, vector)| serde_json::json!({ "text": text, "vector": vector.to_vec() }));
        let all = serde_json::json!({
            "tool": embedder.tool,
            "model": embedder.model,
            "way": embedder.way,
            "texts": texts.collect::<Vec<_>>(),
        });
        return print_json("probe-apply", all);
    }
    let mut lines = String::new();
    for (text, vector) in own.iter().zip(vectors.outer_iter()) {
        let text = text.replace(['\n', '\r'], " ");
        let numbers: Vec<String> = vector.iter().map(ToString::to_string).collect();
        lines += &format!("{}\t{text}\n", numbers.join(" "));
    }
    print_text(&lines)
}
