//! `stratoscope probe --contrast`.

use super::{STATE_MEMORY, text_pooling};
use crate::args::ProbeArgs;
use crate::exit::Result;
use crate::extract::check_place;
use crate::run::Run;
use crate::{model, states};
use std::path::Path;
use stratoscope::Pooling;
use stratoscope::contrast::{ContrastLists, Directions, FIGURES, Options};

pub(super) fn run(args: &ProbeArgs, first: &Path, second: &Path) -> Result<()> {
    let run = Run::new(&args.output, &args.common, &FIGURES)?;
    if let Some(path) = &args.save {
        Directions::check_path(path)?;
        check_place(path, args.output.overwrite)?;
    }
    let lists = ContrastLists::read(first, second)?;
    let options = |pooling, memory| Options {
        layers: args.layers.clone().unwrap_or_default(),
        pooling,
        long: args.long.into(),
        steer: args.steer,
        seed: args.seed,
        memory,
    };
    let given = states::given(&args.states, || Ok(Some(lists.texts())), &run.progress)?;
    let report = match given {
        Some(given) => {
            let pooling = args.pooling.map_or_else(Pooling::default, Pooling::from);
            given.contrast(&lists, &options(pooling, STATE_MEMORY))?
        }
        None => {
            let explorer = model::open(&args.model, &run.progress)?;
            let whole_texts = !lists.are_words();
            let pooler = model::pooler(&explorer, args.pooling, whole_texts, &run.progress)?;
            let memory = model::state_memory(&explorer, &args.model);
            explorer.contrast(&lists, &options(text_pooling(pooler)?, memory))?
        }
    };
    if let Some(path) = &args.save {
        report.directions.save(path)?;
    }
    run.finish(&report, args.save.as_deref().as_slice())
}
