//! Progress of long work: on a terminal a bar, anywhere else nothing.

use crate::args::CommonArgs;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Instant;

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
        let style = ProgressStyle::with_template("{msg:28} {bar:30} {percent:>3} %");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, verbose: args.verbose, quiet: args.quiet, part: None }
    }

    /// `done` of `total` of a part of the work.
    pub(crate) fn at(&mut self, part: &str, done: u64, total: u64) {
        if self.part.as_ref().is_none_or(|(current, _)| current != part) {
            self.end_part();
            self.part = Some((part.to_owned(), Instant::now()));
            self.bar.set_message(part.to_owned());
        }
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    /// A note for the reader, between the bars.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.bar.suspend(|| crate::outcome::note(text));
        }
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
