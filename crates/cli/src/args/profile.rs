//! `stratoscope profile`.

use super::{CommonArgs, OutputArgs, SeveralModels};
use clap::Args as Group;
use std::path::PathBuf;

pub(super) const HELP: &str = "\
One word form is read in crossed conditions (two senses x four roles x several contexts). At every \
layer, the variance of its vector is partitioned: how much is due to the sense, and how much to \
the role. Prints a table and its main results as sentences. Writes a folder: report.html, the \
figure profile (.svg and .png, .json with the chart as data, .csv in long form), numbers.json \
(what --json prints) and manifest.json.

The profile of a model is computed once and kept in the cache. The profile of the bundled model is \
part of the program.

Stimuli of your own, in any language (--stimuli FILE):
  carrier the
  word bank
  sense money: a company that lends money
  role subject
  Now | As you know, | the [bank] lent him more.
with every sense in every role. The part before each | is a lead-in. A < before a line says that \
the cues to sense and role stand before the [target].";

#[derive(Debug, Group)]
pub(crate) struct ProfileArgs {
    /// The stimuli: homographs (32 English nouns, two senses, four roles), noun-verb (12 English
    /// words as noun and as verb), or a file.
    #[arg(long, default_value = "homographs", value_name = "NAME|FILE")]
    pub(crate) stimuli: String,
    /// Use only contexts whose cues to sense and role stand before the target. A causal model
    /// always uses these.
    #[arg(long)]
    pub(crate) cues_first: bool,
    /// Keep the vectors from which the profile is computed, as FILE.safetensors.
    #[arg(long, value_name = "FILE")]
    pub(crate) save_states: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) models: SeveralModels,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}
