// The main process's end of the way to a helper: one deadline per call, bounded queue, reconnect with jittered back-off.
// Says exactly what it knows: never sent = unavailable, sent and not answered = unknown.
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
import type { Link, LinkTrouble } from './link.ts';
import { type HelperTarget, openLink, PAUSES } from './transport.ts';

export interface ConnectionOptions {
  readonly target: HelperTarget;
  /** Told when the reason changes for which the helper cannot be reached; undefined = it answers again. */
  readonly onTrouble?: (trouble: LinkTrouble | undefined) => void;
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

/** A slow line takes no more than this at once; the rest waits here, where it can still be withdrawn. */
const MAX_BACKLOG_BYTES = 8 * 1024 * 1024;
/** Below what the helper takes at once (512 per connection). */
const MAX_SENT = 256;

export class HelperConnection {
  readonly #target: HelperTarget;
  readonly #onTrouble: (trouble: LinkTrouble | undefined) => void;
  readonly #maxCalls: number;
  /** In order of arrival: ids grow. */
  readonly #calls = new Map<number, Call>();
  readonly #waiting = new Set<Call>();
  #link: Link | undefined;
  #up = false;
  #sent = 0;
  #pauseMs = 0;
  #notBefore = 0;
  #trouble: LinkTrouble | undefined;
  #retry: NodeJS.Timeout | undefined;
  #nextId = 1;
  #closed = false;

  constructor(options: ConnectionOptions) {
    this.#target = options.target;
    this.#onTrouble = options.onTrouble ?? (() => {});
    this.#maxCalls = options.maxCalls ?? 10_000;
  }

  get isUp(): boolean {
    return this.#up;
  }

  /** Why the last attempt failed; undefined = it answers, or was not asked yet. */
  get trouble(): LinkTrouble | undefined {
    return this.#trouble;
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
    this.#link?.drop();
    for (const call of [...this.#calls.values()]) this.#lose(call);
  }

  #pump(): void {
    if (!this.#up) this.#connect();
    for (const call of this.#waiting) {
      if (!this.#up || this.#sent >= MAX_SENT || this.#link!.backlog > MAX_BACKLOG_BYTES) return;
      this.#waiting.delete(call);
      call.sent = true;
      this.#sent++;
      this.#link!.write(call.line);
    }
  }

  #connect(): void {
    if (this.#link !== undefined || this.#retry !== undefined || this.#closed) return;
    const waitMs = this.#notBefore - performance.now();
    if (waitMs > 0) {
      this.#retry = setTimeout(() => {
        this.#retry = undefined;
        this.#connect();
      }, waitMs);
      return;
    }
    const reader = new LineReader();
    this.#link = openLink(this.#target, {
      up: () => {
        this.#up = true;
        this.#pump();
      },
      data: (chunk) => {
        const isFine = reader.push(chunk)?.every((line) => this.#take(parseResponse(line))) ?? false;
        if (isFine) this.#pump();
        return isFine;
      },
      drained: () => this.#pump(),
      down: (trouble) => this.#down(trouble),
    });
  }

  /** What was sent may or may not have happened; what was not sent waits for the next connection, until its deadline. */
  #down(trouble: LinkTrouble | undefined): void {
    this.#link = undefined;
    this.#up = false;
    for (const call of [...this.#calls.values()]) if (call.sent) this.#lose(call);
    this.#sent = 0;
    if (this.#closed) return;
    this.#setTrouble(trouble);
    const [firstMs, lastMs] = PAUSES[this.#target.kind];
    this.#pauseMs = Math.min(lastMs, Math.max(firstMs, this.#pauseMs * 2));
    this.#notBefore = performance.now() + this.#pauseMs * (0.5 + Math.random());
    if (this.#calls.size > 0) this.#connect();
  }

  /** An answer came: only now it is known that the whole way works. */
  #works(): void {
    this.#pauseMs = 0;
    this.#setTrouble(undefined);
  }

  #setTrouble(trouble: LinkTrouble | undefined): void {
    if (trouble?.code === this.#trouble?.code) return;
    this.#trouble = trouble;
    this.#onTrouble(trouble);
  }

  /** false = the helper said something it never says. An answer to a call that has expired is ordinary. */
  #take(response: Response | undefined): boolean {
    if (response === undefined) return false;
    this.#works();
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
      : { kind: 'unavailable', text: this.#trouble?.text ?? 'the helper cannot be reached' };
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
