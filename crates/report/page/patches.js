// Images in their panel: the plain picture, the coloured one, and small ones at other layers.

/** The gap between pictures. */
const PICTURE_GAP = 14;
/** @typedef {{spots: Spot[], legend: {x: number, y: number, w: number}, height: number}} MediaLayout */

/** The layers of small pictures, evenly spread. @param {Side} side @param {number} count */
function spreadLayers(side, count) {
  const all = side.e.layers.map((_, i) => i).filter((i) => isShaded(side, i));
  if (all.length <= count) return all;
  return Array.from(
    { length: count },
    (_, i) => all[Math.round((i * (all.length - 1)) / (count - 1))],
  );
}

/** Columns of small pictures in a box, so that they cover most of it, and are not fewer than five if
 * there are so many. @param {number} w @param {number} h @param {number} ratio height by width
 * @param {number} all */
function smallColumns(w, h, ratio, all) {
  let best = { columns: 1, size: Math.min(w, h / ratio), count: 1 };
  let most = -1;
  for (let columns = 1; columns <= 8; columns += 1) {
    for (let rows = 1; rows <= 8; rows += 1) {
      const high = ((h + TITLE_ROOM + 8) / rows - TITLE_ROOM - 8) / ratio;
      const size = Math.min((w - (columns - 1) * 10) / columns, high);
      const count = Math.min(all, rows * columns);
      if (size < 56) continue;
      const covered = count * size * size * (count < Math.min(5, all) ? 0.01 : 1);
      if (covered > most) [best, most] = [{ columns, size, count }, covered];
    }
  }
  return best;
}

/** @param {MediaPanel} panel @param {number} width @returns {MediaLayout} */
function patchLayout(panel, width) {
  const { side } = panel;
  const narrow = width < 680;
  const several = side.cells.length > 2;
  const large = panel.layer();
  /** @type {Spot[]} */
  const spots = [];
  let y = 0;
  if (several) {
    // Many images: each at the layer of the page, as many beside each other as fit.
    const columns = Math.max(1, Math.floor((width + PICTURE_GAP) / (240 + PICTURE_GAP)));
    const w = (width - (columns - 1) * PICTURE_GAP) / columns;
    let row = 0;
    side.cells.forEach((cells, i) => {
      if (i % columns === 0 && i > 0) [y, row] = [y + row, 0];
      const h = (w * cells.picture.height) / cells.picture.width;
      const x = (i % columns) * (w + PICTURE_GAP);
      spots.push({ x, y: y + TITLE_ROOM, w, h, cells, layer: large, small: false });
      row = Math.max(row, h + TITLE_ROOM + PICTURE_GAP);
    });
    y += row;
  }
  for (const cells of several ? [] : side.cells) {
    const ratio = cells.picture.height / cells.picture.width;
    const cap = narrow
      ? 430
      : Math.max(200, Math.min(500, panel.tall / side.cells.length - TITLE_ROOM - PICTURE_GAP));
    const room = narrow ? width : width * 0.3;
    const w = Math.min(room, cap, cap / ratio);
    const h = w * ratio;
    const at = { y: y + TITLE_ROOM, w, h, cells };
    const left = narrow ? (width - w) / 2 : w + PICTURE_GAP;
    if (!narrow) spots.push({ ...at, x: 0, layer: null, small: false });
    const named = narrow && side.cells.length > 1;
    spots.push({ ...at, x: left, layer: large, small: false, named });
    if (!narrow) {
      const x = 2 * (w + PICTURE_GAP) + 6;
      const { columns, size, count } = smallColumns(width - x - 4, h, ratio, side.last + 1);
      spreadLayers(side, count).forEach((layer, i) => {
        const [row, column] = [Math.floor(i / columns), i % columns];
        const top = y + TITLE_ROOM + row * (size * ratio + TITLE_ROOM + 8);
        spots.push({
          ...{ x: x + column * (size + 10), y: top, w: size, h: size * ratio },
          ...{ cells, layer, small: true },
        });
      });
      y += h + TITLE_ROOM + PICTURE_GAP;
      continue;
    }
    // On a telephone: the plain picture is the first of the small ones.
    const size = (width - 2 * 8 - 4) / 3;
    const top = y + h + 2 * TITLE_ROOM + 8;
    const layers = [null, ...spreadLayers(side, 8)];
    layers.forEach((layer, i) => {
      const [row, column] = [Math.floor(i / 3), i % 3];
      spots.push({
        ...{ x: column * (size + 8), y: top + row * (size * ratio + TITLE_ROOM + 6) },
        ...{ w: size, h: size * ratio, cells, layer, small: true },
      });
    });
    y = top + Math.ceil(layers.length / 3) * (size * ratio + TITLE_ROOM + 6);
  }
  return { spots, legend: { x: 0, y, w: width }, height: y + panel.legendRoom(width) };
}

/** @param {MediaPanel} panel @param {Pen} pen @param {MediaLayout} layout */
function drawPatches(panel, pen, { spots }) {
  const { side } = panel;
  const source = panel.source();
  /** @type {Map<number, LayerShade | null>} */
  const shades = new Map();
  for (const spot of spots) {
    const { layer } = spot;
    if (layer !== null && !shades.has(layer)) shades.set(layer, shadeAt(side, layer, source));
    drawPatch(panel, pen, spot, layer === null ? null : (shades.get(layer) ?? null));
  }
}

/** @param {MediaPanel} panel @param {Pen} pen @param {Spot} spot @param {LayerShade | null} shade */
function drawPatch(panel, pen, spot, shade) {
  const { side } = panel;
  const { x, y, w, h, cells, layer, small } = spot;
  const { picture } = cells;
  const here = layer !== null && layer === panel.layer();
  if (shade) {
    const [cw, ch] = [w / cells.columns, h / cells.rows];
    for (const token of cells.tokens) {
      const [row, column] = cells.place(token);
      // Cells overlap a little, so that no lines are between them.
      const [ox, oy] = [column < cells.columns - 1 ? 0.5 : 0, row < cells.rows - 1 ? 0.5 : 0];
      pen.rect(x + column * cw, y + row * ch, cw + ox, ch + oy, shade.colour(token));
    }
    pen.fade(1 - COVER);
  }
  pen.image(picture, picture.whole, x, y, w, h, layer !== null);
  pen.fade(1);
  for (const token of pinnedOf(side)) panel.frame(pen, spot, token, theme.ink);
  const source = panel.source();
  if (layer === null && side.queries) for (const token of cells.choices) dot(pen, spot, token);
  if (panel.pointed !== null && !small) panel.frame(pen, spot, panel.pointed, '#8a8a8a');
  if (source !== null) panel.frame(pen, spot, source, MARK);
  if (here && small) pen.rect(x - 3, y - 3, w + 6, h + 6, '', theme.accent);
  const style = {
    size: small ? 11 : 12,
    bold: here || !small,
    fill: here && small ? theme.accent : theme.ink,
  };
  const title = spotTitle(panel, spot).find((text) => textWidth(text, style) <= w);
  pen.text(x, y - 6, title ?? fitted(spotTitle(panel, spot)[0], w, style), style);
}

/** The colour of the frame of the chosen cell, which has a white edge: it is seen on every colour. */
const MARK = '#000000';

/** A cell that can be chosen. @param {Pen} pen @param {Spot} spot @param {number} token */
function dot(pen, { x, y, w, h, cells }, token) {
  const [row, column] = cells.place(token);
  const [cx, cy] = [x + ((column + 0.5) * w) / cells.columns, y + ((row + 0.5) * h) / cells.rows];
  pen.rect(cx - 1.5, cy - 1.5, 3, 3, '#ffffff');
  pen.rect(cx - 0.75, cy - 0.75, 1.5, 1.5, '#000000');
}

/** What stands above a picture, the longest text first. @param {MediaPanel} panel @param {Spot} spot */
function spotTitle(panel, { cells, layer, small, named }) {
  const { side } = panel;
  if (layer === null) return small ? ['picture'] : [gridText(cells), shortText(cells.name)];
  const name = `layer ${side.e.layers[layer].layer}`;
  if (named || side.cells.length > 2)
    return [`${shortText(cells.name)}, ${name}`, shortText(cells.name)];
  if (small) {
    const attends = ['first', 'chosen'].includes(shadeOf(side));
    const most = attends && shadeAt(side, layer, panel.source())?.scale?.high;
    return [...(most ? [`${name}, to ${number(most)}`] : []), name];
  }
  const full = shadeName(side);
  return [`${name}: ${full}`, `${name}: ${full.replace(/ (to|of) .*/, '')}`, name];
}
