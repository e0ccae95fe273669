// Builds the page: head, slider, panels, keys.

/** The slider that all panels follow: above them, or where the strip is, at the edge of the window
 * while the strip is out of sight. */
class Scrubber {
  constructor() {
    const { layers } = sides[0].e;
    this.slider = el('input', {
      type: 'range',
      id: 'layer',
      min: 0,
      max: layers.length - 1,
      step: 'any',
      'aria-label': 'Layer',
      input: () => set({ depth: Number(this.slider.value), playing: false }),
      // Released between two layers, it moves to the nearer one.
      change: () => set({ depth: Math.round(Number(this.slider.value)) }),
    });
    this.button = el('button', { type: 'button', class: 'primary play', click: play }, 'Play');
    this.text = el('output', { for: 'layer', class: 'now' });
    this.said = el('p', { class: 'away', 'aria-live': 'polite' });
    this.root = el(
      'div',
      { id: 'depth', class: 'depth', role: 'region', 'aria-label': 'Depth' },
      this.button,
      this.slider,
      this.text,
      this.said,
    );
    this.shown = '';
  }

  /** Shows the slider only while a panel is out of sight. @param {HTMLElement} panel */
  standInFor(panel) {
    this.root.classList.add('floating');
    this.root.hidden = true;
    new IntersectionObserver((entries) => {
      this.root.hidden = entries[entries.length - 1].isIntersecting;
    }).observe(panel);
  }

  update() {
    if (Number(this.slider.value) !== state.depth) this.slider.value = String(state.depth);
    const names = sides.map(
      (side) =>
        `${layerName(side.e.layers[layerAt(side)].layer)} of ${side.e.layers[side.last].layer}`,
    );
    const text = new Set(names).size > 1 ? `A: ${names[0]}, B: ${names[1]}` : names[0];
    if (text !== this.shown) {
      this.shown = text;
      this.text.textContent = text;
      this.slider.setAttribute('aria-valuetext', text);
      if (!state.playing) this.said.textContent = text;
    }
    const name = state.playing ? 'Pause' : 'Play';
    if (this.button.textContent !== name) this.button.textContent = name;
  }
}

/** @param {string} theme */
function useTheme(theme) {
  document.documentElement.dataset.theme = theme;
  readTheme();
  set({ theme: state.theme + 1 });
}

function nextMap() {
  if (sides[0].e.tsne && sides[0].e.trajectory)
    set({ map: state.map === 'tsne' ? 'trajectory' : 'tsne' });
}

/** @param {() => void} help @param {() => void} find */
function listenToKeys(help, find) {
  document.addEventListener('keydown', (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const typing =
      /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) &&
      !['checkbox'].includes(/** @type {HTMLInputElement} */ (target).type);
    const scrubbing = target.id === 'layer';
    if (
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      document.querySelector('dialog[open]:not(.tour)')
    )
      return;
    if (typing && !scrubbing) return;
    const pressing =
      target.tagName === 'BUTTON' ||
      target.tagName === 'SUMMARY' ||
      target.tagName === 'A' ||
      (target.tagName === 'INPUT' && !scrubbing);
    const layer = Math.round(state.depth);
    const last = sides[0]?.last ?? 0;
    const chosen = state.selected || state.hover;
    /** @type {{[key: string]: () => void}} */
    const keys = {
      ArrowRight: () => set({ depth: Math.min(layer + 1, last), playing: false }),
      ArrowLeft: () => set({ depth: Math.max(layer - 1, 0), playing: false }),
      Home: () => set({ depth: 0, playing: false }),
      End: () => set({ depth: last, playing: false }),
      ' ': play,
      p: () => {
        if (chosen) pin(chosen.side, chosen.token);
      },
      w: () => set({ words: !state.words }),
      m: nextMap,
      '/': find,
      '?': help,
      Escape: () => {
        /** @type {HTMLDialogElement | null} */
        const tour = document.querySelector('dialog.tour[open]');
        if (tour) tour.close();
        else set({ selected: null, hover: null });
      },
    };
    const needsText = !sides.length && event.key !== '?';
    if (!(event.key in keys) || needsText || (event.key === ' ' && pressing)) return;
    event.preventDefault();
    keys[event.key]();
  });
}

/** @typedef {{id: string, title: string, panels: Panel[]}} Group */

/** The panels of the report, in order, in groups. @returns {Group[]} */
function groups() {
  const each = (/** @type {(side: Side) => Panel | null} */ make) =>
    sides.flatMap((side) => make(side) || []);
  // Two texts in one model have one strip.
  const strips = report.one_basis ? sides.slice(0, 1) : sides;
  const inputs = each(inputPanel);
  const [{ many = '' } = {}] = sides.map(unitWords);
  const maps = hasOneMap()
    ? report.explorations.some((e) => e.trajectory || e.tsne)
      ? [new BothPanel()]
      : []
    : each((side) => (side.e.trajectory || side.e.tsne ? new MapPanel(side) : null));
  const hasNeighbours = (/** @type {Side} */ side) =>
    side.metrics.length > 0 || side.e.layers[0].neighbours;
  const hasPairs = (/** @type {Side} */ side) => side.hasPairs && side.metrics.length > 0;
  const isFirst = (/** @type {Schema.Chart} */ { id }) =>
    report.kind === 'compare' && id === 'journeys';
  const isLens = (/** @type {Schema.Chart} */ { id }) => report.kind === 'explore' && id === 'lens';
  const drawn = (/** @type {(chart: Schema.Chart) => boolean} */ which) =>
    report.charts.filter(which).flatMap((chart) => chartPanel(chart) || []);
  return [
    {
      id: 'story',
      title: '',
      panels: [
        ...(report.overlay ? [new OverlayPanel()] : []),
        ...(report.contexts ? [new ContextsPanel(report.contexts)] : []),
        ...strips.flatMap((side) => (storyLayers(side).length > 1 ? new StripPanel(side) : [])),
        ...each((side) => (journeysOf(side).length > 0 ? new JourneyPanel(side) : null)),
        ...drawn(isFirst),
      ],
    },
    { id: 'input', title: '', panels: hasMedia() ? inputs : [] },
    {
      id: 'look',
      title: `The ${hasMedia() ? many : 'text'}, layer by layer`,
      panels: [
        ...(hasMedia() ? [] : inputs),
        ...maps,
        ...each((side) => (hasPairs(side) ? new SimilarityPanel(side) : null)),
        ...each((side) => (side.metrics.length > 0 ? new TokenPanel(side) : null)),
        ...each((side) => (hasNeighbours(side) ? new NeighboursPanel(side) : null)),
        ...(sides.length > 1 && sides.every(hasPairs) ? [new DifferencePanel()] : []),
      ],
    },
    { id: 'predicted', title: 'What each layer would predict', panels: drawn(isLens) },
    {
      id: 'charts',
      title: sides.length && !hasFirstScreen() ? 'By layer' : '',
      panels: [
        ...each((side) => (side.e.attention ? new AttentionPanel(side) : null)),
        ...drawn((chart) => !isFirst(chart) && !isLens(chart)),
      ],
    },
    { id: 'made', title: '', panels: [...each(omittedPanel), new AboutPanel()] },
  ].filter((group) => group.panels.length > 0);
}

/** A group of panels. @param {Group} group */
function section({ id, title, panels: all }) {
  const five = id === 'look' && all.length === (hasMedia() ? 4 : 5);
  const look = sides.length > 1 ? ' pair' : five ? ' five' : '';
  return el(
    'section',
    { id, class: 'group', ...(title ? { 'aria-label': title } : {}) },
    ...(title ? [el('h2', { class: 'heading' }, title)] : []),
    el('div', { class: `grid${look}` }, ...all.map((panel) => panel.mount())),
  );
}

/** The groups that a learner does not need, folded. @param {HTMLElement[]} sections @param {number} count */
function folded(sections, count) {
  const fold = el(
    'details',
    { id: 'researchers', class: 'fold', toggle: () => set({ open: fold.open }) },
    el('summary', {}, el('h2', { class: 'heading' }, `For researchers: ${count} more panels`)),
    ...sections,
  );
  fold.open = state.open;
  return fold;
}

function unfold() {
  const fold = document.getElementById('researchers');
  if (fold instanceof HTMLDetailsElement) fold.open = true;
}

/** The numbers of a model and a text, in a line. @param {Side} side */
function factsOf(side) {
  const { e } = side;
  const bank = e.story?.bank;
  const measured = bank
    ? [`measured on ${bank.sentences.toLocaleString('en')} sentences, 95 % intervals`]
    : [];
  const name = modelName(e.model);
  const short = bank ? name.replace(/^.*\/| \(.*\)$/g, '') : name;
  return [short, layersOf(e), countOf(side), ...measured].join(' · ');
}

/** How many tokens a side has; of images and sounds how many cells have content. @param {Side} side */
function countOf(side) {
  const { e, n, cells } = side;
  if (!cells.length) return `${n} ${e.unit}s`;
  const { many, input } = unitWords(side);
  const of = cells.length > 1 ? ` of ${cells.length} ${input}s` : '';
  return `${cellTokens(side).length} ${many}${of}`;
}

/** These lines: one for two texts of one model. */
function allFacts() {
  const [a, b] = sides;
  if (!b || !report.one_basis) return [...new Set(sides.map(factsOf))];
  return [`${factsOf(a)} in A, ${b.n} in B`];
}

/** The findings about the models, and what is to be said against them. */
function findings() {
  const all = sides.map(({ e }) => e.story?.headline || []);
  const some = (/** @type {string[]} */ texts) => [...new Set(texts.filter(Boolean))];
  return {
    found: some(all.map(([first]) => first)),
    but: some(all.flatMap(([, ...rest]) => rest)),
  };
}

/** The first line of the page: what was found about the model, or the title where the page is
 * about something else. */
function headline() {
  const [verdict] = report.verdict || [];
  const seen = hasMedia() ? sides.map(localityFinding) : findings().found;
  const found = verdict ? [verdict] : [...new Set(seen)];
  if (!(verdict || hasFirstScreen()) || !found.length) return el('h1', {}, visible(report.title));
  return el('h1', { class: 'headline' }, ...found.map((text) => el('span', {}, visible(text))));
}

/** What the first screen does not have, with the command that measures it. */
function notMeasured() {
  if (hasMedia()) return [];
  const whys = sides.flatMap(({ e }) => {
    if (!e.story?.headline.length) return e.story?.not_measured || [];
    const journeys = e.omitted.filter(({ what }) => what === 'journeys');
    return journeys.map(({ why }) => `No word is followed through the layers: ${why}.`);
  });
  return [...new Set(whys)].map((why) => {
    const parts = visible(why).split('\u0060');
    return el(
      'p',
      { class: 'missing' },
      ...parts.map((part, i) => (i % 2 ? el('code', {}, part) : part)),
    );
  });
}

/** A warning where much of a text is unknown to the model. */
function unknownWarning() {
  return sides
    .filter((side) => side.unknown > 0.2)
    .map((side) =>
      el(
        'p',
        { class: 'warning', role: 'note' },
        `${Math.round(100 * side.unknown)} % of the tokens ${sides.length > 1 ? `of ${'AB'[side.index]} ` : ''}are unknown to ${modelName(side.e.model)} (marked ${UNKNOWN}). All unknown letters have one vector: the numbers below say little about these words. Use a model whose vocabulary has them.`,
      ),
    );
}

/** The token that is chosen where no word has a journey: the longest that the model knows.
 * @param {Side} side */
function longestToken({ e }) {
  const known = e.tokens.flatMap((t, i) => (t.special || t.unknown ? [] : [i]));
  const size = (/** @type {number} */ i) => e.tokens[i].text.replace(/^##/, '').length;
  return known.sort((a, b) => size(b) - size(a) || a - b)[0] ?? null;
}

/** Whether the page opens with one screen, below which other panels are folded. */
function hasFirstScreen() {
  return opensWithStory() || hasMedia();
}

/** Whether the address names a layer. */
function isLinked() {
  return new URLSearchParams(location.hash.slice(1)).has('layer');
}

/** Begins to play, once: not where an address names a layer, nor where motion is not wanted. */
function begin() {
  if (report.overlay) {
    const { place, at } = opening();
    if (!state.selected) set({ selected: place });
    if (!isLinked()) set({ depth: at });
    return;
  }
  if (report.contexts) {
    const { tokens, parts } = report.contexts;
    if (!state.selected) set({ selected: { side: 0, token: tokens[0] } });
    const at = parts === null ? -1 : placeOfLayer(sides[0], parts);
    if (!isLinked()) set({ depth: at < 0 ? sides[0].last : at });
    return;
  }
  const [side] = sides;
  if (hasMedia() && side.cells.length) {
    const cell = openingCell(side);
    if (!state.selected && cell !== null) set({ selected: { side: 0, token: cell } });
    if (!isLinked()) set({ depth: side.last });
    return;
  }
  if (!hasStory()) return;
  const token = tellingJourney(side)?.tokens[0] ?? longestToken(side);
  if (!state.selected && token !== null) set({ selected: { side: 0, token } });
  if (isLinked() || !opensWithStory()) return;
  // The page ends as playing would.
  if (calm.matches) set({ depth: side.last });
  else if (document.hidden) document.addEventListener('visibilitychange', begin, { once: true });
  else {
    play();
    resting = performance.now() + READING / 2;
  }
}

function start() {
  report.explorations.forEach((e, i) => sides.push(new Side(e, i)));
  readTheme();
  if (sides.length) readLink();
  const dark = matchMedia('(prefers-color-scheme: dark)');
  dark.addEventListener('change', () => {
    if (!document.documentElement.dataset.theme) {
      readTheme();
      set({ theme: state.theme + 1 });
    }
  });

  const help = helpDialog();
  const find = findDialog();
  const words = wordsDialog();
  const scrubber = sides.length ? new Scrubber() : null;
  const facts = allFacts().map((fact) => el('p', {}, fact));
  if (hasStory()) {
    const limits = el(
      'button',
      { type: 'button', class: 'link', click: () => words('limits') },
      'what this cannot show',
    );
    facts.at(-1)?.append(el('span', { class: 'more' }, ' · ', limits));
  }
  const button = (/** @type {string} */ name, /** @type {() => void} */ click, label = name) =>
    el('button', { type: 'button', click, 'aria-label': label }, name);
  const tour = new Tour();
  const { found, but } = findings();
  const below = opensWithStory()
    ? []
    : [...found, ...but].map((text) => el('p', {}, visible(text)));
  const after = opensWithStory() ? but : (report.verdict || []).slice(1);
  const reasons = after.join(' ');
  const verdict = reasons ? [el('p', { class: 'verdict' }, visible(reasons))] : [];
  const info = el('div', { class: 'facts' }, ...verdict, ...facts, ...below, ...notMeasured());
  const nav = el(
    'nav',
    { 'aria-label': 'Page' },
    ...(scrubber ? [button('Tour', () => tour.start()), button('Find', find)] : []),
    button('Glossary', () => words('glossary')),
    button('Light / dark', () => useTheme(theme.dark ? 'light' : 'dark')),
    button('?', () => help.showModal(), 'Help: keys'),
  );
  const title = headline();
  const told = title.classList.contains('headline');
  const head = el('header', { class: 'top' }, title, ...(told ? [info, nav] : [nav, info]));
  const all = groups();
  const deep = (/** @type {Group} */ { id }) => hasFirstScreen() && ['charts', 'made'].includes(id);
  const count = all.filter(deep).flatMap((group) => group.panels).length;
  const main = el(
    'main',
    {},
    ...unknownWarning(),
    ...all.filter((group) => !deep(group)).map(section),
    ...(count ? [folded(all.filter(deep).map(section), count)] : []),
  );
  document.getElementById('app')?.replaceChildren(head, ...(scrubber ? [scrubber.root] : []), main);
  const story = document.getElementById('story');
  if (story) {
    // Where the first screen begins: its list takes what is left of the window.
    new ResizeObserver(() => {
      main.style.setProperty('--story-top', `${story.offsetTop}px`);
    }).observe(document.body);
  }
  const strip = ['overlay', 'contexts', 'strip'].flatMap(
    (id) => document.getElementById(id) || [],
  )[0];
  if (scrubber) {
    panels.unshift(/** @type {Panel} */ (/** @type {unknown} */ (scrubber)));
    if (strip) scrubber.standInFor(strip);
  }
  listenToKeys(() => help.showModal(), find);
  window.addEventListener('hashchange', () => {
    if (sides.length) {
      readLink();
      wake();
    }
  });
  // In print, the page is light and shows every panel.
  let before = '';
  window.addEventListener('beforeprint', () => {
    before = document.documentElement.dataset.theme || '';
    useTheme('light');
    for (const panel of panels) {
      panel.seen = true;
      panel.update();
    }
  });
  window.addEventListener('afterprint', () => {
    if (before) document.documentElement.dataset.theme = before;
    else delete document.documentElement.dataset.theme;
    readTheme();
    set({ theme: state.theme + 1 });
  });
  wake();
  begin();
}

start();
