//! The choice of figures: which are computed and written, in which formats and styles.

use crate::command::{Place, json_of};
use serde_json::Value;
use std::collections::BTreeMap;
use stratoscope::{ExploreOptions, Explorer, FigureSelection};

const TEXT: &str = "the river bank refused a loan to him";

/// A text of 31 words, which is enough for CKA and for the change of neighbours.
pub(crate) const LONG: &str = "the river bank refused a loan to him the river bank refused a loan to him the \
                    river bank refused a loan to him and the \
                    river bank refused a loan";

type Files = BTreeMap<String, Option<Vec<u8>>>;

fn names(files: &Files) -> Vec<&str> {
    files.keys().map(String::as_str).collect()
}

fn text(files: &Files, name: &str) -> String {
    String::from_utf8(files[name].clone().unwrap()).unwrap()
}

#[test]
fn chosen_figures_are_written_alone_with_the_numbers_of_a_whole_run() {
    let place = Place::with_tiny();
    let explore = format!("explore --model tiny '{TEXT}'");
    place.line(&format!("{explore} --output all")).done();
    let chosen = "--figures similarity,depth --format svg,png,pdf,md";
    let shown = place.line(&format!("{explore} --output some {chosen}")).done().stdout;
    assert_eq!(
        shown,
        "omitted: baseline (none is stored for this model); --baseline computes it\n\
         omitted: sense and role in the model (none is stored for this model); `stratoscope profile` with the same \
         --model computes it\n\
         \nsome\n  similarity depth (.svg .png .pdf .md .json .csv)\n  captions.md manifest.json\n"
    );
    let (all, some) = (place.files("all"), place.files("some"));
    let ends = ["csv", "json", "md", "pdf", "png", "svg"];
    let mut expected = vec!["captions.md".to_owned(), "manifest.json".to_owned()];
    for id in ["depth", "similarity"] {
        expected.extend(ends.iter().map(|end| format!("{id}.{end}")));
    }
    expected.sort();
    assert_eq!(names(&some), expected);
    for (name, bytes) in &some {
        let is_new = ["md", "pdf", "manifest.json"].iter().any(|end| name.ends_with(end));
        assert!(is_new || all[name] == *bytes, "{name}");
    }
    let manifest: Value = json_of(&some, "manifest.json");
    assert_eq!(manifest["figures"]["selection"], serde_json::json!(["similarity", "depth"]));
    assert!(json_of(&all, "manifest.json").get("figures").is_none());
}

#[test]
fn what_is_not_chosen_is_not_computed() {
    let place = Place::with_tiny();
    let explorer = Explorer::open(place.path("tiny").as_path()).unwrap();
    let explored = |ids: &[&str]| {
        let figures = FigureSelection::Some(ids.iter().map(|id| (*id).to_owned()).collect());
        explorer.explore(&[LONG], &ExploreOptions { figures, ..Default::default() }).unwrap()
    };
    let of = |ids: &[&str]| {
        let found = explored(ids);
        let depth = found.layers.iter().any(|layer| layer.to_sentence.is_some());
        [
            found.trajectory.is_some(),
            found.tsne.is_some(),
            found.similarity.is_some(),
            depth,
            !found.steps.is_empty(),
            found.cka.is_some(),
            found.neighbour_change.is_some(),
            found.neighbours.is_some(),
            found.attention.is_some(),
        ]
    };
    let only = |places: &[usize]| std::array::from_fn::<bool, 9, _>(|i| places.contains(&i));
    assert_eq!(of(&["norms", "activations"]), only(&[]));
    assert_eq!(of(&["trajectory"]), only(&[0]));
    assert_eq!(of(&["tsne", "cka"]), only(&[1, 5]));
    assert_eq!(of(&["similarity", "steps"]), only(&[2, 4]));
    assert_eq!(of(&["depth"]), only(&[3]));
    assert_eq!(of(&["neighbour_change"]), only(&[6, 7]));
    assert_eq!(of(&["rollout"]), only(&[8]));
    // The result writes what it was computed for.
    let written = explored(&["cka"]).write(place.path("out")).unwrap();
    assert_eq!(written.figures, ["cka"]);
    assert!(!place.files("out").contains_key("report.html"));
}

#[test]
fn an_unknown_figure_is_refused_before_any_work() {
    let place = Place::new();
    for (line, known) in [
        (
            "explore x --model none",
            "story, journey, trajectory, tsne, similarity, components, depth, norms, steps, cka, \
             neighbour_change, activations, experts, first_attention, attention, rollout, patterns",
        ),
        ("compare a b --model none", "compare, words, journeys"),
        (
            "geometry --file none --model none",
            "geometry, cka, rsa, neighbour_change, neighbours_kept",
        ),
        ("probe --corpus none --label upos --model none", "probe"),
        ("lens a --model none", "lens, fitted_lens"),
        ("profile --model none", "story, crossed"),
    ] {
        let refused = place.line(&format!("{line} --figures simliarity"));
        assert_eq!(refused.code, Some(2), "{line}");
        let expected =
            format!("error: there is no figure \"simliarity\"; the figures are {known}\n");
        assert_eq!(refused.stderr, expected, "{line}");
    }
    let refused = place.line("explore x --format jpeg");
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("[possible values: svg, png, pdf, md]"), "{}", refused.stderr);
}

#[test]
fn a_figure_that_this_input_does_not_have_is_named() {
    let place = Place::with_tiny();
    let word = "compare --model tiny --word bank 'the bank' 'a bank' --figures words";
    let refused = place.line(word);
    assert_eq!(refused.code, Some(2), "{}", refused.stdout);
    assert_eq!(refused.stderr, "error: there is no figure \"words\"; the figures are compare\n");
    assert!(place.files("").keys().all(|name| !name.starts_with("stratoscope-out")));
    // Where the reason is known, it is reported, and the other figures are written.
    let shown = place.line("explore --model tiny 'the bank' --figures cka,norms --output o").done();
    assert!(
        shown.stdout.starts_with("omitted: CKA between layers (it needs 30 "),
        "{}",
        shown.stdout
    );
    assert!(place.files("o").contains_key("norms.svg"));
}

#[test]
fn every_figure_of_a_command_can_be_chosen() {
    let place = Place::with_tiny();
    place.write("texts.txt", "the river bank\na loan was refused\nhe sat by the river\n");
    let tagged = |words: &str| {
        let line = |(i, word): (usize, &str)| {
            let tag = if i % 2 == 0 { "DET" } else { "NOUN" };
            let head = if i == 0 { "0\troot" } else { "1\tdep" };
            format!("{}\t{word}\t{word}\t{tag}\t_\t_\t{head}\t_\t_\n", i + 1)
        };
        words.split(' ').enumerate().map(line).collect::<String>() + "\n"
    };
    let corpus: String =
        (0..24).map(|i| tagged(["the bank", "a loan", "the river", "a bank"][i % 4])).collect();
    place.write("corpus.conllu", corpus);
    let commands: [(&str, &[&str]); 5] = [
        (&format!("explore '{LONG}'"), &stratoscope::explore::FIGURES),
        ("geometry --file texts.txt", &stratoscope::geometry::FIGURES),
        ("compare 'the river bank' 'a river loan'", &stratoscope::compare::FIGURES),
        ("probe --corpus corpus.conllu --label upos", &stratoscope::probe::FIGURES),
        ("profile", &stratoscope::profile::FIGURES),
    ];
    for (index, (line, known)) in commands.into_iter().enumerate() {
        let model = if line == "profile" { "bundled" } else { "tiny" };
        let all = format!("all{index}");
        place.line(&format!("{line} --model {model} --output {all}")).done();
        let files = place.files(&all);
        let made: Vec<&str> = files.keys().filter_map(|name| name.strip_suffix(".csv")).collect();
        let mut known = known.to_vec();
        // The tiny model has no stored curves, no bank and no experts, a text has no cells of a picture, one
        // word is not compared in two contexts, and attention is not asked for.
        let absent = [
            "story",
            "journey",
            "journeys",
            "experts",
            "components",
            "first_attention",
            "attention",
            "rollout",
            "patterns",
        ];
        known.retain(|id| line == "profile" || !absent.contains(id));
        known.sort_unstable();
        assert_eq!(made, known, "{line}");
        // One figure alone is that of the whole run.
        let id = known[known.len() - 1];
        let some = format!("some{index}");
        place.line(&format!("{line} --model {model} --output {some} --figures {id}")).done();
        let alone = place.files(&some);
        assert_eq!(alone.len(), 6, "{line}: {:?}", names(&alone));
        for end in ["svg", "png", "json", "csv"] {
            let name = format!("{id}.{end}");
            assert_eq!(alone[&name], files[&name], "{line}: {name}");
        }
    }
}

#[test]
fn json_of_chosen_figures_has_their_numbers() {
    let place = Place::with_tiny();
    let explore = format!("explore --model tiny '{LONG}' --figures cka,steps");
    let printed = place.line(&format!("{explore} --json")).json();
    assert_eq!(printed["schema"]["name"], "stratoscope.figures");
    place.line(&format!("{explore} --output o")).done();
    let files = place.files("o");
    let figures = printed["figures"].as_array().unwrap();
    assert_eq!(figures.len(), 2);
    for figure in figures {
        let id = figure["id"].as_str().unwrap();
        assert_eq!(*figure, json_of(&files, &format!("{id}.json")));
    }
    assert!(!place.path("stratoscope-out").exists());
}

#[test]
fn chosen_figures_have_a_default_folder_of_their_own() {
    let place = Place::with_tiny();
    let explore = format!("explore --model tiny '{TEXT}'");
    let folders = || std::fs::read_dir(place.path("stratoscope-out")).unwrap().count();
    for (more, count) in [
        ("", 1),
        ("--figures norms", 2),
        ("--figures norms", 2),
        ("--figures norms --paper", 3),
        ("--format svg", 4),
        ("--format svg,png", 4),
        ("", 4),
    ] {
        place.line(&format!("{explore} {more}")).done();
        assert_eq!(folders(), count, "{more}");
    }
}

/// The width of a PNG, from its header.
fn png_width(files: &Files, name: &str) -> u32 {
    let bytes = files[name].as_ref().unwrap();
    u32::from_be_bytes([bytes[16], bytes[17], bytes[18], bytes[19]])
}

#[test]
fn figures_of_a_paper_leave_titles_and_captions_to_a_file() {
    let place = Place::with_tiny();
    let explore =
        format!("explore --model tiny '{TEXT}' --figures depth,norms --format svg,png,pdf");
    place.line(&format!("{explore} --output report")).done();
    place.line(&format!("{explore} --paper --output paper")).done();
    let (report, paper) = (place.files("report"), place.files("paper"));
    assert_eq!((png_width(&report, "norms.png"), png_width(&paper, "norms.png")), (1339, 990));
    let drawn = |files: &Files| {
        let svg = text(files, "norms.svg");
        let texts = svg.split("<text").skip(1);
        texts
            .map(|text| {
                text.split('>').nth(1).unwrap().split('<').next().unwrap().trim().to_owned()
            })
            .collect::<Vec<String>>()
            .join(" ")
    };
    let (title, caption) = ("Mean norm by layer: tiny", "The mean Euclidean norm of the tokens");
    assert!(drawn(&report).contains(title) && drawn(&report).contains(caption));
    assert!(!drawn(&paper).contains(title) && !drawn(&paper).contains(caption));
    assert!(text(&paper, "norms.svg").contains("width=\"237.6pt\""));
    let page = String::from_utf8_lossy(paper["norms.pdf"].as_ref().unwrap()).into_owned();
    assert!(page.starts_with("%PDF-1.7") && page.contains("/MediaBox[0 0 237.6 "), "{page}");
    for files in [&report, &paper] {
        let captions = text(files, "captions.md");
        assert!(
            captions.starts_with("# Captions\n\n## depth\n\n**Mean cosine of tokens"),
            "{captions}"
        );
        assert!(captions.contains(&format!("\n## norms\n\n**{title}.** {caption}")), "{captions}");
        assert!(captions.contains("The vertical axis starts at"), "{captions}");
    }
    // Numbers do not depend on the style.
    for name in ["norms.csv", "norms.json", "depth.csv"] {
        assert_eq!(report[name], paper[name], "{name}");
    }
}

#[test]
fn the_metric_and_the_layers_choose_the_matrices_of_similarity() {
    let place = Place::with_tiny();
    let explore = format!("explore --model tiny '{TEXT}' --figures similarity --format md");
    let panels = |more: &str| {
        let line = format!("{explore} {more} --overwrite --output o");
        place.line(&line).done();
        let files = place.files("o");
        let figure: Value = json_of(&files, "similarity.json");
        let panels = figure["panels"].as_array().unwrap().clone();
        (figure["title"].as_str().unwrap().to_owned(), panels, text(&files, "similarity.md"))
    };
    let (title, both, table) = panels("--layers 0,2");
    assert_eq!((title.as_str(), both.len()), ("Similarity by layer", 2));
    assert!(table.starts_with("**Raw cosine, layer 0, cosine**\n\n|  | [CLS] | the |"), "{table}");
    let layers = |panel: &Value| -> Vec<u64> {
        let slices = panel["slices"].as_array().unwrap();
        slices.iter().map(|slice| slice["layer"].as_u64().unwrap()).collect()
    };
    assert_eq!(layers(&both[0]), [0, 2]);
    let (title, centred, _) = panels("--layers 0,2 --metric centred");
    assert_eq!((title.as_str(), centred.len()), ("Similarity by layer, centred cosine", 1));
    assert_eq!(centred[0]["slices"], both[1]["slices"]);
    for (metric, value) in
        [("standardised", "standardised cosine"), ("euclidean", "Euclidean distance")]
    {
        let (_, one, _) = panels(&format!("--layers 0,2 --metric {metric}"));
        assert_eq!((one.len(), one[0]["value"].as_str().unwrap()), (1, value));
        assert_eq!(layers(&one[0]), [0, 2]);
        // The same numbers as on the page.
        let whole = place.line(&format!("explore --model tiny '{TEXT}' --json")).json();
        let triangle = whole["layers"][2]["similarity"][metric].as_array().unwrap().clone();
        let n = whole["tokens"].as_array().unwrap().len();
        let values = one[0]["slices"][1]["values"].as_array().unwrap();
        let upper = (0..n).flat_map(|a| (a..n).map(move |b| a * n + b));
        let upper: Vec<Value> = upper.map(|place| values[place].clone()).collect();
        assert_eq!(upper, triangle, "{metric}");
    }
}

#[test]
fn several_models_have_the_chosen_figures_of_all_and_of_each() {
    let place = Place::with_tiny();
    let models = "--model tiny --model bundled";
    let line = format!("explore {models} '{LONG}' --figures cka --format pdf --output o");
    place.line(&line).done();
    let files = place.files("o");
    let pdfs: Vec<&str> = names(&files).into_iter().filter(|name| name.ends_with("pdf")).collect();
    assert_eq!(pdfs, ["cka--1-tiny.pdf", "cka--2-bundled.pdf", "cka.pdf"]);
    assert!(!files.contains_key("states--1-tiny.safetensors"));
}

#[test]
fn states_for_the_projector_are_vectors_and_metadata() {
    let place = Place::with_tiny();
    let extract = "extract --model tiny 'the river bank' 'a loan' --layers 0,-1";
    let line = format!("{extract} --format projector --output p");
    place.line(&line).done();
    let files = place.files("p");
    assert_eq!(names(&files), ["metadata.tsv", "vectors.tsv"]);
    let states = place.line(&format!("{extract} --json")).json();
    let rows = states["rows"].as_array().unwrap();
    let layers = states["layers"].as_array().unwrap();
    let (vectors, metadata) = (text(&files, "vectors.tsv"), text(&files, "metadata.tsv"));
    let mut lines = metadata.lines();
    assert_eq!(lines.next(), Some("label\tlayer\tsequence\tspecial\ttext"));
    let mut vectors = vectors.lines();
    for layer in layers {
        for (row, state) in rows.iter().zip(layer["hidden_states"].as_array().unwrap()) {
            let text = ["the river bank", "a loan"][row["sequence"].as_u64().unwrap() as usize];
            let (label, special) = (row["text"].as_str().unwrap(), &row["special"]);
            let expected =
                format!("{label}\t{}\t{}\t{special}\t{text}", layer["layer"], row["sequence"]);
            assert_eq!(lines.next(), Some(expected.as_str()));
            let vector: Vec<f32> =
                vectors.next().unwrap().split('\t').map(|v| v.parse().unwrap()).collect();
            let state: Vec<f32> =
                state.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect();
            assert_eq!(vector, state);
        }
    }
    assert_eq!((lines.next(), vectors.next()), (None, None));

    let refused = place.line(&line);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("p is not empty; --overwrite"), "{}", refused.stderr);
    place.line(&format!("{line} --overwrite")).done();
    place.write("p/notes.txt", "mine");
    let refused = place.line(&format!("{line} --overwrite"));
    assert!(refused.stderr.contains("p contains notes.txt"), "{}", refused.stderr);
    for (more, said) in [
        ("--output q --half", "--half cannot be used with --format projector"),
        ("--output q.npz", "q.npz: the Embedding Projector reads a folder; give a name without"),
    ] {
        let refused = place.line(&format!("{extract} --format projector {more}"));
        assert_eq!(refused.code, Some(2), "{more}");
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
}

#[test]
fn an_output_of_an_unknown_extension_is_refused() {
    let place = Place::with_tiny();
    for name in ["x.csv", "x.CSV", "some/x.pt", "x.v2"] {
        let refused = place.line(&format!("extract --model tiny 'the bank' --output {name}"));
        assert_eq!(refused.code, Some(2), "{name}");
        let expected = format!(
            "error: {name}: states are written to FILE.safetensors, FILE.npz, FILE.parquet or a folder \
             with a name without an extension\n"
        );
        assert_eq!(refused.stderr, expected);
        assert!(!place.path(name).exists());
    }
    place.line("extract --model tiny 'the bank' --output minilm-2.1").done();
    assert!(place.path("minilm-2.1/index.json").is_file());
}
