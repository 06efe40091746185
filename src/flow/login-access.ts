// What AAA asks and is told: the garden that a login of an access key must get. Implemented from memory; no store is asked.
export interface LoginAccess {
  /** What a login of this access key must get now. undefined = nothing of ours. */
  of(accessKey: string): 'strict' | 'leaky' | undefined;
  /** False until the wanted state was loaded after a start: then answers are «not known», never «free». */
  readonly isReady: boolean;
  onChange(listener: (accessKey: string, access: 'strict' | 'leaky' | undefined) => void): void;
  /** All at this moment, for a full comparison. */
  all(): Iterable<readonly [accessKey: string, access: 'strict' | 'leaky']>;
}
