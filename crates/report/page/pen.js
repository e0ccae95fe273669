// Two pens with the same interface: one draws on a canvas, one writes SVG. A chart draws with
// either, so an exported picture is the picture on the page.

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
const SHAPES = 6;

/** The corners of a shape around (0, 0), of radius 1; a circle has none. @type {number[][]} */
const CORNERS = [
  [],
  [-0.85, -0.85, 0.85, -0.85, 0.85, 0.85, -0.85, 0.85],
  [0, -1.15, 1.05, 0.75, -1.05, 0.75],
  [0, -1.25, 1.1, 0, 0, 1.25, -1.1, 0],
  [0, 1.15, 1.05, -0.75, -1.05, -0.75],
  [
    -0.4, -1.15, 0.4, -1.15, 0.4, -0.4, 1.15, -0.4, 1.15, 0.4, 0.4, 0.4, 0.4, 1.15, -0.4, 1.15,
    -0.4, 0.4, -1.15, 0.4, -1.15, -0.4, -0.4, -0.4,
  ],
];

/** @param {TextStyle} style */
function fontOf(style) {
  return `${style.bold ? '600 ' : ''}${style.size || 12}px ${FONT}`;
}

const ruler = /** @type {CanvasRenderingContext2D} */ (
  document.createElement('canvas').getContext('2d')
);
/** @type {Map<string, number>} */
const widths = new Map();

/** The width of a text in pixels. @param {string} text @param {TextStyle} [style] */
function textWidth(text, style = {}) {
  const key = `${style.size || 12}${style.bold ? 'b' : ''} ${text}`;
  let width = widths.get(key);
  if (width === undefined) {
    ruler.font = fontOf(style);
    width = ruler.measureText(text).width;
    if (widths.size > 20000) widths.clear();
    widths.set(key, width);
  }
  return width;
}

/** A text cut to a width. @param {string} text @param {number} width @param {TextStyle} [style] */
function fitted(text, width, style) {
  if (textWidth(text, style) <= width) return text;
  const points = [...text];
  while (points.length > 1 && textWidth(`${points.join('')}…`, style) > width) points.pop();
  return `${points.join('')}…`;
}

/** A text in lines that fit a width. A word that is longer goes over several lines.
 * @param {string} text @param {number} width @param {TextStyle} [style] */
function wrapped(text, width, style) {
  /** @type {string[]} */
  const lines = [];
  for (const word of text.split(' ').filter(Boolean)) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length && textWidth(longer, style) <= width) {
      lines[lines.length - 1] = longer;
      continue;
    }
    let line = '';
    for (const point of word) {
      if (line && textWidth(line + point, style) > width) {
        lines.push(line);
        line = '';
      }
      line += point;
    }
    lines.push(line);
  }
  return lines;
}

/** From one line of a text to the next. @param {TextStyle} style */
function leading(style) {
  return Math.round(1.25 * (style.size || 12));
}

/** Writes lines in the direction of reading, the first at (x, y). @param {Pen} pen
 * @param {number} x @param {number} y @param {string[]} lines @param {TextStyle} style */
function stack(pen, x, y, lines, style) {
  lines.forEach((line, i) => pen.text(x, y + i * leading(style), line, style));
}

/** A sentence in the middle of a picture that has nothing to draw. @param {Pen} pen
 * @param {number} width @param {number} height @param {string} text */
function notice(pen, width, height, text) {
  const lines = wrapped(text, width - 16);
  stack(pen, width / 2, height / 2, lines, { align: 'center', fill: theme.muted });
}

/** @implements {Pen} */
class CanvasPen {
  /** @param {CanvasRenderingContext2D} context */
  constructor(context) {
    this.c = context;
  }

  /** @type {Pen['rect']} */
  rect(x, y, w, h, fill, stroke) {
    if (fill) {
      this.c.fillStyle = fill;
      this.c.fillRect(x, y, w, h);
    }
    if (stroke) {
      this.c.strokeStyle = stroke;
      this.c.lineWidth = 1.5;
      this.c.setLineDash([]);
      this.c.strokeRect(x, y, w, h);
    }
  }

  /** @type {Pen['line']} */
  line(x1, y1, x2, y2, stroke, width = 1, dash = []) {
    const { c } = this;
    c.strokeStyle = stroke;
    c.lineWidth = width;
    c.setLineDash(dash);
    c.beginPath();
    c.moveTo(x1, y1);
    c.lineTo(x2, y2);
    c.stroke();
  }

  /** @param {ArrayLike<number>} points */
  trace(points) {
    this.c.beginPath();
    for (let i = 0; i < points.length; i += 2) {
      if (i) this.c.lineTo(points[i], points[i + 1]);
      else this.c.moveTo(points[i], points[i + 1]);
    }
  }

  /** @type {Pen['path']} */
  path(points, stroke, width = 1.5, dash = []) {
    this.trace(points);
    this.c.strokeStyle = stroke;
    this.c.lineWidth = width;
    this.c.lineJoin = 'round';
    this.c.setLineDash(dash);
    this.c.stroke();
  }

  /** @type {Pen['area']} */
  area(points, fill) {
    this.trace(points);
    this.c.fillStyle = fill;
    this.c.fill();
  }

  /** @type {Pen['marker']} */
  marker(x, y, r, shape, fill, stroke) {
    const { c } = this;
    const corners = CORNERS[shape % SHAPES];
    c.beginPath();
    if (corners.length === 0) {
      c.arc(x, y, r, 0, 2 * Math.PI);
    } else {
      for (let i = 0; i < corners.length; i += 2)
        c.lineTo(x + r * corners[i], y + r * corners[i + 1]);
      c.closePath();
    }
    if (fill) {
      c.fillStyle = fill;
      c.fill();
    }
    if (stroke) {
      c.strokeStyle = stroke;
      c.lineWidth = 1.5;
      c.setLineDash([]);
      c.stroke();
    }
  }

  /** @type {Pen['text']} */
  text(x, y, text, style = {}) {
    const { c } = this;
    c.font = fontOf(style);
    c.fillStyle = style.fill || theme.ink;
    c.textAlign = style.align || 'left';
    c.textBaseline = style.middle ? 'middle' : 'alphabetic';
    if (!style.turned) {
      c.fillText(text, x, y);
      return;
    }
    c.save();
    c.translate(x, y);
    c.rotate(-Math.PI / 2);
    c.fillText(text, 0, 0);
    c.restore();
  }

  /** @type {Pen['fade']} */
  fade(opacity) {
    this.c.globalAlpha = opacity;
  }

  /** @type {Pen['image']} */
  image(picture, [left, top, width, height], x, y, w, h, grey) {
    const image = picture.images[grey ? 'grey' : 'plain'];
    if (!image) return;
    // A few large pixels stay pixels.
    this.c.imageSmoothingEnabled = w < 6 * width;
    this.c.imageSmoothingQuality = 'high';
    this.c.drawImage(image, left, top, width, height, x, y, w, h);
  }
}

/** @implements {Pen} */
class SvgPen {
  constructor() {
    /** @type {string[]} */
    this.parts = [];
    this.opacity = '';
    /** Pictures that are used, each written once. @type {Map<string, string>} */
    this.pictures = new Map();
  }

  /** @param {string} text */
  static escape(text) {
    return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
  }

  /** @param {number} value */
  static n(value) {
    return String(Math.round(value * 100) / 100);
  }

  /** @param {string} tag @param {{[name: string]: string | number | undefined}} attributes @param {string} [inner] */
  add(tag, attributes, inner = '') {
    const written = Object.entries(attributes)
      .filter(([, v]) => v !== undefined && v !== '')
      .map(([k, v]) => ` ${k}="${typeof v === 'number' ? SvgPen.n(v) : SvgPen.escape(String(v))}"`)
      .join('');
    this.parts.push(`<${tag}${written}${this.opacity}${inner ? `>${inner}</${tag}>` : '/>'}`);
  }

  /** @type {Pen['rect']} */
  rect(x, y, w, h, fill, stroke) {
    this.add('rect', { x, y, width: w, height: h, fill: fill || 'none', stroke });
  }

  /** @type {Pen['line']} */
  line(x1, y1, x2, y2, stroke, width = 1, dash = []) {
    this.add('line', {
      x1,
      y1,
      x2,
      y2,
      stroke,
      'stroke-width': width,
      'stroke-dasharray': dash.join(' '),
    });
  }

  /** @param {ArrayLike<number>} points */
  static list(points) {
    return Array.from(points, SvgPen.n).join(' ');
  }

  /** @type {Pen['path']} */
  path(points, stroke, width = 1.5, dash = []) {
    this.add('polyline', {
      points: SvgPen.list(points),
      fill: 'none',
      stroke,
      'stroke-width': width,
      'stroke-linejoin': 'round',
      'stroke-dasharray': dash.join(' '),
    });
  }

  /** @type {Pen['area']} */
  area(points, fill) {
    this.add('polygon', { points: SvgPen.list(points), fill });
  }

  /** @type {Pen['marker']} */
  marker(x, y, r, shape, fill, stroke) {
    const corners = CORNERS[shape % SHAPES];
    const look = { fill: fill || 'none', stroke, 'stroke-width': stroke ? 1.5 : undefined };
    if (corners.length === 0) {
      this.add('circle', { cx: x, cy: y, r, ...look });
    } else {
      const points = corners.map((c, i) => (i % 2 ? y : x) + r * c);
      this.add('polygon', { points: SvgPen.list(points), ...look });
    }
  }

  /** @type {Pen['text']} */
  text(x, y, text, style = {}) {
    const anchor = { left: 'start', center: 'middle', right: 'end' }[style.align || 'left'];
    this.add(
      'text',
      {
        x,
        y,
        fill: style.fill || theme.ink,
        'font-size': style.size || 12,
        'font-weight': style.bold ? 600 : undefined,
        'text-anchor': anchor,
        'dominant-baseline': style.middle ? 'central' : undefined,
        transform: style.turned ? `rotate(-90 ${SvgPen.n(x)} ${SvgPen.n(y)})` : undefined,
      },
      SvgPen.escape(text),
    );
  }

  /** @type {Pen['fade']} */
  fade(opacity) {
    this.opacity = opacity < 1 ? ` opacity="${SvgPen.n(opacity)}"` : '';
  }

  /** @type {Pen['image']} */
  image(picture, part, x, y, w, h, grey) {
    const id = `${picture.id}${grey ? '-grey' : ''}`;
    const { width, height } = picture;
    if (!this.pictures.has(id)) {
      const href = SvgPen.escape(grey ? picture.greySource() : picture.source);
      this.pictures.set(
        id,
        `<image id="${id}" width="${width}" height="${height}" preserveAspectRatio="none" href="${href}"/>`,
      );
    }
    const [left, top, wide, high] = [x, y, w, h].map(SvgPen.n);
    this.parts.push(
      `<svg x="${left}" y="${top}" width="${wide}" height="${high}" viewBox="${part.map(SvgPen.n).join(' ')}" preserveAspectRatio="none"${this.opacity}><use href="#${id}"/></svg>`,
    );
  }

  /** The pictures that are used. */
  definitions() {
    const all = [...this.pictures.values()].join('');
    return all ? `<defs>${all}</defs>` : '';
  }

  /** The whole picture. @param {number} width @param {number} height @param {string} title */
  document(width, height, title) {
    return (
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
      `font-family="${SvgPen.escape(FONT)}"><title>${SvgPen.escape(title)}</title>` +
      `${this.definitions()}<rect width="100%" height="100%" fill="${theme.paper}"/>${this.parts.join('')}</svg>\n`
    );
  }
}
