// Tells each session of one gateway what is wanted of it, until that is acknowledged: towards freedom first, oldest first, a
// bounded number at once. Level-triggered: what is sent is what is wanted at that moment. Takes proof from whoever offers it.
import type { Dialect, Order } from '../../../core/dialect/dialect.ts';
import { markerOf } from '../../../core/dialect/marker.ts';
import { planFaultText } from '../../../core/dialect/plan-fault.ts';
import { type Instant, MINUTE, SECOND } from '../../../core/kernel/time.ts';
import type { NasSession } from '../../../core/line/session.ts';
import { formatPrefix } from '../../../core/net/prefix.ts';
import type { Log, NasSessions } from '../../../flow/ports.ts';
import { type Asker, type Outcome, query, tell } from './exchange.ts';
import { Lanes } from './lanes.ts';
import type { TellingMemory } from './memory.ts';
import {
  isDone,
  isLoosening,
  isOwed,
  mostAccess,
  type Proof,
  provenAccess,
  rank,
  sessionKeyOf,
  settledAccess,
  type TellAccess,
  type Telling,
  wantedAccess,
} from './telling.ts';
import type { Words } from './words.ts';

export interface TellerParts {
  readonly gateway: string;
  readonly dialect: Dialect;
  readonly values: Readonly<Record<string, string>>;
  readonly client: Asker;
  readonly sessions: NasSessions;
  /** May a garden begin or get stricter at this very moment? Hold and clock. */
  readonly mayTighten: () => boolean;
  readonly bounce: 'never' | 'release' | 'always';
  /** Sessions told at once. */
  readonly window: number;
  readonly clock: { now(): Instant; monotonicMs(): number };
  readonly random: () => number;
  readonly log: Log;
}

const BACKOFF_FIRST_MS = 5 * SECOND;
const BACKOFF_MOST_MS = MINUTE;
/** What was refused for good is tried again so often: somebody may have mended it. */
const STOPPED_MS = 10 * MINUTE;
/** A household waits. */
const STOPPED_RELEASE_MS = MINUTE;
const ASKED_AGAIN_MS = 30 * SECOND;
const NOT_NOW_MS = SECOND;
const BOUNCE_REST_MS = 60 * MINUTE;
/** A session that follows the one just told so soon is that one under a new Acct-Session-Id. */
const SAME_ACT_MS = 30 * SECOND;
const RATE_WINDOW_MS = MINUTE;

export const NEXT_LOGIN = 'applies-at-next-login';

export class Teller {
  readonly #parts: TellerParts;
  readonly #memory: TellingMemory;
  readonly #words: Words;
  readonly #lanes: Lanes<Telling>;
  readonly #inFlight = new Set<Telling>();
  /** What a resting one was not able to become. */
  readonly #restingFor = new Map<Telling, TellAccess>();
  readonly #drifted = new Set<Telling>();
  readonly #stopped = new Map<Telling, string>();
  readonly #loggedMs = new Map<string, number>();
  #ackedMs: number[] = [];
  #isClosed = false;

  constructor(parts: TellerParts, memory: TellingMemory, words: Words) {
    this.#parts = parts;
    this.#memory = memory;
    this.#words = words;
    this.#lanes = new Lanes(() => parts.clock.monotonicMs());
  }

  close(): void {
    this.#isClosed = true;
  }

  // ------------------------------------------------------------- what is to do

  /** Its wanted state, its session or what is known of it changed: puts it where it belongs. */
  look(telling: Telling): void {
    if (telling.gone === 'over' || !isOwed(telling)) {
      delete telling.releaseOwedSince;
      this.#leaveLanes(telling);
      this.#settle(telling);
      return;
    }
    if (isLoosening(telling)) telling.releaseOwedSince ??= this.#parts.clock.now();
    if (this.#inFlight.has(telling) || (telling.isRecalled && !isLoosening(telling))) return;
    // At rest after a failure: only another wish breaks it.
    if (this.#lanes.isResting(telling) && this.#restingFor.get(telling) === wantedAccess(telling)) {
      if (telling.failure !== undefined) this.#sayAll(telling, this.#stopped.has(telling) ? 'refused' : 'unanswered');
      return;
    }
    this.#restingFor.delete(telling);
    this.#lanes.put(telling, isLoosening(telling));
  }

  #leaveLanes(telling: Telling): void {
    this.#lanes.remove(telling);
    this.#restingFor.delete(telling);
    this.#stopped.delete(telling);
  }

  /** Says where it stands, and forgets it when nothing is left to say or do. */
  #settle(telling: Telling): void {
    const proven = provenAccess(telling);
    const settled = telling.gone === 'over' ? 'open' : settledAccess(telling);
    for (const [text, prefix] of telling.leaving) {
      // A session that goes on without this address: nothing of it is left to free.
      const isElsewhere = telling.wanted.size > 0 && !holds(telling.session, text);
      if (isElsewhere || (settled === 'open' && proven === 'open')) {
        this.#words.say({ prefix, access: 'open', word: 'confirmed' });
        telling.leaving.delete(text);
        this.#memory.unlink(telling, text);
      } else if (settled === 'open') this.#words.say({ prefix, access: 'open', word: 'acked' });
    }
    if (telling.gone !== 'over')
      for (const { prefix, access } of telling.wanted.values())
        if (settled === access) this.#words.say({ prefix, access, word: proven === access ? 'confirmed' : 'acked' });
    if (isDone(telling)) this.forget(telling);
  }

  forget(telling: Telling): void {
    this.#leaveLanes(telling);
    this.#drifted.delete(telling);
    this.#memory.drop(telling);
  }

  pump(): void {
    if (this.#isClosed) return;
    this.#lanes.wake();
    while (this.#inFlight.size < this.#parts.window) {
      const telling = this.#lanes.take();
      if (telling === undefined) return;
      this.#restingFor.delete(telling);
      if (isOwed(telling)) this.#begin(telling);
    }
  }

  #begin(telling: Telling): void {
    this.#inFlight.add(telling);
    void this.#tell(telling)
      .catch((cause) => {
        const text = String(cause).slice(0, 200);
        if (this.#isNews('intent'))
          this.#parts.log.error('INTENT_NOT_RECORDED', { gateway: this.#parts.gateway, text });
        this.#rest(telling, BACKOFF_FIRST_MS);
      })
      .finally(() => {
        this.#inFlight.delete(telling);
        if (this.#isClosed) return;
        this.look(telling);
        this.pump();
      });
  }

  async #tell(telling: Telling): Promise<void> {
    const access = wantedAccess(telling);
    const urgent = isLoosening(telling);
    const { session } = telling;
    if (!urgent && !this.#parts.mayTighten()) return this.#rest(telling, NOT_NOW_MS);
    delete telling.glimpse;
    const withdraw = this.#intend(telling, access);
    const { sent } = telling;
    try {
      await this.#memory.save(telling);
    } catch (cause) {
      // Without a durable intent nothing gets stricter; who shall be free becomes free all the same.
      if (!urgent) {
        withdraw();
        throw cause;
      }
    }
    // Things may have changed while the disk was busy: from this look to the first packet nothing waits.
    const isStill = wantedAccess(telling) === access && isSameSession(telling.session, session);
    if (!isStill || (!urgent && !this.#parts.mayTighten())) return withdraw();
    const outcome = await this.#order(telling, access === 'open' ? 'off' : access, urgent);
    if (this.#isClosed) return;
    if (outcome.kind === 'unplanned' || (outcome.kind === 'unanswered' && !outcome.isSent)) withdraw();
    // An answer of a session that is not this line's any more says nothing about the one that is; one that the order itself
    // renamed is the same, and its order still stands.
    if (isSameSession(telling.session, session) || telling.sent === sent) await this.#judge(telling, access, outcome);
  }

  /** What it may be from the first packet on. What comes back takes it back, as long as nothing of it left us. */
  #intend(telling: Telling, access: TellAccess): () => void {
    const { sent: before, doubt } = telling;
    const sent = { access, at: this.#parts.clock.now() };
    telling.sent = sent;
    telling.doubt = doubt === undefined || rank(doubt) < rank(access) ? access : doubt;
    this.#memory.mirror(telling);
    return () => {
      // Meanwhile it moved on, or its own account said what it is.
      if (telling.sent !== sent) return;
      if (before === undefined) delete telling.sent;
      else telling.sent = before;
      if (doubt === undefined) delete telling.doubt;
      else telling.doubt = doubt;
      this.#memory.mirror(telling);
    };
  }

  #order(telling: Telling, order: Order, urgent: boolean): Promise<Outcome> {
    const { client, dialect } = this.#parts;
    return tell({ client, dialect, session: telling.session, values: this.valuesOf(telling) }, order, urgent);
  }

  // ------------------------------------------------------------- what came of it

  async #judge(telling: Telling, access: TellAccess, outcome: Outcome): Promise<void> {
    if (outcome.kind === 'acked') return this.#acked(telling, access, 'coa');
    if (outcome.kind === 'unanswered') return this.#failed(telling, outcome.text);
    const { gateway, log } = this.#parts;
    const failure =
      outcome.kind === 'nak'
        ? `nak ${outcome.cause ?? 'without a cause'}: ${outcome.verdict.text}`
        : `not asked: ${planFaultText(outcome.fault)}`;
    const action = outcome.kind === 'nak' ? outcome.verdict.action : 'stop';
    if (outcome.kind === 'nak' && this.#isNews(`nak ${outcome.cause ?? 0}`))
      log.info('RADIUS_NAK', { gateway, cause: outcome.cause ?? 0, action });
    if (action === 'session-gone') return this.#sessionGone(telling);
    if (action === 'wait') return this.#rest(telling, ASKED_AGAIN_MS);
    if (action !== 'stop') return this.#failed(telling, failure);
    if (await this.#bounced(telling, access)) return;
    if (this.#stopped.size === 0) log.warn('RADIUS_STOPPED', { gateway, reason: failure.slice(0, 200) });
    this.#stopped.set(telling, failure);
    telling.failure = failure;
    this.#sayAll(telling, 'refused');
    this.#rest(telling, isLoosening(telling) ? STOPPED_RELEASE_MS : STOPPED_MS);
  }

  /** Once a minute per kind: a mass act would fill the log. */
  #isNews(kind: string): boolean {
    const nowMs = this.#parts.clock.monotonicMs();
    if (nowMs - (this.#loggedMs.get(kind) ?? Number.NEGATIVE_INFINITY) < MINUTE) return false;
    this.#loggedMs.set(kind, nowMs);
    return true;
  }

  async #acked(telling: Telling, access: TellAccess, by: 'coa' | 'bounce'): Promise<void> {
    const at = this.#parts.clock.now();
    telling.toldFrom = telling.sent?.at ?? at;
    telling.told = { access, at, by };
    telling.sent = { access, at };
    delete telling.doubt;
    telling.attempts = 0;
    delete telling.failure;
    this.#stopped.delete(telling);
    this.#ackedMs.push(this.#parts.clock.monotonicMs());
    this.#memory.mirror(telling);
    this.#settle(telling);
    this.#memory.note(telling);
    const { glimpse } = telling;
    delete telling.glimpse;
    if (glimpse === access) this.prove(telling, 'accounting');
    else if (by === 'coa') await this.#askBack(telling);
  }

  /** Where the NAS can be asked it is asked at once: an acknowledgement alone proves nothing. */
  async #askBack(telling: Telling): Promise<void> {
    const { client, dialect } = this.#parts;
    const { told } = telling;
    const seen = await query({ client, dialect, session: telling.session, values: this.valuesOf(telling) });
    if (seen === undefined || seen === 'unknown' || told === undefined || telling.told !== told) return;
    if (seen === told.access) this.prove(telling, 'status-query');
    else this.contradict(telling, seen, 'status-query');
  }

  prove(telling: Telling, by: Proof): void {
    if (telling.told === undefined) return;
    const wasProven = provenAccess(telling) === telling.told.access;
    telling.proven = { access: telling.told.access, at: this.#parts.clock.now(), by };
    delete telling.failure;
    this.#drifted.delete(telling);
    this.#settle(telling);
    if (!wasProven) this.#memory.note(telling);
  }

  /** It acknowledged and did something else, or has forgotten it since (N03). */
  contradict(telling: Telling, seen: TellAccess, by: Proof): void {
    const { gateway, log } = this.#parts;
    if (!this.#drifted.has(telling)) {
      this.#drifted.add(telling);
      log.warn('RADIUS_DRIFT', { gateway, told: telling.told?.access ?? 'nothing', seen });
    }
    const at = this.#parts.clock.now();
    delete telling.toldFrom;
    telling.told = { access: seen, at, by: 'coa' };
    telling.sent = { access: seen, at };
    delete telling.doubt;
    telling.proven = { access: seen, at, by };
    telling.failure = 'acknowledged, and not in force';
    this.#memory.mirror(telling);
    this.#sayAll(telling, 'unanswered');
    if (isOwed(telling)) this.#rest(telling, this.#backoffMs(telling));
    this.#memory.note(telling);
  }

  /** Its session is no more: what it was told ended with it. */
  over(telling: Telling): void {
    telling.gone = 'over';
    telling.goneAt = this.#parts.clock.now();
    this.#memory.mirror(telling);
    this.look(telling);
    this.#memory.note(telling);
  }

  /** The same line in its next session: what it wants stays, what was told went with the old one – unless AAA said it again,
   *  or the order itself gave the session a new name. */
  moveOn(telling: Telling, session: NasSession): void {
    const before = telling.session;
    const isSameAct =
      this.#parts.dialect.sessionIdChanges &&
      session.sessionId !== before.sessionId &&
      telling.sent !== undefined &&
      this.#parts.clock.now() - telling.sent.at < SAME_ACT_MS;
    telling.session = session;
    delete telling.gone;
    delete telling.goneAt;
    if (!isSameAct) {
      delete telling.told;
      delete telling.sent;
      delete telling.doubt;
      delete telling.proven;
      delete telling.failure;
      telling.attempts = 0;
      this.#leaveLanes(telling);
      this.#drifted.delete(telling);
      this.beganLike(telling);
      if (telling.told === undefined) this.#sayAll(telling, 'unproven');
    }
    this.#memory.moved(telling, before);
    this.#memory.note(telling);
    this.look(telling);
  }

  /** The same Acct-Session-Id with another start (RFC 2866 §5.5): a new session, or a clock that was stepped. What it was told
   *  may be gone or in force, so it is told again, whichever way. */
  again(telling: Telling, session: NasSession): void {
    const most = mostAccess(telling);
    telling.session = session;
    delete telling.gone;
    delete telling.goneAt;
    delete telling.told;
    delete telling.proven;
    if (most !== 'open') telling.doubt = most;
    this.#sayAll(telling, 'unproven');
    this.#memory.mirror(telling);
    this.#memory.note(telling);
    this.look(telling);
  }

  /** The Class of a session tells how AAA let it in. */
  beganLike(telling: Telling): void {
    const { session } = telling;
    const marker = markerOf(session.facts);
    if (marker === undefined) {
      this.keepPlan(telling);
      return;
    }
    const at = session.startAt ?? session.lastAt;
    delete telling.toldFrom;
    telling.told = { access: marker, at, by: 'login' };
    telling.sent = { access: marker, at };
    delete telling.doubt;
    telling.proven = { access: marker, at: Math.max(at, this.#parts.clock.now()), by: 'login' };
  }

  /** Seen before anything was told: the value that the way back needs. Never one of our own names. */
  keepPlan(telling: Telling): void {
    const { dialect, values } = this.#parts;
    if (dialect.revert.needs !== 'plan' || telling.sent !== undefined) return;
    const value = telling.session.facts[dialect.revert.attribute]?.[0];
    const isOurs = Object.entries(values).some(([name, one]) => name !== 'plan' && one === value);
    if (value !== undefined && value !== '' && !isOurs) telling.plan = value;
  }

  valuesOf(telling: Telling): Readonly<Record<string, string>> {
    return telling.plan === undefined ? this.#parts.values : { ...this.#parts.values, plan: telling.plan };
  }

  /** RFC 5176 §3.6, 503: look the session up again; without a newer one it applies at the next login. */
  #sessionGone(telling: Telling): void {
    const { nas, accessKey, sessionId } = telling.session;
    const newest = this.#parts.sessions
      .ofAccessKey(nas, accessKey)
      .find((one) => one.prefixes.some(({ prefix }) => this.#memory.ofPrefix(formatPrefix(prefix)) === telling));
    if (newest !== undefined && newest.sessionId !== sessionId) {
      this.moveOn(telling, newest);
      return;
    }
    if (this.#isNews('gone')) this.#parts.log.info('RADIUS_SESSION_GONE', { gateway: this.#parts.gateway });
    telling.gone = 'unknown-to-nas';
    telling.goneAt = this.#parts.clock.now();
    telling.failure = NEXT_LOGIN;
    this.#sayAll(telling, 'unanswered');
    this.#memory.note(telling);
  }

  /** The momentary cut, where an engineer allowed it: AAA decides what comes after. */
  async #bounced(telling: Telling, access: TellAccess): Promise<boolean> {
    const { bounce, clock } = this.#parts;
    if (bounce === 'never' || (access !== 'open' && bounce !== 'always')) return false;
    if (telling.bouncedAt !== undefined && clock.now() - telling.bouncedAt < BOUNCE_REST_MS) return false;
    telling.bouncedAt = clock.now();
    const outcome = await this.#order(telling, 'bounce', access === 'open');
    if (outcome.kind !== 'acked') return false;
    await this.#acked(telling, access, 'bounce');
    return true;
  }

  #failed(telling: Telling, failure: string): void {
    telling.failure = failure;
    this.#sayAll(telling, 'unanswered');
    this.#rest(telling, this.#backoffMs(telling));
  }

  #rest(telling: Telling, ms: number): void {
    this.#lanes.rest(telling, isLoosening(telling), ms);
    this.#restingFor.set(telling, wantedAccess(telling));
  }

  /** Doubles up to a minute, with jitter; releases are tried twice as often. */
  #backoffMs(telling: Telling): number {
    telling.attempts++;
    const doubled = Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** Math.min(telling.attempts - 1, 6));
    return doubled * (isLoosening(telling) ? 0.5 : 1) * (0.9 + 0.2 * this.#parts.random());
  }

  #sayAll(telling: Telling, word: 'refused' | 'unanswered' | 'unproven'): void {
    const failure = telling.failure === undefined ? {} : { failure: telling.failure };
    for (const { prefix, access } of telling.wanted.values()) this.#words.say({ prefix, access, word, ...failure });
    for (const prefix of telling.leaving.values()) this.#words.say({ prefix, access: 'open', word, ...failure });
  }

  /** Tried again now, whatever they rest for: an engineer mended something. */
  retryNow(): void {
    for (const telling of [...this.#restingFor.keys()]) {
      telling.attempts = 0;
      this.#leaveLanes(telling);
      this.look(telling);
    }
    this.pump();
  }

  // ------------------------------------------------------------- how it goes

  counts(): {
    readonly waiting: number;
    readonly inFlight: number;
    readonly perSecond: number;
    readonly oldestWaitingMs: number;
    readonly drifted: number;
    readonly stopped?: { readonly text: string; readonly sessions: number };
  } {
    const nowMs = this.#parts.clock.monotonicMs();
    this.#ackedMs = this.#ackedMs.filter((at) => at >= nowMs - RATE_WINDOW_MS);
    const spanSeconds = Math.max(1, (nowMs - (this.#ackedMs[0] ?? nowMs)) / 1000);
    const reason = this.#stopped.values().next().value;
    return {
      waiting: this.#lanes.size,
      inFlight: this.#inFlight.size,
      perSecond: Math.round((this.#ackedMs.length / spanSeconds) * 10) / 10,
      oldestWaitingMs: this.#lanes.oldestMs(),
      drifted: this.#drifted.size,
      ...(reason === undefined ? {} : { stopped: { text: reason, sessions: this.#stopped.size } }),
    };
  }
}

function holds(session: NasSession, text: string): boolean {
  return session.prefixes.some(({ prefix }) => formatPrefix(prefix) === text);
}

function isSameSession(a: NasSession, b: NasSession): boolean {
  return sessionKeyOf(a) === sessionKeyOf(b);
}
