//! The commands about models, this machine and the shell.

use super::{CacheArgs, CommonArgs, HubArgs, MemoryArgs, ModelName};
use clap::Args as Group;
use std::path::PathBuf;

#[derive(Debug, Group)]
pub(crate) struct ModelJobArgs {
    /// `bundled`, a folder, a .gguf file, or a hub repository (org/name[@revision]).
    #[arg(value_parser = ModelName::parser())]
    pub(crate) name: ModelName,
    #[command(flatten)]
    pub(crate) memory: MemoryArgs,
    #[command(flatten)]
    pub(crate) hub: HubArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Group)]
pub(crate) struct ModelsArgs {
    #[command(flatten)]
    pub(crate) cache: CacheArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Group)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

pub(super) const VERIFY_HELP: &str = "\
Runs both implementations on a few sequences and prints how far their hidden states and logits are \
apart: the largest difference, and the largest difference relative to the largest number of its \
token. The exit code is 1 if they differ, also if candle-transformers is known to differ from \
transformers; the verdict names the known deviation.

This command needs a build with the feature second-opinion: cargo install --path crates/cli --features second-opinion";

#[derive(Debug, Group)]
pub(crate) struct VerifyArgs {
    /// `bundled`, a folder, a .gguf file, or a hub repository (org/name[@revision]).
    #[arg(value_parser = ModelName::parser())]
    pub(crate) name: ModelName,
    /// A text to run; may be repeated [default: two sentences].
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Vec<String>,
    /// Token ids instead of texts: one sequence per line, used as they are; nothing is added.
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    pub(crate) token_ids: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) hub: HubArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

pub(super) const COMPLETIONS_HELP: &str = "\
bash:  stratoscope completions bash > ~/.local/share/bash-completion/completions/stratoscope
zsh:   stratoscope completions zsh > ~/.zfunc/_stratoscope   (a folder of $fpath)
fish:  stratoscope completions fish > ~/.config/fish/completions/stratoscope.fish";
