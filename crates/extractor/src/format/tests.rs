//! What each format holds, read back by the crates that know them.

use super::*;
use crate::activations::Origin;
use crate::arrays::{self, Values};
use crate::elsewhere::About;
use crate::hooks::Captured;
use crate::input::Text;
use crate::rows::{Row, Unit};
use half::f16;
use ndarray::{Array2, Array3};
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::{
    ByteArrayType, DataType, FixedLenByteArrayType, FloatType, Int32Type, Int64Type,
};
use parquet::file::reader::{FileReader, SerializedFileReader};
use std::io::{Cursor, Read};
use stratoscope_transformer::HookPoint;

/// Two texts, then one, at layers 0 and 3; every number is another.
fn parts() -> Vec<Activations> {
    let row = |sequence, label: &str, word_id: Option<u32>| Row {
        sequence,
        label: label.to_owned(),
        token_id: Some(40),
        char_offsets: [1, 3],
        text_id: 0,
        word_id,
        special: word_id.is_none(),
        unknown: false,
    };
    let part = |first: f32, rows: Vec<Row>, texts: Vec<Text>| {
        let value =
            |layer: usize, r: usize, d: usize| first + (100 * layer + 10 * r + d) as f32 / 8.0;
        let hook = Array2::from_shape_fn((rows.len(), 2), |(r, d)| -value(9, r, d));
        let pattern = Array2::from_shape_fn((2, rows.len()), |(head, r)| value(7, r, head));
        Activations {
            origin: Origin::elsewhere(3, About::default()),
            unit: Unit::Token,
            layers: vec![0, 3],
            texts,
            media: Vec::new(),
            hidden_states: Array3::from_shape_fn((2, rows.len(), 3), |(l, r, d)| value(l, r, d)),
            rows,
            hooks: vec![
                Captured { capture: Capture::Hook(HookPoint::MlpOut(1)), values: hook },
                Captured { capture: Capture::Hook(HookPoint::Pattern(0)), values: pattern },
            ],
        }
    };
    let line = |text: &str, line| Text { line, ..Text::from(text) };
    vec![
        part(
            0.0,
            vec![row(0, "é", Some(2)), row(1, "[CLS]", None)],
            vec![line("é", Some(4)), line("x", None)],
        ),
        part(64.0, vec![row(0, "z", Some(0))], vec![line("z", Some(9))]),
    ]
}

fn states(parts: &[Activations]) -> Vec<f32> {
    (0..2)
        .flat_map(|layer| {
            parts.iter().flat_map(move |p| p.layer(layer).iter().copied().collect::<Vec<_>>())
        })
        .collect()
}

#[test]
fn parts_are_one_file_of_arrays() {
    let parts = parts();
    for half in [false, true] {
        let (mut tensors, mut npz) = (Vec::new(), Vec::new());
        Format::Safetensors.write(&mut tensors, &parts, half, 5).unwrap();
        Format::Npz.write(&mut npz, &parts, half, 5).unwrap();
        let file = safetensors::SafeTensors::deserialize(&tensors).unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(&npz)).unwrap();
        let arrays = arrays::of(&parts, half);
        assert_eq!((file.len(), archive.len()), (arrays.len(), arrays.len() + 1));
        for array in &arrays {
            let mut expected = Vec::new();
            array.write(&mut expected).unwrap();
            assert_eq!(expected.len(), array.bytes());
            let view = file.tensor(&array.name).unwrap();
            assert_eq!((view.shape(), view.data()), (array.shape.as_slice(), expected.as_slice()));
            let mut entry = Vec::new();
            archive
                .by_name(&format!("{}.npy", array.name))
                .unwrap()
                .read_to_end(&mut entry)
                .unwrap();
            let start = 10 + usize::from(u16::from_le_bytes([entry[8], entry[9]]));
            assert_eq!(entry[start..], expected, "{}", array.name);
        }
        let found = file.tensor("hidden_states").unwrap();
        let values: Vec<f32> = match half {
            false => found.data().as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect(),
            true => {
                found.data().as_chunks().0.iter().map(|&b| f16::from_le_bytes(b).to_f32()).collect()
            }
        };
        // All of these are numbers of f16 too.
        assert_eq!(values, states(&parts));
        let integers = |name: &str| {
            let array = arrays.iter().find(|a| a.name == name).unwrap();
            let Values::Integers(values) = &array.values else { panic!("{name}") };
            values.clone()
        };
        assert_eq!(integers("sequence_offsets"), [0, 1, 2, 3]);
        assert_eq!(integers("pattern_offsets"), [0, 1, 2, 3]);
        assert_eq!(integers("word_ids"), [2, -1, 0]);
        // Head by head through all parts.
        let pattern = file.tensor("blocks.0.attn.hook_pattern").unwrap();
        assert_eq!(pattern.shape(), [2, 3]);
    }
}

/// All values of a column and their levels.
fn column<D: DataType>(
    file: &SerializedFileReader<bytes::Bytes>,
    name: &str,
) -> (Vec<D::T>, Vec<i16>, Vec<i16>) {
    let schema = file.metadata().file_metadata().schema_descr_ptr();
    let index = schema.columns().iter().position(|c| c.path().parts()[0] == name).unwrap();
    let group = file.get_row_group(0).unwrap();
    let mut reader = get_typed_column_reader::<D>(group.get_column_reader(index).unwrap());
    let (mut values, mut present, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
    reader.read_records(1000, Some(&mut present), Some(&mut repeated), &mut values).unwrap();
    (values, present, repeated)
}

#[test]
fn a_table_has_a_row_a_token_and_a_list_a_layer() {
    let mut parts = parts();
    assert!(Format::Parquet.check(&[parts[0].hooks[1].capture]).is_err());
    parts.iter_mut().for_each(|part| part.hooks.truncate(1));
    let written = |half| {
        let mut bytes = Vec::new();
        Format::Parquet.write(&mut bytes, &parts, half, 5).unwrap();
        SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap()
    };
    let (file, halved) = (written(false), written(true));
    assert_eq!(file.metadata().file_metadata().num_rows(), 3);
    assert_eq!(column::<Int64Type>(&file, "sequence").0, [5, 6, 7]);
    assert_eq!(column::<Int64Type>(&file, "line").0, [4, 9]);
    assert_eq!(column::<Int64Type>(&file, "line").1, [1, 0, 1]);
    assert_eq!(column::<Int32Type>(&file, "word_id").0, [2, 0]);
    let labels = column::<ByteArrayType>(&file, "label").0;
    let labels: Vec<&str> = labels.iter().map(|l| l.as_utf8().unwrap()).collect();
    assert_eq!(labels, ["é", "[CLS]", "z"]);
    let lists = [0, 1, 1, 0, 1, 1, 0, 1, 1];
    let all = states(&parts);
    for (index, name) in ["layer_00", "layer_03"].into_iter().enumerate() {
        let (values, _, repeated) = column::<FloatType>(&file, name);
        assert_eq!(
            (values.as_slice(), repeated.as_slice()),
            (&all[9 * index..9 * index + 9], &lists[..])
        );
        let halves = column::<FixedLenByteArrayType>(&halved, name).0;
        let halves =
            halves.iter().map(|h| f16::from_le_bytes(h.data().try_into().unwrap()).to_f32());
        assert!(halves.eq(values));
    }
    let (values, ..) = column::<FloatType>(&file, "blocks.1.hook_mlp_out");
    assert_eq!(values.len(), 6);
}

#[test]
fn a_number_beyond_f16_is_refused_by_its_place() {
    let mut states = parts().remove(0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    states.hidden_states[[1, 1, 2]] = -65519.0;
    write_states_as(&path, &states, Format::Npz, true).unwrap();
    states.hidden_states[[1, 1, 2]] = -65520.0;
    let said = write_states_as(&path, &states, Format::Npz, true).unwrap_err().to_string();
    assert!(
        said.starts_with("layer 3, \"[CLS]\" of text 2 (\"x\"): -6.552e4 is larger than 65504"),
        "{said}"
    );
    write_states_as(&path, &states, Format::Npz, false).unwrap();
}
