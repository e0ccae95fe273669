// The panel of images and sounds: the picture with its cells, coloured at the layer of the page and at
// others beside it.

/** How strongly the colours cover a picture. */
const COVER = 0.72;
/** The height of a line of text above a picture. */
const TITLE_ROOM = 19;

/** A place where a picture or a row of cells is drawn. `layer` is a place in the list of layers; the
 * plain picture has none. A click on a small one goes to its layer. A named one has the name of its file
 * above it.
 * @typedef {{x: number, y: number, w: number, h: number, cells: Cells, layer: number | null,
 *   small: boolean, named?: boolean}} Spot */

class MediaPanel extends Panel {
  /** @param {Side} side */
  constructor(side) {
    const { input, many } = unitWords(side);
    super({
      id: 'media',
      side,
      wide: true,
      title: `The ${many} of the ${input}${sides.length > 1 ? `, ${'AB'[side.index]}` : ''}`,
      shows: MediaPanel.shows(side),
    });
    /** The cell under the pointer, of which the value is shown. @type {number | null} */
    this.pointed = null;
    /** The height that pictures may have together, so that the first screen is one screen. */
    this.tall = 500;
    const heads = (/** @type {[string, string][]} */ all) =>
      choice(
        'Head',
        all,
        () => (all.some(([key]) => key === state.head) ? state.head : 'mean'),
        (head) => set({ head }),
      );
    const shade = choice(
      'Colours',
      shadesOf(side),
      () => shadeOf(side),
      (key) => set({ shade: /** @type {Shade} */ (key) }),
    );
    /** The choices, and the colours that each is about. @type {[ReturnType<typeof choice>, string][]} */
    this.choices = [
      [shade, ''],
      [metricChoice(side), 'similar'],
      [heads(firstHeadsOf(side)), 'first'],
      [heads(headsOf(side)), 'chosen'],
    ];
    this.controls.append(...this.choices.map(([one]) => one.root));
    const { canvas } = this;
    canvas.setAttribute('role', 'application');
    canvas.tabIndex = 0;
    canvas.addEventListener('keydown', (event) => this.press(event));
    canvas.addEventListener('pointerleave', () => this.pointAt(null));
  }

  /** @param {Side} side */
  static shows(side) {
    const [{ noun, nouns, rows }] = side.cells;
    const how =
      rows > 1
        ? `The model cuts the image into ${nouns}; each has a vector at every layer. The large picture is at the layer of the page, the small ones are at others.`
        : `The model cuts the sound into frames; each has a vector at every layer. Below the spectrogram is the layer of the page, below it all layers, from the last to the first.`;
    return `${how} Similarity compares the vector of the chosen ${noun} with every other in the full space; centred: after the mean of the ${nouns} of the layer is subtracted, so that 0 is the average. Principal components: the three directions in which the vectors of all layers together vary most, as red, green and blue, stretched over the ${nouns} of each layer; equal colours mean similar vectors, as far as three directions show it. Attention shows where a head reads, not what it does with it. Nothing here shows that the model uses what is similar.`;
  }

  /** @param {number} width */
  layout(width) {
    return this.side.cells[0].rows > 1 ? patchLayout(this, width) : frameLayout(this, width);
  }

  height(/** @type {number} */ width) {
    return this.layout(width).height;
  }

  /** The chosen cell: with few similarities, the nearest that has them. */
  source() {
    const { side } = this;
    const token = focusOf(side);
    return token !== null && side.cellsOf(token) ? withSimilarities(side, token) : null;
  }

  /** The layer that is shown large: that of the page, or the next that has colours. */
  layer() {
    const { side } = this;
    const now = layerAt(side);
    const all = side.e.layers.map((_, i) => i).filter((i) => isShaded(side, i));
    return all.find((i) => i >= now) ?? all.at(-1) ?? now;
  }

  /** The colours of the large picture. */
  shade() {
    return shadeAt(this.side, this.layer(), this.source());
  }

  deps() {
    const { side, pointed } = this;
    const { metric, head, pinned } = state;
    // What stands above and below the pictures has about this height.
    this.tall = window.innerHeight / this.zoom - 350;
    return [this.tall, layerAt(side), shadeOf(side), metric, head, pinned, this.source(), pointed];
  }

  changed() {
    const shade = shadeOf(this.side);
    for (const [one, of] of this.choices) {
      one.follow();
      one.root.hidden = of !== '' && of !== shade;
    }
  }

  /** @param {number} token */
  nameOf(token) {
    return this.side.tokenNames[token];
  }

  /** The share of the attention that goes to special tokens, in words. */
  toSpecial() {
    const { side } = this;
    const source = this.source() ?? side.cells[0].first;
    const shade = shadeAt(side, this.layer(), source);
    const { sentence } = side.e.tokens[source];
    const special = side.e.tokens.flatMap((t, i) =>
      t.special && t.sentence === sentence ? [i] : [],
    );
    if (!shade || special.length === 0 || !['first', 'chosen'].includes(shadeOf(side))) return '';
    const sum = special.reduce((all, token) => all + (shade.value(token) ?? 0), 0);
    return `To special tokens: ${sum.toFixed(3)} of 1. `;
  }

  draw(/** @type {Pen} */ pen, /** @type {number} */ width) {
    const layout = this.layout(width);
    if (this.side.cells[0].rows > 1) drawPatches(this, pen, layout);
    else drawFrames(this, pen, layout);
    this.legend(pen, layout.legend);
  }

  /** What the colours mean. @param {Pen} pen @param {{x: number, y: number, w: number}} at */
  legend(pen, { x, y, w }) {
    const { side } = this;
    if (shadeOf(side) === 'components') {
      const legend = legendPlaces(componentLegend(side), w);
      drawLegend(pen, {
        ...legend,
        entries: legend.entries.map((entry) => ({ ...entry, x: entry.x + x, y: entry.y + y })),
      });
      return;
    }
    const scale = this.shade()?.scale;
    if (!scale) return;
    const bar = this.bar(w, scale);
    const value = this.pointed === null ? null : (this.shade()?.value(this.pointed) ?? null);
    const mark = value === null ? null : /** @type {[number, string]} */ ([value, number(value)]);
    colourBar(pen, x, y + 16, bar.width, scale, shadeName(side), mark);
    const style = { size: 12, fill: theme.ink };
    const [left, top] = bar.beside ? [x + bar.width + 18, y + 25] : [x, y + bar.height + 14];
    stack(pen, left, top, bar.note, style);
  }

  /** The sizes of the colour bar, and what its colours mean, in lines. @param {number} w
   * @param {Scale} scale */
  bar(w, scale) {
    const width = Math.min(w, 420);
    const beside = w > width + 300;
    const note = wrapped(shadeNote(this.side), beside ? w - width - 18 : w, { size: 12 });
    const height = 46 + barRoom(width, scale, shadeName(this.side));
    return { width, beside, note, height };
  }

  /** The room for the legend. @param {number} w */
  legendRoom(w) {
    const { side } = this;
    if (shadeOf(side) === 'components') return legendPlaces(componentLegend(side), w).height + 6;
    const scale = this.shade()?.scale;
    if (!scale) return 6;
    const { beside, note, height } = this.bar(w, scale);
    const lines = note.length * leading({ size: 12 });
    return beside ? Math.max(height, lines + 20) : height + lines + 6;
  }

  /** The frame of a cell in a spot. @param {Pen} pen @param {Spot} spot @param {number} token
   * @param {string} colour */
  frame(pen, { x, y, w, h, cells }, token, colour) {
    if (!cells.has(token)) return;
    const [row, column] = cells.place(token);
    const [cw, ch] = [w / cells.columns, h / cells.rows];
    // A small frame would hide behind its line.
    const [fw, fh] = [Math.max(cw, 5), Math.max(ch, 5)];
    const [fx, fy] = [x + (column + 0.5) * cw - fw / 2, y + (row + 0.5) * ch - fh / 2];
    pen.rect(fx - 1.5, fy - 1.5, fw + 3, fh + 3, '', '#ffffff');
    pen.rect(fx, fy, fw, fh, '', colour);
  }

  /** The cell and the spot under a point. @param {number} x @param {number} y */
  spotAt(x, y) {
    const { spots } = this.layout(this.width);
    const spot = spots.find((s) => x >= s.x && x < s.x + s.w && y >= s.y && y < s.y + s.h);
    if (!spot) return null;
    return { spot, token: spot.cells.under((x - spot.x) / spot.w, (y - spot.y) / spot.h) };
  }

  hit(/** @type {number} */ x, /** @type {number} */ y) {
    const { side } = this;
    const found = this.spotAt(x, y);
    if (!found) return null;
    const { spot, token } = found;
    const name = capital(this.nameOf(token));
    const layer = spot.layer ?? this.layer();
    const at = layerName(side.e.layers[layer].layer);
    if (side.e.tokens[token].special) return { text: `${name}: padding, not a part of the sound` };
    const shade = shadeAt(side, layer, this.source());
    const text = `${name} at ${at}: ${shade ? shade.text(token) : `choose a ${spot.cells.noun}`}`;
    if (spot.small && spot.cells.rows > 1 && spot.layer !== null)
      return { text, layer: spot.layer };
    return { text, token: withSimilarities(side, token) };
  }

  /** Points at a cell: on the plain picture it becomes the cell that the colours are about; elsewhere
   * its value is shown. */
  point() {
    const hit = this.say();
    this.canvas.classList.toggle('live', hit?.token !== undefined || hit?.layer !== undefined);
    const found = this.pointer && this.spotAt(...this.pointer);
    const plain = found && found.spot.layer === null && hit?.token !== undefined;
    const hover = plain ? { side: this.side.index, token: Number(hit.token) } : null;
    if (state.hover?.token !== hover?.token) set({ hover });
    this.pointAt(found && !plain ? found.token : null);
  }

  /** @param {number | null} token */
  pointAt(token) {
    if (token === this.pointed) return;
    this.pointed = token;
    wake();
  }

  /** Arrow keys move the choice over the picture; of a sound, up and down change the layer.
   * @param {KeyboardEvent} event */
  press(event) {
    const { side } = this;
    const moves = /** @type {{[key: string]: [number, number]}} */ ({
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
    });
    const move = moves[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const token = onSide(state.selected, side.index);
    const cells = token === null ? null : side.cellsOf(token);
    if (cells && cells.rows === 1 && move[0]) {
      goTo(side, Math.max(0, Math.min(side.last, layerAt(side) - move[0])));
      return;
    }
    const next = cells && token !== null ? cells.next(token, ...move) : openingCell(side);
    if (next !== null) set({ selected: { side: side.index, token: next }, hover: null });
  }

  rest() {
    const { side } = this;
    const [{ noun, rows }] = side.cells;
    const now = layerAt(side);
    const at = this.layer();
    const { layers } = side.e;
    const other =
      at === now
        ? ''
        : `Shown: ${layerName(layers[at].layer)}; ${layerName(layers[now].layer)} has no attention. `;
    const keys = rows > 1 ? 'arrow keys' : '← and →';
    const dots = rows > 1 ? ' (dots)' : '';
    const some = side.queries
      ? ` The page has the similarities of ${side.queries.size} of them${dots}; the nearest of these is chosen.`
      : '';
    return `${other}${this.toSpecial()}Click a ${noun}, or use the ${keys} on the picture, to choose it. Point at one for its value.${some}`;
  }

  /** The cells that are most similar to a cell, at a layer. @param {number} source
   * @param {number} layer */
  ranked(source, layer) {
    const { side } = this;
    const sign = state.metric === 'euclidean' ? -1 : 1;
    return cellTokens(side)
      .flatMap((token) => {
        const value = token === source ? null : side.cell(layer, state.metric, source, token);
        return value === null ? [] : [{ token, value }];
      })
      .sort((a, b) => sign * (b.value - a.value) || a.token - b.token);
  }

  finding() {
    const { side } = this;
    const layer = this.layer();
    const source = this.source();
    const shade = shadeOf(side);
    const at = `at layer ${side.e.layers[layer].layer}`;
    if (shade === 'components')
      return `Principal components ${at}: ${side.cells[0].nouns} of one colour have similar vectors`;
    const shown = this.shade();
    if (!shown) return '';
    const of = sides.length > 1 ? `${'AB'[side.index]}: ` : '';
    if (shade === 'similar' && source !== null) {
      const ranked = this.ranked(source, layer);
      const [best] = ranked;
      if (!best) return '';
      const cells = side.cellsOf(source);
      const far = ranked.find(({ token }) => !cells?.touch(source, token));
      const say = (/** @type {{token: number, value: number}} */ one) =>
        `${this.nameOf(one.token)} (${number(one.value)})`;
      const apart = far && far !== best ? `; farther away, to ${say(far)}` : '';
      return `${of}${capital(this.nameOf(source))} ${at}: most similar to ${say(best)}${apart}`;
    }
    const ranked = cellTokens(side).map((token) => ({ token, value: shown.value(token) ?? 0 }));
    const most = ranked.reduce((a, b) => (b.value > a.value ? b : a), ranked[0]);
    return `${of}${capital(shadeName(side))} ${at}: most to ${this.nameOf(most.token)} (${number(most.value)} of 1)`;
  }

  label() {
    const { side } = this;
    const [{ noun }] = side.cells;
    const { layer } = side.e.layers[this.layer()];
    return `${this.finding() || this.about.title}. ${side.cells.map(gridText).join('; ')}. Colours: ${shadeName(side)}, ${layerName(layer)}. Arrow keys choose a ${noun}. The table below has the numbers.`;
  }

  rows() {
    const { side } = this;
    const source = this.source();
    const layers = side.e.layers.map((_, i) => i).filter((i) => isShaded(side, i));
    const shades = layers.map((layer) => shadeAt(side, layer, source));
    return {
      columns: [
        ...['cell', 'of', 'row', 'column'],
        ...layers.map((i) => layerName(side.e.layers[i].layer)),
      ],
      rows: side.cells.flatMap((cells) =>
        cells.tokens.map((token) => [
          shortText(side.e.tokens[token].text),
          cells.name,
          ...cells.place(token),
          ...shades.map((shade) => shade?.value(token) ?? null),
        ]),
      ),
    };
  }

  json() {
    const { columns, rows } = this.rows();
    const source = this.source();
    return {
      colours: shadeName(this.side),
      chosen: source === null ? null : this.nameOf(source),
      head: state.head,
      media: (this.side.e.media || []).map(({ picture, ...rest }) => rest),
      columns,
      rows,
    };
  }
}

/** The file and the cells of an image or a sound. @param {Cells} cells */
function gridText({ name, rows, columns, media, tokens, nouns }) {
  const size =
    rows > 1
      ? `${rows} × ${columns} ${nouns}`
      : `${media.seconds ? `${Number(media.seconds.toFixed(2))} s, ` : ''}${tokens.length} frames`;
  return `${shortText(name, 40)} (${size})`;
}

/** The panel of the input: a strip of tokens, or pictures with their cells. @param {Side} side */
function inputPanel(side) {
  return side.cells.length > 0 ? new MediaPanel(side) : new RibbonPanel(side);
}
