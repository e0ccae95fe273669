//! The curves as a part of the page.

use super::{Curves, CurvesLayer};
use stratoscope_probing::context;
use stratoscope_report::{BankAbout, ByClass, Estimate, Story, StoryLayer};

impl Curves {
    /// The story of the page.
    pub(crate) fn story(&self) -> Story {
        let bank = &self.bank.summary;
        Story {
            headline: self.headline(),
            not_measured: None,
            bank: Some(BankAbout {
                name: bank.name.clone(),
                sha256: bank.sha256.clone(),
                sentences: bank.sentences,
                words: bank.content_words,
            }),
            layers: self.layers.iter().map(layer).collect(),
            random_weights: self.random_weights.iter().map(layer).collect(),
        }
    }
}

fn layer(found: &CurvesLayer) -> StoryLayer {
    let estimate = |found: crate::Estimate| Estimate {
        value: found.value,
        interval: found.interval,
        n: found.n,
    };
    let by_class = |both: context::ByClass| ByClass {
        value: both.mean.value,
        interval: both.mean.interval,
        n: both.mean.n,
        nouns: both.nouns.map(estimate),
        verbs: both.verbs.map(estimate),
    };
    StoryLayer {
        layer: found.layer,
        grammar: found.values.grammar.map(by_class),
        word_meaning: found.values.word_meaning.map(by_class),
        sentence: found.values.sentence.map(estimate),
    }
}
