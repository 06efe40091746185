// What reading a feed's file, mail part or answer gives, whatever its format: reports and refused rows, or one reason why the
// whole of it cannot be read. Formats live in src/protocols, one folder each; how a file reaches us is another matter.
import type { Result } from '../kernel/result.ts';
import type { Instant } from '../kernel/time.ts';
import type { RefusedRow, Report } from './report.ts';

export interface FeedFile {
  /** Name of the configured feed. */
  readonly source: string;
  /** Base name as it was delivered. */
  readonly fileName: string;
  readonly bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** What came in the same mail: the original row beside a hub's own file. */
  readonly beside?: readonly { readonly fileName: string; readonly bytes: Uint8Array }[];
  /** SHA-256 (hex) of the original bytes. */
  readonly evidenceHash: string;
  /** When it arrived: a row from later than this (+ 2 s) is refused. */
  readonly receivedAt: Instant;
  /** Canonical slug of a name a feed uses, undefined when the closed list does not have it. */
  readonly familyOf: (name: string) => string | undefined;
}

/** Nothing of the file can be read: it is parked, with the reason, and can be replayed. Codes are stable. */
export interface FileFault {
  readonly code: string;
  readonly text: string;
}

export interface OpenedFeed {
  /** The feed's own type names, as far as they are known before the rows are read. */
  readonly types: readonly string[];
  /** What a person should know about this file before it is let in: new or missing columns, doubts about the zone. */
  readonly remarks: readonly { readonly code: string; readonly text: string }[];
  /** To be read once. */
  readonly items: AsyncIterable<Report | RefusedRow>;
}

/** Total: any bytes give an answer. Same bytes, same answer. */
export type FeedReader = (file: FeedFile) => Promise<Result<OpenedFeed, FileFault>>;
