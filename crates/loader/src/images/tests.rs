//! Images as Pillow and transformers' processors make them, and settings that are refused.

use super::pixels::{Pixels, Resampling, offsets};
use super::*;
use safetensors::SafeTensors;
use serde_json::{Value, json};
use std::path::Path;
use stratoscope_transformer::resample::Filter;

/// `tests/fixtures/pixels.safetensors`.
fn golden() -> Vec<u8> {
    let place =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/pixels.safetensors");
    std::fs::read(place).unwrap()
}

fn picture(file: &SafeTensors, index: u64) -> Picture {
    let view = file.tensor(&format!("picture.{index}")).unwrap();
    let [height, width, 3] = *view.shape() else { panic!("{:?}", view.shape()) };
    Picture { width: width as u32, height: height as u32, rgb: view.data().to_vec() }
}

/// A processor of patches of 6 pixels, for images of any size.
fn processor(settings: Settings) -> ImageProcessor {
    let patches =
        Patches { channels: 3, size: [6, 6], bias: true, prefix: vec![1], positions: None };
    ImageProcessor { settings, patches }
}

fn parsed(config: &Value) -> Result<Settings> {
    let bytes = config.to_string().into_bytes();
    let settings = Settings::parse("preprocessor_config.json", &bytes, "vit", &mut Vec::new())?;
    Ok(settings.unwrap())
}

#[test]
fn pixels_of_other_sizes_are_pillows() {
    let bytes = golden();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let resampling = |number: &str| match number {
        "0" => Resampling::Nearest,
        "1" => Resampling::Filtered(Filter::Lanczos),
        "2" => Resampling::Filtered(Filter::Linear),
        "3" => Resampling::Filtered(Filter::Cubic),
        "4" => Resampling::Filtered(Filter::Box),
        _ => Resampling::Filtered(Filter::Hamming),
    };
    let mut seen = 0;
    for (name, view) in file.tensors() {
        let parts: Vec<&str> = name.split('.').collect();
        let ["resized", index, number, _] = parts[..] else { continue };
        let picture = picture(&file, index.parse().unwrap());
        let from = [picture.height as usize, picture.width as usize];
        let to = [view.shape()[0], view.shape()[1]];
        let resized = Pixels::of(&picture.rgb, from, false).resized(to, resampling(number));
        assert!(resized.bytes() == view.data(), "{name}");
        // Without rounding between rows and columns, no grey level is far, where none is clamped there.
        let floats = Pixels::of(&picture.rgb, from, true).resized(to, resampling(number));
        let far = floats.bytes().iter().zip(view.data()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(matches!(number, "1" | "3") || far <= Some(1), "{name}: {far:?}");
        seen += 1;
    }
    assert_eq!(seen, 108);
}

#[test]
fn values_are_those_of_transformers() {
    let bytes = golden();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let cases: Value =
        serde_json::from_str(&metadata.metadata().as_ref().unwrap()["cases"]).unwrap();
    assert_eq!(cases.as_object().unwrap().len(), 16);
    for (name, case) in cases.as_object().unwrap() {
        let config: Value = serde_json::from_str(case["config"].as_str().unwrap()).unwrap();
        let picture = picture(&file, case["picture"].as_u64().unwrap());
        let processed = processor(parsed(&config).unwrap()).process(&picture).unwrap();
        let view = file.tensor(&format!("values.{name}")).unwrap();
        let [3, height, width] = *view.shape() else { panic!("{name}") };
        let expected: Vec<f32> =
            view.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        let [rows, columns] = processed.grid;
        assert_eq!([rows, columns], [height / 6, width / 6], "{name}");
        let Sequence::Features(features) = &processed.sequence else { panic!("{name}") };
        assert_eq!((features.width, features.tokens), (108, 1 + rows * columns));
        assert_eq!(processed.seen.width as usize, columns * 6, "{name}");
        let mut worst: f32 = 0.0;
        for (place, value) in features.values.iter().enumerate() {
            let (patch, within) = (place / 108, place % 108);
            let (channel, y, x) = (within / 36, within / 6 % 6, within % 6);
            let (y, x) = (patch / columns * 6 + y, patch % columns * 6 + x);
            let theirs = expected[(channel * height + y) * width + x];
            worst = worst.max((value - theirs).abs() / theirs.abs().max(1.0));
        }
        let limit = if name == "dinov3" { 1e-5 } else { 0.0 };
        assert!(worst <= limit, "{name}: {worst:e}");
    }
}

#[test]
fn the_grid_covers_what_the_picture_has_there() {
    let settings = |config: Value| processor(parsed(&config).unwrap());
    let clip = json!({ "image_processor_type": "CLIPImageProcessor", "size": 20, "crop_size": 18 });
    let wide = Picture { width: 200, height: 100, rgb: vec![9; 60_000] };
    let processed = settings(clip).process(&wide).unwrap();
    // The shorter side becomes a fifth: of 40 × 20 pixels, 18 × 18 are kept.
    assert_eq!(processed.crop, [55.0, 5.0, 90.0, 90.0]);
    assert_eq!((processed.grid, processed.prefix), ([3, 3], vec!["[CLS]".to_owned()]));
    assert!(processed.seen.rgb.iter().all(|&level| level == 9));
    // Rows and columns that fill no patch are left out.
    let whole = json!({ "image_processor_type": "ViTImageProcessor", "do_resize": false });
    let small = Picture { width: 20, height: 8, rgb: vec![7; 480] };
    let processed = settings(whole).process(&small).unwrap();
    assert_eq!((processed.grid, processed.crop), ([1, 3], [0.0, 0.0, 18.0, 6.0]));
    assert_eq!(offsets([7, 8], [10, 5]), [-2, 1]);
}

#[test]
fn pictures_that_cannot_be_read_are_refused() {
    let of = |config: Value| processor(parsed(&config).unwrap());
    let whole = of(json!({ "do_resize": false }));
    let picture = |width, height, values| Picture { width, height, rgb: vec![0; values] };
    for (pictured, reason) in [
        (picture(0, 3, 0), "no pixels"),
        (picture(u32::MAX, u32::MAX, 0), "more than fit"),
        (picture(6, 6, 107), "107 values"),
        (picture(5, 6, 90), "smaller than a patch"),
    ] {
        let error = whole.process(&pictured).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    let long = of(json!({ "image_processor_type": "BitImageProcessor", "do_center_crop": false }));
    let error = long.process(&picture(1, 100_000, 300_000)).unwrap_err().to_string();
    assert!(error.contains("224 × 22400000 pixels"), "{error}");
    let mut fixed = of(json!({ "size": 12 }));
    let (grid, other_grids) = ([3, 3], OtherGrids::Refused);
    fixed.patches.positions = Some(GridPositions { grid, prefix: 1, other_grids });
    let error = fixed.process(&picture(6, 6, 108)).unwrap_err().to_string();
    assert!(error.contains("2 × 2 patches, and the model has positions for 3 × 3"), "{error}");
}

#[test]
fn settings_that_are_wrong_or_not_supported_are_named() {
    for (key, value) in [
        ("size", json!(0)),
        ("size", json!({ "height": 12 })),
        ("size", json!({ "height": 12, "width": 1u64 << 40 })),
        ("size", json!({ "longest_edge": 30 })),
        ("size", json!("224")),
        ("crop_size", json!({ "shortest_edge": 12 })),
        ("crop_size", json!([12])),
        ("resample", json!(6)),
        ("resample", json!("bicubic")),
        ("image_std", json!([0.5, 0.0, 0.5])),
        ("image_std", json!([0.5, 1e-300, 0.5])),
        ("image_std", json!([0.5, 0.5])),
        ("image_mean", json!(["a", 0, 0])),
        ("image_mean", json!([1e300, 0, 0])),
        ("rescale_factor", json!(0)),
        ("do_resize", json!("yes")),
        ("do_pad", json!(true)),
        ("use_square_size", json!(true)),
        ("image_processor_type", json!("EfficientNetImageProcessor")),
        ("feature_extractor_type", json!("ConvNextFeatureExtractor")),
    ] {
        let mut config = json!({ "do_center_crop": true });
        config[key] = value;
        let error = parsed(&config).unwrap_err().to_string();
        assert!(error.starts_with("preprocessor_config.json: ") && error.contains(key), "{error}");
    }
    let other = Settings::parse("preprocessor_config.json", b"{}", "swin", &mut Vec::new());
    assert!(other.unwrap_err().to_string().contains("ViTImageProcessor"), "swin");
}

#[test]
fn what_is_done_is_told() {
    let config = json!({
        "image_processor_type": "BitImageProcessor", "size": { "shortest_edge": 256 },
        "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225],
    });
    assert_eq!(
        processor(parsed(&config).unwrap()).to_string(),
        "resized to a shorter side of 256 pixels (bicubic), cut to its middle of 224 × 224 pixels, \
         values divided by 255, mean [0.485, 0.456, 0.406] and standard deviation [0.229, 0.224, 0.225] \
         taken off; patches of 6 × 6 pixels"
    );
}

#[test]
fn rows_before_the_patches_have_labels() {
    let mut all = processor(parsed(&json!({})).unwrap());
    all.patches.prefix = vec![1, 2];
    assert_eq!(all.prefix(), ["[CLS]", "[REG 1]", "[REG 2]"]);
    let (grid, other_grids) = ([2, 2], OtherGrids::Refused);
    all.patches.positions = Some(GridPositions { grid, prefix: 2, other_grids });
    all.patches.prefix = vec![1, 1];
    assert_eq!(all.prefix(), ["[CLS]", "[DIST]"]);
}
