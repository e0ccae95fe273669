//! A column of texts in a Parquet file.

use super::blocks::Blocks;
use crate::error::{Error, Result};
use ::parquet::basic::{Compression, Type};
use ::parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use ::parquet::data_type::{ByteArray, ByteArrayType};
use ::parquet::errors::ParquetError;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use std::collections::VecDeque;
use std::fs::File;
use stratoscope_loader::panics;

/// Rows that are decoded at a time: few, since each may be a document.
const ROWS: usize = 64;

/// The texts of one column, row by row.
pub(super) struct Column {
    place: String,
    bytes: Blocks,
    file: SerializedFileReader<Blocks>,
    index: usize,
    /// The definition level of a row that is not null; 0 if no row is null.
    present: i16,
    group: usize,
    reader: Option<ColumnReaderImpl<ByteArrayType>>,
    ready: VecDeque<Option<ByteArray>>,
    row: usize,
}

impl Column {
    pub(super) fn open(file: File, place: &str, field: &str) -> Result<Self> {
        let wrong = |reason: String| Error::Parquet { place: place.to_owned(), reason };
        let bytes = Blocks::of(file);
        let bytes = bytes.map_err(|source| Error::Io { path: place.into(), source })?;
        let file = caught(place, &bytes, || SerializedFileReader::new(bytes.clone()))?;
        let schema = file.metadata().file_metadata().schema_descr_ptr();
        let columns = schema.columns();
        // A column of this name comes before a field `b` of a column `a` with the path `a.b`.
        let whole = columns.iter().position(|column| column.path().parts() == [field]);
        let within = || columns.iter().position(|column| column.path().string() == field);
        let Some(index) = whole.or_else(within) else {
            let names: Vec<String> = columns.iter().map(|c| c.path().string()).collect();
            return Err(Error::NoField {
                place: place.to_owned(),
                field: field.to_owned(),
                found: super::listed(names.iter().map(String::as_str)),
            });
        };
        let column = &columns[index];
        if column.physical_type() != Type::BYTE_ARRAY || column.max_rep_level() > 0 {
            return Err(wrong(format!("the column {field:?} does not have one text per row")));
        }
        for group in file.metadata().row_groups() {
            let codec = group.columns().get(index).map(|chunk| chunk.compression());
            match codec {
                Some(Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_)) => {}
                Some(other) => {
                    let name = format!("{other:?}");
                    let name = name.split('(').next().unwrap_or_default();
                    return Err(wrong(format!(
                        "its compression {name} is not supported; SNAPPY, ZSTD and UNCOMPRESSED are"
                    )));
                }
                None => return Err(wrong(format!("a row group has no column {field:?}"))),
            }
        }
        let present = column.max_def_level();
        let place = place.to_owned();
        let ready = VecDeque::new();
        Ok(Self { place, bytes, file, index, present, group: 0, reader: None, ready, row: 0 })
    }

    /// The sha256 of the file.
    pub(super) fn sha256(&self) -> &str {
        self.bytes.sha256()
    }

    /// The number of the next row, counted from 1, and its text if it is not null.
    pub(super) fn next(&mut self) -> Result<Option<(usize, Option<String>)>> {
        while self.ready.is_empty() {
            if !self.fill()? {
                return Ok(None);
            }
        }
        self.row += 1;
        let Some(bytes) = self.ready.pop_front().flatten() else {
            return Ok(Some((self.row, None)));
        };
        let text = std::str::from_utf8(bytes.data()).map_err(|e| Error::Utf8 {
            place: self.place.clone(),
            line: self.row,
            byte: e.valid_up_to() + 1,
        })?;
        Ok(Some((self.row, Some(text.to_owned()))))
    }

    /// Decodes more rows; false at the end.
    fn fill(&mut self) -> Result<bool> {
        let Some(reader) = &mut self.reader else {
            if self.group >= self.file.num_row_groups() {
                return Ok(false);
            }
            let (file, group, index) = (&self.file, self.group, self.index);
            let reader = caught(&self.place, &self.bytes, || {
                file.get_row_group(group).and_then(|group| group.get_column_reader(index))
            })?;
            // The type of the column was checked.
            let ColumnReader::ByteArrayColumnReader(reader) = reader else { return Ok(false) };
            self.reader = Some(reader);
            self.group += 1;
            return Ok(true);
        };
        let (mut levels, mut values) = (Vec::new(), Vec::new());
        let (present, optional) = (self.present, self.present > 0);
        let (rows, _, _) = caught(&self.place, &self.bytes, || {
            reader.read_records(ROWS, optional.then_some(&mut levels), None, &mut values)
        })?;
        if rows == 0 {
            self.reader = None;
        } else if optional {
            let mut values = values.into_iter();
            let row = |&level: &i16| if level == present { values.next() } else { None };
            self.ready.extend(levels.iter().map(row));
        } else {
            self.ready.extend(values.into_iter().map(Some));
        }
        Ok(true)
    }
}

/// Runs the library. Its errors, and its panics at damaged files, become errors.
fn caught<T>(
    place: &str,
    bytes: &Blocks,
    run: impl FnOnce() -> std::result::Result<T, ParquetError>,
) -> Result<T> {
    let wrong = |reason: String| match bytes.have_changed() {
        true => Error::InputChanged { place: place.to_owned() },
        false => Error::Parquet { place: place.to_owned(), reason },
    };
    match panics::caught(run) {
        Ok(done) => done.map_err(|e| wrong(e.to_string())),
        Err(_) => Err(wrong("it is damaged".to_owned())),
    }
}
