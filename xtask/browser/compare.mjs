// The pages that begin with a verdict: of `profile`, and of `compare`: the verdict, both sentences one above the other, one map, two journeys.

import path from 'node:path';
import { check, frames, layerName, open, pictures, press, read, sound } from './harness.mjs';

/** The shares of the words at a place in the list of layers. */
function sharesAt({ overlay }, at) {
  return overlay.steps.map(({ edit, distances }) => (distances[at] === null ? null : distances[at] / (edit === 'kept' ? overlay.same_word : overlay.random)[at]));
}

/** The words of both sentences at other places, with their shares. */
function elsewhereAt({ overlay }, at) {
  return (overlay.displaced ?? []).map((word) => ({ ...word, share: word.distances[at] / overlay.same_word[at] }));
}

/** The content word of both sentences that moves most, as the page has to frame it. */
function mostOf(report, shares, at) {
  const { overlay } = report;
  const elsewhere = elsewhereAt(report, at);
  const kept = overlay.steps.map((s, i) => elsewhere.find(({ steps }) => steps[0] === i)?.share ?? (s.edit === 'kept' && s.content ? shares[i] ?? 0 : 0));
  const most = Math.max(0, ...kept);
  return most > 0 ? kept.indexOf(most) : -1;
}

/** What the page opens with: the word that parts first and its layer, or else that which moves most. */
function openingOf({ overlay, explorations: [e] }) {
  const words = [...overlay.steps.map((s, i) => [s.parts, i]), ...(overlay.displaced ?? []).map((word) => [word.parts, word.steps[0]])];
  const parted = words.filter(([parts]) => parts !== null).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
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
    words: [...document.querySelectorAll('.step:not(.folded)')].map((b) => [...b.querySelectorAll('.part')].map((p) => p.textContent)),
    shades: [...document.querySelectorAll('.step:not(.folded)')].map((b) => b.style.getPropertyValue('--share')),
    most: [...document.querySelectorAll('.step:not(.folded)')].findIndex((b) => b.classList.contains('most')),
    pressed: [...document.querySelectorAll('.step:not(.folded)')].findIndex((b) => b.getAttribute('aria-pressed') === 'true'),
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
  check(`${how}: the word that moves most`, found.most === mostOf(report, shares, at), found.most);
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
  for (const word of elsewhereAt(report, at).filter(({ steps: both }) => both.includes(chosen))) {
    const far = `“${word.word}” is in both sentences: at layer ${layer}, distance ${await page.evaluate((v) => number(v), word.distances[at])}, ${(100 * word.share).toFixed(word.share < 0.1 ? 1 : 0)} % of `;
    check(`${how}: the distance of a word at another place`, found.note.includes(far) && found.note.includes(word.parts === null ? 'do not part' : `part at layer ${word.parts}.`), found.note);
    if (word.steps[0] === chosen) check(`${how}: the journeys are of one word`, found.names.every((n) => n.toLowerCase() === word.word.toLowerCase()), found.names.join());
  }
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
    await page.locator('.step:not(.folded)').nth(i).click();
    await page.mouse.move(2, 2);
    await agrees(page, report, `${name}, a click on ${step.words}`, 1, i);
    break;
  }
  // A folded run is shown by its button, and not before.
  for (const [from, to] of report.overlay.folds ?? []) {
    const shown = () => page.$$eval('.step:not(.folded)', (all, [a, b]) => all.slice(a, b).filter((one) => !one.hidden).length, [from, to]);
    const fold = page.locator('.step.folded').first();
    check(`${name}: a fold says how many words it has`, await shown() === 0 && (await fold.textContent()).includes(`${to - from} words`), await fold.textContent());
    await fold.click();
    check(`${name}: a fold is opened`, await shown() === to - from && await page.evaluate(() => document.activeElement?.classList.contains('step')), await shown());
  }
  // Tab reaches the words, Enter chooses.
  await page.locator('.step:not([disabled]):not(.folded)').last().focus();
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
  await press(page, 'Escape');
  const spot = await page.evaluate((t) => {
    const map = panels.find((p) => p.id === 'map');
    const u = map.side.now.of[sides[0].n + t];
    const { left, top } = map.canvas.getBoundingClientRect();
    return [left + map.x[u] * map.zoom, top + map.y[u] * map.zoom];
  }, token);
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

/** One word in two contexts: both sentences, the curve, and where the journeys part. */
async function contexts(name, report) {
  const { words, tokens, places, parts, in_common: common } = report.contexts;
  const layers = report.explorations[0].layers.map(({ layer }) => layer);
  const { page, close } = await open(name, { viewport: { width: 1280, height: 3000 } });
  const agreed = async (how, at) => {
    await frames(page);
    const found = await page.evaluate(() => ({
      now: layerAt(sides[0]),
      texts: [...document.querySelectorAll('.contexts .text')].map((p) => p.textContent),
      marked: [...document.querySelectorAll('.contexts mark')].map((m) => [m.textContent, Number(m.dataset.token)]),
      readout: document.querySelector('#contexts .readout').textContent,
      note: document.querySelector('#contexts .note').textContent,
      title: document.querySelector('#contexts-title').textContent,
      lines: ['journey', 'journey-b'].map((id) => [...document.querySelectorAll(`#${id} tbody tr`)].findIndex((row) => row.classList.contains('parting'))),
      rows: ['journey', 'journey-b'].map((id) => [...document.querySelectorAll(`#${id} tbody tr`)].findIndex((row) => row.getAttribute('aria-current') === 'true')),
      names: sides.map((side) => shownJourney(side)?.word),
    }));
    check(`${how}: the layer of the curve and of both journeys`, found.now === at && found.rows.join() === `${at},${at}`, JSON.stringify(found));
    check(`${how}: both sentences with their word`, found.texts.join('|') === report.explorations.map((e) => e.texts[0]).join('|') && found.marked.every(([word, token], i) => word === [...report.explorations[i].texts[0]].slice(...places[i]).join('') && token === tokens[i]) && found.names.join() === words.join(), JSON.stringify(found.marked));
    check(`${how}: how many are the same`, found.readout === `Layer ${layers[at]}: ${common[at][0]} of the ${common[at][1]} nearest are the same in both contexts.`, found.readout);
    check(`${how}: where the contexts part`, found.lines.every((row) => row === layers.indexOf(parts)) && found.note.includes(`layer ${parts}`) === (layers[at] !== parts) && found.title.includes(`“${words[0]}”`), JSON.stringify([found.lines, found.note, found.title]));
  };
  await agreed(`${name}, opened`, layers.indexOf(parts));
  await press(page, 'End');
  await agreed(`${name}, End`, layers.length - 1);
  await page.click('#journey-b tbody tr:nth-child(1) th button');
  await agreed(`${name}, a click on a row`, 0);
  const [from, to] = await page.evaluate(() => {
    const panel = panels.find((p) => p.id === 'contexts');
    const { left, top } = panel.canvas.getBoundingClientRect();
    const frame = panel.frame(panel.width, panel.height(panel.width));
    return [0, 1].map((layer) => [left + panel.zoom * frame.px(layer), top + panel.zoom * ((frame.top + frame.bottom) / 2)]);
  });
  await page.mouse.move(...from);
  await page.mouse.down();
  await page.mouse.move(...to, { steps: 4 });
  await page.mouse.up();
  await page.mouse.move(2, 2);
  await agreed(`${name}, dragged`, 1);
  await page.locator('#contexts details.table summary').click();
  await page.waitForSelector('#contexts table tbody tr');
  const shown = await page.$$eval('#contexts table tbody tr', (rows) => rows.map((r) => [...r.querySelectorAll('td')].map((c) => c.dataset.value ?? c.textContent).join()));
  check(`${name}: the table of what both have`, shown.join('|') === common.map((both, i) => [layers[i], ...both].join()).join('|'), shown[0]);
  await close('in two contexts');
}

/** The verdict leads, and what it is about is on the first screen. */
async function leads(name, report) {
  for (const colorScheme of ['light', 'dark']) {
    const { page, close } = await open(name, { colorScheme, viewport: { width: 1280, height: 800 } });
    await frames(page);
    const head = await page.evaluate(() => [document.querySelector('h1').textContent, document.querySelector('.facts').textContent]);
    check(`${name}: the verdict leads`, head[0] === report.verdict[0] && head[1].includes(report.verdict.slice(1).join(' ')), head.join(' / '));
    const ids = report.explorations.length ? [report.overlay ? 'overlay' : 'contexts', 'journey', 'journey-b'] : [report.charts[0].id].map((id) => `chart-${id}`);
    const [first, ...more] = await page.evaluate((all) => all.map((id) => {
      const box = document.getElementById(id)?.getBoundingClientRect();
      return box ? [box.top, box.bottom] : [0, 0];
    }), ids);
    check(`${name}: the first screen has what the verdict is about`, first[0] < 300 && (!report.explorations.length || first[1] <= 800), first.join());
    check(`${name}: the journeys begin on the first screen`, more.every(([top]) => top < 700), more.join());
    await page.screenshot({ path: path.join(pictures, `${name.replace('.html', '')}-verdict-${colorScheme}.png`) });
    await sound(page, `${name}, ${colorScheme}`);
    await close(`first screen, ${colorScheme}`);
  }
}

/** A page with a verdict. */
export async function compares(name, report) {
  await leads(name, report);
  if (report.overlay) await sentences(name, report);
  if (report.contexts) await contexts(name, report);
}
