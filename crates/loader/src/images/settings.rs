//! `preprocessor_config.json`: what is done to an image before a model reads it.

use super::pixels::{Pixels, Resampling};
use crate::config::Config;
use crate::error::Result;
use crate::json;
use crate::note::Note;
use serde_json::Value;
use std::fmt;
use stratoscope_transformer::resample::Filter;

/// What is done to an image.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    /// The class of the processor in transformers.
    pub(super) class: &'static str,
    pub(super) resize: Option<Resize>,
    /// Height and width of the middle that is kept.
    pub(super) crop: Option<[usize; 2]>,
    pub(super) scale: Scale,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Resize {
    pub(super) size: Size,
    pub(super) resampling: Resampling,
}

/// The size of an image after it is resized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// Height and width.
    Exact([usize; 2]),
    /// That of the shorter side; the image keeps its shape.
    Shortest(usize),
    /// That of the shorter side, but the longer one has at most so many pixels.
    Within { shortest: usize, longest: usize },
}

/// From grey levels to what the model reads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    /// The factor of a grey level.
    factor: Option<f64>,
    /// Mean and standard deviation of each channel.
    normal: Option<[[f32; 3]; 2]>,
    /// Whether grey levels are scaled before the image is resized, so that they are not rounded.
    pub(super) is_first: bool,
}

/// The defaults of a class.
struct Class {
    name: &'static str,
    /// The `model_type`s whose processor it is where no file names one.
    types: &'static [&'static str],
    resampling: Resampling,
    size: Size,
    crop: Option<[usize; 2]>,
    /// Whether one number is the size of both sides.
    square: bool,
    mean: [f64; 3],
    deviation: [f64; 3],
    /// Whether grey levels are scaled before the image is resized.
    scale_first: bool,
}

const LINEAR: Resampling = Resampling::Filtered(Filter::Linear);
const CUBIC: Resampling = Resampling::Filtered(Filter::Cubic);
const HALF: [f64; 3] = [0.5; 3];
const CLIP_MEAN: [f64; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const CLIP_DEVIATION: [f64; 3] = [0.268_629_54, 0.261_302_58, 0.275_777_11];

const VIT: Class = Class {
    name: "ViTImageProcessor",
    types: &["vit", "vit_msn", "ijepa"],
    resampling: LINEAR,
    size: Size::Exact([224; 2]),
    crop: None,
    square: true,
    mean: HALF,
    deviation: HALF,
    scale_first: false,
};
const CLIP: Class = Class {
    name: "CLIPImageProcessor",
    types: &["clip_vision_model"],
    resampling: CUBIC,
    size: Size::Shortest(224),
    crop: Some([224; 2]),
    square: false,
    mean: CLIP_MEAN,
    deviation: CLIP_DEVIATION,
    scale_first: false,
};

const CLASSES: [Class; 7] = [
    VIT,
    Class {
        name: "DeiTImageProcessor",
        types: &["deit"],
        resampling: CUBIC,
        size: Size::Exact([256; 2]),
        crop: Some([224; 2]),
        ..VIT
    },
    CLIP,
    Class { name: "BitImageProcessor", types: &["dinov2", "dinov2_with_registers"], ..CLIP },
    Class {
        name: "SiglipImageProcessor",
        types: &["siglip_vision_model"],
        resampling: CUBIC,
        square: false,
        ..VIT
    },
    Class { name: "BeitImageProcessor", types: &[], resampling: CUBIC, ..VIT },
    Class {
        name: "DINOv3ViTImageProcessor",
        types: &["dinov3_vit"],
        mean: [0.485, 0.456, 0.406],
        deviation: [0.229, 0.224, 0.225],
        scale_first: true,
        ..VIT
    },
];

/// The largest side of an image in a config.
const MAX_SIDE: usize = 1 << 14;

/// Keys of other processors, which would change the image.
const OTHERS: [&str; 6] = [
    "do_pad",
    "use_square_size",
    "do_flip_channel_order",
    "do_thumbnail",
    "do_align_long_axis",
    "do_image_splitting",
];

impl Settings {
    /// The settings in a file; none if the file has none.
    ///
    /// # Errors
    /// A processor or a value that is not supported.
    pub(super) fn parse(
        file: &'static str,
        bytes: &[u8],
        model_type: &str,
        notes: &mut Vec<Note>,
    ) -> Result<Option<Self>> {
        let config = Config::of_file(file, json::read(file, bytes, notes)?)?;
        let config = match (file, config.within("image_processor")?) {
            (_, Some(own)) => own,
            ("processor_config.json", None) => return Ok(None),
            _ => config,
        };
        Self::of(&config, model_type).map(Some)
    }

    /// The defaults for a type of model.
    ///
    /// # Errors
    /// A type without a processor.
    pub(super) fn of_type(model_type: &str) -> Result<Self> {
        let values = Value::Object(serde_json::Map::new());
        Self::of(&Config::of_file("preprocessor_config.json", values)?, model_type)
    }

    fn of(config: &Config, model_type: &str) -> Result<Self> {
        let class = class(config, model_type)?;
        for key in OTHERS {
            config.only(key, false.into())?;
        }
        let square = config.flag("default_to_square", class.square)?;
        let resize = match config.flag("do_resize", true)? {
            true => Some(Resize {
                size: size(config, "size", square)?.unwrap_or(class.size),
                resampling: resampling(config)?.unwrap_or(class.resampling),
            }),
            false => None,
        };
        let crop = match config.flag("do_center_crop", class.crop.is_some())? {
            true => match size(config, "crop_size", true)? {
                Some(Size::Exact(size)) => Some(size),
                None => Some(class.crop.unwrap_or([224; 2])),
                Some(_) => {
                    let value = config.get("crop_size").unwrap_or(&Value::Null);
                    return Err(config.error("crop_size", value, "height and width are expected"));
                }
            },
            false => None,
        };
        let factor = match config.flag("do_rescale", true)? {
            true => Some(config.positive(&["rescale_factor"])?.unwrap_or(1.0 / 255.0)),
            false => None,
        };
        let normal = match config.flag("do_normalize", true)? {
            true => {
                let mean = channels(config, "image_mean", class.mean)?;
                let deviation = channels(config, "image_std", class.deviation)?;
                if deviation.iter().any(|&value| value <= 0.0) {
                    let value = config.get("image_std").unwrap_or(&Value::Null);
                    return Err(config.error("image_std", value, "positive numbers are expected"));
                }
                Some([mean, deviation])
            }
            false => None,
        };
        let scale = Scale { factor, normal, is_first: class.scale_first };
        Ok(Self { class: class.name, resize, crop, scale })
    }
}

/// The class of a processor: by its name, by its older name, or by the type of the model.
fn class(config: &Config, model_type: &str) -> Result<&'static Class> {
    let (key, name) = match config.optional_text("image_processor_type")? {
        Some(name) => ("image_processor_type", Some(name.to_owned())),
        None => {
            let older = config.optional_text("feature_extractor_type")?;
            let name = older.map(|name| name.replace("FeatureExtractor", "ImageProcessor"));
            ("feature_extractor_type", name)
        }
    };
    let found = match &name {
        Some(name) => {
            let ends = ["Fast", "Pil"].into_iter().find_map(|end| name.strip_suffix(end));
            let base = ends.unwrap_or(name);
            CLASSES.iter().find(|class| class.name == base)
        }
        None => CLASSES.iter().find(|class| class.types.contains(&model_type)),
    };
    found.ok_or_else(|| {
        let names: Vec<_> = CLASSES.iter().map(|class| class.name).collect();
        let reason = format!("{} are supported", names.join(", "));
        config.error(key, &name.map_or(Value::Null, Value::from), &reason)
    })
}

/// A size under a key.
fn size(config: &Config, key: &str, square: bool) -> Result<Option<Size>> {
    let Some(value) = config.get(key) else { return Ok(None) };
    let wrong = |reason: &str| config.error(key, value, reason);
    let side = |value: &Value| {
        let side = value.as_u64().and_then(|v| usize::try_from(v).ok());
        let reason = format!("whole numbers from 1 to {MAX_SIDE} are expected");
        side.filter(|side| (1..=MAX_SIDE).contains(side)).ok_or_else(|| wrong(&reason))
    };
    let size = match value {
        Value::Array(sides) => match &sides[..] {
            [height, width] => Size::Exact([side(height)?, side(width)?]),
            _ => return Err(wrong("height and width are expected")),
        },
        Value::Object(sides) => {
            let mut keys: Vec<_> =
                sides.iter().filter(|(_, v)| !v.is_null()).map(|(key, _)| key.as_str()).collect();
            keys.sort_unstable();
            match keys[..] {
                ["height", "width"] => {
                    Size::Exact([side(&sides["height"])?, side(&sides["width"])?])
                }
                ["shortest_edge"] => Size::Shortest(side(&sides["shortest_edge"])?),
                ["longest_edge", "shortest_edge"] => Size::Within {
                    shortest: side(&sides["shortest_edge"])?,
                    longest: side(&sides["longest_edge"])?,
                },
                _ => {
                    let reason = "height and width, or shortest_edge, or shortest_edge and longest_edge are supported";
                    return Err(wrong(reason));
                }
            }
        }
        one if square => Size::Exact([side(one)?; 2]),
        one => Size::Shortest(side(one)?),
    };
    Ok(Some(size))
}

/// Pillow's number of a resampling.
fn resampling(config: &Config) -> Result<Option<Resampling>> {
    let Some(value) = config.get("resample") else { return Ok(None) };
    let filter = match value.as_u64() {
        Some(0) => return Ok(Some(Resampling::Nearest)),
        Some(1) => Filter::Lanczos,
        Some(2) => Filter::Linear,
        Some(3) => Filter::Cubic,
        Some(4) => Filter::Box,
        Some(5) => Filter::Hamming,
        _ => {
            let reason = "0 (nearest), 1 (lanczos), 2 (bilinear), 3 (bicubic), 4 (box) and 5 (hamming) are supported";
            return Err(config.error("resample", value, reason));
        }
    };
    Ok(Some(Resampling::Filtered(filter)))
}

/// A number for each channel, or one for all.
fn channels(config: &Config, key: &str, default: [f64; 3]) -> Result<[f32; 3]> {
    let numbers = match config.get(key) {
        None => default.to_vec(),
        Some(Value::Number(one)) => vec![one.as_f64().unwrap_or(f64::NAN); 3],
        Some(_) => config.numbers(key)?,
    };
    match numbers[..] {
        // Within f32, and far from its ends.
        [a, b, c] if numbers.iter().all(|v| v.abs() < 1e6 && (*v == 0.0 || v.abs() > 1e-6)) => {
            Ok([a as f32, b as f32, c as f32])
        }
        _ => {
            let value = config.get(key).unwrap_or(&Value::Null);
            Err(config.error(key, value, "a number for each of three channels is expected"))
        }
    }
}

impl Size {
    /// Height and width of an image that has height and width `image`.
    pub(super) fn of(self, image: [usize; 2]) -> [usize; 2] {
        let [height, width] = image;
        let (short, long) = (height.min(width), height.max(width));
        // Whole numbers of floating-point quotients, as in Python.
        let part = |whole: usize, of: usize, by: usize| (whole * of) as f64 / by as f64;
        let oriented = |short: usize, long: usize| match width <= height {
            true => [long, short],
            false => [short, long],
        };
        match self {
            Self::Exact(size) => size,
            Self::Shortest(side) => oriented(side, part(side, long, short) as usize),
            Self::Within { shortest, longest } => {
                let mut side = shortest;
                let mut exact = None;
                if long as f64 / short as f64 * shortest as f64 > longest as f64 {
                    let raw = longest as f64 * short as f64 / long as f64;
                    (side, exact) = (raw.round_ties_even() as usize, Some(raw));
                }
                if short == side {
                    return image;
                }
                let other = match exact {
                    Some(raw) => (raw * long as f64 / short as f64) as usize,
                    None => part(side, long, short) as usize,
                };
                oriented(side, other)
            }
        }
    }
}

impl Scale {
    /// What the model reads of a grey level.
    pub(super) fn of(&self, pixels: &Pixels, place: [usize; 2], channel: usize) -> f32 {
        let level = pixels.level(place, channel);
        let value = self.factor.map_or(level, |factor| (f64::from(level) * factor) as f32);
        match self.normal {
            Some([mean, deviation]) => (value - mean[channel]) / deviation[channel],
            None => value,
        }
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Resize { size, resampling }) = self.resize {
            let name = match resampling {
                Resampling::Nearest => "nearest pixels",
                Resampling::Filtered(Filter::Linear) => "bilinear",
                Resampling::Filtered(Filter::Cubic) => "bicubic",
                Resampling::Filtered(Filter::Lanczos) => "Lanczos",
                Resampling::Filtered(Filter::Box) => "box",
                Resampling::Filtered(Filter::Hamming) => "Hamming",
            };
            match size {
                Size::Exact([height, width]) => write!(f, "resized to {width} × {height} pixels")?,
                Size::Shortest(side) => write!(f, "resized to a shorter side of {side} pixels")?,
                Size::Within { shortest, longest } => write!(
                    f,
                    "resized to a shorter side of {shortest} pixels and at most {longest}"
                )?,
            }
            write!(f, " ({name})")?;
        } else {
            f.write_str("not resized")?;
        }
        if let Some([height, width]) = self.crop {
            write!(f, ", cut to its middle of {width} × {height} pixels")?;
        }
        if let Some(factor) = self.scale.factor {
            let divisor = 1.0 / factor;
            write!(f, ", values divided by {}", (divisor * 1e6).round() / 1e6)?;
        }
        if let Some([mean, deviation]) = self.scale.normal {
            write!(f, ", mean {mean:?} and standard deviation {deviation:?} taken off")?;
        }
        Ok(())
    }
}
