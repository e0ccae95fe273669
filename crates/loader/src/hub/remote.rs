//! What the hub says of a revision and of a file, and the transfer of a file.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use ureq::http::{HeaderMap, StatusCode};

use super::cache::create_parent;
use super::clock::Clock;
use super::error::HubError;
use super::name::{encode_path, encode_segment, is_commit};
use super::progress::Progress;
use super::requests::{Answer, Failed, Patience, Requests, Target, broken, protocol, text};
use super::settings::HubSettings;

/// The largest list of the files of a repository, in bytes. Real lists are far smaller.
const MAX_LISTING: u64 = 64 << 20;

/// A connection to one hub.
pub(super) struct Remote(Requests);

/// The commit of a revision, and its files.
pub(super) struct Listing {
    pub(super) commit: String,
    pub(super) files: BTreeSet<String>,
}

/// The hub's own form of a [`Listing`].
#[derive(Deserialize)]
struct RepoInfo {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

/// What the hub announces of a file.
#[derive(Debug)]
pub(super) struct FileInfo {
    /// The name of the blob.
    pub(super) etag: String,
    /// The size in bytes.
    pub(super) size: u64,
}

impl Remote {
    pub(super) fn new(settings: &HubSettings, clock: Arc<dyn Clock>) -> Result<Self, HubError> {
        Requests::new(settings, clock).map(Remote)
    }

    /// Checks that the hub responds, with any status.
    pub(super) fn reach(&self) -> Result<(), HubError> {
        self.0.reach()
    }

    /// The commit of a revision and the list of its files: one request.
    pub(super) fn revision(
        &self,
        target: Target<'_>,
        patience: Patience,
    ) -> Result<Listing, HubError> {
        let revision = encode_segment(target.revision);
        let url = format!("{}/api/models/{}/revision/{revision}", self.0.endpoint, target.repo);
        let info: RepoInfo = self.0.patiently(patience, || {
            let response = self.0.send("GET", &url, None, target, Answer::Metadata)?;
            let mut body = self.0.body(response, MAX_LISTING);
            let mut bytes = Vec::new();
            body.read_to_end(&mut bytes).map_err(|error| broken(&url, error))?;
            serde_json::from_slice(&bytes).map_err(|error| {
                Failed::for_good(protocol(&url, format!("no list of files: {error}")))
            })
        })?;
        if !is_commit(&info.sha) {
            return Err(protocol(&url, "its commit is no commit"));
        }
        let files = info.siblings.into_iter().map(|sibling| sibling.rfilename).collect();
        Ok(Listing { commit: info.sha, files })
    }

    /// What the hub announces of a file at a commit: one request, and one per redirect within the hub.
    pub(super) fn file_info(&self, target: Target<'_>) -> Result<FileInfo, HubError> {
        let url = self.file_url(target);
        self.0.patiently(Patience::Usual, || {
            let response = self.0.send("HEAD", &url, None, target, Answer::Metadata)?;
            let headers = response.headers();
            let linked = text(headers, "x-linked-etag");
            let etag = linked.or_else(|| text(headers, "etag")).unwrap_or_default();
            let etag = etag.trim_start_matches("W/").trim_matches('"');
            if etag.is_empty()
                || etag.starts_with('.')
                || !etag.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
            {
                return Err(Failed::for_good(protocol(&url, "its answer has no usable ETag")));
            }
            if let Some(commit) = text(headers, "x-repo-commit")
                && is_commit(target.revision)
                && commit != target.revision
            {
                let reason = format!("it answers for commit {commit}, not {}", target.revision);
                return Err(Failed::for_good(protocol(&url, reason)));
            }
            let size = match text(headers, "x-linked-size") {
                Some(size) => Some(size),
                None if response.status().is_redirection() => None,
                None => text(headers, "content-length"),
            };
            let size = size
                .and_then(|size| size.parse().ok())
                .ok_or_else(|| Failed::for_good(protocol(&url, "its answer has no size")))?;
            Ok(FileInfo { etag: etag.to_owned(), size })
        })
    }

    /// Downloads a file into `part`, which may have the beginning of the file already. On success `part`
    /// has the announced size; the checksum is not checked here.
    pub(super) fn download(
        &self,
        target: Target<'_>,
        info: &FileInfo,
        part: &Path,
        progress: &mut dyn Progress,
    ) -> Result<(), HubError> {
        create_parent(part)?;
        let (mut failures, mut furthest) = (0, len(part));
        loop {
            let failed = match self.download_once(target, info, part, progress) {
                Ok(()) => return Ok(()),
                Err(failed) => failed,
            };
            // Only attempts without progress count. Progress below the lowest speed is none.
            if len(part) > furthest {
                furthest = len(part);
                if !matches!(failed.error, HubError::Slow { .. }) {
                    failures = 0;
                }
            }
            self.0.pause(Patience::Usual, &mut failures, failed)?;
        }
    }

    /// The address of a file at a revision.
    pub(super) fn file_url(&self, target: Target<'_>) -> String {
        let (revision, file) = (encode_segment(target.revision), target.file.unwrap_or_default());
        format!("{}/{}/resolve/{revision}/{}", self.0.endpoint, target.repo, encode_path(file))
    }

    fn download_once(
        &self,
        target: Target<'_>,
        info: &FileInfo,
        part: &Path,
        progress: &mut dyn Progress,
    ) -> Result<(), Failed> {
        let url = self.file_url(target);
        let name = target.file.unwrap_or_default();
        let write_error =
            |source| Failed::for_good(HubError::DiskWrite { path: part.into(), source });
        let mut file = File::options().create(true).append(true).open(part).map_err(write_error)?;
        let mut done = file.metadata().map_err(write_error)?.len();
        if done > info.size {
            file.set_len(0).map_err(write_error)?;
            done = 0;
        }
        if done == info.size {
            return Ok(());
        }
        let response =
            (self.0).send("GET", &url, (done > 0).then_some(done), target, Answer::Content)?;
        let announced = match response.status() {
            StatusCode::PARTIAL_CONTENT => match content_range(response.headers()) {
                Some((start, total)) if start == done => total,
                _ => {
                    file.set_len(0).map_err(write_error)?;
                    return Err(Failed::for_now(protocol(
                        &url,
                        "it sent another range than asked for",
                    )));
                }
            },
            StatusCode::RANGE_NOT_SATISFIABLE => {
                file.set_len(0).map_err(write_error)?;
                return Err(Failed::for_now(protocol(&url, "it refuses a range within the file")));
            }
            _ => {
                file.set_len(0).map_err(write_error)?;
                done = 0;
                text(response.headers(), "content-length").and_then(|size| size.parse().ok())
            }
        };
        let wrong_size = |found| {
            drop(fs::remove_file(part));
            Failed::for_good(HubError::WrongSize { url: url.clone(), expected: info.size, found })
        };
        if let Some(found) = announced.filter(|&size| size != info.size) {
            return Err(wrong_size(found));
        }
        // One byte more than announced is an error.
        let mut body = self.0.body(response, (info.size - done).saturating_add(1));
        let mut buffer = vec![0; 1 << 16];
        progress.advance(name, done, info.size);
        while done < info.size {
            let read = body.read(&mut buffer).map_err(|error| broken(&url, error))?;
            if read == 0 {
                return Err(broken(&url, io::ErrorKind::UnexpectedEof.into()));
            }
            done += read as u64;
            if done > info.size {
                return Err(wrong_size(done));
            }
            file.write_all(&buffer[..read]).map_err(write_error)?;
            progress.advance(name, done, info.size);
        }
        file.sync_all().map_err(write_error)
    }
}

/// The start and, if known, the total of `bytes START-END/TOTAL`.
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let (range, total) = text(headers, "content-range")?.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-')?.0.parse().ok()?, total.parse().ok()))
}

fn len(path: &Path) -> u64 {
    fs::metadata(path).map(|metadata| metadata.len()).unwrap_or(0)
}
