// What the colours over pictures say: similarity to a cell, principal components, attention.

/** The colours of one layer. @typedef {{
 *   colour: (token: number) => string,
 *   text: (token: number) => string,
 *   value: (token: number) => number | null,
 *   scale: Scale | null,
 * }} LayerShade */

/** The part of the values of a component that are stretched over the whole colour; the rest is at its
 * ends. */
const STRETCHED = 0.96;

/** What a picture can be coloured by: key and name. @param {Side} side @returns {[Shade, string][]} */
function shadesOf(side) {
  const { e } = side;
  const [cells] = side.cells;
  if (!cells) return [];
  const first = e.tokens.find((t) => t.sentence === e.tokens[cells.first].sentence);
  /** @type {[Shade, string, boolean][]} */
  const all = [
    ['similar', `similarity to the chosen ${cells.noun}`, side.metrics.length > 0],
    ['components', 'principal components 1 to 3', !!e.layers[0].trajectory?.third],
    [
      'first',
      `attention of ${shortText(first?.text || '')}`,
      e.layers.some((layer) => layer.from_first),
    ],
    ['chosen', `attention of the chosen ${cells.noun}`, !!e.attention],
  ];
  return all.flatMap(([key, name, known]) => (known ? [[key, name]] : []));
}

/** What the pictures of a side are coloured by: what the state asks for, if there is data for it.
 * @param {Side} side @returns {Shade} */
function shadeOf(side) {
  const known = shadesOf(side);
  return (known.find(([key]) => key === state.shade) || known[0] || ['similar'])[0];
}

/** The name of what the pictures are coloured by. @param {Side} side */
function shadeName(side) {
  const shade = shadeOf(side);
  const name = shadesOf(side).find(([key]) => key === shade)?.[1] || '';
  return shade === 'similar'
    ? `${METRICS[state.metric]} to the chosen ${side.cells[0].noun}`
    : name;
}

/** What the colours mean, in words. @param {Side} side */
function shadeNote(side) {
  const [{ noun, rows }] = side.cells;
  const own = `the ${rows > 1 ? 'framed' : 'marked'} ${noun}`;
  const ends = ['yellow', 'violet'];
  if (shadeOf(side) !== 'similar')
    return `${capital(ends[0])}: much attention; ${ends[1]}: little. Each layer has its own scale.`;
  if (state.metric === 'euclidean')
    return `${capital(ends[1])}: near to ${own}; ${ends[0]}: far. All layers share the scale.`;
  if (state.metric === 'cosine')
    return `${capital(ends[0])}: similar to ${own}; ${ends[1]}: not similar. All layers share the scale.`;
  return `${theme.dark ? 'Orange' : 'Red'}: similar to ${own}; ${theme.dark ? 'dark' : 'white'}: 0, unrelated; blue: on the other side of the mean. All layers share the scale.`;
}

/** The heads of the attention of the first token: key and name. @param {Side} side
 * @returns {[string, string][]} */
function firstHeadsOf(side) {
  const count = side.e.layers.find((layer) => layer.from_first)?.from_first?.length || 0;
  const heads = Array.from({ length: count }, (_, h) => pair(String(h), `head ${h}`));
  return count === 1 ? [pair('mean', 'mean of heads')] : [pair('mean', 'mean of heads'), ...heads];
}

/** Whether there is anything to colour at a layer. @param {Side} side @param {number} layer */
function isShaded(side, layer) {
  const { trajectory, from_first, attention } = side.e.layers[layer];
  const shade = shadeOf(side);
  if (shade === 'components') return !!trajectory?.third;
  if (shade === 'first') return !!from_first;
  return shade === 'chosen' ? !!attention : side.metrics.length > 0;
}

/** The colours of a layer, for a chosen cell; none if there is nothing to colour, or no cell is
 * chosen. @param {Side} side @param {number} layer @param {number | null} source
 * @returns {LayerShade | null} */
function shadeAt(side, layer, source) {
  if (!isShaded(side, layer)) return null;
  const shade = shadeOf(side);
  if (shade === 'components') return componentShade(side, layer);
  if (shade === 'first') {
    const heads = side.e.layers[layer].from_first || [];
    const chosen = firstHeadsOf(side).some(([key]) => key === state.head) ? state.head : 'mean';
    const used = chosen === 'mean' ? heads : [heads[Number(chosen)]];
    const weight = (/** @type {number} */ token) =>
      used.reduce((sum, weights) => sum + weights[token], 0) / used.length / 1e5;
    return weightShade(side, weight);
  }
  if (source === null) return null;
  if (shade === 'chosen') {
    const { tokens, weights } = attentionFrom(side, layer, source);
    const of = new Map(tokens.map((token, i) => [token, weights[i]]));
    return of.size ? weightShade(side, (token) => of.get(token) ?? null) : null;
  }
  const scale = side.scale(state.metric);
  const value = (/** @type {number} */ token) => side.cell(layer, state.metric, source, token);
  return {
    value,
    scale,
    colour: (token) => colourOf(value(token), scale),
    text: (token) => `${METRICS[state.metric]} ${number(value(token))}`,
  };
}

/** Colours of attention, from 0 to the largest weight of the layer. @param {Side} side
 * @param {(token: number) => number | null} value @returns {LayerShade} */
function weightShade(side, value) {
  const high = Math.max(...cellTokens(side).map((token) => value(token) ?? 0), 1e-5);
  const scale = { low: 0, high, signed: false };
  return {
    value,
    scale,
    colour: (token) => colourOf(value(token), scale),
    text: (token) => `attention ${number(value(token))}`,
  };
}

/** Three components as red, green and blue, each stretched over the cells of the layer.
 * @param {Side} side @param {number} layer @returns {LayerShade} */
function componentShade(side, layer) {
  const { points = [], third } = side.e.layers[layer].trajectory || {};
  const rows = side.e.trajectory?.rows || [];
  /** @type {Map<number, number[]>} */
  const of = new Map(rows.map((token, i) => [token, [...points[i], third?.[i] ?? 0]]));
  const ends = [0, 1, 2].map((k) => {
    const values = cellTokens(side).flatMap((token) => of.get(token)?.[k] ?? []);
    values.sort((a, b) => a - b);
    const cut = Math.floor(((1 - STRETCHED) / 2) * values.length);
    return [values[cut] ?? 0, values[values.length - 1 - cut] ?? 0];
  });
  const share = (/** @type {number} */ value, /** @type {number[]} */ [low, high]) =>
    Math.min(1, Math.max(0, (value - low) / (high - low || 1)));
  return {
    value: () => null,
    scale: null,
    colour: (token) => {
      const at = of.get(token);
      if (!at) return theme.rule;
      return `rgb(${at.map((v, k) => Math.round(30 + 215 * share(v, ends[k]))).join(',')})`;
    },
    text: (token) => `components ${(of.get(token) || [NaN, NaN, NaN]).map(number).join(', ')}`,
  };
}

/** What the colours of components mean. @param {Side} side @returns {LegendEntry[]} */
function componentLegend({ e }) {
  const shares = [...(e.trajectory?.share_of_variance || []), e.trajectory?.third_share];
  return ['red', 'green', 'blue'].map((name, k) => ({
    name: `${name}: component ${k + 1}${shares[k] === undefined ? '' : ` (${percent(shares[k])} of the variance)`}`,
    colour: ['rgb(225,40,40)', 'rgb(30,150,60)', 'rgb(50,80,235)'][k],
    shape: 1,
  }));
}
