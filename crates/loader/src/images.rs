//! Images for models that read them: from pixels to patches, as transformers' image processors do.

mod pixels;
mod settings;

use crate::error::{Error, Result};
use crate::hub::{Need, Progress};
use crate::note::Note;
use crate::source::Files;
use pixels::Pixels;
use settings::Settings;
use std::fmt;
use stratoscope_transformer::{Features, GridPositions, OtherGrids, Patches, Sequence};

/// An image in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels of a row.
    pub width: u32,
    /// Rows of pixels.
    pub height: u32,
    /// `[height, width, 3]`: red, green and blue of each pixel.
    pub rgb: Vec<u8>,
}

/// Prepares images for one model: size, cut, scale of the values, patches.
///
/// The pixels are those of transformers' processors with Pillow. Where the processor of a model exists with
/// torchvision alone (DINOv3), they are the same to less than a grey level.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageProcessor {
    settings: Settings,
    patches: Patches,
}

/// An image that is ready for the model.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessedImage {
    /// The input of the model.
    pub sequence: Sequence,
    /// Rows and columns of patches.
    pub grid: [usize; 2],
    /// The labels of the rows before those of the patches, such as `[CLS]` and `[REG 1]`.
    pub prefix: Vec<String>,
    /// What the grid covers, in pixels of the picture: left, top, width and height. It is partly outside
    /// where a small picture got a margin.
    pub crop: [f64; 4],
    /// What the model sees: the picture after it was resized and cut, before its values are scaled.
    pub seen: Picture,
}

/// Files that say how images are prepared, in the order in which they count.
const FILES: [&str; 2] = ["processor_config.json", "preprocessor_config.json"];

/// The most pixels of an image after it is resized.
const MAX_PIXELS: usize = 1 << 24;

impl ImageProcessor {
    /// The processor of a checkpoint.
    ///
    /// # Errors
    /// A file that cannot be read, or a setting that is not supported.
    pub(crate) fn read(
        files: &mut Files,
        model_type: &str,
        patches: &Patches,
        progress: &mut dyn Progress,
        notes: &mut Vec<Note>,
    ) -> Result<Self> {
        files.fetch(&FILES, Need::Optional, progress)?;
        let mut found = None;
        for file in FILES {
            if let (None, Some(bytes)) = (&found, files.find(file)?) {
                found = Settings::parse(file, &bytes, model_type, notes)?;
            }
        }
        let settings = match found {
            Some(settings) => settings,
            None => {
                files.check_cached(&FILES)?;
                let settings = Settings::of_type(model_type)?;
                notes.push(Note::NoImageSettings { class: settings.class });
                settings
            }
        };
        Ok(Self { settings, patches: patches.clone() })
    }

    /// Prepares an image.
    ///
    /// # Errors
    /// [`Error::Picture`] for a picture without pixels, one that becomes too large, or one that has another
    /// number of patches than the model reads.
    pub fn process(&self, picture: &Picture) -> Result<ProcessedImage> {
        let fail = |reason: String| {
            let Picture { width, height, .. } = *picture;
            Err(Error::Picture { width, height, reason })
        };
        let size @ [height, width] = [picture.height as usize, picture.width as usize];
        if height == 0
            || width == 0
            || height.checked_mul(width).is_none_or(|n| n > usize::MAX / 12)
        {
            return fail("it has no pixels, or more than fit into memory".to_owned());
        }
        if picture.rgb.len() != 3 * height * width {
            return fail(format!("it has {} values", picture.rgb.len()));
        }
        let Settings { resize, crop, scale, .. } = &self.settings;
        let resized = resize.as_ref().map_or(size, |resize| resize.size.of(size));
        let kept = crop.unwrap_or(resized);
        for [height, width] in [resized, kept] {
            if height == 0 || width == 0 || height.saturating_mul(width) > MAX_PIXELS {
                return fail(format!(
                    "it would be resized to {width} × {height} pixels; at most {MAX_PIXELS} pixels are read"
                ));
            }
        }
        let grid = [kept[0] / self.patches.size[0], kept[1] / self.patches.size[1]];
        let [rows, columns] = grid;
        if rows == 0 || columns == 0 {
            let [height, width] = self.patches.size;
            return fail(format!("it is smaller than a patch of {width} × {height} pixels"));
        }
        if let Some(GridPositions { grid: own, other_grids: OtherGrids::Refused, .. }) =
            self.patches.positions
            && own != grid
        {
            return fail(format!(
                "it becomes {rows} × {columns} patches, and the model has positions for {} × {}",
                own[0], own[1]
            ));
        }
        let mut pixels = Pixels::of(&picture.rgb, size, scale.is_first);
        if let Some(resize) = resize {
            pixels = pixels.resized(resized, resize.resampling);
        }
        let from = pixels::offsets(resized, kept);
        // Rows and columns that fill no patch are not read.
        let covered = [rows * self.patches.size[0], columns * self.patches.size[1]];
        pixels = pixels.window(from, covered);
        let ratio = [height as f64 / resized[0] as f64, width as f64 / resized[1] as f64];
        let crop = [
            from[1] as f64 * ratio[1],
            from[0] as f64 * ratio[0],
            covered[1] as f64 * ratio[1],
            covered[0] as f64 * ratio[0],
        ];
        let seen =
            Picture { width: covered[1] as u32, height: covered[0] as u32, rgb: pixels.bytes() };
        let values = self.patched(&pixels, scale, grid);
        let (prefix, width) = (self.prefix(), self.patches.width());
        let features = Features {
            values: values.into(),
            width,
            grid: Some(grid),
            tokens: prefix.len() + rows * columns,
        };
        Ok(ProcessedImage { sequence: Sequence::Features(features), grid, prefix, crop, seen })
    }

    /// `[patches, channels × height × width]`.
    fn patched(&self, pixels: &Pixels, scale: &settings::Scale, grid: [usize; 2]) -> Vec<f32> {
        let [height, width] = self.patches.size;
        let mut values = Vec::with_capacity(grid[0] * grid[1] * self.patches.width());
        for (row, column) in (0..grid[0]).flat_map(|row| (0..grid[1]).map(move |c| (row, c))) {
            for channel in 0..self.patches.channels {
                for y in row * height..(row + 1) * height {
                    let line = column * width..(column + 1) * width;
                    values.extend(line.map(|x| scale.of(pixels, [y, x], channel)));
                }
            }
        }
        values
    }

    /// The labels of the rows before those of the patches.
    fn prefix(&self) -> Vec<String> {
        let mut labels = Vec::new();
        for (table, &rows) in self.patches.prefix.iter().enumerate() {
            match (table, rows) {
                (0, 1) => labels.push("[CLS]".to_owned()),
                // A second table of one row, with a position, is a distillation token.
                (1, 1) if self.patches.positions.is_some_and(|p| p.prefix == 2) => {
                    labels.push("[DIST]".to_owned());
                }
                _ => labels.extend((1..=rows).map(|i| format!("[REG {i}]"))),
            }
        }
        labels
    }
}

impl fmt::Display for ImageProcessor {
    /// What is done to an image, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [height, width] = self.patches.size;
        write!(f, "{}; patches of {width} × {height} pixels", self.settings)
    }
}

#[cfg(test)]
mod tests;
