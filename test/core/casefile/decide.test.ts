import { describe, expect, it } from 'vitest';
import type { CaseCommand } from '../../../src/core/casefile/command.ts';
import { fold } from '../../../src/core/casefile/evolve.ts';
import { DAY, HOUR, MINUTE } from '../../../src/core/kernel/time.ts';
import { consent, garden, given, HOME, NOTICE, OPEN, POLICY, recorded, STAFF, seen, T0, TIMER, when } from './given.ts';

const watching = () => given([T0, OPEN, seen(T0)]);
const strict = () => given([T0, OPEN, seen(T0), garden('strict')]);
const probation = () => given([T0, OPEN, seen(T0), garden('strict')], [T0 + HOUR, consent()]);
const closed = () => given([T0, OPEN, seen(T0), garden('strict')], [T0 + HOUR, release('open')]);
const release = (to: 'open' | 'leaky'): CaseCommand => ({
  kind: 'staffRelease',
  actor: STAFF,
  reason: 'ticket 7',
  to,
  probationMs: 72 * HOUR,
});
const medical: CaseCommand = { kind: 'medicalDoor', actor: HOME };

describe('a case from report to close', () => {
  it('opens watching, with nothing restricted and nobody asked to do anything', () => {
    expect(watching()).toMatchObject({ state: 'watching', access: 'open', turn: 'nobody', step: -1, version: 2 });
  });

  it('enters the garden on a report and says whose turn it is', () => {
    expect(strict()).toMatchObject({ state: 'quarantined', access: 'strict', turn: 'subscriber', tightenedAt: [T0] });
  });

  it('has no garden without a report', () => {
    expect(when(given([T0, OPEN]), garden('leaky'), T0)).toBe('no-newer-report');
  });

  it('a notice is a step of its own and is not given twice', () => {
    const noticed = given([T0, OPEN, seen(T0), NOTICE]);
    expect(noticed).toMatchObject({ state: 'noticed', access: 'notice', turn: 'subscriber', step: 0 });
    expect(when(noticed, NOTICE, T0 + 1)).toBe('not-tighter');
  });

  it('is held with the reason, and once for the same reason', () => {
    const hold: CaseCommand = { kind: 'hold', actor: POLICY, reason: 'breaker', wantedAccess: 'strict' };
    const held = given([T0, OPEN, seen(T0), hold]);
    expect(held).toMatchObject({ state: 'held', access: 'open', turn: 'engineer', hold: { reason: 'breaker' } });
    expect(when(held, hold, T0 + 1)).toEqual([]);
    expect(given([T0, OPEN, seen(T0), hold, garden('strict')])).toMatchObject({
      state: 'quarantined',
      turn: 'subscriber',
    });
  });

  it('records consent before the release, which leads to leaky and never to open', () => {
    expect(when(strict(), consent(), T0 + HOUR)).toEqual(['consent-given', 'released']);
    expect(probation()).toMatchObject({
      state: 'on-probation',
      access: 'leaky',
      turn: 'timer',
      probationEndsAt: T0 + 73 * HOUR,
      selfReleasedAt: [T0 + HOUR],
    });
  });

  it('refuses a self-release with the reason it was given, and outside a garden', () => {
    const refused = { ...consent(), checked: { allowed: false, reason: 'still-seen' } } as CaseCommand;
    expect(when(strict(), refused, T0)).toBe('still-seen');
    expect(when(watching(), consent(), T0)).toBe('not-in-garden');
    expect(when(probation(), consent(), T0 + 2 * HOUR)).toBe('not-in-garden');
  });

  it('a refused release is on record and hands the turn to support', () => {
    const refuse: CaseCommand = { kind: 'refuse', actor: HOME, reason: 'limit-per-90-days' };
    expect(given([T0, OPEN, seen(T0), garden('strict'), refuse])).toMatchObject({ turn: 'support', access: 'strict' });
  });

  it('closes as not-seen when the probation is over, not a moment before', () => {
    const end: CaseCommand = { kind: 'endProbation', actor: TIMER };
    expect(when(probation(), end, T0 + 73 * HOUR - 1)).toBe('not-due');
    const done = given([T0, OPEN, seen(T0), garden('strict')], [T0 + HOUR, consent()], [T0 + 73 * HOUR, end]);
    expect(done).toMatchObject({ state: 'closed', closeReason: 'not-seen', access: 'open', turn: 'nobody' });
  });

  it('W06: a bot that goes on behind a self-release keeps its ports closed: the probation runs a day past each sighting', () => {
    const stillSeen: CaseCommand = { kind: 'stillSeen', actor: POLICY, seenAt: T0 + 70 * HOUR, from: 'deny-counter' };
    const story = given([T0, OPEN, seen(T0), garden('strict')], [T0 + HOUR, consent()], [T0 + 70 * HOUR, stillSeen]);
    expect(story.probationEndsAt).toBe(T0 + 94 * HOUR);
    expect(when(story, { kind: 'endProbation', actor: TIMER }, T0 + 73 * HOUR)).toBe('not-due');
    const late: CaseCommand = { ...stillSeen, seenAt: T0 + 40 * DAY };
    const end = given([T0, OPEN, seen(T0), garden('strict')], [T0 + HOUR, consent()], [T0 + 2 * HOUR, late]);
    expect(end.probationEndsAt, 'never beyond the case’s own end').toBe(T0 + 30 * DAY);
  });

  it('what the counters saw in the two hours after a release does not lengthen the probation', () => {
    const soon: CaseCommand = { kind: 'stillSeen', actor: POLICY, seenAt: T0 + 3 * HOUR - 1, from: 'deny-counter' };
    const story = given([T0, OPEN, seen(T0), garden('strict')], [T0 + HOUR, consent(25 * HOUR)], [T0 + 3 * HOUR, soon]);
    expect(story.probationEndsAt).toBe(T0 + 26 * HOUR);
  });

  it('C02: after a release the old report attached late does not lead back; one from after the grace does', () => {
    const late = given(
      [T0, OPEN, seen(T0), garden('strict')],
      [T0 + HOUR, consent()],
      [T0 + 4 * HOUR, seen(T0 + 30 * MINUTE)],
    );
    expect(when(late, garden('strict'), T0 + 4 * HOUR)).toBe('no-newer-report');
    const fresh = given(
      [T0, OPEN, seen(T0), garden('strict')],
      [T0 + HOUR, consent()],
      [T0 + 4 * HOUR, seen(T0 + 3 * HOUR)],
    );
    expect(when(fresh, garden('strict'), T0 + 4 * HOUR)).toEqual(['step-entered', 'quarantined']);
  });

  it('the medical door opens at once, to leaky and to a person, once in 30 days over the whole line', () => {
    expect(when(watching(), medical, T0)).toBe('not-in-garden');
    const opened = given([T0, OPEN, seen(T0), garden('strict')], [T0 + MINUTE, medical]);
    expect(opened).toMatchObject({
      access: 'leaky',
      state: 'quarantined',
      turn: 'support',
      medicalDoorAt: T0 + MINUTE,
    });
    expect(when(opened, medical, T0 + DAY)).toBe('medical-door-used');
    expect(when(strict(), { ...medical, usedAt: T0 - 29 * DAY }, T0)).toBe('medical-door-used');
    expect(when(strict(), { ...medical, usedAt: T0 - 30 * DAY }, T0)).toEqual(['access-loosened']);
  });

  it('can be postponed once, no further than the policy says, but not on the way from leaky to strict', () => {
    const postpone: CaseCommand = { kind: 'postpone', actor: HOME, until: T0 + 10 * DAY, postponeMs: DAY };
    const later = given([T0, OPEN, seen(T0), NOTICE, postpone]);
    expect(later.postponedUntil).toBe(T0 + DAY);
    expect(when(later, postpone, T0 + HOUR)).toBe('already-postponed');
    expect(when(strict(), postpone, T0), 'the steps wait; the access stays').toEqual(['postponed']);
    const leaky = given([T0, OPEN, seen(T0), garden('leaky')]);
    expect(when(leaky, postpone, T0)).toBe('not-available');
  });

  it('another device starts its steps anew; the same one again keeps them', () => {
    const choose = (device: string): CaseCommand => ({ kind: 'chooseDevice', actor: HOME, device });
    const tick: CaseCommand = { kind: 'tick', actor: HOME, step: 'restart', answer: 'done', with: 'self' };
    const ticked = given([T0, OPEN, seen(T0), garden('strict'), choose('camera'), tick]);
    expect(ticked.ticks).toHaveLength(1);
    expect(given([T0, OPEN, seen(T0), garden('strict'), choose('camera'), tick, choose('camera')]).ticks).toHaveLength(
      1,
    );
    expect(given([T0, OPEN, seen(T0), garden('strict'), choose('camera'), tick, choose('nas')]).ticks).toEqual([]);
  });

  it('staff may always release: from any state, to leaky with a probation or for good', () => {
    expect(when(strict(), release('leaky'), T0)).toEqual(['released']);
    for (const state of [watching(), strict(), probation()]) {
      expect(when(state, release('open'), T0)).toEqual(['released', 'closed']);
    }
    expect(when(closed(), release('open'), T0), 'twice is the same').toEqual([]);
  });

  it('loosens when a step’s maximum is over, and expires where there is no garden step before', () => {
    const step: CaseCommand = { ...garden('strict'), stepEndsAt: T0 + DAY } as CaseCommand;
    const limited = given([T0, OPEN, seen(T0), step]);
    expect(when(limited, { kind: 'endStep', actor: TIMER, to: 'leaky' }, T0 + DAY - 1)).toBe('not-due');
    expect(when(limited, { kind: 'endStep', actor: TIMER, to: 'leaky' }, T0 + DAY)).toEqual(['access-loosened']);
    expect(when(limited, { kind: 'endStep', actor: TIMER, to: 'open' }, T0 + DAY)).toEqual(['closed']);
  });

  it('expires at its end and closes at once for a protected line, an ended contract or a wrong line', () => {
    expect(when(strict(), { kind: 'expire', actor: TIMER }, T0 + 30 * DAY - 1)).toBe('not-due');
    expect(when(strict(), { kind: 'expire', actor: TIMER }, T0 + 30 * DAY)).toEqual(['closed']);
    for (const reason of ['protected', 'contract-ended', 'wrong-line'] as const)
      expect(when(strict(), { kind: 'close', actor: POLICY, reason }, T0 + 1)).toEqual(['closed']);
  });

  it('an unseen portal is a signal after 24 h, once, and support’s turn', () => {
    const unseen: CaseCommand = { kind: 'portalUnseen', actor: TIMER };
    expect(when(strict(), unseen, T0 + DAY - 1)).toBe('not-due');
    const told = given([T0, OPEN, seen(T0), garden('strict')], [T0 + DAY, unseen]);
    expect(told).toMatchObject({ turn: 'support', portalUnseenAt: T0 + DAY });
    expect(when(told, unseen, T0 + 2 * DAY)).toEqual([]);
    expect(
      when(given([T0, OPEN, seen(T0), garden('strict'), { kind: 'portalSeen', actor: HOME }]), unseen, T0 + DAY),
    ).toEqual([]);
  });

  it('keeps the last answer to each step and question', () => {
    const tick = (answer: 'done' | 'cannot'): CaseCommand => ({
      kind: 'tick',
      actor: HOME,
      step: 'restart',
      answer,
      with: 'self',
    });
    const ticked = given([T0, OPEN, seen(T0), garden('strict'), tick('cannot'), tick('done')]);
    expect(ticked.ticks).toEqual([{ step: 'restart', answer: 'done', with: 'self', at: T0 }]);
  });

  it('a closed case takes notes and refuses to restrict anybody again', () => {
    expect(when(closed(), garden('strict'), T0 + 3 * DAY)).toBe('case-closed');
    expect(when(closed(), { kind: 'note', actor: STAFF, text: 'called back' }, T0)).toEqual(['note-added']);
  });

  it('a dispute is support’s turn and is recorded once', () => {
    const dispute: CaseCommand = { kind: 'dispute', actor: STAFF };
    const disputed = given([T0, OPEN, seen(T0), garden('leaky'), dispute]);
    expect(disputed).toMatchObject({ disputed: true, turn: 'support' });
    expect(when(disputed, dispute, T0)).toEqual([]);
  });

  it('folds the stored events to the very case that was decided on', () => {
    const story = [
      [T0, OPEN, seen(T0), garden('strict')],
      [T0 + HOUR, consent()],
    ] as const;
    expect(fold(recorded(...story))).toEqual(given(...story));
  });
});
