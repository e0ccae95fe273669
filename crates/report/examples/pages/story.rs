//! Pages with the first screen: curves as models have them, journeys of made-up neighbours, and
//! texts of several lengths and scripts.

use crate::charts::charts;
use crate::tokens::{add_attention, labels};
use crate::{HOSTILE, Noise, exploration};
use stratoscope_chart::{Axis, Chart, MatrixPanel, Scale};
use stratoscope_report::{
    BankAbout, ByClass, Estimate, Exploration, Journey, JourneyLayer, Journeys, Majority,
    Neighbour, Occurrence, Omitted, Report, Sense, Story, StoryLayer, Token,
};

/// Every page, with its name.
pub(crate) fn pages() -> Vec<(&'static str, Report)> {
    let bank = "The bank by the river refused the loan.";
    let sixty = SENTENCES[..7].join(" ");
    let long: Vec<&str> = SENTENCES.iter().copied().cycle().take(24).collect();
    let told = |text: &str, curves: &Curves| page(&[text], curves, &[]);
    let mut alone = told(bank, &RISING);
    alone.explorations[0].journeys = None;
    let why = "no text has a content word".to_owned();
    alone.explorations[0].omitted.push(Omitted { what: "journeys".to_owned(), why });
    let mut unmeasured = told(bank, &RISING);
    unmeasured.explorations[0].story = Some(Story {
        not_measured: Some(
            "The curves of this model are not measured yet: run `stratoscope profile --model \
             a/made-up-model` (about 40 s)."
                .to_owned(),
        ),
        ..Story::default()
    });
    let mut hostile = told(&HOSTILE.join(" "), &RISING);
    HOSTILE[0].clone_into(&mut hostile.title);
    vec![
        ("story", told(bank, &RISING)),
        ("story-four", told("Banks lend", &RISING)),
        ("story-flat", told(bank, &FLAT)),
        ("story-deep", told(bank, &DEEP)),
        ("story-sixty", told(&sixty, &SENTENCE_LAST)),
        ("story-long", told(&long.join(" "), &SENTENCE_LAST)),
        ("story-texts", page(&SENTENCES, &RISING, &[])),
        ("story-arabic", told("رفض البنك الواقع على ضفة النهر منح القرض.", &RISING)),
        (
            "story-chinese",
            page(&["河边的银行拒绝了这笔贷款。"], &RISING, &["银", "贷", "款", "拒", "绝"]),
        ),
        ("story-emoji", page(&["She 👩‍👩‍👧‍👦 paid 💸 the bank 🏦 late 🙃."], &RISING, &["👩‍👩‍👧‍👦", "🙃"])),
        ("story-labels", annotated(&SENTENCES[..3])),
        ("story-hostile", hostile),
        ("story-alone", alone),
        ("story-unmeasured", unmeasured),
        ("story-models", models()),
    ]
}

/// Sentences in which common words return.
const SENTENCES: [&str; 8] = [
    "The bank by the river refused the loan.",
    "A letter from the judge arrived late in spring.",
    "They planted a light fence over the cold water.",
    "The pitcher broke when the old crane fell under the bridge.",
    "Nobody could match the seal that she kept in a drawer.",
    "He walked to the plant and waited for the sentence.",
    "Children watched the seal swim past the bank.",
    "In the evening the light over the river turned to gold.",
];

/// The curves of a model: for each layer the grammar of nouns and verbs, the meaning of nouns and
/// verbs, and the sentence; and the headline that belongs to them.
pub(crate) struct Curves {
    headline: &'static [&'static str],
    values: fn(usize) -> [f64; 5],
    layers: usize,
}

/// Grammar in the middle, meaning throughout, the sentence at the top.
pub(crate) const RISING: Curves = Curves {
    headline: &[
        "In made-up-model, grammar is clearest at layer 3 and then fades; word meaning is there from the start and stays about level;",
        "at layer 6, the words of a sentence become more alike.",
    ],
    values: |layer| {
        [
            [0.068, 0.074, 0.131, 0.166, 0.136, 0.098, 0.080][layer],
            [0.029, 0.055, 0.123, 0.144, 0.107, 0.064, 0.050][layer],
            [0.393, 0.421, 0.440, 0.457, 0.444, 0.421, 0.418][layer],
            [0.366, 0.380, 0.386, 0.400, 0.389, 0.387, 0.356][layer],
            [0.004, 0.007, 0.011, 0.028, 0.047, 0.037, 0.154][layer],
        ]
    },
    layers: 7,
};

/// A model in which nothing changes.
const FLAT: Curves = Curves {
    headline: &[
        "In made-up-model, no difference between layers was found for grammar or word meaning.",
    ],
    values: |layer| {
        let wave = 0.01 * (layer % 2) as f64;
        [0.11 + wave, 0.10 - wave, 0.12 - wave, 0.11 + wave, 0.10 + wave]
    },
    layers: 7,
};

/// At the last layer the words of a sentence are one.
const SENTENCE_LAST: Curves = Curves {
    headline: &[
        "In made-up-model, grammar is clearest at layers 5 to 7 and fades; word meaning is highest at layer 4;",
        "at layer 12 the words of a sentence become more alike.",
    ],
    values: |layer| {
        let depth = layer as f64 / 12.0;
        let hill = 0.07 + 0.55 * depth * (1.0 - depth);
        let sentence = if layer == 12 { 0.898 } else { 0.01 + 0.12 * depth };
        let meaning = 0.43 + 0.4 * depth * (0.7 - depth);
        [hill, hill - 0.03, meaning, meaning - 0.06, sentence]
    },
    layers: 13,
};

/// Thirty layers whose sentences stay apart.
const DEEP: Curves = Curves {
    headline: &[
        "In made-up-model, grammar is clearest at layers 17 to 22 and then fades; word meaning is there from the start and stays about level.",
    ],
    values: |layer| {
        let depth = layer as f64 / 30.0;
        let hill = 0.05 + 0.8 * depth * (1.1 - depth);
        let meaning = 0.38 + 0.03 * (9.0 * depth).sin();
        [hill, hill - 0.02, meaning, meaning - 0.02, 0.02 + 0.05 * depth]
    },
    layers: 31,
};

fn estimate(value: f64, half: f64, n: usize) -> Estimate {
    Estimate { value, interval: Some([value - half, value + half]), n }
}

fn by_class(nouns: f64, verbs: f64) -> ByClass {
    let value = f64::midpoint(nouns, verbs);
    ByClass {
        value,
        interval: Some([value - 0.013, value + 0.014]),
        n: 3_450,
        nouns: Some(estimate(nouns, 0.018, 2_100)),
        verbs: Some(estimate(verbs, 0.021, 1_350)),
    }
}

fn story(curves: &Curves) -> Story {
    let layer = |layer: usize| {
        let [noun_relation, verb_relation, noun_sense, verb_sense, sentence] =
            (curves.values)(layer);
        StoryLayer {
            layer,
            grammar: Some(by_class(noun_relation, verb_relation)),
            word_meaning: Some(by_class(noun_sense, verb_sense)),
            sentence: Some(estimate(sentence, 0.006, 8_600)),
        }
    };
    let mut noise = Noise(3);
    let mut random = |layer: usize| StoryLayer {
        layer,
        grammar: Some(by_class(0.006 * noise.next(), 0.008 * noise.next())),
        word_meaning: Some(by_class(0.004 * noise.next(), 0.006 * noise.next())),
        sentence: Some(estimate(0.003 * noise.next().abs(), 0.002, 8_600)),
    };
    Story {
        headline: curves.headline.iter().map(|&text| text.to_owned()).collect(),
        not_measured: None,
        bank: Some(BankAbout {
            name: "made-up sentences".to_owned(),
            sha256: "0".repeat(64),
            sentences: 1_200,
            words: 8_600,
        }),
        layers: (0..curves.layers).map(layer).collect(),
        random_weights: (0..curves.layers).map(&mut random).collect(),
    }
}

/// Contexts of one word in two senses: before, after, relation. The first four are of the first.
const CONTEXTS: [(&str, &str, &str); 8] = [
    ("…early last March the", "on the corner raised its fees…", "nsubj"),
    ("He waited at the", "for a new credit card.", "obl"),
    ("…it was the", "that refused her a loan…", "root"),
    ("The manager of the", "gave us a tour.", "nmod"),
    ("…during the storm the", "collapsed into the river…", "nsubj"),
    ("Tall trees lined the", "below the mill.", "obj"),
    ("…flowers covered the top of the", "that faced the island…", "nmod"),
    ("They were fishing from the", "all morning.", "obl"),
];

/// Other words, with contexts.
const OTHERS: [(&str, &str, &str, &str); 8] = [
    ("She borrowed the", "money", "from her uncle.", "n.POSSESSION"),
    ("…the ministry of", "finance", "said on Friday…", "n.COGNITION"),
    ("The", "mortgage", "was paid after ten years.", "n.POSSESSION"),
    ("…asked to pay in", "cash", "at the door…", "n.POSSESSION"),
    ("A small", "deposit", "is enough.", "n.POSSESSION"),
    ("We rowed to the", "shore", "before dark.", "n.NATURALOBJECT"),
    ("…the whole", "company", "had moved to the north…", "n.GROUP"),
    ("The", "insurers", "would not answer.", "n.GROUP"),
];

/// The supersenses of all of them, in plain words.
const SENSES: [(&str, &str); 4] = [
    ("n.COGNITION", "cognition"),
    ("n.GROUP", "group"),
    ("n.NATURALOBJECT", "natural object"),
    ("n.POSSESSION", "possession"),
];

/// The tokens of texts: words, and each letter of a script without spaces.
fn tokens(texts: &[&str], unknown: &[&str]) -> Vec<Token> {
    let mut all = Vec::new();
    for (sentence, text) in texts.iter().enumerate() {
        let special = |name: &str| Token {
            text: name.to_owned(),
            sentence,
            special: true,
            ..Token::default()
        };
        all.push(special("[CLS]"));
        for (word, (from, piece)) in pieces(text).into_iter().enumerate() {
            all.push(Token {
                char_offsets: [from, from + piece.chars().count()],
                word_id: Some(word as u32),
                token_id: Some(100 + word as u32),
                sentence,
                unknown: unknown.contains(&piece.as_str()),
                text: piece.to_lowercase(),
                special: false,
            });
        }
        all.push(special("[SEP]"));
    }
    all
}

/// Words, marks, and single Chinese letters, each with its place in characters.
fn pieces(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut before = ' ';
    for (at, c) in text.chars().enumerate() {
        let apart = |c: char| {
            c.is_whitespace() || c.is_ascii_punctuation() || c > '\u{2e80}' && c < '\u{a000}'
        };
        if !c.is_whitespace() {
            match found.last_mut() {
                Some((_, word)) if !apart(before) && !apart(c) => word.push(c),
                _ => found.push((at, c.to_string())),
            }
        }
        before = c;
    }
    found
}

fn is_content(token: &Token) -> bool {
    let letters = token.text.chars().any(char::is_alphabetic);
    let function = ["the", "by", "a", "from", "in", "over", "when", "under", "that", "and", "to"];
    letters && !token.special && !function.contains(&token.text.as_str())
}

fn journeys(e: &Exploration) -> Journeys {
    let mut found = Journeys::default();
    for (chosen, token) in e.tokens.iter().enumerate().filter(|(_, token)| is_content(token)) {
        let letters: Vec<char> = e.texts[token.sentence].chars().collect();
        let [from, to] = token.char_offsets;
        let word: String = letters[from..to].iter().collect();
        let first = found.occurrences.len();
        found.occurrences.extend(CONTEXTS.iter().enumerate().map(
            |(i, (before, after, relation))| Occurrence {
                before: format!("{before} "),
                word: token.text.clone(),
                after: format!(" {after}"),
                lemma: token.text.clone(),
                upos: Some("NOUN".to_owned()),
                relation: Some((*relation).to_owned()),
                supersense: Some(if i < 4 { "n.GROUP" } else { "n.NATURALOBJECT" }.to_owned()),
            },
        ));
        found.occurrences.extend(OTHERS.iter().map(|(before, word, after, sense)| Occurrence {
            before: format!("{before} "),
            word: (*word).to_owned(),
            after: format!(" {after}"),
            lemma: (*word).to_owned(),
            upos: Some("NOUN".to_owned()),
            relation: Some("obj".to_owned()),
            supersense: Some((*sense).to_owned()),
        }));
        // One word in five is rare.
        let rare = chosen % 5 == 0;
        let layers =
            e.layers.iter().enumerate().map(|(at, layer)| {
                journey_layer(first, chosen, at, e.layers.len(), layer.layer, rare)
            });
        found.words.push(Journey {
            tokens: vec![chosen],
            occurrence: occurrence_of(e, chosen),
            word,
            occurrences_of_word: if rare { 2 } else { 14 },
            layers: layers.collect(),
        });
    }
    found.telling = (!found.words.is_empty()).then_some(0);
    found.senses =
        SENSES.map(|(label, name)| Sense { label: label.into(), name: name.into() }).into();
    found
}

/// Which occurrence in its text a word is, if the text has several.
fn occurrence_of(e: &Exploration, chosen: usize) -> Option<usize> {
    let same = |token: &&Token| {
        token.sentence == e.tokens[chosen].sentence && token.text == e.tokens[chosen].text
    };
    let before = e.tokens[..=chosen].iter().filter(same).count();
    (e.tokens.iter().filter(same).count() > 1).then_some(before)
}

/// Neighbours that are mixed at layer 0, of the second sense early, and of the first sense late.
fn journey_layer(
    first: usize,
    chosen: usize,
    at: usize,
    layers: usize,
    layer: usize,
    rare: bool,
) -> JourneyLayer {
    let early = at > 0 && at * 3 < layers;
    let places = match (at, early) {
        (0, _) => [0, 4, 1],
        (_, true) => [4, 6, 5],
        (_, false) => [at / 2, at / 2 + 1, at / 2 + 3].map(|place| (place + chosen) % 4),
    };
    let near = |from: usize, places: &[usize]| -> Vec<Neighbour> {
        let similar = |rank: usize| 0.72 - 0.06 * rank as f64 - 0.01 * at as f64;
        let neighbour = |(rank, &place): (usize, &usize)| Neighbour {
            occurrence: from + place,
            similarity: similar(rank),
        };
        places.iter().enumerate().map(neighbour).collect()
    };
    let others = [(at + chosen) % 8, (at + chosen + 1) % 8, (at + chosen + 3) % 8];
    // At layer 1 several neighbours are as near as the tenth.
    let of = if at == 1 { 13 } else { 10 };
    let majority = |label: &str, count: usize| Majority { label: label.to_owned(), count, of };
    let sense = match (at, early) {
        (0, _) => majority("n.GROUP", 5),
        (_, true) => majority("n.NATURALOBJECT", 8),
        (_, false) => majority("n.GROUP", 6 + at % 5),
    };
    JourneyLayer {
        layer,
        same_word: if rare { Vec::new() } else { near(first, &places) },
        other_words: near(first + CONTEXTS.len(), &others),
        relation: (!rare).then(|| Majority { of: 8, ..majority("nsubj", 3 + at % 4) }),
        supersense: (!rare).then(|| sense.clone()),
        other_relation: Some(majority("obj", 4 + at % 3)),
        other_supersense: Some(match rare {
            true => sense,
            false => majority("n.POSSESSION", 4 + at % 4),
        }),
    }
}

pub(crate) fn told(texts: &[&str], curves: &Curves, unknown: &[&str]) -> Exploration {
    let mut e = exploration(tokens(texts, unknown), curves.layers);
    e.texts = texts.iter().map(|&text| text.to_owned()).collect();
    if e.tokens.len() > 100 {
        for similarity in e.layers.iter_mut().filter_map(|layer| layer.similarity.as_mut()) {
            (similarity.standardised, similarity.euclidean) = (None, None);
        }
    }
    e.model = "sentence-transformers/made-up-model".to_owned();
    e.story = Some(story(curves));
    e.journeys = Some(journeys(&e));
    let (small, by_head) = (e.tokens.len() < 100, e.tokens.len() <= 50);
    if small {
        add_attention(&mut e, !by_head);
    }
    let n = e.tokens.iter().filter(|token| !token.special).count();
    if n < 30 {
        let why = format!("it needs 30 tokens that are not special, found {n}");
        e.omitted.push(Omitted { what: "change of nearest neighbours".to_owned(), why });
    }
    e
}

fn page(texts: &[&str], curves: &Curves, unknown: &[&str]) -> Report {
    let mut report = Report::new("explore", "stratoscope pages", &texts.join(" "));
    report.manifest = serde_json::json!({ "model": "a/made-up-model", "settings": { "seed": 0 } });
    report.explorations.push(told(texts, curves, unknown));
    report.charts = charts(&report.explorations[0], Some(0));
    if report.explorations[0]
        .omitted
        .iter()
        .all(|omitted| omitted.what != "change of nearest neighbours")
    {
        report.charts.push(neighbour_change(&report.explorations[0]));
    }
    report
}

/// Texts of an annotated file.
fn annotated(texts: &[&str]) -> Report {
    let mut report = page(texts, &RISING, &[]);
    let e = &mut report.explorations[0];
    e.labels = labels(&e.tokens);
    report
}

/// The change of neighbours, which few tokens do not have.
fn neighbour_change(e: &Exploration) -> Chart {
    let shown: Vec<usize> = (0..e.tokens.len()).filter(|&t| !e.tokens[t].special).collect();
    let names = shown.iter().map(|&t| e.tokens[t].text.clone()).collect();
    let steps: Vec<usize> = e.layers[1..].iter().map(|layer| layer.layer).collect();
    let mut noise = Noise(19);
    let cells = (0..shown.len() * steps.len()).map(|_| Some(noise.next().abs()));
    let n = shown.len();
    let axis = Axis::tokens(names, shown);
    let panel =
        MatrixPanel::new(axis, Axis::layers(&steps), "share of new neighbours", Scale::unit());
    Chart::new(
        "neighbour_change",
        "Share of new nearest neighbours by layer",
        panel.n(n).values(cells),
    )
    .caption("These numbers are made up.")
    .exploration(0)
}

/// One sentence in two models of unequal depth.
fn models() -> Report {
    let mut report = page(&[SENTENCES[0]], &RISING, &[]);
    let mut second = told(&[SENTENCES[0]], &SENTENCE_LAST, &[]);
    second.model = "another/model".to_owned();
    report.explorations.push(second);
    report.aligned = (1..9).map(|token| [token, token]).collect();
    report
}
