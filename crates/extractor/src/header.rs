//! Finds a first line that has the names of columns instead of data.

/// Names that columns of texts and labels have in published data sets.
const NAMES: &[&str] = &[
    "text",
    "texts",
    "text1",
    "text2",
    "text_a",
    "text_b",
    "sentence",
    "sentences",
    "sentence1",
    "sentence2",
    "sentence_1",
    "sentence_2",
    "sentence_a",
    "sentence_b",
    "sentence_good",
    "sentence_bad",
    "sent",
    "sent1",
    "sent2",
    "premise",
    "hypothesis",
    "question",
    "question1",
    "question2",
    "answer",
    "query",
    "document",
    "passage",
    "title",
    "review",
    "utterance",
    "phrase",
    "word",
    "label",
    "labels",
    "class",
    "category",
    "target",
    "tag",
    "score",
    "gold",
    "gold_label",
    "sentiment",
    "intent",
    "polarity",
    "span",
    "place",
    "good",
    "bad",
    "correct",
    "incorrect",
    "grammatical",
    "ungrammatical",
    "acceptable",
    "unacceptable",
    "first",
    "second",
    "source",
    "translation",
    "id",
    "idx",
    "index",
];

/// Whether the first row of a table has the names of its columns. It has, if every cell is one word,
/// and either all of them are usual names, or the other rows show it: a column where all others have
/// several words, or where values repeat and the first does not occur again.
pub fn is_header<'a>(first: &[&str], others: impl IntoIterator<Item = &'a [&'a str]>) -> bool {
    if first.is_empty() || !first.iter().all(|cell| is_name(cell)) {
        return false;
    }
    if first.iter().all(|cell| NAMES.contains(&cell.trim().to_lowercase().as_str())) {
        return true;
    }
    let others: Vec<&[&str]> = others.into_iter().filter(|row| row.len() == first.len()).collect();
    if others.is_empty() {
        return false;
    }
    let mut shown = false;
    for (column, name) in first.iter().enumerate() {
        let mut cells: Vec<&str> = others.iter().map(|row| row[column].trim()).collect();
        if cells.contains(&name.trim()) {
            return false;
        }
        let several_words = cells.iter().all(|cell| cell.split_whitespace().nth(1).is_some());
        let n = cells.len();
        cells.sort_unstable();
        cells.dedup();
        shown |= several_words || cells.len() < n;
    }
    shown
}

/// Whether a cell could be the name of a column: one word of letters, digits and `_`, `-`, `.`.
fn is_name(cell: &str) -> bool {
    let cell = cell.trim();
    let inner = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    cell.starts_with(char::is_alphabetic)
        && !cell.ends_with('.')
        && cell.chars().count() <= 40
        && cell.chars().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[&str]) -> bool {
        let rows: Vec<Vec<&str>> = rows.iter().map(|row| row.split('\t').collect()).collect();
        is_header(&rows[0], rows[1..].iter().map(Vec::as_slice))
    }

    #[test]
    fn names_are_told_from_data() {
        for rows in [
            &["sentence\tlabel"][..],
            &["Sentence1\tSentence2", "a\tb"],
            &["text\tspan\tlabel", "a b\t0-1\tx"],
            &["comment\ttoxicity", "so it is\t1", "no one\t0", "not me\t1"],
            &["lexeme\tanimacy", "dog\tanimate", "cat\tanimate", "car\tinanimate"],
            &["masculine\tfeminine", "he is here\tshe is here", "he sat\tshe sat"],
        ] {
            assert!(of(rows), "{rows:?}");
        }
        for rows in [
            &["The cat moves.\tanimal"][..],
            &["dog\tanimal", "cat\tanimal", "car\tthing"],
            &["Yes.\tNo.", "It is so.\tIt is not so."],
            &["comment\ttoxicity"],
            &["dog\tcat", "car\tlamp"],
            &["Go\t1", "Stay here\t1"],
            &["\tlabel", "a b\tx"],
        ] {
            assert!(!of(rows), "{rows:?}");
        }
    }
}
