// The order of requests against a slow and plain model of it.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Turn, Turns } from '../../../../src/adapters/enforcer/radius/turns.ts';
import { runs } from '../../../runs.ts';

interface One extends Turn {
  readonly n: number;
}

const step = fc.oneof(
  fc.record({ do: fc.constant('add' as const), session: fc.nat(4).map(String), urgent: fc.boolean() }),
  fc.record({ do: fc.constantFrom('next', 'done', 'back', 'remove'), which: fc.nat() }),
);

test('whatever comes, goes and comes back: each session in order and one at a time, releases first, nothing lost', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const turns = new Turns<One>();
      let waiting: One[] = [];
      const underWay: One[] = [];
      const pick = (list: One[], which: number) => list[which % Math.max(1, list.length)];
      steps.forEach((one, n) => {
        if (one.do === 'add') {
          const added = { session: one.session, urgent: one.urgent, n };
          turns.add(added);
          waiting.push(added);
        } else if (one.do === 'next') {
          const next = turns.next();
          const free = waiting.filter(({ session }) => !underWay.some((busy) => busy.session === session));
          if (next === undefined) expect(free).toEqual([]);
          else {
            const withRelease = new Set(free.filter(({ urgent }) => urgent).map(({ session }) => session));
            if (withRelease.size > 0) expect(withRelease).toContain(next.session);
            expect(free.find(({ session }) => session === next.session)).toBe(next);
            waiting = waiting.filter((other) => other !== next);
            underWay.push(next);
          }
        } else if (one.do === 'remove') {
          const gone = pick(waiting, one.which);
          if (gone === undefined) return;
          expect([turns.remove(gone), turns.remove(gone)]).toEqual([true, false]);
          waiting = waiting.filter((other) => other !== gone);
        } else {
          const landed = pick(underWay, one.which);
          if (landed === undefined) return;
          underWay.splice(underWay.indexOf(landed), 1);
          if (one.do === 'done') turns.done(landed);
          else {
            turns.putBack(landed);
            waiting.unshift(landed);
          }
        }
        expect(turns.size).toBe(waiting.length);
        expect(new Set(turns.all())).toEqual(new Set(waiting));
      });
    }),
    { numRuns: runs(300) },
  );
});

test('sessions of one kind go in the order in which they came', () => {
  const turns = new Turns<One>();
  for (const [n, session] of ['a', 'b', 'a', 'c', 'b'].entries()) turns.add({ session, urgent: false, n });
  const order: number[] = [];
  for (let one = turns.next(); one !== undefined; one = turns.next()) {
    order.push(one.n);
    turns.done(one);
  }
  expect(order).toEqual([0, 1, 3, 2, 4]);
});
