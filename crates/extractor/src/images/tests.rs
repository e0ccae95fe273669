//! Decoders against Pillow, and against damaged files.

use super::*;
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/images/forms")
}

/// The pixels that Pillow reads from a file.
fn expected(of: &Value) -> Picture {
    let side = |index: usize| of["size"][index].as_u64().unwrap() as u32;
    let hex = of["rgb"].as_str().unwrap();
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    Picture { width: side(0), height: side(1), rgb: (0..hex.len()).step_by(2).map(byte).collect() }
}

#[test]
fn every_form_has_the_pixels_of_pillow() {
    let pixels: Value =
        serde_json::from_slice(&std::fs::read(folder().join("pixels.json")).unwrap()).unwrap();
    let files = image_files(&folder()).unwrap();
    assert_eq!(files.len(), pixels.as_object().unwrap().len());
    for path in files {
        let image = Image::read(&path).unwrap();
        let (found, expected) = (image.picture().unwrap(), expected(&pixels[image.name()]));
        let sizes = |p: &Picture| (p.width, p.height, p.rgb.len());
        assert_eq!(sizes(&found), sizes(&expected), "{}", image.name());
        let pairs = found.rgb.iter().zip(&expected.rgb);
        let apart = pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        // Decoders of JPEG round differently.
        let room = if image.name().contains(".jp") { 2 } else { 0 };
        assert!(apart <= room, "{}: {apart}", image.name());
    }
}

#[test]
fn damaged_and_hostile_files_are_refused_with_a_reason() {
    let read = |bytes: &[u8]| decode::decode(bytes);
    for path in image_files(&folder()).unwrap() {
        let whole = std::fs::read(&path).unwrap();
        // Some cut files are decoded in part, none panics.
        (0..whole.len()).step_by(7).for_each(|end| drop(read(&whole[..end])));
        let mut harmed = whole.clone();
        for at in (8..whole.len()).step_by(3) {
            harmed[at] ^= 0x55;
            drop(read(&harmed));
            harmed[at] = whole[at];
        }
    }
    let reason = |bytes: &[u8]| read(bytes).unwrap_err();
    assert!(reason(b"").contains("an empty file"));
    assert!(reason(b"GIF89a").contains("a GIF file; save it as PNG"));
    assert!(reason(b"\0\0\0\x18ftypheic").contains("HEIC"));
    assert!(reason(b"<svg/>").contains("SVG"));
    assert!(reason(b"hello").contains("a file of another kind"));
    assert!(reason(b"\x89PNG\r\n\x1a\n").contains("damaged"));
    // A header that promises 100,000 x 100,000 pixels; the checksum is that of the chunk.
    let mut large = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    large.extend([0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0, 8, 2, 0, 0, 0]);
    let mut checksum = flate2::Crc::new();
    checksum.update(&large[12..]);
    large.extend(checksum.sum().to_be_bytes());
    large.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
    assert!(reason(&large).contains("50 million are the maximum"), "{}", reason(&large));
    let place = std::env::temp_dir().join(format!("images-{}", std::process::id()));
    std::fs::create_dir_all(&place).unwrap();
    let none = image_files(&place).unwrap_err().to_string();
    std::fs::remove_dir(&place).unwrap();
    assert!(none.ends_with("has no image: PNG, JPEG and WebP files are read"), "{none}");
}
