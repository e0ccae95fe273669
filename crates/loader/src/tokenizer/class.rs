//! The tokenizer classes of transformers 5, as data: what each makes of a vocabulary and its settings.
//! A class with its own pipeline takes only the vocabulary and, where it sets none, the post-processor
//! from `tokenizer.json`.

mod encoders;
mod translators;

use super::pipeline::{self, Pipeline};
use super::post::Post;
use super::python::MakePython;
use super::settings::Settings;
use crate::error::Result;
use tokenizers::normalizers::NormalizerWrapper;

/// A tokenizer class.
pub(super) struct Class {
    /// Its names in transformers, without `Fast`.
    pub(super) names: &'static [&'static str],
    /// The algorithm that the class builds; none: that of the file.
    pub(super) algorithm: Option<Algorithm>,
    /// The vocabulary files that it reads without a `tokenizer.json`.
    pub(super) files: &'static [&'static str],
    /// The special tokens that it has by default. An empty text: none, also where `tokenizer.json` names
    /// one for padding.
    pub(super) tokens: &'static [(&'static str, &'static str)],
    /// Its pipeline; none: that of `tokenizer.json`, as it is.
    pub(super) pipeline: Option<MakePipeline>,
    /// How it is built if transformers has it in Python alone. Such a class reads no `tokenizer.json`
    /// but the added tokens in it.
    pub(super) python: Option<MakePython>,
    /// Its post-processor.
    pub(super) post: Post,
    /// The pieces of a SentencePiece file that it replaces.
    pub(super) pieces: Pieces,
}

/// Builds the pipeline of a class. The normalizer is the table of characters of the file, if there is one.
pub(super) type MakePipeline = fn(&mut Settings, Option<NormalizerWrapper>) -> Result<Pipeline>;

/// An algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    WordPiece,
    Bpe,
    Unigram,
}

/// The changes of a class to the pieces of a SentencePiece file: the ids of fairseq, sentinels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pieces {
    /// None.
    AsStored,
    /// `<s> <pad> </s> <unk>` for the first three pieces, and a mask at the end.
    XlmRoberta,
    /// CamemBERT's five first pieces for the first piece, and a mask at the end.
    Camembert,
    /// `<extra_id_99>` to `<extra_id_0>` at the end.
    T5,
    /// As [`XlmRoberta`](Self::XlmRoberta), with languages before the mask. The role of the first token.
    Languages(&'static str, &'static [&'static str]),
    /// `<s> <pad> </s> <unk>`, then all other pieces, of a BPE model.
    Nllb,
    /// Two pieces, two masks and the unused tokens of Pegasus for the first two pieces.
    Pegasus,
}

const BERT_TOKENS: &[(&str, &str)] = &[
    ("unk_token", "[UNK]"),
    ("sep_token", "[SEP]"),
    ("pad_token", "[PAD]"),
    ("cls_token", "[CLS]"),
    ("mask_token", "[MASK]"),
];

const ROBERTA_TOKENS: &[(&str, &str)] = &[
    ("bos_token", "<s>"),
    ("eos_token", "</s>"),
    ("sep_token", "</s>"),
    ("cls_token", "<s>"),
    ("unk_token", "<unk>"),
    ("pad_token", "<pad>"),
    ("mask_token", "<mask>"),
];

const GPT2_TOKENS: &[(&str, &str)] = &[
    ("unk_token", "<|endoftext|>"),
    ("bos_token", "<|endoftext|>"),
    ("eos_token", "<|endoftext|>"),
    ("pad_token", ""),
];

const LLAMA_TOKENS: &[(&str, &str)] =
    &[("unk_token", "<unk>"), ("bos_token", "<s>"), ("eos_token", "</s>")];

const QWEN2_TOKENS: &[(&str, &str)] = &[
    ("unk_token", "<|endoftext|>"),
    ("eos_token", "<|endoftext|>"),
    ("pad_token", "<|endoftext|>"),
];

const VOCAB_TXT: &[&str] = &["vocab.txt"];
pub(super) const VOCAB_JSON: &str = "vocab.json";
pub(super) const MERGES_TXT: &str = "merges.txt";
const MERGES: &[&str] = &[VOCAB_JSON, MERGES_TXT];
const SENTENCEPIECE_BPE: &[&str] = &["sentencepiece.bpe.model"];
const SPIECE: &[&str] = &["spiece.model"];
pub(super) const TOKENIZER_MODEL: &str = "tokenizer.model";

/// `tokenizer.json` as it is: the base of all classes.
const FILE: Class = Class {
    names: &["TokenizersBackend", "BloomTokenizer", "ParakeetTokenizer"],
    algorithm: None,
    files: &[TOKENIZER_MODEL],
    tokens: &[],
    pipeline: None,
    python: None,
    post: Post::OfFile,
    pieces: Pieces::AsStored,
};

const CLASSES: &[&Class] = &[
    &FILE,
    &Class {
        names: &[
            "BertTokenizer",
            "DistilBertTokenizer",
            "ElectraTokenizer",
            "LayoutLMTokenizer",
            "LxmertTokenizer",
            "MobileBertTokenizer",
            "SqueezeBertTokenizer",
        ],
        algorithm: Some(Algorithm::WordPiece),
        files: VOCAB_TXT,
        tokens: BERT_TOKENS,
        pipeline: Some(pipeline::bert),
        post: Post::Bert(Some([2, 3])),
        ..FILE
    },
    &Class {
        names: &["MPNetTokenizer"],
        algorithm: Some(Algorithm::WordPiece),
        files: VOCAB_TXT,
        tokens: &[
            ("bos_token", "<s>"),
            ("eos_token", "</s>"),
            ("sep_token", "</s>"),
            ("cls_token", "<s>"),
            ("unk_token", "[UNK]"),
            ("pad_token", "<pad>"),
            ("mask_token", "<mask>"),
        ],
        pipeline: Some(pipeline::mpnet),
        post: Post::MpNet,
        ..FILE
    },
    &Class {
        names: &["AlbertTokenizer"],
        algorithm: Some(Algorithm::Unigram),
        files: SPIECE,
        tokens: &[
            ("bos_token", "[CLS]"),
            ("eos_token", "[SEP]"),
            ("unk_token", "<unk>"),
            ("sep_token", "[SEP]"),
            ("pad_token", "<pad>"),
            ("cls_token", "[CLS]"),
            ("mask_token", "[MASK]"),
        ],
        pipeline: Some(pipeline::albert),
        post: Post::OfFileOrBert,
        ..FILE
    },
    &Class {
        names: &[
            "RobertaTokenizer",
            "BartTokenizer",
            "LEDTokenizer",
            "LongformerTokenizer",
            "MvpTokenizer",
        ],
        algorithm: Some(Algorithm::Bpe),
        files: MERGES,
        tokens: ROBERTA_TOKENS,
        pipeline: Some(pipeline::roberta),
        post: Post::Roberta { settings: true },
        ..FILE
    },
    &Class {
        names: &["DebertaTokenizer"],
        algorithm: Some(Algorithm::Bpe),
        files: MERGES,
        tokens: &[
            ("bos_token", "[CLS]"),
            ("eos_token", "[SEP]"),
            ("sep_token", "[SEP]"),
            ("cls_token", "[CLS]"),
            ("unk_token", "[UNK]"),
            ("pad_token", "[PAD]"),
            ("mask_token", "[MASK]"),
        ],
        pipeline: Some(pipeline::byte_level),
        post: Post::TwoSeparators("cls_token", "sep_token"),
        ..FILE
    },
    &Class {
        names: &["DebertaV2Tokenizer"],
        algorithm: Some(Algorithm::Unigram),
        files: &["spm.model"],
        tokens: &[
            ("bos_token", "[CLS]"),
            ("eos_token", "[SEP]"),
            ("unk_token", "[UNK]"),
            ("sep_token", "[SEP]"),
            ("pad_token", "[PAD]"),
            ("cls_token", "[CLS]"),
            ("mask_token", "[MASK]"),
        ],
        pipeline: Some(pipeline::deberta_v2),
        post: Post::Bert(Some([0, 0])),
        ..FILE
    },
    &Class {
        names: &["GPT2Tokenizer"],
        algorithm: Some(Algorithm::Bpe),
        files: MERGES,
        tokens: GPT2_TOKENS,
        pipeline: Some(pipeline::byte_level),
        ..FILE
    },
    &Class {
        names: &["CodeGenTokenizer"],
        algorithm: Some(Algorithm::Bpe),
        files: MERGES,
        tokens: GPT2_TOKENS,
        pipeline: Some(pipeline::byte_level),
        post: Post::ByteLevel,
        ..FILE
    },
    &Class {
        names: &["GPTNeoXTokenizer"],
        algorithm: Some(Algorithm::Bpe),
        files: MERGES,
        tokens: &[
            ("unk_token", "<|endoftext|>"),
            ("bos_token", "<|endoftext|>"),
            ("eos_token", "<|endoftext|>"),
            ("pad_token", "<|padding|>"),
        ],
        pipeline: Some(pipeline::gpt_neox),
        post: Post::OfSettings,
        ..FILE
    },
    &Class {
        names: &["LlamaTokenizer", "Phi3Tokenizer"],
        algorithm: Some(Algorithm::Bpe),
        tokens: LLAMA_TOKENS,
        pipeline: Some(pipeline::llama),
        ..FILE
    },
    &Class {
        names: &["CodeLlamaTokenizer"],
        algorithm: Some(Algorithm::Bpe),
        tokens: LLAMA_TOKENS,
        pipeline: Some(pipeline::code_llama),
        ..FILE
    },
    &Class {
        names: &["GemmaTokenizer"],
        algorithm: Some(Algorithm::Bpe),
        tokens: &[
            ("unk_token", "<unk>"),
            ("bos_token", "<bos>"),
            ("eos_token", "<eos>"),
            ("pad_token", "<pad>"),
            ("mask_token", "<mask>"),
        ],
        pipeline: Some(pipeline::gemma),
        ..FILE
    },
    &Class {
        names: &["Qwen2Tokenizer"],
        algorithm: Some(Algorithm::Bpe),
        files: MERGES,
        tokens: QWEN2_TOKENS,
        pipeline: Some(pipeline::qwen2),
        ..FILE
    },
    &Class {
        names: &["Qwen3_5Tokenizer"],
        algorithm: Some(Algorithm::Bpe),
        files: MERGES,
        tokens: QWEN2_TOKENS,
        pipeline: Some(pipeline::qwen3_5),
        ..FILE
    },
    &Class {
        names: &["T5Tokenizer"],
        algorithm: Some(Algorithm::Unigram),
        files: SPIECE,
        tokens: &[("eos_token", "</s>"), ("unk_token", "<unk>"), ("pad_token", "<pad>")],
        pipeline: Some(pipeline::t5),
        post: Post::Last,
        pieces: Pieces::T5,
        ..FILE
    },
    &Class {
        names: &["XLMRobertaTokenizer"],
        algorithm: Some(Algorithm::Unigram),
        files: SENTENCEPIECE_BPE,
        tokens: ROBERTA_TOKENS,
        pipeline: Some(pipeline::xlm_roberta),
        post: Post::TwoSeparators("bos_token", "eos_token"),
        pieces: Pieces::XlmRoberta,
        ..FILE
    },
    &Class {
        names: &["CamembertTokenizer"],
        algorithm: Some(Algorithm::Unigram),
        files: SENTENCEPIECE_BPE,
        tokens: ROBERTA_TOKENS,
        pipeline: Some(pipeline::camembert),
        post: Post::TwoSeparators("bos_token", "eos_token"),
        pieces: Pieces::Camembert,
        ..FILE
    },
    &Class {
        names: &["HerbertTokenizer"],
        algorithm: Some(Algorithm::Bpe),
        files: MERGES,
        tokens: &[
            ("cls_token", "<s>"),
            ("unk_token", "<unk>"),
            ("pad_token", "<pad>"),
            ("mask_token", "<mask>"),
            ("sep_token", "</s>"),
        ],
        pipeline: Some(pipeline::herbert),
        post: Post::Herbert,
        ..FILE
    },
];

/// The class that takes `tokenizer.json` as it is.
pub(super) fn file() -> &'static Class {
    CLASSES[0]
}

/// The class of a name without `Fast`.
pub(super) fn of(name: &str) -> Option<&'static Class> {
    let all = CLASSES.iter().chain(encoders::CLASSES).chain(translators::CLASSES);
    all.copied().find(|class| class.names.contains(&name))
}

impl Class {
    /// The name.
    pub(super) fn name(&self) -> &'static str {
        self.names[0]
    }
}
