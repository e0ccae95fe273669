//! Hook points through the program: the tensors that `extract --hooks` writes, and wrong hook
//! points.

use crate::command::Place;
use crate::fixtures::{Tensors, distance, path};

/// Writes the token ids of a golden checkpoint to a file, one line per sequence. Returns the folder
/// and the golden tensors.
fn ids_of(place: &Place, name: &str) -> (String, Tensors) {
    let folder = path("families").join(name);
    let golden = Tensors::read(folder.join("golden.safetensors"));
    let ids = golden.i64("input_ids").unwrap();
    let offsets = golden.i64("sequence_offsets").unwrap();
    let lines: Vec<String> = (offsets.windows(2))
        .map(|w| {
            let own = &ids[w[0] as usize..w[1] as usize];
            own.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        })
        .collect();
    place.write("ids.txt", lines.join("\n"));
    (folder.display().to_string(), golden)
}

#[test]
fn any_hook_point_is_written_under_its_name() {
    let place = Place::new();
    let (folder, golden) = ids_of(&place, "gpt2");
    let outcome = place.run([
        "extract",
        "--model",
        &folder,
        "--token-ids",
        "ids.txt",
        "--output",
        "s.safetensors",
        "--hooks",
        "logits,blocks.*.attn.hook_pattern,blocks.1.hook_resid_post,blocks.1.attn.value_weighted_norms",
    ]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let states = Tensors::read(place.path("s.safetensors"));
    let (logits, _) = states.f32("logits").unwrap();
    assert!(distance(&logits, &golden.f32("logits").unwrap().0).0 < 1e-5);
    let (last, _) = states.f32("blocks.1.hook_resid_post").unwrap();
    assert!(distance(&last, &golden.f32("last_block").unwrap().0).0 < 1e-5);
    let (expected, shape) = golden.f32("attentions").unwrap();
    for (i, expected) in expected.chunks(shape[1] * shape[2]).enumerate() {
        let (pattern, own) = states.f32(&format!("blocks.{i}.attn.hook_pattern")).unwrap();
        assert_eq!(own, shape[1..]);
        assert!(distance(&pattern, expected).0 < 1e-5);
    }
    assert_eq!(states.i64("pattern_offsets"), golden.i64("pattern_offsets"));
    let (norms, own) = states.f32("blocks.1.attn.value_weighted_norms").unwrap();
    assert_eq!(own, shape[1..]);
    assert!(norms.iter().all(|v| *v >= 0.0) && norms.iter().any(|v| *v > 0.01));
    // The states are equal with and without hooks.
    let plain = place.run([
        "extract",
        "--model",
        &folder,
        "--token-ids",
        "ids.txt",
        "--output",
        "t.safetensors",
    ]);
    assert_eq!(plain.code, Some(0), "{}", plain.stderr);
    let twin = Tensors::read(place.path("t.safetensors")).f32("hidden_states").unwrap().0;
    assert!(distance(&states.f32("hidden_states").unwrap().0, &twin).0 < 1e-5);
}

#[test]
fn hook_points_that_do_not_exist_are_refused() {
    let place = Place::new();
    let (folder, _) = ids_of(&place, "gpt-neox");
    let error = |hooks: &str, more: &str| {
        let args = ["extract", "--model", &folder, "--token-ids", "ids.txt", "--json", "--hooks"];
        let args = args.into_iter().chain([hooks]).chain(more.split_whitespace());
        let outcome = place.run(args);
        assert_eq!(outcome.stdout, "");
        (outcome.code.unwrap(), outcome.stderr)
    };
    for (hooks, said) in [
        ("blocks.0.hook_resid_mid", "attention and MLP of its blocks read the same stream"),
        ("blocks.*.hook_resid_mid", "attention and MLP of its blocks read the same stream"),
        ("blocks.3.hook_resid_pre", "it has fewer blocks"),
        ("blocks.0.hook_resid_middle", "is not a hook point"),
        ("blocks.x.attn.value_weighted_norms", "is not a hook point"),
    ] {
        let (code, stderr) = error(hooks, "");
        assert!(code == 2 && stderr.contains(said) && stderr.lines().count() == 1, "{stderr}");
    }
    assert_eq!(error("logits", "--words").0, 2);
}
