//! The images and sounds on the page, and the values of their cells.

use super::png;
use crate::Result;
use crate::explore::Exploration;
use crate::sinks::ordinary_rows;
use ndarray::Axis;
use stratoscope_extractor::{Cell, Media};
use stratoscope_geometry::{Metric, Reference, similarity_to};
use stratoscope_report as schema;

/// The number of cells whose similarity to all others is on the page, where all pairs are too many.
const QUERIES: usize = 64;

impl Exploration {
    /// The media of the page; `None` without any, or if the page has only some of the rows.
    ///
    /// # Errors
    /// A picture that cannot be encoded.
    pub(in crate::explore) fn media(&self, rows: &[usize]) -> Result<Option<Vec<schema::Media>>> {
        if self.cells.is_none() || rows.len() < self.states.rows.len() {
            return Ok(None);
        }
        let of = |(media, cells): (&Media, std::ops::Range<usize>)| {
            Ok(schema::Media {
                name: media.name.clone(),
                kind: match media.cell {
                    Cell::Patch => schema::MediaKind::Image,
                    Cell::Frame => schema::MediaKind::Sound,
                },
                picture: png::uri(media)?,
                width: media.picture.width as usize,
                height: media.picture.height as usize,
                grid: media.grid,
                first: cells.start,
                seconds: media.seconds,
                hertz: media.hertz,
            })
        };
        self.states.media.iter().zip(self.cells_of()).map(of).collect::<Result<_>>().map(Some)
    }

    /// The rows of cells whose similarity to all others is on the page: evenly spread over the pictures,
    /// with the chosen cell. `None` if the page has the similarities of all pairs.
    pub(in crate::explore) fn queries(&self) -> Option<Vec<usize>> {
        let values = self.cells.as_ref().filter(|_| self.similarity.is_none())?;
        let all = self.cells_of();
        let each = (QUERIES / all.len().max(1)).max(1);
        let mut queries = vec![values.chosen];
        for (media, cells) in self.states.media.iter().zip(all) {
            queries.extend(spread(media.grid, each).into_iter().map(|cell| cells.start + cell));
        }
        queries.sort_unstable();
        queries.dedup();
        Some(queries)
    }

    /// `[queries][rows]`: the similarities of some rows to all rows at a layer, with three decimals.
    ///
    /// # Errors
    /// An entry of the states that is not finite.
    pub(in crate::explore) fn query_similarity(
        &self,
        layer: usize,
        queries: &[usize],
    ) -> Result<schema::QuerySimilarity> {
        let x = self.states.layer(layer);
        let ordinary = ordinary_rows(&self.states);
        let reference = Reference::of(x.select(Axis(0), &ordinary).view())?;
        let of = |metric| -> Result<Option<Vec<Vec<f64>>>> {
            let all = similarity_to(x, queries, metric, &reference)?;
            let rounded = all.mapv(|v| (1e3 * v).round() / 1e3);
            Ok(Some(rounded.outer_iter().map(|row| row.to_vec()).collect()))
        };
        Ok(schema::QuerySimilarity { cosine: of(Metric::Cosine)?, centred: of(Metric::Centred)? })
    }

    /// `[heads][rows]`: the attention of the first tokens at a layer, in hundred-thousandths.
    pub(in crate::explore) fn from_first_at(&self, layer: usize) -> Option<Vec<Vec<u32>>> {
        let block = self.from_first.as_ref()?.iter().find(|block| block.layer == layer)?;
        let of_head = |head: &Vec<f64>| {
            head.iter().map(|weight| (1e5 * weight.clamp(0.0, 1.0)).round() as u32).collect()
        };
        Some(block.weights.iter().map(of_head).collect())
    }
}

/// About `n` cells of a grid, evenly spread.
fn spread([rows, columns]: [usize; 2], n: usize) -> Vec<usize> {
    let shape = (n * rows) as f64 / columns.max(1) as f64;
    let down = (shape.sqrt().round() as usize).clamp(1, rows.max(1));
    let across = (n / down).clamp(1, columns.max(1));
    let place = |i: usize, of: usize, cells: usize| (2 * i + 1) * cells / (2 * of);
    let row = |i: usize| place(i, down, rows) * columns;
    (0..down).flat_map(|i| (0..across).map(move |j| row(i) + place(j, across, columns))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_spread_over_the_whole_grid() {
        let cells = spread([14, 14], 64);
        assert_eq!(cells.len(), 64);
        let columns = |cells: &[usize], n: usize| cells.iter().map(|c| c % n).max();
        assert_eq!((cells[0], columns(&cells, 14)), (0, Some(13)));
        assert_eq!(spread([1, 500], 64).len(), 64);
        assert_eq!(spread([2, 3], 64), [0, 1, 2, 3, 4, 5]);
        assert_eq!(spread([1, 1], 1), [0]);
    }
}
