//! The contract of all results: provenance, figures, numbers, and summary.

use crate::figures::{FigureOptions, FigureSelection};
use crate::folder::{self, Written};
use crate::source::file_name;
use crate::text::slug;
use crate::{Error, Omitted, Result};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::Path;
use stratoscope_chart::{Chart, csv_as_markdown};
use stratoscope_extractor::Origin;
use stratoscope_loader::path_text;
use stratoscope_loader::{FileRecord, hexadecimal};
use stratoscope_plot::{Activations, Style, Trajectory};
use stratoscope_report::Report;

/// The program and its version, which results record.
pub(crate) const TOOL: &str = concat!("stratoscope ", env!("CARGO_PKG_VERSION"));

/// The result of a task: of `explore`, `compare`, `geometry`, `lens`, `probe` or `profile`.
///
/// [`write`](Analysis::write) writes the result to a folder.
pub trait Analysis {
    /// The name of the task: `explore`, `compare`, `geometry`, `lens`, `probe` or `profile`.
    fn kind(&self) -> &'static str;

    /// The provenance: models, settings and input, which determine the result.
    fn provenance(&self) -> Provenance;

    /// The figures, in display order.
    ///
    /// # Errors
    /// Numbers that cannot be written as JSON.
    fn figures(&self) -> Result<Vec<Figure>>;

    /// All numbers as one JSON object, without the name and version of the schema, which
    /// [`json`](Self::json) adds.
    ///
    /// # Errors
    /// Numbers that cannot be written as JSON; a measure of the page that fails.
    fn numbers(&self) -> Result<Value>;

    /// A summary of the numbers, as text for a terminal.
    fn summary(&self) -> String;

    /// The title of the page.
    fn title(&self) -> String;

    /// The interactive pages, with their file names; `figures` are the [figures](Self::figures) of
    /// the result. The default is one page, `report.html`, with all figures that are charts.
    ///
    /// # Errors
    /// A measure of the page that fails.
    fn pages(&self, figures: &[Figure]) -> Result<Vec<(String, Report)>> {
        Ok(vec![(PAGE.to_owned(), page(self, figures))])
    }

    /// Further files of the output folder: name and content.
    ///
    /// # Errors
    /// A file that cannot be made.
    fn attachments(&self) -> Result<Vec<(String, Vec<u8>)>> {
        Ok(Vec::new())
    }

    /// The figures for which the result was computed.
    fn selected(&self) -> FigureSelection {
        FigureSelection::All
    }

    /// The parts that are missing from the result, with the reasons.
    fn omitted(&self) -> Vec<Omitted> {
        Vec::new()
    }

    /// The name and version of the schema, and all [numbers](Self::numbers). `--json` prints this
    /// object, and `numbers.json` contains it.
    ///
    /// # Errors
    /// The errors of [`numbers`](Self::numbers).
    fn json(&self) -> Result<Value> {
        Ok(with_schema(self.kind(), self.numbers()?))
    }

    /// The figure with an id.
    ///
    /// # Errors
    /// [`Error::NoFigure`], which names the existing figures.
    fn figure(&self, id: &str) -> Result<Figure> {
        let mut figures = self.figures()?;
        match figures.iter().position(|figure| figure.id == id) {
            Some(place) => Ok(figures.swap_remove(place)),
            None => Err(Error::NoFigure {
                id: id.to_owned(),
                known: figures.into_iter().map(|figure| figure.id).collect(),
            }),
        }
    }

    /// Writes the output folder: the page, the figures, the numbers, further files, and
    /// `manifest.json` with the provenance. An existing folder must be empty.
    ///
    /// # Errors
    /// The errors of [`folder::write`].
    fn write(&self, folder: impl AsRef<Path>) -> Result<Written>
    where
        Self: Sized,
    {
        folder::write(folder.as_ref(), self, &folder::WriteOptions::default())
    }
}

/// A JSON object after the name and version of its schema, `stratoscope.KIND`.
pub fn with_schema(kind: &str, numbers: Value) -> Value {
    let name = format!("stratoscope.{kind}");
    joined(json!({ "schema": { "name": name, "version": VERSION } }), numbers)
}

/// The keys of a JSON object, and then the keys of another.
pub(crate) fn joined(mut all: Value, more: Value) -> Value {
    if let (Value::Object(all), Value::Object(more)) = (&mut all, more) {
        all.extend(more);
    }
    all
}

/// A page with all figures that are charts.
pub(crate) fn page<A: Analysis + ?Sized>(of: &A, figures: &[Figure]) -> Report {
    let mut page = Report::new(of.kind(), TOOL, &of.title());
    let Provenance { models, settings, input, .. } = of.provenance();
    let models: Vec<Origin> = models.into_iter().map(|model| model.origin).collect();
    page.manifest = json!({
        "models": models,
        "settings": settings,
        "input": input,
        "omitted": of.omitted(),
    });
    page.charts = figures.iter().filter_map(Figure::chart).cloned().collect();
    page
}

/// The file name of the page.
pub(crate) const PAGE: &str = "report.html";

/// The version of all JSON schemas.
const VERSION: u32 = 2;

/// The models, the settings and the input of a result. The same provenance gives the same bytes.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Provenance {
    /// The program and its version.
    pub tool: String,
    /// The models, in the order given.
    pub models: Vec<ModelRecord>,
    /// The options of the task, with the seed.
    pub settings: Value,
    /// The input: texts, or a file with its sha256.
    pub input: Value,
    /// The options of the figures, unless they are the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub figures: Option<FigureOptions>,
    /// A part of the folder's name: words of the input, or a file name.
    #[serde(skip)]
    pub subject: String,
}

/// A model, and the files from which it was loaded.
#[derive(Debug, Clone, Serialize)]
pub struct ModelRecord {
    /// The model.
    #[serde(flatten)]
    pub origin: Origin,
    /// All files that were read, with their sha256.
    pub files: Vec<ModelFile>,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelFile {
    /// Its name in the checkpoint, or its path.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its sha256, in lower-case hexadecimal.
    pub sha256: String,
}

impl From<&FileRecord> for ModelFile {
    fn from(record: &FileRecord) -> Self {
        let FileRecord { name, bytes, sha256 } = record.clone();
        Self { name, bytes, sha256 }
    }
}

impl ModelFile {
    /// Reads a file on disk and makes its record.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(path: &Path) -> std::io::Result<Self> {
        let (mut file, mut hash, mut bytes) = (std::fs::File::open(path)?, Sha256::new(), 0);
        let mut part = vec![0; 1 << 20];
        loop {
            let read = match file.read(&mut part) {
                Ok(0) => break,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            hash.update(&part[..read]);
            bytes += read as u64;
        }
        Ok(Self { name: path_text(path), bytes, sha256: hexadecimal(&hash.finalize()) })
    }

    /// Describes the content of a file.
    pub(crate) fn of(path: &Path, bytes: &[u8]) -> Self {
        Self {
            name: path_text(path),
            bytes: bytes.len() as u64,
            sha256: hexadecimal(&Sha256::digest(bytes)),
        }
    }
}

impl Provenance {
    /// The provenance of a result.
    pub(crate) fn new(
        models: Vec<ModelRecord>,
        settings: impl Serialize,
        input: impl Serialize,
        subject: impl Into<String>,
    ) -> Self {
        // Both are structs of this crate, and JSON can represent them.
        let value = |of: serde_json::Result<Value>| of.unwrap_or_default();
        Self {
            tool: TOOL.to_owned(),
            models,
            settings: value(serde_json::to_value(settings)),
            input: value(serde_json::to_value(input)),
            figures: None,
            subject: subject.into(),
        }
    }

    /// The first eight hexadecimal digits of the sha256 of the provenance, without the vector instructions:
    /// a command has one name on all machines.
    pub fn hash8(&self) -> String {
        let mut named = self.clone();
        for model in &mut named.models {
            model.origin.vectors = None;
        }
        let what = json!(named).to_string();
        hexadecimal(&Sha256::digest(what.as_bytes())[..4])
    }

    /// `<models>--<kind>--<subject>--<hash8>`.
    pub(crate) fn folder_name(&self, kind: Option<&str>) -> String {
        let cut = |text: String, longest: usize| -> String {
            let cut: String = text.chars().take(longest).collect();
            cut.trim_matches('-').to_owned()
        };
        let models: Vec<String> =
            self.models.iter().map(|model| file_name(&model.origin.model)).collect();
        let parts = [
            cut(models.join("-"), 60),
            kind.unwrap_or_default().to_owned(),
            cut(slug(&self.subject), 40),
            self.hash8(),
        ];
        let parts: Vec<&str> =
            parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        parts.join("--")
    }
}

/// A figure with its numbers.
#[derive(Debug)]
#[non_exhaustive]
pub struct Figure {
    /// The id, which is also the name of its files.
    pub id: String,
    content: Content,
    /// CSV that replaces the CSV of the chart.
    csv: Option<String>,
}

#[derive(Debug)]
enum Content {
    Chart(Box<Chart>),
    Bespoke(Box<Bespoke>),
}

/// A figure that is not a chart.
#[derive(Debug)]
pub(crate) struct Bespoke {
    /// The picture.
    pub(crate) picture: Picture,
    /// Its numbers.
    pub(crate) json: Value,
    /// Its numbers as CSV in long form.
    pub(crate) csv: String,
}

/// The pictures that are not charts.
#[derive(Debug)]
pub(crate) enum Picture {
    /// The paths of tokens through the layers.
    Trajectory(Trajectory),
    /// A matrix of tokens by dimensions.
    Activations(Activations),
}

impl From<Chart> for Figure {
    fn from(chart: Chart) -> Self {
        Self { id: chart.id.clone(), content: Content::Chart(Box::new(chart)), csv: None }
    }
}

impl Figure {
    pub(crate) fn bespoke(id: impl Into<String>, bespoke: Bespoke) -> Self {
        Self { id: id.into(), content: Content::Bespoke(Box::new(bespoke)), csv: None }
    }

    /// Replaces the CSV of the chart, for example to add the n of every value.
    pub(crate) fn with_csv(self, csv: String) -> Self {
        Self { csv: Some(csv), ..self }
    }

    /// The chart; `None` if the figure is not a chart.
    pub fn chart(&self) -> Option<&Chart> {
        match &self.content {
            Content::Chart(chart) => Some(chart),
            Content::Bespoke(_) => None,
        }
    }

    /// Draws the figure in a style.
    ///
    /// # Errors
    /// [`Error::Plot`] for content that does not fit on a page.
    pub fn draw(&self, style: Style) -> Result<stratoscope_plot::Figure> {
        Ok(match &self.content {
            Content::Chart(chart) => stratoscope_plot::draw(chart, style)?,
            Content::Bespoke(bespoke) => match &bespoke.picture {
                Picture::Trajectory(trajectory) => trajectory.draw(style)?,
                Picture::Activations(activations) => activations.draw(style)?,
            },
        })
    }

    /// The figure as SVG, as a report has it.
    ///
    /// # Errors
    /// The errors of [`draw`](Self::draw).
    pub fn svg(&self) -> Result<String> {
        Ok(self.draw(Style::REPORT)?.svg().to_owned())
    }

    /// The figure as JSON: title, caption and numbers.
    ///
    /// # Errors
    /// A number that JSON cannot represent.
    pub fn json(&self) -> Result<Value> {
        match &self.content {
            Content::Chart(chart) => Ok(serde_json::to_value(chart)?),
            Content::Bespoke(bespoke) => Ok(bespoke.json.clone()),
        }
    }

    /// The numbers of the figure as CSV in long form: one line for each value.
    pub fn csv(&self) -> String {
        match (&self.csv, &self.content) {
            (Some(csv), _) => csv.clone(),
            (None, Content::Chart(chart)) => chart.csv(),
            (None, Content::Bespoke(bespoke)) => bespoke.csv.clone(),
        }
    }

    /// The numbers of the figure as Markdown tables.
    pub fn markdown(&self) -> String {
        match &self.content {
            Content::Chart(chart) => chart.markdown(),
            Content::Bespoke(bespoke) => csv_as_markdown(&bespoke.csv),
        }
    }

    /// Adds a suffix to the id.
    pub(crate) fn with_suffix(mut self, suffix: &str) -> Self {
        self.id += suffix;
        match &mut self.content {
            Content::Chart(chart) => chart.id.clone_from(&self.id),
            Content::Bespoke(bespoke) => bespoke.json["id"] = json!(self.id),
        }
        self
    }

    /// Links the figure to one of several explorations on the page.
    pub(crate) fn exploration(mut self, index: usize) -> Self {
        if let Content::Chart(chart) = &mut self.content {
            chart.exploration = Some(index);
        }
        self
    }
}
