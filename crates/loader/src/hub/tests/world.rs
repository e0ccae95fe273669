//! For the tests: a hub with one repository, its storage on another port, and an empty cache.

use crate::kind::ErrorKind;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sha1::Sha1;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::super::loopback::{Loopback, Received, Reply};
use super::super::*;

pub(super) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub(super) const LATER: &str = "89abcdef0123456789abcdef0123456789abcdef";
pub(super) const API: &str = "GET /api/models/org/name/revision/main";
pub(super) const CONFIG: &[u8] = b"{\"model_type\": \"bert\"}\n";
pub(super) const WEIGHTS: &str = "model.safetensors";

/// A clock that goes on by a step at each look, and keeps the pauses instead of waiting.
pub(super) struct TestClock {
    begin: Instant,
    step: Duration,
    looks: AtomicU32,
    pub(super) pauses: Mutex<Vec<Duration>>,
}

impl TestClock {
    pub(super) fn new(step: Duration) -> Arc<Self> {
        let (begin, looks, pauses) = (Instant::now(), AtomicU32::new(0), Mutex::default());
        Arc::new(Self { begin, step, looks, pauses })
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        self.begin + self.step * self.looks.fetch_add(1, Ordering::Relaxed)
    }

    fn sleep(&self, time: Duration) {
        self.pauses.lock().unwrap().push(time);
    }
}

pub(super) type Fault = Box<dyn FnMut(&Received) -> Option<Reply> + Send>;

/// A hub, its storage on another port, and an empty cache.
pub(super) struct World {
    pub(super) hub: Loopback,
    pub(super) storage: Loopback,
    /// What the hub has, by commit. `main` is the first of them that `head` names.
    pub(super) files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    pub(super) head: Arc<Mutex<String>>,
    /// Asked before every answer of either server.
    pub(super) faults: Arc<Mutex<Vec<Fault>>>,
    pub(super) folder: TempDir,
}

impl World {
    pub(super) fn new() -> Self {
        let files: BTreeMap<String, Vec<u8>> = [
            ("config.json", CONFIG.to_vec()),
            ("1_Pooling/config.json", b"{}".to_vec()),
            (WEIGHTS, weights()),
            ("empty.txt", vec![]),
        ]
        .map(|(name, content)| (name.to_owned(), content))
        .into();
        let files = Arc::new(Mutex::new(files));
        let head = Arc::new(Mutex::new(COMMIT.to_owned()));
        let faults: Arc<Mutex<Vec<Fault>>> = Arc::default();
        let storage = {
            let (files, faults) = (files.clone(), faults.clone());
            Loopback::start(move |request| {
                let files = files.lock().unwrap();
                fault(&faults, request).unwrap_or_else(|| stored(&files, request))
            })
        };
        let hub = {
            let (files, head, faults) = (files.clone(), head.clone(), faults.clone());
            let storage = storage.url();
            Loopback::start(move |request| {
                let (files, head) = (files.lock().unwrap(), head.lock().unwrap());
                fault(&faults, request).unwrap_or_else(|| answer(&files, &head, &storage, request))
            })
        };
        World { hub, storage, files, head, faults, folder: tempfile::tempdir().unwrap() }
    }

    pub(super) fn settings(&self) -> HubSettings {
        HubSettings {
            endpoint: self.hub.url(),
            cache_dir: self.folder.path().join("cache"),
            state_dir: Some(self.folder.path().join("state")),
            token: Token::new("hf_secret"),
            offline: false,
            symlinks: true,
            timeout: Duration::from_secs(20),
            etag_timeout: Duration::from_secs(20),
            retries: 2,
            retry_pause: Duration::ZERO,
            bad_proxy: None,
            decided: Decided::default(),
        }
    }

    pub(super) fn fetch(&self, files: &[FileSpec]) -> Result<Snapshot, HubError> {
        fetch(self.settings(), None, files)
    }

    pub(super) fn offline(&self) -> HubSettings {
        HubSettings { offline: true, ..self.settings() }
    }

    pub(super) fn fault(&self, fault: impl FnMut(&Received) -> Option<Reply> + Send + 'static) {
        self.faults.lock().unwrap().push(Box::new(fault));
    }

    pub(super) fn heal(&self) {
        self.faults.lock().unwrap().clear();
    }

    pub(super) fn repo_folder(&self) -> PathBuf {
        self.folder.path().join("cache/models--org--name")
    }

    pub(super) fn blob(&self, content: &[u8]) -> PathBuf {
        self.repo_folder().join("blobs").join(sha256(content))
    }
}

pub(super) fn fault(faults: &Mutex<Vec<Fault>>, request: &Received) -> Option<Reply> {
    faults.lock().unwrap().iter_mut().find_map(|fault| fault(request))
}

pub(super) fn fetch(
    settings: HubSettings,
    revision: Option<&str>,
    files: &[FileSpec],
) -> Result<Snapshot, HubError> {
    Hub::new(settings)?.fetch("org/name", revision, files, &mut |_: &str, _, _| {})
}

/// The hub's own answers.
pub(super) fn answer(
    files: &BTreeMap<String, Vec<u8>>,
    head: &str,
    storage: &str,
    request: &Received,
) -> Reply {
    if let Some(revision) = request.path.strip_prefix("/api/models/org/name/revision/") {
        if revision != "main" && revision != head {
            return Reply::status(404).header("X-Error-Code", "RevisionNotFound");
        }
        let siblings: Vec<_> =
            files.keys().map(|name| serde_json::json!({ "rfilename": name })).collect();
        let listing = serde_json::json!({ "sha": head, "siblings": siblings, "private": false });
        return Reply::status(200).body(listing.to_string());
    }
    let Some((_, file)) =
        request.path.strip_prefix("/org/name/resolve/").and_then(|path| path.split_once('/'))
    else {
        return Reply::status(401).header("X-Error-Code", "RepoNotFound");
    };
    let Some(content) = files.get(file) else {
        return Reply::status(404).header("X-Error-Code", "EntryNotFound");
    };
    if file.ends_with(".safetensors") {
        return Reply::status(302)
            .header("Location", format!("{storage}/{}?signature=x", sha256(content)))
            .header("ETag", "\"of-the-pointer\"")
            .header("X-Linked-Etag", format!("\"{}\"", sha256(content)))
            .header("X-Linked-Size", content.len().to_string())
            .header("X-Repo-Commit", head);
    }
    let reply = send_range(content, request);
    reply.header("ETag", format!("\"{}\"", git_blob(content))).header("X-Repo-Commit", head)
}

/// The storage's own answers: large files by their sums.
fn stored(files: &BTreeMap<String, Vec<u8>>, request: &Received) -> Reply {
    let sum = request.path.trim_start_matches('/').split('?').next();
    match files.values().find(|content| sum == Some(&sha256(content))) {
        Some(content) => send_range(content, request),
        None => Reply::status(404),
    }
}

pub(super) fn send_range(content: &[u8], request: &Received) -> Reply {
    match request.range {
        None => Reply::status(200).body(content),
        Some(start) if start < content.len() => Reply::status(206)
            .header(
                "Content-Range",
                format!("bytes {start}-{}/{}", content.len() - 1, content.len()),
            )
            .body(&content[start..]),
        Some(_) => Reply::status(416),
    }
}

/// A file large enough to be cut in many places.
pub(super) fn weights() -> Vec<u8> {
    (0..200_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

pub(super) fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn git_blob(content: &[u8]) -> String {
    let hash = Sha1::new_with_prefix(format!("blob {}\0", content.len())).chain_update(content);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn usual() -> Vec<FileSpec> {
    vec![
        FileSpec::required("config.json"),
        FileSpec::required(WEIGHTS),
        FileSpec::optional("1_Pooling/config.json"),
        FileSpec::optional("vocab.txt"),
    ]
}

pub(super) fn config() -> [FileSpec; 1] {
    [FileSpec::required("config.json")]
}

pub(super) fn only_weights() -> [FileSpec; 1] {
    [FileSpec::required(WEIGHTS)]
}

pub(super) fn class(error: &HubError) -> u8 {
    match error.kind() {
        ErrorKind::Usage => 2,
        ErrorKind::NotFound => 3,
        ErrorKind::Network => 5,
        _ => 1,
    }
}
