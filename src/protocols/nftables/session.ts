// One long-lived `nft -j -i`: whole transactions in, one JSON document a line; waiting ones are joined into micro-batches.
// Knows nothing of sets or messages. Big listings do not belong here: nft keeps what it lists (see oneShot in helper/tools.ts).
import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { err, ok, type Result } from '../../core/kernel/result.ts';
import type { NftCommand } from './command.ts';
import { elementsText } from './text.ts';

export type NftFailure =
  /** The kernel or nft said no; nothing of this transaction happened. */
  | { readonly kind: 'failed'; readonly errors: readonly string[] }
  /** The outcome is not known: nft was wedged and has been killed, or died by itself. */
  | { readonly kind: 'timeout'; readonly afterMs: number }
  | { readonly kind: 'gone'; readonly text: string }
  /** The queue is full; nothing was sent. */
  | { readonly kind: 'busy' };

export interface NftSessionOptions {
  /** Absolute path and arguments that precede `-j -i`. */
  readonly program?: readonly string[];
  /** Per transaction, from the moment it is written to nft; longer for long ones. */
  readonly deadlineMs?: number;
  readonly maxQueue?: number;
  /** Ours alone: long documents go through a file in it. Without one, all go through the pipe. */
  readonly folder?: string;
  /** Commands joined into one transaction. */
  readonly maxBatch?: number;
}

interface Job {
  /** A document is a probe: never joined, because its errors are counted per transaction. */
  readonly work: readonly NftCommand[] | string;
  readonly resolve: (answer: Result<readonly string[], NftFailure>) => void;
}

/** A harmless list whose one-line answer says «the command before me is done»: nothing of ours lives in family arp. */
const MARKER = '{"nftables":[{"list":{"chains":{"family":"arp"}}}]}\n';
/** Errors and answers share one pipe, so that an error can never arrive after the marker that closes its command. */
const MERGED = ['/bin/sh', '-c', 'exec "$0" "$@" 2>&1'] as const;
const MAX_OUTPUT = 64 * 1024;
/** Beyond this a process of its own (about 5 ms) costs less than the pipe. */
const PIPE_BYTES = 48 * 1024;
/** Thousands of elements are work, not a hang: a megabyte gets ten seconds more. */
const BYTES_PER_EXTRA_MS = 100;
const FIRST_PAUSE_MS = 50;
const LAST_PAUSE_MS = 2000;

export class NftSession {
  readonly #program: readonly string[];
  readonly #deadlineMs: number;
  readonly #maxQueue: number;
  readonly #maxBatch: number;
  readonly #folder: string | undefined;
  readonly #queue: Job[] = [];
  #child: ChildProcessByStdio<Writable, Readable, null> | undefined;
  #finish: ((answer: Result<readonly string[], NftFailure>) => void) | undefined;
  #output = '';
  #pauseMs = 0;
  #running = false;
  #closed = false;

  constructor(options: NftSessionOptions = {}) {
    this.#program = options.program ?? ['/usr/sbin/nft'];
    this.#deadlineMs = options.deadlineMs ?? 5000;
    this.#maxQueue = options.maxQueue ?? 1024;
    this.#maxBatch = options.maxBatch ?? 2000;
    this.#folder = options.folder;
  }

  /** One transaction, all or nothing. May share a kernel transaction with its neighbours; each keeps its own answer. */
  async transact(commands: readonly NftCommand[]): Promise<Result<void, NftFailure>> {
    const answer = await this.#enqueue(commands);
    if (!answer.ok) return answer;
    return answer.value.length === 0 ? ok(undefined) : err({ kind: 'failed', errors: answer.value });
  }

  /** A document (one line) that is meant to abort: its errors are the answer. */
  probe(document: string): Promise<Result<readonly string[], NftFailure>> {
    return this.#enqueue(document);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** What waits is answered `gone`; nothing new is taken. */
  close(): void {
    this.#closed = true;
    for (const job of this.#queue.splice(0)) job.resolve(err({ kind: 'gone', text: 'session closed' }));
    this.#child?.kill('SIGKILL');
  }

  #enqueue(work: Job['work']): Promise<Result<readonly string[], NftFailure>> {
    if (this.#closed) return Promise.resolve(err({ kind: 'gone', text: 'session closed' }));
    if (this.#queue.length >= this.#maxQueue) return Promise.resolve(err({ kind: 'busy' }));
    return new Promise((resolve) => {
      this.#queue.push({ work, resolve });
      if (!this.#running) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#running = true;
    await Promise.resolve(); // whatever was asked for in this tick shares the first transaction
    while (this.#queue.length > 0) await this.#runBatch(this.#nextBatch());
    this.#running = false;
  }

  /** The next job with the neighbours that may share its transaction. */
  #nextBatch(): readonly Job[] {
    const batch = [this.#queue.shift()!];
    let size = batch[0]!.work.length;
    while (typeof batch[0]!.work !== 'string' && this.#queue.length > 0) {
      const { work } = this.#queue[0]!;
      size += work.length;
      if (typeof work === 'string' || size > this.#maxBatch) break;
      batch.push(this.#queue.shift()!);
    }
    return batch;
  }

  async #runBatch(batch: readonly Job[]): Promise<void> {
    const works = batch.map((job) => job.work);
    const [work] = works.length === 1 ? works : [works.flat() as NftCommand[]];
    let answer = await this.#send(work!);
    // A probe changes nothing: an nft that died under it costs another try, not the proof.
    if (typeof work === 'string' && !answer.ok && answer.error.kind === 'gone') answer = await this.#send(work);
    const isSpoiled = answer.ok && answer.value.length > 0 && batch.length > 1;
    if (!isSpoiled) {
      for (const job of batch) job.resolve(answer);
      return;
    }
    // One bad neighbour aborted all: nothing happened, so each is tried by itself and answers for itself.
    for (const job of batch) job.resolve(await this.#send(job.work));
  }

  async #send(work: Job['work']): Promise<Result<readonly string[], NftFailure>> {
    const text = typeof work === 'string' || this.#folder === undefined ? undefined : elementsText(work);
    const isLongText = text !== undefined && text.length > PIPE_BYTES;
    const document = isLongText ? text : typeof work === 'string' ? work : JSON.stringify({ nftables: work });
    const deadlineMs = this.#deadlineMs + Math.round(document.length / BYTES_PER_EXTRA_MS);
    if (this.#folder !== undefined && document.length > PIPE_BYTES)
      return this.#load(document, deadlineMs, [
        ...(isLongText ? [] : ['-j']),
        '-f',
        `${this.#folder}/transaction-${process.pid}`,
      ]);
    if (this.#child === undefined) await this.#start();
    const child = this.#child;
    if (child === undefined || this.#closed) return err({ kind: 'gone', text: 'nft does not start' });
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#finish = undefined;
        this.#drop(child);
        resolve(err({ kind: 'timeout', afterMs: deadlineMs }));
      }, deadlineMs);
      this.#output = '';
      this.#finish = (answer) => {
        clearTimeout(timer);
        this.#finish = undefined;
        resolve(answer);
      };
      child.stdin.write(`${document}\n${MARKER}`);
    });
  }

  /** The same transaction from a file: interactive nft reads its input byte by byte, three times the cost. */
  async #load(
    document: string,
    deadlineMs: number,
    load: readonly string[],
  ): Promise<Result<readonly string[], NftFailure>> {
    const file = load.at(-1)!;
    await writeFile(file, document, { mode: 0o600 });
    const [program, ...args] = [...this.#program, ...load];
    const options = {
      timeout: deadlineMs,
      killSignal: 'SIGKILL',
      maxBuffer: MAX_OUTPUT,
      env: { LC_ALL: 'C' },
    } as const;
    const answer = await new Promise<Result<readonly string[], NftFailure>>((resolve) => {
      execFile(program!, args, options, (error, _stdout, stderr) => {
        if (error === null) resolve(ok([]));
        else if (typeof error.code === 'number')
          resolve(ok([stderr.trim().split('\n')[0] || `nft: exit ${error.code}`]));
        else if (error.killed === true) resolve(err({ kind: 'timeout', afterMs: deadlineMs }));
        else resolve(err({ kind: 'gone', text: error.message.slice(0, 200) }));
      });
    });
    await rm(file, { force: true });
    return answer;
  }

  async #start(): Promise<void> {
    if (this.#pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, this.#pauseMs * (0.5 + Math.random())));
    this.#pauseMs = Math.min(LAST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2));
    if (this.#closed) return;
    const [shell, ...script] = MERGED;
    const child = spawn(shell, [...script, ...this.#program, '-j', '-i'], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { LC_ALL: 'C' },
    });
    this.#child = child;
    child.stdin.on('error', () => {}); // a dying nft: 'exit' tells it
    child.stdout.setEncoding('utf8').on('data', (text: string) => this.#read(child, text));
    child.on('error', (error) => this.#lost(child, error.message));
    child.on('exit', (code, signal) => this.#lost(child, `nft ended (${signal ?? code})`));
  }

  #read(child: unknown, text: string): void {
    if (child !== this.#child || this.#finish === undefined) return;
    // Head and tail are kept: the head has the first error, the tail the marker.
    this.#output += text;
    if (this.#output.length > MAX_OUTPUT) {
      this.#output = this.#output.slice(0, MAX_OUTPUT / 2) + this.#output.slice(-MAX_OUTPUT / 4);
    }
    if (!this.#output.endsWith('\n')) return;
    const lines = this.#output.split('\n').filter((line) => line !== '');
    if (lines.at(-1)?.startsWith('{"nftables"') !== true) return;
    this.#pauseMs = 0;
    this.#finish(ok(lines.slice(0, -1).filter((line) => line.includes('Error'))));
  }

  #lost(child: ChildProcessByStdio<Writable, Readable, null>, text: string): void {
    if (child !== this.#child) return;
    this.#child = undefined;
    this.#finish?.(err({ kind: 'gone', text }));
  }

  #drop(child: ChildProcessByStdio<Writable, Readable, null>): void {
    if (child === this.#child) this.#child = undefined;
    child.kill('SIGKILL');
  }
}
