// The port Unpacker: one process, kept warm, one job at a time, a short queue. A process that went over a bound is replaced by
// the next job; where earlier jobs may be the reason, only what fails in a fresh one too is the fault of the bytes.
import { err, ok, type Result } from '../../../core/kernel/result.ts';
import type { Instant } from '../../../core/kernel/time.ts';
import type { DkimSignature, UnpackError, UnpackedMail, UnpackedPart, Unpacker } from '../../../flow/ports.ts';
import type { Facts, FactsOf, Job } from '../../../protocols/unpack/messages.ts';
import { type Bounds, type Outcome, Worker } from './worker.ts';

const MIB = 1 << 20;

/** F13. */
export const BOUNDS: Bounds = {
  bytesIn: 64 * MIB,
  bytesOut: 64 * MIB,
  parts: 200,
  depth: 20,
  cpuMs: 2000,
  wallMs: 20_000,
  memory: 256 * MIB,
};

/** An archive of a day's reports unfolds to hundreds of MB; it streams, so the process needs no more memory for it. */
const OF_FILES = { bytesOut: 512 * MIB, cpuMs: 15_000, wallMs: 120_000 } as const;

const MAX_WAITING = 32;
/** A process that has swollen so far could fail the next job, and a thousand jobs leave traces that nobody looked for. */
const SWOLLEN = 160 * MIB;
/** Below this, what earlier jobs left takes nothing from the next. */
const LEAN = 110 * MIB;
const JOBS_PER_PROCESS = 1000;
const IDLE_MS = 60_000;
const NEVER = new AbortController().signal;

export class ProcessUnpacker implements Unpacker {
  readonly #bounds: Bounds;
  readonly #ofFiles: Bounds;
  #worker: Worker | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #idle: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(bounds: Partial<Bounds> = {}) {
    this.#bounds = { ...BOUNDS, ...bounds };
    this.#ofFiles = { ...BOUNDS, ...OF_FILES, ...bounds };
  }

  /** Of the process that is warm now. */
  get pid(): number | undefined {
    return this.#worker?.pid;
  }

  async zip(
    bytes: Uint8Array,
    from: 'file' | 'mail',
    signal?: AbortSignal,
  ): Promise<Result<readonly UnpackedPart[], UnpackError>> {
    const bounds = from === 'file' ? this.#ofFiles : this.#bounds;
    const done = await this.#ask({ kind: 'zip', limits: bounds }, bytes, signal, bounds);
    return done.ok ? ok(done.value.parts) : done;
  }

  async mail(bytes: Uint8Array, signal?: AbortSignal): Promise<Result<UnpackedMail, UnpackError>> {
    const done = await this.#ask({ kind: 'mail', limits: this.#bounds }, bytes, signal);
    return done.ok ? ok({ ...factsOf('mail', done.value.facts), parts: done.value.parts }) : done;
  }

  async dkim(
    bytes: Uint8Array,
    at: { readonly now: Instant; readonly keys: Readonly<Record<string, readonly string[]>> },
    signal?: AbortSignal,
  ): Promise<Result<readonly DkimSignature[], UnpackError>> {
    const done = await this.#ask({ kind: 'dkim', limits: this.#bounds, ...at }, bytes, signal);
    return done.ok ? ok(factsOf('dkim', done.value.facts).signatures) : done;
  }

  async xml(
    bytes: Uint8Array,
    signal?: AbortSignal,
  ): Promise<Result<Pick<FactsOf<'xml'>, 'root' | 'texts'>, UnpackError>> {
    const done = await this.#ask({ kind: 'xml', limits: this.#bounds }, bytes, signal);
    return done.ok ? ok(factsOf('xml', done.value.facts)) : done;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#idle);
    await this.#worker?.end();
  }

  async #ask(
    job: Job,
    bytes: Uint8Array,
    signal: AbortSignal = NEVER,
    bounds: Bounds = this.#bounds,
  ): Promise<Result<Extract<Outcome, { is: 'done' }>, UnpackError>> {
    if (bytes.length > bounds.bytesIn)
      return err({ code: 'too-large', text: `${bytes.length} octets; at most ${bounds.bytesIn} are unpacked` });
    const outcome = await this.#inTurn(async () => {
      signal.throwIfAborted();
      const { limits, ...rest } = job;
      const bare = { ...rest, limits: { parts: limits.parts, depth: limits.depth, bytesOut: limits.bytesOut } } as Job;
      const first = await this.#once(bare, bytes, signal, bounds);
      return first.isSecondChance ? (await this.#once(bare, bytes, signal, bounds)).outcome : first.outcome;
    });
    return outcome.is === 'done' ? ok(outcome) : err(outcome.fault);
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MAX_WAITING) throw new Error('too much is waiting to be unpacked');
    this.#waiting++;
    clearTimeout(this.#idle);
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => {});
    try {
      return await mine;
    } finally {
      if (--this.#waiting === 0) this.#restLater();
    }
  }

  async #once(job: Job, bytes: Uint8Array, signal: AbortSignal, bounds: Bounds) {
    if (this.#isClosed) throw new Error('the unpacker is closed');
    if (this.#worker === undefined || this.#worker.isOver) this.#worker = await Worker.start(this.#bounds);
    const worker = this.#worker;
    const mayBeOurs = worker.jobs > 0 && worker.resident > LEAN;
    const wasFresh = worker.jobs === 0;
    const outcome = await worker.do(job, bytes, { signal, bounds });
    if (!worker.isOver && (worker.resident > SWOLLEN || worker.jobs >= JOBS_PER_PROCESS)) await worker.end();
    const code = outcome.is === 'ended' ? outcome.fault.code : '';
    const isSecondChance = code === 'memory-limit' ? mayBeOurs : code !== '' && code !== 'time-limit' && !wasFresh;
    return { outcome, isSecondChance };
  }

  #restLater(): void {
    this.#idle = setTimeout(() => {
      if (this.#waiting === 0) void this.#worker?.end();
    }, IDLE_MS);
    this.#idle.unref();
  }
}

function factsOf<K extends Facts['kind']>(kind: K, facts: Facts): FactsOf<K> {
  if (facts.kind !== kind) throw new Error(`the unpacking process answered ${facts.kind} for ${kind}`);
  return facts as FactsOf<K>;
}
