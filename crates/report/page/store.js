// The state of the page, its link in the address, and the loop that draws.

/** @type {State} */
const state = {
  depth: 0,
  playing: false,
  selected: null,
  hover: null,
  pinned: [],
  map: 'trajectory',
  turn: 0,
  colour: 'position',
  head: 'mean',
  shade: 'similar',
  trails: true,
  ghost: true,
  metric: 'cosine',
  words: false,
  special: true,
  controls: false,
  open: false,
  theme: 0,
};

/** All panels of the page. @type {Panel[]} */
const panels = [];

const calm = matchMedia('(prefers-reduced-motion: reduce)');
/** Milliseconds from one layer to the next, and at most through all layers. */
const [STEP, ALL_STEPS] = [900, 12000];
/** Milliseconds that playing pauses where something is said, to be read. */
const READING = 3200;

let waiting = false;
let before = 0;
/** Until when playing pauses. */
let resting = 0;

/** Changes the state; the page follows in the next frame. @param {Partial<State>} change */
function set(change) {
  Object.assign(state, change);
  if ('depth' in change || 'playing' in change || !('hover' in change)) writeLink();
  wake();
}

function wake() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(frame);
}

/** @param {number} now */
function frame(now) {
  waiting = false;
  if (state.playing) advance(now);
  for (const panel of panels) panel.update();
  if (state.playing) wake();
  else before = 0;
}

/** @param {number} now */
function advance(now) {
  const last = sides[0].last;
  const step = Math.min(STEP, ALL_STEPS / Math.max(1, last));
  const from = state.depth;
  if (now < resting) {
    before = now;
    return;
  }
  if (calm.matches) {
    // Without animation: one layer after another.
    if (before && now - before < step) return;
    if (before) state.depth = Math.min(Math.round(from) + 1, last);
  } else {
    state.depth = Math.min(from + (before ? Math.min(now - before, 100) / step : 0), last);
  }
  before = now;
  const stop = annotationsOf(sides[0]).find(({ at }) => at > from && at <= state.depth);
  if (stop) {
    state.depth = stop.at;
    resting = now + READING;
  }
  if (state.depth >= last) state.playing = false;
  if (!state.playing || Math.round(state.depth) !== Math.round(from)) writeLink();
}

function play() {
  const atEnd = state.depth >= sides[0].last;
  set({ playing: !state.playing, depth: atEnd && !state.playing ? 0 : state.depth });
  before = 0;
  resting = 0;
}

/** The depth of a side. Sides of different depth move by their share of the whole. @param {Side} side */
function depthOf(side) {
  return sides[0].last > 0 ? (state.depth * side.last) / sides[0].last : 0;
}

/** The nearest layer, by its place in the list. @param {Side} side */
function layerAt(side) {
  return Math.round(depthOf(side));
}

/** @param {Side} side @param {number} layer by its place in the list */
function goTo(side, layer) {
  set({ depth: side.last > 0 ? (layer * sides[0].last) / side.last : 0, playing: false });
}

/** The place of a place's word on another side. @param {Place | null} place @param {number} side */
function onSide(place, side) {
  if (!place || place.side === side) return place ? place.token : null;
  if (side === BOTH) return place.side ? sides[0].n + place.token : place.token;
  const pair = (report.aligned || []).find((p) => p[place.side] === place.token);
  return pair ? pair[side] : null;
}

/** @param {number} side @param {number} token */
function select(side, token) {
  const own = ownPlace(side, token);
  const place = { ...own, token: withSimilarities(sides[own.side], own.token) };
  const now = state.selected;
  const same = now && now.side === place.side && now.token === place.token;
  set({ selected: same ? null : place });
}

/** @param {number} side @param {number} token */
function pin(side, token) {
  const place = ownPlace(side, token);
  const rest = state.pinned.filter((p) => p.side !== place.side || p.token !== place.token);
  const pinned = rest.length < state.pinned.length ? rest : [...rest, place];
  set({ pinned });
}

/** The token that panels are about: the one under the pointer, or else the chosen one.
 * @param {Side} side */
function focusOf(side) {
  return onSide(state.hover, side.index) ?? onSide(state.selected, side.index);
}

/** @param {Side} side @returns {number[]} */
function pinnedOf(side) {
  if (side.index !== BOTH) return state.pinned.flatMap((p) => onSide(p, side.index) ?? []);
  // The word that corresponds to the chosen one is marked too.
  const focus = state.hover || state.selected;
  const places = focus ? [...state.pinned, focus] : state.pinned;
  return places.flatMap((p) =>
    [0, 1].flatMap((s) => {
      const token = onSide(p, s);
      return token === null ? [] : (onSide({ side: s, token }, BOTH) ?? []);
    }),
  );
}

let writing = 0;
function writeLink() {
  clearTimeout(writing);
  writing = window.setTimeout(() => {
    const place = (/** @type {Place} */ p) => (p.side ? `${p.token}b` : `${p.token}`);
    const parts = [`layer=${Math.round(state.depth)}`];
    if (state.selected) parts.push(`token=${place(state.selected)}`);
    if (state.pinned.length) parts.push(`pin=${state.pinned.map(place).join('.')}`);
    if (state.map !== 'trajectory') parts.push(`map=${state.map}`);
    if (state.turn) parts.push(`turn=${state.turn}`);
    if (state.colour !== firstColour()) parts.push(`colour=${encodeURIComponent(state.colour)}`);
    if (state.shade !== 'similar') parts.push(`shade=${state.shade}`);
    if (state.head !== 'mean') parts.push(`head=${state.head}`);
    if (state.metric !== firstMetric()) parts.push(`metric=${state.metric}`);
    if (state.words) parts.push('words=1');
    if (!state.special) parts.push('special=0');
    if (state.controls) parts.push('controls=1');
    if (state.open) parts.push('more=1');
    // An embedded page may not change its address.
    try {
      history.replaceState(null, '', `#${parts.join('&')}`);
    } catch {
      /* no link then */
    }
  }, 200);
}

/** The measure that the page begins with. The mean of two or three tokens makes them opposites.
 * @returns {Metric} */
function firstMetric() {
  const { metrics, e } = sides[0];
  const ordinary = e.tokens.filter((t) => !t.special).length;
  return (hasStory() || hasMedia()) && ordinary > 3 && metrics.includes('centred')
    ? 'centred'
    : metrics[0] || 'cosine';
}

/** Reads the state from the address; ignores what the page does not have. */
function readLink() {
  const asked = new URLSearchParams(location.hash.slice(1));
  /** @param {string} text @returns {Place[]} */
  const place = (text) => {
    const [, token, b] = /^(\d{1,7})(b?)$/.exec(text) || [];
    const side = b ? 1 : 0;
    if (!token || !(Number(token) < (sides[side]?.n || 0))) return [];
    return [{ side, token: withSimilarities(sides[side], Number(token)) }];
  };
  const depth = Number(asked.get('layer'));
  const turn = Number(asked.get('turn'));
  const metric = /** @type {Metric} */ (asked.get('metric'));
  const colour = asked.get('colour') || '';
  const head = asked.get('head') || '';
  Object.assign(state, {
    depth: depth >= 0 && depth <= sides[0].last ? depth : 0,
    selected: place(asked.get('token') || '')[0] || null,
    pinned: (asked.get('pin') || '').split('.').flatMap(place),
    map: asked.get('map') === 'tsne' && sides[0].e.tsne ? 'tsne' : 'trajectory',
    turn: Math.abs(turn) <= 90 ? turn : 0,
    colour: coloursOf(sides[0]).some(([name]) => name === colour) ? colour : firstColour(),
    head: [...headsOf(sides[0]), ...firstHeadsOf(sides[0])].some(([name]) => name === head)
      ? head
      : 'mean',
    shade: shadesOf(sides[0]).find(([key]) => key === asked.get('shade'))?.[0] || 'similar',
    metric: sides[0].metrics.includes(metric) ? metric : firstMetric(),
    words: asked.get('words') === '1',
    special: asked.get('special') !== '0',
    controls: asked.get('controls') === '1',
    open: asked.get('more') === '1',
  });
  if (!sides[0].e.trajectory && sides[0].e.tsne) state.map = 'tsne';
}
