//! Dependency trees of sentences, with the rows of their words.

use crate::error::{ProbingError, Result, TreeMistake};

/// One sentence with its annotated tree and the rows of its words. All three lists are `[words]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParsedSentence {
    /// The head of each word, from 1 as in CoNLL-U; 0 for the root.
    pub heads: Vec<usize>,
    /// Whether each word is punctuation (`PUNCT` in UPOS), which is not compared.
    pub punctuation: Vec<bool>,
    /// The row of the vector of each word; None for a word without a token. Such a word is on the paths
    /// of the tree, but has no predictions.
    pub rows: Vec<Option<usize>>,
}

/// Checked dependency trees, for a structural probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trees(Vec<Tree>);

impl Trees {
    /// Checks the trees of all sentences.
    ///
    /// # Errors
    /// Lists of different lengths; a head that is not a word, a second root, or a cycle, with the
    /// sentence (from 0) and the word (from 1). A sentence without a root has a cycle.
    pub fn new(sentences: &[ParsedSentence]) -> Result<Self> {
        sentences
            .iter()
            .enumerate()
            .map(|(index, s)| Tree::new(index, s))
            .collect::<Result<_>>()
            .map(Self)
    }

    /// The number of sentences.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no sentence.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn all(&self) -> &[Tree] {
        &self.0
    }

    /// The smallest number of rows of a matrix of vectors.
    pub(super) fn rows_needed(&self) -> usize {
        self.0.iter().flat_map(|tree| &tree.rows).map(|row| row + 1).max().unwrap_or(0)
    }
}

/// One tree. Its *seen* words are those with a vector, numbered in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tree {
    /// The parent of each word, `[words]`; the parent of the root is the root.
    parents: Vec<usize>,
    /// The words; parents are before their children.
    order: Vec<usize>,
    /// The word of each seen word.
    seen: Vec<usize>,
    /// The row of each seen word.
    pub(super) rows: Vec<usize>,
    /// The seen words that are not punctuation, on which trees are compared.
    pub(super) compared: Vec<usize>,
}

impl Tree {
    fn new(sentence: usize, given: &ParsedSentence) -> Result<Self> {
        let words = given.heads.len();
        for (what, found) in
            [("punctuation marks", given.punctuation.len()), ("rows", given.rows.len())]
        {
            if found != words {
                return Err(ProbingError::Length { what, expected: words, found });
            }
        }
        let mistake =
            |word: usize, mistake| Err(ProbingError::Tree { sentence, word: word + 1, mistake });
        let mut root = None;
        let mut parents = Vec::with_capacity(words);
        for (word, &head) in given.heads.iter().enumerate() {
            if head > words {
                return mistake(word, TreeMistake::HeadOutOfRange { head, words });
            }
            match (head, root) {
                (0, Some(first)) => {
                    return mistake(word, TreeMistake::SecondRoot { first: first + 1usize });
                }
                (0, None) => root = Some(word),
                _ => {}
            }
            parents.push(if head == 0 { word } else { head - 1 });
        }
        let order = match order(&parents, root) {
            Ok(order) => order,
            Err(word) => return mistake(word, TreeMistake::Cycle),
        };
        let seen: Vec<usize> = (0..words).filter(|&word| given.rows[word].is_some()).collect();
        let rows = given.rows.iter().copied().flatten().collect();
        let compared = (0..seen.len()).filter(|&at| !given.punctuation[seen[at]]).collect();
        Ok(Self { parents, order, seen, rows, compared })
    }

    /// The number of seen words: the length of the sentence for the probe.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The position of each seen word in the sentence.
    pub(super) fn positions(&self) -> &[usize] {
        &self.seen
    }

    /// The root, if it is a seen word.
    pub(super) fn root(&self) -> Option<usize> {
        self.order.first().and_then(|root| self.seen.binary_search(root).ok())
    }

    /// The edges between two compared words, as pairs of seen words in ascending order.
    pub(super) fn compared_edges(&self) -> Vec<(usize, usize)> {
        let at = |word: usize| {
            let at = self.seen.binary_search(&word).ok()?;
            self.compared.binary_search(&at).ok().map(|_| at)
        };
        let edge = |&child: &usize| {
            let (child, parent) = (at(self.seen[child])?, at(self.parents[self.seen[child]])?);
            (child != parent).then(|| (child.min(parent), child.max(parent)))
        };
        self.compared.iter().filter_map(edge).collect()
    }

    /// The depth of every seen word, the number of edges to the root, `[seen]`.
    pub(super) fn depths(&self) -> Vec<u32> {
        match self.order.first() {
            Some(&root) => self.lengths_from(root),
            None => Vec::new(),
        }
    }

    /// The length of the path from seen word `from` to every seen word, in edges, `[seen]`.
    pub(super) fn distances(&self, from: usize) -> Vec<u32> {
        self.lengths_from(self.seen[from])
    }

    /// First up from the word to the root, then down in one pass, because parents are before their
    /// children.
    fn lengths_from(&self, word: usize) -> Vec<u32> {
        let mut lengths = vec![u32::MAX; self.parents.len()];
        let (mut at, mut length) = (word, 0);
        lengths[at] = 0;
        while self.parents[at] != at {
            at = self.parents[at];
            length += 1;
            lengths[at] = length;
        }
        for &word in &self.order {
            if lengths[word] == u32::MAX {
                lengths[word] = lengths[self.parents[word]] + 1;
            }
        }
        self.seen.iter().map(|&word| lengths[word]).collect()
    }
}

/// The words with parents before their children, or a word on a cycle.
fn order(parents: &[usize], root: Option<usize>) -> std::result::Result<Vec<usize>, usize> {
    let mut placed = vec![false; parents.len()];
    let mut order = Vec::with_capacity(parents.len());
    if let Some(root) = root {
        placed[root] = true;
        order.push(root);
    }
    // The upward path that visited each word: a path that meets itself is a cycle.
    let mut path_of = vec![usize::MAX; parents.len()];
    let mut path = Vec::new();
    for word in 0..parents.len() {
        let mut at = word;
        while !placed[at] {
            if path_of[at] == word {
                return Err(at);
            }
            path_of[at] = word;
            path.push(at);
            at = parents[at];
        }
        for at in path.drain(..).rev() {
            placed[at] = true;
            order.push(at);
        }
    }
    Ok(order)
}
