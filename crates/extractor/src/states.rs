//! The states file: safetensors with hidden states and the description of their rows.
//!
//! Tensors: `hidden_states` f32 `[layers, rows, d_model]`, `layers` i64 `[layers]`, `char_offsets`
//! i64 `[rows, 2]`, `word_ids` i64 `[rows]` (−1: none), and of tokens also `input_ids` i64
//! `[tokens]`, `sequence_offsets` i64 `[sequences + 1]` and `special_tokens_mask` i64 `[tokens]`; of
//! words `word_sequence_offsets` i64 `[sequences + 1]`. Other hook points have their own names, f32
//! `[tokens, width]`; patterns are `[n_heads, Σ n²]`, and `pattern_offsets` i64 `[sequences + 1]` has
//! the first square of each text. Reading ignores other hook points. Floats may be f16. The metadata
//! has one key, `stratoscope`, with a JSON object: the model, the convention, the texts, the labels of the
//! rows, and the places of the rows that are unknown tokens or belong to the second text of a pair.

use crate::activations::{Activations, Origin};
use crate::arrays::{self, Array, Values};
use crate::elsewhere::{Container, MAX_LAYERS, StatesReader, check_layers};
use crate::error::{Error, Result};
use crate::files::tool;
use crate::input::Text;
use crate::rows::{Row, Unit};
use ndarray::Ix3;
use safetensors::tensor::{Dtype, Metadata as Header, TensorInfo};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::path::Path;

/// The metadata, under one key so that the bytes are repeatable.
#[derive(Serialize, Deserialize)]
struct Metadata {
    format: u32,
    tool: String,
    convention: String,
    #[serde(flatten)]
    origin: Origin,
    unit: Unit,
    texts: Vec<StoredText>,
    labels: Vec<String>,
    /// The rows of the second text of a pair.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    second_of_pair: Vec<usize>,
    /// Files of older versions: the text of each row in a pair, 0 or 1.
    #[serde(skip_serializing, default)]
    text_ids: Vec<usize>,
    /// The rows that are unknown tokens.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    unknown: Vec<usize>,
}

#[derive(Serialize, Deserialize)]
struct StoredText {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pair: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    words: Vec<[usize; 2]>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    sent_id: Option<String>,
    /// The tokens that were kept of a text that was cut.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    kept: Option<usize>,
}

pub(crate) const KEY: &str = "stratoscope";

const CONVENTION: &str = "hidden_states as Hugging Face transformers has them: layer 0 is the embedding output, layer i the output of block i, the last after the final norm where there is one";

/// The bytes of a states file. Equal activations give equal bytes.
///
/// # Errors
/// [`Error::States`] if the tensors cannot be written as safetensors.
pub fn states_bytes(activations: &Activations) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let written = write_safetensors(&mut bytes, std::slice::from_ref(activations), false);
    written.map_err(|e| Error::States { path: "(in memory)".into(), reason: e.to_string() })?;
    Ok(bytes)
}

/// Writes consecutive parts as one file.
pub(crate) fn write_safetensors(
    out: &mut dyn Write,
    parts: &[Activations],
    half: bool,
) -> io::Result<()> {
    let mut arrays = arrays::of(parts, half);
    let dtype = |array: &Array<'_>| match array.values {
        Values::Floats { half: false, .. } => Dtype::F32,
        Values::Floats { half: true, .. } => Dtype::F16,
        Values::Integers(_) => Dtype::I64,
    };
    // The order of the format: the widest numbers first, so that all are aligned.
    arrays.sort_by(|a, b| dtype(b).cmp(&dtype(a)).then_with(|| a.name.cmp(&b.name)));
    let mut end = 0;
    let infos = arrays.iter().map(|array| {
        let start = end;
        end += array.bytes();
        let (dtype, shape) = (dtype(array), array.shape.clone());
        (array.name.clone(), TensorInfo { dtype, shape, data_offsets: (start, end) })
    });
    let infos = infos.collect();
    let metadata = HashMap::from([(KEY.to_owned(), metadata(parts)?)]);
    let header = Header::new(Some(metadata), infos).map_err(io::Error::other)?;
    let mut header = serde_json::to_vec(&header)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(&header)?;
    arrays.iter().try_for_each(|array| array.write(out))
}

/// The metadata of parts, as JSON.
pub(crate) fn metadata(parts: &[Activations]) -> serde_json::Result<String> {
    let Some(first) = parts.first() else { return Ok("{}".to_owned()) };
    let texts = parts.iter().flat_map(|part| &part.texts);
    let rows = || parts.iter().flat_map(|part| &part.rows);
    let places = |of: &dyn Fn(&Row) -> bool| {
        rows().enumerate().filter(|(_, row)| of(row)).map(|(place, _)| place).collect()
    };
    serde_json::to_string(&Metadata {
        format: 1,
        tool: tool(),
        convention: CONVENTION.to_owned(),
        origin: first.origin.clone(),
        unit: first.unit,
        texts: texts.map(StoredText::from).collect(),
        labels: rows().map(|r| r.label.clone()).collect(),
        second_of_pair: places(&|row| row.text_id == 1),
        text_ids: Vec::new(),
        unknown: places(&|row| row.unknown),
    })
}

impl From<&Text> for StoredText {
    fn from(text: &Text) -> Self {
        Self {
            text: text.text.clone(),
            pair: text.pair.clone(),
            line: text.line,
            words: text.words.iter().map(|word| [word.start, word.end]).collect(),
            sent_id: text.sent_id.clone(),
            kept: text.kept,
        }
    }
}

impl From<StoredText> for Text {
    fn from(stored: StoredText) -> Self {
        Self {
            text: stored.text,
            pair: stored.pair,
            line: stored.line,
            words: stored.words.iter().map(|&[start, end]| start..end).collect(),
            sent_id: stored.sent_id,
            kept: stored.kept,
            ..Self::default()
        }
    }
}

/// Reads a states file of this program or of another one: [`StatesReader::read`] without knowledge of
/// the file.
///
/// # Errors
/// The errors of [`StatesReader::read`].
pub fn read_states(path: &Path) -> Result<Activations> {
    StatesReader::default().read(path)
}

/// The states of a file of this program, with its metadata.
pub(crate) fn parse(file: &Container, metadata: &str) -> Result<Activations, String> {
    let states = file.array("hidden_states")?.ok_or("it has no hidden_states")?;
    let &[n_layers, n_rows, d_model] = &states.shape[..] else {
        return Err(format!(
            "hidden_states has shape {:?}, not [layers, tokens, d_model]",
            states.shape
        ));
    };
    if n_layers == 0 || n_rows == 0 || d_model == 0 {
        return Err(format!("hidden_states is {} {:?}", states.kind.name(), states.shape));
    }
    let hidden_states = states.floats("hidden_states")?;
    drop(states);
    let hidden_states = hidden_states.into_dimensionality::<Ix3>().map_err(|e| e.to_string())?;
    if let Some(at) = hidden_states.iter().position(|v| !v.is_finite()) {
        let value = hidden_states.iter().nth(at).copied().unwrap_or(f32::NAN);
        return Err(format!("hidden_states holds {value} at element {at}"));
    }
    let integers = |name: &str, expected: usize| -> Result<Option<Vec<i64>>, String> {
        let Some(array) = file.array(name)? else { return Ok(None) };
        let values: Vec<i64> = array.integers(name)?.iter().copied().collect();
        if expected > 0 && values.len() != expected {
            return Err(format!("{name} has the shape {:?}", array.shape));
        }
        Ok(Some(values))
    };
    let size = |v: i64| usize::try_from(v).map_err(|_| format!("a negative number, {v}"));

    let m: Metadata = serde_json::from_str(metadata).map_err(|e| format!("metadata: {e}"))?;
    if m.format > 1 {
        return Err(format!("it is of format {}, this program reads format 1", m.format));
    }
    if m.origin.n_layers > MAX_LAYERS {
        return Err(format!("it is of a model with {} layers", m.origin.n_layers));
    }
    // Pooling requires words in the order of the text.
    let ordered = |t: &StoredText| {
        let words = &t.words;
        words.iter().all(|w| w[0] <= w[1])
            && words.is_sorted_by(|a, b| a[0] <= b[0] && a[1] <= b[1])
    };
    if !m.texts.iter().all(ordered) {
        return Err("the words of a text are out of order".to_owned());
    }
    if m.labels.len() != n_rows || ![0, n_rows].contains(&m.text_ids.len()) {
        return Err(format!("{} labels for {n_rows} rows", m.labels.len()));
    }
    let layers: Vec<usize> = match integers("layers", n_layers)? {
        Some(layers) => layers.into_iter().map(size).collect::<Result<_, _>>()?,
        None => (0..n_layers).collect(),
    };
    check_layers(&layers, n_layers)?;
    let last = layers.last().copied().unwrap_or(0);
    if last > m.origin.n_layers {
        let most = m.origin.n_layers;
        return Err(format!("it holds layer {last} of a model with at most {most} layers"));
    }
    let offsets = match m.unit {
        Unit::Token => integers("sequence_offsets", 0)?,
        Unit::Word => integers("word_sequence_offsets", 0)?,
        Unit::Sentence => Some((0..=n_rows as i64).collect()),
    };
    let offsets = offsets.unwrap_or_else(|| vec![0, n_rows as i64]);
    let ends_fit = offsets.first() == Some(&0) && offsets.last() == Some(&(n_rows as i64));
    if !ends_fit || offsets.windows(2).any(|w| w[0] > w[1]) {
        return Err("its sequence offsets do not cover the rows".to_owned());
    }
    let n_texts = offsets.len() - 1;
    if m.texts.len() != n_texts {
        return Err(format!("{} texts for {n_texts} sequences", m.texts.len()));
    }
    let ids = integers("input_ids", n_rows)?;
    let places = integers("char_offsets", n_rows * 2)?;
    let words = integers("word_ids", n_rows)?;
    let special = integers("special_tokens_mask", n_rows)?;
    let id = |values: &Option<Vec<i64>>, row: usize| {
        values.as_ref().and_then(|v| u32::try_from(v[row]).ok())
    };
    let set = |rows: &[usize]| -> HashSet<usize> { rows.iter().copied().collect() };
    let (unknown, second) = (set(&m.unknown), set(&m.second_of_pair));
    let mut rows = Vec::with_capacity(n_rows);
    let mut labels = m.labels.into_iter();
    for (sequence, window) in offsets.windows(2).enumerate() {
        for row in size(window[0])?..size(window[1])? {
            let place = |side: usize| places.as_ref().map_or(Ok(0), |p| size(p[2 * row + side]));
            let char_offsets = [place(0)?, place(1)?];
            if char_offsets[0] > char_offsets[1] {
                return Err(format!("row {row} ends before it begins: {char_offsets:?}"));
            }
            let old = m.text_ids.get(row).copied();
            rows.push(Row {
                sequence,
                label: labels.next().unwrap_or_default(),
                token_id: id(&ids, row),
                char_offsets,
                text_id: old.unwrap_or(usize::from(second.contains(&row))),
                word_id: id(&words, row),
                special: special.as_ref().is_some_and(|s| s[row] != 0),
                unknown: unknown.contains(&row),
            });
        }
    }
    let texts = m.texts.into_iter().map(Text::from).collect();
    let (origin, unit) = (m.origin, m.unit);
    let (hooks, media) = (Vec::new(), Vec::new());
    Ok(Activations { origin, unit, layers, texts, media, rows, hidden_states, hooks })
}
