// Text and numbers for display. Tokens may contain anything: invisible characters, and characters
// that change the direction of text, are shown as codes.

const LONGEST = 24;
const UNSEEN = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** @param {string} text */
function visible(text) {
  return text.replace(UNSEEN, (c) => {
    const code = (c.codePointAt(0) || 0).toString(16).toUpperCase().padStart(4, '0');
    return `‹${code}›`;
  });
}

/** Text for a label: visible, and not long. @param {string} text @param {number} [longest] */
function shortText(text, longest = LONGEST) {
  // Only the beginning of a very long text is used.
  const points = [...text.slice(0, 4 * longest)];
  const cut = points.length > longest || text.length > 4 * longest;
  const shown = visible(points.slice(0, cut ? longest - 1 : longest).join(''));
  // As on paper: spaces at the ends are part of a token.
  const spaced = shown.replace(/^ +| +$/g, (spaces) => '␣'.repeat(spaces.length));
  return (spaced || '(empty)') + (cut ? '…' : '');
}

/** Marks a token that stands for letters that the vocabulary does not have. */
const UNKNOWN = '\ufffd';
const UNKNOWN_TITLE = 'an unknown token: the vocabulary does not have these letters';

/** The direction in which a text is read: that of its first letter. @param {string} text */
function directionOf(text) {
  const [first = ''] = /\p{L}/u.exec(text) || [];
  return LEFTWARD.test(first) ? 'rtl' : 'ltr';
}

const LEFTWARD = /[\p{sc=Arab}\p{sc=Hebr}\p{sc=Syrc}\p{sc=Thaa}\p{sc=Nkoo}]/u;

/** A name in quotation marks. Letters that run to the left do not turn what stands around them.
 * @param {string} name */
function quoted(name) {
  return LEFTWARD.test(name) ? `“\u2068${name}\u2069”` : `“${name}”`;
}

/** Names of which those that come again in their text are numbered.
 * @param {[number, string][]} names */
function numbered(names) {
  /** @type {Map<string, number>} */
  const seen = new Map();
  return names.map(([text, name]) => {
    const key = `${text} ${name}`;
    const count = (seen.get(key) || 0) + 1;
    seen.set(key, count);
    // As on paper: after letters that run to the left, a number would stand before them.
    return count > 1 && !LEFTWARD.test(name) ? `${name} (${count})` : name;
  });
}

/** What the rows of an exploration are called: one, several, and what they are parts of.
 * @type {{[unit: string]: {one: string, many: string, input: string}}} */
const UNITS = {
  token: { one: 'token', many: 'tokens', input: 'text' },
  word: { one: 'word', many: 'words', input: 'text' },
  sentence: { one: 'sentence', many: 'sentences', input: 'text' },
  patch: { one: 'patch', many: 'patches', input: 'image' },
  frame: { one: 'frame', many: 'frames', input: 'sound' },
};

/** @param {Side} side */
function unitWords({ e }) {
  return Object.hasOwn(UNITS, e.unit) ? UNITS[e.unit] : UNITS.token;
}

/** A text about tokens, in the words of the exploration. @param {Side} side @param {string} text */
function ofUnit(side, text) {
  const { one, many, input } = unitWords(side);
  return input === 'text'
    ? text
    : text
        .replace(/(?<![Ss]pecial )\btokens\b/g, many)
        .replace(/(?<![Ss]pecial )\btoken\b/g, one)
        .replace(/\btext\b/g, input)
        .replace(/\btexts\b/g, `${input}s`);
}

/** A text with a capital at its beginning. @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A number to three or four digits; a dash where it is not defined.
 * @param {number | null | undefined} value */
function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e5 || size < 5e-4)) return value.toExponential(2).replace(/-/g, '−');
  const digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3;
  return value.toFixed(digits).replace('-', '−');
}

/** A share to three decimals. @param {number} value */
function shareText(value) {
  return (Math.abs(value) < 5e-4 ? 0 : value).toFixed(3).replace('-', '−');
}

/** @param {number | null | undefined} value */
function percent(value) {
  return value === null || value === undefined ? '–' : `${(100 * value).toFixed(1)} %`;
}

/** An element with properties, attributes and children: the only way that the page makes any.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {{[name: string]: unknown}} [properties] a function is an event's, a boolean or string an
 *   attribute's
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]} */
function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === 'function') {
      element.addEventListener(name, /** @type {EventListener} */ (value));
    } else if (value === true) {
      element.setAttribute(name, '');
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, String(value));
    }
  }
  element.append(...children);
  return element;
}

/** @param {number} layer */
function layerName(layer) {
  return layer === 0 ? 'layer 0 (embedding)' : `layer ${layer}`;
}

/** The layers of an exploration in words. @param {Exploration} e */
function layersOf(e) {
  const n = e.layers.filter(({ layer }) => layer > 0).length;
  const layers = `${n} ${n === 1 ? 'layer' : 'layers'}`;
  return n < e.layers.length ? `${layers} and the embeddings` : layers;
}

/** The last part of a path or id. @param {string} model */
function modelName(model) {
  const parts = model.split(/[/\\]/).filter((part) => part);
  return visible(/^[./]/.test(model) ? parts[parts.length - 1] || model : model);
}
