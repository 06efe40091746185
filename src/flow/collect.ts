// Fetches feeds: each source turns on its own schedule, with a deadline and, when it fails, a growing pause – a slow or broken
// one delays nobody else. Progress is durable, so that a restart goes on where it was. Nothing fetched here ever frees a line.
import type { Result } from '../core/kernel/result.ts';
import { type Instant, MINUTE, SECOND } from '../core/kernel/time.ts';
import { pauseUnless } from './pause.ts';
import type { Clock, CollectedAs, CollectedFile, Collector, Json, Log, Store } from './ports.ts';
import type { ArrivedFile, Parked, Taken } from './take-in.ts';

export interface CollectParts {
  readonly store: Pick<Store, 'setting' | 'commit'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  readonly takeIn: (file: ArrivedFile) => Promise<Result<Taken, Parked>>;
  /** 0 to 1, for the jitter. */
  readonly random: () => number;
  readonly turnMs?: number;
}

export interface CollectState {
  readonly name: string;
  readonly way: string;
  readonly isRunning: boolean;
  readonly lastRunAt?: Instant;
  readonly lastSuccessAt?: Instant;
  readonly failuresInARow: number;
  /** Why the last turn failed; undefined after a good one. */
  readonly error?: string;
  readonly nextRunAt?: Instant;
}

/** So many files are read and stored at a time, over all sources: a file may be large. */
const FILES_AT_A_TIME = 2;
/** Then a turn is told to end. What it took until then stays. */
const TURN_MS = 30 * MINUTE;
const FIRST_WITHIN_MS = 5 * SECOND;
const STOP_MS = 10 * SECOND;

export class Collectors {
  readonly #runs: readonly Run[];
  readonly #stop = new AbortController();
  readonly #loops: Promise<void>[] = [];

  constructor(parts: CollectParts, sources: readonly { readonly name: string; readonly collector: Collector }[]) {
    const slots = new Slots(FILES_AT_A_TIME);
    this.#runs = sources.map(
      ({ name, collector }) => new Run(parts, { name, collector, slots, stop: this.#stop.signal }),
    );
  }

  start(): void {
    for (const run of this.#runs) this.#loops.push(run.loop());
  }

  /** A turn under way is told to end; one that does not is left behind, it holds nothing but its own. */
  async stop(): Promise<void> {
    this.#stop.abort();
    const ended = Promise.all([...this.#loops, ...this.#runs.map((run) => run.settled())]);
    await Promise.race([ended, pauseUnless(undefined, STOP_MS)]);
    await Promise.race([Promise.allSettled(this.#runs.map((run) => run.close())), pauseUnless(undefined, STOP_MS)]);
  }

  standing(): readonly CollectState[] {
    return this.#runs.map((run) => run.state());
  }

  /** One turn now, whatever the schedule says; joins one that is under way. undefined = nothing of this name is fetched. */
  async now(name: string): Promise<CollectState | undefined> {
    const run = this.#runs.find((one) => one.name === name);
    if (run === undefined) return undefined;
    await run.turn();
    return run.state();
  }
}

interface RunFacts {
  readonly name: string;
  readonly collector: Collector;
  readonly slots: Slots;
  readonly stop: AbortSignal;
}

class Run {
  readonly name: string;
  readonly #parts: CollectParts;
  readonly #facts: RunFacts;
  #turning: Promise<void> | undefined;
  #progress: { readonly value: Json | undefined } | undefined;
  #failures = 0;
  #lastRunAt: Instant | undefined;
  #lastSuccessAt: Instant | undefined;
  #nextRunAt: Instant | undefined;
  #error: string | undefined;

  constructor(parts: CollectParts, facts: RunFacts) {
    this.name = facts.name;
    this.#parts = parts;
    this.#facts = facts;
  }

  async loop(): Promise<void> {
    const { stop, collector } = this.#facts;
    // Sources that begin together would ask together for ever.
    await this.#pause(Math.min(FIRST_WITHIN_MS, collector.everyMs) * this.#parts.random());
    while (!stop.aborted) {
      await this.turn();
      await this.#pause(delayMs(collector.everyMs, this.#failures, this.#parts.random()));
    }
  }

  turn(): Promise<void> {
    this.#turning ??= this.#once().finally(() => {
      this.#turning = undefined;
    });
    return this.#turning;
  }

  settled(): Promise<void> {
    return this.#turning ?? Promise.resolve();
  }

  async close(): Promise<void> {
    await this.#facts.collector.close?.();
  }

  state(): CollectState {
    return {
      name: this.name,
      way: this.#facts.collector.way,
      isRunning: this.#turning !== undefined,
      failuresInARow: this.#failures,
      ...(this.#lastRunAt !== undefined && { lastRunAt: this.#lastRunAt }),
      ...(this.#lastSuccessAt !== undefined && { lastSuccessAt: this.#lastSuccessAt }),
      ...(this.#nextRunAt !== undefined && { nextRunAt: this.#nextRunAt }),
      ...(this.#error !== undefined && { error: this.#error }),
    };
  }

  async #once(): Promise<void> {
    const { clock } = this.#parts;
    this.#lastRunAt = clock.now();
    const error = await this.#collect().catch((cause: unknown) => `failed: ${String(cause).slice(0, 200)}`);
    this.#error = error;
    if (error === undefined) {
      this.#failures = 0;
      this.#lastSuccessAt = clock.now();
      return;
    }
    // The first of a row, then ever more seldom: a source that is away for a week fills no log.
    if (++this.#failures === 1 || Number.isInteger(Math.log2(this.#failures)))
      this.#parts.log.warn('COLLECT_FAILED', { feed: this.name, text: error, inARow: this.#failures });
  }

  /** undefined = all of it went well. */
  async #collect(): Promise<string | undefined> {
    const { collector, stop } = this.#facts;
    const deadline = AbortSignal.timeout(this.#parts.turnMs ?? TURN_MS);
    this.#progress ??= { value: await this.#stored() };
    const result = await collector.collect({
      progress: this.#progress.value,
      signal: AbortSignal.any([stop, deadline]),
      now: () => this.#parts.clock.now(),
      take: (file) => this.#take(file),
      keep: (progress) => this.#keep(progress),
    });
    return result.ok ? undefined : result.error;
  }

  async #take(file: CollectedFile): Promise<CollectedAs> {
    const { log, takeIn } = this.#parts;
    const taken = await this.#facts.slots.run(() => takeIn({ source: this.name, ...file }));
    if (!taken.ok) {
      const { code, text, evidenceHash } = taken.error;
      log.warn('COLLECT_PARKED', { feed: this.name, file: file.name, code, evidence: evidenceHash.slice(0, 12) });
      return { state: 'parked', code, text };
    }
    const { total, refusedTotal, duplicates } = taken.value;
    log.info('COLLECT_TOOK', {
      feed: this.name,
      file: file.name,
      rows: total,
      refused: refusedTotal,
      known: duplicates,
    });
    return { state: 'accepted', rows: total, refused: refusedTotal };
  }

  async #keep(value: Json): Promise<void> {
    await this.#parts.store.commit({ settings: { [`collect.${this.name}`]: value } });
    this.#progress = { value };
  }

  #stored(): Promise<Json | undefined> {
    return this.#parts.store.setting(`collect.${this.name}`);
  }

  async #pause(ms: number): Promise<void> {
    this.#nextRunAt = this.#parts.clock.now() + Math.round(ms);
    await pauseUnless(this.#facts.stop, ms);
  }
}

/** A tenth of jitter, always. After failures: a minute (or the schedule, if shorter), doubling up to the schedule (or a minute). */
export function delayMs(everyMs: number, failures: number, random: number): number {
  const jittered = (ms: number) => ms * (1 + 0.1 * random);
  if (failures === 0) return jittered(everyMs);
  const first = Math.min(everyMs, MINUTE);
  return jittered(Math.min(first * 2 ** Math.min(failures - 1, 20), Math.max(everyMs, MINUTE)));
}

class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((next) => this.#waiting.push(next));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
