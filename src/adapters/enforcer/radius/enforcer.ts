// A BNG that is told by RADIUS dynamic authorization, as the flow sees it. `apply` takes an order and returns; the teller's own
// queue does the rest, so that a slow BNG holds up nobody. Nothing here decides who shall be in the garden.
import { err, ok, type Result } from '../../../core/kernel/result.ts';
import { DAY, type Instant, MINUTE, SECOND } from '../../../core/kernel/time.ts';
import type { AccountingRecord } from '../../../core/line/accounting.ts';
import type { NasSession } from '../../../core/line/session.ts';
import type { Ip } from '../../../core/net/ip.ts';
import { containsIp, formatPrefix, overlaps, type Prefix } from '../../../core/net/prefix.ts';
import type {
  DenyCount,
  ElementState,
  EnforceError,
  Enforcer,
  GardenElement,
  GatewayWord,
  Tellings,
} from '../../../flow/ports.ts';
import type { Asker } from './exchange.ts';
import { TellingMemory } from './memory.ts';
import { SessionWatch } from './session-watch.ts';
import { NEXT_LOGIN, Teller, type TellerParts } from './teller.ts';
import {
  isLoosening,
  isOwed,
  newTelling,
  prefixesOf,
  provenAccess,
  sessionKeyOf,
  settledAccess,
  type Telling,
  wantedAccess,
} from './telling.ts';
import { Words } from './words.ts';

export interface RadiusEnforcerOptions extends TellerParts {
  readonly client: Asker & {
    standing(): { readonly silentSinceMs?: number | undefined };
    close(): Promise<void> | void;
  };
  readonly tellings: Tellings;
  /** Accounting names whose sessions it carries. */
  readonly nasIdentities: readonly string[];
  readonly pools: readonly Prefix[];
  readonly ipv6Lengths: readonly number[];
  /** Never an element. */
  readonly reserved: readonly Prefix[];
  readonly interimMs: number;
}

/** What an engineer wants to know about a gateway that answers when it likes. */
export interface TellingProgress {
  readonly sessions: number;
  readonly waiting: number;
  readonly releasesWaiting: number;
  /** How long the oldest line has waited for its freedom. */
  readonly oldestReleaseMs: number;
  readonly inFlight: number;
  /** Acknowledged orders per second over the last minute. */
  readonly perSecond: number;
  readonly oldestWaitingMs: number;
  /** Left out: nothing waits, or nothing moves. */
  readonly etaSeconds?: number;
  readonly acked: number;
  readonly confirmed: number;
  /** The NAS acknowledged, and its own account says otherwise. */
  readonly drifted: number;
  /** No session to tell: it applies at the next login. */
  readonly atNextLogin: number;
  /** Refused for good, until somebody mends it. */
  readonly stopped?: { readonly text: string; readonly sessions: number };
}

interface Homeless extends GardenElement {
  readonly expiresAt: Instant;
}

const TICK_MS = 500;
/** A session whose Stop never came and that nobody asks for: its Class is remembered so long. */
const FORGOTTEN_MS = 30 * DAY;
const MAX_TIMEOUT_SECONDS = 259_200;
const MAX_APPLY = 100_000;

export class RadiusEnforcer implements Enforcer {
  readonly gateway: string;
  readonly #options: RadiusEnforcerOptions;
  readonly #words = new Words();
  readonly #memory: TellingMemory;
  readonly #teller: Teller;
  readonly #watch: SessionWatch;
  /** Wanted, but no session holds it as far as accounting told. */
  readonly #homeless = new Map<string, Homeless>();
  readonly #timer: NodeJS.Timeout;
  #isClosed = false;
  /** Told of a session that AAA let in quarantined and that nobody has asked for. */
  onStray: () => void = () => {};

  constructor(options: RadiusEnforcerOptions) {
    this.#options = options;
    this.gateway = options.gateway;
    const { gateway, tellings, log, clock } = options;
    this.#memory = new TellingMemory({ gateway, tellings, log, monotonicMs: () => clock.monotonicMs() });
    this.#teller = new Teller(options, this.#memory, this.#words);
    const watch = {
      ...options,
      onStray: () => this.onStray(),
      onHeld: (texts: readonly string[], accessKey: string) => this.#held(texts, accessKey),
    };
    this.#watch = new SessionWatch(watch, this.#memory, this.#teller);
    for (const telling of this.#memory.load()) this.#recall(telling);
    options.sessions.onRecord((record) => this.#heard(record));
    this.#timer = setInterval(() => this.tick(), TICK_MS);
    this.#timer.unref();
  }

  /** A proof by accounting comes within this. */
  get interimMs(): number {
    return this.#options.interimMs;
  }

  /** isStrict() knows from the start: what was told is on disk. */
  readonly isSeeded = true;

  onWord(listener: (words: readonly GatewayWord[]) => void): void {
    this.#words.onWord(listener);
  }

  /** A session may have ended while nobody of us lived. */
  #recall(telling: Telling): void {
    // Nobody was there to renew it: whoever shall be free is found by the comparison, not by our own absence (invariant 11).
    const least = this.#options.clock.now() + this.#options.interimMs;
    for (const [text, one] of telling.wanted)
      if (one.expiresAt < least) telling.wanted.set(text, { ...one, expiresAt: least });
    if (this.#watch.stored(telling.session) !== undefined) this.#teller.look(telling);
    else this.#teller.over(telling);
  }

  // ------------------------------------------------------------- orders

  async apply(change: {
    readonly put: readonly GardenElement[];
    readonly remove: readonly Prefix[];
  }): Promise<Result<void, EnforceError>> {
    if (this.#isClosed) return err({ kind: 'unavailable', text: 'closed' });
    if (change.put.length + change.remove.length > MAX_APPLY)
      return err({ kind: 'refused', code: 'too-many', text: `more than ${MAX_APPLY} at once` });
    for (const element of change.put) {
      const code = this.#faultOf(element);
      if (code !== undefined) return err({ kind: 'refused', code, text: formatPrefix(element.prefix) });
    }
    for (const prefix of change.remove) this.#remove(prefix);
    for (const element of change.put) this.#put(element, this.#options.clock.now() + element.timeoutSeconds * SECOND);
    this.#teller.pump();
    return ok(undefined);
  }

  /** The same judgement as the helper of a Linux gateway (N12). */
  #faultOf({ prefix, timeoutSeconds }: GardenElement): string | undefined {
    const { pools, ipv6Lengths, reserved, dialect } = this.#options;
    const { family } = prefix.ip;
    if (family === 4 ? prefix.length !== 32 : !ipv6Lengths.includes(prefix.length)) return 'prefix-length';
    if (!dialect.families[family === 4 ? 'ipv4' : 'ipv6']) return 'family';
    if (!pools.some((pool) => pool.length <= prefix.length && containsIp(pool, prefix.ip))) return 'outside-pools';
    if (reserved.some((one) => overlaps(one, prefix))) return 'covers-infrastructure';
    const isBad = !Number.isSafeInteger(timeoutSeconds) || timeoutSeconds < 1 || timeoutSeconds > MAX_TIMEOUT_SECONDS;
    return isBad ? 'timeout-bad' : undefined;
  }

  #remove(prefix: Prefix): void {
    const text = formatPrefix(prefix);
    this.#homeless.delete(text);
    const telling = this.#memory.ofPrefix(text);
    if (telling === undefined) {
      this.#words.say({ prefix, access: 'open', word: 'confirmed' });
      return;
    }
    telling.wanted.delete(text);
    telling.leaving.set(text, prefix);
    this.#teller.look(telling);
  }

  #put(element: GardenElement, expiresAt: Instant): void {
    const { prefix, access } = element;
    const text = formatPrefix(prefix);
    const session = this.#holding(prefix);
    const known = this.#memory.ofPrefix(text);
    const found = session ?? known?.session;
    const isTheirs = found !== undefined && isAnothers(element, found.accessKey);
    const telling = isTheirs ? undefined : session === undefined ? known : this.#tellingFor(session, known);
    if (telling === undefined) {
      this.#homeless.set(text, { ...element, expiresAt });
      this.#words.say({ prefix, access, word: 'unanswered', failure: NEXT_LOGIN });
      return;
    }
    this.#homeless.delete(text);
    if (known !== undefined && known !== telling) this.#handOver(known, text);
    telling.wanted.set(text, { prefix, access, expiresAt });
    telling.leaving.delete(text);
    telling.isRecalled = false;
    delete telling.isUnclaimed;
    this.#memory.link(telling, text);
    this.#teller.look(telling);
  }

  /** This prefix is another session's by now: what is left to say is said to the old one. */
  #handOver(telling: Telling, text: string): void {
    telling.wanted.delete(text);
    telling.leaving.delete(text);
    this.#memory.unlink(telling, text);
    this.#teller.look(telling);
    this.#memory.note(telling);
  }

  #holding(prefix: Prefix): NasSession | undefined {
    const session = this.#options.sessions.holding(prefix);
    return session !== undefined && this.#options.nasIdentities.includes(session.nas) ? session : undefined;
  }

  #tellingFor(session: NasSession, before: Telling | undefined): Telling {
    const known = this.#memory.ofSession(sessionKeyOf(session));
    if (known !== undefined) return known;
    if (before?.session.accessKey === session.accessKey) {
      this.#teller.moveOn(before, session);
      return before;
    }
    return this.#begin(session);
  }

  #begin(session: NasSession): Telling {
    const telling = newTelling(session);
    this.#teller.beganLike(telling);
    this.#memory.take(telling);
    return telling;
  }

  /** What the passing of time brings: called twice a second, and by tests. */
  tick(): void {
    const { clock, interimMs } = this.#options;
    const now = clock.now();
    for (const telling of [...this.#memory.all()]) {
      for (const [text, { prefix, expiresAt }] of telling.wanted) {
        if (expiresAt > now) continue;
        telling.wanted.delete(text);
        telling.leaving.set(text, prefix);
        this.#teller.look(telling);
      }
      // The NAS knows no such session and accounting has been silent about it: it is over.
      if (telling.gone === 'unknown-to-nas' && telling.session.lastAt + 2 * interimMs < now) this.#teller.over(telling);
      if (telling.session.lastAt + FORGOTTEN_MS < now && isIdle(telling)) this.#teller.forget(telling);
    }
    for (const [text, { expiresAt }] of this.#homeless) if (expiresAt <= now) this.#homeless.delete(text);
    this.#teller.pump();
  }

  #heard(record: AccountingRecord): void {
    if (this.#isClosed) return;
    this.#watch.hear(record);
    this.#teller.pump();
  }

  /** Waited for by elements that no session held. */
  #held(texts: readonly string[], accessKey: string): void {
    for (const text of texts) {
      const element = this.#homeless.get(text);
      if (element !== undefined && !isAnothers(element, accessKey)) this.#put(element, element.expiresAt);
    }
  }

  // ------------------------------------------------------------- looking

  async observe(prefixes: readonly Prefix[]): Promise<readonly ElementState[]> {
    return prefixes.map((prefix) => ({
      prefix,
      access: this.#isClosed ? 'unknown' : this.#stateOf(formatPrefix(prefix)),
    }));
  }

  #stateOf(text: string): ElementState['access'] {
    const telling = this.#memory.ofPrefix(text);
    if (telling === undefined) return this.#homeless.has(text) ? 'unknown' : 'absent';
    const proven = provenAccess(telling);
    return proven === 'open' ? 'absent' : proven;
  }

  async readBack(): Promise<Result<readonly ElementState[], EnforceError>> {
    if (this.#isClosed) return err({ kind: 'unavailable', text: 'closed' });
    const states: ElementState[] = [];
    for (const telling of this.#memory.all())
      for (const prefix of this.#coveredOf(telling)) {
        const access = this.#stateOf(formatPrefix(prefix));
        if (access !== 'absent') states.push({ prefix, access });
      }
    return ok(states);
  }

  /** Of a family that this dialect cannot restrict nothing is said. */
  #coveredOf(telling: Telling): readonly Prefix[] {
    const { families } = this.#options.dialect;
    return prefixesOf(telling).filter(({ ip }) => families[ip.family === 4 ? 'ipv4' : 'ipv6']);
  }

  /** There is no ruleset of ours to compare: intact while it answers. */
  async skeleton(): Promise<'intact' | 'changed' | 'missing' | 'unknown'> {
    return this.#isClosed || this.#options.client.standing().silentSinceMs !== undefined ? 'unknown' : 'intact';
  }

  async install(): Promise<Result<'adopted' | 'installed' | 'repaired', EnforceError>> {
    return this.#isClosed ? err({ kind: 'unavailable', text: 'closed' }) : ok('adopted');
  }

  /** Flows that were steered live in the NAS: it forgets them itself. */
  async forgetSteered(): Promise<Result<void, EnforceError>> {
    return ok(undefined);
  }

  /** A NAS counts nothing for us per abused port. */
  async denyCounts(): Promise<Result<readonly DenyCount[], EnforceError>> {
    return this.#isClosed ? err({ kind: 'unavailable', text: 'closed' }) : ok([]);
  }

  isStrict(ip: Ip): boolean {
    return this.#memory.strictPrefixOf(ip) !== undefined;
  }

  strictPrefixOf(ip: Ip): Prefix | undefined {
    return this.#memory.strictPrefixOf(ip);
  }

  /** A page load that this gateway redirected to us: the garden is in force. */
  seenInGarden(ip: Ip): void {
    const prefix = this.#memory.strictPrefixOf(ip);
    const telling = prefix === undefined ? undefined : this.#memory.ofPrefix(formatPrefix(prefix));
    if (telling?.told?.access !== 'strict' || provenAccess(telling) === 'strict') return;
    if (this.#options.dialect.confirm.some((one) => one.by === 'portal-hit')) this.#teller.prove(telling, 'portal-hit');
  }

  /** Everything that may have something of ours is asked out; resolves when all acknowledged, or after `withinMs`. */
  async releaseAll(withinMs = MINUTE): Promise<Result<void, EnforceError>> {
    this.#homeless.clear();
    for (const telling of [...this.#memory.all()]) {
      for (const prefix of this.#coveredOf(telling)) telling.leaving.set(formatPrefix(prefix), prefix);
      telling.wanted.clear();
      telling.isUnclaimed = false;
      this.#teller.look(telling);
    }
    return this.drained(withinMs);
  }

  /** Resolves when no order towards freedom waits any more. */
  async drained(withinMs: number, of?: readonly Prefix[]): Promise<Result<void, EnforceError>> {
    const { clock } = this.#options;
    const deadlineMs = clock.monotonicMs() + withinMs;
    // One that is refused for good must not make the release of another look failed.
    const asked = of?.flatMap((prefix) => this.#memory.ofPrefix(formatPrefix(prefix)) ?? []);
    const isLeft = () => (asked ?? [...this.#memory.all()]).some((one) => isOwed(one) && isLoosening(one));
    this.#teller.pump();
    while (isLeft() && clock.monotonicMs() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 20));
    return isLeft() ? err({ kind: 'timeout', afterMs: withinMs }) : ok(undefined);
  }

  /** An engineer mended something: what was refused for good is tried now. */
  retryNow(): void {
    this.#teller.retryNow();
  }

  progress(): TellingProgress {
    const all = [...this.#memory.all()];
    const gardens = all.filter((one) => one.wanted.size > 0);
    const counts = this.#teller.counts();
    const { waiting, perSecond } = counts;
    const releases = all.filter((one) => one.releaseOwedSince !== undefined);
    const now = this.#options.clock.now();
    return {
      ...counts,
      sessions: all.length,
      releasesWaiting: releases.length,
      oldestReleaseMs: Math.max(0, ...releases.map((one) => now - one.releaseOwedSince!)),
      ...(waiting > 0 && perSecond > 0 ? { etaSeconds: Math.ceil(waiting / perSecond) } : {}),
      acked: gardens.filter((one) => settledAccess(one) === wantedAccess(one)).length,
      confirmed: gardens.filter((one) => provenAccess(one) === wantedAccess(one)).length,
      atNextLogin: this.#homeless.size + gardens.filter((one) => one.gone !== undefined).length,
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#teller.close();
    await this.#options.client.close();
  }
}

function isAnothers({ accessKey }: GardenElement, held: string): boolean {
  return accessKey !== undefined && accessKey !== '' && accessKey !== held;
}

/** Nothing of ours is on it, and nobody asks. */
function isIdle(telling: Telling): boolean {
  return telling.wanted.size + telling.leaving.size === 0 && provenAccess(telling) === 'open';
}
