//! Charts of every kind, of made-up numbers.

use crate::Noise;
use stratoscope_chart::{
    Axis, Cell, Chart, Column, Curves, Drawing, Grid, GridCell, Matrix, MatrixPanel, Panel, Scale,
    Series, Slice, Table, Trails,
};
use stratoscope_report::Exploration;

/// A name that no label has room for.
const LONG_NAME: &str =
    "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2 (bundled, f16)";

/// The charts of an exploration, or without one.
pub(crate) fn charts(e: &Exploration, of: Option<usize>) -> Vec<Chart> {
    let mut noise = Noise(7);
    let layers: Vec<usize> = e.layers.iter().map(|l| l.layer).collect();
    let n = layers.len();
    let shown: Vec<usize> =
        (0..e.tokens.len()).filter(|&t| !e.tokens[t].special).take(16).collect();
    let names: Vec<String> = shown.iter().map(|&t| e.tokens[t].text.clone()).collect();
    let texts = shown.iter().map(|&t| e.tokens[t].sentence).collect();
    let places = if of.is_some() { shown.clone() } else { Vec::new() };
    let tokens = Axis::tokens(names.clone(), places).groups(texts).muted([0]);
    let side = names.len();

    let mut series = |name: &str| {
        let value = |layer: usize| (layer != 2).then(|| 0.5 + 0.3 * noise.next());
        let values: Vec<Option<f64>> = (0..n).map(value).collect();
        let estimates = values.iter().map(|v| v.map(|v| (v, Some([v - 0.1, v + 0.1]))));
        Series::new(name).n(32).estimates(estimates)
    };
    let mut panel = |title: &str| {
        let all =
            [series("a measure").peak(), series(LONG_NAME), series("its baseline").baseline()];
        Panel::new(title, Axis::layers(&layers), "cosine", all)
    };
    let first = panel("");
    let below = vec![panel("target"), panel("carrier").range(0.0, 1.0)];
    let counts: Vec<usize> = (0..n).map(|i| 1 << i.min(20)).collect();
    let by_count = Panel { x: Axis::counts("training texts", &counts), ..panel("learning curve") };
    let by_count = match counts.windows(2).all(|pair| pair[0] < pair[1]) {
        true => vec![by_count],
        false => Vec::new(),
    };
    let small = (0..5).map(|i| panel(&format!("measure {i}")));
    let small: Vec<Panel> = small.collect();
    let shares = (0..4).map(|i| {
        let of = |name: &str, n: usize| {
            let values = (0..n).map(|l| Some((i + l) as f64 / (n + 4) as f64));
            let layers: Vec<usize> = (0..n).collect();
            Series::new(name).values(values).shares(&layers, n.max(2) - 1)
        };
        Panel::new(
            format!("share {i}"),
            Axis::share(),
            "share",
            [of(LONG_NAME, 7), of("b model", n)],
        )
    });

    let cka: Vec<f64> = (0..n * n).map(|c| 1.0 - 0.1 * (c / n).abs_diff(c % n) as f64).collect();
    let cka = MatrixPanel::new(
        Axis::layers(&layers),
        Axis::layers(&layers),
        "debiased linear CKA",
        Scale::to_one(cka.iter().copied()),
    )
    .n(60)
    .values(cka.iter().copied().map(Some));
    let between = |rows: usize, columns: usize| {
        let axis = |model: &str, n: usize| {
            Axis::layers_of(format!("layer of {model}"), &(0..n).collect::<Vec<_>>())
        };
        MatrixPanel::new(axis(LONG_NAME, rows), axis("b", columns), "CKA", Scale::unit())
            .title(format!("{LONG_NAME} × b, {rows} × {columns}"))
            .values(
                (0..rows * columns).map(|i| (i != 3).then(|| i as f64 / (rows * columns) as f64)),
            )
    };

    let mut noise = Noise(11);
    // Attention begins with layer 1.
    let heads = layers[1..].iter().flat_map(|&layer| (0..3).map(move |head| (layer, head)));
    let patterns = heads.map(|(layer, head)| {
        let cell = |cell: usize| (cell % (side + 1) != 3).then(|| noise.next().abs());
        let slice = Slice::new((0..side * side).map(cell)).name(format!("head {head}"));
        if of.is_some() { slice.layer(layer) } else { slice }
    });
    let patterns: Vec<Slice> = patterns.take(if of.is_some() { usize::MAX } else { 3 }).collect();
    let patterns = MatrixPanel::new(tokens.clone(), tokens.clone(), "attention", Scale::unit())
        .slices(patterns);
    let mut noise = Noise(13);
    let mut heads = |title: &str, most: f64| {
        let columns = Axis::named("head", (0..4).map(|h| h.to_string()).collect());
        MatrixPanel::new(Axis::layers(&layers[1..]), columns, title, Scale::new(0.0, most))
            .title(title)
            .values((0..4 * (n - 1)).map(|i| (i % 7 != 5).then(|| most * noise.next().abs())))
    };
    let heads = [heads("Entropy", 3.0), heads("Distance", 5.0)];
    let percent = |i: usize| (i / n % 5 != 4).then(|| 100.0 * noise.next().abs());
    let percent = Slice::new((0..side * n).map(percent)).framed((0..side).map(|w| w * n + w % n));
    let words = Axis::named("word", names.iter().map(|name| format!("{name} → x")).collect());
    let percent = MatrixPanel::new(
        words.muted((0..side).filter(|w| w % 5 == 4)),
        Axis::layers(&layers),
        "pairs that are closer, in percent",
        Scale::new(0.0, 100.0),
    )
    .decimals(0)
    .slices([percent]);

    let mut noise = Noise(17);
    let mut cell = |row: usize, column: usize| GridCell {
        framed: (row + column).is_multiple_of(7),
        more: vec!["bank 0.31".to_owned(), "river 0.11".to_owned()],
        ..GridCell::new(format!(" {}", names[(row + column) % side]), Some(noise.next().abs()))
    };
    let cells: Vec<Vec<GridCell>> =
        (0..n).map(|row| (0..side).map(|column| cell(row, column)).collect()).collect();
    let truth = (0..side).map(|c| names.get(c + 1).cloned()).collect();
    let read = tokens.clone().title("read");
    let lens = Grid::new(Axis::layers(&layers), read, "probability", Scale::unit(), cells)
        .truth("next token", truth)
        .framed("the most probable token is the next token");

    let mut point = |step: usize| (step != 3).then(|| [2.0 * noise.next(), 2.0 * noise.next()]);
    let points = (0..n).map(|step| (0..side).map(|_| point(step)).collect()).collect();
    let notes = (0..n).map(|step| format!("T 0.{}", 50 + step)).collect();
    let trails =
        Trails::new(Axis::layers(&layers), tokens, points).axes("x", "y").notes(notes).shared();

    let rows = (0..6).map(|i: usize| {
        let change = if i == 2 { Cell::None } else { Cell::Number(0.5) };
        let word = names[i % side].as_str();
        vec![format!("{} → {}", i / 2, i / 2 + 1).into(), "before the".into(), word.into(), change]
    });
    let columns = ["step".into(), Column::end("before"), "token".into(), Column::end("change")];

    let chart = |id: &str, title: &str, drawing: Drawing| {
        let chart = Chart::new(id, title, drawing)
            .subject("a/model")
            .caption("What it shows, how it is computed, and what it cannot show: these numbers are made up.")
            .paper("Somebody 2020", "10.1000/182");
        match of {
            Some(of) => chart.exploration(of),
            None => chart,
        }
    };
    let maps = [between(n, n), between(5, 9), between(n, 4)];
    let mut all = vec![
        chart(
            "depth",
            "Mean cosine of tokens by layer",
            Curves::rows([vec![first], below, by_count]).into(),
        ),
        chart("one", "One curve panel", Curves::one(small[0].clone()).into()),
        chart(
            "multiples",
            "Measures of the space of words by layer",
            Curves::multiples(small).into(),
        ),
        chart("cka", "Similarity of layers by CKA", cka.into()),
        chart("attention", "Attention", patterns.into()),
        chart("heads", "Attention of heads", Matrix::new(heads).across(2).into()),
        chart("words", "Distance of each word, as a percentile by layer", percent.into()),
        chart("lens", "Most probable token by layer (logit lens)", lens.into()),
        chart("moved", "Tokens whose neighbours change most", Table::new(columns, rows).into()),
    ];
    if of.is_some() {
        all.push(chart("trails", "Points by layer", trails.into()));
    } else {
        all.push(chart("shares", "Models of different depth", Curves::multiples(shares).into()));
        all.push(chart("between", "Layers of two models", Matrix::new(maps).into()));
    }
    all
}
