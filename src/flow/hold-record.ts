// Invariant 9 for the engineer's stop: a hold made or lifted by a file alone is on record as well. Compares what the file
// says with what was recorded last, one look at a time.
import type { AuditDraft, Clock, Hold, HoldSwitch, Json, Store } from './ports.ts';

export interface HoldRecordParts {
  readonly store: Pick<Store, 'setting' | 'commit'>;
  readonly hold: HoldSwitch;
  readonly clock: Pick<Clock, 'now'>;
}

const RECORDED = 'hold-recorded';

export class HoldRecord {
  readonly #parts: HoldRecordParts;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: HoldRecordParts) {
    this.#parts = parts;
  }

  /** Records what stands now when it is news. Throws when the store takes nothing. */
  look(): Promise<void> {
    return this.#inTurn(() => this.#record(undefined));
  }

  /** Lifted by an order: whoever ordered it is on record, not «somebody removed the file». */
  lift(by: string): Promise<{ readonly recorded: boolean; readonly cause?: unknown }> {
    return this.#inTurn(async () => {
      await this.#parts.hold.lift();
      return this.#record(by).then(
        () => ({ recorded: true }),
        (cause: unknown) => ({ recorded: false, cause }),
      );
    });
  }

  async #record(by: string | undefined): Promise<void> {
    const { store, hold, clock } = this.#parts;
    const current = hold.current();
    const known = ((await store.setting(RECORDED)) ?? { on: false }) as unknown as Hold;
    if (current.on === known.on && current.at === known.at && current.by === known.by) return;
    const name = by ?? (current.on ? (current.by ?? 'a file made by hand') : 'a file removed by hand');
    const entry: AuditDraft = {
      at: clock.now(),
      actor: { kind: 'staff', name },
      action: current.on ? 'hold-on' : 'hold-off',
      detail: { ...(current.reason === undefined ? {} : { reason: current.reason }) },
    };
    await store.commit({ audit: [entry], settings: { [RECORDED]: { ...current } as unknown as Json } });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work, work);
    this.#last = done.catch(() => {});
    return done;
  }
}
