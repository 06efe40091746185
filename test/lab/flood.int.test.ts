// A bot that floods and a script that is patient, from inside the garden: what the household still gets, and what stays closed.
import { expect, test } from 'vitest';
import { MINUTE } from '../../src/core/kernel/time.ts';
import { LAB_NAMES } from '../../src/lab/site.ts';
import { Visitor } from '../../src/lab/visitor.ts';
import { addressesOf, targetsOf } from '../../src/protocols/dns/answer.ts';
import { dnsClient, kernelSet, knock, labOfThisFile, quarantine, shownOf, until, untilShown } from './scenes.ts';

const theLab = labOfThisFile();
const PORTAL = `https://${LAB_NAMES.portal}`;
const SYN_PER_SECOND = 250;
/** Slow machines take longer; a household that waits this long has given up. */
const PAGE_MS = 3000;
/** What the portal asks of readers at least; the script lets the lab's clock do the waiting. */
const HUMAN_MS = 2000;

test('W11: while a bot sends 250 SYN/s to port 23, and then to 80, the household gets the portal', async () => {
  const lab = await theLab();
  const household = lab.homes[1]!;
  const { honeypot, otherSite } = lab.network.addresses;
  await quarantine(lab, 2);
  for (const [address, port] of [
    [honeypot.ip4, 23],
    [otherSite.ip4, 80],
    [otherSite.ip6, 80],
  ] as const) {
    await household.do('bot.start', { targets: [{ address, port }], perSecond: SYN_PER_SECOND });
    await until(
      () => household.do<{ knocks: number }>('bot.state'),
      ({ knocks }) => knocks > SYN_PER_SECOND,
    );
    for (const family of [4, 6]) {
      const begun = performance.now();
      const page = await household.do<{ status: number; body: string }>('visit', {
        url: `${PORTAL}/en/`,
        ca: lab.site.caFile,
        family,
      });
      const tookMs = Math.round(performance.now() - begun);
      console.info(`portal over IPv${family} while port ${port} is flooded: ${page.status} after ${tookMs} ms`);
      expect(page.status).toBe(200);
      expect(page.body).toContain((await shownOf(lab, 2))!.case.checkCode);
      expect(tookMs).toBeLessThan(PAGE_MS);
    }
    const plain = await household.do<{ status: number }>('visit', {
      url: 'http://captive.apple.com/hotspot-detect.html',
    });
    expect([200, 302], 'a captive probe is answered while port 23 is flooded').toContain(
      port === 23 ? plain.status : 302,
    );
    await household.do('bot.unplug');
  }
  const neighbour = lab.homes[0]!;
  expect((await neighbour.do<{ status: number }>('visit', { url: `http://${LAB_NAMES.site}/` })).status).toBe(200);
});

test('a phone adapter finds its way by NAPTR, SRV and address through the garden’s DNS, and calls from inside strict', async () => {
  const lab = await theLab();
  const household = lab.homes[1]!;
  for (const server of [lab.network.addresses.resolver.ip4, lab.network.addresses.resolver.ip6]) {
    const ask = await dnsClient(household, server, server.includes(':') ? 46_006 : 46_004);
    const [service] = targetsOf((await ask(LAB_NAMES.emergency, 'NAPTR'))!);
    expect(service).toBe(`_sip._udp.${LAB_NAMES.emergency}`);
    const [host] = targetsOf((await ask(service!, 'SRV'))!);
    expect(host).toBe(LAB_NAMES.emergency);
    for (const type of ['A', 'AAAA'] as const) {
      const [found] = addressesOf((await ask(host!, type))!);
      const address = type === 'A' ? lab.network.addresses.emergency.ip4 : lab.network.addresses.emergency.ip6;
      expect(Buffer.from(found!.ip.bytes).length).toBe(type === 'A' ? 4 : 16);
      await household.do('call.start', { address, port: 5060 });
      const call = await until(
        () => household.do<{ heard: number; longestGapMs: number }>('call.state'),
        ({ heard }) => heard >= 10,
      );
      expect(call.longestGapMs).toBeLessThan(1000);
      await household.do('call.end');
    }
  }
});

test('E07, E08: a DNS tunnel from inside strict reaches no resolver, whichever it names', async () => {
  const lab = await theLab();
  const household = lab.homes[1]!;
  const { resolver, foreignResolver } = lab.network.addresses;
  const before = await lab.internet.do<readonly string[]>('resolver.asked');
  let port = 47_000;
  for (const server of [resolver.ip4, resolver.ip6, foreignResolver.ip4]) {
    const ask = await dnsClient(household, server, ++port);
    for (const type of ['TXT', 'A', 'AAAA', 'NAPTR', 'SRV', 'CNAME', 'PTR'] as const) {
      const label = `${'x'.repeat(50)}${type.toLowerCase()}`;
      const answer = await ask(`${label}.${'y'.repeat(60)}.tunnel.example`, type);
      const data = (answer?.records ?? []).filter(({ section }) => section === 'answer');
      if (type === 'A' || type === 'AAAA') expect(data).toHaveLength(1);
      else expect(data, type).toHaveLength(0);
    }
  }
  const after = await lab.internet.do<readonly string[]>('resolver.asked');
  expect(after.filter((name) => name.includes('tunnel'))).toEqual([]);
  expect(
    after.filter((name) => !before.includes(name)),
    'nothing of it left',
  ).toEqual([]);
  expect(await knock(household, foreignResolver.ip4, 853), 'DoT').not.toBe('open');
});

test('W06: a patient script that clicks through at human speed ends in leaky at most, with the scanner’s ports closed and counted', async () => {
  const lab = await theLab();
  const household = lab.homes[1]!;
  const { honeypot } = lab.network.addresses;
  await lab.advanceClock(11 * MINUTE);
  const script = new Visitor(household, lab.site.caFile);
  await script.open(`${PORTAL}/en/device`);
  await lab.moveClock(HUMAN_MS);
  await script.choose('device', 'camera');
  for (let step = 1; step <= 8 && script.page.body.includes('name="step"'); step++) {
    await lab.moveClock(HUMAN_MS);
    await script.choose('answer', 'done');
  }
  await lab.moveClock(HUMAN_MS);
  await script.choose('answer', 'found');
  await untilShown(lab, 2, (one) => one.selfRelease.allowed);
  await script.open(`${PORTAL}/en/release`);
  const form = script.forms().find((one) => one.method === 'POST' && one.html.includes('name="declared"'))!;
  await lab.moveClock(10_000);
  await script.send(
    form,
    script.boxes().map((box) => ['declared', box] as const),
  );
  await untilShown(lab, 2, (one) => one.proof.confirmed === 'leaky');
  // The malware behind the script goes back to work.
  const counted = await denied();
  for (let knocks = 0; knocks < 5; knocks++) expect(await knock(household, honeypot.ip4, 23)).toBe('refused');
  expect(await knock(household, honeypot.ip6, 23)).toBe('refused');
  expect(await denied()).toBeGreaterThanOrEqual(counted + 6);
  // And tries to talk itself out once more: never beyond leaky.
  await script.open(`${PORTAL}/en/release`);
  await script.send(form, [['declared', 'again']]).catch(() => undefined);
  const shown = (await shownOf(lab, 2))!;
  expect(shown.case).toMatchObject({ access: 'leaky', state: 'on-probation' });
  expect(await knock(household, honeypot.ip4, 23)).toBe('refused');

  async function denied(): Promise<number> {
    const sets = await Promise.all([kernelSet(lab, 'abuse4'), kernelSet(lab, 'abuse6_56')]);
    return sets.flat().reduce((sum, { packets }) => sum + packets, 0);
  }
});
