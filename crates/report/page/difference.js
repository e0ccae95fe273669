// Two sides: the difference between the similarities of their common words.

class DifferencePanel extends Panel {
  constructor() {
    super({
      id: 'difference',
      side: sides[0],
      title: 'A minus B',
      shows:
        'For every pair of words that both sides have (“a / b”: b replaces a), the measure in A minus the measure in B, each at its current layer: red where A is greater, blue where B is greater. A greater cosine means more similar, a greater distance less similar. All layers share one scale. The spaces of two models are not compared, only the arrangement of the words within each.',
    });
    this.metric = metricChoice(sides[0]);
    this.controls.append(this.metric.root);
    /** @type {{[metric: string]: Scale}} */
    this.scales = {};
    // A token is in one pair at most.
    this.pairs = (report.aligned || []).filter(
      ([a, b]) => !sides[0].e.tokens[a].special && !sides[1].e.tokens[b].special,
    );
  }

  height(/** @type {number} */ width) {
    return Math.min(width, 480) + 48;
  }

  deps() {
    return [layerAt(sides[0]), layerAt(sides[1]), state.metric, focusOf(sides[0])];
  }

  /** @param {number} i @param {number} j @param {number[]} [layers] of both sides */
  value(i, j, layers = sides.map(layerAt)) {
    const [a, b] = sides.map((side, s) =>
      side.cell(layers[s], state.metric, this.pairs[i][s], this.pairs[j][s]),
    );
    return a === null || b === null ? null : a - b;
  }

  /** To the greatest difference at any depth, so that layers share a scale. @returns {Scale} */
  scale() {
    return (this.scales[state.metric] ||= this.widest());
  }

  /** @returns {Scale} */
  widest() {
    const last = Math.max(...sides.map((side) => side.last));
    let most = 0;
    for (let step = 0; step <= last; step += 1) {
      const layers = sides.map((side) => Math.round(last > 0 ? (step * side.last) / last : 0));
      this.pairs.forEach((_, i) => {
        for (let j = 0; j < i; j += 1)
          most = Math.max(most, Math.abs(this.value(i, j, layers) || 0));
      });
    }
    return { low: -(most || 1), high: most || 1, signed: true };
  }

  name(/** @type {number} */ i) {
    const names = this.pairs[i].map((t, s) => sides[s].tokenNames[t]);
    return names[0] === names[1] ? names[0] : `${names[0]} / ${names[1]}`;
  }

  /** @param {number} width */
  layout(width) {
    const n = this.pairs.length;
    const gutter = Math.min(
      Math.max(...this.pairs.map((_, i) => textWidth(this.name(i), { size: 11, bold: true })), 10) +
        8,
      width * 0.3,
    );
    const side = Math.min(width, 480) - gutter - 8;
    return {
      gutter,
      cell: side / Math.max(1, n),
      x: Math.max(gutter, (width - side) / 2),
      y: gutter,
    };
  }

  draw(/** @type {Pen} */ pen, /** @type {number} */ width, /** @type {number} */ height) {
    const n = this.pairs.length;
    if (n === 0) {
      notice(pen, width, height, 'The two sides have no word in common.');
      return;
    }
    const { gutter, cell, x, y } = this.layout(width);
    const scale = this.scale();
    const focus = focusOf(sides[0]);
    for (let i = 0; i < n; i += 1) {
      for (let j = 0; j < n; j += 1)
        pen.rect(
          x + j * cell,
          y + i * cell,
          cell + 0.4,
          cell + 0.4,
          colourOf(i === j ? 0 : this.value(i, j), scale),
        );
      const own = this.pairs[i][0] === focus;
      const style = {
        size: Math.min(11, Math.max(7, cell)),
        bold: own,
        fill: own ? theme.accent : theme.ink,
      };
      if (cell < 8 && !own) continue;
      const name = fitted(this.name(i), gutter - 6, style);
      pen.text(x - 5, y + (i + 0.5) * cell, name, { ...style, align: 'right', middle: true });
      pen.text(x + (i + 0.5) * cell + 4, y - 5, name, { ...style, turned: true });
    }
    colourBar(pen, x, height - 36, n * cell, scale, `${METRICS[state.metric]}, A − B`);
  }

  hit(/** @type {number} */ px, /** @type {number} */ py) {
    const { cell, x, y } = this.layout(this.width);
    const [j, i] = [Math.floor((px - x) / cell), Math.floor((py - y) / cell)];
    if (!this.pairs[i] || !this.pairs[j]) return null;
    return {
      text: `${this.name(i)} and ${this.name(j)}: ${number(this.value(i, j))}`,
      token: this.pairs[i][0],
    };
  }

  changed() {
    this.metric.follow();
  }

  rows() {
    return {
      columns: ['word', ...this.pairs.map((_, i) => this.name(i))],
      rows: this.pairs.map((_, i) => [
        this.name(i),
        ...this.pairs.map((__, j) => this.value(i, j)),
      ]),
    };
  }
}
