//! The settings of the hub, as Python reads them: flags, then the environment, then defaults.
//!
//! The environment is an argument, so that nothing here depends on the process.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::address::is_proxy;
use super::decided::{Decided, DecidedBy};
use super::environment::{Environment, is_true, own_cache};
use super::error::HubError;

/// The default hub.
pub const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

/// The variables of a cache folder, the first one first. The second is the older name.
const CACHE: [&str; 2] = ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"];
/// The variables of an access token. The second is the older name.
const TOKEN: [&str; 2] = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"];
const OFFLINE: [&str; 2] = ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"];
const NO_TOKEN: &str = "HF_HUB_DISABLE_IMPLICIT_TOKEN";
const TIMEOUT: &str = "HF_HUB_DOWNLOAD_TIMEOUT";
const ETAG_TIMEOUT: &str = "HF_HUB_ETAG_TIMEOUT";
/// The variables in which the HTTP client looks for a proxy.
const PROXY: [&str; 6] =
    ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];

/// The addresses of the hub and the cache, and how requests are sent.
#[derive(Clone, Debug)]
pub struct HubSettings {
    /// The address of the hub, without a final `/`.
    pub endpoint: String,
    /// The cache, shared with Python's `huggingface_hub` (`HF_HUB_CACHE`).
    pub cache_dir: PathBuf,
    /// Our own folder, which stores the list of verified files; none: no list is stored.
    pub state_dir: Option<PathBuf>,
    /// The access token, if there is one.
    pub token: Option<Token>,
    /// Whether the network must not be used.
    pub offline: bool,
    /// Whether snapshots may have symbolic links to blobs; otherwise files are moved or copied. File
    /// systems without links are detected.
    pub symlinks: bool,
    /// The timeout of a connection, a response, and the next bytes.
    pub timeout: Duration,
    /// The timeout of the requests before a transfer: for the commit of a revision, and for the size and
    /// the checksum of a file.
    pub etag_timeout: Duration,
    /// The number of retries of a request that failed without a clear response.
    pub retries: u32,
    /// The pause before the first retry. It doubles each time, up to eight seconds.
    pub retry_pause: Duration,
    /// A variable that names a proxy whose address is not valid. It is an error before the first
    /// request, because the HTTP client would connect without a proxy.
    pub bad_proxy: Option<&'static str>,
    /// What decided these settings.
    pub decided: Decided,
}

/// Settings of the command line, or of a caller. They take precedence over the environment.
#[derive(Clone, Debug, Default)]
pub struct HubFlags {
    /// The cache folder, instead of `HF_HUB_CACHE`.
    pub cache_dir: Option<PathBuf>,
    /// The address of the hub, instead of `HF_ENDPOINT`.
    pub endpoint: Option<String>,
    /// The access token, instead of `HF_TOKEN`.
    pub token: Option<Token>,
    /// Whether the network must not be used, whatever `HF_HUB_OFFLINE` is.
    pub offline: bool,
}

/// An access token. Its `Debug` form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl HubSettings {
    /// Settings from flags and an environment. That of the process is
    /// [`process_environment`](super::process_environment).
    ///
    /// Read as Python's `huggingface_hub.constants` reads them: `HF_HOME` (default
    /// `$XDG_CACHE_HOME/huggingface`, then `~/.cache/huggingface`), `HF_HUB_CACHE` else
    /// `HUGGINGFACE_HUB_CACHE` (default `$HF_HOME/hub`), `HF_ENDPOINT`, `HF_TOKEN` else
    /// `HUGGING_FACE_HUB_TOKEN`, `HF_TOKEN_PATH` (default `$HF_HOME/token`),
    /// `HF_HUB_DISABLE_IMPLICIT_TOKEN`, `HF_HUB_OFFLINE` else `TRANSFORMERS_OFFLINE`,
    /// `HF_HUB_DISABLE_SYMLINKS`, `HF_HUB_DOWNLOAD_TIMEOUT`, `HF_HUB_ETAG_TIMEOUT`. `~`, `~user` and
    /// `$NAME` in folders are expanded. An empty variable counts as not set.
    ///
    /// # Errors
    /// [`HubError::NoHome`] if a default needs a home folder and there is none;
    /// [`HubError::BadSetting`]; a token file that cannot be read, if requests are sent.
    pub fn resolve(
        flags: HubFlags,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, HubError> {
        let env = Environment(&environment);
        let (cache_dir, cache_by) = cache_dir(flags.cache_dir, &environment)?;
        let (offline_by, offline) = match env.first(&OFFLINE) {
            _ if flags.offline => (DecidedBy::Flag, true),
            Some((name, value)) => (DecidedBy::Variable(name), is_true(&value)),
            None => (DecidedBy::Default, false),
        };
        let (endpoint_by, endpoint) = match (flags.endpoint, env.text("HF_ENDPOINT")) {
            (Some(endpoint), _) => (DecidedBy::Flag, endpoint),
            (None, Some(endpoint)) => (DecidedBy::Variable("HF_ENDPOINT"), endpoint),
            (None, None) => (DecidedBy::Default, DEFAULT_ENDPOINT.to_owned()),
        };
        let token_file = match env.folder(&["HF_TOKEN_PATH"]) {
            Some((_, path)) => Some(path),
            None => hf_home(env).ok().map(|(folder, _)| folder.join("token")),
        };
        let from_variable = || {
            let (name, value) = env.first(&TOKEN)?;
            Some((DecidedBy::Variable(name), Token::new(&value)?))
        };
        let (token_by, token) = if let Some(token) = flags.token {
            (DecidedBy::Flag, Some(token))
        } else if env.is_true(NO_TOKEN) {
            (DecidedBy::Variable(NO_TOKEN), None)
        } else if let Some((by, token)) = from_variable() {
            (by, Some(token))
        } else {
            match token_file.map(|path| (token_of(&path), path)) {
                Some((Ok(Some(token)), path)) => (DecidedBy::File(path), Some(token)),
                // Without requests there is no need of a token.
                Some((Err(source), path)) if !offline => {
                    return Err(HubError::DiskRead { path, source });
                }
                _ => (DecidedBy::Default, None),
            }
        };
        let proxies = PROXY.into_iter().filter_map(|name| Some((name, env.text(name)?)));
        Ok(HubSettings {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            cache_dir,
            state_dir: own_cache(&environment),
            token,
            offline,
            symlinks: !env.is_true("HF_HUB_DISABLE_SYMLINKS"),
            timeout: seconds(env, TIMEOUT, 30)?,
            etag_timeout: seconds(env, ETAG_TIMEOUT, 10)?,
            retries: 4,
            retry_pause: Duration::from_millis(500),
            bad_proxy: { proxies }.find(|(_, value)| !is_proxy(value)).map(|(name, _)| name),
            decided: Decided {
                cache_dir: cache_by,
                endpoint: endpoint_by,
                token: token_by,
                offline: offline_by,
            },
        })
    }
}

/// The cache folder of repositories, as [`HubSettings::resolve`] reads it, and what decided it. `flag`
/// takes precedence over the environment.
///
/// # Errors
/// [`HubError::NoHome`] if the default needs a home folder and there is none.
pub fn cache_dir(
    flag: Option<PathBuf>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<(PathBuf, DecidedBy), HubError> {
    let env = Environment(&environment);
    match (flag, env.folder(&CACHE)) {
        (Some(folder), _) => Ok((folder, DecidedBy::Flag)),
        (None, Some((name, folder))) => Ok((folder, DecidedBy::Variable(name))),
        (None, None) => hf_home(env).map(|(folder, by)| (folder.join("hub"), by)),
    }
}

/// The folder of the cache and the token, and what decided it.
fn hf_home(env: Environment<'_>) -> Result<(PathBuf, DecidedBy), HubError> {
    if let Some((name, folder)) = env.folder(&["HF_HOME"]) {
        return Ok((folder, DecidedBy::Variable(name)));
    }
    let by = match env.text("XDG_CACHE_HOME") {
        Some(_) => DecidedBy::Variable("XDG_CACHE_HOME"),
        None => DecidedBy::Default,
    };
    Ok((env.cache_home().ok_or(HubError::NoHome)?.join("huggingface"), by))
}

/// A timeout in seconds; Python takes 0 as not set.
fn seconds(env: Environment<'_>, name: &'static str, default: u32) -> Result<Duration, HubError> {
    let seconds = match env.text(name) {
        None => 0,
        Some(value) => value.trim().parse::<u32>().map_err(|_| HubError::BadSetting {
            name,
            value,
            expected: "a whole number of seconds",
        })?,
    };
    Ok(Duration::from_secs(if seconds == 0 { default } else { seconds }.into()))
}

/// The token of a file; none if there is no file, or if it is blank.
fn token_of(path: &std::path::Path) -> io::Result<Option<Token>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Token::new(&String::from_utf8_lossy(&bytes))),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

impl Token {
    /// A token from a text, without line ends and surrounding white space, as Python reads it; `None`
    /// if the text is blank.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.replace(['\r', '\n'], "");
        let text = text.trim();
        (!text.is_empty()).then(|| Token(text.to_owned()))
    }

    pub(super) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn settings(flags: HubFlags, variables: &[(&str, &str)]) -> HubSettings {
        HubSettings::resolve(flags, |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
        })
        .unwrap()
    }

    #[test]
    fn folders_come_from_the_closest_setting() {
        let check = |variables: &[(&str, &str)], cache: &str| {
            let found = settings(HubFlags::default(), variables).cache_dir;
            assert_eq!(found, Path::new(cache), "{variables:?}");
        };
        check(&[("HOME", "/h")], "/h/.cache/huggingface/hub");
        check(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")], "/x/huggingface/hub");
        check(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x"), ("HF_HOME", "/f")], "/f/hub");
        check(&[("HF_HOME", "/f"), ("HF_HUB_CACHE", "/c")], "/c");
        check(&[("HF_HOME", "/f"), ("HUGGINGFACE_HUB_CACHE", "/old")], "/old");
        check(&[("HUGGINGFACE_HUB_CACHE", "/old"), ("HF_HUB_CACHE", "/c")], "/c");
        check(&[("HOME", "/h"), ("HF_HUB_CACHE", ""), ("HUGGINGFACE_HUB_CACHE", "~/o")], "/h/o");
        check(&[("HOME", "/h"), ("HF_HOME", "~/f")], "/h/f/hub");
        check(&[("HOME", "/h"), ("HF_HOME", "$HOME/a/${D}/$E"), ("D", "d")], "/h/a/d/$E/hub");
        check(&[("HOME", "/h"), ("HF_HOME", "")], "/h/.cache/huggingface/hub");
        let flags = HubFlags { cache_dir: Some("/flag".into()), ..HubFlags::default() };
        assert_eq!(settings(flags, &[("HF_HUB_CACHE", "/c")]).cache_dir, Path::new("/flag"));
        let none = HubSettings::resolve(HubFlags::default(), |_| None);
        assert!(matches!(none, Err(HubError::NoHome)));
    }

    #[test]
    fn offline_is_read_as_python_reads_it() {
        for (variables, expected) in [
            (&[][..], false),
            (&[("HF_HUB_OFFLINE", "1")], true),
            (&[("HF_HUB_OFFLINE", "yes")], true),
            (&[("HF_HUB_OFFLINE", "on")], true),
            (&[("HF_HUB_OFFLINE", "0")], false),
            (&[("HF_HUB_OFFLINE", "y")], false),
            (&[("TRANSFORMERS_OFFLINE", "True")], true),
            (&[("HF_HUB_OFFLINE", "0"), ("TRANSFORMERS_OFFLINE", "1")], false),
            (&[("HF_HUB_OFFLINE", ""), ("TRANSFORMERS_OFFLINE", "1")], true),
        ] {
            let all = [&[("HOME", "/h")], variables].concat();
            assert_eq!(settings(HubFlags::default(), &all).offline, expected, "{variables:?}");
        }
        let flags = HubFlags { offline: true, ..HubFlags::default() };
        assert!(settings(flags, &[("HOME", "/h"), ("HF_HUB_OFFLINE", "0")]).offline);
    }

    #[test]
    fn the_token_comes_from_flag_variable_or_file_and_is_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_str().unwrap();
        fs::write(folder.path().join("token"), "from-file\n").unwrap();
        fs::write(folder.path().join("other"), " from-path ").unwrap();
        let other = folder.path().join("other");
        let other = other.to_str().unwrap();
        let secret = |flags, variables: &[(&str, &str)]| {
            settings(flags, variables).token.map(|token| token.secret().to_owned())
        };
        let none = HubFlags::default;
        assert_eq!(secret(none(), &[("HF_HOME", home)]).as_deref(), Some("from-file"));
        assert_eq!(
            secret(none(), &[("HF_HOME", home), ("HF_TOKEN_PATH", other)]).as_deref(),
            Some("from-path")
        );
        assert_eq!(
            secret(none(), &[("HF_HOME", home), ("HF_TOKEN", "from-env\n")]).as_deref(),
            Some("from-env")
        );
        let old = ("HUGGING_FACE_HUB_TOKEN", "from-old-\r\nname");
        assert_eq!(secret(none(), &[("HF_HOME", home), old]).as_deref(), Some("from-old-name"));
        assert_eq!(secret(none(), &[("HF_TOKEN", "a"), old, ("HOME", "/h")]).as_deref(), Some("a"));
        // Python reads the file where the variable is blank, not the older variable.
        let blank = [("HF_HOME", home), ("HF_TOKEN", " "), old];
        assert_eq!(secret(none(), &blank).as_deref(), Some("from-file"));
        let implicit = [("HF_HOME", home), ("HF_TOKEN", "x"), (NO_TOKEN, "true")];
        assert_eq!(secret(none(), &implicit), None);
        let flag = HubFlags { token: Token::new("from-flag"), ..none() };
        assert_eq!(
            secret(flag.clone(), &[("HF_HOME", home), ("HF_TOKEN", "x")]).as_deref(),
            Some("from-flag")
        );
        assert_eq!(secret(none(), &[("HOME", "/nowhere")]), None);
        assert!(!format!("{:?}", settings(flag, &[("HF_HOME", home)])).contains("from-flag"));
    }

    #[test]
    fn the_endpoint_loses_its_final_slash() {
        let endpoint =
            |variables: &[(&str, &str)]| settings(HubFlags::default(), variables).endpoint;
        assert_eq!(endpoint(&[("HOME", "/h")]), DEFAULT_ENDPOINT);
        assert_eq!(endpoint(&[("HOME", "/h"), ("HF_ENDPOINT", "http://a:1/")]), "http://a:1");
    }

    #[test]
    fn what_decided_a_setting_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_str().unwrap();
        fs::write(folder.path().join("token"), "t").unwrap();
        let decided = |variables: &[(&str, &str)]| settings(HubFlags::default(), variables).decided;
        assert_eq!(decided(&[("HOME", "/h")]), Decided::default());
        let found =
            decided(&[("HF_HOME", home), ("TRANSFORMERS_OFFLINE", "0"), ("HF_ENDPOINT", "e")]);
        assert_eq!(found.cache_dir, DecidedBy::Variable("HF_HOME"));
        assert_eq!(found.token, DecidedBy::File(folder.path().join("token")));
        assert_eq!(found.offline, DecidedBy::Variable("TRANSFORMERS_OFFLINE"));
        assert_eq!(found.endpoint, DecidedBy::Variable("HF_ENDPOINT"));
        let found = decided(&[("XDG_CACHE_HOME", home), ("HUGGING_FACE_HUB_TOKEN", "t")]);
        assert_eq!(found.cache_dir, DecidedBy::Variable("XDG_CACHE_HOME"));
        assert_eq!(found.token, DecidedBy::Variable("HUGGING_FACE_HUB_TOKEN"));
        let old = decided(&[("HUGGINGFACE_HUB_CACHE", "/c")]);
        assert_eq!(old.cache_dir, DecidedBy::Variable("HUGGINGFACE_HUB_CACHE"));
        let flags = HubFlags { cache_dir: Some("/c".into()), offline: true, ..HubFlags::default() };
        let found = settings(flags, &[("HF_HOME", home)]).decided;
        assert_eq!((found.cache_dir, found.offline), (DecidedBy::Flag, DecidedBy::Flag));
    }

    #[test]
    fn values_that_cannot_be_used_are_named() {
        let resolve = |variables: &[(&str, &str)]| {
            HubSettings::resolve(HubFlags::default(), |name| {
                variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
            })
        };
        let timeouts = |name, value| {
            let found = resolve(&[("HOME", "/h"), (name, value)])?;
            Ok::<_, HubError>((found.timeout.as_secs(), found.etag_timeout.as_secs()))
        };
        assert_eq!(timeouts(TIMEOUT, "7").unwrap(), (7, 10));
        assert_eq!(timeouts(ETAG_TIMEOUT, " 7 ").unwrap(), (30, 7));
        for name in [TIMEOUT, ETAG_TIMEOUT] {
            assert_eq!(timeouts(name, "0").unwrap(), (30, 10));
            for value in ["soon", "-1", "1.5"] {
                let error = timeouts(name, value).unwrap_err();
                assert!(matches!(error, HubError::BadSetting { name: found, .. } if found == name));
            }
        }
        let proxy = |name, value| resolve(&[("HOME", "/h"), (name, value)]).unwrap().bad_proxy;
        for name in PROXY {
            assert_eq!(proxy(name, "http://proxy:99999"), Some(name));
            assert_eq!(proxy(name, "http://proxy:3128"), None);
        }
        // A token file that is a folder: no file, but not absent either.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let found = resolve(&[("HOME", "/h"), ("HF_TOKEN_PATH", path)]);
        assert!(
            matches!(found, Err(HubError::DiskRead { path: found, .. }) if found == folder.path())
        );
        let offline = [("HOME", "/h"), ("HF_TOKEN_PATH", path), ("HF_HUB_OFFLINE", "1")];
        assert_eq!(resolve(&offline).unwrap().token, None);
    }
}
