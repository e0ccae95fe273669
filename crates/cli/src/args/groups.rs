//! Groups of arguments that several commands share.

use super::{
    AlignName, DeviceName, DtypeName, FigureFormatName, LongName, MetricName, PoolingName,
    ReducerName,
};
use clap::Args as Group;
use clap::builder::{OsStringValueParser, TypedValueParser};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use stratoscope::crates::loader::path_text;
use stratoscope::{FigureFormat, FigureOptions, FigureSelection, LayerSelection};

/// The texts to read.
#[derive(Debug, Group)]
pub(crate) struct InputArgs {
    /// The texts; `-` reads standard input, one text per line.
    pub(crate) text: Vec<String>,
    /// Read the texts from a file: one per line, or a .conllu file (whose words --words takes), or a
    /// .jsonl, .csv, .tsv or .parquet file; all but the last may be compressed (.gz).
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    pub(crate) file: Option<PathBuf>,
    /// The key of a .jsonl file, or the column of a .csv, .tsv or .parquet file, that holds the text;
    /// doc.text is the field text in the object doc, or in the column doc of a .parquet file.
    #[arg(long, value_name = "NAME", default_value = "text")]
    pub(crate) field: String,
    /// The model reads texts in pairs: the TEXTs two by two, or one pair per line of the file, with
    /// a tab between the texts.
    #[arg(long)]
    pub(crate) pairs: bool,
    /// What to do with a text that is longer than the model's positions allow.
    #[arg(long, value_enum, default_value = "refuse", value_name = "HOW")]
    pub(crate) long: LongName,
}

/// The rows and layers to keep.
#[derive(Debug, Clone, Group)]
pub(crate) struct RowArgs {
    /// Layers to keep, such as 0,4,8-12,-1; 0 is the embedding [default: all].
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    pub(crate) layers: Option<LayerSelection>,
    /// One row per word instead of one row per token.
    #[arg(long)]
    pub(crate) words: bool,
    /// How the vectors of several tokens become one vector [default: mean].
    #[arg(long, value_enum, value_name = "HOW")]
    pub(crate) pooling: Option<PoolingName>,
    /// Leave special tokens out of the output; the model still reads them.
    #[arg(long)]
    pub(crate) no_special_tokens: bool,
}

/// How texts are measured and drawn.
#[derive(Debug, Clone, Group)]
pub(crate) struct LookArgs {
    /// The measure of the curves by layer and of nearest neighbours.
    #[arg(long, value_enum, default_value = "cosine")]
    pub(crate) metric: MetricName,
    /// How the paths of the tokens are reduced to a plane; random is the control that separates
    /// structure from chance.
    #[arg(long, value_enum, default_value = "pca")]
    pub(crate) reducer: ReducerName,
    /// How the maps of the layers are aligned; without alignment there are no paths.
    #[arg(long, value_enum, default_value = "joint")]
    pub(crate) align: AlignName,
    /// The seed of t-SNE, the random projection and the bootstrap.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Also measure the attention of every head in every block, and attention rollout.
    #[arg(long)]
    pub(crate) attention: bool,
    #[command(flatten)]
    pub(crate) rows: RowArgs,
}

/// Where a command writes its folder, and which figures.
#[derive(Debug, Clone, Group)]
pub(crate) struct OutputArgs {
    /// The folder to write [default: a folder in stratoscope-out, named after model, command and
    /// input; with --json none].
    #[arg(id = "output", long = "output", value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
    /// Replace the output of an earlier run.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Write only these figures with their numbers, such as similarity,depth: no page, no other
    /// file. What none of them needs is not computed [default: everything].
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) figures: Option<Vec<String>>,
    /// The formats of the figures; the numbers of each figure are always written as .json and .csv.
    #[arg(
        long,
        value_enum,
        value_name = "FORMATS",
        value_delimiter = ',',
        default_value = "svg,png"
    )]
    pub(crate) format: Vec<FigureFormatName>,
    /// Figures for one column of a paper: 3.3 inches wide, 8-point type, PNG at 300 dots per inch, no
    /// title and no caption in the picture (captions.md has them). Wide tables take two columns.
    #[arg(long)]
    pub(crate) paper: bool,
    /// Open the page in the browser of this machine.
    #[arg(long, conflicts_with = "figures")]
    pub(crate) open: bool,
}

impl OutputArgs {
    /// Which figures are written, and how.
    pub(crate) fn figures(&self) -> FigureOptions {
        let mut formats: Vec<FigureFormat> = Vec::new();
        for format in self.format.iter().map(|format| FigureFormat::from(*format)) {
            if !formats.contains(&format) {
                formats.push(format);
            }
        }
        FigureOptions { selection: self.selection(), formats, paper: self.paper }
    }

    /// The figures that are chosen.
    pub(crate) fn selection(&self) -> FigureSelection {
        self.figures.clone().map_or(FigureSelection::All, FigureSelection::Some)
    }
}

/// The name of a model, as the user gave it. A path need not be UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelName(OsString);

impl ModelName {
    /// Reads a name from the command line.
    pub(super) fn parser() -> impl TypedValueParser<Value = Self> {
        OsStringValueParser::new().map(Self)
    }

    /// The name as text, which is the id of the model for a path.
    pub(crate) fn text(&self) -> String {
        path_text(self.as_ref())
    }
}

impl From<&str> for ModelName {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl AsRef<OsStr> for ModelName {
    fn as_ref(&self) -> &OsStr {
        &self.0
    }
}

impl AsRef<Path> for ModelName {
    fn as_ref(&self) -> &Path {
        self.0.as_ref()
    }
}

/// The model.
#[derive(Debug, Clone, Group)]
pub(crate) struct ModelArgs {
    /// `bundled`, a folder with config.json and model.safetensors, a .gguf file, or a hub
    /// repository (org/name[@revision]).
    #[arg(long, default_value = "bundled", value_parser = ModelName::parser())]
    pub(crate) model: ModelName,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// The models, for a command that takes several models.
#[derive(Debug, Clone, Group)]
pub(crate) struct SeveralModels {
    /// `bundled`, a folder with config.json and model.safetensors, a .gguf file, or a hub
    /// repository (org/name[@revision]); may be repeated for several models.
    #[arg(
        id = "model",
        long = "model",
        default_value = "bundled",
        value_name = "MODEL",
        value_parser = ModelName::parser()
    )]
    pub(crate) names: Vec<ModelName>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// How a model runs, and where it comes from.
#[derive(Debug, Clone, Group)]
pub(crate) struct RunArgs {
    /// Where the model runs. Devices other than the CPU need a build with the feature cuda or
    /// metal.
    #[arg(long, value_enum, default_value = "cpu")]
    pub(crate) device: DeviceName,
    /// The number type in which the model computes. f16 and bf16 round what each operation gives.
    #[arg(long, value_enum, default_value = "f32")]
    pub(crate) dtype: DtypeName,
    #[command(flatten)]
    pub(crate) memory: MemoryArgs,
    #[command(flatten)]
    pub(crate) hub: HubArgs,
}

/// The memory of a model.
#[derive(Debug, Clone, Group)]
pub(crate) struct MemoryArgs {
    /// The memory for the model and for the states that are computed at a time, such as 2G or 500M
    /// (a number alone is in MiB). If the weights do not fit, each block is read from the file when
    /// it runs; results do not change [default: 70 % of the free memory].
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) memory: Option<u64>,
}

/// Parses a size in bytes.
fn size(text: &str) -> Result<u64, String> {
    let wrong = || "a size such as 2G, 500M or 800 (MiB) is expected".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.trim().parse().map_err(|_| wrong())?;
    let shift = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "k" | "kb" | "kib" => 10,
        "" | "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err(wrong()),
    };
    let bytes = number * (1u64 << shift) as f64;
    if bytes >= 1.0 && bytes < u64::MAX as f64 { Ok(bytes as u64) } else { Err(wrong()) }
}

/// The cache of the hub.
#[derive(Debug, Clone, Group)]
pub(crate) struct CacheArgs {
    /// Use only the cache, not the network (also HF_HUB_OFFLINE=1).
    #[arg(long)]
    pub(crate) offline: bool,
    /// The cache folder of hub repositories [default: HF_HUB_CACHE, or the default of Python's hub
    /// client].
    #[arg(long, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
}

/// How a model of the hub is read.
#[derive(Debug, Clone, Group)]
pub(crate) struct HubArgs {
    /// A branch, tag or commit of the hub repository.
    #[arg(long)]
    pub(crate) revision: Option<String>,
    #[command(flatten)]
    pub(crate) cache: CacheArgs,
    /// Read pytorch_model.bin if a model has no safetensors file. This file is a pickle, a program
    /// for Python; it is parsed here, and nothing in it is executed.
    #[arg(long)]
    pub(crate) allow_pickle: bool,
}

/// The arguments of every command.
#[derive(Debug, Clone, Group)]
pub(crate) struct CommonArgs {
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
    /// The number of threads [default: all cores]. Results do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Show no progress and no notes. Warnings remain.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Show timings, and the causes of an error.
    #[arg(short, long, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
}
