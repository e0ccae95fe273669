//! The shipped anisotropy baseline is equal to the baseline that the bundled model gives.

use crate::fixtures::bundled;
use stratoscope::{Baseline, Explorer, builtin_sentences};

/// With `STRATOSCOPE_UPDATE=1`, this test writes the baseline.
#[test]
fn the_shipped_baseline_equals_the_computed_one() {
    let explorer = Explorer::open(bundled()).unwrap();
    let computed = Baseline::compute(&explorer).unwrap();
    assert!(computed.values.iter().all(|value| value.n == builtin_sentences().count()));
    if std::env::var_os("STRATOSCOPE_UPDATE").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/bundled/baseline.json");
        let mut json = serde_json::to_string_pretty(&computed).unwrap();
        json.push('\n');
        std::fs::write(path, json).unwrap();
        return;
    }
    let origin = explorer.origin();
    let shipped = Baseline::parse(stratoscope_bundled::BASELINE, &origin).unwrap();
    for (layer, (ours, theirs)) in computed.values.iter().zip(&shipped.values).enumerate() {
        assert!((ours.value - theirs.value).abs() < 1e-4, "layer {layer}");
        assert_eq!(ours.n, theirs.n);
        let [low, high] = ours.interval.unwrap();
        assert!(low < ours.value && ours.value < high, "layer {layer}");
    }
}

#[test]
fn the_baseline_of_another_model_is_refused() {
    let explorer = Explorer::open(bundled()).unwrap();
    let origin = explorer.origin();
    let mut other = Baseline::parse(stratoscope_bundled::BASELINE, &origin).unwrap();
    other.model = "0".repeat(64);
    let json = serde_json::to_string(&other).unwrap();
    let error = Baseline::parse(&json, &origin).unwrap_err();
    assert!(error.to_string().contains("another tokenizer"), "{error}");
    assert!(Baseline::parse("{}", &origin).is_err());
    // A baseline of an older definition has other fields.
    let older = stratoscope_bundled::BASELINE.replacen('{', "{ \"seed\": 0,", 1);
    let error = Baseline::parse(&older, &origin).unwrap_err();
    assert!(error.to_string().contains("seed"), "{error}");
}
