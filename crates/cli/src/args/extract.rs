//! `stratoscope extract`.

use super::{CommonArgs, FormatName, InputArgs, ModelArgs, RowArgs};
use clap::Args as Group;
use std::path::PathBuf;
use stratoscope::HookSelection;

pub(super) const HELP: &str = "\
FILE is a text a line, or by its name: .conllu (sentences, whose words --words takes), .jsonl or \
.parquet (--field says where the text is).

One file is made in memory. A folder is for corpora of any length: it gets shards and index.json, \
memory stays flat, and after an interruption the same command with --resume goes on.

In Python, one file or one shard:
  from safetensors.numpy import load_file
  states = load_file(\"corpus.safetensors\")
  states[\"hidden_states\"]  # [layers, tokens, d_model]; sequence_offsets says where texts begin

A folder, shard by shard (offsets are those of the shard):
  import json
  for shard in json.load(open(\"states/index.json\"))[\"shards\"]:
      states = load_file(\"states/\" + shard[\"file\"])

Parquet, a row a token and a list a layer, with duckdb:
  duckdb.sql(\"SELECT label, layer_06 FROM 'states/*.parquet' WHERE NOT special\").df()";

#[derive(Debug, Group)]
pub(crate) struct ExtractArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Token ids instead of texts: a sequence a line, used as they are, nothing added.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["text", "file", "pairs"])]
    pub(crate) token_ids: Option<PathBuf>,
    /// What to write: FILE.safetensors, FILE.npz or FILE.parquet, or a folder of shards for a corpus
    /// of any length.
    #[arg(long, value_name = "FILE|DIR", required_unless_present = "json")]
    pub(crate) output: Option<PathBuf>,
    /// The format of the shards in a folder [default: safetensors].
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<FormatName>,
    /// Write 16-bit floats.
    #[arg(long)]
    pub(crate) half: bool,
    /// Go on with what is in the folder; the result is the same as that of one run.
    #[arg(long)]
    pub(crate) resume: bool,
    /// Replace what is there.
    #[arg(long, conflicts_with = "resume")]
    pub(crate) overwrite: bool,
    /// Take only N of the texts, drawn without replacement and kept in their order.
    #[arg(long, value_name = "N", conflicts_with = "token_ids", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) sample: Option<u32>,
    /// The seed of the draw.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// How large a shard of a folder becomes, in MiB of f32 states.
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub(crate) shard_mib: u32,
    /// One row a text instead of one a token, pooled over all of its tokens, as the model's own
    /// pooling says where it has one.
    #[arg(long, conflicts_with_all = ["words", "no_special_tokens"])]
    pub(crate) sentences: bool,
    /// Other hook points to keep, such as blocks.3.attn.hook_pattern,blocks.*.hook_mlp_out; `info`
    /// lists those of a model. Also blocks.N.attn.value_weighted_norms.
    #[arg(
        long, value_name = "NAMES", default_value = "", hide_default_value = true,
        conflicts_with_all = ["words", "sentences", "no_special_tokens"]
    )]
    pub(crate) hooks: HookSelection,
    #[command(flatten)]
    pub(crate) rows: RowArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}
