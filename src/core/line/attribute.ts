// Address, port, protocol, time ± δ → a line, or an honest refusal to name one. Pure: the same look-up gives the same
// answer years later. It never guesses: «unique» needs one line with evidence for the whole window (invariant 2).
import type { Instant } from '../kernel/time.ts';
import type { Ip } from '../net/ip.ts';
import { containsIp, type Prefix, samePrefix } from '../net/prefix.ts';
import type { Report } from '../report/report.ts';
import type { Attribution, AttributionKind } from './attribution.ts';
import type { Binding } from './binding.ts';
import type { Line } from './line.ts';
import { certainFrom, certainlyTouches, coveredUntil, mayTouch, type Window, windowOf } from './window.ts';

export interface Ranges {
  /** Where our lines live. Empty = not configured: every address may be ours. */
  readonly ours: readonly Prefix[];
  /** Portal, resolvers, SBC, lifelines…: never a line. */
  readonly infrastructure: readonly Prefix[];
  /** Addresses several lines share (CGN, MAP-E): without a port nobody can be named (RFC 6302 §4). */
  readonly shared: readonly Prefix[];
}

export interface Question {
  readonly report: Pick<Report, 'ip' | 'port' | 'protocol' | 'observedAt' | 'precisionMs'>;
  /** When we got the report, not when somebody looks at it again. */
  readonly arrivedAt: Instant;
  readonly holders: { readonly bindings: readonly Binding[]; readonly skewMs: number; readonly interimMs: number };
  /** By access key: every line named in `holders`, as far as it exists. */
  readonly lines: ReadonlyMap<string, Line>;
  readonly ranges: Ranges;
  /** What arithmetic says of this address and port (core/line/sharing); left out: nothing. */
  readonly sharing?: Sharing;
  /** Only the moment itself as the feed and the clocks leave it in doubt, without the margin a first answer needs. */
  readonly narrow?: boolean;
  readonly now: Instant;
}

export interface Sharing {
  /** Several lines share the address, whatever bindings say. */
  readonly isShared: boolean;
  /** Nobody can have this port. */
  readonly impossible?: string;
  /** Its translator gives ports for one protocol at a time, and the report does not say which. */
  readonly lacksProtocol?: boolean;
}

export function attribute(question: Question): Attribution {
  const { report, ranges, arrivedAt } = question;
  const matching = question.holders.bindings.filter((one) => containsIp(one.prefix, report.ip));
  const window = windowFor(question, matching);
  const say = answerer(question, window);
  if (isIn(ranges.infrastructure, report.ip)) return say('not-ours', 'infrastructure', []);
  // Whoever speaks of an address as shared speaks of one of ours.
  const isOurs = ranges.ours.length === 0 || isIn(ranges.ours, report.ip) || question.sharing !== undefined;
  if (!isOurs && !isIn(ranges.shared, report.ip)) return say('not-ours', 'address-outside-our-ranges', []);
  if (window.fromAt > arrivedAt) return say('impossible', 'observed-in-the-future', []);
  const touching = matching.filter((one) => mayTouch(one, window));
  const refused = refuseShared(question, matching, touching);
  if (refused !== undefined) return say(refused.kind, refused.reason, touching);
  const answering = touching.filter((one) => one.ports === undefined || portIn(one, report.port!));
  if (answering.length === 0) return say(...nobody(question, matching, window));
  const keys = new Set(answering.map((one) => lineOf(question, one)?.id ?? `?${one.accessKey}`));
  if (keys.size > 1) return say('ambiguous', severalReason(answering, window), answering);
  return judgeOne(question, window, answering);
}

/** Exactly one line is named: does its evidence cover the whole window, and was it this customer? */
function judgeOne(question: Question, window: Window, answering: readonly Binding[]): Attribution {
  const say = answerer(question, window);
  const line = lineOf(question, answering[0]!);
  if (line === undefined) return say(...strangerReason(question, window, answering), answering);
  // A05: a line id handed to a new customer never answers for the customer before.
  if (line.epochStartedAt > window.toAt) return say('stale', 'previous-customer', answering);
  if (line.epochStartedAt > window.fromAt) return say('ambiguous', 'customer-changed-in-window', answering);
  if (line.contract === 'ended') return say('stale', 'contract-ended', answering);
  const gap = firstGap(question, window, answering);
  if (gap !== undefined) return say(...gap, answering);
  const binding = answering.reduce((best, one) => (one.certainEndAt > best.certainEndAt ? one : best));
  const provisional = binding.source === 'accounting' && binding.certainEndAt < window.toAt;
  return { ...say('unique', provisional ? 'open-tail' : 'covered', answering), binding, provisional };
}

/** No line of ours: a login nobody imported, or an inside address whose holder is not known, or no longer. */
function strangerReason(question: Question, window: Window, answering: readonly Binding[]): [AttributionKind, string] {
  if (!answering[0]!.accessKey.startsWith('?')) return ['none', 'access-key-unknown'];
  const inside = new Set(answering.map((one) => one.via?.id));
  const older = question.holders.bindings.some(
    (one) => one.closedBy === 'timeout' && one.certainEndAt < window.fromAt && inside.has(one.via?.id),
  );
  return older ? ['stale', 'last-evidence-too-old'] : ['none', 'inside-holder-unknown'];
}

/** Walks the window from its start; what no evidence of the line covers is a gap, and its place gives the reason. */
function firstGap(
  question: Question,
  window: Window,
  answering: readonly Binding[],
): [AttributionKind, string] | undefined {
  const spans = answering
    .map((one) => ({
      fromAt: certainFrom(one),
      toAt: coveredUntil(one, question.holders.interimMs, tailLimit(question)),
    }))
    .filter((span) => span.toAt >= span.fromAt)
    .sort((a, b) => a.fromAt - b.fromAt);
  let coveredAt = Number.NEGATIVE_INFINITY;
  for (const span of spans) {
    if (span.toAt < window.fromAt) continue;
    if (coveredAt < window.fromAt ? span.fromAt > window.fromAt : span.fromAt > coveredAt)
      return ['ambiguous', coveredAt < window.fromAt ? 'holder-began-in-window' : 'gap-in-window'];
    coveredAt = Math.max(coveredAt, span.toAt);
    if (coveredAt >= window.toAt) return undefined;
  }
  if (answering.every((one) => one.closedBy !== undefined && one.closedBy !== 'timeout') && coveredAt >= window.fromAt)
    // A NAS that came back tells of an end that nobody saw: it may have held until then.
    return [
      'ambiguous',
      answering.some((one) => one.closedBy === 'nas-reset') ? 'nas-reset-in-window' : 'holder-ended-in-window',
    ];
  return ['stale', 'last-evidence-too-old'];
}

/** The open tail reaches to the arrival of the report, as the NAS's clock may have shown it. */
function tailLimit(question: Question): Instant {
  return Math.min(question.arrivedAt, question.now) + question.holders.skewMs;
}

function refuseShared(
  question: Question,
  matching: readonly Binding[],
  touching: readonly Binding[],
): { readonly kind: AttributionKind; readonly reason: string } | undefined {
  const { report, ranges } = question;
  const blocks = touching.filter((one) => one.ports !== undefined);
  const isShared = question.sharing?.isShared === true || isIn(ranges.shared, report.ip);
  if (blocks.length === 0 && !isShared) return undefined;
  // ICMP has no port, and a single line in the list may only mean that we know no other yet.
  if (report.protocol === 'icmp') return { kind: 'impossible', reason: 'shared-address-icmp' };
  if (report.port === undefined) return { kind: 'ambiguous', reason: 'shared-address-without-port' };
  if (touching.some((one) => one.ports === undefined)) return { kind: 'ambiguous', reason: 'shared-address' };
  // The record of the other protocol's holder may be the one that was lost.
  if (question.sharing?.lacksProtocol === true) return { kind: 'ambiguous', reason: 'shared-address-without-protocol' };
  const { impossible } = question.sharing ?? {};
  if (impossible !== undefined) return { kind: 'impossible', reason: impossible };
  const known = matching.some((one) => one.ports !== undefined && one.via === undefined);
  if (known && !blocks.some((one) => portIn(one, report.port!)))
    return { kind: 'impossible', reason: 'port-outside-blocks' };
  return undefined;
}

function nobody(
  question: Question,
  matching: readonly Binding[],
  window: Window,
): [AttributionKind, string, readonly Binding[]] {
  const older = matching.filter((one) => one.closedBy === 'timeout' && one.certainEndAt < window.fromAt);
  if (older.length > 0) return ['stale', 'last-evidence-too-old', older];
  const isShared = question.sharing?.isShared === true || isIn(question.ranges.shared, question.report.ip);
  return ['none', isShared && matching.length === 0 ? 'no-translation' : 'no-holder', []];
}

function severalReason(answering: readonly Binding[], window: Window): string {
  const seen = answering.filter((one) => certainlyTouches(one, window)).sort((a, b) => certainFrom(a) - certainFrom(b));
  const overlap = seen.some((one, i) =>
    seen.slice(i + 1).some((next) => next.accessKey !== one.accessKey && certainFrom(next) <= one.certainEndAt),
  );
  return overlap ? 'overlapping-holders' : 'holder-changed-in-window';
}

function answerer(question: Question, window: Window) {
  return (kind: AttributionKind, reason: string, named: readonly Binding[]): Attribution => ({
    kind,
    reason,
    candidates: named.flatMap((one) => {
      const line = lineOf(question, one);
      return line === undefined ? [] : [{ lineId: line.id, epoch: line.epoch, bindingId: one.id }];
    }),
    ...viaOf(named),
    deltaMs: window.deltaMs,
    window: { fromAt: window.fromAt, toAt: window.toAt },
    provisional: false,
  });
}

function viaOf(named: readonly Binding[]): Pick<Attribution, 'via'> {
  const steps = new Map(named.flatMap((one) => (one.via === undefined ? [] : [[one.via.id, one.via]])));
  return steps.size === 0 ? {} : { via: [...steps.values()] };
}

function windowFor(question: Question, matching: readonly Binding[]): Window {
  const { report, holders, arrivedAt } = question;
  const dynamic = matching.some((one) => one.source === 'accounting');
  const { observedAt, precisionMs } = report;
  const narrow = question.narrow === true;
  return windowOf({ observedAt, precisionMs, arrivedAt, dynamic, skewMs: holders.skewMs, narrow });
}

/** What an earlier `unique` for a line is worth when the same question is asked again, with what is known by now. */
export type Standing = 'stands' | 'another-holder' | 'ended' | 'unclear';

/** A record now says that the line did not hold the address for all of the window. Silence says no such thing. */
const ENDED: ReadonlySet<string> = new Set([
  'no-holder',
  'holder-ended-in-window',
  'holder-began-in-window',
  'gap-in-window',
]);
const ANOTHER: ReadonlySet<string> = new Set([
  'overlapping-holders',
  'holder-changed-in-window',
  // Named as its one holder, and now there are several whom nothing tells apart: it may as well have been any of them.
  'shared-address-without-port',
  'shared-address-without-protocol',
]);

/** `inside`: what stood behind the shared address by the earlier answer. */
export function standingFor(lineId: string, again: Attribution, inside: readonly Prefix[] = []): Standing {
  if (again.kind === 'unique') return again.candidates[0]?.lineId === lineId ? 'stands' : 'another-holder';
  // A holder that no line of ours is known for is another holder all the same.
  if (ANOTHER.has(again.reason)) return 'another-holder';
  if (again.candidates.some((candidate) => candidate.lineId !== lineId)) return 'another-holder';
  // By a rule or a log somebody else stood there. The same inside as before, its records gone (purged, too): that names nobody else.
  if (again.via !== undefined && again.reason === 'inside-holder-unknown')
    return again.via.every((one) => inside.some((known) => samePrefix(known, one.inside))) ? 'ended' : 'another-holder';
  // By the rules as they are now nobody can have had that port, this line neither.
  if (again.kind === 'impossible') return 'another-holder';
  // It has the address whole by its own records, and what stood behind the port is not its own.
  if (again.reason === 'shared-address' && !(again.via ?? []).some((one) => one.bindingId !== undefined))
    return 'another-holder';
  return ENDED.has(again.reason) ? 'ended' : 'unclear';
}

function lineOf(question: Question, binding: Binding): Line | undefined {
  return question.lines.get(binding.accessKey);
}

function portIn(binding: Binding, port: number): boolean {
  return binding.ports !== undefined && port >= binding.ports.low && port <= binding.ports.high;
}

function isIn(prefixes: readonly Prefix[], ip: Ip): boolean {
  return prefixes.some((prefix) => containsIp(prefix, ip));
}
