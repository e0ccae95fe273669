//! What answers the requests of `serve`: models that stay loaded, and one text after another.

use crate::args::{CommonArgs, LookArgs, ModelArgs, ServeArgs};
use crate::outcome::{Failure, Result};
use crate::progress::Progress;
use crate::reading::{Reading, as_json};
use crate::{model, models};
use std::time::Instant;
use stratoscope::extractor::parse_lines;
use stratoscope::page::Report;
use stratoscope::{Exploration, Explorer, LongText, Manifest, report_of};

/// The most characters of all texts of a request: a thousand tokens or so, which take seconds.
pub(crate) const LONGEST: usize = 5_000;

/// How many models stay loaded.
const LOADED: usize = 2;

/// What texts are looked at with.
pub(crate) struct Engine {
    look: LookArgs,
    long: LongText,
    common: CommonArgs,
    /// The models that the command names.
    named: Vec<ModelArgs>,
    /// Those that were used last, the latest first.
    loaded: Vec<(String, Explorer)>,
}

impl Engine {
    /// With the models loaded, once each: one that cannot be is better known now, and what is not in
    /// the cache is fetched now.
    pub(crate) fn new(named: Vec<ModelArgs>, args: &ServeArgs) -> Result<Self> {
        let mut engine = Self {
            look: args.look.clone(),
            long: args.long.into(),
            common: args.common.clone(),
            named: named.clone(),
            loaded: Vec::new(),
        };
        let mut progress = Progress::new(&engine.common);
        // The first is wanted first, so it is loaded last.
        for model in named.iter().rev() {
            engine.load(model, &mut progress)?;
        }
        progress.finish();
        Ok(engine)
    }

    /// The report of texts, one a line.
    pub(crate) fn report(&mut self, text: &str, model: &str) -> Result<Report> {
        let (exploration, manifest) = self.explored(text, model)?;
        Ok(report_of(&[(&exploration, &manifest)])?)
    }

    /// What `explore --json` prints of them.
    pub(crate) fn json(&mut self, text: &str, model: &str) -> Result<String> {
        let (exploration, manifest) = self.explored(text, model)?;
        Ok(format!("{}\n", as_json(&exploration, &manifest)?))
    }

    fn explored(&mut self, text: &str, model: &str) -> Result<(Exploration, Manifest)> {
        let begin = Instant::now();
        let length = text.chars().count();
        if length > LONGEST {
            return Err(Failure::input(format!(
                "{length} characters are more than {LONGEST}; stratoscope explore --file takes more"
            )));
        }
        let texts = parse_lines(text.as_bytes(), "the box")?.items;
        let model = self.find(model)?;
        let mut progress = Progress::new(&self.common);
        let look = self.look.clone();
        let reading = Reading { look: &look, pairs: false, long: self.long, baseline: false };
        let explorer = self.load(&model, &mut progress)?;
        let states = reading.states(explorer, texts, &look.rows, &mut progress)?;
        let found = reading.known(&model, explorer, states, &mut progress)?;
        let explored = reading.explored(found, &mut progress)?;
        progress.finish();
        let rows = explored.0.states.rows.len();
        let time = begin.elapsed().as_secs_f64() * 1e3;
        progress.note(&format!("{}: {rows} rows, {time:.0} ms", model.model));
        Ok(explored)
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
    fn load(&mut self, model: &ModelArgs, progress: &mut Progress) -> Result<&Explorer> {
        let entry = match self.loaded.iter().position(|(name, _)| *name == model.model) {
            Some(place) => self.loaded.remove(place),
            None => {
                // Room first: two large models may be all that the memory holds.
                self.loaded.truncate(LOADED - 1);
                (model.model.clone(), model::open(model, progress)?)
            }
        };
        self.loaded.insert(0, entry);
        Ok(&self.loaded[0].1)
    }
}
