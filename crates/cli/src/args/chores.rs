//! The commands about models, this machine and the shell.

use super::{CommonArgs, HubArgs};
use clap::Args as Group;
use std::path::PathBuf;

#[derive(Debug, Group)]
pub(crate) struct ModelJobArgs {
    /// `bundled`, a folder, or a hub repository (org/name[@revision]).
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) hub: HubArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Group)]
pub(crate) struct ModelsArgs {
    #[command(flatten)]
    pub(crate) hub: HubArgs,
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
Runs both on a few sequences and prints how far hidden states and logits are apart, the largest \
difference and the largest relative to the largest number of the same token. Exit code 1 where they \
differ, also where candle-transformers is known to differ from transformers: the verdict says so.

Needs a build with the second opinion: cargo install --path crates/cli --features second-opinion";

#[derive(Debug, Group)]
pub(crate) struct VerifyArgs {
    /// `bundled`, a folder, or a hub repository (org/name[@revision]).
    pub(crate) name: String,
    /// A text to run, as often as wanted [default: two sentences].
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Vec<String>,
    /// Token ids instead of texts: a sequence a line, used as they are, nothing added.
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
