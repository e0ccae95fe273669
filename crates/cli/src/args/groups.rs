//! Groups of arguments that several commands have.

use super::{AlignName, DeviceName, DtypeName, LongName, MetricName, PoolingName, ReducerName};
use clap::Args as Group;
use std::path::PathBuf;
use stratoscope::LayerSelection;

/// What to read.
#[derive(Debug, Group)]
pub(crate) struct InputArgs {
    /// The texts; `-` reads standard input, a text a line.
    pub(crate) text: Vec<String>,
    /// Read texts from a file: one a line, or of a .conllu, .jsonl or .parquet file.
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    pub(crate) file: Option<PathBuf>,
    /// The key of a .jsonl file, or the column of a .parquet file, that holds the text.
    #[arg(long, value_name = "NAME", default_value = "text")]
    pub(crate) field: String,
    /// Pairs of texts that the model reads together: the TEXTs two by two, or a pair a line of the
    /// file with a tab between.
    #[arg(long)]
    pub(crate) pairs: bool,
    /// What to do with a text that is longer than the model's positions allow.
    #[arg(long, value_enum, default_value = "refuse", value_name = "HOW")]
    pub(crate) long: LongName,
}

/// Which rows and layers to keep.
#[derive(Debug, Clone, Group)]
pub(crate) struct RowArgs {
    /// Layers to keep, such as 0,4,8-12,-1; 0 is the embedding [default: all].
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    pub(crate) layers: Option<LayerSelection>,
    /// One row a word instead of one a token; of a .conllu file its own words.
    #[arg(long)]
    pub(crate) words: bool,
    /// How several vectors become one [default: mean].
    #[arg(long, value_enum, value_name = "HOW")]
    pub(crate) pooling: Option<PoolingName>,
    /// Leave special tokens out of what is shown and written; the model reads them all the same.
    #[arg(long)]
    pub(crate) no_special_tokens: bool,
}

/// How texts are looked at: what is measured, drawn and kept of them.
#[derive(Debug, Clone, Group)]
pub(crate) struct LookArgs {
    /// What the curves by depth measure.
    #[arg(long, value_enum, default_value = "cosine")]
    pub(crate) metric: MetricName,
    /// What the plane of the trails is; random is the control that tells structure from chance.
    #[arg(long, value_enum, default_value = "pca")]
    pub(crate) reducer: ReducerName,
    /// How the layers' maps share a plane: one basis, one map a layer aligned to the one before, or
    /// not at all (then there are no trails).
    #[arg(long, value_enum, default_value = "joint")]
    pub(crate) align: AlignName,
    /// The seed of t-SNE, the random projection and the bootstrap.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Show where every head of every block looks too, and what that adds up to (rollout); of
    /// `explore`, the patterns are kept with the states.
    #[arg(long)]
    pub(crate) attention: bool,
    #[command(flatten)]
    pub(crate) rows: RowArgs,
}

/// Where a command writes its folder.
#[derive(Debug, Clone, Group)]
pub(crate) struct OutputArgs {
    /// The folder to write [default: one in stratoscope-out, named after model, command and input].
    #[arg(id = "output", long = "output", value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
    /// Replace what an earlier run wrote.
    #[arg(long)]
    pub(crate) overwrite: bool,
}

/// Which model, and from where.
#[derive(Debug, Clone, Group)]
pub(crate) struct ModelArgs {
    /// `bundled`, a folder with config.json and model.safetensors, or a hub repository
    /// (org/name[@revision]).
    #[arg(long, default_value = "bundled")]
    pub(crate) model: String,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// Which models, of a command that sets several side by side.
#[derive(Debug, Clone, Group)]
pub(crate) struct SeveralModels {
    /// `bundled`, a folder with config.json and model.safetensors, or a hub repository
    /// (org/name[@revision]); may be repeated, for several models.
    #[arg(id = "model", long = "model", default_value = "bundled", value_name = "MODEL")]
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// How a model runs, and where it is looked for.
#[derive(Debug, Clone, Group)]
pub(crate) struct RunArgs {
    /// Where the model runs. Others than the CPU need a build with the feature cuda or metal.
    #[arg(long, value_enum, default_value = "cpu")]
    pub(crate) device: DeviceName,
    /// The type of number that the model computes with. Only f32 on a CPU is fast.
    #[arg(long, value_enum, default_value = "f32")]
    pub(crate) dtype: DtypeName,
    #[command(flatten)]
    pub(crate) hub: HubArgs,
}

/// How the hub is used.
#[derive(Debug, Clone, Group)]
pub(crate) struct HubArgs {
    /// A branch, tag or commit of the hub repository.
    #[arg(long)]
    pub(crate) revision: Option<String>,
    /// Use what is cached, and no network (also HF_HUB_OFFLINE=1).
    #[arg(long)]
    pub(crate) offline: bool,
    /// Where hub repositories are cached [default: HF_HUB_CACHE, or as Python's hub client].
    #[arg(long, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Where a model has no safetensors, read its pytorch_model.bin. It is a pickle, a program for
    /// Python; here it is parsed, and nothing in it is executed.
    #[arg(long)]
    pub(crate) allow_pickle: bool,
}

/// What every command has.
#[derive(Debug, Clone, Group)]
pub(crate) struct CommonArgs {
    /// Print one JSON object instead of words, and write no files unless --output is given.
    #[arg(long)]
    pub(crate) json: bool,
    /// Threads to compute with [default: all cores]. Results do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// No progress and no notes.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Say where time goes, and the causes of an error.
    #[arg(short, long, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
}
