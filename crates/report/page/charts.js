// Charts that any command may fill: what all kinds share, curves, trails and tables.

/** Between the panels of a chart. */
const PANEL_GAP = 18;

/** What the sections of charts share. @template {Schema.Chart} C */
class ChartPanel extends Panel {
  /** @param {C} chart @param {boolean} [wide] */
  constructor(chart, wide) {
    const side = chart.exploration === undefined ? undefined : sides[chart.exploration];
    const of = side && sides.length > 1 ? `${'AB'[side.index]}: ` : '';
    super({
      id: `chart-${chart.id}`,
      title: of + visible(chart.title),
      shows: visible(chart.caption),
      paper: chart.paper,
      side,
      wide,
    });
    /** As it came: for files. */
    this.data = chart;
    this.chart = side?.e.tokens.some((t) => t.unknown) ? withMarks(chart, side) : chart;
  }

  /** The place of the page's layer on an axis of layers. @param {Axis} axis
   * @returns {number | null} */
  layerOn(axis) {
    if (axis.kind !== 'layers' || !this.side) return null;
    const now = this.side.e.layers[layerAt(this.side)].layer;
    const at = (axis.numbers || []).indexOf(now);
    return at < 0 ? null : at;
  }

  /** What a click at a place of an axis chooses. @param {Axis} axis @param {number} place
   * @returns {{token?: number, layer?: number}} */
  target(axis, place) {
    const number = axis.numbers?.[place];
    if (number === undefined || !this.side) return {};
    if (axis.kind === 'tokens') return { token: number };
    if (axis.kind !== 'layers') return {};
    const layer = this.side.e.layers.findIndex((l) => l.layer === number);
    return layer < 0 ? {} : { layer };
  }

  deps() {
    return this.side ? [layerAt(this.side), focusOf(this.side), state.pinned] : [];
  }

  json() {
    return this.data;
  }

  csvRows() {
    return longForm(this.data);
  }
}

/** A chart whose axes mark unknown tokens. @template {Schema.Chart} C @param {C} chart
 * @param {Side} side @returns {C} */
function withMarks(chart, side) {
  const marked = (/** @type {Axis} */ axis) => {
    if (axis.kind !== 'tokens' || !axis.numbers) return axis;
    const { numbers } = axis;
    const labels = axis.labels.map((label, i) =>
      side.e.tokens[numbers[i]]?.unknown ? UNKNOWN + label : label,
    );
    return { ...axis, labels };
  };
  const copy = { ...chart };
  if (copy.type === 'matrix')
    copy.panels = copy.panels.map((p) => ({
      ...p,
      rows: marked(p.rows),
      columns: marked(p.columns),
    }));
  else if (copy.type === 'grid') copy.columns = marked(copy.columns);
  else if (copy.type === 'trails') copy.items = marked(copy.items);
  return copy;
}

/** A place of an axis in words. @param {Axis} axis @param {number} place */
function placeName(axis, place) {
  const title = axis.kind === 'tokens' || !axis.title ? '' : `${visible(axis.title)} `;
  return `${title}${shortText(axis.labels[place], 40)}`;
}

/** How many boxes of at least some width stand beside each other. @param {number} width
 * @param {number} least @param {number} most */
function across(width, least, most) {
  return Math.max(1, Math.min(most, Math.floor((width + PANEL_GAP) / (least + PANEL_GAP))));
}

/** @extends {ChartPanel<Schema.Chart & Schema.Curves>} */
class CurvesPanel extends ChartPanel {
  /** @param {Schema.Chart & Schema.Curves} chart */
  constructor(chart) {
    // A profile of one model has one story.
    const isStory = report.kind === 'profile' && chart.id === 'story';
    super(chart, isStory || chart.rows.flat().length > 1);
  }

  /** The legend of small panels: of every name the first curve. @returns {Series[]} */
  legend() {
    if (!this.chart.multiples) return [];
    /** @type {Map<string, Series>} */
    const names = new Map();
    for (const s of this.chart.rows.flat().flatMap((panel) => panel.series)) {
      if (!names.has(s.name)) names.set(s.name, s);
    }
    return names.size > 1 ? [...names.values()] : [];
  }

  /** @param {number} width */
  layout(width) {
    const { rows, multiples } = this.chart;
    const all = rows.flat();
    const least = multiples
      ? 124
      : all.length > 1
        ? 200
        : Math.min(320, Math.max(220, width * 0.55));
    /** @type {{panel: Schema.Panel, box: Box}[]} */
    const boxes = [];
    let y = this.legendPlaces(width).height;
    for (const row of multiples ? [all] : rows) {
      const count = across(width, multiples ? 210 : 330, Math.min(6, row.length));
      const w = (width - PANEL_GAP * (count - 1)) / count;
      // As tall as the names beside the curves need it.
      const names = (/** @type {Schema.Panel} */ panel) =>
        panel.series.flatMap((s) => wrapped(seriesName(s), w * 0.4, CURVES_TEXT)).length;
      const tall = multiples
        ? least
        : Math.max(least, 60 + leading(CURVES_TEXT) * Math.max(...row.map(names)));
      for (let from = 0; from < row.length; from += count) {
        const beside = row.slice(from, from + count);
        const head = sharedHead(beside, w);
        const h = tall + headHeight(head);
        beside.forEach((panel, i) => {
          boxes.push({ panel, box: { x: i * (w + PANEL_GAP), y, w, h, head } });
        });
        y += h + PANEL_GAP;
      }
    }
    return { boxes, height: Math.max(0, y - PANEL_GAP) };
  }

  /** @param {number} width */
  legendPlaces(width) {
    const entries = this.legend().map((s) => ({ name: visible(s.name), ...lookOf(s) }));
    return legendPlaces(entries, width);
  }

  rest() {
    return (this.chart.notes || []).map(visible).join(' ');
  }

  height(/** @type {number} */ width) {
    return this.layout(width).height;
  }

  draw(/** @type {Pen} */ pen, /** @type {number} */ width) {
    drawLegend(pen, this.legendPlaces(width));
    for (const { panel, box } of this.layout(width).boxes) {
      const at = this.layerOn(panel.x);
      new CurvesFrame(box, panel, { small: this.chart.multiples, at }).draw(pen);
    }
  }

  hit(/** @type {number} */ x, /** @type {number} */ y) {
    const under = this.layout(this.width).boxes.find(
      ({ box }) => x >= box.x && x < box.x + box.w && y >= box.y && y < box.y + box.h,
    );
    if (!under) return null;
    const { panel, box } = under;
    const frame = new CurvesFrame(box, panel, { small: this.chart.multiples });
    const said = panel.series.flatMap((s) => {
      const i = frame.nearest(x, s);
      if (i === null) return [];
      const ends = s.intervals?.[i];
      const interval = ends ? ` [${number(ends[0])}, ${number(ends[1])}]` : '';
      const layer = s.layers ? ` at ${layerName(s.layers[i])}` : '';
      return [`${visible(s.name)} ${number(s.values[i])}${interval}${layer}`];
    });
    if (said.length === 0) return null;
    const place = panel.x.kind === 'share' ? null : frame.nearest(x);
    const where = place === null ? '' : `${placeName(panel.x, place)}: `;
    const title = panel.title ? `${visible(panel.title)}, ` : '';
    const target = place === null ? {} : this.target(panel.x, place);
    return { text: `${title}${where}${said.join('; ')}`, ...target };
  }

  rows() {
    const panels = this.chart.rows.flat();
    const [panel] = panels;
    if (panels.length !== 1 || panel.x.kind === 'share') return longForm(this.chart);
    const ends = (/** @type {Series} */ s) =>
      s.intervals ? [`${s.name}, low`, `${s.name}, high`] : [];
    const values = (/** @type {Series} */ s, /** @type {number} */ i) => [
      s.values[i],
      ...(s.intervals ? s.intervals[i] || [null, null] : []),
    ];
    return {
      columns: [panel.x.title, ...panel.series.flatMap((s) => [s.name, ...ends(s)])],
      rows: panel.x.labels.map((label, i) => [label, ...panel.series.flatMap((s) => values(s, i))]),
    };
  }
}

/** @extends {ChartPanel<Schema.Chart & Schema.Trails>} */
class TrailsPanel extends ChartPanel {
  height(/** @type {number} */ width) {
    return Math.min(420, Math.max(280, width * 0.8));
  }

  /** Data to picture: of all steps where they share a plane, else of one.
   * @param {number} width @param {number} height */
  frame(width, height) {
    const { points, shared } = this.chart;
    const all = (shared ? points.flat() : points[this.step()] || []).flatMap((p) => (p ? [p] : []));
    const ends = (/** @type {number} */ k) => {
      const low = Math.min(...all.map((p) => p[k]));
      const high = Math.max(...all.map((p) => p[k]));
      const room = 0.06 * (high - low || 1);
      return Number.isFinite(low) ? [low - room, high + room] : [-1, 1];
    };
    const [x, y] = [ends(0), ends(1)];
    return {
      x,
      y,
      px: (/** @type {number} */ v) => 46 + ((width - 60) * (v - x[0])) / (x[1] - x[0]),
      py: (/** @type {number} */ v) => height - 40 - ((height - 66) * (v - y[0])) / (y[1] - y[0]),
    };
  }

  /** The step of the page's layer, or the nearest before it; of charts without a text the last. */
  step() {
    const { numbers = [], labels } = this.chart.steps;
    if (!this.side || this.chart.exploration === undefined) return labels.length - 1;
    const now = this.side.e.layers[layerAt(this.side)].layer;
    return Math.max(
      0,
      numbers.findLastIndex((n) => n <= now),
    );
  }

  draw(/** @type {Pen} */ pen, /** @type {number} */ width, /** @type {number} */ height) {
    const { items, points, shared, steps } = this.chart;
    const frame = this.frame(width, height);
    this.axes(pen, frame, width, height);
    const step = this.step();
    const focus = this.side ? focusOf(this.side) : null;
    const isMarked = (/** @type {number} */ i) =>
      focus !== null && items.kind === 'tokens' && items.numbers?.[i] === focus;
    const any = items.labels.some((_, i) => isMarked(i));
    const muted = new Set(items.muted);
    const groups = [...new Set(items.groups)];
    const order = items.labels.map((_, i) => i);
    order.sort((a, b) => Number(isMarked(b)) - Number(isMarked(a)) || a - b);
    /** @type {number[][]} */
    const taken = [];
    for (const i of order) {
      const marked = isMarked(i);
      const rank = Math.max(0, groups.indexOf(items.groups?.[i] ?? -1));
      const many = groups.length > 1;
      const own = many
        ? OKABE_ITO[rank % OKABE_ITO.length]
        : colours(false)[Math.round((225 * i) / items.labels.length)];
      const colour = marked ? theme.accent : muted.has(i) ? theme.muted : own;
      const way = points.slice(0, step + 1).flatMap((at) => {
        const p = at[i];
        return p ? [frame.px(p[0]), frame.py(p[1])] : [];
      });
      pen.fade(any && !marked ? 0.25 : marked ? 0.9 : 0.4);
      if (shared && way.length > 2) pen.path(way, colour, marked ? 2 : 1);
      pen.fade(any && !marked ? 0.5 : 1);
      const now = points[step]?.[i];
      if (now) {
        const [cx, cy] = [frame.px(now[0]), frame.py(now[1])];
        pen.marker(cx, cy, marked ? 5 : 4, many ? rank : 0, colour);
        const name = shortText(items.labels[i]);
        const w = textWidth(name);
        const left = cx + 8 + w > width - 4 ? cx - 8 - w : cx + 8;
        const box = [left, cy - 8, left + w, cy + 6];
        const free = !taken.some(
          ([a, b, c, d]) => box[0] < c && box[2] > a && box[1] < d && box[3] > b,
        );
        if (free || marked) {
          taken.push(box);
          const fill = muted.has(i) && !marked ? theme.muted : theme.ink;
          pen.text(left, cy + 4, name, { fill, bold: marked });
        }
      }
      pen.fade(1);
    }
    const note = this.chart.notes?.[step];
    const name = `${placeName(steps, step)}${note ? `: ${visible(note)}` : ''}`;
    pen.text(width - 14, 14, name, { fill: theme.muted, size: 11, align: 'right' });
  }

  /** Grid and titles; none where axes have no meaning. @param {Pen} pen
   * @param {ReturnType<TrailsPanel['frame']>} frame @param {number} width @param {number} height */
  axes(pen, frame, width, height) {
    const { chart } = this;
    const small = { fill: theme.muted, size: 11 };
    if (!chart.x && !chart.y) {
      pen.rect(46, 26, width - 60, height - 66, '', theme.rule);
      pen.text(width - 14, height - 8, 'axes have no meaning', { ...small, align: 'right' });
      return;
    }
    const [right, up] = [ticks(frame.x[0], frame.x[1], 5), ticks(frame.y[0], frame.y[1], 5)];
    for (const t of right) {
      const x = frame.px(t);
      pen.line(x, 26, x, height - 40, t === 0 ? theme.muted : theme.rule);
      pen.text(x, height - 25, tickName(t, right), { ...small, align: 'center' });
    }
    for (const t of up) {
      const y = frame.py(t);
      pen.line(46, y, width - 14, y, t === 0 ? theme.muted : theme.rule);
      pen.text(40, y, tickName(t, up), { ...small, align: 'right', middle: true });
    }
    pen.text(4, 14, fitted(visible(chart.y || ''), width / 2, small), small);
    const x = fitted(visible(chart.x || ''), width - 20, small);
    pen.text(width - 14, height - 8, x, { ...small, align: 'right' });
  }

  hit(/** @type {number} */ x, /** @type {number} */ y) {
    const { items, points } = this.chart;
    const { px, py } = this.frame(this.width, Math.round(this.height(this.width)));
    let best = -1;
    let least = 225;
    (points[this.step()] || []).forEach((p, i) => {
      if (!p) return;
      const distance = (px(p[0]) - x) ** 2 + (py(p[1]) - y) ** 2;
      if (distance < least) [best, least] = [i, distance];
    });
    const at = points[this.step()]?.[best];
    if (!at) return null;
    const text = `${shortText(items.labels[best])}: ${number(at[0])}, ${number(at[1])}`;
    return { text, ...this.target(items, best) };
  }

  rows() {
    return longForm(this.chart);
  }
}

/** @extends {ChartPanel<Schema.Chart & Schema.Table>} */
class TablePanel extends ChartPanel {
  /** @param {Schema.Chart & Schema.Table} chart */
  constructor(chart) {
    super(chart, chart.columns.length > 4);
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
    return longForm(this.chart);
  }
}

/** A chart as lines of values, with the columns that the CSV of the command line has.
 * @param {Schema.Chart} chart @returns {Rows} */
function longForm(chart) {
  switch (chart.type) {
    case 'curves':
      return {
        columns: ['panel', 'series', 'layer', 'x', 'value', 'low', 'high', 'n'],
        rows: chart.rows.flat().flatMap((panel) =>
          panel.series.flatMap((s) =>
            s.values.flatMap((value, i) => {
              if (value === null) return [];
              const label = panel.x.labels[i] ?? null;
              const layer = panel.x.kind === 'layers' ? label : (s.layers?.[i] ?? null);
              const [low, high] = s.intervals?.[i] || [null, null];
              const x = s.at ? s.at[i] : label;
              return [[panel.title || '', s.name, layer, x, value, low, high, s.n ?? null]];
            }),
          ),
        ),
      };
    case 'matrix':
      return {
        columns: ['panel', 'slice', 'layer', 'row', 'column', 'value', 'n'],
        rows: chart.panels.flatMap((panel) =>
          panel.slices.flatMap((slice) =>
            slice.values.flatMap((value, i) => {
              if (value === null) return [];
              const row = panel.rows.labels[Math.floor(i / panel.columns.labels.length)];
              const column = panel.columns.labels[i % panel.columns.labels.length];
              const head = [panel.title || '', slice.name || '', slice.layer ?? null];
              return [[...head, row, column, value, panel.n ?? null]];
            }),
          ),
        ),
      };
    case 'grid':
      return {
        columns: ['row', 'column', 'text', 'value', 'framed'],
        rows: chart.cells.flatMap((row, r) =>
          row.map((cell, c) => [
            chart.rows.labels[r],
            chart.columns.labels[c],
            cell.text,
            cell.value,
            String(!!cell.framed),
          ]),
        ),
      };
    case 'trails':
      return {
        columns: ['step', 'item', 'x', 'y'],
        rows: chart.points.flatMap((at, step) =>
          at.flatMap((p, i) =>
            p ? [[chart.steps.labels[step], chart.items.labels[i], p[0], p[1]]] : [],
          ),
        ),
      };
    case 'pictures':
      return { columns: [], rows: [] };
    default:
      return {
        columns: chart.columns.map((column) => column.title),
        rows: chart.rows,
        ends: chart.columns.map((column) => column.align === 'end'),
      };
  }
}

/** @param {Schema.Chart} chart @returns {Panel | null} */
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
    // The panel of the input shows them.
    case 'pictures':
      return null;
    default:
      return new TablePanel(chart);
  }
}
