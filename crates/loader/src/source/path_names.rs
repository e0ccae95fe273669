//! Names that can only be paths, and paths as text.

use std::path::Path;

/// The endings of files that a user may name instead of a model.
const ENDINGS: [&str; 14] = [
    "gguf",
    "ggml",
    "safetensors",
    "bin",
    "pt",
    "pth",
    "ckpt",
    "h5",
    "msgpack",
    "onnx",
    "json",
    "txt",
    "zip",
    "gz",
];

/// A path as text. Bytes that are not UTF-8 become `\xFF`, so that different paths stay different.
pub fn path_text(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02X}")));
    }
    text
}

/// Whether a name cannot be that of a hub repository (`org/name[@revision]`), but that of a file or
/// folder.
pub(super) fn looks_like_a_path(name: &str) -> bool {
    let id = name.split_once('@').map_or(name, |(id, _)| id);
    let ending = Path::new(id).extension().and_then(|ending| ending.to_str());
    Path::new(name).is_absolute()
        || id.starts_with(['.', '~', '/'])
        || id.ends_with('/')
        || id.contains('\\')
        || id.matches('/').count() > 1
        || ending.is_some_and(|ending| ENDINGS.iter().any(|it| ending.eq_ignore_ascii_case(it)))
}
