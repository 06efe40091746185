// The ports towards one NAS: a free identifier now, or word when there is one. A spent port stays open until its identifiers may
// be used again, so that the kernel gives it to nobody else, ourselves included.
import { codeOf, type Port } from './port.ts';

export interface PortsOptions<H> {
  readonly open: () => Promise<Port<H>>;
  readonly most: number;
  readonly restMs: number;
  readonly monotonicMs: () => number;
  /** `ready` may give something now. */
  readonly onReady: () => void;
  readonly onOpenFailed: (code: string) => void;
}

const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 16_000;

export class Ports<H> {
  readonly #options: PortsOptions<H>;
  #current: Port<H> | undefined;
  /** The one spent first is first. */
  #spent: Port<H>[] = [];
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
    return this.#spent.length + (this.#current === undefined ? 0 : 1);
  }

  /** A port whose next identifier is free; undefined = wait for `onReady`. */
  ready(): Port<H> | undefined {
    const now = this.#options.monotonicMs();
    if (this.#current !== undefined && this.#current.readyAtMs < now) return this.#current;
    const oldest = this.#spent[0];
    if (oldest !== undefined && oldest.readyAtMs < now) {
      this.#spent.shift();
      return this.#turnTo(oldest);
    }
    if (this.open < this.#options.most) this.#openOne(now);
    else this.#wakeAt(Math.min(this.#current!.readyAtMs, oldest?.readyAtMs ?? Number.POSITIVE_INFINITY));
    return undefined;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#wake);
    clearTimeout(this.#sweep);
    for (const port of this.#all()) port.close();
    this.#current = undefined;
    this.#spent = [];
  }

  #all(): readonly Port<H>[] {
    return this.#current === undefined ? this.#spent : [...this.#spent, this.#current];
  }

  #turnTo(port: Port<H>): Port<H> {
    if (this.#current !== undefined) this.#spent.push(this.#current);
    this.#current = port;
    return port;
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
        this.#turnTo(port);
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

  /** A time that nobody knows: an answer frees the identifier, and whoever got it asks here again. */
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
    this.#sweep ??= setTimeout(() => {
      this.#sweep = undefined;
      const now = this.#options.monotonicMs();
      for (const port of this.#all()) {
        if (!port.isIdle(now)) continue;
        port.close();
        if (port === this.#current) this.#current = undefined;
        else this.#spent.splice(this.#spent.indexOf(port), 1);
      }
      if (this.open > 0) this.#sweepLater();
    }, this.#options.restMs).unref();
  }
}
