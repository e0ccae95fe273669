//! `stratoscope lens`.

use super::{CommonArgs, ModelArgs, OutputArgs};
use clap::Args as Group;

pub(super) const HELP: &str = "\
The final norm and the head of the model are applied to the states of every layer (logit lens, \
nostalgebraist 2020). A causal model predicts the token after each token. A masked model predicts \
the token at each mask of the text, written as its tokenizer writes it ([MASK], <mask>). A masked \
model reads a text without masks too, but then it sees the tokens that it predicts.

Prints a table: entropy, KL(last layer || this layer), both in nats, and the rank of the true \
token where it is known (1: no token is more probable). The head was trained on the last layer \
only: the predictions of an early layer may look like nonsense although the layer encodes the \
word.

Writes a folder: report.html, the figure lens (.svg and .png, .json with the chart as data, .csv \
in long form), captions.md, numbers.json (what --json prints) and manifest.json.

Examples:
  stratoscope lens --model openai-community/gpt2 \"The capital of France is\" --target \" Paris\"
  stratoscope lens --model google-bert/bert-base-uncased \"Paris is the [MASK] of France.\"";

#[derive(Debug, Group)]
pub(crate) struct LensArgs {
    /// The text; `-` reads it from standard input.
    pub(crate) text: String,
    /// The number of most probable tokens that are kept for each layer and token.
    #[arg(long, default_value_t = 5, value_name = "K", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) top: u16,
    /// The true token, whose rank is reported at each layer: one for each mask, in order; for a
    /// causal model, the token after the text. Include the space where the vocabulary has it
    /// (" Paris").
    #[arg(long, value_name = "TOKEN", allow_hyphen_values = true)]
    pub(crate) target: Vec<String>,
    /// Also compute the perplexity of the text; for a masked model its pseudo-perplexity, for which
    /// each token is masked in turn.
    #[arg(long)]
    pub(crate) perplexity: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}
