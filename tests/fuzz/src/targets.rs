//! The fuzz targets. Each target reads random bytes as one kind of file and uses the result. Errors
//! are allowed; panics are not.

use std::borrow::Cow;
use stratoscope_extractor::{ReadOptions, StatesReader, TextReader, Unit, parse_annotated};
use stratoscope_loader::hub::Silent;
use stratoscope_loader::{LoadOptions, Model, Pooling, Source, load_with};
use stratoscope_probing::Stimuli;

/// The name of a target, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets. An input for several files is split at the byte 0xff, which does not occur in
/// UTF-8.
pub const TARGETS: &[Target] = &[
    ("config", config),
    ("weights", weights),
    ("shards", shards),
    ("tokenizer", tokenizer),
    ("vocabulary", vocabulary),
    ("merges", merges),
    ("sentencepiece", sentencepiece),
    ("pickle", pickle),
    ("gguf", gguf),
    ("states", states),
    ("npz", states),
    ("stimuli", stimuli),
    ("conllu", conllu),
    ("jsonl", |input| texts(input, "jsonl")),
];

const BERT: &[u8] = include_bytes!("../corpus/config/bert");
const BERT_WEIGHTS: &[u8] = include_bytes!("../corpus/weights/bert");
const ROBERTA: &[u8] = include_bytes!("../corpus/config/roberta");
const ROBERTA_WEIGHTS: &[u8] = include_bytes!("../corpus/weights/roberta");

/// Loads a model from files with these names.
fn model(files: &[(&str, &[u8])]) -> Option<Model> {
    let files = files.iter().map(|(name, bytes)| (*name, Cow::Owned(bytes.to_vec())));
    let mut options = LoadOptions::default();
    options.allow_pickle = true;
    load_with(&Source::memory("fuzz", files), &options, &mut Silent).ok()
}

/// The part before the first separator, and the part after it.
fn split(input: &[u8]) -> (&[u8], &[u8]) {
    match input.iter().position(|&byte| byte == 0xff) {
        Some(at) => (&input[..at], &input[at + 1..]),
        None => (input, &[]),
    }
}

fn config(input: &[u8]) {
    model(&[("config.json", input), ("model.safetensors", BERT_WEIGHTS)]);
}

fn weights(input: &[u8]) {
    model(&[("config.json", BERT), ("model.safetensors", input)]);
}

fn shards(input: &[u8]) {
    let (index, rest) = split(input);
    let (one, two) = split(rest);
    model(&[
        ("config.json", BERT),
        ("model.safetensors.index.json", index),
        ("one.safetensors", one),
        ("two.safetensors", two),
    ]);
}

fn pickle(input: &[u8]) {
    model(&[("config.json", BERT), ("pytorch_model.bin", input)]);
}

fn gguf(input: &[u8]) {
    model(&[("model.gguf", input)]);
}

fn tokenizer(input: &[u8]) {
    let files = [("config.json", BERT), ("model.safetensors", BERT_WEIGHTS)];
    encode(model(&[files[0], files[1], ("tokenizer.json", input)]));
}

fn vocabulary(input: &[u8]) {
    let (vocabulary, config) = split(input);
    let config = if config.is_empty() { b"{}" } else { config };
    encode(model(&[
        ("config.json", BERT),
        ("model.safetensors", BERT_WEIGHTS),
        ("vocab.txt", vocabulary),
        ("tokenizer_config.json", config),
    ]));
}

fn merges(input: &[u8]) {
    let (vocabulary, rest) = split(input);
    let (merges, config) = split(rest);
    let config = if config.is_empty() { b"{}" } else { config };
    encode(model(&[
        ("config.json", ROBERTA),
        ("model.safetensors", ROBERTA_WEIGHTS),
        ("vocab.json", vocabulary),
        ("merges.txt", merges),
        ("tokenizer_config.json", config),
    ]));
}

/// A SentencePiece file, as several classes read it.
fn sentencepiece(input: &[u8]) {
    for (class, file) in [
        ("T5Tokenizer", "spiece.model"),
        ("XLMRobertaTokenizer", "sentencepiece.bpe.model"),
        ("DebertaV2Tokenizer", "spm.model"),
        ("LlamaTokenizer", "tokenizer.model"),
        ("PreTrainedTokenizerFast", "tokenizer.model"),
    ] {
        let settings = format!("{{\"tokenizer_class\": \"{class}\"}}");
        encode(model(&[
            ("config.json", BERT),
            ("model.safetensors", BERT_WEIGHTS),
            (file, input),
            ("tokenizer_config.json", settings.as_bytes()),
        ]));
    }
}

/// Reads the texts and the annotation of a CoNLL-U file.
fn conllu(input: &[u8]) {
    texts(input, "conllu");
    let Ok(sentences) = parse_annotated(input, "fuzz") else { return };
    for sentence in sentences {
        assert_eq!(sentence.words.len(), sentence.text.words.len());
        let n = sentence.words.len();
        for word in &sentence.words {
            let _ = (word.feature("Number"), word.misc_value("SpaceAfter"));
        }
        for head in sentence.heads().into_iter().flatten() {
            assert!(head <= n);
        }
    }
}

/// Uses the tokenizer of a model.
fn encode(model: Option<Model>) {
    let Some(tokenizer) = model.and_then(|model| model.tokenizer) else { return };
    for text in
        ["", "the river bank", " Über\tdas\u{301} 河岸 🌊 <s> [MASK] ", "aaaaaaaaaaaaaaaaaaaa"]
    {
        let _ = tokenizer.encode(text, None);
        let _ = tokenizer.encode(text, Some("the banks"));
        let _ = tokenizer.encode_windows(text, None, 7, 2);
        let _ = tokenizer.encode_windows(text, Some("the banks"), 7, 0);
    }
    let _ = (tokenizer.kind(), tokenizer.size(), tokenizer.token(0), tokenizer.unknown_id());
    let _ = tokenizer.special_tokens(true);
}

fn states(input: &[u8]) {
    let path = std::env::temp_dir().join(format!("stratoscope-fuzz-{}", std::process::id()));
    std::fs::write(&path, input).unwrap();
    let axes = "layers,tokens,d".parse().ok();
    let states = StatesReader { axes, ..StatesReader::default() }.read(&path);
    std::fs::remove_file(&path).unwrap();
    let Ok(states) = states else { return };
    for unit in [Unit::Word, Unit::Sentence] {
        let _ = states.pooled(unit, Pooling::Mean);
    }
    let _ = states.without_special().map(|s| s.pooled(Unit::Sentence, Pooling::First));
}

/// Reads a corpus, and checks that words are inside their texts.
fn texts(input: &[u8], kind: &str) {
    let name = format!("stratoscope-fuzz-{}.{kind}", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, input).unwrap();
    let reader = TextReader::open(&path, &ReadOptions::default());
    std::fs::remove_file(&path).unwrap();
    let Ok(mut reader) = reader else { return };
    while let Ok(Some(text)) = reader.read() {
        let letters = text.text.chars().count();
        assert!(text.words.iter().all(|word| word.start <= word.end && word.end <= letters));
    }
}

fn stimuli(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(stimuli) = Stimuli::parse(text) else { return };
    let _ = (stimuli.items(), stimuli.cues_first());
}
