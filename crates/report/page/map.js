// The map: every token at one layer, moving from layer to layer.

/** More units than this are drawn as squares without names. */
const MANY = 400;
/** The trails of more units than this hide each other: only those of chosen words are drawn. */
const MAX_TRAILS = 40;
/** More names than this are not readable. */
const MAX_NAMES = 80;

class MapPanel extends Panel {
  /** @param {Side} side */
  constructor(side) {
    super({
      id: 'map',
      title:
        sides.length > 1
          ? `Map ${'AB'[side.index]}${report.one_basis ? '' : `: ${modelName(side.e.model)}`}`
          : 'Map',
      shows: '',
      side,
    });
    this.x = new Float32Array(0);
    this.y = new Float32Array(0);
    /** The side of its point that each name was put on, so that names keep their places. */
    this.sideOf = new Uint8Array(0);
    /** Tokens of content words. */
    this.told = new Set(journeysOf(side).flatMap((j) => j.tokens));
    const maps = /** @type {[string, string][]} */ ([
      ['trajectory', 'PCA'],
      ['tsne', 't-SNE'],
    ]).filter(([m]) => side.e[/** @type {'tsne'} */ (m)]);
    const reducer = side.e.trajectory?.reducer;
    if (reducer && reducer !== 'pca')
      maps[0][1] = reducer === 'tsne' ? 't-SNE' : 'random directions';
    this.choices = [
      choice(
        'Map',
        maps,
        () => state.map,
        (v) => set({ map: /** @type {'tsne'} */ (v) }),
      ),
      colourChoice(side),
      toggle('trails', 'trails'),
      toggle('layer before', 'ghost'),
    ];
    this.controls.append(...this.choices.map((c) => c.root));
    if (side.e.layers[0].trajectory?.third) {
      const slider = el('input', {
        type: 'range',
        min: -90,
        max: 90,
        step: 5,
        input: () => set({ turn: Number(slider.value) }),
      });
      this.slider = slider;
      this.controls.append(el('label', { class: 'turn' }, 'Turn ', slider));
    }
  }

  get coordinates() {
    return this.side.points(state.map);
  }

  height(/** @type {number} */ width) {
    const most = sides.length > 1 ? 460 : 560;
    return Math.max(280, Math.min(width * 0.72, most)) + this.labels(width).height;
  }

  deps() {
    return [
      depthOf(this.side),
      state.map,
      state.turn,
      state.colour,
      state.trails,
      state.ghost,
      state.words,
      state.special,
      focusOf(this.side),
      state.pinned,
      state.colour === 'similar' && state.metric,
      state.playing,
    ];
  }

  changed() {
    this.choices.forEach((c) => c.follow());
    if (this.slider) {
      this.slider.value = String(state.turn);
      this.slider.disabled = state.map !== 'trajectory';
    }
  }

  explanation() {
    const e = this.side.e;
    // The map that is shown.
    const about = state.map === 'tsne' ? e.tsne : e.trajectory;
    const reducer = state.map === 'tsne' ? 'tsne' : about?.reducer;
    const how =
      e.trajectory &&
      reducer &&
      {
        pca:
          e.trajectory.alignment === 'joint'
            ? 'Every token at one layer. All layers share one basis, the directions in which the tokens of all layers together vary most (PCA), so the path of a token is meaningful; much of it may be a drift that all tokens share. A plane loses most of the space: tokens that are near on the map may be far apart in the space.'
            : 'Every token at one layer. Each layer has its own two directions of greatest variance, rotated onto the layer before (Procrustes): the shared drift is removed, and tokens that are near on the map may be far apart in the space.',
        random:
          'Two random directions, as a control: a pattern that is also visible here does not come from the reducer.',
        tsne: 'A t-SNE map: only near neighbours can be interpreted, not distances, sizes of groups or empty space.',
      }[reducer];
    this.about.shows = `${how || 'Every token at one layer.'} ${about?.unit_length ? 'Each state was divided by its norm first, because the norms differ by more than a factor of 10: the map compares directions. ' : ''}Faint points: the layer before. ${reducer === 'tsne' ? '' : 'Special tokens are placed on the basis but do not determine it. '}Trustworthiness: how far the neighbours on the map are neighbours in the space, 0 to 1.${sides.length < 2 ? '' : this.side.index === BOTH ? ' Dashed lines join the words that correspond.' : report.one_basis ? ' Both sides have the same axes and scale: positions on the two maps can be compared.' : ' Each side has its own axes: compare neighbourhoods, not positions.'}`;
    return super.explanation();
  }

  /** @param {number} width @param {number} height */
  place(width, height) {
    const c = this.coordinates;
    if (!c) return null;
    if (this.x.length !== c.count) {
      this.x = new Float32Array(c.count);
      this.y = new Float32Array(c.count);
      this.sideOf = new Uint8Array(c.count);
    }
    c.moveTo(depthOf(this.side));
    this.top = Math.max(48, this.labels(width).height + 22);
    this.project(c, c.at, 0, width, height, this.x, this.y);
    return c;
  }

  /** What the picture has to hold: of sides with one basis, the points of both.
   * @param {Coordinates} c */
  frame(c) {
    if (!report.one_basis) return c.bounds;
    const all = sides.flatMap((side) => side.points(state.map)?.bounds || []);
    /** @param {'x' | 'y' | 'z'} axis */
    const ends = (axis) => [
      Math.min(...all.map((b) => b[axis][0])),
      Math.max(...all.map((b) => b[axis][1])),
    ];
    return { x: ends('x'), y: ends('y'), z: ends('z') };
  }

  /** Coordinates to the picture: turned about the vertical, one scale for both axes, and what lies
   * beyond the frame at its edge.
   * @param {Coordinates} c @param {Float32Array} from @param {number} start @param {number} width
   * @param {number} height @param {Float32Array} x @param {Float32Array} y */
  project(c, from, start, width, height, x, y) {
    const b = this.frame(c);
    const angle = state.map === 'trajectory' ? (state.turn * Math.PI) / 180 : 0;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    const middle = [b.x, b.y, b.z].map(([low, high]) => (low + high) / 2);
    const across = Math.abs(cos) * (b.x[1] - b.x[0]) + Math.abs(sin) * (b.z[1] - b.z[0]);
    const [left, right, top, bottom] = [26, 26, this.top, 48];
    const scale = Math.min(
      (width - left - right) / (across || 1),
      (height - top - bottom) / (b.y[1] - b.y[0] || 1),
    );
    const [cx, cy] = [(left + width - right) / 2, (top + height - bottom) / 2];
    for (let i = 0; i < x.length; i += 1) {
      const at = start + i * 3;
      const px = cx + scale * ((from[at] - middle[0]) * cos + (from[at + 2] - middle[2]) * sin);
      const py = cy - scale * (from[at + 1] - middle[1]);
      x[i] = px < 8 ? 8 : px > width - 8 ? width - 8 : px;
      y[i] = py < this.top - 40 ? this.top - 40 : py > height - 40 ? height - 40 : py;
    }
    this.scaleNow = scale;
  }

  /** Room above the points. */
  top = 48;

  /** The legend of the label that the points are coloured by. @param {number} width */
  labels(width) {
    const label = shownLabel(this.side);
    return legendPlaces(label ? labelLegend(label) : [], width);
  }

  /** @param {Unit} unit @param {Coordinates} c @param {number} u */
  colour(unit, c, u) {
    const { side } = this;
    const label = shownLabel(side);
    if (label) return lookOfRank(rankOf(label, unit)).colour;
    if (state.colour === 'sentence') return OKABE_ITO[unit.sentence % OKABE_ITO.length];
    if (state.colour === 'third' && c.hasThird) {
      return colourOf(c.at[u * 3 + 2], c.thirds);
    }
    if (state.colour === 'similar') {
      const focus = focusOf(side);
      const chosen = focus === null ? null : side.unitOf(focus);
      if (!chosen) return theme.muted;
      return colourOf(
        side.similarity(layerAt(side), state.metric, chosen, unit),
        side.scale(state.metric),
      );
    }
    return this.byPosition(unit);
  }

  /** @param {Unit} unit */
  byPosition(unit) {
    if (!this.lengths) {
      this.lengths = new Map();
      this.side.e.tokens.forEach((t) =>
        this.lengths?.set(t.sentence, (this.lengths.get(t.sentence) || 0) + 1),
      );
      /** @type {Map<number, number>} */
      this.starts = new Map();
      this.side.e.tokens.forEach((t, i) => {
        if (!this.starts?.has(t.sentence)) this.starts?.set(t.sentence, i);
      });
    }
    const length = this.lengths.get(unit.sentence) || 1;
    const place =
      (unit.tokens[0] - (this.starts?.get(unit.sentence) || 0)) / Math.max(1, length - 1);
    return this.shade(place);
  }

  draw(/** @type {Pen} */ pen, /** @type {number} */ width, /** @type {number} */ height) {
    const c = this.place(width, height);
    if (!c) {
      notice(pen, width, height, 'There is no map of this kind for these tokens.');
      return;
    }
    this.axes(pen, c, width, height);
    this.legend(pen, c, width);
    const { units } = this.side.now;
    const focus = focusOf(this.side);
    const chosen = focus === null ? null : this.side.unitOf(focus);
    const marked = new Set(pinnedOf(this.side).flatMap((t) => this.side.unitOf(t) || []));
    if (chosen) marked.add(chosen);
    if (c.continuous) this.past(pen, c, width, height, units, marked);
    const label = shownLabel(this.side);
    const many = units.length > MANY;
    const r = many ? 2 : units.length > 100 ? 4 : 5.5;
    for (let u = 0; u < units.length; u += 1) {
      if (Number.isNaN(this.x[u])) continue;
      const unit = units[u];
      const colour = this.colour(unit, c, u);
      if (this.thumbnail(pen, unit, u, colour)) continue;
      if (many) pen.rect(this.x[u] - r, this.y[u] - r, 2 * r, 2 * r, colour || theme.rule);
      else {
        const ofText = this.side.e.texts.length > 1 ? unit.sentence : 0;
        const shape = label ? lookOfRank(rankOf(label, unit)).shape : ofText;
        pen.marker(
          this.x[u],
          this.y[u],
          r,
          shape,
          unit.special ? theme.paper : colour || theme.paper,
          unit.special || !colour ? theme.muted : theme.paper,
        );
      }
    }
    for (const unit of marked) {
      const u = unit.at;
      if (!Number.isNaN(this.x[u]))
        pen.marker(this.x[u], this.y[u], r + 4, 0, '', unit === chosen ? theme.accent : theme.ink);
    }
    this.names(pen, units, marked, chosen, width, height, r);
  }

  /** Draws the part of the picture that a unit is, with a frame in its colour; returns whether there
   * is one. @param {Pen} pen @param {Unit} unit @param {number} u @param {string} colour */
  thumbnail(pen, unit, u, colour) {
    const [token] = unit.tokens;
    const cells = this.side.cellsOf(token);
    if (!cells?.pictured) return false;
    const { length } = this.side.now.units;
    const half = length > 700 ? 5 : length > 240 ? 7 : length > 100 ? 9 : 12;
    const [x, y] = [this.x[u] - half, this.y[u] - half];
    pen.rect(x - 2, y - 2, 2 * half + 4, 2 * half + 4, colour || theme.rule);
    pen.image(cells.picture, cells.part(token), x, y, 2 * half, 2 * half, false);
    return true;
  }

  /** What the colours mean. @param {Pen} pen @param {Coordinates} c @param {number} width */
  legend(pen, c, width) {
    const { side } = this;
    drawLegend(pen, this.labels(width));
    if (state.colour === 'sentence' || shownLabel(side)) return;
    const bar = Math.min(170, width * 0.4);
    const [x, y] = [width - bar - 8, 8];
    if (state.colour === 'third' && c.hasThird) colourBar(pen, x, y, bar, c.thirds, 'component 3');
    else if (state.colour === 'similar')
      colourBar(pen, x, y, bar, side.scale(state.metric), METRICS[state.metric]);
    else {
      for (let i = 0; i < 24; i += 1)
        pen.rect(x + (bar * i) / 24, y, bar / 24 + 0.6, 9, this.shade(i / 23));
      const style = { fill: theme.muted, size: 11 };
      pen.text(x, y + 21, `first ${unitWords(side).one}`, style);
      pen.text(x + bar, y + 21, 'last', { ...style, align: 'right' });
    }
  }

  /** The colour of a place in a text. @param {number} place 0 to 1 */
  shade(place) {
    // The lightest end of the ramp is hard to see on paper, the darkest on a dark page.
    return colours(false)[Math.round(theme.dark ? 50 + 205 * place : 225 * place)];
  }

  /** Trails, and the layer before. @param {Pen} pen @param {Coordinates} c @param {number} width
   * @param {number} height @param {Unit[]} units @param {Set<Unit>} marked */
  past(pen, c, width, height, units, marked) {
    const depth = depthOf(this.side);
    if (!this.oldX || this.oldX.length !== c.count) {
      this.oldX = new Float32Array(c.count);
      this.oldY = new Float32Array(c.count);
    }
    const oldY = /** @type {Float32Array} */ (this.oldY);
    const before = Math.ceil(depth) - 1;
    if (before < 0) return;
    // On a large map, the layer before would halve the frame rate.
    if (state.ghost && !(state.playing && units.length > MANY)) {
      this.project(c, c.all, before * c.count * 3, width, height, this.oldX, oldY);
      pen.fade(units.length > MANY ? 0.25 : 0.35);
      const r = units.length > MANY ? 1.5 : 3;
      for (let u = 0; u < units.length; u += 1) {
        if (Number.isNaN(this.oldX[u])) continue;
        if (units.length > MANY) pen.rect(this.oldX[u] - r, oldY[u] - r, 2 * r, 2 * r, theme.muted);
        else if (units.length <= MAX_TRAILS || marked.has(units[u])) {
          pen.line(this.oldX[u], oldY[u], this.x[u], this.y[u], theme.muted, 1);
          pen.marker(this.oldX[u], oldY[u], r, 0, theme.muted);
        }
      }
      pen.fade(1);
    }
    if (!state.trails) return;
    // A short text shows all trails, a long one those of marked tokens.
    const all = units.length <= MAX_TRAILS && marked.size === 0;
    const trails = all ? units : [...marked];
    pen.fade(all ? 0.3 : 0.9);
    for (const unit of trails) {
      if (Number.isNaN(this.x[unit.at])) continue;
      const way = [];
      for (let l = 0; l <= before; l += 1) {
        this.project(c, c.all, (l * c.count + unit.at) * 3, width, height, this.one, this.two);
        way.push(this.one[0], this.two[0]);
      }
      way.push(this.x[unit.at], this.y[unit.at]);
      const colour = this.colour(unit, c, unit.at) || theme.muted;
      pen.path(way, colour, all ? 1 : 1.8);
      if (!all)
        for (let i = 0; i < way.length - 2; i += 2) pen.marker(way[i], way[i + 1], 2, 0, colour);
    }
    pen.fade(1);
  }

  one = new Float32Array(1);
  two = new Float32Array(1);

  /** @param {Pen} pen @param {Coordinates} c @param {number} width @param {number} height */
  axes(pen, c, width, height) {
    const style = { fill: theme.muted, size: 11 };
    const shares = c.about.share_of_variance;
    const turned = state.map === 'trajectory' && state.turn !== 0;
    pen.line(14, height - 26, 54, height - 26, theme.muted);
    pen.line(14, height - 26, 14, height - 66, theme.muted);
    if (shares) {
      const third =
        c.about.third_share === undefined ? '' : ` and 3 (${percent(c.about.third_share)})`;
      pen.text(
        58,
        height - 22,
        `component 1 (${percent(shares[0])} of the variance)${turned ? third : ''}`,
        style,
      );
      pen.text(12, height - 70, `2 (${percent(shares[1])})`, { ...style, turned: true });
    } else {
      pen.text(58, height - 22, 'axes have no meaning', style);
    }
    const trust = this.side.e.layers[layerAt(this.side)][state.map]?.trustworthiness;
    if (trust !== null && trust !== undefined) {
      pen.text(
        width - 10,
        height - 5,
        `trustworthiness at this layer ${trust.toFixed(2)} (k = ${c.about.neighbours})`,
        { ...style, align: 'right' },
      );
    }
  }

  /** Names where there is room, those that are marked first. @param {Pen} pen @param {Unit[]} units
   * @param {Set<Unit>} marked @param {Unit | null} chosen @param {number} width @param {number} height @param {number} r */
  names(pen, units, marked, chosen, width, height, r) {
    // Content words come first; of long texts, others are not named.
    const isTold = (/** @type {Unit} */ u) => u.tokens.some((t) => this.told.has(t));
    const all = units.length <= MAX_NAMES * 3;
    const plain =
      units.length > MANY
        ? []
        : units.filter((u) => !marked.has(u) && !this.isPictured(u) && (all || isTold(u)));
    const order = [...marked, ...plain.filter(isTold), ...plain.filter((u) => !isTold(u))];
    const size = width < 480 ? 11 : 12;
    /** @type {number[][]} */
    const taken = [];
    let named = 0;
    for (const unit of order) {
      const u = unit.at;
      if (Number.isNaN(this.x[u])) continue;
      const important = marked.has(unit);
      if (!important && (named += 1) > MAX_NAMES) break;
      const style = {
        size,
        bold: important,
        fill: unit.special && !important ? theme.muted : theme.ink,
      };
      const w = textWidth(unit.name, style);
      const gap = r + 4;
      /** Right, left, above, below; first where it was. */
      const spots = [
        [gap, -6],
        [-gap - w, -6],
        [-w / 2, -gap - 12],
        [-w / 2, gap],
      ];
      let found = -1;
      for (let k = 0; k < 4 && found < 0; k += 1) {
        const spot = (this.sideOf[u] + k) % 4;
        const [x, y] = [this.x[u] + spots[spot][0], this.y[u] + spots[spot][1]];
        const inside = x > 2 && x + w < width - 2 && y > this.top - 14 && y + 13 < height - 32;
        const free =
          (important && unit === chosen) ||
          (!taken.some(([a, b, c, d]) => x < c && x + w > a && y < d && y + 13 > b) &&
            !this.covers(units, x, y, w, 13, u));
        if (inside && free) found = spot;
      }
      if (found < 0 && important) found = 0;
      if (found < 0) continue;
      this.sideOf[u] = found;
      const [x, y] = [this.x[u] + spots[found][0], this.y[u] + spots[found][1]];
      taken.push([x - 2, y, x + w + 2, y + 13]);
      if (important) {
        pen.fade(0.85);
        pen.rect(x - 2, y - 1, w + 4, 15, theme.paper);
        pen.fade(1);
      }
      pen.text(x, y + 11, unit.name, style);
    }
  }

  /** Whether a unit is drawn as a part of a picture. @param {Unit} unit */
  isPictured({ tokens: [token] }) {
    return !!this.side.cellsOf(token)?.pictured;
  }

  /** Whether a box lies over a point. @param {Unit[]} units @param {number} x @param {number} y
   * @param {number} w @param {number} h @param {number} own */
  covers(units, x, y, w, h, own) {
    if (units.length > MANY) return false;
    for (let u = 0; u < units.length; u += 1) {
      if (
        u !== own &&
        this.x[u] > x - 3 &&
        this.x[u] < x + w + 3 &&
        this.y[u] > y - 3 &&
        this.y[u] < y + h + 3
      )
        return true;
    }
    return false;
  }

  hit(/** @type {number} */ x, /** @type {number} */ y) {
    const { units } = this.side.now;
    let best = -1;
    let least = 15 * 15;
    for (let u = 0; u < this.x.length; u += 1) {
      const distance = (this.x[u] - x) ** 2 + (this.y[u] - y) ** 2;
      if (distance < least) [best, least] = [u, distance];
    }
    const c = this.coordinates;
    if (best < 0 || !c) return null;
    const at = [0, 1].map((k) => number(c.at[best * 3 + k])).join(', ');
    const label = shownLabel(this.side);
    const value = label && valueOf(label, units[best]);
    const known = label
      ? `; ${label.name}: ${value === null ? 'no label' : shortText(value, 60)}`
      : '';
    return {
      text: `${units[best].name}, text ${units[best].sentence + 1}: at ${at}${known}`,
      token: units[best].tokens[0],
    };
  }

  rest() {
    const { units } = this.side.now;
    const hidden =
      units.length > MAX_NAMES ? ` Names are shown where there is room, and of chosen tokens.` : '';
    const points = this.side.cells.length ? 'points' : `${this.side.e.unit}s`;
    return `${units.length} ${state.words ? 'words' : points}. Click to choose, shift-click to pin.${hidden}`;
  }

  finding() {
    const shares = state.map === 'trajectory' && this.coordinates?.about.share_of_variance;
    return shares
      ? `${this.about.title}: its two axes show ${Math.round(100 * (shares[0] + shares[1]))} % of the variance`
      : '';
  }

  label() {
    return `Map of ${this.side.now.units.length} tokens at ${layerName(this.side.e.layers[layerAt(this.side)].layer)}. The table below has their places.`;
  }

  rows() {
    const c = this.coordinates;
    const layer = layerAt(this.side);
    const named = `at ${layerName(this.side.e.layers[layer].layer)}`;
    const label = shownLabel(this.side);
    const columns = [
      'token',
      'text',
      `x ${named}`,
      `y ${named}`,
      ...(c?.hasThird ? [`third ${named}`] : []),
      ...(label ? [label.name] : []),
    ];
    /** @type {(number | string | null)[][]} */
    const rows = this.side.now.units.map((unit) => {
      const from = (layer * (c?.count || 0) + unit.at) * 3;
      const at = Array.from(c ? c.all.slice(from, from + (c.hasThird ? 3 : 2)) : []);
      return [
        unit.name,
        unit.sentence + 1,
        ...at.map((v) => (Number.isNaN(v) ? null : Number(v.toPrecision(5)))),
        ...(label ? [valueOf(label, unit)] : []),
      ];
    });
    return { columns, rows };
  }

  json() {
    const { e } = this.side;
    return {
      map: e[state.map],
      tokens: e.tokens,
      layers: e.layers.map((l) => ({ layer: l.layer, ...l[state.map] })),
    };
  }
}
