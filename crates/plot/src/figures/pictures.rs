//! Pictures with values of their cells at every layer: over an image, small pictures side by side; over
//! a sound, strips below its spectrogram.

use crate::canvas::{Cells, Look};
use crate::colour::{INK, PAPER, RULE, Rgb, SOFT, Scale};
use crate::error::PlotError;
use crate::figure::Figure;
use crate::fonts;
use crate::input::{self, check_count, check_layers, check_value};
use crate::labels::Rect;
use crate::layout::{self, Bar, Page};
use crate::picture::Picture;
use crate::style::Style;
use stratoscope_chart::{Channel, Chart, PicturePanel, PictureSlice, Pictures};

const MAX_PICTURES: usize = 16;
const MAX_CELLS: usize = 40_000;
/// The most pixels along a side of an embedded picture. It is small on the page, and there are many.
const SIDE: usize = 168;
/// The most pixels along a strip.
const LONG: usize = 900;
/// The share of the colour in a picture with values by a colour map; the picture shows through.
const COLOUR: f64 = 0.7;
const GAP: f64 = 8.0;

pub(crate) fn draw(chart: &Chart, pictures: &Pictures, style: Style) -> Result<Figure, PlotError> {
    let panels = &pictures.panels;
    check_count("pictures", panels.len(), MAX_PICTURES)?;
    for panel in panels {
        check_count("cells of a picture", panel.cells(), MAX_CELLS)?;
        check_layers(panel.slices.len())?;
        let mut known = panel.slices.iter().flat_map(|slice| slice.values.iter().flatten());
        known.try_for_each(|value| check_value(|| panel.title.clone(), *value))?;
    }
    let mut page = Page::new(&chart.full_title(), style);
    let mut shown = 0;
    for panel in panels {
        let most = if panel.is_strip() { style.either(25, 13) } else { style.either(15, 8) };
        let picked = input::evenly(panel.slices.len(), most);
        if picked.len() < panel.slices.len() && shown == 0 {
            let (some, all) = (picked.len(), panel.slices.len());
            page.note(&format!("{some} of {all} layers shown, evenly spaced."));
        }
        shown = picked.len();
        if panels.len() > 1 {
            let title = page.label(&panel.title, style.heading, page.width - 2.0 * style.margin);
            let at = (style.margin, page.y + style.heading);
            page.canvas.text(at, &title, Look::new(style.heading, INK));
            page.y += style.heading + 3.0;
        }
        let slices = picked.iter().filter_map(|&place| panel.slices.get(place)).collect();
        let drawn =
            Drawn { panel, slices, picture: Picture::of(panel)?, channels: &pictures.channels };
        match panel.is_strip() {
            true => drawn.strips(&mut page),
            false => drawn.tiles(&mut page),
        }
    }
    legend(&mut page, &pictures.channels);
    let values: Vec<&str> = pictures.channels.iter().map(|c| c.value.as_str()).collect();
    let shows = format!(
        "{} of the cells of {} at {shown} layers.",
        values.join(", "),
        if panels.len() == 1 {
            "a picture".to_owned()
        } else {
            format!("{} pictures", panels.len())
        }
    );
    page.finish(&chart.caption, &shows)
}

/// What colours mean.
fn legend(page: &mut Page, channels: &[Channel]) {
    let (margin, width) = (page.style.margin, page.width - 2.0 * page.style.margin);
    if let [one] = channels {
        let bar =
            Bar { scale: Scale::from(&one.scale), label: &one.value, whole: false, clipped: false };
        return layout::colour_bar(page, margin, width.min(320.0), &bar);
    }
    let inks: [Rgb; 3] = [[200, 30, 30], [30, 150, 30], [30, 60, 200]];
    let entries: Vec<(usize, Rgb, Rgb, String)> = (channels.iter().zip(inks))
        .map(|(channel, ink)| {
            let name = page.label(&channel.value, page.style.small, width - 24.0);
            (1, ink, ink, name)
        })
        .collect();
    layout::entries_row(page, &entries);
}

/// A picture that is drawn.
struct Drawn<'a> {
    panel: &'a PicturePanel,
    slices: Vec<&'a PictureSlice>,
    picture: Picture,
    channels: &'a [Channel],
}

impl Drawn<'_> {
    /// The picture, and after it the picture under the values of each layer.
    fn tiles(&self, page: &mut Page) {
        let style = page.style;
        let columns = style.either(4, 3).min(self.slices.len() + 1).max(2);
        let room = page.width - 2.0 * style.margin - GAP * (columns as f64 - 1.0);
        let room = (room / columns as f64).min(style.either(150.0, 110.0));
        let shape = self.picture.height as f64 / self.picture.width.max(1) as f64;
        let width = room.min(1.6 * room / shape.max(1e-3));
        let height = (width * shape).max(2.0);
        let (across, down) = self.pixels();
        let small = self.picture.resized(across, down);
        for (place, slice) in std::iter::once(None).chain(self.slices.iter().map(Some)).enumerate()
        {
            let column = place % columns;
            if place > 0 && column == 0 {
                page.y += height + style.body + 9.0;
            }
            let x = style.margin + column as f64 * (room + GAP);
            let rect = Rect::new(x, page.y + style.body + 3.0, width, height);
            let (title, colours) = match slice {
                None => {
                    // The picture alone, with twice the pixels.
                    let plain = self.picture.resized(2 * across, 2 * down);
                    (style.either("as the model sees it", "picture").to_owned(), plain)
                }
                Some(slice) => (layer_name(slice.layer, style), self.under(&small, slice)),
            };
            let Picture { width: columns, height: rows, pixels } = colours;
            page.canvas.picture(rect, Cells { columns, rows, colours: pixels, fine: true });
            page.canvas.frame(rect, 0.4, SOFT);
            if let Some(cell) = self.panel.chosen {
                let cell = self.cell(rect, cell);
                page.canvas.frame(cell, 1.8, PAPER);
                page.canvas.frame(cell, 0.8, INK);
            }
            let title = page.label(&title, style.body, room);
            let at = (x, rect.y0 - 3.0);
            page.canvas.text(at, &title, Look::new(style.body, INK));
        }
        page.y += height + style.body + 12.0;
    }

    /// The pixels of a picture on the page: each cell has as many as the others.
    fn pixels(&self) -> (usize, usize) {
        let [rows, columns] = self.panel.grid;
        let shape = self.picture.height as f64 / self.picture.width.max(1) as f64;
        let [wide, tall] = if shape > 1.0 { [1.0 / shape, 1.0] } else { [1.0, shape] };
        let multiple = |cells: usize, share: f64| {
            let cells = cells.max(1);
            cells * (((SIDE as f64 * share) / cells as f64).round() as usize).clamp(1, SIDE)
        };
        (multiple(columns, wide), multiple(rows, tall))
    }

    /// The picture under the colours of a layer. Three channels cover it.
    fn under(&self, picture: &Picture, slice: &PictureSlice) -> Picture {
        let [rows, columns] = self.panel.grid;
        let (width, height) = (picture.width, picture.height);
        let colours: Vec<Rgb> = (0..self.panel.cells()).map(|c| self.colour(slice, c)).collect();
        let share = if self.channels.len() == 1 { COLOUR } else { 1.0 };
        let pixel = |place: usize| {
            let (x, y) = (place % width.max(1), place / width.max(1));
            let cell = (y * rows / height.max(1)) * columns + x * columns / width.max(1);
            let colour = colours.get(cell).copied().unwrap_or(RULE);
            let light = 255.0 * Picture::lightness(picture.pixels[place]);
            colour.map(|v| (share * f64::from(v) + (1.0 - share) * light).round() as u8)
        };
        let pixels = (0..picture.pixels.len()).map(pixel).collect();
        Picture { width, height, pixels }
    }

    /// The colour of a cell.
    fn colour(&self, slice: &PictureSlice, cell: usize) -> Rgb {
        let n = self.channels.len();
        let value = |channel: usize| slice.values.get(cell * n + channel).copied().flatten();
        if let [one] = self.channels {
            return value(0).map_or(RULE, |value| Scale::from(&one.scale).colour(value));
        }
        let mut colour = [0; 3];
        for (index, channel) in self.channels.iter().enumerate().take(3) {
            let Some(value) = value(index) else { return RULE };
            let (low, high) = (channel.scale.low, channel.scale.high);
            let share: f64 = if high > low { (value - low) / (high - low) } else { 0.5 };
            colour[index] = (255.0 * share.clamp(0.0, 1.0)).round() as u8;
        }
        colour
    }

    /// The place of a cell on the page.
    fn cell(&self, rect: Rect, cell: usize) -> Rect {
        let [rows, columns] = self.panel.grid.map(|n| n.max(1));
        let (wide, tall) = (rect.width() / columns as f64, rect.height() / rows as f64);
        let (row, column) = (cell / columns, cell % columns);
        Rect::new(rect.x0 + column as f64 * wide, rect.y0 + row as f64 * tall, wide, tall)
    }

    /// The picture of a sound above its axis of time, and a strip for each layer; layers rise.
    fn strips(&self, page: &mut Page) {
        let style = page.style;
        let names: Vec<String> =
            self.slices.iter().map(|slice| layer_name(slice.layer, style)).collect();
        let (end, unit) = match self.panel.seconds {
            Some(seconds) => (seconds, "seconds"),
            None => (self.panel.cells() as f64, "cells"),
        };
        // The first label of the axis extends to the left by half of its width.
        const FIRST: f64 = 8.0;
        let unit_room = fonts::width(unit, style.small) + FIRST;
        let widest = names.iter().map(|name| fonts::width(name, style.small));
        let left = style.margin + widest.fold(unit_room, f64::max) + 5.0;
        let width = page.right() - left;
        let rect = Rect::new(left, page.y + 2.0, width, style.either(70.0, 46.0));
        let (wide, tall) = (self.picture.width.min(LONG), self.picture.height.min(SIDE));
        let Picture { width: columns, height: rows, pixels } = self.picture.resized(wide, tall);
        page.canvas.picture(rect, Cells { columns, rows, colours: pixels, fine: true });
        page.canvas.frame(rect, 0.4, SOFT);
        let pitch = style.small + 3.0;
        let top = rect.y1 + 4.0;
        for (place, (slice, name)) in self.slices.iter().zip(&names).rev().enumerate() {
            let strip = Rect::new(left, top + place as f64 * pitch, width, pitch - 1.0);
            let columns = self.panel.cells();
            let colours = (0..columns).map(|cell| self.colour(slice, cell)).collect();
            page.canvas.picture(strip, Cells { columns, rows: 1, colours, fine: false });
            let at = (left - 3.0, strip.y0 + pitch / 2.0 + 0.3 * style.small);
            page.canvas.text(at, name, Look::new(style.small, SOFT).end());
        }
        let bottom = top + self.slices.len() as f64 * pitch;
        if let Some(cell) = self.panel.chosen {
            let column = self.cell(rect, cell);
            let whole = Rect { y0: rect.y0, y1: bottom, ..column };
            page.canvas.frame(whole, 1.6, PAPER);
            page.canvas.frame(whole, 0.7, INK);
        }
        for (value, label) in layout::ticks(0.0, end, style.either(8, 4)) {
            let x = left + width * if end > 0.0 { value / end } else { 0.0 };
            page.canvas.line(&[(x, bottom), (x, bottom + 2.0)], 0.5, SOFT);
            let half = fonts::width(&label, style.small) / 2.0;
            let x = x.clamp(left, page.right() - half);
            let at = (x, bottom + 3.0 + style.small);
            page.canvas.text(at, &label, Look::new(style.small, SOFT).middle());
        }
        let at = (left - 3.0 - FIRST, bottom + 3.0 + style.small);
        page.canvas.text(at, unit, Look::new(style.small, SOFT).end());
        page.y = bottom + style.small + 14.0;
    }
}

/// The name of a layer, short where a figure is narrow.
fn layer_name(layer: usize, style: Style) -> String {
    match style.is_paper {
        true => format!("layer {layer}"),
        false => input::layer_name(layer),
    }
}
