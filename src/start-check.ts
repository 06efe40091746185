// What loads may still not start: certificates, languages and guides are tried here as the service will use them, so that
// `config check` and an upgrade find out before anything is stopped. Part of the wiring; changes and listens to nothing.
import { createPrivateKey, hash, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { createNotifiers } from './adapters/notifier/create.ts';
import { placeOf } from './config/document.ts';
import type { Fault } from './config/faults.ts';
import type { Config } from './config/load.ts';
import { loadPolicy } from './config/policy.ts';
import { createKeyring } from './http/intake/keys.ts';
import { loadMessages } from './http/messages.ts';
import { loadGuides } from './http/portal/guides.ts';
import { LANGUAGES } from './http/portal/languages.ts';
import { declaredSets } from './protocols/nftables/sets.ts';

/** Everything that would keep this configuration from starting; empty = it starts, as far as files can tell. */
export function startFaults(config: Config): readonly Fault[] {
  const faults: Fault[] = [];
  const text = readFileSync(config.path, 'utf8');
  const attempt = (path: string, expected: string, work: () => void) => {
    try {
      work();
    } catch (cause) {
      faults.push({ ...placeOf(text, config.path, path), path, expected, got: reasonOf(cause) });
    }
  };
  attempt('portal.certFile', 'a certificate and its key (PEM)', () => certificateFits(config));
  attempt('languages.offered', `languages out of ${LANGUAGES.map((one) => one.tag).join(', ')}`, () => textsOf(config));
  attempt('guides', 'guides that can be read', () => loadGuides(config.guides));
  attempt('intake.sources', 'keys that tell the sources apart', () => {
    createKeyring(
      config.intake.sources.map(({ name, keys }) => ({
        name,
        keyHashes: keys.map((key) => hash('sha256', key, 'hex')),
      })),
    );
  });
  attempt('mail', 'a way to send messages', () => createNotifiers(config));
  for (const [i, { spec }] of config.gateways.entries())
    attempt(`gateways[${i}]`, 'packs and lifelines whose names stay apart in the kernel', () => declaredSets(spec));
  return [...faults, ...policyFaults(config)];
}

function certificateFits(config: Config): void {
  const { certFile, keyFile, names } = config.portal;
  const [cert, key] = [readFileSync(certFile), readFileSync(keyFile)];
  createSecureContext({ cert, key });
  const first = new X509Certificate(cert);
  if (!first.checkPrivateKey(createPrivateKey(key))) throw new Error('the key belongs to another certificate');
  const foreign = names.find((name) => first.checkHost(name) === undefined);
  if (foreign !== undefined) throw new Error(`the certificate does not name ${foreign}`);
}

function textsOf(config: Config): void {
  const unknown = config.languages.offered.find((tag) => !LANGUAGES.some((one) => one.tag === tag));
  if (unknown !== undefined) throw new Error(unknown);
  loadMessages({ operator: '', phone: '', portal: '' }, config.languages);
}

/** The file is read once, at the first start; later versions come by `engawa policy activate`. */
function policyFaults(config: Config): readonly Fault[] {
  if (existsSync(join(config.stateFolder, 'engawa.db'))) return [];
  try {
    const loaded = loadPolicy(readFileSync(config.policy, 'utf8'), config.policy, policyFacts(config));
    return loaded.ok ? [] : loaded.error;
  } catch (cause) {
    return [{ file: config.policy, line: 1, column: 1, path: '', expected: 'a readable policy', got: reasonOf(cause) }];
  }
}

/** What a policy may name. */
export function policyFacts(config: Config) {
  return {
    families: config.families,
    sources: [...config.intake.sources, ...config.feeds].map((one) => one.name),
  };
}

function reasonOf(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).split('\n')[0]!.slice(0, 200);
}
