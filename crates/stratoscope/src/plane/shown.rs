//! The plane as it is shown: the figure, its caption, and the numbers behind it.

use super::PlaneTrails;
use crate::figures::numbered;
use serde_json::{Value, json};
use stratoscope_plot::{SensePlane, SenseWord};
use stratoscope_probing::Separation;

impl PlaneTrails {
    /// The figure, with the words' display names.
    pub(crate) fn figure(&self, title: String, names: Vec<String>) -> SensePlane {
        let point = |place: &Option<stratoscope_probing::Place>| place.map(|p| [p.role, p.sense]);
        SensePlane {
            title,
            caption: self.caption(),
            layers: self.shown.clone(),
            words: (self.words.iter().zip(names))
                .map(|(word, text)| SenseWord {
                    text,
                    sentence: word.sentence,
                    emphasised: word.content,
                    points: word.places.iter().map(point).collect(),
                })
                .collect(),
        }
    }

    /// The words as the figure names them.
    pub(crate) fn display_names(&self) -> Vec<String> {
        numbered(self.words.iter().map(|word| (word.sentence, word.text.clone())))
    }

    pub(crate) fn caption(&self) -> String {
        let frame = self.frames.first().map_or(String::new(), |f| f.replace('…', "(word)"));
        let told = |pick: fn(&Separation) -> f64| {
            let all: Vec<f64> = self.separations.iter().map(|s| 100.0 * pick(s)).collect();
            let low = all.iter().copied().fold(f64::INFINITY, f64::min);
            let high = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            match format!("{low:.0}") == format!("{high:.0}") {
                true => format!("{low:.0} %"),
                false => format!("{low:.0}–{high:.0} %"),
            }
        };
        let guessing = self
            .separations
            .first()
            .map_or((0.0, 0.0), |s| (100.0 * s.role.guessing, 100.0 * s.sense.guessing));
        let cues = match self.cues_first {
            true => ", in contexts whose cues stand before the noun,",
            false => "",
        };
        let missing: Vec<String> = (self.not_shown.iter())
            .map(|(layer, reason)| format!("layer {layer} ({reason})"))
            .collect();
        let missing = match missing.is_empty() {
            true => String::new(),
            false => format!(" Not drawn: {}.", missing.join("; ")),
        };
        format!(
            "A word's change at a layer is its vector minus the mean of the same form in {frames} \
             neutral frames (such as “{frame}”). Farther right: more of the change (of its squared length) \
             lies along the {rank} directions in which the roles of {n} English nouns are told \
             apart{cues} than in a random subspace; farther up: along the {rank} in which their \
             senses are. One unit is twice as much, 0 as much as in a random one. It says how much, \
             not which role or sense, and is no probability; what all words of a sentence share, \
             such as their position, counts too. Of nouns that the directions were not found with, \
             at the layers drawn: roles told at {roles} (guessing {guess_role:.0} %, random subspaces \
             {random_role}), senses at {senses} ({guess_sense:.0} %, {random_sense}), a change of \
             sense put above one of role in {apart} of pairs (50 %). Other kinds of words and other \
             languages are an extrapolation.{missing}",
            frames = self.frames.len(),
            rank = self.rank,
            n = self.stimuli_words,
            roles = told(|s| s.role.accuracy.value),
            random_role = told(|s| s.role.random.mean),
            senses = told(|s| s.sense.accuracy.value),
            random_sense = told(|s| s.sense.random.mean),
            apart = told(|s| s.apart.value),
            guess_role = guessing.0,
            guess_sense = guessing.1,
        )
    }

    /// What holds for all layers.
    pub fn about(&self) -> Value {
        json!({
            "unit": "log2 of the share of a change in a subspace over that in a random one",
            "rank": self.rank,
            "stimuli_words": self.stimuli_words,
            "cues_first": self.cues_first,
            "frames": self.frames,
            "words": self.words.iter().map(|word| json!({
                "text": word.text,
                "sentence": word.sentence,
                "char_offsets": word.char_offsets,
                "content": word.content,
            })).collect::<Value>(),
            "not_shown": self.not_shown.iter().map(|(layer, reason)| json!({
                "layer": layer,
                "reason": reason,
            })).collect::<Value>(),
        })
    }

    /// What is known at a layer: how well it separates, and the places of the words; null where it
    /// is not shown.
    pub fn at(&self, layer: usize) -> Value {
        let Some(index) = self.shown.iter().position(|&l| l == layer) else { return Value::Null };
        json!({
            "separation": self.separations.get(index),
            "places": self.words.iter().map(|w| &w.places[index]).collect::<Vec<_>>(),
        })
    }

    pub(crate) fn numbers(&self) -> Value {
        let mut numbers = self.about();
        let by_layer = self.shown.iter().map(|&layer| {
            let mut at = self.at(layer);
            at["layer"] = layer.into();
            at
        });
        numbers["layers"] = by_layer.collect();
        numbers
    }
}
