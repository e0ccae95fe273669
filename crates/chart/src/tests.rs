//! What charts promise: one value for JSON, CSV and both pictures, and no number without a place.

use crate::{
    Axis, Cell, Chart, ChartError, Column, Curves, Drawing, Grid, GridCell, Matrix, MatrixPanel,
    Panel, PicturePanel, PictureSlice, Pictures, Scale, Series, SeriesKind, Slice, Table, Trails,
};

fn panel(title: &str, series: impl IntoIterator<Item = Series>) -> Panel {
    Panel::new(title, Axis::layers(&[0, 4, 8]), "accuracy", series)
}

fn curve(name: &str, values: [f64; 3]) -> Series {
    Series::new(name).values(values.map(Some))
}

fn curves() -> Chart {
    let estimates = [Some((0.5, Some([0.25, 0.75]))), None, Some((1.0, None))];
    let series =
        [Series::new("a, \"b\"").n(9).estimates(estimates), curve("chance", [0.5; 3]).baseline()];
    let share = Series::new("other").values([Some(0.1), Some(0.2)]).shares(&[0, 3], 6);
    let share = Panel::new("by share", Axis::share(), "accuracy", [share]);
    Chart::new("curves", "Curves", Curves::rows([vec![panel("", series)], vec![share]]))
        .subject("a/model")
        .caption("Caption.")
        .paper("Somebody 2020", "10.1000/182")
        .exploration(0)
}

fn matrix() -> Chart {
    let slice = |name: &str| {
        let values = [Some(1.0), None, Some(-0.5), Some(0.25)];
        Slice::new(values).name(name).layer(3).framed([2])
    };
    let rows = Axis::tokens(vec!["the".into(), "[SEP]".into()], vec![0, 1]);
    let rows = rows.groups(vec![0, 1]).muted([1]);
    let columns = Axis::named("head", vec!["0".into(), "1".into()]);
    let panel = MatrixPanel::new(rows, columns, "weight", Scale::symmetric(1.0));
    let panel = panel.title("Weights").n(7).decimals(1).slices([slice("a"), slice("b")]);
    Chart::new("matrix", "Matrix", Matrix::new([panel]).across(2))
}

fn grid() -> Chart {
    let cell =
        |text: &str| GridCell { more: vec!["x 0.1".into()], ..GridCell::new(text, Some(0.5)) };
    let cells = vec![vec![cell("x"), GridCell { framed: true, ..GridCell::new("y", None) }]];
    let columns = Axis::tokens(vec!["a".into(), "b".into()], vec![]).title("read");
    let grid = Grid::new(Axis::layers(&[0]), columns, "probability", Scale::unit(), cells)
        .truth("next token", vec![Some("b".into()), None])
        .framed("right")
        .focus(1);
    Chart::new("grid", "Grid", grid)
}

fn trails() -> Chart {
    let items = Axis::named("word", vec!["a".into(), "b".into()]);
    let points = vec![vec![Some([1.0, 2.0]), None]];
    let trails = Trails::new(Axis::layers(&[2]), items, points).notes(vec!["T 0.9".into()]);
    Chart::new("trails", "Trails", trails.axes("x", "y").shared())
}

fn table() -> Chart {
    let rows = [vec![Cell::from(1.5), "b\n".into(), None.into()]];
    Chart::new("table", "Table", Table::new([Column::end("a"), "b".into(), "c".into()], rows))
}

fn pictures() -> Chart {
    let slice = |layer| PictureSlice { layer, values: vec![Some(0.5), None] };
    let panel = PicturePanel {
        title: "a.png".into(),
        picture: format!("{}iVBORw==", crate::PNG_URI),
        grid: [1, 2],
        seconds: Some(0.5),
        chosen: Some(1),
        slices: vec![slice(0), slice(3)],
    };
    Chart::new("pictures", "Pictures", Pictures::new("cosine", Scale::symmetric(1.0), [panel]))
}

fn all() -> [Chart; 6] {
    [curves(), matrix(), grid(), trails(), table(), pictures()]
}

#[test]
fn cells_of_pictures_have_their_place() {
    let chart = pictures();
    assert_eq!(
        chart.csv(),
        "picture,layer,row,column,cosine\r\na.png,0,0,0,0.5\r\na.png,3,0,0,0.5\r\n"
    );
    let wrong = |edit: fn(&mut Pictures)| {
        let mut chart = chart.clone();
        let Drawing::Pictures(pictures) = &mut chart.drawing else { panic!() };
        edit(pictures);
        chart.check().unwrap_err().to_string()
    };
    let message = wrong(|p| p.panels[0].picture = "data:image/svg+xml,x".into());
    assert!(message.contains("a PNG file in base64 is expected"), "{message}");
    assert!(wrong(|p| p.panels[0].chosen = Some(2)).contains("the chosen cell"));
    assert!(wrong(|p| p.panels[0].slices[1].values.push(None)).contains("values at layer 3"));
    assert!(wrong(|p| p.panels[0].slices[0].values[0] = Some(2.0)).contains("cell 0 at layer 0"));
    assert!(wrong(|p| p.channels.clear()).contains("channels"));
    assert!(wrong(|p| p.channels.push(p.channels[0].clone())).contains("channels"));
}

#[test]
fn json_is_read_back_as_it_was() {
    for chart in all() {
        chart.check().unwrap();
        let json = serde_json::to_string(&chart).unwrap();
        assert_eq!(serde_json::from_str::<Chart>(&json).unwrap(), chart, "{json}");
        assert!(json.contains(&format!("\"type\":\"{}\"", chart.id)), "{json}");
    }
}

#[test]
fn csv_has_a_line_for_each_value() {
    let csv = |chart: Chart| chart.csv().replace("\r\n", "|");
    assert_eq!(
        csv(curves()),
        "panel,series,layer,x,value,low,high,n|\
         ,\"a, \"\"b\"\"\",0,0,0.5,0.25,0.75,9|\
         ,\"a, \"\"b\"\"\",8,8,1,,,9|\
         ,chance,0,0,0.5,,,|,chance,4,4,0.5,,,|,chance,8,8,0.5,,,|\
         by share,other,0,0,0.1,,,|by share,other,3,0.5,0.2,,,|"
    );
    assert!(csv(matrix()).starts_with(
        "panel,slice,layer,row,column,value,n|Weights,a,3,the,0,1,7|Weights,a,3,[SEP],0,-0.5,7|"
    ));
    assert_eq!(csv(grid()), "row,column,text,value,framed|0,a,x,0.5,false|0,b,y,,true|");
    assert_eq!(csv(trails()), "step,item,x,y|2,a,1,2|");
    assert_eq!(csv(table()), "a,b,c|1.5,\"b\n\",|");
}

#[test]
fn csv_keeps_full_precision() {
    let value = 0.1 + 0.2;
    let chart = Chart::new("c", "", Curves::one(panel("", [curve("a", [value, 1e-300, 1e300])])));
    let csv = chart.csv();
    let read: Vec<f64> =
        csv.lines().skip(1).map(|line| line.split(',').nth(4).unwrap().parse().unwrap()).collect();
    assert_eq!(read, [value, 1e-300, 1e300]);
}

#[test]
fn the_ring_is_at_the_first_of_the_largest_values() {
    let peak = |values: [f64; 3]| curve("a", values).peak().peak;
    assert_eq!(peak([0.5, 0.9, 0.9]), Some(1));
    // Where all values are equal, no place differs.
    assert_eq!(peak([0.5; 3]), None);
    assert_eq!(Series::new("a").values([None, Some(0.2), None]).peak().peak, None);
    let beyond = Series { peak: Some(3), ..curve("a", [0.0, 0.5, 1.0]) };
    assert!(Chart::new("c", "", Curves::one(panel("", [beyond]))).check().is_err());
}

#[test]
fn notes_say_what_axes_and_bands_are() {
    let banded = || {
        let estimates = [Some((0.9, Some([0.88, 0.92]))), Some((0.95, None)), None];
        panel("p", [Series::new("a").estimates(estimates)])
    };
    let bands = "Bands: interval of each value.";
    assert_eq!(
        Curves::one(banded()).notes,
        ["The vertical axis of “p” starts at 0.876, not at 0.", bands]
    );
    assert_eq!(
        Curves::multiples([banded()]).notes,
        ["Horizontal axes: layer (0: embedding).", "Vertical axes need not start at 0.", bands]
    );
    assert!(Curves::one(panel("", [curve("a", [0.0, 0.5, 1.0])])).notes.is_empty());
}

#[test]
fn the_vertical_axis_holds_all_values() {
    let range = |values: [f64; 3]| panel("", [curve("a", values)]).range;
    // 0 is part of it unless that would waste most of it.
    assert_eq!(range([0.1, 0.5, 1.0])[0], 0.0);
    assert!(range([0.9, 0.95, 1.0])[0] > 0.5);
    assert!(range([-0.1, 0.0, 0.2])[0] < -0.1);
    let [low, high] = range([3.0; 3]);
    assert!(low < 3.0 && high > 3.0);
    // A range that is asked for is widened by what passes it.
    assert_eq!(panel("", [curve("a", [-0.5, 0.0, 0.5])]).range(0.0, 1.0).range, [-0.5, 1.0]);
    assert_eq!(panel("", []).range(0.0, 2.0).range, [0.0, 2.0]);
}

#[test]
fn what_is_empty_is_dropped() {
    let none = Series::new("none").values([None; 3]);
    let kept = panel("kept", [none.clone(), curve("a", [1.0; 3])]);
    assert_eq!(kept.series.len(), 1);
    let rows = [vec![panel("", [none.clone()])], vec![kept.clone(), panel("", [none])], vec![]];
    let found = Curves::rows(rows);
    assert_eq!(found.rows, [vec![kept]]);
    let empty = MatrixPanel::new(Axis::layers(&[0]), Axis::layers(&[0]), "CKA", Scale::unit());
    assert!(Chart::new("m", "", Matrix::new([empty.values([None])])).is_empty());
    assert!(Chart::new("c", "", Curves::multiples([])).is_empty());
}

#[test]
fn a_name_keeps_its_colour_in_all_panels() {
    let a = |name: &str| curve(name, [1.0; 3]);
    let rows = vec![
        vec![panel("1", [a("kept"), a("chance").baseline(), a("replaced")])],
        vec![panel("2", [a("replaced"), a("other")]), panel("3", [a("alone")])],
    ];
    let found = Curves::rows(rows);
    let colours = |series: &Series| (series.name.clone(), series.colour);
    let measures = found.panels().flat_map(|panel| &panel.series);
    let measures = measures.filter(|series| series.kind == SeriesKind::Measure);
    let expected = [("kept", 0), ("replaced", 1), ("replaced", 1), ("other", 0), ("alone", 0)];
    assert_eq!(
        measures.map(colours).collect::<Vec<_>>(),
        expected.map(|(name, colour)| (name.to_owned(), colour))
    );
    // A legend tells the curves of small multiples apart, also of those that share no panel.
    let small = Curves::multiples(["b", "a"].map(|name| panel("", [a(name)])));
    let colours: Vec<usize> = small.panels().map(|panel| panel.series[0].colour).collect();
    assert_eq!((colours, small.rows.len()), (vec![0, 1], 1));
}

#[test]
fn two_curves_of_one_name_have_two_colours() {
    let found = Curves::one(panel("", [curve("a", [0.0; 3]), curve("a", [1.0; 3])]));
    let colours: Vec<usize> = found.rows[0][0].series.iter().map(|s| s.colour).collect();
    assert_eq!(colours, [0, 1]);
}

#[test]
fn scales() {
    assert_eq!(Scale::of([2.0, -1.0]), Scale::new(-1.0, 2.0));
    assert_eq!(Scale::of([]), Scale::unit());
    assert_eq!(Scale::to_one([0.37, 0.8]), Scale::new(0.3, 1.0));
    assert_eq!(Scale::to_one([0.99, 1.02]), Scale::new(0.9, 1.02));
    assert_eq!(Scale::signed([0.5, -2.0]), Scale { low: -2.0, high: 2.0, signed: true });
    assert!(Scale::from_zero([0.0]).high > 0.0);
}

#[test]
fn lengths_and_numbers_are_checked() {
    type Harm = fn(&mut Chart);
    fn of<T>(harm: impl Fn(&mut T), drawing: Option<&mut T>) {
        drawing.map(harm).unwrap();
    }
    fn first(chart: &mut Chart) -> Option<&mut Panel> {
        match &mut chart.drawing {
            Drawing::Curves(curves) => curves.rows.first_mut()?.first_mut(),
            _ => None,
        }
    }
    fn by_share(chart: &mut Chart) -> Option<&mut Series> {
        match &mut chart.drawing {
            Drawing::Curves(curves) => curves.rows.last_mut()?.first_mut()?.series.first_mut(),
            _ => None,
        }
    }
    fn cells(chart: &mut Chart) -> Option<&mut MatrixPanel> {
        match &mut chart.drawing {
            Drawing::Matrix(matrix) => matrix.panels.first_mut(),
            _ => None,
        }
    }
    let harms: [(&str, Chart, Harm); 22] = [
        ("values: expected 3", curves(), |c| {
            of(|p: &mut Panel| p.series[0].values.truncate(1), first(c))
        }),
        ("intervals: expected 3", curves(), |c| {
            of(|p: &mut Panel| p.series[0].intervals.truncate(1), first(c))
        }),
        ("places: expected 0", curves(), |c| {
            of(|p: &mut Panel| p.series[0].at = vec![0.0; 3], first(c))
        }),
        ("the value at layer 0 is NaN", curves(), |c| {
            of(|p: &mut Panel| p.series[0].values[0] = Some(f64::NAN), first(c))
        }),
        ("the value at layer 8 is 9", curves(), |c| {
            of(|p: &mut Panel| p.series[0].values[2] = Some(9.0), first(c))
        }),
        ("the low end of the interval at layer 0", curves(), |c| {
            of(|p: &mut Panel| p.series[0].intervals[0] = Some([0.8, 0.2]), first(c))
        }),
        ("the end of the vertical axis", curves(), |c| {
            of(|p: &mut Panel| p.range = [1.0, 1.0], first(c))
        }),
        ("has to rise", curves(), |c| of(|p: &mut Panel| p.x.numbers = vec![0, 8, 4], first(c))),
        ("has to rise", curves(), |c| of(|s: &mut Series| s.at = vec![0.5, 0.5], by_share(c))),
        ("a place is 2", curves(), |c| of(|s: &mut Series| s.at = vec![0.5, 2.0], by_share(c))),
        ("layers: expected 2", curves(), |c| {
            of(|s: &mut Series| s.layers.truncate(1), by_share(c))
        }),
        ("cells: expected 4", matrix(), |c| {
            of(|p: &mut MatrixPanel| p.slices[0].values.truncate(3), cells(c))
        }),
        ("row [SEP] and column 0 is 1.5", matrix(), |c| {
            of(|p: &mut MatrixPanel| p.slices[1].values[2] = Some(1.5), cells(c))
        }),
        ("a frame is 4", matrix(), |c| {
            of(|p: &mut MatrixPanel| p.slices[0].framed = vec![4], cells(c))
        }),
        ("the scale is 2", matrix(), |c| of(|p: &mut MatrixPanel| p.scale.high = 2.0, cells(c))),
        ("token, groups: expected 2", matrix(), |c| {
            of(|p: &mut MatrixPanel| p.rows.groups.truncate(1), cells(c))
        }),
        ("token, numbers: expected 2", matrix(), |c| {
            of(|p: &mut MatrixPanel| p.rows.numbers.truncate(1), cells(c))
        }),
        ("token, a place is 2", matrix(), |c| {
            of(|p: &mut MatrixPanel| p.rows.muted = vec![2], cells(c))
        }),
        ("token, a place is 2", matrix(), |c| {
            of(|p: &mut MatrixPanel| p.rows.unknown = vec![2], cells(c))
        }),
        ("table: cells: expected 3", table(), |c| {
            if let Drawing::Table(table) = &mut c.drawing {
                table.rows[0].pop();
            }
        }),
        ("table: two columns have the title \"b\"", table(), |c| {
            if let Drawing::Table(table) = &mut c.drawing {
                table.columns[0].title = "b".to_owned();
            }
        }),
        ("the point of a at layer 2 is inf", trails(), |c| {
            if let Drawing::Trails(trails) = &mut c.drawing {
                trails.points[0][0] = Some([f64::INFINITY, 0.0]);
            }
        }),
    ];
    for (what, mut chart, harm) in harms {
        harm(&mut chart);
        let error = chart.check().unwrap_err().to_string();
        assert!(error.contains(what), "{what}: {error}");
    }
    let mut lens = grid();
    if let Drawing::Grid(grid) = &mut lens.drawing {
        grid.focus = Some(2);
    }
    assert!(matches!(lens.check(), Err(ChartError::OutOfRange { value: 2.0, .. })));
}
