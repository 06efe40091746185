// The life of a running controller: what happens at start, in which order, and which loops turn until the stop.

import { MINUTE, SECOND } from '../core/kernel/time.ts';
import { restoreBreaker } from '../core/policy/breaker.ts';
import type { Flow } from './assemble.ts';
import { importJournal } from './release-all.ts';

interface Loop {
  readonly name: string;
  readonly everyMs: number;
  readonly turn: () => Promise<unknown>;
}

const CHECKPOINT_MS = MINUTE;
const PURGE_MS = 60 * MINUTE;

export class Service {
  readonly #flow: Flow;
  readonly #stop = new AbortController();
  readonly #loops = new Set<Promise<void>>();

  constructor(flow: Flow) {
    this.#flow = flow;
  }

  /** Resolves when the wanted state is loaded, the journal imported and the gateways were compared once. */
  async start(): Promise<void> {
    const flow = this.#flow;
    // The journal of `release-all` comes before anything may be added to a gateway.
    await importJournal(flow);
    await this.#restoreBreaker();
    await flow.reconciler.start();
    await flow.verifier.poll();
    for (const loop of this.#plan()) this.#run(loop);
  }

  /** New reports are stored: decide now rather than at the next turn. */
  reportsArrived(): void {
    this.#flow.decider
      .run()
      .catch((cause) => this.#flow.log.error('LOOP_FAILED', { loop: 'decide', text: String(cause).slice(0, 200) }));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#flow.decider.stop();
    await Promise.all(this.#loops);
    await this.#flow.enforcement.settled();
    await this.#flow.gardener.stop();
    await this.#flow.store.checkpoint(this.#flow.clock.now());
  }

  #plan(): readonly Loop[] {
    const flow = this.#flow;
    return [
      { name: 'decide', everyMs: 5 * SECOND, turn: () => flow.decider.run() },
      { name: 'timers', everyMs: SECOND, turn: () => flow.timekeeper.runDue() },
      { name: 'messages', everyMs: SECOND, turn: () => flow.messenger.sendDue(this.#stop.signal) },
      { name: 'counters', everyMs: 5 * SECOND, turn: () => flow.verifier.poll() },
      { name: 'reconcile', everyMs: 30 * SECOND, turn: () => flow.reconciler.check() },
      { name: 'read-back', everyMs: 5 * MINUTE, turn: () => flow.reconciler.full() },
      { name: 'checkpoint', everyMs: CHECKPOINT_MS, turn: () => flow.store.checkpoint(flow.clock.now()) },
      { name: 'purge', everyMs: PURGE_MS, turn: () => flow.store.purge(flow.clock.now()) },
    ];
  }

  /** One turn at a time; a turn that fails is logged and the loop goes on. */
  #run(loop: Loop): void {
    const turning = (async () => {
      while (!this.#stop.signal.aborted) {
        await loop
          .turn()
          .catch((cause) =>
            this.#flow.log.error('LOOP_FAILED', { loop: loop.name, text: String(cause).slice(0, 200) }),
          );
        await this.#pause(loop.everyMs);
      }
    })();
    this.#loops.add(turning);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      const signal = this.#stop.signal;
      function done(): void {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      }
      if (signal.aborted) done();
      signal.addEventListener('abort', done, { once: true });
    });
  }

  /** A restart makes no room in the breaker: gardens of the last window count as if we had never been away. */
  async #restoreBreaker(): Promise<void> {
    const { store, clock, policies, decider } = this.#flow;
    const now = clock.now();
    const since = now - policies.active().breaker.windowMs;
    const recent = (await store.cases({ open: true, state: 'quarantined', limit: 10_000 })).filter(
      (one) => (one.quarantinedAt ?? 0) > since,
    );
    decider.restoreBreaker(
      restoreBreaker(
        recent.map((one) => ({ source: one.lastSource, gateway: '', ageMs: now - one.quarantinedAt! })),
        clock.monotonicMs(),
      ),
    );
  }
}
