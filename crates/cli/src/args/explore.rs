//! `stratoscope explore`.

use super::{CommonArgs, InputArgs, LookArgs, OutputArgs, SeveralModels};
use clap::Args as Group;
use std::path::PathBuf;

pub(super) const HELP: &str = "\
Writes a folder: report.html, an interactive page that needs no network; trajectory, tsne, \
similarity, depth, layers, moves, activations, and with --attention the heads and rollout, as SVG \
and PNG with their numbers as JSON; the states (states.safetensors), and manifest.json, which \
says what made them. The same command gives the same bytes.

With --model given twice or more, all models read the same words (Unicode's), and the folder has \
depth, similarity and cka of all of them, and the figures of each with its name after theirs.";

#[derive(Debug, Group)]
pub(crate) struct ExploreArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Draw from a states file (of extract or explore) again, without a model.
    #[arg(long, value_name = "STATES", conflicts_with_all = ["text", "file", "pairs", "model", "baseline", "attention"])]
    pub(crate) from: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Compute the model's anisotropy baseline from 200 built-in sentences, and keep it for next
    /// time (the bundled model's comes with the program).
    #[arg(long)]
    pub(crate) baseline: bool,
    #[command(flatten)]
    pub(crate) look: LookArgs,
    #[command(flatten)]
    pub(crate) models: SeveralModels,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}
