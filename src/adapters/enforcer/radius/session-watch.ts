// What accounting tells about sessions, taken for what it means to the tellings of one gateway: who is over, who follows whom, what
// a record proves or contradicts. Orders nothing: the teller does what follows from it.

import type { Dialect } from '../../../core/dialect/dialect.ts';
import { markerOf } from '../../../core/dialect/marker.ts';
import { judgeFacts } from '../../../core/dialect/plan.ts';
import { type Instant, MINUTE, SECOND } from '../../../core/kernel/time.ts';
import { type AccountingRecord, isReset, type SessionRecord } from '../../../core/line/accounting.ts';
import { type NasSession, serviceOf } from '../../../core/line/session.ts';
import { formatPrefix, type Prefix } from '../../../core/net/prefix.ts';
import type { NasSessions } from '../../../flow/ports.ts';
import type { TellingMemory } from './memory.ts';
import type { Teller } from './teller.ts';
import { isOwed, newTelling, sessionKeyOf, settledAccess, type Telling } from './telling.ts';

export interface SessionWatchParts {
  readonly dialect: Dialect;
  readonly sessions: NasSessions;
  /** Accounting names whose sessions the gateway carries. */
  readonly nasIdentities: readonly string[];
  /** A session that AAA let in quarantined and that nobody has asked for. */
  readonly onStray: () => void;
  /** A session of this access key holds these prefixes now. */
  readonly onHeld: (texts: readonly string[], accessKey: string) => void;
}

/** A record may have been made before the order and arrive after it. */
const RECORD_RACE_MS = 5 * SECOND;
/** As the store has it: starts nearer than this are one session. */
const SAME_START_MS = 2 * MINUTE;

export class SessionWatch {
  readonly #parts: SessionWatchParts;
  readonly #memory: TellingMemory;
  readonly #teller: Teller;

  constructor(parts: SessionWatchParts, memory: TellingMemory, teller: Teller) {
    this.#parts = parts;
    this.#memory = memory;
    this.#teller = teller;
  }

  hear(record: AccountingRecord): void {
    if (!this.#parts.nasIdentities.includes(record.nas)) return;
    if (isReset(record)) {
      for (const telling of [...this.#memory.all()]) {
        const { nas, startAt, lastAt } = telling.session;
        if (nas === record.nas && (startAt ?? lastAt) < record.eventAt) this.#teller.over(telling);
      }
    } else if (serviceOf(record) !== undefined) this.#service(record);
    else if (record.status === 'stop') {
      const telling = this.#memory.ofSession(sessionKeyOf(record));
      // The store tells a Stop of an earlier session under the same name from this one's.
      if (telling !== undefined && this.stored(record) === undefined) this.#teller.over(telling);
    } else this.#alive(record);
  }

  /** A record about one service of a session: it proves what it names, and its end is no session's. */
  #service(record: SessionRecord): void {
    const sessionId = serviceOf(record);
    const telling =
      sessionId === undefined ? undefined : this.#memory.ofSession(sessionKeyOf({ ...record, sessionId }));
    const told = telling?.told;
    if (telling === undefined || told === undefined || record.status === 'stop') return;
    const isLater = record.eventAt + SECOND >= told.at;
    if (isLater && told.access !== 'open' && this.#seenIn(telling, record) === told.access)
      this.#teller.prove(telling, 'accounting');
  }

  /** Start or Interim. Of sessions that are nothing to us nothing is looked up: there are hundreds of thousands. */
  #alive(record: SessionRecord): void {
    const texts = record.prefixes.map(({ prefix }) => formatPrefix(prefix));
    const telling = this.#known(record) ?? this.#nextOf(record, texts) ?? this.#stray(record);
    if (telling !== undefined) this.#learn(telling, record);
    this.#parts.onHeld(texts, record.accessKey);
  }

  #known(record: SessionRecord): Telling | undefined {
    const telling = this.#memory.ofSession(sessionKeyOf(record));
    const session = telling === undefined ? undefined : this.stored(record);
    if (telling === undefined || session === undefined) return telling;
    const isAnother = isAnotherLife(telling.session, session);
    if (isAnother && telling.wanted.size + telling.leaving.size === 0 && !isOwed(telling)) {
      this.#teller.forget(telling);
      return undefined;
    }
    if (isAnother) this.#teller.again(telling, session);
    else if (telling.gone === 'over') {
      // Taken for over, and it lives: what it was told stands.
      delete telling.gone;
      delete telling.goneAt;
      this.#memory.mirror(telling);
    }
    return telling;
  }

  /** The next session of a line, whether or not the old one's Stop ever came. */
  #nextOf(record: SessionRecord, texts: readonly string[]): Telling | undefined {
    const before = texts
      .map((text) => this.#memory.ofPrefix(text))
      .find((one) => one?.session.accessKey === record.accessKey);
    if (before === undefined || this.stored(record) === undefined || !isNext(before.session, record)) return undefined;
    this.#teller.moveOn(before, this.#sessionOf(record));
    return before;
  }

  /** AAA let it in quarantined. Either somebody is about to ask for it, or it is found as extra when the gateway is compared. */
  #stray(record: SessionRecord): Telling | undefined {
    if (markerOf(record.facts ?? {}) === undefined) return undefined;
    const session = this.stored(record);
    // A late record: of a session that is over, or of one whose addresses are all somebody else's by now.
    if (session === undefined || !this.#holdsAny(session)) return undefined;
    const telling = newTelling(session);
    this.#teller.beganLike(telling);
    // Wanted by nobody yet: only the comparison with the whole wanted state may call it extra.
    telling.isUnclaimed = true;
    this.#memory.take(telling);
    this.#parts.onStray();
    return telling;
  }

  #holdsAny(session: NasSession): boolean {
    const key = sessionKeyOf(session);
    const isHeld = (prefix: Prefix) => {
      const holder = this.#parts.sessions.holding(prefix);
      return holder !== undefined && sessionKeyOf(holder) === key;
    };
    return session.prefixes.length === 0 || session.prefixes.some(({ prefix }) => isHeld(prefix));
  }

  /** As accounting has it; undefined = over, or never heard of. */
  stored(of: Pick<NasSession, 'nas' | 'sessionId' | 'accessKey' | 'prefixes'>): NasSession | undefined {
    const { sessions } = this.#parts;
    const key = sessionKeyOf(of);
    const isIt = (one: NasSession | undefined) => one !== undefined && sessionKeyOf(one) === key;
    return (
      sessions.ofAccessKey(of.nas, of.accessKey).find(isIt) ??
      of.prefixes.map(({ prefix }) => sessions.holding(prefix)).find(isIt)
    );
  }

  /** The store has merged what earlier records said of it, and writes down that nothing is new only now and then. */
  #sessionOf(record: SessionRecord): NasSession {
    const known = this.stored(record);
    if (known !== undefined) return { ...known, lastAt: Math.max(known.lastAt, record.eventAt) };
    const { nas, sessionId, accessKey, realm, prefixes, startAt, eventAt, facts = {} } = record;
    const session = { nas, sessionId, accessKey, realm, prefixes, facts, lastAt: eventAt };
    return startAt === undefined ? session : { ...session, startAt };
  }

  #learn(telling: Telling, record: SessionRecord): void {
    const session = this.#sessionOf(record);
    if (sessionKeyOf(session) === sessionKeyOf(telling.session)) telling.session = session;
    if (telling.gone === 'unknown-to-nas') {
      delete telling.gone;
      delete telling.goneAt;
    }
    if (this.#memory.linkHeld(telling) && telling.isUnclaimed === true) this.#parts.onStray();
    this.#teller.keepPlan(telling);
    const { told, sent } = telling;
    const seen = this.#seenIn(telling, record);
    // The times of records are whole seconds.
    const isSince = (at: Instant | undefined) => at !== undefined && record.eventAt + SECOND >= at;
    if (seen !== 'unknown' && settledAccess(telling) === undefined) {
      if (seen === sent?.access && isSince(sent.at)) telling.glimpse = seen;
    } else if (seen !== 'unknown' && told !== undefined) {
      if (seen === told.access && isSince(telling.toldFrom ?? told.at)) this.#teller.prove(telling, 'accounting');
      else if (seen !== told.access && record.eventAt > told.at + RECORD_RACE_MS)
        this.#teller.contradict(telling, seen, 'accounting');
    }
    this.#teller.look(telling);
  }

  /** Where nothing lies between open and strict, open is all that leaky can look like. */
  #seenIn(telling: Telling, { facts = {} }: SessionRecord): ReturnType<typeof judgeFacts> {
    const { dialect } = this.#parts;
    const seen = judgeFacts(dialect, facts, this.#teller.valuesOf(telling));
    return dialect.lacksLeaky === true && seen === 'open' && telling.told?.access === 'leaky' ? 'leaky' : seen;
  }
}

/** Records overtake each other by seconds; a Start says itself that something began. */
function isNext(before: NasSession, { status, startAt, eventAt }: SessionRecord): boolean {
  if (startAt === undefined || before.startAt === undefined) return before.lastAt <= eventAt;
  return startAt + (status === 'start' ? RECORD_RACE_MS : 0) >= before.startAt;
}

function isAnotherLife(a: NasSession, b: NasSession): boolean {
  return a.startAt !== undefined && b.startAt !== undefined && Math.abs(a.startAt - b.startAt) > SAME_START_MS;
}
