//! Files that are cut, damaged or lie: a typed error that names what is wrong, never a panic, and
//! no memory that the file could not fill.

use super::maker::{Maker, llama, text, u32s, u64s};
use super::{fixtures, open, read};
use crate::error::Error;
use crate::stored::values_of;

/// A whole file of one small tensor.
fn whole() -> Maker {
    Maker::default()
        .text("general.architecture", "llama")
        .number("llama.block_count", 1)
        .key("list", 9, &[u32s(&[8]), u64s(&[2]), text("a"), text("bc")].concat())
        .key("numbers", 9, &[u32s(&[5]), u64s(&[2]), u32s(&[1, 2])].concat())
        .tensor("token_embd.weight", &[4, 2], 0, 0)
        .data(32)
}

/// The reason that a file is refused for.
fn refused(bytes: Vec<u8>) -> String {
    match open(bytes) {
        Err(Error::Gguf { file, reason }) => {
            assert_eq!(file, "test.gguf");
            reason
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was read"),
    }
}

#[test]
fn cut_anywhere() {
    let bytes = whole().bytes();
    assert!(open(bytes.clone()).is_ok());
    for length in 0..bytes.len() {
        refused(bytes[..length].to_vec());
    }
}

#[test]
fn what_is_wrong_is_named() {
    let with = |at: usize, new: &[u8]| {
        let mut bytes = whole().bytes();
        bytes[at..at + new.len()].copy_from_slice(new);
        refused(bytes)
    };
    assert!(refused(Vec::new()).contains("shorter than a header"));
    assert!(with(0, b"GGML").contains("does not begin with GGUF"));
    assert!(refused(b"version https://git-lfs.github.com/spec/v1".to_vec()).contains("git lfs"));
    assert!(with(4, &[1]).contains("version 1"));
    assert!(with(4, &[0, 0, 0, 3]).contains("big-endian"));
    assert!(with(8, &[255; 8]).contains("18446744073709551615 tensors do not fit into the file"));
    assert!(with(16, &[255; 8]).contains("metadata keys"));
    let check = |maker: Maker, what: &str| {
        let reason = refused(maker.bytes());
        assert!(reason.contains(what), "{reason}");
    };
    check(whole().text("general.architecture", "x"), "\"general.architecture\" occurs twice");
    check(whole().tensor("token_embd.weight", &[1], 0, 0), "\"token_embd.weight\" occurs twice");
    check(whole().number("general.alignment", 0), "alignment is 0");
    check(whole().number("general.alignment", 24), "alignment is 24");
    check(whole().text("general.alignment", "x"), "alignment is \"x\"");
    check(whole().key("k", 13, &[0; 8]), "there is no kind 13");
    check(whole().key("k", 7, &[2]), "2 is not a truth value");
    check(whole().key("k", 8, &u64s(&[u64::MAX])), "characters");
    check(whole().key("k", 8, &[&u64s(&[1])[..], &[255]].concat()), "not UTF-8");
    check(whole().key("k", 9, &[u32s(&[9]), u64s(&[0])].concat()), "lists of kind 9");
    check(whole().key("k", 9, &[u32s(&[12]), u64s(&[1 << 61])].concat()), "values");
    check(whole().key("k", 9, &[u32s(&[8]), u64s(&[1 << 61])].concat()), "texts");
    check(whole().tensor("t", &[], 0, 32), "0 dimensions");
    check(whole().tensor("t", &[1; 5], 0, 32), "5 dimensions");
    check(whole().tensor("t", &[0, 2], 0, 32), "a dimension of 0");
    check(whole().tensor("t", &[1 << 40, 1 << 40], 0, 32), "does not fit into the file");
    check(whole().tensor("t", &[1 << 40], 0, 32), "does not fit into the file");
    check(whole().tensor("t", &[9], 0, 32), "ends at byte");
    check(whole().tensor("t", &[1], 0, u64::MAX - 31), "ends at byte");
    check(whole().tensor("t", &[1], 0, 4), "not a multiple of 32");
    check(whole().tensor("t", &[1], 0, 0), "overlap");
    check(whole().tensor("t", &[33, 2], 8, 32), "not whole blocks of 32");
}

/// The error that a config, or the tensors, of a file give.
fn config_error(maker: &Maker) -> String {
    let gguf = open(maker.bytes()).unwrap();
    match gguf.config().and_then(|_| gguf.tensors().map(drop)) {
        Err(error) => error.to_string(),
        Ok(()) => panic!("it was read"),
    }
}

#[test]
fn metadata_that_is_not_understood_is_named() {
    let gguf = open(llama().bytes()).unwrap();
    let config = gguf.config().unwrap();
    assert_eq!(config["rms_norm_eps"], 1e-5);
    assert_eq!(config["vocab_size"], 2);
    assert_eq!(config["tie_word_embeddings"], true);
    let check = |maker: Maker, what: &str| {
        let error = config_error(&maker);
        assert!(error.contains(what), "{error}");
    };
    check(Maker::default(), "\"general.architecture\" is missing");
    check(Maker::default().text("general.architecture", "mamba"), "\"mamba (GGUF)\"");
    check(Maker::default().text("general.architecture", "llama"), "embedding_length\" is missing");
    check(llama().number("split.count", 2), "\"split.count\" is 2");
    check(llama().number("llama.expert_count", 8), "\"llama.expert_count\" is 8");
    check(llama().number("llama.attention.new", 1), "\"llama.attention.new\" is 1");
    check(llama().number("llama.rope.dimension_count", 1), "only 2 is supported");
    check(llama().text("llama.rope.scaling.type", "longrope"), "rope.scaling.type");
    check(llama().key("llama.attention.causal", 7, &[0]), "\"llama.attention.causal\" is false");
    check(llama().text("llama.attention.head_count_kv", "2"), "a whole number is expected");
    let odd = llama().number("llama.attention.head_count_kv", 3);
    check(odd.tensor("blk.0.attn_k.weight", &[4, 4], 0, 32), "Interleaved");
    check(llama().tensor("blk.0.attn_rot_embd.weight", &[4], 0, 32), "blk.0.attn_rot_embd.weight");
    check(llama().tensor("blk.00.attn_v.weight", &[4], 0, 32), "blk.00.attn_v.weight");
    let divisors = llama().tensor("rope_freqs.weight", &[1], 0, 32);
    check(divisors, "these are not the divisors of Llama 3's scaling");
}

#[test]
fn a_quantization_that_is_not_read_is_named() {
    let gguf = open(llama().tensor("blk.0.attn_v.weight", &[256, 1], 16, 32).bytes()).unwrap();
    let tensors = gguf.tensors().unwrap();
    let tensor = &*tensors["model.layers.0.self_attn.v_proj.weight"];
    let error = values_of(tensor, "").unwrap_err().to_string();
    assert!(error.contains("\"blk.0.attn_v.weight\" is stored as IQ2_XXS"), "{error}");
}

#[test]
fn q8_1_is_a_scale_a_sum_and_bytes() {
    // The gguf package does not write it: its size there is not that of ggml.
    let mut maker = llama().tensor("blk.0.attn_v.weight", &[32, 1], 9, 32);
    maker.data[32..34].copy_from_slice(&half::f16::from_f32(0.5).to_le_bytes());
    maker.data[34..36].fill(0x7b);
    (0..32_u8).for_each(|i| maker.data[36 + i as usize] = 0x80 ^ i);
    let gguf = open(maker.bytes()).unwrap();
    let tensors = gguf.tensors().unwrap();
    let values = values_of(&*tensors["model.layers.0.self_attn.v_proj.weight"], "").unwrap();
    let expected: Vec<f32> = (0..32).map(|i| 0.5 * (i as f32 - 128.0)).collect();
    assert_eq!(values, expected);
}

#[test]
fn a_vocabulary_that_makes_no_tokenizer_is_refused() {
    let vocabulary = |model: &str, tokens: &[&str]| {
        let list = tokens.iter().flat_map(|t| text(t)).collect::<Vec<_>>();
        let list = [u32s(&[8]), u64s(&[tokens.len() as u64]), list].concat();
        llama().text("tokenizer.ggml.model", model).key("tokenizer.ggml.tokens", 9, &list)
    };
    let merges = |maker: Maker, merge: &str| {
        let list = [u32s(&[8]), u64s(&[1]), text(merge)].concat();
        maker.key("tokenizer.ggml.merges", 9, &list)
    };
    let check = |maker: Maker, what: &str| {
        let error = open(maker.bytes()).unwrap().tokenizer().unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    };
    assert!(open(llama().bytes()).unwrap().tokenizer().unwrap().is_none());
    check(llama().text("tokenizer.ggml.model", "gpt2"), "\"tokenizer.ggml.tokens\" is missing");
    check(vocabulary("rwkv", &["a"]), "\"tokenizer.ggml.model\" is \"rwkv\"");
    check(vocabulary("gpt2", &["a"]), "\"tokenizer.ggml.merges\" is missing");
    check(merges(vocabulary("gpt2", &["a"]), "ab"), "tokenizer.ggml.merges");
    check(merges(vocabulary("gpt2", &["a", "b", "a"]), "a b"), "\"a\" has the ids 0 and 2");
    let pre = vocabulary("gpt2", &["a"]).text("tokenizer.ggml.pre", "viking");
    check(pre, "\"tokenizer.ggml.pre\" is \"viking\"");
    check(vocabulary("llama", &["a"]), "\"tokenizer.ggml.scores\" is missing");
    let kinds = [u32s(&[5]), u64s(&[2]), u32s(&[1, 1])].concat();
    let maker = vocabulary("gpt2", &["a"]).key("tokenizer.ggml.token_type", 9, &kinds);
    check(merges(maker, "a a"), "1 kinds, 0 to 6, are expected");
    let maker = vocabulary("gpt2", &["a"]).number("tokenizer.ggml.bos_token_id", 7);
    check(merges(maker, "a a"), "\"tokenizer.ggml.bos_token_id\" is 7");
    check(vocabulary("bert", &["a"]), "is missing");
    let whole = |pre: &str| {
        let maker = vocabulary("gpt2", &["a", "b", "ab"]).text("tokenizer.ggml.pre", pre);
        merges(maker.number("tokenizer.ggml.bos_token_id", 0), "a b")
    };
    let key = "tokenizer.ggml.normalizer.nfc";
    check(whole("qwen2").number(key, 1), "\"tokenizer.ggml.normalizer.nfc\" is 1");
    // Where no key tells, llama.cpp puts the first token before a text for some of these names.
    for (pre, first) in [
        ("llama-bpe", true),
        ("llama3", true),
        ("llama-v3", true),
        ("falcon3", true),
        ("falcon-h1", true),
        ("pixtral", true),
        ("lfm2", true),
        ("tekken", true),
        ("qwen2", false),
        ("gpt-2", false),
        ("dbrx", false),
        ("gpt-4o", false),
    ] {
        let definition = open(whole(pre).bytes()).unwrap().tokenizer().unwrap().unwrap();
        let single = &definition["post_processor"]["processors"][1]["single"];
        assert_eq!(single[0]["SpecialToken"]["id"] == "a", first, "{pre}");
        let told = whole(pre).key("tokenizer.ggml.add_bos_token", 7, &[u8::from(!first)]);
        let definition = open(told.bytes()).unwrap().tokenizer().unwrap().unwrap();
        let single = &definition["post_processor"]["processors"][1]["single"];
        assert_eq!(single[0]["SpecialToken"]["id"] == "a", !first, "{pre}");
    }
}

/// A fixed sequence of pseudo-random numbers (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

#[test]
fn damage_at_random() {
    let files = [
        "models/gemma3-text",
        "models/phi3-longrope",
        "models/bert",
        "tokenizers/smollm",
        "tokenizers/sentencepiece",
        "tokenizers/wordpiece",
    ];
    let files = files.map(|f| read(fixtures().join("gguf").join(f).join("model.gguf")));
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut good, mut bad) = (0, 0);
    for round in 0..1200 {
        let whole = &files[round % files.len()];
        let mut bytes = whole.clone();
        // Mostly in the header: damaged values are only other values.
        let reach = if random.below(4) == 0 { bytes.len() } else { bytes.len().min(2500) };
        match random.below(4) {
            0 => bytes.truncate(random.below(whole.len())),
            1 => {
                let at = random.below(reach);
                bytes.drain(at..(at + 1 + random.below(9)).min(whole.len()));
            }
            _ => {
                for _ in 0..=random.below(4) {
                    bytes[random.below(reach)] = random.below(256) as u8;
                }
            }
        }
        let result = open(bytes).and_then(|gguf| {
            if let Some(definition) = gguf.tokenizer()? {
                crate::Tokenizer::from_json(definition.to_string().as_bytes())?;
            }
            gguf.config()?;
            gguf.tensors()?.iter().try_for_each(|(name, t)| values_of(&**t, name).map(drop))
        });
        match result {
            Ok(()) => good += 1,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                bad += 1;
            }
        }
    }
    println!("{good} read, {bad} refused");
    assert!(good > 50 && bad > 500, "{good} read, {bad} refused");
}
