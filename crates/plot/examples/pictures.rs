//! Draws values of the cells of a picture, made up from the places of the cells, to the folder given: for
//! looking.
//!
//! `cargo run -p stratoscope-plot --example pictures -- FOLDER PICTURE.png`

use base64::{Engine, engine::general_purpose::STANDARD};
use std::error::Error;
use std::path::Path;
use stratoscope_chart::{Chart, PNG_URI, PicturePanel, PictureSlice, Pictures, Scale};
use stratoscope_plot::{Style, draw};

const CAPTION: &str =
    "Made-up values: near cells are alike, over a distance that grows with the layer.";

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let folder = arguments.next().ok_or("a folder to write to is needed")?;
    let picture = std::fs::read(arguments.next().ok_or("a PNG file is needed")?)?;
    let picture = format!("{PNG_URI}{}", STANDARD.encode(picture));
    std::fs::create_dir_all(&folder)?;
    let panel = |title: &str, grid: [usize; 2], channels: usize| PicturePanel {
        title: title.to_owned(),
        picture: picture.clone(),
        grid,
        seconds: (grid[0] == 1).then_some(2.4),
        chosen: (channels == 1).then_some(grid[0] / 2 * grid[1] + grid[1] / 2),
        slices: (0..13).map(|layer| slice(layer, grid, channels)).collect(),
    };
    let one = |panels| Pictures::new("centred cosine", Scale::symmetric(1.0), panels);
    let colours =
        ["red", "green", "blue"].map(|name| (format!("place along {name}"), Scale::unit()));
    let drawings = [
        ("patches", one(vec![panel("a.png", [14, 14], 1)])),
        ("two", one(vec![panel("a.png", [14, 14], 1), panel("b.png", [7, 9], 1)])),
        ("colours", Pictures::colours(colours, [panel("a.png", [16, 16], 3)])),
        ("strip", one(vec![panel("a.wav", [1, 120], 1)])),
    ];
    for (name, drawing) in drawings {
        let chart = Chart::new(name, "Values of the cells, by layer", drawing).caption(CAPTION);
        for (end, style) in [("", Style::REPORT), ("-paper", Style::PAPER)] {
            let figure = draw(&chart, style)?;
            let path = Path::new(&folder).join(format!("{name}{end}"));
            std::fs::write(path.with_extension("svg"), figure.svg())?;
            std::fs::write(path.with_extension("png"), figure.png(figure.width_at(150))?)?;
            std::fs::write(path.with_extension("pdf"), figure.pdf()?)?;
        }
    }
    Ok(())
}

fn slice(layer: usize, [rows, columns]: [usize; 2], channels: usize) -> PictureSlice {
    let value = |i: usize| {
        let (cell, channel) = (i / channels, i % channels);
        let (row, column) = ((cell / columns) as f64, (cell % columns) as f64);
        if channels > 1 {
            let turn = row / rows as f64 + (column / columns as f64) * (1 + channel) as f64;
            return Some(0.5 + 0.5 * (3.0 * turn + layer as f64 * 0.3).sin());
        }
        let away = (row - (rows / 2) as f64).hypot(column - (columns / 2) as f64);
        Some(1.4 * (-away / (1.0 + layer as f64)).exp() - 0.4)
    };
    PictureSlice { layer, values: (0..rows * columns * channels).map(value).collect() }
}
