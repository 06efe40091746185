// The ports towards one NAS: a free identifier now, or word when there is one. A NAS tells a duplicate by source address, port and
// identifier (RFC 5080 §2.2.2): a used one rests until the NAS has forgotten it, and so long its port stays open, so that the
// kernel gives it to nobody else, ourselves included.
import { codeOf, type Port } from './port.ts';

export interface PortsOptions<H> {
  readonly open: () => Promise<Port<H>>;
  readonly most: number;
  /** So long an identifier rests, from its answer or from when it was given up: never before its last transmission. */
  readonly restMs: number;
  readonly monotonicMs: () => number;
  /** `take` may give something now. */
  readonly onReady: () => void;
  readonly onOpenFailed: (code: string) => void;
}

/** An identifier of a port, to be held, then given back. */
export interface Slot<H> {
  readonly ports: Ports<H>;
  readonly port: Port<H>;
  readonly identifier: number;
  restsUntilMs: number;
}

const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 16_000;
/** So many places at the head of the queue may be empty before it is moved up. */
const EMPTY_PLACES = 1024;

export class Ports<H> {
  readonly #options: PortsOptions<H>;
  readonly #open: Port<H>[] = [];
  /** Used ones, in the order in which they may serve again; before `#head` there is nothing left. */
  #resting: Slot<H>[] = [];
  #head = 0;
  #isOpening = false;
  #pauseMs = FIRST_PAUSE_MS;
  #openAgainMs = Number.NEGATIVE_INFINITY;
  #wake: NodeJS.Timeout | undefined;
  #wakeMs = Number.POSITIVE_INFINITY;
  #sweep: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: PortsOptions<H>) {
    this.#options = options;
  }

  get open(): number {
    return this.#open.length;
  }

  /** A free identifier, to be given back; undefined = wait for `onReady`. */
  take(): Slot<H> | undefined {
    const now = this.#options.monotonicMs();
    const rested = this.#resting[this.#head];
    if (rested !== undefined && rested.restsUntilMs < now) return this.#shift(rested);
    const port = this.#open.at(-1);
    const identifier = port?.fresh();
    if (port !== undefined && identifier !== undefined) return { ports: this, port, identifier, restsUntilMs: 0 };
    if (this.open < this.#options.most) this.#openOne(now);
    else if (rested !== undefined) this.#wakeAt(rested.restsUntilMs);
    return undefined;
  }

  giveBack(slot: Slot<H>): void {
    slot.port.release(slot.identifier);
    slot.restsUntilMs = this.#options.monotonicMs() + this.#options.restMs;
    this.#resting.push(slot);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#wake);
    clearTimeout(this.#sweep);
    for (const port of this.#open.splice(0)) port.close();
    this.#resting = [];
  }

  #shift(slot: Slot<H>): Slot<H> {
    this.#head += 1;
    if (this.#head > EMPTY_PLACES && this.#head * 2 > this.#resting.length) {
      this.#resting = this.#resting.slice(this.#head);
      this.#head = 0;
    }
    return slot;
  }

  #openOne(now: number): void {
    if (now < this.#openAgainMs) this.#wakeAt(this.#openAgainMs);
    if (this.#isOpening || now < this.#openAgainMs) return;
    this.#isOpening = true;
    this.#options.open().then(
      (port) => {
        this.#isOpening = false;
        if (this.#isClosed) return port.close();
        this.#pauseMs = FIRST_PAUSE_MS;
        this.#open.push(port);
        this.#sweepLater();
        this.#options.onReady();
      },
      (error: Error) => {
        this.#isOpening = false;
        if (this.#isClosed) return;
        this.#options.onOpenFailed(codeOf(error));
        this.#openAgainMs = this.#options.monotonicMs() + this.#pauseMs;
        this.#wakeAt(this.#openAgainMs);
        this.#pauseMs = Math.min(LAST_PAUSE_MS, this.#pauseMs * 2);
      },
    );
  }

  #wakeAt(atMs: number): void {
    if (atMs >= this.#wakeMs) return;
    clearTimeout(this.#wake);
    this.#wakeMs = atMs;
    const wake = () => {
      this.#wakeMs = Number.POSITIVE_INFINITY;
      this.#options.onReady();
    };
    this.#wake = setTimeout(wake, Math.max(1, Math.ceil(atMs - this.#options.monotonicMs())));
  }

  #sweepLater(): void {
    const { restMs, monotonicMs } = this.#options;
    this.#sweep ??= setTimeout(() => {
      this.#sweep = undefined;
      const now = monotonicMs();
      const idle = new Set(this.#open.filter((port) => port.isIdle(now, restMs)));
      for (const port of idle) {
        this.#open.splice(this.#open.indexOf(port), 1);
        port.close();
      }
      this.#resting = this.#resting.slice(this.#head).filter(({ port }) => !idle.has(port));
      this.#head = 0;
      if (this.open > 0) this.#sweepLater();
    }, restMs).unref();
  }
}
