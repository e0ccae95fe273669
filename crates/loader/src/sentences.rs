//! From the vectors of tokens to the vector of a sentence: `modules.json` of sentence-transformers, and
//! the modules that follow the transformer (`sentences/step.rs`). `sentences/before.rs` has what is done to
//! a text before the transformer.

mod before;
mod step;

pub use before::BeforeModel;
pub use step::Step;

pub(crate) use before::{OfTransformer, SETTINGS, of_transformer, prompt};

use self::step::{Activation, Dense, Residual};
use crate::error::{Error, Result};
use crate::hub::{Need, Progress};
use crate::json;
use crate::note::Note;
use crate::pickle;
use crate::pooling::Pooling;
use crate::source::{Files, WEIGHTS};
use crate::stored::StoredTensors;
use crate::weights::{WeightsFile, check_finite, safetensors};
use serde_json::Value;

/// From several vectors to one.
#[derive(Debug, Clone, PartialEq)]
pub struct Pooler {
    /// The poolings, at least one; their vectors stand side by side.
    pub poolings: Vec<Pooling>,
    /// What is done with the pooled vector, in order.
    pub steps: Vec<Step>,
}

impl From<Pooling> for Pooler {
    fn from(pooling: Pooling) -> Self {
        Self { poolings: vec![pooling], steps: Vec::new() }
    }
}

impl Pooler {
    /// The width of the result, from the width of the vectors.
    pub fn width(&self, d_model: usize) -> usize {
        self.steps.iter().fold(d_model * self.poolings.len(), |width, step| match step {
            Step::Dense(dense) => dense.outputs,
            _ => width,
        })
    }

    /// The pooling, if it is only one and nothing follows.
    pub fn plain(&self) -> Option<Pooling> {
        match (self.poolings.as_slice(), self.steps.as_slice()) {
            ([pooling], []) => Some(*pooling),
            _ => None,
        }
    }

    /// A description, such as `max + mean, Dense 768 → 512, Normalize`.
    pub fn name(&self) -> String {
        let poolings: Vec<_> = self.poolings.iter().map(|pooling| pooling.name()).collect();
        let steps = self.steps.iter().map(Step::name);
        std::iter::once(poolings.join(" + ")).chain(steps).collect::<Vec<_>>().join(", ")
    }
}

/// The list of modules.
pub(crate) const MODULES: &str = "modules.json";
/// The pooling of a model without a list of modules.
const POOLING: &str = "1_Pooling";

/// The names of the files that are fetched with a model.
pub(crate) const FILES: [&str; 4] =
    [MODULES, "1_Pooling/config.json", before::TRANSFORMER[0], SETTINGS];

/// Whether a file is needed for vectors of sentences alone.
pub(crate) fn is_for_sentences(name: &str) -> bool {
    // Modules after the transformer are in folders.
    let settings = name == MODULES || name == SETTINGS;
    settings || before::TRANSFORMER.contains(&name) || name.contains('/')
}

/// The folder of the transformer, with its `/`; none if it is that of the model, or if no list of modules
/// names it.
pub(crate) fn transformer_folder(files: &Files) -> Result<Option<String>> {
    let modules = modules(files, &mut Vec::new())?.unwrap_or_default();
    let first = modules.into_iter().next();
    let first = first.filter(|module| module.class == "Transformer" && !module.path.is_empty());
    Ok(first.map(|module| format!("{}/", module.path)))
}

/// Reads how the model makes the vector of a sentence of `d_model` wide token vectors; none if no file
/// says so.
///
/// # Errors
/// A module that is not supported, or whose files are wrong.
pub(crate) fn read(
    files: &mut Files,
    d_model: usize,
    allow_pickle: bool,
    progress: &mut dyn Progress,
    notes: &mut Vec<Note>,
) -> Result<Option<Pooler>> {
    let Some(modules) = modules(files, notes)? else {
        let file = format!("{POOLING}/config.json");
        let Some(config) = files.find(&file)? else { return Ok(None) };
        let poolings = Pooling::parse(&file, &config, notes)?;
        whole_vectors(files, notes)?;
        return Ok(Some(Pooler { poolings, steps: Vec::new() }));
    };
    let refuse = |module: &Module, reason: &str| Error::Config {
        file: MODULES.to_owned(),
        key: "type".to_owned(),
        value: format!("{:?}", module.class),
        reason: reason.to_owned(),
    };
    let mut rest = modules.iter();
    match rest.next() {
        Some(first) if first.class == "Transformer" => {}
        Some(other) => return Err(refuse(other, "a Transformer is expected first")),
        None => return Err(empty("a Transformer and a Pooling are expected")),
    }
    let poolings = match rest.next() {
        Some(second) if second.class == "Pooling" => {
            let file = format!("{}/config.json", second.path);
            files.fetch(&[&file], Need::Optional, progress)?;
            Pooling::parse(&file, &files.need(&file, ", which modules.json names")?, notes)?
        }
        Some(other) => return Err(refuse(other, "a Pooling is expected after the Transformer")),
        None => return Err(empty("a Pooling is expected after the Transformer")),
    };
    let mut pooler = Pooler { poolings, steps: Vec::new() };
    for module in rest {
        let width = pooler.width(d_model);
        let mut folder = Folder { files, module, allow_pickle, notes };
        let step = match module.class.as_str() {
            // It is off outside of training.
            "Dropout" => continue,
            "Normalize" => {
                on_sentences(&folder.config(progress)?, &folder.file("config.json"))?;
                Step::Normalize
            }
            "LayerNorm" => folder.layer_norm(width, progress)?,
            "Dense" => folder.dense(width, progress)?,
            _ => {
                let reason =
                    "Dense, Normalize, LayerNorm and Dropout are supported after the Pooling";
                return Err(refuse(module, reason));
            }
        };
        pooler.steps.push(step);
    }
    whole_vectors(files, notes)?;
    Ok(Some(pooler))
}

/// Refuses a model whose vectors are cut (`truncate_dim`), and settings that cannot be read: they may
/// change the vectors.
fn whole_vectors(files: &Files, notes: &mut Vec<Note>) -> Result<()> {
    let Some(bytes) = files.find(SETTINGS)? else { return Ok(()) };
    match &json::read(SETTINGS, &bytes, notes)?["truncate_dim"] {
        Value::Null => Ok(()),
        value => Err(Error::Config {
            file: SETTINGS.to_owned(),
            key: "truncate_dim".to_owned(),
            value: value.to_string(),
            reason: "the vectors of sentences are not cut here".to_owned(),
        }),
    }
}

fn empty(reason: &str) -> Error {
    Error::Config {
        file: MODULES.to_owned(),
        key: "(the whole file)".to_owned(),
        value: "incomplete".to_owned(),
        reason: reason.to_owned(),
    }
}

/// An entry of `modules.json`.
struct Module {
    /// The last part of `type`.
    class: String,
    /// The folder.
    path: String,
}

/// The modules; none without a list of modules.
fn modules(files: &Files, notes: &mut Vec<Note>) -> Result<Option<Vec<Module>>> {
    let Some(bytes) = files.find(MODULES)? else { return Ok(None) };
    let wrong = |value: &Value| Error::Config {
        file: MODULES.to_owned(),
        key: "(an entry)".to_owned(),
        value: value.to_string().chars().take(80).collect(),
        reason: "a list of modules with type and path is expected".to_owned(),
    };
    let list = json::read(MODULES, &bytes, notes)?;
    let entries = list.as_array().ok_or_else(|| wrong(&list))?;
    let module = |entry: &Value| {
        let (class, path) = (entry["type"].as_str()?, entry["path"].as_str()?);
        let within = !path.starts_with('/') && !path.contains('\\') && !path.contains("..");
        let class = class.rsplit('.').next().unwrap_or(class).to_owned();
        within.then(|| Module { class, path: path.trim_end_matches('/').to_owned() })
    };
    entries
        .iter()
        .map(|entry| module(entry).ok_or_else(|| wrong(entry)))
        .collect::<Result<_>>()
        .map(Some)
}

/// Refuses a module that reads or writes another value than the vector of the sentence.
fn on_sentences(config: &Value, file: &str) -> Result<()> {
    for key in ["module_input_name", "module_output_name"] {
        let value = &config[key];
        if !value.is_null() && value != "sentence_embedding" {
            return Err(wrong(file, key, value, "only \"sentence_embedding\" is supported"));
        }
    }
    Ok(())
}

fn wrong(file: &str, key: &str, value: &Value, reason: &str) -> Error {
    Error::Config {
        file: file.to_owned(),
        key: key.to_owned(),
        value: value.to_string(),
        reason: reason.to_owned(),
    }
}

/// The folder of a module.
struct Folder<'a> {
    files: &'a mut Files,
    module: &'a Module,
    allow_pickle: bool,
    notes: &'a mut Vec<Note>,
}

impl Folder<'_> {
    /// The path of a file of the module.
    fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.module.path)
    }

    /// The config; empty if there is none.
    fn config(&mut self, progress: &mut dyn Progress) -> Result<Value> {
        let file = self.file("config.json");
        self.files.fetch(&[&file], Need::Optional, progress)?;
        match self.files.find(&file)? {
            Some(bytes) => json::read(&file, &bytes, self.notes),
            None => Ok(Value::Null),
        }
    }

    /// The weights file: safetensors, else a pickle if it is allowed.
    fn weights(&mut self, progress: &mut dyn Progress) -> Result<WeightsFile> {
        let (file, pickled) = (self.file(WEIGHTS), self.file("pytorch_model.bin"));
        self.files.fetch(&[&file], Need::Optional, progress)?;
        if let Some(bytes) = self.files.find(&file)? {
            return Ok((file, bytes));
        }
        if self.allow_pickle {
            self.files.fetch(&[&pickled], Need::Optional, progress)?;
            if let Some(bytes) = self.files.find(&pickled)? {
                return Ok((pickled, bytes));
            }
        } else if self.files.has(&pickled) {
            return Err(Error::PickleNotAllowed { place: self.files.id.clone(), file: pickled });
        }
        let hint = format!(", the weights of {}", self.module.class);
        self.files.need(&file, &hint).map(|bytes| (file, bytes))
    }

    fn layer_norm(&mut self, width: usize, progress: &mut dyn Progress) -> Result<Step> {
        let file = [self.weights(progress)?];
        let tensors = tensors(&file)?;
        let values = |name: &str| tensor(&tensors, &file[0].0, name, &[width]);
        Ok(Step::LayerNorm { weight: values("norm.weight")?, bias: values("norm.bias")? })
    }

    fn dense(&mut self, inputs: usize, progress: &mut dyn Progress) -> Result<Step> {
        let (config, name) = (self.config(progress)?, self.file("config.json"));
        on_sentences(&config, &name)?;
        let outputs = config["out_features"].as_u64().and_then(|n| usize::try_from(n).ok());
        let outputs = outputs.filter(|n| *n > 0).ok_or_else(|| {
            wrong(&name, "out_features", &config["out_features"], "a width is expected")
        })?;
        let activation = match &config["activation_function"] {
            Value::Null => Activation::Tanh,
            value => {
                let class = value.as_str().filter(|class| class.starts_with("torch."));
                let class = class.and_then(|class| class.rsplit('.').next());
                class.and_then(Activation::named).ok_or_else(|| {
                    let reason = format!("PyTorch's {} are supported", Activation::names());
                    wrong(&name, "activation_function", value, &reason)
                })?
            }
        };
        let file = [self.weights(progress)?];
        let tensors = tensors(&file)?;
        let values = |name: &str, shape: &[usize]| tensor(&tensors, &file[0].0, name, shape);
        let bias = config["bias"] != Value::Bool(false);
        let residual = match config["use_residual"] == Value::Bool(true) {
            false => Residual::None,
            true if inputs == outputs => Residual::Input,
            true => Residual::Projected(values("residual.weight", &[outputs, inputs])?),
        };
        Ok(Step::Dense(Dense {
            inputs,
            outputs,
            weight: values("linear.weight", &[outputs, inputs])?,
            bias: bias.then(|| values("linear.bias", &[outputs])).transpose()?,
            activation,
            residual,
        }))
    }
}

fn tensors(file: &[WeightsFile; 1]) -> Result<StoredTensors<'_>> {
    if file[0].0.ends_with(".bin") { pickle::tensors(file) } else { safetensors(file) }
}

/// The values of a tensor of a module.
fn tensor(
    tensors: &StoredTensors<'_>,
    file: &str,
    name: &str,
    shape: &[usize],
) -> Result<Vec<f32>> {
    let full = format!("{file}: {name}");
    let Some(found) = tensors.get(name) else { return Err(Error::MissingTensor { tensor: full }) };
    if found.shape() != shape {
        let (expected, found) = (shape.to_vec(), found.shape().to_vec());
        return Err(Error::TensorShape { tensor: full, expected, found });
    }
    let values = found.stored(&full)?;
    check_finite(&full, &values)?;
    Ok(values.widened())
}
