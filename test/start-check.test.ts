// What `config check` calls good starts: each thing that once loaded and then ended the service at its start is told before.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { formatFault } from '../src/config/faults.ts';
import { load } from '../src/config/load.ts';
import { startFaults } from '../src/start-check.ts';

const DEPLOY = new URL('../deploy/', import.meta.url).pathname;
let folder: string;
let pair: { readonly cert: string; readonly key: string };

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'engawa-start-'));
  pair = certificate('portal.isp.example');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function certificate(name: string) {
  const [cert, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const done = spawnSync('openssl', [...made, ...subject, '-keyout', key, '-out', cert], { timeout: 10_000 });
  if (done.status !== 0) throw new Error(String(done.stderr));
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
}

/** The sample as an operator finishes it; then one thing is wrong. */
beforeEach(() => {
  cpSync(DEPLOY, join(folder, 'etc'), { recursive: true });
  for (const part of ['secrets', 'tls']) mkdirSync(join(folder, 'etc', part), { recursive: true });
  write('secrets/bng1', 'sixteen octets!!');
  write('secrets/honeypot.key', 'seventeen octets!');
  write('tls/portal.pem', pair.cert);
  write('tls/portal.key', pair.key);
  edit('engawa.yaml', 'stateFolder: /var/lib/engawa', 'stateFolder: state');
});

const at = (name: string) => join(folder, 'etc', name);
const write = (name: string, text: string) => writeFileSync(at(name), text);
function edit(name: string, from: string, to: string): void {
  const text = readFileSync(at(name), 'utf8');
  expect(text).toContain(from);
  write(name, text.replace(from, to));
}
function faults(): readonly string[] {
  const loaded = load(at('engawa.yaml'));
  if (!loaded.ok) return loaded.error.map(formatFault);
  return startFaults(loaded.value).map((fault) => formatFault(fault).replaceAll(`${folder}/etc/`, ''));
}

describe('what loads starts', () => {
  test('the finished sample has nothing against a start', () => {
    expect(faults()).toEqual([]);
  });

  test("a certificate that is empty, missing, another key's or another name's is told at its place", () => {
    write('tls/portal.pem', '');
    expect(faults()[0]).toMatch(
      /^engawa\.yaml:\d+:\d+: expected a certificate and its key \(PEM\), got .*\(portal\.certFile\)$/,
    );
    rmSync(at('tls/portal.pem'));
    expect(faults()[0]).toContain('ENOENT');
    const other = certificate('other.isp.example');
    write('tls/portal.pem', other.cert);
    expect(faults()).toHaveLength(1);
    write('tls/portal.key', other.key);
    expect(faults()[0]).toContain('the certificate does not name portal.isp.example');
  });

  test('a language without texts is told', () => {
    edit('engawa.yaml', 'offered: [ja, ja-easy, en]', 'offered: [ja, fr]');
    expect(faults()[0]).toContain('expected languages out of en, ja, ja-easy, got fr (languages.offered)');
  });

  test('guides that cannot be read are told', () => {
    write('guides/guides.yaml', 'devices: [a]\n');
    expect(faults()[0]).toContain('(guides)');
  });

  test('two packs whose names are one in the kernel are told', () => {
    const pack = (name: string) => `name: ${name}\npurpose: p\nprefixes: [198.51.100.7]\nports: [443]\n`;
    write('packs/one.yaml', pack('a-b'));
    write('packs/two.yaml', pack('a--b'));
    expect(faults()[0]).toContain('(gateways[0])');
    rmSync(at('packs/one.yaml'));
    rmSync(at('packs/two.yaml'));
  });

  test('a first policy that names a source nobody configured is told, with its place in the policy', () => {
    edit('policy.yaml', 'match:', 'match:\n      source: [no-such-source]');
    expect(faults()[0]).toMatch(/policy\.yaml:\d+:\d+: expected a configured source or feed, got "no-such-source"/);
  });
});
