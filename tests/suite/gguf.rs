//! GGUF files of the golden checkpoints compute what the checkpoints do.

use crate::families::check_states;
use crate::fixtures::{Tensors, checkpoints, path};

#[test]
fn gguf_files_equal_transformers() {
    let mut seen = 0;
    for (name, model) in checkpoints("gguf/models") {
        let golden = Tensors::read(path("families").join(&name).join("golden.safetensors"));
        check_states(&format!("{name} (GGUF)"), &model.transformer, &golden);
        seen += 1;
    }
    // BERT, in f32 and in f16.
    assert!(seen >= 2);
}
