//! What each family reads from a config: the architecture, as a snapshot a fixture.

use crate::fixtures::{bundled, families, load};

#[test]
fn configs_read_as_these_architectures() {
    for (name, model) in families() {
        insta::assert_debug_snapshot!(name, model.transformer.architecture());
    }
    let model = load(&bundled()).unwrap();
    insta::assert_debug_snapshot!("bundled", model.transformer.architecture());
}
