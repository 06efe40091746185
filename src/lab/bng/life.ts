// The life of sessions on a simulated BNG: they come up, change, go on under another id, end. Each step reaches the data plane
// first and is told to accounting after.
import { randomBytes } from 'node:crypto';
import { type Attribute, CODE, type Packet } from '../../protocols/radius/codec.ts';
import { accessOf, type FamilyAccess, type Filters } from './filters.ts';
import type { BngOptions } from './options.ts';
import { aboutBox, aboutSession } from './records.ts';
import type { AcctStatus, Reporter } from './reporter.ts';
import { type BngHome, type BngSession, SessionTable } from './sessions.ts';
import type { Vocabulary } from './vocabulary.ts';
import { integer } from './wire.ts';

/** RFC 2866 §5.10. */
export const TERMINATE = { userRequest: 1, adminReset: 6, nasReboot: 11 } as const;
const ACCT_TERMINATE_CAUSE = 49;

export interface LifeOptions {
  readonly bng: BngOptions;
  readonly vocabulary: Vocabulary;
  readonly filters: Filters;
  readonly reporter: Reporter | undefined;
  readonly now: () => number;
}

export class SessionLife {
  readonly sessions = new SessionTable();
  readonly #options: LifeOptions;
  readonly #boot = randomBytes(3).toString('hex');
  #lastSession = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: LifeOptions) {
    this.#options = options;
  }

  /** Two boots never give the same id. */
  newId(): string {
    return `${this.#boot}${(++this.#lastSession).toString(16).padStart(5, '0')}`;
  }

  /** One thing after the other, as the data plane needs it. */
  inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(act);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async comeUp(
    home: BngHome,
    login: { readonly id: string; readonly names: readonly string[]; readonly classes: readonly Uint8Array[] },
  ): Promise<BngSession> {
    const older = this.sessions.ofUser(home.user);
    if (older !== undefined) await this.end(older, TERMINATE.adminReset);
    const session = { ...login, home, access: this.#accessOf(login.names), startedAt: this.#options.now() };
    await this.#enforce(session);
    this.tell('start', session);
    return session;
  }

  async change(session: BngSession, names: readonly string[], order: string): Promise<void> {
    const after = { ...session, names, access: this.#accessOf(names), lastOrder: order };
    await this.#enforce(after, session);
    if (this.#options.bng.accounting?.interimAfterCoa === true) this.tell('interim', after);
  }

  /** IPv4 is changed; IPv6, and what the box believes, are not. */
  async changeHalf(session: BngSession, names: readonly string[], order: string): Promise<void> {
    const access = { ...session.access, 4: this.#accessOf(names)[4] };
    await this.#enforce({ ...session, access, lastOrder: order }, session);
  }

  /** Accounting hears of an end and of a beginning. */
  async changeAndRename(session: BngSession, names: readonly string[], order: string): Promise<void> {
    const access = this.#accessOf(names);
    const startedAt = this.#options.now();
    const renamed = { ...session, id: this.newId(), names, access, lastOrder: order, startedAt };
    await this.#enforce(renamed, session);
    this.tell('stop', session, [integer(ACCT_TERMINATE_CAUSE, TERMINATE.adminReset)]);
    this.tell('start', renamed);
  }

  async end(session: BngSession, terminateCause: number): Promise<void> {
    this.sessions.remove(session.id);
    await this.#options.bng.dataPlane?.remove(session);
    this.tell('stop', session, [integer(ACCT_TERMINATE_CAUSE, terminateCause)]);
  }

  /** All at once, without a word. */
  async forgetAll(): Promise<void> {
    this.sessions.clear();
    await this.#options.bng.dataPlane?.clear();
  }

  tell(status: AcctStatus, session?: BngSession, more: readonly Attribute[] = []): void {
    const { reporter, bng, vocabulary, now } = this.#options;
    if (session === undefined) {
      reporter?.tell({ status, attributes: aboutBox(bng) });
      return;
    }
    const reports = bng.accounting?.reportsFilter ?? true;
    const seconds = status === 'start' ? undefined : Math.round((now() - session.startedAt) / 1000);
    const about = {
      ...(seconds === undefined ? {} : { seconds }),
      ...(reports ? { vocabulary } : {}),
    };
    const attributes = [...aboutSession(session, bng, about), ...more];
    reporter?.tell({ status, sessionId: session.id, attributes });
  }

  async #enforce(session: BngSession, before?: BngSession): Promise<void> {
    if (before !== undefined) this.sessions.remove(before.id);
    this.sessions.put(session);
    await this.#options.bng.dataPlane?.apply(session);
  }

  #accessOf(names: readonly string[]): FamilyAccess {
    const { filters } = this.#options;
    return { 4: accessOf(names, filters, 4), 6: accessOf(names, filters, 6) };
  }
}

/** What makes two requests the same order: everything but what each packet has anew. */
export function orderOf({ code, attributes }: Packet): string {
  const anew: readonly number[] = [33, 55, 80];
  const said = attributes.filter(({ type }) => !anew.includes(type));
  const kind = code === CODE.coaRequest ? 'change' : 'cut';
  return [kind, ...said.map(({ type, value }) => `${type}:${Buffer.from(value).toString('base64')}`)].join(' ');
}
