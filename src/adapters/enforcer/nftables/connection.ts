// The main process's end of the helper's socket: one deadline per call, bounded queue, reconnect with jittered back-off.
// Says exactly what it knows: never sent = unavailable, sent and not answered = unknown.
import { connect, type Socket } from 'node:net';
import { err, ok, type Result } from '../../../core/kernel/result.ts';
import {
  type Answer,
  formatRequest,
  type HelperError,
  LineReader,
  MAX_LINE_BYTES,
  type Operation,
  parseResponse,
  type Response,
} from '../../../protocols/nftables/messages.ts';

export interface ConnectionOptions {
  readonly socketPath: string;
  /** Calls that wait for the socket or for their answer; one more is refused at once. */
  readonly maxCalls?: number;
}

interface Call {
  readonly id: number;
  readonly line: string;
  readonly startedAt: number;
  readonly timer: NodeJS.Timeout;
  readonly resolve: (result: Result<Answer, HelperError>) => void;
  sent: boolean;
  parts: Answer | undefined;
}

const FIRST_PAUSE_MS = 50;
const LAST_PAUSE_MS = 2000;
/** Below what the helper takes at once (512 per connection). */
const MAX_SENT = 256;

export class HelperConnection {
  readonly #path: string;
  readonly #maxCalls: number;
  /** In order of arrival: ids grow. */
  readonly #calls = new Map<number, Call>();
  readonly #waiting = new Set<Call>();
  #socket: Socket | undefined;
  #up = false;
  #sent = 0;
  #pauseMs = 0;
  #retry: NodeJS.Timeout | undefined;
  #nextId = 1;
  #closed = false;

  constructor(options: ConnectionOptions) {
    this.#path = options.socketPath;
    this.#maxCalls = options.maxCalls ?? 10_000;
  }

  get isUp(): boolean {
    return this.#up;
  }

  call(operation: Operation, deadlineMs: number): Promise<Result<Answer, HelperError>> {
    if (this.#closed) return Promise.resolve(err({ kind: 'unavailable', text: 'closed' }));
    if (this.#calls.size >= this.#maxCalls)
      return Promise.resolve(err({ kind: 'unavailable', text: 'too many calls wait' }));
    const id = this.#nextId++;
    const line = `${formatRequest({ id, operation })}\n`;
    if (line.length > MAX_LINE_BYTES) return Promise.resolve(err(tooLong));
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#expire(call, deadlineMs), deadlineMs);
      const call: Call = { id, line, startedAt: performance.now(), timer, resolve, sent: false, parts: undefined };
      this.#calls.set(id, call);
      this.#waiting.add(call);
      this.#pump();
    });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#socket?.destroy();
    for (const call of [...this.#calls.values()]) this.#lose(call);
  }

  #pump(): void {
    if (!this.#up) this.#connect();
    for (const call of this.#waiting) {
      if (!this.#up || this.#sent >= MAX_SENT) return;
      this.#waiting.delete(call);
      call.sent = true;
      this.#sent++;
      this.#socket!.write(call.line);
    }
  }

  #connect(): void {
    if (this.#socket !== undefined || this.#retry !== undefined || this.#closed) return;
    const socket = connect(this.#path);
    const reader = new LineReader();
    this.#socket = socket;
    socket.on('connect', () => {
      this.#up = true;
      this.#pauseMs = 0;
      this.#pump();
    });
    socket.on('data', (chunk) => {
      const lines = reader.push(chunk as Buffer);
      const isFine = lines?.every((line) => this.#take(parseResponse(line))) ?? false;
      if (!isFine) socket.destroy();
      this.#pump();
    });
    socket.on('error', () => {}); // 'close' follows and tells everything
    socket.on('close', () => this.#down());
  }

  /** What was sent may or may not have happened; what was not sent waits for the next connection, until its deadline. */
  #down(): void {
    this.#socket = undefined;
    this.#up = false;
    for (const call of [...this.#calls.values()]) if (call.sent) this.#lose(call);
    this.#sent = 0;
    if (this.#closed || this.#calls.size === 0) return;
    this.#pauseMs = Math.min(LAST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2));
    this.#retry = setTimeout(
      () => {
        this.#retry = undefined;
        this.#connect();
      },
      this.#pauseMs * (0.5 + Math.random()),
    );
  }

  /** false = the helper said something it never says. An answer to a call that has expired is ordinary. */
  #take(response: Response | undefined): boolean {
    if (response === undefined) return false;
    const call = this.#calls.get(response.id);
    if (call === undefined) {
      if (response.last) this.#sent = Math.max(0, this.#sent - 1);
      return true;
    }
    if (response.result.ok) {
      const joined = joinParts(call.parts, response.result.value);
      if (joined === undefined) return false;
      call.parts = joined;
    }
    if (response.last) {
      this.#sent--;
      this.#settle(call, response.result.ok ? ok(call.parts!) : response.result);
    }
    return true;
  }

  #expire(call: Call, deadlineMs: number): void {
    const error: HelperError = call.sent
      ? { kind: 'unknown', afterMs: deadlineMs }
      : { kind: 'unavailable', text: 'the helper cannot be reached' };
    this.#settle(call, err(error));
  }

  #lose(call: Call): void {
    const afterMs = Math.round(performance.now() - call.startedAt);
    this.#settle(call, err(call.sent ? { kind: 'unknown', afterMs } : { kind: 'unavailable', text: 'closed' }));
  }

  #settle(call: Call, result: Result<Answer, HelperError>): void {
    clearTimeout(call.timer);
    this.#calls.delete(call.id);
    this.#waiting.delete(call);
    call.resolve(result);
  }
}

const tooLong: HelperError = { kind: 'refused', code: 'line-too-long', text: 'too much for one message' };

/** Parts of one answer are of one kind, or the peer is not our helper. */
function joinParts(before: Answer | undefined, part: Answer): Answer | undefined {
  if (before === undefined) return part.kind === 'states' || part.kind === 'counts' ? copyOf(part) : part;
  if (before.kind === 'states' && part.kind === 'states') {
    (before.items as unknown[]).push(...part.items);
    return before;
  }
  if (before.kind === 'counts' && part.kind === 'counts') {
    (before.items as unknown[]).push(...part.items);
    return before;
  }
  return undefined;
}

function copyOf(part: Extract<Answer, { items: unknown }>): Answer {
  return { kind: part.kind, items: [...part.items] } as Answer;
}
