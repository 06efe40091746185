// Many worlds, one after the other on each of some threads; a thread that dies ends the run.
import { Worker } from 'node:worker_threads';
import { add, emptyVerdict, type Verdict } from './judge.ts';
import type { Task } from './worker.ts';

export interface Run {
  readonly seed: number;
  readonly worlds: number;
  /** In each of them. */
  readonly reports: number;
  readonly threads: number;
  readonly onWorld?: (seed: number, verdict: Verdict) => void;
}

/** Worlds are numbered upwards from the seed, so that each can be had again alone. */
export async function judgeWorlds(run: Run): Promise<Verdict> {
  const all = emptyVerdict();
  let next = 0;
  const thread = () =>
    new Promise<void>((resolve, reject) => {
      const worker = new Worker(new URL('./worker.ts', import.meta.url));
      let seed = 0;
      const give = () => {
        if (next >= run.worlds) {
          void worker.terminate().then(() => resolve(), reject);
          return;
        }
        seed = run.seed + next++;
        worker.postMessage({ seed, reports: run.reports } satisfies Task);
      };
      worker.on('message', (verdict: Verdict) => {
        add(all, verdict);
        run.onWorld?.(seed, verdict);
        give();
      });
      worker.on('error', (cause) => reject(new Error(`world ${seed} could not be judged`, { cause })));
      give();
    });
  await Promise.all(Array.from({ length: run.threads }, thread));
  return all;
}
