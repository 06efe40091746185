// Processes die at named points, gateways forget or remember too much: afterwards everything acknowledged exists exactly once,
// and what the kernel holds is what is wanted.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MINUTE } from '../../src/core/kernel/time.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { verifyExport } from '../../src/protocols/tlog/verify.ts';
import {
  gardenOf,
  kernelGarden,
  kernelSet,
  labOfThisFile,
  nft,
  shownOf,
  sightingAt,
  until,
  untilShown,
} from './scenes.ts';

const HOMES = 6;
const theLab = labOfThisFile({ homes: HOMES });

/** Lines that are to be in the garden, kept by the tests as they go on. */
const wanted = new Set<number>();

async function killMain(lab: Lab): Promise<void> {
  await lab.launcher.kill('main');
}

/** G4: a new start, and the kernel holds exactly what is wanted. */
async function convergesAfterRestart(lab: Lab): Promise<void> {
  await lab.launcher.startMain();
  const expected = [...wanted].flatMap((home) => gardenOf(lab, home)).sort();
  expect(
    await until(
      () => kernelGarden(lab),
      (seen) => seen.join() === expected.join(),
      15_000,
    ),
  ).toEqual(expected);
  for (const home of wanted) {
    const shown = await untilShown(lab, home, (one) => one.proof.confirmed === 'strict');
    expect(shown.case.reports, 'the acknowledged report exists once').toBe(1);
    const opened = shown.events.filter(({ type }) => type === 'case-opened' || type === 'opened');
    expect(opened.length).toBeLessThanOrEqual(1);
  }
}

/** Gives the breaker a new window, so that every test has room for its garden. */
async function anotherWindow(lab: Lab): Promise<void> {
  await lab.advanceClock(11 * MINUTE);
}

test('D01 1: killed right after the 200 of a report: the report is decided once, and its garden comes', async () => {
  const lab = await theLab();
  const sighting = sightingAt(lab, 1);
  expect((await lab.report(sighting)).status).toBe(200);
  await killMain(lab);
  wanted.add(1);
  await convergesAfterRestart(lab);
});

test('D01 2: killed before the answer to a report left: the sender says it again and it counts once', async () => {
  const lab = await theLab();
  await anotherWindow(lab);
  const sighting = sightingAt(lab, 2);
  const event = { id: 'said-twice' };
  const first = lab.report(sighting, event).catch(() => ({ status: 0 }));
  await killMain(lab);
  await first;
  await lab.launcher.startMain();
  expect((await lab.report(sighting, event)).status).toBe(200);
  await untilShown(lab, 2, (one) => one.proof.confirmed === 'strict');
  await killMain(lab);
  wanted.add(2);
  await convergesAfterRestart(lab);
});

test('D01 3: killed as soon as the case exists, with its element on the way', async () => {
  const lab = await theLab();
  await anotherWindow(lab);
  expect((await lab.report(sightingAt(lab, 3))).status).toBe(200);
  await until(
    () => shownOf(lab, 3),
    (one) => one !== undefined,
  );
  await killMain(lab);
  wanted.add(3);
  await convergesAfterRestart(lab);
});

test('D01 4: killed between the element in the kernel and its confirmation', async () => {
  const lab = await theLab();
  await anotherWindow(lab);
  const { ip4 } = lab.network.homes[3]!;
  await lab.report(sightingAt(lab, 4));
  await until(
    () => kernelSet(lab, 'strict4'),
    (list) => list.some(({ value }) => value === ip4),
  );
  await killMain(lab);
  wanted.add(4);
  await convergesAfterRestart(lab);
});

test('D01 5, N13: the helper killed with a change on its way, and the service while it says so', async () => {
  const lab = await theLab();
  await anotherWindow(lab);
  await lab.report(sightingAt(lab, 5));
  await lab.launcher.kill('helper');
  expect((await kernelGarden(lab)).length, 'the rules stay as they are').toBeGreaterThanOrEqual(8);
  await killMain(lab);
  await lab.launcher.startHelper();
  wanted.add(5);
  await convergesAfterRestart(lab);
});

test('D01 6, N13: the helper alone dies and comes back: the service goes on by itself', async () => {
  const lab = await theLab();
  await anotherWindow(lab);
  await lab.launcher.kill('helper');
  expect((await lab.report(sightingAt(lab, 6))).status).toBe(200);
  const doubtful = await until(
    () => shownOf(lab, 6),
    (one) => one !== undefined,
  );
  expect(doubtful?.proof.confirmed, 'nothing is said that nobody proved').not.toBe('strict');
  await lab.launcher.startHelper();
  await lab.order('gateway.check');
  await untilShown(lab, 6, (one) => one.proof.confirmed === 'strict');
  wanted.add(6);
  expect(await kernelGarden(lab)).toEqual([...wanted].flatMap((home) => gardenOf(lab, home)).sort());
});

test('D01 7: killed in the middle of a release: it was ordered and is done', async () => {
  const lab = await theLab();
  const ordered = lab.order('case.release', { find: 'LAB-6', reason: 'test' }).catch(() => undefined);
  await until(
    async () => (await shownOf(lab, 6))?.case.state,
    (state) => state === 'closed',
  );
  await killMain(lab);
  await ordered;
  wanted.delete(6);
  await convergesAfterRestart(lab);
  const shown = await untilShown(lab, 6, (one) => one.proof.confirmed === 'open');
  expect(shown.case.closeReason).toBe('staff');
});

test('D01 8: killed during a lines import: no line is lost, and the same file again does the rest', async () => {
  const lab = await theLab();
  const rows = Array.from({ length: 2000 }, (_, i) => `NEW-${i},new${i}@lab.example,C-${20_000 + i},home,no`);
  const file = Buffer.from(`line_id,access_key,customer_no,class,protected\n${rows.join('\n')}\n`);
  const imported = lab.order('lines.import', { dryRun: false }, file).catch(() => undefined);
  await lab.order('status').catch(() => undefined);
  await killMain(lab);
  await imported;
  await convergesAfterRestart(lab);
  const { lines } = (await lab.order('status')) as { lines: number };
  expect(lines).toBeGreaterThanOrEqual(HOMES);
  await lab.order('lines.import', { dryRun: false }, file);
  expect(await lab.order('status')).toMatchObject({ lines: HOMES + rows.length });
});

test('D01 9: killed while the audit log is sealed and exported: the next export verifies', async () => {
  const lab = await theLab();
  const exporting = lab.order('audit.export', { directory: join(lab.site.stateFolder, 'torn') }).catch(() => undefined);
  await killMain(lab);
  await exporting;
  await convergesAfterRestart(lab);
});

test('D01 10: killed while accounting records arrive: what was answered is known', async () => {
  const lab = await theLab();
  const moved = { ip4: '192.0.2.110', prefix6: '2001:db8:100:6e00::/56' };
  expect(await lab.account(1, 'stop')).toBe(true);
  expect(await lab.account(1, 'start', { sessionId: 'lab-1-after', ...moved })).toBe(true);
  await killMain(lab);
  await lab.launcher.startMain();
  await until(
    () => kernelGarden(lab),
    (all) => all.includes('strict 192.0.2.110') && all.includes('strict 2001:db8:100:6e00::'),
  );
  expect(await kernelGarden(lab)).not.toContain(`strict ${lab.network.homes[0]!.ip4}`);
  await lab.account(1, 'stop', { sessionId: 'lab-1-after', ...moved });
  await lab.account(1, 'start', { sessionId: 'lab-1-home' });
  await untilShown(lab, 1, (one) => one.proof.confirmed === 'strict' && one.proof.elements.length === 2);
  await killMain(lab);
  await convergesAfterRestart(lab);
});

test('N08: a gateway that comes up empty gets its gardens back; one with gardens of yesterday loses them', async () => {
  const lab = await theLab();
  const expected = [...wanted].flatMap((home) => gardenOf(lab, home)).sort();
  await nft(lab, 'delete', 'table', 'inet', 'engawa');
  await lab.order('gateway.check');
  expect(await kernelGarden(lab)).toEqual(expected);
  await nft(lab, 'add', 'element', 'inet', 'engawa', 'strict4', '{ 192.0.2.120 timeout 1h }');
  await nft(lab, 'add', 'element', 'inet', 'engawa', 'leaky6_56', '{ 2001:db8:100:7800:: timeout 1h }');
  await nft(lab, 'delete', 'element', 'inet', 'engawa', 'strict4', `{ ${lab.network.homes[1]!.ip4} }`);
  await lab.order('gateway.check');
  expect(await kernelGarden(lab)).toEqual(expected);
});

test('N14: a foreign flush is repaired within a minute by itself; on hold nobody touches it', async () => {
  const lab = await theLab();
  const expected = [...wanted].flatMap((home) => gardenOf(lab, home)).sort();
  await lab.order('hold.on', { reason: 'the engineer looks' });
  await nft(lab, 'flush', 'ruleset');
  await lab.order('gateway.check');
  expect(await nft(lab, 'list', 'tables')).not.toContain('engawa\n');
  await lab.order('hold.off');
  expect(
    await until(
      () => kernelGarden(lab).catch(() => []),
      (all) => all.length === expected.length,
    ),
  ).toEqual(expected);
  await nft(lab, 'flush', 'ruleset');
  const begun = performance.now();
  await until(
    () => kernelGarden(lab).catch(() => []),
    (all) => all.join() === expected.join(),
    60_000,
  );
  console.info(`foreign flush → repaired by the loop: ${Math.round((performance.now() - begun) / 1000)} s`);
  await untilShown(lab, 2, (one) => one.proof.confirmed === 'strict');
}, 90_000);

test('after all of it the audit log verifies, and each line has one case with one report', async () => {
  const lab = await theLab();
  const directory = join(lab.site.stateFolder, 'export');
  await lab.order('audit.export', { directory });
  const verified = await verifyExport(directory);
  expect(verified.ok, JSON.stringify(verified)).toBe(true);
  for (let home = 1; home <= HOMES; home++) expect((await shownOf(lab, home))?.case.reports, `LAB-${home}`).toBe(1);
});
