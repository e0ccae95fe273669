//! Loads a model.

use super::{Model, Opened};
use crate::errors;
use crate::job::{self, Job};
use crate::options::Named;
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use stratoscope::crates::loader::hub::{HubFlags, HubSettings, own_cache, process_environment};
use stratoscope::{
    BUNDLED, DType, Device, DiskStore, Explorer, LoadOptions, Reads, Source, bundled_source,
};

/// Load a model: "bundled", a folder, a GGUF file, or a repository of the hub ("org/name", with
/// "@revision"). `dtype` is "float32", "float16" or "bfloat16"; `device` "cpu", "cuda", "metal" or
/// "auto"; `memory` the bytes for weights and states. `reads` is "text" or "image", for a checkpoint that
/// reads both.
#[pyfunction]
#[pyo3(signature = (name = None, *, revision = None, dtype = "float32", device = "cpu",
    memory = None, offline = false, cache_dir = None, allow_pickle = false, reads = None))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn load(
    py: Python<'_>,
    name: Option<PathBuf>,
    revision: Option<String>,
    dtype: &str,
    device: &str,
    memory: Option<u64>,
    offline: bool,
    cache_dir: Option<PathBuf>,
    allow_pickle: bool,
    reads: Option<&str>,
) -> PyResult<Model> {
    let name = name.unwrap_or_else(|| BUNDLED.into());
    let mut options = LoadOptions::default();
    options.dtype = DType::of(py, dtype)?;
    options.device = self::device(py, device)?;
    (options.memory, options.allow_pickle) = (memory, allow_pickle);
    options.reads = reads.map(|reads| Reads::of(py, reads)).transpose()?;
    let open = move |job: Arc<Job>| -> stratoscope::Result<Explorer> {
        let source = match name.as_os_str() == BUNDLED && !name.is_dir() {
            true => bundled_source()?,
            false => {
                let flags = HubFlags { cache_dir, offline, ..HubFlags::default() };
                let settings = || HubSettings::resolve(flags, process_environment);
                Source::of(&name, revision.as_deref(), settings)?
            }
        };
        let store = own_cache(process_environment).map(DiskStore::new);
        Explorer::builder(source).load_options(options).progress(job).store(store).open()
    };
    let (explorer, _) = job::run(py, open)?;
    let opened = Opened { explorer, limited: memory.is_some() };
    Ok(Model { opened, functions: Mutex::default() })
}

/// The device with a name.
fn device(py: Python<'_>, name: &str) -> PyResult<Device> {
    let missing = |error: &dyn std::error::Error| {
        let what = format!(
            "this machine has no {name} device, or this build does not support it: {error}"
        );
        errors::usage(py, what)
    };
    match name {
        "cpu" => Ok(Device::Cpu),
        "cuda" => Device::new_cuda(0).map_err(|error| missing(&error)),
        "metal" => Device::new_metal(0).map_err(|error| missing(&error)),
        "auto" => Ok(Device::new_cuda(0).or_else(|_| Device::new_metal(0)).unwrap_or(Device::Cpu)),
        _ => Err(errors::usage(
            py,
            format!("there is no device {name:?}; choose one of cpu, cuda, metal, auto"),
        )),
    }
}
