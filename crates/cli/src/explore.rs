//! `stratoscope explore`: figures and numbers of texts, by layer.

use crate::args::{ExploreArgs, LookArgs, ModelArgs};
use crate::exit::{Failure, Result};
use crate::run::Run;
use crate::{input, model, states};
use stratoscope::explore::{FIGURES, Options, side_by_side};
use stratoscope::{Analysis, FigureSelection, Image, Input, LongText, Pooling, Reads, Sound, Unit};

pub(crate) fn run(args: &ExploreArgs) -> Result<()> {
    let run = Run::new(&args.output, &args.common, &FIGURES)?;
    let models = model::each(&args.models)?;
    let options = Options {
        compute_baseline: args.baseline,
        figures: args.output.selection(),
        ..options(&args.look, args.input.long.into())
    };
    if args.states.from.is_some() {
        return explore_states(args, &options, run);
    }
    if models.len() > 1 && args.input.pairs {
        return Err(Failure::usage(
            "--pairs is for a single model; several models read each text alone",
        ));
    }
    if !args.image.is_empty() || !args.audio.is_empty() {
        return explore_media(args, options, &models, run);
    }
    let texts = input::texts(&args.input, &run.progress)?;
    let explorers = model::open_all(&models, &run.progress)?;
    let result: Box<dyn Analysis> = match &explorers[..] {
        [one] => Box::new(one.explore(&texts, &options)?),
        several => Box::new(side_by_side(several, &texts, &options)?),
    };
    // Drawing needs memory, and the weights are no longer needed.
    drop(explorers);
    run.finish(&*result, &[])
}

/// Explores images or sounds. They are read before the model, to fail early.
fn explore_media(
    args: &ExploreArgs,
    options: Options,
    models: &[ModelArgs],
    run: Run<'_>,
) -> Result<()> {
    let reads = if args.audio.is_empty() { Reads::Image } else { Reads::Sound };
    let (option, plural) = match reads {
        Reads::Sound => ("--audio", "sounds"),
        _ => ("--image", "images"),
    };
    if !args.input.text.is_empty() {
        return Err(Failure::usage(format!(
            "a model reads texts or {plural}: leave TEXT out, or {option} (repeat {option} for several {plural})",
        )));
    }
    let [model] = models else {
        return Err(Failure::usage(format!(
            "{option} is for a single model; run explore once for each"
        )));
    };
    let mut inputs: Vec<Input> = Vec::new();
    for path in &args.image {
        let image = Image::read(path)?;
        image.picture()?;
        inputs.push(image.into());
    }
    for path in &args.audio {
        let sound = Sound::read(path)?;
        sound.waveform()?;
        inputs.push(sound.into());
    }
    let explorer = model::open_for(model, reads, &run.progress)?;
    let moment = match args.moment {
        Some(seconds) => {
            let own = explorer.model().sound_processor()?.seconds_per_frame();
            Some([0, (seconds / own) as usize])
        }
        None => None,
    };
    let options = Options { cell: args.patch.or(moment), ..options };
    let exploration = explorer.explore(&inputs, &options)?;
    drop(explorer);
    run.finish(&exploration, &[])
}

/// Explores states in place of a model. TEXT and `--file` are their texts.
fn explore_states(args: &ExploreArgs, options: &Options, run: Run<'_>) -> Result<()> {
    if args.input.pairs || options.attention {
        return Err(Failure::usage(
            "--pairs and --attention need a model; --from has states alone",
        ));
    }
    let has_texts = args.input.file.is_some() || !args.input.text.is_empty();
    let texts = has_texts.then(|| input::texts(&args.input, &run.progress)).transpose()?;
    let given = states::given(&args.states, || Ok(texts.clone()), &run.progress)?;
    let Some(given) = given else { return Ok(()) };
    let given = match texts {
        Some(texts) => given.with_texts(texts)?,
        None => given,
    };
    let exploration = given.explore(options, &model::store())?;
    run.finish(&exploration, &[])
}

/// The options that `explore` and `serve` share.
pub(crate) fn options(args: &LookArgs, long: LongText) -> Options {
    Options {
        metric: args.metric.into(),
        reducer: args.reducer.into(),
        align: args.align.into(),
        seed: args.seed,
        layers: args.rows.layers.clone().unwrap_or_default(),
        unit: if args.rows.words { Unit::Word } else { Unit::Token },
        pooling: args.rows.pooling.map(Pooling::from),
        special_tokens: !args.rows.no_special_tokens,
        long,
        cell: None,
        attention: args.attention,
        figures: FigureSelection::All,
        compute_baseline: false,
    }
}
