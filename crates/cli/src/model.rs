//! From `--model` and its options to a loaded model.

use crate::args::{
    CacheArgs, DeviceName, DtypeName, HubArgs, ModelArgs, ModelName, PoolingName, SeveralModels,
};
use crate::exit::{Failure, Result};
use crate::progress::Progress;
use std::path::PathBuf;
use stratoscope::crates::loader::Note;
use stratoscope::crates::loader::hub::{
    self, DecidedBy, HubError, HubFlags, HubSettings, own_cache, process_environment,
};
use stratoscope::{
    BUNDLED, DType, Device, DiskStore, Explorer, LoadOptions, Pooler, Pooling, Reads, Source,
    bundled_source,
};

/// The models that a command names.
pub(crate) fn each(args: &SeveralModels) -> Result<Vec<ModelArgs>> {
    if args.names.len() > 1 && args.run.hub.revision.is_some() {
        let what = "--revision is for a single model; with several models, write org/name@revision";
        return Err(Failure::usage(what));
    }
    let seen = |index: usize| args.names[..index].contains(&args.names[index]);
    if let Some(twice) = (0..args.names.len()).find(|&index| seen(index)) {
        return Err(Failure::usage(format!("--model {} is given twice", args.names[twice].text())));
    }
    let one = |model: &ModelName| ModelArgs { model: model.clone(), run: args.run.clone() };
    Ok(args.names.iter().map(one).collect())
}

/// Loads the model that the arguments name, for a command that reads texts.
pub(crate) fn open(args: &ModelArgs, progress: &Progress) -> Result<Explorer> {
    open_for(args, Reads::Text, progress)
}

/// Loads the model that the arguments name, for what it shall read.
pub(crate) fn open_for(args: &ModelArgs, reads: Reads, progress: &Progress) -> Result<Explorer> {
    let mut options = LoadOptions::default();
    // Without a choice, a checkpoint for texts and images reads texts.
    options.reads = (reads != Reads::Text).then_some(reads);
    options.device = device(args.run.device)?;
    options.dtype = match args.run.dtype {
        DtypeName::F32 => DType::F32,
        DtypeName::F16 => DType::F16,
        DtypeName::Bf16 => DType::BF16,
    };
    options.memory = args.run.memory.memory;
    let explorer = load(&args.model, &args.run.hub, options, progress)?;
    let (model, own) = (&explorer.model().info.id, explorer.model().reads());
    match (reads, own) {
        (wanted, own) if wanted == own => Ok(explorer),
        (Reads::Text, Reads::Image) => Err(Failure::usage(format!(
            "the model {model} reads images, and this command reads texts: explore --image FILE and extract --images FOLDER read images"
        ))),
        (Reads::Text, Reads::Sound) => Err(Failure::usage(format!(
            "the model {model} reads sound, and this command reads texts: explore --audio FILE and extract --audio FOLDER read sound"
        ))),
        _ => Err(Failure::usage(format!(
            "the model {model} reads {own}: choose a model that reads {reads} (--model)"
        ))),
    }
}

/// Loads several models. With more than one, each has its name before its notes and warnings.
pub(crate) fn open_all(models: &[ModelArgs], progress: &Progress) -> Result<Vec<Explorer>> {
    models.iter().map(|model| open_of(models, model, progress)).collect()
}

/// Loads one of several models.
pub(crate) fn open_of(
    models: &[ModelArgs],
    model: &ModelArgs,
    progress: &Progress,
) -> Result<Explorer> {
    match models {
        [_] => open(model, progress),
        _ => open(model, &progress.of_model(&model.model.text())),
    }
}

/// The memory for states, in bytes: what the model leaves of `--memory`; without it, at most 4 GiB.
pub(crate) fn state_memory(explorer: &Explorer, args: &ModelArgs) -> u64 {
    let left = explorer.model().memory.left();
    if args.run.memory.memory.is_some() { left } else { left.min(4 << 30) }
}

/// The device with a name, if this build and this machine have it.
fn device(name: DeviceName) -> Result<Device> {
    let missing = |error: &dyn std::error::Error| {
        let name = format!("{name:?}").to_lowercase();
        Failure::usage(format!(
            "this machine has no {name} device, or this program was built without support for it (cargo build --features {name}): {error}"
        ))
    };
    match name {
        DeviceName::Cpu => Ok(Device::Cpu),
        DeviceName::Cuda => Device::new_cuda(0).map_err(|e| missing(&e)),
        DeviceName::Metal => Device::new_metal(0).map_err(|e| missing(&e)),
        DeviceName::Auto => {
            Ok(Device::new_cuda(0).or_else(|_| Device::new_metal(0)).unwrap_or(Device::Cpu))
        }
    }
}

/// The pooling that the arguments name. Otherwise, for vectors of whole texts, what the model makes of
/// a sentence; otherwise the mean. What sentence-transformers does to a text is a warning.
pub(crate) fn pooler(
    explorer: &Explorer,
    given: Option<PoolingName>,
    whole_texts: bool,
    progress: &Progress,
) -> Result<Pooler> {
    for before in explorer.model().info.sentence_before.iter().filter(|_| whole_texts) {
        progress.warning(&format!(
            "sentence-transformers {before}; here a text is read as it is, so for equal vectors change the texts"
        ));
    }
    Ok(match given {
        Some(pooling) => Pooling::from(pooling).into(),
        None if whole_texts => {
            let info = &explorer.model().info;
            let pooler = info.sentence_pooler()?;
            let unlisted = |note: &&Note| matches!(note, Note::NoModules(_));
            if let Some(note) = info.sentence_notes.iter().find(unlisted)
                && pooler.plain() != Some(info.default_pooling)
            {
                progress.warning(&note.to_string());
            }
            pooler
        }
        None => Pooling::default().into(),
    })
}

/// The source of a model, by the name of the model.
pub(crate) fn source(name: &ModelName, args: &HubArgs) -> Result<Source> {
    let is_bundled = *name == ModelName::from(BUNDLED) && !std::path::Path::new(BUNDLED).is_dir();
    if is_bundled && args.revision.is_some() {
        return Err(no_revision());
    }
    if is_bundled {
        return Ok(bundled_source()?);
    }
    let source = Source::of(name, args.revision.as_deref(), || hub_settings(&args.cache))?;
    match source {
        Source::Folder(_) if args.revision.is_some() => Err(no_revision()),
        source => Ok(source),
    }
}

fn no_revision() -> Failure {
    Failure::usage("--revision is for hub repositories (--model org/name)")
}

/// The store of baselines and profiles between runs; none if the system has no cache folder.
pub(crate) fn store() -> Option<DiskStore> {
    own_cache(process_environment).map(DiskStore::new)
}

/// Loads a model by its name, on the CPU. If weights are wanted `later`, they are read when they are
/// needed.
pub(crate) fn open_named(
    name: &ModelName,
    args: &HubArgs,
    memory: Option<u64>,
    later: bool,
    progress: &Progress,
) -> Result<Explorer> {
    let mut options = LoadOptions::default();
    (options.memory, options.later) = (memory, later);
    load(name, args, options, progress)
}

fn load(
    name: &ModelName,
    args: &HubArgs,
    mut options: LoadOptions,
    progress: &Progress,
) -> Result<Explorer> {
    options.allow_pickle = args.allow_pickle;
    let builder = Explorer::builder(source(name, args)?).load_options(options);
    Ok(builder.progress(progress.clone()).store(store()).open()?)
}

/// The cache folder of hub repositories, and what decided it.
pub(crate) fn cache_dir(args: &CacheArgs) -> Result<(PathBuf, DecidedBy), HubError> {
    hub::cache_dir(args.cache_dir.clone(), process_environment)
}

/// The settings of the hub and its cache. A flag has priority over the environment, the environment
/// over the default.
pub(crate) fn hub_settings(args: &CacheArgs) -> Result<HubSettings, HubError> {
    let flags = HubFlags {
        cache_dir: args.cache_dir.clone(),
        offline: args.offline,
        ..HubFlags::default()
    };
    HubSettings::resolve(flags, process_environment)
}
