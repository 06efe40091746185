// The machine's clock, whether it is synchronised, and whether it jumped. Unknown counts as unsynchronised.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Clock, ClockStatus, LastSeen } from '../../flow/ports.ts';

export type ClockSource = 'chrony' | 'timesyncd' | 'assumed';

/** design.md, «Breaker»: a jump beyond this against monotonic time stops new gardens until confirmed. */
const JUMP_MS = 2000;
/** A machine that was off for longer, or a real-time clock that lost its battery: somebody looks before anything ends. */
const MOST_AWAY_MS = 7 * 86_400_000;
const ASK_EVERY_MS = 10_000;
const ASK_DEADLINE_MS = 2000;

export interface SystemClockOptions {
  readonly source: ClockSource;
  /** Where the last sure instant is kept; without it a start is compared with nothing. */
  readonly lastSeen?: LastSeen;
  /** Replaced in tests of jumps; defaults are the machine's. */
  readonly wall?: () => number;
  readonly monotonic?: () => number;
  readonly synchronised?: () => Promise<boolean>;
}

export class SystemClock implements Clock {
  readonly #source: ClockSource;
  readonly #lastSeen: LastSeen | undefined;
  readonly #wall: () => number;
  readonly #monotonic: () => number;
  readonly #ask: () => Promise<boolean>;
  #offsetMs: number;
  #advancedMs = 0;
  #jumped = false;
  #synchronised = false;
  #seenAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SystemClockOptions) {
    this.#source = options.source;
    this.#lastSeen = options.lastSeen;
    this.#wall = options.wall ?? Date.now;
    this.#monotonic = options.monotonic ?? (() => performance.now());
    this.#ask = options.synchronised ?? (() => askSystem(options.source));
    this.#offsetMs = this.#wall() - this.#monotonic();
  }

  /** Asks once before resolving, then every 10 s. */
  async start(): Promise<void> {
    await this.check();
    await this.#compareWithLastSeen();
    this.#timer = setInterval(() => void this.check(), ASK_EVERY_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async check(): Promise<void> {
    this.#synchronised = this.#source !== 'assumed' && (await this.#ask().catch(() => false));
    this.#lookForJump();
  }

  /** A step before this process began is as much a jump as one that it sees. */
  async #compareWithLastSeen(): Promise<void> {
    const seen = await this.#lastSeen?.read();
    if (seen === undefined) return;
    this.#seenAt = seen.at;
    const passedMs = this.now() - seen.at;
    if (seen.jumped || passedMs < -JUMP_MS || passedMs > MOST_AWAY_MS) this.#jumped = true;
  }

  /** Every minute. A clock that is not sure moves nothing; an unconfirmed jump outlives the process. */
  async remember(): Promise<void> {
    const { state, jumped } = this.status();
    if (jumped) return this.#lastSeen?.write({ at: this.#seenAt, jumped });
    if (state !== 'unsynchronised') await this.#see();
  }

  async #see(): Promise<void> {
    this.#seenAt = this.now();
    await this.#lastSeen?.write({ at: this.#seenAt, jumped: false });
  }

  #lookForJump(): void {
    const offsetMs = this.#wall() - this.#monotonic();
    // Slewing moves the offset by well under a millisecond a second: follow it, so that only steps count.
    if (Math.abs(offsetMs - this.#offsetMs) > JUMP_MS) this.#jumped = true;
    else this.#offsetMs = offsetMs;
  }

  /** An engineer has looked: the clock as it is now is right. */
  async confirm(): Promise<void> {
    this.#offsetMs = this.#wall() - this.#monotonic();
    this.#jumped = false;
    await this.#see();
  }

  /** The lab tells three days in half a minute. Refused for a clock that anybody relies on. */
  advance(ms: number): void {
    if (this.#source !== 'assumed') throw new Error('only an assumed clock can be moved on');
    this.#advancedMs += ms;
  }

  now(): number {
    return this.#wall() + this.#advancedMs;
  }

  monotonicMs(): number {
    return this.#monotonic() + this.#advancedMs;
  }

  status(): ClockStatus {
    this.#lookForJump();
    const state = this.#source === 'assumed' ? 'assumed' : this.#synchronised ? 'synchronised' : 'unsynchronised';
    return { state, jumped: this.#jumped };
  }
}

async function askSystem(source: ClockSource): Promise<boolean> {
  if (source === 'timesyncd') return existsSync('/run/systemd/timesync/synchronized');
  if (source !== 'chrony') return false;
  const csv = await new Promise<string>((resolve, reject) => {
    execFile(
      'chronyc',
      ['-c', 'tracking'],
      { timeout: ASK_DEADLINE_MS, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } },
      (error, stdout) => (error ? reject(error) : resolve(stdout)),
    );
  });
  return isChronySynchronised(csv);
}

/** chronyc(1), `-c tracking`: 14 fields, the 3rd is the stratum (0 = none), the last the leap status. */
export function isChronySynchronised(csv: string): boolean {
  const fields = csv.trim().split(',');
  return fields.length >= 14 && Number(fields[2]) > 0 && fields.at(-1) !== 'Not synchronised';
}
