// What waits for a person on the phone: how many cases, and households that opened the medical door and were not looked at.
import type { RecordedEvent } from '../core/casefile/case.ts';
import type { Store } from './ports.ts';

/** More of them than this and the number no longer matters: somebody must look. */
const LOOK_AT = 500;

/** Open cases with a medical door that no member of staff has touched since: a note or a release counts as looked. */
export async function medicalWaiting(store: Pick<Store, 'cases' | 'caseEvents'>): Promise<number> {
  const waiting = await store.cases({ open: true, turn: 'support', newestFirst: true, limit: LOOK_AT });
  let count = 0;
  for (const one of waiting) {
    if (one.medicalDoorAt !== undefined && !wasLookedAt(await store.caseEvents(one.id))) count++;
  }
  return count;
}

function wasLookedAt(events: readonly RecordedEvent[]): boolean {
  const doorAt = events.findLastIndex(
    ({ event }) => event.type === 'access-loosened' && event.reason === 'medical-door',
  );
  return events.slice(doorAt + 1).some(({ actor }) => actor.kind === 'staff');
}
