// What a login must be told about the garden of its line: the port between the flow, which knows what is wanted, and AAA,
// which answers before there is a session to change. From memory, so that an answer costs microseconds.

export interface LoginAccess {
  /** What a login of this access key must get now. undefined = nothing of ours. */
  of(accessKey: string): 'strict' | 'leaky' | undefined;
  /** false until the wanted state was loaded after a start: then answers are «not known», never «free» (invariant 11). */
  readonly isReady: boolean;
  onChange(listener: (accessKey: string, access: 'strict' | 'leaky' | undefined) => void): void;
  /** All at this moment, for a full comparison. */
  all(): Iterable<readonly [accessKey: string, access: 'strict' | 'leaky']>;
}
