//! The input of the crossed design: stimuli, and the states of their targets and carriers.

use super::StimuliSummary;
use crate::analysis::TOOL;
use crate::given::Subject;
use crate::progress::TextWarnings;
use crate::{Error, Explorer, Result};
use ndarray::{Array3, Axis, s};
use sha2::{Digest, Sha256};
use std::path::Path;
use stratoscope_extractor::{Group, LongText, Origin, Prepared, Row, Text, prepare, write_tensors};
use stratoscope_loader::hexadecimal;
use stratoscope_probing::{Item, Placement, Stimuli};

/// Stimuli with their name and the hash of their text.
#[derive(Debug, Clone)]
pub struct NamedStimuli {
    /// The name: `homographs`, `noun-verb`, or a file.
    pub name: String,
    /// The sha256 of their text, in lower-case hexadecimal.
    pub sha256: String,
    /// The stimuli.
    pub stimuli: Stimuli,
    /// Whether only contexts with the cues before the target are used, as for causal models.
    pub cues_first: bool,
}

impl NamedStimuli {
    /// The built-in homographs.
    ///
    /// # Errors
    /// The errors of [`Stimuli::parse`].
    pub fn homographs() -> Result<Self> {
        Self::parse("homographs", Stimuli::HOMOGRAPHS)
    }

    /// The built-in word forms that are both a noun and a verb.
    ///
    /// # Errors
    /// The errors of [`Stimuli::parse`].
    pub fn noun_verb() -> Result<Self> {
        Self::parse("noun-verb", Stimuli::NOUN_VERB)
    }

    /// Whether they are built-in stimuli.
    fn is_builtin(&self) -> bool {
        let builtin = [Stimuli::HOMOGRAPHS, Stimuli::NOUN_VERB];
        builtin.iter().any(|text| self.sha256 == hexadecimal(&Sha256::digest(text)))
    }

    /// Parses a text in the format of [`Stimuli`].
    ///
    /// # Errors
    /// The errors of [`Stimuli::parse`].
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            sha256: hexadecimal(&Sha256::digest(text)),
            stimuli: Stimuli::parse(text)?,
            cues_first: false,
        })
    }

    /// Keeps only the contexts with the cues before the target.
    ///
    /// # Errors
    /// The errors of [`Stimuli::cues_first`].
    pub fn cues_first(self) -> Result<Self> {
        Ok(Self { stimuli: self.stimuli.cues_first()?, cues_first: true, ..self })
    }

    /// The stimuli for a model: for a causal model, only the contexts with the cues before the
    /// target; otherwise, all contexts.
    ///
    /// # Errors
    /// The errors of [`Stimuli::cues_first`].
    pub fn for_model(self, origin: &Origin) -> Result<Self> {
        if origin.causal { self.cues_first() } else { Ok(self) }
    }
}

/// The states of target and carrier in all texts, at every layer.
#[derive(Debug, Clone)]
pub struct CrossedStates {
    /// The model.
    pub origin: Origin,
    /// The stimuli.
    pub stimuli: NamedStimuli,
    /// `[texts]`: the texts.
    pub items: Vec<Item>,
    /// `[texts]`: the position of each target among the tokens.
    pub placements: Vec<Placement>,
    /// `[n_layers + 1, texts, d_model]`: the target; the mean over its sub-words if it has several.
    pub target: Array3<f32>,
    /// `[n_layers + 1, texts, d_model]`: the carrier, if the stimuli have one.
    pub carrier: Option<Array3<f32>>,
}

impl CrossedStates {
    /// Runs a model on the stimuli [for this model](NamedStimuli::for_model).
    ///
    /// # Errors
    /// The errors of [`NamedStimuli::for_model`]; a model without a tokenizer; a text that is too
    /// long for the model; a target without a token; a forward pass that fails.
    pub fn extract(explorer: &Explorer, stimuli: NamedStimuli) -> Result<Self> {
        Self::of(Subject::Model(explorer), stimuli)
    }

    /// [`extract`](Self::extract) of a model, or of states that were computed before.
    pub(in crate::profile) fn of(subject: Subject<'_>, stimuli: NamedStimuli) -> Result<Self> {
        subject.needs_all_layers()?;
        let stimuli = stimuli.for_model(&subject.origin())?;
        let items = stimuli.stimuli.items();
        let shape = (subject.layers().len(), items.len(), subject.d_model());
        let mut target = Array3::zeros(shape);
        let mut carrier = stimuli.stimuli.carrier().map(|_| Array3::zeros(shape));
        let mut placements = Vec::with_capacity(items.len());
        let texts = items.iter().map(|item| Text::from(item.text.as_str())).collect();
        let mut take = |Group { first_text: first, states }: Group| -> Result<()> {
            let offsets = states.sequence_offsets();
            let of_group = items.iter().skip(first).take(states.texts.len());
            for (index, item) in of_group.enumerate() {
                let rows = &states.rows[offsets[index]..offsets[index + 1]];
                let tokens = |place| match tokens_at(rows, place) {
                    range if range.is_empty() => Err(Error::NoToken {
                        line: stimuli.stimuli.contexts()[item.context].line,
                        text: item.text.clone(),
                    }),
                    range => Ok(range),
                };
                let own = tokens(item.target)?;
                let carried = item.carrier.map(tokens).transpose()?;
                let before = carried.as_ref().map_or(own.start, |range| range.start);
                let label = |row: Option<&Row>| row.map_or_else(String::new, |r| r.label.clone());
                placements.push(Placement {
                    position: own.start,
                    sub_words: own.len(),
                    tokens: rows.len(),
                    before: label(before.checked_sub(1).and_then(|i| rows.get(i))),
                    after: label(rows.get(own.end)),
                });
                let mean = |range: std::ops::Range<usize>| {
                    let rows = offsets[index] + range.start..offsets[index] + range.end;
                    states.hidden_states.slice(s![.., rows, ..]).mean_axis(Axis(1))
                };
                if let Some(mean) = mean(own) {
                    target.slice_mut(s![.., first + index, ..]).assign(&mean);
                }
                if let (Some(carrier), Some(range)) = (&mut carrier, carried)
                    && let Some(mean) = mean(range)
                {
                    carrier.slice_mut(s![.., first + index, ..]).assign(&mean);
                }
            }
            Ok(())
        };
        let prepared = |explorer: &Explorer, texts| -> Result<Prepared> {
            let prepared = prepare(explorer.model(), texts, LongText::Refuse)?;
            if !stimuli.is_builtin() {
                TextWarnings::from(&prepared).report(explorer.progress());
            }
            Ok(prepared)
        };
        subject.read(texts, "stimuli", prepared, &mut take)?;
        Ok(Self { origin: subject.origin(), stimuli, items, placements, target, carrier })
    }

    /// The summary of the stimuli, which the result records.
    pub(crate) fn summary(&self) -> StimuliSummary {
        let stimuli = &self.stimuli.stimuli;
        StimuliSummary {
            name: self.stimuli.name.clone(),
            sha256: self.stimuli.sha256.clone(),
            cues_first: self.stimuli.cues_first,
            words: stimuli.words().len(),
            senses: stimuli.words().iter().map(|w| w.senses.len()).sum(),
            roles: stimuli.roles().to_vec(),
            carrier: stimuli.carrier().map(str::to_owned),
            contexts: stimuli.contexts().len(),
            texts: self.items.len(),
        }
    }

    /// Writes the states with their labels as safetensors: `target` and `carrier` f32
    /// `[n_layers + 1, texts, d_model]`; `word`, `sense`, `role`, `context`, `position` i64
    /// `[texts]`. The metadata has the names of words, senses and roles. The file is written
    /// atomically.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let contexts = self.stimuli.stimuli.contexts();
        let of = |pick: &dyn Fn(usize) -> usize| -> Vec<i64> {
            self.items.iter().map(|item| pick(item.context) as i64).collect()
        };
        let position = self.placements.iter().map(|p| p.position as i64).collect();
        let integers: [(&str, Vec<i64>); 5] = [
            ("word", of(&|c| contexts[c].word)),
            ("sense", of(&|c| contexts[c].sense)),
            ("role", of(&|c| contexts[c].role)),
            ("context", of(&|c| c)),
            ("position", position),
        ];
        let mut floats = vec![("target", self.target.view().into_dyn())];
        floats.extend(self.carrier.as_ref().map(|c| ("carrier", c.view().into_dyn())));
        let words = self.stimuli.stimuli.words();
        let metadata = serde_json::json!({
            "tool": TOOL,
            "model": self.origin,
            "stimuli": self.stimuli.name,
            "stimuli_sha256": self.stimuli.sha256,
            "cues_first": self.stimuli.cues_first,
            "words": words.iter().map(|w| &w.form).collect::<Vec<_>>(),
            "senses": words.iter()
                .map(|w| w.senses.iter().map(|s| &s.name).collect::<Vec<_>>())
                .collect::<Vec<_>>(),
            "roles": self.stimuli.stimuli.roles(),
            "texts": self.items.iter().map(|i| &i.text).collect::<Vec<_>>(),
        });
        Ok(write_tensors(path, &floats, &integers, &metadata.to_string())?)
    }
}

/// The range of tokens that overlap a range of characters of the text.
fn tokens_at(rows: &[Row], place: [usize; 2]) -> std::ops::Range<usize> {
    let hit = |row: &Row| {
        !row.special && row.char_offsets[0] < place[1] && place[0] < row.char_offsets[1]
    };
    let start = rows.iter().position(hit).unwrap_or(0);
    start..start + rows[start..].iter().take_while(|row| hit(row)).count()
}
