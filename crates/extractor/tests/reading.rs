//! Groups of texts, and functions at hook points, on a tiny BERT.

// A model that cannot be loaded should stop the test.
#![allow(clippy::unwrap_used)]

use ndarray::{Array2, Axis, s};
use std::path::Path;
use stratoscope_extractor::{
    Activations, Error, HookSelection, Interventions, LayerSelection, LongText, Progress, Text,
    extract, prepare, read_groups, run_with_hooks,
};
use stratoscope_loader::hub::Silent;
use stratoscope_loader::{Model, Source, load};

/// Words of the tiny model, which has 61 tokens.
const WORDS: [&str; 8] = ["the", "bank", "by", "river", "refused", "loan", "seal", "of"];

/// Three blocks and a masked-language head.
fn model() -> Model {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/families/bert-gelu-new");
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(str::to_owned);
    let words = (0..56).map(|i| WORDS.get(i).map_or(format!("word{i}"), |w| (*w).to_owned()));
    let vocabulary: Vec<String> = special.into_iter().chain(words).collect();
    let files = [
        ("config.json", read("config.json")),
        ("model.safetensors", read("model.safetensors")),
        ("vocab.txt", vocabulary.join("\n").into_bytes()),
    ];
    load(&Source::memory("tiny", files), &mut Silent).unwrap()
}

fn text() -> Text {
    "the bank by the river refused the loan".into()
}

fn run(model: &Model, interventions: Interventions<'_>) -> Activations {
    run_with_hooks(model, text(), interventions, &HookSelection::default()).unwrap()
}

#[test]
fn a_function_that_replaces_nothing_changes_nothing() {
    let model = model();
    let prepared = prepare(&model, vec![text()], LongText::Refuse).unwrap();
    let none = HookSelection::default();
    let plain = extract(&model, prepared, &LayerSelection::All, &none, &mut |_| {}).unwrap();
    assert_eq!(run(&model, Interventions::new()), plain);
    let mut seen = Vec::new();
    let interventions = Interventions::new()
        .at("hook_embed", |value| Some(value.to_owned()))
        .unwrap()
        .at("blocks.1.hook_resid_post", |value| {
            seen.push(value.to_owned());
            None
        })
        .unwrap();
    assert_eq!(run(&model, interventions), plain);
    // [tokens, d_model], the same as the layer after block 1.
    assert_eq!(seen, [plain.layer(2).to_owned()]);
}

#[test]
fn an_ablation_changes_later_layers_alone() {
    let model = model();
    let plain = run(&model, Interventions::new());
    let ablated = Interventions::new().at("blocks.1.hook_attn_out", |v| Some(v.map(|_| 0.0)));
    let ablated = run(&model, ablated.unwrap());
    for layer in 0..plain.layers.len() {
        assert_eq!(plain.layer(layer) == ablated.layer(layer), layer < 2, "layer {layer}");
    }
}

#[test]
fn a_patched_stream_goes_on_as_its_own() {
    let model = model();
    let plain = run(&model, Interventions::new());
    let other = run_with_hooks(
        &model,
        "the seal of the river refused the loan".into(),
        Interventions::new(),
        &HookSelection::default(),
    )
    .unwrap();
    assert_ne!(plain.hidden_states, other.hidden_states);
    let all = other.layer(1).to_owned();
    let patch = Interventions::new().at("blocks.0.hook_resid_post", |_| Some(all.clone())).unwrap();
    let patched = run(&model, patch);
    assert_eq!(patched.layer(0), plain.layer(0));
    assert_eq!(
        patched.hidden_states.slice(s![1.., .., ..]),
        other.hidden_states.slice(s![1.., .., ..])
    );
    // One token of it.
    let patch = |value: ndarray::ArrayView2<'_, f32>| {
        let mut value = value.to_owned();
        value.row_mut(2).assign(&other.layer(1).row(2));
        Some(value)
    };
    let patched = run(&model, Interventions::new().at("blocks.0.hook_resid_post", patch).unwrap());
    assert_eq!(patched.layer(1).row(2), other.layer(1).row(2));
    assert_eq!(patched.layer(1).row(3), plain.layer(1).row(3));
    assert_ne!(patched.layer(2).row(3), plain.layer(2).row(3));
}

#[test]
fn what_is_kept_was_seen_after_the_functions() {
    let model = model();
    let hooks: HookSelection = "logits,blocks.2.hook_mlp_out".parse().unwrap();
    let of = |interventions| run_with_hooks(&model, text(), interventions, &hooks).unwrap();
    let plain = of(Interventions::new());
    let zero = Interventions::new().at("blocks.2.hook_mlp_out", |v| Some(v.map(|_| 0.0)));
    let ablated = of(zero.unwrap());
    assert_eq!(ablated.hooks[0].values, Array2::<f32>::zeros(ablated.hooks[0].values.dim()));
    let (logits, others) = (&plain.hooks[1].values, &ablated.hooks[1].values);
    assert_eq!(logits.dim(), (plain.rows.len(), 61));
    assert_ne!(logits, others);
    // Two functions at one point see each other's results.
    let one = |v: ndarray::ArrayView2<'_, f32>| Some(v.map(|x| x + 1.0));
    let two = Interventions::new().at("logits", one).unwrap().at("logits", one).unwrap();
    assert_eq!(of(two).hooks[1].values, logits.map(|x| x + 1.0 + 1.0));
}

#[test]
fn mistakes_are_named() {
    let model = model();
    let unknown = Interventions::new().at("blocks.0.hook_nothing", |_| None).unwrap_err();
    assert!(unknown.to_string().contains("blocks.0.hook_nothing"), "{unknown}");
    for (name, said) in [
        ("blocks.9.hook_resid_post", "blocks.9.hook_resid_post"),
        ("ln_final.hook_normalized", "ln_final.hook_normalized"),
        ("blocks.0.hook_resid_post", "[2, 2]"),
    ] {
        let wrong = Interventions::new().at(name, |_| Some(Array2::zeros((2, 2)))).unwrap();
        let error = run_with_hooks(&model, text(), wrong, &HookSelection::default()).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
}

/// Texts of 3 to 12 words, in several groups.
fn texts() -> Vec<Text> {
    let line = |i: usize| {
        let words = (0..3 + i % 10).map(|w| WORDS[(i * 3 + w * (1 + i % 5)) % WORDS.len()]);
        words.collect::<Vec<_>>().join(" ").into()
    };
    (0..150).map(line).collect()
}

#[test]
fn groups_come_in_order_and_equal_one_run() {
    let model = model();
    let hooks: HookSelection = "blocks.0.attn.hook_pattern".parse().unwrap();
    let prepared = || prepare(&model, texts(), LongText::Refuse).unwrap();
    let layers: LayerSelection = "0,2".parse().unwrap();
    let whole = extract(&model, prepared(), &layers, &hooks, &mut |_| {}).unwrap();
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let (groups, last) = pool.install(|| {
            let (mut groups, mut last) = (Vec::new(), None);
            let mut take = |group| {
                groups.push(group);
                Ok::<_, Error>(())
            };
            let mut progress = |p: Progress| last = Some(p);
            read_groups(&model, prepared(), &layers, &hooks, &mut take, &mut progress).unwrap();
            (groups, last)
        });
        assert!(groups.len() > 4, "{}", groups.len());
        let tokens = prepared().tokens();
        assert_eq!(last, Some(Progress { done: tokens, total: tokens }));
        let (mut text, mut row, mut pairs) = (0, 0, 0);
        for group in &groups {
            let states = &group.states;
            assert_eq!(group.first_text, text);
            assert_eq!(states.texts, whole.texts[text..text + states.texts.len()]);
            let rows = row..row + states.rows.len();
            assert_eq!(states.hidden_states, whole.hidden_states.slice(s![.., rows.clone(), ..]));
            for (own, all) in states.rows.iter().zip(&whole.rows[rows.clone()]) {
                assert_eq!((own.sequence + text, &own.label), (all.sequence, &all.label));
            }
            let pattern = &states.hooks[0].values;
            let expected =
                whole.hooks[0].values.slice_axis(Axis(1), (pairs..pairs + pattern.ncols()).into());
            assert_eq!(pattern, expected);
            (text, row, pairs) = (text + states.texts.len(), rows.end, pairs + pattern.ncols());
        }
        assert_eq!((text, row), (150, whole.rows.len()));
    }
}

#[test]
fn the_receiver_ends_the_reading() {
    let model = model();
    let prepared = prepare(&model, texts(), LongText::Refuse).unwrap();
    let mut taken = 0;
    let mut take = |_| {
        taken += 1;
        if taken == 2 { Err(Error::HooksInWindows) } else { Ok(()) }
    };
    let none = HookSelection::default();
    let read = read_groups(&model, prepared, &LayerSelection::All, &none, &mut take, &mut |_| {});
    assert!(matches!(read, Err(Error::HooksInWindows)));
    assert_eq!(taken, 2);
}
