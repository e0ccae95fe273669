//! What answers the requests of `serve`: models that stay loaded, and one text after another.

use crate::args::{ModelArgs, ServeArgs};
use crate::exit::{Failure, Result};
use crate::progress::Progress;
use crate::{explore, model, models};
use std::time::Instant;
use stratoscope::crates::extractor::parse_lines;
use stratoscope::crates::report::Report;
use stratoscope::explore::{Exploration, Options, report_of};
use stratoscope::{Analysis, Explorer};

/// The most characters of all texts of a request: a thousand tokens or so, which take seconds.
pub(crate) const LONGEST: usize = 5_000;

/// How many models stay loaded.
const LOADED: usize = 2;

/// Explores texts with models that stay loaded.
pub(crate) struct Engine {
    options: Options,
    progress: Progress,
    /// The models that the command names.
    named: Vec<ModelArgs>,
    /// Those that were used last, the latest first.
    loaded: Vec<(String, Explorer)>,
    /// The last text and model with their exploration: the page, its file and its numbers are asked
    /// for one after another.
    last: Option<(String, String, Exploration)>,
}

impl Engine {
    /// Loads every model once: fail early, and fetch what is not in the cache.
    pub(crate) fn new(named: Vec<ModelArgs>, args: &ServeArgs) -> Result<Self> {
        let mut engine = Self {
            options: explore::options(&args.look, args.long.into()),
            progress: Progress::new(&args.common),
            named: named.clone(),
            loaded: Vec::new(),
            last: None,
        };
        // The first is wanted first, so it is loaded last.
        for model in named.iter().rev() {
            engine.load(model)?;
        }
        engine.progress.finish();
        Ok(engine)
    }

    /// The page of texts, one per line.
    pub(crate) fn report(&mut self, text: &str, model: &str) -> Result<Report> {
        Ok(report_of(&[self.explored(text, model)?])?)
    }

    /// What `explore --json` prints of them.
    pub(crate) fn json(&mut self, text: &str, model: &str) -> Result<String> {
        Ok(format!("{}\n", self.explored(text, model)?.json()?))
    }

    fn explored(&mut self, text: &str, model: &str) -> Result<&Exploration> {
        let is_last = |last: &(String, String, Exploration)| (&*last.0, &*last.1) == (text, model);
        if !self.last.as_ref().is_some_and(is_last) {
            let exploration = self.explore(text, model)?;
            self.last = Some((text.to_owned(), model.to_owned(), exploration));
        }
        match &self.last {
            Some((_, _, exploration)) => Ok(exploration),
            None => Err(Failure::input("there is no text")),
        }
    }

    fn explore(&mut self, text: &str, model: &str) -> Result<Exploration> {
        let begin = Instant::now();
        let length = text.chars().count();
        if length > LONGEST {
            return Err(Failure::input(format!(
                "{length} characters are more than {LONGEST}; stratoscope explore --file takes more"
            )));
        }
        let texts = parse_lines(text.as_bytes(), "the box")?.items;
        let model = self.find(model)?;
        let options = self.options.clone();
        let exploration = self.load(&model)?.explore(&texts, &options)?;
        self.progress.finish();
        let rows = exploration.states.rows.len();
        let time = begin.elapsed().as_secs_f64() * 1e3;
        self.progress.note(&format!("{}: {rows} rows, {time:.0} ms", model.model));
        Ok(exploration)
    }

    /// The models that may be asked for, by name: those of the command, and those in the cache.
    pub(crate) fn models(named: &[ModelArgs]) -> Result<Vec<String>> {
        let mut names: Vec<String> = named.iter().map(|m| m.model.clone()).collect();
        if let Some(first) = named.first() {
            let cached = models::usable(&first.run.hub)?;
            names.extend(cached.into_iter().filter(|name| named.iter().all(|m| m.model != *name)));
        }
        Ok(names)
    }

    /// A model that may be asked for. A request fetches nothing.
    fn find(&self, name: &str) -> Result<ModelArgs> {
        let named = self.named.iter().find(|m| m.model == name);
        let cached = || Self::models(&self.named).map(|names| names.iter().any(|n| n == name));
        let mut model = match (named, self.named.first()) {
            (Some(named), _) => named.clone(),
            (None, Some(first)) if cached()? => {
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
        model.run.hub.offline = true;
        Ok(model)
    }

    /// The model, loaded if it is not yet.
    fn load(&mut self, model: &ModelArgs) -> Result<&Explorer> {
        let entry = match self.loaded.iter().position(|(name, _)| *name == model.model) {
            Some(place) => self.loaded.remove(place),
            None => {
                // Room first: two large models may be all that the memory holds.
                self.loaded.truncate(LOADED - 1);
                (model.model.clone(), model::open(model, &self.progress)?)
            }
        };
        self.loaded.insert(0, entry);
        Ok(&self.loaded[0].1)
    }
}
