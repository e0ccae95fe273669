// A panel: title, explanation, picture, controls, table, and files to save. A kind of panel
// overrides `draw`, `rows` and what else it needs.

/** The most rows of a table on the page; the CSV has all rows. */
const MAX_ROWS = 200;

class Panel {
  /** @param {{id: string, title: string, shows: string, paper?: Paper, side?: Side, wide?: boolean}} about */
  constructor(about) {
    this.about = about;
    /** None for charts without a text. */
    this.side = about.side || sides[0];
    const second = about.side && about.side.index > 0 && !about.id.startsWith('chart-');
    this.id = about.id + (second ? '-b' : '');
    /** The width of the picture in its own units; a unit is `zoom` pixels of the page. */
    this.width = 0;
    this.zoom = 1;
    /** How much larger than other pictures it is drawn. */
    this.enlarged = 1;
    this.seen = false;
    /** Where the pointer is on the picture. @type {[number, number] | null} */
    this.pointer = null;
    /** The dependencies of the last picture. @type {unknown[]} */
    this.drawn = [];
    this.canvas = el('canvas', { role: 'img', tabindex: '-1' });
    this.box = el('div', { class: 'picture' }, this.canvas);
    this.readout = el('p', { class: 'readout' });
    this.controls = el('div', { class: 'controls' });
    this.tableBox = el('div', {
      class: 'scroll',
      tabindex: '0',
      role: 'region',
      'aria-label': `${about.title}, as a table`,
    });
    this.details = el(
      'details',
      { class: 'table', toggle: () => this.fillTable() },
      el('summary', {}, 'As a table'),
      this.tableBox,
    );
  }

  // Panels override these.

  /** The picture's height. @param {number} width @returns {number} */
  height(width) {
    return Math.min(320, Math.max(220, width * 0.5));
  }

  /** The picture's width, where the panel has this one. @param {number} width */
  room(width) {
    return width;
  }

  /** @param {Pen} _pen @param {number} _width @param {number} _height */
  draw(_pen, _width, _height) {}

  /** The content of the picture as a table. @returns {Rows} */
  rows() {
    return { columns: [], rows: [] };
  }

  /** The rows of the CSV. @returns {Rows} */
  csvRows() {
    return this.rows();
  }

  /** @returns {unknown} */
  json() {
    return this.rows();
  }

  /** A description for screen readers. @returns {string} */
  label() {
    return `${this.about.title}. The table below has the numbers.`;
  }

  /** What lies under the pointer. @param {number} _x @param {number} _y @returns {Hit | null} */
  hit(_x, _y) {
    return null;
  }

  /** What the picture depends on, besides its size. @returns {unknown[]} */
  deps() {
    const { side } = this;
    if (!side) return [];
    const { metric, words, special, pinned } = state;
    return [layerAt(side), metric, words, special, focusOf(side), pinned];
  }

  /** The text below the picture while nothing is pointed at. */
  rest() {
    return '';
  }

  /** The title where the numbers say something; empty where they do not. */
  finding() {
    return '';
  }

  // All panels share these.

  /** @returns {HTMLElement} */
  mount() {
    const { title, wide } = this.about;
    const heading = `${this.id}-title`;
    this.heading = el('h2', { id: heading }, title);
    const root = el(
      'section',
      { class: wide ? 'panel wide' : 'panel', id: this.id, 'aria-labelledby': heading },
      el('header', {}, this.heading),
      this.controls,
      this.box,
      this.readout,
      this.explanation(),
      el('footer', {}, this.details, this.menu()),
    );
    this.root = root;
    new ResizeObserver(() => {
      const root = parseFloat(getComputedStyle(document.documentElement).fontSize);
      const zoom = (this.enlarged * root) / 15;
      const width = this.room(Math.floor(this.box.clientWidth / zoom));
      if (width !== this.width || zoom !== this.zoom) {
        this.zoom = zoom;
        this.width = width;
        this.drawn = [];
        wake();
      }
    }).observe(this.box);
    new IntersectionObserver(
      (entries) => {
        this.seen = entries[entries.length - 1].isIntersecting;
        wake();
      },
      { rootMargin: '200px' },
    ).observe(root);
    this.canvas.addEventListener('pointermove', (event) => {
      this.pointer = [event.offsetX / this.zoom, event.offsetY / this.zoom];
      this.point();
    });
    this.canvas.addEventListener('pointerleave', () => {
      this.pointer = null;
      this.say();
      if (state.hover) set({ hover: null });
    });
    this.canvas.addEventListener('click', (event) => {
      const hit = this.hit(event.offsetX / this.zoom, event.offsetY / this.zoom);
      if (hit?.token !== undefined) (event.shiftKey ? pin : select)(this.side.index, hit.token);
      else if (hit?.layer !== undefined) goTo(this.side, hit.layer);
    });
    panels.push(this);
    return root;
  }

  /** Writes what is under the pointer, or else the text at rest, below the picture. */
  say() {
    const hit = this.pointer && this.hit(...this.pointer);
    this.readout.textContent = hit ? hit.text : this.rest();
    return hit;
  }

  point() {
    const hit = this.say();
    this.canvas.classList.toggle('live', hit?.token !== undefined || hit?.layer !== undefined);
    const token = hit?.token ?? null;
    const hover = token === null ? null : ownPlace(this.side.index, token);
    if (state.hover?.token !== hover?.token || state.hover?.side !== hover?.side) set({ hover });
  }

  explanation() {
    const { paper } = this.about;
    if (!this.about.shows) return '';
    // The captions of charts have the words of their data.
    const isChart = this.id.startsWith('chart-');
    const shows = isChart || !this.side ? this.about.shows : ofUnit(this.side, this.about.shows);
    const link = paper
      ? [
          ' ',
          el(
            'a',
            {
              href: `https://doi.org/${encodeURI(paper.doi)}`,
              rel: 'noreferrer noopener',
              target: '_blank',
            },
            paper.name,
          ),
        ]
      : [];
    // A long explanation shows its first sentences; the rest opens on request.
    const ends = [...shows.matchAll(/[.](?= [A-Z“])/g)].map((m) => m.index + 1);
    const cut = shows.length > 330 ? ends.filter((end) => end < 240).pop() : undefined;
    if (!cut) return el('p', { class: 'shows' }, shows, ...link);
    return el(
      'details',
      { class: 'shows' },
      el('summary', {}, shows.slice(0, cut)),
      el('p', {}, shows.slice(cut + 1), ...link),
    );
  }

  menu() {
    const button = (/** @type {string} */ name, /** @type {() => void} */ act) =>
      el(
        'button',
        {
          type: 'button',
          class: 'small',
          click: act,
          'aria-label': `Save ${this.about.title} as ${name}`,
        },
        name,
      );
    return el(
      'div',
      { class: 'menu', role: 'group', 'aria-label': 'Save as' },
      'Save:',
      ...(this.height(400) > 0
        ? [
            button('SVG', () => saveText(`${this.id}.svg`, 'image/svg+xml', this.svg())),
            button('PNG', () => this.png()),
          ]
        : []),
      button('CSV', () => saveText(`${this.id}.csv`, 'text/csv', csv(this.csvRows()))),
      button('JSON', () =>
        saveText(
          `${this.id}.json`,
          'application/json',
          `${JSON.stringify(this.json(), null, 1)}\n`,
        ),
      ),
    );
  }

  svg() {
    const width = this.width || 640;
    const height = this.height(width);
    const pen = new SvgPen();
    this.draw(pen, width, height);
    return pen.document(width, height, this.about.title);
  }

  png() {
    const width = this.width || 640;
    const canvas = document.createElement('canvas');
    this.paint(canvas, width, this.height(width), 3);
    canvas.toBlob((blob) => {
      if (blob) save(`${this.id}.png`, blob);
    });
  }

  /** @param {HTMLCanvasElement} canvas @param {number} width @param {number} height @param {number} density */
  paint(canvas, width, height, density) {
    canvas.width = Math.round(width * density);
    canvas.height = Math.round(height * density);
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    context.scale(density, density);
    context.fillStyle = theme.paper;
    context.fillRect(0, 0, width, height);
    this.draw(new CanvasPen(context), width, height);
  }

  update() {
    if (!this.seen || this.width < 1) return;
    // What is left out while the page plays follows when it stops.
    const deps = [...this.deps(), state.theme, state.playing, Picture.ready];
    if (deps.length === this.drawn.length && deps.every((d, i) => d === this.drawn[i])) return;
    this.drawn = deps;
    const height = Math.round(this.height(this.width));
    if (height > 0) {
      this.canvas.style.width = `${this.width * this.zoom}px`;
      this.canvas.style.height = `${height * this.zoom}px`;
      this.paint(
        this.canvas,
        this.width,
        height,
        this.zoom * Math.max(1, window.devicePixelRatio || 1),
      );
      if (!state.playing) this.canvas.setAttribute('aria-label', this.label());
    }
    this.canvas.hidden = height <= 0;
    this.say();
    this.changed();
    const title = this.finding() || this.about.title;
    if (this.heading && this.heading.textContent !== title) this.heading.textContent = title;
    if (!state.playing) this.fillTable();
  }

  /** Updates what else depends on the state. */
  changed() {}

  fillTable() {
    if (this.details.open) this.tableBox.replaceChildren(...table(this.rows(), this.about.title));
  }
}

/** @param {Rows} data @param {string} title @returns {Node[]} */
function table(data, title) {
  const cell = (/** @type {number | string | null} */ c, /** @type {number} */ at) => {
    const end = data.ends?.[at] && 'end';
    return typeof c === 'number'
      ? el('td', { class: 'number', 'data-value': c }, Number.isInteger(c) ? String(c) : number(c))
      : el('td', { dir: 'auto', class: end }, c === null ? '–' : shortText(c, 200));
  };
  const shown = data.rows.slice(0, MAX_ROWS);
  const whole = el(
    'table',
    {},
    el('caption', { class: 'away' }, title),
    el(
      'thead',
      {},
      el(
        'tr',
        {},
        ...data.columns.map((name, at) =>
          el('th', { scope: 'col', class: data.ends?.[at] && 'end' }, shortText(name, 60)),
        ),
      ),
    ),
    el('tbody', {}, ...shown.map((row) => el('tr', {}, ...row.map(cell)))),
  );
  const rest = data.rows.length - shown.length;
  return rest > 0 ? [whole, el('p', {}, `${rest} more rows are in the CSV.`)] : [whole];
}

/** A choice of one among several. @param {string} label @param {[string, string][]} options value and name
 * @param {() => string} now @param {(value: string) => void} choose */
function choice(label, options, now, choose) {
  const list = el(
    'select',
    { change: () => choose(list.value) },
    ...options.map(([value, name]) => el('option', { value }, name)),
  );
  list.value = now();
  const root = el('label', {}, `${label} `, list);
  return {
    root,
    list,
    follow: () => {
      if (list.value !== now()) list.value = now();
    },
  };
}

/** A switch of the state. @param {string} label
 * @param {'words' | 'special' | 'trails' | 'ghost' | 'controls'} name */
function toggle(label, name) {
  const box = el('input', { type: 'checkbox', change: () => set({ [name]: box.checked }) });
  const follow = () => {
    box.checked = state[name];
  };
  follow();
  return { root: el('label', {}, box, ` ${label}`), follow };
}

/** About `count` round numbers between two ends. @param {number} low @param {number} high
 * @param {number} count */
function ticks(low, high, count) {
  const span = high - low;
  if (!(span > 0)) return [low];
  const rough = span / Math.max(1, count);
  const ten = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * ten).find((s) => s >= rough) || rough;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (first + i) * step);
}

/** The label of a tick, with as many digits as its step needs. @param {number} value @param {number[]} all */
function tickName(value, all) {
  const step = all.length > 1 ? Math.abs(all[1] - all[0]) : Math.abs(value) || 1;
  const digits = Math.max(0, Math.min(6, -Math.floor(Math.log10(step) + 1e-9)));
  return (Math.abs(value) < step / 1e6 ? 0 : value).toFixed(digits).replace('-', '−');
}

const BAR_STYLE = { size: 11 };

/** The lines of a colour bar's name below its ends; none where it stands between them.
 * @param {number} width @param {Scale} scale @param {string} name */
function barLines(width, scale, name) {
  const ends = [scale.low, scale.high].map((end) => textWidth(number(end), BAR_STYLE));
  const between = width - 2 * Math.max(...ends) - 16;
  return textWidth(name, BAR_STYLE) <= between ? [] : wrapped(name, width, BAR_STYLE);
}

/** The room that these lines take. @param {number} width @param {Scale} scale @param {string} name */
function barRoom(width, scale, name) {
  return barLines(width, scale, name).length * leading(BAR_STYLE);
}

/** A colour bar. @param {Pen} pen @param {number} x @param {number} y
 * @param {number} width @param {Scale} scale @param {string} name @param {[number, string] | null} [mark] */
function colourBar(pen, x, y, width, scale, name, mark) {
  const steps = 64;
  for (let i = 0; i < steps; i += 1) {
    const value = scale.low + ((scale.high - scale.low) * (i + 0.5)) / steps;
    pen.rect(x + (width * i) / steps, y, width / steps + 0.6, 9, colourOf(value, scale));
  }
  const style = { ...BAR_STYLE, fill: theme.muted };
  pen.text(x, y + 21, number(scale.low), style);
  pen.text(x + width, y + 21, number(scale.high), { ...style, align: 'right' });
  const below = barLines(width, scale, name);
  stack(pen, x, y + 21 + leading(style), below, style);
  if (!below.length) pen.text(x + width / 2, y + 21, name, { ...style, align: 'center' });
  if (!mark) return;
  const at =
    x + width * Math.min(1, Math.max(0, (mark[0] - scale.low) / (scale.high - scale.low || 1)));
  pen.line(at, y - 4, at, y + 11, theme.ink, 2);
  const half = textWidth(mark[1], style) / 2;
  pen.text(Math.min(x + width - half, Math.max(x + half, at)), y - 7, mark[1], {
    ...style,
    align: 'center',
  });
}

/** @typedef {{name: string, colour: string, shape: number}} LegendEntry a colour of '' is hollow */

const LEGEND_STYLE = { size: 11 };

/** Where the entries of a legend stand, their names in lines, and the height of all.
 * @param {LegendEntry[]} all @param {number} width */
function legendPlaces(all, width) {
  let [x, y, below] = [4, 10, 0];
  const entries = all.map((entry) => {
    const lines = wrapped(entry.name, width - 24, LEGEND_STYLE);
    const w = Math.max(...lines.map((line) => textWidth(line, LEGEND_STYLE))) + 34;
    if (x > 4 && x + w > width) [x, y] = [4, below];
    below = Math.max(below, y + 3 + leading(LEGEND_STYLE) * lines.length);
    x += w;
    return { ...entry, lines, x: x - w, y };
  });
  return { entries, height: entries.length > 0 ? below : 0 };
}

/** @param {Pen} pen @param {ReturnType<typeof legendPlaces>} legend */
function drawLegend(pen, { entries }) {
  for (const { lines, x, y, colour, shape } of entries) {
    pen.marker(x + 6, y, 4, shape, colour, colour ? undefined : theme.muted);
    stack(pen, x + 16, y, lines, { ...LEGEND_STYLE, fill: theme.ink, middle: true });
  }
}
