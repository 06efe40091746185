// One unpacking process: started without environment, files or secrets, bounded before it gets the first byte, and ended when
// it goes over a bound. It answers one job after another; who may ask, and when, is unpacker.ts.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { UnpackError, UnpackedPart } from '../../../flow/ports.ts';
import { FrameReader, frameHead, MAX_CHUNK } from '../../../protocols/unpack/frames.ts';
import { type Facts, type Job, type Limits, readSaid, type Said } from '../../../protocols/unpack/messages.ts';
import { boundMemory, cpuMsOf } from './resources.ts';

export interface Bounds extends Limits {
  readonly bytesIn: number;
  /** Processor time of one job: a busy machine is not the sender's fault. */
  readonly cpuMs: number;
  /** Time of one job on the wall, whatever it waited for. */
  readonly wallMs: number;
  /** Resident octets of the whole process. */
  readonly memory: number;
}

export type Outcome =
  | { readonly is: 'done'; readonly facts: Facts; readonly parts: readonly UnpackedPart[] }
  | { readonly is: 'fault'; readonly fault: UnpackError }
  /** It went over a bound, or fell: this process is gone. */
  | { readonly is: 'ended'; readonly fault: UnpackError };

const ROOT = resolve(import.meta.dirname, '../../../..');
const ENTRY = join(ROOT, 'src/unpack/main.ts');
const READY_MS = 20_000;
/** Of the JavaScript heap alone; the rest of its memory is bounded by the kernel. */
const HEAP_MB = 128;
const OUT_OF_MEMORY = /heap out of memory|allocation failed|Fatal process out of memory|bad_alloc/i;

type Listener = (said: Said | 'broken' | 'gone', bytes: Uint8Array) => void;

export class Worker {
  readonly #child: ChildProcess;
  readonly #bounds: Bounds;
  #listen: Listener = () => {};
  #lastWords = '';
  /** Jobs it was given. */
  jobs = 0;
  resident = 0;
  isOver = false;

  private constructor(child: ChildProcess, bounds: Bounds) {
    this.#child = child;
    this.#bounds = bounds;
    const frames = new FrameReader(MAX_CHUNK);
    child.stdout!.on('data', (chunk: Buffer) => {
      try {
        for (const frame of frames.push(chunk)) this.#listen(readSaid(frame) ?? 'broken', frame.bytes);
      } catch {
        this.#listen('broken', new Uint8Array());
      }
    });
    child.stderr!.on('data', (chunk: Buffer) => {
      this.#lastWords = (this.#lastWords + chunk.toString('latin1')).slice(-20_000);
    });
    child.stdin!.on('error', () => {});
    const gone = () => {
      this.isOver = true;
      this.#listen('gone', new Uint8Array());
    };
    // `close`: after its last words.
    child.once('close', gone);
    child.once('error', gone);
  }

  /** Rejects when it does not start: that is our trouble, no sender's. */
  static async start(bounds: Bounds): Promise<Worker> {
    const worker = new Worker(
      spawn(process.execPath, [...argumentsOf(), ENTRY], { env: {}, cwd: '/', stdio: ['pipe', 'pipe', 'pipe'] }),
      bounds,
    );
    try {
      await worker.#heard('ready', READY_MS);
      await boundMemory(worker.#child.pid!, bounds.memory);
      return worker;
    } catch (cause) {
      await worker.end();
      throw new Error(`the unpacking process did not start: ${worker.#lastWords.slice(0, 300)}`, { cause });
    }
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    if (!this.isOver) await once(this.#child, 'close').catch(() => {});
  }

  /** Rejects only when `signal` ends it. */
  async do(
    job: Job,
    bytes: Uint8Array,
    { signal, bounds }: { readonly signal: AbortSignal; readonly bounds: Bounds },
  ): Promise<Outcome> {
    this.jobs++;
    const over = new AbortController();
    try {
      const answer = this.#answer(bounds);
      this.#send(job, bytes);
      const outcome = await Promise.race([answer, this.#overTime(over.signal, bounds), aborted(signal, over.signal)]);
      if (outcome.is === 'ended') await this.end();
      return outcome;
    } catch (cause) {
      await this.end();
      throw cause;
    } finally {
      over.abort();
      this.#listen = () => {};
    }
  }

  #send(job: Job, bytes: Uint8Array): void {
    this.#child.stdin!.write(frameHead({ ...job }, bytes.length));
    this.#child.stdin!.write(bytes);
  }

  #answer(bounds: Bounds): Promise<Outcome> {
    const parts: { name: string; mediaType: string; pieces: Uint8Array[] }[] = [];
    let size = 0;
    return new Promise((resolve) => {
      const ended = (code: string, text: string) => resolve({ is: 'ended', fault: { code, text } });
      this.#listen = (said, bytes) => {
        if (said === 'gone') return resolve({ is: 'ended', fault: this.#whyGone() });
        if (said === 'broken') return ended('unpacker-broken', 'the process said something that is no answer');
        size += bytes.length;
        // It counts itself; that it can count is not taken on trust.
        if (parts.length > bounds.parts || size > bounds.bytesOut)
          return ended('too-much-out', `unfolds to more than ${bounds.bytesOut} octets`);
        if (said.is === 'part') parts.push({ name: said.name, mediaType: said.mediaType, pieces: [] });
        else if (said.is === 'bytes') parts.at(-1)?.pieces.push(Buffer.from(bytes));
        else if (said.is === 'fault') resolve({ is: 'fault', fault: { code: said.code, text: said.text } });
        else if (said.is === 'done') {
          this.resident = said.resident;
          const joined = parts.map(({ pieces, ...part }) => ({ ...part, bytes: Buffer.concat(pieces) }));
          resolve({ is: 'done', facts: said.facts, parts: joined });
        }
      };
    });
  }

  #whyGone(): UnpackError {
    return OUT_OF_MEMORY.test(this.#lastWords) || this.#child.signalCode === 'SIGABRT'
      ? { code: 'memory-limit', text: `needs more than ${this.#bounds.memory >> 20} MiB` }
      : { code: 'unpacker-fell', text: `the process ended (${this.#child.signalCode ?? this.#child.exitCode ?? '?'})` };
  }

  /** Looks again when the processor time can be used up at the earliest. */
  async #overTime(signal: AbortSignal, { cpuMs, wallMs }: Bounds): Promise<Outcome> {
    const fault = { code: 'time-limit', text: `needs more than ${cpuMs} ms` };
    const began = performance.now();
    const before = (await cpuMsOf(this.#child.pid!)) ?? 0;
    for (let left = cpuMs; left > 0; ) {
      const wallLeft = wallMs - (performance.now() - began);
      if (wallLeft <= 0) break;
      await pause(Math.min(Math.max(left, 20), wallLeft), undefined, { signal }).catch(() => {});
      if (signal.aborted) break;
      left = cpuMs - ((await cpuMsOf(this.#child.pid!)) ?? before) + before;
    }
    return { is: 'ended', fault };
  }

  #heard(what: Said['is'], withinMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('nothing heard')), withinMs);
      this.#listen = (said) => {
        clearTimeout(timer);
        if (typeof said !== 'string' && said.is === what) resolve();
        else reject(new Error(typeof said === 'string' ? said : said.is));
      };
    });
  }
}

function aborted(signal: AbortSignal, over: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: over });
  });
}

/** It may read its own code and nothing else: no keys, no evidence, no configuration. */
function argumentsOf(): readonly string[] {
  const code = ['src/unpack', 'src/protocols/unpack', 'src/core/kernel'].map((folder) => `${join(ROOT, folder)}/`);
  const packages = [join(ROOT, 'node_modules'), realpathSync(join(ROOT, 'node_modules'))].map((folder) => `${folder}/`);
  const readable = [...code, ...new Set(packages), join(ROOT, 'package.json'), ENTRY];
  return [
    `--max-old-space-size=${HEAP_MB}`,
    '--disallow-code-generation-from-strings',
    '--permission',
    ...readable.map((path) => `--allow-fs-read=${path}`),
  ];
}
