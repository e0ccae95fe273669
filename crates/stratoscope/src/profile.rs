//! `profile`: what the layers of a model show of words. It is a property of the model, not of a text.
//!
//! [`Curves`] are grammar, word meaning and sentence by layer, from the nearest neighbours of words in
//! a bank of annotated sentences; [`headline`] states them in one sentence. [`Crossed`] is the
//! partition of variance with crossed stimuli, a second view for researchers.

mod crossed;
mod curves;
pub mod headline;
#[cfg(test)]
pub(crate) mod tests;

pub use crossed::{
    Crossed, CrossedCurve, CrossedLayer, CrossedStates, NamedStimuli, StandardisedCrossed,
    StimuliSummary,
};
pub(crate) use curves::side_by_side as story_of_models;
pub use curves::{BankOfCurves, Curve, Curves, CurvesLayer, Difference, not_measured};

use crate::analysis::{self, Analysis, Figure, ModelRecord, PAGE, Provenance, joined};
use crate::bank::{Bank, BankSummary};
use crate::source::file_name;
use crate::text::{layers_of, model_names, slug, wrapped, written};
use crate::{Explorer, GivenStates, ModelFile, Omitted, Part, Result, Why};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fmt::Write;
use std::path::Path;
use stratoscope_chart::Chart;
use stratoscope_report::Report;

/// The figures of `profile`, by their ids.
pub const FIGURES: [&str; 2] = ["story", "crossed"];

/// The options of `profile`.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The bank of the curves; the reference bank by default.
    pub bank: Option<Bank>,
    /// The stimuli of the crossed design; the built-in homographs by default.
    pub stimuli: Option<NamedStimuli>,
}

/// The curves of a model, and its crossed design.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Grammar, word meaning and sentence by layer.
    pub curves: Curves,
    /// Sense and role within word forms, by layer.
    pub crossed: Crossed,
    /// The files of the states, if they were given in place of the model.
    pub files: Vec<ModelFile>,
}

/// The profiles of several models.
#[derive(Debug, Clone)]
pub struct Profiles(pub Vec<Profile>);

impl Explorer {
    /// The profile of the model. Stored results are used if there are any; otherwise, they are
    /// computed and stored.
    ///
    /// # Errors
    /// The errors of [`curves`](Self::curves) and [`crossed`](Self::crossed).
    pub fn profile(&self, options: &Options) -> Result<Profile> {
        let stimuli = options.stimuli.clone().map_or_else(NamedStimuli::homographs, Ok)?;
        let bank = options.bank.clone().map_or_else(Bank::reference, Ok)?;
        Ok(Profile {
            curves: self.curves(&bank)?,
            crossed: self.crossed(stimuli)?,
            files: Vec::new(),
        })
    }
}

impl GivenStates {
    /// The profile of the model of the states, which must have all layers of the [`texts`]. Nothing is
    /// stored. The curves of random weights, which need the model, are left out.
    ///
    /// # Errors
    /// A text that is not among the states; a layer that is missing.
    pub fn profile(&self, options: &Options) -> Result<Profile> {
        let stimuli = options.stimuli.clone().map_or_else(NamedStimuli::homographs, Ok)?;
        let bank = options.bank.clone().map_or_else(Bank::reference, Ok)?;
        Ok(Profile {
            curves: Curves::of_given(self, &bank)?,
            crossed: Crossed::of_given(self, stimuli)?,
            files: self.files().to_vec(),
        })
    }
}

/// The texts that a profile needs, each once, with ids: `bank-1`, … are the sentences of the bank, `cue-1`, … and
/// `crossed-1`, … the stimuli. A causal model needs a part of them.
///
/// # Errors
/// A built-in file that cannot be parsed; this does not happen in a released build.
pub fn texts(options: &Options) -> Result<Vec<(String, String)>> {
    let stimuli = options.stimuli.clone().map_or_else(NamedStimuli::homographs, Ok)?;
    let bank = options.bank.clone().map_or_else(Bank::reference, Ok)?;
    let of_bank = bank.sentences.len();
    let sentences = bank.all_sentences().into_iter().enumerate().map(|(index, sentence)| {
        let id = match index.checked_sub(of_bank) {
            None => format!("bank-{}", index + 1),
            Some(index) => format!("cue-{}", index + 1),
        };
        (id, sentence.text.text)
    });
    let items = stimuli.stimuli.items().into_iter().enumerate();
    let items = items.map(|(index, item)| (format!("crossed-{}", index + 1), item.text));
    let mut known = HashSet::new();
    Ok(sentences.chain(items).filter(|(_, text)| known.insert(text.clone())).collect())
}

impl Analysis for Profile {
    fn kind(&self) -> &'static str {
        "profile"
    }

    fn provenance(&self) -> Provenance {
        provenance(&[self])
    }

    fn figures(&self) -> Result<Vec<Figure>> {
        Ok(vec![self.curves.chart().into(), self.crossed.chart().into()])
    }

    fn numbers(&self) -> Result<Value> {
        let mut crossed = serde_json::to_value(&self.crossed)?;
        if let Value::Object(crossed) = &mut crossed {
            // Those of the curves are the same.
            for key in ["format", "tool", "model"] {
                crossed.shift_remove(key);
            }
        }
        Ok(joined(self.curves.numbers()?, json!({ "crossed": crossed })))
    }

    fn summary(&self) -> String {
        written(|text| {
            text.push_str(&headline_of(&self.curves));
            let Curves { model, .. } = &self.curves;
            let layers = layers_of(model.n_layers);
            writeln!(text, "{}, {}, {layers}", model.model, model.family)?;
            self.curves.write(text)?;
            writeln!(text)?;
            crossed::write(text, &self.crossed)
        })
    }

    fn omitted(&self) -> Vec<Omitted> {
        let none = self.curves.random_weights.is_empty();
        let what = Part::Number("the curves of random weights");
        none.then(|| Omitted::new(what, Why::NoModel)).into_iter().collect()
    }

    fn title(&self) -> String {
        title(&[self])
    }

    fn pages(&self, figures: &[Figure]) -> Result<Vec<(String, Report)>> {
        Ok(vec![(PAGE.to_owned(), with_findings(analysis::page(self, figures), &[self]))])
    }
}

impl Analysis for Profiles {
    fn kind(&self) -> &'static str {
        "profile"
    }

    fn provenance(&self) -> Provenance {
        provenance(&self.all())
    }

    fn figures(&self) -> Result<Vec<Figure>> {
        let curves: Vec<&Curves> = self.0.iter().map(|profile| &profile.curves).collect();
        let crossed: Vec<&Crossed> = self.0.iter().map(|profile| &profile.crossed).collect();
        let both = [story_of_models(&curves), crossed::side_by_side(&crossed)];
        let mut figures: Vec<Figure> = both.into_iter().map(Figure::from).collect();
        for (index, profile) in self.0.iter().enumerate() {
            let end = format!("--{}-{}", index + 1, file_name(&profile.curves.model.model));
            let own = profile.figures()?.into_iter();
            figures.extend(own.map(|figure| figure.with_suffix(&end)));
        }
        Ok(figures)
    }

    fn numbers(&self) -> Result<Value> {
        let models = self.0.iter().map(Analysis::numbers).collect::<Result<Value>>()?;
        let first = self.0.iter().take(1);
        let pairs = first.flat_map(|first| self.0.iter().skip(1).map(move |other| (other, first)));
        let differences: Vec<Difference> =
            pairs.filter_map(|(other, first)| other.curves.minus(&first.curves)).collect();
        Ok(json!({ "models": models, "differences": differences }))
    }

    fn summary(&self) -> String {
        self.0.iter().map(Analysis::summary).collect::<Vec<_>>().join("\n")
    }

    fn title(&self) -> String {
        title(&self.all())
    }

    fn pages(&self, figures: &[Figure]) -> Result<Vec<(String, Report)>> {
        Ok(vec![(PAGE.to_owned(), with_findings(analysis::page(self, figures), &self.all()))])
    }
}

impl Profiles {
    fn all(&self) -> Vec<&Profile> {
        self.0.iter().collect()
    }
}

/// The headline as lines for a terminal, with an empty line below; nothing if there is none.
pub(crate) fn headline_of(curves: &Curves) -> String {
    match curves.headline() {
        none if none.is_empty() => String::new(),
        sentences => wrapped(&sentences.join(" ")) + "\n",
    }
}

/// The page with the headlines of the models as what was found, which no chart repeats as its title.
fn with_findings(page: Report, profiles: &[&Profile]) -> Report {
    let names = model_names(profiles.iter().map(|profile| &profile.curves.model));
    let (mut found, mut more) = (Vec::new(), Vec::new());
    for (name, profile) in names.iter().zip(profiles) {
        let mut headline = match profiles {
            [_] => profile.curves.headline(),
            _ => profile.curves.headline_of(name),
        };
        found.extend(headline.drain(..1.min(headline.len())));
        more.extend(headline.into_iter().map(|text| match profiles {
            [_] => text,
            _ => format!("{name}: {text}"),
        }));
    }
    let verdict = match found.is_empty() {
        true => Vec::new(),
        false => std::iter::once(found.join(" ")).chain(more).collect(),
    };
    let titles: Vec<String> = profiles.iter().map(|p| p.curves.headline().join(" ")).collect();
    let charts = page.charts.into_iter().map(|chart| match titles.contains(&chart.title) {
        true => Chart { title: curves::TITLE.to_owned(), ..chart },
        false => chart,
    });
    Report { charts: charts.collect(), verdict, ..page }
}

/// The title of the page.
fn title(profiles: &[&Profile]) -> String {
    let models = profiles.iter().map(|profile| &profile.curves.model);
    format!("{}: {}", curves::TITLE, model_names(models).join(", "))
}

fn provenance(profiles: &[&Profile]) -> Provenance {
    let record = |profile: &&Profile| ModelRecord {
        origin: profile.curves.model.clone(),
        files: profile.files.clone(),
    };
    let models = profiles.iter().map(record).collect();
    let first = profiles.first();
    let banks: Vec<&BankSummary> = profiles.iter().map(|p| &p.curves.bank.summary).collect();
    let stimuli: Vec<&StimuliSummary> = profiles.iter().map(|p| &p.crossed.stimuli).collect();
    let subject = first.map_or_else(String::new, |first| {
        let stem = |name: &str| {
            let stem = Path::new(name).file_stem().unwrap_or_default().to_string_lossy();
            slug(&stem)
        };
        let banks = first.curves.bank.summary.name.split(" + ").map(stem);
        let cues = if first.crossed.stimuli.cues_first { "-cues-first" } else { "" };
        let stimuli = stem(&first.crossed.stimuli.name) + cues;
        banks.chain([stimuli]).collect::<Vec<_>>().join("-")
    });
    let settings = json!({ "seed": first.map(|p| p.crossed.seed) });
    Provenance::new(models, settings, json!({ "banks": banks, "stimuli": stimuli }), subject)
}
