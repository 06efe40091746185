// The near end of obey.ts: one running agent per namespace, orders with a deadline, events by listener.
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { LabNetwork } from './network.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface Remote {
  /** Rejects with the agent's own words, or after `timeoutMs` (default 15 s). */
  do<T = Json>(ability: string, args?: Readonly<Record<string, unknown>>, timeoutMs?: number): Promise<T>;
  onEvent(listener: (event: Readonly<Record<string, Json>>) => void): void;
  stop(): void;
}

export interface RemoteProcess extends Remote {
  /** As a power cut does it; resolves when it is gone. */
  kill(): Promise<void>;
}

const AGENT = join(import.meta.dirname, 'agent.ts');
const READY_MS = 15_000;

/** `program`: what obeys there; default the agent with its abilities. */
export async function startRemote(network: LabNetwork, namespace: string, program = AGENT): Promise<RemoteProcess> {
  const child = network.spawn(namespace, [process.execPath, program]);
  const remote = new AgentRemote(child, namespace);
  await remote.ready();
  return remote;
}

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

class AgentRemote implements RemoteProcess {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners: ((event: Readonly<Record<string, Json>>) => void)[] = [];
  readonly #ready: Promise<void>;
  #words = '';
  #last = 0;

  constructor(child: ChildProcess, name: string) {
    this.#child = child;
    this.#name = name;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#words = (this.#words + text).slice(-2000);
    });
    this.#ready = new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the agent in ${name} did not start: ${this.#words}`)), READY_MS);
      this.onEvent((event) => {
        if (event['ready'] !== true) return;
        clearTimeout(timer);
        resolve();
      });
    });
    createInterface({ input: child.stdout! }).on('line', (line) => this.#onLine(line));
    child.once('exit', () => {
      for (const one of this.#waiting.values()) one.reject(new Error(`the agent in ${name} ended: ${this.#words}`));
    });
  }

  ready(): Promise<void> {
    return this.#ready;
  }

  onEvent(listener: (event: Readonly<Record<string, Json>>) => void): void {
    this.#listeners.push(listener);
  }

  do<T>(ability: string, args: Readonly<Record<string, unknown>> = {}, timeoutMs = 15_000): Promise<T> {
    const id = ++this.#last;
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Error(`${ability} in ${this.#name}: no answer within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#waiting.set(id, { resolve: resolve as (value: never) => void, reject, timer });
      this.#child.stdin?.write(`${JSON.stringify({ id, ability, args })}\n`);
    });
  }

  stop(): void {
    this.#child.stdin?.end();
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }

  #onLine(line: string): void {
    const said = JSON.parse(line) as { id?: number; value?: never; error?: string; event?: Record<string, Json> };
    if (said.event !== undefined) for (const listener of this.#listeners) listener(said.event);
    const waiting = said.id === undefined ? undefined : this.#waiting.get(said.id);
    if (waiting === undefined) return;
    this.#waiting.delete(said.id!);
    clearTimeout(waiting.timer);
    if (said.error === undefined) waiting.resolve(said.value as never);
    else waiting.reject(new Error(said.error));
  }
}
