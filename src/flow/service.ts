// The life of a running controller: what happens at start, in which order, and which loops turn until the stop.

import { MINUTE, SECOND } from '../core/kernel/time.ts';
import type { Flow } from './assemble.ts';
import { pauseUnless } from './pause.ts';
import { importJournal } from './release-all.ts';
import { SAVE_EVERY_MS } from './source-quality.ts';
import { isSure } from './sure-clock.ts';

interface Loop {
  readonly name: string;
  readonly everyMs: number;
  readonly turn: () => Promise<unknown>;
  /** Rests at least so many times as long as the turn took: for work that grows with the store. */
  readonly restFactor?: number;
}

const CHECKPOINT_MS = MINUTE;
const AUDIT_TABLES_MS = MINUTE;
const STOP_MS = 10 * SECOND;
const PURGE_MS = 60 * MINUTE;
/** Time for the line's own new binding to claim it. */
const STRAY_MS = 3 * SECOND;

/** What every decision relies on, with a service or without: releases made meanwhile are on record, and the breaker
 *  remembers what it let in. Comes before anything may be added to a gateway. */
export async function recall(flow: Flow): Promise<void> {
  await flow.decider.loadBreaker();
  await importJournal(flow);
}

export class Service {
  readonly #flow: Flow;
  readonly #stop = new AbortController();
  readonly #loops = new Set<Promise<void>>();
  #tableFaults = 0;
  #isPrepared = false;
  #strays: NodeJS.Timeout | undefined;

  constructor(flow: Flow) {
    this.#flow = flow;
  }

  /** Resolves when the wanted state is loaded, the journal imported and the gateways were compared once. */
  async start(): Promise<void> {
    await this.prepare();
    for (const loop of this.#plan()) this.#run(loop);
  }

  /** All that must be true before anything turns. */
  async prepare(): Promise<void> {
    const flow = this.#flow;
    await recall(flow);
    await flow.reconciler.start();
    flow.gardener.logins.ready();
    await flow.verifier.poll();
    this.#isPrepared = true;
  }

  /** False until prepare() is done: only what frees, stops or looks is ordered before. */
  get isPrepared(): boolean {
    return this.#isPrepared;
  }

  /** New reports are stored: decide now rather than at the next turn. */
  reportsArrived(): void {
    this.#decide().catch((cause) => this.#failed('decide', cause));
  }

  /**
   * A gateway holds a garden that nobody asked for (AAA let the session in quarantined, and by now it is wanted or not): the
   * comparison with the whole wanted state decides, shortly, once for all that come meanwhile.
   */
  strayFound(): void {
    this.#strays ??= setTimeout(() => {
      this.#strays = undefined;
      if (!this.#stop.signal.aborted) void this.#flow.reconciler.full();
    }, STRAY_MS).unref();
  }

  /** Without a policy reports wait: they are decided by the next one that a person activates. */
  async #decide(): Promise<void> {
    if (this.#flow.policies.isMissing !== true) await this.#flow.decider.run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#flow.decider.stop();
    await this.#loopsEnded();
    await this.#flow.enforcement.settled();
    await this.#flow.gardener.stop();
    await this.#flow.quality.save();
    await this.#flow.store.checkpoint(this.#flow.clock.now());
  }

  /** A loop that waits for a gateway may wait for minutes; the stop does not. */
  async #loopsEnded(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, STOP_MS);
    });
    await Promise.race([Promise.all(this.#loops), late]);
    clearTimeout(timer);
  }

  /** A transition made by SQL behind our back is found within a minute or so (reads everything, in turns). */
  async checkTables(): Promise<void> {
    const faults = await this.#flow.store.auditTables();
    const first = faults[0];
    if (first !== undefined && this.#tableFaults === 0)
      this.#flow.log.error('AUDIT_TABLES_FAULT', { faults: faults.length, table: first.table, text: first.text });
    this.#tableFaults = faults.length;
  }

  /** Deleted is deleted: never by a clock that may be wrong. */
  async purge(): Promise<void> {
    const { clock, store } = this.#flow;
    if (isSure(clock.status())) await store.purge(clock.now());
  }

  /** For the standing warning. */
  tableFaults(): number {
    return this.#tableFaults;
  }

  #plan(): readonly Loop[] {
    const flow = this.#flow;
    return [
      { name: 'decide', everyMs: 5 * SECOND, turn: () => this.#decide() },
      { name: 'hold', everyMs: 5 * SECOND, turn: () => flow.holdRecord.look() },
      { name: 'timers', everyMs: SECOND, turn: () => flow.timekeeper.runDue() },
      { name: 'messages', everyMs: SECOND, turn: () => flow.messenger.sendDue(this.#stop.signal) },
      { name: 'counters', everyMs: 5 * SECOND, turn: () => flow.verifier.poll() },
      { name: 'reconcile', everyMs: 30 * SECOND, turn: () => flow.reconciler.check() },
      { name: 'read-back', everyMs: 5 * MINUTE, turn: () => flow.reconciler.full() },
      { name: 'checkpoint', everyMs: CHECKPOINT_MS, turn: () => flow.store.checkpoint(flow.clock.now()) },
      { name: 'audit-tables', everyMs: AUDIT_TABLES_MS, turn: () => this.checkTables(), restFactor: 9 },
      { name: 'source-quality', everyMs: SAVE_EVERY_MS, turn: () => flow.quality.save() },
      { name: 'purge', everyMs: PURGE_MS, turn: () => this.purge() },
    ];
  }

  /** One turn at a time; a turn that fails is logged and the loop goes on. */
  #run(loop: Loop): void {
    const turning = (async () => {
      while (!this.#stop.signal.aborted) {
        const beganMs = this.#flow.clock.monotonicMs();
        await loop.turn().catch((cause) => this.#failed(loop.name, cause));
        await pauseUnless(
          this.#stop.signal,
          Math.max(loop.everyMs, (loop.restFactor ?? 0) * (this.#flow.clock.monotonicMs() - beganMs)),
        );
      }
    })();
    this.#loops.add(turning);
  }

  #failed(loop: string, cause: unknown): void {
    this.#flow.log.error('LOOP_FAILED', { loop, text: String(cause).slice(0, 200) });
  }
}
