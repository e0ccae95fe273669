// The chosen token: its similarity to every other token by layer, and its neighbours in the full
// space.

/** The number of neighbours in the list. */
const NEIGHBOURS = 8;

/** The unit that the panels of a side show. @param {Side} side */
function chosenUnit(side) {
  const focus = focusOf(side);
  return focus === null ? null : side.unitOf(focus);
}

/** Whether the page has the similarities of a unit to the others. @param {Side} side @param {Unit} unit */
function hasSimilarities({ metrics, queries }, { tokens }) {
  return metrics.length > 0 && (!queries || queries.has(tokens[0]));
}

class TokenPanel extends Panel {
  /** @param {Side} side */
  constructor(side) {
    super({
      id: 'token',
      side,
      title: `The chosen ${unitWords(side).one} by depth${sides.length > 1 ? `, ${'AB'[side.index]}` : ''}`,
      shows:
        'The similarity of the chosen token to every other token of the page, by layer, in the measure chosen above. Pinned tokens and the three nearest tokens at the last layer are coloured. A curve that rises with the baseline is no evidence: the whole space has become narrower.',
      paper: { name: 'Ethayarajh 2019', doi: '10.18653/v1/D19-1006' },
    });
    this.pinButton = el(
      'button',
      {
        type: 'button',
        click: () => {
          const u = chosenUnit(side);
          if (u) pin(side.index, u.tokens[0]);
        },
      },
      'Pin',
    );
    this.controls.append(this.pinButton);
  }

  /** The current chart. */
  chart() {
    const { side } = this;
    const chosen = chosenUnit(side);
    if (!chosen || !hasSimilarities(side, chosen)) return null;
    const far = state.metric === 'euclidean' ? -1 : 1;
    const at = side.e.layers.map((_, l) => l);
    const others = side.now.units.filter(
      (u) => (u !== chosen && u.special === chosen.special) || (u !== chosen && !u.special),
    );
    const all = others.map((unit) => ({
      unit,
      values: at.map((l) => side.similarity(l, state.metric, chosen, unit)),
    }));
    const near = [...all]
      .sort((a, b) => far * ((b.values[side.last] || 0) - (a.values[side.last] || 0)))
      .slice(0, 3);
    const pinned = new Set(pinnedOf(side).map((t) => side.unitOf(t)));
    const shown = new Set([...all.filter((c) => pinned.has(c.unit)), ...near]);
    return { chosen, all, near, shown };
  }

  draw(/** @type {Pen} */ pen, /** @type {number} */ width, /** @type {number} */ height) {
    const chart = this.chart();
    if (!chart) {
      const { metrics, queries } = this.side;
      const why = queries
        ? `The page has the similarities of ${queries.size} tokens: choose one of them.`
        : metrics.length > 0
          ? 'Choose a token in the text, on the map or in the heat map.'
          : 'The page has no similarities for so many tokens.';
      notice(pen, width, height, ofUnit(this.side, why));
      return;
    }
    const faint = chart.all.filter((c) => !chart.shown.has(c)).map((c) => c.values);
    const look = { faint, at: depthOf(this.side) };
    this.frame(chart, width, height, look).draw(pen);
  }

  /** @param {{chosen: Unit, shown: Iterable<{unit: Unit, values: (number | null)[]}>}} chart
   * @param {number} width @param {number} height @param {CurvesLook} [look] */
  frame(chart, width, height, look) {
    const numbers = this.side.e.layers.map((l) => l.layer);
    /** @type {CurvesOf} */
    const panel = {
      x: { title: 'layer', kind: 'layers', labels: numbers.map(String), numbers },
      y: `${METRICS[state.metric]} to “${chart.chosen.name}”`,
      series: this.series(chart.shown),
    };
    return new CurvesFrame({ x: 0, y: 0, w: width, h: height }, panel, look);
  }

  /** @param {Iterable<{unit: Unit, values: (number | null)[]}>} shown */
  series(shown) {
    const { layers } = this.side.e;
    /** @type {Series[]} */
    const series = [...shown].map((c, colour) => ({
      name: c.unit.name,
      values: c.values,
      kind: 'measure',
      colour,
    }));
    if (state.metric === 'cosine' && layers[0].baseline) {
      series.push({
        name: 'baseline',
        values: layers.map((l) => l.baseline?.value ?? null),
        kind: 'baseline',
        colour: 0,
      });
    }
    return series;
  }

  hit(/** @type {number} */ x) {
    const { layers } = this.side.e;
    const chart = this.chart();
    const layer = chart && this.frame(chart, this.width, this.height(this.width)).nearest(x);
    return layer === null ? null : { text: layerName(layers[layer].layer), layer };
  }

  finding() {
    const { side } = this;
    const chart = this.chart();
    const [best] = chart?.near || [];
    if (!chart || !best || chart.all.length < 3) return '';
    const value = best.values[side.last];
    const of = sides.length > 1 ? `, ${'AB'[side.index]}` : '';
    return `${quoted(chart.chosen.name)} by depth${of}: nearest at the last layer is ${quoted(best.unit.name)} (${number(value)})`;
  }

  changed() {
    const chosen = chosenUnit(this.side);
    this.pinButton.disabled = !chosen;
    const pinned = chosen && pinnedOf(this.side).some((t) => this.side.unitOf(t) === chosen);
    this.pinButton.textContent = chosen
      ? `${pinned ? 'Unpin' : 'Pin'} ${quoted(chosen.name)}`
      : 'Pin';
  }

  label() {
    const chosen = chosenUnit(this.side);
    return chosen
      ? `Curves of ${METRICS[state.metric]} between ${quoted(chosen.name)} and every other token, by layer.`
      : 'No token is chosen.';
  }

  rows() {
    const chart = this.chart();
    return {
      columns: ['token', ...this.side.e.layers.map((l) => layerName(l.layer))],
      rows: chart ? chart.all.map((c) => [c.unit.name, ...c.values]) : [],
    };
  }
}

/** The part of the picture that a token is; nothing where it is none. @param {Side} side
 * @param {number} token */
function thumbnailOf(side, token) {
  const cells = side.cellsOf(token);
  const image = cells?.pictured && cells.picture.images.plain;
  if (!image) return [];
  const canvas = el('canvas', { class: 'thumbnail', width: 40, height: 40, 'aria-hidden': 'true' });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  context.drawImage(image, ...cells.part(token), 0, 0, 40, 40);
  return [canvas];
}

class NeighboursPanel extends Panel {
  /** @param {Side} side */
  constructor(side) {
    super({
      id: 'neighbours',
      side,
      title: `Nearest at this layer${sides.length > 1 ? `, ${'AB'[side.index]}` : ''}`,
      shows:
        'The tokens of this page that are nearest to the chosen token in the full space at this layer, without special tokens. Among few tokens, the nearest may still be far.',
    });
    this.list = el('ol', { class: 'nearest' });
    this.box.replaceChildren(this.list);
  }

  height() {
    return 0;
  }

  /** @returns {{unit: Unit, value: number | null}[]} */
  nearest() {
    const { side } = this;
    const chosen = chosenUnit(side);
    if (!chosen) return [];
    const layer = layerAt(side);
    if (hasSimilarities(side, chosen)) {
      const far = state.metric === 'euclidean' ? 1 : -1;
      return side.now.units
        .filter((u) => u !== chosen && !u.special)
        .map((unit) => ({ unit, value: side.similarity(layer, state.metric, chosen, unit) }))
        .sort((a, b) => far * ((a.value || 0) - (b.value || 0)) || a.unit.at - b.unit.at)
        .slice(0, NEIGHBOURS);
    }
    const found = side.e.layers[layer].neighbours?.[chosen.tokens[0]] || [];
    return found.flatMap((token) => {
      const unit = side.unitOf(token);
      return unit ? [{ unit, value: null }] : [];
    });
  }

  changed() {
    const { side } = this;
    const chosen = chosenUnit(side);
    const values = this.nearest();
    const scale = side.metrics.length > 0 ? side.scale(state.metric) : null;
    const rows = values.map(({ unit, value }) => {
      const button = el(
        'button',
        { type: 'button', class: 'token', click: () => select(side.index, unit.tokens[0]) },
        ...thumbnailOf(side, unit.tokens[0]),
        el('bdi', {}, unit.name),
      );
      // For many tokens the page has neighbours without similarities: the text tells them apart.
      if (!scale || value === null)
        return el('li', {}, button, el('span', { class: 'count' }, `text ${unit.sentence + 1}`));
      const bar = el('i', { class: 'bar' });
      bar.style.width = `${100 * Math.max(0, (value - scale.low) / (scale.high - scale.low))}%`;
      bar.style.background = colourOf(value, scale);
      return el(
        'li',
        {},
        button,
        el('span', { class: 'track' }, bar),
        el('span', { class: 'value' }, number(value)),
      );
    });
    const none = chosen ? 'There is no other token.' : 'Choose a token.';
    this.list.replaceChildren(...(rows.length ? rows : [el('li', { class: 'none' }, none)]));
    // Without similarities on the page, the neighbours are those of the exploration.
    const settings = /** @type {{ metric: keyof typeof METRICS }} */ (side.e.settings);
    const known = chosen && hasSimilarities(side, chosen);
    const how = METRICS[known ? state.metric : settings.metric];
    this.readout.textContent = chosen
      ? `Nearest to ${quoted(chosen.name)} at ${layerName(side.e.layers[layerAt(side)].layer)}, by ${how}`
      : '';
  }

  rest() {
    return this.readout.textContent || '';
  }

  finding() {
    const chosen = chosenUnit(this.side);
    const [best, , third] = this.nearest();
    // Of one or two others, the nearest says nothing.
    if (!chosen || !third) return '';
    const of = sides.length > 1 ? `, ${'AB'[this.side.index]}` : '';
    const { layer } = this.side.e.layers[layerAt(this.side)];
    return `Nearest to ${quoted(chosen.name)} at layer ${layer}${of}: ${quoted(best.unit.name)}`;
  }

  rows() {
    return {
      columns: ['rank', 'token', 'text', METRICS[state.metric]],
      rows: this.nearest().map(({ unit, value }, i) => [
        i + 1,
        unit.name,
        unit.sentence + 1,
        value,
      ]),
    };
  }
}
