// Mailboxes that feeds arrive in, each by itself: one that is away, slow or full of rubbish delays no other. A mail leaves its
// place on the server only when what became of it is durable; a crash before that handles it again, and it counts once.
import { DAY, type Instant, MINUTE, SECOND } from '../core/kernel/time.ts';
import { pauseUnless } from './pause.ts';
import type { FoundMail, Json, Log, Mailbox, Store } from './ports.ts';
import { type MailboxRules, type MailOutcome, parkMail, type TakeMailParts, takeMail } from './take-mail.ts';

export interface WatchedMailbox {
  readonly rules: MailboxRules;
  readonly mailbox: Mailbox;
  /** Larger mails are not fetched. */
  readonly sizeLimit: number;
  /** A warning when nothing came for so long; undefined = never. */
  readonly silence?: number;
}

export interface MailboxesParts extends TakeMailParts {
  readonly store: Pick<Store, 'setting' | 'commit' | 'acceptReports' | 'report'>;
  readonly log: Log;
  /** 0 to 1, for the jitter. */
  readonly random: () => number;
}

export interface MailboxState {
  readonly name: string;
  readonly isOpen: boolean;
  readonly failuresInARow: number;
  /** Why the last connection ended; undefined while one stands. */
  readonly error?: string;
  readonly lastMailAt?: Instant;
  /** Longer than it may. */
  readonly silentMs?: number;
  readonly taken: number;
  readonly parked: number;
  /** Left where they are for now, since the last look. */
  readonly waiting: number;
}

const MAIL_MS = 5 * MINUTE;
const STOP_MS = 10 * SECOND;
const FIRST_PAUSE_MS = SECOND;
const LONGEST_PAUSE_MS = 5 * MINUTE;
/** A key that nobody could say for so long will not come: a person decides. */
const LATEST_MS = 3 * DAY;

export class Mailboxes {
  readonly #watches: readonly Watch[];
  readonly #stop = new AbortController();
  #loops: Promise<unknown> = Promise.resolve();

  constructor(parts: MailboxesParts, mailboxes: readonly WatchedMailbox[]) {
    this.#watches = mailboxes.map((one) => new Watch(parts, one, this.#stop.signal));
  }

  start(): void {
    this.#loops = Promise.all(this.#watches.map((watch) => watch.loop()));
  }

  /** A mail in hand is left where it is, and handled again after the start. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.race([this.#loops, pauseUnless(undefined, STOP_MS)]);
  }

  standing(): readonly MailboxState[] {
    return this.#watches.map((watch) => watch.state());
  }
}

interface Kept {
  readonly sinceAt: Instant;
  readonly lastMailAt?: Instant;
  readonly kept?: Json;
}

class Watch {
  readonly #parts: MailboxesParts;
  readonly #facts: WatchedMailbox;
  readonly #stop: AbortSignal;
  #book: Kept | undefined;
  #isOpen = false;
  #failures = 0;
  #error: string | undefined;
  #taken = 0;
  #parked = 0;
  #waiting = 0;
  #waitingNow = 0;

  constructor(parts: MailboxesParts, facts: WatchedMailbox, stop: AbortSignal) {
    this.#parts = parts;
    this.#facts = facts;
    this.#stop = stop;
  }

  async loop(): Promise<void> {
    while (!this.#stop.aborted) {
      await this.#connection().catch((cause: unknown) => this.#failed(cause));
      this.#isOpen = false;
      if (!this.#stop.aborted) await pauseUnless(this.#stop, backOffMs(this.#failures, this.#parts.random()));
    }
  }

  state(): MailboxState {
    const { rules, silence } = this.#facts;
    const silentMs =
      this.#book === undefined ? 0 : this.#parts.clock.now() - (this.#book.lastMailAt ?? this.#book.sinceAt);
    return {
      name: rules.name,
      isOpen: this.#isOpen,
      failuresInARow: this.#failures,
      taken: this.#taken,
      parked: this.#parked,
      waiting: this.#waiting,
      ...(this.#error !== undefined && { error: this.#error }),
      ...(this.#book?.lastMailAt !== undefined && { lastMailAt: this.#book.lastMailAt }),
      ...(silence !== undefined && silentMs > silence && { silentMs }),
    };
  }

  async #connection(): Promise<void> {
    const book = this.#book ?? (await this.#opened());
    this.#book = book;
    await this.#facts.mailbox.watch(
      {
        kept: book.kept,
        keep: (kept) => this.#write({ ...this.#book!, kept }),
        take: (mail) => this.#take(mail),
        looked: () => this.#looked(),
      },
      this.#stop,
    );
  }

  #looked(): void {
    const { log } = this.#parts;
    if (!this.#isOpen) log.info('MAILBOX_OPEN', { mailbox: this.#facts.rules.name });
    this.#isOpen = true;
    this.#failures = 0;
    this.#error = undefined;
    this.#waiting = this.#waitingNow;
    this.#waitingNow = 0;
  }

  #failed(cause: unknown): void {
    this.#waitingNow = 0;
    if (this.#stop.aborted) return;
    this.#error = (cause instanceof Error ? cause.message : String(cause)).slice(0, 200);
    // The first of a row, then ever more seldom.
    if (++this.#failures === 1 || Number.isInteger(Math.log2(this.#failures)))
      this.#parts.log.warn('MAILBOX_LOST', {
        mailbox: this.#facts.rules.name,
        text: this.#error,
        inARow: this.#failures,
      });
  }

  async #take(mail: FoundMail): Promise<'done' | 'parked' | 'later'> {
    const { log } = this.#parts;
    const fields = { mailbox: this.#facts.rules.name, mail: mail.place };
    const outcome = await this.#judged(mail);
    await this.#heard(mail);
    if (outcome.state === 'later') {
      this.#waitingNow++;
      log.warn('MAIL_WAITS', { ...fields, text: outcome.text });
      return 'later';
    }
    if (outcome.state === 'parked') {
      this.#parked++;
      log.warn('MAIL_PARKED', { ...fields, reason: outcome.code, text: outcome.text });
      return 'parked';
    }
    this.#taken++;
    log.info(
      'MAIL_TOOK',
      outcome.state === 'taken' ? { ...fields, feeds: [...outcome.feeds], rows: outcome.rows } : fields,
    );
    return 'done';
  }

  async #judged(mail: FoundMail): Promise<MailOutcome> {
    const { sizeLimit, rules } = this.#facts;
    const tooLarge = { state: 'parked', code: 'mail-too-large', text: `more than ${sizeLimit} octets` } as const;
    if (mail.size > sizeLimit) return tooLarge;
    const bytes = await mail.read(sizeLimit);
    if (bytes.length > sizeLimit) return tooLarge;
    const signal = AbortSignal.any([AbortSignal.timeout(MAIL_MS), this.#stop]);
    // What cannot be done for one mail now is tried again; the next ones go on meanwhile.
    const outcome = await takeMail(this.#parts, rules, bytes, signal).catch(
      (cause: unknown): MailOutcome => ({ state: 'later', text: `not stored: ${String(cause).slice(0, 200)}` }),
    );
    if (outcome.state !== 'later' || this.#parts.clock.now() - mail.arrivedAt < LATEST_MS || signal.aborted)
      return outcome;
    const fault = { code: 'waited-too-long', text: outcome.text };
    await parkMail(this.#parts, rules.name, bytes, fault);
    return { state: 'parked', ...fault };
  }

  /** Silence ends with the first mail of today, whatever became of it: a minute's precision is enough and spares the disk. */
  async #heard(mail: FoundMail): Promise<void> {
    const at = Math.min(mail.arrivedAt, this.#parts.clock.now());
    if (at - (this.#book?.lastMailAt ?? 0) > MINUTE) await this.#write({ ...this.#book!, lastMailAt: at });
  }

  async #opened(): Promise<Kept> {
    const stored = await this.#parts.store.setting(this.#key);
    if (stored !== undefined) return stored as unknown as Kept;
    const fresh = { sinceAt: this.#parts.clock.now() };
    await this.#parts.store.commit({ settings: { [this.#key]: fresh } });
    return fresh;
  }

  async #write(book: Kept): Promise<void> {
    this.#book = book;
    await this.#parts.store.commit({ settings: { [this.#key]: { ...book } as unknown as Json } });
  }

  get #key(): string {
    return `mailbox.${this.#facts.rules.name}`;
  }
}

/** A second, doubling to five minutes; between half of it and all of it, so that many do not come back together. */
export function backOffMs(failures: number, random: number): number {
  const whole = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(Math.max(failures - 1, 0), 20), LONGEST_PAUSE_MS);
  return whole * (0.5 + 0.5 * random);
}
