// The API's answer against the words of RFC 8908 §5, and the probe table row by row.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { CAPPORT_HEADERS, capportJson, MAX_CAPPORT_CHARACTERS } from '../../../src/protocols/capport/api.ts';
import { parseProbes } from '../../../src/protocols/capport/probes.ts';

const portal = 'https://portal.isp.example/';
const url = fc.string({ unit: fc.constantFrom(...'abc019-_.~%/?=&'), maxLength: 5000 }).map((text) => portal + text);

describe('RFC 8908', () => {
  test('a line in the garden is captive, with its portal and without a remaining time', () => {
    const body = capportJson({ captive: true, userPortalUrl: portal, canExtendSession: false });
    expect(body.ok && JSON.parse(body.value)).toEqual({
      captive: true,
      'user-portal-url': portal,
      'can-extend-session': false,
    });
  });

  test('a free line is not captive and may say for how long', () => {
    const body = capportJson({ captive: false, venueInfoUrl: portal, secondsRemaining: 60 });
    expect(body.ok && JSON.parse(body.value)).toEqual({
      captive: false,
      'venue-info-url': portal,
      'seconds-remaining': 60,
    });
  });

  test('the answer is never cached and has its own media type', () => {
    expect(CAPPORT_HEADERS).toEqual({
      'Content-Type': 'application/captive+json',
      'Cache-Control': 'private, no-store',
    });
  });

  test('what would not be valid is refused: a portal without TLS, no whole seconds, more than Android reads', () => {
    expect(capportJson({ captive: true, userPortalUrl: 'http://portal.isp.example/' })).toMatchObject({
      error: 'url-not-https',
    });
    expect(capportJson({ captive: true, userPortalUrl: '/portal' })).toMatchObject({ error: 'url-not-https' });
    expect(capportJson({ captive: false, secondsRemaining: 1.5 })).toMatchObject({ error: 'seconds-not-whole' });
    expect(capportJson({ captive: true, userPortalUrl: portal + 'x'.repeat(5000) })).toMatchObject({
      error: 'too-long',
    });
  });

  test('every body is an object of the five keys with the right types, below 4,096 characters', () => {
    fc.assert(
      fc.property(fc.boolean(), url, fc.nat(), (captive, address, seconds) => {
        const body = capportJson(
          captive ? { captive, userPortalUrl: address } : { captive, secondsRemaining: seconds },
        );
        if (!body.ok) return expect(body.error).toBe('too-long');
        const data = JSON.parse(body.value);
        expect(typeof data.captive).toBe('boolean');
        expect(
          Object.keys(data).every((key) => ['captive', 'user-portal-url', 'seconds-remaining'].includes(key)),
        ).toBe(true);
        if (!captive) expect(Number.isInteger(data['seconds-remaining'])).toBe(true);
        expect(body.value.length).toBeLessThan(MAX_CAPPORT_CHARACTERS);
      }),
      { numRuns: 100 },
    );
  });
});

describe('probes', () => {
  const file = readFileSync(new URL('../../../deploy/probes.yaml', import.meta.url), 'utf8');
  const parsed = parseProbes(parse(file));
  if (!parsed.ok) throw new Error(parsed.error.join('\n'));
  const table = parsed.value;

  test.each(table.probes.filter((p) => p.scheme === 'http').map((p) => [p.family, p.host, p.path] as const))(
    '%s asks http://%s%s',
    (family, host, path) => {
      expect(table.family(host, path)).toBe(family);
      expect(table.family(`${host.toUpperCase()}:80`, `${path}?x=1`)).toBe(family);
      expect(table.family(`${host}.`, path)).toBe(family);
      expect(table.family(`x${host}`, path)).toBeUndefined();
      expect(table.family(host, `${path}x`)).toBeUndefined();
    },
  );

  test('the systems of the table are all there', () => {
    expect([...table.families].sort()).toEqual([
      'android-chrome',
      'apple',
      'brave',
      'firefox',
      'kindle',
      'linux-desktop',
      'nintendo',
      'samsung',
      'windows',
      'windows-old',
      'xiaomi',
    ]);
  });

  test('no two rows name the same probe', () => {
    const keys = table.probes.map((p) => `${p.scheme}://${p.host}${p.path}`);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('faults are named with their place, all at once', () => {
    const bad = parseProbes({ probes: [{ family: 'x', host: 'A b', path: 'y', free: { status: 99 } }] });
    expect(bad.ok ? [] : bad.error.map((text) => text.split(':')[0])).toEqual([
      'probes[0].host',
      'probes[0].path',
      'probes[0].free.status',
    ]);
    expect(parseProbes(undefined).ok).toBe(false);
  });
});
