// Orders about gateways: how each stands, try again what one refused, one test line through it end to end.
import { formatInstant } from '../../core/kernel/civil.ts';
import type { Prefix } from '../../core/net/prefix.ts';
import { formatPrefix } from '../../core/net/prefix.ts';
import type { Flow } from '../../flow/assemble.ts';
import { type ProbeParts, type ProbeStep, probeGateway } from '../../flow/gateway-probe.ts';
import type { OperationContext, Operations } from '../../flow/operations.ts';
import type { Json } from '../../flow/ports.ts';
import { text } from './input.ts';
import { notDone } from './refusal.ts';

/** A gateway with a queue of its own, as the wiring knows it. */
export interface AskedGateway {
  readonly name: string;
  readonly enforcer: ProbeParts['enforcer'];
  readonly nasIdentities: readonly string[];
  /** A proof comes with the next record at the latest. */
  readonly interimMs: number;
  /** Facts, progress and standing for people: plain values. */
  readonly view: () => Readonly<Record<string, Json>>;
  readonly retryNow: () => void;
}

const ACK_MS = 60_000;
const PROOF_SPARE_MS = 10_000;
const PROOF_MOST_MS = 20 * 60_000;

export function gatewayOperations(flow: Flow, gateways: readonly AskedGateway[]): Operations {
  return {
    'gateway.list': async () => ({ gateways: await listOf(flow, gateways) }),
    'gateway.retry': async (input, { by }) => {
      const gateway = named(gateways, text(input, 'name'));
      gateway.retryNow();
      await record(flow, by, 'gateway-retried', { gateway: gateway.name });
      return { gateway: gateway.name, ...gateway.view() };
    },
    'gateway.probe': async (input, context) => {
      const gateway = named(gateways, text(input, 'name'));
      const prefixes = await testPrefixes(flow, gateway, text(input, 'line'));
      return probe(flow, gateway, prefixes, context);
    },
  };
}

/** What the reconciler saw of every gateway, and of those with a queue how it goes. */
async function listOf(flow: Flow, gateways: readonly AskedGateway[]): Promise<readonly Json[]> {
  const seen = new Map(flow.reconciler.health().map((one) => [one.gateway, one]));
  const list: Json[] = [];
  for (const { name, families = { ipv4: true, ipv6: true } } of flow.gateways) {
    const health = seen.get(name);
    const asked = gateways.find((one) => one.name === name);
    list.push({
      gateway: name,
      kind: asked === undefined ? 'nftables' : 'radius',
      families: { ...families },
      answers: health === undefined ? 'not asked yet' : health.skeleton === 'unknown' ? 'no' : 'yes',
      checkedAt: health === undefined ? null : formatInstant(health.checkedAt),
      missing: health?.missing ?? 0,
      extra: health?.extra ?? 0,
      ...(asked === undefined ? {} : asked.view()),
      probe: (await flow.store.setting(probeKey(name))) ?? null,
    });
  }
  return list;
}

function named(gateways: readonly AskedGateway[], name: string): AskedGateway {
  const found = gateways.find((one) => one.name === name);
  if (found !== undefined) return found;
  const known = gateways.map((one) => one.name).join(', ');
  throw notDone('gateway-unknown', `no gateway of kind radius is called «${name}»; known: ${known || 'none'}`);
}

/** The line must be nobody's trouble: not in the garden, not protected, and online behind this very gateway. */
async function testPrefixes(flow: Flow, gateway: AskedGateway, lineId: string): Promise<readonly Prefix[]> {
  if (flow.hold.current().on) throw notDone('hold-on', 'hold is on: nothing may begin. Next: engawa hold off');
  const line = await flow.store.line(lineId);
  if (line === undefined) throw notDone('line-unknown', `no line «${lineId}»`);
  if (line.protected) throw notDone('line-protected', `${lineId} is protected: take a line made for tests`);
  if ((await flow.store.openCasesOfLine(lineId, line.epoch)).length > 0)
    throw notDone('line-has-case', `${lineId} has an open case: take a line made for tests`);
  const { ipv4, ipv6 } = flow.gateways.find(({ name }) => name === gateway.name)?.families ?? {
    ipv4: true,
    ipv6: true,
  };
  const prefixes = (await flow.bindings.openOf(line.accessKey))
    .filter((one) => one.nas !== undefined && gateway.nasIdentities.includes(one.nas) && one.ports === undefined)
    .map((one) => one.prefix)
    .filter(({ ip }) => (ip.family === 4 ? ipv4 : ipv6));
  if (prefixes.length > 0) return prefixes;
  throw notDone('line-offline', `${lineId} has no session behind ${gateway.name}: let it dial in, then try again`);
}

async function probe(
  flow: Flow,
  gateway: AskedGateway,
  prefixes: readonly Prefix[],
  { by, progress }: OperationContext,
): Promise<Json> {
  await record(flow, by, 'gateway-probed', { gateway: gateway.name, prefixes: prefixes.length });
  const steps = await probeGateway({
    enforcer: gateway.enforcer,
    clock: flow.clock,
    prefixes,
    ackWithinMs: ACK_MS,
    proofWithinMs: Math.min(PROOF_MOST_MS, gateway.interimMs + PROOF_SPARE_MS),
    progress: (said) => progress({ step: said }),
  });
  const learned = { at: formatInstant(flow.clock.now()), steps: steps.map(stepJson) };
  await flow.store.commit({ settings: { [probeKey(gateway.name)]: learned } });
  return { gateway: gateway.name, prefixes: prefixes.map(formatPrefix), ...learned, ...gateway.view() };
}

function stepJson(step: ProbeStep): Json {
  return { ...step };
}

function probeKey(gateway: string): string {
  return `gateway-probe:${gateway}`;
}

async function record(flow: Flow, by: string, action: string, detail: Readonly<Record<string, Json>>): Promise<void> {
  await flow.store.commit({ audit: [{ at: flow.clock.now(), actor: { kind: 'staff', name: by }, action, detail }] });
}
