//! Names of repositories, revisions and files, checked to be safe in paths and URLs.

use super::error::HubError;

/// A repository, with or without a revision: `org/name` or `org/name@revision`.
///
/// The rules are those of Python's `huggingface_hub.utils.validate_repo_id`.
///
/// ```
/// use stratoscope_loader::hub::RepoName;
/// let name = RepoName::parse("org/name@v1.0")?;
/// assert_eq!((name.id(), name.revision()), ("org/name", Some("v1.0")));
/// assert!(RepoName::parse("../name").is_err());
/// # Ok::<(), stratoscope_loader::hub::HubError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoName {
    id: String,
    revision: Option<String>,
}

impl RepoName {
    /// Reads `org/name[@revision]`.
    ///
    /// # Errors
    /// [`HubError::BadRepo`] for anything else.
    pub fn parse(text: &str) -> Result<Self, HubError> {
        let (id, revision) = match text.split_once('@') {
            Some((id, revision)) => (id, Some(revision)),
            None => (text, None),
        };
        let bad = |reason| HubError::BadRepo { name: text.to_owned(), reason };
        check_id(id).map_err(bad)?;
        if let Some(revision) = revision {
            check_revision(revision).map_err(bad)?;
        }
        Ok(RepoName { id: id.to_owned(), revision: revision.map(str::to_owned) })
    }

    /// The same repository at another revision: a branch, a tag or a commit.
    ///
    /// # Errors
    /// [`HubError::BadRepo`] if it is not a valid revision.
    pub fn at(self, revision: &str) -> Result<Self, HubError> {
        check_revision(revision).map_err(|reason| HubError::BadRepo {
            name: format!("{}@{revision}", self.id),
            reason,
        })?;
        Ok(RepoName { id: self.id, revision: Some(revision.to_owned()) })
    }

    /// `org/name`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The revision, if the name has one.
    pub fn revision(&self) -> Option<&str> {
        self.revision.as_deref()
    }
}

/// Whether a revision is a full commit: 40 hexadecimal digits in lower case.
pub(super) fn is_commit(revision: &str) -> bool {
    is_hex(revision, 40)
}

pub(super) fn is_hex(text: &str, len: usize) -> bool {
    text.len() == len && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Checks the name of a file in a repository.
pub(super) fn check_file(file: &str) -> Result<(), HubError> {
    let reason = if file.is_empty() {
        "it is empty"
    } else if file.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
        "it holds control characters"
    } else if file.contains(['\\', ':']) {
        "it holds `\\` or `:`"
    } else if file.split('/').any(str::is_empty) {
        "it is absolute, or has an empty part"
    } else if file.split('/').any(|part| part == "." || part == "..") {
        "it has a part `.` or `..`"
    } else {
        return Ok(());
    };
    Err(HubError::BadFileName { file: file.to_owned(), reason })
}

/// Encodes one path segment of a URL, `/` included.
pub(super) fn encode_segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Encodes a path of a URL, without `/`.
pub(super) fn encode_path(path: &str) -> String {
    path.split('/').map(encode_segment).collect::<Vec<_>>().join("/")
}

fn check_id(id: &str) -> Result<(), &'static str> {
    if id.is_empty() || id.len() > 96 {
        return Err("it must have 1 to 96 characters");
    }
    if id.matches('/').count() > 1 {
        return Err("it has more than one `/`");
    }
    if id.contains("--") || id.contains("..") {
        return Err("it holds `--` or `..`");
    }
    if id.ends_with(".git") {
        return Err("it ends in `.git`");
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    for part in id.split('/') {
        if part.is_empty() || !part.chars().all(allowed) {
            return Err("only letters, digits, `-`, `_` and `.` are allowed");
        }
        if part.starts_with(['-', '.']) || part.ends_with(['-', '.']) {
            return Err("a part starts or ends with `-` or `.`");
        }
    }
    Ok(())
}

/// Git's rules for the name of a reference, as far as they matter for paths and URLs.
fn check_revision(revision: &str) -> Result<(), &'static str> {
    if revision.is_empty() || revision.len() > 255 {
        return Err("the revision must have 1 to 255 characters");
    }
    if revision.contains("..")
        || revision.split('/').any(|part| part.is_empty() || part.starts_with('.'))
    {
        return Err("the revision has an empty part, or one that starts with `.`");
    }
    let forbidden = |c: char| c.is_control() || " ~^:?*[\\@".contains(c);
    if revision.contains(forbidden) || revision.starts_with('-') {
        return Err("the revision holds characters that git does not allow");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_repositories() {
        for good in ["gpt2", "org/name", "Org-1/na_me.v2", "a/b@main", "a/b@refs/pr/1", "a/b@v1.0"]
        {
            assert!(RepoName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/",
            "a/",
            "/a",
            "a/b/c",
            "../a",
            "a/..",
            "a--b/c",
            "a/b.git",
            ".a/b",
            "a/b-",
            "a b/c",
            "a/b@",
            "a/b@../x",
            "a/b@x y",
            "a/b@.hidden",
            "a/b@x@y",
            "a\\b",
            "a/b@-x",
            "a/b@/x",
            "ä/b",
            "a/b@x\n",
        ] {
            assert!(matches!(RepoName::parse(bad), Err(HubError::BadRepo { .. })), "{bad:?}");
        }
        assert!(RepoName::parse(&"a".repeat(97)).is_err());
        assert!(RepoName::parse("a/b").unwrap().at("..").is_err());
        assert_eq!(RepoName::parse("a/b@x").unwrap().at("y").unwrap().revision(), Some("y"));
    }

    #[test]
    fn names_of_files() {
        for good in ["config.json", "1_Pooling/config.json", "a b.txt", "onnx/model..x"] {
            assert!(check_file(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "../x",
            "a/../../x",
            "/etc/passwd",
            "a//b",
            "./a",
            "C:\\x",
            "C:x",
            "a\\b",
            "a\0b",
            "a/",
        ] {
            assert!(matches!(check_file(bad), Err(HubError::BadFileName { .. })), "{bad:?}");
        }
    }

    #[test]
    fn urls_are_encoded() {
        assert_eq!(encode_segment("refs/pr/1"), "refs%2Fpr%2F1");
        assert_eq!(encode_path("a b/ü#?.txt"), "a%20b/%C3%BC%23%3F.txt");
    }
}
