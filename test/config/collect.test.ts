// How feeds reach us, as it is written: one way each, made for its format, with secrets that are some.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { formatFault } from '../../src/config/faults.ts';
import { type Config, load } from '../../src/config/load.ts';

const DEPLOY = fileURLToPath(new URL('../../deploy/', import.meta.url));
const SAMPLE = readFileSync(`${DEPLOY}engawa.yaml`, 'utf8');
const SHADOWSERVER = '  - { name: shadowserver, kind: shadowserver }\n';

function loaded(feeds: string, secrets: Readonly<Record<string, string>> = {}, text = SAMPLE) {
  expect(text).toContain(SHADOWSERVER);
  const result = load(`${DEPLOY}engawa.yaml`, {
    read: (path) => {
      const name = path.slice(DEPLOY.length);
      if (name === 'engawa.yaml') return Buffer.from(text.replace(SHADOWSERVER, feeds));
      if (!name.startsWith('secrets/')) return readFileSync(path);
      return Buffer.from(secrets[name] ?? `a secret of 32 octets or more: ${name}\n`.replaceAll(' ', '-'));
    },
    list: (path) => readdirSync(path),
  });
  return result;
}
const waysOf = (feeds: string): Config['ways'] => {
  const result = loaded(feeds);
  if (!result.ok) throw new Error(result.error.map(formatFault).join('\n'));
  return result.value.ways;
};
const faultsOf = (...args: Parameters<typeof loaded>): string => {
  const result = loaded(...args);
  return result.ok ? '' : result.error.map(formatFault).join('\n');
};
const feed = (kind: string, collect: string) => `  - { name: one, kind: ${kind}, collect: ${collect} }\n`;

test('every way, with its secrets read and its defaults', () => {
  expect(waysOf(feed('intelmq', '{ folder: spool }'))).toEqual([
    { feed: 'one', kind: 'folder', folder: `${DEPLOY}spool` },
  ]);
  expect(
    waysOf(feed('shadowserver', '{ shadowserverApi: { keyFile: secrets/k, secretFile: secrets/s } }')),
  ).toMatchObject([
    {
      kind: 'shadowserver-api',
      url: 'https://transform.shadowserver.org/api2/',
      download: 'https://dl.shadowserver.org/',
      key: 'a-secret-of-32-octets-or-more:-secrets/k',
      everyMs: 3_600_000,
      lookBackMs: 2 * 86_400_000,
      allowPrivate: [],
    },
  ]);
  const n6 =
    '{ n6: { url: "https://n6.cert.example/report/inside.json", keyFile: secrets/k, allowPrivate: [10.0.0.1] } }';
  expect(waysOf(feed('n6', n6))).toMatchObject([{ kind: 'n6', everyMs: 300_000, allowPrivate: [{ length: 32 }] }]);
  const redis = '{ redis: { host: 192.0.2.40, queue: out-queue, passwordFile: secrets/p, tls: true } }';
  expect(waysOf(feed('intelmq', redis))).toMatchObject([
    {
      kind: 'redis',
      host: '192.0.2.40',
      database: 2,
      queue: 'out-queue',
      password: expect.stringContaining('secrets/p'),
      tls: {},
    },
  ]);
  expect(waysOf(feed('xarf', '{ post: { signatureKeyFiles: [secrets/k] } }'))).toMatchObject([
    { kind: 'post', keys: [], signatureKeys: [{}] },
  ]);
});

test.each([
  [
    'two ways',
    feed('intelmq', '{ folder: spool, post: { keyFiles: [secrets/k] } }'),
    'one of folder, shadowserverApi, n6, redis, post',
  ],
  ['no way', feed('intelmq', '{}'), 'one of folder'],
  [
    'a way of another format',
    feed('n6', '{ shadowserverApi: { keyFile: secrets/k, secretFile: secrets/s } }'),
    'expected kind: shadowserver for this way, got "n6"',
  ],
  ['a queue of another format', feed('shadowserver', '{ redis: { host: localhost, queue: q } }'), 'kind: intelmq'],
  ['a server twice', feed('intelmq', '{ redis: { host: localhost, socket: s, queue: q } }'), 'host or socket'],
  [
    'a user in an address',
    feed('n6', '{ n6: { url: "https://u:p@n6.example/x.json", keyFile: secrets/k } }'),
    'without user',
  ],
  ['another scheme', feed('n6', '{ n6: { url: "gopher://n6.example/x.json", keyFile: secrets/k } }'), 'an https URL'],
  ['a post without a key', feed('xarf', '{ post: {} }'), 'keyFiles, signatureKeyFiles or both'],
  ['a silence of minutes', '  - { name: one, kind: xarf, silence: 5min }\n', 'a duration from 1h'],
])('%s is a fault', (_what, feeds, said) => {
  expect(faultsOf(feeds)).toContain(said);
});

test('keys that are too short, or no header, or somebody else’s are faults', () => {
  const post = feed('xarf', '{ post: { signatureKeyFiles: [secrets/k] } }');
  expect(faultsOf(post, { 'secrets/k': 'sixteen octets!!' })).toContain('a secret of at least 32 octets');
  const n6 = feed('n6', '{ n6: { url: "https://n6.cert.example/report/inside.json", keyFile: secrets/k } }');
  expect(faultsOf(n6, { 'secrets/k': 'a key\r\nX-Other: header' })).toContain('one line of printable characters');
  const both = feed('xarf', '{ post: { keyFiles: [secrets/honeypot.key] } }');
  expect(faultsOf(both), 'F03: of a source of reports').toContain('a key that stands nowhere else');
});

test('a source may sign instead of carrying a key, or do both; neither is a fault', () => {
  const change = (to: string) => SAMPLE.replace('keyFiles: [secrets/honeypot.key]', to);
  expect(faultsOf(SHADOWSERVER, {}, change('signatureKeyFiles: [secrets/sign]'))).toBe('');
  expect(faultsOf(SHADOWSERVER, {}, change('keyFiles: [secrets/a]\n      signatureKeyFiles: [secrets/b]'))).toBe('');
  expect(faultsOf(SHADOWSERVER, {}, change('# none'))).toContain('keyFiles, signatureKeyFiles or both');
  expect(faultsOf(SHADOWSERVER, {}, change('keyFiles: [secrets/a]\n      signatureKeyFiles: [secrets/a]'))).toContain(
    'nowhere else',
  );
});
