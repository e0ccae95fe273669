//! The figures of the measures.

use super::NEIGHBOURS;
use super::measure::Measure;
use super::report::{ChangeStep, Cka, LayerGeometry, ModelGeometry, Report};
use crate::analysis::{Analysis, Figure};
use crate::{Estimate, Result};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write;
use stratoscope_plot::{
    CurvePoint, LayerMap, LayerMaps, Moved, MovedStep as DrawnStep, Multiples, SmallPanel,
};

/// The three kinds of CKA: the name, and where it is.
type Kind = (&'static str, fn(&Cka) -> &Vec<Vec<Option<Estimate>>>);
const KINDS: [Kind; 3] =
    [("linear", |c| &c.linear), ("debiased", |c| &c.debiased), ("RBF", |c| &c.rbf)];

impl Report {
    /// `geometry`, `cka` and `neighbour_change`, where they are defined.
    pub(super) fn drawn(&self) -> Result<Vec<Figure>> {
        let mut figures = Vec::new();
        let multiples = self.multiples();
        if !multiples.panels.is_empty() {
            figures.push(Figure::new("geometry", multiples.draw(), self.numbers()?));
        }
        if let Some(maps) = self.cka_maps() {
            figures.push(Figure::new("cka", maps.draw(), self.cka_numbers()));
        }
        if let Some(change) = self.change_figure() {
            let numbers = self.change_numbers();
            figures.push(Figure::new("neighbour_change", change.draw(), numbers));
        }
        Ok(figures)
    }

    /// The models as figures name them: the last part of a path, where that is unambiguous.
    pub(super) fn names(&self) -> Vec<String> {
        let of = |model: &ModelGeometry| model.model.model.clone();
        let last = |name: String| {
            let name = name.trim_end_matches(['/', '\\']);
            name.rsplit(['/', '\\']).next().unwrap_or(name).to_owned()
        };
        let short: Vec<String> = self.models.iter().map(of).map(last).collect();
        let different: BTreeSet<&String> = short.iter().collect();
        match different.len() == short.len() {
            true => short,
            false => self.models.iter().map(of).collect(),
        }
    }

    fn title(&self, what: &str) -> String {
        match &self.models[..] {
            [_] => format!("{what}: {}", self.names().concat()),
            _ => what.to_owned(),
        }
    }

    /// One panel per measure.
    pub(super) fn multiples(&self) -> Multiples {
        let by_layer = self.models.len() == 1;
        let panel = |measure: Measure| {
            let curve = |model: &ModelGeometry| {
                let most = model.layers.len().saturating_sub(1).max(1) as f64;
                let point = |(index, layer): (usize, &LayerGeometry)| {
                    let found = layer.measures.get(&measure).copied().flatten();
                    let at = if by_layer { layer.layer as f64 } else { index as f64 / most };
                    CurvePoint {
                        at,
                        value: found.map(|found| found.value),
                        interval: found.and_then(|found| found.low.zip(found.high)),
                    }
                };
                model.layers.iter().enumerate().map(point).collect()
            };
            let (title, unit) = measure.title();
            SmallPanel {
                title: title.to_owned(),
                unit: unit.to_owned(),
                curves: self.models.iter().map(curve).collect(),
            }
        };
        let defined = |panel: &SmallPanel| panel.curves.iter().flatten().any(|p| p.value.is_some());
        Multiples {
            title: self.title("The space of words by depth"),
            caption: self.caption(),
            names: self.names(),
            by_layer,
            panels: Measure::ALL.into_iter().map(panel).filter(defined).collect(),
        }
    }

    fn caption(&self) -> String {
        let mut text = format!("{}, n = {} sentences. ", self.input.name, self.input.texts);
        for (model, name) in self.models.iter().zip(self.names()) {
            let c = &model.counts;
            let name = if self.models.len() > 1 { format!("{name}: ") } else { String::new() };
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "{name}{} words; {} of them drawn for neighbours; {} occurrences of {} forms for \
                 self-similarity and explainable variance. ",
                c.words, c.sampled_words, c.occurrences, c.forms
            );
        }
        text += "Adjusted: minus the value of random words (Ethayarajh 2019). Intervals are 95 %: of \
                 means by bootstrap over sentences (of explainable variance over forms), else by \
                 leaving sentences out. Cosines say little where a single dimension makes up much of \
                 them. TwoNN depends on how densely words are sampled, and whether such estimates \
                 mean what they say of language models is debated; effective rank is of squared \
                 singular values. How a layer uses such a shape is not shown.";
        let left_out: Vec<&str> = Measure::ALL
            .into_iter()
            .filter(|measure| self.models.iter().all(|m| m.values(*measure).next().is_none()))
            .map(|measure| measure.title().0)
            .collect();
        if !left_out.is_empty() {
            let _ = write!(text, " Not defined here: {}.", left_out.join(", "));
        }
        text
    }

    /// For one model the three kinds of CKA; for several the debiased kind, within and between.
    pub(super) fn cka_maps(&self) -> Option<LayerMaps> {
        let map = |title: String, names: [String; 2], cka: &Cka, of: Kind| LayerMap {
            title,
            names,
            layers: [cka.row_layers.clone(), cka.column_layers.clone()],
            values: of.1(cka).iter().flatten().map(|v| v.map(|v| v.value)).collect(),
        };
        let mut words = 0;
        let mut maps = Vec::new();
        let several = self.models.len() > 1;
        let named = self.names();
        for (model, name) in self.models.iter().zip(&named) {
            let Some(cka) = &model.cka else { continue };
            words = cka.words;
            let names = || ["layer".to_owned(), "layer".to_owned()];
            match several {
                true => maps.push(map(name.clone(), names(), cka, KINDS[1])),
                false => {
                    maps.extend(KINDS.map(|kind| map(kind.0.to_owned(), names(), cka, kind)));
                }
            }
        }
        // Pairs of models come in this order.
        let pairs = (0..named.len()).flat_map(|a| (a + 1..named.len()).map(move |b| (a, b)));
        for (across, (a, b)) in self.across.iter().zip(pairs) {
            let Some(cka) = &across.cka else { continue };
            let names = [named[a].clone(), named[b].clone()];
            maps.push(map(format!("{} × {}", named[a], named[b]), names, cka, KINDS[1]));
        }
        let defined = maps.iter().any(|map| map.values.iter().any(Option::is_some));
        let kinds = if several {
            "Debiased linear CKA (the linear and the RBF kind are in the numbers)"
        } else {
            "Linear CKA (high for few words in many dimensions), debiased linear CKA (the one to \
             read), and CKA with a Gaussian kernel half as wide as the median distance"
        };
        defined.then(|| LayerMaps {
            title: self.title("How alike the layers are"),
            caption: format!(
                "{kinds}, over n = {words} words{} (Kornblith et al. 2019; Murphy et al. 2024): 1 \
                 where two layers arrange the words alike up to rotation and scale, about 0 where \
                 they have nothing in common. It is dominated by the directions of the largest variance: \
                 layers that differ in directions of small variance look alike. 95 % intervals are in the \
                 numbers.",
                if several { " that all models have" } else { "" }
            ),
            measure: "CKA".to_owned(),
            maps,
        })
    }

    fn cka_numbers(&self) -> Value {
        let own = |model: &ModelGeometry| json!({ "model": model.model.model, "cka": model.cka });
        json!({
            "models": self.models.iter().map(own).collect::<Vec<_>>(),
            "across": self.across,
        })
    }

    pub(super) fn change_figure(&self) -> Option<Moved> {
        let several = self.models.len() > 1;
        let step = |name: &str, step: &ChangeStep| {
            let of = if several { format!("{name}, ") } else { String::new() };
            let kept = |change: f64| ((1.0 - change) * NEIGHBOURS as f64).round() as usize;
            let words = step.words.iter().map(|word| {
                let beside = [word.before.clone(), word.after.clone()];
                (kept(word.change), word.word.clone(), beside)
            });
            DrawnStep {
                title: format!("{of}layer {} to {}", step.from, step.to),
                kept: step.kept.clone(),
                words: words.collect(),
            }
        };
        let of = |(model, name): (&ModelGeometry, String)| {
            model.neighbour_change.iter().map(|own| step(&name, own)).collect::<Vec<_>>()
        };
        let steps: Vec<DrawnStep> = self.models.iter().zip(self.names()).flat_map(of).collect();
        let words = self.models.iter().map(|model| model.counts.sampled_words).max();
        (!steps.is_empty()).then(|| Moved {
            title: self.title("Words whose neighbours change most"),
            caption: format!(
                "For n = {} words drawn from the texts: how many of its {NEIGHBOURS} nearest \
                 neighbours (Euclidean, in the full space) each word keeps from a layer to the next. \
                 Many words keep equally few; those named are the first in the text. Only \
                 neighbours within the sample are counted: in a larger sample all words keep fewer.",
                words.unwrap_or(0)
            ),
            steps,
        })
    }

    fn change_numbers(&self) -> Value {
        let own = |model: &ModelGeometry| json!({ "model": model.model.model, "neighbour_change": model.neighbour_change });
        json!({
            "neighbours": NEIGHBOURS,
            "models": self.models.iter().map(own).collect::<Vec<_>>(),
        })
    }
}

impl ModelGeometry {
    /// A measure where it is defined, with its layer.
    pub(super) fn values(&self, measure: Measure) -> impl Iterator<Item = (usize, Estimate)> + '_ {
        self.layers
            .iter()
            .filter_map(move |layer| Some((layer.layer, layer.measures.get(&measure)?.as_ref()?)))
            .map(|(layer, found)| (layer, *found))
    }
}
