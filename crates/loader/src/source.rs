//! The files of a checkpoint, wherever they are, with a record of every file that was read.

mod path_names;

use crate::bytes::FileBytes;
use crate::error::{Error, Result};
use crate::files::sha256;
use crate::gguf::{Gguf, split};
use crate::hub::{
    FileSpec, Hub, HubError, HubSettings, HubWarning, Need, NotCached, Progress, Snapshot,
};
use crate::records::{FileRecord, FileRecords, Hashing};
use crate::sentences::MODULES;
use crate::weights::WeightsFile;
pub use path_names::path_text;

use path_names::looks_like_a_path;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The source of a model.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Source {
    /// Files in memory, such as those of a model compiled into a program.
    Memory {
        /// The name of the model.
        id: String,
        /// Its files by name (`config.json`, `1_Pooling/config.json`, …).
        files: Vec<(String, Cow<'static, [u8]>)>,
    },
    /// A folder with `config.json` and `model.safetensors`, or with one GGUF file; or the path of a
    /// GGUF file.
    Folder(PathBuf),
    /// A repository of the hub.
    Hub {
        /// `org/name`, or `org/name@revision`.
        repo: String,
        /// A branch, a tag or a commit; takes precedence over the one in `repo`.
        revision: Option<String>,
        /// The settings of the hub and its cache.
        settings: Box<HubSettings>,
    },
}

impl Source {
    /// Files in memory, such as those of a model compiled into a program, by their names in the
    /// checkpoint.
    ///
    /// ```
    /// use stratoscope_loader::{Source, hub::Silent, load};
    ///
    /// let config = br#"{"model_type": "bert", "hidden_size": 8}"#;
    /// let source = Source::memory("tiny", [("config.json", &config[..])]);
    /// let error = load(&source, &mut Silent).unwrap_err();
    /// assert!(error.to_string().starts_with("config.json: "));
    /// ```
    pub fn memory<Name, Bytes>(
        id: impl Into<String>,
        files: impl IntoIterator<Item = (Name, Bytes)>,
    ) -> Self
    where
        Name: Into<String>,
        Bytes: Into<Cow<'static, [u8]>>,
    {
        let files = files.into_iter().map(|(name, bytes)| (name.into(), bytes.into()));
        Self::Memory { id: id.into(), files: files.collect() }
    }

    /// The source that a user typed: a path if it exists or can only be a path, else a hub id. The
    /// settings of the hub are read for a hub id alone.
    ///
    /// # Errors
    /// The error of the settings.
    pub fn of(
        name: impl AsRef<OsStr>,
        revision: Option<&str>,
        settings: impl FnOnce() -> Result<HubSettings, HubError>,
    ) -> Result<Self> {
        let path = Path::new(name.as_ref());
        // What can only be a path gets the error message of paths.
        let name = match path.to_str() {
            Some(name) if !path.exists() && !looks_like_a_path(name) => name,
            _ => return Ok(Self::Folder(path.to_owned())),
        };
        let (repo, revision) = (name.to_owned(), revision.map(str::to_owned));
        Ok(Self::Hub { repo, revision, settings: Box::new(settings()?) })
    }
}

/// The file of the weights, where there is one.
pub(crate) const WEIGHTS: &str = "model.safetensors";

/// The index of weights in several files.
pub(crate) const INDEX: &str = "model.safetensors.index.json";

/// The files of one checkpoint.
pub(crate) struct Files {
    /// The name of the model.
    pub(crate) id: String,
    /// The commit on the hub.
    pub(crate) revision: Option<String>,
    /// Warnings.
    pub(crate) warnings: Vec<HubWarning>,
    /// The folder in which names are looked up, with its `/`; empty for that of the model.
    pub(crate) folder: String,
    kind: Kind,
    records: RefCell<BTreeMap<String, FileRecord>>,
    /// Files whose sha256 is being computed.
    hashing: RefCell<Vec<Hashing>>,
    /// Unknown files that were looked for.
    missed: RefCell<BTreeSet<String>>,
}

enum Kind {
    Memory(BTreeMap<String, Cow<'static, [u8]>>),
    Folder(PathBuf),
    /// One GGUF file.
    File(PathBuf),
    Hub {
        hub: Box<Hub>,
        /// The cache of a hub that could not be reached: optional files are not asked for again.
        cache: Option<Box<Hub>>,
        files: BTreeMap<String, PathBuf>,
        sha256: BTreeMap<String, String>,
        /// All files that the commit is known to have.
        listed: BTreeSet<String>,
        /// Files that the commit may have: they are not in the cache, and the hub cannot be asked.
        unknown: BTreeSet<String>,
    },
}

impl Files {
    /// Opens a source. From a hub repository, `config.json` and the existing files of `wanted` are
    /// fetched.
    pub(crate) fn open(
        source: &Source,
        wanted: &[&str],
        progress: &mut dyn Progress,
    ) -> Result<Self> {
        let (id, kind) = match source {
            Source::Memory { id, files } => {
                (id.clone(), Kind::Memory(files.iter().cloned().collect()))
            }
            Source::Folder(path) if path.is_dir() => (path_text(path), Kind::Folder(path.clone())),
            Source::Folder(path) if path.is_file() && is_gguf(path) => {
                (path_text(path), Kind::File(path.clone()))
            }
            Source::Folder(path) if path.exists() && !path.is_file() => {
                return Err(Error::NotAFile { path: path.clone() });
            }
            Source::Folder(path) if path.exists() => {
                return Err(Error::NotAFolder { path: path.clone() });
            }
            Source::Folder(path) => {
                return Err(Error::NoSuchModel { name: path_text(path) });
            }
            Source::Hub { repo, revision, settings } => {
                let hub = Hub::new(settings.as_ref().clone())?;
                let optional = wanted.iter().map(|name| FileSpec::optional(*name));
                let specs: Vec<_> =
                    std::iter::once(FileSpec::required("config.json")).chain(optional).collect();
                let mut fetch = |specs: &[_]| hub.fetch(repo, revision.as_deref(), specs, progress);
                let fetched = match fetch(&specs) {
                    // The transformer may be in a folder, which the list of modules names.
                    Err(error @ (HubError::FileNotFound { .. } | HubError::NotCached(_))) => {
                        fetch(&[FileSpec::required(MODULES)]).map_err(|_| error)
                    }
                    fetched => fetched,
                };
                let Snapshot { repo, commit, files, sha256, listed, unknown, warnings, .. } =
                    fetched.map_err(|source| neither_path_nor_repo(repo, source))?;
                return Ok(Self {
                    id: repo,
                    revision: Some(commit),
                    kind: Kind::Hub {
                        hub: Box::new(hub),
                        cache: cache_of(settings, &warnings)?,
                        files,
                        sha256,
                        listed: listed.unwrap_or_default(),
                        unknown,
                    },
                    warnings,
                    folder: String::new(),
                    records: RefCell::default(),
                    hashing: RefCell::default(),
                    missed: RefCell::default(),
                });
            }
        };
        let (records, hashing) = (RefCell::default(), RefCell::default());
        let missed = RefCell::default();
        let (warnings, folder) = (Vec::new(), String::new());
        Ok(Self { id, revision: None, warnings, folder, kind, records, hashing, missed })
    }

    /// Fetches more files of the same commit from the hub; does nothing for other sources.
    pub(crate) fn fetch(
        &mut self,
        names: &[&str],
        need: Need,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        if let Kind::Hub { hub, cache, files, sha256, unknown, .. } = &mut self.kind {
            let spec = |name: &&str| FileSpec { name: format!("{}{name}", self.folder), need };
            let specs: Vec<_> = names.iter().map(spec).collect();
            let from = cache.as_ref().filter(|_| need == Need::Optional).unwrap_or(hub);
            let more = from.fetch(&self.id, self.revision.as_deref(), &specs, progress)?;
            files.extend(more.files);
            sha256.extend(more.sha256);
            unknown.extend(more.unknown);
            if cache.is_none() {
                *cache = cache_of(hub.settings(), &more.warnings)?;
                self.warnings.extend(more.warnings);
            }
        }
        Ok(())
    }

    /// The path of a file in the model.
    fn path(&self, name: &str) -> String {
        format!("{}{name}", self.folder)
    }

    /// Whether the model may have a file that is not in the cache while the hub cannot be asked.
    fn is_unknown(&self, name: &str) -> bool {
        matches!(&self.kind, Kind::Hub { unknown, .. } if unknown.contains(name))
    }

    /// Notes a file that was looked for and not found.
    fn miss(&self, name: &str) {
        if self.is_unknown(name) {
            self.missed.borrow_mut().insert(name.to_owned());
        }
    }

    /// The description of a file that is not in the cache; none for a source without a cache.
    fn not_cached(&self, name: &str) -> Option<NotCached> {
        let Kind::Hub { hub, .. } = &self.kind else { return None };
        Some(hub.not_cached(&self.id, self.revision.as_deref().unwrap_or_default(), name))
    }

    /// The files that were looked for since the last call, that the model may have, and that are not in
    /// the cache while the hub cannot be asked. A default stands for each of them.
    pub(crate) fn take_missed(&self) -> Vec<NotCached> {
        let missed = self.missed.take();
        missed.iter().filter_map(|name| self.not_cached(name)).collect()
    }

    /// Fails if one of some files, of which none was found, is not in the cache while the hub cannot be
    /// asked: the model may have it.
    pub(crate) fn check_cached(&self, names: &[&str]) -> Result<()> {
        let unknown = names.iter().map(|name| self.path(name)).find(|name| self.is_unknown(name));
        match unknown.and_then(|name| self.not_cached(&name)) {
            Some(file) => Err(HubError::NotCached(Box::new(file)).into()),
            None => Ok(()),
        }
    }

    /// The content of a file; none if there is no such file.
    pub(crate) fn find(&self, name: &str) -> Result<Option<Cow<'static, [u8]>>> {
        let name = &*self.path(name);
        let Some((bytes, known)) = self.open_file(name)? else { return Ok(None) };
        let bytes = bytes.whole()?;
        let sha256 = known.unwrap_or_else(|| sha256(&bytes));
        self.record(name, bytes.len() as u64, sha256);
        Ok(Some(bytes))
    }

    /// A file by its path in the model, and its sha256 where it is known; none if there is no such file.
    fn open_file(&self, name: &str) -> Result<Option<(FileBytes, Option<String>)>> {
        let on_disk = |path: &Path| FileBytes::open(path);
        Ok(match &self.kind {
            Kind::Memory(files) => {
                files.get(name).map(|bytes| (FileBytes::Memory(bytes.clone()), None))
            }
            Kind::Folder(folder) => on_disk(&folder.join(name))?.map(|bytes| (bytes, None)),
            Kind::File(_) => None,
            Kind::Hub { files, sha256, .. } => match files.get(name) {
                Some(path) => on_disk(path)?.map(|bytes| (bytes, sha256.get(name).cloned())),
                None => {
                    self.miss(name);
                    None
                }
            },
        })
    }

    /// A file of weights, which is never in memory as a whole; none if there is no such file. Where its
    /// sha256 is not known, a thread computes it.
    pub(crate) fn weights(&self, name: &str) -> Result<Option<WeightsFile>> {
        let path = self.path(name);
        let Some((bytes, known)) = self.open_file(&path)? else { return Ok(None) };
        let bytes = Arc::new(bytes);
        match known {
            Some(sha256) => self.record(&path, bytes.length(), sha256),
            None => self.hashing.borrow_mut().push(Hashing::start(&path, &bytes)),
        }
        Ok(Some(WeightsFile { name: name.to_owned(), bytes }))
    }

    /// A required file of weights; `hint` is the end of the error message if it is missing.
    pub(crate) fn need_weights(&self, name: &str, hint: &str) -> Result<WeightsFile> {
        match self.weights(name)? {
            Some(file) => Ok(file),
            None => Err(self.missing(name, hint)?),
        }
    }

    /// The content of a required file; `hint` is the end of the error message if it is missing.
    pub(crate) fn need(&self, name: &str, hint: &str) -> Result<Cow<'static, [u8]>> {
        match self.find(name)? {
            Some(bytes) => Ok(bytes),
            None => Err(self.missing(name, hint)?),
        }
    }

    /// The error of a missing file.
    fn missing(&self, name: &str, hint: &str) -> Result<Error> {
        self.check_cached(&[name])?;
        let (place, file, hint) = (self.id.clone(), self.path(name), hint.to_owned());
        Ok(Error::MissingFile { place, file, hint })
    }

    /// Whether there is such a file, without reading it.
    pub(crate) fn has(&self, name: &str) -> bool {
        let name = &*self.path(name);
        match &self.kind {
            Kind::Memory(files) => files.contains_key(name),
            Kind::Folder(folder) => folder.join(name).is_file(),
            Kind::File(_) => false,
            Kind::Hub { files, listed, .. } => {
                let there = files.contains_key(name) || listed.contains(name);
                if !there {
                    self.miss(name);
                }
                there
            }
        }
    }

    /// The GGUF file of the model: one that is named, or the only one in a folder or in memory without
    /// safetensors.
    pub(crate) fn gguf(&self) -> Result<Option<Gguf>> {
        if self.has(WEIGHTS) || self.has(INDEX) {
            return Ok(None);
        }
        let mut names: Vec<PathBuf> = match &self.kind {
            Kind::Hub { .. } => return Ok(None),
            Kind::File(path) => {
                let first = self.open_gguf(path)?;
                let other = |name: &str| self.open_gguf(&path.with_file_name(name));
                return with_parts(first, other).map(Some);
            }
            Kind::Folder(folder) => gguf_files(folder)?,
            Kind::Memory(files) => {
                files.keys().map(PathBuf::from).filter(|name| is_gguf(name)).collect()
            }
        };
        // Of a model in several files the first file stands for all.
        let is_later =
            |name: &PathBuf| split::Name::of(&path_text(name)).is_some_and(|name| name.number > 1);
        if !names.iter().all(is_later) {
            names.retain(|name| !is_later(name));
        }
        match (&self.kind, names.as_slice()) {
            (_, []) => Ok(None),
            (Kind::Folder(folder), [name]) => {
                let open = |name: &str| self.open_gguf(&folder.join(name));
                with_parts(open(&path_text(name))?, open).map(Some)
            }
            (Kind::Memory(files), [name]) => {
                let open = |name: &str| {
                    let bytes = files.get(name).cloned();
                    let missing = || Error::NoSuchModel { name: name.to_owned() };
                    let bytes = bytes.ok_or_else(missing)?;
                    self.record(name, bytes.len() as u64, sha256(&bytes));
                    Gguf::open(Arc::new(FileBytes::Memory(bytes)), name)
                };
                with_parts(open(&path_text(name))?, open).map(Some)
            }
            _ => {
                names.sort();
                Err(Error::SeveralModels {
                    place: self.id.clone(),
                    files: names.iter().map(|name| path_text(name)).collect(),
                })
            }
        }
    }

    /// Opens a GGUF file on disk. It is never in memory as a whole.
    fn open_gguf(&self, path: &Path) -> Result<Gguf> {
        let name = path_text(Path::new(path.file_name().unwrap_or_default()));
        let Some(bytes) = FileBytes::open(path)?.map(Arc::new) else {
            return Err(Error::NoSuchModel { name: path_text(path) });
        };
        self.hashing.borrow_mut().push(Hashing::start(&name, &bytes));
        Gguf::open(bytes, &name)
    }

    fn record(&self, name: &str, bytes: u64, sha256: String) {
        let record = FileRecord { name: name.to_owned(), bytes, sha256 };
        self.records.borrow_mut().insert(name.to_owned(), record);
    }

    /// Whether a file was read, whose sha256 was known at once.
    pub(crate) fn was_read(&self, name: &str) -> bool {
        self.records.borrow().contains_key(name)
    }

    /// The files that were read.
    pub(crate) fn records(&self) -> FileRecords {
        FileRecords::new(self.records.take().into_values().collect(), self.hashing.take())
    }
}

/// The cache of a hub that could not be reached.
fn cache_of(settings: &HubSettings, warnings: &[HubWarning]) -> Result<Option<Box<Hub>>> {
    let unreachable = |warning| matches!(warning, &HubWarning::UsedCachedCopy { .. });
    if !warnings.iter().any(unreachable) {
        return Ok(None);
    }
    let offline = HubSettings { offline: true, ..settings.clone() };
    Ok(Some(Box::new(Hub::new(offline)?)))
}

/// The error of a name for which the hub, or its cache, has no model.
fn neither_path_nor_repo(name: &str, source: HubError) -> Error {
    match source {
        HubError::RepoNotFound { .. } if !Path::new(name).exists() => {
            Error::NeitherPathNorRepo { name: name.to_owned(), source: Box::new(source) }
        }
        HubError::UnknownCommit(ref missing)
            if missing.commits.is_empty() && !Path::new(name).exists() =>
        {
            Error::NeitherPathNorRepo { name: name.to_owned(), source: Box::new(source) }
        }
        source => source.into(),
    }
}

/// A GGUF file, with the other files of a model in several files.
fn with_parts(mut gguf: Gguf, open: impl Fn(&str) -> Result<Gguf>) -> Result<Gguf> {
    for name in gguf.other_parts()? {
        gguf.add_part(open(&name)?)?;
    }
    Ok(gguf)
}

/// Whether a path ends in `.gguf`.
pub(crate) fn is_gguf(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"))
}

/// The names of the GGUF files in a folder.
fn gguf_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let io = |source| Error::Io { path: folder.to_owned(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if is_gguf(&path) && path.is_file() {
            names.extend(path.file_name().map(PathBuf::from));
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests;
