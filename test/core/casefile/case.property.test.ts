// Any orders in any sequence at any times: what must hold whatever happens.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Case } from '../../../src/core/casefile/case.ts';
import type { CaseCommand } from '../../../src/core/casefile/command.ts';
import { decideCase } from '../../../src/core/casefile/decide.ts';
import { evolve, fold } from '../../../src/core/casefile/evolve.ts';
import { timersOf } from '../../../src/core/casefile/timers.ts';
import { isTightening } from '../../../src/core/garden/access.ts';
import { DAY, HOUR, MINUTE } from '../../../src/core/kernel/time.ts';
import { LIMITS } from '../../../src/core/policy/policy.ts';
import { consent, garden, HOME, NOTICE, OPEN, POLICY, STAFF, seen, T0, TIMER } from './given.ts';

type Make = (now: number) => CaseCommand;
const order: fc.Arbitrary<Make> = fc.oneof(
  fc.integer({ min: -6 * 60, max: 0 }).map(
    (minutes): Make =>
      (now) =>
        seen(now + minutes * MINUTE),
  ),
  fc.constantFrom<Make>(
    (now) => garden('leaky', now + 30 * DAY, 1),
    (now) => garden('strict', now + 30 * DAY, 2),
    () => NOTICE,
    () => consent(),
    () => ({ kind: 'hold', actor: POLICY, reason: 'support-hours', wantedAccess: 'strict' }),
    () => ({ kind: 'medicalDoor', actor: HOME }),
    () => ({ kind: 'staffRelease', actor: STAFF, reason: 'x', to: 'leaky', probationMs: 72 * HOUR }),
    () => ({ kind: 'staffRelease', actor: STAFF, reason: 'x' }),
    () => ({ kind: 'endProbation', actor: TIMER }),
    () => ({ kind: 'endStep', actor: TIMER, to: 'leaky' }),
    () => ({ kind: 'expire', actor: TIMER }),
    (now) => ({ kind: 'postpone', actor: HOME, until: now + HOUR, postponeMs: DAY }),
    () => ({ kind: 'portalUnseen', actor: TIMER }),
    (now) => ({ kind: 'stillSeen', actor: POLICY, seenAt: now, from: 'deny-counter' }),
    () => ({ kind: 'dispute', actor: STAFF }),
  ),
);
const story = fc.array(fc.tuple(fc.integer({ min: 0, max: 40 * 60 }), order), { maxLength: 30 });

interface Seen {
  readonly before: Case;
  readonly after: Case;
  readonly now: number;
  readonly command: CaseCommand;
}

function play(steps: readonly (readonly [number, Make])[], check: (seen: Seen) => void): void {
  let now = T0;
  let state = evolve(undefined, { at: T0, event: { ...words(), type: 'case-opened' }, version: 1 });
  const events = [
    { caseId: 'c1', version: 1, at: T0, actor: POLICY, event: { ...words(), type: 'case-opened' as const } },
  ];
  const all: Parameters<typeof fold>[0][number][] = [...events];
  for (const [minutes, make] of steps) {
    now += minutes * MINUTE;
    const command = make(now);
    const decided = decideCase(command, state, now);
    if (!decided.ok) continue;
    const before = state;
    for (const event of decided.value) {
      const version = all.length + 1;
      all.push({ caseId: 'c1', version, at: now, actor: command.actor, event });
      state = evolve(state, { at: now, event, version });
    }
    check({ before, after: state, now, command });
  }
  expect(fold(all)).toEqual(state);
}

function words() {
  const { kind: _, actor: __, ...rest } = OPEN as Extract<CaseCommand, { kind: 'openCase' }>;
  return rest;
}

it('access tightens by a policy step alone, and after a release only on a report newer than the grace', () => {
  fc.assert(
    fc.property(story, (steps) =>
      play(steps, ({ before, after, command }) => {
        if (!isTightening(before.access, after.access)) return;
        expect(['advance', 'quarantine']).toContain(command.kind);
        if (before.releasedAt !== undefined && command.kind === 'quarantine')
          expect(before.lastObservedAt).toBeGreaterThanOrEqual(before.releasedAt + LIMITS.graceMs);
      }),
    ),
    { numRuns: 300 },
  );
});

it('a closed case stays closed and open', () => {
  fc.assert(
    fc.property(story, (steps) =>
      play(steps, ({ before, after, now }) => {
        if (before.state === 'closed') expect(after).toMatchObject({ state: 'closed', access: 'open' });
        if (after.state === 'closed') expect(timersOf(after, now)).toEqual([]);
      }),
    ),
    { numRuns: 200 },
  );
});

it('a device on the line never opens it by itself, and every restricted case has an end and a turn', () => {
  fc.assert(
    fc.property(story, (steps) =>
      play(steps, ({ before, after, now, command }) => {
        if (command.actor.kind === 'subscriber' && before.access !== 'open') expect(after.access).not.toBe('open');
        if (after.access === 'leaky' || after.access === 'strict') {
          const timers = timersOf(after, now).map((one) => one.kind);
          expect(timers).toContain('expire');
          expect(after.turn).not.toBe('nobody');
        }
      }),
    ),
    { numRuns: 300 },
  );
});
