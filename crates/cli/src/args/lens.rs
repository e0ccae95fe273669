//! `stratoscope lens`.

use super::{CommonArgs, ModelArgs, OutputArgs};
use clap::Args as Group;

pub(super) const HELP: &str = "\
The model's final norm and head are put on the states of every layer (logit lens, nostalgebraist \
2020). A causal model predicts the token after each; a masked one the token at each mask of the \
text, written as its tokenizer writes it ([MASK], <mask>). A text without masks is shown too, but \
then the model sees what it names. Prints a table: entropy, KL(last layer || this layer), both in \
nats, and the rank of the true token where it is known (1: no token is more probable). Writes the \
figure, all numbers (lens.json) and manifest.json to a folder. The head was trained on the last \
layer only: early layers may read as nonsense and still know the word.

Examples:
  stratoscope lens --model openai-community/gpt2 \"The capital of France is\" --target \" Paris\"
  stratoscope lens --model google-bert/bert-base-uncased \"Paris is the [MASK] of France.\"";

#[derive(Debug, Group)]
pub(crate) struct LensArgs {
    /// The text; `-` reads it from standard input.
    pub(crate) text: String,
    /// How many of the most probable tokens are kept for each layer and token.
    #[arg(long, default_value_t = 5, value_name = "K", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) top: u16,
    /// The true token, whose rank is then told: one for each mask, in order, or for a causal model
    /// the one after the text. With its space in front where the vocabulary has it so (" Paris").
    #[arg(long, value_name = "TOKEN", allow_hyphen_values = true)]
    pub(crate) target: Vec<String>,
    /// The text's perplexity too; of a masked model its pseudo-perplexity, for which each token is
    /// hidden in turn.
    #[arg(long)]
    pub(crate) perplexity: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}
