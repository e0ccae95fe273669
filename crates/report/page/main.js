// Builds the page: head, slider, panels, keys.

/** The slider that all panels follow. */
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
      Escape: () => set({ selected: null, hover: null }),
    };
    const needsText = !sides.length && event.key !== '?';
    if (!(event.key in keys) || needsText || (event.key === ' ' && pressing)) return;
    event.preventDefault();
    keys[event.key]();
  });
}

/** The panels of the report, in order, in groups. @returns {{id: string, title: string, panels: Panel[]}[]} */
function groups() {
  const each = (/** @type {(side: Side) => Panel | null} */ make) =>
    sides.flatMap((side) => make(side) || []);
  const hasNeighbours = (/** @type {Side} */ side) =>
    side.metrics.length > 0 || side.e.layers[0].neighbours;
  const charts = report.charts.flatMap((chart) => chartPanel(chart) || []);
  return [
    {
      id: 'look',
      title: 'The text, layer by layer',
      panels: [
        ...each((side) => new RibbonPanel(side)),
        ...each((side) => (side.e.trajectory || side.e.tsne ? new MapPanel(side) : null)),
        ...each((side) => (side.metrics.length > 0 ? new SimilarityPanel(side) : null)),
        ...each((side) => (side.metrics.length > 0 ? new TokenPanel(side) : null)),
        ...each((side) => (hasNeighbours(side) ? new NeighboursPanel(side) : null)),
        ...(sides.length > 1 && sides.every((side) => side.metrics.length > 0)
          ? [new DifferencePanel()]
          : []),
      ],
    },
    { id: 'charts', title: sides.length ? 'By layer' : '', panels: charts },
    { id: 'made', title: '', panels: [new AboutPanel()] },
  ].filter((group) => group.panels.length > 0);
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
  const scrubber = sides.length ? new Scrubber() : null;
  const facts = sides.map((side) =>
    [modelName(side.e.model), layersOf(side.e), `${side.n} ${side.e.unit}s`].join(' · '),
  );
  const tourButton = el('button', { type: 'button' }, 'Tour');
  const head = el(
    'header',
    { class: 'top' },
    el(
      'div',
      {},
      el('h1', {}, visible(report.title)),
      ...[...new Set(facts)].map((fact) => el('p', {}, fact)),
    ),
    el(
      'nav',
      { 'aria-label': 'Page' },
      ...(scrubber ? [tourButton, el('button', { type: 'button', click: find }, 'Find')] : []),
      el(
        'button',
        { type: 'button', click: () => useTheme(theme.dark ? 'light' : 'dark') },
        'Light / dark',
      ),
      el(
        'button',
        { type: 'button', click: () => help.showModal(), 'aria-label': 'Help: keys' },
        '?',
      ),
    ),
  );
  const main = el(
    'main',
    {},
    ...groups().map((group) =>
      el(
        'section',
        { id: group.id, class: 'group', ...(group.title ? { 'aria-label': group.title } : {}) },
        ...(group.title ? [el('h2', { class: 'heading' }, group.title)] : []),
        el(
          'div',
          {
            class:
              sides.length > 1
                ? 'grid pair'
                : group.panels.length === 5 && group.id === 'look'
                  ? 'grid five'
                  : 'grid',
          },
          ...group.panels.map((panel) => panel.mount()),
        ),
      ),
    ),
  );
  document.getElementById('app')?.replaceChildren(head, ...(scrubber ? [scrubber.root] : []), main);
  if (scrubber) {
    panels.unshift(/** @type {Panel} */ (/** @type {unknown} */ (scrubber)));
    const tour = new Tour();
    tourButton.addEventListener('click', () => tour.start());
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
}

start();
