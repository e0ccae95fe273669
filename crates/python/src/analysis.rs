//! The result of a task: numbers, figures, page and folder.

use crate::errors;
use crate::figure::Figure;
use crate::job;
use crate::model::Opened;
use crate::options::{Named, figures, layers, names};
use crate::states::{Kept, States};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use std::path::PathBuf;
use std::sync::Arc;
use stratoscope::explore::{Exploration, Options};
use stratoscope::folder::{self, WriteOptions};
use stratoscope::{
    Analysis as Contract, FigureFormat, FigureOptions, FigureSelection, LayerSelection,
    ModelArtifacts, Style,
};

/// The result of `explore`, `compare`, `profile`, `lens`, `geometry` or `probe`.
#[pyclass(frozen, module = "stratoscope")]
pub(crate) struct Analysis {
    result: Arc<dyn Contract + Send + Sync>,
    /// The exploration, of which figures can be drawn again.
    exploration: Option<(Arc<Exploration>, Option<Opened>)>,
    /// The warnings about the texts.
    warnings: Vec<String>,
    numbers: PyOnceLock<Py<PyDict>>,
}

impl Analysis {
    pub(crate) fn new(
        result: impl Contract + Send + Sync + 'static,
        warnings: Vec<String>,
    ) -> Self {
        let result = Arc::new(result);
        Self { result, exploration: None, warnings, numbers: PyOnceLock::new() }
    }

    pub(crate) fn explored(
        exploration: Exploration,
        model: Option<Opened>,
        warnings: Vec<String>,
    ) -> Self {
        let exploration = Arc::new(exploration);
        let of = Some((exploration.clone(), model));
        Self { result: exploration, exploration: of, warnings, numbers: PyOnceLock::new() }
    }

    fn json_text(&self, py: Python<'_>) -> PyResult<String> {
        let (result, warnings) = (self.result.clone(), self.warnings.clone());
        let json = move |_| {
            let json = folder::json(&*result, &FigureOptions::default(), &warnings)?;
            Ok::<_, stratoscope::Error>(json.to_string())
        };
        Ok(job::run(py, json)?.0)
    }

    fn numbers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let read = || {
            let text = self.json_text(py)?;
            let numbers = py.import("json")?.call_method1("loads", (text,))?;
            Ok::<_, PyErr>(numbers.cast_into::<PyDict>()?.unbind())
        };
        Ok(self.numbers.get_or_try_init(py, read)?.bind(py).clone())
    }
}

/// The style of a figure of a width: a narrow one is a column of a paper.
fn style(py: Python<'_>, width: Option<&str>, paper: bool) -> PyResult<Style> {
    let Some(width) = width else {
        return Ok(if paper { Style::PAPER } else { Style::REPORT });
    };
    let digits = width.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let points = match &width[digits.len()..] {
        "in" => Some(72.0),
        "cm" => Some(72.0 / 2.54),
        "mm" => Some(72.0 / 25.4),
        "pt" => Some(1.0),
        _ => None,
    };
    let points = digits.trim().parse::<f64>().ok().zip(points).map(|(n, unit)| n * unit);
    let style = points.and_then(Style::paper_of);
    style.ok_or_else(|| {
        let what =
            "a figure is 3.3in to 6.9in wide; write the width as 3.3in, 8.5cm, 85mm or 240pt";
        errors::usage(py, format!("{width:?}: {what}"))
    })
}

#[pymethods]
impl Analysis {
    /// The task: "explore", "compare", "profile", "lens", "geometry" or "probe".
    #[getter]
    fn kind(&self) -> &'static str {
        self.result.kind()
    }

    /// The title.
    #[getter]
    fn title(&self) -> String {
        self.result.title()
    }

    /// The numbers as sentences and a table, as the program prints them.
    #[getter]
    fn summary(&self) -> String {
        self.result.summary()
    }

    /// What is missing, with the reasons.
    #[getter]
    fn omitted(&self) -> Vec<String> {
        self.result.omitted().iter().map(ToString::to_string).collect()
    }

    /// The warnings about the texts.
    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }

    /// The ids of the figures.
    #[getter]
    fn figures(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let result = self.result.clone();
        let (figures, _) = job::run(py, move |_| result.figures())?;
        Ok(figures.into_iter().map(|figure| figure.id).collect())
    }

    /// The hidden states; only of `explore`.
    #[getter]
    fn states(&self) -> Option<States> {
        let (exploration, model) = self.exploration.as_ref()?;
        let pooler = model.as_ref().and_then(Opened::sentence_pooler);
        Some(States { kept: Kept::Exploration(exploration.clone()), pooler })
    }

    /// All numbers: what the program prints with `--json`.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("copy")?.call_method1("deepcopy", (self.numbers(py)?,))
    }

    /// All numbers as a text in JSON, exactly as the program prints them.
    fn json(&self, py: Python<'_>) -> PyResult<String> {
        self.json_text(py)
    }

    /// Draw a figure. `layers` (of `explore`) draws it of these layers alone. `format` ("svg", "png",
    /// "pdf", "md") is that of `bytes(figure)`. `width`, such as "3.3in" or "8.5cm", makes a figure for
    /// a column of a paper, without title and caption in the picture; so does `paper`.
    #[pyo3(signature = (id, *, layers = None, format = "svg", width = None, paper = false))]
    fn figure(
        &self,
        py: Python<'_>,
        id: String,
        layers: Option<&Bound<'_, PyAny>>,
        format: &str,
        width: Option<&str>,
        paper: bool,
    ) -> PyResult<Figure> {
        let (style, format) = (style(py, width, paper)?, FigureFormat::of(py, format)?);
        let layers = self::layers(layers)?;
        let result = match (&layers, &self.exploration) {
            (LayerSelection::All, _) => self.result.clone(),
            (_, Some((exploration, model))) => {
                let (exploration, model) = (exploration.clone(), model.clone());
                let kept = &exploration.states.layers;
                let chosen = layers.resolve(exploration.states.origin.n_layers);
                let chosen = chosen.map_err(|error| errors::of(py, error))?;
                if let Some(none) = chosen.iter().find(|layer| !kept.contains(layer)) {
                    let what = format!("the states do not have layer {none}, but {kept:?}");
                    return Err(errors::usage(py, what));
                }
                let selection = FigureSelection::Some(vec![id.clone()]);
                let again = move |job| again(&exploration, model.as_ref(), layers, selection, job);
                Arc::new(job::run(py, again)?.0)
            }
            _ => {
                return Err(errors::usage(
                    py,
                    "layers are chosen for the figures of explore alone",
                ));
            }
        };
        let draw = move |_| -> stratoscope::Result<Figure> {
            Figure::new(&result.figure(&id)?, style, format)
        };
        Ok(job::run(py, draw)?.0)
    }

    /// Write the folder of the program: page, figures, numbers and manifest. `figures` writes only
    /// these figures. Returns the names of the files.
    #[pyo3(signature = (folder, *, overwrite = false, figures = None, formats = None, paper = false))]
    fn save(
        &self,
        py: Python<'_>,
        folder: PathBuf,
        overwrite: bool,
        figures: Option<&Bound<'_, PyAny>>,
        formats: Option<&Bound<'_, PyAny>>,
        paper: bool,
    ) -> PyResult<Vec<String>> {
        let formats: PyResult<Vec<FigureFormat>> =
            names(formats)?.iter().map(|name| FigureFormat::of(py, name)).collect();
        let mut made =
            FigureOptions { selection: self::figures(figures)?, paper, ..FigureOptions::default() };
        match formats? {
            none if none.is_empty() => {}
            formats => made.formats = formats,
        }
        let warnings = self.warnings.clone();
        let options = WriteOptions { overwrite, command_line: Vec::new(), figures: made, warnings };
        let result = self.result.clone();
        let (written, _) = job::run(py, move |_| folder::write(&folder, &*result, &options))?;
        Ok(written.files)
    }

    /// The interactive page as one HTML document, which loads nothing. (Three or more models have
    /// several pages; this is the first.)
    fn html(&self, py: Python<'_>) -> PyResult<String> {
        let result = self.result.clone();
        let html = move |_| -> stratoscope::Result<String> {
            let pages = result.pages(&result.figures()?)?;
            Ok(pages.first().map(|(_, page)| page.html()).transpose()?.unwrap_or_default())
        };
        Ok(job::run(py, html)?.0)
    }

    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        let html = self.html(py)?.replace('&', "&amp;").replace('"', "&quot;");
        // The page has an origin of its own, so that it can reach neither the notebook nor its kernel.
        Ok(format!(
            "<iframe sandbox=\"allow-scripts allow-downloads\" srcdoc=\"{html}\" \
             style=\"width: 100%; height: 880px; border: 0; resize: vertical; overflow: auto\" \
             title=\"Stratoscope\"></iframe>"
        ))
    }

    /// The names of the numbers.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.numbers(py)?.call_method0("keys")
    }

    fn __getitem__<'py>(&self, py: Python<'py>, key: &str) -> PyResult<Bound<'py, PyAny>> {
        let numbers = self.numbers(py)?;
        match numbers.get_item(key)? {
            Some(value) => Ok(value),
            None => {
                let known = numbers.keys();
                Err(PyKeyError::new_err(format!("there is no {key:?}; there are {known}")))
            }
        }
    }

    fn __contains__(&self, py: Python<'_>, key: &str) -> PyResult<bool> {
        self.numbers(py)?.contains(key)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.numbers(py)?.try_iter()?.into_any())
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.numbers(py)?.len())
    }

    fn __repr__(&self) -> String {
        format!("<stratoscope.Analysis {}: {}>", self.result.kind(), self.result.title())
    }
}

/// An exploration again, of some of its layers and for some figures.
fn again(
    exploration: &Exploration,
    model: Option<&Opened>,
    layers: LayerSelection,
    figures: FigureSelection,
    job: Arc<job::Job>,
) -> stratoscope::Result<Exploration> {
    let chosen = layers.resolve(exploration.states.origin.n_layers)?;
    let artifacts = match model {
        Some(model) => model.explorer.artifacts()?,
        None => ModelArtifacts::default(),
    };
    let options = Options { layers, figures, ..exploration.options.clone() };
    Exploration::of(exploration.states.with_layers(&chosen), &options, &artifacts, &*job)
}
