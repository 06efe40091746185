// The wiring over an installation of its own: what must be true before anything is decided.
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { callOperation } from '../src/cli/call.ts';
import { type ComposeOptions, compose, type Engine } from '../src/compose.ts';
import type { Ip } from '../src/core/net/ip.ts';
import type { Report } from '../src/core/report/report.ts';
import { ingest } from '../src/flow/ingest.ts';
import { Service } from '../src/flow/service.ts';
import { judge, lookAround } from '../src/warnings.ts';
import { type Installation, installation } from './cli/installation.ts';

let here: Installation;
let engine: Engine | undefined;
beforeEach(() => {
  here = installation();
});
afterEach(async () => {
  await close();
  here.remove();
});
const QUIET: ComposeOptions = { quiet: true };
const open = async () => {
  engine = await compose(here.config, QUIET);
  return engine;
};
const close = async () => {
  await engine?.close();
  engine = undefined;
};
const codes = async (one: Engine) =>
  judge(await lookAround(one, {})).map(({ code, subject }) => `${code} ${subject}`.trim());

const reportOf = (ip: Ip, at: number): Report => ({
  id: 'r-1',
  source: 'honeypot',
  type: 'api',
  class: 'attack-handshake',
  mayAct: true,
  family: 'mirai',
  ip,
  protocol: 'tcp',
  destinationPort: 23,
  observedAt: at,
  precisionMs: 1000,
  evidence: { hash: 'later', line: 1 },
  extra: {},
});

test('an active policy that no longer parses is never replaced without a person: nothing is decided, and it is told', async () => {
  const first = await open();
  const active = first.shelf.active().version;
  await first.store.commit({
    settings: { 'policy-shelf': [{ version: active, name: 'p', text: 'no policy', activatedAt: 1, by: 'op' }] },
  });
  await close();
  const again = await open();
  expect(again.shelf.isMissing).toBe(true);
  expect(await again.store.setting('policy-active')).toBe(active);
  expect(await codes(again)).toContain('policy-missing');
  const service = new Service(again.flow);
  service.reportsArrived();
  await service.stop();
  await close();
  expect(await callOperation(here.config, { name: 'status' })).toMatchObject({ policy: null });
  await expect(callOperation(here.config, { name: 'breaker.approve' })).rejects.toThrow('engawa policy activate');
  const body = readFileSync(here.config.policy);
  await callOperation(here.config, { name: 'policy.activate', input: { name: 'policy.yaml' }, body });
  expect(await codes(await open())).not.toContain('policy-missing');
});

test('F07: a report about our own infrastructure acts on nobody and raises the alarm on its source', async () => {
  const one = await open();
  const portal = here.config.gateways[0]!.spec.portal.ip4;
  expect(await codes(one)).not.toContain('source-names-us honeypot');
  await ingest(one.flow, {
    source: 'honeypot',
    name: 'delivery',
    bytes: Buffer.from('[]'),
    rows: async function* (hash) {
      yield { ...reportOf(portal, one.clock.now() - 60_000), evidence: { hash, line: 1 } };
    },
  });
  await one.flow.decider.run();
  expect(await codes(one)).toContain('source-names-us honeypot');
  expect(await one.store.openCaseCounts()).toEqual({ states: {}, waitForSupport: 0 });
});
