// Curves of one panel: axes, bands, curves, rings and names. Charts and the token's panel draw them.

/** @typedef {{x: number, y: number, w: number, h: number, head?: CurvesHead}} Box */
/** Lines above the curves: of the title, and of what they measure.
 * @typedef {{title: number, unit: number}} CurvesHead */
/** @typedef {{title?: string, x: Axis, y: string, range?: [number, number], series: Series[]}} CurvesOf */
/** @typedef {{small?: boolean, faint?: (number | null)[][], at?: number | null}} CurvesLook */

/** The name of a curve, with the size of its sample. @param {Series} s */
function seriesName(s) {
  return visible(s.n ? `${s.name} (n\u00a0=\u00a0${s.n})` : s.name);
}

/** Colour, dashes and shape of a curve. @param {Series} s */
function lookOf(s) {
  return s.kind === 'baseline'
    ? { colour: theme.muted, dash: [5, 4], shape: 0 }
    : { colour: OKABE_ITO[s.colour % OKABE_ITO.length], dash: [], shape: s.colour };
}

/** Where the places of an axis are, in its own unit. @param {Axis} axis @param {Series} [series]
 * @returns {number[]} */
function placesOf(axis, series) {
  if (axis.kind === 'share') return series?.at || [];
  if (axis.kind === 'counts') return (axis.numbers || []).map((n) => Math.log(Math.max(1, n)));
  if (axis.kind === 'layers' && axis.numbers) return axis.numbers;
  return axis.labels.map((_, i) => i);
}

/** The size of the texts of a panel. */
const CURVES_TEXT = { size: 11 };
const CURVES_TITLE = { size: 12, bold: true };

/** The lines above the curves of a panel. @param {CurvesOf} panel @param {number} width */
function headOf(panel, width) {
  return {
    title: wrapped(visible(panel.title || ''), width - 8, CURVES_TITLE),
    unit: wrapped(visible(panel.y), width - 8, CURVES_TEXT),
  };
}

/** The lines that panels beside each other have above their curves. @param {CurvesOf[]} panels
 * @param {number} width @returns {CurvesHead} */
function sharedHead(panels, width) {
  const heads = panels.map((panel) => headOf(panel, width));
  return {
    title: Math.max(...heads.map((head) => head.title.length)),
    unit: Math.max(...heads.map((head) => head.unit.length)),
  };
}

/** The height of these lines. @param {CurvesHead} head */
function headHeight(head) {
  return head.title * leading(CURVES_TITLE) + head.unit * leading(CURVES_TEXT);
}

/** The ends of the vertical axis: those of the chart, or of the values where it has none.
 * @param {CurvesOf} panel @param {CurvesLook} look @returns {[number, number]} */
function endsOf(panel, look) {
  if (panel.range) return panel.range;
  const values = [...panel.series.map((s) => s.values), ...(look.faint || [])]
    .flat()
    .flatMap((v) => (v === null ? [] : [v]));
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (!(high > low)) return Number.isFinite(low) ? [low - 0.5, low + 0.5] : [0, 1];
  return [low - 0.04 * (high - low), high + 0.04 * (high - low)];
}

/** Data to picture for one panel of curves. */
class CurvesFrame {
  /** @param {Box} box @param {CurvesOf} panel @param {CurvesLook} [look] */
  constructor(box, panel, look = {}) {
    this.box = box;
    this.panel = panel;
    this.look = look;
    this.small = !!look.small;
    this.head = box.head || sharedHead([panel], box.w);
    /** The names of the curves, in lines. */
    this.nameLines = panel.series.map((s) => wrapped(seriesName(s), box.w * 0.4, CURVES_TEXT));
    const widths = this.nameLines.flat().map((line) => textWidth(line, CURVES_TEXT));
    const names = this.small ? 8 : Math.max(60, ...widths) + 26;
    this.left = box.x + (this.small ? 40 : 52);
    this.right = box.x + box.w - names;
    /** The title of the horizontal axis, in lines. */
    this.xLines = this.small
      ? []
      : wrapped(visible(panel.x.title), this.right - this.left, CURVES_TEXT);
    this.top = box.y + headHeight(this.head) + (this.small ? 6 : 12);
    this.bottom = box.y + box.h - 22 - this.xLines.length * leading(CURVES_TEXT);
    const [low, high] = endsOf(panel, look);
    this.low = low;
    this.high = high;
    const share = panel.x.kind === 'share';
    const at = share ? [0, 1] : placesOf(panel.x);
    this.from = Math.min(...at);
    this.to = Math.max(...at);
  }

  /** @param {number} at */
  px(at) {
    const share = this.to > this.from ? (at - this.from) / (this.to - this.from) : 0.5;
    return this.left + share * (this.right - this.left);
  }

  /** @param {number} value */
  py(value) {
    const share = (value - this.low) / (this.high - this.low || 1);
    return this.bottom - share * (this.bottom - this.top);
  }

  /** The place of a series nearest to x. @param {number} x @param {Series} [series]
   * @returns {number | null} */
  nearest(x, series) {
    const at = placesOf(this.panel.x, series);
    if (x < this.left - 12 || x > this.right + 12 || at.length === 0) return null;
    const away = at.map((place) => Math.abs(this.px(place) - x));
    return away.indexOf(Math.min(...away));
  }

  /** @param {Pen} pen */
  draw(pen) {
    const { panel, look } = this;
    this.axes(pen);
    if (look.at !== null && look.at !== undefined) {
      // Between two layers, the line is between their places.
      const at = placesOf(panel.x);
      const [from, to] = [at[Math.floor(look.at)], at[Math.ceil(look.at)]];
      const x = this.px(from + (to - from) * (look.at % 1));
      pen.line(x, this.top, x, this.bottom, theme.accent, 1.5, [3, 3]);
    }
    pen.fade(0.5);
    for (const values of look.faint || [])
      this.runs(values, placesOf(panel.x)).forEach((run) => pen.path(run, theme.rule, 1));
    pen.fade(0.16);
    panel.series.forEach((s) => this.band(pen, s));
    pen.fade(1);
    panel.series.forEach((s) => this.curve(pen, s));
    /** @type {number[][]} */
    const taken = [];
    panel.series.forEach((s) => this.ring(pen, s, taken));
    if (!this.small) this.names(pen);
  }

  /** @param {Pen} pen */
  axes(pen) {
    const { box, panel } = this;
    const style = { fill: theme.muted, size: 11 };
    const { title, unit } = headOf(panel, box.w);
    stack(pen, box.x + 4, box.y + 13, title, { ...CURVES_TITLE, fill: theme.ink });
    const below = box.y + this.head.title * leading(CURVES_TITLE);
    stack(pen, box.x + 4, below + 12, unit, style);
    const marks = ticks(this.low, this.high, this.small ? 3 : 5);
    for (const mark of marks) {
      const at = this.py(mark);
      pen.line(this.left, at, this.right, at, theme.rule);
      const name = tickName(mark, marks);
      pen.text(this.left - 6, at, name, { ...style, align: 'right', middle: true });
    }
    const names = this.marks();
    const widest = Math.max(...names.map(([, label]) => textWidth(label, style)), 1) + 8;
    const even = panel.x.kind !== 'counts';
    const every = Math.ceil((widest * names.length) / (this.right - this.left + widest));
    let free = -Infinity;
    for (const [i, [at, label]] of names.entries()) {
      // Evenly, but on a logarithmic axis, where the later ones crowd.
      if (even && i % every !== 0) continue;
      const x = this.px(at);
      const half = textWidth(label, style) / 2;
      if (x - half < free) continue;
      free = x + half + 8;
      pen.text(x, this.bottom + 15, label, { ...style, align: 'center' });
    }
    const middle = (this.left + this.right) / 2;
    stack(pen, middle, this.bottom + 31, this.xLines, { ...style, align: 'center' });
  }

  /** The marks of the horizontal axis. @returns {[number, string][]} */
  marks() {
    const { x } = this.panel;
    if (x.kind !== 'share') {
      const at = placesOf(x);
      return x.labels.map((label, i) => [at[i], shortText(label, 12)]);
    }
    const all = ticks(0, 1, this.small ? 2 : 5);
    return all.map((tick) => [tick, tickName(tick, all)]);
  }

  /** Stretches of a curve between its gaps. @param {(number | null)[]} values @param {number[]} at */
  runs(values, at) {
    /** @type {number[][]} */
    const found = [];
    values.forEach((v, i) => {
      if (v === null) return;
      if (i === 0 || values[i - 1] === null) found.push([]);
      found[found.length - 1].push(this.px(at[i]), this.py(v));
    });
    return found;
  }

  /** The band of the intervals, between its gaps. @param {Pen} pen @param {Series} s */
  band(pen, s) {
    const at = placesOf(this.panel.x, s);
    /** @type {number[]} */
    let up = [];
    /** @type {number[]} */
    let down = [];
    const end = () => {
      if (up.length > 2) pen.area([...up, ...down], lookOf(s).colour);
      [up, down] = [[], []];
    };
    for (const [i, interval] of (s.intervals || []).entries()) {
      if (interval === null) {
        end();
        continue;
      }
      up.push(this.px(at[i]), this.py(interval[1]));
      down.unshift(this.px(at[i]), this.py(interval[0]));
    }
    end();
  }

  /** @param {Pen} pen @param {Series} s */
  curve(pen, s) {
    const at = placesOf(this.panel.x, s);
    const { colour, dash, shape } = lookOf(s);
    this.runs(s.values, at).forEach((run) => pen.path(run, colour, this.small ? 1.4 : 1.8, dash));
    const alone = (/** @type {number} */ i) =>
      (s.values[i - 1] ?? null) === null && (s.values[i + 1] ?? null) === null;
    s.values.forEach((v, i) => {
      // Many markers would hide the curve.
      const marked = s.values.length <= (this.small ? 26 : 40);
      if (v === null || s.kind === 'baseline' || !(marked || alone(i))) return;
      pen.marker(this.px(at[i]), this.py(v), this.small ? 2.2 : 3, shape, colour);
    });
  }

  /** The ring around the largest value, and in a large panel its place, where no other ring's is
   * written. @param {Pen} pen @param {Series} s @param {number[][]} taken */
  ring(pen, s, taken) {
    if (s.peak === undefined) return;
    const x = this.px(placesOf(this.panel.x, s)[s.peak]);
    const y = this.py(s.values[s.peak] || 0);
    pen.marker(x, y, 6, 0, '', lookOf(s).colour);
    if (this.small) return;
    const { kind, labels } = this.panel.x;
    const layer = kind === 'layers' ? labels[s.peak] : s.layers?.[s.peak];
    const name = layer === undefined ? shortText(labels[s.peak], 12) : `layer ${layer}`;
    const half = textWidth(name, CURVES_TEXT) / 2;
    const centre = Math.max(this.left + half, Math.min(this.right - half, x));
    // Above the ring where there is room, else below, else farther off.
    const near = [0, 1, 2, 3, 4, 5].flatMap((step) => [y - 10 - 14 * step, y + 19 + 14 * step]);
    const box = (/** @type {number} */ at) => [centre - half, at - 10, centre + half, at + 3];
    const free = (/** @type {number} */ at) => {
      const [left, top, right, bottom] = box(at);
      return (
        top > this.top &&
        bottom < this.bottom &&
        !taken.some(([a, b, c, d]) => left < c && right > a && top < d && bottom > b)
      );
    };
    const at = near.find(free) ?? near[0];
    taken.push(box(at));
    pen.text(centre, at, name, { ...CURVES_TEXT, fill: theme.ink, align: 'center' });
  }

  /** The names at the ends of the curves, moved apart. @param {Pen} pen */
  names(pen) {
    const { series } = this.panel;
    const style = { ...CURVES_TEXT, fill: theme.ink, middle: true };
    const ends = series.flatMap((s, i) => {
      const last = s.values.findLast((v) => v !== null);
      if (last === null || last === undefined) return [];
      const lines = this.nameLines[i];
      const tall = lines.length * leading(style);
      return [{ y: this.py(last), tall, lines, colour: lookOf(s).colour }];
    });
    spread(ends, this.top, this.bottom);
    for (const { y, tall, lines, colour } of ends) {
      pen.rect(this.right + 8, y - 1.5, 8, 3, colour);
      stack(pen, this.right + 20, y - (tall - leading(style)) / 2, lines, style);
    }
  }
}

/** Moves names apart that would cover each other. @param {{y: number, tall: number}[]} ends
 * @param {number} top @param {number} bottom */
function spread(ends, top, bottom) {
  ends.sort((a, b) => a.y - b.y);
  const gaps = ends.slice(1).map((end, i) => (end.tall + ends[i].tall) / 2);
  const all = gaps.reduce((sum, gap) => sum + gap, 0);
  // Names that need more room than there is stand closer.
  const share = Math.min(1, (bottom - top) / (all || 1));
  ends.forEach((end, i) => {
    if (i > 0) end.y = Math.max(end.y, ends[i - 1].y + share * gaps[i - 1]);
  });
  for (let i = ends.length - 1; i >= 0; i -= 1) {
    const most = i === ends.length - 1 ? bottom : ends[i + 1].y - share * gaps[i];
    ends[i].y = Math.min(ends[i].y, most);
  }
}
