//! Where the tokens of ids stand in their texts, by the tokenizer of the model.

use super::StateArrays;
use stratoscope_loader::Tokenizer;

impl StateArrays {
    /// Adds what the tokenizer knows of the ids: the tokens, and with texts their offsets and which of
    /// them are special. The ids must be those of the texts, with all special tokens of the tokenizer
    /// or with none.
    ///
    /// # Errors
    /// States without ids; ids that the texts do not have.
    pub(super) fn tokenize(&mut self, tokenizer: &Tokenizer) -> Result<(), String> {
        let Some(ids) = &self.token_ids else {
            return Err("a tokenizer is given, and it has no token_ids".to_owned());
        };
        if self.tokens.is_none() {
            let name = |id: &u32| tokenizer.token(*id).unwrap_or_else(|| format!("#{id}"));
            self.tokens = Some(ids.iter().map(name).collect());
        }
        let Some(texts) = &self.texts else { return Ok(()) };
        let sequences = self.sequences(ids.len())?;
        if texts.len() != sequences.len() {
            // `with_rows` tells it.
            return Ok(());
        }
        let (mut offsets, mut special) = (Vec::new(), Vec::new());
        for (index, (text, place)) in texts.iter().zip(sequences).enumerate() {
            let own = ids.get(place).unwrap_or_default();
            let encoding = tokenizer
                .encode(&text.text, text.pair.as_deref())
                .map_err(|error| format!("text {}: {error}", index + 1))?;
            let all: Vec<usize> = (0..encoding.ids.len()).collect();
            let plain: Vec<usize> = all.iter().copied().filter(|&i| !encoding.special[i]).collect();
            let is_own = |places: &Vec<usize>| {
                places.iter().map(|&i| encoding.ids[i]).eq(own.iter().copied())
            };
            let Some(places) = [all, plain].into_iter().find(is_own) else {
                let same = encoding.ids.iter().zip(own).take_while(|(a, b)| a == b).count();
                let id = |ids: &[u32]| {
                    ids.get(same).map_or("no token".to_owned(), |id| format!("id {id}"))
                };
                return Err(format!(
                    "text {}, token {}: the tokenizer gives {}, and the file has {}: this is another text or another tokenizer",
                    index + 1,
                    same + 1,
                    id(&encoding.ids),
                    id(own)
                ));
            };
            offsets.extend(places.iter().map(|&i| encoding.char_offsets[i]));
            special.extend(places.iter().map(|&i| encoding.special[i]));
        }
        (self.offsets, self.special) = (Some(offsets), Some(special));
        Ok(())
    }
}
