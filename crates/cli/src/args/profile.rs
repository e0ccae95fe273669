//! `stratoscope profile`.

use super::{CommonArgs, OutputArgs, SeveralModels, StatesArgs};
use clap::Args as Group;
use std::path::PathBuf;

pub(super) const HELP: &str = "\
Two views of what the layers of a model show of words; both are computed once and kept in the cache, \
and those of the bundled model are part of the program.

Curves: words in a bank of annotated sentences are compared with each other at every layer. Grammar: \
how often the nearest words, in other sentences, have the same syntactic relation. Word meaning: the \
same supersense. Sentence: how often they are in the same sentence. Chance is what the positions of \
the words predict; a model with random weights is measured too. The headline says in one sentence \
what the curves show.

Crossed: one word form is read in crossed conditions (two senses x four roles x several contexts). \
The variance of its vector is partitioned: how much is due to the sense, and how much to the role.

Prints the headline, the curves, a table and the crossed design. Writes a folder: report.html, the \
figures story and crossed (.svg and .png, .json with the chart as data, .csv in long form), \
captions.md, numbers.json (what --json prints) and manifest.json. With several --model, the curves lie in one \
figure over relative depth, and the JSON has the paired differences to the first model.

For a model that runs elsewhere, write the texts, keep the states of all layers there, and read them \
here (--bank, --stimuli and --cues-first as for the texts). Nothing is stored, and the curves of random \
weights, which need the model, are left out:

  stratoscope profile --write-texts texts.tsv
  stratoscope profile --from states.npz

A bank of your own, in any language (--bank FILE, repeatable: several files are one bank): CoNLL-U \
with UPOS, lemmas and relations, and with Supersense= in the last column where word meaning is to be \
measured (n.… for nouns, v.… for verbs). The values depend on the size of the bank.

Stimuli of your own, in any language (--stimuli FILE):
  carrier the
  word bank
  sense money: a company that lends money
  role subject
  Now | As you know, | the [bank] lent him more.
with every sense in every role. The part before each | is a lead-in. A < before a line says that \
the cues to sense and role stand before the [target].";

#[derive(Debug, Group)]
pub(crate) struct ProfileArgs {
    /// The bank of the curves: CoNLL-U files [default: the reference bank, 1,352 English sentences].
    #[arg(long, value_name = "FILE")]
    pub(crate) bank: Vec<PathBuf>,
    /// The stimuli of the crossed design: homographs (32 English nouns, two senses, four roles), noun-verb (12 English
    /// words as noun and as verb), or a file.
    #[arg(long, default_value = "homographs", value_name = "NAME|FILE")]
    pub(crate) stimuli: String,
    /// Use only contexts whose cues to sense and role stand before the target. A causal model
    /// always uses these.
    #[arg(long)]
    pub(crate) cues_first: bool,
    /// Keep the vectors of the crossed design, as FILE.safetensors.
    #[arg(long, value_name = "FILE")]
    pub(crate) save_states: Option<PathBuf>,
    /// Write the texts that the curves and the crossed design need, and do nothing else: a .tsv file
    /// with the columns id and text, a .jsonl file with these keys, or a .txt file with one text per
    /// line.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "save_states", "output"])]
    pub(crate) write_texts: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) states: StatesArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) models: SeveralModels,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}
