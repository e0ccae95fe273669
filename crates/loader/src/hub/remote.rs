//! Requests to the hub: redirects, retries, ranges, and the meaning of its responses.
//!
//! The token goes to the scheme, host and port of the endpoint alone. So redirects are followed here,
//! not by the HTTP client.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use hf_hub::api::RepoInfo;
use ureq::http::header::{self, HeaderMap, HeaderValue};
use ureq::http::{Request, Response, StatusCode, Uri};
use ureq::{Agent, Body};

use super::cache::create_parent;
use super::error::HubError;
use super::name::{encode_path, encode_segment, is_commit};
use super::progress::Progress;
use super::settings::HubSettings;

const MAX_REDIRECTS: usize = 10;
const MAX_PAUSE: Duration = Duration::from_secs(8);
/// The largest list of the files of a repository, in bytes. Real lists are far smaller.
const MAX_LISTING: u64 = 64 << 20;

/// A connection to one hub.
pub(super) struct Remote {
    agent: Agent,
    endpoint: String,
    origin: Origin,
    authorization: Option<HeaderValue>,
    retries: u32,
    retry_pause: Duration,
}

/// What a request is for; also for its errors.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) repo: &'a str,
    /// A branch, a tag or a commit.
    pub(super) revision: &'a str,
    pub(super) file: Option<&'a str>,
}

/// What the hub announces of a file.
#[derive(Debug)]
pub(super) struct FileInfo {
    /// The name of the blob.
    pub(super) etag: String,
    /// The size in bytes.
    pub(super) size: u64,
}

/// A failure, and whether a retry may help.
enum Failed {
    Again(HubError),
    Final(HubError),
}

/// The number of retries.
#[derive(Clone, Copy)]
pub(super) enum Patience {
    /// As in the settings.
    Usual,
    /// No retries, since there is a fallback.
    None,
}

impl Remote {
    pub(super) fn new(settings: &HubSettings) -> Result<Self, HubError> {
        let bad = || HubError::BadEndpoint { endpoint: without_query(&settings.endpoint) };
        let uri: Uri = settings.endpoint.parse().map_err(|_| bad())?;
        let origin = Origin::of(&uri).ok_or_else(bad)?;
        if uri.query().is_some() || uri.authority().is_some_and(|it| it.as_str().contains('@')) {
            return Err(bad());
        }
        let authorization = match &settings.token {
            None => None,
            Some(token) => {
                let mut value = HeaderValue::from_str(&format!("Bearer {}", token.secret()))
                    .map_err(|_| HubError::BadToken)?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        let mut config = Agent::config_builder()
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent(concat!("stratoscope/", env!("CARGO_PKG_VERSION")))
            // No compression, since sizes and ranges count the stored bytes.
            .accept_encoding("identity")
            .timeout_connect(Some(settings.timeout))
            .timeout_recv_response(Some(settings.timeout))
            .timeout_per_read(Some(settings.timeout));
        if origin.is_loopback() {
            config = config.proxy(None);
        }
        Ok(Remote {
            agent: config.build().new_agent(),
            endpoint: settings.endpoint.clone(),
            origin,
            authorization,
            retries: settings.retries,
            retry_pause: settings.retry_pause,
        })
    }

    /// Checks that the hub responds, with any status.
    pub(super) fn reach(&self) -> Result<(), HubError> {
        let url = format!("{}/", self.endpoint);
        let request = Request::builder().method("HEAD").uri(&url).body(());
        let request = request.map_err(|error| protocol(&url, error.to_string()))?;
        match self.agent.run(request).map_err(|error| unanswered(&url, error)) {
            Ok(_) => Ok(()),
            Err(Failed::Again(error) | Failed::Final(error)) => Err(error),
        }
    }

    /// The commit of a revision and the list of its files: one request.
    pub(super) fn revision(
        &self,
        target: Target<'_>,
        patience: Patience,
    ) -> Result<RepoInfo, HubError> {
        let revision = encode_segment(target.revision);
        let url = format!("{}/api/models/{}/revision/{revision}", self.endpoint, target.repo);
        let info: RepoInfo = self.patiently(patience, || {
            let response = self.send("GET", &url, None, target)?;
            let mut body = response.into_body().into_with_config().limit(MAX_LISTING).reader();
            let mut bytes = Vec::new();
            body.read_to_end(&mut bytes).map_err(|error| broken(&url, error))?;
            serde_json::from_slice(&bytes).map_err(|error| {
                Failed::Final(protocol(&url, format!("no list of files: {error}")))
            })
        })?;
        if is_commit(&info.sha) { Ok(info) } else { Err(protocol(&url, "its commit is no commit")) }
    }

    /// What the hub announces of a file at a commit: one request, and one per redirect within the hub.
    pub(super) fn file_info(&self, target: Target<'_>) -> Result<FileInfo, HubError> {
        let url = self.file_url(target);
        self.patiently(Patience::Usual, || {
            let response = self.send("HEAD", &url, None, target)?;
            let headers = response.headers();
            let linked = text(headers, "x-linked-etag");
            let etag = linked.or_else(|| text(headers, "etag")).unwrap_or_default();
            let etag = etag.trim_start_matches("W/").trim_matches('"');
            if etag.is_empty()
                || etag.starts_with('.')
                || !etag.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
            {
                return Err(Failed::Final(protocol(&url, "its answer has no usable ETag")));
            }
            if let Some(commit) = text(headers, "x-repo-commit")
                && is_commit(target.revision)
                && commit != target.revision
            {
                let reason = format!("it answers for commit {commit}, not {}", target.revision);
                return Err(Failed::Final(protocol(&url, reason)));
            }
            let size = match text(headers, "x-linked-size") {
                Some(size) => Some(size),
                None if response.status().is_redirection() => None,
                None => text(headers, "content-length"),
            };
            let size = size
                .and_then(|size| size.parse().ok())
                .ok_or_else(|| Failed::Final(protocol(&url, "its answer has no size")))?;
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
            let error = match self.download_once(target, info, part, progress) {
                Ok(()) => return Ok(()),
                Err(Failed::Final(error)) => return Err(error),
                Err(Failed::Again(error)) => error,
            };
            // Only attempts without progress count.
            if len(part) > furthest {
                (failures, furthest) = (0, len(part));
            }
            if failures == self.retries {
                return Err(error);
            }
            self.pause(failures);
            failures += 1;
        }
    }

    /// The address of a file at a revision.
    pub(super) fn file_url(&self, target: Target<'_>) -> String {
        let (revision, file) = (encode_segment(target.revision), target.file.unwrap_or_default());
        format!("{}/{}/resolve/{revision}/{}", self.endpoint, target.repo, encode_path(file))
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
        let write_error = |source| Failed::Final(HubError::DiskWrite { path: part.into(), source });
        let mut file = File::options().create(true).append(true).open(part).map_err(write_error)?;
        let mut done = file.metadata().map_err(write_error)?.len();
        if done > info.size {
            file.set_len(0).map_err(write_error)?;
            done = 0;
        }
        if done == info.size {
            return Ok(());
        }
        let response = self.send("GET", &url, (done > 0).then_some(done), target)?;
        let announced = match response.status() {
            StatusCode::PARTIAL_CONTENT => match content_range(response.headers()) {
                Some((start, total)) if start == done => total,
                _ => {
                    file.set_len(0).map_err(write_error)?;
                    return Err(Failed::Again(protocol(
                        &url,
                        "it sent another range than asked for",
                    )));
                }
            },
            StatusCode::RANGE_NOT_SATISFIABLE => {
                file.set_len(0).map_err(write_error)?;
                return Err(Failed::Again(protocol(&url, "it refuses a range within the file")));
            }
            _ => {
                file.set_len(0).map_err(write_error)?;
                done = 0;
                text(response.headers(), "content-length").and_then(|size| size.parse().ok())
            }
        };
        let wrong_size = |found| {
            drop(fs::remove_file(part));
            Failed::Final(HubError::WrongSize { url: url.clone(), expected: info.size, found })
        };
        if let Some(found) = announced.filter(|&size| size != info.size) {
            return Err(wrong_size(found));
        }
        let mut body = response.into_body().into_with_config().limit(u64::MAX).reader();
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

    /// One request with its redirects. Returns a success, a 416, or (for HEAD) a redirect that describes
    /// its target; other statuses are errors.
    fn send(
        &self,
        method: &str,
        url: &str,
        start: Option<u64>,
        target: Target<'_>,
    ) -> Result<Response<Body>, Failed> {
        let mut url = url.to_owned();
        for _ in 0..=MAX_REDIRECTS {
            let uri: Uri =
                url.parse().map_err(|_| Failed::Final(protocol(&url, "this is not an address")))?;
            let origin = Origin::of(&uri)
                .ok_or_else(|| Failed::Final(protocol(&url, "this is not an http(s) address")))?;
            let mut request = Request::builder().method(method).uri(uri.clone());
            if let Some(start) = start {
                request = request.header(header::RANGE, format!("bytes={start}-"));
            }
            if let Some(value) = self.authorization.as_ref().filter(|_| origin == self.origin) {
                request = request.header(header::AUTHORIZATION, value);
            }
            let request = request
                .body(())
                .map_err(|error| Failed::Final(protocol(&url, error.to_string())))?;
            let response = self.agent.run(request).map_err(|error| unanswered(&url, error))?;
            let status = response.status();
            let is_redirect = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
            let says_enough = method == "HEAD" && response.headers().contains_key("x-linked-etag");
            if !is_redirect || says_enough {
                let fine = status.is_success() || is_redirect;
                let fine = fine || status == StatusCode::RANGE_NOT_SATISFIABLE;
                return if fine {
                    Ok(response)
                } else {
                    Err(self.refused(&url, &response, target))
                };
            }
            let location = text(response.headers(), "location")
                .and_then(|location| resolve(&uri, location))
                .ok_or_else(|| Failed::Final(protocol(&url, "it redirects to nowhere")))?;
            if origin.scheme == "https" && !location.starts_with("https:") {
                return Err(Failed::Final(protocol(&url, "it redirects from https to http")));
            }
            url = location;
        }
        Err(Failed::Final(protocol(&url, "it redirects without end")))
    }

    /// The error of a status of 400 and above.
    fn refused(&self, url: &str, response: &Response<Body>, target: Target<'_>) -> Failed {
        let status = response.status().as_u16();
        let code = text(response.headers(), "x-error-code").unwrap_or_default();
        let repo = target.repo.to_owned();
        let revision = target.revision.to_owned();
        let endpoint = self.endpoint.clone();
        let with_token = self.authorization.is_some();
        let from_hub = url.starts_with(&self.endpoint);
        let error = match (status, code) {
            (408 | 429 | 500.., _) => {
                return Failed::Again(HubError::Server {
                    url: without_query(url),
                    status,
                    attempts: 1,
                });
            }
            (_, "GatedRepo") => HubError::Gated { repo, endpoint, with_token },
            (_, "RevisionNotFound") => HubError::RevisionNotFound { repo, revision },
            (_, "EntryNotFound") | (404, "") if target.file.is_some() => HubError::FileNotFound {
                repo,
                revision,
                file: target.file.unwrap_or_default().to_owned(),
            },
            (_, "RepoNotFound") => HubError::RepoNotFound { repo, endpoint, with_token },
            (401 | 404, _) if from_hub => HubError::RepoNotFound { repo, endpoint, with_token },
            _ => HubError::Refused {
                url: without_query(url),
                status,
                message: text(response.headers(), "x-error-message").map(str::to_owned),
            },
        };
        Failed::Final(error)
    }

    fn patiently<T>(
        &self,
        patience: Patience,
        mut request: impl FnMut() -> Result<T, Failed>,
    ) -> Result<T, HubError> {
        let retries = match patience {
            Patience::Usual => self.retries,
            Patience::None => 0,
        };
        let mut failures = 0;
        loop {
            match request() {
                Ok(answer) => return Ok(answer),
                Err(Failed::Final(error)) => return Err(error),
                Err(Failed::Again(error)) if failures == retries => {
                    return Err(match error {
                        HubError::Server { url, status, .. } => {
                            HubError::Server { url, status, attempts: failures + 1 }
                        }
                        other => other,
                    });
                }
                Err(Failed::Again(_)) => self.pause(failures),
            }
            failures += 1;
        }
    }

    fn pause(&self, failures: u32) {
        thread::sleep(self.retry_pause.saturating_mul(1 << failures.min(16)).min(MAX_PAUSE));
    }
}

/// Scheme, host and port: where a token may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    fn of(uri: &Uri) -> Option<Self> {
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let default_port = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let host = uri.host()?.to_ascii_lowercase();
        Some(Origin { scheme, host, port: uri.port_u16().unwrap_or(default_port) })
    }

    fn is_loopback(&self) -> bool {
        matches!(self.host.as_str(), "localhost" | "127.0.0.1" | "[::1]")
    }
}

/// Resolves a `Location` against `base` (RFC 3986, section 5.2, without dot segments).
fn resolve(base: &Uri, location: &str) -> Option<String> {
    let (scheme, authority) = (base.scheme_str()?, base.authority()?);
    if location.contains("://") && !location.starts_with(['/', '?']) {
        return Some(location.to_owned());
    }
    Some(if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else {
        let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The start and, if known, the total of `bytes START-END/TOTAL`.
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let (range, total) = text(headers, "content-range")?.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-')?.0.parse().ok()?, total.parse().ok()))
}

fn len(path: &Path) -> u64 {
    fs::metadata(path).map(|metadata| metadata.len()).unwrap_or(0)
}

fn protocol(url: &str, reason: impl Into<String>) -> HubError {
    HubError::Protocol { url: without_query(url), reason: reason.into() }
}

/// The error of an interrupted connection.
fn broken(url: &str, source: io::Error) -> Failed {
    Failed::Again(HubError::Network { url: without_query(url), source })
}

/// The error of a request without a response. A retry helps if a connection broke or was slow, and does
/// not if there was no connection: no network, unknown host, refused connection, no trust.
fn unanswered(url: &str, error: ureq::Error) -> Failed {
    use io::ErrorKind::*;
    let may_pass = match &error {
        ureq::Error::Timeout(_) | ureq::Error::Protocol(_) => true,
        ureq::Error::Io(error) => matches!(
            error.kind(),
            ConnectionReset | ConnectionAborted | BrokenPipe | UnexpectedEof | TimedOut
        ),
        _ => false,
    };
    let error = HubError::Network { url: without_query(url), source: error.into_io() };
    if may_pass { Failed::Again(error) } else { Failed::Final(error) }
}

/// Removes the query of an address, which may have a signature.
fn without_query(url: &str) -> String {
    url.split(['?', '#']).next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_resolved_against_the_address_that_sent_them() {
        let base: Uri = "http://hub:8080/org/name/resolve/main/a/b.txt?x=1".parse().unwrap();
        for (location, expected) in [
            ("https://cdn/x?sig=1", "https://cdn/x?sig=1"),
            ("//cdn/x", "http://cdn/x"),
            ("/api/x", "http://hub:8080/api/x"),
            ("c.txt", "http://hub:8080/org/name/resolve/main/a/c.txt"),
            ("/x?next=http://elsewhere/", "http://hub:8080/x?next=http://elsewhere/"),
        ] {
            assert_eq!(resolve(&base, location).as_deref(), Some(expected));
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let origin = |url: &str| Origin::of(&url.parse().unwrap());
        assert_eq!(origin("https://Hub.example/a"), origin("https://hub.example:443/b"));
        for other in ["http://hub.example/", "https://hub.example:8443/", "https://x.hub.example/"]
        {
            assert_ne!(origin("https://hub.example/"), origin(other), "{other}");
        }
        assert_eq!(origin("ftp://hub.example/"), None);
    }
}
