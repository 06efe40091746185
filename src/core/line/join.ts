// The second step of a shared address: from what stood behind the port (a rule's prefix, a log's inside address) to the line that
// held that. A joined binding is no surer than both of its steps, and never lasts longer than either.
import type { Instant } from '../kernel/time.ts';
import type { Ip } from '../net/ip.ts';
import { formatPrefix, overlaps, type Prefix, prefixOf } from '../net/prefix.ts';
import { hasPort, type PortRange } from '../net/transport.ts';
import type { Binding } from './binding.ts';
import type { SharedAnswer } from './sharing/rules.ts';
import type { Translation } from './translations.ts';
import { certainFrom, coveredUntil, type Window } from './window.ts';

/** The first step: who stood behind this port, as a rule or a log says. */
export interface Step {
  readonly kind: 'map-e' | 'lw4o6' | 'deterministic-cgn' | 'translation-log';
  /** Of the rule or of the translation. */
  readonly id: string;
  readonly realm: string;
  readonly outside: Ip;
  /** Undefined: a rule that gives the whole address to one line. */
  readonly ports?: PortRange;
  /** A log's block for this protocol alone; another protocol's may be another household's. */
  readonly protocol?: Translation['protocol'];
  readonly inside: { readonly realm: string; readonly prefix: Prefix };
  readonly startAt: Instant;
  readonly certainFromAt: Instant;
  readonly certainEndAt: Instant;
  readonly coveredUntilAt: Instant;
  readonly endAt?: Instant;
  readonly closedBy?: 'stop' | 'superseded';
}

/** A rule that holds all through the window has no end in it; one that changes inside begins and ends there. */
export function stepsOfRules(
  answers: readonly SharedAnswer[],
  asked: { readonly realm: string; readonly ip: Ip; readonly port?: number },
  window: Pick<Window, 'fromAt' | 'toAt'>,
): Step[] {
  return answers.flatMap((answer): Step[] => {
    if (answer.kind !== 'inside') return [];
    const ports = portsOf(answer.ports, asked.port);
    const fromAt = answer.fromAt <= window.fromAt ? Number.NEGATIVE_INFINITY : answer.fromAt;
    const toAt = answer.toAt >= window.toAt ? Number.POSITIVE_INFINITY : answer.toAt;
    return [
      {
        kind: answer.ruleKind,
        id: answer.ruleId,
        realm: asked.realm,
        outside: asked.ip,
        ...(ports === undefined ? {} : { ports }),
        inside: { realm: answer.realm, prefix: answer.prefix },
        startAt: fromAt,
        certainFromAt: fromAt,
        certainEndAt: toAt,
        coveredUntilAt: toAt,
        ...(toAt === Number.POSITIVE_INFINITY ? {} : { endAt: toAt, closedBy: 'superseded' as const }),
      },
    ];
  });
}

/** One household has all of it: no sharing. */
export function isWhole(ports: readonly PortRange[]): boolean {
  return ports.some(({ low, high }) => low <= 1 && high === 65_535);
}

/** The block the port lies in; a port set of everything is no sharing. */
function portsOf(set: readonly PortRange[], port: number | undefined): PortRange | undefined {
  if (isWhole(set)) return undefined;
  return set.find((range) => port !== undefined && hasPort(range, port)) ?? { low: port ?? 0, high: port ?? 0 };
}

export function stepOfLog(one: Translation): Step {
  const { id, realm, outside, ports, inside, startAt, certainFromAt, certainEndAt, coveredUntilAt } = one;
  return {
    kind: 'translation-log',
    id,
    realm,
    outside,
    ports,
    ...(one.protocol === undefined ? {} : { protocol: one.protocol }),
    inside: { realm: inside.realm, prefix: prefixOf(inside.ip) },
    ...{ startAt, certainFromAt, certainEndAt, coveredUntilAt },
    ...(one.endAt === undefined ? {} : { endAt: one.endAt, closedBy: one.closedBy ?? 'superseded' }),
  };
}

/** A step of a log speaks of moments, like a session; one of a rule holds as long as the rule. */
export function isLogged(step: Step): boolean {
  return step.kind === 'translation-log';
}

export interface Inner {
  /** Of any prefix that overlaps the step's: the line may hold a shorter one than the rule derives, or a longer one. */
  readonly bindings: readonly Binding[];
  readonly interimMs: number;
  /** As far as an open tail may reach. */
  readonly tailLimitAt: Instant;
}

/** One binding of the shared address per holder inside; one of nobody we know where there is none. */
export function joined(step: Step, inner: Inner, window: Pick<Window, 'fromAt' | 'toAt'>): Binding[] {
  const within = inner.bindings.filter((one) => overlaps(one.prefix, step.inside.prefix) && one.ports === undefined);
  const bindings = within.flatMap((one) => joinOne(step, one, inner));
  const touching = bindings.some((one) => one.startAt <= window.toAt && (one.endAt ?? window.toAt) >= window.fromAt);
  // Beside others in question «nobody we know» is a candidate like them.
  return touching ? bindings : [...bindings, nobodyKnown(step)];
}

function joinOne(step: Step, one: Binding, inner: Inner): Binding[] {
  const startAt = Math.max(step.startAt, one.startAt);
  const end = earlierEnd(step, one);
  if (end.endAt !== undefined && end.endAt < startAt) return [];
  const certainFromAt = Math.max(step.certainFromAt, certainFrom(one));
  return [
    {
      ...placeOf(step, one.id),
      id: `${one.id}\u0000${step.id}`,
      accessKey: one.accessKey,
      source: isLogged(step) ? 'accounting' : one.source,
      ...(one.nas === undefined ? {} : { nas: one.nas }),
      startAt,
      certainFromAt,
      certainEndAt: Math.min(step.certainEndAt, one.certainEndAt),
      coveredUntilAt: Math.min(step.coveredUntilAt, coveredUntil(one, inner.interimMs, inner.tailLimitAt)),
      ...end,
    },
  ];
}

/** An inside address that nobody of ours held then, as far as we know: no line may be named in its place. */
function nobodyKnown(step: Step): Binding {
  const { startAt, certainFromAt, certainEndAt, coveredUntilAt } = step;
  const { realm, prefix } = step.inside;
  return {
    ...placeOf(step),
    id: `nobody\u0000${step.id}`,
    accessKey: `?${realm} ${formatPrefix(prefix)}`,
    source: 'accounting',
    ...{ startAt, certainFromAt, certainEndAt, coveredUntilAt },
    ...(step.endAt === undefined ? {} : { endAt: step.endAt, closedBy: step.closedBy ?? 'superseded' }),
  };
}

function placeOf(step: Step, bindingId?: string): Pick<Binding, 'realm' | 'prefix' | 'ports' | 'via'> {
  return {
    realm: step.realm,
    prefix: prefixOf(step.outside),
    ...(step.ports === undefined ? {} : { ports: step.ports }),
    via: {
      kind: step.kind,
      id: step.id,
      realm: step.inside.realm,
      inside: step.inside.prefix,
      ...(bindingId === undefined ? {} : { bindingId }),
    },
  };
}

function earlierEnd(step: Step, one: Binding): Pick<Binding, 'endAt' | 'closedBy'> {
  const stepEnds = step.endAt !== undefined && step.endAt <= (one.endAt ?? Number.POSITIVE_INFINITY);
  if (stepEnds) return { endAt: step.endAt, closedBy: step.closedBy ?? 'superseded' };
  return one.endAt === undefined
    ? {}
    : { endAt: one.endAt, ...(one.closedBy === undefined ? {} : { closedBy: one.closedBy }) };
}
