// Opens every page of a folder in a headless Chromium, and checks what pages promise.
//   node suite.mjs FOLDER-OF-PAGES FOLDER-FOR-SCREENSHOTS BROWSER [PROGRAM]
// With the program, the pages of `stratoscope serve` are checked too.

import { readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { compares } from './compare.mjs';
import {
  browser, check, count, folder, frames, layerName, open, pictures, press, program, read, sound,
} from './harness.mjs';
import { isMedia, shows } from './media.mjs';
import { serves } from './serve.mjs';
import { tells } from './story.mjs';

/** Whether a page has the first screen, which plays by itself and folds some panels. */
const isStory = (name) => name.startsWith('story');

/** A page at rest, with all of its panels. */
const still = (name, options, hash = '#') => open(name, options, isStory(name) || name.startsWith('media') ? `${hash}&layer=0&more=1` : hash);

/** The pictures, at widths from a telephone's to a projector's. */
async function looks(name) {
  for (const colorScheme of ['light', 'dark']) {
    // Of the first screen there are many pages: each width and theme is seen, not each pair.
    const widths = !isStory(name) ? [380, 1280, 1920] : colorScheme === 'light' ? [380, 1920] : [1280];
    for (const width of widths) {
      const { page, close } = await still(name, { colorScheme, viewport: { width, height: 900 } }, '#token=2&layer=1');
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      check(`${name} at ${width} px: nothing lies beyond the page`, wide <= 0, `${wide} px`);
      const height = await page.evaluate(() => document.documentElement.scrollHeight);
      await page.setViewportSize({ width, height: Math.min(height, 16000) });
      await frames(page);
      await page.waitForFunction(() => panels.every((p) => !p.canvas?.isConnected || p.drawn.length > 0), null, { timeout: 30000 });
      const blank = await page.evaluate(() => [...document.querySelectorAll('canvas')].filter((c) => !c.hidden).filter((c) => {
        const data = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        return !data.some((v, i) => v !== data[i % 4]);
      }).length);
      check(`${name} at ${width} px, ${colorScheme}: no picture is blank`, blank === 0, blank);
      await page.screenshot({ path: path.join(pictures, `${name.replace('.html', '')}-${width}-${colorScheme}.png`) });
      await close(`at ${width} px, ${colorScheme}`);
    }
  }
}

async function scrubs(name) {
  const { page, close } = await still(name);
  const report = await read(page);
  const { layers } = report.explorations[0];
  const now = () => page.textContent('.now');
  for (const { layer } of layers) {
    check(`${name}: the scrubber says ${layer}`, (await now()).includes(layerName(layer)), await now());
    await press(page, 'ArrowRight');
  }
  for (const { layer } of [...layers].reverse().slice(1)) {
    await press(page, 'ArrowLeft');
    check(`${name}: back at ${layer}`, (await now()).includes(layerName(layer)), await now());
  }
  await press(page, 'End');
  check(`${name}: End`, (await now()).includes(layerName(layers.at(-1).layer)));
  await press(page, 'Home');
  // Playing goes through all layers and ends by itself.
  await press(page, ' ');
  check(`${name}: space plays`, await page.evaluate(() => state.playing));
  await page.waitForFunction(() => !state.playing, null, { timeout: 120000 });
  check(`${name}: playing ends at the last layer`, (await now()).includes(layerName(layers.at(-1).layer)));
  await close('scrubbed');
}

async function selects(name) {
  const { page, close } = await open(name);
  const report = await read(page);
  const { tokens } = report.explorations[0];
  const chosen = () => page.evaluate(() => state.selected?.token ?? null);
  const pressed = () => page.getAttribute('.ribbon [aria-pressed="true"]', 'data-token').catch(() => null);

  await page.click('.ribbon [data-token="1"]');
  await frames(page);
  check(`${name}: a click in the text chooses`, await chosen() === 1 && await pressed() === '1');
  await page.click('.ribbon [data-token="1"]');
  check(`${name}: a second click lets go`, await chosen() === null);

  // On the map, at the place where the page says that the token is.
  const map = page.locator('#map canvas');
  await map.scrollIntoViewIfNeeded();
  await page.mouse.move(2, 2);
  await frames(page);
  const last = Math.min(3, tokens.length - 1);
  const spot = await page.evaluate((token) => {
    const panel = panels.find((p) => p.id === 'map');
    const u = panel.side.now.of[token];
    return [panel.x[u] * panel.zoom, panel.y[u] * panel.zoom];
  }, last);
  await map.click({ position: { x: spot[0], y: spot[1] } });
  await frames(page);
  check(`${name}: a click on the map chooses`, await chosen() === last && await pressed() === String(last), await chosen());
  await press(page, 'Escape');
  check(`${name}: Esc lets go`, await chosen() === null);

  // Tab reaches the tokens, Enter chooses, p pins.
  await page.evaluate(() => document.querySelector('.ribbon .token').focus());
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await frames(page);
  check(`${name}: Tab and Enter choose the next token`, await chosen() === 1, await chosen());
  await press(page, 'p');
  check(`${name}: p pins`, (await page.evaluate(() => state.pinned.length)) === 1);

  // The address holds what is seen.
  await press(page, 'ArrowRight');
  await page.waitForTimeout(300);
  const hash = await page.evaluate(() => location.hash);
  check(`${name}: the address has layer, token and pin`, /layer=1/.test(hash) && /token=1/.test(hash) && /pin=1/.test(hash), hash);
  await close('chosen from');
  const again = await open(name, {}, hash);
  const back = await again.page.evaluate(() => [state.depth, state.selected?.token, state.pinned.length]);
  check(`${name}: the address brings it back`, back.join() === '1,1,1', back.join());
  await again.close('from its address');
  const wrong = await open(name, {}, '#layer=1e9&token=99999999&pin=x.y&map=<b>&metric=constructor&turn=NaN&colour=__proto__');
  check(`${name}: an address that asks for nothing there is`, await wrong.page.evaluate(() => state.depth) === 0);
  await wrong.close('from a wrong address');
}

/** What a panel says follows the layer, while the pointer rests on a token. */
async function follows(name) {
  const { page, close } = await open(name, { viewport: { width: 1280, height: 3000 } });
  const report = await read(page);
  const { layers } = report.explorations[0];
  if (!layers[1]?.baseline || !layers[0].similarity?.cosine) { await close('without a baseline'); return; }
  await page.click('.ribbon [data-token="1"]');
  await frames(page);
  for (const layer of layers.slice(1)) {
    await press(page, 'ArrowRight');
    const said = await page.textContent('#similarity .readout');
    const wanted = await page.evaluate((value) => number(value), layer.baseline.value);
    check(`${name}: the baseline is that of layer ${layer.layer}`, said.includes(`this layer: ${wanted} `), said);
  }
  await close('followed');
}

/** The charts: layers rise, colours and ends of axes are those of the data. */
async function draws(name) {
  const { page, close } = await still(name);
  const report = await read(page);
  const found = await page.evaluate(() => {
    const named = (id) => panels.find((p) => p.id === `chart-${id}`);
    const cka = named('cka');
    const { x, y, w, h, rows } = cka.layout(900).blocks[0];
    cka.width = 900;
    const lens = named('lens');
    lens.width = 900;
    const depth = named('depth');
    const { panel, box } = depth.layout(900).boxes.at(-1);
    const frame = new CurvesFrame(box, panel, {});
    return {
      bottom: cka.hit(x + w / 2, y + h * (rows.length - 0.5)).text,
      read: lens.hit(80, lens.top + 24 * lens.order.length - 3).text,
      ends: [frame.low, frame.high],
      looks: panel.series.map((s) => lookOf(s).colour),
      notes: depth.rest(),
      rings: depth.svg(),
      lens: lens.svg(),
      // What is written, on a telephone's width, without the ends of its lines.
      written: panels.filter((p) => ['curves', 'matrix'].includes(p.chart?.type) && p.canvas.isConnected).map((p) => {
        const pen = new SvgPen();
        p.draw(pen, 320, p.height(320));
        const texts = [...pen.document(320, 320, '').matchAll(/<text[^>]*>([^<]*)/g)].map((m) => m[1]).join('').replace(/ /g, '');
        const names = (p.chart.panels || p.chart.rows.flat()).flatMap((q) => [q.title, q.value, q.y, ...(q.series || []).map((s) => s.name), ...[q.x, q.rows, q.columns].filter((a) => a && a.kind !== 'tokens').map((a) => (p.chart.multiples ? '' : a.title))]);
        return names.filter((n) => n && !texts.includes(SvgPen.escape(n.replace(/ /g, ''))));
      }).flat(),
      begins: panels.filter((p) => p instanceof MatrixPanel && p.layered).map((p) => [p.slice(p.chart.panels[0])?.layer, p.rest()]),
      csv: csv(depth.csvRows()).split('\r\n')[0],
    };
  });
  const curves = report.charts.find((chart) => chart.id === 'depth');
  const panel = curves.rows.at(-1).at(-1);
  const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7'];
  const wanted = panel.series.filter((s) => s.kind === 'measure').map((s) => colours[s.colour]);
  check(`${name}: layer 0 of a matrix is at the bottom`, found.bottom.startsWith('layer 0, layer 0:'), found.bottom);
  check(`${name}: layer 0 of a lens is at the bottom`, found.read.startsWith('layer 0, '), found.read);
  check(`${name}: a vertical axis ends where the chart says`, found.ends.join() === panel.range.join(), found.ends.join());
  check(`${name}: curves have the colours of the chart`, wanted.every((colour, i) => found.looks[i] === colour), found.looks.join());
  const ringed = curves.rows.flat().flatMap((p) => p.series.filter((s) => s.peak !== undefined && p.x.kind === 'layers').map((s) => `>layer ${p.x.labels[s.peak]}<`));
  check(`${name}: rings have their layers`, ringed.every((label) => found.rings.includes(label)), ringed.join());
  check(`${name}: the page says the notes of the chart`, found.notes === (curves.notes || []).join(' ') && /Bands/.test(found.notes), found.notes);
  check(`${name}: the lens names its rows and shows spaces`, found.lens.includes('>embedding<') && found.lens.includes('>␣'));
  check(`${name}: no title or name is cut`, found.written.length === 0, found.written.join(' | '));
  check(`${name}: attention is shown before its first layer`, found.begins.every(([layer, said]) => layer > 0 && /^Shown: layer/.test(said)), JSON.stringify(found.begins));
  check(`${name}: the CSV has a line for each value`, found.csv === 'panel,series,layer,x,value,low,high,n', found.csv);
  await close('drawn');
}

/** What the page writes in its tables against the data. */
async function numbers(name) {
  const { page, close } = await still(name, {}, '#token=1');
  const report = await read(page);
  const e = report.explorations[0];
  const n = e.tokens.length;
  const at = (values, i, j) => {
    const [a, b] = i < j ? [i, j] : [j, i];
    return values[a * n - a * (a - 1) / 2 + b - a];
  };
  await page.locator('#similarity details.table summary').click();
  await page.waitForSelector('#similarity table tbody tr', { timeout: 30000 });
  for (const metric of ['cosine', 'centred', 'standardised', 'euclidean']) {
    if (!e.layers[0].similarity?.[metric]) continue;
    await page.selectOption('#similarity select', metric);
    // Two ends and a layer between them: what is wrong at one layer in between is wrong at these.
    const last = e.layers.length - 1;
    for (const l of new Set([0, Math.ceil(last / 2), last])) {
      await page.evaluate((layer) => set({ depth: layer }), l);
      await frames(page);
      const shown = await page.$$eval('#similarity table tbody tr', (rows) => rows.map((r) => [...r.querySelectorAll('td.number')].map((c) => [Number(c.dataset.value), c.textContent])));
      let worst = 0;
      shown.forEach((row, i) => row.forEach(([value, text], j) => {
        const expected = at(e.layers[l].similarity[metric], i, j);
        worst = Math.max(worst, Math.abs(value - expected), Math.abs(Number(text.replace(/−/g, '-')) - expected) / Math.max(1, Math.abs(expected)) - 5.1e-4);
      }));
      check(`${name}: ${metric} at ${l} is that of the data`, shown.length === n && shown[0].length === n && worst <= 1e-12, worst);
    }
  }
  await page.selectOption('#similarity select', 'cosine');
  await page.evaluate(() => set({ depth: 0, hover: null, selected: { side: 0, token: 1 } }));
  await page.mouse.move(2, 2);
  // A panel is drawn when it is seen, which the browser tells it in its own time.
  await page.locator('#neighbours').scrollIntoViewIfNeeded();
  await page.waitForFunction((at) => document.querySelector('#neighbours .value') && document.querySelector('#neighbours .readout').textContent.includes(at), layerName(e.layers[0].layer), { timeout: 30000 });
  const near = await page.$$eval('#neighbours li', (items) => items.map((i) => [i.querySelector('.token')?.textContent, i.querySelector('.value')?.textContent]));
  const best = e.tokens.map((t, i) => i).filter((i) => i !== 1 && !e.tokens[i].special)
    .map((i) => at(e.layers[0].similarity.cosine, 1, i)).sort((a, b) => b - a);
  check(`${name}: the nearest are`, near.length > 0 && near.every(([, value], i) => Math.abs(Number(value.replace(/−/g, '-')) - best[i]) <= 5.1e-4), near.join(' '));
  await page.locator('#map details.table summary').click();
  await page.waitForSelector('#map table tbody tr', { timeout: 30000 });
  await frames(page);
  const points = await page.$$eval('#map table tbody tr', (rows) => rows.map((r) => [...r.querySelectorAll('td')].slice(2, 4).map((c) => Number(c.dataset.value))));
  // Two sentences in one basis are on one map.
  const mapped = (report.one_basis ? report.explorations : [e]).flatMap((of) => of.layers[0].trajectory.points);
  const far = Math.max(...points.flatMap((p, i) => p.map((v, k) => Math.abs(v - mapped[i][k]))));
  check(`${name}: the map's places are those of the data`, points.length === mapped.length && far < 1e-4, far);
  await close('read');
}

/** Every panel's files. */
async function saves(name) {
  const { page, close } = await still(name, {}, '#token=1');
  for (const button of await page.locator('.menu button').all()) {
    const label = await button.getAttribute('aria-label');
    await button.scrollIntoViewIfNeeded();
    // Chromium drops what a page saves beyond ten files in a second.
    await page.waitForTimeout(110);
    const [download] = await Promise.all([page.waitForEvent('download', { timeout: 20000 }), button.click()]);
    const bytes = readFileSync(await download.path());
    const text = bytes.toString('utf8');
    const kind = download.suggestedFilename().split('.').pop();
    if (kind === 'svg') {
      const sound = await page.evaluate((svg) => !new DOMParser().parseFromString(svg, 'image/svg+xml').querySelector('parsererror, script, foreignObject'), text);
      check(`${name}: ${label} is well-formed`, sound);
    } else if (kind === 'png') {
      check(`${name}: ${label} is a picture`, bytes.subarray(1, 4).toString() === 'PNG' && bytes.length > 500, bytes.length);
    } else if (kind === 'json') {
      let sound = true;
      try { JSON.parse(text); } catch { sound = false; }
      check(`${name}: ${label} is JSON`, sound);
    } else {
      const cells = text.split(/[,\r\n]/).filter((cell) => /^"?[=+@]/.test(cell) || /^"?-[^0-9.]/.test(cell) || /^"?-\d+[+*/]/.test(cell));
      check(`${name}: ${label} has nothing that a spreadsheet computes`, cells.length === 0, JSON.stringify(cells.slice(0, 3)));
    }
  }
  await close('saved from');
}

async function accessible(name) {
  for (const colorScheme of ['light', 'dark']) {
    const { page, close } = await still(name, { colorScheme }, '#token=1');
    await sound(page, `${name}, ${colorScheme}`);
    const charts = await page.evaluate(() => panels.filter((p) => p.canvas?.isConnected && !p.canvas.hidden)
      .filter((p) => !p.canvas.getAttribute('aria-label') || p.rows().rows.length === 0).map((p) => p.id));
    check(`${name}: every picture has a label and a table`, charts.length === 0, charts.join());
    await close(`with axe, ${colorScheme}`);
  }
}

/** Two sides: they move together, share a scale, and differ by what the data does. */
async function beside(name) {
  const { page, close } = await open(name);
  const report = await read(page);
  const [a, b] = report.explorations;
  const layers = () => page.evaluate(() => sides.map(layerAt).join());
  for (let l = 0; l < a.layers.length; l += 1) {
    const along = Math.round(l / (a.layers.length - 1) * (b.layers.length - 1));
    check(`${name}: both sides at ${l}`, await layers() === `${l},${along}`, await layers());
    const said = await page.textContent('.now');
    const names = [[a, l], [b, along]].map(([e, at]) => `${layerName(e.layers[at].layer)} of ${e.layers.at(-1).layer}`);
    check(`${name}: the scrubber says both`, names.every((part) => said.includes(part)), said);
    await press(page, 'ArrowRight');
  }
  const scales = await page.evaluate(() => sides.map((side) => JSON.stringify(side.scale('cosine'))));
  check(`${name}: cosines have one scale`, scales[0] === scales[1], scales.join());
  if (report.one_basis) {
    // One map has the points of both sides, where each side has them.
    const far = await page.evaluate(() => {
      const map = panels.find((p) => p instanceof BothPanel);
      const all = [map.coordinates, ...sides.map((side) => side.points(state.map))];
      const [both, a, b] = all.map((c) => Array.from(c.all));
      const l = all[0].layers;
      const worst = [a, b].map((own, s) => Math.max(...own.map((v, i) => {
        const per = own.length / l;
        const at = Math.floor(i / per) * (both.length / l) + (s ? a.length / l : 0) + i % per;
        return Math.abs(both[at] - v) || 0;
      })));
      return [panels.filter((p) => p instanceof MapPanel).length, ...worst];
    });
    check(`${name}: one map has both sentences`, far.join() === '1,0,0', far.join());
  }
  await page.locator('#difference details.table summary').click();
  await page.waitForSelector('#difference table tbody tr', { timeout: 30000 });
  const shown = await page.$$eval('#difference table tbody tr', (rows) => rows.map((r) => [...r.querySelectorAll('td.number')].map((c) => Number(c.dataset.value))));
  const of = (e, i, j) => {
    const [x, y] = [Math.min(i, j), Math.max(i, j)];
    return e.layers.at(-1).similarity.cosine[x * e.tokens.length - x * (x - 1) / 2 + y - x];
  };
  const words = report.aligned.filter(([i, j]) => !a.tokens[i].special && !b.tokens[j].special);
  const worst = Math.max(...words.flatMap((p, i) => words.map((q, j) => Math.abs(shown[i][j] - (of(a, p[0], q[0]) - of(b, p[1], q[1]))))));
  check(`${name}: the difference is that of the data`, shown.length === words.length && worst < 1e-12, worst);
  await close('side by side');
}

async function habits(name) {
  const { page, close } = await open(name, { reducedMotion: 'reduce' });
  await press(page, ' ');
  const depths = [];
  for (let i = 0; i < 12; i += 1) {
    depths.push(await page.evaluate(() => state.depth));
    await page.waitForTimeout(100);
  }
  check(`${name}: reduced motion goes from layer to layer`, depths.every(Number.isInteger), depths.join());
  if (await page.evaluate(() => state.playing)) await press(page, ' ');
  await press(page, '?');
  check(`${name}: ? helps`, await page.locator('dialog[open] .keys').isVisible());
  await press(page, 'Escape');
  await press(page, '/');
  const word = (await read(page)).explorations[0].tokens[1].text;
  await page.keyboard.type(word.slice(0, 3));
  await press(page, 'Enter');
  check(`${name}: / finds a token`, await page.evaluate(() => state.selected !== null));
  await page.getByRole('button', { name: 'Tour' }).click();
  let steps = 0;
  while (await page.locator('dialog.tour[open]').count() && steps < 9) {
    steps += 1;
    await page.locator('dialog.tour .primary').click();
    await frames(page);
  }
  check(`${name}: the tour has five steps`, steps === 5, steps);
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  const { width, height } = page.viewportSize();
  // The width of the text on a sheet of paper.
  await page.setViewportSize({ width: 700, height });
  await frames(page);
  const printed = await page.evaluate(() => ({
    cut: [...document.querySelectorAll('.panel canvas, .panel table')].filter((c) => c.offsetParent && c.getBoundingClientRect().right > c.closest('.panel').getBoundingClientRect().right + 1).map((c) => c.closest('.panel').id),
    folds: [...document.querySelectorAll('.fold:not([open])')].filter((fold) => fold.offsetParent).length,
    broken: [...document.querySelectorAll('.panel')].filter((p) => getComputedStyle(p).breakInside !== 'avoid' && !p.querySelector('.brief')).map((p) => p.id),
    scheme: getComputedStyle(document.documentElement).colorScheme,
  }));
  check(`${name}: in print no panel is cut, and the page is light`, !printed.cut.length && !printed.folds && !printed.broken.length && printed.scheme === 'light', JSON.stringify(printed));
  await page.setViewportSize({ width, height });
  const pdf = await page.pdf();
  check(`${name}: it prints`, pdf.length > 10000, pdf.length);
  await close('used');
}

/** Playing a large page: what a frame costs, and how many come. */
async function plays(name) {
  const { page, close } = await open(name);
  const { rate, cost } = await page.evaluate(() => new Promise((done) => {
    const costs = [];
    const draw = panels.find((p) => p.id === 'map');
    const update = draw.update.bind(draw);
    draw.update = () => {
      const begin = performance.now();
      update();
      costs.push(performance.now() - begin);
    };
    const begin = performance.now();
    let count = 0;
    play();
    const next = () => {
      count += 1;
      const seconds = (performance.now() - begin) / 1000;
      if (seconds < 4) { requestAnimationFrame(next); return; }
      costs.sort((a, b) => a - b);
      done({ rate: count / seconds, cost: costs[Math.floor(costs.length / 2)] });
    };
    requestAnimationFrame(next);
  }));
  console.log(`        ${name}: ${rate.toFixed(0)} frames a second, ${cost.toFixed(1)} ms of script a frame`);
  check(`${name}: a frame takes less than a thirtieth of a second`, cost < 33, `${cost.toFixed(1)} ms`);
  await close('played');
}

const pages = readdirSync(folder).filter((name) => name.endsWith('.html')).sort();
for (const name of pages) {
  const begin = Date.now();
  const before = count.failures;
  const { page, close } = await open(name);
  const report = await read(page);
  check(`${name}: no token became code`, await page.title() === report.title && await page.evaluate(() => !document.querySelector('#app script, #app img, #app iframe')));
  await close('opened');
  const bytes = statSync(path.join(folder, name)).size;
  const texts = report.explorations.length > 0;
  const n = texts ? report.explorations[0].tokens.length : 0;
  const media = isMedia(report);
  // These take minutes, and one of them times frames: they are for a machine that does nothing else.
  if (process.env.CI && n > 100 && !media) {
    console.log(`opened  ${name}; the rest is left out where CI is set`);
    continue;
  }
  await looks(name);
  if (media) {
    await shows(name, report);
    await saves(name);
    await accessible(name);
  }
  if (isStory(name)) await tells(name, name === 'story.html');
  if (report.verdict) await compares(name, report);
  // What all panels share is checked on one page with the first screen.
  if (!media && (!isStory(name) || name === 'story.html')) {
    if (texts) await scrubs(name);
    if (texts && n <= 1000) await numbers(name);
    if (n <= 1000) {
      if (report.charts.some((chart) => chart.id === 'cka')) await draws(name);
      await saves(name);
      await accessible(name);
    }
  }
  if (!isStory(name) && !media && texts && n <= 1000) {
    await selects(name);
    await follows(name);
    await habits(name);
    if (report.explorations.length > 1) await beside(name);
  }
  if (n > 1000) await plays(name);
  console.log(`${count.failures === before ? 'passed' : 'FAILED'}  ${name} (${Math.round(bytes / 1024)} KiB, ${((Date.now() - begin) / 1000).toFixed(0)} s)`);
}
if (program) await serves();
await browser.close();
console.log(`${count.checks} checks, ${count.failures} failed; pictures in ${pictures}`);
process.exitCode = count.failures ? 1 : 0;
