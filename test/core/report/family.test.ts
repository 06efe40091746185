import { expect, it } from 'vitest';
import { abusedPortsOf, wantedOf } from '../../../src/core/casefile/line-view.ts';
import {
  abusedPortsOfFamilies,
  canonicalFamily,
  type Family,
  makeFamilyBook,
} from '../../../src/core/report/family.ts';

const family = (slug: string, ports: number[], aliases: string[] = []): Family => ({
  slug,
  aliases,
  abusedPorts: ports.map((port) => ({ protocol: 'tcp', port })),
  survivesRestart: false,
  guide: 'restart',
});
const made = makeFamilyBook([
  family('mirai', [23, 7547], ['Linux.Mirai']),
  family('qsnatch', [8080]),
  family('unknown', []),
]);
const book = made.ok ? made.value : undefined!;
const ports = (...slugs: string[]) => abusedPortsOfFamilies(book, slugs).map((one) => one.port);

it('finds the slug by any name, in any case, and calls the rest unknown', () => {
  expect(
    ['MIRAI', ' linux.mirai ', 'qsnatch', 'no such', '', '__proto__'].map((name) => canonicalFamily(book, name)),
  ).toEqual(['mirai', 'mirai', 'qsnatch', 'unknown', 'unknown', 'unknown']);
});

it('unknown closes the ports of all families plus 22, 23, 25 and 2323; several families their union', () => {
  expect(ports('unknown')).toEqual([22, 23, 25, 2323, 7547, 8080]);
  expect(ports('mirai', 'qsnatch', 'mirai')).toEqual([23, 7547, 8080]);
  expect(ports('left-the-book'), 'a slug that is gone counts as unknown').toEqual(ports('unknown'));
  expect(ports()).toEqual([]);
});

it('names, pages and time are never abused ports, a name belongs to one family, and unknown must be there', () => {
  for (const port of [53, 80, 123, 443])
    expect(makeFamilyBook([family('x', [port]), family('unknown', [])])).toMatchObject({ ok: false });
  expect(makeFamilyBook([family('x', [], ['y']), family('y', []), family('unknown', [])])).toMatchObject({ ok: false });
  expect(makeFamilyBook([family('x', [])])).toMatchObject({ ok: false });
});

it('a line wants the strictest of its open cases, and closes the ports of those that put it into a garden', () => {
  const cases = [
    { state: 'quarantined', access: 'leaky', family: 'mirai' },
    { state: 'watching', access: 'open', family: 'qsnatch' },
    { state: 'closed', access: 'open', family: 'qsnatch' },
    { state: 'noticed', access: 'notice', family: 'qsnatch' },
  ] as const;
  expect(wantedOf(cases)).toBe('leaky');
  expect(abusedPortsOf(cases, book).map((one) => one.port)).toEqual([23, 7547]);
  expect(wantedOf([])).toBe('open');
});
