//! Images through the program: explored, extracted, and refused where a command is about words.

use crate::command::Place;
use crate::fixtures::{Tensors, path};
use serde_json::{Value, json};
use std::path::Path;

/// A place with a tiny vision transformer in `vit`, of 4 × 4 patches, and the picture of a meadow.
fn place() -> Place {
    let place = Place::new();
    let folder = place.path("vit");
    std::fs::create_dir(&folder).unwrap();
    for file in ["config.json", "model.safetensors"] {
        std::fs::copy(path(&format!("families/vit/{file}")), folder.join(file)).unwrap();
    }
    let processor = json!({
        "image_processor_type": "ViTImageProcessor",
        "size": { "height": 24, "width": 24 },
    });
    place.write("vit/preprocessor_config.json", processor.to_string());
    std::fs::copy(path("images/meadow.png"), place.path("meadow.png")).unwrap();
    place
}

/// A folder of three images, of which one is turned and one is no colour image, and a text.
fn with_folder() -> Place {
    let place = place();
    std::fs::create_dir(place.path("many")).unwrap();
    for (name, of) in
        [("a.png", "meadow.png"), ("b.JPG", "forms/turned.jpg"), ("c.webp", "forms/alpha.webp")]
    {
        let from = path(&format!("images/{of}"));
        std::fs::copy(from, place.path("many").join(name)).unwrap();
    }
    place.write("many/notes.txt", "no image");
    place
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn files(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_image_is_explored_with_its_own_figures() {
    let place = place();
    let line = "explore --image meadow.png --model vit --attention --patch 2,1 --output out";
    let done = place.line(line).done();
    assert!(done.stdout.contains("1 image, 16 patches and 1 special token"), "{}", done.stdout);
    assert!(done.stdout.contains("nearest to patch 2,1 by centred cosine"), "{}", done.stdout);
    let names = files(&place.path("out"));
    for figure in
        ["similarity", "components", "first_attention", "norms", "trajectory", "attention"]
    {
        assert!(names.contains(&format!("{figure}.svg")), "{figure} of {names:?}");
    }
    assert!(!names.iter().any(|name| name.starts_with("story") || name.starts_with("journey")));
    let read = |name: &str| std::fs::read_to_string(place.path("out").join(name)).unwrap();
    let numbers = parsed(&read("numbers.json"));
    let media = &numbers["media"][0];
    assert_eq!((&media["name"], &media["grid"]), (&json!("meadow.png"), &json!([4, 4])));
    assert_eq!((&media["first"], &media["width"]), (&json!(1), &json!(24)));
    assert_eq!(numbers["tokens"][0]["text"], "[CLS]");
    assert_eq!(numbers["tokens"][6]["text"], "patch 1,1");
    assert_eq!(numbers["unit"], "patch");
    // The weights of a class token sum to 1.
    let heads = numbers["layers"][1]["from_first"].as_array().unwrap();
    assert_eq!(heads.len(), 4);
    for head in heads {
        let sum: i64 = head.as_array().unwrap().iter().map(|w| w.as_i64().unwrap()).sum();
        assert!((sum - 100_000).abs() < 20, "{sum}");
    }
    let lines: Vec<String> = read("similarity.csv").lines().map(str::to_owned).collect();
    assert_eq!(lines[0], "picture,layer,row,column,centred cosine");
    assert_eq!(lines.len(), 1 + 3 * 16);
    let own = |line: &&String| line.split(',').skip(2).take(2).eq(["2", "1"]);
    for line in lines.iter().filter(own) {
        let value: f64 = line.rsplit(',').next().unwrap().parse().unwrap();
        assert!((value - 1.0).abs() < 1e-9, "{line}");
    }
    let captions = read("captions.md");
    let wrong = ["sentence", "words", " text"].into_iter().find(|word| captions.contains(word));
    assert!(wrong.is_none(), "{wrong:?}: {captions}");
    assert!(read("manifest.json").contains("\"sha256\""));
    // The same image gives the same bytes.
    place.line(&line.replace("--output out", "--output again")).done();
    for name in names.iter().filter(|name| name.as_str() != "manifest.json") {
        let read = |folder: &str| std::fs::read(place.path(folder).join(name)).unwrap();
        assert!(read("out") == read("again"), "{name}");
    }
}

#[test]
fn two_images_share_one_exploration() {
    let place = with_folder();
    let line = "explore --image many/a.png --image many/c.webp --model vit --json";
    let explored = place.line(line).json();
    let firsts: Vec<&Value> = [0, 1].map(|i| &explored["media"][i]["first"]).to_vec();
    assert_eq!(firsts, [&json!(1), &json!(18)]);
    assert_eq!(explored["texts"], json!(["a.png", "c.webp"]));
    assert_eq!(explored["tokens"][20]["sentence"], 1);
    let n = explored["tokens"].as_array().unwrap().len();
    let triangle = explored["layers"][0]["similarity"]["centred"].as_array().unwrap();
    assert_eq!((n, triangle.len()), (34, n * (n + 1) / 2));
}

#[test]
fn a_folder_is_extracted_in_every_format_and_resumed() {
    let place = with_folder();
    let done = place.line("extract --images many --model vit --output s.safetensors").done();
    assert!(done.stderr.contains("51 tokens, 32] of 3 images"), "{}", done.stderr);
    let states = Tensors::read(place.path("s.safetensors"));
    let (values, shape) = states.f32("hidden_states").unwrap();
    assert_eq!(shape, [3, 51, 32]);
    assert_eq!(states.i64("sequence_offsets").unwrap(), [0, 17, 34, 51]);
    let special = states.i64("special_tokens_mask").unwrap();
    assert_eq!(special.iter().sum::<i64>(), 3);
    // One image alone has the states that it has among others.
    place.line("extract --images many/b.JPG --model vit --output one.npz").done();
    place.line("extract --images many/b.JPG --model vit --output one.safetensors").done();
    let (one, _) = Tensors::read(place.path("one.safetensors")).f32("hidden_states").unwrap();
    for layer in 0..3 {
        let all = &values[(layer * 51 + 17) * 32..][..17 * 32];
        assert!(all == &one[layer * 17 * 32..][..17 * 32], "layer {layer}");
    }
    place.line("extract --images many --model vit --output s.parquet").done();
    let json = place.line("extract --images many --model vit --sentences --json").json();
    let names: Vec<&str> =
        json["rows"].as_array().unwrap().iter().map(|row| row["text"].as_str().unwrap()).collect();
    assert_eq!(names, ["a.png", "b.JPG", "c.webp"]);
    // A folder of shards holds what one file holds; a run that stopped is resumed to the byte.
    let extract = "extract --images many --model vit --shard-mib 1 --output shards";
    place.line(extract).done();
    let index = std::fs::read(place.path("shards/index.json")).unwrap();
    let of = parsed(&String::from_utf8(index.clone()).unwrap());
    let shard = of["shards"][0]["file"].as_str().unwrap().to_owned();
    let bytes = std::fs::read(place.path("shards").join(&shard)).unwrap();
    assert_eq!((of["n_texts"].as_u64(), of["n_rows"].as_u64()), (Some(3), Some(51)));
    std::fs::remove_file(place.path("shards").join(&shard)).unwrap();
    place.line(&format!("{extract} --resume")).done();
    assert!(std::fs::read(place.path("shards").join(&shard)).unwrap() == bytes);
    assert!(std::fs::read(place.path("shards/index.json")).unwrap() == index);
    // Another picture under a known name is another input.
    std::fs::copy(place.path("many/c.webp"), place.path("many/a.png")).unwrap();
    let refused = place.line(&format!("{extract} --resume"));
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("different settings"), "{}", refused.stderr);
}

#[test]
fn what_does_not_fit_is_refused_with_advice() {
    let place = with_folder();
    let cases = [
        ("explore TEXT --image meadow.png --model vit", 2, "a model reads texts or images"),
        ("explore 'A text.' --model vit", 2, "explore --image FILE and extract --images FOLDER"),
        ("explore --image meadow.png", 2, "choose a model that reads images (--model)"),
        ("explore --image many/notes.txt --model vit", 4, "is not a PNG, JPEG or WebP file"),
        ("explore --image none.png --model vit", 4, "none.png"),
        ("explore --image meadow.png --words --model vit", 2, "--words"),
        ("explore --image meadow.png --patch 3 --model vit", 2, "a row and a column such as 3,4"),
        ("explore --image meadow.png --model vit --model bundled", 2, "a single model"),
        ("explore --file meadow.png", 4, "it is an image (--image FILE, --images FOLDER)"),
        ("extract --images many --output o.npz", 2, "choose a model that reads images"),
        ("extract --images vit --model vit --output o.npz", 4, "has no image"),
        ("profile --model vit", 2, "reads images, and this command reads texts"),
        ("lens 'A text.' --model vit", 2, "reads images, and this command reads texts"),
        ("compare 'A.' 'B.' --model vit", 2, "reads images, and this command reads texts"),
    ];
    for (line, code, expected) in cases {
        let outcome = place.line(line);
        let (found, stderr) = (outcome.code, outcome.stderr);
        assert!(found == Some(code) && stderr.contains(expected), "{line}: {found:?} {stderr}");
    }
}

#[test]
fn the_image_part_of_a_checkpoint_reads_images() {
    let place = place();
    std::fs::create_dir(place.path("both")).unwrap();
    for file in ["config.json", "model.safetensors"] {
        let from = path(&format!("towers/clip-both/{file}"));
        std::fs::copy(from, place.path("both").join(file)).unwrap();
    }
    let processor = json!({
        "image_processor_type": "CLIPImageProcessor",
        "size": { "shortest_edge": 24 },
        "crop_size": { "height": 24, "width": 24 },
    });
    place.write("both/preprocessor_config.json", processor.to_string());
    place.line("extract --images meadow.png --model both --output s.safetensors").done();
    let special = Tensors::read(place.path("s.safetensors")).i64("special_tokens_mask").unwrap();
    assert_eq!((special.len(), special.iter().sum::<i64>()), (17, 1));
    let json = place.line("explore --image meadow.png --model both --json").json();
    // The middle of the picture is cut out.
    let [width, height] = ["width", "height"].map(|side| json["media"][0][side].as_u64());
    assert_eq!((width, height), (Some(24), Some(24)));
    // Without --image, the checkpoint reads texts.
    assert!(place.line("info both").done().stdout.contains("reads        text\n"));
}

#[test]
fn info_says_what_a_model_reads() {
    let place = place();
    let done = place.line("info vit").done();
    assert!(done.stdout.contains("reads        images: "), "{}", done.stdout);
    assert!(done.stdout.contains("patches of 6 × 6 pixels"), "{}", done.stdout);
    assert!(!done.stdout.contains("tokenizer"), "{}", done.stdout);
    let json = place.line("info vit --json").json();
    assert_eq!(json["reads"], "images");
    assert!(place.line("info bundled").done().stdout.contains("reads        text\n"));
}
