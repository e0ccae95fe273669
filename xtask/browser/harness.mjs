// What the suites share: the browser, pages that are open, and the count of checks.

import { readFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { chromium } from 'playwright-core';

export const [folder, pictures, executablePath, program] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
mkdirSync(pictures, { recursive: true });

export const count = { checks: 0, failures: 0 };
export function check(what, holds, found = '') {
  count.checks += 1;
  if (holds) return;
  count.failures += 1;
  console.log(`FAILED  ${what}${found === '' ? '' : `: ${found}`}`);
}

// As root, which build machines are, Chromium has no sandbox of its own.
export const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });

/** Whose pages are opened: a folder's, or a server's. */
export const site = { base: `file://${path.resolve(folder)}/` };

/** A page that is open, and what went wrong on it. */
export async function open(name, options = {}, hash = '') {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true, ...options });
  const page = await context.newPage();
  const troubles = [];
  const own = site.base + name;
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) troubles.push(`console: ${message.text()}`); });
  page.on('pageerror', (error) => troubles.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => { troubles.push('a dialog'); dialog.dismiss(); });
  page.on('request', (request) => {
    const url = request.url();
    const same = site.base.startsWith('file:') ? url.split('#')[0] === own : url.startsWith(site.base);
    if (!same && !/^(blob|data):/.test(url)) troubles.push(`request: ${url}`);
  });
  await page.goto(own + hash);
  await frames(page);
  const close = async (where) => {
    check(`${name} ${where}: no error and no request`, troubles.length === 0, troubles.join(' | '));
    await context.close();
  };
  return { page, close };
}

/** Waits until the page has drawn what it was told. */
export async function frames(page) {
  await page.evaluate(() => new Promise((done) => {
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 30)));
  }));
}

export const read = (page) => page.evaluate(() => JSON.parse(document.getElementById('report').textContent));
export const layerName = (layer) => (layer === 0 ? 'layer 0 (embedding)' : `layer ${layer}`);

export async function press(page, key) {
  await page.keyboard.press(key);
  await frames(page);
}

/** Without a serious finding, all of its pictures drawn. */
export async function sound(page, what) {
  const { width } = page.viewportSize();
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width, height: Math.min(height, 16000) });
  await frames(page);
  await page.evaluate(axe);
  const found = await page.evaluate(async () => (await axe.run()).violations.map((v) => `${v.impact} ${v.id}: ${v.nodes[0].html.slice(0, 120)} (${v.nodes.length})`));
  const serious = found.filter((v) => /^(serious|critical)/.test(v));
  check(`${what}: axe finds nothing serious`, serious.length === 0, serious.join(' | '));
}

