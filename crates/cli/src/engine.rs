//! The engine of `serve`: models that stay loaded, and the last exploration.

use crate::args::{ModelArgs, ServeArgs};
use crate::exit::{Failure, Result};
use crate::progress::Progress;
use crate::{explore, model, models};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;
use stratoscope::crates::extractor::{parse_lines, prepare};
use stratoscope::crates::report::Report;
use stratoscope::explore::{Exploration, Options, report_of};
use stratoscope::{Analysis, Explorer};

/// The maximum number of characters of all texts of a request: about a thousand tokens, which take
/// seconds.
pub(crate) const MAX_CHARACTERS: usize = 5_000;

/// The maximum number of lines of a request, which are its texts.
const MAX_LINES: usize = 200;

/// The maximum number of tokens of all texts of a request. A character can be several tokens.
const MAX_TOKENS: usize = 2_000;

/// The number of models that stay loaded.
const MAX_LOADED: usize = 2;

/// Explores texts with models that stay loaded.
pub(crate) struct Engine {
    options: Options,
    progress: Progress,
    /// The models that `--model` names.
    named: Vec<ModelArgs>,
    /// The models that were used last, the most recent first.
    loaded: Vec<(String, Explorer)>,
    /// The last exploration: a browser requests the page, the file of the page and the numbers one
    /// after the other.
    last: Option<Explored>,
}

/// An exploration of texts by a model, and its page after the first request for it.
struct Explored {
    text: String,
    model: String,
    exploration: Exploration,
    report: Option<Arc<Report>>,
}

impl Engine {
    /// Loads every model once, to fail early and to download what is not in the cache.
    pub(crate) fn new(named: Vec<ModelArgs>, args: &ServeArgs) -> Result<Self> {
        let mut engine = Self {
            options: explore::options(&args.look, args.long.into()),
            progress: Progress::new(&args.common),
            named: named.clone(),
            loaded: Vec::new(),
            last: None,
        };
        // The first model is the default. It is loaded last, so that it stays in memory.
        for model in named.iter().rev() {
            engine.load(model)?;
        }
        engine.progress.finish();
        Ok(engine)
    }

    /// Sets the sign that nobody wants the result of the work that follows.
    pub(crate) fn watch(&self, unwanted: Arc<AtomicBool>) {
        self.progress.watch(unwanted);
    }

    /// Fails if nobody wants the result.
    pub(crate) fn go_on(&self) -> Result<()> {
        match stratoscope::Progress::stopped(&self.progress) {
            true => Err(stratoscope::Error::Stopped.into()),
            false => Ok(()),
        }
    }

    /// Prints a note for the user of the server.
    pub(crate) fn note(&self, text: &str) {
        self.progress.finish();
        self.progress.note(text);
    }

    /// The page of texts, one per line.
    pub(crate) fn report(&mut self, text: &str, model: &str) -> Result<Arc<Report>> {
        self.explored(text, model)?;
        self.go_on()?;
        let explored = self.explored(text, model)?;
        let report = match explored.report.take() {
            Some(report) => report,
            None => Arc::new(report_of(&[&explored.exploration])?),
        };
        explored.report = Some(report.clone());
        Ok(report)
    }

    /// The JSON of texts, one per line, as `explore --json` prints it.
    pub(crate) fn json(&mut self, text: &str, model: &str) -> Result<String> {
        Ok(format!("{}\n", self.explored(text, model)?.exploration.json()?))
    }

    /// The exploration of texts: the last one, or a new one.
    fn explored(&mut self, text: &str, model: &str) -> Result<&mut Explored> {
        let is_last = |last: &mut Explored| (&*last.text, &*last.model) == (text, model);
        let explored = match self.last.take_if(is_last) {
            Some(last) => last,
            None => Explored {
                text: text.to_owned(),
                model: model.to_owned(),
                exploration: self.explore(text, model)?,
                report: None,
            },
        };
        Ok(self.last.insert(explored))
    }

    fn explore(&mut self, text: &str, model: &str) -> Result<Exploration> {
        let begin = Instant::now();
        check_number(text.chars().count(), MAX_CHARACTERS, "characters")?;
        let texts = parse_lines(text.as_bytes(), "the text box")?.items;
        check_number(texts.len(), MAX_LINES, "lines")?;
        let model = self.find(model)?;
        let options = self.options.clone();
        let explorer = self.load(&model)?;
        let prepared = prepare(explorer.model(), texts.to_vec(), options.long)?;
        let tokens = prepared.sequences().iter().map(|sequence| sequence.token_ids.len()).sum();
        check_number(tokens, MAX_TOKENS, "tokens")?;
        let exploration = explorer.explore(&texts, &options)?;
        self.progress.finish();
        let rows = exploration.states.rows.len();
        let time = begin.elapsed().as_secs_f64() * 1e3;
        self.progress.note(&format!("{}: {rows} rows, {time:.0} ms", model.model));
        Ok(exploration)
    }

    /// The names of the models that a request may choose: those that `--model` names, and those in
    /// the cache.
    pub(crate) fn models(named: &[ModelArgs]) -> Vec<String> {
        let mut names: Vec<String> = named.iter().map(|m| m.model.clone()).collect();
        if let Some(first) = named.first() {
            let cached = models::usable(&first.run.hub.cache);
            names.extend(cached.into_iter().filter(|name| named.iter().all(|m| m.model != *name)));
        }
        names
    }

    /// The model of a request. A request downloads nothing.
    fn find(&self, name: &str) -> Result<ModelArgs> {
        let named = self.named.iter().find(|m| m.model == name);
        let cached = || Self::models(&self.named).iter().any(|n| n == name);
        let mut model = match (named, self.named.first()) {
            (Some(named), _) => named.clone(),
            (None, Some(first)) if cached() => {
                let mut model = ModelArgs { model: name.to_owned(), run: first.run.clone() };
                model.run.hub.revision = None;
                model
            }
            _ => {
                return Err(Failure::input(format!(
                    "{name} is not among the models of this machine"
                )));
            }
        };
        model.run.hub.cache.offline = true;
        Ok(model)
    }

    /// The model; loads it if it is not in memory.
    fn load(&mut self, model: &ModelArgs) -> Result<&Explorer> {
        let entry = match self.loaded.iter().position(|(name, _)| *name == model.model) {
            Some(place) => self.loaded.remove(place),
            None => {
                // Drop models first: the memory may be too small for one more.
                self.loaded.truncate(MAX_LOADED - 1);
                (model.model.clone(), model::open(model, &self.progress)?)
            }
        };
        self.loaded.insert(0, entry);
        Ok(&self.loaded[0].1)
    }
}

/// Refuses a request that is too large, before anything is computed.
fn check_number(found: usize, most: usize, what: &str) -> Result<()> {
    if found <= most {
        return Ok(());
    }
    Err(Failure::input(format!(
        "{found} {what} are more than {most}, the maximum of a request; use stratoscope explore \
         --file for longer texts"
    )))
}
