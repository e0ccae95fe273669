// Colours that colour-blind readers can distinguish: viridis for sizes, blue to red for signed
// values, Okabe and Ito's with shapes for categories.

const VIRIDIS = [
  '440154',
  '48186a',
  '472d7b',
  '424086',
  '3b528b',
  '33638d',
  '2c728e',
  '26828e',
  '21918c',
  '1fa088',
  '28ae80',
  '3fbc73',
  '5ec962',
  '84d44b',
  'addc30',
  'd8e219',
  'fde725',
];
/** ColorBrewer's RdBu (Brewer 2013), and colours that take its place on a dark page. */
const SIGNED = [
  '053061',
  '2166ac',
  '4393c3',
  '92c5de',
  'd1e5f0',
  'f7f7f7',
  'fddbc7',
  'f4a582',
  'd6604d',
  'b2182b',
  '67001f',
];
const SIGNED_DARK = ['8ec7ff', '3c7fc0', '2a2f38', 'c2543f', 'ffb59a'];
/** Categories in the order that figures have. */
const OKABE_ITO = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00', '#8c7a00'];

/** The choices for the colour of points: key and label. @type {[string, string][]} */
const COLOURS = [
  ['position', 'place in its text'],
  ['sentence', 'text'],
  ['third', 'third component'],
  ['similar', 'similarity to the chosen token'],
];

/** Colours of the page, from its style sheet. */
const theme = { ink: '', muted: '', rule: '', paper: '', accent: '', dark: false };

function readTheme() {
  // The colour of an element is the one that the browser chose for light or dark.
  const probe = document.body.appendChild(el('i'));
  for (const name of /** @type {const} */ (['ink', 'muted', 'rule', 'paper', 'accent'])) {
    probe.style.color = `var(--${name})`;
    theme[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  theme.dark = inkOn(theme.paper) === '#ffffff';
  ramps.clear();
}

/** @param {string} hex @returns {number[]} */
function rgb(hex) {
  const digits = hex.replace('#', '');
  return [0, 2, 4].map((i) => parseInt(digits.slice(i, i + 2), 16));
}

/** 256 colours through some stops. @param {string[]} stops */
function ramp(stops) {
  const known = stops.map(rgb);
  return Array.from({ length: 256 }, (_, i) => {
    const at = (i / 255) * (known.length - 1);
    const from = Math.min(Math.floor(at), known.length - 2);
    const mixed = known[from].map((c, k) => Math.round(c + (known[from + 1][k] - c) * (at - from)));
    return `rgb(${mixed.join(',')})`;
  });
}

/** @type {Map<string, string[]>} */
const ramps = new Map();

/** @param {boolean} signed */
function colours(signed) {
  const key = signed ? 'signed' : 'size';
  let found = ramps.get(key);
  if (!found) {
    found = ramp(signed ? (theme.dark ? SIGNED_DARK : SIGNED) : VIRIDIS);
    ramps.set(key, found);
  }
  return found;
}

/** @param {number | null} value @param {Scale} scale */
function colourOf(value, scale) {
  if (value === null || Number.isNaN(value)) return theme.rule;
  const share = (value - scale.low) / (scale.high - scale.low || 1);
  return colours(scale.signed)[Math.round(255 * Math.min(1, Math.max(0, share)))];
}

/** Black or white, whichever is more readable on a colour. @param {string} colour `rgb(…)` or `#…` */
function inkOn(colour) {
  const parts = colour.startsWith('#') ? rgb(colour) : (colour.match(/\d+/g) || []).map(Number);
  const [r, g, b] = parts.map((c) => (c / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? '#000000' : '#ffffff';
}
