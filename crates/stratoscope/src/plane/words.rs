//! The words of a text in the plane: what each changes by from what its form is in neutral frames.

use super::Plane;
use crate::profile::tokens_at;
use crate::{
    Activations, Explorer, HookSelection, LayerSelection, LeftOut, LongText, Result, Text, Unit,
};
use ndarray::{Array1, Array2, Axis, s};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use stratoscope_extractor::{Row, extract, prepare};
use stratoscope_loader::Pooling;
use stratoscope_probing::{Place, Separation};

/// Frames that say little of a word's role and nothing of its sense: what stands before it and
/// after it. Short, since each is read for each form of a text.
const FRAMES: [(&str, &str); 6] = [
    ("It was ", "."),
    ("They said ", "."),
    ("", ", and so on."),
    ("We saw ", " there."),
    ("This or ", "."),
    ("There is the ", "."),
];

/// A picture of more words than this cannot be read, and their frames would take long.
const MOST_WORDS: usize = 100;
/// Longer strings are not words.
const LONGEST: usize = 64;
/// A change that is this much shorter than the vectors that it lies between is rounding.
const ROUNDING: f64 = 1e-5;

/// What the forms of a text are in neutral frames.
#[derive(Debug, Clone, PartialEq)]
pub struct Neutral {
    layers: Vec<usize>,
    /// By form, `[layers, d_model]`: the mean over the frames.
    means: HashMap<String, Array2<f64>>,
}

/// The words of a text in the plane.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlaneTrails {
    /// The layers that are shown, rising.
    pub shown: Vec<usize>,
    /// How well each of them tells roles and senses apart, with words left out.
    pub separations: Vec<Separation>,
    /// The layers that are not, each with the reason.
    pub not_shown: Vec<(usize, String)>,
    /// The number of words that the subspaces were found with.
    pub stimuli_words: usize,
    /// Whether only contexts with their cues before the word were among them.
    pub cues_first: bool,
    /// The number of directions of either subspace.
    pub rank: usize,
    /// The frames, with `…` where the word stands.
    pub frames: Vec<String>,
    /// The words, in order of the texts.
    pub words: Vec<PlaneWord>,
}

/// A word of a text in the plane.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlaneWord {
    /// As it is written.
    pub text: String,
    /// Its text, counted from 0.
    pub sentence: usize,
    /// Its place there, in characters.
    pub char_offsets: [usize; 2],
    /// Whether it is none of the common English function words.
    pub content: bool,
    /// `[layers shown]`: where its change lies; none where it does not change.
    pub places: Vec<Option<Place>>,
}

/// Words as the plane has them, means of their sub-words, those without letters and digits left out
/// (their rows are listed); or why there are none.
fn words_of(states: &Activations) -> Result<(Activations, Vec<usize>), String> {
    let words = match states.unit {
        Unit::Word => states.clone(),
        Unit::Sentence => return Err("it is of words, not of whole texts".to_owned()),
        Unit::Token => {
            states.pooled(Unit::Word, Pooling::Mean).map_err(|error| error.to_string())?
        }
    };
    let is_word = |row: &Row| {
        let form = form(&words, row);
        form.chars().any(char::is_alphanumeric) && form.chars().count() <= LONGEST
    };
    let kept: Vec<usize> = (0..words.rows.len()).filter(|&r| is_word(&words.rows[r])).collect();
    match kept.len() {
        0 => Err("there is no word".to_owned()),
        n if n > MOST_WORDS => Err(format!("{n} words are too many; choose fewer texts")),
        _ => Ok((words, kept)),
    }
}

/// A word as it is written.
fn form(states: &Activations, row: &Row) -> String {
    let Some(text) = states.texts.get(row.sequence) else { return String::new() };
    let own = match (&text.pair, row.text_id) {
        (Some(pair), 1) => pair,
        _ => &text.text,
    };
    let [start, end] = row.char_offsets;
    own.chars().skip(start).take(end.saturating_sub(start)).collect()
}

impl Explorer {
    /// What the word forms of some states are in neutral frames, at the layers that a plane and the
    /// states have: one more forward pass, over six short texts a form. Empty where there are no
    /// words, or too many of them.
    ///
    /// # Errors
    /// A forward pass that fails.
    pub fn neutral(&self, plane: &Plane, states: &Activations) -> Result<Neutral> {
        let layers: Vec<usize> =
            states.layers.iter().copied().filter(|&l| plane.subspaces(l).is_some()).collect();
        let mut neutral = Neutral { layers, means: HashMap::new() };
        let Ok((words, kept)) = words_of(states) else { return Ok(neutral) };
        if neutral.layers.is_empty() {
            return Ok(neutral);
        }
        let forms: BTreeSet<String> = kept.iter().map(|&r| form(&words, &words.rows[r])).collect();
        let mut texts = Vec::with_capacity(forms.len() * FRAMES.len());
        for form in &forms {
            texts.extend(FRAMES.iter().map(|(a, b)| Text::from(format!("{a}{form}{b}"))));
        }
        let prepared = prepare(self.model(), texts, LongText::Cut)?;
        let chosen: Vec<String> = neutral.layers.iter().map(usize::to_string).collect();
        let read = extract(
            self.model(),
            prepared,
            &LayerSelection::Some(chosen.join(",")),
            &HookSelection::default(),
            &mut |_| {},
        )?;
        let offsets = read.sequence_offsets();
        for (index, form) in forms.into_iter().enumerate() {
            let mut sum = Array2::<f64>::zeros((neutral.layers.len(), read.d_model()));
            let mut seen = 0.0;
            for (frame, (before, _)) in FRAMES.iter().enumerate() {
                let text = index * FRAMES.len() + frame;
                let start = before.chars().count();
                let place = [start, start + form.chars().count()];
                let own = tokens_at(&read.rows[offsets[text]..offsets[text + 1]], place);
                let own = offsets[text] + own.start..offsets[text] + own.end;
                let mean = read.hidden_states.slice(s![.., own, ..]).mean_axis(Axis(1));
                if let Some(mean) = mean {
                    sum += &mean.mapv(f64::from);
                    seen += 1.0;
                }
            }
            if seen > 0.0 {
                neutral.means.insert(form, sum / seen);
            }
        }
        Ok(neutral)
    }
}

impl Plane {
    /// Places the words of some states, of which `neutral` was read.
    ///
    /// # Errors
    /// Why there is nothing to show: no words or too many, no layer that tells both apart.
    pub fn trails(&self, neutral: &Neutral, states: &Activations) -> Result<PlaneTrails, LeftOut> {
        PlaneTrails::of(self, neutral, states).map_err(|reason| LeftOut { name: "plane", reason })
    }
}

impl PlaneTrails {
    fn of(plane: &Plane, neutral: &Neutral, states: &Activations) -> Result<Self, String> {
        let (words, kept) = words_of(states)?;
        if plane.by_layer.iter().all(|l| l.left_out.is_some()) {
            let all = plane.by_layer.iter().rev().find_map(|l| l.left_out.clone());
            return Err(format!("no layer tells both apart; {}", all.unwrap_or_default()));
        }
        // Where each layer is among those of the frames, and among those of the states.
        let shown: Vec<(usize, usize, usize)> = (neutral.layers.iter().enumerate())
            .filter_map(|(index, &layer)| {
                Some((layer, index, words.layers.iter().position(|&l| l == layer)?))
            })
            .collect();
        if shown.is_empty() {
            return Err("the layers chosen are none of those that tell both apart".to_owned());
        }
        let placed = |&row: &usize| {
            let row_of = &words.rows[row];
            let text = form(&words, row_of);
            let place = |&(layer, index, at): &(usize, usize, usize)| {
                let vector = words.layer(at).row(row).mapv(f64::from);
                let mean = neutral.means.get(&text)?.row(index).to_owned();
                if mean.len() != vector.len() {
                    return None;
                }
                let change = &vector - &mean;
                let length = |x: &Array1<f64>| x.dot(x).sqrt();
                let moved = length(&change) > ROUNDING * (length(&vector) + length(&mean));
                plane.subspaces(layer)?.place(change.view()).filter(|_| moved)
            };
            PlaneWord {
                sentence: row_of.sequence,
                char_offsets: row_of.char_offsets,
                content: is_content(&text),
                places: shown.iter().map(place).collect(),
                text,
            }
        };
        let trails: Vec<PlaneWord> = kept.iter().map(placed).collect();
        if trails.iter().flat_map(|w| &w.places).all(Option::is_none) {
            return Err("no word differs from its form in neutral frames".to_owned());
        }
        let of = |layer: usize| plane.by_layer.get(layer);
        let known = |layer: &usize| of(*layer).and_then(|l| l.separation);
        let reason = |layer: &usize| Some((*layer, of(*layer)?.left_out.clone()?));
        let shown: Vec<usize> = shown.into_iter().map(|(layer, ..)| layer).collect();
        let rank = shown.first().and_then(|&l| plane.subspaces(l)).map_or(0, |s| s.role.nrows());
        Ok(Self {
            separations: shown.iter().filter_map(known).collect(),
            not_shown: states.layers.iter().filter_map(reason).collect(),
            shown,
            stimuli_words: plane.stimuli.words,
            cues_first: plane.stimuli.cues_first,
            rank,
            frames: FRAMES.iter().map(|(a, b)| format!("{a}…{b}")).collect(),
            words: trails,
        })
    }
}

/// Common English function words; all others are taken for content words.
const FUNCTION_WORDS: &str = "a about above after again against all also although am an and another any \
    are as at be because been before being below between both but by can cannot could did do does \
    doing down during each either else ever few for from further had has have having he her here \
    hers herself him himself his how however i if in into is it its itself just many may me might \
    mine more most much must my myself neither no nor not of off on once only or other our ours \
    ourselves out over own per same shall she should since so some such than that the their theirs \
    them themselves then there these they this those though through to too toward under until up \
    upon us very was we were what when where whether which while who whom whose why will with \
    within without would yet you your yours yourself s t d ll m re ve";

fn is_content(form: &str) -> bool {
    let form = form.to_lowercase();
    FUNCTION_WORDS.split_whitespace().all(|word| word != form)
}

#[cfg(test)]
mod tests {
    use super::is_content;

    #[test]
    fn function_words_are_known_whatever_their_case() {
        assert!(!is_content("The") && !is_content("through") && !is_content("t"));
        assert!(is_content("bank") && is_content("Haus"));
    }
}
