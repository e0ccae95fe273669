//! Journeys over planted states: neighbours, the word that is shown first, and where contexts part.

use super::*;
use crate::bank::tests::planted;
use crate::progress::Silent;
use ndarray::Array3;
use stratoscope_extractor::Text;
use stratoscope_report::{JourneyLayer, Majority, Neighbour};

/// The direction at an angle in degrees, in the plane of the first two dimensions.
fn at(degrees: f32) -> [f32; 3] {
    [degrees.to_radians().cos(), degrees.to_radians().sin(), 0.0]
}

/// A bank in which twelve sentences have "bank": at layer 0 at 0°, 10°, …, and at layer 1 at 110°, 100°, ….
/// The first six are of groups, the others of rivers. Four other words are at 5°, 7°, 90° and 95°.
fn bank() -> BankStates {
    let mut sentences: Vec<String> = Vec::new();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for index in 0..12 {
        let sense = if index < 6 { "n.GROUP" } else { "n.RIVER" };
        sentences.push(format!("[the] bank/{sense} [of] [number] [{index}]"));
        first.push(at(10.0 * index as f32));
        second.push(at(110.0 - 10.0 * index as f32));
    }
    for (word, angle) in [("money", 5.0), ("Money", 7.0), ("water", 90.0), ("shore", 95.0)] {
        sentences.push(format!("{word} [is] [here]"));
        first.push(at(angle));
        second.push(at(angle));
    }
    let sentences: Vec<&str> = sentences.iter().map(String::as_str).collect();
    planted(&sentences, &[first, second])
}

/// The states of a text with one token for each word, at the same angle at both layers.
fn states(text: &str, angles: &[f32]) -> Activations {
    let words = Text::from(text).with_unicode_words().words;
    let row = |(index, word): (usize, &Range<usize>)| Row {
        sequence: 0,
        label: text.chars().skip(word.start).take(word.len()).collect(),
        token_id: Some(index as u32),
        char_offsets: [word.start, word.end],
        text_id: 0,
        word_id: Some(index as u32),
        special: false,
        unknown: false,
    };
    let values: Vec<f32> = [0, 1].iter().flat_map(|_| angles.iter().flat_map(|a| at(*a))).collect();
    Activations {
        origin: bank().origin,
        unit: Unit::Token,
        layers: vec![0, 1],
        texts: vec![Text::from(text)],
        media: Vec::new(),
        rows: words.iter().enumerate().map(row).collect(),
        hidden_states: Array3::from_shape_vec((2, words.len(), 3), values).unwrap(),
        hooks: Vec::new(),
    }
}

fn of(states: &Activations) -> std::result::Result<Journeys, Why> {
    of_options(states, &bank(), &Options::default())
}

fn of_options(
    states: &Activations,
    bank: &BankStates,
    options: &Options,
) -> std::result::Result<Journeys, Why> {
    let mut omitted = Vec::new();
    let found = journeys(states, bank, options, &Silent, &mut omitted).unwrap();
    found.ok_or_else(|| omitted.remove(0).why)
}

/// The words in context of neighbours.
fn contexts(journeys: &Journeys, list: &[Neighbour]) -> Vec<String> {
    let of = |n: &Neighbour| {
        let at = &journeys.occurrences[n.occurrence];
        format!("{}{}{}", at.before, at.word, at.after)
    };
    list.iter().map(of).collect()
}

#[test]
fn neighbours_are_the_nearest_occurrences_and_the_nearest_other_words() {
    let found = of(&states("the Bank", &[0.0, 1.0])).unwrap();
    let [word] = &found.words[..] else { panic!("{found:?}") };
    assert_eq!((word.word.as_str(), &word.tokens[..]), ("Bank", &[1][..]));
    assert_eq!((word.occurrences_of_word, found.telling), (12, Some(0)));
    let [below, above] = &word.layers[..] else { panic!() };
    let numbers = |list: &[Neighbour]| -> Vec<String> {
        let last = |text: String| text.rsplit(' ').next().map(str::to_owned);
        contexts(&found, list).into_iter().filter_map(last).collect()
    };
    let up: Vec<String> = (0..10).map(|n| n.to_string()).collect();
    assert_eq!(numbers(&below.same_word), up);
    let down: Vec<String> = (2..12).rev().map(|n| n.to_string()).collect();
    assert_eq!(numbers(&above.same_word), down);
    // Cosines of the angles, with four decimals.
    assert_eq!(below.same_word[0].similarity, 0.9998);
    assert!(below.same_word.is_sorted_by(|a, b| a.similarity >= b.similarity));
    // Each lemma once, and not the function words.
    let others = contexts(&found, &below.other_words);
    assert_eq!(others, ["money is here", "water is here", "shore is here"]);
    let majority = |m: &Option<Majority>| m.as_ref().map(|m| (m.label.clone(), m.count, m.of));
    assert_eq!(majority(&below.supersense), Some(("n.GROUP".to_owned(), 6, 10)));
    assert_eq!(majority(&above.supersense), Some(("n.RIVER".to_owned(), 6, 10)));
    assert_eq!(majority(&below.relation), Some(("obj".to_owned(), 10, 10)));
    assert_eq!(majority(&below.other_supersense), None);
    assert_eq!(majority(&below.other_relation), Some(("root".to_owned(), 3, 3)));
}

#[test]
fn the_sentence_of_the_word_itself_is_left_out() {
    let found = of(&states(" the bank of number 0 ", &[0.0; 5])).unwrap();
    let word = &found.words[0];
    assert_eq!(word.occurrences_of_word, 11);
    let all = contexts(&found, &word.layers[0].same_word);
    assert!(!all.iter().any(|text| text.ends_with(" 0")), "{all:?}");
    assert_eq!(all[0], "the bank of number 1");
}

#[test]
fn equally_near_occurrences_are_all_counted() {
    let sentences: Vec<String> = (0..14).map(|n| format!("bank/{n} [of] [number] [{n}]")).collect();
    let sentences: Vec<&str> = sentences.iter().map(String::as_str).collect();
    let mut values = vec![at(30.0); 14];
    values[13] = at(0.0);
    let bank = planted(&sentences, &[values.clone(), values]);
    let found = of_options(&states("bank", &[0.0]), &bank, &Options::default()).unwrap();
    let list = &found.words[0].layers[0].same_word;
    let similarities: Vec<f64> = list.iter().map(|n| n.similarity).collect();
    assert_eq!((list.len(), similarities[0], similarities[13]), (14, 1.0, 0.8661));
    assert_eq!(contexts(&found, list)[1], "bank of number 0");
}

#[test]
fn a_rare_word_has_only_other_words() {
    for (text, occurrences) in [("money", 2), ("Unheard of", 0)] {
        let found = of(&states(text, &[91.0, 91.0][..text.split(' ').count()])).unwrap();
        let word = &found.words[0];
        assert_eq!((word.occurrences_of_word, word.layers[0].same_word.len()), (occurrences, 0));
        let names = contexts(&found, &word.layers[0].other_words);
        let lemmas = 4 - usize::from(occurrences > 0);
        assert_eq!(names.len(), lemmas, "{names:?}");
        assert!(word.layers[0].supersense.is_none() && word.layers[0].other_relation.is_some());
        let text = crate::text::written(|text| write(text, &found, word, None));
        assert!(text.contains("the nearest other word"), "{text}");
    }
}

#[test]
fn words_that_are_not_read_have_no_journey() {
    let mut unknown = states("the bank", &[0.0, 0.0]);
    unknown.rows[1].unknown = true;
    let special = |mut states: Activations| {
        states.rows.iter_mut().for_each(|row| row.special = true);
        states
    };
    let nothing = [
        unknown,
        states("the of", &[0.0; 2]),
        states("🎉🎉 42", &[0.0; 3]),
        states("eins zwei bank drei vier sechs", &[0.0; 6]),
        special(states("bank", &[0.0])),
        states("bank", &[0.0]).pooled(Unit::Sentence, Pooling::Mean).unwrap(),
    ];
    for states in nothing {
        assert!(matches!(of(&states), Err(Why::Texts(_))), "{:?}", states.rows);
    }
    let first = Options { pooling: Some(Pooling::First), ..Options::default() };
    let found = of_options(&states("bank", &[0.0]), &bank(), &first);
    assert!(matches!(found, Err(Why::Undefined(_))));
    // A zero vector has similarity 0 to everything.
    let mut zero = states("bank", &[0.0]);
    zero.hidden_states.fill(0.0);
    let found = of(&zero).unwrap();
    let similarities = found.words[0].layers.iter().flat_map(|layer| &layer.same_word);
    assert!(similarities.into_iter().all(|n| n.similarity == 0.0));
}

#[test]
fn pooled_words_have_the_journeys_of_their_tokens() {
    let tokens = states("the bank", &[0.0, 1.0]);
    let words = tokens.pooled(Unit::Word, Pooling::Mean).unwrap();
    assert_eq!(of(&tokens), of(&words));
}

#[test]
fn the_page_has_the_first_neighbours_of_its_rows() {
    let all = of(&states("the bank saw money", &[0.0, 1.0, 2.0, 3.0])).unwrap();
    assert_eq!(all.words.len(), 3);
    let part = shown(&all, &[1, 3], false).unwrap();
    let tokens: Vec<_> = part.words.iter().map(|word| word.tokens.clone()).collect();
    assert_eq!(tokens, [[0], [1]]);
    let lists =
        part.words.iter().flat_map(|w| &w.layers).flat_map(|l| [&l.same_word, &l.other_words]);
    assert!(lists.into_iter().all(|list| list.len() <= SHOWN));
    assert_eq!(
        contexts(&part, &part.words[0].layers[1].same_word),
        contexts(&all, &all.words[0].layers[1].same_word[..SHOWN])
    );
    // Every occurrence is used.
    let used: std::collections::BTreeSet<usize> = part
        .words
        .iter()
        .flat_map(|word| &word.layers)
        .flat_map(|layer| layer.same_word.iter().chain(&layer.other_words))
        .map(|neighbour| neighbour.occurrence)
        .collect();
    assert!(used.into_iter().eq(0..part.occurrences.len()));
    assert_eq!(part.telling, Some(0));
    assert_eq!(shown(&all, &[0], false), None);
    // The word of the page is the word of the terminal.
    let rows: Vec<usize> = (0..4).collect();
    let whole = shown(&all, &rows, false).unwrap();
    assert_eq!(whole.telling, all.telling);
}

#[test]
fn long_texts_have_journeys_of_their_first_content_words() {
    let text = vec!["bank"; 300].join(" ");
    let found = of(&states(&text, &[0.0; 300])).unwrap();
    assert_eq!(found.words.len(), MAX_STEPS / 2);
}

#[test]
fn the_most_telling_word_is_the_one_whose_neighbours_change() {
    // "bank" turns from groups to rivers, "money" has no occurrences to show, and a causal model reads
    // the first word without context.
    let angles = [3.0, 0.0, 3.0];
    let found = of(&states("money bank money", &angles)).unwrap();
    assert_eq!(found.telling, Some(1));
    let first = of(&states("bank money", &[0.0, 3.0])).unwrap();
    assert_eq!((telling(&first, false), telling(&first, true)), (Some(0), Some(1)));
    // A word whose neighbours stay is less telling than one whose neighbours change.
    let mut still = found.clone();
    for word in &mut still.words {
        word.layers[1] = word.layers[0].clone();
    }
    still.words[2] = found.words[1].clone();
    assert_eq!(telling(&still, false), Some(2));
    assert_eq!(telling(&Journeys::default(), false), None);
}

#[test]
fn contexts_part_where_fewer_than_half_of_their_neighbours_are_shared() {
    let near = |numbers: Range<usize>| -> Vec<Neighbour> {
        numbers.map(|occurrence| Neighbour { occurrence, similarity: 0.0 }).collect()
    };
    let journey = |starts: &[usize]| Journey {
        layers: (starts.iter().enumerate())
            .map(|(layer, &start)| JourneyLayer {
                layer,
                same_word: near(start..start + 10),
                ..Default::default()
            })
            .collect(),
        ..Journey::default()
    };
    let still = journey(&[0; 5]);
    // Shared at the five layers: 10, 4, 5, 4, 0.
    assert_eq!(parting(&still, &journey(&[0, 6, 5, 6, 20])), Some(3));
    // Layer 0 has not read the contexts.
    assert_eq!(parting(&still, &journey(&[9, 9, 9, 9, 9])), Some(1));
    assert_eq!(parting(&still, &journey(&[9, 9, 9, 9, 0])), None);
    assert_eq!(parting(&still, &still), None);
}

#[test]
fn the_terminal_has_five_layers_of_a_deep_model() {
    let mut found = of(&states("the bank", &[0.0, 1.0])).unwrap();
    let word = &mut found.words[0];
    let [below, above] = [word.layers[0].clone(), word.layers[1].clone()];
    // The neighbours change at layers 4 and 20.
    word.layers = (0..31)
        .map(|layer| JourneyLayer {
            layer,
            ..if (4..20).contains(&layer) { above.clone() } else { below.clone() }
        })
        .collect();
    let text = crate::text::written(|text| write(text, &found, &found.words[0], None));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 7, "{text}");
    let layers: Vec<&str> = lines[2..].iter().filter_map(|l| l.split(' ').next()).collect();
    assert_eq!(layers, ["0", "1", "4", "20", "30"]);
    assert!(lines[0].contains("“bank”") && lines[1].contains("the same word elsewhere"));
    assert!(
        lines[2].contains("the [bank] of number 0") && lines[2].contains("6/10 group"),
        "{text}"
    );
    assert!(lines[4].contains("6/10 river") && lines[4].ends_with("money, water, shore"), "{text}");
    assert!(lines.iter().all(|line| line.chars().count() <= crate::text::WIDTH), "{text}");
    let chart = chart(&found, &found.words[0]);
    chart.check().unwrap();
    let stratoscope_chart::Drawing::Table(table) = &chart.drawing else { panic!() };
    assert_eq!((table.rows.len(), table.columns.len()), (31 * SHOWN, 7));
}
