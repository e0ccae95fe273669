//! GGUF files of the golden checkpoints give the same output as the checkpoints.

use crate::families::check_states;
use crate::fixtures::{Tensors, folders, loaded_from, path};
use stratoscope_loader::Source;

#[test]
fn gguf_files_equal_transformers() {
    let names = folders("gguf/models");
    assert!(names.len() >= 13);
    for name in names {
        let model = loaded_from(&name, &Source::Folder(path("gguf/models").join(&name)));
        let golden = Tensors::read(path("families").join(&name).join("golden.safetensors"));
        check_states(&format!("{name} (GGUF)"), &model.transformer, &golden);
    }
}
