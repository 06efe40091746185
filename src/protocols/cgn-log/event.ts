// From a record to an event of a configured source: realms, and one time. A record whose time nobody can be sure of is refused: an
// hour's error is another household.
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { type OffsetAt, placeStamp, type Stamp, type StampFault } from '../../core/kernel/stamp.ts';
import { type Instant, MINUTE } from '../../core/kernel/time.ts';
import type { TranslationEvent } from '../../core/line/translation.ts';
import type { CgnRecord } from './record.ts';

export interface SourceFacts {
  /** As events name it. */
  readonly source: string;
  readonly outsideRealm: string;
  readonly insideRealm: string;
  /** VRF or instance → realm. One that is not listed is a realm of its own: its addresses are nobody's that we know. */
  readonly realms: ReadonlyMap<string, string>;
  /** Of stamps without a zone; absent: such records are refused. */
  readonly offsetAt?: OffsetAt;
  /** What its clock is ahead by, ms; negative: behind. */
  readonly clockAheadMs: number;
}

export type EventFault = StampFault | 'time-missing' | 'times-differ';

/** Head and record are written by one box within seconds: what is further apart was read in the wrong zone. */
const TIMES_DIFFER_MS = 10 * MINUTE;

export function eventOf(
  record: CgnRecord,
  heard: { readonly stamp?: Stamp | undefined; readonly nearAt: Instant },
  facts: SourceFacts,
): Result<TranslationEvent, EventFault> {
  const at = timeOf(record.own, heard, facts);
  if (!at.ok) return at;
  const corrected = (instant: Instant) => instant - facts.clockAheadMs;
  return ok({
    source: facts.source,
    kind: record.kind,
    at: corrected(at.value),
    ...(record.sinceAt === undefined ? {} : { sinceAt: corrected(record.sinceAt) }),
    realm: facts.outsideRealm,
    outside: record.outside,
    ports: record.ports,
    ...(record.protocol === undefined ? {} : { protocol: record.protocol }),
    inside: { realm: insideRealm(record.vrf, facts), ip: record.inside },
  });
}

export function insideRealm(vrf: string | undefined, facts: Pick<SourceFacts, 'insideRealm' | 'realms'>): string {
  return vrf === undefined ? facts.insideRealm : (facts.realms.get(vrf) ?? `${facts.insideRealm}/${vrf}`);
}

function timeOf(
  own: Stamp | undefined,
  { stamp, nearAt }: { readonly stamp?: Stamp | undefined; readonly nearAt: Instant },
  { offsetAt }: SourceFacts,
): Result<Instant, EventFault> {
  const placing = { nearAt, ...(offsetAt === undefined ? {} : { offsetAt }) };
  const head = stamp === undefined ? undefined : placeStamp(stamp, placing);
  if (own === undefined) return head ?? err('time-missing');
  const placed = placeStamp(own, placing);
  // The head may come from a relay in another zone; only where both are instants, or the box wrote both, must they agree.
  const comparable = head?.ok === true && placed.ok && ('at' in own || 'at' in stamp!);
  if (comparable && Math.abs(head.value - placed.value) > TIMES_DIFFER_MS) return err('times-differ');
  return placed;
}
