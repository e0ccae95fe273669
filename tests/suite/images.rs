//! Models that read images: the encoder that is meant, images of several sizes in one batch, and settings
//! that are refused.

use crate::checkpoints::Checkpoint;
use crate::families::{check_states, sequences, values};
use crate::fixtures::{Tensors, distance, load, load_with, path};
use serde_json::json;
use stratoscope_loader::{Error, LoadOptions, Note, Picture, Pooling, Reads, Source};
use stratoscope_transformer::{Batch, Features, NoHooks, Sequence};

fn golden(place: &str) -> Tensors {
    Tensors::read(path(place).join("golden.safetensors"))
}

/// Of a checkpoint with two encoders, that of texts is read unless images are wanted.
#[test]
fn one_of_two_encoders_is_read() {
    for (name, pooling) in [("clip-both", Pooling::First), ("siglip-both", Pooling::Mean)] {
        let source = Source::Folder(path("towers").join(name));
        let texts = load(&source).unwrap();
        assert_eq!((texts.reads(), texts.images.is_some()), (Reads::Text, false), "{name}");
        assert_eq!(texts.info.family, "CLIP / SigLIP text");
        let mut options = LoadOptions::default();
        options.reads = Some(Reads::Image);
        let images = load_with(&source, &options).unwrap();
        assert_eq!(images.reads(), Reads::Image);
        assert_eq!(images.info.family, "CLIP / SigLIP images");
        assert!(images.tokenizer.is_none() && images.info.check_tokenizer().is_ok());
        assert_eq!(images.info.sentence_pooler().unwrap(), pooling.into());
        let defaults = |note: &Note| matches!(note, Note::NoImageSettings { .. });
        assert!(images.info.notes.iter().any(defaults), "{:?}", images.info.notes);
        check_states(name, &images.transformer, &golden(&format!("towers/{name}")));
        // A model of texts alone stays one.
        let bert = Source::Folder(path("families/bert"));
        assert_eq!(load_with(&bert, &options).unwrap().reads(), Reads::Text);
    }
}

/// The state of a patch does not depend on the other images of its batch.
#[test]
fn images_of_several_sizes_are_packed() {
    for name in ["dinov2", "dinov2-registers", "dinov3"] {
        let model = load(&Source::Folder(path("families").join(name))).unwrap();
        let all = sequences(&golden(&format!("families/{name}")));
        assert!(all.len() == 4 && all[0].tokens() != all[1].tokens());
        let run = |sequences: &[Sequence]| {
            let batch = Batch::new(model.transformer.architecture(), sequences).unwrap();
            let states = model.transformer.forward(&batch, &mut NoHooks).unwrap();
            values(states.last().unwrap())
        };
        let alone: Vec<f32> = all.iter().flat_map(|s| run(std::slice::from_ref(s))).collect();
        assert_eq!(run(&all), alone, "{name}");
        // Another grid of the same patches gives other states: positions are those of the grid.
        let Sequence::Features(features) = &all[1] else { panic!("{name}") };
        let turned = Features { grid: features.grid.map(|[a, b]| [b, a]), ..features.clone() };
        let turned = run(&[Sequence::Features(turned)]);
        assert!(distance(&turned, &run(&all[1..2])).0 > 1e-2, "{name}");
    }
}

#[test]
fn what_a_model_does_not_read_is_refused() {
    let vit = load(&Source::Folder(path("families/vit"))).unwrap();
    let architecture = vit.transformer.architecture();
    let refused = |sequence: Sequence, reason: &str| {
        let error = Batch::new(architecture, &[sequence]).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    };
    refused(Sequence::from_ids(vec![1, 2]), "does not read token ids");
    let of = |values: usize, width: usize, grid| {
        Sequence::Features(Features::new(architecture, vec![0.0; values].into(), width, grid))
    };
    refused(of(108 * 16, 108, None), "need a grid");
    refused(of(108 * 16, 108, Some([4, 5])), "16 patches for a grid of 4 × 5");
    refused(of(108 * 12, 108, Some([3, 4])), "has positions for 4 × 4");
    refused(of(100 * 16, 100, Some([4, 4])), "a patch has 100 values");
    refused(of(108 * 16 + 1, 108, Some([4, 4])), "values for rows of 108");
    refused(of(0, 108, Some([0, 4])), "no tokens");
    let bert = load(&Source::Folder(path("families/bert"))).unwrap();
    let error = Batch::new(bert.transformer.architecture(), &[of(108 * 16, 108, Some([4, 4]))]);
    assert!(error.unwrap_err().to_string().contains("the model reads token ids"));
    let picture = Picture { width: 10, height: 10, rgb: vec![0; 300] };
    // The defaults of ViT make images of 224 × 224 pixels, and this model reads 24 × 24.
    let mut model = Checkpoint::fixture("vit");
    model.files.clear();
    let error = load(&model.source()).unwrap().images.unwrap().process(&picture).unwrap_err();
    assert!(error.to_string().contains("37 × 37 patches"), "{error}");
}

#[test]
fn configs_that_do_not_fit_are_refused_by_key() {
    for (name, key, value) in [
        ("vit", "patch_size", json!(0)),
        ("vit", "patch_size", json!(25)),
        ("vit", "patch_size", json!([6, 6, 6])),
        ("vit", "image_size", json!(1u64 << 40)),
        ("vit", "image_size", json!("24")),
        ("vit", "num_channels", json!(1)),
        ("vit", "hidden_act", json!("mish")),
        ("dinov2", "image_size", json!([24, 12])),
        ("dinov2", "mlp_ratio", json!(-1)),
        ("dinov3", "num_attention_heads", json!(16)),
        ("dinov3", "rope_theta", json!(0)),
    ] {
        let mut model = Checkpoint::fixture(name);
        model.config[key] = value.clone();
        let Err(error) = load(&model.source()) else { panic!("{name}: {key} {value}") };
        let key = if key == "patch_size" && value == json!(25) { "image_size" } else { key };
        assert!(error.to_string().contains(key), "{name}: {error}");
    }
    // Settings of images are read when the model is.
    let mut model = Checkpoint::fixture("vit");
    let settings = br#"{"image_processor_type": "ViTImageProcessor", "image_std": [0, 1, 1]}"#;
    model.files.insert("preprocessor_config.json".to_owned(), settings.to_vec());
    let error = load(&model.source()).unwrap_err();
    assert!(matches!(&error, Error::Config { key, .. } if key == "image_std"), "{error}");
    // Of both files, the settings within processor_config.json count.
    let nested =
        br#"{"image_processor": {"image_processor_type": "ViTImageProcessor", "size": 24}}"#;
    model.files.insert("processor_config.json".to_owned(), nested.to_vec());
    let images = load(&model.source()).unwrap().images.unwrap();
    assert!(images.to_string().starts_with("resized to 24 × 24 pixels (bilinear)"), "{images}");
}
