// What the page knows of its tokens beside their vectors, against the data: labels and attention.

import { check, frames, open, press } from './harness.mjs';

/** A window in which every panel is seen. */
const TALL = { viewport: { width: 1280, height: 6000 } };

/** The attention weights from a token to the tokens of its text, of a head or as the mean of heads. */
function weightsOf(e, layer, token, head) {
  const { sentence } = e.tokens[token];
  const tokens = e.tokens.flatMap((t, i) => (t.sentence === sentence ? [i] : []));
  const before = new Map();
  e.tokens.forEach((t) => { if (t.sentence < sentence) before.set(t.sentence, (before.get(t.sentence) || 0) + 1); });
  const from = [...before.values()].reduce((sum, n) => sum + n * n, 0) + tokens.indexOf(token) * tokens.length;
  const heads = head === 'mean' ? layer.attention : [layer.attention[Number(head)]];
  return { tokens, weights: tokens.map((_, i) => heads.reduce((sum, w) => sum + w[from + i], 0) / heads.length / 1000) };
}

/** The panel of attention against the data, for a token, a head and a layer of the page. */
async function shows(page, e, how, at, token, head) {
  await frames(page);
  const layer = e.layers.slice(at).find((l) => l.attention);
  const { tokens, weights } = weightsOf(e, layer, token, head);
  const found = await page.evaluate(() => {
    const panel = panels.find((p) => p.id === 'attention');
    const { boxes } = panel.layout(900);
    return {
      source: panel.source(),
      tokens: boxes.map((box) => box.token),
      title: document.querySelector('#attention-title').textContent,
      label: panel.canvas.getAttribute('aria-label'),
      readout: document.querySelector('#attention .readout').textContent,
      drawn: [...panel.svg().matchAll(/<text[^>]*font-size="11"[^>]*>([^<]*)/g)].map((m) => m[1]),
      lines: panel.svg().match(/<polyline/g)?.length || 0,
      chosen: [...document.querySelectorAll('#attention select')].map((s) => s.value),
      rows: panel.rows().rows.map((row) => row.slice(1)),
    };
  });
  check(`${how}: the token of the attention`, found.source === token && found.tokens.join() === tokens.join(), JSON.stringify(found));
  const shown = weights.filter((w) => w >= 0.005);
  check(`${how}: the numbers of the attention`, found.drawn.join() === shown.map((w) => w.toFixed(3)).join(), found.drawn.join());
  const lines = weights.filter((w, i) => w >= 0.005 && tokens[i] !== token).length;
  check(`${how}: the lines of the attention`, found.lines === lines, `${found.lines} / ${lines}`);
  const most = Math.max(...weights);
  check(`${how}: the title of the attention`, found.title.includes(`layer ${layer.layer},`) && found.title.endsWith(`(${most.toFixed(3)})`) && found.label.startsWith(found.title), found.title);
  check(`${how}: the choices of the attention`, found.chosen.join() === [token, head].join(), found.chosen.join());
  check(`${how}: a layer without attention is said`, (layer === e.layers[at]) === !found.readout.startsWith('Shown: layer'), found.readout);
  const special = weights.reduce((sum, w, i) => sum + (e.tokens[tokens[i]].special ? w : 0), 0);
  if (tokens.some((t) => e.tokens[t].special)) check(`${how}: the share of special tokens`, found.readout.includes(`${special.toFixed(3)} of 1`), found.readout);
  const keys = ['mean', ...(e.attention.mean ? [] : layer.attention.map((_, h) => String(h)))];
  const wanted = tokens.map((_, i) => keys.map((key) => weightsOf(e, layer, token, key).weights[i]));
  check(`${how}: the table of the attention`, JSON.stringify(found.rows) === JSON.stringify(wanted));
  const sums = keys.map((_, k) => found.rows.reduce((sum, row) => sum + row[k], 0));
  check(`${how}: the weights sum to 1`, sums.every((sum) => Math.abs(sum - 1) < 1e-9), sums.join());
}

/** The token that is chosen at first: of the most telling word, or else the longest that is known. */
export function firstToken(e) {
  const size = (i) => e.tokens[i].text.replace(/^##/, '').length;
  const known = e.tokens.flatMap((t, i) => (t.special || t.unknown ? [] : [i]));
  return e.journeys?.words[e.journeys.telling ?? 0]?.tokens[0] ?? known.sort((a, b) => size(b) - size(a) || a - b)[0];
}

/** Attention after keys, mouse and addresses. */
export async function attends(name, report) {
  const [e] = report.explorations;
  if (!e.attention) return;
  const ordinary = e.tokens.flatMap((t, i) => (t.special ? [] : [i]));
  const { page, close } = await open(name, TALL, '#layer=0&more=1');
  // Two sentences open at a word of their verdict, which the checks of the comparison know.
  const first = report.overlay ? await page.evaluate(() => state.selected.token) : firstToken(e);
  await shows(page, e, `${name}, opened`, 0, first, 'mean');
  await press(page, 'ArrowRight');
  await press(page, 'ArrowRight');
  await shows(page, e, `${name}, a key`, 2, first, 'mean');
  // Keys alone choose the token and the head.
  await page.locator('#attention select').first().focus();
  await press(page, 'ArrowDown');
  const next = Number(await page.locator('#attention select').first().inputValue());
  check(`${name}: a key chooses the next token`, next === first + 1, next);
  await shows(page, e, `${name}, the next token`, 2, next, 'mean');
  if (!e.attention.mean) {
    await page.selectOption('#attention label:nth-of-type(2) select', '1');
    await shows(page, e, `${name}, a head`, 2, next, '1');
  }
  const head = e.attention.mean ? 'mean' : '1';
  // The mouse: a token of another place, and of the last text.
  for (const to of [ordinary[0], ordinary.at(-1)].filter((token) => token !== next)) {
    if (e.tokens[to].sentence !== e.tokens[next].sentence) {
      await page.click(`#sentence [data-token="${to}"]`);
    } else {
      const spot = await page.evaluate((token) => {
        const panel = panels.find((p) => p.id === 'attention');
        const box = panel.layout(panel.width).boxes.find((b) => b.token === token);
        return [panel.zoom * (box.x + 5), panel.zoom * (box.y + 5)];
      }, to);
      await page.locator('#attention canvas').hover({ position: { x: spot[0], y: spot[1] } });
      await frames(page);
      const { tokens, weights } = weightsOf(e, e.layers[2], next, head);
      const said = await page.textContent('#attention .readout');
      const same = await page.evaluate(() => panels.find((p) => p.id === 'attention').source());
      check(`${name}: the pointer says a weight and chooses nothing`, said.includes(`: ${weights[tokens.indexOf(to)].toFixed(3)} (layer 2`) && same === next, said);
      await page.locator('#attention canvas').click({ position: { x: spot[0], y: spot[1] } });
      await page.mouse.move(2, 2);
      await shows(page, e, `${name}, a click on a token of the attention`, 2, to, head);
      await page.locator('#attention select').first().selectOption(String(next));
      continue;
    }
    await page.mouse.move(2, 2);
    await shows(page, e, `${name}, a click in the text`, 2, to, head);
  }
  await page.waitForTimeout(300);
  const hash = await page.evaluate(() => location.hash);
  await close('attended');
  const chosen = Number(/token=(\d+)/.exec(hash)[1]);
  const linked = await open(name, TALL, hash);
  await shows(linked.page, e, `${name}, from an address`, 2, chosen, head);
  // A text that is read from the right has its first token at the right.
  const rtl = /^\P{L}*[\p{sc=Arab}\p{sc=Hebr}]/u.test(e.texts[0]);
  const [x1, x2] = await linked.page.evaluate(() => panels.find((p) => p.id === 'attention').layout(900).boxes.map((box) => box.x));
  check(`${name}: the tokens of the attention run in the direction of the text`, x1 > x2 === rtl, `${x1} ${x2}`);
  await linked.close('attended from an address');
}

/** Labels in the text, on the map and in the tables. */
export async function labels(name, report) {
  const [e] = report.explorations;
  if (!e.labels?.length) return;
  const { page, close } = await open(name, TALL, '#layer=0');
  const clear = (text) => page.evaluate((t) => shortText(t, 16), text);
  for (const [i, label] of e.labels.entries()) {
    if (i > 0) await page.locator('#map select').nth(1).selectOption(label.name);
    await frames(page);
    const chosen = await page.evaluate(() => ['#map label:nth-of-type(2) select', '#sentence select'].map((s) => document.querySelector(s).value));
    check(`${name}: ${label.name} is chosen in both panels`, chosen.every((value) => value === label.name), chosen.join());
    const found = await page.evaluate(() => {
      const map = panels.find((p) => p.id === 'map');
      const label = shownLabel(map.side);
      return {
        glosses: [...document.querySelectorAll('#sentence .token')].map((b) => [Number(b.dataset.token), b.querySelector('small').textContent.trim()]),
        legend: labelLegend(label).map((entry) => entry.name),
        looks: labelLegend(label).map(({ colour, shape }) => `${colour} ${shape}`),
        svg: map.svg(),
        table: map.rows().rows.map((row) => row.at(-1)),
        columns: panels.find((p) => p.id === 'sentence').rows().columns.slice(8),
      };
    });
    const values = label.of_tokens.map((rank) => (rank === null ? null : label.values[rank]));
    let same = found.glosses.length === e.tokens.length;
    for (const [token, text] of found.glosses) same &&= text === (values[token] === null ? '' : await clear(values[token]));
    check(`${name}: ${label.name} stands below the tokens`, same, JSON.stringify(found.glosses));
    check(`${name}: ${label.name} is in the table of the map`, found.table.join() === values.join(), found.table.join());
    const counted = label.values.map((_, rank) => label.of_tokens.filter((r) => r === rank).length);
    const ends = [...counted.slice(0, 8), ...(counted.length > 8 ? [counted.slice(8).reduce((a, b) => a + b)] : [])].map((n) => `(${n})`);
    check(`${name}: the legend of ${label.name} counts`, ends.every((end, k) => found.legend[k].endsWith(end)), found.legend.join(' | '));
    check(`${name}: the colours of ${label.name} differ`, new Set(found.looks).size === found.looks.length, found.looks.join(' | '));
    const written = await page.evaluate((names) => names.map((n) => SvgPen.escape(n)), found.legend);
    check(`${name}: the legend of ${label.name} is on the picture`, written.every((n) => found.svg.includes(n)), written.join(' | '));
    check(`${name}: the table of the text has all labels`, found.columns.join() === e.labels.map((l) => l.name).join(), found.columns.join());
  }
  const token = e.tokens.findIndex((t) => !t.special);
  await page.evaluate((t) => set({ selected: { side: 0, token: t } }), token);
  await frames(page);
  const said = await page.textContent('#sentence .readout');
  for (const label of e.labels) {
    const rank = label.of_tokens[token];
    if (rank !== null) check(`${name}: the text says ${label.name}`, said.includes(await page.evaluate((v) => shortText(v, 60), label.values[rank])), said);
  }
  await page.locator('#map select').nth(1).selectOption(e.labels.at(-1).name);
  await page.waitForTimeout(300);
  const hash = await page.evaluate(() => location.hash);
  await close('labelled');
  const linked = await open(name, TALL, hash);
  const colour = await linked.page.evaluate(() => state.colour);
  check(`${name}: the address brings the label back`, colour === e.labels.at(-1).name, `${colour} of ${hash}`);
  await linked.close('labelled from an address');
}
