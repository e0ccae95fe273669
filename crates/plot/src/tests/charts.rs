//! Made-up charts of every kind, of any size.

use super::*;

pub(super) fn words(n: usize) -> Vec<String> {
    (0..n).map(|i| WORDS[i % WORDS.len()].to_owned()).collect()
}

pub(super) fn tokens(n: usize, sentences: usize) -> Axis {
    let labels = words(n);
    let special: Vec<usize> = (0..n).filter(|&i| labels[i].starts_with('[')).collect();
    let groups = (0..n).map(|i| i * sentences / n).collect();
    Axis::tokens(labels, (0..n).collect()).groups(groups).muted(special)
}

/// Layers from 0 to `n − 1`.
pub(super) fn layers(n: usize) -> Axis {
    Axis::layers(&(0..n).collect::<Vec<_>>())
}

/// A chart of some kind under a hostile title.
pub(super) fn chart(id: &str, drawing: impl Into<Drawing>) -> Chart {
    Chart::new(id, "Title <&>\u{7}", drawing).subject("a/model").caption("Caption & \u{202E}words.")
}

/// Repeatable values in −1 to 1.
pub(super) fn wave(i: usize) -> f64 {
    (i as f64 * 0.754_877_666 + 0.3).fract() * 2.0 - 1.0
}

pub(super) fn trajectory(n: usize, n_layers: usize, scale: f64) -> Trajectory {
    let point =
        |l: usize, t: usize| [scale * wave(l * 7 + t * 13), scale * wave(l * 5 + t * 3 + 1)];
    Trajectory {
        title: "Trails <&>\u{7}".to_owned(),
        caption: "A caption & its \u{202E}words. ".repeat(12),
        tokens: tokens(n, 1 + n / 10),
        layers: (0..n_layers).collect(),
        points: (0..n_layers).map(|l| (0..n).map(|t| point(l, t)).collect()).collect(),
        shares: Some([0.4, 0.1]),
    }
}

/// Points of which every third is not defined at some layers.
pub(super) fn maps(n: usize, n_layers: usize, sentences: usize, scale: f64) -> Chart {
    let Trajectory { points, .. } = trajectory(n, n_layers, scale);
    let known = |l: usize, t: usize| t == 0 || sentences == 1 || !(l + t).is_multiple_of(3);
    let point = |l: usize, t: usize| known(l, t).then(|| points[l][t]);
    let points = (0..n_layers).map(|l| (0..n).map(|t| point(l, t)).collect()).collect();
    let notes = vec!["trustworthiness 0.91".to_owned(); n_layers];
    let trails = Trails::new(layers(n_layers), tokens(n, sentences), points).notes(notes);
    chart("maps", if sentences == 1 { trails.axes("x <&>", "y").shared() } else { trails })
}

pub(super) fn similarity(n: usize, n_layers: usize) -> Chart {
    let matrix = |l: usize| Slice::new((0..n * n).map(move |i| Some(wave(i + l)))).layer(l);
    let panel = |title: &str, scale: Scale| {
        let tokens = tokens(n, 1 + n / 10);
        MatrixPanel::new(tokens.clone(), tokens.title(""), title.to_lowercase(), scale)
            .title(title)
            .slices((0..n_layers).map(matrix))
    };
    let raw = panel("Raw cosine", Scale::new(-1.0, 1.0));
    chart("similarity", Matrix::new([raw, panel("Centred", Scale::symmetric(1.0))]))
}

/// Three curves: with its n, with gaps and intervals and a ring, and a baseline.
pub(super) fn series(n_layers: usize, scale: f64) -> Vec<Series> {
    let value = |l: usize| scale * wave(l);
    let values = |shift: usize| (0..n_layers).map(move |l| Some(value(l + shift)));
    let gap = |l: usize| {
        let value = value(l + 3);
        let interval = [value - 0.1 * scale.abs(), value + 0.2 * scale.abs()];
        (l % 3 != 1).then_some((value, Some(interval)))
    };
    vec![
        Series::new("first").n(1040).values(values(0)),
        Series::new("a gap").estimates((0..n_layers).map(gap)).peak(),
        Series::new("the <baseline>").baseline().values(values(9)),
    ]
}

pub(super) fn depth(n_layers: usize, scale: f64) -> Chart {
    let panel = |title: &str, x: Axis| {
        Panel::new(title, x, "measure \u{0} (unit)", series(n_layers, scale))
    };
    let counts: Vec<usize> = (1..=n_layers).map(|i| 3 * i * i).collect();
    let shared = [
        panel("by counts", Axis::counts("texts", &counts)),
        panel("by names", Axis::named("names", words(n_layers))),
    ];
    chart("depth", Curves::rows([vec![panel("", layers(n_layers))], shared.to_vec()]))
}

/// A large panel of one curve.
pub(super) fn curve(values: &[f64]) -> Chart {
    let series = Series::new("a").values(values.iter().copied().map(Some));
    chart("curve", Curves::one(Panel::new("", layers(values.len()), "unit", [series])))
}

/// Small panels of two models of unlike depth, or of one by layer.
pub(super) fn multiples(n_layers: usize, scale: f64, by_layer: bool) -> Chart {
    let of = |n: usize| (0..n).collect::<Vec<_>>();
    let panel = |i: usize| {
        let title = format!("{} measure of a rather long name", WORDS[i]);
        if by_layer {
            return Panel::new(title, layers(n_layers), "radians", series(n_layers, scale));
        }
        let named = |series: Series, name: &str, n: usize| {
            Series { name: name.to_owned(), ..series }.shares(&of(n), n.max(2) - 1)
        };
        let first = named(series(n_layers, scale)[1].clone(), WORDS[4], n_layers);
        let second = named(series(2 * n_layers, scale)[0].clone(), WORDS[5], 2 * n_layers);
        Panel::new(title, Axis::share(), "radians", [first, second])
    };
    chart("multiples", Curves::multiples((0..5).map(panel)))
}

/// One matrix of layers by layers.
pub(super) fn cka(n_layers: usize, value: impl Fn(usize) -> f64) -> Chart {
    let values: Vec<f64> = (0..n_layers * n_layers).map(value).collect();
    let scale = Scale::to_one(values.iter().copied());
    let panel = MatrixPanel::new(layers(n_layers), layers(n_layers), "CKA", scale).n(12);
    chart("layers", panel.values(values.into_iter().map(Some)))
}

/// Two square matrices of layers and oblong ones, with undefined cells.
pub(super) fn layer_maps(n_layers: usize, value: impl Fn(usize) -> Option<f64>) -> Chart {
    let known = (0..2 * n_layers * n_layers).chain(0..6).filter_map(&value);
    let scale = Scale::of(known.chain([0.0, 1.0]));
    let map = |rows: usize, columns: usize| {
        let long = "a model of a long name / that is not short";
        let axis = |title: &str, n: usize| Axis::layers_of(title, &(0..n).collect::<Vec<_>>());
        MatrixPanel::new(axis(long, rows), axis("layer", columns), "CKA", scale)
            .title("Map <&>\u{202E}")
            .n(rows)
            .values((0..rows * columns).map(&value))
    };
    let maps = [map(n_layers, n_layers), map(n_layers, 2 * n_layers), map(1, 1), map(3, 2)];
    chart("maps", Matrix::new(maps))
}

/// Heads by layers with a scale each; tokens by steps, one value in five not known.
pub(super) fn heats(n: usize, n_layers: usize) -> [Chart; 2] {
    let known = |i: usize| (i % 5 != 4).then(|| wave(i).abs());
    let names = |n: usize| (0..n).map(|i| i.to_string()).collect();
    let heads = |title: &str, most: f64| {
        let columns = Axis::named("head", names(4));
        MatrixPanel::new(layers(n_layers), columns, title, Scale::new(0.0, most))
            .title(title)
            .values((0..4 * n_layers).map(known))
    };
    let steps = Axis::named("step", (0..n_layers).map(|l| format!("{l}→{}", l + 1)).collect());
    let moves = MatrixPanel::new(tokens(n, 1), steps, "share <&> of neighbours", Scale::unit())
        .values((0..n * n_layers).map(known));
    let heads = [heads("one", 1.0), heads("two", 2.0), heads("three", 3.0)];
    [chart("heads", Matrix::new(heads).across(2)), chart("moves", moves)]
}

/// Words of two sentences by layers: framed cells, and rows without a value.
pub(super) fn word_grid(n: usize, n_layers: usize) -> Chart {
    let value = |i: usize| {
        let (word, layer) = (i / n_layers, i % n_layers);
        (word % 4 < 2).then(|| 100.0 * wave(layer + word).abs())
    };
    let framed = (0..n).step_by(3).map(|word| word * n_layers + n_layers / 2);
    let slice = Slice::new((0..n * n_layers).map(value)).framed(framed);
    let rows = Axis::named("word", words(n)).muted((0..n).filter(|word| word % 4 > 1));
    let panel = MatrixPanel::new(rows, layers(n_layers), "percent", Scale::new(0.0, 100.0));
    chart("words", panel.decimals(0).slices([slice]))
}

/// Words with what stands beside them, in groups.
pub(super) fn moved(n: usize, n_layers: usize) -> Chart {
    let row = |step: usize, i: usize| -> Vec<Cell> {
        let context = WORDS.iter().cycle().skip(i).take(9).copied().collect::<Vec<_>>().join(" ");
        let word = WORDS[(i + step) % WORDS.len()];
        let share = if i.is_multiple_of(4) { Cell::None } else { wave(i).into() };
        let after = WORDS[(i + 5) % WORDS.len()].repeat(9);
        vec![format!("layer {step}").into(), share, context.into(), word.into(), after.into()]
    };
    let columns =
        ["step".into(), Column::end("kept"), Column::end("before"), "word".into(), "after".into()];
    let rows = (0..n_layers).flat_map(|step| (0..n).map(move |i| row(step, i)));
    chart("moved", Table::new(columns, rows))
}

pub(super) fn activations(
    n: usize,
    n_layers: usize,
    d_model: usize,
    value: impl Fn(usize) -> f64,
) -> Activations {
    Activations {
        title: "Activations".to_owned(),
        caption: "Caption.".to_owned(),
        tokens: tokens(n, 1 + n / 10),
        layers: (0..n_layers).collect(),
        d_model,
        values: (0..n_layers)
            .map(|l| (0..n * d_model).map(|i| value(i + l) as f32).collect())
            .collect(),
        clip_percentile: 99.0,
    }
}

pub(super) fn lens_grid(n: usize, n_layers: usize) -> Grid {
    let word = |i: usize| WORDS[i % WORDS.len()].to_owned();
    let cell = |l: usize, t: usize| GridCell {
        framed: (l + t).is_multiple_of(3),
        ..GridCell::new(word(l * 5 + t * 7), Some(wave(l * 3 + t).abs()))
    };
    let cells = (0..n_layers).map(|l| (0..n).map(|t| cell(l, t)).collect()).collect();
    Grid::new(layers(n_layers), tokens(n, 1).title("read"), "probability", Scale::unit(), cells)
        .truth("next token", (0..n).map(|t| (t + 1 < n).then(|| word(t + 1))).collect())
        .framed("the most probable token is the next token")
        .focus(n.saturating_sub(1))
}

pub(super) fn lens(n: usize, n_layers: usize) -> Chart {
    chart("lens", lens_grid(n, n_layers))
}

/// Small pictures with a chosen cell: over images by a colour map or as colours, or strips of a sound.
pub(super) fn pictures(n: usize, n_layers: usize, colours: bool, strip: bool) -> Chart {
    // 2 × 2 pixels.
    let picture = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEklEQVR4nGP4\
                   z8DAAMIM/4EAAB/uBfsL2WiLAAAAAElFTkSuQmCC";
    let side = (n as f64).sqrt().ceil() as usize;
    let grid = if strip { [1, n] } else { [side, side] };
    let channels = if colours { 3 } else { 1 };
    let slice = |layer: usize| {
        let value = |i: usize| (i % 11 != 7).then(|| wave(i + layer));
        let values = (0..grid[0] * grid[1] * channels).map(value).collect();
        stratoscope_chart::PictureSlice { layer, values }
    };
    let panel = |title: &str| stratoscope_chart::PicturePanel {
        title: title.to_owned(),
        picture: format!("{}{picture}", stratoscope_chart::PNG_URI),
        grid,
        seconds: strip.then_some(1.5),
        chosen: Some(n / 2),
        slices: (0..n_layers).map(slice).collect(),
    };
    let panels = [panel(WORDS[12]), panel("\u{202E}b.png")];
    let scale = Scale::symmetric(1.0);
    let of = match colours {
        true => {
            let names = ["component 1", "component 2", "component 3 <&>"];
            Pictures::colours(names.map(|name| (name.to_owned(), scale)), panels)
        }
        false => Pictures::new("centred cosine", scale, panels),
    };
    chart("pictures", of)
}
