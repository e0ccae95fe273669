//! `stratoscope extract`.

use super::{CommonArgs, FormatName, InputArgs, ModelArgs, RowArgs};
use clap::Args as Group;
use std::path::PathBuf;
use stratoscope::HookSelection;

pub(super) const HELP: &str = "\
FILE has one text per line, or is, by its extension, a .conllu file (sentences; --words takes \
their words), or a .jsonl, .csv, .tsv or .parquet file (--field names the key or the column of the \
text).

With --images, a model that reads images gets every image of a folder. The label of a row is the place \
of its patch, such as \"patch 3,4\" (row and column from 0); the texts are the names of the files. \
With --audio, a model that reads sound gets every sound of a folder; the label of a row is the time of \
its frame, such as \"0.42 s\".

One file is made in memory. A folder is for corpora of any length: it gets shards and index.json, \
and the memory that is needed does not grow with the corpus. After an interruption, the same \
command with --resume continues the run.

In Python, one file or one shard:
  from safetensors.numpy import load_file
  states = load_file(\"corpus.safetensors\")
  states[\"hidden_states\"]  # [layers, tokens, d_model]; sequence_offsets has the start of each text

A folder, shard by shard (offsets are relative to the shard):
  import json
  for shard in json.load(open(\"states/index.json\"))[\"shards\"]:
      states = load_file(\"states/\" + shard[\"file\"])

Parquet, with one row per token and one list per layer, in duckdb:
  duckdb.sql(\"SELECT label, layer_06 FROM 'states/*.parquet' WHERE NOT special\").df()

For the Embedding Projector (projector.tensorflow.org), a folder with vectors.tsv and metadata.tsv; \
the first line of metadata.tsv names its columns: label, layer, sequence, special, text:
  stratoscope extract --file corpus.txt --words --layers 0,-1 --format projector --output projector";

#[derive(Debug, Group)]
pub(crate) struct ExtractArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Token ids instead of texts: one sequence per line, used as they are; nothing is added.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["text", "file", "pairs"])]
    pub(crate) token_ids: Option<PathBuf>,
    /// The images of a folder (PNG, JPEG, WebP, by the names of the files), or one image, instead of
    /// texts: one row per patch, or with --sentences one row per image.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["text", "file", "pairs", "token_ids", "words"])]
    pub(crate) images: Option<PathBuf>,
    /// The sounds of a folder (WAV, FLAC, by the names of the files), or one sound, instead of texts: one
    /// row per frame, or with --sentences one row per sound.
    #[arg(long, value_name = "FILE|FOLDER", conflicts_with_all = ["images", "text", "file", "pairs", "token_ids", "words"])]
    pub(crate) audio: Option<PathBuf>,
    /// The output: FILE.safetensors, FILE.npz or FILE.parquet; or a folder of shards for a corpus
    /// of any length.
    #[arg(long, value_name = "FILE|DIR", required_unless_present = "json")]
    pub(crate) output: Option<PathBuf>,
    /// The format of the shards in a folder [default: safetensors]; or projector.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<FormatName>,
    /// Write 16-bit floats.
    #[arg(long)]
    pub(crate) half: bool,
    /// Continue an interrupted run; the result has the same bytes as an uninterrupted run.
    #[arg(long)]
    pub(crate) resume: bool,
    /// Replace an existing file, or the folder of an earlier run.
    #[arg(long, conflicts_with = "resume")]
    pub(crate) overwrite: bool,
    /// A random sample of N texts without replacement, in their original order.
    #[arg(long, value_name = "N", conflicts_with = "token_ids", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) sample: Option<u32>,
    /// The seed of the sample.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// The size of a shard of a folder, in MiB of f32 states.
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub(crate) shard_mib: u32,
    /// One row per text instead of one row per token, pooled over all of its tokens; the default
    /// pooling is that of the model, if it has one. A text that sentence-transformers would cut is too
    /// long (see --long), unless --pooling is given.
    #[arg(long, conflicts_with_all = ["words", "no_special_tokens"])]
    pub(crate) sentences: bool,
    /// Other hook points to keep, such as blocks.3.attn.hook_pattern,blocks.*.hook_mlp_out; `info`
    /// lists the hook points of a model. Also blocks.N.attn.value_weighted_norms.
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
