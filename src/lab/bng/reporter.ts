// The accounting of a simulated BNG (RFC 2866): records go out until they are answered, with a growing Acct-Delay-Time under a new
// identifier each time. Records of one session stay in order, and nothing overtakes an Accounting-On or -Off.
import { replyFault, signRequest } from '../../protocols/radius/authenticator.ts';
import { type Attribute, CODE, encodePacket } from '../../protocols/radius/codec.ts';
import type { RadiusCaller } from './caller.ts';
import { integer } from './wire.ts';

/** RFC 2866 §5.1. */
export const STATUS = { start: 1, stop: 2, interim: 3, on: 7, off: 8 } as const;
export type AcctStatus = keyof typeof STATUS;

export interface AcctRecord {
  readonly status: AcctStatus;
  /** Absent for On and Off. */
  readonly sessionId?: string;
  readonly attributes: readonly Attribute[];
}

export interface ReporterOptions {
  readonly caller: RadiusCaller;
  readonly retryMs: number;
  /** Event-Timestamp in each record (RFC 2869 §5.3). */
  readonly eventTimestamp: boolean;
  /** The BNG's clock. */
  readonly now: () => number;
}

const MOST_WAITING = 50_000;
const ACCT_DELAY_TIME = 41;
const EVENT_TIMESTAMP = 55;

export class Reporter {
  readonly #options: ReporterOptions;
  readonly #tails = new Map<string, Promise<void>>();
  /** Sessions whose Interim has not left yet: another would say the same. */
  readonly #interims = new Set<string>();
  #barrier: Promise<void> = Promise.resolve();
  #waiting = 0;
  #answered = 0;
  #sent = 0;
  #idle: (() => void)[] = [];

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  counts(): { readonly waiting: number; readonly answered: number; readonly sent: number } {
    return { waiting: this.#waiting, answered: this.#answered, sent: this.#sent };
  }

  tell(record: AcctRecord): void {
    const { status, sessionId } = record;
    if (this.#waiting >= MOST_WAITING) return; // as a BNG whose buffer is full
    if (sessionId !== undefined && status === 'interim') {
      if (this.#interims.has(sessionId)) return;
      this.#interims.add(sessionId);
    }
    this.#waiting++;
    const at = this.#options.now();
    const before =
      sessionId === undefined
        ? Promise.all([this.#barrier, ...this.#tails.values()])
        : Promise.all([this.#barrier, this.#tails.get(sessionId)]);
    const done = before.then(() => this.#untilAnswered(record, at)).then(() => this.#over());
    if (sessionId === undefined) this.#barrier = done;
    else this.#keepOrder(sessionId, done);
  }

  /** Every record so far was answered; false when that did not happen in time. */
  async settled(timeoutMs: number): Promise<boolean> {
    if (this.#waiting === 0) return true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs);
      this.#idle.push(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }

  #keepOrder(sessionId: string, done: Promise<void>): void {
    this.#tails.set(sessionId, done);
    void done.then(() => {
      if (this.#tails.get(sessionId) === done) this.#tails.delete(sessionId);
    });
  }

  async #untilAnswered(record: AcctRecord, at: number): Promise<void> {
    const { caller, retryMs } = this.#options;
    if (record.sessionId !== undefined && record.status === 'interim') this.#interims.delete(record.sessionId);
    while (caller.isOpen) {
      this.#sent++;
      const answer = await caller.ask({
        build: (identifier) => this.#encode(record, identifier, at),
        isAnswer: (packet, question) =>
          packet.code === CODE.accountingResponse &&
          replyFault(packet, question.subarray(4, 20), caller.secret) === undefined,
        waitsMs: [retryMs],
      });
      if (answer === undefined) continue;
      this.#answered++;
      return;
    }
  }

  #encode(record: AcctRecord, identifier: number, at: number): Uint8Array {
    const { now, eventTimestamp } = this.#options;
    const attributes = [
      integer(40, STATUS[record.status]),
      ...record.attributes,
      integer(ACCT_DELAY_TIME, Math.round((now() - at) / 1000)),
      ...(eventTimestamp ? [integer(EVENT_TIMESTAMP, Math.floor(at / 1000))] : []),
    ];
    return signRequest(
      encodePacket({ code: CODE.accountingRequest, identifier, attributes }),
      this.#options.caller.secret,
    );
  }

  #over(): void {
    this.#waiting--;
    if (this.#waiting > 0) return;
    for (const tell of this.#idle.splice(0)) tell();
  }
}
