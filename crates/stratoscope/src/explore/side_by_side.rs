//! Explorations of the same words by several models.

mod charts;
mod summary;

use super::options::Options;
use super::page::page_of;
use super::{Exploration, too_few};
use crate::analysis::{Analysis, Figure, PAGE, Provenance};
use crate::source::file_name;
use crate::text::{model_names, written};
use crate::{Error, Explorer, FigureSelection, Omitted, Part, Result, Why};
use ndarray::Axis;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use stratoscope_extractor::{Activations, Input, Row, Text, Unit, states_bytes};
use stratoscope_geometry::{GeometryError, debiased_cka};
use stratoscope_report::Report;

/// Explorations of the same words by several models.
#[derive(Debug)]
#[non_exhaustive]
pub struct SideBySide {
    /// One per model, in the order given.
    pub explorations: Vec<Exploration>,
    /// CKA between the layers of every pair of models; empty if it is not defined.
    pub cka: Vec<CrossCka>,
    /// The parts that are missing, with the reasons.
    pub omitted: Vec<Omitted>,
}

/// CKA between the layers of two models.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CrossCka {
    /// The index of the model of the rows.
    pub a: usize,
    /// The index of the model of the columns.
    pub b: usize,
    /// Debiased linear CKA, `[layers of a][layers of b]`.
    pub values: Vec<Vec<f64>>,
    /// The number of words.
    pub n: usize,
}

/// Explores the same words of some texts with several models. Words are those of Unicode's
/// segmentation, which does not depend on a tokenizer.
///
/// # Errors
/// The errors of [`Explorer::explore`].
pub fn side_by_side<T: Clone + Into<Text>>(
    explorers: &[Explorer],
    texts: &[T],
    options: &Options,
) -> Result<SideBySide> {
    let texts: Vec<Text> =
        texts.iter().map(|text| text.clone().into().with_unicode_words()).collect();
    let options = Options { unit: Unit::Word, ..options.clone() };
    let inputs: Vec<Input> = texts.iter().cloned().map(Into::into).collect();
    let read = explorers.iter().map(|explorer| explorer.read(inputs.clone(), &options));
    // Experts are those of tokens, not of words.
    let read = read.map(|read| read.map(|(states, attention, _)| (states, attention)));
    let (mut states, attention): (Vec<_>, Vec<_>) =
        read.collect::<Result<Vec<_>>>()?.into_iter().unzip();
    let left = keep_shared_words(&mut states);
    if let (Some(first), true) = (explorers.first(), left > 0) {
        let words = crate::text::counted(left, "word is", "words are");
        first
            .progress()
            .warning(&format!("{words} omitted, because a model has no token for them"));
    }
    let explored = explorers
        .iter()
        .zip(states)
        .zip(attention)
        .map(|((explorer, states), attention)| explorer.explored(states, attention, &options));
    SideBySide::new(explored.collect::<Result<_>>()?)
}

/// Keeps the words that all models have. All states are of the same texts, with one row per word.
/// Returns the number of words that have no token in at least one model.
pub fn keep_shared_words(states: &mut [Activations]) -> usize {
    let place = |row: &Row| (row.sequence, row.char_offsets);
    let sets: Vec<BTreeSet<_>> =
        states.iter().map(|s| s.rows.iter().map(place).collect()).collect();
    let all: BTreeSet<_> = sets.iter().flatten().copied().collect();
    let shared: BTreeSet<_> =
        all.iter().filter(|place| sets.iter().all(|set| set.contains(place))).collect();
    for states in states.iter_mut() {
        let kept: Vec<usize> =
            (0..states.rows.len()).filter(|&r| shared.contains(&place(&states.rows[r]))).collect();
        if kept.len() < states.rows.len() {
            *states = states.with_rows(&kept);
        }
    }
    all.len() - shared.len()
}

impl SideBySide {
    /// Compares explorations of the same words.
    ///
    /// # Errors
    /// [`Error::OtherWords`] if the words differ.
    pub fn new(explorations: Vec<Exploration>) -> Result<Self> {
        let places = |e: &Exploration| -> Vec<_> {
            e.states.rows.iter().map(|row| (row.sequence, row.char_offsets)).collect()
        };
        if let Some(first) = explorations.first() {
            let wanted = places(first);
            if let Some(other) = explorations.iter().find(|e| places(e) != wanted) {
                let model = other.states.origin.model.clone();
                return Err(Error::OtherWords { model });
            }
        }
        let figures = explorations.first().map(|first| first.options.figures.clone());
        let figures = figures.unwrap_or_default();
        let cka = match figures.has("cka") {
            true => cross_cka(&explorations)?,
            false => Ok(Vec::new()),
        };
        let mut omitted: Vec<Omitted> = cka.as_ref().err().cloned().into_iter().collect();
        let words = explorations.first().map_or(0, |first| first.states.rows.len());
        if words > charts::MAX_WORDS && figures.has("similarity") {
            let why =
                Why::TooMany { what: "words", found: words, hint: "choose fewer or shorter texts" };
            omitted.push(Omitted::new(Part::Figure("similarity".to_owned()), why));
        }
        Ok(Self { explorations, cka: cka.unwrap_or_default(), omitted })
    }

    /// The names of the models in figures.
    pub fn names(&self) -> Vec<String> {
        model_names(self.explorations.iter().map(|e| &e.states.origin))
    }
}

/// CKA between the layers of every pair of models. The outer error is an error of the computation;
/// the inner error is the reason why CKA is omitted.
fn cross_cka(explorations: &[Exploration]) -> Result<Result<Vec<CrossCka>, Omitted>> {
    let n = explorations.first().map_or(0, |e| e.states.rows.len());
    if let Some(why) = too_few("words", n) {
        return Ok(Err(Omitted::new(Part::Cka, why)));
    }
    let mut found = Vec::new();
    for (a, first) in explorations.iter().enumerate() {
        for (b, second) in explorations.iter().enumerate().skip(a + 1) {
            let mut values = Vec::new();
            for x in first.states.hidden_states.axis_iter(Axis(0)) {
                let row = second.states.hidden_states.axis_iter(Axis(0));
                match row.map(|y| debiased_cka(x, y)).collect::<Result<Vec<f64>, _>>() {
                    Ok(row) => values.push(row),
                    Err(error @ GeometryError::NoVariance { .. }) => {
                        return Ok(Err(Omitted::new(Part::Cka, error.into())));
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            found.push(CrossCka { a, b, values, n });
        }
    }
    Ok(Ok(found))
}

impl Analysis for SideBySide {
    fn kind(&self) -> &'static str {
        "explore"
    }

    fn provenance(&self) -> Provenance {
        let of_each = self.explorations.iter().map(Analysis::provenance);
        let mut of_each: Vec<Provenance> = of_each.collect();
        let models = of_each.iter_mut().flat_map(|of| std::mem::take(&mut of.models)).collect();
        let artifacts: Vec<Value> =
            of_each.iter().map(|of| of.settings["artifacts"].clone()).collect();
        let Some(first) = of_each.into_iter().next() else {
            return Provenance::new(models, Value::Null, Value::Null, "");
        };
        let mut settings = first.settings;
        settings["artifacts"] = artifacts.into();
        Provenance { models, settings, ..first }
    }

    fn title(&self) -> String {
        self.explorations.first().map_or_else(String::new, Analysis::title)
    }

    fn figures(&self) -> Result<Vec<Figure>> {
        let mut figures: Vec<Figure> = self.story().into_iter().map(Figure::from).collect();
        figures.extend(self.charts().into_iter().map(Figure::from));
        figures.extend(self.similarity().map(Figure::from));
        for (index, (exploration, end)) in self.explorations.iter().zip(self.ends()).enumerate() {
            let of_one = exploration.figures()?.into_iter();
            figures.extend(of_one.map(|figure| figure.with_suffix(&end).exploration(index)));
        }
        let selected = self.selected();
        Ok(figures.into_iter().filter(|figure| selected.has(&figure.id)).collect())
    }

    fn selected(&self) -> FigureSelection {
        self.explorations.first().map_or(FigureSelection::All, Analysis::selected)
    }

    fn numbers(&self) -> Result<Value> {
        let models = self.explorations.iter().map(Analysis::numbers).collect::<Result<Value>>()?;
        Ok(json!({ "models": models, "cka": self.cka, "omitted": self.omitted }))
    }

    fn summary(&self) -> String {
        written(|text| summary::write(text, self))
    }

    /// One page shows two models. With three or more models, each page shows the first model and
    /// one of the others, with the charts of all models.
    fn pages(&self, _: &[Figure]) -> Result<Vec<(String, Report)>> {
        let ends: Vec<String> = self.ends().collect();
        let sides: Vec<(&Exploration, &str)> =
            self.explorations.iter().zip(ends.iter().map(String::as_str)).collect();
        let Some((first, others)) = sides.split_first() else { return Ok(Vec::new()) };
        let page = |(index, other): (usize, &(&Exploration, &str))| {
            let name = match others.len() {
                1 => PAGE.to_owned(),
                _ => format!("report--1-{}.html", index + 2),
            };
            let mut report = page_of(&[*first, *other])?;
            report.charts.splice(0..0, self.charts());
            Ok((name, report))
        };
        others.iter().enumerate().map(page).collect()
    }

    fn attachments(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let states = self.explorations.iter().zip(self.ends());
        states
            .map(|(e, end)| Ok((format!("states{end}.safetensors"), states_bytes(&e.states)?)))
            .collect()
    }

    fn omitted(&self) -> Vec<Omitted> {
        let mut all = self.omitted.clone();
        for omitted in self.explorations.iter().flat_map(|e| &e.omitted) {
            if !all.contains(omitted) {
                all.push(omitted.clone());
            }
        }
        all
    }
}

impl SideBySide {
    /// The suffix of the files and charts of each model: `--1-model`.
    fn ends(&self) -> impl Iterator<Item = String> {
        let models = self.explorations.iter().enumerate();
        models.map(|(index, e)| format!("--{}-{}", index + 1, file_name(&e.states.origin.model)))
    }
}
