//! The readers over files, whole and damaged.

use super::*;
use crate::lines::MAX_TEXT_BYTES;
use ::parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use ::parquet::data_type::{ByteArray, ByteArrayType, Int32Type};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::types::Type;
use std::sync::Arc;
use tempfile::TempDir;

fn texts(place: &TempDir, name: &str, options: &ReadOptions) -> Result<(Vec<Text>, usize)> {
    let mut reader = TextReader::open(&place.path().join(name), options)?;
    let mut texts = Vec::new();
    while let Some(text) = reader.read()? {
        texts.push(text);
    }
    Ok((texts, reader.blank_lines()))
}

fn place(name: &str, bytes: impl AsRef<[u8]>) -> TempDir {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join(name), bytes).unwrap();
    place
}

/// What a file is read as, as lines and texts; or what is said of it, without its folder.
fn read(name: &str, bytes: impl AsRef<[u8]>) -> Result<(Vec<(usize, String)>, usize), String> {
    let place = place(name, bytes);
    let said = |e: Error| e.to_string().replace(&format!("{}/", place.path().display()), "");
    let (texts, blank) = texts(&place, name, &ReadOptions::default()).map_err(said)?;
    Ok((texts.into_iter().map(|t| (t.line.unwrap(), t.text)).collect(), blank))
}

#[test]
fn lines_and_json_lines_are_read_one_by_one() {
    let two = |a: usize, b: usize, blank| {
        Ok((vec![(a, " one ".to_owned()), (b, "two".to_owned())], blank))
    };
    assert_eq!(read("x.txt", "\u{feff} one \r\n\n\t\ntwo"), two(1, 4, 2));
    assert_eq!(read("x", "\n one \ntwo\n\n"), two(2, 3, 2));
    let json = "\u{feff}{\"text\": \" one \"}\r\n\n{\"text\": null}\n{\"text\": \"\", \"a\": 1}\n{\"b\": {}, \"text\": \"t\\u0077o\"}";
    assert_eq!(read("x.jsonl", json), two(1, 5, 3));
    assert_eq!(read("x.NDJSON", json), two(1, 5, 3));
    assert_eq!(read("x.txt", ""), Ok((Vec::new(), 0)));
}

#[test]
fn mistakes_name_the_file_and_the_line() {
    for (name, bytes, said) in [
        ("x.txt", &b"good\nb\xffd"[..], "x.txt, line 2: not valid UTF-8 (byte 2 of the line)"),
        ("x.jsonl", b"\n{\"text\": 7}", "x.jsonl, line 2: \"text\" is not a text"),
        ("x.jsonl", b"{\"text\": \"a\"}\n[1]", "x.jsonl, line 2: not a JSON object"),
        ("x.jsonl", b"{\"text\": \"\\ud800\"}", "x.jsonl, line 1: not a JSON object"),
        ("x.jsonl", b"{\"text\": \"a\"", "x.jsonl, line 1: not a JSON object"),
        (
            "x.jsonl",
            b"{\"id\": 1, \"body\": \"\"}",
            "x.jsonl, line 1 has no \"text\"; it has: id, body",
        ),
        ("x.conllu", b"1\tx\n", "x.conllu, line 1: a word has 10 columns"),
        ("x.conllu", b"# text = \xff\n", "x.conllu, line 1: not valid UTF-8"),
        ("x.parquet", b"", "cannot read x.parquet as Parquet"),
        ("x.parquet", b"PAR1 is no PAR1", "cannot read x.parquet as Parquet"),
    ] {
        let found = read(name, bytes).unwrap_err();
        assert!(found.starts_with(said), "{found}");
    }
    // Deeper than any object of a corpus is.
    assert!(read("x.jsonl", format!("{{\"text\": {}", "[".repeat(100_000))).is_err());
    let place = place("x.txt", "one\ttwo\nthree");
    let options = ReadOptions { pairs: true, ..ReadOptions::default() };
    let said = texts(&place, "x.txt", &options).unwrap_err().to_string();
    assert!(said.contains("line 2: a pair is two texts"), "{said}");
}

/// A file with a column `text` of these rows, in groups of three, and a column `n`.
fn parquet_file(rows: &[Option<&str>], codec: Compression) -> Vec<u8> {
    let text = Type::primitive_type_builder("text", Physical::BYTE_ARRAY)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(Some(LogicalType::String))
        .build();
    let n = Type::primitive_type_builder("n", Physical::INT32)
        .with_repetition(Repetition::REQUIRED)
        .build();
    let fields = vec![Arc::new(n.unwrap()), Arc::new(text.unwrap())];
    let schema = Type::group_type_builder("rows").with_fields(fields).build().unwrap();
    let properties = WriterProperties::builder().set_compression(codec).build();
    let mut bytes = Vec::new();
    let mut file =
        SerializedFileWriter::new(&mut bytes, Arc::new(schema), Arc::new(properties)).unwrap();
    for rows in rows.chunks(3) {
        let mut group = file.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let numbers = vec![7; rows.len()];
        column.typed::<Int32Type>().write_batch(&numbers, None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let values: Vec<ByteArray> = rows.iter().flatten().map(|&text| text.into()).collect();
        let levels: Vec<i16> = rows.iter().map(|row| i16::from(row.is_some())).collect();
        column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
    }
    file.close().unwrap();
    bytes
}

const ROWS: [Option<&str>; 8] =
    [Some("one"), None, Some("два"), None, None, None, Some(""), Some("four")];

#[test]
fn a_column_of_a_parquet_file_is_read_across_its_groups() {
    let expected = vec![(1, "one".to_owned()), (3, "два".to_owned()), (8, "four".to_owned())];
    for codec in
        [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::ZSTD(Default::default())]
    {
        assert_eq!(read("x.parquet", parquet_file(&ROWS, codec)), Ok((expected.clone(), 5)));
    }
    let place = place("x.parquet", parquet_file(&ROWS, Compression::SNAPPY));
    let said = |field: &str| {
        let options = ReadOptions { field: field.to_owned(), ..ReadOptions::default() };
        texts(&place, "x.parquet", &options).unwrap_err().to_string()
    };
    assert!(said("body").contains("has no \"body\"; it has: n, text"), "{}", said("body"));
    assert!(said("n").contains("does not have one text per row"), "{}", said("n"));
}

#[test]
fn a_damaged_parquet_file_is_an_error_or_another_text() {
    let whole = parquet_file(&ROWS, Compression::SNAPPY);
    for cut in 0..whole.len() {
        assert!(read("x.parquet", &whole[..cut]).is_err(), "{cut}");
    }
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        // Whatever comes of it, it comes back.
        drop(read("x.parquet", bytes));
    }
}

/// A file with the text of each row in the field `text` of a column `doc`, which may be null itself.
fn nested_parquet(rows: &[Option<Option<&str>>], repeated: bool) -> Vec<u8> {
    let repetition = if repeated { Repetition::REPEATED } else { Repetition::OPTIONAL };
    let text = Type::primitive_type_builder("text", Physical::BYTE_ARRAY)
        .with_repetition(repetition)
        .with_logical_type(Some(LogicalType::String))
        .build();
    let doc = Type::group_type_builder("doc")
        .with_repetition(Repetition::OPTIONAL)
        .with_fields(vec![Arc::new(text.unwrap())])
        .build();
    let fields = vec![Arc::new(doc.unwrap())];
    let schema = Type::group_type_builder("rows").with_fields(fields).build().unwrap();
    let mut bytes = Vec::new();
    let mut file = SerializedFileWriter::new(&mut bytes, Arc::new(schema), Arc::default()).unwrap();
    let mut group = file.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let values: Vec<ByteArray> = rows.iter().flatten().flatten().map(|&text| text.into()).collect();
    let levels: Vec<i16> =
        rows.iter().map(|row| row.map_or(0, |text| 1 + i16::from(text.is_some()))).collect();
    let repeats = vec![0; rows.len()];
    let repeats = repeated.then_some(repeats.as_slice());
    column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), repeats).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    file.close().unwrap();
    bytes
}

#[test]
fn a_field_of_a_column_of_a_parquet_file_is_read_by_its_path() {
    let rows = [Some(Some("one")), None, Some(None), Some(Some("two"))];
    let options = ReadOptions { field: "doc.text".to_owned(), ..ReadOptions::default() };
    let place = place("x.parquet", nested_parquet(&rows, false));
    let (read, blank) = texts(&place, "x.parquet", &options).unwrap();
    let read: Vec<_> = read.into_iter().map(|t| (t.line.unwrap(), t.text)).collect();
    assert_eq!((read, blank), (vec![(1, "one".to_owned()), (4, "two".to_owned())], 2));
    let said = texts(&place, "x.parquet", &ReadOptions::default()).unwrap_err().to_string();
    assert!(said.contains("has no \"text\"; it has: doc.text"), "{said}");
    std::fs::write(place.path().join("x.parquet"), nested_parquet(&[Some(Some("a"))], true))
        .unwrap();
    let said = texts(&place, "x.parquet", &options).unwrap_err().to_string();
    assert!(said.contains("does not have one text per row"), "{said}");
}

#[test]
fn a_text_of_a_parquet_file_is_refused_by_its_row_and_length_or_cut() {
    // A few kilobytes.
    let long = "a".repeat(MAX_TEXT_BYTES + 9);
    let bytes = parquet_file(&[Some("one"), Some(&long)], Compression::ZSTD(Default::default()));
    assert!(bytes.len() < 10_000, "{}", bytes.len());
    let place = place("x.parquet", bytes);
    let said = texts(&place, "x.parquet", &ReadOptions::default()).unwrap_err().to_string();
    assert!(
        said.contains("x.parquet, row 2 has 4194313 bytes, and 4 MiB are the maximum"),
        "{said}"
    );
    let options = ReadOptions { cut: true, ..ReadOptions::default() };
    let (read, _) = texts(&place, "x.parquet", &options).unwrap();
    assert_eq!(read[1].text.len(), MAX_TEXT_BYTES + 4);
}

#[test]
fn a_parquet_file_that_changes_after_it_was_hashed_is_an_error() {
    let long = |letter: &str| letter.repeat(1 << 20);
    let file = |letter: &str| {
        let (first, second) = (long("a"), long(letter));
        let rows = [Some(&*first), None, None, Some(&*second)];
        parquet_file(&rows, Compression::UNCOMPRESSED)
    };
    let (bytes, other) = (file("b"), file("c"));
    assert_eq!(bytes.len(), other.len());
    let place = place("x.parquet", &bytes);
    let path = place.path().join("x.parquet");
    let mut reader = TextReader::open(&path, &ReadOptions::default()).unwrap();
    assert_eq!(reader.sha256().unwrap(), crate::files::sha256(&bytes));
    assert_eq!(reader.read().unwrap().unwrap().text, long("a"));
    std::fs::write(&path, &other).unwrap();
    let error = reader.read().unwrap_err();
    assert!(matches!(error, crate::Error::InputChanged { .. }), "{error}");
    // It is the content at the time of opening that is hashed.
    let mut reader = TextReader::open(&path, &ReadOptions::default()).unwrap();
    assert_eq!(reader.sha256().unwrap(), crate::files::sha256(&other));
}
