// Everything of ours is killed in the middle of a quarantine: what then still works, what then ends, and what comes back.
import { expect, test } from 'vitest';
import { releaseJournal } from '../../src/adapters/state-folder/release-journal.ts';
import { LAB_NAMES } from '../../src/lab/site.ts';
import { addressesOf } from '../../src/protocols/dns/answer.ts';
import {
  browses,
  dnsClient,
  gardenOf,
  kernelGarden,
  kernelSet,
  knock,
  labOfThisFile,
  nft,
  quarantine,
  until,
  untilShown,
} from './scenes.ts';

const theLab = labOfThisFile({ masquerade: true });
const INTERIM_MS = 600_000;
/** What a caller would notice. */
const CALL_GAP_MS = 1000;
const BOT = 2;

type Call = { readonly heard: number; readonly longestGapMs: number };
type Stream = { readonly endedBy: string | null; readonly echoed: number };

async function killEverything(): Promise<void> {
  const lab = await theLab();
  await Promise.all([lab.launcher.kill('main'), lab.launcher.kill('helper')]);
}

test('with service, helper, portal and DNS front killed the emergency call goes on, and new ones find their way', async () => {
  const lab = await theLab();
  const { emergency, otherSite, resolver, site } = lab.network.addresses;
  const [neighbour, bot] = [lab.homes[0]!, lab.homes[BOT - 1]!];
  const ask = await dnsClient(bot, resolver.ip4, 45_353);
  expect(addressesOf((await ask(LAB_NAMES.otherSite, 'A'))!)).toHaveLength(1);
  await bot.do('call.start', { address: emergency.ip4, port: 5060 });
  await bot.do('stream.open', { key: 'sos', address: emergency.ip4, port: 5060 });
  await neighbour.do('stream.open', { key: 'neighbour', address: site.ip4, port: 9000 });
  await quarantine(lab, BOT);
  expect(addressesOf((await ask(LAB_NAMES.emergency, 'A'))!), 'through the front').toHaveLength(1);

  await killEverything();

  const before = await bot.do<Call>('call.state');
  const on = await until(
    () => bot.do<Call>('call.state'),
    (call) => call.heard > before.heard + 20,
  );
  expect(on.longestGapMs).toBeLessThan(CALL_GAP_MS);
  expect((await bot.do<Stream>('stream.state', { key: 'sos' })).endedBy).toBeNull();
  expect(await knock(bot, emergency.ip4, 5060)).toBe('open');
  expect(await knock(bot, emergency.ip6, 5060)).toBe('open');
  expect(await bot.do('udp', { address: emergency.ip6, port: 5060 })).toBe('hello');
  expect(await knock(bot, otherSite.ip4, 9000), 'the garden holds').not.toBe('open');
  expect(await knock(bot, otherSite.ip6, 9000), 'the garden holds').not.toBe('open');
  expect(await browses(neighbour)).toBe(true);
});

test('steered names come back within a minute, for a client that never changes its source port', async () => {
  const lab = await theLab();
  const bot = lab.homes[BOT - 1]!;
  const { resolver } = lab.network.addresses;
  const [alive] = await kernelSet(lab, 'dns_alive');
  expect(alive!.timeout).toBeLessThanOrEqual(60);
  const ask = await dnsClient(bot, resolver.ip4, 45_354);
  // The rest of that minute, cut short.
  await nft(lab, 'delete', 'element', 'inet', 'engawa', 'dns_alive', '{ 53 }');
  for (const type of ['A', 'AAAA'] as const) {
    const answer = await until(
      () => ask(LAB_NAMES.emergency, type),
      (one) => one !== undefined,
    );
    expect(addressesOf(answer!)).toHaveLength(1);
  }
  // 45353 was steered to the front before it died: its conntrack entry must not outlive the steering.
  const key = 'dns-45353';
  const hex = '00070100000100000000000003736f73076578616d706c650000010001';
  const asked = { key, hex, address: resolver.ip4, port: 53 };
  expect(
    await until(
      () => bot.do<string | null>('udp.ask', asked),
      (one) => one !== null,
    ),
  ).toMatch(/^0007/);
  expect(await bot.do<readonly string[]>('resolve', { name: LAB_NAMES.emergency })).toHaveLength(2);
});

test('no element outlives two interim intervals, and when it ends the line is free', async () => {
  const lab = await theLab();
  const bot = lab.homes[BOT - 1]!;
  const { ip4, prefix6 } = lab.network.homes[BOT - 1]!;
  const key6 = prefix6.split('/')[0]!;
  for (const set of ['strict4', 'strict6_56', 'abuse4', 'abuse6_56', 'abuse_in4', 'abuse_in6_56']) {
    const elements = await kernelSet(lab, set);
    expect(elements.length, set).toBeGreaterThan(0);
    for (const { timeout } of elements) expect(timeout * 1000).toBeLessThanOrEqual(2 * INTERIM_MS);
  }
  // The rest of that lifetime, cut short the way a renewal sets a new timeout.
  await nft(lab, 'add', 'element', 'inet', 'engawa', 'strict4', `{ ${ip4} timeout 2s }`);
  await nft(lab, 'add', 'element', 'inet', 'engawa', 'strict6_56', `{ ${key6} timeout 2s }`);
  await until(
    () => browses(bot, 4),
    (does) => does,
  );
  await until(
    () => browses(bot, 6),
    (does) => does,
  );
  const call = await bot.do<Call>('call.end');
  expect(call.longestGapMs).toBeLessThan(CALL_GAP_MS);
});

test('a restart puts back what it wants, adopts what is there and flushes nothing', async () => {
  const lab = await theLab();
  const neighbour = lab.homes[0]!;
  const { honeypot } = lab.network.addresses;
  const bot = lab.homes[BOT - 1]!;
  await lab.startEngawa();
  await untilShown(lab, BOT, (one) => one.proof.confirmed === 'strict');
  expect(await kernelGarden(lab)).toEqual(gardenOf(lab, BOT));
  expect(await knock(bot, honeypot.ip4, 23)).toBe('refused');
  const counted = await deniedOf();
  expect(counted).toBeGreaterThan(0);

  await killEverything();
  await lab.startEngawa();

  await untilShown(lab, BOT, (one) => one.proof.confirmed === 'strict');
  expect(await kernelGarden(lab)).toEqual(gardenOf(lab, BOT));
  expect(await deniedOf()).toBeGreaterThanOrEqual(counted);
  const stream = await neighbour.do<Stream>('stream.state', { key: 'neighbour' });
  expect(stream.endedBy).toBeNull();
  await until(
    () => neighbour.do<Stream>('stream.state', { key: 'neighbour' }),
    (one) => one.echoed > stream.echoed,
  );

  async function deniedOf(): Promise<number> {
    return (await kernelSet(lab, 'abuse4')).reduce((sum, { packets }) => sum + packets, 0);
  }
});

test('release-all with everything dead frees the lines, and nothing comes back after the start', async () => {
  const lab = await theLab();
  const bot = lab.homes[BOT - 1]!;
  await killEverything();

  const preview = await lab.launcher.engawa('--json', 'release-all', '--all');
  expect(preview.code, preview.stdout).toBe(0);
  expect(JSON.parse(preview.stdout)).toMatchObject({ count: 1, done: false });
  expect(await kernelGarden(lab), 'a preview changes nothing').toEqual(gardenOf(lab, BOT));
  const wrong = await lab.launcher.engawa('release-all', '--all', '--reason', 'test', '--confirm', '2');
  expect(wrong.code).toBe(1);
  const done = await lab.launcher.engawa('--json', 'release-all', '--all', '--reason', 'test', '--confirm', '1');
  expect(done.code, done.stderr + done.stdout).toBe(0);
  expect(JSON.parse(done.stdout)).toMatchObject({ hold: 'on', journalled: 1, failure: null });
  expect(await kernelGarden(lab)).toEqual([]);
  expect(await browses(bot)).toBe(true);

  await lab.startEngawa();
  const shown = await untilShown(lab, BOT, (one) => one.proof.confirmed === 'open');
  expect(shown.case).toMatchObject({ state: 'closed', closeReason: 'staff' });
  expect(await lab.order('status')).toMatchObject({ hold: { on: true } });
  await lab.order('hold.off');
  expect(await kernelGarden(lab)).toEqual([]);
});

test('a journal that was never taken over comes before anything is added', async () => {
  const lab = await theLab();
  const home = 1;
  await quarantine(lab, home);
  await killEverything();
  // As far as release-all gets before its own death: journal on disk, elements gone, the store knows nothing. No hold either,
  // so that the journal alone stands between the old wanted state and the gateway.
  const { append } = releaseJournal(lab.site.stateFolder);
  const entry = { id: 'journal-test-1', lineId: `LAB-${home}`, epoch: 1, by: 'root', reason: 'test' };
  await append([{ ...entry, at: lab.now() }]);
  for (const set of ['strict4', 'strict6_56']) await nft(lab, 'flush', 'set', 'inet', 'engawa', set);
  const counters = await nft(lab, 'list', 'set', 'inet', 'engawa', 'strict4');
  expect(counters).not.toContain(lab.network.homes[home - 1]!.ip4);

  const monitor = lab.network.spawn(lab.network.bng, ['nft', 'monitor', 'new', 'elements']);
  let added = '';
  monitor.stdout!.setEncoding('utf8').on('data', (text: string) => {
    added += text;
  });
  await lab.startEngawa();
  const shown = await untilShown(lab, home, (one) => one.proof.confirmed === 'open');
  expect(shown.case).toMatchObject({ state: 'closed', closeReason: 'staff' });
  expect(await kernelGarden(lab)).toEqual([]);
  monitor.kill();
  expect(added, 'the monitor saw the start').toContain('sentinel');
  expect(added).not.toMatch(/strict|leaky/);
});
