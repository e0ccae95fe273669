//! Tests of the lens: known values (from `tests/fixtures/lens.py`), laws, and a toy model.

use super::readout::{Readout, layers, logits};
use super::*;
use candle_core::{Device, Tensor};
use ndarray::{Array3, ArrayView3};
use stratoscope_chart::Drawing;

const LAST: [f32; 7] = [1.5, -0.25, 3.0, 0.0, 3.0, -7.75, 0.5];
const LAYER: [f32; 7] = [0.5, 2.25, -1.0, 4.0, 0.125, 0.0, -3.5];

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-12 * expected.abs().max(1.0), "{found} {expected}");
}

fn of(logits: &[f32]) -> Distribution<'_> {
    Distribution::of(logits).unwrap()
}

#[test]
fn numbers_equal_those_of_scipy() {
    let (p, q) = (of(&LAST), of(&LAYER));
    near(p.log_probability(0).unwrap(), -2.372881175994393);
    near(q.log_probability(6).unwrap(), -7.72340938398112);
    near(p.entropy(), 1.2135597529797428);
    near(q.entropy(), 0.7043365013313418);
    near(p.kl(&q).unwrap(), 3.3291506798832455);
    near(q.kl(&p).unwrap(), 3.2144046542125593);
    let nats = [2.372881175994393, 7.72340938398112];
    let perplexity = Perplexity::of(&nats, false).unwrap();
    near(perplexity.nats_per_token, 5.048145279987756);
    near(perplexity.perplexity.unwrap(), 155.73335469089204);
    assert_eq!(perplexity.tokens, 2);
    assert_eq!(Perplexity::of(&[], false), None);
    assert_eq!(Perplexity::of(&[1e4], false).unwrap().perplexity, None);
}

#[test]
fn numbers_of_a_large_vocabulary_equal_those_of_scipy() {
    let row = |by: u64, modulo: u64, over: f32| -> Vec<f32> {
        (0..50_257).map(|i: u64| (i * by % modulo) as f32 / over).collect()
    };
    let (big, flat) = (row(7919, 10_007, 1000.0), row(104_729, 9_973, 700.0));
    near(of(&big).entropy(), 9.521167815236865);
    near(of(&big).kl(&of(&flat)).unwrap(), 5.766540835015651);
    near(of(&big).log_probability(12_345).unwrap(), -16.856193075874344);
    assert_eq!(of(&big).rank(12_345), Some(41_855));
}

#[test]
fn equal_logits_have_one_rank_and_the_smaller_id_is_first() {
    let p = of(&LAST);
    assert_eq!([2, 4, 0, 5].map(|id| p.rank(id)), [1, 1, 3, 7].map(Some));
    let top = p.top(4);
    assert_eq!(top.iter().map(|t| t.0).collect::<Vec<_>>(), [2, 4, 0, 6]);
    let expected =
        [0.41774621332740086, 0.41774621332740086, 0.09321177948114308, 0.034290697346118636];
    top.iter().zip(expected).for_each(|(t, e)| near(t.1, e));
    assert_eq!(p.top(100).len(), 7);
    assert_eq!((p.rank(7), p.log_probability(u32::MAX)), (None, None));
}

#[test]
fn laws_hold_for_any_logits() {
    let mut state = 1u64;
    for case in 0..60 {
        let mut row = || -> Vec<f32> {
            let scale = [0.0, 1e-3, 1.0, 30.0, 1e30][case % 5];
            (0..1 + case)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    ((state >> 40) as f32 / 8_388_608.0 - 1.0) * scale
                })
                .collect()
        };
        let (a, b) = (row(), row());
        let (p, q) = (of(&a), of(&b));
        let n = (a.len() as f64).ln();
        assert!((0.0..=n + 1e-12).contains(&p.entropy()), "{case}");
        assert!(p.kl(&q).unwrap() >= 0.0 && p.kl(&q).unwrap().is_finite(), "{case}");
        assert_eq!(p.kl(&p).unwrap(), 0.0, "{case}");
        let top = p.top(a.len());
        assert!(top.windows(2).all(|w| w[0].1 >= w[1].1), "{case}");
        near(top.iter().map(|t| t.1).sum(), 1.0);
        assert_eq!(p.rank(top[0].0), Some(1), "{case}");
    }
}

#[test]
fn logits_that_are_not_finite_are_errors() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let error = Distribution::of(&[0.0, 1e30, value]).unwrap_err();
        assert!(matches!(error, LensError::NotFinite { token: 2, .. }), "{error}");
    }
    assert!(matches!(Distribution::of(&[]), Err(LensError::Shape { .. })));
    assert!(of(&LAST).kl(&of(&[1.0])).is_err());
    let extreme = of(&[1e30, -1e30, 1e30]);
    near(extreme.entropy(), 2f64.ln());
    assert_eq!(extreme.log_probability(1), Some(-2e30_f32 as f64 - 2f64.ln()));
}

/// A model of two dimensions and four tokens. Its norm doubles the states; its head is fixed.
struct Toy;

const HEAD: [[f32; 4]; 2] = [[1.0, 0.0, -1.0, 0.5], [0.0, 2.0, 0.25, -0.5]];

impl Readout for Toy {
    fn has_head(&self) -> bool {
        true
    }

    fn is_causal(&self) -> bool {
        true
    }

    fn final_norm(&self, x: &Tensor) -> stratoscope_transformer::Result<Tensor> {
        Ok((x * 2.0)?)
    }

    fn unembed(&self, normed: &Tensor) -> stratoscope_transformer::Result<Tensor> {
        Ok(normed.matmul(&Tensor::new(&HEAD, &Device::Cpu)?)?)
    }
}

fn token(id: u32) -> Token {
    Token { id, text: format!("t{id}") }
}

fn read(tokens: usize) -> Vec<Position> {
    (0..tokens)
        .map(|i| Position {
            token: token(i as u32 % 4),
            special: false,
            masked: false,
            truth: (i + 1 < tokens).then(|| token((i as u32 + 1) % 4)),
        })
        .collect()
}

/// States of three layers. Before the norm, which doubles them, states are half of the last
/// layer's.
fn states(tokens: usize) -> Array3<f32> {
    Array3::from_shape_fn((3, tokens, 2), |(l, t, d)| {
        let last = ((t * 2 + d) as f32 * 0.37).sin() * 3.0;
        if l == 2 { last } else { last / 2.0 + (1 - l) as f32 }
    })
}

fn through(view: ArrayView3<'_, f32>, positions: &[Position]) -> Result<Vec<Layer>> {
    let name = |id: u32| format!("t{id}");
    layers(&Toy, view, positions, 3, &name, None, &crate::Silent).map(|(d_vocab, layers)| {
        assert_eq!(d_vocab, 4);
        layers
    })
}

#[test]
fn all_layers_except_the_last_are_normed_before_the_head() {
    // More positions than are in memory at a time.
    let (states, positions) = (states(150), read(150));
    let layers = through(states.view(), &positions).unwrap();
    assert_eq!(layers.iter().map(|l| l.layer).collect::<Vec<_>>(), [0, 1, 2]);
    for (t, position) in positions.iter().enumerate() {
        let last = &layers[2].cells[t];
        // After the norm, layer 1 is equal to the last layer.
        assert_eq!((&layers[1].cells[t].top, layers[1].cells[t].kl_nats), (&last.top, 0.0));
        assert_eq!(last.kl_nats, 0.0);
        let x = [states[[2, t, 0]], states[[2, t, 1]]];
        let row: Vec<f32> = (0..4).map(|v| x[0] * HEAD[0][v] + x[1] * HEAD[1][v]).collect();
        let expected = Distribution::of(&row).unwrap();
        assert!((last.entropy_nats - expected.entropy()).abs() < 1e-6);
        assert_eq!(last.top.len(), 3);
        assert_eq!(last.top[0].text, format!("t{}", last.top[0].id));
        match (&position.truth, last.truth) {
            (Some(truth), Some(found)) => {
                assert_eq!(Some(found.rank), expected.rank(truth.id));
                near(found.probability, (-found.nats).exp());
            }
            (None, None) => assert_eq!(t, 149),
            other => panic!("{other:?}"),
        }
    }
    assert!(layers[0].cells.iter().any(|cell| cell.kl_nats > 0.01));
    assert_eq!(perplexity(&layers).unwrap().tokens, 149);
}

#[test]
fn wrong_shapes_and_values_are_errors() {
    let shape = |error: Error| assert!(matches!(error, Error::Lens(LensError::Shape { .. })));
    shape(through(states(5).view(), &read(4)).unwrap_err());
    shape(through(Array3::zeros((0, 4, 2)).view(), &read(4)).unwrap_err());
    let beyond = Position { truth: Some(token(4)), ..read(1).remove(0) };
    let error = through(states(1).view(), &[beyond]).unwrap_err();
    assert!(matches!(error, Error::Lens(LensError::TokenId { id: 4, d_vocab: 4 })));
    let error = logits(&Toy, Array3::zeros((1, 2, 3)).index_axis(Axis(0), 0), true);
    assert!(error.is_err());
    let nan = through(Array3::from_elem((1, 1, 2), f32::NAN).view(), &read(1)).unwrap_err();
    assert!(matches!(nan, Error::Lens(LensError::NotFinite { token: 0, .. })));
}

#[test]
fn targets_are_the_true_tokens_of_their_positions() {
    let with = |reading, masks: &[usize], targets: usize| {
        let mut positions = read(4);
        for (i, position) in positions.iter_mut().enumerate() {
            position.masked = masks.contains(&i);
            position.truth = None;
        }
        let targets = (0..targets as u32).map(token).collect();
        place(reading, &mut positions, targets, "[MASK]")
            .map(|()| positions.into_iter().map(|p| p.truth.map(|t| t.id)).collect::<Vec<_>>())
    };
    let masks = Reading::Masks;
    assert_eq!(with(masks, &[1, 3], 2), Ok(vec![None, Some(0), None, Some(1)]));
    assert_eq!(with(masks, &[1], 0), Ok(vec![None; 4]));
    assert_eq!(with(Reading::NextToken, &[], 1), Ok(vec![None, None, None, Some(0)]));
    let message = |result: Result<_, LensError>| result.unwrap_err().to_string();
    assert_eq!(
        message(with(masks, &[1, 3], 1)),
        "the text has 2 × [MASK], but the number of targets is 1; give one target for each mask, \
         in order"
    );
    assert!(message(with(Reading::NextToken, &[], 2)).contains("give one target, not 2"));
    assert!(message(with(Reading::OwnToken, &[], 1)).contains("write [MASK] in the text"));
}

fn lens(tokens: usize, reading: Reading) -> Report {
    let positions = read(tokens);
    let layers = through(states(tokens).view(), &positions).unwrap();
    Report {
        tool: TOOL.to_owned(),
        model: Origin {
            model: "toy".to_owned(),
            revision: None,
            family: "toy".to_owned(),
            weights: Vec::new(),
            states: String::new(),
            n_layers: 2,
            causal: true,
            final_norm: true,
            dtype: "f32".to_owned(),
            device: "cpu".to_owned(),
            vectors: None,
            read_as: None,
        },
        text: "t0 t1".to_owned(),
        files: Vec::new(),
        settings: Options::default(),
        reading,
        d_vocab: 4,
        positions,
        perplexity: perplexity(&layers),
        through: None,
        layers,
    }
}

#[test]
fn a_lens_is_drawn_and_its_caption_names_its_limits() {
    for reading in [Reading::NextToken, Reading::Masks, Reading::OwnToken] {
        let lens = lens(6, reading);
        let svg = lens.figure("lens").unwrap().svg().unwrap();
        assert!(svg.contains(lens.truth_name()), "{svg}");
        lens.chart().check().unwrap();
        assert!(lens.caption().contains("Belrose et al. 2023"));
        assert_eq!(
            lens.caption().contains("a framed cell is copying"),
            reading == Reading::OwnToken
        );
    }
    let (right, known) = lens(6, Reading::NextToken).right_at(2);
    assert!(right <= known && known == 5);
    assert_eq!(lens(6, Reading::NextToken).asked(), [5]);
}

#[test]
fn a_cell_has_the_prediction_and_is_framed_if_it_is_correct() {
    let lens = lens(6, Reading::NextToken);
    let Drawing::Grid(grid) = lens.chart().drawing else { panic!() };
    assert!(grid.rows.rises());
    assert_eq!(grid.rows.labels, ["0", "1", "2"]);
    assert_eq!(grid.columns.labels, ["t0", "t1", "t2", "t3", "t0", "t1"]);
    assert_eq!(grid.focus, Some(5));
    let truth = grid.truth.unwrap().labels;
    assert_eq!((truth[0].as_deref(), truth[5].as_deref()), (Some("t1"), None));
    let mut framed = 0;
    for (layer, row) in grid.cells.iter().enumerate() {
        for (position, drawn) in row.iter().enumerate() {
            let cell = &lens.layers[layer].cells[position];
            assert_eq!(
                (&drawn.text, drawn.value),
                (&cell.top[0].text, Some(cell.top[0].probability))
            );
            assert_eq!(drawn.framed, truth[position].as_ref() == Some(&drawn.text));
            assert_eq!(drawn.more.len(), cell.top.len() - 1 + 2, "{:?}", drawn.more);
            framed += usize::from(drawn.framed);
        }
    }
    assert!(framed > 0);
    // An own token is already the label of its column.
    let Drawing::Grid(grid) = self::lens(6, Reading::OwnToken).chart().drawing else { panic!() };
    assert_eq!((grid.truth, grid.framed.contains("own token")), (None, true));
}

#[test]
fn json_has_one_list_of_layers_and_reads_back() {
    let lens = lens(3, Reading::NextToken);
    let json = serde_json::to_string(&lens).unwrap();
    assert_eq!(json.matches("\"layers\":").count(), 1);
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), lens);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        value["layers"][2]["cells"][1]["top"][0]["text"].as_str().map(|t| &t[..1]),
        Some("t")
    );
    assert_eq!(value["reading"], "next_token");
}
