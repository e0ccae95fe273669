//! The orientation of an image in its Exif data.

/// The tag of the orientation.
const ORIENTATION: u16 = 0x0112;

/// How the pixels of a file become upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    /// Rows and columns are exchanged, before the two mirrors.
    pub(super) transposed: bool,
    /// Left and right are exchanged.
    pub(super) mirrored: bool,
    /// Top and bottom are exchanged.
    pub(super) flipped: bool,
}

impl Turn {
    /// The turn of Exif data; none for data without an orientation other than upright.
    pub(super) fn of(exif: &[u8]) -> Option<Self> {
        let turn = |transposed, mirrored, flipped| Self { transposed, mirrored, flipped };
        // The orientation says on which sides of the picture row 0 and column 0 are.
        Some(match orientation(exif)? {
            2 => turn(false, true, false),
            3 => turn(false, true, true),
            4 => turn(false, false, true),
            5 => turn(true, false, false),
            6 => turn(true, true, false),
            7 => turn(true, true, true),
            8 => turn(true, false, true),
            _ => return None,
        })
    }

    /// Applies the turn to the pixels of a picture of this width and height. Returns the new pixels, and
    /// their width and height.
    pub(super) fn apply(self, rgb: &[u8], width: usize, height: usize) -> (Vec<u8>, usize, usize) {
        let (across, down) = if self.transposed { (height, width) } else { (width, height) };
        let mut turned = Vec::with_capacity(rgb.len());
        for y in 0..down {
            let y = if self.flipped { down - 1 - y } else { y };
            for x in 0..across {
                let x = if self.mirrored { across - 1 - x } else { x };
                let from = if self.transposed { x * width + y } else { y * width + x };
                turned.extend_from_slice(&rgb[3 * from..3 * from + 3]);
            }
        }
        (turned, across, down)
    }
}

/// The orientation of Exif data (a TIFF header and its first directory), if it has one.
fn orientation(exif: &[u8]) -> Option<u16> {
    // The content of a segment of JPEG begins with this name.
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    let little = match tiff.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let bytes = |at: usize, n: usize| tiff.get(at..at.checked_add(n)?);
    let u16_at = |at: usize| {
        let bytes = bytes(at, 2)?.try_into().ok()?;
        Some(if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let u32_at = |at: usize| {
        let bytes = bytes(at, 4)?.try_into().ok()?;
        Some(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    };
    let directory = usize::try_from(u32_at(4)?).ok()?;
    let entries = usize::from(u16_at(directory)?);
    (0..entries).find_map(|entry| {
        let at = directory.checked_add(2 + 12 * entry)?;
        (u16_at(at)? == ORIENTATION).then(|| u16_at(at + 8))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exif(orientation: u8) -> Vec<u8> {
        let mut exif = b"MM\0*\0\0\0\x08\0\x02".to_vec();
        exif.extend([1, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 9]);
        exif.extend([1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0]);
        exif
    }

    #[test]
    fn orientations_are_found_and_hostile_data_is_not_followed() {
        assert_eq!(orientation(&exif(6)), Some(6));
        assert_eq!(orientation(&[b"Exif\0\0".as_slice(), &exif(3)].concat()), Some(3));
        for cut in 0..exif(6).len() {
            // The last two bytes are padding.
            let expected = (cut + 2 >= exif(6).len()).then_some(6);
            assert_eq!(orientation(&exif(6)[..cut]), expected, "{cut}");
        }
        assert_eq!(orientation(b"II*\0\xff\xff\xff\xff"), None);
        assert_eq!(Turn::of(&exif(1)), None);
        assert_eq!(Turn::of(&exif(200)), None);
    }

    #[test]
    fn a_turn_moves_pixels() {
        let grey = |values: &[u8]| values.iter().flat_map(|v| [*v; 3]).collect::<Vec<u8>>();
        // 1 2 3 above 4 5 6, turned by 90 degrees clockwise.
        let (turned, width, height) =
            Turn::of(&exif(6)).unwrap().apply(&grey(&[1, 2, 3, 4, 5, 6]), 3, 2);
        assert_eq!((turned, width, height), (grey(&[4, 1, 5, 2, 6, 3]), 2, 3));
    }
}
