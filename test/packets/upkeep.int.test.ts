// Through a real kernel: loading the skeleton again, a foreign flush, elements that run out, and what the abort probe proves.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  probeSentinelTransaction,
  probeTransaction,
  putCommands,
  readProbe,
  removeCommands,
  transaction,
} from '../../src/protocols/nftables/elements.ts';
import { renderRepair, renderRuleset, skeletonDigest } from '../../src/protocols/nftables/ruleset.ts';
import { ABUSED, prefixesOf, type Stage, setStage } from './tools/stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage?.end());
afterEach(async () => {
  await stage.loadText(renderRuleset(stage.network.spec));
  await stage.free(stage.network.homes[0]!);
});

const at = () => stage.network.addresses;
const home = () => stage.network.homes[0]!;
const bot = () => stage.homes[0]!;
const spec = () => stage.network.spec;
const probe = async (text: string) => readProbe((await stage.nft('-j', text)).stderr);
const probeHome = async (access: 'leaky' | 'strict') =>
  Promise.all(prefixesOf(home()).map((prefix) => probe(probeTransaction(spec(), prefix, access))));
const listing = async (...args: string[]) => (await stage.nft(...args, 'list', 'table', 'inet', 'engawa')).stdout;
const withoutTimes = (text: string) => text.replaceAll(/ expires \w+/g, '');

test('loading the skeleton over itself keeps elements, their counters and the kernel state of a line', async () => {
  await stage.put(home(), 'strict');
  await bot().tcp(at().honeypot.ip4, 23);
  const before = await stage.nft('list', 'set', 'inet', 'engawa', 'abuse4');
  expect(before.stdout).toContain('counter packets 1 ');
  const terse = await listing('-t');
  await stage.loadText(renderRepair(spec()));
  const after = await stage.nft('list', 'set', 'inet', 'engawa', 'abuse4');
  expect(withoutTimes(after.stdout)).toBe(withoutTimes(before.stdout));
  expect((await listing('-t')).replaceAll(/packets \d+ bytes \d+/g, '')).toBe(
    terse.replaceAll(/packets \d+ bytes \d+/g, ''),
  );
  expect(await probeHome('strict')).toEqual(['present', 'present']);
});

test('N14: after a foreign flush of the rules the line is free, and one load closes it again with its old elements', async () => {
  await stage.put(home(), 'strict');
  await stage.nft('flush', 'table', 'inet', 'engawa');
  expect(await bot().tcp(at().site.ip4, 9000)).toBe('open');
  expect(await probeHome('strict')).toEqual(['present', 'present']); // a probe alone does not see it
  await stage.loadText(renderRepair(spec()));
  for (const family of ['ip4', 'ip6'] as const) expect(await bot().tcp(at().site[family], 9000)).toBe('ECONNREFUSED');
});

test('N14: after a foreign flush of everything the sentinel is gone, and skeleton plus elements restore the garden', async () => {
  await stage.put(home(), 'strict');
  expect(await probe(probeSentinelTransaction(spec()))).toBe('present');
  await stage.nft('flush', 'ruleset');
  expect(await probe(probeSentinelTransaction(spec()))).toBe('unknown');
  expect(await probeHome('strict')).toEqual(['unknown', 'unknown']);
  await stage.loadText(renderRepair(spec()));
  expect(await probe(probeSentinelTransaction(spec()))).toBe('present');
  expect(await probeHome('strict')).toEqual(['absent', 'absent']);
  await stage.put(home(), 'strict');
  expect(await bot().tcp(at().site.ip6, 9000)).toBe('ECONNREFUSED');
});

test('an element runs out by itself, and the line is free', async () => {
  await stage.put(home(), 'strict', { timeoutSeconds: 1 });
  expect(await bot().tcp(at().site.ip4, 9000)).toBe('ECONNREFUSED');
  await expect.poll(() => bot().tcp(at().site.ip4, 9000), { timeout: 4000 }).toBe('open');
  await expect.poll(() => probeHome('strict')).toEqual(['absent', 'absent']);
});

test('putting an element again moves its end', async () => {
  await stage.put(home(), 'strict', { timeoutSeconds: 1 });
  await stage.put(home(), 'strict', { timeoutSeconds: 600 });
  const { stdout } = await stage.nft('list', 'set', 'inet', 'engawa', 'strict4');
  expect(stdout).toMatch(/expires (9m5|10m)/);
});

describe('the abort probe', () => {
  test('tells present from absent and changes nothing', async () => {
    expect(await probeHome('strict')).toEqual(['absent', 'absent']);
    expect(await probeHome('strict')).toEqual(['absent', 'absent']);
    await stage.put(home(), 'leaky');
    expect([await probeHome('leaky'), await probeHome('strict')]).toEqual([
      ['present', 'present'],
      ['absent', 'absent'],
    ]);
    await stage.put(home(), 'strict');
    expect([await probeHome('leaky'), await probeHome('strict')]).toEqual([
      ['absent', 'absent'],
      ['present', 'present'],
    ]);
  });

  test('removing is idempotent, with and without ports', async () => {
    const removals = prefixesOf(home()).map((prefix) => ({ prefix, abusedPorts: ABUSED }));
    for (let i = 0; i < 2; i++) await stage.send(removeCommands(spec(), removals));
    expect(await probeHome('strict')).toEqual(['absent', 'absent']);
    expect((await stage.nft('list', 'set', 'inet', 'engawa', 'abuse4')).stdout).not.toContain('elements');
  });

  test('a transaction with one bad part changes nothing', async () => {
    const put = putCommands(
      spec(),
      prefixesOf(home()).map((prefix) => ({ prefix, access: 'strict', abusedPorts: [], timeoutSeconds: 60 })),
    );
    const broken = transaction([...put, { create: { table: { family: 'inet', name: 'engawa' } } }]);
    expect((await stage.nft('-j', broken)).code).not.toBe(0);
    expect(await probeHome('strict')).toEqual(['absent', 'absent']);
  });
});

test('the kernel holds every rule that was written, and the digest of the whole', async () => {
  const text = renderRuleset(spec());
  // `list ruleset`: with many elements `list table` fetches them all first, terse or not (seconds at 100,000 lines).
  const { stdout } = await stage.nft('-t', '-j', 'list', 'ruleset');
  const listed = JSON.parse(stdout) as { nftables: { rule?: { table: string; chain: string; comment?: string } }[] };
  const rules = listed.nftables.flatMap(({ rule }) => (rule?.table === 'engawa' ? [rule] : []));
  expect(rules.length).toBe(text.match(/^add rule /gm)?.length);
  expect(rules.find(({ chain }) => chain === 'skeleton')?.comment).toBe(skeletonDigest(spec()));
});
