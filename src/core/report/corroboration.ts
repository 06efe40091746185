// When two reports are two observations, and when they are one observation told twice. Weak classes need two independent
// sources (RFC 6561 §4; catalogue A09); one sensor's row that reached us through three feeds is still one.
import { HOUR, type Instant } from '../kernel/time.ts';
import { sameIp } from '../net/ip.ts';
import type { Report, ReportClass } from './report.ts';

/** Spoofable, or inferred from flows: never enough alone. */
const WEAK: ReadonlySet<ReportClass> = new Set(['attack-single-packet', 'c2-contact']);
/** What may stand beside a weak report: an observed attack or infection, weak or not. */
const SUPPORTING: ReadonlySet<ReportClass> = new Set([
  'infected-handshake',
  'attack-handshake',
  'attack-single-packet',
  'c2-contact',
]);
/** Feeds round: two rows closer than this may be one packet. */
const COPY_TOLERANCE_MS = 2000;
/** A line with so many rows that turn out to be copies has no second source that could be told from them. */
const MOST_TRIED = 200;

export function needsSecondSource(reportClass: ReportClass): boolean {
  return WEAK.has(reportClass);
}

/** The same observation told twice? Missing fields count as equal: a copy loses columns, it does not change them. */
export function isCopy(a: Report, b: Report): boolean {
  if (a.id === b.id) return true;
  if (!sameIp(a.ip, b.ip)) return false;
  const event = eventIdOf(a);
  if (event !== undefined && event === eventIdOf(b)) return true;
  if (differ(a.protocol, b.protocol)) return false;
  // An aggregated row says the port of its first sighting alone.
  if (differ(a.port, b.port) && !isSpan(a) && !isSpan(b)) return false;
  if (differ(a.destinationPort, b.destinationPort)) return false;
  if (a.destinationIp !== undefined && b.destinationIp !== undefined && !sameIp(a.destinationIp, b.destinationIp))
    return false;
  return sameMoment(a, b);
}

/** Shadowserver's, as itself and as IntelMQ pass it on. */
function eventIdOf({ extra }: Report): string | undefined {
  return extra['event_id'] ?? extra['extra.event_id'];
}

function differ<T>(a: T | undefined, b: T | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}

function isSpan(report: Report): boolean {
  return report.untilAt !== undefined && report.untilAt > report.observedAt;
}

/** From the end of one to the beginning of the other: an aggregated row may hold any sighting of its span. */
function apartMs(a: Report, b: Report): number {
  const [first, second] = a.observedAt <= b.observedAt ? [a, b] : [b, a];
  return Math.max(0, second.observedAt - (first.untilAt ?? first.observedAt));
}

function sameMoment(a: Report, b: Report): boolean {
  const apart = apartMs(a, b);
  const tolerance = Math.max(COPY_TOLERANCE_MS, a.precisionMs + b.precisionMs);
  if (apart <= tolerance) return true;
  // A forwarder that wrote local time without saying so: whole hours apart and the very same source port.
  const port = a.port !== undefined && a.port === b.port;
  return port && apart <= 14 * HOUR && Math.min(apart % HOUR, HOUR - (apart % HOUR)) <= COPY_TOLERANCE_MS;
}

/**
 * Is there an independent second source for this report among the line's reports of the window before and after it? Who told
 * one observation stands for all of them: a hub that repeated the one may have repeated the other, too.
 */
export function isCorroborated(
  report: Report,
  others: readonly Report[],
  by: { readonly windowMs: number; readonly origins?: Readonly<Record<string, string>> },
): boolean {
  const originOf = (source: string) => by.origins?.[source] ?? source;
  const tellers = new Set(
    [report, ...others.filter((other) => isCopy(report, other))].map((one) => originOf(one.source)),
  );
  const told = others.filter((other) => tellers.has(originOf(other.source)));
  let tried = 0;
  return others.some(
    (other) =>
      !tellers.has(originOf(other.source)) &&
      other.mayAct &&
      SUPPORTING.has(other.class) &&
      sameThreat(other.family, report.family) &&
      Math.abs(other.observedAt - report.observedAt) <= by.windowMs &&
      ++tried <= MOST_TRIED &&
      !told.some((one) => isCopy(one, other)),
  );
}

/** A darknet rarely knows the family: `unknown` speaks for any. */
function sameThreat(a: string, b: string): boolean {
  return a === b || a === 'unknown' || b === 'unknown';
}

/** Distinct observations in [fromAt, toAt]; at most `limit` are told apart, which is as far as any rule counts. */
export function countObservations(
  reports: readonly Report[],
  window: { readonly fromAt: Instant; readonly toAt: Instant; readonly limit: number },
): number {
  const distinct: Report[] = [];
  for (const report of reports) {
    if (distinct.length >= window.limit) break;
    if (report.observedAt < window.fromAt || report.observedAt > window.toAt) continue;
    if (!distinct.some((seen) => isCopy(seen, report))) distinct.push(report);
  }
  return distinct.length;
}
