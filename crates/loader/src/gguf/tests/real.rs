//! A file of one's own against Python's reading of it. Ignored: what they compare is not small.
//!
//! `compare_tokens.py` and `compare_gguf.py` beside the fixtures write the other side.

use crate::bytes::FileBytes;
use crate::gguf::Gguf;
use crate::tokenizer::Tokenizer;
use safetensors::SafeTensors;
use serde::Deserialize;
use std::path::PathBuf;

fn from_environment(name: &str) -> PathBuf {
    std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set")).into()
}

fn open() -> Gguf {
    let path = from_environment("GGUF_FILE");
    let bytes = FileBytes::open(&path).unwrap().unwrap();
    Gguf::open(std::sync::Arc::new(bytes), "real.gguf").unwrap()
}

#[derive(Deserialize)]
struct Line {
    text: String,
    input_ids: Vec<u32>,
}

/// `compare_tokens.py FILE.gguf TEXTS > GGUF_TOKENS`.
#[test]
#[ignore = "compares a file that GGUF_FILE names with GGUF_TOKENS"]
fn tokens_equal_those_of_python() {
    let definition = open().tokenizer().unwrap().unwrap().to_string();
    let tokenizer = Tokenizer::from_json(definition.as_bytes()).unwrap();
    let lines = std::fs::read_to_string(from_environment("GGUF_TOKENS")).unwrap();
    let (mut equal, mut count) = (0, 0);
    for line in lines.lines() {
        let line: Line = serde_json::from_str(line).unwrap();
        let ours = tokenizer.encode(&line.text, None).unwrap();
        count += 1;
        match ours.ids == line.input_ids {
            true => equal += 1,
            false => println!("{:?}\n  {:?}\n  {:?}", line.text, ours.ids, line.input_ids),
        }
    }
    println!("{equal} of {count} texts are equal");
    assert_eq!(equal, count);
}

/// `compare_gguf.py FILE.gguf GGUF_TENSORS`.
#[test]
#[ignore = "compares a file that GGUF_FILE names with GGUF_TENSORS"]
fn tensors_equal_those_of_python() {
    let gguf = open();
    println!("{}", gguf.config().unwrap());
    let bytes = super::read(from_environment("GGUF_TENSORS"));
    let theirs = SafeTensors::deserialize(&bytes).unwrap();
    let ours = gguf.tensors().unwrap();
    let mut names: Vec<_> = theirs.names();
    names.sort_unstable();
    assert_eq!(ours.keys().map(String::as_str).collect::<Vec<_>>(), names);
    let mut worst = (0.0_f32, String::new());
    for (name, stored) in &ours {
        assert_eq!(stored.shape(), theirs.tensor(name).unwrap().shape(), "{name}");
        let (ours, theirs) =
            (crate::stored::values_of(&**stored, name).unwrap(), super::values(&theirs, name));
        let distance = ours.iter().zip(&theirs).fold(0.0_f32, |d, (a, b)| d.max((a - b).abs()));
        if distance > worst.0 {
            worst = (distance, name.clone());
        }
    }
    println!("{} tensors, largest difference {:e} {}", ours.len(), worst.0, worst.1);
    assert!(worst.0 <= 1e-6);
}
