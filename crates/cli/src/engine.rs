//! The engine of `serve`: models that stay loaded, and the last result.

mod messages;

use crate::args::{ModelArgs, ModelName, ServeArgs};
use crate::exit::{Failure, Result};
use crate::progress::Progress;
use crate::{explore, model, models};
pub(crate) use messages::without_commands;
use messages::{in_browser, told};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;
use stratoscope::compare::Comparison;
use stratoscope::crates::extractor::{Text, parse_lines, prepare};
use stratoscope::crates::report::{EXAMPLE, Omitted, Report};
use stratoscope::explore::{Exploration, Options, report_of};
use stratoscope::folder::with_warnings;
use stratoscope::lens::{self, LensError};
use stratoscope::{Analysis, CompareOptions, Error, Explorer, LensOptions};

/// The maximum number of characters of all texts of a request: about a thousand tokens, which take
/// seconds.
pub(crate) const MAX_CHARACTERS: usize = 5_000;

/// The maximum number of lines of a request, which are its texts.
const MAX_LINES: usize = 200;

/// The maximum number of tokens of all texts of a request. A character can be several tokens.
const MAX_TOKENS: usize = 2_000;

/// The number of models that stay loaded.
const MAX_LOADED: usize = 2;

/// The maximum number of tokens of a text that the lens reads: it computes every token of the vocabulary
/// at every layer.
const MAX_LENS_TOKENS: usize = 100;

/// What a browser asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    /// The texts, one per line.
    pub(crate) text: String,
    /// The sentence to compare the text with; blank if there is none.
    pub(crate) against: String,
    pub(crate) model: String,
}

impl Ask {
    /// The example that is shown before anything is typed.
    pub(crate) fn example(model: String) -> Self {
        Self { text: EXAMPLE.to_owned(), against: String::new(), model }
    }

    fn compares(&self) -> bool {
        !self.against.trim().is_empty()
    }
}

/// Explores and compares texts with models that stay loaded.
pub(crate) struct Engine {
    options: Options,
    progress: Progress,
    /// The models that `--model` names.
    named: Vec<ModelArgs>,
    /// The models that were used last, the most recent first.
    loaded: Vec<(ModelName, Explorer)>,
    /// The last result: a browser requests the page, the file of the page and the numbers one after the
    /// other.
    last: Option<Answered>,
    /// The page of the example, by its model.
    example: Option<(Ask, Arc<Report>)>,
}

/// A result of a model, and its page after the first request for it.
struct Answered {
    ask: Ask,
    answer: Answer,
    /// The warnings about the texts.
    warnings: Vec<String>,
    report: Option<Arc<Report>>,
}

enum Answer {
    Exploration(Box<Exploration>),
    Comparison(Box<Comparison>),
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
            example: None,
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

    /// The page of an exploration or a comparison.
    pub(crate) fn report(&mut self, ask: &Ask) -> Result<Arc<Report>> {
        if let Some((_, report)) = self.example.as_ref().filter(|(known, _)| known == ask) {
            return Ok(report.clone());
        }
        let report = match self.answered(ask)?.report.clone() {
            Some(report) => report,
            None => Arc::new(self.page(ask)?),
        };
        self.answered(ask)?.report = Some(report.clone());
        if *ask == Ask::example(ask.model.clone()) {
            self.example = Some((ask.clone(), report.clone()));
        }
        Ok(report)
    }

    /// The JSON of a request, as `explore --json` or `compare --json` prints it.
    pub(crate) fn json(&mut self, ask: &Ask) -> Result<String> {
        let answered = self.answered(ask)?;
        let json = match &answered.answer {
            Answer::Exploration(exploration) => exploration.json()?,
            Answer::Comparison(comparison) => comparison.json()?,
        };
        Ok(format!("{}\n", with_warnings(json, &answered.warnings)))
    }

    /// The result of a request: the last one, or a new one.
    fn answered(&mut self, ask: &Ask) -> Result<&mut Answered> {
        let answered = match self.last.take_if(|last| last.ask == *ask) {
            Some(last) => last,
            None => {
                // Those of the page of another request.
                self.progress.take_warnings();
                let answer = self.answer(ask)?;
                let warnings = self.progress.take_warnings();
                Answered { ask: ask.clone(), answer, warnings, report: None }
            }
        };
        Ok(self.last.insert(answered))
    }

    fn answer(&mut self, ask: &Ask) -> Result<Answer> {
        let begin = Instant::now();
        let found = ask.text.chars().count() + ask.against.chars().count();
        check_number(found, MAX_CHARACTERS, "characters")?;
        let texts = lines(&ask.text, "the text box")?;
        let (answer, what) = match ask.compares() {
            true => {
                let second = lines(&ask.against, "the second box")?;
                let comparison = self.compare(&texts, &second, &ask.model)?;
                (Answer::Comparison(Box::new(comparison)), "a comparison".to_owned())
            }
            false => {
                let exploration = self.explore(&texts, &ask.model)?;
                let rows = format!("{} rows", exploration.states.rows.len());
                (Answer::Exploration(Box::new(exploration)), rows)
            }
        };
        self.progress.finish();
        let time = begin.elapsed().as_secs_f64() * 1e3;
        self.progress.note(&format!("{}: {what}, {time:.0} ms", ask.model));
        Ok(answer)
    }

    fn explore(&mut self, texts: &[Text], model: &str) -> Result<Exploration> {
        let options = self.options.clone();
        let explorer = self.find(model, texts)?;
        explorer.explore(texts, &options).map_err(told)
    }

    fn compare(&mut self, first: &[Text], second: &[Text], model: &str) -> Result<Comparison> {
        let ([one], [other]) = (first, second) else {
            let (n, m) = (first.len(), second.len());
            return Err(Failure::input(format!(
                "a comparison takes one sentence in each box; there are {n} in the first and {m} in the \
                 second"
            )));
        };
        let options = CompareOptions {
            metric: self.options.metric,
            pooling: self.options.pooling.unwrap_or_default(),
            seed: self.options.seed,
        };
        let explorer = self.find(model, &[one.clone(), other.clone()])?;
        explorer.compare_sentences(&one.text, &other.text, &options).map_err(told)
    }

    /// The page of a result, with the lens if the model has a head.
    fn page(&mut self, ask: &Ask) -> Result<Report> {
        self.go_on()?;
        let lens = match ask.compares() {
            true => None,
            false => Some(self.lens(ask)?),
        };
        self.go_on()?;
        let mut page = match &self.answered(ask)?.answer {
            Answer::Exploration(exploration) => report_of(&[exploration])?,
            Answer::Comparison(comparison) => {
                let pages = comparison.pages(&comparison.figures()?)?;
                let page = pages.into_iter().next().map(|(_, page)| page);
                page.ok_or_else(|| Failure::input("this comparison has no page"))?
            }
        };
        match lens {
            Some(Ok(lens)) => lens.add_to(&mut page),
            Some(Err(why)) => {
                let omitted = Omitted { what: "lens".to_owned(), why };
                page.explorations.iter_mut().for_each(|of| of.omitted.push(omitted.clone()));
            }
            None => {}
        }
        in_browser(&mut page);
        Ok(page)
    }

    /// The lens of a text, or the reason why there is none.
    fn lens(&mut self, ask: &Ask) -> Result<std::result::Result<lens::Report, String>> {
        let texts = lines(&ask.text, "the text box")?;
        let [text] = &texts[..] else {
            return Ok(Err("the lens reads one text".to_owned()));
        };
        if let Answer::Exploration(exploration) = &self.answered(ask)?.answer
            && exploration.states.rows.len() > MAX_LENS_TOKENS
        {
            return Ok(Err(format!("the lens reads at most {MAX_LENS_TOKENS} tokens here")));
        }
        let explorer = self.find(&ask.model, &texts)?;
        match explorer.lens(&text.text, &LensOptions::default()) {
            Ok(lens) => Ok(Ok(lens)),
            Err(Error::Stopped) => Err(Error::Stopped.into()),
            Err(Error::Lens(LensError::NoHead { .. })) => {
                Ok(Err("this model has no language-model head".to_owned()))
            }
            Err(error) => Ok(Err(told(error).to_string())),
        }
    }

    /// The names of the models that a request may choose: those that `--model` names, and those in
    /// the cache.
    pub(crate) fn models(named: &[ModelArgs]) -> Vec<String> {
        let mut names: Vec<String> = named.iter().map(|m| m.model.text()).collect();
        if let Some(first) = named.first() {
            let cached = models::usable(&first.run.hub.cache);
            let new = |name: &String| named.iter().all(|m| m.model.text() != *name);
            names.extend(cached.into_iter().filter(new));
        }
        names
    }

    /// The model of a request, after it was checked that the request is not too large for it.
    fn find(&mut self, name: &str, texts: &[Text]) -> Result<&Explorer> {
        let long = self.options.long;
        check_number(texts.len(), MAX_LINES, "lines")?;
        let model = self.choose(name)?;
        let explorer = self.load(&model)?;
        let prepared = prepare(explorer.model(), texts.to_vec(), long).map_err(told)?;
        let tokens = prepared.sequences().iter().map(|sequence| sequence.tokens()).sum();
        check_number(tokens, MAX_TOKENS, "tokens")?;
        Ok(explorer)
    }

    /// The arguments of the model of a request. A request downloads nothing.
    fn choose(&self, name: &str) -> Result<ModelArgs> {
        let named = self.named.iter().find(|m| m.model.text() == name);
        let cached = || Self::models(&self.named).iter().any(|n| n == name);
        let mut model = match (named, self.named.first()) {
            (Some(named), _) => named.clone(),
            (None, Some(first)) if cached() => {
                let mut model = ModelArgs { model: name.into(), run: first.run.clone() };
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

/// The texts of a box, one per line.
fn lines(text: &str, place: &str) -> Result<Vec<Text>> {
    parse_lines(text.as_bytes(), place).map(|lines| lines.items).map_err(told)
}

/// Refuses a request that is too large, before anything is computed.
fn check_number(found: usize, most: usize, what: &str) -> Result<()> {
    if found <= most {
        return Ok(());
    }
    Err(Failure::input(format!(
        "{found} {what} are more than {most}, the maximum of a request: choose fewer or shorter sentences"
    )))
}
