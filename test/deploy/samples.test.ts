// Everything in deploy/ through the parsers that read it in service, together: what is installed works as it stands.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { formatFault } from '../../src/config/faults.ts';
import { type Config, load } from '../../src/config/load.ts';
import { loadPolicy } from '../../src/config/policy.ts';
import { overlaps, prefixOf } from '../../src/core/net/prefix.ts';
import { loadGuides } from '../../src/http/portal/guides.ts';
import { parseProbes } from '../../src/protocols/capport/probes.ts';
import { diffLines } from '../../src/protocols/lines-csv/diff.ts';
import { parseLines } from '../../src/protocols/lines-csv/parse.ts';
import { renderRuleset } from '../../src/protocols/nftables/ruleset.ts';
import { decodeSpec, encodeSpec } from '../../src/protocols/nftables/spec-json.ts';

const DEPLOY = new URL('../../deploy/', import.meta.url).pathname;
let folder: string;
let config: Config;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'engawa-samples-'));
  cpSync(DEPLOY, folder, { recursive: true });
  mkdirSync(join(folder, 'secrets'));
  for (const name of ['bng1', 'honeypot.key']) writeFileSync(join(folder, 'secrets', name), 'a secret of the test\n');
  mkdirSync(join(folder, 'tls'));
  const [key, cert] = [join(folder, 'tls/portal.key'), join(folder, 'tls/portal.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const names = ['-subj', '/CN=portal.isp.example', '-addext', 'subjectAltName=DNS:portal.isp.example'];
  execFileSync('openssl', ['req', '-x509', ...curve, '-nodes', '-days', '1', ...names, '-keyout', key, '-out', cert], {
    stdio: 'ignore',
    timeout: 20_000,
  });
  const loaded = load(join(folder, 'engawa.yaml'));
  if (!loaded.ok) throw new Error(loaded.error.map(formatFault).join('\n'));
  config = loaded.value;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the samples of deploy/', () => {
  test('the policy loads with the families and packs beside it', () => {
    const policy = loadPolicy(readFileSync(config.policy, 'utf8'), config.policy, { families: config.families });
    expect(policy.ok ? [] : policy.error.map(formatFault)).toEqual([]);
    expect(config.packs.length).toBeGreaterThan(0);
  });

  test('the certificate of the portal is read where the configuration says', () => {
    const [cert, key] = [readFileSync(config.portal.certFile), readFileSync(config.portal.keyFile)];
    expect(() => createSecureContext({ cert, key })).not.toThrow();
  });

  test('guides and probes load', () => {
    expect(() => loadGuides(config.guides)).not.toThrow();
    expect(parseProbes(parse(readFileSync(join(folder, 'probes.yaml'), 'utf8'))).ok).toBe(true);
  });

  test('the helper reads back what the configuration tells it, and a ruleset comes of it', () => {
    for (const { spec } of config.gateways) {
      const told = decodeSpec(encodeSpec(spec));
      expect(told.ok && renderRuleset(told.value)).toBe(renderRuleset(spec));
    }
  });

  test('each gateway carries the sessions of accounting clients that exist', () => {
    const clients = config.accounting.clients.map((client) => client.name);
    const named = config.gateways.flatMap((gateway) => gateway.nasIdentities);
    expect(named).not.toEqual([]);
    expect(named.filter((name) => !clients.includes(name))).toEqual([]);
  });

  test('the lines import cleanly beside this network, and their static prefixes lie in its pools', async () => {
    const reserved = config.gateways.flatMap(({ spec }) => [
      ...spec.infrastructure,
      ...spec.lifelines.flatMap((lifeline) => lifeline.prefixes),
      ...[spec.portal.ip4, spec.portal.ip6, spec.sink.ip4, spec.sink.ip6].map((ip) => prefixOf(ip)),
    ]);
    const parsed = await parseLines({ bytes: [readFileSync(join(folder, 'lines.csv'))], reserved });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
    const diff = diffLines(new Map(), parsed.value, { now: 0 });
    if (!diff.ok) throw new Error(JSON.stringify(diff.error));
    expect(diff.value.added).toHaveLength(parsed.value.lines.length);
    expect(
      diff.value.added.some((line) => line.protected),
      'one line shows what protection looks like',
    ).toBe(true);
    const pools = config.gateways.flatMap(({ spec }) => spec.pools);
    const outside = diff.value.added.flatMap((line) =>
      line.staticPrefixes.filter((prefix) => !pools.some((pool) => overlaps(pool, prefix))),
    );
    expect(outside).toEqual([]);
    expect(diff.value.added.filter((line) => line.language !== undefined).map((line) => line.language)).toSatisfy(
      (languages: string[]) => languages.every((one) => config.languages.offered.includes(one)),
    );
  });
});
