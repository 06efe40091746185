import { expect, it } from 'vitest';
import type { Case } from '../../../src/core/casefile/case.ts';
import { probationOf, selfReleaseStanding } from '../../../src/core/consent/self-release.ts';
import { DAY, HOUR, MINUTE } from '../../../src/core/kernel/time.ts';
import { consent, garden, given, HOME, OPEN, seen, T0 } from '../casefile/given.ts';

const tick = (step: string, answer: 'done' | 'cannot' | 'unknown') =>
  ({ kind: 'tick', actor: HOME, step, answer, with: 'self' }) as const;
const LIMITS = [{ perDay: 1, per90Days: 2, probationMs: 72 * HOUR }];
const inGarden = (...ticks: ReturnType<typeof tick>[]) => given([T0, OPEN, seen(T0), garden('strict'), ...ticks]);
const done = inGarden(tick('restart', 'done'), tick('password', 'unknown'));
const now = T0 + HOUR;
const ask = (cases: readonly Case[], change = {}) =>
  selfReleaseStanding({
    cases,
    limits: LIMITS,
    requiredSteps: ['restart', 'password'],
    countersReadAt: now - 5000,
    watchedSince: T0 - HOUR,
    now,
    ...change,
  });
const earlier = (...at: number[]): Case => ({
  ...done,
  id: 'old',
  state: 'closed',
  access: 'open',
  selfReleasedAt: at,
});

it('is allowed when every step has an answer and one that cures is done', () => {
  expect(ask([done])).toEqual({ allowed: true });
  expect(ask([inGarden(tick('restart', 'done'))])).toEqual({ allowed: false, reason: 'steps-missing' });
  expect(ask([inGarden(tick('restart', 'cannot'), tick('password', 'unknown'))])).toMatchObject({
    reason: 'steps-missing',
  });
  expect(ask([done], { cureSteps: ['factory-reset'] })).toMatchObject({ reason: 'steps-missing' });
});

it('is refused while the line was seen in the last ten minutes, and says when to come back', () => {
  const deniedAt = now - 9 * MINUTE;
  expect(ask([done], { deniedAt })).toEqual({ allowed: false, reason: 'still-seen', nextAt: deniedAt + 10 * MINUTE });
  expect(ask([done], { deniedAt: now - 10 * MINUTE })).toEqual({ allowed: true });
});

it('is refused while nobody looked: unread counters are not quiet ones', () => {
  for (const blind of [
    { countersReadAt: undefined },
    { countersReadAt: now - MINUTE - 1 },
    { watchedSince: undefined },
  ])
    expect(ask([done], blind)).toEqual({ allowed: false, reason: 'cannot-see' });
  expect(ask([done], { countersReadAt: now - MINUTE })).toEqual({ allowed: true });
});

it('is refused after a start until we have watched for ten minutes, but for gardens that began since', () => {
  const watchedSince = now - 4 * MINUTE;
  expect(ask([done], { watchedSince })).toEqual({
    allowed: false,
    reason: 'cannot-see',
    nextAt: watchedSince + 10 * MINUTE,
  });
  expect(ask([done], { watchedSince: now - 10 * MINUTE })).toEqual({ allowed: true });
  expect(ask([{ ...done, quarantinedAt: watchedSince }], { watchedSince })).toEqual({ allowed: true });
});

it('is refused outside a garden and on probation', () => {
  expect(ask([])).toMatchObject({ reason: 'not-in-garden' });
  expect(ask([given([T0, OPEN, seen(T0), garden('strict')], [T0 + 1, consent()])])).toMatchObject({
    reason: 'not-in-garden',
  });
});

it('is granted once a day and twice in 90 days, over all cases of the line; one act over two cases counts once', () => {
  expect(ask([done, earlier(now - 23 * HOUR)])).toEqual({
    allowed: false,
    reason: 'limit-per-day',
    nextAt: now + HOUR,
  });
  expect(ask([done, earlier(now - 2 * DAY), earlier(now - 2 * DAY)])).toEqual({ allowed: true });
  expect(ask([done, earlier(now - 80 * DAY, now - 2 * DAY)])).toEqual({
    allowed: false,
    reason: 'limit-per-90-days',
    nextAt: now + 10 * DAY,
  });
  expect(ask([done, earlier(now - 90 * DAY, now - 2 * DAY)])).toEqual({ allowed: true });
});

it('takes the most careful limits of the rules involved', () => {
  const limits = [...LIMITS, { perDay: 0, per90Days: 2, probationMs: 96 * HOUR }];
  expect(ask([done], { limits })).toEqual({ allowed: false, reason: 'limit-per-day' });
  expect(probationOf(limits)).toBe(96 * HOUR);
});
