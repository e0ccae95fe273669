//! Writes npz files: a zip of npy arrays, as numpy writes it, and wrong ones.

use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::io::Write;

/// An array of an npz file.
pub(crate) struct Entry {
    name: String,
    header: String,
    pub(crate) bytes: Vec<u8>,
}

impl Entry {
    /// An array with numpy's name of its type; the bytes need not fit the shape.
    pub(crate) fn new(name: &str, kind: &str, shape: &[usize], bytes: Vec<u8>) -> Self {
        let sizes: String = shape.iter().map(|size| format!("{size},")).collect();
        let header =
            format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({sizes}), }}\n");
        Self { name: format!("{name}.npy"), header, bytes }
    }

    /// The content of the entry.
    fn content(&self) -> Vec<u8> {
        let mut all = b"\x93NUMPY\x01\x00".to_vec();
        all.extend((self.header.len() as u16).to_le_bytes());
        all.extend(self.header.as_bytes());
        all.extend(&self.bytes);
        all
    }
}

/// A zip file (APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.3.16) of arrays.
pub(crate) fn npz(entries: &[Entry], deflated: bool) -> Vec<u8> {
    let (mut file, mut list) = (Vec::new(), Vec::new());
    for entry in entries {
        let content = entry.content();
        let mut crc = flate2::Crc::new();
        crc.update(&content);
        let stored = match deflated {
            true => {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(&content).unwrap();
                encoder.finish().unwrap()
            }
            false => content.clone(),
        };
        let mut about = Vec::new();
        about.extend([20, 0, 0, 0, if deflated { 8 } else { 0 }, 0, 0, 0, 0x21, 0]);
        about.extend(crc.sum().to_le_bytes());
        about.extend((stored.len() as u32).to_le_bytes());
        about.extend((content.len() as u32).to_le_bytes());
        about.extend((entry.name.len() as u16).to_le_bytes());
        about.extend([0, 0]);
        list.extend(b"PK\x01\x02\x14\x00");
        list.extend(&about);
        list.extend([0; 10]);
        list.extend((file.len() as u32).to_le_bytes());
        list.extend(entry.name.as_bytes());
        file.extend(b"PK\x03\x04");
        file.extend(&about);
        file.extend(entry.name.as_bytes());
        file.extend(stored);
    }
    let start = file.len() as u32;
    let n = (entries.len() as u16).to_le_bytes();
    file.extend(&list);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend([n, n].concat());
    file.extend((list.len() as u32).to_le_bytes());
    file.extend(start.to_le_bytes());
    file.extend([0, 0]);
    file
}
