// The pages of images and sounds against their data: pictures, colours, choices, keys, the headline.

import { check, frames, layerName, open, press } from './harness.mjs';

/** A window in which every panel is seen. */
const TALL = { viewport: { width: 1280, height: 5000 } };

export const isMedia = (report) => report.explorations.some((e) => e.media);

/** The cells of an image or a sound that have content. */
const cellsOf = (e, { grid: [rows, columns], first }) => Array.from({ length: rows * columns }, (_, i) => first + i).filter((t) => !e.tokens[t].special);

/** The similarity of two tokens in the data; none if the data does not have it. */
function similarity(e, layer, metric, a, b) {
  const { similarity: all, query_similarity: some } = e.layers[layer];
  const n = e.tokens.length;
  const [i, j] = a < b ? [a, b] : [b, a];
  if (all) return all[metric][i * n - i * (i - 1) / 2 + j - i];
  const query = e.queries?.indexOf(a) ?? -1;
  return query < 0 ? null : some[metric][query][b];
}

/** How many of the eight most similar cells touch a cell, at each layer. */
function locality(e) {
  const all = e.media.flatMap((media) => cellsOf(e, media));
  const counted = all.filter((t) => !e.queries || e.queries.includes(t));
  const some = counted.filter((_, i) => i % Math.ceil(counted.length / 128) === 0);
  const touches = (a, b) => {
    const of = (t) => e.media.findIndex(({ first, grid }) => t >= first && t < first + grid[0] * grid[1]);
    if (of(a) !== of(b)) return false;
    const { first, grid: [rows, columns] } = e.media[of(a)];
    const [x, y] = [a, b].map((t) => [Math.floor((t - first) / columns), (t - first) % columns]);
    return rows === 1 ? Math.abs(x[1] - y[1]) <= 4 : Math.max(Math.abs(x[0] - y[0]), Math.abs(x[1] - y[1])) <= 1;
  };
  return e.layers.map((_, layer) => some.reduce((sum, a) => {
    const near = all.filter((b) => b !== a).map((b) => [b, similarity(e, layer, 'centred', a, b)]);
    near.sort((p, q) => q[1] - p[1]);
    return sum + near.slice(0, 8).filter(([b]) => touches(a, b)).length / some.length;
  }, 0));
}

/** The panel as it is. */
const panelOf = (page) => page.evaluate(() => {
  const panel = panels.find((p) => p.id === 'media');
  const { spots } = panel.layout(panel.width);
  return {
    source: panel.source(),
    layer: panel.side.e.layers[panel.layer()].layer,
    spots: spots.map(({ x, y, w, h, cells, layer, small }) => ({ box: [x, y, w, h].map((v) => v * panel.zoom), cells: cells.index, layer, small })),
    rows: panel.rows(),
    title: document.querySelector('#media-title').textContent,
    said: document.querySelector('#media .readout').textContent,
    label: panel.canvas.getAttribute('aria-label'),
    shown: [...document.querySelectorAll('#media .controls label')].filter((l) => !l.hidden).map((l) => l.textContent.trim().split(' ')[0]),
    svg: panel.svg(),
  };
});

/** The middle of a cell in a spot, on the canvas. */
function middle(e, spot, token) {
  const { grid: [rows, columns], first } = e.media[spot.cells];
  const [row, column] = [Math.floor((token - first) / columns), (token - first) % columns];
  const [x, y, w, h] = spot.box;
  return { x: x + (column + 0.5) * w / columns, y: y + (row + 0.5) * h / rows };
}

/** Values of the table against those of the data, at every layer. */
function agrees(what, e, found, wanted) {
  const cells = e.media.flatMap((media) => cellsOf(e, media));
  const layers = found.rows.columns.slice(4);
  let worst = 0;
  found.rows.rows.forEach((row, i) => layers.forEach((name, k) => {
    const layer = e.layers.findIndex((l) => layerName(l.layer) === name);
    const value = wanted(layer, cells[i]);
    worst = Math.max(worst, value === null && row[4 + k] === null ? 0 : Math.abs(value - row[4 + k]));
  }));
  check(`${what}: the values are those of the data`, found.rows.rows.length === cells.length && layers.length > 0 && worst < 1e-9, worst);
}

/** What is on the canvas around a point: the mean of its colours. */
const colourAt = (page, { x, y }) => page.evaluate(([left, top]) => {
  const panel = panels.find((p) => p.id === 'media');
  const density = panel.canvas.width / panel.canvas.clientWidth;
  const copy = document.createElement('canvas').getContext('2d');
  copy.drawImage(panel.canvas, left * density - 1, top * density - 1, 3, 3, 0, 0, 3, 3);
  const { data } = copy.getImageData(0, 0, 3, 3);
  return [0, 1, 2].map((k) => data.reduce((sum, v, i) => sum + (i % 4 === k ? v : 0), 0) / (data.length / 4));
}, [x, y]);

/** The colour of the picture itself at the middle of a cell. */
const pictureAt = (page, cells, token) => page.evaluate(async ([index, cell]) => {
  const of = sides[0].cells[index];
  const image = new Image();
  image.src = of.media.picture;
  await image.decode();
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [image.width, image.height];
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0);
  const [x, y, w, h] = of.part(cell);
  const { data } = context.getImageData(Math.floor(x + w / 2) - 1, Math.floor(y + h / 2) - 1, 3, 3);
  return [0, 1, 2].map((k) => data.reduce((sum, v, i) => sum + (i % 4 === k ? v : 0), 0) / (data.length / 4));
}, [cells, token]);

const distance = (a, b) => Math.max(...a.map((v, i) => Math.abs(v - b[i])));

/** The colours by similarity, and what chooses a cell. */
async function chooses(name, e) {
  const { page, close } = await open(name, TALL);
  const canvas = page.locator('#media canvas');
  const last = e.layers.at(-1).layer;
  const opened = await panelOf(page);
  check(`${name}: opens at the last layer with a chosen cell`, opened.layer === last && cellsOf(e, e.media[0]).includes(opened.source), opened.source);
  check(`${name}: the title has the chosen cell and the layer`, opened.title.toLowerCase().startsWith(`${e.tokens[opened.source].text}`) && opened.title.includes(`at layer ${last}: most similar to`), opened.title);
  agrees(`${name}, opened`, e, opened, (layer, token) => similarity(e, layer, 'centred', opened.source, token));
  const headline = await page.textContent('h1');
  const found = locality(e);
  const numbers = [Math.max(...found), found.at(-1)].map((v) => v.toFixed(1));
  check(`${name}: the headline counts what the data has`, numbers.every((v) => headline.includes(v)) && headline.includes('less local'), `${headline} / ${found.map((v) => v.toFixed(2)).join()}`);
  const is = e.media[0].grid[0] === 1 ? 'moment' : 'patch';
  check(`${name}: the page names its cells`, headline.includes(is) && opened.label.includes(is) && !opened.label.includes('undefined'), opened.label);
  // The plain picture and the coloured cells on the canvas.
  const plain = opened.spots.find((s) => s.layer === null);
  const large = opened.spots.find((s) => s.layer !== null && !s.small);
  const choices = e.queries || cellsOf(e, e.media[0]);
  const other = choices.filter((t) => t !== opened.source)[Math.floor(choices.length / 3)];
  const drawn = await colourAt(page, middle(e, plain, other));
  const wanted = await pictureAt(page, 0, other);
  check(`${name}: the picture is drawn where its cells are`, e.queries || distance(drawn, wanted) < 26, `${drawn} / ${wanted}`);
  const extremes = cellsOf(e, e.media[0]).map((t) => [t, similarity(e, e.layers.length - 1, 'centred', opened.source, t)]).filter(([t]) => t !== opened.source).sort((a, b) => b[1] - a[1]);
  const [most, least] = await Promise.all([extremes[0], extremes.at(-1)].map(([t]) => colourAt(page, middle(e, large, t))));
  check(`${name}: similar cells are red, others blue`, most[0] > most[2] + 40 && (extremes.at(-1)[1] > -0.2 || least[2] > least[0] + 20), `${most} / ${least}`);
  // The pointer on the coloured picture says a value and chooses nothing.
  await canvas.hover({ position: middle(e, large, other) });
  await frames(page);
  const value = await page.evaluate((v) => number(v), similarity(e, e.layers.length - 1, 'centred', opened.source, other));
  const pointed = await panelOf(page);
  check(`${name}: the pointer says a value and chooses nothing`, pointed.said.toLowerCase().startsWith(e.tokens[other].text) && pointed.said.endsWith(value) && pointed.source === opened.source, pointed.said);
  // On the plain picture it shows the cell, without choosing it.
  await canvas.hover({ position: middle(e, plain, other) });
  await frames(page);
  const shown = await page.evaluate(() => [panels.find((p) => p.id === 'media').source(), state.selected.token]);
  check(`${name}: the pointer on the picture shows a cell`, shown.join() === `${other},${opened.source}`, shown.join());
  await canvas.click({ position: middle(e, plain, other) });
  await page.mouse.move(2, 2);
  await frames(page);
  const clicked = await panelOf(page);
  check(`${name}: a click chooses`, clicked.source === other && await page.evaluate(() => state.hover === null), clicked.source);
  agrees(`${name}, clicked`, e, clicked, (layer, token) => similarity(e, layer, 'centred', other, token));
  // A small picture goes to its layer; a row of frames chooses a moment.
  const small = clicked.spots.find((s) => s.small && s.layer === 0);
  await canvas.click({ position: middle(e, small, opened.source) });
  await page.mouse.move(2, 2);
  await frames(page);
  const after = await panelOf(page);
  if (is === 'patch') check(`${name}: a small picture goes to its layer`, after.layer === e.layers[0].layer && after.source === other, after.layer);
  else check(`${name}: a row chooses a moment`, after.source === opened.source && after.layer === last, after.source);
  // The measure.
  await page.selectOption('#media label:nth-of-type(2) select', 'cosine');
  await frames(page);
  const raw = await panelOf(page);
  agrees(`${name}, raw`, e, raw, (layer, token) => similarity(e, layer, 'cosine', after.source, token));
  await close('chosen from');
}

/** Keys on the picture, and elsewhere. */
async function keys(name, e) {
  const { page, close } = await open(name, TALL, '#layer=1');
  const [{ grid: [rows, columns], first }] = e.media;
  const chosen = () => page.evaluate(() => state.selected.token);
  const layer = () => page.evaluate(() => state.depth);
  await page.evaluate((t) => set({ selected: { side: 0, token: t } }), e.queries ? e.queries[Math.floor(e.queries.length / 2)] : first + Math.floor(rows / 2) * columns + 2);
  await page.locator('#media canvas').focus();
  const start = await chosen();
  await press(page, 'ArrowRight');
  const right = await chosen();
  const moved = e.queries ? right > start && e.queries.includes(right) && Math.floor((right - first) / columns) === Math.floor((start - first) / columns) : right === start + 1;
  check(`${name}: a key chooses the next cell`, moved && await layer() === 1, right);
  await press(page, 'ArrowLeft');
  check(`${name}: a key goes back`, await chosen() === start, await chosen());
  await press(page, 'ArrowDown');
  if (rows > 1) check(`${name}: a key chooses the cell below`, (await chosen() - start) % columns === 0 && await chosen() > start && await layer() === 1, await chosen());
  else check(`${name}: keys change the layer of a sound`, await layer() === 0 && await chosen() === start, await layer());
  // The cell at the edge stays chosen.
  for (let i = 0; i < columns; i += 1) await page.keyboard.press('ArrowLeft');
  await frames(page);
  const edge = await chosen();
  await press(page, 'ArrowLeft');
  check(`${name}: a cell at the edge stays chosen`, await chosen() === edge, edge);
  // Elsewhere the keys move the layers, as on every page.
  await page.evaluate(() => document.activeElement.blur());
  const before = await layer();
  await press(page, 'ArrowRight');
  check(`${name}: keys elsewhere move the layer`, await layer() === before + 1 && await chosen() === edge, await layer());
  await press(page, 'Escape');
  const none = await panelOf(page);
  check(`${name}: Esc lets go`, none.source === null && !none.title.includes('most similar'), none.title);
  await page.locator('#media canvas').focus();
  await press(page, 'ArrowRight');
  check(`${name}: a key chooses a first cell`, await page.evaluate(() => state.selected !== null));
  await close('used with keys');
}

/** The other colours: components, and attention of both kinds. */
async function colours(name, e) {
  const { page, close } = await open(name, TALL, '#layer=1');
  const select = page.locator('#media label:nth-of-type(1) select');
  const offered = await select.locator('option').evaluateAll((all) => all.map((o) => o.value));
  const expected = [e.layers[0].similarity || e.layers[0].query_similarity ? 'similar' : '', e.layers[0].trajectory?.third ? 'components' : '', e.layers.at(-1).from_first ? 'first' : '', e.attention ? 'chosen' : ''].filter(Boolean);
  check(`${name}: the colours that there is data for`, offered.join() === expected.join(), offered.join());
  await select.selectOption('components');
  await frames(page);
  const components = await panelOf(page);
  const shares = [...e.trajectory.share_of_variance, e.trajectory.third_share].map((share) => `${(100 * share).toFixed(1)} %`);
  check(`${name}: the legend of components has their shares`, shares.every((share) => components.svg.includes(`(${share}`)) && components.shown.join() === 'Colours', components.shown.join());
  // Equal components give equal colours; the ends of the first component are the ends of red.
  const reds = await page.evaluate(() => {
    const panel = panels.find((p) => p.id === 'media');
    const shade = shadeAt(panel.side, panel.layer(), null);
    return cellTokens(panel.side).map((t) => Number(/\d+/.exec(shade.colour(t))[0]));
  });
  const at = e.layers[1].trajectory.points;
  const order = e.media.flatMap((media) => cellsOf(e, media)).map((t, i) => [at[e.trajectory.rows.indexOf(t)][0], reds[i]]).sort((a, b) => a[0] - b[0]);
  check(`${name}: red rises with the first component`, order.every(([, red], i) => i === 0 || red >= order[i - 1][1]) && order[0][1] === 30 && order.at(-1)[1] === 245, `${order[0]} ${order.at(-1)}`);
  if (offered.includes('first')) {
    await select.selectOption('first');
    await page.evaluate(() => set({ depth: 0 }));
    await frames(page);
    const mean = await panelOf(page);
    const of = (heads, token) => heads.reduce((sum, w) => sum + w[token], 0) / heads.length / 1e5;
    agrees(`${name}, attention`, e, mean, (layer, token) => of(e.layers[layer].from_first, token));
    check(`${name}: a layer without attention is said`, mean.said.startsWith('Shown: layer 1;') && mean.layer === 1, mean.said);
    const { sentence } = e.tokens[mean.source];
    const special = e.tokens.reduce((sum, t, i) => sum + (t.special && t.sentence === sentence ? of(e.layers[1].from_first, i) : 0), 0);
    check(`${name}: the share of special tokens is said`, mean.said.includes(`To special tokens: ${special.toFixed(3)} of 1.`), mean.said);
    await page.selectOption('#media label:not([hidden]):nth-of-type(3) select', '1');
    await frames(page);
    agrees(`${name}, attention of a head`, e, await panelOf(page), (layer, token) => of([e.layers[layer].from_first[1]], token));
  }
  if (offered.includes('chosen')) {
    await select.selectOption('chosen');
    await page.evaluate(() => set({ depth: 2, head: 'mean' }));
    await frames(page);
    const own = await panelOf(page);
    const texts = [...new Set(e.tokens.map((t) => t.sentence))].map((s) => e.tokens.flatMap((t, i) => (t.sentence === s ? [i] : [])));
    agrees(`${name}, attention of a cell`, e, own, (layer, token) => {
      let from = 0;
      for (const tokens of texts) {
        const [row, column] = [tokens.indexOf(own.source), tokens.indexOf(token)];
        if (row >= 0) {
          const heads = e.layers[layer].attention;
          return column < 0 ? null : heads.reduce((sum, w) => sum + w[from + row * tokens.length + column], 0) / heads.length / 1000;
        }
        from += tokens.length ** 2;
      }
      return null;
    });
  }
  // The address holds what is seen.
  const key = offered.at(-1);
  await select.selectOption(key);
  await page.waitForTimeout(300);
  const hash = await page.evaluate(() => location.hash);
  const token = await page.evaluate(() => state.selected.token);
  await close('coloured');
  const again = await open(name, TALL, hash);
  const back = await again.page.evaluate(() => [state.shade, state.selected.token].join());
  check(`${name}: the address brings the colours back`, back === `${key},${token}`, `${hash}: ${back}`);
  await again.close('from its address');
  const wrong = await open(name, {}, '#shade=__proto__&head=99&token=999999');
  check(`${name}: an address that asks for nothing there is`, await wrong.page.evaluate(() => [state.shade, state.head].join()) === 'similar,mean');
  await wrong.close('from a wrong address');
}

/** The map has the patches, and lists have them small; the frames of sounds are points. */
async function maps(name, e) {
  const { page, close } = await open(name, TALL);
  const found = await page.evaluate(() => {
    const svg = panels.find((p) => p.id === 'map').svg();
    const whole = new DOMParser().parseFromString(svg, 'image/svg+xml');
    return { bad: !!whole.querySelector('parsererror'), uses: whole.querySelectorAll('use').length, images: whole.querySelectorAll('image').length, small: document.querySelectorAll('#neighbours .thumbnail').length, colour: state.colour };
  });
  const patches = e.media.filter((m) => m.grid[0] > 1).flatMap((media) => cellsOf(e, media)).length;
  check(`${name}: the map has the patches`, !found.bad && found.uses === patches && found.images === (patches ? e.media.length : 0), JSON.stringify(found));
  check(`${name}: neighbours have their patches`, found.small > 0 === patches > 0, found.small);
  check(`${name}: the colours of the map`, found.colour === (patches ? 'similar' : 'position'), found.colour);
  const facts = await page.textContent('.facts');
  const count = e.media.flatMap((media) => cellsOf(e, media)).length;
  check(`${name}: the head counts cells`, facts.includes(`${count} ${patches ? 'patches' : 'frames'}`) && !/undefined|not measured/.test(facts), facts);
  await page.getByRole('button', { name: 'Tour' }).click();
  const steps = [];
  while (await page.locator('dialog.tour[open]').count() && steps.length < 9) {
    steps.push(await page.textContent('#tour-title'));
    await page.locator('dialog.tour .primary').click();
    await frames(page);
  }
  check(`${name}: the tour shows the picture`, steps.includes('Choose a part of the picture') && steps.length >= 4, steps.join(' | '));
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  await page.setViewportSize({ width: 700, height: 900 });
  await frames(page);
  const cut = await page.evaluate(() => [...document.querySelectorAll('.panel canvas')].filter((c) => c.offsetParent && c.getBoundingClientRect().right > c.closest('.panel').getBoundingClientRect().right + 1).map((c) => c.closest('.panel').id));
  check(`${name}: in print no picture is cut`, cut.length === 0, cut.join());
  await close('mapped');
}

/** A page whose images have no similarities. */
async function plainly(name, e) {
  const { page, close } = await open(name, TALL);
  const found = await panelOf(page);
  const headline = await page.textContent('h1');
  check(`${name}: the headline claims nothing`, !/\d/.test(headline) && headline.includes('components'), headline);
  check(`${name}: every image is drawn once`, found.spots.length === e.media.length && found.spots.every((s) => s.layer !== null), found.spots.length);
  await close('without similarities');
}

/** Everything about a page of images or sounds. */
export async function shows(name, report) {
  const [e] = report.explorations;
  if (!e.layers[0].similarity && !e.queries) {
    await plainly(name, e);
    return;
  }
  await chooses(name, e);
  await keys(name, e);
  await colours(name, e);
  await maps(name, e);
}
