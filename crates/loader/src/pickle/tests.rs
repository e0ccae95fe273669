//! What PyTorch wrote is read; what anything else may write is refused, or read for what it is.

use super::{LEGACY, tensors};
use crate::error::{Error, Result};
use crate::hub::Silent;
use crate::model::{LoadOptions, Model, load, load_with};
use crate::source::Source;
use crate::stored::{StoredTensors, values_of};
use crate::weights::WeightsFile;
use std::path::PathBuf;
use stratoscope_transformer::{Batch, NoHooks, Sequence};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(name)
}

fn file(bytes: impl Into<Vec<u8>>) -> Vec<WeightsFile> {
    vec![WeightsFile::in_memory("x.bin", bytes.into())]
}

/// Everything that can be had of a file.
fn all(tensors: &StoredTensors) -> Vec<(String, Vec<usize>, Result<Vec<f32>>)> {
    let all = tensors.iter();
    all.map(|(name, tensor)| (name.clone(), tensor.shape().to_vec(), values_of(&**tensor, name)))
        .collect()
}

fn message(bytes: impl Into<Vec<u8>>) -> String {
    match tensors(&file(bytes)) {
        Ok(_) => "read".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// A zip archive of members that are stored as they are.
fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in members {
        let size = (content.len() as u32).to_le_bytes();
        let common = [&[0u8; 14][..], &size, &size, &[name.len() as u8, 0, 0, 0]].concat();
        directory.extend([b"PK\x01\x02\0\0", &common[..], &[0; 10]].concat());
        directory.extend((bytes.len() as u32).to_le_bytes());
        directory.extend(name.bytes());
        bytes.extend([b"PK\x03\x04", &common[..], name.as_bytes(), content].concat());
    }
    let start = (bytes.len() as u32).to_le_bytes();
    bytes.extend(&directory);
    let (count, size) = ([members.len() as u8, 0], (directory.len() as u32).to_le_bytes());
    bytes.extend([b"PK\x05\x06\0\0\0\0", &count[..], &count, &size, &start, &[0, 0]].concat());
    bytes
}

/// A checkpoint with such a pickle, and six numbers in a storage `0`.
fn checkpoint(pickle: &[u8]) -> Vec<u8> {
    let numbers: Vec<u8> = (0..6).flat_map(|n| (n as f32).to_le_bytes()).collect();
    archive(&[("m/data.pkl", pickle), ("m/data/0", &numbers)])
}

/// `{"a": tensor}` as a pickle, for a storage that says it has `len` numbers.
fn tensor(len: u8, offset: &[u8], shape: &[u8], strides: &[u8]) -> Vec<u8> {
    let begin = b"\x80\x02}(X\x01\0\0\0actorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK";
    [&begin[..], &[len], b"tQ", offset, shape, strides, b"\x89NtRu."].concat()
}

#[test]
fn every_habit_of_torch_save_is_read() {
    let expected = std::fs::read(fixture("pickle/habits/expected.safetensors")).unwrap();
    let expected = vec![WeightsFile::in_memory("expected", expected)];
    let expected = crate::weights::safetensors(&expected).unwrap();
    assert_eq!(expected.len(), 13);
    for name in ["zip", "legacy", "nested"] {
        let bytes = std::fs::read(fixture("pickle/habits").join(name).with_extension("bin"));
        let files = file(bytes.unwrap());
        let tensors = tensors(&files).unwrap();
        assert_eq!(tensors.len(), 15, "{name}");
        for (tensor, shape, values) in all(&tensors) {
            match expected.get(&tensor) {
                Some(known) => {
                    assert_eq!(shape, known.shape(), "{name}: {tensor}");
                    assert_eq!(
                        values.unwrap(),
                        values_of(&**known, "").unwrap(),
                        "{name}: {tensor}"
                    );
                }
                None => {
                    let error = values.unwrap_err().to_string();
                    let said = match tensor.as_str() {
                        "position_ids" => "tensor \"position_ids\" is stored as I64",
                        _ => "tensor \"mask\" is stored as BOOL",
                    };
                    assert!(error.starts_with(said), "{name}: {error}");
                }
            }
        }
    }
}

/// The last hidden states of a short sequence.
fn states(model: &Model) -> Vec<f32> {
    let sequences =
        [Sequence::Tokens { token_ids: vec![5, 17, 2, 33], token_types: vec![0, 1, 1, 0] }];
    let batch = Batch::new(model.transformer.architecture(), &sequences).unwrap();
    let states = model.transformer.forward(&batch, &mut NoHooks).unwrap();
    states.last().unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn a_model_is_read_where_that_is_allowed() {
    let folder = |name: &str| Source::Folder(fixture(name));
    let expected = states(&load(&folder("families/bert"), &mut Silent).unwrap());
    let allowed = LoadOptions { allow_pickle: true, ..LoadOptions::default() };
    for (name, count) in [("bert", 1), ("bert-legacy", 1), ("bert-sharded", 2)] {
        let source = folder(&format!("pickle/{name}"));
        let error = load(&source, &mut Silent).unwrap_err();
        assert!(matches!(&error, Error::PickleNotAllowed { .. }), "{error}");
        assert!(error.to_string().contains("pass --allow-pickle"), "{error}");
        let model = load_with(&source, &allowed, &mut Silent).unwrap();
        assert_eq!(states(&model), expected, "{name}");
        assert_eq!(model.info.weights_sha256().len(), count, "{name}");
    }
    // Permission changes nothing where there are safetensors.
    let model = load_with(&folder("families/bert"), &allowed, &mut Silent).unwrap();
    assert_eq!(states(&model), expected);
}

#[test]
fn nothing_but_weights_is_asked_for() {
    for (module, name) in [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("__builtin__", "exec"),
        ("torch", "load"),
        ("torch._utils", "_rebuild_tensor"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("collections", "defaultdict"),
        ("argparse", "Namespace"),
    ] {
        let pickle = format!("\u{2}c{module}\n{name}\nX\u{4}\0\0\0true\u{1}R.").into_bytes();
        let pickle = [b"\x80", &pickle[..]].concat();
        let said = format!("x.bin refers to {module}.{name}, which weights do not need");
        for bytes in [checkpoint(&pickle), [LEGACY, &pickle].concat()] {
            let error = tensors(&file(bytes)).err().unwrap();
            assert!(matches!(&error, Error::PickleGlobal { .. }), "{error}");
            assert!(error.to_string().starts_with(&said), "{error}");
        }
    }
    let long = [b"c", &[b'x'; 9999][..], b"\ny\n"].concat();
    assert!(message(checkpoint(&long)).len() < 200);
}

#[test]
fn views_are_held_to_their_storage() {
    let (none, two, three) = (b"K\0", b"K\x02K\x03\x86", b"K\x03K\x01\x86");
    let files = file(checkpoint(&tensor(6, none, two, three)));
    let good = all(&tensors(&files).unwrap());
    assert_eq!(good[0].1, [2, 3]);
    assert_eq!(good[0].2.as_ref().unwrap(), &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let huge = b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f";
    let wide = [&huge[..], huge, b"\x86"].concat();
    let nine = [&b"("[..], &b"K\x01".repeat(9), b"t"].concat();
    let outside = "its tensor \"a\" is not within its storage";
    let shape = "it has a tensor of no sensible shape";
    for (what, said, pickle) in [
        ("one too far", outside, tensor(6, b"K\x01", two, three)),
        ("a storage longer than its file", outside, tensor(7, none, two, three)),
        ("a storage shorter than the tensor", outside, tensor(5, none, two, three)),
        ("a stride that leaves it", outside, tensor(6, none, two, b"K\x04K\x01\x86")),
        ("numbers repeated", outside, tensor(6, none, b"K\x07\x85", b"K\0\x85")),
        ("an offset without end", outside, tensor(6, huge, two, three)),
        ("a shape without end", outside, tensor(6, none, &wide, three)),
        ("strides without end", outside, tensor(6, none, two, &wide)),
        ("a negative offset", shape, tensor(6, b"J\xff\xff\xff\xff", two, three)),
        ("a negative stride", shape, tensor(6, none, two, b"K\x03\x8a\x01\xff\x86")),
        ("fewer strides than dimensions", shape, tensor(6, none, two, b"K\x01\x85")),
        ("nine dimensions", shape, tensor(6, none, &nine, &nine)),
        ("a shape that is no tuple", shape, tensor(6, none, b"K\x02", three)),
    ] {
        let found = message(checkpoint(&pickle));
        assert!(found.contains(said), "{what}: {found}");
    }
    // No numbers at all, whatever the other dimensions say.
    let none =
        tensor(6, none, &[&b"K\0"[..], huge, huge, b"\x87"].concat(), b"K\x01K\x01K\x01\x87");
    let files = file(checkpoint(&none));
    assert!(all(&tensors(&files).unwrap())[0].2.as_ref().unwrap().is_empty());
}

#[test]
fn a_file_names_no_more_numbers_than_it_may_share() {
    let numbers = vec![0; 4000];
    let begin = b"}(ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000NM\xe8\x03tQK\0M\xe8\x03\x85K\x01\x85\x89NtRq\0a";
    // The first value is only kept; then it is named again and again.
    let begin = [b"]", &begin[2..]].concat();
    for (count, fits) in [(4, true), (99, false)] {
        let entries = (0..count)
            .flat_map(|i| [&b"X\x02\0\0\0"[..], format!("{i:02}").as_bytes(), b"h\0"].concat());
        let pickle = [&begin[..], b"}(", &entries.collect::<Vec<_>>(), b"u."].concat();
        let found = message(archive(&[("data.pkl", &pickle), ("data/0", &numbers)]));
        assert_eq!(found == "read", fits, "{found}");
        assert!(fits || found.contains("its tensors are much larger than the file"), "{found}");
    }
}

#[test]
fn pickles_that_are_bombs_are_small() {
    let deep = |op: &[u8]| [b")", &op.repeat(60_000)[..], b"."].concat();
    let long = "its pickle is too long for the weights in it";
    for (what, said, pickle) in [
        ("each value twice the last", "no dictionary", {
            let doubled: Vec<u8> = b"q\0h\0\x86".repeat(15_000);
            [b")", &doubled[..], b"."].concat()
        }),
        ("tuples in tuples", "no dictionary", deep(b"\x85")),
        (
            "a dictionary of itself",
            "its entry \"a\" is not a tensor",
            b"}q\0X\x01\0\0\0ah\0s.".to_vec(),
        ),
        ("a state dict of itself", "no dictionary", b"}q\0X\x05\0\0\0modelh\0s.".to_vec()),
        ("a list of itself", "no dictionary", b"]q\0h\0a.".to_vec()),
        ("a stack without end", long, vec![b'N'; 80_000]),
        ("marks without end", long, vec![b'('; 80_000]),
        ("dictionaries without end", long, vec![b'}'; 80_000]),
        ("a text longer than the file", "it ends", b"X\xff\xff\xff\xffa".to_vec()),
        ("a text of the other kind", "it ends", b"T\xff\xff\xff\xffa".to_vec()),
        (
            "a memo at the end of numbers",
            "no dictionary",
            b"Nr\xff\xff\xff\xffj\xff\xff\xff\xff.".to_vec(),
        ),
        ("a memo that is not there", "no value 7 to repeat", b"h\x07.".to_vec()),
        ("a number of 255 bytes", "too large", [&b"\x8a\xff"[..], &[1; 255]].concat()),
        ("nothing on the stack", "takes a value that is not there", b".".to_vec()),
        ("a value below a mark", "takes a value that is not there", b"N(q\0.".to_vec()),
        ("no mark", "a mark that is not there", b"Nt.".to_vec()),
        ("odd pairs", "no list or dictionary", b"}(Nu.".to_vec()),
        ("a later protocol", "the instruction 0x95 at byte 2", b"\x80\x04\x95".to_vec()),
        ("a storage of nothing", "no storage", b"NQ.".to_vec()),
        ("a call of a number", "calls something", b"K\x01)R.".to_vec()),
        ("a call of a storage", "calls something", b"ctorch\nFloatStorage\n)R.".to_vec()),
        ("state for a number", "sets the state", b"K\x01}b.".to_vec()),
        ("a name that is not UTF-8", "not valid UTF-8", b"X\x01\0\0\0\xff.".to_vec()),
        ("an entry without a name", "(not a text)", b"}NNs.".to_vec()),
    ] {
        let found = message(checkpoint(&pickle));
        assert!(found.contains(said), "{what}: {found}");
    }
}

#[test]
fn archives_that_do_not_hold_together() {
    let pickle: &[u8] = b"}.";
    let whole = archive(&[("m/data.pkl", pickle), ("m/byteorder", b"little")]);
    assert_eq!(message(whole.clone()), "read");
    let with = |at_end: usize, byte: u8| {
        let mut bytes = whole.clone();
        let at = bytes.len() - at_end;
        bytes[at] = byte;
        message(bytes)
    };
    // Of the last entry: its method, its flags, its size, where it is; then where the directory is.
    let entry = 22 + 46 + "m/byteorder".len();
    assert!(with(entry - 10, 8).contains("\"m/byteorder\" is compressed"));
    assert!(with(entry - 8, 1).contains("\"m/byteorder\" is compressed"));
    assert!(with(entry - 20, 9).contains("\"m/byteorder\" is compressed"));
    // Where it is said to be there is no member, with lengths that fit or that do not.
    let elsewhere = with(entry - 42, 1);
    assert!(elsewhere.contains("it ends where") || elsewhere.contains("not where it should be"));
    assert!(with(entry - 45, 255).contains("it ends where"));
    assert!(with(3, 255).contains("it ends where"));
    let comment = [&whole[..], b"!"].concat();
    assert!(message(comment).contains("directory at the end of its zip archive is missing"));
    let big = archive(&[("data.pkl", pickle), ("byteorder", b"big")]);
    assert!(message(big).contains("big-endian"));
    for members in [&[("data/0", pickle)][..], &[("a/data.pkl", pickle), ("b/data.pkl", pickle)]] {
        assert!(message(archive(members)).contains("one data.pkl"));
    }
    let twice = archive(&[("data.pkl", pickle), ("data.pkl", pickle)]);
    assert!(message(twice).contains("is not where it should be"));
    assert!(message("").contains("either format of torch.save"));
    assert!(message("version https://git-lfs.github.com/spec/v1").contains("git lfs pull"));
    let sharded = vec![file(whole.clone()).remove(0), file(whole).remove(0)];
    assert!(tensors(&sharded).is_ok());
    let tensor = checkpoint(&tensor(6, b"K\0", b"K\x06\x85", b"K\x01\x85"));
    let sharded = vec![file(tensor.clone()).remove(0), file(tensor).remove(0)];
    assert!(tensors(&sharded).err().unwrap().to_string().contains("\"a\" occurs twice"));
}

#[test]
fn files_cut_or_changed_anywhere_do_no_harm() {
    for name in ["zip", "legacy"] {
        let path = fixture("pickle/habits").join(name).with_extension("bin");
        let whole = std::fs::read(path).unwrap();
        for end in 0..whole.len() {
            assert_ne!(message(&whole[..end]), "read", "{name}, cut at {end}");
        }
        let mut read = 0;
        for at in 0..whole.len() {
            for change in [1, 0x80, 0xff, whole[at]] {
                let mut bytes = whole.clone();
                bytes[at] ^= change;
                let files = file(bytes);
                let Ok(tensors) = tensors(&files) else { continue };
                let count: usize =
                    all(&tensors).iter().map(|t| t.2.as_ref().map_or(0, Vec::len)).sum();
                assert!(count <= whole.len(), "{name}: byte {at} makes {count} numbers");
                read += 1;
            }
        }
        assert!(read > whole.len() / 4, "{name}: {read} of {}", whole.len());
    }
}
