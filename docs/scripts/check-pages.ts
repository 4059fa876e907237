/** What a reader needs of a page, looked at in Chromium. */
import { createRequire } from 'node:module';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { checkCdn } from './check-cdn';
import { serveFolder } from './serve-folder';

/** One page of each type. */
const TYPES = [
  '',
  'start/faq.html',
  'learn/mamba.html',
  'guides/generate.html',
  'command/train.html',
  'speed.html',
  'api/@densessm/ai-sdk.html',
];
const LARGE = { width: 1280, height: 900 };
const SMALL = { width: 360, height: 800 };
const VIEWS: readonly BrowserContextOptions[] = [
  { viewport: LARGE, colorScheme: 'light' },
  { viewport: SMALL, colorScheme: 'dark' },
];
const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** Whether Vue has taken the page over. */
const isAlive = (): boolean => '__vue_app__' in (document.querySelector('#app') ?? {});

/** Problems in words, and how many views were looked at. */
export async function checkPages(dist: string, base: string, executablePath: string): Promise<{ problems: string[]; views: number }> {
  const server = await serveFolder(dist, base);
  const browser = await chromium.launch({
    executablePath,
    args: ['--headless', '--no-sandbox', '--disable-background-networking'],
    timeout: PATIENCE_MS,
  });
  try {
    const problems: string[] = [];
    for (const view of VIEWS) for (const path of TYPES) problems.push(...(await checkView(browser, server.url + path, view)));
    problems.push(...(await checkWithoutScript(browser, server.url)), ...(await checkSearch(browser, server.url)));
    problems.push(...(await checkFigure(browser, server.url)), ...(await checkLooking(browser, server.url)));
    problems.push(...(await checkTraining(browser, server.url)), ...(await checkCdn(browser)));
    return { problems, views: VIEWS.length * TYPES.length + 2 };
  } finally {
    await browser.close();
    server.close();
  }
}

/** A bound for what hangs: nothing that is waited for depends on how fast the machine is. */
const PATIENCE_MS = 600_000;

function patient(page: Page): Page {
  page.setDefaultTimeout(PATIENCE_MS);
  return page;
}

/** Errors, axe's findings, sideways scrolling, and code of widgets where nobody has seen or asked for one. */
async function checkView(browser: Browser, url: string, view: BrowserContextOptions): Promise<string[]> {
  const page = patient(await browser.newPage({ ...view, reducedMotion: 'reduce' }));
  const where = `${url} at ${view.viewport?.width}, ${view.colorScheme}`;
  const problems = errorsOf(page, where);
  page.on('request', (request) => {
    if (request.url().includes('/elements/')) problems.push(`${where}: loads ${request.url()} unasked`);
  });
  await page.goto(url, { waitUntil: 'load' });
  await page.waitForFunction(isAlive);
  problems.push(...(await axeOf(page)).map((finding) => `${where}: ${finding}`));
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  if (width > (view.viewport?.width ?? 0)) problems.push(`${where}: ${width} pixels wide`);
  await page.close();
  return problems;
}

interface Axe {
  run(options: object): Promise<{ violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] }>;
}

const axeFindings = (page: Page): Promise<string[]> =>
  page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: Axe }).axe.run({
      rules: { 'label-content-name-mismatch': { enabled: false } }, // the search button's text has its keys in it, its name has not
    });
    return violations.flatMap(({ id, nodes }) =>
      nodes.slice(0, 3).map(({ html, failureSummary }) => `axe ${id}: ${html.slice(0, 160)} ${failureSummary ?? ''}`),
    );
  });

/** A page is to be read, its figure seen and its links followed without JavaScript. */
async function checkWithoutScript(browser: Browser, url: string): Promise<string[]> {
  const context = await browser.newContext({ viewport: LARGE, javaScriptEnabled: false });
  const page = patient(await context.newPage());
  await page.goto(`${url}learn/retnet.html`);
  const seen = await Promise.all(
    ['h1', 'figure svg polyline', 'mjx-container', 'main table', 'aside a'].map((one) => page.locator(one).first().isVisible()),
  );
  await page.locator('aside a[href$="/learn/mamba.html"]').first().click();
  const title = await page.locator('h1').textContent();
  await context.close();
  return seen.every((one) => one) && title?.startsWith('Mamba') ? [] : [`without JavaScript: ${seen}, ${title}`];
}

/** Search finds a page though the network is gone once the site has come. */
async function checkSearch(browser: Browser, url: string): Promise<string[]> {
  const context = await browser.newContext({ viewport: LARGE });
  const page = patient(await context.newPage());
  await page.route(/^https?:\/\/(?!127\.0\.0\.1)/, (route) => route.abort());
  await page.goto(`${url}start/why.html`);
  await page.waitForFunction(isAlive);
  await page.locator('.DocSearch-Button').click();
  await page.locator('#localsearch-input').fill('upcycle');
  const found = await page.waitForSelector('.VPLocalSearchBox .result').then(
    async (result) => (await result.textContent()) ?? '',
    () => '',
  );
  await context.close();
  return /upcycle/i.test(found) ? [] : ['search does not find "upcycle"'];
}

/** A slider changes what a figure says. */
async function checkFigure(browser: Browser, url: string): Promise<string[]> {
  const page = patient(await browser.newPage({ viewport: LARGE }));
  await page.goto(`${url}learn/three-forms.html`);
  const slider = page.locator('.figure-controls input').first();
  await page.locator('.live-figure').scrollIntoViewIfNeeded();
  await slider.waitFor();
  const before = await page.locator('figcaption').first().textContent();
  await slider.fill('1');
  const after = await page.locator('figcaption').first().textContent();
  await page.close();
  return before !== after && after?.includes('recurrent') ? [] : [`the figure says ${after} after ${before}`];
}

/** The landing page trains when asked, and axe finds nothing in what it then shows. */
async function checkTraining(browser: Browser, url: string): Promise<string[]> {
  const page = patient(await browser.newPage({ viewport: LARGE, reducedMotion: 'reduce' }));
  const problems = errorsOf(page, 'training');
  await page.goto(url);
  await page.waitForFunction(isAlive);
  await page.getByRole('button', { name: 'Train both here' }).click();
  const step = page.locator('ssm-train-twins figcaption', { hasText: /step ([2-9]|\d\d)/ }).waitFor();
  const trains = await step.then(() => true).catch(() => false);
  if (!trains) problems.push(`the landing page does not train: ${await page.locator('.live-element').textContent()}`);
  problems.push(...(await axeOf(page)));
  await page.close();
  return problems;
}

/** A recorded text comes when it is seen; arrow keys move in it, at the size of a phone as well. */
async function checkLooking(browser: Browser, url: string): Promise<string[]> {
  const page = patient(await browser.newPage({ viewport: SMALL, colorScheme: 'dark', reducedMotion: 'reduce' }));
  const problems = errorsOf(page, 'looking inside');
  await page.goto(`${url}learn/hidden-attention.html`);
  await page.waitForFunction(isAlive);
  await page.locator('.ssm-look-inside').scrollIntoViewIfNeeded();
  const matrix = page.locator('ssm-look-inside [role=application]');
  await matrix.waitFor().catch(() => problems.push('no recorded text comes'));
  const before = await page.locator('ssm-look-inside figcaption').textContent();
  await matrix.press('ArrowLeft');
  const after = await page.locator('ssm-look-inside figcaption').textContent();
  if (before === after) problems.push(`the recorded text says ${after}, wherever one is`);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  if (width > SMALL.width) problems.push(`the recorded text makes a page of ${width} pixels`);
  problems.push(...(await axeOf(page)));
  await page.close();
  return problems;
}

/** What goes wrong on a page, as it happens. */
function errorsOf(page: Page, where: string): string[] {
  const problems: string[] = [];
  page.on('pageerror', ({ message }) => problems.push(`${where}: ${message}`));
  page.on('response', (response) => {
    if (response.status() >= 400) problems.push(`${where}: ${response.status()} for ${response.url()}`);
  });
  return problems;
}

async function axeOf(page: Page): Promise<string[]> {
  await page.addScriptTag({ path: axePath });
  return axeFindings(page);
}
