//! `cargo xtask assets`: makes the bundled model from the upstream files, or checks it.
//!
//! Every f32 number of the upstream weights is rounded to the nearest f16 (ties to even). The names
//! of tensors stay the same, integer buffers are dropped, and all other files are copied. The bytes
//! of the result depend only on the upstream files.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use half::f16;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use sha2::{Digest, Sha256};

use crate::failure::Failure;

/// The upstream files of the model, with their sha256.
const SOURCES: &[(&str, &str)] = &[
    ("config.json", "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
    (WEIGHTS, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
    (
        "sentence_bert_config.json",
        "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
    ),
    ("tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
    ("tokenizer_config.json", "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"),
    ("1_Pooling/config.json", "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"),
];
const WEIGHTS: &str = "model.safetensors";
const SUMS: &str = "SHA256SUMS";

/// The arguments of the chore.
#[derive(Debug, PartialEq)]
struct Request {
    from: Option<PathBuf>,
    check: bool,
}

/// Runs the chore with the arguments `[--from FOLDER] [--check]`.
pub(crate) fn run(arguments: &[OsString]) -> Result<ExitCode, Failure> {
    let request = parse(arguments)?;
    if request.check {
        check(request.from.as_deref())?;
    } else {
        let from = match request.from {
            Some(folder) => folder,
            None => default_source()?,
        };
        make(&from)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks the committed files: bit for bit against the upstream folder if one is given, otherwise
/// against their checksums.
pub(crate) fn check(from: Option<&Path>) -> Result<(), Failure> {
    let Some(from) = from else {
        let count = check_sums(&crate_folder())?;
        println!("{count} files have the checksums of {SUMS}");
        return Ok(());
    };
    let built = build(from)?;
    for (name, bytes) in &built {
        let path = crate_folder().join("model").join(name);
        if &read(&path)? != bytes {
            let (expected, found) = (sha256(bytes), sha256(&read(&path)?));
            return Err(Failure::Sum { path, expected, found });
        }
    }
    check_sums(&crate_folder())?;
    println!("{} files are bit for bit those made from {}", built.len(), from.display());
    Ok(())
}

fn parse(arguments: &[OsString]) -> Result<Request, Failure> {
    let mut request = Request { from: None, check: false };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.to_str() {
            Some("--check") => request.check = true,
            Some("--from") => {
                let folder =
                    rest.next().ok_or_else(|| Failure::Usage("--from needs a FOLDER".into()))?;
                request.from = Some(folder.into());
            }
            _ => {
                let shown = argument.to_string_lossy();
                return Err(Failure::Usage(format!("unexpected argument `{shown}`")));
            }
        }
    }
    Ok(request)
}

fn crate_folder() -> PathBuf {
    crate::workspace_root().join("crates/bundled")
}

/// `$STRATOSCOPE_MODELS/minilm`, or `~/.cache/stratoscope-models/minilm`.
fn default_source() -> Result<PathBuf, Failure> {
    if let Some(folder) = std::env::var_os("STRATOSCOPE_MODELS") {
        return Ok(PathBuf::from(folder).join("minilm"));
    }
    let home = std::env::home_dir().ok_or_else(|| {
        Failure::Usage(
            "there is no home folder; give the folder of the upstream files: --from FOLDER".into(),
        )
    })?;
    Ok(home.join(".cache/stratoscope-models/minilm"))
}

/// Writes the files of the model and their checksums atomically.
fn make(from: &Path) -> Result<(), Failure> {
    let built = build(from)?;
    let model = crate_folder().join("model");
    let mut sums = String::new();
    for (name, bytes) in &built {
        write_whole(&model.join(name), bytes)?;
        sums.push_str(&format!("{}  model/{name}\n", sha256(bytes)));
        println!("{:>9} bytes  {name}", bytes.len());
    }
    write_whole(&crate_folder().join(SUMS), sums.as_bytes())?;
    println!("crates/bundled/README.md also has the checksum of {WEIGHTS}; update it");
    Ok(())
}

/// Reads the upstream files, checks their checksums, and returns the files of the model.
fn build(from: &Path) -> Result<BTreeMap<&'static str, Vec<u8>>, Failure> {
    let mut built = BTreeMap::new();
    for &(name, expected) in SOURCES {
        let path = from.join(name);
        let bytes = read(&path)?;
        let found = sha256(&bytes);
        if found != expected {
            return Err(Failure::Sum { path, expected: expected.into(), found });
        }
        built.insert(name, if name == WEIGHTS { to_half(&bytes)? } else { bytes });
    }
    Ok(built)
}

/// A safetensors file in half precision, without integer tensors.
///
/// A number that is not finite or too large for f16 is an error that names the tensor. Rounding
/// makes numbers below the smallest f16 (6e-8) zero.
fn to_half(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    let malformed = |error| Failure::Check(format!("{WEIGHTS}: {error}"));
    let source = SafeTensors::deserialize(bytes).map_err(malformed)?;
    let mut halves = Vec::new();
    for (name, view) in source.iter() {
        match view.dtype() {
            Dtype::F32 => {
                let data = round(view.data()).ok_or_else(|| {
                    Failure::Check(format!("{WEIGHTS}: `{name}` has a number that f16 cannot hold"))
                })?;
                halves.push((name, view.shape().to_vec(), data));
            }
            Dtype::I64 | Dtype::I32 => {}
            other => {
                return Err(Failure::Check(format!("{WEIGHTS}: `{name}` is {other:?}, not f32")));
            }
        }
    }
    let views = halves
        .iter()
        .map(|(name, shape, data)| Ok((*name, TensorView::new(Dtype::F16, shape.clone(), data)?)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(malformed)?;
    // The metadata that transformers writes and requires.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize(views, Some(metadata)).map_err(malformed)
}

/// Little-endian f32 to little-endian f16; `None` where a result is not finite.
fn round(data: &[u8]) -> Option<Vec<u8>> {
    let mut halves = Vec::with_capacity(data.len() / 2);
    for number in data.as_chunks::<4>().0 {
        let half = f16::from_f32(f32::from_le_bytes(*number));
        if !half.is_finite() {
            return None;
        }
        halves.extend_from_slice(&half.to_le_bytes());
    }
    Some(halves)
}

/// Checks every file in SHA256SUMS and returns the number of files.
fn check_sums(folder: &Path) -> Result<usize, Failure> {
    let sums = read(&folder.join(SUMS))?;
    let sums = String::from_utf8_lossy(&sums);
    for line in sums.lines() {
        let (expected, name) = line.split_once("  ").ok_or_else(|| {
            Failure::Check(format!("{SUMS}: this line is not `SUM  FILE`: {line}"))
        })?;
        let path = folder.join(name);
        let found = sha256(&read(&path)?);
        if found != expected {
            return Err(Failure::Sum { path, expected: expected.into(), found });
        }
    }
    if sums.lines().count() != SOURCES.len() {
        return Err(Failure::Check(format!("{SUMS} does not name {} files", SOURCES.len())));
    }
    Ok(SOURCES.len())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(Failure::file(path))
}

/// Writes a file atomically.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Failure::file(folder))?;
    }
    let mut aside = path.as_os_str().to_owned();
    aside.push(".partial");
    fs::write(&aside, bytes).map_err(Failure::file(&aside))?;
    fs::rename(&aside, path).map_err(Failure::file(path))
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn f32_bytes(numbers: &[f32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    fn checkpoint(numbers: &[f32]) -> Vec<u8> {
        let (floats, ids) = (f32_bytes(numbers), 7i64.to_le_bytes());
        let views = [
            ("w", TensorView::new(Dtype::F32, vec![1, numbers.len()], &floats).unwrap()),
            ("embeddings.position_ids", TensorView::new(Dtype::I64, vec![1], &ids).unwrap()),
        ];
        safetensors::serialize(views, None).unwrap()
    }

    #[test]
    fn numbers_round_to_the_nearest_even_half() {
        // 1 + 2^-11 is half-way between 1 and 1 + 2^-10, and 1 + 3·2^-11 is half-way between 1 +
        // 2^-10 and 1 + 2^-9: ties to even.
        let eps = 2f32.powi(-11);
        let numbers = [1.0, 1.0 + eps, 1.0 + 3.0 * eps, -0.1, 2f32.powi(-24), 1e-9, 65504.0];
        let expected = [0x3c00u16, 0x3c00, 0x3c02, 0xae66, 0x0001, 0x0000, 0x7bff];
        let expected: Vec<u8> = expected.iter().flat_map(|bits| bits.to_le_bytes()).collect();
        assert_eq!(round(&f32_bytes(&numbers)), Some(expected));
    }

    #[test]
    fn numbers_that_half_precision_cannot_hold_are_refused() {
        for bad in [65520.0, f32::INFINITY, f32::NAN, -1e30] {
            assert_eq!(round(&f32_bytes(&[1.0, bad])), None, "{bad}");
            let failure = to_half(&checkpoint(&[bad])).unwrap_err().to_string();
            assert!(failure.contains("`w`"), "{failure}");
        }
    }

    #[test]
    fn names_and_shapes_stay_and_integers_go() {
        let source = checkpoint(&[0.5, -2.0, 3.0]);
        let made = to_half(&source).unwrap();
        assert_eq!(made, to_half(&source).unwrap());
        let tensors = SafeTensors::deserialize(&made).unwrap();
        assert_eq!(tensors.names(), ["w"]);
        let w = tensors.tensor("w").unwrap();
        assert_eq!((w.dtype(), w.shape()), (Dtype::F16, &[1, 3][..]));
        assert_eq!(w.data(), [0x00, 0x38, 0x00, 0xc0, 0x00, 0x42]);
    }

    #[test]
    fn an_upstream_file_with_another_checksum_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.json"), "{}").unwrap();
        assert!(matches!(build(folder.path()), Err(Failure::Sum { .. })));
    }

    #[test]
    fn the_committed_files_have_their_checksums_and_a_changed_one_is_found() {
        assert_eq!(check_sums(&crate_folder()).unwrap(), SOURCES.len());
        let folder = tempfile::tempdir().unwrap();
        for &(name, _) in SOURCES {
            write_whole(&folder.path().join("model").join(name), b"changed").unwrap();
        }
        fs::copy(crate_folder().join(SUMS), folder.path().join(SUMS)).unwrap();
        assert!(matches!(check_sums(folder.path()), Err(Failure::Sum { .. })));
    }

    #[test]
    fn arguments_are_parsed_or_refused() {
        let parse = |words: &[&str]| parse(&words.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(parse(&[]).unwrap(), Request { from: None, check: false });
        assert_eq!(
            parse(&["--check", "--from", "x"]).unwrap(),
            Request { from: Some("x".into()), check: true }
        );
        assert!(matches!(parse(&["--from"]), Err(Failure::Usage(_))));
        assert!(matches!(parse(&["--quick"]), Err(Failure::Usage(_))));
    }
}
