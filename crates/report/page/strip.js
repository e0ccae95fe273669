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

class StripPanel extends LinePanel {
  /** @param {Side} side */
  constructor(side) {
    super({
      id: 'strip',
      side,
      title: `What changes with depth${sides.length > 1 && !report.one_basis ? `, ${'AB'[side.index]}` : ''}`,
      shows:
        'Word meaning: how often the ten nearest words have the same kind of meaning (food, person, motion). Grammar: how often they have the same syntactic relation (subject, object). Both look for words in other sentences. Sentence: how many of the nearest words are of the same sentence, where these count too. 0 is chance for all three, 1 is all; the questions differ, so compare a curve with itself. Bands: 95 % intervals over sentences. Triangles: layers at which something happens.',
    });
    this.layers = storyLayers(side);
    const random = side.e.story?.random_weights || [];
    this.random = random;
    this.control = toggle('controls (grey)', 'controls');
    this.controls.append(this.control.root);
    this.note = el('p', { class: 'note', 'aria-live': 'polite' });
    this.box.append(this.note);
    this.enlarged = 1.15;
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
      y: 'share of the 10 nearest words (0: chance)',
      range: [low - room, high + room],
      series: series.filter((s) => s.values.some((v) => v !== null)),
    };
    return this.framed(panel, width, height);
  }

  draw(/** @type {Pen} */ pen, /** @type {number} */ width, /** @type {number} */ height) {
    const frame = this.frame(width, height);
    frame.draw(pen);
    if (state.controls) this.greys(pen, frame);
    for (const { at } of annotationsOf(this.side)) {
      const x = frame.px(this.side.e.layers[at].layer);
      pen.marker(x, frame.bottom, 4, 2, theme.muted);
    }
    this.drawLine(pen, frame, width);
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

  changed() {
    super.changed();
    const { side } = this;
    this.control.follow();
    const { layer } = side.e.layers[layerAt(side)];
    const said = annotationsOf(side).filter(({ at }) => at === layerAt(side));
    const text = said.length
      ? `Layer ${layer}: ${said.map((one) => one.text).join(' ')}`
      : 'Drag the line, press ← and →, or press Play.';
    this.note.classList.toggle('said', said.length > 0);
    if (this.note.textContent !== text) this.note.textContent = text;
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
