//! Hidden states: arrays of NumPy over the memory of Rust, and the description of their rows.

use crate::arrays::shown;
use crate::errors;
use crate::job;
use crate::options::{Named, pooling};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArray3, PyReadonlyArray3};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use stratoscope::crates::extractor::{
    About, Axes, Format, Place as Found, StateArrays, write_states_as,
};
use stratoscope::explore::Exploration;
use stratoscope::{Activations, Error, Pooler, Pooling, StatesReader, Unit};

/// Where states are.
#[derive(Clone)]
pub(crate) enum Kept {
    /// On their own.
    States(Arc<Activations>),
    /// In an exploration.
    Exploration(Arc<Exploration>),
}

impl Kept {
    pub(crate) fn get(&self) -> &Activations {
        match self {
            Self::States(states) => states,
            Self::Exploration(exploration) => &exploration.states,
        }
    }
}

/// Hidden states of texts, one row per token, word or text.
#[pyclass(frozen, module = "stratoscope", weakref)]
pub(crate) struct States {
    pub(crate) kept: Kept,
    /// The pooling of the model for whole texts.
    pub(crate) pooler: Option<Pooler>,
}

impl States {
    pub(crate) fn new(states: Activations, pooler: Option<Pooler>) -> Self {
        Self { kept: Kept::States(Arc::new(states)), pooler }
    }

    fn get(&self) -> &Activations {
        self.kept.get()
    }

    /// Other states of the same model, made from these.
    fn derived(
        &self,
        py: Python<'_>,
        derive: impl FnOnce(&Activations) -> stratoscope::Result<Activations> + Send + 'static,
    ) -> PyResult<Self> {
        let kept = self.kept.clone();
        let (states, _) = job::run(py, move |_| derive(kept.get()))?;
        Ok(Self::new(states, self.pooler.clone()))
    }
}

/// The name of a unit.
pub(crate) fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Token => "token",
        Unit::Word => "word",
        Unit::Sentence => "sentence",
    }
}

#[pymethods]
impl States {
    /// The states, float32 [layers, rows, d_model]; the layers are those of `layers`. A read-only view
    /// of the memory of this object: no copy.
    #[getter]
    fn hidden_states<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyArray3<f32>>> {
        shown(&this.get().get().hidden_states, this.clone().into_any())
    }

    /// The states at one layer by its number, float32 [rows, d_model]: a read-only view, no copy.
    fn layer<'py>(this: &Bound<'py, Self>, layer: i64) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let states = this.get().get();
        let wanted = if layer < 0 { layer + states.origin.n_layers as i64 + 1 } else { layer };
        let index = states.layers.iter().position(|&kept| kept as i64 == wanted);
        match index {
            Some(index) => shown(&states.layer(index), this.clone().into_any()),
            None => {
                let kept = &states.layers;
                Err(PyKeyError::new_err(format!("there is no layer {layer}; there are {kept:?}")))
            }
        }
    }

    /// The numbers of the layers; 0 is the embedding output.
    #[getter]
    fn layers(&self) -> Vec<usize> {
        self.get().layers.clone()
    }

    /// What a row is: "token", "word" or "sentence".
    #[getter]
    fn unit(&self) -> &'static str {
        unit_name(self.get().unit)
    }

    /// The model: its id or path.
    #[getter]
    fn model(&self) -> String {
        self.get().origin.model.clone()
    }

    /// The texts, in order.
    #[getter]
    fn texts(&self) -> Vec<String> {
        self.get().texts.iter().map(|text| text.text.clone()).collect()
    }

    /// The label of each row: its part of the text ("##" before it continues a word), or the name of a
    /// special token.
    #[getter]
    fn tokens(&self) -> Vec<String> {
        self.get().rows.iter().map(|row| row.label.clone()).collect()
    }

    /// The token id of each row, int64 [rows]; -1 for words and sentences.
    #[getter]
    fn token_ids<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        self.integers(py, |row| row.token_id.map_or(-1, i64::from))
    }

    /// The text of each row, int64 [rows], counted from 0.
    #[getter]
    fn sequence<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        self.integers(py, |row| row.sequence as i64)
    }

    /// The word of each row in its text, int64 [rows]; -1 for special tokens.
    #[getter]
    fn word_ids<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        self.integers(py, |row| row.word_id.map_or(-1, i64::from))
    }

    /// Whether each row is a special token, bool [rows].
    #[getter]
    fn special<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<bool>> {
        self.get().rows.iter().map(|row| row.special).collect::<Vec<_>>().into_pyarray(py)
    }

    /// Whether each row is, or has, the unknown token, bool [rows].
    #[getter]
    fn unknown<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<bool>> {
        self.get().rows.iter().map(|row| row.unknown).collect::<Vec<_>>().into_pyarray(py)
    }

    /// Start and end of each row in its text, in characters, int64 [rows, 2]; [0, 0] for special
    /// tokens.
    #[getter]
    fn char_offsets<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<i64>>> {
        let rows = &self.get().rows;
        let offsets = ndarray::Array2::from_shape_fn((rows.len(), 2), |(row, end)| {
            rows[row].char_offsets[end] as i64
        });
        Ok(offsets.into_pyarray(py))
    }

    /// The first row of each text, and the end of the last, int64 [texts + 1].
    #[getter]
    fn sequence_offsets<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        let offsets = self.get().sequence_offsets();
        offsets.into_iter().map(|row| row as i64).collect::<Vec<_>>().into_pyarray(py)
    }

    /// The values at other hook points, by name: float32 [rows, width], for patterns [n_heads, Σ n²].
    /// Read-only views, no copies.
    #[getter]
    fn hooks<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let hooks = PyDict::new(this.py());
        for hook in &this.get().get().hooks {
            let values = shown(&hook.values, this.clone().into_any())?;
            hooks.set_item(hook.capture.to_string(), values)?;
        }
        Ok(hooks)
    }

    /// Every occurrence of a word, or of several words that follow each other, as it is written.
    fn find(this: &Bound<'_, Self>, word: &str) -> Vec<Place> {
        let of = |place| Place { states: this.clone().unbind(), place };
        this.get().get().find(word).into_iter().map(of).collect()
    }

    /// The states of words: the tokens of each word pooled ("mean", "first", "last", "max", …).
    #[pyo3(signature = (pooling = "mean"))]
    fn words(&self, py: Python<'_>, pooling: &str) -> PyResult<Self> {
        let pooling = Pooling::of(py, pooling)?;
        self.derived(py, move |states| Ok(states.pooled(Unit::Word, pooling)?))
    }

    /// One row per text, pooled over all of its tokens; by default with the pooling of the model.
    #[pyo3(signature = (pooling = None))]
    fn sentences(&self, py: Python<'_>, pooling: Option<&str>) -> PyResult<Self> {
        let pooler = match self::pooling(py, pooling)? {
            Some(pooling) => pooling.into(),
            None => self.pooler.clone().unwrap_or_else(|| Pooling::default().into()),
        };
        self.derived(py, move |states| Ok(states.pooled(Unit::Sentence, pooler)?))
    }

    /// The states without the rows of special tokens.
    fn without_special(&self, py: Python<'_>) -> PyResult<Self> {
        self.derived(py, |states| Ok(states.without_special()?))
    }

    /// A DataFrame of pandas with one row per token, word or text: `frame["row"]` describes the rows,
    /// `frame["layer_05"]` has the states [rows, d_model] at layer 5.
    fn to_pandas<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        this.py().import("stratoscope._frames")?.call_method1("to_pandas", (this,))
    }

    /// A table of Arrow with one row per token, word or text, and a list [d_model] for each layer
    /// (layer_00, layer_01, …), which shows the memory of the states.
    fn to_arrow<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        this.py().import("stratoscope._frames")?.call_method1("to_arrow", (this,))
    }

    /// Write the states to FILE.safetensors, FILE.npz or FILE.parquet. `half` writes 16-bit floats.
    #[pyo3(signature = (path, *, half = false, overwrite = false))]
    fn save(&self, py: Python<'_>, path: PathBuf, half: bool, overwrite: bool) -> PyResult<()> {
        let format = check_file(py, &path, overwrite)?;
        let kept = self.kept.clone();
        job::run(py, move |_| write_states_as(&path, kept.get(), format, half)).map(drop)
    }

    fn __len__(&self) -> usize {
        self.get().rows.len()
    }

    fn __repr__(&self) -> String {
        let states = self.get();
        let (layers, rows, d_model) = states.hidden_states.dim();
        let (unit, texts) = (unit_name(states.unit), states.texts.len());
        let texts = if texts == 1 { "1 text".to_owned() } else { format!("{texts} texts") };
        let model = &states.origin.model;
        format!(
            "<stratoscope.States [{layers} layers, {rows} {unit}s, {d_model}] of {texts}, {model}>"
        )
    }
}

impl States {
    fn integers<'py>(
        &self,
        py: Python<'py>,
        of: impl Fn(&stratoscope::crates::extractor::Row) -> i64,
    ) -> Bound<'py, PyArray1<i64>> {
        self.get().rows.iter().map(of).collect::<Vec<_>>().into_pyarray(py)
    }
}

/// The format of a file of states; refuses a name with another ending, and an existing file.
pub(crate) fn check_file(py: Python<'_>, path: &Path, overwrite: bool) -> PyResult<Format> {
    let name = path.display();
    let Some(format) = Format::of(path) else {
        let advice = "states are written to FILE.safetensors, FILE.npz or FILE.parquet";
        return Err(errors::usage(py, format!("{name}: {advice}")));
    };
    if path.exists() && !overwrite {
        return Err(errors::usage(
            py,
            format!("{name} exists already; overwrite=True replaces it"),
        ));
    }
    Ok(format)
}

/// An occurrence of a word.
#[pyclass(frozen, module = "stratoscope")]
pub(crate) struct Place {
    states: Py<States>,
    place: Found,
}

#[pymethods]
impl Place {
    /// The number of the text, counted from 0.
    #[getter]
    fn text(&self) -> usize {
        self.place.text
    }

    /// Where the word stands in the text, in characters: (start, end).
    #[getter]
    fn characters(&self) -> (usize, usize) {
        (self.place.characters.start, self.place.characters.end)
    }

    /// The rows that cover the word: its sub-words.
    #[getter]
    fn rows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let range = py.import("builtins")?.getattr("range")?;
        range.call1((self.place.rows.start, self.place.rows.end))
    }

    /// The mean vector of the rows at a layer by its number, float32 [d_model].
    fn vector<'py>(&self, py: Python<'py>, layer: i64) -> PyResult<Bound<'py, PyArray1<f32>>> {
        let states = self.states.get().get();
        let wanted = if layer < 0 { layer + states.origin.n_layers as i64 + 1 } else { layer };
        let vector = usize::try_from(wanted).ok().and_then(|l| states.vector(&self.place, l));
        match vector {
            Some(vector) => Ok(vector.into_pyarray(py)),
            None => {
                let kept = &states.layers;
                Err(PyKeyError::new_err(format!("there is no layer {layer}; there are {kept:?}")))
            }
        }
    }

    fn __repr__(&self) -> String {
        let Found { text, characters, rows } = &self.place;
        format!("<stratoscope.Place text {text}, characters {characters:?}, rows {rows:?}>")
    }
}

/// Read states from a file of `save`, `extract` or the program, from a folder of them, or from a
/// safetensors or npz file of another program. `axes` is the order of the axes of its `hidden_states`,
/// such as `"tokens,layers,d"`.
#[pyfunction]
#[pyo3(signature = (path, *, axes = None))]
pub(crate) fn read_states(py: Python<'_>, path: PathBuf, axes: Option<&str>) -> PyResult<States> {
    let axes = axes.map(str::parse::<Axes>).transpose().map_err(|what| errors::usage(py, what))?;
    let reader = StatesReader { axes, ..StatesReader::default() };
    let read = move |_| -> Result<Activations, Error> { Ok(reader.read(&path)?) };
    Ok(States::new(job::run(py, read)?.0, None))
}

/// States from arrays of another program; `stratoscope.states_from` takes more kinds.
#[pyfunction]
#[pyo3(signature = (hidden_states, *, tokens = None, offsets = None, layers = None, texts = None,
    token_ids = None, special = None, sequence_offsets = None, model = None, causal = None))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn states_of_arrays(
    py: Python<'_>,
    hidden_states: PyReadonlyArray3<'_, f32>,
    tokens: Option<Vec<String>>,
    offsets: Option<Vec<[usize; 2]>>,
    layers: Option<Vec<usize>>,
    texts: Option<Vec<String>>,
    token_ids: Option<Vec<u32>>,
    special: Option<Vec<usize>>,
    sequence_offsets: Option<Vec<usize>>,
    model: Option<String>,
    causal: Option<bool>,
) -> PyResult<States> {
    let arrays = StateArrays {
        hidden_states: hidden_states.as_array().as_standard_layout().into_owned(),
        layers,
        sequence_offsets,
        texts: texts.map(|texts| texts.into_iter().map(Into::into).collect()),
        token_ids,
        tokens,
        offsets,
        special: special.map(|special| special.into_iter().map(|flag| flag != 0).collect()),
        about: About { model, causal, ..About::default() },
    };
    Ok(States::new(job::run(py, move |_| arrays.activations())?.0, None))
}
