// Who is who at the portal: two households, one case. The address of the socket decides and nothing a client may write.
import { expect, test } from 'vitest';
import type { Remote } from '../../src/lab/remote.ts';
import { LAB_NAMES } from '../../src/lab/site.ts';
import { type Page, Visitor } from '../../src/lab/visitor.ts';
import { gardenOf, kernelGarden, labOfThisFile, quarantine, shownOf, until } from './scenes.ts';

const theLab = labOfThisFile();
const PORTAL = `https://${LAB_NAMES.portal}`;
const BOT = 2;

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A page of the portal as this namespace gets it, whatever its resolver says. */
async function get(from: Remote, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const lab = await theLab();
  const { ip4 } = lab.network.addresses.portal;
  return from.do<Answer>('visit', { url: `${PORTAL}${path}`, ca: lab.site.caFile, address: ip4, headers });
}

async function post(from: Remote, path: string, body: string): Promise<Answer> {
  const lab = await theLab();
  const { ip4 } = lab.network.addresses.portal;
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    origin: PORTAL,
    'sec-fetch-site': 'same-origin',
  };
  const form = { method: 'POST', body, headers };
  return from.do<Answer>('visit', { url: `${PORTAL}${path}`, ca: lab.site.caFile, address: ip4, ...form });
}

test('the household sees its case; the neighbour and the internet see none of it, whatever headers they send (W01)', async () => {
  const lab = await theLab();
  const [neighbour, household] = [lab.homes[0]!, lab.homes[BOT - 1]!];
  const { checkCode } = (await quarantine(lab, BOT)).case;
  const { ip4, host } = lab.network.homes[BOT - 1]!;
  expect((await get(household, '/en/')).body).toContain(checkCode);
  const claims: readonly Readonly<Record<string, string>>[] = [
    {},
    { 'x-forwarded-for': ip4 },
    { forwarded: `for=${ip4}` },
    { 'x-real-ip': ip4, 'client-ip': ip4, 'true-client-ip': ip4, 'cf-connecting-ip': ip4 },
    { 'x-forwarded-for': host.ip6, 'x-forwarded-host': LAB_NAMES.portal },
  ];
  for (const stranger of [neighbour, lab.internet]) {
    for (const headers of claims) {
      const page = await get(stranger, '/en/', headers);
      expect(page.status).toBe(200);
      expect(page.body.includes(checkCode), JSON.stringify(headers)).toBe(false);
      expect(/LAB-2|C-10002|home2@/.test(page.body), JSON.stringify(headers)).toBe(false);
    }
  }
});

test('an address outside our networks gets the neutral page: a phone number and a field for the check code', async () => {
  const lab = await theLab();
  const page = await get(lab.internet, '/en/');
  expect(page.body.replaceAll('\u00a0', ' ').includes('+81 3 0000 0000'), 'the phone number').toBe(true);
  const door = page.body.includes('name="code"') ? page : await get(lab.internet, '/en/check');
  expect(door.body).toContain('name="code"');
});

test('addresses and form tokens of one household are worth nothing in the hands of another (W05)', async () => {
  const lab = await theLab();
  const [neighbour, household] = [lab.homes[0]!, lab.homes[BOT - 1]!];
  const visitor = new Visitor(household, lab.site.caFile);
  await visitor.open(`${PORTAL}/en/device`);
  const form = visitor.forms().find((one) => one.html.includes('name="device" value="camera"'))!;
  const body = new URLSearchParams([...form.hidden, ['device', 'camera']] as [string, string][]);
  const before = (await shownOf(lab, BOT))!.events.length;
  for (const thief of [neighbour, lab.internet]) {
    const answer = await post(thief, form.action, body.toString());
    expect(answer.body).not.toContain((await shownOf(lab, BOT))!.case.checkCode);
  }
  expect((await shownOf(lab, BOT))!.events).toHaveLength(before);
  for (const path of ['/en/device', '/en/steps', '/en/release', '/en/result', '/en/medical']) {
    const answer = await get(neighbour, path);
    expect(answer.body, path).not.toContain((await shownOf(lab, BOT))!.case.checkCode);
    expect(answer.body, path).not.toContain('name="declared"');
  }
  const used = await post(household, form.action, body.toString());
  expect(used.status, 'the token itself was good').toBe(303);
  expect(await kernelGarden(lab)).toEqual(gardenOf(lab, BOT));
});

test('the check code from outside reads status and ticks steps; it never releases and shows nothing personal', async () => {
  const lab = await theLab();
  const { checkCode } = (await shownOf(lab, BOT))!.case;
  const seen: Page[] = [];
  const outside = new OutsideVisitor(lab.internet, lab.site.caFile, lab.network.addresses.portal.ip4);
  seen.push(await outside.open(`${PORTAL}/en/check`));
  seen.push(
    await outside.send(outside.forms().find((one) => one.html.includes('name="code"'))!, [['code', checkCode]]),
  );
  expect(outside.page.url).toMatch(/\/en\/c\//);
  expect(outside.page.url, 'the address bar shows no code').not.toContain(checkCode.replace('-', ''));
  const sealed = outside.page.url;
  for (const path of ['', '/steps', '/release', '/result', '/medical', '/device'])
    seen.push(await outside.open(`${sealed}${path}`));
  for (const { url, body } of seen) {
    expect(/LAB-2|C-10002|home2@|192\.0\.2\.66|2001:db8:100:200/.test(body), url).toBe(false);
    expect(/<form\b[^>]*method="post"[^>]*action="[^"]*\/(?:release|medical)/i.test(body), url).toBe(false);
    expect(body.includes('name="declared"'), url).toBe(false);
  }
  for (const action of [`${sealed}/release`, `${PORTAL}/en/release`, `${PORTAL}/en/medical`])
    await post(lab.internet, new URL(action).pathname, 'declared=own&declared=steps&token=x');
  const after = (await shownOf(lab, BOT))!;
  expect(after.case).toMatchObject({ state: 'quarantined', access: 'strict' });
  expect(await kernelGarden(lab)).toEqual(gardenOf(lab, BOT));
});

test('who guesses codes is asked to pause after ten wrong ones (W05)', async () => {
  const lab = await theLab();
  const guesser = new OutsideVisitor(lab.internet, lab.site.caFile, lab.network.addresses.portal.ip4);
  let guesses = 0;
  const last = await until(
    async () => {
      await guesser.open(`${PORTAL}/en/check`);
      const form = guesser.forms().find((one) => one.html.includes('name="code"'))!;
      return (await guesser.send(form, [['code', `0000-00${String(10 + guesses++)}`]])).url;
    },
    (url) => url.includes('pause'),
    40_000,
  );
  expect(last).toContain('problem=pause');
  expect(guesses).toBeLessThanOrEqual(12);
});

/** A visitor that finds the portal's address by itself: the internet of the lab has no resolver of its own. */
class OutsideVisitor extends Visitor {
  constructor(from: Remote, ca: string, address: string) {
    const located: Remote = {
      do: (ability, args, timeoutMs) => from.do(ability, { ...args, address }, timeoutMs),
      onEvent: (listener) => from.onEvent(listener),
      stop: () => from.stop(),
    };
    super(located, ca);
  }
}
