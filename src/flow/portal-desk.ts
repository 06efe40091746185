// The portal's side of the flow: who stands at the door (our own element first, the binding now otherwise, never a
// header), what may be shown to them, and their orders.
import type { Case } from '../core/casefile/case.ts';
import { parseCheckCode } from '../core/casefile/check-code.ts';
import type { CaseCommand } from '../core/casefile/command.ts';
import { isGarden } from '../core/casefile/evolve.ts';
import { formatKey } from '../core/garden/key.ts';
import { DAY, HOUR, type Instant } from '../core/kernel/time.ts';
import type { Line } from '../core/line/line.ts';
import type { HouseholdOf } from '../core/net/household.ts';
import { type Peer, parsePeer } from '../core/net/ip.ts';
import { portSetAt } from '../core/net/port-set.ts';
import { containsIp, prefixOf } from '../core/net/prefix.ts';
import type { Casebook, Extra } from './casebook.ts';
import { prefixTexts } from './enforce.ts';
import type { Gardener } from './gardener.ts';
import type { GatewayLink } from './gateway-acts.ts';
import type { ActResult, Consent, FormProof, Journey, JourneyDesk, OutsideJourney } from './journey.ts';
import { type LineStanding, type StandingParts, standingOf } from './line-standing.ts';
import type { Bindings, Store } from './ports.ts';
import { openMedicalDoor, type ReleaseError, selfRelease } from './release.ts';
import type { Verifier } from './verify.ts';

export interface PortalDeskParts extends StandingParts {
  readonly store: Pick<Store, 'casesOfLine' | 'cases' | 'line' | 'lineByAccessKey'>;
  readonly bindings: Pick<Bindings, 'openOf' | 'holderNow'>;
  readonly gardener: Gardener;
  readonly gateways: readonly Pick<GatewayLink, 'sharedPools'>[];
  readonly verifier: StandingParts['verifier'] & Pick<Verifier, 'poll'>;
  readonly casebook: Casebook;
  readonly realm: string;
  readonly householdOf: HouseholdOf;
  readonly sha256: (text: string) => string;
}

/** design.md, «Lines, bindings, gateway elements»: 10 wrong codes per source and hour, then a pause. */
const WRONG_CODES = 10;
const SOURCES_KEPT = 10_000;
/** Of all customers, and of all strangers, together: many sources are no way around it. Eight characters are 10^12 codes. */
const WRONG_CODES_OF_ALL = 5_000;
/** A code is dead this long after its case closed. */
const CODE_DEAD_MS = 30 * DAY;
const FORM_TOKEN_KEPT_MS = HOUR;

export class PortalDesk implements JourneyDesk {
  readonly #parts: PortalDeskParts;
  readonly #wrong = new Map<string, Instant[]>();
  readonly #wrongOfAll = new Map<boolean, Instant[]>();

  constructor(parts: PortalDeskParts) {
    this.#parts = parts;
  }

  async of(peerAddress: string, peerPort?: number): Promise<Journey | undefined> {
    const line = await this.#lineOf(peerAddress, peerPort);
    if (line === undefined) return undefined;
    const standing = await standingOf(this.#parts, line);
    return standing.shown.length === 0 ? undefined : this.#journey(standing);
  }

  async standing(peerAddress: string, peerPort?: number): Promise<'in-garden' | 'noticed' | 'free' | 'unknown'> {
    const line = await this.#lineOf(peerAddress, peerPort);
    if (line === undefined) return 'unknown';
    const standing = await standingOf(this.#parts, line);
    if (isGarden(standing.wanted)) return 'in-garden';
    return standing.shown.length > 0 ? 'noticed' : 'free';
  }

  async #lineOf(peerAddress: string, peerPort: number | undefined): Promise<Line | undefined> {
    const peer = parsePeer(peerAddress, peerPort);
    if (peer === undefined) return undefined;
    const lineId = this.#lineOfElement(peer);
    const binding = await this.#parts.bindings.holderNow(this.#parts.realm, peer);
    const holder = binding === undefined ? undefined : await this.#parts.store.lineByAccessKey(binding.accessKey);
    if (lineId === undefined) return holder;
    // An element that outlived its line's hold on the address names nobody: the neighbour never reads another's case.
    if (binding !== undefined && holder?.id !== lineId) return holder;
    return this.#parts.store.line(lineId);
  }

  #lineOfElement(peer: Peer): string | undefined {
    for (const text of [...shareTexts(this.#parts.gateways, peer), ...prefixTexts(peer)]) {
      const lineId = this.#parts.gardener.lineOfPrefix(text);
      if (lineId !== undefined) return lineId;
    }
    return undefined;
  }

  async byCode(
    text: string,
    peerAddress: string,
    peerPort?: number,
  ): Promise<Awaited<ReturnType<JourneyDesk['byCode']>>> {
    const now = this.#parts.clock.now();
    const ip = parsePeer(peerAddress, peerPort);
    const source = ip === undefined ? { key: 'unknown', isOurs: false } : this.#parts.householdOf(ip);
    const lately = (list: readonly Instant[] | undefined) => (list ?? []).filter((at) => at > now - HOUR);
    const wrong = lately(this.#wrong.get(source.key));
    if (wrong.length >= WRONG_CODES) return { kind: 'pause', untilAt: wrong[0]! + HOUR };
    const wrongOfAll = lately(this.#wrongOfAll.get(source.isOurs));
    if (wrongOfAll.length >= WRONG_CODES_OF_ALL) return { kind: 'pause', untilAt: wrongOfAll[0]! + HOUR };
    const code = parseCheckCode(text);
    const [state] = code === undefined ? [] : await this.#parts.store.cases({ checkCode: code, limit: 1 });
    const dead = state?.closedAt !== undefined && state.closedAt < now - CODE_DEAD_MS;
    const line = state === undefined || dead ? undefined : await this.#parts.store.line(state.lineId);
    if (state === undefined || line === undefined || dead) {
      this.#countWrong(source.key, [...wrong, now]);
      this.#wrongOfAll.set(source.isOurs, [...wrongOfAll, now]);
      return { kind: 'wrong' };
    }
    return { kind: 'found', journey: await this.#outside(state, line) };
  }

  #countWrong(source: string, wrong: Instant[]): void {
    // Oldest sources first: an attacker with many addresses pushes out others' counters, never the memory's bound.
    this.#wrong.delete(source);
    this.#wrong.set(source, wrong);
    if (this.#wrong.size > SOURCES_KEPT) this.#wrong.delete(this.#wrong.keys().next().value!);
  }

  async #outside(state: Case, line: Line): Promise<OutsideJourney> {
    const closedJourney = {
      lineRef: refOf(line),
      checkCode: state.checkCode,
      version: this.#version([state]),
      phase: 'free' as const,
      sighting: { kind: 'unknown' as const, at: state.lastObservedAt },
      guide: this.#parts.families.families.get(state.family)?.guide ?? 'restart',
      survivesRestart: this.#parts.families.families.get(state.family)?.survivesRestart ?? true,
      ticks: [...state.ticks],
      startedAt: state.quarantinedAt ?? state.openedAt,
    };
    if (state.state === 'closed' || state.epoch !== line.epoch) return closedJourney;
    const standing = await standingOf(this.#parts, line);
    if (standing.shown.length === 0) return closedJourney;
    const {
      lineRef,
      version,
      phase,
      sighting,
      guide,
      survivesRestart,
      device,
      ticks,
      startedAt,
      expiresAt,
      probationEndsAt,
    } = this.#journey(standing);
    return {
      lineRef,
      checkCode: state.checkCode,
      version,
      phase,
      sighting,
      guide,
      survivesRestart,
      ticks,
      startedAt,
      ...(device === undefined ? {} : { device }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(probationEndsAt === undefined ? {} : { probationEndsAt }),
    };
  }

  #journey(standing: LineStanding): Journey {
    const { line, shown, proof } = standing;
    const oldest = shown[0]!;
    const device = shown.find((one) => one.device !== undefined)?.device;
    const ends = shown.flatMap((one) => (one.expiresAt === undefined ? [] : [one.expiresAt]));
    const probation = shown.flatMap((one) => (one.probationEndsAt === undefined ? [] : [one.probationEndsAt]));
    const postponed = shown.find((one) => one.postponedUntil !== undefined)?.postponedUntil;
    return {
      lineRef: refOf(line),
      checkCode: oldest.checkCode,
      version: this.#version(shown),
      phase: phaseOf(shown),
      wanted: standing.wanted,
      confirmed: proof.confirmed,
      partial: proof.partial,
      exposedOnly: shown.every((one) => one.classes.every((each) => each === 'exposed')),
      startedAt: Math.min(...shown.map((one) => one.quarantinedAt ?? one.openedAt)),
      lastSeenAt: Math.max(
        standing.deniedAt ?? 0,
        ...shown.map((one) => Math.max(one.lastObservedAt, one.stillSeenAt ?? 0)),
      ),
      sighting: standing.sighting ?? { kind: 'unknown', at: oldest.lastObservedAt },
      guide: standing.guide,
      survivesRestart: standing.survivesRestart,
      ticks: shown.flatMap((one) => one.ticks),
      answers: Object.assign({}, ...shown.map((one) => one.answers)),
      selfRelease: standing.selfRelease,
      medicalDoor: {
        available: standing.medicalDoorAvailable,
        ...(standing.medicalDoorUsedAt === undefined ? {} : { usedAt: standing.medicalDoorUsedAt }),
      },
      expert: shown.map((one) => ({
        family: one.family,
        lastSeenAt: one.lastObservedAt,
        source: one.lastSource,
        ...(one.lastDestinationPort === undefined ? {} : { destinationPort: one.lastDestinationPort }),
      })),
      ...(line.customerNo.length < 3 ? {} : { customerNoLast3: line.customerNo.slice(-3) }),
      ...(line.language === undefined ? {} : { language: line.language }),
      ...(device === undefined ? {} : { device }),
      ...(ends.length === 0 ? {} : { expiresAt: Math.max(...ends) }),
      ...(probation.length === 0 ? {} : { probationEndsAt: Math.max(...probation) }),
      ...(postponed === undefined ? {} : { postponedUntil: postponed }),
    };
  }

  /** Ticks and sightings of others in the home do not make a form stale; a change of what it decides about does. */
  #version(cases: readonly Case[]): string {
    const words = cases.map((one) =>
      [one.id, one.state, one.access, one.step, one.releasedAt ?? 0, one.medicalDoorAt ?? 0].join(' '),
    );
    return this.#parts.sha256(words.join('\n')).slice(0, 32);
  }

  async seen(lineRef: string): Promise<void> {
    await this.#each(lineRef, () => ({ kind: 'portalSeen', actor: { kind: 'subscriber' } }), {});
  }

  chooseDevice(lineRef: string, device: string, proof: FormProof): Promise<ActResult> {
    return this.#each(lineRef, () => ({ kind: 'chooseDevice', actor: { kind: 'subscriber' }, device }), tokenOf(proof));
  }

  tick(lineRef: string, step: string, answer: 'done' | 'cannot' | 'unknown', proof: FormProof): Promise<ActResult> {
    return this.#each(
      lineRef,
      () => ({ kind: 'tick', actor: { kind: 'subscriber' }, step, answer, with: 'self' }),
      tokenOf(proof),
    );
  }

  answer(lineRef: string, question: string, answer: string, proof: FormProof): Promise<ActResult> {
    return this.#each(
      lineRef,
      () => ({ kind: 'answer', actor: { kind: 'subscriber' }, question, answer }),
      tokenOf(proof),
    );
  }

  async postpone(lineRef: string, proof: FormProof, untilAt?: Instant): Promise<ActResult> {
    const postponeMs = this.#parts.policies.active().postponeMs;
    const until = untilAt ?? this.#parts.clock.now() + postponeMs;
    return this.#each(
      lineRef,
      () => ({ kind: 'postpone', actor: { kind: 'subscriber' }, until, postponeMs }),
      tokenOf(proof),
    );
  }

  async release(lineRef: string, version: string, consent: Consent, proof: FormProof): Promise<ActResult> {
    // «We do not see it» must be true now, not at the last turn of a loop.
    await this.#parts.verifier.poll();
    const standing = await this.#standingOf(lineRef);
    if (standing === undefined) return { kind: 'refused', reason: 'unknown-line' };
    if (this.#version(standing.shown) !== version) return { kind: 'refused', reason: 'case-changed' };
    const pageHash = this.#parts.sha256(consent.html);
    const { textVersion, language, declared } = consent;
    const extra = { ...tokenOf(proof), pages: [{ hash: pageHash, html: consent.html }] };
    const words = { pageHash, textVersion, language, declared, requestId: proof.requestId };
    return answerOf(await selfRelease(this.#parts, standing, words, extra));
  }

  async medicalDoor(lineRef: string, proof: FormProof): Promise<ActResult> {
    const standing = await this.#standingOf(lineRef);
    if (standing === undefined) return { kind: 'refused', reason: 'unknown-line' };
    return answerOf(await openMedicalDoor(this.#parts, standing, tokenOf(proof)));
  }

  async #standingOf(lineRef: string): Promise<LineStanding | undefined> {
    const [lineId, epoch] = splitRef(lineRef);
    const line = await this.#parts.store.line(lineId);
    // W20: a new customer on the line is not the one this form was made for.
    return line === undefined || line.epoch !== epoch ? undefined : standingOf(this.#parts, line);
  }

  /** Progress belongs to the line: every open case the household sees gets it. */
  async #each(lineRef: string, command: (state: Case) => CaseCommand, extra: Extra): Promise<ActResult> {
    const standing = await this.#standingOf(lineRef);
    if (standing === undefined || standing.shown.length === 0) return { kind: 'refused', reason: 'unknown-line' };
    for (const [i, state] of standing.shown.entries()) {
      const answer = await this.#parts.casebook.order(
        state.id,
        (now) => [command(now ?? state)],
        () => (i === 0 ? extra : {}),
      );
      if (!answer.ok) return answerOf(answer);
    }
    return { kind: 'done' };
  }
}

function phaseOf(shown: readonly Case[]): Journey['phase'] {
  if (shown.some((one) => one.state === 'quarantined')) return 'quarantined';
  return shown.some((one) => one.state === 'on-probation') ? 'on-probation' : 'noticed';
}

function tokenOf(proof: FormProof): Extra {
  return { useTokens: [{ id: proof.tokenId, expiresAt: proof.expiresAt + FORM_TOKEN_KEPT_MS }] };
}

const RELEASE_REFUSALS = new Set([
  'still-seen',
  'cannot-see',
  'limit-per-day',
  'limit-per-90-days',
  'steps-missing',
  'not-in-garden',
  'medical-door-used',
  'case-changed',
  'token-used',
]);

function answerOf(answer: { readonly ok: true } | { readonly ok: false; readonly error: ReleaseError }): ActResult {
  if (answer.ok) return { kind: 'done' };
  if (answer.error === 'busy') return { kind: 'failed' };
  const reason = RELEASE_REFUSALS.has(answer.error) ? answer.error : 'not-available';
  return { kind: 'refused', reason: reason as Extract<ActResult, { kind: 'refused' }>['reason'] };
}

function refOf(line: Line): string {
  return `${line.epoch} ${line.id}`;
}

function splitRef(lineRef: string): [string, number] {
  const space = lineRef.indexOf(' ');
  return [lineRef.slice(space + 1), Number(lineRef.slice(0, space))];
}

/** The port set that a peer at a shared address comes from, as a gateway's element would name it. */
function shareTexts(gateways: PortalDeskParts['gateways'], peer: Peer): string[] {
  const { port } = peer;
  if (port === undefined) return [];
  return gateways
    .flatMap(({ sharedPools = [] }) => sharedPools)
    .filter(({ prefix }) => containsIp(prefix, peer))
    .flatMap((pool) => {
      const portSet = portSetAt(pool, port);
      return portSet === undefined
        ? []
        : [formatKey({ ...prefixOf({ family: peer.family, bytes: peer.bytes }), portSet })];
    });
}
