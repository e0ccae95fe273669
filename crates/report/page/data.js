// The report, and data derived from it once: sides, units, coordinates.

const report = /** @type {Schema.Report} */ (
  JSON.parse(document.getElementById('report')?.textContent || '{}')
);

/** @typedef {{tokens: number[], name: string, sentence: number, special: boolean, unknown: boolean,
 *   at: number}} Unit */
/** @typedef {{units: Unit[], of: Int32Array}} View */

/** The name of a token; an unknown one is marked. @param {{text: string, unknown: boolean}} token */
function tokenName({ text, unknown }) {
  return `${unknown ? UNKNOWN : ''}${shortText(text)}`;
}

/** One exploration: the page shows one, or two beside each other. */
class Side {
  /** @param {Exploration} e @param {number} index */
  constructor(e, index) {
    this.e = e;
    this.index = index;
    this.n = e.tokens.length;
    this.last = e.layers.length - 1;
    const ordinary = e.tokens.filter((t) => !t.special);
    /** The share of tokens that the vocabulary does not have. */
    this.unknown = ordinary.filter((t) => t.unknown).length / Math.max(1, ordinary.length);
    /** @type {Map<string, View>} */
    this.views = new Map();
    /** @type {Map<string, Coordinates | null>} */
    this.coordinates = new Map();
    const [{ similarity, query_similarity } = /** @type {Partial<Schema.Layer>} */ ({})] = e.layers;
    /** Whether the page has the similarities of all pairs of tokens. */
    this.hasPairs = !!similarity;
    /** The place of each token that has similarities, where not all have; null where all have.
     * @type {Map<number, number> | null} */
    this.queries =
      !similarity && query_similarity ? new Map((e.queries || []).map((t, i) => [t, i])) : null;
    /** @type {Metric[]} */
    this.metrics = /** @type {Metric[]} */ (Object.keys(similarity || query_similarity || {}));
    /** The images or the sounds. @type {Cells[]} */
    this.cells = (e.media || []).map((media, i) => new Cells(this, media, i));
    this.tokenNames = numbered(e.tokens.map((t, i) => [t.sentence, this.nameOf(t, i)]));
    /** @type {{[metric: string]: Scale}} */
    this.scales = {};
    this.hasSubWords = e.unit === 'token' && this.view(true, true).units.length < this.n;
    this.hasSpecial = e.tokens.some((t) => t.special);
  }

  /** The tokens, or the words that they make, with or without special ones.
   * @param {boolean} words @param {boolean} special @returns {View} */
  view(words, special) {
    const key = `${words}${special}`;
    const known = this.views.get(key);
    if (known) return known;
    const of = new Int32Array(this.n).fill(-1);
    /** @type {Unit[]} */
    const units = [];
    this.e.tokens.forEach((token, at) => {
      if (token.special && !special) return;
      const before = at > 0 ? this.e.tokens[at - 1] : null;
      const continues =
        words &&
        before &&
        token.word_id !== null &&
        of[at - 1] >= 0 &&
        token.word_id === before.word_id &&
        token.sentence === before.sentence;
      if (continues) {
        const unit = units[units.length - 1];
        unit.tokens.push(at);
        unit.unknown ||= token.unknown;
        const text = unit.tokens.map((t) => this.e.tokens[t].text.replace(/^##/, '')).join('');
        unit.name = tokenName({ text, unknown: unit.unknown });
      } else {
        const { sentence, special: isSpecial } = token;
        units.push({
          tokens: [at],
          name: this.nameOf(token, at),
          sentence,
          special: isSpecial,
          unknown: token.unknown,
          at: units.length,
        });
      }
      of[at] = units.length - 1;
    });
    numbered(units.map((u) => [u.sentence, u.name])).forEach((name, i) => {
      units[i].name = name;
    });
    const view = { units, of };
    this.views.set(key, view);
    return view;
  }

  /** The view that the state asks for. */
  get now() {
    return this.view(state.words, state.special);
  }

  /** The unit that a token is drawn in; null where that is hidden. @param {number} token */
  unitOf(token) {
    return this.now.units[this.now.of[token]] || null;
  }

  /** Two tokens against each other at a layer. @param {number} layer @param {Metric} metric
   * @param {number} a @param {number} b */
  cell(layer, metric, a, b) {
    const { similarity, query_similarity } = this.e.layers[layer] || {};
    const values = similarity?.[metric];
    if (!values) {
      const rows = query_similarity?.[/** @type {keyof Schema.QuerySimilarity} */ (metric)];
      const [query, other] = this.queries?.has(a) ? [a, b] : [b, a];
      return rows?.[this.queries?.get(query) ?? -1]?.[other] ?? null;
    }
    const [i, j] = a < b ? [a, b] : [b, a];
    return values[i * this.n - (i * (i - 1)) / 2 + j - i];
  }

  /** The name of a token; of several images or sounds, with the name of the file.
   * @param {{text: string, unknown: boolean}} token @param {number} at */
  nameOf(token, at) {
    const cells = this.cells.length > 1 ? this.cellsOf(at) : null;
    return `${tokenName(token)}${cells ? ` of ${shortText(cells.name)}` : ''}`;
  }

  /** The image or the sound that a token is a cell of. @param {number} token */
  cellsOf(token) {
    return this.cells.find((cells) => cells.has(token)) || null;
  }

  /** Two units against each other: the mean over all pairs of their tokens.
   * @param {number} layer @param {Metric} metric @param {Unit} a @param {Unit} b
   * @returns {number | null} */
  similarity(layer, metric, a, b) {
    let sum = 0;
    for (const i of a.tokens) {
      for (const j of b.tokens) {
        const value = this.cell(layer, metric, i, j);
        if (value === null) return null;
        sum += value;
      }
    }
    return sum / (a.tokens.length * b.tokens.length);
  }

  /** The scale that all layers share, and both sides: but not the distances of two models.
   * @param {Metric} metric @returns {Scale} */
  scale(metric) {
    const apart = metric === 'euclidean' && !report.one_basis;
    return (this.scales[metric] ||= scaleOf(apart ? [this] : sides, metric));
  }

  /** Where every unit is on a map, at every layer. @param {'trajectory' | 'tsne'} map */
  points(map) {
    const key = `${map}${state.words}${state.special}`;
    if (!this.coordinates.has(key)) {
      this.coordinates.set(key, this.e[map] ? new Coordinates(this, map, this.now) : null);
    }
    return this.coordinates.get(key) || null;
  }
}

/** From the least to the greatest similarity. @param {Side[]} of @param {Metric} metric @returns {Scale} */
function scaleOf(of, metric) {
  if (metric === 'centred' || metric === 'standardised') return { low: -1, high: 1, signed: true };
  let low = metric === 'euclidean' ? 0 : 1;
  let high = metric === 'euclidean' ? 0 : 1;
  for (const layer of of.flatMap((side) => side.e.layers)) {
    if (metric === 'cosine' && layer.baseline) low = Math.min(low, layer.baseline.value);
    const some = metric === 'cosine' ? layer.query_similarity?.cosine : undefined;
    for (const values of [layer.similarity?.[metric] || [], ...(some || [])]) {
      for (const value of values) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
  }
  // As on paper: from a round number below the least cosine to 1.
  if (metric === 'cosine') low = Math.min(0.9, Math.floor(low * 10) / 10);
  return { low, high: high > low ? high : low + 1, signed: false };
}

/** A map's coordinates in flat arrays, so that a frame allocates nothing. */
class Coordinates {
  /** @param {Side} side @param {'trajectory' | 'tsne'} map @param {View} view */
  constructor(side, map, view) {
    const about = /** @type {MapAbout} */ (side.e[map]);
    this.about = about;
    this.count = view.units.length;
    this.layers = side.e.layers.length;
    this.hasThird = side.e.layers.every((l) => l[map]?.third);
    /** [layers][units][x, y, third]; NaN for what is not on the map. */
    this.all = new Float32Array(this.layers * this.count * 3).fill(NaN);
    /** The same between layers, for the moment. */
    this.at = new Float32Array(this.count * 3);
    const placeOf = new Map(about.rows.map((token, place) => [token, place]));
    side.e.layers.forEach((layer, l) => {
      const points = layer[map]?.points || [];
      const third = layer[map]?.third;
      view.units.forEach((unit, u) => {
        let n = 0;
        const sum = [0, 0, 0];
        for (const token of unit.tokens) {
          const place = placeOf.get(token);
          if (place === undefined) continue;
          n += 1;
          sum[0] += points[place][0];
          sum[1] += points[place][1];
          sum[2] += third ? third[place] : 0;
        }
        for (let k = 0; n > 0 && k < 3; k += 1) this.all[(l * this.count + u) * 3 + k] = sum[k] / n;
      });
    });
    const placed = new Set(about.placed);
    this.fitted = view.units.map((unit) => unit.tokens.every((t) => !placed.has(t)));
    this.bounds = this.frame();
    const [low, high] = this.range(2);
    /** @type {Scale} */
    this.thirds = { low, high, signed: false };
  }

  /** Whether a step between layers means anything. */
  get continuous() {
    return this.about.alignment !== 'none';
  }

  /** @param {number} axis @returns {[number, number]} the ends over what was fitted */
  range(axis) {
    let [low, high] = [Infinity, -Infinity];
    for (let i = 0; i < this.layers * this.count; i += 1) {
      const value = this.all[i * 3 + axis];
      if (Number.isNaN(value) || !this.fitted[i % this.count]) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    return low <= high ? [low, high] : [-1, 1];
  }

  /** The frame of the picture: of what was fitted, and of the rest where that is not far off.
   * One scale for both axes, and room to turn about the vertical. */
  frame() {
    const ends = [this.range(0), this.range(1), this.range(2)].map(([low, high]) => {
      const span = high - low || 1;
      return [low, high, span];
    });
    const wide = Math.max(ends[0][2], ends[1][2]);
    for (let i = 0; i < this.layers * this.count; i += 1) {
      for (let k = 0; k < 2; k += 1) {
        const value = this.all[i * 3 + k];
        const end = ends[k];
        if (value < end[0] && value > end[0] - wide / 2) end[0] = value;
        if (value > end[1] && value < end[1] + wide / 2) end[1] = value;
      }
    }
    return {
      x: [ends[0][0], ends[0][1]],
      y: [ends[1][0], ends[1][1]],
      z: [ends[2][0], ends[2][1]],
    };
  }

  /** Moves `at` to a depth between layers. @param {number} depth */
  moveTo(depth) {
    const from = Math.min(Math.floor(depth), this.layers - 1);
    const to = Math.min(from + 1, this.layers - 1);
    let share = depth - from;
    if (!this.continuous) share = Math.round(share);
    const [a, b] = [from * this.count * 3, to * this.count * 3];
    for (let i = 0; i < this.at.length; i += 1) {
      this.at[i] = this.all[a + i] + (this.all[b + i] - this.all[a + i]) * share;
    }
  }
}

/** @type {Side[]} */
const sides = [];
