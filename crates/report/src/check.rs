//! That a report's lengths go together and its numbers are numbers: the page relies on it.

use crate::{Axis, Chart, Drawing, Error, Exploration, MapAbout, MapLayer, Report, Result};

pub(crate) fn report(report: &Report) -> Result<()> {
    for (index, exploration) in report.explorations.iter().enumerate() {
        check_exploration(&format!("exploration {index}"), exploration)?;
    }
    if let [first, second] = &report.explorations[..] {
        for pair in &report.aligned {
            for (place, of) in pair.iter().zip([first, second]) {
                below("an aligned token", *place, of.tokens.len())?;
            }
        }
    }
    for chart in &report.charts {
        if let Some(of) = chart.exploration {
            below(&format!("the exploration of {}", chart.id), of, report.explorations.len())?;
        }
        check_chart(chart)?;
    }
    Ok(())
}

fn check_exploration(name: &str, e: &Exploration) -> Result<()> {
    let n = e.tokens.len();
    for layer in &e.layers {
        let at = format!("{name}, layer {}", layer.layer);
        finite(&format!("{at}: norm"), layer.norm)?;
        for estimate in [layer.to_layer_0, layer.to_sentence, layer.baseline].into_iter().flatten()
        {
            let ends = estimate.low.into_iter().chain(estimate.high);
            all_finite(&format!("{at}: a mean"), ends.chain([estimate.value]))?;
        }
        if let Some(cka) = &layer.cka {
            length(format!("{at}: cka"), e.layers.len(), cka.len())?;
            all_finite(&format!("{at}: cka"), cka.iter().copied())?;
        }
        check_map(&format!("{at}: trajectory"), e.trajectory.as_ref(), layer.trajectory.as_ref())?;
        check_map(&format!("{at}: tsne"), e.tsne.as_ref(), layer.tsne.as_ref())?;
        if let Some(s) = &layer.similarity {
            for values in
                [&s.cosine, &s.centred, &s.standardised, &s.euclidean].into_iter().flatten()
            {
                length(format!("{at}: similarity"), n * (n + 1) / 2, values.len())?;
                all_finite(&format!("{at}: similarity"), values.iter().copied())?;
            }
        }
        if let Some(neighbours) = &layer.neighbours {
            length(format!("{at}: neighbours"), n, neighbours.len())?;
            neighbours.iter().flatten().try_for_each(|&t| below("a neighbour", t, n))?;
        }
        for moved in layer.moved.iter().flatten() {
            below("a token that moved", moved.token, n)?;
            finite(&format!("{at}: change"), moved.change)?;
        }
        for head in layer.heads.iter().flatten() {
            let known = [head.relative_entropy, head.distance, head.to_special];
            let all = known.into_iter().flatten().chain(Some(head.entropy));
            all_finite(&format!("{at}: heads"), all)?;
        }
    }
    for map in [&e.trajectory, &e.tsne].into_iter().flatten() {
        map.rows.iter().try_for_each(|&row| below("a token of a map", row, n))?;
    }
    Ok(())
}

fn check_map(at: &str, about: Option<&MapAbout>, layer: Option<&MapLayer>) -> Result<()> {
    let Some(layer) = layer else { return Ok(()) };
    let rows = about.map_or(0, |a| a.rows.len());
    length(at.to_owned(), rows, layer.points.len())?;
    all_finite(at, layer.points.iter().flatten().copied())?;
    if let Some(third) = &layer.third {
        length(format!("{at}: third component"), rows, third.len())?;
        all_finite(at, third.iter().copied())?;
    }
    Ok(())
}

fn check_chart(chart: &Chart) -> Result<()> {
    let id = &chart.id;
    match &chart.drawing {
        Drawing::Curves(curves) => {
            check_axis(id, &curves.x)?;
            let n = curves.x.labels.len();
            for series in &curves.series {
                let what = format!("{id}: {}", series.name);
                length(what.clone(), n, series.values.len())?;
                for ends in [&series.low, &series.high] {
                    if !ends.is_empty() {
                        length(what.clone(), n, ends.len())?;
                    }
                }
                let all = series.values.iter().chain(&series.low).chain(&series.high);
                all_finite(&what, all.flatten().copied())?;
            }
        }
        Drawing::Matrix(matrix) => {
            check_axis(id, &matrix.rows)?;
            check_axis(id, &matrix.columns)?;
            let cells = matrix.rows.labels.len() * matrix.columns.labels.len();
            for slice in &matrix.slices {
                length(format!("{id}: cells"), cells, slice.values.len())?;
                all_finite(id, slice.values.iter().flatten().copied())?;
            }
            all_finite(id, [matrix.scale.low, matrix.scale.high].into_iter())?;
        }
        Drawing::Grid(grid) => {
            check_axis(id, &grid.rows)?;
            check_axis(id, &grid.columns)?;
            length(format!("{id}: rows"), grid.rows.labels.len(), grid.cells.len())?;
            for row in &grid.cells {
                length(format!("{id}: cells"), grid.columns.labels.len(), row.len())?;
                all_finite(id, row.iter().filter_map(|cell| cell.value))?;
            }
            all_finite(id, [grid.scale.low, grid.scale.high].into_iter())?;
        }
        Drawing::Trails(trails) => {
            check_axis(id, &trails.steps)?;
            for item in &trails.items {
                length(
                    format!("{id}: {}", item.name),
                    trails.steps.labels.len(),
                    item.points.len(),
                )?;
                all_finite(id, item.points.iter().flatten().flatten().copied())?;
            }
        }
        Drawing::Table(table) => {
            for row in &table.rows {
                length(format!("{id}: cells"), table.columns.len(), row.len())?;
                for cell in row {
                    if let crate::Cell::Number(value) = cell {
                        finite(id, *value)?;
                    }
                }
            }
        }
    }
    Ok(())
}

fn check_axis(id: &str, axis: &Axis) -> Result<()> {
    match axis.of {
        None => Ok(()),
        Some(_) => {
            length(format!("{id}: ids of {}", axis.title), axis.labels.len(), axis.ids.len())
        }
    }
}

fn length(what: String, expected: usize, found: usize) -> Result<()> {
    if expected == found { Ok(()) } else { Err(Error::Shape { what, expected, found }) }
}

fn below(what: &str, found: usize, count: usize) -> Result<()> {
    let shape = || Error::Shape { what: format!("{what}, below"), expected: count, found };
    if found < count { Ok(()) } else { Err(shape()) }
}

fn all_finite(what: &str, mut values: impl Iterator<Item = f64>) -> Result<()> {
    values.try_for_each(|value| finite(what, value))
}

fn finite(what: &str, value: f64) -> Result<()> {
    // JSON would hold null in its place, which says that there is no value.
    if value.is_finite() { Ok(()) } else { Err(Error::NotFinite { what: what.to_owned(), value }) }
}
