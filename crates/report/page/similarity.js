// The similarity of every token to every other token at one layer.

/** @type {{[m in Metric]: string}} */
const METRICS = {
  cosine: 'cosine',
  centred: 'centred cosine',
  standardised: 'standardised cosine',
  euclidean: 'Euclidean distance',
};

/** The baseline at a layer, where the metric has one. @param {Side} side @param {number} layer */
function baselineOf(side, layer) {
  const known = side.e.layers[layer].baseline;
  return state.metric === 'cosine' && known ? known.value : null;
}

/** @param {Side} side */
function metricChoice(side) {
  /** @type {[string, string][]} */
  const options = side.metrics.map((m) => [m, METRICS[m]]);
  return choice(
    'Measure',
    options,
    () => state.metric,
    (m) => set({ metric: /** @type {Metric} */ (m) }),
  );
}

class SimilarityPanel extends Panel {
  /** @param {Side} side */
  constructor(side) {
    super({
      id: 'similarity',
      side,
      title: `Similarity at this layer${sides.length > 1 ? `, ${'AB'[side.index]}` : ''}`,
      shows: `The similarity of every token to every other token in the full space, not on the map. Read cosines relative to the baseline, the mean cosine of words of unrelated sentences: deep layers are narrow cones, and a few large dimensions can dominate a cosine. Centred: after the mean of the tokens of this layer${report.one_basis ? ', of both texts,' : ''} is subtracted; standardised: of z-scores. With few tokens, subtracting the mean makes different tokens look opposed. All layers share one scale${sides.length < 2 ? '' : report.one_basis ? ', and so do both sides' : ', and so do both sides, except for distances'}.`,
      paper: { name: 'Ethayarajh 2019; Timkey & van Schijndel 2021', doi: '10.18653/v1/D19-1006' },
    });
    this.metric = metricChoice(side);
    this.controls.append(this.metric.root);
  }

  height(/** @type {number} */ width) {
    return Math.min(width, 560) + 48;
  }

  /** @param {number} width */
  layout(width) {
    const { units } = this.side.now;
    const names = Math.max(...units.map((u) => textWidth(u.name, { size: 11, bold: true })), 10);
    const named = units.length <= 44;
    const gutter = named ? Math.min(names + 8, width * 0.28) : 12;
    const side = Math.min(width, 560) - gutter - 8;
    return {
      named,
      gutter,
      cell: side / Math.max(1, units.length),
      x: Math.max(gutter, (width - side) / 2),
      y: gutter,
    };
  }

  draw(/** @type {Pen} */ pen, /** @type {number} */ width, /** @type {number} */ height) {
    const { side } = this;
    const { units } = side.now;
    const layer = layerAt(side);
    const scale = side.scale(state.metric);
    const { named, gutter, cell, x, y } = this.layout(width);
    for (const a of units) {
      for (const b of units) {
        const value = side.similarity(layer, state.metric, a, b);
        pen.rect(x + b.at * cell, y + a.at * cell, cell + 0.4, cell + 0.4, colourOf(value, scale));
      }
    }
    const focus = focusOf(side);
    const chosen = focus === null ? null : side.unitOf(focus);
    const marked = new Set(pinnedOf(side).flatMap((t) => side.unitOf(t) || []));
    if (chosen) marked.add(chosen);
    const size = Math.min(11, Math.max(7, cell));
    for (const unit of units) {
      if (!named && !marked.has(unit)) continue;
      const style = {
        size: named ? size : 11,
        bold: marked.has(unit),
        fill: unit === chosen ? theme.accent : unit.special ? theme.muted : theme.ink,
      };
      const name = fitted(unit.name, gutter - 6, style);
      const at = (unit.at + 0.5) * cell;
      if (named) {
        pen.text(x - 5, y + at, name, { ...style, align: 'right', middle: true });
        pen.text(x + at + size * 0.36, y - 5, name, { ...style, turned: true });
      }
    }
    const n = units.length * cell;
    for (const unit of marked) {
      const stroke = unit === chosen ? theme.accent : theme.ink;
      pen.rect(x, y + unit.at * cell, n, cell, '', stroke);
      pen.rect(x + unit.at * cell, y, cell, n, '', stroke);
    }
    const baseline = baselineOf(side, layer);
    colourBar(
      pen,
      x,
      height - 36,
      n,
      scale,
      METRICS[state.metric],
      baseline === null ? null : [baseline, `baseline ${number(baseline)}`],
    );
  }

  hit(/** @type {number} */ px, /** @type {number} */ py) {
    const { units } = this.side.now;
    const { cell, x, y } = this.layout(this.width);
    const [column, row] = [Math.floor((px - x) / cell), Math.floor((py - y) / cell)];
    const [a, b] = [units[row], units[column]];
    if (!a || !b) return null;
    const value = this.side.similarity(layerAt(this.side), state.metric, a, b);
    return {
      text: `${a.name} and ${b.name}: ${METRICS[state.metric]} ${number(value)}`,
      token: a.tokens[0],
    };
  }

  changed() {
    this.metric.follow();
  }

  rest() {
    const baseline = baselineOf(this.side, layerAt(this.side));
    const e = this.side.e.layers[layerAt(this.side)].baseline;
    const ends = e?.interval;
    const interval = ends ? ` [${number(ends[0])}, ${number(ends[1])}]` : '';
    return baseline === null || !e
      ? ''
      : `Baseline at this layer: ${number(baseline)}${interval}, n = ${e.n} sentences.`;
  }

  /** The two most similar units that are not special; of content words where they are known. */
  finding() {
    const { side } = this;
    const layer = layerAt(side);
    const told = new Set(journeysOf(side).flatMap((j) => j.tokens));
    const units = side.now.units.filter(
      (u) => !u.special && !u.unknown && (told.size < 2 || u.tokens.some((t) => told.has(t))),
    );
    const sign = state.metric === 'euclidean' ? -1 : 1;
    /** @type {{value: number, names: string[]} | null} */
    let best = null;
    for (const a of units) {
      for (const b of units.slice(0, units.indexOf(a))) {
        const value = side.similarity(layer, state.metric, a, b);
        if (value !== null && (!best || sign * value > sign * best.value))
          best = { value, names: [b.name, a.name] };
      }
    }
    if (!best || units.length < 3) return '';
    const [a, b] = best.names;
    const of = sides.length > 1 ? `, ${'AB'[side.index]}` : '';
    return `Similarity at layer ${side.e.layers[layer].layer}${of}: ${told.size < 2 ? '' : 'of the content words, '}${quoted(a)} and ${quoted(b)} are most alike (${number(best.value)})`;
  }

  label() {
    return `Heat-map of ${METRICS[state.metric]} between ${this.side.now.units.length} tokens. The table below has the numbers.`;
  }

  rows() {
    const { side } = this;
    const { units } = side.now;
    return {
      columns: ['token', ...units.map((u) => u.name)],
      rows: units.map((a) => [
        a.name,
        ...units.map((b) => side.similarity(layerAt(side), state.metric, a, b)),
      ]),
    };
  }

  json() {
    const { side } = this;
    return {
      metric: state.metric,
      tokens: side.now.units.map((u) => u.name),
      layers: side.e.layers.map((l, at) => ({
        layer: l.layer,
        values: side.now.units.map((a) =>
          side.now.units.map((b) => side.similarity(at, state.metric, a, b)),
        ),
      })),
    };
  }
}
