// Addresses change hands: real RADIUS packets, the kernel's own list, packets of both households. Each test has lines of its
// own, since nothing tightens twice within two hours.
import { expect, test } from 'vitest';
import { MINUTE } from '../../src/core/kernel/time.ts';
import type { Lab } from '../../src/lab/lab.ts';
import {
  browses,
  dialIn,
  gardenOf,
  kernelGarden,
  knock,
  labOfThisFile,
  quarantine,
  sightingAt,
  until,
  untilShown,
} from './scenes.ts';

const theLab = labOfThisFile({ homes: 5 });
/** Promised: a new binding of a wanted line within 1 s, an ended one in the same act. A busy test machine is granted more. */
const PATIENCE_MS = 5000;

function elementsOf(lab: Lab, ...values: readonly string[]): Promise<readonly string[]> {
  return kernelGarden(lab).then((all) => all.filter((one) => values.some((value) => one.endsWith(` ${value}`))));
}

async function timed(text: string, work: () => Promise<unknown>): Promise<void> {
  const begun = performance.now();
  await work();
  console.info(`${text}: ${Math.round(performance.now() - begun)} ms`);
}

test('a quarantined line that dials in again gets its garden around the new addresses', async () => {
  const lab = await theLab();
  await quarantine(lab, 1);
  expect(await kernelGarden(lab)).toEqual(gardenOf(lab, 1));
  expect(await lab.account(1, 'stop')).toBe(true);
  await until(
    () => kernelGarden(lab),
    (elements) => elements.length === 0,
  );
  const moved = { ip4: '192.0.2.100', prefix6: '2001:db8:100:6400::/56' };
  await dialIn(lab, 1, { sessionId: 'lab-1-again', ...moved });
  await timed('dialled in again → garden in the kernel, both families', () =>
    until(
      () => kernelGarden(lab),
      (elements) => elements.length === 2,
      PATIENCE_MS,
    ),
  );
  expect(await kernelGarden(lab)).toEqual(['strict 192.0.2.100', 'strict 2001:db8:100:6400::']);
  await untilShown(lab, 1, (one) => one.proof.confirmed === 'strict' && !one.proof.partial);
});

test('an address handed to the neighbour with the Stop lost: the element goes in the same act, and follows its line', async () => {
  const lab = await theLab();
  const { ip4, prefix6 } = lab.network.homes[1]!;
  const key6 = prefix6.split('/')[0]!;
  await quarantine(lab, 2);
  // Later than the report's window: it was this line, and it stays wanted.
  await lab.moveClock(5 * MINUTE);
  await lab.account(2, 'interim');
  await lab.moveClock(3 * MINUTE);
  const household = lab.homes[1]!;
  expect(await browses(household)).toBe(false);
  await dialIn(lab, 3, { sessionId: 'lab-3-there', ip4, prefix6 });
  await timed('hand-over → elements gone', () =>
    until(
      () => elementsOf(lab, ip4, key6),
      (elements) => elements.length === 0,
      PATIENCE_MS,
    ),
  );
  for (const family of [4, 6] as const) expect(await browses(household, family)).toBe(true);
  expect(await knock(household, lab.network.addresses.honeypot.ip4, 23)).toBe('open');
  await dialIn(lab, 2, { sessionId: 'lab-2-back', ip4: '192.0.2.101', prefix6: '2001:db8:100:6500::/56' });
  await until(
    () => elementsOf(lab, '192.0.2.101', '2001:db8:100:6500::'),
    (elements) => elements.length === 2,
    PATIENCE_MS,
  );
  expect(await elementsOf(lab, ip4, key6)).toEqual([]);
  expect(await browses(household)).toBe(true);
});

test('a delegated prefix that comes only in an Interim is covered', async () => {
  const lab = await theLab();
  const home = 4;
  const { ip4, prefix6 } = lab.network.homes[home - 1]!;
  const session = { sessionId: 'lab-4-late-prefix' };
  await lab.account(home, 'stop');
  await dialIn(lab, home, { ...session, prefix6: undefined });
  await lab.moveClock(6 * MINUTE);
  await lab.account(home, 'interim', { ...session, prefix6: undefined });
  expect((await lab.report(sightingAt(lab, home))).status).toBe(200);
  await until(
    () => elementsOf(lab, ip4),
    (elements) => elements.length === 1,
  );
  const byIp6 = () => knock(lab.homes[home - 1]!, lab.network.addresses.site.ip6, 9000);
  expect(await byIp6(), 'nobody has said whose prefix it is').toBe('open');
  expect(await lab.account(home, 'interim', { ...session, prefix6 })).toBe(true);
  await timed('prefix named → garden', () =>
    until(
      () => elementsOf(lab, prefix6.split('/')[0]!),
      (elements) => elements.length === 1,
      PATIENCE_MS,
    ),
  );
  expect(await byIp6()).not.toBe('open');
});

test('a late record that names another holder frees the line and closes its case as wrong-line', async () => {
  const lab = await theLab();
  const home = 5;
  const { ip4, prefix6 } = lab.network.homes[home - 1]!;
  await lab.account(home, 'interim');
  await lab.moveClock(5 * MINUTE);
  await quarantine(lab, home);
  await dialIn(lab, 3, { sessionId: 'lab-3-late', ip4, prefix6, delaySeconds: 200 });
  const shown = await untilShown(lab, home, (one) => one.case.state === 'closed' && one.proof.confirmed === 'open');
  expect(shown.case.closeReason).toBe('wrong-line');
  expect(await elementsOf(lab, ip4, prefix6.split('/')[0]!)).toEqual([]);
  expect(await browses(lab.homes[home - 1]!)).toBe(true);
});

test('Accounting-Off frees everything that gateway had given out', async () => {
  const lab = await theLab();
  expect((await kernelGarden(lab)).length).toBeGreaterThan(0);
  const nothing = { sessionId: undefined, userName: undefined, ip4: undefined, prefix6: undefined };
  expect(await lab.account(1, 'off', nothing)).toBe(true);
  await timed('Accounting-Off → nobody in the garden', () =>
    until(
      () => kernelGarden(lab),
      (elements) => elements.length === 0,
      PATIENCE_MS,
    ),
  );
  expect(await browses(lab.homes[3]!, 6)).toBe(true);
});
