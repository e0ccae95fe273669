//! `stratoscope serve`.

use super::{CommonArgs, LongName, LookArgs, SeveralModels};
use clap::Args as Group;

pub(super) const HELP: &str = "\
Shows the page of `explore` with a text box, at an address that only this machine can reach. Open \
the address in a browser: it starts with an example. Type a sentence, and choose a model. With a \
second sentence, the page is that of `compare`. Double-click a word of the text to write another in \
its place: the page compares both texts. For a model with a language-model head, the page has the \
lens too. The models are those that --model names (the first one is the default) and those in the \
cache (`stratoscope models` lists them). Requests are answered one after another. A request never \
downloads anything, and writes nothing but results that the program keeps for a model in its cache; \
the browser can save the page and its numbers. Ctrl-C ends the server.

  stratoscope serve
  stratoscope serve --model bundled --model ./my-model --attention
  stratoscope serve --port 0 --json            {\"url\":\"http://127.0.0.1:41731/\", …}

For programs, /report.json?text=TEXT&model=MODEL answers with the JSON of `explore --json`, with \
&against=TEXT that of `compare --json`, and /report.html with the page without the text box. A text that cannot be read gets status 400, a \
full queue status 503.";

#[derive(Debug, Group)]
pub(crate) struct ServeArgs {
    /// The port, on 127.0.0.1; 0 takes any free port.
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
