import { expect, it } from 'vitest';
import type { Case } from '../../src/core/casefile/case.ts';
import { err, ok } from '../../src/core/kernel/result.ts';
import { Casebook } from '../../src/flow/casebook.ts';
import type { Change } from '../../src/flow/ports.ts';
import { garden, given, OPEN, POLICY, seen, T0 } from '../core/casefile/given.ts';

/** The one case there is, and every change that was asked for; a change made from an older version is a conflict. */
function bookOf(stored: Case) {
  const changes: Change[] = [];
  let reads = 0;
  const store = {
    case: async () => {
      reads++;
      return stored;
    },
    commit: async (change: Change) => {
      changes.push(change);
      const isOld = change.cases?.some((one) => one.expectedVersion !== stored.version) === true;
      return isOld ? err({ kind: 'conflict' as const, caseId: stored.id }) : ok({ auditSequence: changes.length });
    },
  };
  return { book: new Casebook({ store, clock: { now: () => T0 + 1000 } }), changes, reads: () => reads };
}

const NOTE = [{ kind: 'note', actor: POLICY, text: 'called' }] as const;

it('a case as it was just read is not read again', async () => {
  const state = given([T0, OPEN, seen(T0), garden('strict')]);
  const { book, reads } = bookOf(state);
  expect((await book.order(state.id, () => NOTE, undefined, state)).ok).toBe(true);
  expect(reads()).toBe(0);
});

it('old news is a conflict: the case is read and the order decided anew, upon what is true', async () => {
  const old = given([T0, OPEN, seen(T0)]);
  const state = given([T0, OPEN, seen(T0), garden('strict')]);
  const { book, changes, reads } = bookOf(state);
  const ordered = await book.order(state.id, () => NOTE, undefined, old);
  expect(ordered.ok && ordered.value.after.access).toBe('strict');
  expect(reads()).toBe(1);
  expect(changes.map((change) => change.cases?.[0]?.expectedVersion)).toEqual([old.version, state.version]);
});

it('writes the timers that events move, and no other', async () => {
  const watching = given([T0, OPEN, seen(T0)]);
  const quiet = bookOf(watching);
  await quiet.book.order(watching.id, () => NOTE);
  expect(quiet.changes[0]).toMatchObject({ arm: [], disarm: [] });

  const begun = bookOf(watching);
  await begun.book.order(watching.id, () => [garden('strict')]);
  expect(begun.changes[0]?.arm?.map((timer) => timer.kind)).toContain('case-portal-unseen');

  const strict = given([T0, OPEN, seen(T0), garden('strict')]);
  const ended = bookOf(strict);
  await ended.book.order(strict.id, () => [{ kind: 'close', actor: POLICY, reason: 'protected' }]);
  expect(ended.changes[0]?.arm).toEqual([]);
  expect(ended.changes[0]?.disarm?.map((timer) => timer.kind).sort()).toEqual(['case-expire', 'case-portal-unseen']);
});
