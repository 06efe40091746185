// One way to a helper: bytes there and back, until it is down. What they mean is the connection's business (connection.ts).

/** Why the other end cannot be reached: a stable code, and a sentence of ours for the log and the page. */
export interface LinkTrouble {
  readonly code: 'unreachable' | 'host-key' | 'login' | 'helper-away' | 'no-helper-pipe' | 'ended';
  readonly text: string;
}

export interface LinkEvents {
  up(): void;
  /** false = that is no helper: the link is dropped. */
  data(chunk: Buffer): boolean;
  /** What was written has left. */
  drained(): void;
  /** Once, whatever the reason; nothing follows. */
  down(trouble?: LinkTrouble): void;
}

export interface Link {
  /** Bytes that were written and have not left yet. */
  readonly backlog: number;
  write(text: string): void;
  drop(): void;
}
