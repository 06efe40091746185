// A mailbox over IMAP (RFC 9051, 3501): waiting mails in the order of their UIDs, then IDLE or a look every so often. What is
// dealt with goes to a folder of its own, or gets a flag where this account may move nothing. Plain text to nobody but loopback.
import { ImapFlow } from 'imapflow';
import type { FoundMail, Json, Mailbox, MailWork } from '../../../flow/ports.ts';
import { causeOf } from './cause.ts';
import { forgetUntil, type Place, placeOf } from './place.ts';

export interface ImapOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: 'implicit' | 'starttls' | 'none';
  /** PEM; left out: what the system trusts. */
  readonly ca?: string;
  readonly user: string;
  readonly password: string;
  readonly folder: string;
  readonly after:
    | { readonly kind: 'move'; readonly done: string; readonly parked: string }
    /** `\Seen`, and `\Flagged` for what was parked. Where we are is kept here. */
    | { readonly kind: 'flag' };
  /** At the latest; IDLE tells sooner where there is one. */
  readonly pollMs: number;
  readonly timeouts?: { readonly connectMs?: number; readonly silentMs?: number; readonly idleAfterMs?: number };
}

/** More wait for the next look: one look ends. */
const MAILS_PER_LOOK = 500;
/** So many in a row that cannot be dealt with now: nothing can, or a resolver is away. */
const LATER_IN_A_ROW = 5;
const MAX_LITERAL = 256 * 1024 * 1024;
const MAX_LINE = 8 * 1024 * 1024;

export function imapMailbox(options: ImapOptions): Mailbox {
  if (options.tls === 'none' && !['127.0.0.1', '::1', 'localhost'].includes(options.host))
    throw new Error('imap: without TLS to loopback only');
  // Outlives a connection: a mail whose move failed is not read again for it.
  const handled = new Map<string, 'done' | 'parked'>();
  return {
    async watch(work, signal) {
      const session = new Session(options, handled, work);
      try {
        await session.run(signal);
      } catch (cause) {
        if (signal.aborted) return;
        throw new Error(causeOf(cause));
      } finally {
        session.close();
      }
    },
  };
}

class Session {
  readonly #options: ImapOptions;
  readonly #handled: Map<string, 'done' | 'parked'>;
  readonly #work: MailWork;
  readonly #client: ImapFlow;
  #place: Place;
  #wake: () => void = () => {};
  #fail: (cause: unknown) => void = () => {};

  constructor(options: ImapOptions, handled: Map<string, 'done' | 'parked'>, work: MailWork) {
    this.#options = options;
    this.#handled = handled;
    this.#work = work;
    this.#place = placeOf(work.kept);
    const { connectMs = 20_000, silentMs = 120_000, idleAfterMs = 2000 } = options.timeouts ?? {};
    this.#client = new ImapFlow({
      host: options.host,
      port: options.port,
      secure: options.tls === 'implicit',
      ...(options.tls !== 'implicit' && { doSTARTTLS: options.tls === 'starttls' }),
      tls: { minVersion: 'TLSv1.2', rejectUnauthorized: true, ...(options.ca !== undefined && { ca: options.ca }) },
      auth: { user: options.user, pass: options.password },
      clientInfo: { name: 'engawa' },
      logger: false,
      disableCompression: true,
      autoIdleDelay: idleAfterMs,
      connectionTimeout: connectMs,
      greetingTimeout: connectMs,
      socketTimeout: silentMs,
      maxLineLength: MAX_LINE,
      maxLiteralSize: MAX_LITERAL,
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const broken = new Promise<never>((_, reject) => {
      this.#fail = reject;
    });
    broken.catch(() => {});
    this.#client.on('error', (cause: unknown) => this.#fail(cause));
    this.#client.on('close', () => this.#fail(new Error('the connection was closed')));
    this.#client.on('exists', () => this.#wake());
    const stop = () => this.#fail(new Error('stopped'));
    signal.addEventListener('abort', stop, { once: true });
    try {
      signal.throwIfAborted();
      await Promise.race([this.#turns(signal), broken]);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  close(): void {
    this.#client.close();
  }

  async #turns(signal: AbortSignal): Promise<void> {
    await this.#client.connect();
    await this.#makeFolders();
    const mailbox = await this.#client.mailboxOpen(this.#options.folder);
    const uidValidity = String(mailbox.uidValidity);
    if (this.#place.uidValidity !== uidValidity) this.#place = { uidValidity, uid: 0 };
    while (!signal.aborted) {
      let isAwake = false;
      // Before the look: what arrives while it goes on is looked at next.
      const woken = new Promise<void>((resolve) => {
        this.#wake = () => {
          isAwake = true;
          resolve();
        };
      });
      const hasMore = await this.#look(signal);
      this.#work.looked();
      if (!hasMore && !isAwake) await this.#waitFor(woken);
    }
  }

  async #waitFor(woken: Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const polled = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#options.pollMs);
    });
    await Promise.race([woken, polled]);
    clearTimeout(timer);
  }

  async #makeFolders(): Promise<void> {
    const { after } = this.#options;
    if (after.kind !== 'move') return;
    for (const folder of [after.done, after.parked]) {
      // An array: the server's own delimiter goes between.
      await this.#client.mailboxCreate(folder.split('/')).catch((cause: unknown) => {
        throw new Error(`the folder ${folder} cannot be made: ${causeOf(cause)}`);
      });
    }
  }

  /** true = there is more. */
  async #look(signal: AbortSignal): Promise<boolean> {
    await this.#client.noop();
    const from = this.#options.after.kind === 'flag' ? this.#place.uid + 1 : 1;
    const found = (await this.#client.search({ uid: `${from}:*` }, { uid: true })) || [];
    // `n:*` names the last mail even where its UID is lower (RFC 9051 §9, seq-range).
    const waiting = found.filter((uid) => uid >= from).sort((a, b) => a - b);
    forgetUntil(this.#handled, this.#place.uidValidity, waiting);
    let isAllHandled = true;
    let inARow = 0;
    for (const uid of waiting.slice(0, MAILS_PER_LOOK)) {
      if (signal.aborted) return false;
      const state = await this.#mail(uid);
      inARow = state === 'later' ? inARow + 1 : 0;
      if (inARow >= LATER_IN_A_ROW) return false;
      isAllHandled &&= state !== 'later';
      if (isAllHandled) await this.#passed(uid);
    }
    return waiting.length > MAILS_PER_LOOK && isAllHandled;
  }

  async #mail(uid: number): Promise<'done' | 'parked' | 'later'> {
    const key = `${this.#place.uidValidity}/${uid}`;
    const before = this.#handled.get(key);
    const head = before === undefined ? await this.#client.fetchOne(String(uid), HEAD, { uid: true }) : undefined;
    // Somebody else took it away.
    if (head === false || (before === undefined && head === undefined)) return 'done';
    const state = before ?? (await this.#work.take(this.#found(key, uid, head)));
    if (state === 'later') return state;
    this.#handled.set(key, state);
    await this.#putAway(uid, state);
    return state;
  }

  #found(place: string, uid: number, head: Awaited<ReturnType<ImapFlow['fetchOne']>>): FoundMail {
    const { size, internalDate } = head as { size?: number; internalDate?: Date | string };
    const arrivedAt = internalDate === undefined ? Number.NaN : new Date(internalDate).getTime();
    return {
      place,
      size: size ?? 0,
      arrivedAt: Number.isFinite(arrivedAt) ? arrivedAt : Date.now(),
      read: async (most) => {
        const query = { source: { start: 0, maxLength: most + 1 } };
        const mail = await this.#client.fetchOne(String(uid), query, { uid: true });
        if (!mail || mail.source === undefined) throw new Error('a mail was gone before it was read');
        return mail.source;
      },
    };
  }

  /** Where the server refuses, the mail stays and is not read again; the next look tries once more. */
  async #putAway(uid: number, state: 'done' | 'parked'): Promise<void> {
    const { after } = this.#options;
    const range = String(uid);
    if (after.kind === 'flag') {
      const flags = state === 'parked' ? ['\\Seen', '\\Flagged'] : ['\\Seen'];
      await this.#client.messageFlagsAdd(range, flags, { uid: true });
      return;
    }
    const folder = (state === 'done' ? after.done : after.parked).split('/');
    await this.#client.messageMove(range, folder, { uid: true });
  }

  async #passed(uid: number): Promise<void> {
    if (this.#options.after.kind !== 'flag' || uid <= this.#place.uid) return;
    this.#place = { ...this.#place, uid };
    await this.#work.keep({ ...this.#place } as Json);
  }
}

const HEAD = { uid: true, size: true, internalDate: true } as const;
