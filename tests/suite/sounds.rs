//! Sounds: features that equal those of transformers, and what is refused.

use crate::checkpoints::Checkpoint;
use crate::command::Place;
use crate::families::values;
use crate::fixtures::{Tensors, distance, folders, load, path};
use serde_json::json;
use stratoscope_loader::{Reads, Source};
use stratoscope_transformer::{Batch, NoHooks, Sequence};

/// The fixtures with sounds, with their golden files.
fn sounds() -> Vec<(String, Tensors)> {
    let golden =
        |name: &String| Tensors::read(path("families").join(name).join("golden.safetensors"));
    let all = folders("families").into_iter().map(|name| (name.clone(), golden(&name)));
    all.filter(|(_, golden)| golden.i64("sample_offsets").is_some()).collect()
}

/// The parts of a packed tensor of rows.
fn parts(golden: &Tensors, name: &str, offsets: &str) -> Vec<Vec<f32>> {
    let (values, shape) = golden.f32(name).unwrap();
    let width: usize = shape.iter().skip(1).product();
    let offsets = golden.i64(offsets).unwrap();
    let part = |w: &[i64]| values[w[0] as usize * width..w[1] as usize * width].to_vec();
    offsets.windows(2).map(part).collect()
}

/// From samples to features as the feature extractor of the checkpoint, and to states.
#[test]
fn features_equal_transformers() {
    let sounds = sounds();
    assert!(sounds.len() >= 8, "{}", sounds.len());
    for (name, golden) in sounds {
        let model = load(&Source::Folder(path("families").join(&name))).unwrap();
        assert_eq!(model.reads(), Reads::Sound, "{name}");
        let processor = model.sound_processor().unwrap();
        let frames = golden.i64("sequence_offsets").unwrap();
        let samples = parts(&golden, "samples", "sample_offsets");
        let features = parts(&golden, "features", "feature_offsets");
        let mut worst: f32 = 0.0;
        for (i, (samples, expected)) in samples.iter().zip(&features).enumerate() {
            let processed = processor.process(samples).unwrap();
            assert_eq!(processed.frames as i64, frames[i + 1] - frames[i], "{name}");
            let Sequence::Features(own) = &processed.sequence else { panic!("{name}") };
            worst = worst.max(distance(&own.values, expected).0);
            let seconds = samples.len() as f64 / f64::from(processor.rate());
            let heard = processed.heard as f64 * processed.seconds_per_frame;
            assert!(
                heard < seconds + processed.seconds_per_frame,
                "{name}: {heard} of {seconds} s"
            );
            assert!(processed.heard >= 1 && processed.heard <= processed.frames, "{name}");
            // The states of the whole way.
            let batch =
                Batch::new(model.transformer.architecture(), &[processed.sequence]).unwrap();
            let states = model.transformer.forward(&batch, &mut NoHooks).unwrap();
            let (all, shape) = golden.f32("hidden_states").unwrap();
            let (rows, width) = (frames[i] as usize..frames[i + 1] as usize, shape[2]);
            for (layer, states) in states.iter().enumerate() {
                let start = (layer * shape[1] + rows.start) * width;
                let expected = &all[start..start + rows.len() * width];
                let (difference, largest) = distance(&values(states), expected);
                assert!(difference < 1e-5 * largest, "{name}, layer {layer}: {difference:e}");
            }
        }
        println!("{name}: features within {worst:.1e}");
        assert!(worst < 1e-5, "{name}: {worst:e}");
    }
}

/// A long sound is cut where the model ends; a short one has padding after it.
#[test]
fn sounds_have_the_length_that_the_model_reads() {
    let whisper = load(&Source::Folder(path("families/whisper"))).unwrap();
    let processor = whisper.sound_processor().unwrap();
    assert_eq!((processor.rate(), processor.longest()), (16_000, Some(16_000)));
    let process = |n: usize| processor.process(&vec![0.1; n]).unwrap();
    assert_eq!((process(8_000).heard, process(8_000).cut, process(8_000).frames), (25, 0, 50));
    assert_eq!((process(8_001).heard, process(20_000).heard, process(20_000).cut), (26, 50, 4_000));
    let waves = load(&Source::Folder(path("families/wav2vec2"))).unwrap();
    let processor = waves.sound_processor().unwrap();
    assert_eq!(processor.longest(), None);
    let refused = |samples: &[f32]| processor.process(samples).unwrap_err().to_string();
    assert!(refused(&[0.5; 20]).contains("20 samples; one frame needs 30"));
    assert!(refused(&[]).contains("0 samples"), "{}", refused(&[]));
    let mut samples = vec![0.0; 400];
    samples[7] = f32::NAN;
    assert!(refused(&samples).contains("sample 7 is NaN"));
}

/// Settings that change the features are refused by their key, and so is a folder without settings. The
/// model itself can be used.
#[test]
fn settings_of_sounds_are_checked() {
    const FILE: &str = "preprocessor_config.json";
    let settings = |fixture: &str| {
        let text = std::fs::read_to_string(path("families").join(fixture).join(FILE)).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    for (fixture, key, value) in [
        ("whisper", "feature_size", json!(128)),
        ("whisper", "dither", json!(0.1)),
        ("whisper", "hop_length", json!(0)),
        ("whisper", "chunk_length", json!("30")),
        ("whisper", "feature_extractor_type", json!("Wav2Vec2FeatureExtractor")),
        ("wav2vec2", "feature_extractor_type", json!("SeamlessM4TFeatureExtractor")),
        ("wav2vec2", "sampling_rate", json!(0)),
        ("wav2vec2", "do_normalize", json!(1)),
    ] {
        let mut changed = settings(fixture);
        changed[key] = value.clone();
        let mut model = Checkpoint::fixture(fixture);
        model.files.insert(FILE.to_owned(), changed.to_string().into_bytes());
        let model = load(&model.source()).unwrap();
        let error = model.sound_processor().unwrap_err().to_string();
        assert!(error.contains(FILE) && error.contains(key), "{fixture}, {key}: {error}");
    }
    let mut without = Checkpoint::fixture("hubert");
    without.files.remove(FILE);
    let model = load(&without.source()).unwrap();
    let error = model.sound_processor().unwrap_err().to_string();
    assert!(error.contains(FILE), "{error}");
    // In the file of newer checkpoints.
    let nested = json!({ "feature_extractor": settings("hubert") }).to_string();
    without.files.insert("processor_config.json".to_owned(), nested.into_bytes());
    load(&without.source()).unwrap().sound_processor().unwrap();
    let text = load(&Source::Folder(path("families/bert"))).unwrap();
    let error = text.sound_processor().unwrap_err().to_string();
    assert!(error.contains("the model reads text"), "{error}");
}

/// A place with the fixture of a model that reads sound, as `model`, and sounds.
fn place(fixture: &str) -> Place {
    let place = Place::new();
    for folder in ["model", "sounds"] {
        std::fs::create_dir_all(place.path(folder)).unwrap();
    }
    for name in ["config.json", "model.safetensors", "preprocessor_config.json"] {
        let bytes = std::fs::read(path("families").join(fixture).join(name)).unwrap();
        place.write(&format!("model/{name}"), bytes);
    }
    for name in ["vowels.wav", "vowel-44100-stereo.flac"] {
        place.write(&format!("sounds/{name}"), std::fs::read(path("sounds").join(name)).unwrap());
    }
    place
}

/// Frames are tokens with times, under a spectrogram.
#[test]
fn explore_shows_sounds() {
    let place = place("whisper");
    let line = "explore --audio sounds/vowel-44100-stereo.flac --model model --output out";
    let outcome = place.line(line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let numbers = std::fs::read_to_string(place.path("out/numbers.json")).unwrap();
    let numbers: serde_json::Value = serde_json::from_str(&numbers).unwrap();
    let media = &numbers["media"][0];
    assert_eq!(
        (&media["kind"], &media["name"]),
        (&json!("sound"), &json!("vowel-44100-stereo.flac"))
    );
    // 0.2 s of the second that the model reads: ten frames of 20 ms.
    assert_eq!((&media["grid"], &media["seconds"]), (&json!([1, 10]), &json!(0.2)));
    assert_eq!(media["hertz"], json!([0.0, 8000.0]));
    let tokens = numbers["tokens"].as_array().unwrap();
    assert_eq!(tokens.len(), 50);
    assert_eq!(tokens[3]["text"], "0.06 s", "{}", tokens[3]);
    assert!(place.path("out/report.html").is_file());
    // A longer sound is cut to the second that the model reads, and that is reported.
    let outcome =
        place.line("explore --audio sounds/vowels.wav --moment 0.3 --model model --output cut");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("was cut from 2 s to 1 s"), "{}", outcome.stderr);
}

/// Rows of every frame, or one row for each sound; and what makes no sense is refused by name.
#[test]
fn extract_reads_sounds() {
    let place = place("hubert");
    let outcome = place.line("extract --audio sounds --model model --output frames.npz");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let outcome =
        place.line("extract --audio sounds --sentences --model model --output both.safetensors");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let states = Tensors::read(place.path("both.safetensors"));
    assert_eq!(states.f32("hidden_states").unwrap().1, [3, 2, 24]);
    let outcome = place.line("extract --audio sounds --model model --output shards");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    for (line, part) in [
        ("explore --audio sounds/vowels.wav", "choose a model that reads sound"),
        ("explore 'a text' --model model", "explore --audio FILE"),
        ("explore 'a text' --audio sounds/vowels.wav --model model", "leave TEXT out"),
        ("explore --audio model/config.json --model model", "is not a WAV or FLAC file"),
        ("explore --audio sounds/vowels.wav --image a.png --model model", "--image"),
        ("extract --audio model --model model --output x.npz", "has no sound"),
    ] {
        let outcome = place.line(line);
        assert!(
            outcome.code != Some(0) && outcome.stderr.contains(part),
            "{line}: {}",
            outcome.stderr
        );
    }
    let outcome = place.line("info model");
    assert!(outcome.stdout.contains("sound: 16000 samples per second"), "{}", outcome.stdout);
}
