// The portal in a real browser: script off, every page against axe, 320 px, zoom, forced colours, keyboard, and real glyphs.
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PEER, startPortal, type TestPortal, walkToConsent } from '../../portal/start.ts';

let browser: Browser;
let portal: TestPortal;

beforeAll(async () => {
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
});
afterAll(() => browser.close());
beforeEach(async () => {
  portal = await startPortal({ readingMs: { step: 0, consent: 0 } });
  portal.desk.put(PEER);
});
afterEach(() => portal.stop());

const PATHS = [
  '',
  'device',
  'medical',
  'later',
  'manager',
  'check',
  'check?problem=wrong',
  'again/fast',
  'refused/still-seen',
  'nowhere',
];

/** Opens each page of one language, the steps and the consent too. */
async function* everyPage(page: Page, tag: string): AsyncGenerator<string> {
  for (const path of PATHS) {
    await page.goto(`${portal.origin}/${tag}/${path}`);
    yield path;
  }
  portal.desk.touch(PEER, { sighting: { kind: 'still-seen', at: portal.now() } });
  await page.goto(`${portal.origin}/${tag}/refused/still-seen`);
  yield 'refused while it is still seen';
  await portal.fill(`/${tag}/device`, { device: 'unknown' });
  await page.goto(`${portal.origin}/${tag}/steps`);
  yield 'steps';
  await walkToConsent(portal, 'camera', tag);
  for (const path of ['question', 'release']) {
    await page.goto(`${portal.origin}/${tag}/${path}`);
    yield path;
  }
  await portal.fill(`/${tag}/release`, { declared: ['steps-done', 'may-decide', 'may-return'] });
  await page.goto(`${portal.origin}/${tag}/result`);
  yield 'result';
}

describe('accessibility', () => {
  it.each([
    ['en', 'light'],
    ['ja', 'dark'],
    ['ja-easy', 'light'],
  ] as const)('axe finds nothing on any page: %s, %s; contrast 7:1 included', async (tag, colorScheme) => {
    const context = await browser.newContext({ colorScheme, viewport: { width: 360, height: 740 }, bypassCSP: true });
    const page = await context.newPage();
    const found: string[] = [];
    for await (const path of everyPage(page, tag)) {
      await page.evaluate('for (const d of document.querySelectorAll("details")) d.open = true');
      const axe = new AxeBuilder({ page }).options({ rules: { 'color-contrast-enhanced': { enabled: true } } });
      const { violations } = await axe.analyze();
      found.push(...violations.map((v) => `${path}: ${v.id} ${v.nodes.map((n) => n.html.slice(0, 120)).join(' | ')}`));
    }
    await context.close();
    expect(found).toEqual([]);
  });

  it.each(['en', 'ja', 'ja-easy'])(
    '%s at 320 px, text at twice the size: nothing is cut or scrolls sideways',
    async (tag) => {
      const page = await browser.newPage({ viewport: { width: 320, height: 640 } });
      for (const scale of ['100%', '200%']) {
        for (const path of PATHS) {
          await page.goto(`${portal.origin}/${tag}/${path}`);
          await page.evaluate(`document.documentElement.style.fontSize = ${JSON.stringify(scale)}`);
          const over = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
          expect(over, `${path} ${scale}`).toBeLessThanOrEqual(0);
        }
      }
      await page.close();
    },
  );

  it('body text is 18 px or more, targets are 48 px or more, lines stay readable', async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    for await (const path of everyPage(page, 'en')) {
      const small =
        await page.evaluate(`[...document.querySelectorAll('button, summary, .tap, .logo, .opt, input[type=text]')]
        .filter((e) => e.getBoundingClientRect().height < 48).map((e) => e.outerHTML.slice(0, 80))`);
      expect(small, path).toEqual([]);
      const facts = (await page.evaluate(`({ px: parseFloat(getComputedStyle(document.body).fontSize),
        chars: Math.max(...[...document.querySelectorAll('main p, main li')].map((e) => e.clientWidth / (parseFloat(getComputedStyle(e).fontSize) * 0.5))) })`)) as {
        px: number;
        chars: number;
      };
      expect(facts.px).toBeGreaterThanOrEqual(18);
      expect(facts.chars, path).toBeLessThanOrEqual(78); // half an em a letter: wider than our letters are
    }
    await page.close();
  });

  it('forced colours keep buttons and choices visible', async () => {
    const page = await browser.newPage({ forcedColors: 'active', viewport: { width: 360, height: 740 } });
    await page.goto(`${portal.origin}/en/device`);
    const borders = await page.evaluate(
      `[...document.querySelectorAll('.pick, .btn')].map((e) => getComputedStyle(e).borderTopWidth)`,
    );
    expect(new Set(borders as string[])).toEqual(new Set(['2px']));
    await page.close();
  });
});

describe('a person with a browser', () => {
  it('W19: goes the whole way with the keyboard alone, script off, at 320 px', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 320, height: 640 } });
    const page = await context.newPage();
    const press = async (name: string) => {
      await page.getByRole('button', { name, exact: true }).focus();
      await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')]);
    };
    await page.goto(`${portal.origin}/`);
    await press('Start');
    await press('Camera or doorbell');
    for (const done of ['I unplugged it. Next', 'I restarted it. Next', 'I changed it. Next', 'It is up to date. Next'])
      await press(done);
    await press('It is connected. Next');
    await page.getByLabel('I found the device and did the steps.').focus();
    await page.keyboard.press('Space');
    await press('Next');
    for (const box of await page.getByRole('checkbox').all()) {
      await box.focus();
      await page.keyboard.press('Space');
    }
    await press('Open my internet');
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Your internet is open again');
    expect(new URL(page.url()).pathname).toBe('/en/result');
    expect((await context.cookies()).length).toBe(0);
    expect(portal.desk.line(PEER).consents.length).toBe(1);
    // Back and forward after the release: the state is read again, nothing is sent twice (W18).
    await page.goBack();
    expect(new URL(page.url()).pathname).toBe('/en/result');
    expect(portal.desk.line(PEER).releases.length).toBe(1);
    await context.close();
  });

  it('loads page one in one request and breaks no rule of its own policy', async () => {
    const page = await browser.newPage();
    const asked: string[] = [];
    const complaints: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    page.on('console', (message) => complaints.push(message.text()));
    await page.goto(`${portal.origin}/ja/`, { waitUntil: 'networkidle' });
    expect(asked.filter((path) => path !== '/favicon.ico')).toEqual(['/ja/']);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('draws Japanese letters, not boxes', async () => {
    const page = await browser.newPage();
    await page.goto(`${portal.origin}/ja/`);
    const { fonts } = await page
      .context()
      .newCDPSession(page)
      .then(async (cdp) => {
        await cdp.send('DOM.enable');
        await cdp.send('CSS.enable');
        const { root } = await cdp.send('DOM.getDocument');
        const { nodeId } = await cdp.send('DOM.querySelector', { nodeId: root.nodeId, selector: 'h1' });
        return cdp.send('CSS.getPlatformFontsForNode', { nodeId });
      });
    expect(fonts.map((font) => font.familyName).join()).toMatch(/CJK|Gothic|Hiragino|Meiryo|IPA|Mincho/i);
    await page.close();
  });

  it('printed, the sheet keeps the words and the code and drops the buttons', async () => {
    const page = await browser.newPage();
    await page.goto(`${portal.origin}/en/`);
    await page.emulateMedia({ media: 'print' });
    expect(await page.getByText('7KQM-4XRT').isVisible()).toBe(true);
    expect(await page.locator('.btn.main').isVisible()).toBe(false);
    await page.close();
  });
});
