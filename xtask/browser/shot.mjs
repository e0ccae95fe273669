import { chromium } from 'playwright-core';
const [file, out, width = '1280', scheme = 'light', hash = '', full = '1'] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
const page = await browser.newPage({ viewport: { width: Number(width), height: 900 }, colorScheme: scheme });
page.on('console', (m) => console.log(m.type(), m.text()));
page.on('pageerror', (e) => console.log('error', e.message, e.stack));
page.on('request', (r) => { if (!r.url().startsWith('file:')) console.log('request', r.url()); });
await page.goto(`file://${file}${hash}`);
await page.waitForTimeout(600);
if (full === '1') {
  const h = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width: Number(width), height: Math.min(h, 6000) });
  await page.waitForTimeout(600);
}
await page.screenshot({ path: out });
await browser.close();
