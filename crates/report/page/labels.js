// Labels of tokens, which an annotated file brings: their names, values and colours.

/** More values than this share the last colour. */
const MAX_VALUES = 8;

/** @type {{[name: string]: string}} */
const LABELS = {
  upos: 'part of speech',
  deprel: 'syntactic relation',
  xpos: 'part of speech of the corpus',
};

/** What tokens can be coloured by: key and label. @param {Side} side @returns {[string, string][]} */
function coloursOf(side) {
  const known = COLOURS.filter(
    ([name]) =>
      (name !== 'sentence' || side.e.texts.length > 1) &&
      (name !== 'third' || side.e.layers[0].trajectory?.third) &&
      (name !== 'similar' || side.metrics.length > 0),
  );
  const named = known.map(([name, title]) => pair(name, ofUnit(side, title)));
  return [...labelsOf(side).map(({ name }) => pair(name, labelTitle(name))), ...named];
}

/** @param {string} key @param {string} name @returns {[string, string]} */
const pair = (key, name) => [key, name];

/** @param {Side} side */
function labelsOf(side) {
  return side.e.labels || [];
}

/** The colour that a page begins with: of the first label, where there are labels. */
function firstColour() {
  const [side] = sides;
  if (side.cells.some((cells) => cells.pictured) && side.metrics.length > 0) return 'similar';
  return labelsOf(sides[0])[0]?.name || (hasOneMap() ? 'sentence' : 'position');
}

/** @param {Side} side */
function colourChoice(side) {
  const choose = (/** @type {string} */ colour) => set({ colour });
  return choice('Colour by', coloursOf(side), () => state.colour, choose);
}

/** The name of a label for readers. @param {string} name */
function labelTitle(name) {
  return Object.hasOwn(LABELS, name) ? `${LABELS[name]} (${name})` : visible(name);
}

/** The label that tokens are coloured by; null if they are coloured by something else.
 * @param {Side} side */
function shownLabel(side) {
  return labelsOf(side).find(({ name }) => name === state.colour) || null;
}

/** The rank of a unit's value, which is that of its first token with a label; null without one.
 * @param {Schema.Label} label @param {Unit} unit */
function rankOf(label, unit) {
  return unit.tokens.map((t) => label.of_tokens[t]).find((rank) => rank !== null) ?? null;
}

/** The value of a unit. @param {Schema.Label} label @param {Unit} unit */
function valueOf(label, unit) {
  const rank = rankOf(label, unit);
  return rank === null ? null : label.values[rank];
}

/** Colour and shape of a value; hollow without one. @param {number | null} rank */
function lookOfRank(rank) {
  if (rank === null) return { colour: '', shape: 0 };
  if (rank >= MAX_VALUES) return { colour: theme.muted, shape: 0 };
  return { colour: OKABE_ITO[rank] || theme.ink, shape: rank };
}

/** What the colours of a label mean; numbers count tokens. @param {Schema.Label} label
 * @returns {LegendEntry[]} */
function labelLegend(label) {
  const counts = label.values.map(() => 0);
  label.of_tokens.forEach((rank) => {
    if (rank !== null) counts[rank] += 1;
  });
  const entries = label.values.slice(0, MAX_VALUES).map((value, rank) => {
    const plain = label.name === 'deprel' && Object.hasOwn(RELATIONS, value);
    const name = plain ? `${value}: ${RELATIONS[value]}` : shortText(value, 40);
    return { name: `${name} (${counts[rank]})`, ...lookOfRank(rank) };
  });
  const rest = counts.slice(MAX_VALUES);
  if (rest.length) {
    const sum = rest.reduce((a, b) => a + b, 0);
    const name = `${rest.length} other ${rest.length === 1 ? 'value' : 'values'} (${sum})`;
    entries.push({ name, ...lookOfRank(MAX_VALUES) });
  }
  if (label.of_tokens.includes(null)) entries.push({ name: 'no label', ...lookOfRank(null) });
  return entries;
}

/** All labels of a unit in words. @param {Side} side @param {Unit} unit */
function labelText(side, unit) {
  const known = labelsOf(side).flatMap((label) => {
    const value = valueOf(label, unit);
    return value === null ? [] : `${labelTitle(label.name)} ${shortText(value, 60)}`;
  });
  return known.length ? `${quoted(unit.name)}: ${known.join(', ')}.` : '';
}
