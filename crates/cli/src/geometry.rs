//! `stratoscope geometry`: measures of the representation space of a corpus, by layer.

use crate::args::{GeometryArgs, InputArgs};
use crate::exit::Result;
use crate::run::Run;
use crate::{input, model, states};
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
    let options = Options {
        sample: args.sample as usize,
        seed: args.seed,
        pooling: args.pooling.into(),
        long: args.long.into(),
        figures: args.output.selection(),
    };
    let texts = || Ok(Some(corpus.read_all(None, 0)?.items));
    let report = match states::given(&args.states, texts, &run.progress)? {
        Some(given) => given.geometry(&corpus, &options)?,
        None => measure(&model::open_all(&models, &run.progress)?, &corpus, &options)?,
    };
    run.finish(&report, &[])
}
