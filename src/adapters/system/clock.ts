// The machine's clock, whether it is synchronised, and whether it jumped. Unknown counts as unsynchronised.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Clock, ClockStatus } from '../../flow/ports.ts';

export type ClockSource = 'chrony' | 'timesyncd' | 'assumed';

/** design.md, «Breaker»: a jump beyond this against monotonic time stops new gardens until confirmed. */
const JUMP_MS = 2000;
const ASK_EVERY_MS = 10_000;
const ASK_DEADLINE_MS = 2000;

export interface SystemClockOptions {
  readonly source: ClockSource;
  /** Replaced in tests of jumps; defaults are the machine's. */
  readonly wall?: () => number;
  readonly monotonic?: () => number;
  readonly synchronised?: () => Promise<boolean>;
}

export class SystemClock implements Clock {
  readonly #source: ClockSource;
  readonly #wall: () => number;
  readonly #monotonic: () => number;
  readonly #ask: () => Promise<boolean>;
  #offsetMs: number;
  #advancedMs = 0;
  #jumped = false;
  #synchronised = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SystemClockOptions) {
    this.#source = options.source;
    this.#wall = options.wall ?? Date.now;
    this.#monotonic = options.monotonic ?? (() => performance.now());
    this.#ask = options.synchronised ?? (() => askSystem(options.source));
    this.#offsetMs = this.#wall() - this.#monotonic();
  }

  /** Asks once before resolving, then every 10 s. */
  async start(): Promise<void> {
    await this.check();
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

  #lookForJump(): void {
    const offsetMs = this.#wall() - this.#monotonic();
    // Slewing moves the offset by well under a millisecond a second: follow it, so that only steps count.
    if (Math.abs(offsetMs - this.#offsetMs) > JUMP_MS) this.#jumped = true;
    else this.#offsetMs = offsetMs;
  }

  /** An engineer has looked: the clock as it is now is right. */
  confirm(): void {
    this.#offsetMs = this.#wall() - this.#monotonic();
    this.#jumped = false;
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
