// The pages of `compare`: the verdict, both sentences one above the other, one map, two journeys.

import path from 'node:path';
import { check, frames, layerName, open, pictures, press, read, sound } from './harness.mjs';

/** The shares of the words at a place in the list of layers. */
function sharesAt({ overlay }, at) {
  return overlay.steps.map(({ edit, distances }) => (distances[at] === null ? null : distances[at] / (edit === 'kept' ? overlay.same_word : overlay.random)[at]));
}

/** The kept content word that moves most, as the page has to frame it. */
function mostOf({ overlay }, shares) {
  const kept = overlay.steps.map((s, i) => (s.edit === 'kept' && s.content ? shares[i] ?? 0 : 0));
  const most = Math.max(0, ...kept);
  return most > 0 ? kept.indexOf(most) : -1;
}

/** What the page opens with: the word that parts first and its layer, or else that which moves most. */
function openingOf({ overlay, explorations: [e] }) {
  const parted = overlay.steps.map((s, i) => [s.parts, i]).filter(([parts]) => parts !== null).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const [layer, step] = parted[0] ?? [overlay.moved?.[1], overlay.moved?.[0]];
  return [e.layers.findIndex((l) => l.layer === layer), step];
}

/** Everything that the overlay says, against the data. */
async function agrees(page, report, how, at, chosen) {
  await frames(page);
  const { steps } = report.overlay;
  const { layer } = report.explorations[0].layers[at];
  const shares = sharesAt(report, at);
  const found = await page.evaluate(() => ({
    words: [...document.querySelectorAll('.step')].map((b) => [...b.querySelectorAll('.part')].map((p) => p.textContent)),
    shades: [...document.querySelectorAll('.step')].map((b) => b.style.getPropertyValue('--share')),
    most: [...document.querySelectorAll('.step')].findIndex((b) => b.classList.contains('most')),
    pressed: [...document.querySelectorAll('.step')].findIndex((b) => b.getAttribute('aria-pressed') === 'true'),
    note: document.querySelector('#overlay .note').textContent,
    readout: document.querySelector('#overlay .readout').textContent,
    slider: document.querySelector('#overlay canvas').getAttribute('aria-valuetext'),
    titles: ['journey-title', 'journey-b-title'].map((id) => document.getElementById(id)?.textContent || ''),
    now: layerAt(sides[0]),
    names: sides.map((side) => shownJourney(side)?.word || ''),
  }));
  check(`${how}: the layer`, found.now === at, found.now);
  check(`${how}: the words`, found.words.every(([a, b], i) => a === (steps[i].words[0] ?? '–') && b === (steps[i].words[1] ?? '–')) && found.words.length === steps.length, JSON.stringify(found.words));
  check(`${how}: a shade is its distance`, found.shades.every((shade, i) => (shares[i] === null ? shade === '' : Math.abs(parseFloat(shade) - Math.min(100, 100 * shares[i])) < 1e-9)), found.shades.join());
  check(`${how}: the word that moves most`, found.most === mostOf(report, shares), found.most);
  check(`${how}: the chosen word`, found.pressed === chosen, `${found.pressed} / ${chosen}`);
  const panel = report.charts.find((chart) => chart.id === 'compare').rows[0][0];
  const shown = panel.series.filter((s) => s.name !== 'sentence means' && s.values.some((v) => v !== null));
  const numbers = await page.evaluate((all) => all.map(number), shown.map((s) => s.values[at]));
  const means = shown.map((s, i) => `${s.name} ${numbers[i]}`);
  const wanted = `Layer ${layer}: ${means.join(', ')}.`;
  check(`${how}: the means`, found.readout === wanted && found.slider === `${layerName(layer)}. ${wanted}`, `${found.readout} / ${wanted}`);
  if (chosen < 0) return;
  const step = steps[chosen];
  const said = shares[chosen] === null ? '' : ` at layer ${layer}: distance ${await page.evaluate((v) => number(v), step.distances[at])}, ${(100 * shares[chosen]).toFixed(shares[chosen] < 0.1 ? 1 : 0)} % of the median of `;
  check(`${how}: the chosen word's distance`, found.note.includes(said) && found.note.includes(step.words[0] ?? step.words[1]), found.note);
  if (step.parts !== null && report.explorations.every((e, s) => e.journeys?.words.some((j) => j.tokens.includes(step.tokens[s])))) {
    check(`${how}: where its journeys part`, found.note.includes(`part at layer ${step.parts}.`), found.note);
    check(`${how}: two journeys`, found.titles[0].startsWith('A: ') && found.titles[1].startsWith('B: ') && found.names.join() === step.words.join(), JSON.stringify([found.titles, found.names]));
  }
}

/** Two sentences. */
async function sentences(name, report) {
  const { steps } = report.overlay;
  const [e] = report.explorations;
  const last = e.layers.length - 1;
  const { page, close } = await open(name, { viewport: { width: 1280, height: 3000 } });
  await frames(page);
  const [at, first] = openingOf(report);
  check(`${name}: it opens with its finding`, at >= 0 && first >= 0, `${at} ${first}`);
  await agrees(page, report, `${name}, opened`, at, first);
  // A mark means the same in both journeys.
  const marks = await page.$$eval('#journey .kwic, #journey-b .kwic', (lines) => lines.map((line) => [line.dataset.text.match(/kind of meaning: ([^;)]*)/)?.[1] || '', line.querySelector('.mark').className.match(/kind\d/)[0]]));
  const kinds = new Map(marks);
  check(`${name}: a mark means the same in both journeys`, marks.every(([kind, mark]) => kinds.get(kind) === mark), JSON.stringify([...kinds]));
  await press(page, 'End');
  await agrees(page, report, `${name}, End`, last, first);
  await press(page, 'Home');
  await agrees(page, report, `${name}, Home`, 0, first);
  await press(page, 'ArrowRight');
  await page.mouse.move(2, 2);
  for (const [i, step] of steps.entries()) {
    if (step.tokens.every((token) => token === null)) continue;
    await page.locator('.step').nth(i).click();
    await page.mouse.move(2, 2);
    await agrees(page, report, `${name}, a click on ${step.words}`, 1, i);
    break;
  }
  // Tab reaches the words, Enter chooses.
  await page.locator('.step:not([disabled])').last().focus();
  await page.keyboard.press('Enter');
  await page.mouse.move(2, 2);
  const chosen = steps.findLastIndex((s) => s.tokens.some((token) => token !== null));
  await agrees(page, report, `${name}, Enter on the last word`, 1, chosen);
  // The line is dragged to the end.
  const [from, to] = await page.evaluate(() => {
    const panel = panels.find((p) => p.id === 'overlay');
    const { left, top } = panel.canvas.getBoundingClientRect();
    const frame = panel.frame(panel.width, panel.height(panel.width));
    return [1, sides[0].last].map((layer) => [left + panel.zoom * frame.px(sides[0].e.layers[layer].layer), top + panel.zoom * ((frame.top + frame.bottom) / 2)]);
  });
  await page.mouse.move(...from);
  await page.mouse.down();
  await page.mouse.move(...to, { steps: 4 });
  await page.mouse.up();
  await page.mouse.move(2, 2);
  await agrees(page, report, `${name}, dragged`, last, chosen);
  // A point of the second sentence chooses its word.
  const token = report.explorations[1].tokens.findLastIndex((t) => !t.special && /\p{L}/u.test(t.text));
  const spot = await page.evaluate((t) => {
    const map = panels.find((p) => p.id === 'map');
    const u = map.side.now.of[sides[0].n + t];
    const { left, top } = map.canvas.getBoundingClientRect();
    return [left + map.x[u] * map.zoom, top + map.y[u] * map.zoom];
  }, token);
  await press(page, 'Escape');
  await page.mouse.click(...spot);
  await frames(page);
  // Points of both sentences may lie on one another: one of those that are there is chosen.
  const away = await page.evaluate(([x, y]) => {
    const map = panels.find((p) => p.id === 'map');
    const { left, top } = map.canvas.getBoundingClientRect();
    const u = map.side.now.of[onSide(state.selected, BOTH)];
    return Math.hypot(left + map.x[u] * map.zoom - x, top + map.y[u] * map.zoom - y);
  }, spot);
  check(`${name}: a click on a point of the second sentence`, away < 16, away);
  await page.locator('#overlay details.table summary').click();
  await page.waitForSelector('#overlay table tbody tr');
  const shown = await page.$$eval('#overlay table tbody tr', (rows) => rows.map((r) => [...r.querySelectorAll('td.number')].map((c) => Number(c.dataset.value))));
  const wanted = steps.map((step) => [step.parts, ...step.distances].filter((v) => v !== null));
  check(`${name}: the table of the words`, shown.map((r) => r.join()).join('|') === wanted.map((r) => r.join()).join('|'), shown[0]?.join());
  await close('compared');
}

/** The verdict leads, and what it is about is on the first screen. */
async function leads(name, report) {
  for (const colorScheme of ['light', 'dark']) {
    const { page, close } = await open(name, { colorScheme, viewport: { width: 1280, height: 800 } });
    await frames(page);
    const head = await page.evaluate(() => [document.querySelector('h1').textContent, document.querySelector('.facts').textContent]);
    check(`${name}: the verdict leads`, head[0] === report.verdict[0] && head[1].includes(report.verdict.slice(1).join(' ')), head.join(' / '));
    const ids = report.overlay ? ['overlay', 'journey', 'journey-b'] : ['chart-journeys'];
    const [first, ...more] = await page.evaluate((all) => all.map((id) => {
      const box = document.getElementById(id)?.getBoundingClientRect();
      return box ? [box.top, box.bottom] : [0, 0];
    }), ids);
    check(`${name}: the first screen has what the verdict is about`, first[0] < 300 && (!report.overlay || first[1] <= 800), first.join());
    check(`${name}: the journeys begin on the first screen`, more.every(([top]) => top < 700), more.join());
    await page.screenshot({ path: path.join(pictures, `${name.replace('.html', '')}-verdict-${colorScheme}.png`) });
    await sound(page, `${name}, ${colorScheme}`);
    await close(`first screen, ${colorScheme}`);
  }
}

/** A page of `compare`. */
export async function compares(name, report) {
  await leads(name, report);
  if (report.overlay) await sentences(name, report);
}
