// Matrices of coloured cells, and grids of words on them.

/** The narrowest panel that stands beside another. */
const MATRIX_WIDTH = 300;

/** The places of an axis from the top: layers rise. @param {Axis} axis */
function fromTop(axis) {
  const places = axis.labels.map((_, i) => i);
  return axis.kind === 'layers' ? places.reverse() : places;
}

/** Whether two axes are of one kind, so that cells are squares. @param {Schema.MatrixPanel} panel */
function isSquare({ rows, columns }) {
  return rows.kind === columns.kind && rows.kind !== 'named';
}

/** @typedef {{panel: Schema.MatrixPanel, box: Box, x: number, y: number, w: number, h: number,
 *   under: number, turned: boolean, rows: number[], above: string[], beside: string,
 *   below: string[]}} MatrixBlock */

const MATRIX_TITLE = { size: 12, bold: true };

/** Whether a cell is drawn grey: it is not defined, but others of its row are.
 * @param {Schema.MatrixPanel} panel @param {Schema.Slice} [slice] */
function hasGrey(panel, slice) {
  const m = panel.columns.labels.length;
  return panel.rows.labels.some((_, r) => {
    const row = slice?.values.slice(r * m, (r + 1) * m) || [];
    return row.includes(null) && row.some((v) => v !== null);
  });
}

/** @extends {ChartPanel<Schema.Chart & { type: 'matrix' } & Schema.Matrix>} */
class MatrixPanel extends ChartPanel {
  /** @param {Schema.Chart & { type: 'matrix' } & Schema.Matrix} chart */
  constructor(chart) {
    super(chart, chart.panels.length > 1);
    const [first] = chart.panels;
    /** A slice's layer is the page's, where the page has layers. */
    this.layered =
      chart.exploration !== undefined && first.slices.some((s) => s.layer !== undefined);
    const names = [...new Set(chart.panels.flatMap((p) => p.slices.map((s) => this.nameOf(s))))];
    this.name = names[0] || '';
    if (names.length > 1) {
      const options = names.map(
        (name) => /** @type {[string, string]} */ ([name, shortText(name, 80)]),
      );
      const choose = (/** @type {string} */ name) => {
        this.name = name;
        this.drawn = [];
        wake();
      };
      this.controls.append(choice('Of', options, () => this.name, choose).root);
    }
    /** Whether one colour bar stands for all panels. */
    this.oneBar = chart.panels.every(
      (p) => p.value === first.value && JSON.stringify(p.scale) === JSON.stringify(first.scale),
    );
  }

  /** @param {Schema.Slice} slice */
  nameOf(slice) {
    const layer = this.layered || slice.layer === undefined ? '' : layerName(slice.layer);
    return [layer, slice.name || ''].filter(Boolean).join(', ');
  }

  /** The matrix of the moment: of its name, and of the page's layer where it has layers. Where that
   * layer has none (attention begins with layer 1), it is the next one that has, or else the last.
   * @param {Schema.MatrixPanel} panel */
  slice(panel) {
    const own = panel.slices.filter((s) => this.nameOf(s) === this.name);
    if (!this.layered) return own[0] || (panel.slices.length === 1 ? panel.slices[0] : undefined);
    const now = this.pageLayer();
    return own.find((s) => (s.layer ?? 0) >= now) || own.at(-1);
  }

  /** The number of the page's layer. */
  pageLayer() {
    return this.side.e.layers[layerAt(this.side)].layer;
  }

  rest() {
    const slices = this.chart.panels.flatMap((panel) => this.slice(panel) || []);
    const [layer] = slices.map((s) => s.layer);
    const other = this.layered && layer !== undefined && layer !== this.pageLayer();
    const grey = this.chart.panels.some((panel) => hasGrey(panel, this.slice(panel)));
    return [
      other ? `Shown: ${layerName(layer)}; ${layerName(this.pageLayer())} has no such values.` : '',
      grey ? 'Grey: not defined.' : '',
    ]
      .filter(Boolean)
      .join(' ');
  }

  /** @param {number} width @returns {{blocks: MatrixBlock[], height: number}} */
  layout(width) {
    const { panels } = this.chart;
    const count = across(width, MATRIX_WIDTH, panels.length);
    const w = (width - PANEL_GAP * (count - 1)) / count;
    /** @type {MatrixBlock[]} */
    const blocks = [];
    let y = 0;
    for (let from = 0; from < panels.length; from += count) {
      const row = panels.slice(from, from + count).map((panel, i) => {
        const x = i * (w + PANEL_GAP);
        return this.block(panel, { x, y, w, h: 0 });
      });
      const h = Math.max(...row.map((block) => block.box.h));
      row.forEach((block) => {
        block.box.h = h;
      });
      blocks.push(...row);
      y += h + PANEL_GAP;
    }
    return {
      blocks,
      height: y - PANEL_GAP + (this.oneBar ? 36 + this.bar(blocks[0], width).room : 0),
    };
  }

  /** The colour bar of a block: its name, width and the room of a long name. @param {MatrixBlock} block
   * @param {number} width of the picture that it may take */
  bar({ panel, x, w }, width) {
    const n = this.chart.panels.every((p) => p.n === panel.n) ? panel.n : undefined;
    const name = `${visible(panel.value)}${n === undefined ? '' : `, n = ${n}`}`;
    const cells = w * panel.columns.labels.length;
    const wide = Math.min(Math.max(180, Math.min(cells, 420)), width - x - 8);
    return { name, wide, room: barRoom(wide, panel.scale, name) };
  }

  /** @param {Schema.MatrixPanel} panel @param {Box} box @returns {MatrixBlock} */
  block(panel, box) {
    const { rows, columns } = panel;
    const style = { size: 11 };
    const longest = (/** @type {Axis} */ axis) =>
      Math.max(...axis.labels.map((l) => textWidth(shortText(l), style)), 8);
    const left = Math.min(longest(rows) + 26, box.w * 0.4);
    const turned = columns.kind === 'tokens' || longest(columns) > 40;
    const below = wrapped(visible(columns.title), box.w - left, style);
    const names = turned ? Math.min(90, longest(columns)) + 8 : 18;
    const under = names + below.length * leading(style) + 2;
    const [n, m] = [Math.max(1, rows.labels.length), Math.max(1, columns.labels.length)];
    const room = (box.w - left - 4) / m;
    const square = isSquare(panel);
    const w = Math.min(room, square ? Math.min(46, 460 / Math.max(n, m)) : 56);
    const h = square ? w : rows.kind === 'layers' ? Math.max(6, Math.min(18, 420 / n)) : 17;
    const one = this.chart.panels.every((p) => p.n === panel.n) || panel.n === undefined;
    const title = `${visible(panel.title || '')}${one ? '' : ` (n = ${panel.n})`}`;
    // A title of the rows that is too long to stand beside them stands above them.
    const beside = visible(rows.title);
    const fits = textWidth(beside, style) <= Math.max(40, n * h);
    const above = [
      ...wrapped(title, box.w - 8, MATRIX_TITLE),
      ...(fits ? [] : wrapped(`rows: ${beside}`, box.w - 8, MATRIX_TITLE)),
    ];
    const head = above.length * leading(MATRIX_TITLE) + 5;
    const block = {
      panel,
      box: { ...box, h: head + n * h + under },
      x: box.x + left,
      y: box.y + head,
      w,
      h,
      under,
      turned,
      rows: fromTop(rows),
      above,
      beside: fits ? beside : '',
      below,
    };
    if (!this.oneBar) block.box.h += 38 + this.bar(block, box.x + box.w).room;
    return block;
  }

  height(/** @type {number} */ width) {
    return this.layout(width).height;
  }

  draw(/** @type {Pen} */ pen, /** @type {number} */ width, /** @type {number} */ height) {
    const { blocks } = this.layout(width);
    for (const block of blocks) this.drawBlock(pen, block);
    const [first] = blocks;
    if (this.oneBar && first) {
      const { name, wide, room } = this.bar(first, width);
      colourBar(pen, first.x, height - 26 - room, wide, first.panel.scale, name);
    }
  }

  /** @param {Pen} pen @param {MatrixBlock} block */
  drawBlock(pen, block) {
    const { panel, box, x, y, w, h, rows } = block;
    const m = panel.columns.labels.length;
    const n = rows.length;
    stack(pen, box.x + 4, box.y + 13, block.above, { ...MATRIX_TITLE, fill: theme.ink });
    const slice = this.slice(panel);
    if (slice) this.cells(pen, block, slice);
    else {
      const style = { align: /** @type {const} */ ('center'), fill: theme.muted };
      pen.text(x + (m * w) / 2, y + (n * h) / 2, `no “${shortText(this.name)}”`, style);
    }
    this.sides(pen, block);
    const [row, column] = [this.layerOn(panel.rows), this.layerOn(panel.columns)];
    if (row !== null) pen.rect(x, y + rows.indexOf(row) * h, m * w, h, '', theme.accent);
    if (column !== null) pen.rect(x + column * w, y, w, n * h, '', theme.accent);
    if (this.oneBar) return;
    const { name, wide } = this.bar(block, box.x + box.w);
    colourBar(pen, x, y + n * h + block.under + 12, wide, panel.scale, name);
  }

  /** @param {Pen} pen @param {MatrixBlock} block @param {Schema.Slice} slice */
  cells(pen, { panel, x, y, w, h, rows }, slice) {
    const m = panel.columns.labels.length;
    const framed = new Set(slice.framed);
    const style = { size: 10, align: /** @type {const} */ ('center'), middle: true };
    const known = slice.values.flatMap((v) => (v === null ? [] : [v.toFixed(panel.decimals)]));
    const numbered = h >= 13 && w >= 16 && known.every((text) => textWidth(text, style) + 3 <= w);
    rows.forEach((row, r) => {
      const values = slice.values.slice(row * m, (row + 1) * m);
      // A row without a value has nothing to compare.
      if (values.every((v) => v === null)) return;
      values.forEach((value, c) => {
        const colour = colourOf(value, panel.scale);
        pen.rect(x + c * w, y + r * h, w + 0.4, h + 0.4, colour);
        if (!numbered || value === null) return;
        const text = value.toFixed(panel.decimals).replace('-', '−');
        pen.text(x + (c + 0.5) * w, y + (r + 0.5) * h, text, { ...style, fill: inkOn(colour) });
      });
      values.forEach((value, c) => {
        if (!framed.has(row * m + c)) return;
        const ink = inkOn(colourOf(value, panel.scale));
        pen.rect(x + c * w + 1.5, y + r * h + 1.5, w - 3, h - 3, '', ink);
      });
    });
    this.boundaries(pen, panel.columns, (at) => [x + at * w, y, x + at * w, y + rows.length * h]);
    this.boundaries(pen, panel.rows, (at) => [x, y + at * h, x + m * w, y + at * h]);
  }

  /** Lines where one group ends. @param {Pen} pen @param {Axis} axis
   * @param {(at: number) => [number, number, number, number]} line */
  boundaries(pen, axis, line) {
    (axis.groups || []).forEach((group, i, all) => {
      if (i > 0 && group !== all[i - 1]) pen.line(...line(i), theme.paper, 2);
    });
  }

  /** Labels and titles of both axes. @param {Pen} pen @param {MatrixBlock} block */
  sides(pen, { panel, box, x, y, w, h, under, turned, rows: order, beside, below }) {
    const { rows, columns } = panel;
    const style = { size: 11, fill: theme.muted };
    const [n, m] = [order.length, columns.labels.length];
    const fill = (/** @type {Axis} */ axis, /** @type {number} */ i) =>
      axis.muted?.includes(i) || axis.kind !== 'tokens' ? theme.muted : theme.ink;
    const everyRow = Math.ceil(12 / h);
    order.forEach((row, r) => {
      if (r % everyRow !== 0) return;
      const name = fitted(shortText(rows.labels[row]), x - box.x - 22, style);
      const look = { ...style, fill: fill(rows, row), align: /** @type {const} */ ('right') };
      pen.text(x - 5, y + (r + 0.5) * h, name, { ...look, middle: true });
    });
    const bottom = y + n * h;
    const labels = columns.labels.map((label) => shortText(label));
    const longest = Math.max(...labels.map((label) => textWidth(label, style)), 1);
    const everyColumn = Math.ceil((turned ? 12 : longest + 4) / w);
    const title = below.length * leading(style) + 2;
    labels.forEach((label, c) => {
      if (c % everyColumn !== 0) return;
      const look = { ...style, fill: fill(columns, c) };
      if (turned) {
        const name = fitted(label, under - title - 8, style);
        const at = bottom + 5 + textWidth(name, style);
        pen.text(x + (c + 0.5) * w + 4, at, name, { ...look, turned: true });
      } else pen.text(x + (c + 0.5) * w, bottom + 14, label, { ...look, align: 'center' });
    });
    const middle = y + (n * h) / 2 + textWidth(beside, style) / 2;
    pen.text(box.x + 11, middle, beside, { ...style, turned: true });
    const widest = Math.max(0, ...below.map((line) => textWidth(line, style)));
    const centre = Math.max(x + (m * w) / 2, x + widest / 2);
    const at = bottom + under + leading(style) - title;
    stack(pen, centre, at, below, { ...style, align: 'center' });
  }

  hit(/** @type {number} */ px, /** @type {number} */ py) {
    for (const { panel, x, y, w, h, rows: order } of this.layout(this.width).blocks) {
      const { rows, columns } = panel;
      const [c, r] = [Math.floor((px - x) / w), Math.floor((py - y) / h)];
      const slice = this.slice(panel);
      if (!slice || c < 0 || r < 0 || c >= columns.labels.length || r >= order.length) continue;
      const row = order[r];
      const value = slice.values[row * columns.labels.length + c];
      const title = panel.title ? `${visible(panel.title)}: ` : '';
      const text = `${title}${placeName(rows, row)}, ${placeName(columns, c)}: ${number(value)}`;
      return { text, ...this.target(rows, row) };
    }
    return null;
  }

  rows() {
    const { panels } = this.chart;
    const [panel] = panels;
    const slice = this.slice(panel);
    if (panels.length > 1 || !slice) return longForm(this.chart);
    const m = panel.columns.labels.length;
    return {
      columns: [panel.rows.title, ...panel.columns.labels],
      rows: panel.rows.labels.map((label, r) => [label, ...slice.values.slice(r * m, (r + 1) * m)]),
    };
  }
}

/** The height of a row of words, and the room for the names of rows. */
const [GRID_ROW, GRID_SIDE] = [24, 74];

/** The name of a row, as on paper. @param {Axis} rows @param {number} row */
function gridRow({ kind, labels }, row) {
  if (kind !== 'layers') return shortText(labels[row], 11);
  return labels[row] === '0' ? 'embedding' : `layer ${labels[row]}`;
}

/** @extends {ChartPanel<Schema.Chart & Schema.Grid>} */
class GridPanel extends ChartPanel {
  /** @param {Schema.Chart & Schema.Grid} chart */
  constructor(chart) {
    super(chart, true);
    this.box.classList.add('sideways');
    this.box.tabIndex = 0;
    this.box.setAttribute('role', 'region');
    this.box.setAttribute('aria-label', this.about.title);
    this.order = fromTop(chart.rows);
    /** Room above the cells. */
    this.top = chart.truth ? 24 : 4;
  }

  height(/** @type {number} */ width) {
    return this.top + this.order.length * GRID_ROW + 74 + this.barRoom(width);
  }

  /** @param {number} width */
  barRoom(width) {
    const { scale, value } = this.chart;
    return barRoom(Math.min(300, width - GRID_SIDE - 8), scale, visible(value));
  }

  // Words need room: a long text is looked at sideways.
  room(/** @type {number} */ width) {
    return Math.max(width, GRID_SIDE + 4 + 56 * this.chart.columns.labels.length);
  }

  draw(/** @type {Pen} */ pen, /** @type {number} */ width, /** @type {number} */ height) {
    const { rows, columns, cells, scale, value, truth } = this.chart;
    const w = this.cellWidth(width);
    const now = this.layerOn(rows);
    const center = /** @type {const} */ ('center');
    this.order.forEach((row, r) => {
      const y = this.top + r * GRID_ROW;
      const own = row === now;
      const side = { size: 11, fill: own ? theme.accent : theme.muted, bold: own, middle: true };
      pen.text(GRID_SIDE - 6, y + 12, gridRow(rows, row), { ...side, align: 'right' });
      cells[row].forEach((cell, c) => {
        const colour = colourOf(cell.value, scale);
        const x = GRID_SIDE + c * w;
        pen.rect(x, y, w - 1, GRID_ROW - 1, colour);
        if (cell.framed) pen.rect(x + 2, y + 2, w - 5, GRID_ROW - 5, '', inkOn(colour));
        const style = { size: 11, fill: inkOn(colour), align: center, middle: true };
        pen.text(x + w / 2, y + 12, fitted(shortText(cell.text), w - 8, style), style);
      });
      if (own) pen.rect(GRID_SIDE, y - 0.5, w * cells[row].length, GRID_ROW, '', theme.accent);
    });
    const bottom = this.top + this.order.length * GRID_ROW;
    const focus = this.side ? focusOf(this.side) : null;
    columns.labels.forEach((label, c) => {
      const own = focus !== null && columns.numbers?.[c] === focus;
      const plain = columns.muted?.includes(c) ? theme.muted : theme.ink;
      const style = { size: 11, bold: own, fill: own ? theme.accent : plain, align: center };
      const x = GRID_SIDE + (c + 0.5) * w;
      pen.text(x, bottom + 15, fitted(shortText(label), w - 4, style), style);
      const wanted = truth?.labels[c];
      if (wanted === null || wanted === undefined) return;
      const above = { size: 11, fill: theme.muted, align: center };
      pen.text(x, 16, fitted(shortText(wanted), w - 4, above), above);
    });
    const side = { size: 11, fill: theme.muted };
    pen.text(2, bottom + 15, fitted(visible(columns.title), GRID_SIDE - 8, side), side);
    if (truth) pen.text(2, 16, fitted(visible(truth.name), GRID_SIDE - 8, side), side);
    const bar = Math.min(300, width - GRID_SIDE - 8);
    colourBar(pen, GRID_SIDE, height - 30 - this.barRoom(width), bar, scale, visible(value));
  }

  /** @param {number} width */
  cellWidth(width) {
    const columns = Math.max(1, this.chart.columns.labels.length);
    return Math.max(14, (width - GRID_SIDE - 4) / columns);
  }

  hit(/** @type {number} */ x, /** @type {number} */ y) {
    const { rows, columns, cells, truth } = this.chart;
    const c = Math.floor((x - GRID_SIDE) / this.cellWidth(this.width));
    const row = this.order[Math.floor((y - this.top) / GRID_ROW)];
    const cell = cells[row]?.[c];
    if (!cell) return null;
    const more = (cell.more || []).map((m) => visible(m)).join('; ');
    const wanted = truth?.labels[c];
    const said = [
      `${placeName(rows, row)}, ${shortText(columns.labels[c])}`,
      `“${shortText(cell.text)}” ${number(cell.value)}`,
    ].join(': ');
    const true_ = wanted ? `; ${visible(truth.name)}: “${shortText(wanted)}”` : '';
    return { text: `${said}${more ? ` (${more})` : ''}${true_}`, ...this.target(columns, c) };
  }

  rest() {
    return this.chart.framed ? `Framed: ${visible(this.chart.framed).replace(/\.$/, '')}.` : '';
  }

  rows() {
    const { rows, columns, cells } = this.chart;
    return {
      columns: [rows.title, ...columns.labels],
      rows: cells.map((row, r) => [
        rows.labels[r],
        ...row.map((cell) => `${cell.text} (${number(cell.value)})`),
      ]),
    };
  }
}
