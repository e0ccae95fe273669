//! The ids of a model whose tokens have other ids in the tokenizers library: those of `vocab.json` beside
//! a SentencePiece file.

use super::settings::Settings;
use std::collections::{BTreeMap, HashMap};

/// From ids of the library to ids of the model, and from tokens to ids of the model and back.
#[derive(Debug, Clone)]
pub(super) struct Numbering {
    /// By the id of the library.
    of_library: HashMap<u32, u32>,
    /// The unknown token: in the library, in the model.
    unknown: Option<(u32, u32)>,
    of_token: HashMap<String, u32>,
    tokens: BTreeMap<u32, String>,
}

impl Numbering {
    /// The numbering of pieces, in the order of their ids of the library, with the ids that `ids` has for
    /// them. A piece without an id is unknown.
    pub(super) fn new<'a>(
        pieces: impl Iterator<Item = &'a str>,
        ids: HashMap<String, u32>,
        unknown: Option<(u32, u32)>,
    ) -> Self {
        let mut of_library = HashMap::new();
        for (piece, place) in pieces.zip(0..) {
            if let Some(id) = ids.get(piece) {
                of_library.insert(place, *id);
            }
        }
        let tokens = ids.iter().map(|(token, id)| (*id, token.clone())).collect();
        Self { of_library, unknown, of_token: ids, tokens }
    }

    /// Gives the added tokens of a tokenizer the ids of the settings, or those of their texts, or the next
    /// ids.
    pub(super) fn add(&mut self, inner: &tokenizers::Tokenizer, settings: &Settings) {
        let given: HashMap<&str, u64> =
            settings.added.iter().map(|(id, token)| (token.content.as_str(), *id)).collect();
        let mut next = u32::try_from(self.of_token.len()).unwrap_or(u32::MAX);
        let added: BTreeMap<_, _> = inner.get_added_tokens_decoder().into_iter().collect();
        for (place, token) in added {
            let given = given.get(token.content.as_str()).and_then(|id| u32::try_from(*id).ok());
            let id = given.or_else(|| self.id(&token.content)).unwrap_or_else(|| {
                next = next.saturating_add(1);
                next - 1
            });
            self.set(place, id, token.content);
        }
    }

    /// Gives an id of the library to a token.
    pub(super) fn set(&mut self, place: u32, id: u32, token: String) {
        self.of_library.insert(place, id);
        self.of_token.insert(token.clone(), id);
        self.tokens.insert(id, token);
    }

    pub(super) fn token(&self, id: u32) -> Option<String> {
        self.tokens.get(&id).cloned()
    }

    pub(super) fn id(&self, token: &str) -> Option<u32> {
        self.of_token.get(token).copied()
    }

    pub(super) fn size(&self) -> usize {
        self.tokens.len()
    }

    pub(super) fn tokens_beyond(&self, rows: usize) -> usize {
        self.tokens.keys().filter(|id| **id as usize >= rows).count()
    }

    /// The ids of the model. A part of a text that is no piece may still be in `vocab.json`.
    pub(super) fn ids(&self, encoding: &tokenizers::Encoding) -> Vec<u32> {
        let tokens = encoding.get_ids().iter().zip(encoding.get_tokens());
        let id = |(place, token): (&u32, &String)| match self.unknown {
            Some((library, unknown)) if *place == library => {
                self.of_token.get(token).copied().unwrap_or(unknown)
            }
            Some((_, unknown)) => self.of_library.get(place).copied().unwrap_or(unknown),
            None => self.of_library.get(place).copied().unwrap_or(*place),
        };
        tokens.map(id).collect()
    }
}
