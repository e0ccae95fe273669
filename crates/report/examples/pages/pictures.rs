//! Pictures for pages of images and sounds, drawn by rules, and written as PNG without compression.

use base64::{Engine, engine::general_purpose::STANDARD};

/// A picture of bytes of red, green and blue.
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) rgb: Vec<u8>,
}

/// What a point of a scene belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Object {
    Sky,
    Grass,
    Sun,
    House,
    Tree,
    Lake,
}

impl Object {
    pub(crate) const COUNT: usize = 6;
}

/// A house under the sun, with a tree; points are 0 to 1, from the left and from the top.
pub(crate) fn house(x: f64, y: f64) -> (Object, [f64; 3]) {
    let stripes = 0.5 + 0.5 * (60.0 * x).sin() * (47.0 * y + 9.0 * x).sin();
    if (x - 0.8).hypot(y - 0.18) < 0.11 {
        (Object::Sun, [250.0, 215.0 + 20.0 * y, 60.0])
    } else if (0.17..0.5).contains(&x) && (0.48..0.8).contains(&y) {
        let window = (0.24..0.31).contains(&x) || (0.37..0.44).contains(&x);
        let window = window && (0.55..0.63).contains(&y);
        let door = (0.3..0.38).contains(&x) && y > 0.68;
        let colour = match (window, door) {
            (true, _) => [120.0, 170.0, 215.0],
            (_, true) => [90.0, 50.0, 40.0],
            _ => [200.0 - 18.0 * ((y * 90.0) as usize % 3) as f64, 95.0, 70.0],
        };
        (Object::House, colour)
    } else if y > 0.3 && y < 0.48 && (x - 0.335).abs() < (y - 0.3) * 1.2 {
        (Object::House, [150.0, 45.0, 50.0])
    } else if (x - 0.74).hypot((y - 0.52) * 0.8) < 0.14 {
        (Object::Tree, [30.0 + 35.0 * stripes, 105.0 + 45.0 * stripes, 45.0])
    } else if (x - 0.74).abs() < 0.025 && (0.6..0.85).contains(&y) {
        (Object::Tree, [105.0, 70.0, 40.0])
    } else if y > 0.72 + 0.03 * (7.0 * x).sin() {
        (Object::Grass, [95.0 + 30.0 * stripes, 165.0 + 25.0 * stripes, 75.0])
    } else {
        (Object::Sky, [150.0 - 50.0 * y, 195.0 - 20.0 * y, 240.0 - 10.0 * y])
    }
}

/// A lake between trees, under the sun.
pub(crate) fn lake(x: f64, y: f64) -> (Object, [f64; 3]) {
    let stripes = 0.5 + 0.5 * (60.0 * x).sin() * (47.0 * y + 9.0 * x).sin();
    let crown = |cx: f64, cy: f64, r: f64| (x - cx).hypot((y - cy) * 0.7) < r;
    if (x - 0.25).hypot(y - 0.2) < 0.1 {
        (Object::Sun, [250.0, 215.0 + 20.0 * y, 60.0])
    } else if crown(0.7, 0.38, 0.13) || crown(0.88, 0.42, 0.11) {
        (Object::Tree, [30.0 + 35.0 * stripes, 105.0 + 45.0 * stripes, 45.0])
    } else if y > 0.62 && (x - 0.45).hypot((y - 0.8) * 2.2) < 0.36 {
        let wave = 14.0 * (90.0 * y + 3.0 * (20.0 * x).sin()).sin();
        (Object::Lake, [55.0 + wave, 105.0 + wave, 190.0 + wave])
    } else if y > 0.58 + 0.02 * (9.0 * x).sin() {
        (Object::Grass, [95.0 + 30.0 * stripes, 165.0 + 25.0 * stripes, 75.0])
    } else {
        (Object::Sky, [150.0 - 50.0 * y, 195.0 - 20.0 * y, 240.0 - 10.0 * y])
    }
}

/// Draws what a function says of each pixel.
pub(crate) fn draw(width: usize, height: usize, at: impl Fn(usize, usize) -> [f64; 3]) -> Picture {
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let rgb = pixels.flat_map(|(x, y)| at(x, y).map(|value| value.clamp(0.0, 255.0) as u8));
    Picture { width, height, rgb: rgb.collect() }
}

/// Greys from dark to light: how loud each frequency is at each time, 0 to 1.
pub(crate) fn spectrogram(width: usize, height: usize, loud: impl Fn(f64, f64) -> f64) -> Picture {
    draw(width, height, |x, y| {
        let (time, pitch) = (x as f64 / width as f64, 1.0 - y as f64 / height as f64);
        [20.0 + 225.0 * loud(time, pitch).clamp(0.0, 1.0); 3]
    })
}

impl Picture {
    /// The picture as a data URI of a PNG.
    pub(crate) fn uri(&self) -> String {
        let mut rows = Vec::new();
        for row in self.rgb.chunks(3 * self.width) {
            rows.push(0);
            rows.extend(row);
        }
        let size = |side: usize| (side as u32).to_be_bytes();
        let head = [&size(self.width)[..], &size(self.height), &[8, 2, 0, 0, 0]].concat();
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        for (name, data) in [(b"IHDR", head), (b"IDAT", stored(&rows)), (b"IEND", Vec::new())] {
            png.extend(size(data.len()));
            let body = [&name[..], &data].concat();
            png.extend(&body);
            png.extend(crc(&body).to_be_bytes());
        }
        format!("data:image/png;base64,{}", STANDARD.encode(png))
    }
}

/// A zlib stream of blocks that are not compressed.
fn stored(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let blocks = data.chunks(65_535);
    let count = blocks.len();
    for (i, block) in blocks.enumerate() {
        let length = block.len() as u16;
        out.push(u8::from(i + 1 == count));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    let (mut a, mut b) = (1u32, 0u32);
    for &byte in data {
        a = (a + u32::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    out.extend((b << 16 | a).to_be_bytes());
    out
}

fn crc(data: &[u8]) -> u32 {
    !data.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}
