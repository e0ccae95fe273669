//! What an exploration knows of its tokens beside their vectors: labels and attention, made up.

use crate::Noise;
use stratoscope_report::{AttentionAbout, Exploration, Label, Token};

/// Attention weights of three heads in all texts, or their mean.
pub(crate) fn add_attention(e: &mut Exploration, mean: bool) {
    let texts = e.tokens.iter().map(|t| t.sentence + 1).max().unwrap_or(0);
    let lengths: Vec<usize> =
        (0..texts).map(|text| e.tokens.iter().filter(|t| t.sentence == text).count()).collect();
    let mut noise = Noise(29);
    let mut row = |n: usize| -> Vec<u32> {
        let raw: Vec<f64> = (0..n).map(|_| noise.next().abs().powi(6)).collect();
        let sum: f64 = raw.iter().sum();
        let mut row: Vec<u32> = raw.iter().map(|w| (1_000.0 * w / sum) as u32).collect();
        // A row sums to 1,000.
        let rest = 1_000 - row.iter().sum::<u32>();
        row[n - 1] += rest;
        row
    };
    for layer in e.layers.iter_mut().filter(|layer| layer.layer > 0) {
        let heads = (0..if mean { 1 } else { 3 }).map(|_| {
            lengths.iter().flat_map(|&n| (0..n).flat_map(|_| row(n)).collect::<Vec<_>>()).collect()
        });
        layer.attention = Some(heads.collect());
    }
    e.attention = Some(AttentionAbout { texts, mean });
}

/// Labels as a CoNLL-U file brings them: few values, many values, and values of some words alone.
pub(crate) fn labels(tokens: &[Token]) -> Vec<Label> {
    let upos = ["NOUN", "DET", "VERB", "ADP", "PUNCT", "ADJ", "PRON", "ADV", "AUX", "ADP+DET"];
    let relations = ["nsubj", "det", "root", "case", "punct", "obj", "nsubj:pass"];
    let label = |name: &str, values: &[&str], of: &dyn Fn(usize, &Token) -> Option<usize>| {
        let of_tokens = tokens.iter().enumerate().map(|(at, token)| match token.special {
            true => None,
            false => of(at, token),
        });
        Label {
            name: name.to_owned(),
            values: values.iter().map(|&value| value.to_owned()).collect(),
            of_tokens: of_tokens.collect(),
        }
    };
    vec![
        label("upos", &upos, &|at, _| Some(at * at % 10)),
        label("deprel", &relations, &|at, _| Some(at * 5 % 7)),
        label("feats.Number", &["Sing", "Plur"], &|at, _| (at % 3 == 0).then_some(at % 2)),
        label("misc.<b>Note</b>", &["=1+1", "\u{202e}x"], &|at, _| Some(at % 2)),
    ]
}
