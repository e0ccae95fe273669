//! A figure that is drawn.

use crate::errors;
use crate::options::Named;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::path::PathBuf;
use stratoscope::crates::loader::files::write_file;
use stratoscope::crates::plot;
use stratoscope::{Error, FigureFormat, Style};

/// A figure: its picture, its title and caption, and its numbers. A notebook shows it as SVG.
#[pyclass(frozen, module = "stratoscope")]
pub(crate) struct Figure {
    id: String,
    drawn: plot::Figure,
    style: Style,
    format: FigureFormat,
    json: String,
    csv: String,
    markdown: String,
}

impl Figure {
    pub(crate) fn new(
        figure: &stratoscope::Figure,
        style: Style,
        format: FigureFormat,
    ) -> stratoscope::Result<Self> {
        Ok(Self {
            id: figure.id.clone(),
            drawn: figure.draw(style)?,
            style,
            format,
            json: figure.json()?.to_string(),
            csv: figure.csv(),
            markdown: figure.markdown(),
        })
    }

    fn bytes(&self, format: FigureFormat) -> stratoscope::Result<Vec<u8>> {
        Ok(match format {
            FigureFormat::Svg => self.drawn.svg().as_bytes().to_vec(),
            FigureFormat::Png => self.drawn.png(self.drawn.width_at(self.style.dots_per_inch()))?,
            FigureFormat::Pdf => self.drawn.pdf()?,
            FigureFormat::Md => self.markdown.clone().into_bytes(),
        })
    }

    fn of<'py>(&self, py: Python<'py>, format: FigureFormat) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = py.detach(|| self.bytes(format)).map_err(|error| errors::of(py, error))?;
        Ok(PyBytes::new(py, &bytes))
    }
}

#[pymethods]
impl Figure {
    /// The id, such as "similarity".
    #[getter]
    fn id(&self) -> &str {
        &self.id
    }

    /// The title.
    #[getter]
    fn title(&self) -> &str {
        self.drawn.title()
    }

    /// The caption: what the figure shows, and what it cannot show.
    #[getter]
    fn caption(&self) -> &str {
        self.drawn.caption()
    }

    /// The figure as SVG.
    #[getter]
    fn svg(&self) -> &str {
        self.drawn.svg()
    }

    /// The figure as PNG.
    #[getter]
    fn png<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.of(py, FigureFormat::Png)
    }

    /// The figure as PDF.
    #[getter]
    fn pdf<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.of(py, FigureFormat::Pdf)
    }

    /// The numbers as CSV in long form: one line for each value.
    #[getter]
    fn csv(&self) -> &str {
        &self.csv
    }

    /// The numbers as Markdown tables.
    #[getter]
    fn markdown(&self) -> &str {
        &self.markdown
    }

    /// Title, caption and numbers.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("json")?.call_method1("loads", (&self.json,))
    }

    /// Write the figure to a file, in the format of its ending (svg, png, pdf, md).
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let end = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let format = FigureFormat::of(py, &end)?;
        let write = || -> stratoscope::Result<()> {
            let bytes = self.bytes(format)?;
            write_file(&path, |file| file.write_all(&bytes))
                .map_err(|source| Error::Write { path: path.clone(), source })
        };
        py.detach(write).map_err(|error| errors::of(py, error))
    }

    /// The file in the format that was asked for.
    fn __bytes__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.of(py, self.format)
    }

    fn _repr_svg_(&self) -> &str {
        self.drawn.svg()
    }

    fn __repr__(&self) -> String {
        let (width, height) = self.drawn.size();
        format!("<stratoscope.Figure {:?}, {width:.0} × {height:.0} pt>", self.id)
    }
}
