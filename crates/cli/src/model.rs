//! `--model` and its kin to a loaded model.

use crate::args::{HubArgs, ModelArgs};
use crate::outcome::{Failure, Result};
use crate::progress::Progress;
use stratoscope::loader::hub::{HubFlags, HubSettings, HubWarning};
use stratoscope::{Explorer, LoadOptions, Source};

/// The name of the model that comes with the program.
pub(crate) const BUNDLED: &str = "bundled";

/// The last part of its name, for folders.
pub(crate) fn short_name(args: &ModelArgs) -> &str {
    let name = args.model.trim_end_matches(['/', '\\']);
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

/// Loads the model that the arguments name.
pub(crate) fn open(args: &ModelArgs, progress: &mut Progress) -> Result<Explorer> {
    open_named(&args.model, &args.hub, progress)
}

/// Loads a model by its name.
pub(crate) fn open_named(name: &str, args: &HubArgs, progress: &mut Progress) -> Result<Explorer> {
    let source = if name == BUNDLED && !std::path::Path::new(BUNDLED).is_dir() {
        if args.revision.is_some() {
            return Err(Failure::usage("--revision is for hub repositories (--model org/name)"));
        }
        bundled()?
    } else {
        Source::of(name, args.revision.as_deref(), hub_settings(args)?)
    };
    progress.at("loading the model", 0, 1);
    let mut shown = |file: &str, done: u64, total: u64| {
        progress.at(&format!("fetching {file}"), done, total);
    };
    let mut options = LoadOptions::default();
    options.allow_pickle = args.allow_pickle;
    let model = stratoscope::loader::load_with(&source, &options, &mut shown)?;
    for warning in &model.warnings {
        if let HubWarning::UsedCachedCopy { commit, cause } = warning {
            progress.note(&format!(
                "warning: the hub could not be asked ({cause}); using the cached copy of commit {commit}"
            ));
        }
    }
    Ok(Explorer::new(model))
}

/// Where the hub and its cache are: flag beats environment beats default.
pub(crate) fn hub_settings(args: &HubArgs) -> Result<HubSettings> {
    let flags = HubFlags {
        cache_dir: args.cache_dir.clone(),
        offline: args.offline,
        ..HubFlags::default()
    };
    let settings = HubSettings::resolve(flags, |name| std::env::var_os(name));
    Ok(settings.map_err(stratoscope::loader::Error::from)?)
}

#[cfg(feature = "bundled")]
fn bundled() -> Result<Source> {
    let files = stratoscope_bundled::files().iter().map(|file| (file.name, file.bytes));
    Ok(Source::memory("all-MiniLM-L6-v2 (bundled, f16)", files))
}

#[cfg(not(feature = "bundled"))]
fn bundled() -> Result<Source> {
    Err(Failure::usage(
        "this build has no bundled model; name one (--model FOLDER or --model org/name)",
    ))
}
