// Both sentences of one basis on one map.

/** The side that has the tokens of both sentences: those of the second follow those of the first. */
const BOTH = -1;

/** The exploration of both sentences, as far as a map needs it. @returns {Exploration} */
function bothTexts() {
  const [a, b] = report.explorations;
  const after = (/** @type {number} */ token) => a.tokens.length + token;
  /** @param {Schema.MapAbout | null} of @param {Schema.MapAbout | null} more */
  const about = (of, more) =>
    of &&
    more && {
      ...of,
      rows: [...of.rows, ...more.rows.map(after)],
      placed: [...of.placed, ...more.placed.map(after)],
    };
  /** @param {Schema.MapLayer | null} of @param {Schema.MapLayer | null} more */
  const map = (of, more) =>
    of &&
    more && {
      ...of,
      points: [...of.points, ...more.points],
      ...(of.third && more.third ? { third: [...of.third, ...more.third] } : {}),
    };
  return {
    ...a,
    texts: [...a.texts, ...b.texts],
    tokens: [
      ...a.tokens,
      ...b.tokens.map((t) => ({ ...t, sentence: t.sentence + a.texts.length })),
    ],
    trajectory: about(a.trajectory, b.trajectory),
    tsne: about(a.tsne, b.tsne),
    layers: a.layers.map((layer, l) => ({
      ...layer,
      similarity: undefined,
      query_similarity: undefined,
      trajectory: map(layer.trajectory, b.layers[l].trajectory),
      tsne: map(layer.tsne, b.layers[l].tsne),
    })),
    journeys: undefined,
    media: undefined,
    queries: undefined,
  };
}

/** A place on its own side. @param {number} side @param {number} token @returns {Place} */
function ownPlace(side, token) {
  if (side !== BOTH) return { side, token };
  const first = sides[0].n;
  return token < first ? { side: 0, token } : { side: 1, token: token - first };
}

/** Whether both sides are on one map. */
function hasOneMap() {
  return !!report.one_basis && sides.length === 2;
}

class BothPanel extends MapPanel {
  constructor() {
    super(new Side(bothTexts(), BOTH));
    this.about.title = 'Both sentences on one map';
    this.about.wide = true;
    this.told = new Set(
      sides.flatMap((side) =>
        journeysOf(side).flatMap((j) => j.tokens.map((t) => (side.index ? sides[0].n + t : t))),
      ),
    );
  }

  /** Lines between words that correspond, below the points. @param {Pen} pen @param {Coordinates} c
   * @param {number} width @param {number} height */
  axes(pen, c, width, height) {
    super.axes(pen, c, width, height);
    pen.fade(0.55);
    for (const [a, b] of report.aligned || []) {
      const [from, to] = [a, sides[0].n + b].map((token) => this.side.now.of[token]);
      if (from < 0 || to < 0 || Number.isNaN(this.x[from]) || Number.isNaN(this.x[to])) continue;
      pen.line(this.x[from], this.y[from], this.x[to], this.y[to], theme.muted, 1, [3, 3]);
    }
    pen.fade(1);
  }

  /** @param {Pen} pen @param {Coordinates} c @param {number} width */
  legend(pen, c, width) {
    super.legend(pen, c, width);
    if (state.colour !== 'sentence') return;
    [...'AB'].forEach((name, i) => {
      const x = width - 70 + 34 * i;
      pen.marker(x, 14, 5.5, i, OKABE_ITO[i], theme.paper);
      pen.text(x + 9, 18, name, { size: 12, fill: theme.ink });
    });
  }
}
