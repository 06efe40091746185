// An honest JourneyDesk in memory: limits, refusals, tokens used once, phases and the gateway's proof, as the real one has them.
// Several lines may be put in; each has its own peer addresses. Time is handed in. Nothing is enforced anywhere.
import { DAY, HOUR, type Instant, MINUTE } from '../../src/core/kernel/time.ts';
import type { ActResult, Consent, FormProof, Journey, JourneyDesk, OutsideJourney } from '../../src/flow/journey.ts';

export interface FakeLine {
  journey: Journey;
  /** Deny counters of the last 10 minutes rose. */
  stillActive: boolean;
  releases: Instant[];
  medicalUsedAt?: Instant;
  consents: Consent[];
  seenCount: number;
  version: number;
}

export interface FakeDesk extends JourneyDesk {
  put(peer: string, journey?: Partial<Journey>): FakeLine;
  line(peer: string): FakeLine;
  setStanding(peer: string, standing: 'free' | 'unknown'): void;
  /** Another event on the line: its version moves on. */
  touch(peer: string, change?: Partial<Journey>): void;
  /** What the gateway will prove after the next release or medical door. */
  provesAfterRelease: Journey['confirmed'];
  /** The next act ends like this, and changes nothing. */
  failNext?: ActResult | 'throw';
  /** Every order that reached the desk, refused ones too. */
  readonly orders: string[];
}

export function createFakeDesk(options: { now(): Instant }): FakeDesk {
  const lines = new Map<string, FakeLine>();
  const standings = new Map<string, 'free' | 'unknown'>();
  const usedTokens = new Set<string>();
  const wrongCodes = new Map<string, Instant[]>();
  const orders: string[] = [];
  const byRef = (ref: string) => [...lines.values()].find((line) => line.journey.lineRef === ref);

  /** One transaction: unknown line, used token and refusals leave no trace; else the change and a new version. */
  const act = (
    what: string,
    ref: string,
    proof: FormProof,
    work: (line: FakeLine) => ActResult | undefined,
  ): ActResult => {
    orders.push(what);
    const { failNext } = desk;
    delete desk.failNext;
    if (failNext === 'throw') throw new Error('store is gone');
    if (failNext !== undefined) return failNext;
    const line = byRef(ref);
    if (line === undefined) return { kind: 'refused', reason: 'unknown-line' };
    if (usedTokens.has(proof.tokenId) || options.now() >= proof.expiresAt)
      return { kind: 'refused', reason: 'token-used' };
    const refusal = work(line);
    if (refusal !== undefined) return refusal;
    usedTokens.add(proof.tokenId);
    line.version += 1;
    return { kind: 'done' };
  };

  const view = (line: FakeLine): Journey => ({
    ...line.journey,
    version: String(line.version),
    selfRelease: selfReleaseOf(line, options.now()),
    medicalDoor: {
      available: line.medicalUsedAt === undefined || options.now() - line.medicalUsedAt >= 30 * DAY,
      ...(line.medicalUsedAt === undefined ? {} : { usedAt: line.medicalUsedAt }),
    },
  });

  const set = (line: FakeLine, change: Partial<Journey>) => {
    line.journey = { ...line.journey, ...change };
  };

  const desk: FakeDesk = {
    orders,
    provesAfterRelease: 'leaky',
    put(peer, journey = {}) {
      const line: FakeLine = {
        journey: { ...sampleJourney(options.now(), lines.size), ...journey },
        stillActive: false,
        releases: [],
        consents: [],
        seenCount: 0,
        version: 1,
      };
      lines.set(peer, line);
      return line;
    },
    line: (peer) => lines.get(peer)!,
    setStanding(peer, standing) {
      lines.delete(peer);
      standings.set(peer, standing);
    },
    touch(peer, change = {}) {
      const line = lines.get(peer)!;
      set(line, change);
      line.version += 1;
    },
    async of(peer) {
      const line = lines.get(peer);
      return line === undefined ? undefined : view(line);
    },
    async standing(peer) {
      const line = lines.get(peer);
      if (line === undefined) return standings.get(peer) ?? 'unknown';
      return line.journey.phase === 'noticed' ? 'noticed' : 'in-garden';
    },
    async byCode(code, peer) {
      const now = options.now();
      const recent = (wrongCodes.get(peer) ?? []).filter((at) => now - at < HOUR);
      if (recent.length >= 10) return { kind: 'pause', untilAt: recent[0]! + HOUR };
      const line = [...lines.values()].find((l) => l.journey.checkCode.replace('-', '') === code);
      if (line === undefined) {
        wrongCodes.set(peer, [...recent, now]);
        return { kind: 'wrong' };
      }
      return { kind: 'found', journey: outsideOf(view(line)) };
    },
    async seen(ref) {
      const line = byRef(ref);
      if (line === undefined) return;
      line.seenCount += 1;
      if (line.seenCount === 1) line.version += 1;
    },
    async chooseDevice(ref, device, proof) {
      return act(`device:${device}`, ref, proof, (line) => {
        // Another device means other steps: the old answers no longer describe this home.
        set(line, { device, ...(device === line.journey.device ? {} : { ticks: [], answers: {} }) });
        return undefined;
      });
    },
    async tick(ref, step, answer, proof) {
      return act(`tick:${step}:${answer}`, ref, proof, (line) => {
        set(line, { ticks: [...line.journey.ticks.filter((t) => t.step !== step), { step, answer, with: 'self' }] });
        return undefined;
      });
    },
    async answer(ref, question, answer, proof) {
      return act(`answer:${question}:${answer}`, ref, proof, (line) => {
        set(line, { answers: { ...line.journey.answers, [question]: answer } });
        return undefined;
      });
    },
    async release(ref, version, consent, proof) {
      return act('release', ref, proof, (line) => {
        const allowed = selfReleaseOf(line, options.now());
        if (String(line.version) !== version) return { kind: 'refused', reason: 'case-changed' };
        if (!allowed.allowed) return { kind: 'refused', reason: allowed.reason };
        line.consents.push(consent);
        line.releases.push(options.now());
        set(line, {
          phase: 'on-probation',
          wanted: 'leaky',
          confirmed: desk.provesAfterRelease,
          probationEndsAt: options.now() + 72 * HOUR,
        });
        return undefined;
      });
    },
    async medicalDoor(ref, proof) {
      return act('medical', ref, proof, (line) => {
        if (!view(line).medicalDoor.available) return { kind: 'refused', reason: 'medical-door-used' };
        line.medicalUsedAt = options.now();
        set(line, { wanted: 'leaky', confirmed: desk.provesAfterRelease });
        return undefined;
      });
    },
    async postpone(ref, proof, untilAt) {
      return act('postpone', ref, proof, (line) => {
        set(line, { postponedUntil: untilAt ?? options.now() + DAY });
        return undefined;
      });
    },
  };
  return desk;
}

/** ≤ 1 a day, ≤ 2 in 90 days, never while the counters rise. */
function selfReleaseOf(line: FakeLine, now: Instant): Journey['selfRelease'] {
  const since = (ms: number) => line.releases.filter((at) => now - at < ms);
  if (line.journey.phase !== 'quarantined') return { allowed: false, reason: 'not-in-garden' };
  if (line.stillActive) return { allowed: false, reason: 'still-seen', nextAt: now + 10 * MINUTE };
  if (since(90 * DAY).length >= 2)
    return { allowed: false, reason: 'limit-per-90-days', nextAt: since(90 * DAY)[0]! + 90 * DAY };
  if (since(DAY).length >= 1) return { allowed: false, reason: 'limit-per-day', nextAt: since(DAY)[0]! + DAY };
  return { allowed: true };
}

function outsideOf(journey: Journey): OutsideJourney {
  const { lineRef, checkCode, version, phase, sighting, guide, survivesRestart, device, ticks, startedAt } = journey;
  return {
    lineRef,
    checkCode,
    version,
    phase,
    sighting,
    guide,
    survivesRestart,
    ticks,
    startedAt,
    ...(device === undefined ? {} : { device }),
    ...(journey.expiresAt === undefined ? {} : { expiresAt: journey.expiresAt }),
    ...(journey.probationEndsAt === undefined ? {} : { probationEndsAt: journey.probationEndsAt }),
  };
}

const CODES = ['7KQM4XRT', 'B2HV9WCE', 'ZN3F8PAD', '5TJG6YMR'];

export function sampleJourney(now: Instant, index = 0): Journey {
  const lastSeenAt = now - 95 * MINUTE;
  return {
    lineRef: `line-${index}`,
    checkCode: CODES[index] ?? `00000${String(index).padStart(3, '0')}`,
    version: '1',
    phase: 'quarantined',
    wanted: 'strict',
    confirmed: 'strict',
    partial: false,
    startedAt: now - 2 * HOUR,
    lastSeenAt,
    sighting: { kind: 'not-seen-since', at: lastSeenAt },
    expiresAt: now + 30 * DAY,
    guide: 'restart',
    survivesRestart: false,
    ticks: [],
    answers: {},
    selfRelease: { allowed: true },
    medicalDoor: { available: true },
    customerNoLast3: '042',
    expert: [{ family: 'mirai', lastSeenAt, destinationPort: 23, source: 'honeypot' }],
  };
}
