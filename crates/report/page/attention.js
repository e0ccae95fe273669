// Attention as lines: from the chosen token to every token of its text, by head.

/** Weights below this have no line and no number; the table has them. */
const MIN_WEIGHT = 0.005;
/** The height of a token, of its number below, and of the lines above a single row and several rows. */
const [TOKEN_HEIGHT, NUMBER_HEIGHT, ARC_ROOM, ROW_GAP] = [22, 15, 90, 44];

/** The heads to choose from: key and name. @param {Side} side @returns {[string, string][]} */
function headsOf(side) {
  const count = side.e.layers.find((layer) => layer.attention)?.attention?.length || 0;
  const heads = side.e.attention?.mean ? 0 : count;
  return [
    pair('mean', 'mean of heads'),
    ...Array.from({ length: heads }, (_, h) => pair(String(h), `head ${h}`)),
  ];
}

/** @typedef {{token: number, name: string, x: number, y: number, w: number}} AttentionBox */

/** The tokens of each text with weights, and the place of its first weight.
 * @param {Side} side @returns {Map<number, {tokens: number[], at: number}>} */
function attentionTexts({ e }) {
  const texts = new Map();
  let at = 0;
  for (let text = 0; text < (e.attention?.texts || 0); text += 1) {
    const tokens = e.tokens.flatMap((t, i) => (t.sentence === text ? [i] : []));
    texts.set(text, { tokens, at });
    at += tokens.length ** 2;
  }
  return texts;
}

/** The weights of a layer from a token to the tokens of its text; none of a text without weights.
 * @param {Side} side @param {number} layer @param {number} source */
function attentionFrom(side, layer, source) {
  const { tokens, at } = attentionTexts(side).get(side.e.tokens[source].sentence) || {
    tokens: /** @type {number[]} */ ([]),
    at: 0,
  };
  const all = side.e.layers[layer].attention || [];
  const known = headsOf(side).some(([key]) => key === state.head) ? state.head : 'mean';
  const heads = known === 'mean' ? all : [all[Number(known)]];
  const from = at + tokens.indexOf(source) * tokens.length;
  const weights = tokens.map(
    (_, i) => heads.reduce((sum, of) => sum + of[from + i], 0) / heads.length / 1000,
  );
  return { tokens, weights };
}

class AttentionPanel extends Panel {
  /** @param {Side} side */
  constructor(side) {
    super({
      id: 'attention',
      side,
      // A short text leaves room for a panel beside it.
      wide: sides.length < 2 && side.n > 10,
      title: `Attention of a token${sides.length > 1 ? `, ${'AB'[side.index]}` : ''}`,
      shows:
        'From the chosen token to every token of its text, in the block that computes the layer. The weights of a token sum to 1. Attention is not an explanation: it shows where a head reads, not what it does with what it reads. Nor does it show whether the result of the model depends on it. The wider and darker a line, the larger the weight; weights below 0.005 have no line and no number, but the table has them. Attention on special tokens often has no effect (Clark et al. 2019).',
      paper: { name: 'Jain & Wallace 2019', doi: '10.18653/v1/N19-1357' },
    });
    this.texts = attentionTexts(side);
    const tokens = [...this.texts.values()].flatMap((text) => text.tokens);
    const many = this.texts.size > 1;
    const nameOf = (/** @type {number} */ token) =>
      `${many ? `text ${side.e.tokens[token].sentence + 1}: ` : ''}${side.tokenNames[token]}`;
    this.choices = [
      choice(
        'From',
        tokens.map((token) => pair(String(token), nameOf(token))),
        () => String(this.source()),
        (token) => set({ selected: { side: side.index, token: Number(token) } }),
      ),
      choice(
        'Head',
        headsOf(side),
        () => this.head(),
        (head) => set({ head }),
      ),
    ];
    this.controls.append(...this.choices.map((c) => c.root));
  }

  /** The token whose attention is shown: the chosen one, or the first that is not special; of a text
   * without weights none is. */
  source() {
    const { side } = this;
    const first = [...this.texts.values()].flatMap(({ tokens }) => tokens);
    const chosen = onSide(state.selected, side.index) ?? tellingJourney(side)?.tokens[0];
    if (chosen !== undefined && first.includes(chosen)) return chosen;
    return first.find((t) => !side.e.tokens[t].special) ?? first[0];
  }

  /** The text that is shown: its tokens, and the place of its first weight. */
  text() {
    return this.texts.get(this.side.e.tokens[this.source()].sentence) || { tokens: [], at: 0 };
  }

  /** The tokens of the text that is shown. */
  tokens() {
    return this.text().tokens;
  }

  /** The layer that is shown: that of the page, or the next one that has attention. */
  layer() {
    const { layers } = this.side.e;
    const now = layerAt(this.side);
    const has = (/** @type {Schema.Layer} */ layer) => !!layer.attention;
    return layers.slice(now).find(has) || layers.findLast(has) || layers[now];
  }

  /** The weights of a head at a layer, from the shown token to the tokens of its text.
   * @param {Schema.Layer} [layer] @param {string} [head] */
  weights(layer = this.layer(), head = this.head()) {
    const { tokens, at } = this.text();
    const from = at + tokens.indexOf(this.source()) * tokens.length;
    const all = layer.attention || [];
    const heads = head === 'mean' ? all : [all[Number(head)]];
    return tokens.map(
      (_, i) => heads.reduce((sum, weights) => sum + weights[from + i], 0) / heads.length / 1000,
    );
  }

  /** The chosen head; of a side that does not have it, the mean. */
  head() {
    return headsOf(this.side).some(([key]) => key === state.head) ? state.head : 'mean';
  }

  headName() {
    return this.head() === 'mean' ? 'mean of heads' : `head ${this.head()}`;
  }

  deps() {
    return [this.layer(), layerAt(this.side), state.head, this.source(), state.hover];
  }

  changed() {
    this.choices.forEach((c) => c.follow());
  }

  /** Tokens in rows, in the direction of the text. @param {number} width */
  layout(width) {
    const { side } = this;
    const all = this.tokens();
    const rtl = directionOf(side.e.texts[side.e.tokens[all[0]].sentence] || '') === 'rtl';
    let [x, row] = [4, 0];
    /** @type {AttentionBox[]} */
    const boxes = all.map((token) => {
      // The place tells repeated tokens apart.
      const name = tokenName(side.e.tokens[token]);
      const w = Math.min(width - 8, Math.max(34, textWidth(name, { bold: true }) + 12));
      if (x > 4 && x + w > width - 4) [x, row] = [4, row + 1];
      x += w + 6;
      return { token, name, x: x - w - 6, y: row * (TOKEN_HEIGHT + NUMBER_HEIGHT + ROW_GAP), w };
    });
    const room = row > 0 ? ROW_GAP : ARC_ROOM;
    for (const box of boxes) box.y += room;
    if (rtl) for (const box of boxes) box.x = width - box.x - box.w;
    return { boxes, room, height: boxes[boxes.length - 1].y + TOKEN_HEIGHT + NUMBER_HEIGHT + 6 };
  }

  height(/** @type {number} */ width) {
    return this.layout(width).height;
  }

  draw(/** @type {Pen} */ pen, /** @type {number} */ width) {
    const { boxes, room } = this.layout(width);
    const weights = this.weights();
    const source = this.source();
    const from = /** @type {AttentionBox} */ (boxes.find((box) => box.token === source));
    boxes.forEach((to, i) => {
      if (weights[i] < MIN_WEIGHT || to === from) return;
      pen.fade(0.15 + 0.85 * Math.sqrt(weights[i]));
      pen.path(arc(from, to, room), theme.accent, 0.75 + 9 * weights[i]);
    });
    boxes.forEach((box, i) => {
      const own = box === from;
      pen.fade(1);
      pen.rect(box.x, box.y, box.w, TOKEN_HEIGHT, theme.paper);
      pen.fade(0.45 * weights[i]);
      pen.rect(box.x, box.y, box.w, TOKEN_HEIGHT, theme.accent);
      pen.fade(1);
      pen.rect(box.x, box.y, box.w, TOKEN_HEIGHT, '', own ? theme.accent : theme.rule);
      const special = this.side.e.tokens[box.token].special;
      const style = { bold: own, align: /** @type {const} */ ('center'), middle: true };
      const fill = special ? theme.muted : theme.ink;
      const [x, y] = [box.x + box.w / 2, box.y + TOKEN_HEIGHT / 2];
      pen.text(x, y, fitted(box.name, box.w - 4, style), { ...style, fill });
      if (weights[i] < MIN_WEIGHT) return;
      const small = { align: style.align, size: 11, fill: theme.muted };
      pen.text(x, box.y + TOKEN_HEIGHT + 12, weights[i].toFixed(3), small);
    });
  }

  hit(/** @type {number} */ x, /** @type {number} */ y) {
    const { boxes } = this.layout(this.width);
    const i = boxes.findIndex(
      (box) =>
        x >= box.x && x < box.x + box.w && y >= box.y && y < box.y + TOKEN_HEIGHT + NUMBER_HEIGHT,
    );
    if (i < 0) return null;
    const weight = this.weights()[i].toFixed(3);
    const [from, to] = [this.source(), boxes[i].token].map((t) => this.side.tokenNames[t]);
    const { layer } = this.layer();
    return {
      text: `From ${quoted(from)} to ${quoted(to)}: ${weight} (${layerName(layer)}, ${this.headName()})`,
      token: boxes[i].token,
    };
  }

  rest() {
    const { layer } = this.layer();
    const { side } = this;
    const now = side.e.layers[layerAt(side)].layer;
    const chosen = onSide(state.selected, side.index);
    const special = this.tokens().map((t) => side.e.tokens[t].special);
    const sum = this.weights().reduce((sum, w, i) => sum + (special[i] ? w : 0), 0);
    return [
      chosen !== null && chosen !== this.source()
        ? `The page does not have the attention of ${quoted(side.tokenNames[chosen])}.`
        : '',
      layer === now ? '' : `Shown: ${layerName(layer)}; ${layerName(now)} has no attention.`,
      special.includes(true) ? `To special tokens: ${sum.toFixed(3)} of 1.` : '',
    ]
      .filter(Boolean)
      .join(' ');
  }

  finding() {
    const weights = this.weights();
    const most = weights.indexOf(Math.max(...weights));
    const [from, to] = [this.source(), this.tokens()[most]].map((t) => this.side.tokenNames[t]);
    const of = sides.length > 1 ? `, ${'AB'[this.side.index]}` : '';
    return `Attention at layer ${this.layer().layer}${of}, ${this.headName()}: ${quoted(from)} attends most to ${from === to ? 'itself' : `${quoted(to)}`} (${weights[most].toFixed(3)})`;
  }

  label() {
    return `${this.finding()}. The table below has all weights.`;
  }

  rows() {
    const heads = headsOf(this.side);
    const byHead = heads.map(([key]) => this.weights(this.layer(), key));
    return {
      columns: [
        `from “${this.side.tokenNames[this.source()]}” to`,
        ...heads.map(([, name]) => name),
      ],
      rows: this.tokens().map((token, i) => [
        this.side.tokenNames[token],
        ...byHead.map((weights) => weights[i]),
      ]),
    };
  }

  csvRows() {
    const { layers } = this.side.e;
    const from = this.side.tokenNames[this.source()];
    return {
      columns: ['layer', 'head', 'from', 'to', 'weight'],
      rows: layers
        .filter((layer) => layer.attention)
        .flatMap((layer) =>
          headsOf(this.side).flatMap(([key, name]) => {
            const weights = this.weights(layer, key);
            return this.tokens().map((token, i) => [
              layer.layer,
              name,
              from,
              this.side.tokenNames[token],
              weights[i],
            ]);
          }),
        ),
    };
  }

  json() {
    const { attention, tokens, layers } = this.side.e;
    return {
      attention,
      tokens,
      layers: layers.map((l) => ({ layer: l.layer, heads: l.attention })),
    };
  }
}

/** A line between two tokens: over a row, or from row to row. @param {AttentionBox} from
 * @param {AttentionBox} to @param {number} room above a row @returns {number[]} */
function arc(from, to, room) {
  const [x1, x2] = [from, to].map((box) => box.x + box.w / 2);
  const sameRow = from.y === to.y;
  const below = to.y > from.y;
  const y1 = below ? from.y + TOKEN_HEIGHT : from.y;
  const y2 = sameRow || below ? to.y : to.y + TOKEN_HEIGHT;
  const rise = (4 / 3) * Math.min(room - 6, 12 + 0.3 * Math.abs(x2 - x1));
  const [c1, c2] = sameRow ? [y1 - rise, y2 - rise] : [(y1 + y2) / 2, (y1 + y2) / 2];
  const points = [];
  for (let step = 0; step <= 32; step += 1) {
    const t = step / 32;
    const u = 1 - t;
    const [a, b, c, d] = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
    points.push(a * x1 + b * x1 + c * x2 + d * x2, a * y1 + b * c1 + c * c2 + d * y2);
  }
  return points;
}
