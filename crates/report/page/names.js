// The names of points on the map: where there is room, those of marked points first.

/** @param {MapPanel} map @param {Pen} pen
 * @param {{units: Unit[], marked: Set<Unit>, chosen: Unit | null, width: number, height: number,
 *   r: number}} what */
function drawNames(map, pen, { units, marked, chosen, width, height, r }) {
  // Content words come first; of long texts, others are not named, nor are parts of pictures.
  const isTold = (/** @type {Unit} */ u) => u.tokens.some((t) => map.told.has(t));
  const isPictured = (/** @type {Unit} */ u) => !!map.side.cellsOf(u.tokens[0])?.pictured;
  const all = units.length <= MAX_NAMES * 3;
  const plain =
    units.length > MANY
      ? []
      : units.filter((u) => !marked.has(u) && !isPictured(u) && (all || isTold(u)));
  const order = [...marked, ...plain.filter(isTold), ...plain.filter((u) => !isTold(u))];
  const size = width < 480 ? 11 : 12;
  /** @type {number[][]} */
  const taken = [];
  let named = 0;
  for (const unit of order) {
    const u = unit.at;
    if (Number.isNaN(map.x[u])) continue;
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
      const spot = (map.sideOf[u] + k) % 4;
      const [x, y] = [map.x[u] + spots[spot][0], map.y[u] + spots[spot][1]];
      const inside = x > 2 && x + w < width - 2 && y > map.top - 14 && y + 13 < height - 32;
      const free =
        (important && unit === chosen) ||
        (!taken.some(([a, b, c, d]) => x < c && x + w > a && y < d && y + 13 > b) &&
          !covers(map, units, [x, y, w, 13], u));
      if (inside && free) found = spot;
    }
    if (found < 0 && important) found = 0;
    if (found < 0) continue;
    map.sideOf[u] = found;
    const [x, y] = [map.x[u] + spots[found][0], map.y[u] + spots[found][1]];
    taken.push([x - 2, y, x + w + 2, y + 13]);
    if (important) {
      pen.fade(0.85);
      pen.rect(x - 2, y - 1, w + 4, 15, theme.paper);
      pen.fade(1);
    }
    pen.text(x, y + 11, unit.name, style);
  }
}

/** Whether a box lies over another point. @param {MapPanel} map @param {Unit[]} units
 * @param {PictureBox} box @param {number} own */
function covers(map, units, [x, y, w, h], own) {
  if (units.length > MANY) return false;
  for (let u = 0; u < units.length; u += 1) {
    if (
      u !== own &&
      map.x[u] > x - 3 &&
      map.x[u] < x + w + 3 &&
      map.y[u] > y - 3 &&
      map.y[u] < y + h + 3
    )
      return true;
  }
  return false;
}
