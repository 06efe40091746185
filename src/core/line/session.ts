// One access session as its NAS speaks of it: what identifies it in a request to the NAS. Who held an address when is
// binding.ts's; this is only about talking to the gateway of a session that is there now.
import type { Instant } from '../kernel/time.ts';
import type { NamedPrefix, SessionFacts } from './accounting.ts';

export type { SessionFacts };

export interface NasSession {
  /** Name of the accounting client, as in a binding. */
  readonly nas: string;
  /** Acct-Session-Id as the NAS wrote it. */
  readonly sessionId: string;
  readonly accessKey: string;
  readonly realm: string;
  readonly prefixes: readonly NamedPrefix[];
  readonly facts: SessionFacts;
  readonly startAt?: Instant;
  readonly lastAt: Instant;
}

/**
 * Some BNGs account for each service of a session too, under an Acct-Session-Id of its own: Junos writes `SESSION:SERVICE` and
 * names the service, ISG names the parent. The id of the session it is about; undefined = an ordinary record.
 */
export function serviceOf(record: { readonly sessionId: string; readonly facts?: SessionFacts }): string | undefined {
  const [parent, service] = record.sessionId.split(':', 2);
  if (service !== undefined && (record.facts?.['ERX-Service-Session'] ?? []).length > 0) return parent;
  const named = (record.facts?.['Cisco-AVPair'] ?? []).find((pair) => pair.startsWith(PARENT));
  return named?.slice(PARENT.length);
}

const PARENT = 'parent-session-id=';
