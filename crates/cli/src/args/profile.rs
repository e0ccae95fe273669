//! `stratoscope profile`.

use super::{CommonArgs, OutputArgs, SeveralModels};
use clap::Args as Group;
use std::path::PathBuf;

pub(super) const HELP: &str = "\
One word form is read in crossed conditions (two senses x four roles x several contexts), and what \
varies of its vector is split at every layer: how much goes with the sense, how much with the role. \
Prints a table and what it says in words, and writes the figure and the numbers to a folder. A \
profile is kept, so that the second time is immediate; the bundled model's comes with the program.

Stimuli of your own, in any language (--stimuli FILE):
  carrier the
  word bank
  sense money: a company that lends money
  role subject
  Now | As you know, | the [bank] lent him more.
with every sense in every role; what stands before a | is a lead-in, < before a line says that its \
cues stand before the [target].";

#[derive(Debug, Group)]
pub(crate) struct ProfileArgs {
    /// What to read: homographs (32 English nouns, two senses, four roles), noun-verb (12 English
    /// words as noun and as verb), or a file.
    #[arg(long, default_value = "homographs", value_name = "NAME|FILE")]
    pub(crate) stimuli: String,
    /// Only contexts that tell sense and role before the target. A causal model always gets these.
    #[arg(long)]
    pub(crate) cues_first: bool,
    /// Keep the vectors that it is computed from, as FILE.safetensors.
    #[arg(long, value_name = "FILE")]
    pub(crate) save_states: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) models: SeveralModels,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}
