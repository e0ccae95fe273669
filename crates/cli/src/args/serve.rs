//! `stratoscope serve`.

use super::{CommonArgs, LongName, LookArgs, SeveralModels};
use clap::Args as Group;

pub(super) const HELP: &str = "\
Shows the page of `explore` with a box to type in, at an address that only this machine can reach: \
open it in a browser, type a sentence, choose a model, and see it move. The models are those that \
--model names, the first of them chosen, and those in the cache (`stratoscope models` lists them). \
Requests are answered one after another; none downloads or writes anything, but the page itself can \
be saved, and its numbers. Ctrl-C ends it.

  stratoscope serve
  stratoscope serve --model bundled --model ./my-model --attention
  stratoscope serve --port 0 --json            {\"url\":\"http://127.0.0.1:41731/\", …}

For programs, /report.json?text=TEXT&model=MODEL gives what `explore --json` prints, and \
/report.html the page without the box. What cannot be read is answered with 400, a full queue with \
503.";

#[derive(Debug, Group)]
pub(crate) struct ServeArgs {
    /// The port, on 127.0.0.1; 0 takes any that is free.
    #[arg(long, value_name = "PORT", default_value_t = 7878)]
    pub(crate) port: u16,
    /// What to do with a text that is longer than the model's positions allow.
    #[arg(long, value_enum, default_value = "refuse", value_name = "HOW")]
    pub(crate) long: LongName,
    #[command(flatten)]
    pub(crate) look: LookArgs,
    #[command(flatten)]
    pub(crate) models: SeveralModels,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}
