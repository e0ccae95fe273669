// What the first screen is about: the model's curves, the journeys of words, and the layers at
// which something happens.

/** @typedef {{value: number, interval?: [number, number] | null, n: number}} Mean */
/** @typedef {'word_meaning' | 'grammar' | 'sentence'} CurveName */

/** The curves in the order of their colours, which the figure has too: field, name.
 * @type {[CurveName, string][]} */
const STORY_CURVES = [
  ['grammar', 'grammar'],
  ['word_meaning', 'word meaning'],
  ['sentence', 'sentence'],
];

/** Words that fewer other sentences have are not searched. */
const ENOUGH = 10;

/** Whether the page opens with the first screen. */
function hasStory() {
  return !hasMedia() && sides.some((side) => side.e.story || side.e.journeys);
}

/** Whether the page is about the model and the text, and not about a comparison. */
function opensWithStory() {
  return hasStory() && report.kind === 'explore';
}

/** Whether two texts stand above two journeys: two sentences, or a word in two contexts. */
function hasPair() {
  return !!(report.overlay || report.contexts);
}

/** The curves of a side; none if nothing was measured. @param {Side} side */
function storyLayers(side) {
  return side.e.story?.layers || [];
}

/** A curve's estimates by layer. @param {Schema.StoryLayer[]} layers @param {CurveName} name
 * @returns {(Mean | null)[]} */
function curveOf(layers, name) {
  return layers.map((layer) => layer[name] || null);
}

/** The journeys of a side that have a token. @param {Side} side */
function journeysOf(side) {
  return side.e.journeys?.words || [];
}

/** The journey of a token. @param {Side} side @param {number | null} token */
function journeyOf(side, token) {
  return journeysOf(side).find((j) => token !== null && j.tokens.includes(token)) || null;
}

/** The journey that is shown while no other is chosen. @param {Side} side */
function tellingJourney(side) {
  return journeysOf(side)[side.e.journeys?.telling ?? 0] || null;
}

/** The journey on the page: of the chosen token, or else the most telling. @param {Side} side */
function shownJourney(side) {
  return journeyOf(side, onSide(state.selected, side.index)) || tellingJourney(side);
}

/** The word of a journey in quotation marks, with its number if its text has it more than once.
 * @param {Schema.Journey} journey */
function journeyName({ word, occurrence }) {
  const name = quoted(shortText(word));
  if (!occurrence) return name;
  const ends = /** @type {{[rule: string]: string}} */ ({ one: 'st', two: 'nd', few: 'rd' });
  const rule = new Intl.PluralRules('en', { type: 'ordinal' }).select(occurrence);
  return `${name} (${occurrence}${ends[rule] || 'th'})`;
}

/** The occurrence that a neighbour is. @param {Side} side @param {Schema.Neighbour} neighbour */
function occurrenceOf(side, neighbour) {
  return /** @type {Schema.Journeys} */ (side.e.journeys).occurrences[neighbour.occurrence];
}

/** Whether a journey has occurrences of its own word; else it has other words alone.
 * @param {Schema.Journey} journey */
function hasSameWord(journey) {
  return journey.layers.some((layer) => layer.same_word.length > 0);
}

/** The shown neighbours of which a layer's majority speaks. @param {Schema.Journey} journey
 * @param {Schema.JourneyLayer} layer */
function leadingNeighbours(journey, layer) {
  return hasSameWord(journey) ? layer.same_word : layer.other_words;
}

/** The most frequent labels of these neighbours. @param {Schema.Journey} journey
 * @param {Schema.JourneyLayer} layer */
function leadingLabels(journey, layer) {
  return hasSameWord(journey)
    ? { supersense: layer.supersense, relation: layer.relation }
    : { supersense: layer.other_supersense, relation: layer.other_relation };
}

/** Supersenses in plain words, as the figures have them. */
const SENSES = new Map(
  (report.explorations || []).flatMap((e) =>
    (e.journeys?.senses || []).map(({ label, name }) => [label, name]),
  ),
);

/** A supersense in plain words: `group` for `n.GROUP`. @param {string} label */
function senseName(label) {
  return visible(SENSES.get(label) ?? label);
}

/** Relations of Universal Dependencies in plain words. @type {{[label: string]: string}} */
const RELATIONS = {
  nsubj: 'subject',
  obj: 'object',
  iobj: 'indirect object',
  obl: 'oblique',
  nmod: 'modifier of a noun',
  amod: 'adjective of a noun',
  nummod: 'number of a noun',
  advmod: 'adverb',
  compound: 'part of a compound',
  conj: 'after “and”',
  root: 'root of the sentence',
  csubj: 'clause as subject',
  ccomp: 'clause as object',
  xcomp: 'open clause',
  advcl: 'adverbial clause',
  acl: 'clause of a noun',
  appos: 'apposition',
  parataxis: 'clause beside a clause',
  vocative: 'vocative',
  flat: 'part of a name',
};

/** A relation in plain words. @param {string} label */
function relationName(label) {
  return Object.hasOwn(RELATIONS, label) ? RELATIONS[label] : visible(label);
}

/** The label of more than half of the neighbours; none if there is no such label.
 * @param {Schema.Majority | null | undefined} majority */
function clearLabel(majority) {
  return majority && majority.count * 2 > majority.of ? majority.label : null;
}

/** The kind of meaning of most neighbours, in stretches of layers.
 * @param {Schema.Journey} journey @returns {{label: string | null, from: number, to: number}[]} */
function stretches(journey) {
  /** @type {{label: string | null, from: number, to: number}[]} */
  const found = [];
  for (const layer of journey.layers) {
    const label = clearLabel(leadingLabels(journey, layer).supersense);
    const last = found.at(-1);
    if (last && last.label === label) last.to = layer.layer;
    else found.push({ label, from: layer.layer, to: layer.layer });
  }
  return found;
}

/** What a journey shows, in words; empty if nothing is annotated. @param {Schema.Journey} journey */
function journeyFinding(journey) {
  const all = stretches(journey);
  const named = all.map(({ label }) => (label === null ? 'mixed kinds' : `“${senseName(label)}”`));
  if (all.every(({ label }) => label === null)) return '';
  if (all.length === 1) return `the kind ${named[0]} at every layer`;
  const place = (/** @type {number} */ i) => {
    const { from, to } = all[i];
    if (i > 0 && i === all.length - 1) return `from layer ${from} on`;
    if (from === to) return `at layer ${from}`;
    return `at layers ${from} ${to === from + 1 ? 'and' : 'to'} ${to}`;
  };
  // Many stretches would be a list that nobody reads.
  const kept = all.length <= 3 ? all.map((_, i) => i) : [all.length - 1];
  return kept.map((i) => `${named[i]} ${place(i)}`).join(', ');
}

/** @typedef {{at: number, text: string}} Annotation a place in the list of layers, and a sentence */

/** What is said at layers of a side: of the shown word and of the curves. @type {Map<string, Annotation[]>} */
const annotations = new Map();

/** The layers at which playing pauses, with what is said there; at most three.
 * @param {Side} side @returns {Annotation[]} */
function annotationsOf(side) {
  const journey = shownJourney(side);
  const key = `${side.index} ${journey ? journey.tokens.join() : ''}`;
  let found = annotations.get(key);
  if (!found) {
    found = [turnOf(side, journey), peakOf(side), riseOf(side)].flatMap((one) => one || []);
    found.sort((a, b) => a.at - b.at);
    annotations.set(key, found);
  }
  return found;
}

/** The place of a layer of the model on a side. @param {Side} side @param {number} layer */
function placeOfLayer(side, layer) {
  return side.e.layers.findIndex((l) => l.layer === layer);
}

/** The layer at which a word's nearest occurrences change most: in kind of meaning, or else in
 * number. @param {Side} side @param {Schema.Journey | null} journey @returns {Annotation | null} */
function turnOf(side, journey) {
  if (!journey) return null;
  const word = journeyName(journey);
  const near = hasSameWord(journey) ? `nearest occurrences of ${word}` : `nearest words to ${word}`;
  const all = stretches(journey).filter(({ label }) => label !== null);
  const turn = all.findIndex(({ label }, i) => i > 0 && label !== all[i - 1].label);
  if (turn > 0) {
    const [before, now] = [all[turn - 1], all[turn]].map(({ label }) => senseName(label || ''));
    const text = `Most of the ${near} are now “${now}”; before, they were “${before}”.`;
    return { at: placeOfLayer(side, all[turn].from), text };
  }
  const fresh = journey.layers.map((layer, i) => {
    if (i === 0) return 0;
    const known = leadingNeighbours(journey, journey.layers[i - 1]).map((n) => n.occurrence);
    return leadingNeighbours(journey, layer).filter((n) => !known.includes(n.occurrence)).length;
  });
  const most = Math.max(...fresh);
  const at = fresh.indexOf(most);
  if (!(most > 0)) return null;
  const of = leadingNeighbours(journey, journey.layers[at]).length;
  return { at, text: `${most} of the ${of} ${near} are new.` };
}

/** The layer at which grammar is highest, if that is inside. @param {Side} side
 * @returns {Annotation | null} */
function peakOf(side) {
  const layers = storyLayers(side);
  const values = curveOf(layers, 'grammar').map((mean) => mean?.value ?? -Infinity);
  const peak = values.indexOf(Math.max(...values));
  if (!(peak > 0) || peak === layers.length - 1) return null;
  const at = placeOfLayer(side, layers[peak].layer);
  if (at < 0) return null;
  const text = `Grammar has its highest value, ${shareText(values[peak])}.`;
  return { at, text };
}

/** The layer with the largest rise of the sentence curve. @param {Side} side
 * @returns {Annotation | null} */
function riseOf(side) {
  const layers = storyLayers(side);
  const values = curveOf(layers, 'sentence').map((mean) => mean?.value ?? NaN);
  const rises = values.map((value, i) => (i > 0 ? value - values[i - 1] || 0 : 0));
  const most = Math.max(...rises, 0);
  if (!(most > 0)) return null;
  const i = rises.indexOf(most);
  const at = placeOfLayer(side, layers[i].layer);
  if (at < 0) return null;
  const text = `Sentence has its largest rise, from ${shareText(values[i - 1])} to ${shareText(values[i])}.`;
  return { at, text };
}
