// Sounds in their panel: the spectrogram, and below it a row of frames for each layer.

/** The room at the left, for names of layers and frequencies. */
const GUTTER = 66;
/** The heights of the row of the current layer and of the axis of time. */
const [ROW_NOW, TIME_ROOM] = [30, 36];

/** @param {MediaPanel} panel @param {number} width @returns {MediaLayout} */
function frameLayout(panel, width) {
  const { side } = panel;
  const now = panel.layer();
  const layers = side.e.layers.map((_, i) => i).filter((i) => isShaded(side, i));
  const several = side.cells.length > 1;
  const tall = several ? 96 : width < 680 ? 110 : 150;
  const row = Math.max(6, Math.min(18, Math.floor((several ? 150 : 250) / layers.length)));
  const w = width - GUTTER - 4;
  /** @type {Spot[]} */
  const spots = [];
  let y = 0;
  for (const cells of side.cells) {
    // Sounds share the scale of time.
    const longest = Math.max(...side.cells.map((c) => c.media.seconds ?? 0));
    const share = longest > 0 ? (cells.media.seconds ?? longest) / longest : 1;
    const at = { x: GUTTER, w: w * share, cells };
    y += TITLE_ROOM;
    spots.push({ ...at, y, h: tall, layer: null, small: false });
    y += tall + TIME_ROOM;
    spots.push({ ...at, y, h: ROW_NOW, layer: now, small: false });
    y += ROW_NOW + 10;
    for (const layer of [...layers].reverse()) {
      spots.push({ ...at, y, h: row, layer, small: true });
      y += row;
    }
    y += 16;
  }
  return { spots, legend: { x: GUTTER, y, w }, height: y + panel.legendRoom(w) };
}

/** @param {MediaPanel} panel @param {Pen} pen @param {MediaLayout} layout */
function drawFrames(panel, pen, { spots }) {
  const { side } = panel;
  const source = panel.source();
  for (const spot of spots) {
    if (spot.layer === null) drawSpectrogram(panel, pen, spot);
    else drawRow(panel, pen, spot, shadeAt(side, spot.layer, source));
  }
  for (const cells of side.cells) {
    const own = spots.filter((spot) => spot.cells === cells);
    for (const token of pinnedOf(side)) moment(pen, own, token, theme.ink);
    if (panel.pointed !== null) moment(pen, own, panel.pointed, theme.muted);
    if (source === null) continue;
    moment(pen, own, source, MARK);
    if (!cells.has(source)) continue;
    const { x, y, w } = own[0];
    const name = panel.nameOf(source);
    const style = { size: 12, bold: true };
    const half = textWidth(name, style) / 2 + 6;
    const at = x + ((cells.place(source)[1] + 0.5) * w) / cells.columns;
    const middle = Math.max(x + half, Math.min(x + w - half, at));
    pen.rect(middle - half - 1, y + 2, 2 * half + 2, 20, '#ffffff');
    pen.rect(middle - half, y + 3, 2 * half, 18, MARK);
    pen.text(middle, y + 12.5, name, { ...style, fill: '#ffffff', align: 'center', middle: true });
  }
}

/** A line through all rows at a moment. @param {Pen} pen @param {Spot[]} spots @param {number} token
 * @param {string} colour */
function moment(pen, spots, token, colour) {
  const [{ x, w, cells }] = spots;
  if (!cells.has(token)) return;
  const at = x + ((cells.place(token)[1] + 0.5) * w) / cells.columns;
  const width = Math.max(2, Math.min(3, w / cells.columns));
  for (const part of [spots.slice(0, 1), spots.slice(1, 2), spots.slice(2)]) {
    const last = part.at(-1);
    if (!last) continue;
    pen.line(at, part[0].y, at, last.y + last.h, '#ffffff', width + 2);
    pen.line(at, part[0].y, at, last.y + last.h, colour, width);
  }
}

/** @param {MediaPanel} panel @param {Pen} pen @param {Spot} spot */
function drawSpectrogram(panel, pen, { x, y, w, h, cells }) {
  const { picture, media } = cells;
  pen.image(picture, picture.whole, x, y, w, h, false);
  const style = { size: 11, fill: theme.muted };
  pen.text(x, y - 6, gridText(cells), { size: 12, bold: true });
  const ends = media.hertz ? media.hertz.map(hertzText) : ['low', 'high'];
  pen.text(x - 6, y + 10, ends[1], { ...style, align: 'right' });
  pen.text(x - 6, y + h - 1, ends[0], { ...style, align: 'right' });
  pen.text(14, y + h / 2 + 28, 'frequency', { ...style, turned: true });
  if (!media.seconds) return;
  const marks = ticks(0, media.seconds, Math.max(2, w / 90));
  for (const mark of marks) {
    const at = x + (mark / media.seconds) * w;
    pen.line(at, y + h, at, y + h + 4, theme.muted);
    const align = mark === 0 ? 'left' : at > x + w - 14 ? 'right' : 'center';
    pen.text(at, y + h + 16, `${tickName(mark, marks)} s`, { ...style, align });
  }
}

/** @param {number} hertz */
function hertzText(hertz) {
  return hertz >= 1000 ? `${Number((hertz / 1000).toPrecision(2))} kHz` : `${Math.round(hertz)} Hz`;
}

/** A row of frames at a layer. @param {MediaPanel} panel @param {Pen} pen @param {Spot} spot
 * @param {LayerShade | null} shade */
function drawRow(panel, pen, spot, shade) {
  const { side } = panel;
  const { x, y, w, h, cells, small } = spot;
  const layer = spot.layer ?? 0;
  const here = layer === panel.layer();
  pen.rect(x, y, w, h - (small ? 1 : 0), theme.rule);
  const cw = w / cells.columns;
  for (const token of shade ? cells.tokens : []) {
    const [, column] = cells.place(token);
    const over = column < cells.columns - 1 ? 0.5 : 0;
    const colour = shade ? shade.colour(token) : '';
    pen.rect(x + column * cw, y, cw + over, h - (small ? 1 : 0), colour);
  }
  const last = cells.tokens.at(-1);
  const end = last === undefined ? 0 : (cells.place(last)[1] + 1) * cw;
  if (!small && w - end > 60) {
    const style = { size: 11, fill: theme.muted, middle: true };
    pen.text(x + (end + w) / 2, y + h / 2, 'padding', { ...style, align: 'center' });
  }
  const name = String(side.e.layers[layer].layer);
  const style = { size: small ? 11 : 12, bold: here, fill: here ? theme.accent : theme.muted };
  // Rows are too low for a name each.
  const every = Math.ceil(13 / h);
  if (small && layer % every !== 0 && layer !== side.last && !here) return;
  if (small && !here && every > 1 && Math.abs(layer - panel.layer()) < every) return;
  pen.text(x - 6, y + h / 2, `${!small || h > 8 || here ? 'layer ' : ''}${name}`, {
    ...style,
    align: 'right',
    middle: true,
  });
}
