// The depth strip: the model's curves by layer, and the layer of the page as a line that is dragged.

/** The controls, as grey curves: dashes and names. */
const [RANDOM_DASH, LAYER_0_DASH] = [
  [2, 3],
  [7, 4],
];

/** An estimate in words. @param {Mean} mean */
function meanText({ value, interval }) {
  const ends = interval ? ` [${interval.map(shareText).join(', ')}]` : '';
  return `${shareText(value)}${ends}`;
}

class StripPanel extends Panel {
  /** @param {Side} side */
  constructor(side) {
    super({
      id: 'strip',
      side,
      title: `What changes with depth${sides.length > 1 && !report.one_basis ? `, ${'AB'[side.index]}` : ''}`,
      shows:
        'Word meaning: how often the ten nearest words have the same kind of meaning (food, person, motion). Grammar: how often they have the same syntactic relation (subject, object). Both look for words in other sentences; 0 is chance, 1 is always. Sentence: how many of the nearest words are of the same sentence, where these count too. Bands: 95 % intervals over sentences.',
    });
    this.layers = storyLayers(side);
    const random = side.e.story?.random_weights || [];
    this.random = random;
    this.play = el('button', { type: 'button', class: 'primary play', click: play }, 'Play');
    this.control = toggle('controls (grey)', 'controls');
    this.controls.append(this.play, this.control.root);
    this.note = el('p', { class: 'note', 'aria-live': 'polite' });
    this.box.append(this.note);
    this.dragging = false;
    this.enlarged = 1.15;
    this.listen();
  }

  /** The canvas is a slider: it is dragged, and the keys of the page move it. */
  listen() {
    const { canvas, side } = this;
    canvas.setAttribute('role', 'slider');
    canvas.tabIndex = 0;
    canvas.classList.add('strip');
    canvas.setAttribute('aria-valuemin', String(side.e.layers[0].layer));
    canvas.setAttribute('aria-valuemax', String(side.e.layers[side.last].layer));
    const move = (/** @type {PointerEvent} */ event) => {
      const share = this.depthAt(event.offsetX / this.zoom);
      set({ depth: side.last > 0 ? (share * sides[0].last) / side.last : 0, playing: false });
    };
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      this.dragging = true;
      canvas.setPointerCapture(event.pointerId);
      move(event);
    });
    canvas.addEventListener('pointermove', (event) => {
      if (this.dragging) move(event);
    });
    const end = () => {
      if (!this.dragging) return;
      this.dragging = false;
      // Released between two layers, the line moves to the nearer one.
      goTo(side, layerAt(side));
    };
    for (const name of ['pointerup', 'pointercancel', 'lostpointercapture'])
      canvas.addEventListener(name, end);
    canvas.addEventListener('keydown', (event) => {
      const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      goTo(side, Math.max(0, Math.min(side.last, layerAt(side) + step)));
    });
  }

  height(/** @type {number} */ width) {
    // Above two journeys it leaves them room.
    return width > 760 ? 210 : Math.min(300, Math.max(200, width * 0.68));
  }

  deps() {
    return [...super.deps(), depthOf(this.side), state.selected, state.controls, this.dragging];
  }

  /** @param {number} width @param {number} height */
  frame(width, height) {
    const numbers = this.layers.map((l) => l.layer);
    const means = STORY_CURVES.map(([name]) => curveOf(this.layers, name));
    /** @type {Series[]} */
    const series = STORY_CURVES.map(([, name], i) => ({
      name,
      values: means[i].map((mean) => mean?.value ?? null),
      intervals: means[i].map((mean) => mean?.interval ?? null),
      kind: 'measure',
      colour: i,
    }));
    // Two models have one scale.
    const all = sides.flatMap(({ e }) => [
      ...(e.story?.layers || []),
      ...(e.story?.random_weights || []),
    ]);
    const ends = STORY_CURVES.flatMap(([name]) => curveOf(all, name)).flatMap((mean) =>
      mean ? [mean.value, ...(mean.interval || [])] : [],
    );
    const [low, high] = [Math.min(0, ...ends), Math.max(...ends, 0.05)];
    const room = 0.04 * (high - low);
    /** @type {CurvesOf} */
    const panel = {
      x: { title: 'layer', kind: 'layers', labels: numbers.map(String), numbers },
      y: 'share of the nearest words (0: chance, 1: always)',
      range: [low - room, high + room],
      series: series.filter((s) => s.values.some((v) => v !== null)),
    };
    const frame = new CurvesFrame({ x: 0, y: 0, w: width, h: height }, panel);
    // Room for the name of the layer above its line.
    frame.top += 22;
    return frame;
  }

  /** The layer of the model at the depth of the page, between layers too. */
  layerNow() {
    const { e } = this.side;
    const depth = depthOf(this.side);
    const [from, to] = [e.layers[Math.floor(depth)].layer, e.layers[Math.ceil(depth)].layer];
    return from + (to - from) * (depth % 1);
  }

  /** The depth of the side under a place of the picture. @param {number} x */
  depthAt(x) {
    const frame = this.frame(this.width, this.height(this.width));
    const share = (x - frame.left) / (frame.right - frame.left || 1);
    const layer = frame.from + share * (frame.to - frame.from);
    const numbers = this.side.e.layers.map((l) => l.layer);
    const after = numbers.findIndex((n) => n >= layer);
    if (after === 0) return 0;
    if (after < 0) return this.side.last;
    return after - (numbers[after] - layer) / (numbers[after] - numbers[after - 1]);
  }

  draw(/** @type {Pen} */ pen, /** @type {number} */ width, /** @type {number} */ height) {
    const frame = this.frame(width, height);
    frame.draw(pen);
    if (state.controls) this.greys(pen, frame);
    for (const { at } of annotationsOf(this.side)) {
      const x = frame.px(this.side.e.layers[at].layer);
      pen.marker(x, frame.bottom, 4, 2, theme.muted);
    }
    const now = this.layerNow();
    const x = Math.min(frame.right, Math.max(frame.left, frame.px(now)));
    pen.line(x, frame.top - 8, x, frame.bottom, theme.ink, 2);
    const name = `layer ${Math.round(now)}`;
    const style = { size: 12, bold: true };
    const half = textWidth(name, style) / 2 + 7;
    const middle = Math.max(half, Math.min(width - half, x));
    pen.rect(middle - half, frame.top - 27, 2 * half, 20, theme.ink);
    pen.text(middle, frame.top - 16.5, name, {
      ...style,
      fill: theme.paper,
      align: 'center',
      middle: true,
    });
    // What the line goes through.
    for (const s of frame.panel.series) {
      const i = placesOf(frame.panel.x).indexOf(now);
      const value = s.values[i] ?? null;
      if (value !== null) pen.marker(x, frame.py(value), 5, 0, lookOf(s).colour, theme.paper);
    }
  }

  /** The controls: random weights, and the values of layer 0. @param {Pen} pen @param {CurvesFrame} frame */
  greys(pen, frame) {
    for (const [name] of STORY_CURVES) {
      const values = curveOf(this.random, name).map((mean) => mean?.value ?? null);
      for (const run of frame.runs(
        values,
        this.random.map((l) => l.layer),
      ))
        pen.path(run, theme.muted, 1.6, RANDOM_DASH);
      const first = this.layers[0]?.[name]?.value;
      if (this.layers[0]?.layer !== 0 || first === undefined) continue;
      const y = frame.py(first);
      pen.path([frame.left, y, frame.right, y], theme.muted, 1.2, LAYER_0_DASH);
    }
  }

  /** What lies under the pointer: nothing while the line is dragged, which says it. @param {number} x */
  hit(x) {
    if (this.dragging) return null;
    const frame = this.frame(this.width, this.height(this.width));
    const place = frame.nearest(x);
    if (place === null) return null;
    const layer = placeOfLayer(this.side, this.layers[place].layer);
    return { text: this.values(this.layers[place].layer), ...(layer < 0 ? {} : { layer }) };
  }

  /** The values of a layer of the model, in words. @param {number} layer */
  values(layer) {
    const found = this.layers.find((l) => l.layer === layer);
    const own = STORY_CURVES.flatMap(([field, name]) => {
      const mean = found?.[field];
      return mean ? [`${name} ${meanText(mean)}`] : [];
    });
    if (!state.controls) return `Layer ${layer}: ${own.join(', ') || 'not measured'}.`;
    const random = this.random.find((l) => l.layer === layer);
    const grey = STORY_CURVES.flatMap(([field, name]) => {
      const mean = random?.[field];
      return mean ? [`${name} ${meanText(mean)}`] : [];
    });
    const dotted = grey.length ? ` Random weights (dotted): ${grey.join(', ')}.` : '';
    return `Layer ${layer}: ${own.join(', ')}.${dotted} Dashed: the values of layer 0.`;
  }

  rest() {
    return this.values(this.side.e.layers[layerAt(this.side)].layer);
  }

  changed() {
    const { side, canvas } = this;
    this.control.follow();
    const name = state.playing ? 'Pause' : 'Play';
    if (this.play.textContent !== name) this.play.textContent = name;
    const { layer } = side.e.layers[layerAt(side)];
    canvas.setAttribute('aria-valuenow', String(layer));
    canvas.setAttribute('aria-valuetext', `${layerName(layer)}. ${this.values(layer)}`);
    const said = annotationsOf(side).filter(({ at }) => at === layerAt(side));
    const text = said.length
      ? `Layer ${layer}: ${said.map((one) => one.text).join(' ')}`
      : 'Drag the line, press ← and →, or press Play.';
    this.note.classList.toggle('said', said.length > 0);
    if (this.note.textContent !== text) this.note.textContent = text;
  }

  label() {
    return 'Layer';
  }

  explanation() {
    // The names of the curves stand out.
    const parts = this.about.shows.split(/(Word meaning|Grammar|Sentence)(?=:)/);
    return el('p', { class: 'shows' }, ...parts.map((t, i) => (i % 2 ? el('b', {}, t) : t)));
  }

  rows() {
    const curves = [this.layers, this.random];
    const weights = ['own', 'random'];
    return {
      columns: ['weights', 'layer', 'curve', 'of', 'value', 'low', 'high', 'n'],
      rows: curves.flatMap((layers, w) =>
        layers.flatMap((layer) =>
          STORY_CURVES.flatMap(([field, name]) => {
            const mean = layer[field];
            if (!mean) return [];
            const row = (/** @type {string} */ of, /** @type {Mean | null | undefined} */ m) =>
              m
                ? [
                    [
                      weights[w],
                      layer.layer,
                      name,
                      of,
                      m.value,
                      ...(m.interval || [null, null]),
                      m.n,
                    ],
                  ]
                : [];
            const classes = /** @type {Partial<Schema.ByClass>} */ (mean);
            return [
              ...row(field === 'sentence' ? 'content words' : 'nouns and verbs', mean),
              ...row('nouns', classes.nouns),
              ...row('verbs', classes.verbs),
            ];
          }),
        ),
      ),
    };
  }

  json() {
    return this.side.e.story;
  }
}
