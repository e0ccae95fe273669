// The first screen: what it says against the data, after every kind of interaction.

import path from 'node:path';
import { attends, firstToken, labels } from './tokens.mjs';
import { check, count, frames, layerName, open, pictures, press, read, sound } from './harness.mjs';

const CURVES = [['grammar', 'grammar'], ['word_meaning', 'word meaning'], ['sentence', 'sentence']];
const senseName = (e, label) => e.journeys.senses.find((sense) => sense.label === label).name;

/** Numbers as the page writes them. */
async function written(page, values) {
  return page.evaluate((all) => all.map((v) => number(v)), values);
}

/** A share to three decimals, as the strip has it. */
const share = (value) => (Math.abs(value) < 5e-4 ? 0 : value).toFixed(3).replace('-', '−');

/** What the strip has to say of a layer of the model. */
function stripText(e, layer) {
  const found = e.story.layers.find((l) => l.layer === layer);
  if (!found) return `Layer ${layer}: not measured.`;
  const parts = [];
  for (const [field, name] of CURVES) {
    const mean = found[field];
    if (!mean) continue;
    parts.push(`${name} ${share(mean.value)}${mean.interval ? ` [${mean.interval.map(share).join(', ')}]` : ''}`);
  }
  return `Layer ${layer}: ${parts.join(', ')}.`;
}

/** The journey that the page has to show for a chosen token. */
function journeyOf(e, token) {
  const { words, telling } = e.journeys;
  return words.find((j) => j.tokens.includes(token)) || words[telling ?? 0];
}

/** The most frequent labels of the neighbours that the marks are about. */
function labelsOf(journey, layer) {
  return journey.layers.some((l) => l.same_word.length)
    ? { supersense: layer.supersense, relation: layer.relation }
    : { supersense: layer.other_supersense, relation: layer.other_relation };
}

/** Two tokens against each other. */
function cell(e, values, a, b) {
  const n = e.tokens.length;
  const [i, j] = a < b ? [a, b] : [b, a];
  return values[i * n - i * (i - 1) / 2 + j - i];
}

/** Every panel of the page against the data, at a place in the list of layers with a chosen token. */
async function agrees(page, report, how, at, token) {
  await frames(page);
  const [e] = report.explorations;
  const { layer } = e.layers[at];
  const state = await page.evaluate(() => [layerAt(sides[0]), state.selected?.token ?? null, state.hover]);
  check(`${how}: layer and token`, state[0] === at && state[1] === token, JSON.stringify(state));
  const now = await page.textContent('.now');
  check(`${how}: the scrubber`, now === `${layerName(layer)} of ${e.layers.at(-1).layer}`, now);
  if (e.story?.layers.length) {
    const wanted = stripText(e, layer);
    const strip = await page.evaluate(() => {
      const canvas = document.querySelector('#strip canvas');
      return [document.querySelector('#strip .readout').textContent, canvas.getAttribute('aria-valuenow'), canvas.getAttribute('aria-valuetext')];
    });
    check(`${how}: the strip`, strip[0] === wanted || strip[0].startsWith('Layer ') && strip[0].includes(wanted), `${strip[0]} / ${wanted}`);
    check(`${how}: the strip as a slider`, strip[1] === String(layer) && strip[2].endsWith(wanted), strip.join(' / '));
  }
  if (e.journeys?.words.length) {
    const journey = journeyOf(e, token);
    const found = await page.evaluate(() => ({
      current: [...document.querySelectorAll('#journey tbody tr')].map((r) => r.getAttribute('aria-current')),
      pressed: [...document.querySelectorAll('#journey .reading [aria-pressed="true"]')].map((b) => Number(b.dataset.token)),
      readout: document.querySelector('#journey .readout').textContent,
      title: document.querySelector('#journey-title').textContent,
    }));
    check(`${how}: the row of the journey`, found.current.every((c, i) => (c === 'true') === (i === at)) && found.current.length === e.layers.length, found.current.join());
    check(`${how}: the word of the journey`, found.pressed.length <= 1 && found.pressed.every((t) => t === journey.tokens[0]) && found.title.includes('“'), JSON.stringify(found));
    const { supersense, relation } = labelsOf(journey, journey.layers[at]);
    if (supersense && relation) {
      const said = `Of the nearest at layer ${layer}, ${supersense.count} of ${supersense.of} have the kind of meaning “${senseName(e, supersense.label)}” and ${relation.count} of ${relation.of} have the relation “`;
      const ties = Math.max(supersense.of, relation.of) > 10;
      check(`${how}: the majority`, found.readout.includes(said) && ties === found.readout.includes('as near as the tenth'), `${found.readout} / ${said}`);
    }
  }
  const metric = await page.evaluate(() => state.metric);
  const values = e.layers[at].similarity?.[metric];
  if (!values || metric === 'euclidean') return;
  await page.waitForFunction((text) => document.querySelector('#neighbours .readout').textContent.includes(text), ` ${layerName(layer)},`, { timeout: 10000 }).catch(() => {});
  await frames(page);
  const shown = await page.evaluate(() => [document.querySelector('#neighbours .readout').textContent, document.querySelector('#neighbours .value')?.textContent, document.querySelector('#similarity-title').textContent]);
  if (token !== null && !e.tokens[token].special) {
    const others = e.tokens.map((t, i) => i).filter((i) => i !== token && !e.tokens[i].special);
    if (others.length) {
      const [best] = await written(page, [Math.max(...others.map((i) => cell(e, values, token, i)))]);
      check(`${how}: the nearest token`, shown[0].includes(`at ${layerName(layer)}`) && shown[1] === best, `${shown.join(' / ')} / ${best}`);
    }
  }
  const told = (e.journeys?.words || []).flatMap((j) => j.tokens);
  const units = e.tokens.map((t, i) => i).filter((i) => !e.tokens[i].special && !e.tokens[i].unknown && (told.length < 2 || told.includes(i)));
  if (units.length > 2) {
    const [best] = await written(page, [Math.max(...units.flatMap((i) => units.filter((j) => j < i).map((j) => cell(e, values, i, j))))]);
    check(`${how}: the most similar tokens`, shown[2].includes(`layer ${layer}`) && shown[2].endsWith(`(${best})`), `${shown[2]} / ${best}`);
  }
}

/** Where a layer is on the strip, in the window. */
async function spotOf(page, at) {
  return page.evaluate((place) => {
    const panel = panels.find((p) => p.id === 'strip');
    const { left, top } = panel.canvas.getBoundingClientRect();
    const frame = panel.frame(panel.width, panel.height(panel.width));
    const layer = panel.side.e.layers[place].layer;
    return [left + panel.zoom * frame.px(layer), top + panel.zoom * ((frame.top + frame.bottom) / 2)];
  }, at);
}

/** A window in which every panel is seen: what is out of sight is drawn when it is near. */
const TALL = { viewport: { width: 1280, height: 4000 } };

/** Keys, mouse, touch and addresses: everything follows. */
async function follows(name, report) {
  const [e] = report.explorations;
  const last = e.layers.length - 1;
  const words = e.journeys?.words || [];
  const telling = words[e.journeys?.telling ?? 0]?.tokens[0] ?? null;
  const other = words.at(-1)?.tokens[0] ?? telling;
  const step = Math.max(1, Math.ceil(e.layers.length / 7));

  const keys = await open(name, TALL, '#layer=0');
  await agrees(keys.page, report, `${name}, opened`, 0, telling);
  for (let at = 1; at <= last; at += 1) {
    await press(keys.page, 'ArrowRight');
    if (at % step === 0) await agrees(keys.page, report, `${name}, key to ${at}`, at, telling);
  }
  await press(keys.page, 'Home');
  await agrees(keys.page, report, `${name}, Home`, 0, telling);
  await press(keys.page, 'Escape');
  await agrees(keys.page, report, `${name}, Escape`, 0, null);
  await keys.close('with keys');

  if (words.length) {
    const mouse = await open(name, TALL, '#layer=0');
    const { page } = mouse;
    await page.click(`#journey .reading [data-token="${other}"]`);
    await agrees(page, report, `${name}, a click on a word`, 0, other);
    // The pointer rests on the word, and the layer changes.
    await page.hover(`#journey .reading [data-token="${telling}"]`);
    await press(page, 'ArrowRight');
    await agrees(page, report, `${name}, a key while the pointer rests on a word`, 1, other);
    await page.click(`#journey tbody tr:nth-child(${last + 1}) th button`);
    await agrees(page, report, `${name}, a click on a row`, last, other);
    // The pointer rests on an occurrence, and on a token of the text below.
    await page.locator('#journey .kwic[data-text]').first().hover();
    const text = await page.textContent('#journey .readout');
    const near = journeyOf(e, other).layers[0];
    const [similarity] = await written(page, [(near.same_word[0] || near.other_words[0]).similarity]);
    check(`${name}: the readout says the similarity`, text.includes(`similarity ${similarity}`), text);
    await press(page, 'ArrowLeft');
    await agrees(page, report, `${name}, a key while the pointer rests on an occurrence`, last - 1, other);
    const token = page.locator(`#sentence [data-token="${other}"]`);
    if (await token.count()) {
      await token.scrollIntoViewIfNeeded();
      await token.hover();
      await press(page, 'ArrowLeft');
      await agrees(page, report, `${name}, a key while the pointer rests on a token`, Math.max(0, last - 2), other);
    }
    await mouse.close('with the mouse');
  }

  if (e.story?.layers.length > 1) {
    const mouse = await open(name, TALL, '#layer=0');
    const { page } = mouse;
    const [from, to] = [await spotOf(page, 0), await spotOf(page, last)];
    await page.mouse.move(...from);
    await page.mouse.down();
    await page.mouse.move((from[0] + to[0]) / 2 + 3, from[1], { steps: 5 });
    await frames(page);
    const between = await page.evaluate(() => state.depth);
    check(`${name}: the line is dragged`, between > 0 && between < last, between);
    await page.mouse.move(...to, { steps: 5 });
    await page.mouse.up();
    await agrees(page, report, `${name}, dragged to the end`, last, telling);
    const spot = await spotOf(page, 1);
    await page.mouse.click(...spot);
    await page.mouse.move(2, 2);
    await agrees(page, report, `${name}, a click on the strip`, 1, telling);
    await mouse.close('dragged');

    const touch = await open(name, { hasTouch: true, isMobile: true, viewport: { width: 380, height: 8000 } }, '#layer=0');
    await touch.page.touchscreen.tap(...(await spotOf(touch.page, last)));
    await agrees(touch.page, report, `${name}, a tap on the strip`, last, telling);
    if (words.length) {
      await touch.page.locator(`#journey .reading [data-token="${other}"]`).tap();
      await agrees(touch.page, report, `${name}, a tap on a word`, last, other);
      await touch.page.locator('#journey tbody tr:nth-child(2) th button').tap();
      await agrees(touch.page, report, `${name}, a tap on a row`, 1, other);
    }
    await touch.close('touched');
  }

  const linked = await open(name, TALL, `#layer=${last}${other === null ? '' : `&token=${other}`}`);
  await agrees(linked.page, report, `${name}, from an address`, last, other);
  check(`${name}: an address with a layer does not play`, !(await linked.page.evaluate(() => state.playing)));
  await linked.page.evaluate((hash) => { location.hash = hash; }, '#layer=1');
  await linked.page.waitForTimeout(60);
  await agrees(linked.page, report, `${name}, from another address`, 1, null);
  await linked.close('from its address');
}

/** The words of the journey and the tables of both panels are those of the data. */
async function says(name, report) {
  const [e] = report.explorations;
  const { page, close } = await open(name, {}, '#layer=0');
  const head = await page.evaluate(() => [document.querySelector('h1').textContent, document.querySelector('.missing')?.textContent || '', document.querySelector('.facts').textContent]);
  const told = report.explorations.map((one) => one.story?.headline ?? []);
  const headlines = [...new Set(told.map(([first]) => first).filter(Boolean))];
  const more = [...new Set(told.flatMap(([, ...rest]) => rest))];
  const leads = report.kind === 'explore' && headlines.length > 0;
  check(`${name}: the headline`, leads ? head[0] === headlines.join('') && more.every((text) => head[2].includes(text)) : head[0] === (report.verdict?.[0] ?? report.title) && headlines.every((text) => head[2].includes(text)), head.join(' / '));
  if (e.story?.not_measured) check(`${name}: what is not measured`, head[1] === e.story.not_measured.replace(/`/g, ''), head[1]);
  if (e.story?.bank) check(`${name}: the size of the bank`, head[2].includes(e.story.bank.sentences.toLocaleString('en')) && head[2].includes('what this cannot show'), head[2]);
  const some = (e.journeys?.words || []).slice(0, 3);
  for (const journey of some) {
    await page.evaluate((token) => set({ selected: { side: 0, token } }), journey.tokens[0]);
    await frames(page);
    const rows = await page.evaluate(() => [...document.querySelectorAll('#journey tbody tr')].map((row) => ({
      lines: [...row.querySelectorAll('.kwic')].map((line) => [line.textContent, line.querySelector('.mark').classList.contains('most'), line.querySelector('b').classList.contains('related')]),
      chips: [...row.querySelectorAll('.chip')].map((chip) => chip.textContent),
      kind: row.querySelector('td.most')?.textContent ?? '',
      filled: row.querySelector('td.most .mark')?.className.match(/kind\d/)[0] ?? '',
      marks: [...row.querySelectorAll('.kwic .mark.most')].map((mark) => mark.className.match(/kind\d/)[0]),
    })));
    const title = await page.textContent('#journey-title');
    const times = journey.occurrence ? ` (${journey.occurrence}${['th', 'st', 'nd', 'rd'][journey.occurrence] ?? 'th'})` : '';
    check(`${name}: which occurrence of “${journey.word}” is meant`, title.includes(`”${times}`) && (times !== '' || !/” \(\d/.test(title)), title);
    const clear = (text) => page.evaluate((t) => visible(t), text);
    const same = journey.layers.some((l) => l.same_word.length);
    for (const [i, layer] of journey.layers.entries()) {
      const lines = same ? layer.same_word : layer.other_words;
      const labels = labelsOf(journey, layer);
      const of = (near) => e.journeys.occurrences[near.occurrence];
      let right = rows[i].lines.length === lines.length;
      for (const [k, near] of lines.entries()) {
        const o = of(near);
        const wanted = [await clear(`${o.before}${o.word}${o.after}`), !!o.supersense && o.supersense === labels.supersense?.label, !!o.relation && o.relation === labels.relation?.label];
        right &&= rows[i].lines[k].join() === wanted.join();
      }
      check(`${name}: the occurrences of “${journey.word}” at ${i}`, right, JSON.stringify(rows[i].lines));
      const chips = [];
      for (const near of same ? layer.other_words : []) chips.push(await clear(of(near).word));
      const most = labels.supersense;
      check(`${name}: the kind of most of ten at ${i}`, rows[i].kind === (most ? `${most.count}/${most.of}` : '') && rows[i].marks.every((mark) => mark === rows[i].filled), JSON.stringify(rows[i]));
      check(`${name}: the other words at ${i}`, rows[i].chips.join() === chips.join(), rows[i].chips.join());
    }
    const table = await page.evaluate(() => panels.find((p) => p.id === 'journey').rows().rows);
    const wanted = journey.layers.flatMap((l) => [...l.same_word, ...l.other_words].map((near) => near.similarity));
    check(`${name}: the similarities of “${journey.word}”`, table.map((row) => row[6]).join() === wanted.join());
  }
  if (e.story?.layers.length) {
    await page.click('#strip details.table summary');
    await page.waitForSelector('#strip table tbody tr');
    const shown = await page.$$eval('#strip table tbody tr', (rows) => rows.map((r) => [...r.querySelectorAll('td')].map((c) => c.dataset.value ?? c.textContent)));
    const all = [...e.story.layers.map((l) => ['own', l]), ...(e.story.random_weights || []).map((l) => ['random', l])];
    const wanted = all.flatMap(([weights, layer]) => CURVES.flatMap(([field, curve]) => {
      const mean = layer[field];
      const parts = [[field === 'sentence' ? 'content words' : 'nouns and verbs', mean], ['nouns', mean.nouns], ['verbs', mean.verbs]];
      return parts.filter(([, m]) => m).map(([of, m]) => [weights, layer.layer, curve, of, m.value, ...(m.interval || ['–', '–']), m.n].map(String));
    }));
    check(`${name}: the table of the curves`, shown.map((r) => r.join()).join('|') === wanted.slice(0, 200).map((r) => r.join()).join('|'), shown[0]?.join());
    const ends = await page.evaluate(() => {
      const panel = panels.find((p) => p.id === 'strip');
      const frame = panel.frame(600, 300);
      const inside = frame.panel.series.every((s) => s.values.every((v) => v === null || (frame.py(v) >= frame.top && frame.py(v) <= frame.bottom)));
      const plain = panel.svg();
      state.controls = true;
      const grey = panel.svg();
      return { inside, colours: frame.panel.series.map((s) => lookOf(s).colour), dashes: (grey.match(/dasharray/g) || []).length - (plain.match(/dasharray/g) || []).length };
    });
    check(`${name}: the curves are inside their frame`, ends.inside && ends.colours.join() === ['#0072b2', '#d55e00', '#009e73'].join(), JSON.stringify(ends));
    check(`${name}: the controls are drawn`, ends.dashes === (e.story.random_weights?.length ? 6 : 3), ends.dashes);
    await page.evaluate(() => set({ controls: true }));
    await frames(page);
    const said = await page.textContent('#strip .readout');
    const random = e.story.random_weights?.[0];
    if (random) {
      check(`${name}: the controls are said`, said.includes('Random weights (dotted): ') && said.includes(`grammar ${share(random.grammar.value)} [`), said);
    }
  }
  await close('read');
}

/** It plays once and ends at the top; not with reduced motion. */
async function begins(name, report) {
  const [e] = report.explorations;
  const last = e.layers.length - 1;
  const { page, close } = await open(name);
  check(`${name}: the page begins to play`, await page.evaluate(() => state.playing));
  const pauses = await page.evaluate(() => annotationsOf(sides[0]).map((a) => a.at));
  const rested = await page.evaluate(() => new Promise((done) => {
    const times = new Map();
    const next = () => {
      times.set(state.depth, (times.get(state.depth) || 0) + 1);
      if (state.playing) requestAnimationFrame(next);
      else done([...times].filter(([, n]) => n > 20).map(([depth]) => depth));
    };
    next();
  }));
  check(`${name}: it pauses where something is said`, pauses.filter((at) => at < last).every((at) => rested.includes(at)), `${pauses} / ${rested}`);
  check(`${name}: it ends at the top`, await page.evaluate(() => state.depth) === last);
  await page.waitForTimeout(300);
  check(`${name}: it plays once`, !(await page.evaluate(() => state.playing)));
  await close('played');

  const calm = await open(name, { reducedMotion: 'reduce' });
  await calm.page.waitForTimeout(300);
  const still = await calm.page.evaluate(() => [state.playing, state.depth]);
  check(`${name}: reduced motion does not play, and shows the top`, still.join() === `false,${last}`, still.join());
  await calm.close('still');

  // A key stops it.
  const stopped = await open(name);
  await press(stopped.page, 'ArrowRight');
  check(`${name}: a key stops it`, !(await stopped.page.evaluate(() => state.playing)));
  await stopped.close('stopped');
}

/** The tour moves the page, the fold opens, the dialogs say what they should. */
async function guides(name, report) {
  const { page, close } = await open(name, { reducedMotion: 'reduce' }, '#layer=0');
  await page.getByRole('button', { name: 'Tour' }).click();
  const seen = [];
  while (await page.locator('dialog.tour[open]').count() && seen.length < 12) {
    await frames(page);
    seen.push(await page.evaluate(() => [state.depth, state.selected?.token, state.metric, document.querySelector('.toured')?.id, document.getElementById('researchers').open].join()));
    await page.locator('dialog.tour .primary').click();
    await frames(page);
  }
  check(`${name}: the tour moves the page`, new Set(seen).size >= 4 && seen.at(-1).endsWith('true'), seen.join(' | '));
  await page.locator('button', { hasText: /^Tour$/ }).click();
  await page.keyboard.press('Escape');
  check(`${name}: Escape closes the tour`, !(await page.locator('dialog.tour[open]').count()));
  await page.waitForTimeout(300);
  check(`${name}: the address has the open fold`, (await page.evaluate(() => location.hash)).includes('more=1'));
  await close('toured');

  const again = await open(name, {}, '#layer=0');
  check(`${name}: the fold is closed at first`, !(await again.page.evaluate(() => document.getElementById('researchers').open)));
  const what = await again.page.evaluate(() => document.querySelector('#researchers summary').textContent);
  const panelsInside = await again.page.evaluate(() => document.querySelectorAll('#researchers .panel').length);
  check(`${name}: the fold says what is in it`, what.includes(`${panelsInside} more`), what);
  const link = again.page.getByRole('button', { name: 'what this cannot show' });
  await link.click();
  check(`${name}: what this cannot show`, await again.page.locator('dialog.words[open] #limits-title').isVisible());
  await press(again.page, 'Escape');
  await again.page.getByRole('button', { name: 'Glossary' }).click();
  check(`${name}: the glossary`, await again.page.locator('dialog.words[open] #glossary-title').isVisible());
  await press(again.page, 'Escape');
  await again.close('asked');

  const omitted = report.explorations.flatMap((e) => e.omitted.map((o) => o.why));
  const open_ = await open(name, {}, '#layer=0&more=1');
  await frames(open_.page);
  const reasons = await open_.page.evaluate(() => [...document.querySelectorAll('[id^="omitted"] tbody td:last-child')].map((c) => c.textContent));
  check(`${name}: what is omitted is said`, reasons.join('|') === omitted.join('|'), reasons.join('|'));
  await open_.close('unfolded');
}

/** The first screen is one screen, in both themes, and nothing on it is cut. */
async function fits(name, report) {
  const [e] = report.explorations;
  for (const colorScheme of ['light', 'dark']) {
    const { page, close } = await open(name, { colorScheme, viewport: { width: 1280, height: 800 } }, '#layer=1');
    const below = await page.evaluate(() => Math.max(...['strip', 'journey'].map((id) => document.getElementById(id)?.getBoundingClientRect().bottom ?? 0)));
    // A long text, a warning and a second side need more room.
    const short = e.texts.join(' ').length < 60 && report.explorations.length === 1 && !(await page.locator('.warning').count());
    if (short) check(`${name}: the first screen fits 1280 × 800`, below <= 800, below);
    await page.screenshot({ path: path.join(pictures, `${name.replace('.html', '')}-first-${colorScheme}.png`) });
    await sound(page, `${name}, ${colorScheme}`);
    await close(`first screen, ${colorScheme}`);
  }
}

/** What a page begins with where a text is short, or where no word has a journey. */
async function chooses(name, report) {
  const [e] = report.explorations;
  const { page, close } = await open(name, TALL, '#layer=0');
  const ordinary = e.tokens.flatMap((t, i) => (t.special ? [] : [i]));
  const wanted = firstToken(e);
  const found = await page.evaluate(() => [state.selected.token, state.metric]);
  // Two sentences open at a word of their verdict.
  if (!report.overlay) check(`${name}: the token that is chosen at first`, found[0] === wanted, `${found[0]} / ${wanted}`);
  check(`${name}: the measure at first`, found[1] === (ordinary.length > 3 ? 'centred' : 'cosine'), found[1]);
  if (ordinary.length < 4) {
    const title = await page.textContent('#neighbours-title');
    check(`${name}: of few tokens no nearest is named`, title === 'Nearest at this layer', title);
  }
  const missing = e.omitted.find((o) => o.what === 'journeys');
  if (missing && !e.story?.not_measured) {
    const said = await page.textContent('.facts .missing');
    check(`${name}: why no word has a journey`, said.includes(missing.why), said);
  }
  // A name that runs to the left turns no number around it.
  const titles = await page.$$eval('.panel h2', (all) => all.map((h) => h.textContent));
  const turned = titles.filter((t) => /“[^”\u2068]*[\p{sc=Arab}\p{sc=Hebr}]/u.test(t));
  check(`${name}: names in titles keep to themselves`, turned.length === 0, turned.join(' | '));
  await close('begun');
}

/** Unknown tokens, and the direction of the text. */
async function marks(name, report) {
  const [e] = report.explorations;
  const { page, close } = await open(name, {}, '#layer=0&more=1');
  const unknown = e.tokens.flatMap((t, i) => (t.unknown ? [i] : []));
  const ordinary = e.tokens.filter((t) => !t.special).length;
  const warning = await page.evaluate(() => document.querySelector('.warning')?.textContent || '');
  const share = unknown.length / ordinary;
  check(`${name}: the warning`, share > 0.2 ? warning.startsWith(`${Math.round(100 * share)} % of the tokens`) : warning === '', warning);
  const found = await page.evaluate(() => ({
    ribbon: [...document.querySelectorAll('#sentence .token.unknown')].map((b) => Number(b.dataset.token)),
    text: document.querySelectorAll('#journey .reading .unknown').length,
    names: sides[0].now.units.filter((u) => u.name.startsWith(UNKNOWN)).map((u) => u.tokens[0]),
    axes: panels.filter((p) => p.chart?.type === 'matrix').flatMap((p) => p.chart.panels.flatMap((q) => q.rows.labels)).filter((l) => l.startsWith(UNKNOWN)).length,
    directions: [...document.querySelectorAll('#journey .reading p')].map((p) => p.dir),
  }));
  check(`${name}: unknown tokens are marked`, found.ribbon.join() === unknown.join() && found.names.join() === unknown.join(), JSON.stringify(found));
  if (e.journeys?.words.length) check(`${name}: unknown letters of the text are marked`, found.text === unknown.length, found.text);
  if (unknown.length) check(`${name}: unknown tokens are marked on axes`, found.axes > 0, found.axes);
  const rtl = (text) => /^\P{L}*[\p{sc=Arab}\p{sc=Hebr}]/u.test(text);
  if (found.directions.length) check(`${name}: the text runs in its direction`, found.directions.every((dir, i) => dir === (rtl(e.texts[i]) ? 'rtl' : 'ltr')), found.directions.join());
  await close('marked');
}

/** Everything, or without what takes a minute. */
export async function tells(name, whole) {
  const before = count.failures;
  const { page, close } = await open(name, {}, '#layer=0');
  const report = await read(page);
  await close('opened');
  await says(name, report);
  await chooses(name, report);
  await attends(name, report);
  await labels(name, report);
  await marks(name, report);
  await fits(name, report);
  if (whole) {
    await follows(name, report);
    await guides(name, report);
    await begins(name, report);
  }
  return count.failures === before;
}
