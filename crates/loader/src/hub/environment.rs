//! The environment, read as Python reads it: values, folders, and the home folder.

use std::ffi::OsString;
use std::path::PathBuf;

/// The variables of the process. Where `HOME` is not set, its value is the home folder of the password
/// database, as in Python.
pub fn process_environment(name: &str) -> Option<OsString> {
    let home = || (name == "HOME").then(std::env::home_dir).flatten().map(OsString::from);
    std::env::var_os(name).filter(|value| !value.is_empty()).or_else(home)
}

/// The folder of this program's own files, which are computed once per model: `stratoscope` in the
/// user's cache folder; none if there is no home folder.
pub fn own_cache(environment: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    Some(Environment(&environment).cache_home()?.join("stratoscope"))
}

/// The variables of an environment.
#[derive(Clone, Copy)]
pub(super) struct Environment<'a>(pub(super) &'a dyn Fn(&str) -> Option<OsString>);

impl Environment<'_> {
    /// A variable that is set and not empty. Characters that are not Unicode are replaced.
    pub(super) fn text(self, name: &str) -> Option<String> {
        let value = (self.0)(name).filter(|value| !value.is_empty())?;
        Some(value.to_string_lossy().into_owned())
    }

    /// The first of some variables that is set and not empty.
    pub(super) fn first(self, names: &[&'static str]) -> Option<(&'static str, String)> {
        names.iter().find_map(|name| Some((*name, self.text(name)?)))
    }

    /// Whether a variable is `1`, `ON`, `YES` or `TRUE`, in any case.
    pub(super) fn is_true(self, name: &str) -> bool {
        self.text(name).is_some_and(|value| is_true(&value))
    }

    /// The folder that the first variable names, and the variable. `~` and `$NAME` are expanded if the
    /// value is Unicode.
    pub(super) fn folder(self, names: &[&'static str]) -> Option<(&'static str, PathBuf)> {
        names.iter().find_map(|name| {
            let value = (self.0)(name).filter(|value| !value.is_empty())?;
            let folder = match value.into_string() {
                Ok(text) => self.expand(&text),
                Err(raw) => PathBuf::from(raw),
            };
            Some((*name, folder))
        })
    }

    /// The user's cache folder; none if there is no home folder.
    pub(super) fn cache_home(self) -> Option<PathBuf> {
        match self.folder(&["XDG_CACHE_HOME"]) {
            Some((_, folder)) => Some(folder),
            None => Some(self.home()?.join(".cache")),
        }
    }

    fn home(self) -> Option<PathBuf> {
        let value = (self.0)("HOME").or_else(|| (self.0)("USERPROFILE"))?;
        (!value.is_empty()).then(|| PathBuf::from(value))
    }

    /// Expands `~` and `~user`, then variables. A home folder that is not known stays as it is written.
    fn expand(self, text: &str) -> PathBuf {
        if let Some(rest) = text.strip_prefix('~') {
            let (user, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let home = if user.is_empty() { self.home() } else { home_of(user) };
            if let Some(home) = home {
                let rest = self.expand_variables(rest.trim_start_matches('/'));
                return if rest.is_empty() { home } else { home.join(rest) };
            }
        }
        PathBuf::from(self.expand_variables(text))
    }

    /// Expands `$NAME` and `${NAME}`; the name of a variable that is not set stays.
    fn expand_variables(self, text: &str) -> String {
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
            match (self.0)(name).filter(|_| !name.is_empty()) {
                Some(value) => out.push_str(&value.to_string_lossy()),
                None => out.push_str(&rest[at..rest.len() - tail.len()]),
            }
            rest = tail;
        }
        out.push_str(rest);
        out
    }
}

/// `1`, `ON`, `YES` or `TRUE` in any case, as in Python.
pub(super) fn is_true(value: &str) -> bool {
    ["1", "ON", "YES", "TRUE"].contains(&value.to_ascii_uppercase().as_str())
}

/// The home folder of another user, from the password database.
#[cfg(unix)]
fn home_of(user: &str) -> Option<PathBuf> {
    nix::unistd::User::from_name(user).ok().flatten().map(|user| user.dir)
}

#[cfg(not(unix))]
fn home_of(_user: &str) -> Option<PathBuf> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn folders_are_expanded_as_python_expands_them() {
        let variables = |name: &str| {
            let value = match name {
                "HOME" => "/h/me",
                "D" => "d",
                "TILDE" => "~/x",
                _ => return None,
            };
            Some(value.into())
        };
        // os.path.expandvars(os.path.expanduser(TEXT)) with these variables.
        for (text, expected) in [
            ("~", "/h/me"),
            ("~/", "/h/me"),
            ("~/a", "/h/me/a"),
            ("$HOME/a/${D}/$E", "/h/me/a/d/$E"),
            ("~/$D", "/h/me/d"),
            ("$TILDE", "~/x"),
            ("a~", "a~"),
            ("~no-such-user-here/a", "~no-such-user-here/a"),
            ("$", "$"),
            ("${D", "${D"),
            ("", ""),
        ] {
            assert_eq!(Environment(&variables).expand(text), Path::new(expected), "{text}");
        }
        #[cfg(unix)]
        assert_eq!(Environment(&|_| None).expand("~root/a"), home_of("root").unwrap().join("a"));
    }

    #[test]
    fn the_own_folder_is_in_the_cache_folder_of_the_user() {
        let of = |name: &'static str| own_cache(move |n| (n == name).then(|| "/f".into()));
        assert_eq!(of("HOME").as_deref(), Some(Path::new("/f/.cache/stratoscope")));
        assert_eq!(of("XDG_CACHE_HOME").as_deref(), Some(Path::new("/f/stratoscope")));
        assert_eq!(of("OTHER"), None);
    }
}
