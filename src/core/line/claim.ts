// What one session said about one prefix, summed up so that the order of arrival cannot matter: first and last evidence
// only ever widen, and merging is commutative, associative and idempotent. Intervals are derived from claims: intervals.ts.
import { DAY, type Instant } from '../kernel/time.ts';
import { formatPrefix, type Prefix } from '../net/prefix.ts';
import type { PortRange } from '../net/transport.ts';
import { type SessionRecord, SLOTS, type Slot } from './accounting.ts';

export interface Claim {
  /** (NAS, Acct-Session-Id, access key): the id alone is unique only per NAS, and wraps (RFC 2866 §5.5). */
  readonly session: string;
  readonly nas: string;
  readonly realm: string;
  readonly accessKey: string;
  readonly slot: Slot;
  readonly prefix: Prefix;
  /** Of a shared address only these. */
  readonly ports?: PortRange;
  /** When the session last gave these ports back. */
  readonly releasedAt?: Instant;
  /** How many other prefixes of this slot one record named beside it, at most: those are then no sign of a move. */
  readonly beside: number;
  /** When the session says it began, to tell a reused Acct-Session-Id from the session before. */
  readonly startAt?: Instant;
  readonly firstAt: Instant;
  readonly lastAt: Instant;
}

/** A Stop ends every prefix of its session, those it does not name too. */
export interface StopMark {
  readonly session: string;
  readonly startAt?: Instant;
  readonly firstAt: Instant;
  readonly lastAt: Instant;
}

/** Two starts nearer than this are one session: Acct-Session-Time is in seconds and NAS clocks are stepped. */
const SAME_START_MS = 120_000;

/** Twice the usual interim interval. */
const SILENCE_MS = 1_200_000;

export function sameSession(
  a: { readonly session: string; readonly startAt?: Instant },
  b: { readonly session: string; readonly startAt?: Instant },
): boolean {
  if (a.session !== b.session) return false;
  if (a.startAt === undefined || b.startAt === undefined) return true;
  return Math.abs(a.startAt - b.startAt) <= SAME_START_MS;
}

/** Day of UTC that an instant belongs to: claims are kept per day, so that a day can be dropped whole. */
export function dayOf(at: Instant): number {
  return Math.floor(at / DAY);
}

export function sessionKey(record: SessionRecord): string {
  return `${record.nas}\u0000${record.sessionId}\u0000${record.accessKey}`;
}

export function claimsOf(record: SessionRecord): Claim[] {
  const { nas, realm, accessKey, startAt, eventAt } = record;
  if (record.endUnseen === true) return [];
  const session = sessionKey(record);
  const common = {
    session,
    nas,
    realm,
    accessKey,
    ...(startAt === undefined ? {} : { startAt }),
    firstAt: eventAt,
    lastAt: eventAt,
  };
  const claims: Claim[] = record.prefixes.map(({ slot, prefix }) => ({
    ...common,
    slot,
    prefix,
    beside: record.prefixes.filter((other) => other.slot === slot).length - 1,
  }));
  for (const { prefix, ports, isReleased } of record.blocks ?? [])
    claims.push({ ...common, slot: 'ipv4', prefix, ports, beside: 0, ...(isReleased ? { releasedAt: eventAt } : {}) });
  return claims;
}

export function stopOf(record: SessionRecord): StopMark | undefined {
  if (record.status !== 'stop') return undefined;
  const { startAt, eventAt } = record;
  return {
    session: sessionKey(record),
    ...(startAt === undefined ? {} : { startAt }),
    firstAt: eventAt,
    lastAt: eventAt,
  };
}

/** Both must be of one session, prefix and block. */
export function mergeClaims(a: Claim, b: Claim): Claim {
  const starts = [a.startAt, b.startAt].filter((at) => at !== undefined);
  const releases = [a.releasedAt, b.releasedAt].filter((at) => at !== undefined);
  return {
    ...a,
    ...(releases.length === 0 ? {} : { releasedAt: Math.max(...releases) }),
    slot: SLOTS.indexOf(a.slot) < SLOTS.indexOf(b.slot) ? a.slot : b.slot,
    beside: Math.max(a.beside, b.beside),
    ...(starts.length === 0 ? {} : { startAt: Math.min(...starts) }),
    firstAt: Math.min(a.firstAt, b.firstAt),
    lastAt: Math.max(a.lastAt, b.lastAt),
  };
}

/** One claim per session (told apart by its start), prefix and block, whatever the order of `claims`. */
export function mergeBySession(claims: readonly Claim[]): readonly Claim[] {
  if (claims.length < 2) return claims;
  const groups = new Map<string, Claim[]>();
  for (const claim of claims) {
    const key = `${claim.session}\u0000${claim.realm}\u0000${placeText(claim)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [claim]);
    else group.push(claim);
  }
  return [...groups.values()].flatMap(mergeGroup);
}

/** The prefix, and of a shared address its ports: `192.0.2.1 4096-8191`. */
export function placeText(claim: Pick<Claim, 'prefix' | 'ports'>): string {
  const { prefix, ports } = claim;
  return ports === undefined ? formatPrefix(prefix) : `${formatPrefix(prefix)} ${ports.low}-${ports.high}`;
}

function mergeGroup(group: readonly Claim[]): Claim[] {
  if (group.length === 1) return [...group];
  const dated = group.filter((claim) => claim.startAt !== undefined).sort((a, b) => a.startAt! - b.startAt!);
  const merged: { claim: Claim; newestStartAt: Instant }[] = [];
  for (const claim of dated) {
    const last = merged.at(-1);
    if (last !== undefined && claim.startAt! - last.newestStartAt <= SAME_START_MS) {
      last.claim = mergeClaims(last.claim, claim);
      last.newestStartAt = claim.startAt!;
    } else merged.push({ claim, newestStartAt: claim.startAt! });
  }
  // A record without Acct-Session-Time belongs to the session whose evidence it continues; a longer silence than this may
  // hide the end of one session and the start of the next under the same id.
  const undated = group.filter((claim) => claim.startAt === undefined).sort((a, b) => a.firstAt - b.firstAt);
  const found = merged.map((one) => one.claim);
  for (const claim of undated) {
    const index = found.findLastIndex(
      (other) => (other.startAt ?? other.firstAt) <= claim.lastAt && isNear(other, claim),
    );
    if (index < 0) found.push(claim);
    else found[index] = mergeClaims(found[index]!, claim);
  }
  return found;
}

function isNear(a: Claim, b: Claim): boolean {
  return Math.max(a.firstAt, b.firstAt) - Math.min(a.lastAt, b.lastAt) <= SILENCE_MS;
}
