//! From the vectors of tokens to the vector of a sentence: `modules.json` of sentence-transformers, and
//! the modules that follow the transformer (`sentences/step.rs`). `sentences/before.rs` has what is done to
//! a text before the transformer.

mod before;
mod keys;
mod step;

pub use before::BeforeModel;
pub use step::Step;

pub(crate) use before::{OfTransformer, SETTINGS, chat_template, of_transformer, prompt};
pub(crate) use keys::Keys;

use self::step::{Activation, Dense, Residual};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::hub::{Need, Progress};
use crate::json;
use crate::note::Note;
use crate::pickle;
use crate::pooling::Pooling;
use crate::source::{Files, WEIGHTS};
use crate::stored::{StoredTensors, bytes_of, check_finite};
use crate::weights::{WeightsFile, safetensors};
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

/// The pooling of sentence-transformers for a model whose files do not say how.
pub(crate) fn default_pooling(config: &Config) -> Pooling {
    let class = config.get("architectures").and_then(|classes| classes.get(0)?.as_str());
    let is_causal = config.get("is_causal") != Some(&Value::Bool(false));
    match class.is_some_and(|class| class.ends_with("ForCausalLM")) && is_causal {
        true => Pooling::Last,
        false => Pooling::Mean,
    }
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
        before::check_settings(files, notes)?;
        return Ok(Some(Pooler { poolings, steps: Vec::new() }));
    };
    let refuse = |module: &Module, reason: &str| Error::Config {
        file: MODULES.to_owned(),
        key: "type".to_owned(),
        value: format!("{:?}", module.class),
        reason: reason.to_owned(),
    };
    if let Some(other) = modules.iter().find(|module| !module.is_known) {
        return Err(refuse(other, "only classes of sentence_transformers are supported"));
    }
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
                let mut keys = folder.config(progress)?;
                on_sentences(&mut keys)?;
                keys.unread(folder.notes);
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
    before::check_settings(files, notes)?;
    Ok(Some(pooler))
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
    /// The last part of `type`; all of it for a class of other code.
    class: String,
    /// Whether it is a class of sentence-transformers.
    is_known: bool,
    /// The folder.
    path: String,
}

impl Module {
    fn read(keys: &mut Keys) -> Result<Self> {
        let mut text = |key: &str| match keys.take(key) {
            Some(Value::String(text)) => Ok(text),
            other => Err(keys.wrong(key, &other.unwrap_or_default(), "a text is expected")),
        };
        let (class, path) = (text("type")?, text("path")?);
        if path.starts_with('/') || path.contains('\\') || path.contains("..") {
            return Err(keys.wrong("path", &path.into(), "a folder of the model is expected"));
        }
        let known = class.strip_prefix("sentence_transformers.");
        Ok(Self {
            is_known: known.is_some(),
            class: known
                .map_or(&*class, |class| class.rsplit('.').next().unwrap_or(class))
                .to_owned(),
            path: path.trim_end_matches('/').to_owned(),
        })
    }
}

/// The modules, in the order of the list; none without a list of modules.
fn modules(files: &Files, notes: &mut Vec<Note>) -> Result<Option<Vec<Module>>> {
    let Some(bytes) = files.find(MODULES)? else { return Ok(None) };
    let list = match json::read(MODULES, &bytes, notes)? {
        Value::Array(list) => list,
        other => return Err(wrong(MODULES, "(the whole file)", &other, "a list is expected")),
    };
    let mut names = Vec::new();
    let mut module = |entry: Value| {
        if !entry.is_object() {
            return Err(wrong(MODULES, "(an entry)", &entry, "an object is expected"));
        }
        let mut keys = Keys::of(MODULES, entry)?;
        let module = Module::read(&mut keys)?;
        let name = keys.take("name");
        if let Some(name) = name.as_ref().filter(|name| names.contains(*name)) {
            return Err(keys.wrong("name", name, "another module has this name"));
        }
        names.extend(name);
        // Arguments of the user are passed on to a module that has them in `kwargs`.
        keys.without_effect(&["idx", "kwargs"]);
        keys.unread(notes);
        Ok(module)
    };
    list.into_iter().map(&mut module).collect::<Result<_>>().map(Some)
}

/// Refuses a module that reads or writes another value than the vector of the sentence.
fn on_sentences(keys: &mut Keys) -> Result<()> {
    let sentence = "sentence_embedding";
    let reason = "only \"sentence_embedding\" is supported";
    keys.only("module_input_name", &[sentence.into()], reason)?;
    keys.only("module_output_name", &[sentence.into(), Value::Null], reason)
}

fn wrong(file: &str, key: &str, value: &Value, reason: &str) -> Error {
    Error::Config {
        file: file.to_owned(),
        key: key.to_owned(),
        value: value.to_string().chars().take(80).collect(),
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

    /// The config; no keys if there is none.
    fn config(&mut self, progress: &mut dyn Progress) -> Result<Keys> {
        let file = self.file("config.json");
        self.files.fetch(&[&file], Need::Optional, progress)?;
        Keys::of_file(self.files, &file, self.notes)
    }

    /// The weights file: safetensors, else a pickle if it is allowed.
    fn weights(&mut self, progress: &mut dyn Progress) -> Result<WeightsFile> {
        let (file, pickled) = (self.file(WEIGHTS), self.file("pytorch_model.bin"));
        self.files.fetch(&[&file], Need::Optional, progress)?;
        if let Some(file) = self.files.weights(&file)? {
            return Ok(file);
        }
        if self.allow_pickle {
            self.files.fetch(&[&pickled], Need::Optional, progress)?;
            if let Some(file) = self.files.weights(&pickled)? {
                return Ok(file);
            }
        } else if self.files.has(&pickled) {
            return Err(Error::PickleNotAllowed { place: self.files.id.clone(), file: pickled });
        }
        let hint = format!(", the weights of {}", self.module.class);
        self.files.need_weights(&file, &hint)
    }

    fn layer_norm(&mut self, width: usize, progress: &mut dyn Progress) -> Result<Step> {
        let mut keys = self.config(progress)?;
        keys.only("dimension", &[width.into()], "the width of the vectors is expected")?;
        keys.done()?;
        let file = [self.weights(progress)?];
        let tensors = tensors(&file)?;
        let values = |name: &str| tensor(&tensors, &file[0].name, name, &[width]);
        Ok(Step::LayerNorm { weight: values("norm.weight")?, bias: values("norm.bias")? })
    }

    fn dense(&mut self, inputs: usize, progress: &mut dyn Progress) -> Result<Step> {
        let mut keys = self.config(progress)?;
        on_sentences(&mut keys)?;
        keys.only("in_features", &[inputs.into()], "the width of the vectors is expected")?;
        let outputs = keys.take("out_features").unwrap_or_default();
        let width = outputs.as_u64().and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
        let Some(outputs) = width else {
            return Err(keys.wrong("out_features", &outputs, "a width is expected"));
        };
        let activation = match keys.take("activation_function") {
            None => Activation::Tanh,
            Some(value) => {
                let class = value.as_str().filter(|class| class.starts_with("torch."));
                let class = class.and_then(|class| class.rsplit('.').next());
                class.and_then(Activation::named).ok_or_else(|| {
                    let reason = format!("PyTorch's {} are supported", Activation::names());
                    keys.wrong("activation_function", &value, &reason)
                })?
            }
        };
        let bias = keys.flag("bias", true)?;
        let use_residual = keys.flag("use_residual", false)?;
        keys.unread(self.notes);
        let file = [self.weights(progress)?];
        let tensors = tensors(&file)?;
        let values = |name: &str, shape: &[usize]| tensor(&tensors, &file[0].name, name, shape);
        let residual = match use_residual {
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

fn tensors(file: &[WeightsFile; 1]) -> Result<StoredTensors> {
    if file[0].name.ends_with(".bin") { pickle::tensors(file) } else { safetensors(file) }
}

/// The values of a tensor of a module.
fn tensor(tensors: &StoredTensors, file: &str, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
    let full = format!("{file}: {name}");
    let Some(found) = tensors.get(name) else { return Err(Error::MissingTensor { tensor: full }) };
    if found.shape() != shape {
        let (expected, found) = (shape.to_vec(), found.shape().to_vec());
        return Err(Error::TensorShape { tensor: full, expected, found });
    }
    let bytes = bytes_of(&**found, &full)?;
    check_finite(&**found, &full, 0, &bytes)?;
    let mut values = vec![0.0; shape.iter().product()];
    found.encoding(&full)?.decode(&bytes, &mut values);
    Ok(values)
}
