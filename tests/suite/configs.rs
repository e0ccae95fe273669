//! The architecture that each family reads from a config, as one snapshot per fixture.

use crate::fixtures::{bundled, families, load};

#[test]
fn architectures_of_configs() {
    for (name, model) in families() {
        insta::assert_debug_snapshot!(name, model.transformer.architecture());
    }
    let model = load(&bundled()).unwrap();
    insta::assert_debug_snapshot!("bundled", model.transformer.architecture());
}
