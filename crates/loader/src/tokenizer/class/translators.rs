//! The tokenizer classes of translators: their tokens around a text name a language.

use super::{
    Algorithm, Class, FILE, Pieces, ROBERTA_TOKENS, SENTENCEPIECE_BPE, SPIECE, VOCAB_JSON,
};
use crate::tokenizer::languages::{MBART, MBART_50};
use crate::tokenizer::post::Post;
use crate::tokenizer::{pipeline, python};

const MARIAN: &[&str] = &[VOCAB_JSON, "source.spm"];
const M2M100: &[&str] = &[VOCAB_JSON, "sentencepiece.bpe.model"];

pub(super) const CLASSES: &[&Class] = &[
    &Class {
        names: &["MBartTokenizer"],
        algorithm: Some(Algorithm::Unigram),
        files: SENTENCEPIECE_BPE,
        tokens: ROBERTA_TOKENS,
        pipeline: Some(pipeline::mbart),
        post: Post::Language { first: false, default: "en_XX" },
        pieces: Pieces::Languages("bos_token", MBART_50.split_at(MBART).0),
        ..FILE
    },
    &Class {
        names: &["MBart50Tokenizer"],
        algorithm: Some(Algorithm::Unigram),
        files: SENTENCEPIECE_BPE,
        tokens: &[
            ("eos_token", "</s>"),
            ("sep_token", "</s>"),
            ("cls_token", "<s>"),
            ("unk_token", "<unk>"),
            ("pad_token", "<pad>"),
            ("mask_token", "<mask>"),
        ],
        pipeline: Some(pipeline::mbart_50),
        post: Post::Language { first: true, default: "en_XX" },
        pieces: Pieces::Languages("cls_token", &MBART_50),
        ..FILE
    },
    &Class {
        names: &["NllbTokenizer"],
        algorithm: Some(Algorithm::Bpe),
        files: SENTENCEPIECE_BPE,
        tokens: ROBERTA_TOKENS,
        pipeline: Some(pipeline::nllb),
        post: Post::Language { first: true, default: "eng_Latn" },
        pieces: Pieces::Nllb,
        ..FILE
    },
    &Class {
        names: &["M2M100Tokenizer"],
        files: M2M100,
        tokens: &[
            ("bos_token", "<s>"),
            ("eos_token", "</s>"),
            ("sep_token", "</s>"),
            ("pad_token", "<pad>"),
            ("unk_token", "<unk>"),
        ],
        python: Some(python::m2m100),
        post: Post::Made,
        ..FILE
    },
    &Class {
        names: &["MarianTokenizer"],
        files: MARIAN,
        tokens: &[("unk_token", "<unk>"), ("eos_token", "</s>"), ("pad_token", "<pad>")],
        python: Some(python::marian),
        post: Post::LastOfBoth,
        ..FILE
    },
    &Class {
        names: &["PegasusTokenizer"],
        algorithm: Some(Algorithm::Unigram),
        files: SPIECE,
        tokens: &[
            ("pad_token", "<pad>"),
            ("eos_token", "</s>"),
            ("unk_token", "<unk>"),
            ("mask_token", "<mask_2>"),
        ],
        pipeline: Some(pipeline::pegasus),
        post: Post::LastOfBoth,
        pieces: Pieces::Pegasus,
        ..FILE
    },
    &Class {
        names: &["XGLMTokenizer"],
        algorithm: Some(Algorithm::Unigram),
        tokens: &[
            ("bos_token", "<s>"),
            ("eos_token", "</s>"),
            ("sep_token", "</s>"),
            ("cls_token", "<s>"),
            ("unk_token", "<unk>"),
            ("pad_token", "<pad>"),
        ],
        pipeline: Some(pipeline::xglm),
        post: Post::Before,
        ..FILE
    },
];
