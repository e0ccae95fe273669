// Charts that any command may fill: curves, matrices, grids, trails and tables.

const LEFT = 52;

/** The name of a curve, with the size of its sample. @param {Series} s */
function seriesName(s) {
  return visible(s.n ? `${s.name} (n = ${s.n})` : s.name);
}

/** The right edge of the curves, beside which their names stand. @param {number} width
 * @param {Series[]} series */
function rightOf(width, series) {
  const longest = Math.max(60, ...series.map((s) => textWidth(seriesName(s), { size: 11 })));
  return width - Math.min(longest + 26, width * 0.46);
}

/** The place on an axis of `count` that lies under x. @param {number} x @param {number} width
 * @param {number} count @param {Series[]} series */
function layerUnder(x, width, count, series) {
  const [left, right] = [LEFT, rightOf(width, series)];
  if (x < left - 12 || x > right + 12 || count < 1) return null;
  return Math.max(
    0,
    Math.min(count - 1, Math.round(((x - left) / (right - left || 1)) * (count - 1))),
  );
}

/** @param {Pen} pen @param {number} width @param {number} height
 * @param {{x: Axis, y: string, series: Series[], range?: [number, number], faint?: (number | null)[][], at?: number | null}} chart */
function drawCurves(pen, width, height, chart) {
  const { x, series } = chart;
  const [left, right, top, bottom] = [LEFT, rightOf(width, series), 26, height - 36];
  const n = x.labels.length;
  const values = [
    ...series.flatMap((s) => [s.values, s.low || [], s.high || []]),
    ...(chart.faint || []),
  ]
    .flat()
    .filter((/** @type {unknown} */ v) => v !== null)
    .map(Number);
  let [low, high] = chart.range || [Math.min(...values), Math.max(...values)];
  if (!(high > low)) [low, high] = Number.isFinite(low) ? [low - 0.5, low + 0.5] : [0, 1];
  if (!chart.range) [low, high] = [low - 0.04 * (high - low), high + 0.04 * (high - low)];
  const px = (/** @type {number} */ i) =>
    n > 1 ? left + ((right - left) * i) / (n - 1) : (left + right) / 2;
  const py = (/** @type {number} */ v) => bottom - ((bottom - top) * (v - low)) / (high - low);
  const small = { fill: theme.muted, size: 11 };
  const marks = ticks(low, high, 5);
  for (const tick of marks) {
    pen.line(left, py(tick), right, py(tick), theme.rule);
    pen.text(left - 6, py(tick), tickName(tick, marks), { ...small, align: 'right', middle: true });
  }
  const every = Math.ceil(
    (Math.max(...x.labels.map((l) => textWidth(shortText(l, 12), small) + 8)) * n) /
      Math.max(1, right - left),
  );
  x.labels.forEach((label, i) => {
    if (i % every === 0)
      pen.text(px(i), bottom + 15, shortText(label, 12), { ...small, align: 'center' });
  });
  pen.text((left + right) / 2, bottom + 31, x.title, { ...small, align: 'center' });
  pen.text(4, 14, fitted(chart.y, width - 8, small), small);
  if (chart.at !== null && chart.at !== undefined)
    pen.line(px(chart.at), top, px(chart.at), bottom, theme.accent, 1.5, [3, 3]);

  /** Stretches of a curve between its gaps. @param {(number | null)[]} curve */
  const stretches = (curve) => {
    /** @type {number[][]} */
    const found = [];
    curve.forEach((v, i) => {
      if (v === null) return;
      if (i === 0 || curve[i - 1] === null) found.push([]);
      found[found.length - 1].push(px(i), py(v));
    });
    return found;
  };
  pen.fade(0.5);
  for (const curve of chart.faint || [])
    stretches(curve).forEach((s) => pen.path(s, theme.rule, 1));
  /** @type {{y: number, name: string, colour: string}[]} */
  const ends = [];
  let measures = 0;
  const looks = series.map((s) => {
    const plain = s.kind === 'baseline';
    const index = plain ? 0 : measures;
    measures += plain ? 0 : 1;
    return {
      colour: plain ? theme.muted : OKABE_ITO[index % OKABE_ITO.length],
      dash: plain ? [5, 4] : [],
      shape: index,
    };
  });
  series.forEach((s, k) => {
    pen.fade(0.16);
    band(s, px, py, (points) => pen.area(points, looks[k].colour));
  });
  pen.fade(1);
  series.forEach((s, k) => {
    const { colour, dash, shape } = looks[k];
    stretches(s.values).forEach((stretch) => pen.path(stretch, colour, 1.8, dash));
    if (s.kind !== 'baseline' && n <= 40)
      s.values.forEach((v, i) => {
        if (v !== null) pen.marker(px(i), py(v), 3, shape, colour);
      });
    const last = s.values.findLast((v) => v !== null);
    if (last !== null && last !== undefined)
      ends.push({ y: py(last), name: seriesName(s), colour });
  });
  spread(ends, top, bottom);
  for (const end of ends) {
    const style = { fill: theme.ink, size: 11, middle: true };
    pen.rect(right + 8, end.y - 1.5, 8, 3, end.colour);
    pen.text(right + 20, end.y, fitted(end.name, width - right - 22, style), style);
  }
}

/** The band of an interval, between its gaps. @param {Series} s @param {(i: number) => number} px
 * @param {(v: number) => number} py @param {(points: number[]) => void} fill */
function band(s, px, py, fill) {
  /** @type {number[]} */
  let up = [];
  /** @type {number[]} */
  let down = [];
  const end = () => {
    if (up.length > 2) fill([...up, ...down]);
    [up, down] = [[], []];
  };
  s.values.forEach((_, i) => {
    const [low, high] = [s.low?.[i] ?? null, s.high?.[i] ?? null];
    if (low === null || high === null) end();
    else {
      up.push(px(i), py(high));
      down.unshift(px(i), py(low));
    }
  });
  end();
}

/** Moves names apart that stand at one height. @param {{y: number}[]} ends @param {number} top
 * @param {number} bottom */
function spread(ends, top, bottom) {
  ends.sort((a, b) => a.y - b.y);
  const gap = Math.min(14, (bottom - top) / Math.max(1, ends.length - 1));
  ends.forEach((end, i) => {
    if (i > 0) end.y = Math.max(end.y, ends[i - 1].y + gap);
  });
  for (let i = ends.length - 1; i >= 0; i -= 1) {
    ends[i].y = Math.min(ends[i].y, i === ends.length - 1 ? bottom : ends[i + 1].y - gap);
  }
}

/** What the panels of charts share. @template {Chart} C */
class ChartPanel extends Panel {
  /** @param {C} chart @param {boolean} [wide] */
  constructor(chart, wide) {
    const side = chart.exploration === undefined ? undefined : sides[chart.exploration];
    const of = side && sides.length > 1 ? `${'AB'[side.index]}: ` : '';
    super({
      id: `chart-${chart.id}`,
      title: of + visible(chart.title),
      shows: visible(chart.shows),
      paper: chart.paper,
      side,
      wide,
    });
    this.chart = chart;
  }

  /** Where the page's layer is on an axis of layers; between its places where it moves.
   * @param {Axis} axis @returns {number | null} */
  layerOn(axis) {
    if (axis.of !== 'layers' || !this.side) return null;
    const now = this.side.e.layers[layerAt(this.side)].layer;
    const at = (axis.ids || []).indexOf(now);
    return at < 0 ? null : at;
  }

  /** @param {Axis} axis @param {number} place @returns {{token?: number, layer?: number}} */
  target(axis, place) {
    const id = axis.ids?.[place];
    if (id === undefined || !this.side) return {};
    if (axis.of === 'tokens') return { token: id };
    const layer = this.side.e.layers.findIndex((l) => l.layer === id);
    return layer < 0 ? {} : { layer };
  }

  deps() {
    return this.side ? [layerAt(this.side), focusOf(this.side), state.pinned] : [];
  }

  json() {
    return this.chart;
  }
}

/** @extends {ChartPanel<CurvesChart>} */
class CurvesPanel extends ChartPanel {
  height(/** @type {number} */ width) {
    return Math.min(340, Math.max(240, width * 0.55));
  }

  draw(/** @type {Pen} */ pen, /** @type {number} */ width, /** @type {number} */ height) {
    drawCurves(pen, width, height, { ...this.chart, at: this.layerOn(this.chart.x) });
  }

  hit(/** @type {number} */ x) {
    const { chart } = this;
    const place = layerUnder(x, this.width, chart.x.labels.length, chart.series);
    if (place === null) return null;
    const all = chart.series.map((s) => {
      const ends =
        s.low?.[place] !== undefined && s.low[place] !== null
          ? ` [${number(s.low[place])}, ${number(s.high?.[place])}]`
          : '';
      return `${visible(s.name)} ${number(s.values[place])}${ends}`;
    });
    return {
      text: `${chart.x.title} ${visible(chart.x.labels[place])}: ${all.join('; ')}`,
      ...this.target(chart.x, place),
    };
  }

  rows() {
    const { x, series } = this.chart;
    const columns = [
      x.title,
      ...series.flatMap((s) => [
        s.name,
        ...(s.low?.length ? [`${s.name}, low`, `${s.name}, high`] : []),
      ]),
    ];
    const rows = x.labels.map((label, i) => [
      label,
      ...series.flatMap((s) => [
        s.values[i],
        ...(s.low?.length ? [s.low[i] ?? null, s.high?.[i] ?? null] : []),
      ]),
    ]);
    return { columns, rows };
  }
}

/** @extends {ChartPanel<MatrixChart>} */
class MatrixPanel extends ChartPanel {
  /** @param {MatrixChart} chart */
  constructor(chart) {
    super(chart);
    /** A slice's layer is the page's, where the page has layers. */
    this.layered = !!this.side && chart.slices.some((s) => s.layer !== undefined);
    const names = [...new Set(chart.slices.map((s) => this.nameOf(s)))];
    this.name = names[0] || '';
    if (names.length > 1) {
      this.controls.append(
        choice(
          'Of',
          names.map((name) => [name, shortText(name, 40)]),
          () => this.name,
          (name) => {
            this.name = name;
            this.drawn = [];
            wake();
          },
        ).root,
      );
    }
  }

  /** @param {{name?: string, layer?: number}} slice */
  nameOf(slice) {
    const layer = this.layered || slice.layer === undefined ? '' : layerName(slice.layer);
    return [layer, slice.name || ''].filter(Boolean).join(', ');
  }

  /** The matrix of the moment: of its name, and of the page's layer where it has layers. */
  slice() {
    const own = this.chart.slices.filter((s) => this.nameOf(s) === this.name);
    if (!this.layered) return own[0];
    const now = this.side.e.layers[layerAt(this.side)]?.layer ?? 0;
    return own.find((s) => s.layer === now);
  }

  height(/** @type {number} */ width) {
    const { rows, columns } = this.chart;
    const shape = rows.labels.length / Math.max(1, columns.labels.length);
    return Math.min(520, Math.max(90, Math.min(width, 460) * Math.min(shape, 2))) + 60;
  }

  /** @param {number} width @param {number} height */
  layout(width, height) {
    const { rows, columns } = this.chart;
    const style = { size: 11 };
    const longest = Math.max(...rows.labels.map((l) => textWidth(shortText(l), style)), 8);
    const left = Math.min(longest + 22, width * 0.34);
    const turned = columns.of !== 'layers';
    const under = turned
      ? Math.min(90, Math.max(...columns.labels.map((l) => textWidth(shortText(l), style)), 8) + 8)
      : 18;
    const w = (width - left - 8) / Math.max(1, columns.labels.length);
    const h = (height - 44 - under - 8) / Math.max(1, rows.labels.length);
    const square = rows.of === columns.of && rows.of !== undefined;
    const side = Math.min(w, h);
    return square
      ? { left, top: 8, w: side, h: side, under, turned }
      : { left, top: 8, w: Math.min(w, 60), h: Math.min(h, 60), under, turned };
  }

  draw(/** @type {Pen} */ pen, /** @type {number} */ width, /** @type {number} */ height) {
    const { rows, columns, scale, value } = this.chart;
    const { left, top, w, h, under, turned } = this.layout(width, height);
    const slice = this.slice();
    const [n, m] = [rows.labels.length, columns.labels.length];
    for (let r = 0; slice && r < n; r += 1) {
      for (let c = 0; c < m; c += 1)
        pen.rect(
          left + c * w,
          top + r * h,
          w + 0.4,
          h + 0.4,
          colourOf(slice.values[r * m + c], scale),
        );
    }
    if (!slice)
      pen.text(left + (m * w) / 2, top + (n * h) / 2, 'nothing at this layer', {
        align: 'center',
        fill: theme.muted,
      });
    const style = { size: 11, fill: theme.muted };
    const everyRow = Math.ceil(12 / h);
    rows.labels.forEach((label, r) => {
      if (r % everyRow === 0)
        pen.text(left - 5, top + (r + 0.5) * h, fitted(shortText(label), left - 20, style), {
          ...style,
          align: 'right',
          middle: true,
        });
    });
    const everyColumn = Math.ceil((turned ? 12 : 20) / w);
    columns.labels.forEach((label, c) => {
      if (c % everyColumn !== 0) return;
      const name = fitted(shortText(label), turned ? under - 6 : 40, style);
      if (turned)
        pen.text(left + (c + 0.5) * w + 4, top + n * h + 5 + textWidth(name, style), name, {
          ...style,
          turned: true,
        });
      else pen.text(left + (c + 0.5) * w, top + n * h + 14, name, { ...style, align: 'center' });
    });
    pen.text(11, top + (n * h) / 2 + textWidth(rows.title, style) / 2, rows.title, {
      ...style,
      turned: true,
    });
    pen.text(left + (m * w) / 2, top + n * h + under + 10, columns.title, {
      ...style,
      align: 'center',
    });
    for (const axis of [rows, columns]) {
      const at = this.layerOn(axis);
      if (at === null) continue;
      if (axis === rows) pen.rect(left, top + at * h, m * w, h, '', theme.accent);
      else pen.rect(left + at * w, top, w, n * h, '', theme.accent);
    }
    colourBar(
      pen,
      left,
      height - 26,
      Math.max(160, Math.min(m * w, width - left - 8)),
      scale,
      value,
    );
  }

  hit(/** @type {number} */ x, /** @type {number} */ y) {
    const { rows, columns } = this.chart;
    const { left, top, w, h } = this.layout(this.width, Math.round(this.height(this.width)));
    const [c, r] = [Math.floor((x - left) / w), Math.floor((y - top) / h)];
    const slice = this.slice();
    if (!slice || c < 0 || r < 0 || c >= columns.labels.length || r >= rows.labels.length)
      return null;
    const name = (/** @type {Axis} */ axis, /** @type {number} */ i) =>
      `${axis.of === 'tokens' ? '' : `${axis.title} `}${shortText(axis.labels[i], 40)}`;
    return {
      text: `${name(rows, r)}, ${name(columns, c)}: ${number(slice.values[r * columns.labels.length + c])}`,
      ...this.target(rows, r),
    };
  }

  rows() {
    const { rows, columns } = this.chart;
    const slice = this.slice();
    const m = columns.labels.length;
    return {
      columns: [rows.title, ...columns.labels],
      rows: slice
        ? rows.labels.map((label, r) => [label, ...slice.values.slice(r * m, (r + 1) * m)])
        : [],
    };
  }
}

/** @extends {ChartPanel<GridChart>} */
class GridPanel extends ChartPanel {
  /** @param {GridChart} chart */
  constructor(chart) {
    super(chart, true);
    this.box.classList.add('sideways');
    this.box.tabIndex = 0;
    this.box.setAttribute('role', 'region');
    this.box.setAttribute('aria-label', this.about.title);
  }

  height() {
    return this.chart.rows.labels.length * 24 + 74;
  }

  // Words need room: a long text is looked at sideways.
  room(/** @type {number} */ width) {
    return Math.max(width, 54 + 56 * this.chart.columns.labels.length);
  }

  draw(/** @type {Pen} */ pen, /** @type {number} */ width, /** @type {number} */ height) {
    const { rows, columns, cells, scale, value } = this.chart;
    const w = this.cellWidth(width);
    const now = this.layerOn(rows);
    cells.forEach((row, r) => {
      const y = 26 + r * 24;
      pen.text(44, y + 12, shortText(rows.labels[r], 8), {
        size: 11,
        fill: r === now ? theme.accent : theme.muted,
        bold: r === now,
        align: 'right',
        middle: true,
      });
      row.forEach((cell, c) => {
        const colour = colourOf(cell.value, scale);
        pen.rect(50 + c * w, y, w - 1, 23, colour, cell.framed ? theme.accent : undefined);
        const style = {
          size: 11,
          fill: inkOn(colour),
          align: /** @type {const} */ ('center'),
          middle: true,
        };
        pen.text(50 + (c + 0.5) * w, y + 12, fitted(shortText(cell.text), w - 6, style), style);
      });
      if (r === now) pen.rect(50, y - 0.5, w * row.length, 24, '', theme.accent);
    });
    const focus = this.side ? focusOf(this.side) : null;
    columns.labels.forEach((label, c) => {
      const own = focus !== null && columns.ids?.[c] === focus;
      const style = {
        size: 11,
        bold: own,
        fill: own ? theme.accent : theme.ink,
        align: /** @type {const} */ ('center'),
      };
      pen.text(50 + (c + 0.5) * w, 18, fitted(shortText(label), w - 4, style), style);
    });
    colourBar(pen, 50, height - 30, Math.min(300, width - 60), scale, value);
  }

  /** @param {number} width */
  cellWidth(width) {
    return Math.max(14, (width - 54) / Math.max(1, this.chart.columns.labels.length));
  }

  hit(/** @type {number} */ x, /** @type {number} */ y) {
    const { rows, columns, cells } = this.chart;
    const [c, r] = [Math.floor((x - 50) / this.cellWidth(this.width)), Math.floor((y - 26) / 24)];
    const cell = cells[r]?.[c];
    if (!cell) return null;
    const more = (cell.more || []).map((m) => visible(m)).join('; ');
    return {
      text: `${rows.title} ${rows.labels[r]}, ${shortText(columns.labels[c])}: “${shortText(cell.text)}” ${number(cell.value)}${more ? ` (${more})` : ''}`,
      ...this.target(columns, c),
    };
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

/** @extends {ChartPanel<TrailsChart>} */
class TrailsPanel extends ChartPanel {
  height(/** @type {number} */ width) {
    return Math.min(420, Math.max(280, width * 0.8));
  }

  /** @param {number} width @param {number} height */
  frame(width, height) {
    const all = this.chart.items.flatMap((item) => item.points.flatMap((p) => (p ? [p] : [])));
    const ends = (/** @type {number} */ k) => {
      const low = Math.min(0, ...all.map((p) => p[k]));
      const high = Math.max(0, ...all.map((p) => p[k]));
      return [low - 0.05 * (high - low || 1), high + 0.05 * (high - low || 1)];
    };
    const [x, y] = [ends(0), ends(1)];
    return {
      x,
      y,
      px: (/** @type {number} */ v) => 46 + ((width - 60) * (v - x[0])) / (x[1] - x[0]),
      py: (/** @type {number} */ v) => height - 40 - ((height - 66) * (v - y[0])) / (y[1] - y[0]),
    };
  }

  /** The step of the page's layer, or the nearest before it. */
  step() {
    const ids = this.chart.steps.ids || [];
    if (!this.side) return ids.length - 1;
    const now = this.side.e.layers[layerAt(this.side)].layer;
    return Math.max(
      0,
      ids.findLastIndex((id) => id <= now),
    );
  }

  draw(/** @type {Pen} */ pen, /** @type {number} */ width, /** @type {number} */ height) {
    const { chart } = this;
    const { x, y, px, py } = this.frame(width, height);
    const small = { fill: theme.muted, size: 11 };
    const [across, up] = [ticks(x[0], x[1], 5), ticks(y[0], y[1], 5)];
    for (const t of across) {
      pen.line(px(t), 26, px(t), height - 40, t === 0 ? theme.muted : theme.rule);
      pen.text(px(t), height - 25, tickName(t, across), { ...small, align: 'center' });
    }
    for (const t of up) {
      pen.line(46, py(t), width - 14, py(t), t === 0 ? theme.muted : theme.rule);
      pen.text(40, py(t), tickName(t, up), { ...small, align: 'right', middle: true });
    }
    pen.text(4, 14, fitted(chart.y, width - 8, small), small);
    pen.text(width - 14, height - 8, fitted(chart.x, width - 20, small), {
      ...small,
      align: 'right',
    });
    const step = this.step();
    const focus = this.side ? focusOf(this.side) : null;
    const marked = chart.items.map((item) => focus !== null && !!item.tokens?.includes(focus));
    const any = marked.some(Boolean);
    /** @type {number[][]} */
    const taken = [];
    const order = chart.items
      .map((_, i) => i)
      .sort(
        (a, b) =>
          Number(marked[b]) - Number(marked[a]) ||
          Number(chart.items[b].emphasised) - Number(chart.items[a].emphasised),
      );
    for (const i of order) {
      const item = chart.items[i];
      const colour = marked[i]
        ? theme.accent
        : item.emphasised
          ? OKABE_ITO[i % OKABE_ITO.length]
          : theme.muted;
      const way = item.points.slice(0, step + 1).flatMap((p) => (p ? [px(p[0]), py(p[1])] : []));
      const now = item.points[step];
      pen.fade(any && !marked[i] ? 0.25 : item.emphasised || marked[i] ? 0.8 : 0.35);
      if (way.length > 2) pen.path(way, colour, marked[i] ? 2 : 1.2);
      if (now) {
        const [cx, cy] = [px(now[0]), py(now[1])];
        pen.marker(cx, cy, item.emphasised || marked[i] ? 5 : 3, i, colour);
        pen.fade(any && !marked[i] ? 0.5 : 1);
        const name = shortText(item.name);
        const w = textWidth(name);
        const right = cx + 8 + w > width - 4 ? cx - 8 - w : cx + 8;
        const box = [right, cy - 8, right + w, cy + 6];
        const free = !taken.some(
          ([a, b, c, d]) => box[0] < c && box[2] > a && box[1] < d && box[3] > b,
        );
        if (free || marked[i]) {
          taken.push(box);
          pen.text(right, cy + 4, name, {
            fill: item.emphasised || marked[i] ? theme.ink : theme.muted,
            bold: marked[i],
          });
        }
      }
      pen.fade(1);
    }
    pen.text(width - 14, 14, `${chart.steps.title} ${chart.steps.labels[step] ?? ''}`, {
      ...small,
      align: 'right',
    });
  }

  hit(/** @type {number} */ x, /** @type {number} */ y) {
    const { px, py } = this.frame(this.width, Math.round(this.height(this.width)));
    const step = this.step();
    let best = null;
    let least = 225;
    for (const item of this.chart.items) {
      const p = item.points[step];
      if (!p) continue;
      const distance = (px(p[0]) - x) ** 2 + (py(p[1]) - y) ** 2;
      if (distance < least) [best, least] = [item, distance];
    }
    const at = best?.points[step];
    return best && at
      ? {
          text: `${shortText(best.name)}: ${number(at[0])}, ${number(at[1])}`,
          token: best.tokens?.[0],
        }
      : null;
  }

  rows() {
    const { steps, items, x, y } = this.chart;
    return {
      columns: ['name', steps.title, x, y],
      rows: items.flatMap((item) =>
        steps.labels.map((label, s) => [
          item.name,
          label,
          item.points[s]?.[0] ?? null,
          item.points[s]?.[1] ?? null,
        ]),
      ),
    };
  }
}

/** @extends {ChartPanel<TableChart>} */
class TablePanel extends ChartPanel {
  /** @param {TableChart} chart */
  constructor(chart) {
    super(chart);
    this.box.classList.add('scroll');
    this.box.tabIndex = 0;
    this.box.setAttribute('role', 'region');
    this.box.setAttribute('aria-label', this.about.title);
    this.box.replaceChildren(...table(this.rows(), this.about.title));
    this.details.hidden = true;
  }

  height() {
    return 0;
  }

  rows() {
    return { columns: this.chart.columns, rows: this.chart.rows };
  }
}

/** @param {Chart} chart @returns {Panel | null} */
function chartPanel(chart) {
  switch (chart.type) {
    case 'curves':
      return new CurvesPanel(chart);
    case 'matrix':
      return new MatrixPanel(chart);
    case 'grid':
      return new GridPanel(chart);
    case 'trails':
      return new TrailsPanel(chart);
    case 'table':
      return new TablePanel(chart);
    default:
      return null;
  }
}
