// Pictures of every portal page: three languages, 360 and 1280 px, light and dark, into docs/pictures/portal. Fake desk, real browser.
// WebP, a tenth of PNG's size. `portal-shots.ts first` takes only pages whose name starts so; `a|b` works too.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { HOUR } from '../src/core/kernel/time.ts';
import { PEER, startPortal, type TestPortal, walkToConsent } from '../test/portal/start.ts';

const OUT = join(import.meta.dirname, '../docs/pictures/portal');
type Shot = readonly [
  name: string,
  path: string,
  prepare: (portal: TestPortal, tag: string) => Promise<unknown> | unknown,
];

const device = (portal: TestPortal, tag: string, kind = 'camera') => portal.fill(`/${tag}/device`, { device: kind });
const done = (portal: TestPortal, tag: string) => portal.fill(`/${tag}/steps`, { answer: 'done' });
const steps =
  (count: number, kind = 'camera') =>
  async (portal: TestPortal, tag: string) => {
    await device(portal, tag, kind);
    for (let i = 0; i < count; i++) await done(portal, tag);
  };

async function released(portal: TestPortal, tag: string): Promise<void> {
  await walkToConsent(portal, 'camera', tag);
  await portal.fill(`/${tag}/release`, { declared: ['steps-done', 'may-decide', 'may-return'] });
}

async function outside(portal: TestPortal, tag: string): Promise<string> {
  await steps(1)(portal, tag);
  const found = await portal.post(`/${tag}/check`, { code: '7KQM-4XRT' });
  return found.location ?? '';
}

const SHOTS: readonly Shot[] = [
  ['first', '', () => {}],
  ['first-notice', '', (p) => p.desk.touch(PEER, { phase: 'noticed', wanted: 'notice', confirmed: 'notice' })],
  [
    'first-exposed',
    '',
    (p) => p.desk.touch(PEER, { phase: 'noticed', wanted: 'notice', confirmed: 'notice', exposedOnly: true }),
  ],
  ['first-leaky', '', (p) => p.desk.touch(PEER, { wanted: 'leaky', confirmed: 'leaky' })],
  ['first-unknown', '', (p) => p.desk.touch(PEER, { confirmed: 'unknown', partial: true })],
  ['device', 'device', () => {}],
  ['step-unplug', 'steps', steps(0)],
  ['step-restart', 'steps', steps(1)],
  ['step-find', 'steps', steps(0, 'unknown')],
  ['step-storage', 'steps', steps(2, 'nas')],
  ['step-phone', 'steps', steps(0, 'phone-adapter')],
  [
    'help',
    'steps',
    async (p, tag) => {
      await device(p, tag, 'phone-adapter');
      for (let i = 0; i < 3; i++) await p.fill(`/${tag}/steps`, { answer: 'unknown' });
    },
  ],
  ['question', 'question', steps(5)],
  ['consent', 'release', walkToConsentWith],
  ['result', 'result', released],
  [
    'result-waiting',
    'result',
    (p, tag) => {
      p.desk.provesAfterRelease = 'unknown';
      return released(p, tag);
    },
  ],
  [
    'refused',
    'refused/still-seen',
    (p) => {
      p.desk.line(PEER).stillActive = true;
      p.desk.touch(PEER, { sighting: { kind: 'still-seen', at: p.now() - 4 * 60_000 } });
    },
  ],
  ['refused-cannot-see', 'refused/cannot-see', () => {}],
  ['medical', 'medical', () => {}],
  ['medical-done', 'medical/done', (p, tag) => p.fill(`/${tag}/medical`, {})],
  ['later', 'later', () => {}],
  ['later-done', 'later/done', (p, tag) => p.fill(`/${tag}/later`, { choice: 'saturday' })],
  ['manager', 'manager', () => {}],
  ['again', 'again/fast', () => {}],
  ['check', 'check', () => {}],
  ['check-wrong', 'check?problem=wrong', () => {}],
  ['outside', 'OUTSIDE', () => {}],
  ['free', '', (p) => p.desk.setStanding(PEER, 'free')],
  ['unknown', '', (p) => p.desk.setStanding(PEER, 'unknown')],
  ['missing', 'no-such-page', () => {}],
  [
    'error',
    '',
    (p) => {
      p.desk.of = () => Promise.reject(new Error('the store is away'));
    },
  ],
];

/** The whole page, not only the window. */
async function picture(page: Page): Promise<Buffer> {
  const cdp = await page.context().newCDPSession(page);
  const { data } = await cdp.send('Page.captureScreenshot', {
    format: 'webp',
    quality: 72,
    captureBeyondViewport: true,
  });
  return Buffer.from(data, 'base64');
}

/** One table: a row per page, a picture per language, links to the rest. */
function index(): string {
  const cell = (name: string, tag: string) =>
    `[<img src="${name}.${tag}.360.light.webp" width="150" alt="${name}, ${tag}">](${name}.${tag}.1280.light.webp) [dark](${name}.${tag}.360.dark.webp)`;
  const rows = SHOTS.map(([name]) => `| ${name} | ${TAGS.map((tag) => cell(name, tag)).join(' | ')} |`);
  return [
    '# The pages of the portal',
    '',
    'Taken by `scripts/portal-shots.ts`: 360 px here, 1280 px behind each picture.',
    '',
    `| page | ${TAGS.join(' | ')} |`,
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

async function walkToConsentWith(portal: TestPortal, tag: string): Promise<void> {
  await walkToConsent(portal, 'camera', tag);
}

const TAGS = ['en', 'ja', 'ja-easy'];
const wanted = process.argv[2] ?? '';
const only = process.argv[3];
mkdirSync(OUT, { recursive: true });
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
try {
  for (const [name, path, prepare] of SHOTS.filter(([shot]) => new RegExp(`^(?:${wanted})`).test(shot))) {
    for (const tag of TAGS.filter((t) => only === undefined || t === only)) await take(name, path, tag, prepare);
  }
  writeFileSync(join(OUT, 'README.md'), index());
} finally {
  await browser.close();
}

async function take(name: string, path: string, tag: string, prepare: Shot[2]): Promise<void> {
  const portal = await startPortal({ randomId: () => 'f3a9-20b7', portalOrigins: ['https://help.example.net'] });
  portal.desk.put(PEER, { startedAt: portal.now() - 2 * HOUR });
  await prepare(portal, tag);
  const rest = path === 'OUTSIDE' ? await outside(portal, tag) : `/${tag}/${path}`;
  const page = await browser.newPage({ reducedMotion: 'reduce' });
  const answer = await page.goto(`${portal.origin}${rest}`, { waitUntil: 'load' });
  if (answer?.status() === 500 && name !== 'error') throw new Error(`${name}: the page failed`);
  for (const width of [360, 1280]) {
    await page.setViewportSize({ width, height: 740 });
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      writeFileSync(join(OUT, `${name}.${tag}.${width}.${colorScheme}.webp`), await picture(page));
    }
  }
  await page.close();
  await portal.stop();
}
