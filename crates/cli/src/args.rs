//! The command line: names, defaults and help, one file per command. Arguments that several
//! commands share are in `groups` and `choices`.

mod choices;
mod chores;
mod compare;
mod explore;
mod extract;
mod geometry;
mod groups;
mod lens;
mod probe;
mod profile;
mod serve;
mod states;

pub(crate) use choices::{
    AlignName, DeviceName, DtypeName, FigureFormatName, FormatName, LongName, MetricName,
    PoolingName, ReducerName,
};
pub(crate) use chores::{CompletionsArgs, ModelJobArgs, ModelsArgs, VerifyArgs};
pub(crate) use compare::CompareArgs;
pub(crate) use explore::ExploreArgs;
pub(crate) use extract::ExtractArgs;
pub(crate) use geometry::GeometryArgs;
pub(crate) use groups::{
    CacheArgs, CommonArgs, HubArgs, InputArgs, LookArgs, MemoryArgs, ModelArgs, ModelName,
    OutputArgs, RowArgs, SeveralModels,
};
pub(crate) use lens::LensArgs;
pub(crate) use probe::{ApplyArgs, ProbeArgs, ProbeCommand};
pub(crate) use profile::ProfileArgs;
pub(crate) use serve::ServeArgs;
pub(crate) use states::StatesArgs;

use clap::{Parser, Subcommand};

/// See how a transformer represents a text, layer by layer.
#[derive(Debug, Parser)]
#[command(name = "stratoscope", bin_name = "stratoscope")]
#[command(version, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  stratoscope explore \"The bank by the river refused the loan.\"
  stratoscope explore \"The bank lent.\" \"The bank flooded.\" --output banks
  stratoscope extract --file corpus.txt --output corpus.safetensors --layers 0,6
  stratoscope profile --model sentence-transformers/all-mpnet-base-v2
  stratoscope probe --corpus corpus.conllu --label upos

Exit codes: 0 done, 1 failure, 2 usage, 3 model not found, 4 bad input, 5 network, 128+n ended by signal n (130: Ctrl-C).";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Figures, numbers and an interactive page of one or several texts, by layer.
    #[command(after_help = explore::HELP)]
    Explore(ExploreArgs),
    /// Hidden states of texts or token ids, as files that Python also reads.
    #[command(after_help = extract::HELP)]
    Extract(ExtractArgs),
    /// Distances of two sentences, of one word in several contexts, or of pairs from a file, by
    /// layer.
    #[command(after_help = compare::HELP)]
    Compare(CompareArgs),
    /// What a model shows of words by layer: grammar, word meaning and sentence; sense and role
    /// within one word form.
    #[command(after_help = profile::HELP)]
    Profile(ProfileArgs),
    /// How well probes predict a label from each layer: linear and structural probes, with their
    /// controls.
    #[command(after_help = probe::HELP)]
    Probe(Box<ProbeArgs>),
    /// Measures of the representation space of a corpus, by layer.
    #[command(after_help = geometry::HELP)]
    Geometry(GeometryArgs),
    /// What the model would predict from each layer, through the final norm and the head of the model.
    #[command(after_help = lens::HELP)]
    Lens(LensArgs),
    /// The page of explore with a text box, in a browser on this machine.
    #[command(after_help = serve::HELP)]
    Serve(ServeArgs),
    /// What a model is: family, sizes, tokenizer, hook points, unused tensors of its checkpoint.
    Info(ModelJobArgs),
    /// The models on this machine: the bundled model and the models in the cache.
    Models(ModelsArgs),
    /// Download a model into the cache, and check that it loads.
    Fetch(ModelJobArgs),
    /// Compare a model with candle-transformers' implementation of the same checkpoint.
    #[command(after_help = chores::VERIFY_HELP)]
    Verify(VerifyArgs),
    /// What this machine and its settings mean for the program.
    Doctor(ModelsArgs),
    /// Shell completions, on standard output.
    #[command(after_help = chores::COMPLETIONS_HELP)]
    Completions(CompletionsArgs),
}

impl Args {
    pub(crate) fn common(&self) -> &CommonArgs {
        match &self.command {
            Command::Explore(args) => &args.common,
            Command::Extract(args) => &args.common,
            Command::Profile(args) => &args.common,
            Command::Probe(args) => match &args.command {
                Some(ProbeCommand::Apply(apply)) => &apply.common,
                None => &args.common,
            },
            Command::Geometry(args) => &args.common,
            Command::Lens(args) => &args.common,
            Command::Serve(args) => &args.common,
            Command::Compare(args) => &args.common,
            Command::Info(args) | Command::Fetch(args) => &args.common,
            Command::Verify(args) => &args.common,
            Command::Models(args) | Command::Doctor(args) => &args.common,
            Command::Completions(args) => &args.common,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }
}
