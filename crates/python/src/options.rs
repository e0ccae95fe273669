//! From arguments of Python to options of the library. Names are those of the command line.

use crate::errors;
use numpy::{PyReadonlyArray3, PyUntypedArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use std::path::{Path, PathBuf};
use stratoscope::crates::extractor::{Corpus, ReadOptions, image_files};
use stratoscope::crates::geometry::Dissimilarity;
use stratoscope::explore::{Alignment, Reducer};
use stratoscope::profile::NamedStimuli;
use stratoscope::{
    DType, Error, FigureFormat, FigureSelection, HookSelection, Image, LayerSelection, LongText,
    Metric, Picture, Pooling, Reads, Text,
};

/// An argument that is one of some names.
pub(crate) trait Named: Copy + 'static {
    /// What is chosen.
    const WHAT: &'static str;
    /// The names and their values.
    const NAMES: &'static [(&'static str, Self)];

    /// The value with a name.
    fn of(py: Python<'_>, name: &str) -> PyResult<Self> {
        match Self::NAMES.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => Ok(*value),
            None => {
                let known: Vec<_> = Self::NAMES.iter().map(|(name, _)| *name).collect();
                let (what, known) = (Self::WHAT, known.join(", "));
                Err(errors::usage(
                    py,
                    format!("there is no {what} {name:?}; choose one of {known}"),
                ))
            }
        }
    }
}

macro_rules! named {
    ($type:ty, $what:literal, $($name:literal => $value:expr),+ $(,)?) => {
        impl Named for $type {
            const WHAT: &'static str = $what;
            const NAMES: &'static [(&'static str, Self)] = &[$(($name, $value)),+];
        }
    };
}

named!(Metric, "metric", "cosine" => Self::Cosine, "centred" => Self::Centred,
    "standardised" => Self::Standardised, "euclidean" => Self::Euclidean);
named!(Reducer, "reducer", "pca" => Self::Pca, "tsne" => Self::Tsne, "random" => Self::Random);
named!(Alignment, "alignment", "joint" => Self::Joint, "procrustes" => Self::Procrustes,
    "none" => Self::None);
named!(LongText, "way to treat long texts", "refuse" => Self::Refuse, "cut" => Self::Cut,
    "window" => Self::Window);
named!(Pooling, "pooling", "first" => Self::First, "last" => Self::Last, "mean" => Self::Mean,
    "max" => Self::Max, "mean-sqrt-len" => Self::MeanSqrtLen, "weighted-mean" => Self::WeightedMean);
named!(Reads, "input", "text" => Self::Text, "image" => Self::Image);
named!(FigureFormat, "format", "svg" => Self::Svg, "png" => Self::Png, "pdf" => Self::Pdf,
    "md" => Self::Md);
named!(DType, "number type", "f32" => Self::F32, "float32" => Self::F32, "f16" => Self::F16,
    "float16" => Self::F16, "bf16" => Self::BF16, "bfloat16" => Self::BF16);
named!(Dissimilarity, "dissimilarity", "cosine" => Self::Cosine,
    "correlation" => Self::Correlation, "euclidean" => Self::Euclidean);

/// A pooling, if one is named.
pub(crate) fn pooling(py: Python<'_>, name: Option<&str>) -> PyResult<Option<Pooling>> {
    name.map(|name| Pooling::of(py, name)).transpose()
}

/// The items of one string, or of several.
pub(crate) fn names(given: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<String>> {
    match given {
        None => Ok(Vec::new()),
        Some(one) if one.is_instance_of::<PyString>() => Ok(vec![one.extract()?]),
        Some(several) => several.try_iter()?.map(|item| item?.extract()).collect(),
    }
}

/// The paths of one path, or of several.
pub(crate) fn paths(given: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<PathBuf>> {
    match given.map(|given| (given, given.extract::<PathBuf>())) {
        None => Ok(Vec::new()),
        Some((_, Ok(one))) => Ok(vec![one]),
        Some((several, Err(_))) => several.try_iter()?.map(|item| item?.extract()).collect(),
    }
}

/// The figures that are measured; all by default.
pub(crate) fn figures(given: Option<&Bound<'_, PyAny>>) -> PyResult<FigureSelection> {
    Ok(match given {
        None => FigureSelection::All,
        some => FigureSelection::Some(names(some)?),
    })
}

/// Layers: a number, several numbers, or a text such as `0,4,8-12,-1`; all by default.
pub(crate) fn layers(given: Option<&Bound<'_, PyAny>>) -> PyResult<LayerSelection> {
    let Some(given) = given else { return Ok(LayerSelection::All) };
    if let Ok(text) = given.extract::<String>() {
        return Ok(text.parse().unwrap_or_default());
    }
    let numbers: Vec<i64> = match given.extract() {
        Ok(one) => vec![one],
        Err(_) => given.try_iter()?.map(|item| item?.extract()).collect::<PyResult<_>>()?,
    };
    let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
    Ok(LayerSelection::Some(numbers.join(",")))
}

/// Hook points whose values are kept.
pub(crate) fn hooks(given: Option<&Bound<'_, PyAny>>) -> PyResult<HookSelection> {
    Ok(names(given)?.join(",").parse().unwrap_or_default())
}

/// One text, or several; a pair of texts that the model reads together is a tuple.
pub(crate) fn texts(given: &Bound<'_, PyAny>) -> PyResult<Vec<Text>> {
    if let Ok(one) = given.extract::<String>() {
        return Ok(vec![one.into()]);
    }
    let text = |item: PyResult<Bound<'_, PyAny>>| {
        let item = item?;
        if item.is_instance_of::<PyTuple>() {
            let (text, pair): (String, String) = item.extract()?;
            return Ok(Text { pair: Some(pair), ..Text::from(text) });
        }
        match item.extract::<String>() {
            Ok(text) => Ok(Text::from(text)),
            Err(_) => {
                let kind = item.get_type().name()?;
                Err(PyTypeError::new_err(format!("a text is a str, or a tuple of two; not {kind}")))
            }
        }
    };
    given.try_iter()?.map(text).collect()
}

/// One image, or several: paths of files, or arrays of uint8, `[height, width, 3]`.
pub(crate) fn images(py: Python<'_>, given: &Bound<'_, PyAny>) -> PyResult<Vec<Image>> {
    if let Some(one) = image(py, given, 0)? {
        return Ok(vec![one]);
    }
    let mut images = Vec::new();
    for (index, item) in given.try_iter()?.enumerate() {
        let item = item?;
        let kind = item.get_type().name()?;
        images.push(image(py, &item, index)?.ok_or_else(|| {
            let what = "an image is a path, or an array of uint8 with the shape (height, width, 3)";
            PyTypeError::new_err(format!("{what}; not {kind}"))
        })?);
    }
    Ok(images)
}

/// An image from a path or an array; none for something else. Arrays have a number for a name.
fn image(py: Python<'_>, given: &Bound<'_, PyAny>, index: usize) -> PyResult<Option<Image>> {
    if let Ok(path) = given.extract::<PathBuf>() {
        let read = Image::read(&path).map_err(|error| errors::of(py, error))?;
        return Ok(Some(read));
    }
    let Ok(array) = given.extract::<PyReadonlyArray3<'_, u8>>() else { return Ok(None) };
    let [height, width, channels] = *array.shape() else { return Ok(None) };
    let sides = (u32::try_from(height), u32::try_from(width));
    let (Ok(height), Ok(width), 3) = (sides.0, sides.1, channels) else { return Ok(None) };
    let rgb = array.as_array().iter().copied().collect();
    let name = format!("image {}", index + 1);
    Ok(Some(Image::new(name, Picture { width, height, rgb })))
}

/// A corpus: the path of a file, the folder of images, or texts.
pub(crate) fn corpus(given: &Bound<'_, PyAny>, field: &str, long: LongText) -> PyResult<Corpus> {
    let py = given.py();
    match given.extract::<PathBuf>() {
        Ok(folder) if folder.is_dir() => {
            let files = image_files(&folder).map_err(|error| errors::of(py, error))?;
            Ok(Corpus::Images { folder, files })
        }
        Ok(path) => {
            let (field, cut) = (field.to_owned(), long == LongText::Cut);
            Ok(Corpus::File { path, options: ReadOptions { field, cut, ..ReadOptions::default() } })
        }
        Err(_) => Ok(Corpus::Texts { place: "the texts".to_owned(), texts: texts(given)? }),
    }
}

/// Stimuli: a file, or built-in ones by name.
pub(crate) fn stimuli(name: &str) -> stratoscope::Result<NamedStimuli> {
    match name {
        file if Path::new(file).is_file() => {
            let text = String::from_utf8_lossy(&bytes(Path::new(file))?).into_owned();
            NamedStimuli::parse(file, &text)
        }
        "noun-verb" => NamedStimuli::noun_verb(),
        "homographs" => NamedStimuli::homographs(),
        other => Err(no_file(other)),
    }
}

/// The bytes of a file of lines.
pub(crate) fn bytes(path: &Path) -> stratoscope::Result<Vec<u8>> {
    Ok(stratoscope::crates::extractor::read_bytes(path)?)
}

/// The error of built-in stimuli that do not exist.
fn no_file(name: &str) -> Error {
    let source = std::io::Error::new(
        std::io::ErrorKind::NotFound,
        "there is no such file; the built-in stimuli are homographs and noun-verb",
    );
    stratoscope::crates::extractor::Error::Io { path: name.into(), source }.into()
}
