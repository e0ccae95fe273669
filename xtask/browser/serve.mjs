// The pages of `stratoscope serve`: the box, the example, examples to try, comparisons, editing a word.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { browser, check, frames, open, pictures, press, program, read, site, sound } from './harness.mjs';

/** The address of a request without its view. */
const asked = (page) => Object.fromEntries(new URL(page.url()).searchParams);

/** Waits for the page of a request that is under way. */
async function arrives(page, act, what = /text=/) {
  await Promise.all([page.waitForURL(what), act()]);
  await page.waitForSelector('#app main');
  await frames(page);
  return read(page);
}

/** It starts with an example, and every example shows something. */
async function examples() {
  const { page, close } = await open('', { reducedMotion: 'reduce' });
  const first = await read(page);
  const [text] = first.explorations[0].texts;
  check('served: it starts with an example', text === await page.inputValue('#ask-text') && text.includes('spring'), text);
  check('served: the example has the first screen', await page.locator('#strip').count() === 1 && await page.locator('#journey').count() === 1);
  const names = await page.locator('.tries button').allTextContents();
  check('served: five examples', names.length === 5 && new Set(names).size === 5, names.join());
  for (const name of names) {
    const report = await arrives(page, () => page.getByRole('button', { name, exact: true }).click());
    const query = asked(page);
    const told = report.kind === 'compare'
      ? report.overlay.moved !== null && report.verdict.length > 1
      : report.explorations[0].journeys?.words.length > 3;
    check(`served: the example “${name}” shows something`, told, JSON.stringify(report.verdict));
    check(`served: the boxes have the example “${name}”`, await page.inputValue('#ask-text') === query.text && await page.inputValue('#ask-against') === (query.against || ''));
    check(`served: “${name}” is a comparison if it has two texts`, (report.kind === 'compare') === !!query.against);
    if (report.kind === 'compare') {
      await page.screenshot({ path: path.join(pictures, `serve-${name.replace(/ /g, '-')}.png`) });
    }
  }
  await close('tried');
}

/** The second box. */
async function compared() {
  const { page } = await open('', { reducedMotion: 'reduce' });
  check('served: the second box is hidden at first', !(await page.isVisible('#ask-against')));
  await page.click('#ask-second summary');
  await page.fill('#ask-text', 'She put the money in the bank.');
  await page.fill('#ask-against', 'She sat on the bank of the river.');
  const report = await arrives(page, () => page.press('#ask-against', 'Enter'), /against=/);
  check('served: two boxes are compared', report.kind === 'compare' && report.explorations.map((e) => e.texts[0]).join('|') === 'She put the money in the bank.|She sat on the bank of the river.');
  check('served: the second box stays open', await page.isVisible('#ask-against'));
  check('served: the verdict leads', await page.textContent('h1') === report.verdict[0], await page.textContent('h1'));
  await page.screenshot({ path: path.join(pictures, 'serve-compare-1280.png') });
  await sound(page, 'served, compared');
  const [saved] = await Promise.all([page.waitForEvent('download'), page.click('text=its numbers')]);
  const numbers = JSON.parse(readFileSync(await saved.path(), 'utf8'));
  check('served: the numbers are those of the comparison', numbers.comparison === 'sentences' && numbers.verdict.join() === report.verdict.join());
  // Without the second sentence it is the page of one text again, without the field in the address.
  await page.fill('#ask-against', '');
  await arrives(page, () => page.click('#ask .primary'), (url) => !url.search.includes('against'));
  check('served: an empty second box compares nothing', (await read(page)).kind === 'explore', page.url());
  // What cannot be compared is said, and what was typed stays.
  await page.click('#ask-second summary');
  await page.fill('#ask-against', 'one\ntwo');
  await Promise.all([page.waitForURL(/against=one/), page.click('#ask .primary')]);
  const trouble = await page.textContent('.trouble');
  check('served: a trouble is said', trouble.includes('one sentence in each box') && await page.inputValue('#ask-against') === 'one\ntwo', trouble);
  await sound(page, 'served, trouble');
  // The browser counts a refused request as an error of the console.
  await page.context().close();
}

/** A word is edited in place: by the button, the key, a double click, on a telephone, in a comparison. */
async function edits() {
  const text = 'The bank by the river refused the loan.';
  const query = (pairs) => `?${new URLSearchParams(pairs)}`;
  const words = async (page) => (await read(page)).explorations.map((e) => e.texts[0]).join(' | ');
  const { page, close } = await open(query({ text }), { reducedMotion: 'reduce' }, '#layer=0');
  const chosen = await page.getByRole('button', { name: /^Edit “/ }).textContent();
  await page.getByRole('button', { name: /^Edit “/ }).click();
  const old = await page.inputValue('form.edit input');
  check('edited: the button names the word', chosen === `Edit “${old}”`, `${chosen} ${old}`);
  check('edited: the box has the focus', await page.evaluate(() => document.activeElement?.matches('form.edit input')));
  await sound(page, 'edited, the box');
  await page.keyboard.press('Escape');
  check('edited: Escape keeps the word', await page.locator('form.edit').count() === 0 && (await page.textContent('.reading')) === text);
  await page.locator('.reading button', { hasText: 'river' }).click();
  await page.keyboard.press('e');
  check('edited: e opens the chosen word', await page.inputValue('form.edit input') === 'river');
  await page.screenshot({ path: path.join(pictures, 'serve-edit-1280.png') });
  await page.keyboard.type('market');
  const report = await arrives(page, () => page.keyboard.press('Enter'), /against=/);
  check('edited: the original is compared with the edited text', await words(page) === `${text} | ${text.replace('river', 'market')}`, await words(page));
  const changed = report.overlay.steps.filter((s) => s.edit !== 'kept').map((s) => s.words.join('>'));
  check('edited: one word is replaced', changed.join() === 'river>market', changed.join());
  check('edited: the boxes have both texts', await page.inputValue('#ask-text') === text && await page.inputValue('#ask-against') === text.replace('river', 'market'));
  await page.screenshot({ path: path.join(pictures, 'serve-edited-1280.png') });
  // In a comparison the other sentence stays.
  await page.locator('.overlay .part[data-side="1"]', { hasText: 'market' }).dblclick();
  await page.keyboard.type('sea shore');
  await arrives(page, () => page.keyboard.press('Enter'), /shore/);
  check('edited: in a comparison the other sentence stays', await words(page) === `${text} | ${text.replace('river', 'sea shore')}`, await words(page));
  await close('edited');

  // A word without a journey, a word of two lines, no word at all, another script, on a telephone.
  const cases = [
    ['The bank\nby the river', (p) => p.locator('.ribbon [data-token]', { hasText: 'by' }), 'near', 'by the river | near the river'],
    [text, (p) => p.locator('.reading span[data-token]', { hasText: 'by' }), 'at', `${text} | The bank at the river refused the loan.`],
    [text, (p) => p.locator('.reading button', { hasText: 'river' }), '', `${text} | The bank by the refused the loan.`],
    ['Die Bank am 👩‍👩‍👧 Fluss', (p) => p.locator('.ribbon [data-token]', { hasText: 'am' }), 'vom', 'Die Bank am 👩‍👩‍👧 Fluss | Die Bank vom 👩‍👩‍👧 Fluss'],
  ];
  for (const [of, word, other, wanted] of cases) {
    const { page: one, close: end } = await open(query({ text: of }), { reducedMotion: 'reduce', viewport: { width: 380, height: 900 } }, '#layer=0');
    // Tokens are drawn when they are near.
    await one.locator('#sentence').scrollIntoViewIfNeeded();
    await frames(one);
    await word(one).first().dblclick();
    await one.fill('form.edit input', other);
    const wide = await one.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    check(`edited at 380 px: nothing lies beyond the page`, wide <= 0, `${wide} px`);
    await arrives(one, () => one.locator('form.edit button').click(), /against=/);
    check(`edited: “${of}” with “${other}”`, await words(one) === wanted, await words(one));
    await end(`edited “${other}”`);
  }
}

/** Without a script, the boxes and the examples are still there and answer. */
async function plain() {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(site.base);
  await page.click('#ask-second summary');
  await page.fill('#ask-against', 'The bank of the river.');
  await page.click('#ask .primary');
  check('plain: a comparison is asked for', asked(page).against === 'The bank of the river.', page.url());
  check('plain: both boxes have their texts', await page.inputValue('#ask-against') === 'The bank of the river.');
  await page.locator('.tries button').first().click();
  check('plain: an example is asked for', asked(page).text.length > 10, page.url());
  await context.close();
}

/** What `serve` shows: the box, what comes of it, and that nobody else is answered. */
export async function serves() {
  const server = spawn(program, ['serve', '--port', '0', '--json', '--quiet'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const files = site.base;
  try {
    const line = await new Promise((done, failed) => {
      let text = '';
      server.stdout.on('data', (part) => { text += part; if (text.includes('\n')) done(text); });
      server.on('exit', (code) => failed(new Error(`serve ended with ${code}`)));
    });
    site.base = JSON.parse(line).url;
    await examples();
    await compared();
    await edits();
    await plain();
    for (const colorScheme of ['light', 'dark']) {
      for (const width of [380, 1280, 1920]) {
        const { page, close } = await open('', { colorScheme, viewport: { width, height: 900 } }, '#layer=0');
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        check(`the box at ${width} px: nothing lies beyond the page`, wide <= 0, `${wide} px`);
        await sound(page, `the box, ${colorScheme}`);
        await page.screenshot({ path: path.join(pictures, `serve-box-${width}-${colorScheme}.png`) });
        await close(`the box at ${width} px, ${colorScheme}`);
      }
    }
    const { page, close } = await open('', {}, '#layer=0');
    const hostile = '</textarea><script>alert(1)</script> "bank" & river';
    await page.fill('#ask-text', hostile);
    await Promise.all([page.waitForURL(/text=/), page.keyboard.press('Enter')]);
    await page.waitForSelector('#map canvas');
    await frames(page);
    const first = await read(page);
    check('served: the text is the one that was typed', first.explorations[0].texts[0] === hostile && await page.inputValue('#ask-text') === hostile, first.explorations[0].texts[0]);
    await page.evaluate(() => document.activeElement?.blur());
    await press(page, 'End');
    await page.getByRole('button', { name: 'Light / dark' }).click();
    const dark = await page.evaluate(() => document.documentElement.dataset.theme);
    await page.waitForTimeout(300);
    // Keys that are typed are text; two lines are two texts.
    await page.fill('#ask-text', 'One / two?');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('w p m');
    check('served: keys in the box are text', await page.locator('dialog[open]').count() === 0 && !(await page.evaluate(() => state.words)));
    await Promise.all([page.waitForURL(/One/), page.click('#ask .primary')]);
    await page.waitForSelector('#map canvas');
    await frames(page);
    const second = await read(page);
    check('served: a line is a text', second.explorations[0].texts.join('|') === 'One / two?|w p m', second.explorations[0].texts.join('|'));
    const kept = await page.evaluate(() => [state.depth === sides[0].last, document.documentElement.dataset.theme]);
    check('served: layer and theme stay', kept[0] && kept[1] === dark, kept.join());
    check('served: two texts have no lens, and the reason is said', second.explorations[0].omitted.some((o) => o.what === 'lens'));
    const [saved] = await Promise.all([page.waitForEvent('download'), page.click('text=its numbers')]);
    const numbers = JSON.parse(readFileSync(await saved.path(), 'utf8'));
    check('served: the numbers are those of the text', numbers.texts?.length === 2 && numbers.layers.length === second.explorations[0].layers.length);
    await sound(page, 'served');
    await page.screenshot({ path: path.join(pictures, 'serve-1280.png') });
    // A link on another site's page leads nowhere.
    const other = await (await browser.newContext()).newPage();
    await other.route('http://elsewhere.example/', (route) => route.fulfill({ contentType: 'text/html', body: `<a href="${site.base}?text=spent">x</a>` }));
    await other.goto('http://elsewhere.example/');
    const [answer] = await Promise.all([other.waitForResponse((r) => r.url().startsWith(site.base)), other.click('a')]);
    check('served: a page of another site is not answered', answer.status() === 403, answer.status());
    await other.context().close();
    await close('served');
    console.log('served');
  } finally {
    site.base = files;
    server.removeAllListeners('exit');
    server.kill();
  }
}
