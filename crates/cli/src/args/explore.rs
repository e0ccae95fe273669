//! `stratoscope explore`.

use super::{CommonArgs, InputArgs, LookArgs, OutputArgs, SeveralModels, StatesArgs};
use clap::Args as Group;
use std::path::PathBuf;

pub(super) const HELP: &str = "\
Writes a folder:
  report.html         an interactive page that needs no network
  ID.svg, ID.png      every figure; --format also makes ID.pdf, and ID.md with the numbers as tables
  ID.json, ID.csv     the chart of the figure as data, and its numbers in long form
  captions.md         the titles and captions of all figures, as text
  numbers.json        all numbers; --json prints them
  states.safetensors  the hidden states; with --attention also the attention patterns
  manifest.json       what made the folder: model, files, settings, command line

The figures are story, journey, trajectory, tsne, similarity, depth, norms, steps, cka, \
neighbour_change and activations; with --attention also attention, rollout and patterns. What is not computed or not \
drawn is listed in omitted, with the reason; a value that is not defined is null. The same command \
gives the same bytes.

The story is what the layers of the model show of words: grammar, word meaning and sentence, from \
the reference sentences and not from the text. It is part of the program for the bundled model; for \
other models stratoscope profile measures it.

The page and the JSON of a CoNLL-U file have the labels of its words (part of speech, relation, \
every key of FEATS and MISC), and the page colours tokens by them. With --attention, the page draws \
the attention of a chosen token as lines.

A journey is what stands near a word at every layer: the same word in other sentences, and other \
words, of 1,352 English reference sentences. The summary and the figure show the word whose \
neighbours change most; the page and the JSON have all content words (in long texts, the first \
ones). The reference sentences are read once: for the bundled model the first explore does it, which \
takes some seconds; for other models stratoscope profile does it.

With --figures, only these figures are computed and written, with their numbers, captions.md and \
manifest.json: no page, no numbers.json, no states; --json prints the numbers of these figures. \
attention, rollout and patterns then need no --attention. The figure similarity shows raw and \
centred cosines, or with another --metric this metric alone; --layers chooses its matrices.

  stratoscope explore TEXT --figures similarity,depth --format pdf --paper
  stratoscope explore TEXT --figures similarity --metric centred --layers 0,3,6 --format svg,pdf

With --image, patches are tokens. The figure similarity shows how similar a patch (--patch) is to \
every other patch at every layer, components the principal components of the patches as colours, and \
with --attention the figure first_attention what the class token attends to. All are drawn over the \
image. What is about words (story, journey, the profile, the baseline) is left out. Two images are \
explored together: the similarities go from one to the other.

  stratoscope explore --image cat.png --image dog.png --model facebook/dinov2-small

With --audio, the frames of a sound are tokens, some 50 in a second, on a time axis under the mel \
spectrogram. The figure similarity shows how similar a moment (--moment) is to every other moment at \
every layer. A sound at another rate than that of the model is resampled, and of several channels \
the mean is read.

  stratoscope explore --audio speech.wav --model facebook/hubert-base-ls960

--from STATES takes the place of the model, also for a model that ran elsewhere: the texts are those \
of the file, or TEXT and --file say which texts the model read, in order (a .conllu file also their \
words and labels). The user guide describes the arrays.

  stratoscope explore --from states.npz --axes tokens,layers,d

With two or more --model, every model reads the same words (words by the rule of Unicode). The \
folder then has the figures story, depth, similarity and cka of all models together, and the figures and \
states of each model with --1-NAME, --2-NAME, … after their names. The page shows two models side \
by side; for three or more models there is one page for the first model with each of the others \
(report--1-2.html, report--1-3.html, …).";

#[derive(Debug, Group)]
pub(crate) struct ExploreArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Explore an image (PNG, JPEG or WebP) instead of texts, with a model that reads images; may be
    /// repeated.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "pairs", "from", "baseline", "words"])]
    pub(crate) image: Vec<PathBuf>,
    /// The patch of the first image whose similarity to all others is drawn, counted from 0 [default:
    /// the patch in the middle].
    #[arg(long, value_name = "ROW,COLUMN", requires = "image", value_parser = cell)]
    pub(crate) patch: Option<[usize; 2]>,
    /// Explore a sound (WAV or FLAC) instead of texts, with a model that reads sound; may be repeated.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["image", "file", "pairs", "from", "baseline", "words"])]
    pub(crate) audio: Vec<PathBuf>,
    /// The moment of the first sound whose similarity to all others is drawn [default: the middle].
    #[arg(long, value_name = "SECONDS", requires = "audio", value_parser = seconds)]
    pub(crate) moment: Option<f64>,
    #[command(flatten)]
    pub(crate) states: StatesArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Compute the anisotropy baseline of the model from 200 built-in sentences, and keep it in the
    /// cache (the baseline of the bundled model is part of the program).
    #[arg(long, conflicts_with = "from")]
    pub(crate) baseline: bool,
    #[command(flatten)]
    pub(crate) look: LookArgs,
    #[command(flatten)]
    pub(crate) models: SeveralModels,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Parses a time in seconds.
fn seconds(text: &str) -> Result<f64, String> {
    let number = text.trim().parse().ok().filter(|seconds| (0.0..1e6).contains(seconds));
    number.ok_or_else(|| "a number of seconds such as 0.42 is expected".to_owned())
}

/// Parses the row and the column of a patch.
fn cell(text: &str) -> Result<[usize; 2], String> {
    let numbers: Result<Vec<usize>, _> = text.split(',').map(|part| part.trim().parse()).collect();
    match numbers.as_deref() {
        Ok(&[row, column]) => Ok([row, column]),
        _ => Err("a row and a column such as 3,4 are expected".to_owned()),
    }
}
