//! `stratoscope geometry`: measures of the representation space of a corpus, by layer.

use crate::args::{GeometryArgs, InputArgs};
use crate::exit::Result;
use crate::run::Run;
use crate::{input, model};
use stratoscope::geometry::{FIGURES, Options, measure};

pub(crate) fn run(args: &GeometryArgs) -> Result<()> {
    let run = Run::new(&args.output, &args.common, &FIGURES)?;
    let models = model::each(&args.models)?;
    let given = InputArgs {
        text: Vec::new(),
        file: Some(args.file.clone()),
        field: args.field.clone(),
        pairs: false,
        long: args.long,
    };
    let corpus = input::corpus(&given, &run.progress)?;
    let explorers = model::open_all(&models, &run.progress)?;
    let options = Options {
        sample: args.sample as usize,
        seed: args.seed,
        pooling: args.pooling.into(),
        long: args.long.into(),
        figures: args.output.selection(),
    };
    let report = measure(&explorers, &corpus, &options)?;
    drop(explorers);
    run.finish(&report, &[])
}
