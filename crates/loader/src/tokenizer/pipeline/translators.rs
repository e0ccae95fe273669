//! The pipelines of `class/translators.rs`.

use super::encoders::{exactly, marks, replace};
use super::{ModelSettings, Pipeline, Unknown, metaspace, part, unknown, words_with_marks};
use crate::error::Result;
use crate::tokenizer::languages::{MBART, MBART_50, NLLB};
use crate::tokenizer::settings::{self, Settings};
use crate::tokenizer::token::{Added, Token};
use serde_json::Value;
use tokenizers::normalizers::{NormalizerWrapper, Sequence};

/// mBART: pieces of words, without a table of characters.
pub(in crate::tokenizer) fn mbart(
    settings: &mut Settings,
    _characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    settings.flags("mask_token", |text| Added { lstrip: true, ..Added::new(text, false, None) });
    let given = settings.additional.take().unwrap_or_default();
    let mut additional = languages(&MBART_50[..MBART]);
    additional.extend(given.into_iter().filter(|token| match token {
        Token::Text(text) => !MBART_50[..MBART].contains(&text.as_str()),
        Token::Added(_) => true,
    }));
    settings.additional = Some(additional);
    Ok(Pipeline {
        model: ModelSettings::Unigram { unknown: Unknown::At(3) },
        normalizer: None,
        pre_tokenizer: words_with_marks(true)?,
        plain_tokens: false,
    })
}

/// mBART-50: pieces of a text.
pub(in crate::tokenizer) fn mbart_50(
    settings: &mut Settings,
    characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    settings.flags("mask_token", |text| Added { lstrip: true, ..Added::new(text, false, None) });
    settings.additional.get_or_insert_default().extend(languages(&MBART_50));
    Ok(Pipeline {
        model: ModelSettings::Unigram { unknown: Unknown::At(3) },
        normalizer: preceded_by(characters, &[replace(" {2,}", " ")])?,
        pre_tokenizer: part(metaspace("always", true))?,
        plain_tokens: false,
    })
}

/// NLLB: SentencePiece's BPE.
pub(in crate::tokenizer) fn nllb(
    settings: &mut Settings,
    characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    settings
        .flags("mask_token", |text| Added { lstrip: true, ..Added::new(text, true, Some(true)) });
    if settings.extra.is_none() && settings.additional.is_none() {
        settings.additional = Some(languages(&NLLB));
    }
    let normalizer = match characters {
        None => None,
        some => preceded_by(some, &[replace(" {2,}", " ")])?,
    };
    let unknown = Some(unknown(settings));
    Ok(Pipeline {
        model: ModelSettings::Bpe { unknown, fuse_unknown: true, bytes: false, suffix: "" },
        normalizer,
        pre_tokenizer: part(metaspace("always", true))?,
        plain_tokens: false,
    })
}

/// The second mask of Pegasus, for sentences.
const SENTENCES: &str = "mask_token_sent";
/// The number of tokens of Pegasus before the pieces.
pub(in crate::tokenizer) const OFFSET: usize = 103;

/// Pegasus: pieces of a text, with masks and unused tokens before them.
pub(in crate::tokenizer) fn pegasus(
    settings: &mut Settings,
    characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    let mask = settings.text_unless_null(SENTENCES, "<mask_1>")?;
    let offset = settings.number("offset", OFFSET)?;
    if offset > MAX_OFFSET {
        let most = format!("at most {MAX_OFFSET} are supported");
        return Err(settings::error("offset", &offset.into(), &most));
    }
    let given = settings.additional.take().unwrap_or_default();
    let has = |mask: &str| given.iter().any(|token| *token == Token::Text(mask.to_owned()));
    let mask = mask.filter(|mask| !has(mask)).map(Token::Text);
    let unused = (2..offset).map(|i| Token::Text(format!("<unk_{i}>")));
    settings.additional = Some(mask.into_iter().chain(unused).collect());
    let normalizer = match characters {
        None => preceded_by(None, &[exactly("\n", " "), replace(" {2,}", " ")])?,
        some => preceded_by(some, &[replace(" {2,}", " ")])?,
    };
    Ok(Pipeline {
        model: ModelSettings::Unigram { unknown: Unknown::Later(unknown(settings)) },
        normalizer,
        pre_tokenizer: part(metaspace("always", true))?,
        plain_tokens: false,
    })
}

const MAX_OFFSET: usize = 10_000;

/// XGLM: pieces of a text, and seven tokens without a use.
pub(in crate::tokenizer) fn xglm(
    settings: &mut Settings,
    characters: Option<NormalizerWrapper>,
) -> Result<Pipeline> {
    let additional = settings.additional.get_or_insert_default();
    for i in 0..7 {
        let word = Token::Text(format!("<madeupword{i}>"));
        if !additional.contains(&word) {
            additional.push(word);
        }
    }
    Ok(Pipeline {
        model: ModelSettings::Unigram { unknown: Unknown::At(3) },
        normalizer: preceded_by(characters, &[replace(" {2,}", " ")])?,
        pre_tokenizer: part(marks(settings)?)?,
        plain_tokens: false,
    })
}

fn languages(codes: &[&str]) -> Vec<Token> {
    codes.iter().map(|code| Token::Text((*code).to_owned())).collect()
}

/// The table of characters, and steps after it.
fn preceded_by(
    characters: Option<NormalizerWrapper>,
    steps: &[Value],
) -> Result<Option<NormalizerWrapper>> {
    let mut all: Vec<NormalizerWrapper> = characters.into_iter().collect();
    for step in steps {
        all.extend(part::<NormalizerWrapper>(step.clone())?);
    }
    Ok(Some(Sequence::new(all).into()))
}
