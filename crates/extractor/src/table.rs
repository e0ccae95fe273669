//! States as a Parquet table: one row per token, word or sentence, and one list column per layer.

use crate::activations::Activations;
use crate::arrays::{layer_of, piece};
use crate::error::{Error, Result};
use crate::files::tool;
use crate::hooks::Capture;
use crate::input::Text;
use crate::rows::{Row, Unit};
use crate::states::{KEY, metadata};
use half::f16;
use parquet::basic::{Compression, Encoding, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType,
    FloatType, Int32Type, Int64Type,
};
use parquet::errors::Result as Written;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{PrimitiveTypeBuilder, Type, TypePtr};
use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::Arc;

/// The values of lists that are written at a time.
const VALUES: usize = 1 << 16;

/// Refuses patterns, which have no place in rows.
pub(crate) fn check(captures: &[Capture]) -> Result<()> {
    match captures.iter().find(|capture| capture.is_pattern()) {
        Some(pattern) => Err(Error::Format {
            what: pattern.to_string(),
            format: "Parquet",
            reason: "a pattern belongs to pairs of tokens, and a row is one token",
        }),
        None => Ok(()),
    }
}

/// Writes consecutive parts as one file; `first_text` is the number of the first text in the corpus.
pub(crate) fn write_parquet(
    out: &mut (dyn Write + Send),
    parts: &[Activations],
    half: bool,
    first_text: usize,
) -> io::Result<()> {
    let Some(first) = parts.first() else { return Ok(()) };
    let mut table = Table { parts, half, first_text, columns: Vec::new() };
    table.columns = table.columns();
    let schema = table.schema(first).map_err(io::Error::other)?;
    let mut properties = WriterProperties::builder()
        .set_created_by(tool())
        .set_compression(Compression::UNCOMPRESSED)
        .set_dictionary_enabled(false)
        .set_encoding(Encoding::PLAIN)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_key_value_metadata(Some(vec![KeyValue::new(KEY.to_owned(), metadata(parts)?)]));
    for field in schema.get_fields().iter().filter(|field| field.is_group()) {
        // Statistics over all values of all vectors are useless.
        let path = [field.name(), "list", "element"].map(str::to_owned).to_vec();
        let none = EnabledStatistics::None;
        properties = properties.set_column_statistics_enabled(path.into(), none);
    }
    let writer = SerializedFileWriter::new(out, schema, Arc::new(properties.build()));
    table.write(writer).map_err(|error| match error {
        parquet::errors::ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(source) => *source,
            Err(source) => io::Error::other(source),
        },
        other => io::Error::other(other),
    })
}

/// The content of a column.
enum Column {
    Int64(&'static str, fn(&Row) -> Option<i64>),
    Int32(&'static str, fn(&Row) -> Option<i32>),
    Text(&'static str, fn(&Row) -> &str),
    Flag(&'static str, fn(&Row) -> bool),
    /// The number of the text in the corpus.
    Sequence,
    /// The line of the text.
    Line,
    /// A layer, by its place in the list of layers.
    Layer(usize),
    /// A hook point, by its place in the list of hooks.
    Hook(usize),
}

struct Table<'a> {
    parts: &'a [Activations],
    half: bool,
    first_text: usize,
    columns: Vec<Column>,
}

impl Table<'_> {
    fn columns(&self) -> Vec<Column> {
        let Some(first) = self.parts.first() else { return Vec::new() };
        let mut columns = vec![
            Column::Sequence,
            Column::Line,
            Column::Text("label", |row| &row.label),
            Column::Int32("char_start", |row| i32::try_from(row.char_offsets[0]).ok()),
            Column::Int32("char_end", |row| i32::try_from(row.char_offsets[1]).ok()),
        ];
        if first.unit != Unit::Sentence {
            columns.push(Column::Int32("word_id", |row| row.word_id.map(u32::cast_signed)));
        }
        if first.unit == Unit::Token {
            columns.push(Column::Int64("input_id", |row| row.token_id.map(i64::from)));
            columns.push(Column::Flag("special", |row| row.special));
        }
        columns.extend((0..first.layers.len()).map(Column::Layer));
        columns.extend((0..first.hooks.len()).map(Column::Hook));
        columns
    }

    fn schema(&self, first: &Activations) -> Written<TypePtr> {
        let mut fields = Vec::new();
        for column in &self.columns {
            let (required, optional) = (Repetition::REQUIRED, Repetition::OPTIONAL);
            let field = match column {
                Column::Int64(name, _) => Self::flat(name, Physical::INT64, optional).build()?,
                Column::Int32(name, _) => Self::flat(name, Physical::INT32, optional).build()?,
                Column::Text(name, _) => Self::flat(name, Physical::BYTE_ARRAY, required)
                    .with_logical_type(Some(LogicalType::String))
                    .build()?,
                Column::Flag(name, _) => Self::flat(name, Physical::BOOLEAN, required).build()?,
                Column::Sequence => Self::flat("sequence", Physical::INT64, required).build()?,
                Column::Line => Self::flat("line", Physical::INT64, optional).build()?,
                Column::Layer(index) => self.list(&format!("layer_{:02}", first.layers[*index]))?,
                Column::Hook(index) => self.list(&first.hooks[*index].capture.to_string())?,
            };
            fields.push(Arc::new(field));
        }
        Ok(Arc::new(Type::group_type_builder("states").with_fields(fields).build()?))
    }

    fn flat(name: &str, physical: Physical, repetition: Repetition) -> PrimitiveTypeBuilder<'_> {
        Type::primitive_type_builder(name, physical).with_repetition(repetition)
    }

    /// `required group NAME (LIST) { repeated group list { required float element } }`.
    fn list(&self, name: &str) -> Written<Type> {
        let element = match self.half {
            false => Type::primitive_type_builder("element", Physical::FLOAT),
            true => Type::primitive_type_builder("element", Physical::FIXED_LEN_BYTE_ARRAY)
                .with_length(2)
                .with_logical_type(Some(LogicalType::Float16)),
        };
        let element = element.with_repetition(Repetition::REQUIRED).build()?;
        let list = Type::group_type_builder("list")
            .with_repetition(Repetition::REPEATED)
            .with_fields(vec![Arc::new(element)])
            .build()?;
        Type::group_type_builder(name)
            .with_repetition(Repetition::REQUIRED)
            .with_logical_type(Some(LogicalType::List))
            .with_fields(vec![Arc::new(list)])
            .build()
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.parts.iter().flat_map(|part| &part.rows)
    }

    /// A property of the text of each row.
    fn of_texts<T: Copy>(&self, of: impl Fn(usize, &Text) -> T) -> Vec<T> {
        let mut before = self.first_text;
        let mut values = Vec::new();
        for part in self.parts {
            let of_text = |row: &Row| of(before + row.sequence, &part.texts[row.sequence]);
            values.extend(part.rows.iter().map(of_text));
            before += part.texts.len();
        }
        values
    }

    fn write<W: Write + Send>(&self, writer: Written<SerializedFileWriter<W>>) -> Written<()> {
        let mut writer = writer?;
        let mut group = writer.next_row_group()?;
        for column in &self.columns {
            match column {
                Column::Int64(_, of) => {
                    let values: Vec<_> = self.rows().map(of).collect();
                    optional::<_, Int64Type>(&mut group, &values)?;
                }
                Column::Int32(_, of) => {
                    let values: Vec<_> = self.rows().map(of).collect();
                    optional::<_, Int32Type>(&mut group, &values)?;
                }
                Column::Text(_, of) => {
                    let values: Vec<_> = self.rows().map(|r| ByteArray::from(of(r))).collect();
                    put::<_, ByteArrayType>(&mut group, &values, None, None)?;
                }
                Column::Flag(_, of) => {
                    let values: Vec<_> = self.rows().map(of).collect();
                    put::<_, BoolType>(&mut group, &values, None, None)?;
                }
                Column::Sequence => {
                    let values = self.of_texts(|sequence, _| sequence as i64);
                    put::<_, Int64Type>(&mut group, &values, None, None)?;
                }
                Column::Line => {
                    let values = self.of_texts(|_, text| text.line.map(|line| line as i64));
                    optional::<_, Int64Type>(&mut group, &values)?;
                }
                Column::Layer(index) => {
                    let pieces = self.parts.iter().map(|part| layer_of(part, *index));
                    let width = self.parts.first().map_or(0, Activations::d_model);
                    self.lists(&mut group, pieces, width)?;
                }
                Column::Hook(index) => {
                    let values = self.parts.iter().map(|part| &part.hooks[*index].values);
                    let width = values.clone().next().map_or(0, |v| v.ncols());
                    let pieces = values.map(|v| piece(v.view().into_dyn()));
                    self.lists(&mut group, pieces, width)?;
                }
            }
        }
        group.close()?;
        writer.close()?;
        Ok(())
    }

    /// Rows of `width` values as lists.
    fn lists<'a, W: Write + Send>(
        &self,
        group: &mut SerializedRowGroupWriter<'_, W>,
        pieces: impl Iterator<Item = Cow<'a, [f32]>>,
        width: usize,
    ) -> Written<()> {
        let rows = (VALUES / width.max(1)).max(1);
        let present = vec![1; rows * width];
        // Repetition level 0 begins a list.
        let repeated: Vec<i16> = (0..rows * width).map(|i| i16::from(i % width != 0)).collect();
        let Some(mut column) = group.next_column()? else { return Ok(()) };
        for piece in pieces {
            for values in piece.chunks(rows * width) {
                let (present, repeated) = (&present[..values.len()], &repeated[..values.len()]);
                if self.half {
                    // All values share one buffer.
                    let bytes = values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes());
                    let bytes = ByteArray::from(bytes.collect::<Vec<u8>>());
                    let half = |i| FixedLenByteArray::from(bytes.slice(2 * i, 2));
                    let halves: Vec<_> = (0..values.len()).map(half).collect();
                    let column = column.typed::<FixedLenByteArrayType>();
                    column.write_batch(&halves, Some(present), Some(repeated))?;
                } else {
                    let column = column.typed::<FloatType>();
                    column.write_batch(values, Some(present), Some(repeated))?;
                }
            }
        }
        column.close()
    }
}

/// Writes a column with nulls.
fn optional<T: Copy, D: DataType<T = T>>(
    group: &mut SerializedRowGroupWriter<'_, impl Write + Send>,
    values: &[Option<T>],
) -> Written<()> {
    let levels: Vec<i16> = values.iter().map(|v| i16::from(v.is_some())).collect();
    let values: Vec<T> = values.iter().copied().flatten().collect();
    put::<_, D>(group, &values, Some(&levels), None)
}

fn put<T, D: DataType<T = T>>(
    group: &mut SerializedRowGroupWriter<'_, impl Write + Send>,
    values: &[T],
    present: Option<&[i16]>,
    repeated: Option<&[i16]>,
) -> Written<()> {
    let Some(mut column) = group.next_column()? else { return Ok(()) };
    column.typed::<D>().write_batch(values, present, repeated)?;
    column.close()
}
