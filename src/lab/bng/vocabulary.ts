// What attributes mean on a simulated BNG: which ones name the filter or the services of a session, in a CoA, in an Access-Accept
// and in accounting. The vocabularies themselves: vocabularies.ts. Which filter closes what is the BNG's configuration (filters.ts).
import type { NamedAttribute } from '../../core/dialect/dialect.ts';

/** What a request asks for. `set` replaces, the others add and take away. */
export interface Change {
  readonly set?: readonly string[];
  readonly activate: readonly string[];
  readonly deactivate: readonly string[];
  readonly asksStatus: boolean;
}

export interface Vocabulary {
  /** Vendor attributes that name a session. */
  readonly identifies: readonly string[];
  /** Attributes it knows beside those that name a session or a NAS. */
  readonly knows: readonly string[];
  /** Error-Cause for a filter or service that is not configured. */
  readonly unknownNameCause: 404 | 407;
  /** Error-Cause for taking away what is not there. Absent: acknowledged. */
  readonly absentNameCause?: 404;
  read(attributes: readonly NamedAttribute[]): Change;
  /** How accounting tells of the filters or services in force. */
  report(names: readonly string[]): readonly NamedAttribute[];
  /** Answer to a status query. */
  status(names: readonly string[]): readonly NamedAttribute[];
}

/** The filters or services after a change; undefined = it asks for nothing. */
export function namesAfter(names: readonly string[], change: Change): readonly string[] | undefined {
  if (change.set !== undefined) return [...new Set(change.set)];
  if (change.activate.length + change.deactivate.length === 0) return undefined;
  const kept = names.filter((one) => !change.deactivate.includes(one));
  return [...kept, ...change.activate.filter((one) => !kept.includes(one))];
}
