// Images and sounds: their pictures, and the cells whose states are the tokens.

/** A picture of the data. It is drawn on canvases, and is no element of the page. */
class Picture {
  /** How many pictures are ready to be drawn: panels that draw pictures depend on it. */
  static ready = 0;

  /** @param {Schema.Media} media @param {string} id unique on the page */
  constructor({ picture, width, height }, id) {
    this.id = id;
    this.source = picture;
    this.width = width;
    this.height = height;
    /** The picture and a copy without colours; none until they are ready.
     * @type {{plain?: HTMLImageElement, grey?: HTMLCanvasElement}} */
    this.images = {};
    const image = new Image();
    image.addEventListener('load', () => {
      this.images = { plain: image, grey: greyOf(image, width, height) };
      Picture.ready += 1;
      wake();
    });
    image.src = picture;
  }

  /** The picture without colours as a data URI. */
  greySource() {
    return this.images.grey?.toDataURL() ?? this.source;
  }

  /** The whole picture. @returns {PictureBox} */
  get whole() {
    return [0, 0, this.width, this.height];
  }
}

/** A picture without colours. @param {HTMLImageElement} image @param {number} width
 * @param {number} height */
function greyOf(image, width, height) {
  const canvas = el('canvas', { width, height });
  const context = /** @type {CanvasRenderingContext2D} */ (
    canvas.getContext('2d', { willReadFrequently: true })
  );
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, width, height);
  const { data } = pixels;
  for (let i = 0; i < data.length; i += 4) {
    data.fill(0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2], i, i + 3);
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/** The cells of an image or a sound. */
class Cells {
  /** @param {Side} side @param {Schema.Media} media @param {number} index */
  constructor(side, media, index) {
    this.side = side;
    this.media = media;
    this.index = index;
    this.name = visible(media.name);
    const [rows, columns] = media.grid;
    this.rows = rows;
    this.columns = columns;
    this.count = this.rows * this.columns;
    this.first = media.first;
    this.picture = new Picture(media, `picture-${side.index}-${index}`);
    /** The cells that have content: padding has none. */
    this.tokens = Array.from({ length: this.count }, (_, i) => this.first + i).filter(
      (token) => !side.e.tokens[token].special,
    );
  }

  /** A patch of an image or a moment of a sound, in a sentence. */
  get noun() {
    return this.media.kind === 'sound' ? 'moment' : 'patch';
  }

  get nouns() {
    return this.media.kind === 'sound' ? 'moments' : 'patches';
  }

  /** @param {number} token */
  has(token) {
    return token >= this.first && token < this.first + this.count;
  }

  /** The row and the column of a cell. @param {number} token */
  place(token) {
    const at = token - this.first;
    return [Math.floor(at / this.columns), at % this.columns];
  }

  /** The part of the picture that a cell covers, in pixels. @param {number} token @returns {PictureBox} */
  part(token) {
    const [row, column] = this.place(token);
    const [w, h] = [this.picture.width / this.columns, this.picture.height / this.rows];
    return [column * w, row * h, w, h];
  }

  /** Whether a cell says something as a picture: a frame is too narrow. */
  get pictured() {
    return this.rows > 1;
  }

  /** The cell under a point of the picture, as shares of its width and height.
   * @param {number} x @param {number} y */
  under(x, y) {
    const column = Math.min(this.columns - 1, Math.max(0, Math.floor(x * this.columns)));
    const row = Math.min(this.rows - 1, Math.max(0, Math.floor(y * this.rows)));
    return this.first + row * this.columns + column;
  }

  /** Whether two cells touch, at a side or a corner; of a sound, whether less than five frames lie
   * between their beginnings. @param {number} a @param {number} b */
  touch(a, b) {
    if (a === b || !this.has(a) || !this.has(b)) return false;
    const [[row, column], [otherRow, other]] = [this.place(a), this.place(b)];
    if (this.rows === 1) return Math.abs(column - other) <= TOUCHING / 2;
    return Math.abs(row - otherRow) <= 1 && Math.abs(column - other) <= 1;
  }

  /** The cells that can be chosen: all of them, or those with similarities. */
  get choices() {
    const { queries } = this.side;
    return queries ? this.tokens.filter((token) => queries.has(token)) : this.tokens;
  }

  /** The cell that can be chosen and is nearest to a cell. @param {number} token */
  nearest(token) {
    const [row, column] = this.place(token);
    let [best, least] = [-1, Infinity];
    for (const choice of this.choices) {
      const [r, c] = this.place(choice);
      const distance = (r - row) ** 2 + (c - column) ** 2;
      if (distance < least) [best, least] = [choice, distance];
    }
    return best < 0 ? null : best;
  }

  /** The next cell that can be chosen in a direction. @param {number} token @param {number} down
   * @param {number} right */
  next(token, down, right) {
    const [row, column] = this.place(token);
    let [best, least] = [token, Infinity];
    for (const choice of this.choices) {
      const [r, c] = this.place(choice);
      const along = (r - row) * down + (c - column) * right;
      const across = Math.abs((r - row) * right) + Math.abs((c - column) * down);
      if (along > 0 && along + 3 * across < least) [best, least] = [choice, along + 3 * across];
    }
    return best;
  }
}

/** The number of neighbours that locality is counted with: as many as touch a patch. */
const TOUCHING = 8;
/** Locality is counted from so many cells, evenly spread. */
const MAX_COUNTED = 128;

/** The cell that is chosen in place of one without similarities: the nearest that has them.
 * @param {Side} side @param {number} token */
function withSimilarities(side, token) {
  return (side.queries && side.cellsOf(token)?.nearest(token)) ?? token;
}

/** Whether the page shows images or sounds. */
function hasMedia() {
  return sides.some((side) => side.cells.length > 0);
}

/** The cells that have content, of all images or sounds. @param {Side} side */
function cellTokens(side) {
  return side.cells.flatMap((cells) => cells.tokens);
}

/** The measure of findings about cells. @param {Side} side @returns {Metric | null} */
function cellMetric(side) {
  return side.metrics.includes('centred') ? 'centred' : side.metrics[0] || null;
}

/** The cell that is chosen at first: of those whose similarities differ most at the last layer, so that
 * the picture has contrast, that nearest to the middle. @param {Side} side @returns {number | null} */
function openingCell(side) {
  const metric = cellMetric(side);
  const all = cellTokens(side);
  const choices = side.cells.flatMap((cells) => cells.choices);
  const [{ first, rows, columns }] = side.cells;
  if (!metric) return first + Math.floor(rows / 2) * columns + Math.floor(columns / 2);
  const spreads = choices.map((token) => {
    const values = all.map((other) => side.cell(side.last, metric, token, other) ?? 0);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    return values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  });
  const most = Math.max(...spreads);
  let [best, least] = [/** @type {number | null} */ (null), Infinity];
  choices.forEach((token, i) => {
    const cells = side.cellsOf(token);
    if (!cells || spreads[i] < 0.85 * most) return;
    const [row, column] = cells.place(token);
    const away =
      Math.hypot((row + 0.5) / cells.rows - 0.5, (column + 0.5) / cells.columns - 0.5) +
      cells.index;
    if (away < least) [best, least] = [token, away];
  });
  return best;
}

/** How many of the most similar cells touch a cell, as a mean over cells: for each layer, and by
 * chance. @typedef {{layers: number[], chance: number, counted: number}} Locality */

/** @param {Side} side @returns {Locality | null} none of too few cells */
function localityOf(side) {
  const metric = cellMetric(side);
  const all = cellTokens(side);
  if (!metric || all.length < 30) return null;
  const sign = metric === 'euclidean' ? -1 : 1;
  const choices = side.cells.flatMap((cells) => cells.choices);
  const every = Math.ceil(choices.length / MAX_COUNTED);
  const counted = choices.filter((_, i) => i % every === 0);
  if (!counted.length) return null;
  const touching = counted.map((token) => {
    const cells = side.cellsOf(token);
    return new Set(all.filter((other) => cells?.touch(token, other)));
  });
  const mean = (/** @type {number[]} */ values) =>
    values.reduce((a, b) => a + b, 0) / values.length;
  const layers = side.e.layers.map((_, layer) =>
    mean(
      counted.map((token, i) => {
        const others = all.filter((other) => other !== token);
        const values = new Map(
          others.map((other) => [other, sign * (side.cell(layer, metric, token, other) ?? -2)]),
        );
        others.sort((a, b) => (values.get(b) || 0) - (values.get(a) || 0));
        return others.slice(0, TOUCHING).filter((other) => touching[i].has(other)).length;
      }),
    ),
  );
  const chance = mean(touching.map((set) => (set.size * TOUCHING) / (all.length - 1)));
  return { layers, chance, counted: counted.length };
}

/** What the similarities of an image or a sound show, in a sentence; an instruction if nothing can be
 * claimed. @param {Side} side */
function localityFinding(side) {
  const [{ noun, nouns, rows }] = side.cells;
  if (!cellMetric(side))
    return `The colours are three principal components: ${nouns} of one colour have similar vectors, as far as three directions show it.`;
  const found = localityOf(side);
  if (!found) return `Choose a ${noun}: the colours show which other ${nouns} are similar to it.`;
  const { layers, chance } = found;
  const at = (/** @type {number} */ i) => side.e.layers[i].layer;
  const last = layers[side.last];
  const most = layers.indexOf(Math.max(...layers));
  const least = layers.indexOf(Math.min(...layers));
  const near = rows > 1 ? 'touch it' : 'are next to it in time';
  const of = `of the ${TOUCHING} ${nouns} that are most similar to a ${noun}`;
  const by = `(${chance.toFixed(1)} by chance)`;
  const count = (/** @type {number} */ i) => `${layers[i].toFixed(1)} ${near} at layer ${at(i)}`;
  // Less than one of eight is no change to speak of.
  if (layers[most] - last >= 1 && most < side.last) {
    return `Similarity becomes less local: ${of}, ${count(most)}, and ${layers[side.last].toFixed(1)} at layer ${at(side.last)} ${by}.`;
  }
  if (last - layers[least] >= 1 && least < side.last) {
    return `Similarity becomes more local: ${of}, ${count(least)}, and ${layers[side.last].toFixed(1)} at layer ${at(side.last)} ${by}.`;
  }
  const ends = [layers[least], layers[most]].map((value) => value.toFixed(1));
  const range = ends[0] === ends[1] ? ends[0] : ends.join(' to ');
  // Local: most of the eight are near.
  const start =
    layers[least] > TOUCHING / 2 ? 'Similarity is local at all layers: ' : 'At all layers, ';
  return `${start}${of}, ${range} ${near} ${by}.`;
}
