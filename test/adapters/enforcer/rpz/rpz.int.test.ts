// The resolver companion against a real unbound: what a strict line is told, what nobody else notices, and what is known when
// files, resolver or answers are lost.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RpzEnforcer } from '../../../../src/adapters/enforcer/rpz/enforcer.ts';
import { formatPrefix } from '../../../../src/core/net/prefix.ts';
import { ip, prefix } from '../../../helper/lab-gateway.ts';
import { createLabResolver, HOMES, type LabResolver } from './lab-resolver.ts';

const A = prefix('192.0.2.5');
const B = prefix('2001:db8:100:4200::/56');
const line = (p: typeof A, access: 'strict' | 'leaky' = 'strict', timeoutSeconds = 600) => ({
  prefix: p,
  access,
  abusedPorts: [],
  timeoutSeconds,
});
const PORTAL = { A: ['203.0.113.10'], AAAA: ['2001:db8:ff::10'] };

let lab: LabResolver;
let companion: RpzEnforcer;
const others: RpzEnforcer[] = [];

beforeAll(() => {
  lab = createLabResolver();
});
afterAll(() => lab.stop());
beforeEach(async () => {
  await lab.killResolver();
  for (const file of ['allow.zone', 'garden.zone']) rmSync(join(lab.folder, file), { force: true });
  companion = lab.enforcer();
  // It writes the files first; the resolver does not start without them.
  expect((await companion.install()).ok).toBe(false);
  expect(await lab.startResolver()).toBe(true);
  expect((await companion.install()).ok).toBe(true);
});
afterEach(async () => {
  for (const one of [companion, ...others.splice(0)]) await one.close();
});

const fresh = (options: Parameters<LabResolver['enforcer']>[0] = {}) => {
  const one = lab.enforcer(options);
  others.push(one);
  return one;
};
const garden = () => join(lab.folder, 'garden.zone');
const accessOf = async (...prefixes: (typeof A)[]) => (await companion.observe(prefixes)).map((one) => one.access);

describe('what a resolver with the zones answers', () => {
  it('a strict line gets the portal for every name, packs and lifelines as they are, nothing for other types', async () => {
    expect((await companion.apply({ put: [line(A)], remove: [] })).ok).toBe(true);
    expect(await lab.ask(HOMES.strict4, 'other.example')).toEqual(PORTAL.A);
    expect(await lab.ask(HOMES.strict4, 'other.example', 'AAAA')).toEqual(PORTAL.AAAA);
    expect(await lab.ask(HOMES.strict4, 'does.not.exist.example')).toEqual(PORTAL.A);
    expect(await lab.ask(HOMES.strict4, 'other.example', 'MX')).toBe('ENODATA');
    expect(await lab.ask(HOMES.strict4, 'bank.example')).toEqual(['198.51.100.7']);
    expect(await lab.ask(HOMES.strict4, 'bank.example', 'AAAA')).toEqual(['2001:db8:5::7']);
    expect(await lab.ask(HOMES.strict4, 'login.bank.example'), 'an exact name covers itself alone').toEqual(PORTAL.A);
    expect(await lab.ask(HOMES.strict4, 'sip.example.net')).toEqual(['198.51.100.112']);
    expect(await lab.ask(HOMES.strict4, 'deep.sip.example.net', 'TXT')).toEqual([['lifeline']]);
  });

  it('a free line notices nothing, before, during and after its neighbour’s garden', async () => {
    const asked = async () => [
      await lab.ask(HOMES.other4, 'other.example'),
      await lab.ask(HOMES.other6, 'other.example', 'AAAA'),
      await lab.ask(HOMES.other4, 'other.example', 'MX'),
      await lab.ask(HOMES.other4, 'bank.example'),
      await lab.ask(HOMES.other4, 'does.not.exist.example'),
    ];
    const before = await asked();
    expect(before.slice(0, 2)).toEqual([['198.51.100.99'], ['2001:db8:5::99']]);
    await companion.apply({ put: [line(A), line(B)], remove: [] });
    expect(await asked()).toEqual(before);
    await companion.apply({ put: [], remove: [A, B] });
    expect(await asked()).toEqual(before);
  });

  it('a home is known by its whole delegated prefix over IPv6', async () => {
    await companion.apply({ put: [line(B)], remove: [] });
    expect(await lab.ask(HOMES.strict6, 'other.example', 'AAAA')).toEqual(PORTAL.AAAA);
    expect(await lab.ask(HOMES.strict6, 'other.example')).toEqual(PORTAL.A);
    expect(await lab.ask(HOMES.strict6, 'bank.example')).toEqual(['198.51.100.7']);
    expect(await lab.ask(HOMES.other6, 'other.example')).toEqual(['198.51.100.99']);
  });

  it('the resolver reads owners with zeros at their end and within as we write them', async () => {
    await companion.close();
    const one = fresh({ ipv6Lengths: [56, 128] });
    await one.apply({ put: [line(prefix('2001:db8:10f::/56')), line(prefix(HOMES.single6))], remove: [] });
    expect(await lab.ask(HOMES.zeros6, 'other.example')).toEqual(PORTAL.A);
    expect(await lab.ask(HOMES.single6, 'other.example')).toEqual(PORTAL.A);
    expect(await lab.ask(HOMES.other6, 'other.example')).toEqual(['198.51.100.99']);
  });

  it('a release, and a change to leaky, end it at once, for the answer in the resolver’s cache too', async () => {
    await companion.apply({ put: [line(A), line(B)], remove: [] });
    expect(await lab.ask(HOMES.strict4, 'other.example')).toEqual(PORTAL.A);
    await companion.apply({ put: [line(B, 'leaky')], remove: [A] });
    expect(await lab.ask(HOMES.strict4, 'other.example')).toEqual(['198.51.100.99']);
    expect(await lab.ask(HOMES.strict6, 'other.example')).toEqual(['198.51.100.99']);
    expect(await accessOf(A, B)).toEqual(['absent', 'leaky']);
  });

  it('an address handed over to another line is free with the order that frees it', async () => {
    await companion.apply({ put: [line(A)], remove: [] });
    await companion.apply({ put: [line(prefix('192.0.2.6'))], remove: [A] });
    expect(await lab.ask(HOMES.strict4, 'other.example')).toEqual(['198.51.100.99']);
    expect(await lab.ask(HOMES.other4, 'other.example')).toEqual(PORTAL.A);
  });

  it('an element whose time is over leaves the zone by itself', async () => {
    await companion.apply({ put: [line(A, 'strict', 2), line(B)], remove: [] });
    expect(await lab.ask(HOMES.strict4, 'other.example')).toEqual(PORTAL.A);
    await expect.poll(() => lab.ask(HOMES.strict4, 'other.example'), { timeout: 15_000 }).toEqual(['198.51.100.99']);
    expect(await accessOf(A, B)).toEqual(['absent', 'strict']);
  });
});

describe('what it says it knows', () => {
  it('is advisory, counts nothing and steers no flow', async () => {
    expect(companion.isAdvisory).toBe(true);
    expect(await companion.denyCounts()).toEqual({ ok: true, value: [] });
    expect(await companion.forgetSteered()).toEqual({ ok: true, value: undefined });
  });

  it('before its files and zones are there: missing and unknown, never absent, and it takes no order', async () => {
    rmSync(garden());
    const one = fresh();
    expect(await one.skeleton()).toBe('missing');
    expect(await one.observe([A])).toMatchObject([{ access: 'unknown' }]);
    expect(await one.readBack()).toMatchObject({ ok: false });
    expect(await one.apply({ put: [line(A)], remove: [] })).toMatchObject({ ok: false });
  });

  it('repeating and reordering orders changes nothing: only the last word of each line counts', async () => {
    for (let i = 0; i < 2; i++) await companion.apply({ put: [line(A), line(B, 'leaky')], remove: [] });
    await companion.apply({ put: [], remove: [prefix('192.0.2.77')] });
    await companion.apply({ put: [], remove: [] });
    const back = await companion.readBack();
    expect(back.ok && back.value.map((one) => `${formatPrefix(one.prefix)} ${one.access}`).sort()).toEqual([
      '192.0.2.5 strict',
      '2001:db8:100:4200::/56 leaky',
    ]);
  });

  it('many orders at once are few versions of the zone', async () => {
    const serial = () => Number(/^; engawa-rpz 1 \S+ (\d+) /.exec(readFileSync(garden(), 'utf8'))![1]);
    const before = serial();
    const orders = Array.from({ length: 200 }, (_, i) =>
      companion.apply({ put: [line(prefix(`198.18.0.${i}`))], remove: [] }),
    );
    expect((await Promise.all(orders)).every((done) => done.ok)).toBe(true);
    expect(serial() - before).toBeLessThan(5);
    const back = await companion.readBack();
    expect(back.ok && back.value.length).toBe(200);
  });

  it('a renewal writes nothing and asks nobody', async () => {
    await companion.apply({ put: [line(A)], remove: [] });
    const { ino } = statSync(garden());
    expect((await companion.apply({ put: [line(A, 'strict', 7200)], remove: [] })).ok).toBe(true);
    expect(statSync(garden()).ino).toBe(ino);
    await companion.close();
    expect(readFileSync(garden(), 'utf8')).toMatch(/192\.rpz-client-ip A 203\.0\.113\.10 ; until \d+/);
    expect(statSync(garden()).ino, 'the new end is on disk at the latest when it stops').not.toBe(ino);
  });

  it.each([
    ['everybody', line(prefix('0.0.0.0/0')), 'prefix-length'],
    ['everybody on IPv6', line(prefix('::/0')), 'prefix-length'],
    ['somebody outside the pools', line(prefix('198.51.100.9')), 'outside-pools'],
    ['a lifeline', line(prefix('192.0.2.112')), 'covers-infrastructure'],
    ['no end', line(A, 'strict', 259_201), 'timeout-bad'],
  ])('N12: refuses %s with a stable code and changes nothing', async (_, element, code) => {
    expect(await companion.apply({ put: [line(A), element], remove: [] })).toMatchObject({
      error: { kind: 'refused', code },
    });
    expect(await companion.readBack()).toEqual({ ok: true, value: [] });
  });

  it('its next life finds the lines in the file and adopts them', async () => {
    await companion.apply({ put: [line(A), line(B, 'leaky')], remove: [] });
    await companion.close();
    const next = fresh();
    expect(await next.install()).toEqual({ ok: true, value: 'adopted' });
    expect((await next.observe([A, B])).map((one) => one.access)).toEqual(['strict', 'leaky']);
    await next.apply({ put: [], remove: [A] });
    expect(await lab.ask(HOMES.strict4, 'other.example')).toEqual(['198.51.100.99']);
  });

  it('a restarted resolver serves what the file says, without being asked', async () => {
    await companion.apply({ put: [line(A)], remove: [] });
    await lab.killResolver();
    expect(await companion.skeleton()).toBe('unknown');
    expect(await accessOf(A)).toEqual(['unknown']);
    await lab.startResolver();
    expect(await companion.skeleton()).toBe('intact');
    expect(await accessOf(A)).toEqual(['strict']);
    expect(await lab.ask(HOMES.strict4, 'other.example')).toEqual(PORTAL.A);
  });

  it('an order while the resolver is away is unknown, and true once it is back', async () => {
    await lab.killResolver();
    expect(await companion.apply({ put: [line(A)], remove: [] })).toMatchObject({ error: { kind: 'timeout' } });
    await lab.startResolver();
    expect(await accessOf(A)).toEqual(['strict']);
    expect((await companion.apply({ put: [], remove: [A] })).ok).toBe(true);
  });

  it('a resolver that hangs costs one order, not a lie', async () => {
    const hung = fresh({ deadlineMs: 500 });
    await hung.install();
    const pid = unboundOf(lab);
    process.kill(pid, 'SIGSTOP');
    const order = hung.apply({ put: [line(A)], remove: [] });
    const done = await order;
    process.kill(pid, 'SIGCONT');
    expect(done).toMatchObject({ error: { kind: 'timeout' } });
    await expect.poll(() => hung.skeleton(), { timeout: 15_000 }).not.toBe('unknown');
    await hung.install();
    expect(await hung.observe([A])).toMatchObject([{ access: 'strict' }]);
  });

  it.each([
    ['half a file', () => writeFileSync(garden(), readFileSync(garden(), 'utf8').slice(0, 200))],
    ['somebody else’s words', () => writeFileSync(garden(), 'nonsense (\n')],
    ['one address changed', () => edit((text) => text.replace('32.5.2.0.192', '32.6.2.0.192'))],
    ['nothing', () => rmSync(garden())],
  ])('a zone file with %s is seen and written again from memory', async (_, damage) => {
    await companion.apply({ put: [line(A)], remove: [] });
    damage();
    expect(['changed', 'missing']).toContain(await companion.skeleton());
    expect(await accessOf(A)).toEqual(['unknown']);
    expect((await companion.install()).ok).toBe(true);
    expect(await accessOf(A)).toEqual(['strict']);
    expect(await lab.ask(HOMES.strict4, 'other.example')).toEqual(PORTAL.A);
    expect(await lab.ask(HOMES.other4, 'other.example')).toEqual(['198.51.100.99']);
  });

  it('a damaged file found at its start is no garden: what is wanted is put again by whoever wants it', async () => {
    await companion.apply({ put: [line(A)], remove: [] });
    await companion.close();
    edit((text) => text.replace('32.5.2.0.192', '32.6.2.0.192'));
    const next = fresh();
    expect(await next.skeleton()).toBe('changed');
    expect(await next.install()).toEqual({ ok: true, value: 'repaired' });
    expect(await next.readBack()).toEqual({ ok: true, value: [] });
    expect(await lab.ask(HOMES.other4, 'other.example')).toEqual(['198.51.100.99']);
  });

  it('other answers or names in the configuration are published with the lines that are there', async () => {
    await companion.apply({ put: [line(A)], remove: [] });
    await companion.close();
    const next = fresh({
      answers: { ip4: ip('203.0.113.11'), ip6: ip('2001:db8:ff::11') },
      letThrough: [{ name: 'other.example', covers: 'name' }],
    });
    expect(await next.skeleton()).toBe('changed');
    expect(await next.install()).toEqual({ ok: true, value: 'repaired' });
    expect(await lab.ask(HOMES.strict4, 'bank.example')).toEqual(['203.0.113.11']);
    expect(await lab.ask(HOMES.strict4, 'other.example')).toEqual(['198.51.100.99']);
  });

  it('with Engawa dead the words of the document take every line out, and it sees that somebody did', async () => {
    await companion.apply({ put: [line(A), line(B)], remove: [] });
    const document = readFileSync(new URL('../../../../docs/linux-gateways.md', import.meta.url), 'utf8');
    const words = /`(sed -i [^`]*auth_zone_reload[^`]*)`/
      .exec(document)![1]!
      .replaceAll('/var/lib/engawa-rpz', lab.folder);
    execFileSync('sh', ['-c', words], { stdio: 'pipe' });
    for (const home of [HOMES.strict4, HOMES.strict6])
      expect(await lab.ask(home, 'other.example')).toEqual(['198.51.100.99']);
    expect(await companion.skeleton()).toBe('changed');
  });

  it('after close() every answer is a refusal to guess', async () => {
    await companion.close();
    expect(await companion.apply({ put: [line(A)], remove: [] })).toMatchObject({ error: { kind: 'unavailable' } });
    expect(await accessOf(A)).toEqual(['unknown']);
    expect(await companion.skeleton()).toBe('unknown');
    expect(await companion.install()).toMatchObject({ ok: false });
  });
});

function edit(change: (text: string) => string): void {
  writeFileSync(garden(), change(readFileSync(garden(), 'utf8')));
}

function unboundOf({ resolver }: LabResolver): number {
  // `ip netns exec` becomes the program it runs.
  expect(execFileSync('ps', ['-o', 'comm=', '-p', `${resolver().pid}`], { encoding: 'utf8' }).trim()).toBe('unbound');
  return resolver().pid!;
}
