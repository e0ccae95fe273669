//! Finds a first line that has the names of columns instead of data.

use std::collections::HashSet;

/// Names that columns of texts and labels have in published data sets.
const NAMES: &[&str] = &[
    "text",
    "texts",
    "content",
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

/// Whether the first row of a table has the names of its columns. It has, if every cell is a name, and
/// either all of them are usual names, or the other rows show it: a column where all others have several
/// words, or where values repeat and the first does not occur again. Numbers from 0 on above texts are
/// names too.
pub fn is_header<'a>(first: &[&str], others: impl IntoIterator<Item = &'a [&'a str]>) -> bool {
    let first: Vec<&str> = first.iter().map(|cell| bare(cell)).collect();
    let others: Vec<&[&str]> = others.into_iter().filter(|row| row.len() == first.len()).collect();
    let is_number = |cell: &str| cell.trim().parse::<f64>().is_ok();
    if first.iter().enumerate().all(|(index, cell)| *cell == index.to_string()) {
        return !others.is_empty()
            && others.iter().all(|row| !row.iter().take(1).any(|c| is_number(c)));
    }
    if first.iter().all(|cell| is_name(cell) && is_usual(cell)) {
        return true;
    }
    let occurs = |column: usize, name: &str| others.iter().any(|row| bare(row[column]) == name);
    if others.is_empty() || first.iter().enumerate().any(|(column, name)| occurs(column, name)) {
        return false;
    }
    // Names of several words are names only if each of the words is.
    if first.iter().all(|cell| cell.split_whitespace().all(|word| is_name(word) && is_usual(word)))
    {
        return !first.iter().any(|cell| cell.is_empty());
    }
    if !first.iter().all(|cell| is_name(cell)) {
        return false;
    }
    let is_capital = |cell: &str| !cell.chars().any(char::is_lowercase);
    let column = |index: usize| others.iter().map(move |row| row[index].trim());
    // A label such as `ADP` above others such as `NOUN` is one of them.
    let is_label = first.iter().enumerate().any(|(index, name)| {
        is_capital(name) && column(index).all(|cell| is_capital(cell) && !is_number(cell))
    });
    (0..first.len()).any(|index| {
        let several_words = column(index).all(|cell| cell.split_whitespace().nth(1).is_some());
        let different: HashSet<&str> = column(index).collect();
        several_words || (different.len() < others.len() && !is_label)
    })
}

/// A cell without the mark of a comment before it and the quotation marks around it.
fn bare(cell: &str) -> &str {
    let cell = cell.trim();
    let cell = cell.strip_prefix('#').unwrap_or(cell).trim_start();
    ['"', '\'']
        .into_iter()
        .find_map(|mark| cell.strip_prefix(mark)?.strip_suffix(mark))
        .unwrap_or(cell)
        .trim()
}

/// Whether a name is that of a column in published data sets.
fn is_usual(name: &str) -> bool {
    NAMES.contains(&name.to_lowercase().as_str())
}

/// Whether a cell could be the name of a column: one word of letters, digits and `_`, `-`, `.`.
fn is_name(cell: &str) -> bool {
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
            &["# text\tlabel", "a b\tx"],
            &["#text\tlabel"],
            &["\"sentence\"\t\"label\"", "\"a b\"\t\"x\""],
            &["Text Content\tClass", "a b\tx"],
            &["0\t1", "so it is\t1", "no one\t0"],
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
            &["of\tADP", "dog\tNOUN", "cat\tNOUN", "run\tVERB"],
            &["of\tADP", "dog\tNOUN", "run\tNOUN", "run\tVERB"],
            &["Good question\tquestion", "So good\tanswer", "Why\tquestion"],
            &["0\t1", "1\t0", "2\t1"],
            &["0\t1"],
            &["# 1\tlabel", "a b\tx"],
        ] {
            assert!(!of(rows), "{rows:?}");
        }
    }
}
