// Worlds on a thread of their own: a seed in, its verdict out.
import { parentPort } from 'node:worker_threads';
import { judgeWorld } from './judge.ts';

export interface Task {
  readonly seed: number;
  readonly reports: number;
}

const port = parentPort!;
port.on('message', async ({ seed, reports }: Task) => port.postMessage(await judgeWorld(seed, reports)));
