//! Several models on the same words.

use super::options::Options;
use super::{Exploration, LayerSummary, report_of};
use crate::analysis::{Analysis, Figure, Provenance};
use crate::source::file_name;
use crate::text::{display_names, metric_label, numbered, short_name};
use crate::{Error, Estimate, Explorer, Omitted, Part, Result, Why};
use ndarray::Axis;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use stratoscope_extractor::{Activations, Row, Text, Unit, states_bytes};
use stratoscope_geometry::{GeometryError, debiased_cka};
use stratoscope_plot::{CurvePoint, Heat, HeatPanel, LayerMap, LayerMaps, Multiples, SmallPanel};
use stratoscope_report::Report;

/// Explorations of the same words by several models.
#[derive(Debug)]
#[non_exhaustive]
pub struct SideBySide {
    /// One per model, in the order given.
    pub explorations: Vec<Exploration>,
    /// CKA between the layers of every two models; none where it is not defined.
    pub cka: Vec<CrossCka>,
    /// What is missing, and why.
    pub omitted: Vec<Omitted>,
}

/// Layers of one model by layers of another.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CrossCka {
    /// The model of the rows, by its place.
    pub a: usize,
    /// The model of the columns.
    pub b: usize,
    /// Debiased linear CKA, `[layers of a][layers of b]`.
    pub values: Vec<Vec<f64>>,
    /// The words that it is over.
    pub n: usize,
}

/// Explores the same words of some texts with several models: words as Unicode parts them, which do
/// not depend on a tokenizer.
///
/// # Errors
/// As [`Explorer::explore`].
pub fn side_by_side<T: Clone + Into<Text>>(
    explorers: &[Explorer],
    texts: &[T],
    options: &Options,
) -> Result<SideBySide> {
    let texts: Vec<Text> =
        texts.iter().map(|text| text.clone().into().with_unicode_words()).collect();
    let options = Options { unit: Unit::Word, ..options.clone() };
    let read = explorers.iter().map(|explorer| explorer.read(texts.clone(), &options));
    let (mut states, attention): (Vec<_>, Vec<_>) =
        read.collect::<Result<Vec<_>>>()?.into_iter().unzip();
    let left = keep_shared_words(&mut states);
    if let (Some(first), true) = (explorers.first(), left > 0) {
        let words = crate::text::counted(left, "word is", "words are");
        first
            .progress()
            .note(&format!("warning: {words} omitted, because a model has no token for them"));
    }
    let explored = explorers
        .iter()
        .zip(states)
        .zip(attention)
        .map(|((explorer, states), attention)| explorer.explored(states, attention, &options));
    SideBySide::new(explored.collect::<Result<_>>()?)
}

/// Keeps the words that every model has, from the states of each, which are of words of the same texts.
/// Returns how many words some model has no token for.
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

/// More words than this make no readable matrix.
const MAX_WORDS: usize = 60;

/// The shares of the whole depth at which similarities are shown.
const DEPTHS: [f64; 4] = [0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0];

impl SideBySide {
    /// Sets explorations of the same words beside each other.
    ///
    /// # Errors
    /// [`Error::OtherWords`] where they are not of the same words.
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
        let cka = cross_cka(&explorations)?;
        let omitted = cka.as_ref().err().cloned().into_iter().collect();
        Ok(Self { explorations, cka: cka.unwrap_or_default(), omitted })
    }

    /// Names of the models that tell them apart, for titles.
    pub fn names(&self) -> Vec<String> {
        let names =
            self.explorations.iter().map(|e| (0, short_name(&e.states.origin.model).to_owned()));
        numbered(names)
    }

    /// The figures that show all models.
    fn shared(&self) -> Vec<Figure> {
        let names = self.names();
        let mut figures = Vec::new();
        let mut add = |id: &str, drawn, numbers| figures.push(Figure::new(id, drawn, numbers));
        if let Some((depth, numbers)) = self.depth(&names) {
            add("depth", depth.draw(), numbers);
        }
        let words = self.explorations.first().map_or(0, |e| e.states.rows.len());
        if words <= MAX_WORDS && self.explorations.iter().all(|e| e.similarity.is_some()) {
            let (heat, numbers) = self.similarity(&names);
            add("similarity", heat.draw(), numbers);
        }
        if !self.cka.is_empty() {
            let (heat, numbers) = self.cross(&names, &self.cka);
            add("cka", heat.draw(), numbers);
        }
        figures
    }

    fn depth(&self, names: &[String]) -> Option<(Multiples, Value)> {
        type Pick = fn(&LayerSummary) -> Option<Estimate>;
        let unit = self.explorations.first().map_or("", |e| metric_label(e.options.metric));
        let measures: [(&str, Pick); 3] = [
            ("to itself at layer 0", |l| l.to_layer_0),
            ("to the others of its sentence", |l| l.to_sentence),
            ("any two words", |l| l.baseline),
        ];
        let curve = |exploration: &Exploration, pick: Pick| -> Vec<CurvePoint> {
            let depth = exploration.states.origin.n_layers.max(1) as f64;
            let point = |l: &LayerSummary| {
                let found = pick(l);
                CurvePoint {
                    at: l.layer as f64 / depth,
                    value: found.map(|e| e.value),
                    interval: found.and_then(|e| e.low.zip(e.high)),
                }
            };
            exploration.layers.iter().map(point).collect()
        };
        let panels: Vec<SmallPanel> = measures
            .into_iter()
            .map(|(title, pick)| SmallPanel {
                title: title.to_owned(),
                unit: unit.to_owned(),
                curves: self.explorations.iter().map(|e| curve(e, pick)).collect(),
            })
            .filter(|panel| panel.curves.iter().flatten().any(|point| point.value.is_some()))
            .collect();
        if panels.is_empty() {
            return None;
        }
        let without =
            |(e, _): &(&Exploration, &String)| e.layers.iter().all(|l| l.baseline.is_none());
        let missing: Vec<&str> = (self.explorations.iter().zip(names))
            .filter(without)
            .map(|(_, name)| name.as_str())
            .collect();
        let missing = match missing.is_empty() {
            true => String::new(),
            false => format!(" Any two words are not known of {}.", missing.join(", ")),
        };
        let numbers = json!({
            "models": self.explorations.iter().zip(names).map(|(e, name)| json!({
                "model": name,
                "layers": e.layers,
            })).collect::<Value>(),
        });
        let depth = Multiples {
            title: "What changes with depth, model by model".to_owned(),
            caption: format!(
                "Means over the same words, with 95 % bootstrap intervals. Cosines of two models are \
                 not of one space: how far a curve lies above what any two words of its model have \
                 can be compared, its height alone cannot.{missing}"
            ),
            names: names.to_vec(),
            by_layer: false,
            panels,
        };
        Some((depth, numbers))
    }

    fn similarity(&self, names: &[String]) -> (Heat, Value) {
        let mut panels = Vec::new();
        let mut numbers = Vec::new();
        for share in DEPTHS {
            for (exploration, name) in self.explorations.iter().zip(names) {
                let layers = &exploration.states.layers;
                let index = (share * (layers.len() - 1) as f64).round() as usize;
                let values = exploration.similarity.as_ref().map(|s| &s.centred[index]);
                let words = display_names(&exploration.states.rows);
                panels.push(HeatPanel {
                    title: format!("{name}: layer {}", layers[index]),
                    measure: "centred cosine, one scale for all".to_owned(),
                    rows: words.clone(),
                    columns: words,
                    values: values.iter().flat_map(|v| v.iter().map(|v| Some(*v))).collect(),
                    range: Some((-1.0, 1.0)),
                    ..HeatPanel::default()
                });
                numbers.push(json!({
                    "model": name,
                    "layer": layers[index],
                    "centred_cosine": values,
                }));
            }
        }
        let heat = Heat {
            title: "Similarity of words, model by model".to_owned(),
            caption:
                "Cosine of every word with every other after the mean of the layer's words is \
                      subtracted, at the bottom, one third, two thirds and the top of each model. \
                      With few words that mean makes unlike words look opposed."
                    .to_owned(),
            across: self.explorations.len().min(3),
            shared: true,
            panels,
        };
        (heat, json!({ "matrices": numbers }))
    }

    fn cross(&self, names: &[String], cka: &[CrossCka]) -> (LayerMaps, Value) {
        let layers = |model: usize| -> Vec<usize> {
            self.explorations.get(model).map_or_else(Vec::new, |e| e.states.layers.clone())
        };
        let map = |c: &CrossCka| LayerMap {
            title: format!("n = {}", c.n),
            names: [names[c.a].clone(), names[c.b].clone()],
            layers: [layers(c.a), layers(c.b)],
            values: c.values.iter().flatten().map(|v| Some(*v)).collect(),
        };
        let maps = LayerMaps {
            title: "How alike the layers of two models are".to_owned(),
            caption: "Debiased linear CKA (Kornblith et al. 2019; Murphy et al. 2024) of the same \
                      words in both: 1 where two layers arrange them alike up to rotation and scale, \
                      about 0 for unrelated arrangements, which may come out below 0. Few words make \
                      it noisy; it does not say that both know the same."
                .to_owned(),
            measure: "debiased linear CKA".to_owned(),
            maps: cka.iter().map(map).collect(),
        };
        (maps, json!({ "measure": "debiased linear CKA", "models": names, "pairs": cka }))
    }
}

/// The outer error is one of the computation; the inner one says why CKA is not defined.
fn cross_cka(explorations: &[Exploration]) -> Result<Result<Vec<CrossCka>, Omitted>> {
    let n = explorations.first().map_or(0, |e| e.states.rows.len());
    if n < 4 {
        let why = Why::TooFew { what: "words", needed: 4, found: n };
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

    fn figures(&self) -> Result<Vec<Figure>> {
        let mut figures = self.shared();
        for (exploration, end) in self.explorations.iter().zip(self.ends()) {
            let of_one = exploration.figures()?.into_iter();
            figures.extend(of_one.map(|figure| figure.named(&end)));
        }
        Ok(figures)
    }

    fn numbers(&self) -> Result<Value> {
        let models = self.explorations.iter().map(Analysis::numbers).collect::<Result<Value>>()?;
        Ok(json!({ "models": models, "cka": self.cka, "omitted": self.omitted }))
    }

    fn summary(&self) -> String {
        self.terminal_text()
    }

    /// A page shows two models beside each other; of three or more, each of the others has a page
    /// with the first.
    fn pages(&self) -> Result<Vec<(String, Report)>> {
        let Some((first, others)) = self.explorations.split_first() else { return Ok(Vec::new()) };
        let page = |(index, other): (usize, &Exploration)| {
            let name = match others.len() {
                1 => "report.html".to_owned(),
                _ => format!("report--1-{}.html", index + 2),
            };
            Ok((name, report_of(&[first, other])?))
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
    /// `--1-model`: the ends of the names of each model's files.
    fn ends(&self) -> impl Iterator<Item = String> {
        let models = self.explorations.iter().enumerate();
        models.map(|(index, e)| format!("--{}-{}", index + 1, file_name(&e.states.origin.model)))
    }
}
