//! Progress of long work: on a terminal a bar, anywhere else nothing.

use crate::args::CommonArgs;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::io::IsTerminal;
use std::time::Instant;

/// A part of a job.
const PARTS: &str = "{msg:28} {bar:30} {percent:>3} %";

/// A part that is counted in tokens.
const TOKENS: &str = "{msg:28} {bar:30} {percent:>3} %  {rate} tokens/s, {eta} left";

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).with_key(
        "rate",
        |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            // A bar that cannot be drawn is no failure.
            let _ = write!(out, "{:.0}", state.per_sec());
        },
    )
}

/// Shows how far work is, and with `-v` how long its parts took.
pub(crate) struct Progress {
    bar: ProgressBar,
    verbose: bool,
    quiet: bool,
    part: Option<(String, Instant)>,
}

impl Progress {
    pub(crate) fn new(args: &CommonArgs) -> Self {
        let shown = !args.quiet && !args.verbose && std::io::stderr().is_terminal();
        let target =
            if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        bar.set_style(style(PARTS));
        Self { bar, verbose: args.verbose, quiet: args.quiet, part: None }
    }

    /// `done` of `total` of a part of the work.
    pub(crate) fn at(&mut self, part: &str, done: u64, total: u64) {
        self.begin(part, PARTS);
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    /// How many tokens were counted in a part whose end is not known.
    pub(crate) fn counted(&mut self, part: &str, tokens: usize) {
        self.begin(part, "{msg}");
        self.bar.set_message(format!("{part}: {tokens} tokens"));
        self.bar.tick();
    }

    /// `done` of `total` tokens, with how fast that goes and how long it will take.
    pub(crate) fn tokens(&mut self, part: &str, done: u64, total: u64) {
        let begins = self.begin(part, TOKENS);
        self.bar.set_length(total);
        self.bar.set_position(done);
        if begins {
            // What is there already was not done now.
            self.bar.reset_eta();
        }
    }

    /// A note for the reader, between the bars.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.bar.suspend(|| crate::outcome::note(text));
        }
    }

    /// Begins a part, if it is not the one that goes on.
    fn begin(&mut self, part: &str, template: &str) -> bool {
        let begins = self.part.as_ref().is_none_or(|(current, _)| current != part);
        if begins {
            self.end_part();
            self.part = Some((part.to_owned(), Instant::now()));
            self.bar.set_style(style(template));
            self.bar.set_message(part.to_owned());
        }
        begins
    }

    fn end_part(&mut self) {
        if let Some((part, since)) = self.part.take().filter(|_| self.verbose) {
            self.note(&format!("{part}: {:.0} ms", since.elapsed().as_secs_f64() * 1e3));
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&mut self) {
        self.end_part();
        self.bar.finish_and_clear();
    }
}
