//! `stratoscope explore`: figures and numbers of texts, by layer.

use crate::args::{ExploreArgs, LookArgs};
use crate::exit::{Failure, Result};
use crate::run::Run;
use crate::{input, model};
use stratoscope::explore::{Exploration, FIGURES, Options, side_by_side};
use stratoscope::{Analysis, FigureSelection, LongText, Pooling, Unit};

pub(crate) fn run(args: &ExploreArgs) -> Result<()> {
    let run = Run::new(&args.output, &args.common, &FIGURES)?;
    let models = model::each(&args.models)?;
    let options = Options {
        compute_baseline: args.baseline,
        figures: args.output.selection(),
        ..options(&args.look, args.input.long.into())
    };
    if let Some(path) = &args.from {
        let store = model::store();
        let exploration = Exploration::from_file(path, &options, &store, &run.progress)?;
        return run.finish(&exploration, &[]);
    }
    if models.len() > 1 && args.input.pairs {
        return Err(Failure::usage(
            "--pairs is for a single model; several models read each text alone",
        ));
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
        attention: args.attention,
        figures: FigureSelection::All,
        compute_baseline: false,
    }
}
