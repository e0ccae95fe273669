//! Names that can only be paths.

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
