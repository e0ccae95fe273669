//! Requests to the hub: where the token goes, redirects, refusals, waits and retries.
//!
//! The token goes to the scheme, host and port of the endpoint alone. So redirects are followed here,
//! not by the HTTP client.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ureq::http::header::{self, HeaderMap, HeaderValue};
use ureq::http::{Request, Response, StatusCode, Uri};
use ureq::{Agent, Body};

use super::address::{Origin, resolve, without_query};
use super::clock::Clock;
use super::error::HubError;
use super::pace::{Paced, TooSlow};
use super::settings::HubSettings;

const MAX_REDIRECTS: usize = 10;
const MAX_PAUSE: Duration = Duration::from_secs(8);
/// The longest wait that a server may ask for. A longer one is an error that says so.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// Sends requests to one hub.
pub(super) struct Requests {
    agent: Agent,
    pub(super) endpoint: String,
    origin: Origin,
    authorization: Option<HeaderValue>,
    retries: u32,
    retry_pause: Duration,
    timeout: Duration,
    etag_timeout: Duration,
    clock: Arc<dyn Clock>,
}

/// What the body of an answer is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// A description of a revision or a file.
    Metadata,
    /// The content of a file.
    Content,
}

/// What a request is for; also for its errors.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) repo: &'a str,
    /// A branch, a tag or a commit.
    pub(super) revision: &'a str,
    pub(super) file: Option<&'a str>,
}

/// A failure, and the least wait before a retry; none where a retry does not help.
pub(super) struct Failed {
    pub(super) error: HubError,
    pub(super) retry: Option<Duration>,
}

/// The number of retries.
#[derive(Clone, Copy)]
pub(super) enum Patience {
    /// As in the settings.
    Usual,
    /// No retries, since there is a fallback.
    None,
}

impl Failed {
    /// A retry does not help.
    pub(super) fn for_good(error: HubError) -> Self {
        Failed { error, retry: None }
    }

    /// A retry may help.
    pub(super) fn for_now(error: HubError) -> Self {
        Failed { error, retry: Some(Duration::ZERO) }
    }
}

impl Target<'_> {
    /// The error of a file that the commit does not have.
    pub(super) fn not_found(self) -> HubError {
        HubError::FileNotFound {
            repo: self.repo.to_owned(),
            revision: self.revision.to_owned(),
            file: self.file.unwrap_or_default().to_owned(),
        }
    }
}

impl Requests {
    pub(super) fn new(settings: &HubSettings, clock: Arc<dyn Clock>) -> Result<Self, HubError> {
        let bad = || HubError::BadEndpoint { endpoint: without_query(&settings.endpoint) };
        let uri: Uri = settings.endpoint.parse().map_err(|_| bad())?;
        let origin = Origin::of(&uri).ok_or_else(bad)?;
        // The parser drops a fragment, and what stands behind it.
        let has_more = uri.query().is_some() || settings.endpoint.contains('#');
        if has_more || uri.authority().is_some_and(|it| it.as_str().contains('@')) {
            return Err(bad());
        }
        let authorization = match &settings.token {
            None => None,
            Some(token) => {
                let bad = || HubError::BadToken { by: settings.decided.token.clone() };
                // A header value may hold other bytes, which servers read in different ways.
                if !token.secret().bytes().all(|byte| byte.is_ascii_graphic()) {
                    return Err(bad());
                }
                let value = HeaderValue::from_str(&format!("Bearer {}", token.secret()));
                let mut value = value.map_err(|_| bad())?;
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
        } else if let Some(variable) = settings.bad_proxy {
            return Err(HubError::BadProxy { variable });
        }
        Ok(Requests {
            agent: config.build().new_agent(),
            endpoint: settings.endpoint.clone(),
            origin,
            authorization,
            retries: settings.retries,
            retry_pause: settings.retry_pause,
            timeout: settings.timeout,
            etag_timeout: settings.etag_timeout,
            clock,
        })
    }

    /// Checks that the hub responds, with any status.
    pub(super) fn reach(&self) -> Result<(), HubError> {
        let url = format!("{}/", self.endpoint);
        let request = Request::builder().method("HEAD").uri(&url).body(());
        let request = request.map_err(|error| protocol(&url, error.to_string()))?;
        let answer = self.agent.run(request);
        answer.map(drop).map_err(|error| unanswered(&url, error).error)
    }

    /// One request with its redirects. Returns a success, a 416, or (for HEAD) a redirect that describes
    /// its target; other statuses are errors.
    pub(super) fn send(
        &self,
        method: &str,
        url: &str,
        start: Option<u64>,
        target: Target<'_>,
        answer: Answer,
    ) -> Result<Response<Body>, Failed> {
        let mut url = url.to_owned();
        for _ in 0..=MAX_REDIRECTS {
            let uri: Uri = url
                .parse()
                .map_err(|_| Failed::for_good(protocol(&url, "this is not an address")))?;
            let origin = Origin::of(&uri).ok_or_else(|| {
                Failed::for_good(protocol(&url, "this is not an http(s) address"))
            })?;
            let mut request = Request::builder().method(method).uri(uri.clone());
            if let Some(start) = start {
                request = request.header(header::RANGE, format!("bytes={start}-"));
            }
            if let Some(value) = self.authorization.as_ref().filter(|_| origin == self.origin) {
                request = request.header(header::AUTHORIZATION, value);
            }
            let request = request
                .body(())
                .map_err(|error| Failed::for_good(protocol(&url, error.to_string())))?;
            let request = match answer {
                Answer::Content => request,
                Answer::Metadata => (self.agent.configure_request(request))
                    .timeout_connect(Some(self.etag_timeout))
                    .timeout_recv_response(Some(self.etag_timeout))
                    .build(),
            };
            let response = self.agent.run(request).map_err(|error| unanswered(&url, error))?;
            let status = response.status();
            let is_redirect = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
            let says_enough = method == "HEAD" && response.headers().contains_key("x-linked-etag");
            if !is_redirect || says_enough {
                let fine = status.is_success() || is_redirect;
                let fine = fine || status == StatusCode::RANGE_NOT_SATISFIABLE;
                if !fine {
                    return Err(self.refused(&url, &response, target));
                }
                // Sizes and checksums are those of the stored bytes.
                let mut encodings = response.headers().get_all(header::CONTENT_ENCODING).iter();
                if let Some(encoding) =
                    encodings.find(|it| !it.as_bytes().eq_ignore_ascii_case(b"identity"))
                {
                    let encoding = encoding.to_str().unwrap_or("?");
                    let reason =
                        format!("it encodes the body as {encoding}, and `identity` was asked for");
                    return Err(Failed::for_good(protocol(&url, reason)));
                }
                return Ok(response);
            }
            let location = text(response.headers(), "location")
                .and_then(|location| resolve(&uri, location))
                .ok_or_else(|| Failed::for_good(protocol(&url, "it redirects to nowhere")))?;
            if origin.scheme == "https" && !location.starts_with("https:") {
                return Err(Failed::for_good(protocol(&url, "it redirects from https to http")));
            }
            url = location;
        }
        Err(Failed::for_good(protocol(&url, "it redirects without end")))
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
                let wait = text(response.headers(), "retry-after").and_then(retry_after);
                let error = HubError::Server { url: without_query(url), status, attempts: 1, wait };
                let retry = Some(wait.unwrap_or_default()).filter(|wait| *wait <= MAX_WAIT);
                return Failed { error, retry };
            }
            (_, "GatedRepo") => HubError::Gated { repo, endpoint, with_token },
            (_, "RevisionNotFound") => HubError::RevisionNotFound { repo, revision },
            (_, "EntryNotFound") | (404, "") if target.file.is_some() => target.not_found(),
            (_, "RepoNotFound") => HubError::RepoNotFound { repo, endpoint, with_token },
            (401 | 404, _) if from_hub => HubError::RepoNotFound { repo, endpoint, with_token },
            _ => HubError::Refused {
                url: without_query(url),
                status,
                message: text(response.headers(), "x-error-message").map(str::to_owned),
            },
        };
        Failed::for_good(error)
    }

    /// A body of at most `limit` bytes, which must not come too slowly.
    pub(super) fn body(&self, response: Response<Body>, limit: u64) -> Paced<'_, impl Read> {
        let body = response.into_body();
        let length = body.content_length();
        let body = body.into_with_config().limit(limit).reader();
        Paced::new(body, length, &*self.clock, self.timeout)
    }

    /// The answer of a request, after some retries where they may help.
    pub(super) fn patiently<T>(
        &self,
        patience: Patience,
        mut request: impl FnMut() -> Result<T, Failed>,
    ) -> Result<T, HubError> {
        let mut failures = 0;
        loop {
            match request() {
                Ok(answer) => return Ok(answer),
                Err(failed) => self.pause(patience, &mut failures, failed)?,
            }
        }
    }

    /// Waits before the next attempt: longer after each failure, and at least as long as the server
    /// asks for. Fails where no further attempt is to be made.
    pub(super) fn pause(
        &self,
        patience: Patience,
        failures: &mut u32,
        failed: Failed,
    ) -> Result<(), HubError> {
        let retries = match patience {
            Patience::Usual => self.retries,
            Patience::None => 0,
        };
        let Failed { mut error, retry } = failed;
        let Some(wait) = retry.filter(|_| *failures < retries) else {
            if let HubError::Server { attempts, .. } = &mut error {
                *attempts = *failures + 1;
            }
            return Err(error);
        };
        let pause = self.retry_pause.saturating_mul(1 << (*failures).min(16)).min(MAX_PAUSE);
        self.clock.sleep(pause.max(wait));
        *failures += 1;
        Ok(())
    }
}

/// The wait that `Retry-After` asks for: seconds, or a date.
fn retry_after(value: &str) -> Option<Duration> {
    match value.trim().parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let date = httpdate::parse_http_date(value.trim()).ok()?;
            Some(date.duration_since(SystemTime::now()).unwrap_or_default())
        }
    }
}

/// A header that is ASCII.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

pub(super) fn protocol(url: &str, reason: impl Into<String>) -> HubError {
    HubError::Protocol { url: without_query(url), reason: reason.into() }
}

/// The error of an interrupted connection.
pub(super) fn broken(url: &str, source: io::Error) -> Failed {
    let url = without_query(url);
    Failed::for_now(match TooSlow::of(&source) {
        Some(slow) => HubError::Slow { url, reason: slow.to_string() },
        None => HubError::Network { url, source },
    })
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
    if may_pass { Failed::for_now(error) } else { Failed::for_good(error) }
}
