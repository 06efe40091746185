// What an engineer or agent can order, by name: the same table serves the control socket (service up) and the
// command line's own process (service down). Inputs are JSON and parsed by the operation itself.
import type { Json } from './ports.ts';

export type OperationError = {
  /** `usage` = the caller's words are off; `not-done` = understood, refused or failed; the text says what to do next. */
  readonly kind: 'usage' | 'not-done';
  readonly code: string;
  readonly text: string;
};

/** Thrown by operations for expected failures; every surface shows code and text. */
export class OperationRefused extends Error {
  readonly problem: OperationError;

  constructor(problem: OperationError) {
    super(problem.text);
    this.problem = problem;
  }
}

export interface OperationContext {
  /** Who asks: the Unix user behind the socket, or `--as`. */
  readonly by: string;
  readonly signal: AbortSignal;
  /** Called now and then during long work with counts so far. */
  progress(state: Readonly<Record<string, Json>>): void;
  /** The raw body, for `ingest` and imports. */
  readonly body?: Uint8Array;
}

export type Operation = (input: Readonly<Record<string, Json>>, context: OperationContext) => Promise<Json>;
export type Operations = Readonly<Record<string, Operation>>;

const URGENT: ReadonlySet<string> = new Set([
  'status',
  'hold.on',
  'hold.off',
  'release-all.preview',
  'release-all.run',
  'case.release',
  'case.wrong-line',
]);

/** Orders that look, stop or free: taken while the service starts, and with the store half read. */
export const isUrgent = (name: string): boolean => URGENT.has(name);
