//! Which figures of a result are written, in which formats, and their files.

use crate::folder::Files;
use crate::{Analysis, Error, Figure, Omitted, Part, Result, Why, with_schema};
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};
use stratoscope_plot::{PlotError, Style};

/// The file with the titles and captions of all figures.
const CAPTIONS: &str = "captions.md";

/// A selection of figures. What is needed for no selected figure is not computed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum FigureSelection {
    /// All figures, with the page and all numbers.
    #[default]
    All,
    /// Only these figures, by their ids, and their numbers.
    Some(Vec<String>),
}

impl FigureSelection {
    /// Whether a figure is selected. `depth` also selects the depth figure of each of several
    /// models, `depth--1-NAME`.
    pub fn has(&self, id: &str) -> bool {
        let of_model = |rest: &str| rest.is_empty() || rest.starts_with("--");
        match self {
            Self::All => true,
            Self::Some(ids) => ids.iter().any(|own| id.strip_prefix(&**own).is_some_and(of_model)),
        }
    }

    /// Whether one of some figures is selected.
    pub(crate) fn has_any(&self, ids: &[&str]) -> bool {
        ids.iter().any(|id| self.has(id))
    }

    /// Fails early if a task does not have a selected figure; `known` are the figures of the task.
    ///
    /// # Errors
    /// [`Error::NoFigure`], which names the known figures.
    pub fn check(&self, known: &[&str]) -> Result<()> {
        let Self::Some(ids) = self else { return Ok(()) };
        match ids.iter().find(|id| !known.contains(&id.as_str())) {
            None => Ok(()),
            Some(id) => Err(Error::NoFigure {
                id: id.clone(),
                known: known.iter().map(|&known| known.to_owned()).collect(),
            }),
        }
    }
}

/// A format of figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FigureFormat {
    /// A vector picture for browsers.
    Svg,
    /// Pixels.
    Png,
    /// A vector picture for documents, with its fonts.
    Pdf,
    /// The numbers as a Markdown table.
    Md,
}

/// Which figures are written, and how. Each figure also has its numbers as `ID.json` and `ID.csv`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FigureOptions {
    /// The figures.
    pub selection: FigureSelection,
    /// The formats.
    pub formats: Vec<FigureFormat>,
    /// Whether the figures are for one column of a paper ([`Style::PAPER`]).
    pub paper: bool,
}

impl Default for FigureOptions {
    fn default() -> Self {
        Self {
            selection: FigureSelection::All,
            formats: vec![FigureFormat::Svg, FigureFormat::Png],
            paper: false,
        }
    }
}

impl FigureOptions {
    /// The selected figures of a result.
    ///
    /// # Errors
    /// [`Error::NoFigure`] if the result does not have a selected figure, and does not say why.
    pub(crate) fn of(&self, analysis: &dyn Analysis) -> Result<Vec<Figure>> {
        let all = analysis.figures()?;
        if let FigureSelection::Some(ids) = &self.selection {
            let omitted = analysis.omitted();
            let is_known = |id: &String| {
                let own = FigureSelection::Some(vec![id.clone()]);
                all.iter().any(|figure| own.has(&figure.id))
                    || omitted.iter().any(|omitted| omitted.what.figure() == Some(id))
            };
            if let Some(id) = ids.iter().find(|id| !is_known(id)) {
                let known = all.into_iter().map(|figure| figure.id).collect();
                return Err(Error::NoFigure { id: id.clone(), known });
            }
        }
        Ok(all.into_iter().filter(|figure| self.selection.has(&figure.id)).collect())
    }

    fn style(&self) -> Style {
        if self.paper { Style::PAPER } else { Style::REPORT }
    }
}

/// The numbers of figures as one JSON object: `figures` has the JSON of each figure.
pub(crate) fn numbers(figures: &[Figure]) -> Result<Value> {
    let figures = figures.iter().map(Figure::json).collect::<Result<Value>>()?;
    Ok(with_schema("figures", json!({ "figures": figures })))
}

/// The files of figures, and the figures that are omitted because the input is too large.
pub(crate) fn files(figures: &[Figure], options: &FigureOptions) -> Result<(Files, Vec<Omitted>)> {
    // For one sentence, drawing pixels takes most of the time, so figures are drawn in parallel.
    let drawn = figures.par_iter().map(|figure| {
        let id = &figure.id;
        match of_figure(figure, options) {
            Err(Error::Plot(PlotError::TooMany { what, found, .. })) => {
                let why = Why::TooMany { what, found, hint: "give fewer or shorter texts" };
                Ok(Err(Omitted::new(Part::Figure(id.clone()), why)))
            }
            drawn => drawn.map(Ok),
        }
    });
    let (mut files, mut captions, mut too_large) = (Files::new(), String::new(), Vec::new());
    for drawn in drawn.collect::<Result<Vec<_>>>()? {
        match drawn {
            Ok((of_figure, caption)) => {
                files.extend(of_figure);
                captions += &caption;
            }
            Err(omitted) => too_large.push(omitted),
        }
    }
    if !captions.is_empty() {
        files.push((CAPTIONS.to_owned(), format!("# Captions\n{captions}").into_bytes()));
    }
    Ok((files, too_large))
}

/// The files of a figure, and its section of the captions.
fn of_figure(figure: &Figure, options: &FigureOptions) -> Result<(Files, String)> {
    let id = &figure.id;
    let drawn = figure.draw(options.style())?;
    let mut files = Files::new();
    let mut add = |end: &str, bytes: Vec<u8>| files.push((format!("{id}.{end}"), bytes));
    for format in &options.formats {
        match format {
            FigureFormat::Svg => add("svg", drawn.svg().as_bytes().to_vec()),
            FigureFormat::Png => {
                let dots = options.style().dots_per_inch();
                add("png", drawn.png(drawn.width_at(dots))?);
            }
            FigureFormat::Pdf => add("pdf", drawn.pdf()?),
            FigureFormat::Md => add("md", figure.markdown().into_bytes()),
        }
    }
    add("json", format!("{}\n", figure.json()?).into_bytes());
    add("csv", figure.csv().into_bytes());
    // In Markdown, < begins a tag.
    let [title, caption] = [drawn.title(), drawn.caption()].map(|text| text.replace('<', "\\<"));
    Ok((files, format!("\n## {id}\n\n**{}.** {caption}\n", title.trim_end_matches('.'))))
}
