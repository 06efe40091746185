// Addresses of lifelines: into the kernel, onto the disk, and never out again because of an empty or failed answer.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { parseIp } from '../../../src/core/net/ip.ts';
import { prefixOf } from '../../../src/core/net/prefix.ts';
import { LifelineNames, reverseAddress } from '../../../src/garden/dns/lifeline-names.ts';
import { LifelineResolver } from '../../../src/garden/dns/lifelines.ts';
import { LIFELINES, stage } from './garden-dns.ts';

let s: Awaited<ReturnType<typeof stage>>;
let folder: string;
const started: LifelineResolver[] = [];
beforeEach(async () => {
  s = await stage();
  folder = await mkdtemp(join(tmpdir(), 'engawa-lifelines-'));
});
afterEach(async () => {
  for (const one of started.splice(0)) one.stop();
  await s.stop();
  await rm(folder, { recursive: true, force: true });
});

const SBC = 'lifeline emergency 198.51.100.40 259200';
const SBC6 = 'lifeline emergency 2001:db8:40::1 259200';

function resolver(names = s.names) {
  const one = new LifelineResolver({
    lifelines: LIFELINES,
    names,
    upstream: s.upstream,
    allowList: s.allowList,
    never: [prefixOf(parseIp('203.0.113.1')!)],
    file: join(folder, 'state', 'lifelines.json'),
    log: s.log,
    counters: s.counters,
    everyMs: 3_600_000,
  });
  started.push(one);
  return one;
}

test('follows NAPTR and SRV to the call server, in both families, and teaches the front the names on the way', async () => {
  const one = resolver();
  expect(await one.refresh()).toBe(true);
  expect([...s.allowList.told].sort()).toEqual([SBC, SBC6]);
  expect(s.names.match('sbc1.voice.example')).toEqual({ lifeline: 'emergency', depth: 2 });
  expect(one.state()).toEqual([{ lifeline: 'emergency', addresses: 2, failing: [], inKernel: true }]);
});

test('an empty, failed or missing answer never removes: the kept addresses are renewed', async () => {
  const one = resolver();
  await one.refresh();
  for (const records of [[], [{ name: 'sos.example', type: 'TXT', value: 'only text' }] as const]) {
    s.allowList.told.length = 0;
    s.resolver.setRecords(records);
    expect(await one.refresh()).toBe(false);
    expect([...s.allowList.told].sort()).toEqual([SBC, SBC6]);
  }
  s.resolver.tamper = () => [];
  s.allowList.told.length = 0;
  expect(await one.refresh()).toBe(false);
  expect([...s.allowList.told].sort()).toEqual([SBC, SBC6]);
  expect(s.log.lines.filter((line) => line.includes('LIFELINE_NAME_UNRESOLVED')).length).toBe(1);
});

test('a good answer that leads elsewhere replaces the old one', async () => {
  const one = resolver();
  await one.refresh();
  s.resolver.setRecords([{ name: 'sos.example', type: 'NAPTR', value: '10 10 a SIP+D2U new.voice.example' }]);
  await one.refresh();
  s.resolver.setRecords([
    { name: 'sos.example', type: 'NAPTR', value: '10 10 a SIP+D2U new.voice.example' },
    { name: 'new.voice.example', type: 'A', value: '198.51.100.50' },
  ]);
  s.allowList.told.length = 0;
  await one.refresh();
  expect(s.allowList.told).toEqual(['lifeline emergency 198.51.100.50 259200']);
});

test('after a restart with a dead resolver the last good answer enters the kernel from disk', async () => {
  await resolver().refresh();
  s.allowList.told.length = 0;
  s.resolver.tamper = () => [];
  const names = new LifelineNames(LIFELINES);
  const again = resolver(names);
  await again.start();
  expect([...s.allowList.told].sort()).toEqual([SBC, SBC6]);
  await vi.waitFor(() => expect(names.match('sbc1.voice.example')).toBeDefined(), { timeout: 10_000, interval: 50 });
});

test.each([
  '{',
  '[]',
  '{"answers":[{"lifeline":"emergency"}]}',
  '{"answers":[{"lifeline":"emergency","name":"a","type":1,"targets":[],"addresses":["x"]}]}',
])('a damaged file (%s) is told, removes nothing and is written anew after the next good answer', async (text) => {
  await resolver().refresh();
  const file = join(folder, 'state', 'lifelines.json');
  await writeFile(file, text);
  const again = resolver();
  await again.start();
  await vi.waitFor(async () => expect(await readFile(file, 'utf8')).toContain('198.51.100.40'), {
    interval: 50,
    timeout: 5000,
  });
  expect(s.log.lines.join()).toContain('LIFELINE_FILE_UNREADABLE');
});

test('addresses the gateway would refuse are left out, so that the others get in', async () => {
  s.resolver.setRecords(
    ['203.0.113.1', '127.0.0.1', '198.51.100.60'].map((value) => ({ name: 'sos.example', type: 'A', value })),
  );
  await resolver().refresh();
  expect(s.allowList.told).toEqual(['lifeline emergency 198.51.100.60 259200']);
});

test('a gateway that does not answer is shown as such, and tried again', async () => {
  s.allowList.mode = 'unavailable';
  const one = resolver();
  expect(await one.refresh()).toBe(false);
  expect(one.state()[0]).toMatchObject({ addresses: 2, inKernel: false });
  s.allowList.mode = 'works';
  expect(await one.refresh()).toBe(true);
  expect([...s.allowList.told].sort()).toEqual([SBC, SBC6]);
});

test('reverse names are read whole or not at all', () => {
  expect(reverseAddress('17.100.51.198.in-addr.arpa')).toEqual(parseIp('198.51.100.17'));
  expect(reverseAddress(`1.0.0.0.${'0.'.repeat(20)}8.b.d.0.1.0.0.2.ip6.arpa`)).toEqual(parseIp('2001:db8::1'));
  for (const bad of ['100.51.198.in-addr.arpa', 'x.100.51.198.in-addr.arpa', 'in-addr.arpa', '1.ip6.arpa']) {
    expect(reverseAddress(bad)).toBeUndefined();
  }
});
