//! What is refused of images and sounds.

use super::{Harm, refuses, report};
use crate::{Layer, Media, Report};
use base64::{Engine, engine::general_purpose::STANDARD};

/// An image of 3 × 2 pixels with one patch, the second token.
pub(super) fn image() -> Media {
    let mut head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x03\0\0\0\x02".to_vec();
    head.extend([8, 2, 0, 0, 0, 0]);
    Media {
        name: "a.png".to_owned(),
        picture: format!("data:image/png;base64,{}", STANDARD.encode(head)),
        width: 3,
        height: 2,
        grid: [1, 1],
        first: 1,
        seconds: Some(0.5),
        hertz: Some([0.0, 8_000.0]),
        ..Media::default()
    }
}

fn first_media(report: &mut Report) -> &mut Media {
    &mut report.explorations[0].media.as_mut().unwrap()[0]
}

fn first_layer(report: &mut Report) -> &mut Layer {
    &mut report.explorations[0].layers[0]
}

#[test]
fn images_and_sounds_are_checked() {
    let harms: [(&str, Harm); 17] = [
        ("media 0: the last cell", |r| first_media(r).grid = [1, 2]),
        ("media 0: the last cell", |r| first_media(r).grid = [usize::MAX, 2]),
        ("media 0: the last cell", |r| first_media(r).first = usize::MAX),
        ("media 0: a first cell", |r| first_media(r).grid = [0, 1]),
        ("media 0: the text of a cell", |r| {
            *first_media(r) = Media { first: 0, grid: [1, 2], ..image() };
            r.explorations[0].tokens[1].sentence = 1;
            r.explorations[0].attention = None;
            first_layer(r).attention = None;
        }),
        ("media 0: width, below: expected 8193", |r| first_media(r).width = 9_000),
        ("media 0: height of its picture: expected 3, found 2", |r| first_media(r).height = 3),
        ("seconds and hertz is NaN", |r| first_media(r).seconds = Some(f64::NAN)),
        ("it is no data URI of a PNG", |r| first_media(r).picture = "https://a.b/c.png".into()),
        ("it is no data URI of a PNG", |r| {
            first_media(r).picture = "data:image/svg+xml;base64,PHN2Zz4=".to_owned();
        }),
        ("it is no PNG", |r| first_media(r).picture = "data:image/png;base64,AAAA".to_owned()),
        ("it is not written in base64", |r| first_media(r).picture.push('"')),
        ("it has more than 8 MiB", |r| first_media(r).picture.push_str(&"A".repeat(8 << 20))),
        ("a query, below", |r| r.explorations[0].queries = Some(vec![2])),
        ("query_similarity: expected 2, found 1", |r| r.explorations[0].queries = Some(vec![0, 1])),
        ("query_similarity is inf", |r| {
            let of = first_layer(r).query_similarity.as_mut().unwrap();
            of.centred = Some(vec![vec![0.5, f64::INFINITY]]);
        }),
        ("from_first, below: expected 100001", |r| {
            first_layer(r).from_first = Some(vec![vec![0, 100_001]]);
        }),
    ];
    refuses(&harms);
    let mut report = report();
    first_layer(&mut report).from_first = Some(vec![vec![1]]);
    let said = report.check().unwrap_err().to_string();
    assert!(said.contains("from_first: expected 2, found 1"), "{said}");
}
