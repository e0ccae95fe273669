//! States for the Embedding Projector (projector.tensorflow.org): `vectors.tsv` and `metadata.tsv`.
//!
//! A line of `vectors.tsv` is a vector, its numbers separated by tabs. `metadata.tsv` has a line with
//! the names of the columns, as the Projector expects of several columns, and a line for each vector.

use crate::activations::Activations;
use crate::error::{Error, Result};
use crate::files::write_folder;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// The names of the files.
pub const PROJECTOR_FILES: [&str; 2] = ["vectors.tsv", "metadata.tsv"];

/// Writes a folder with `vectors.tsv` and `metadata.tsv` atomically. The rows of several layers
/// follow one another, layer by layer. The columns of the metadata are `label`, `layer`, `sequence`
/// (the number of the text, from 0), `special` (whether it is a special token) and `text`.
///
/// # Errors
/// [`Error::Io`] if the folder cannot be written or is a symbolic link.
pub fn write_projector(folder: &Path, activations: &Activations) -> Result<()> {
    let fill = |aside: &Path| {
        let [vectors, metadata] = PROJECTOR_FILES.map(|name| File::create(aside.join(name)));
        write(activations, &mut BufWriter::new(vectors?), &mut BufWriter::new(metadata?))
    };
    write_folder(folder, fill).map_err(|source| Error::Io { path: folder.to_owned(), source })
}

fn write(of: &Activations, vectors: &mut dyn Write, metadata: &mut dyn Write) -> io::Result<()> {
    writeln!(metadata, "label\tlayer\tsequence\tspecial\ttext")?;
    for (index, layer) in of.layers.iter().enumerate() {
        for (row, vector) in of.rows.iter().zip(of.layer(index).rows()) {
            for (place, value) in vector.iter().enumerate() {
                let tab = if place == 0 { "" } else { "\t" };
                write!(vectors, "{tab}{value}")?;
            }
            writeln!(vectors)?;
            let text = of.texts.get(row.sequence).map_or("", |text| text.text.as_str());
            let (label, text) = (field(&row.label), field(text));
            writeln!(metadata, "{label}\t{layer}\t{}\t{}\t{text}", row.sequence, row.special)?;
        }
    }
    vectors.flush()?;
    metadata.flush()
}

/// A text as a field: the format has no escapes for tabs and line ends.
fn field(text: &str) -> String {
    text.replace(['\t', '\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activations::Origin;
    use crate::elsewhere::About;
    use crate::input::Text;
    use crate::rows::{Row, Unit};
    use ndarray::Array3;

    #[test]
    fn every_vector_has_a_line_of_metadata() {
        let row = |sequence, label: &str, special| Row {
            sequence,
            label: label.to_owned(),
            token_id: None,
            char_offsets: [0, 1],
            text_id: 0,
            word_id: None,
            special,
            unknown: false,
        };
        let states = Activations {
            origin: Origin::elsewhere(3, About::default()),
            unit: Unit::Token,
            layers: vec![0, 3],
            texts: vec![Text::from("a\tb\nc"), Text::from("é")],
            media: Vec::new(),
            rows: vec![row(0, "\t", false), row(1, "[SEP]", true)],
            hidden_states: Array3::from_shape_fn((2, 2, 2), |(l, r, d)| {
                [0.1, -2.5, 1e-9][(l + r + d) % 3]
            }),
            hooks: Vec::new(),
        };
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("out");
        write_projector(&folder, &states).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        let vectors = read("vectors.tsv");
        assert_eq!(
            read("metadata.tsv"),
            "label\tlayer\tsequence\tspecial\ttext\n \t0\t0\tfalse\ta b c\n[SEP]\t0\t1\ttrue\té\n \t3\t0\tfalse\ta b c\n[SEP]\t3\t1\ttrue\té\n"
        );
        assert_eq!(vectors.lines().next(), Some("0.1\t-2.5"));
        let numbers: Vec<f32> =
            vectors.split_whitespace().map(|value| value.parse().unwrap()).collect();
        assert_eq!(numbers, states.hidden_states.iter().copied().collect::<Vec<_>>());
    }
}
