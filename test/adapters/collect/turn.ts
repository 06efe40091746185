// One turn of a collector by hand: what it takes is remembered, what it keeps is there for the next turn.
import type { CollectedAs, CollectedFile, Collector, CollectTurn, Json } from '../../../src/flow/ports.ts';

export class Turns {
  readonly taken: { readonly name: string; readonly text: string }[] = [];
  progress: Json | undefined;
  now = Date.UTC(2026, 2, 4, 6);
  stop = new AbortController();
  /** What becomes of a file; throwing is a store that cannot. */
  answer: (file: CollectedFile) => CollectedAs = () => ({ state: 'accepted', rows: 1, refused: 0 });
  onKeep: () => void = () => {};

  /** undefined = all went well. */
  async run(collector: Collector): Promise<string | undefined> {
    const result = await collector.collect(this.turn());
    return result.ok ? undefined : result.error;
  }

  turn(): CollectTurn {
    return {
      progress: this.progress,
      signal: this.stop.signal,
      now: () => this.now,
      take: async (file) => {
        const as = this.answer(file);
        this.taken.push({ name: file.name, text: Buffer.from(file.bytes).toString() });
        return as;
      },
      keep: async (progress) => {
        this.onKeep();
        this.progress = JSON.parse(JSON.stringify(progress)) as Json;
      },
    };
  }

  names(): readonly string[] {
    return this.taken.splice(0).map(({ name }) => name);
  }
}
