//! The settings of the hub, as Python reads them: flags, then the environment, then defaults.
//!
//! The environment is an argument, so that nothing here depends on the process.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::HubError;

/// The default hub.
pub const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

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
    /// The number of retries of a request that failed without a clear response.
    pub retries: u32,
    /// The pause before the first retry. It doubles each time, up to eight seconds.
    pub retry_pause: Duration,
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
    /// Settings from flags and an environment: `|name| std::env::var_os(name)` is that of the process.
    ///
    /// Read as Python's `huggingface_hub.constants` reads them: `HF_HOME` (default
    /// `$XDG_CACHE_HOME/huggingface`, then `~/.cache/huggingface`), `HF_HUB_CACHE` (default
    /// `$HF_HOME/hub`), `HF_ENDPOINT`, `HF_TOKEN`, `HF_TOKEN_PATH` (default `$HF_HOME/token`),
    /// `HF_HUB_OFFLINE` else `TRANSFORMERS_OFFLINE`, `HF_HUB_DISABLE_SYMLINKS`. `~` and `$NAME` in
    /// folders are expanded.
    ///
    /// # Errors
    /// [`HubError::NoHome`] if a default needs a home folder and there is none.
    pub fn resolve(
        flags: HubFlags,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, HubError> {
        let env = Environment(&environment);
        // Needed only for settings without a value.
        let hf_home = || match env.folder("HF_HOME") {
            Some(folder) => Ok(folder),
            None => Ok(env.cache_home()?.join("huggingface")),
        };
        let cache_dir = match flags.cache_dir.or_else(|| env.folder("HF_HUB_CACHE")) {
            Some(folder) => folder,
            None => hf_home()?.join("hub"),
        };
        let token_path =
            env.folder("HF_TOKEN_PATH").or_else(|| Some(hf_home().ok()?.join("token")));
        let token = flags
            .token
            .or_else(|| Token::new(&env.text("HF_TOKEN")?))
            .or_else(|| Token::new(&fs::read_to_string(token_path?).ok()?));
        let endpoint = flags
            .endpoint
            .or_else(|| env.text("HF_ENDPOINT"))
            .unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned());
        let offline = env.text("HF_HUB_OFFLINE").or_else(|| env.text("TRANSFORMERS_OFFLINE"));
        Ok(HubSettings {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            cache_dir,
            state_dir: env.cache_home().ok().map(|folder| folder.join("stratoscope")),
            token,
            offline: flags.offline || offline.is_some_and(|value| is_true(&value)),
            symlinks: !env.text("HF_HUB_DISABLE_SYMLINKS").is_some_and(|value| is_true(&value)),
            timeout: Duration::from_secs(30),
            retries: 4,
            retry_pause: Duration::from_millis(500),
        })
    }
}

impl Token {
    /// A token from a text without surrounding white space; `None` if the text is blank.
    pub fn new(text: &str) -> Option<Self> {
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

/// `1`, `ON`, `YES` or `TRUE` in any case, as in Python.
fn is_true(value: &str) -> bool {
    ["1", "ON", "YES", "TRUE"].contains(&value.to_ascii_uppercase().as_str())
}

struct Environment<'a>(&'a dyn Fn(&str) -> Option<OsString>);

impl Environment<'_> {
    /// A variable that is set and not empty.
    fn text(&self, name: &str) -> Option<String> {
        let value = (self.0)(name)?.into_string().ok()?;
        (!value.is_empty()).then_some(value)
    }

    /// A folder, with `~` and `$NAME` expanded if the value is Unicode.
    fn folder(&self, name: &str) -> Option<PathBuf> {
        let value = (self.0)(name).filter(|value| !value.is_empty())?;
        Some(match value.into_string() {
            Ok(text) => self.expand(&text),
            Err(raw) => PathBuf::from(raw),
        })
    }

    fn home(&self) -> Option<PathBuf> {
        let value = (self.0)("HOME").or_else(|| (self.0)("USERPROFILE"))?;
        (!value.is_empty()).then(|| PathBuf::from(value))
    }

    fn cache_home(&self) -> Result<PathBuf, HubError> {
        self.folder("XDG_CACHE_HOME")
            .or_else(|| Some(self.home()?.join(".cache")))
            .ok_or(HubError::NoHome)
    }

    fn expand(&self, text: &str) -> PathBuf {
        let text = self.expand_variables(text);
        match text.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => match self.home() {
                Some(home) => home.join(Path::new(rest.trim_start_matches('/'))),
                None => PathBuf::from(text),
            },
            _ => PathBuf::from(text),
        }
    }

    /// Expands `$NAME` and `${NAME}`; the name of a variable that is not set stays.
    fn expand_variables(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
            let (name, tail) = match braced {
                Some((name, tail)) => (name, tail),
                None => after.split_at(after.find(|c| !is_name(c)).unwrap_or(after.len())),
            };
            match self.text(name).filter(|_| !name.is_empty()) {
                Some(value) => out.push_str(&value),
                None => out.push_str(&rest[at..rest.len() - tail.len()]),
            }
            rest = tail;
        }
        out.push_str(rest);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            (&[("HF_HUB_OFFLINE", "0")], false),
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
}
