//! `stratoscope doctor`: what the machine, the settings and the network mean for the program.

use crate::args::ModelsArgs;
use crate::exit::{Failure, Result, print_json, print_text};
use crate::model;
use crate::models::{needs, size};
use crate::progress::Progress;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use stratoscope::crates::loader::hub::{
    DecidedBy, Hub, HubError, HubSettings, own_cache, process_environment,
};
use stratoscope::crates::loader::{free_memory, path_text};
use stratoscope::{DType, ErrorKind, Explorer, LoadOptions, bundled_source};

/// The time in which the hub has to answer.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) fn run(args: &ModelsArgs) -> Result<()> {
    let progress = Progress::new(&args.common);
    // Settings that cannot be read are a finding, and no failure: the bundled model needs none.
    let settings = model::hub_settings(&args.cache);
    progress.at("contacting the hub", 0, 1);
    let network = network(&settings);
    progress.finish();
    let cache = match model::cache_dir(&args.cache) {
        Ok((path, by)) => format!("{} ({})", folder(&path), decided(&by)),
        Err(error) => format!("none: {error}"),
    };
    let own_cache = own_cache(process_environment);
    let [wide, half] = [DType::F32, DType::BF16].map(stratoscope::crates::transformer::vectors);
    let findings: Vec<(&str, String)> = vec![
        ("program", format!("stratoscope {}", env!("CARGO_PKG_VERSION"))),
        ("system", format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)),
        ("vectors", format!("{wide} used (bf16: {half}); found: {}", features().join(" "))),
        ("threads", rayon::current_num_threads().to_string()),
        ("memory", memory()),
        ("device", "cpu, f32".to_owned()),
        ("bundled", if cfg!(feature = "bundled") { "yes" } else { "not in this build" }.to_owned()),
        ("cache", cache),
        ("own cache", own_cache.as_deref().map_or("none: no home folder".into(), folder)),
        ("token", settings.as_ref().map_or_else(unknown, token)),
        ("offline", settings.as_ref().map_or_else(unknown, offline)),
        ("hub", network),
        ("fonts", "bundled; the fonts of the system are not read".to_owned()),
    ];
    if args.common.json {
        let object: serde_json::Map<String, Value> = findings
            .into_iter()
            .map(|(name, value)| (name.replace(' ', "_"), json!(value)))
            .collect();
        return print_json("doctor", Value::Object(object));
    }
    let lines = findings.iter().map(|(name, value)| format!("{name:<11}{value}\n"));
    print_text(&lines.collect::<String>())
}

/// The free memory, and what the bundled model needs.
fn memory() -> String {
    let free = free_memory().map_or("an unknown amount".to_owned(), size);
    let budget = "70 % of it is the default of --memory";
    let bundled = bundled_source().map_err(Failure::from).and_then(|source| {
        let mut options = LoadOptions::default();
        options.later = true;
        let explorer = Explorer::builder(source).load_options(options).open()?;
        Ok(needs(&explorer.forecast()?))
    });
    match bundled {
        Ok(needs) => format!("{free} free; {budget}; the bundled model needs {needs}"),
        Err(_) => format!("{free} free; {budget}"),
    }
}

fn unknown(error: &HubError) -> String {
    format!("unknown: {error}")
}

/// What decided a setting, in words.
fn decided(by: &DecidedBy) -> String {
    match by {
        DecidedBy::Default => "the default".to_owned(),
        by => format!("set by {by}"),
    }
}

/// Whether there is a token, and where it is from; never the token.
fn token(settings: &HubSettings) -> String {
    match (&settings.token, &settings.decided.token) {
        (Some(_), by) => format!("present ({})", decided(by)),
        (None, DecidedBy::Default) => "absent".to_owned(),
        (None, by) => format!("not sent ({})", decided(by)),
    }
}

fn offline(settings: &HubSettings) -> String {
    let answer = if settings.offline { "yes" } else { "no" };
    format!("{answer} ({})", decided(&settings.decided.offline))
}

fn network(settings: &Result<HubSettings, HubError>) -> String {
    let settings = match settings {
        Ok(settings) => settings,
        Err(error) => return format!("not contacted: {error}"),
    };
    let endpoint = format!("{} ({})", settings.endpoint, decided(&settings.decided.endpoint));
    if settings.offline {
        return format!("{endpoint}, not contacted: offline is set");
    }
    let settings = HubSettings { timeout: PATIENCE, retries: 0, ..settings.clone() };
    match Hub::new(settings).and_then(|hub| hub.reach()) {
        Ok(()) => format!("{endpoint} answers"),
        Err(error) if error.kind() == ErrorKind::Usage => format!("not contacted: {error}"),
        Err(error) => {
            format!("{endpoint} does not answer: {error}; cached models still work (--offline)")
        }
    }
}

/// A folder, and whether the program can use it.
fn folder(path: &Path) -> String {
    let state = match path.metadata() {
        Ok(about) if !about.is_dir() => "is a file, not a folder",
        Ok(about) if about.permissions().readonly() => "is read-only",
        Ok(_) => "exists",
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "does not exist yet",
        Err(error) => return format!("{}, cannot be used: {error}", path_text(path)),
    };
    format!("{}, {state}", path_text(path))
}

/// The vector instructions of the processor that the program can use.
fn features() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    let found = [
        ("sse4.2", is_x86_feature_detected!("sse4.2")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
    ];
    #[cfg(target_arch = "aarch64")]
    let found = [("neon", std::arch::is_aarch64_feature_detected!("neon"))];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let found: [(&'static str, bool); 0] = [];
    found.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
}
