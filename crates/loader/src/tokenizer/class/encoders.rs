//! The tokenizer classes of encoders of texts beside images, of proteins, and of relatives of BERT, and
//! those of Cohere and GPT.

use super::{Algorithm, BERT_TOKENS, Class, FILE, MERGES, ROBERTA_TOKENS, SPIECE, VOCAB_TXT};
use crate::tokenizer::post::Post;
use crate::tokenizer::{pipeline, python};

pub(super) const CLASSES: &[&Class] = &[
    &Class {
        names: &["CLIPTokenizer"],
        algorithm: Some(Algorithm::Bpe),
        files: MERGES,
        tokens: &[
            ("unk_token", "<|endoftext|>"),
            ("bos_token", "<|startoftext|>"),
            ("eos_token", "<|endoftext|>"),
            ("pad_token", "<|endoftext|>"),
        ],
        pipeline: Some(pipeline::clip),
        post: Post::Clip,
        ..FILE
    },
    &Class {
        names: &["SiglipTokenizer"],
        files: SPIECE,
        tokens: &[("eos_token", "</s>"), ("unk_token", "<unk>"), ("pad_token", "</s>")],
        python: Some(python::siglip),
        post: Post::Last,
        ..FILE
    },
    &Class {
        names: &["EsmTokenizer"],
        files: VOCAB_TXT,
        tokens: &[
            ("unk_token", "<unk>"),
            ("cls_token", "<cls>"),
            ("pad_token", "<pad>"),
            ("mask_token", "<mask>"),
            ("eos_token", "<eos>"),
        ],
        python: Some(python::esm),
        post: Post::Between("cls_token", "eos_token"),
        ..FILE
    },
    &Class {
        names: &["BigBirdTokenizer"],
        algorithm: Some(Algorithm::Unigram),
        files: SPIECE,
        tokens: &[
            ("unk_token", "<unk>"),
            ("bos_token", "<s>"),
            ("eos_token", "</s>"),
            ("pad_token", "<pad>"),
            ("sep_token", "[SEP]"),
            ("mask_token", "[MASK]"),
            ("cls_token", "[CLS]"),
        ],
        pipeline: Some(pipeline::big_bird),
        post: Post::Bert(None),
        ..FILE
    },
    &Class {
        names: &["RemBertTokenizer"],
        algorithm: Some(Algorithm::Unigram),
        files: &["sentencepiece.model"],
        tokens: &[
            ("bos_token", "[CLS]"),
            ("eos_token", "[SEP]"),
            ("unk_token", "<unk>"),
            ("sep_token", "[SEP]"),
            ("pad_token", "<pad>"),
            ("cls_token", "[CLS]"),
            ("mask_token", "[MASK]"),
        ],
        pipeline: Some(pipeline::rembert),
        post: Post::BertIfOfFile,
        ..FILE
    },
    &Class {
        names: &["SplinterTokenizer"],
        algorithm: Some(Algorithm::WordPiece),
        files: VOCAB_TXT,
        tokens: BERT_TOKENS,
        pipeline: Some(pipeline::splinter),
        post: Post::Splinter,
        ..FILE
    },
    &Class {
        names: &["LukeTokenizer"],
        algorithm: Some(Algorithm::Bpe),
        files: MERGES,
        tokens: ROBERTA_TOKENS,
        pipeline: Some(pipeline::luke),
        post: Post::Roberta { settings: false },
        ..FILE
    },
    &Class {
        names: &["BertGenerationTokenizer"],
        files: SPIECE,
        tokens: &[
            ("bos_token", "<s>"),
            ("eos_token", "</s>"),
            ("unk_token", "<unk>"),
            ("pad_token", "<pad>"),
            ("sep_token", "<::::>"),
        ],
        python: Some(python::bert_generation),
        post: Post::Made,
        ..FILE
    },
    &Class {
        names: &["CohereTokenizer"],
        algorithm: Some(Algorithm::Bpe),
        files: MERGES,
        tokens: &[
            ("unk_token", "<UNK>"),
            ("bos_token", "<BOS_TOKEN>"),
            ("eos_token", "<|END_OF_TURN_TOKEN|>"),
            ("pad_token", "<PAD>"),
            ("cls_token", "<CLS>"),
            ("sep_token", "<SEP>"),
            ("mask_token", "<MASK_TOKEN>"),
        ],
        pipeline: Some(pipeline::cohere),
        ..FILE
    },
    &Class {
        names: &["OpenAIGPTTokenizer"],
        algorithm: Some(Algorithm::Bpe),
        files: MERGES,
        tokens: &[("unk_token", "<unk>")],
        pipeline: Some(pipeline::gpt),
        ..FILE
    },
];
