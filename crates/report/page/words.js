// What the page cannot show, and the words that it uses, in one place.

/** What the first screen cannot show. */
const LIMITS = [
  'What is near in a layer is there to be read; it does not show that the model uses it. That needs an intervention.',
  'A low value does not mean that the information is gone: it can be in directions that do not decide which words are near. A probe can find it there.',
  'The values depend on the reference sentences and on their number. Compare layers, and models on the same sentences; do not compare values of different sentences.',
  'Sentence also rises when all vectors of a sentence share a constant. It says that the words of a sentence become more alike, not that the model understands the sentence.',
  'The intervals are over the reference sentences. They say nothing about other kinds of text, or other languages.',
  'A journey is one word in one text. It has no interval, and what is near depends on the sentences that are searched.',
  'The kinds of meaning are coarse: two senses of a word can have one kind, and then the marks do not tell them apart. Read the words beside them.',
];

/** @type {[string, string][]} */
const GLOSSARY = [
  [
    'layer',
    'One step of the model. Each layer gives every token a new vector. Layer 0 is the embedding, before any context is read.',
  ],
  [
    'token',
    'A piece of the text as the model reads it: a word, a part of a word (## marks its continuation), or a special token that the tokenizer adds.',
  ],
  [
    'unknown token',
    `A token that stands for letters that the vocabulary does not have, marked ${UNKNOWN}. All such letters have one vector, so it says nothing about the word.`,
  ],
  ['vector', 'The list of numbers that a layer has for a token. A word is the mean of its tokens.'],
  ['nearest', 'With the most similar vectors, by cosine, in the full space of the layer.'],
  ['content word', 'A noun, verb, adjective, adverb or name; not “the” or “of”.'],
  [
    'reference sentences',
    'Sentences whose words are annotated with relation and kind of meaning: the bank that the curves are measured on. Journeys search them too.',
  ],
  [
    'grammar',
    'Agreement in the syntactic relation: whether a word is a subject, an object, or another part of its sentence.',
  ],
  [
    'word meaning',
    'Agreement in the kind of meaning (supersense): one of some 40 classes, such as food, person, motion.',
  ],
  [
    'sentence',
    'The share of the nearest words that stand in the word’s own sentence, of as many as there can be.',
  ],
  [
    'above chance',
    'The share of agreeing neighbours minus the share that is expected at their positions, divided by the most that is possible: 0 is chance, 1 is always.',
  ],
  [
    '95 % interval',
    'Where the value would be in 95 of 100 samples of sentences; by bootstrap, which draws the sentences anew many times.',
  ],
  [
    'random weights',
    'The control: the same network before it has learned anything. What it shows too does not come from learning.',
  ],
  [
    'similarity',
    'The cosine of two vectors: 1 is the same direction. Centred: after the mean of the layer is subtracted. Standardised: of z-scores.',
  ],
  [
    'baseline',
    'The mean cosine of words of unrelated sentences. Two words are similar if their cosine is above it.',
  ],
  [
    'map (PCA, t-SNE)',
    'A plane that shows many dimensions as two. PCA keeps the directions with the most variance; t-SNE keeps near neighbours together.',
  ],
  [
    'trustworthiness',
    'The share of near neighbours on a map that are near in the full space too: 1 is all.',
  ],
  [
    'CKA',
    'How similar two layers arrange the same tokens: 1 is the same arrangement. It needs many tokens.',
  ],
  [
    'attention',
    'How much a head of a layer reads from each token, in weights that sum to 1. A layer has several heads.',
  ],
  [
    'part of speech',
    'The class of a word: NOUN, VERB, ADJ and others, as in Universal Dependencies (upos).',
  ],
  ['logit lens', 'What the model would predict if a layer were the last one.'],
];

/** The words of images and sounds. @type {[string, string][]} */
const MEDIA_GLOSSARY = [
  [
    'patch',
    'A square part of an image. The model reads an image as a sequence of patches, as it reads a text as a sequence of tokens.',
  ],
  [
    'class token',
    'A position that the model adds before the patches, [CLS]. Registers, [REG], are such positions too. They are no part of the image.',
  ],
  ['frame', 'A short part of a sound, often 20 ms. The model has one vector per frame.'],
  [
    'spectrogram',
    'A picture of a sound: time from left to right, frequency from bottom to top, loudness as brightness.',
  ],
  [
    'principal components',
    'The directions in which the vectors vary most. Three of them are shown as red, green and blue.',
  ],
];

/** The dialog of limits and words. @returns {(part: 'limits' | 'glossary') => void} opens it */
function wordsDialog() {
  const limits = el('h2', { id: 'limits-title', tabindex: '-1' }, 'What this cannot show');
  const glossary = el('h2', { id: 'glossary-title', tabindex: '-1' }, 'Glossary');
  const terms = hasMedia() ? [...MEDIA_GLOSSARY, ...GLOSSARY] : GLOSSARY;
  const items = terms.map(([word, meaning]) => [el('dt', {}, word), el('dd', {}, meaning)]);
  const root = el(
    'dialog',
    { class: 'words', 'aria-labelledby': 'limits-title' },
    ...(hasStory() ? [limits, el('ul', {}, ...LIMITS.map((text) => el('li', {}, text)))] : []),
    glossary,
    el('dl', {}, ...items.flat()),
    el('button', { type: 'button', class: 'primary', click: () => root.close() }, 'Close'),
  );
  if (!hasStory()) root.setAttribute('aria-labelledby', 'glossary-title');
  document.body.append(root);
  return (part) => {
    root.showModal();
    const title = part === 'limits' ? limits : glossary;
    title.scrollIntoView({ block: 'start' });
    title.focus({ preventScroll: true });
  };
}
