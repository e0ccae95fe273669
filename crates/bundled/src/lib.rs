//! The model that comes with the program, compiled in: data only, no code that reads it.
//!
//! It is all-MiniLM-L6-v2 (Apache-2.0) with its weights in half precision. `README.md` beside this
//! crate says where it comes from and how it was made; `SHA256SUMS` holds the sum of every file.
//! The crate adds about 46 MB to whatever links it, so only the program and the tests do.

/// One file of the bundled model.
#[derive(Clone, Copy, Debug)]
pub struct BundledFile {
    /// Its path inside the model's folder, with `/` between parts, as upstream has it.
    pub name: &'static str,
    /// Its whole content.
    pub bytes: &'static [u8],
}

/// The hub id of the model that the files were made from.
pub const MODEL_ID: &str = "sentence-transformers/all-MiniLM-L6-v2";

/// The sha256 of the upstream `model.safetensors` (f32) that the weights were made from.
pub const SOURCE_SHA256: &str = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db";

/// The model's anisotropy baseline, as JSON.
pub const BASELINE: &str = include_str!("../baseline.json");

/// The model's curves over the reference bank, as JSON.
pub const CURVES: &str = include_str!("../curves.json");

/// The model's crossed design over the built-in homographs, as JSON.
pub const CROSSED: &str = include_str!("../crossed.json");

macro_rules! bundled {
    ($($name:literal),+ $(,)?) => {
        &[$(BundledFile { name: $name, bytes: include_bytes!(concat!("../model/", $name)) }),+]
    };
}

static FILES: &[BundledFile] = bundled![
    "config.json",
    "model.safetensors",
    "sentence_bert_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "1_Pooling/config.json",
];

/// Every file of the bundled model.
pub fn files() -> &'static [BundledFile] {
    FILES
}

/// The content of the file called `name`, such as `"config.json"`; `None` where there is no such
/// file.
///
/// ```
/// let config = stratoscope_bundled::file("config.json").unwrap();
/// assert!(config.starts_with(b"{"));
/// ```
pub fn file(name: &str) -> Option<&'static [u8]> {
    FILES.iter().find(|file| file.name == name).map(|file| file.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_found_by_its_name() {
        for entry in files() {
            assert_eq!(file(entry.name), Some(entry.bytes), "{}", entry.name);
            assert!(!entry.bytes.is_empty(), "{}", entry.name);
        }
        assert_eq!(file("pytorch_model.bin"), None);
    }

    #[test]
    fn the_weights_are_whole_and_in_half_precision() {
        let weights = file("model.safetensors").unwrap();
        let (length, rest) = weights.split_at(8);
        let header_len = u64::from_le_bytes(length.try_into().unwrap()) as usize;
        let header = std::str::from_utf8(&rest[..header_len]).unwrap();
        // 103 floating-point tensors of 22,713,216 numbers: two bytes each, and nothing else.
        assert_eq!(header.matches("\"dtype\":\"F16\"").count(), 103);
        assert_eq!(header.matches("\"dtype\"").count(), 103);
        assert!(!header.contains("position_ids"));
        assert_eq!(rest.len() - header_len, 2 * 22_713_216);
    }

    #[test]
    fn the_sums_and_the_readme_name_what_is_compiled_in() {
        let sums = include_str!("../SHA256SUMS");
        for entry in files() {
            assert!(sums.lines().any(|line| line.ends_with(&format!("  model/{}", entry.name))));
        }
        assert_eq!(sums.lines().count(), files().len());
        let readme = include_str!("../README.md");
        assert!(readme.contains(MODEL_ID) && readme.contains(SOURCE_SHA256));
        let weights = sums.lines().find(|line| line.ends_with("model/model.safetensors")).unwrap();
        assert!(readme.contains(weights.split("  ").next().unwrap()));
    }
}
