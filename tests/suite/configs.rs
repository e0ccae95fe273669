//! What each family reads from a config: the architecture, as a snapshot a fixture.

use crate::fixtures::{bundled, load, path};
use stratoscope_loader::Source;

#[test]
fn configs_read_as_these_architectures() {
    for entry in std::fs::read_dir(path("families")).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let model = load(&Source::Folder(folder)).unwrap();
        insta::assert_debug_snapshot!(name, model.transformer.architecture());
    }
    let model = load(&bundled()).unwrap();
    insta::assert_debug_snapshot!("bundled", model.transformer.architecture());
}
