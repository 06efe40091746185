import { describe, expect, it } from 'vitest';
import type { CaseCommand } from '../../../src/core/casefile/command.ts';
import { commandsFor } from '../../../src/core/casefile/commands-for.ts';
import { decideAll } from '../../../src/core/casefile/decide.ts';
import { DAY, HOUR } from '../../../src/core/kernel/time.ts';
import { decide } from '../../../src/core/policy/decide.ts';
import type { DecideInput, Decision } from '../../../src/core/policy/decision.ts';
import { isSupportOpen } from '../../../src/core/policy/policy.ts';
import { REPORT_CLASSES } from '../../../src/core/report/report.ts';
import {
  attribution,
  consent,
  garden,
  given,
  HOME,
  input,
  ip,
  LEAKY_AT_ONCE,
  line,
  NOTICE,
  OPEN,
  policy,
  report,
  rule,
  STAFF,
  STRICT_AT_ONCE,
  seen,
  T0,
} from '../casefile/given.ts';

const strictPolicy = policy(STRICT_AT_ONCE);
const strict = (change: Partial<DecideInput> = {}) => decide(input({ policy: strictPolicy, ...change }));
const reason = (decision: Decision) => `${decision.kind}: ${decision.reason}`;
const planOf = (decision: Decision) => (decision.kind === 'act' ? decision.plan : undefined);

describe('what holds whatever a policy says', () => {
  it('a fresh, unambiguous report of a class that may act leads to the first step', () => {
    expect(planOf(strict())).toMatchObject({ access: 'strict', step: 0, newGarden: true, legalBasis: 'contract: 7.3' });
  });

  it('victim and info never act, nor a feed type that may not', () => {
    for (const name of ['victim', 'info'] as const)
      expect(reason(strict({ report: report({ class: name }) }))).toBe('ignore: class-never-acts');
    expect(reason(strict({ report: report({ mayAct: false }) }))).toBe('ignore: type-never-acts');
  });

  it('only a unique attribution acts', () => {
    const kinds = { ambiguous: 'review: ambiguous', stale: 'review: stale', none: 'ignore: no-line' } as const;
    for (const [kind, answer] of Object.entries(kinds))
      expect(reason(strict({ attribution: attribution({ kind: kind as 'none' }) }))).toBe(answer);
    expect(reason(strict({ attribution: attribution({ kind: 'not-ours' }) }))).toBe('ignore: not-ours');
    expect(reason(strict({ attribution: attribution({ kind: 'impossible' }) }))).toBe('ignore: impossible');
  });

  it('a line that is gone, another customer’s, or older than this customer goes to a person or nowhere', () => {
    expect(reason(strict({ line: undefined }))).toBe('review: line-unknown');
    expect(reason(strict({ line: line({ id: 'L2' }) }))).toBe('review: line-unknown');
    expect(reason(strict({ line: line({ epoch: 2 }) }))).toBe('review: customer-changed');
    expect(reason(strict({ line: line({ epochStartedAt: T0 + 1 }) }))).toBe('ignore: before-this-customer');
    expect(reason(strict({ line: line({ contract: 'ended' }) }))).toBe('ignore: contract-ended');
  });

  it('A08: protected and voice-only lines are never automatic, whatever class and rule', () => {
    for (const reportClass of REPORT_CLASSES)
      for (const change of [{ protected: true }, { class: 'voip-only' }] as const) {
        const decision = strict({ line: line(change), report: report({ class: reportClass }) });
        expect(decision.kind).not.toBe('act');
      }
    expect(reason(strict({ line: line({ protected: true }) }))).toBe('review: line-protected');
  });

  it('A06: another provider’s line is for a person who knows whom to write to, never automatic', () => {
    for (const reportClass of REPORT_CLASSES) {
      const decision = strict({ line: line({ class: 'wholesale' }), report: report({ class: reportClass }) });
      expect(decision.kind).not.toBe('act');
    }
    expect(reason(strict({ line: line({ class: 'wholesale' }) }))).toBe('review: wholesale-line');
  });

  it('two bindings of one line are one holder: it dialled again inside the window', () => {
    const [one] = attribution().candidates;
    const again = attribution({ candidates: [one!, { ...one!, bindingId: 'again' }] });
    expect(strict({ attribution: again }).kind).toBe('act');
    const other = attribution({ candidates: [one!, { ...one!, lineId: 'L2' }] });
    expect(reason(strict({ attribution: other }))).toBe('review: line-unknown');
    const before = attribution({ candidates: [one!, { ...one!, epoch: 7 }] });
    expect(reason(strict({ attribution: before }))).toBe('review: customer-changed');
  });

  it('F06: a report 30 days old is kept and never automatic; 72 hours is the limit', () => {
    expect(reason(strict({ now: T0 + 30 * DAY }))).toBe('ignore: report-too-old');
    expect(reason(strict({ now: T0 + 72 * HOUR + 1 }))).toBe('ignore: report-too-old');
    expect(strict({ now: T0 + 72 * HOUR }).kind).toBe('act');
  });

  it('an observation more than two seconds in the future is not believed', () => {
    expect(reason(strict({ now: T0 - 2001 }))).toBe('ignore: observed-in-future');
    expect(strict({ now: T0 - 2000 }).kind).toBe('act');
  });

  it('exposed never goes beyond a notice unless the rule names it', () => {
    const exposed = report({ class: 'exposed' });
    expect(reason(strict({ report: exposed }))).toBe('watch: exposed-notice-only');
    expect(planOf(decide(input({ report: exposed })))).toMatchObject({ access: 'notice' });
    const named = policy(rule({ ladder: STRICT_AT_ONCE.ladder, match: { class: ['exposed'] } }));
    expect(planOf(decide(input({ report: exposed, policy: named })))).toMatchObject({ access: 'strict' });
  });
});

describe('A09: weak classes need two independent sources', () => {
  for (const weak of ['attack-single-packet', 'c2-contact'] as const) {
    const darknet = report({ class: weak, source: 'darknet', observedAt: T0, port: 5000 });
    const withOther = (other: Parameters<typeof report>[0]) =>
      strict({ report: darknet, history: { cases: [], reports: [darknet, report(other)] } });

    it(`${weak}: alone, twice from one source, or copied by another, it only watches`, () => {
      expect(reason(strict({ report: darknet }))).toBe('watch: needs-second-source');
      const same = { class: weak, source: 'darknet', observedAt: T0 - HOUR } as const;
      expect(reason(withOther(same))).toBe('watch: needs-second-source');
      const copy = { ...darknet, id: 'copy', source: 'national-cert' };
      expect(reason(withOther(copy))).toBe('watch: needs-second-source');
      expect(reason(withOther({ ...copy, observedAt: T0 + 9 * HOUR })), 'local time').toBe(
        'watch: needs-second-source',
      );
    });

    it(`${weak}: a second source with an observation of its own is enough, an info or an exposed service is not`, () => {
      const own = { source: 'sinkhole', observedAt: T0 - HOUR, port: 6000 };
      expect(withOther({ ...own, class: 'infected-handshake' }).kind).toBe('act');
      expect(withOther({ ...own, class: weak }).kind).toBe('act');
      for (const other of ['info', 'victim', 'exposed'] as const)
        expect(reason(withOther({ ...own, class: other }))).toBe('watch: needs-second-source');
      expect(reason(withOther({ ...own, class: weak, observedAt: T0 - 73 * HOUR }))).toBe('watch: needs-second-source');
      expect(reason(withOther({ ...own, class: weak, family: 'qsnatch' }))).toBe('watch: needs-second-source');
      expect(withOther({ ...own, class: weak, family: 'unknown' }).kind).toBe('act');
    });

    it(`${weak}: two names of one operator are one source`, () => {
      const other = report({ class: weak, source: 'darknet-2', observedAt: T0 - HOUR });
      const origins = { darknet: 'lab', 'darknet-2': 'lab' };
      const decision = strict({ report: darknet, origins, history: { cases: [], reports: [other] } });
      expect(reason(decision)).toBe('watch: needs-second-source');
    });
  }
});

describe('rules', () => {
  it('the first whose conditions all hold decides, and the trace says what the others missed', () => {
    const rules = policy(
      rule({ id: 'business', match: { lineClass: ['business'] } }),
      rule({ id: 'qsnatch', match: { family: ['qsnatch'] } }),
      rule({ id: 'cert', match: { source: ['cert'] } }),
      rule({ id: 'sinkhole', match: { class: ['infected-handshake'] } }),
      rule({ id: 'again', match: { minPriorCases: { count: 1, withinMs: 90 * DAY } } }),
      rule({ id: 'homes', match: { lineClass: ['home'] } }),
      rule({ id: 'never-reached' }),
    );
    const decision = decide(input({ policy: rules }));
    expect(planOf(decision)?.ruleId).toBe('homes');
    expect(decision.trace.map((one) => one.missed)).toEqual([
      'line-class',
      'family',
      'source',
      'class',
      'min-prior-cases',
      undefined,
    ]);
  });

  it('no rule, no act', () => {
    expect(reason(decide(input({ policy: policy(rule({ match: { lineClass: ['business'] } })) })))).toBe(
      'ignore: no-rule',
    );
  });

  it('a count within a window is watched until it is reached, the same in any order of arrival', () => {
    const three = policy(rule({ match: { minReports: { count: 3, withinMs: DAY } }, ladder: LEAKY_AT_ONCE.ladder }));
    const rows = [0, 2, 5].map((hours) => report({ observedAt: T0 + hours * HOUR }));
    const orders = [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
      [2, 0, 1],
    ];
    for (const order of orders) {
      const kinds = order.map((index, i) => {
        const reports = order.slice(0, i).map((one) => rows[one]!);
        return decide(input({ policy: three, report: rows[index]!, history: { cases: [], reports }, now: T0 + DAY }))
          .kind;
      });
      expect(kinds).toEqual(['watch', 'watch', 'act']);
    }
    const copies = rows.map((_, i) => ({ ...rows[0]!, id: `copy${i}`, source: `s${i}` }));
    const counted = decide(input({ policy: three, report: rows[0]!, history: { cases: [], reports: copies } }));
    expect(reason(counted), 'copies are one observation').toBe('watch: below-count');
  });

  it('an earlier case of the line chooses the stronger rule', () => {
    const again = policy(
      rule({ id: 'again', match: { minPriorCases: { count: 1, withinMs: 90 * DAY } }, ladder: LEAKY_AT_ONCE.ladder }),
      rule(),
    );
    const end: CaseCommand = { kind: 'expire', actor: STAFF };
    const old = given([T0 - 20 * DAY, { ...OPEN, expiresAt: T0 - 10 * DAY } as CaseCommand], [T0 - 10 * DAY, end]);
    const decision = decide(input({ policy: again, history: { cases: [old], reports: [] } }));
    expect(planOf(decision)).toMatchObject({ ruleId: 'again', access: 'leaky' });
  });
});

describe('the ladder', () => {
  const noticed = given([T0, OPEN, seen(T0), NOTICE]);
  const later = (hours: number, now = hours) =>
    decide(
      input({
        report: report({ observedAt: T0 + hours * HOUR }),
        now: T0 + now * HOUR,
        history: { cases: [noticed], reports: [] },
      }),
    );

  it('each step needs a report observed after the wait; an older one that comes late does not do', () => {
    expect(reason(later(23))).toBe('watch: step-wait');
    expect(reason(later(23, 30))).toBe('watch: step-wait');
    expect(planOf(later(24))).toMatchObject({ step: 1, access: 'leaky', newGarden: true });
  });

  it('an open case keeps the version it was opened under', () => {
    const decision = decide(
      input({
        report: report({ observedAt: T0 + 30 * HOUR }),
        now: T0 + 30 * HOUR,
        history: { cases: [noticed], reports: [] },
        policy: { ...strictPolicy, version: 'v2' },
        casePolicy: policy(),
      }),
    );
    expect(planOf(decision)).toMatchObject({ policyVersion: 'v1', access: 'leaky' });
    const { casePolicy: _, ...lost } = input({ history: { cases: [noticed], reports: [] } });
    expect(reason(decide(lost))).toBe('review: policy-missing');
  });

  it('ends at its last step', () => {
    const top = given([T0, OPEN, seen(T0), garden('strict', T0 + 30 * DAY, 2)]);
    const decision = decide(
      input({
        history: { cases: [top], reports: [] },
        report: report({ observedAt: T0 + 4 * DAY }),
        now: T0 + 4 * DAY,
      }),
    );
    expect(reason(decision)).toBe('watch: ladder-complete');
  });

  it('a stricter step does not move the garden’s end', () => {
    const leaky = given([T0, OPEN, seen(T0), garden('leaky', T0 + 30 * DAY, 1)]);
    const at = T0 + 5 * DAY;
    const decision = decide(
      input({ history: { cases: [leaky], reports: [] }, report: report({ observedAt: at }), now: at }),
    );
    expect(planOf(decision)).toMatchObject({ access: 'strict', expiresAt: T0 + 30 * DAY, stepEndsAt: at + 14 * DAY });
  });

  it('waits while postponed, while disputed, and stays out of strict after the medical door', () => {
    const postpone: CaseCommand = { kind: 'postpone', actor: HOME, until: T0 + 30 * HOUR, postponeMs: 2 * DAY };
    const ask = (cases: DecideInput['history']['cases'], at = T0 + 26 * HOUR) =>
      decide(input({ history: { cases, reports: [] }, report: report({ observedAt: at }), now: at }));
    expect(reason(ask([given([T0, OPEN, seen(T0), NOTICE, postpone])]))).toBe('watch: postponed');
    expect(reason(ask([given([T0, OPEN, seen(T0), NOTICE, { kind: 'dispute', actor: STAFF }])]))).toBe(
      'review: disputed',
    );
    const medical = given([T0, OPEN, seen(T0), garden('strict'), { kind: 'medicalDoor', actor: HOME }]);
    const other = { ...medical, id: 'c2', family: 'qsnatch' };
    expect(reason(strict({ history: { cases: [other], reports: [] } }))).toBe('watch: medical-door');
  });
});

describe('not now: the plan is held', () => {
  it('while the engineer says stop, without a clock, and outside support hours', () => {
    expect(planOf(strict({ hold: true }))?.hold).toBe('hold');
    expect(planOf(strict({ clockOk: false }))?.hold).toBe('clock');
    expect(planOf(strict({ supportOpen: false }))?.hold).toBe('support-hours');
    const anytime = rule({ ladder: [{ do: 'strict', waitMs: 0, supportHoursOnly: false }] });
    expect(planOf(decide(input({ policy: policy(anytime), supportOpen: false })))?.hold).toBeUndefined();
  });

  it('a notice is a message and waits for nothing', () => {
    const decision = decide(input({ hold: true, clockOk: false, supportOpen: false }));
    expect(planOf(decision)).toMatchObject({ access: 'notice', newGarden: false });
    expect(planOf(decision)?.hold).toBeUndefined();
  });

  it('C13: a line is not tightened more than twice a day, over all its cases', () => {
    const base = given([T0, OPEN, seen(T0)]);
    const tightened = (...at: number[]) => ({ ...base, id: 'c9', family: 'other', tightenedAt: at });
    const ask = (...at: number[]) =>
      planOf(strict({ history: { cases: [tightened(...at)], reports: [] }, now: T0 + HOUR }));
    expect(ask(T0 - DAY, T0)?.hold).toBeUndefined();
    expect(ask(T0 - HOUR, T0)?.hold).toBe('tightenings-today');
  });

  it('a case that joins a garden the line is in already is no new garden', () => {
    const other = { ...given([T0, OPEN, seen(T0), garden('strict')]), id: 'c2', family: 'qsnatch' };
    const often = { ...other, tightenedAt: [T0 - HOUR, T0] };
    for (const cases of [[other], [often]]) {
      const plan = planOf(strict({ history: { cases, reports: [] } }));
      expect(plan).toMatchObject({ newGarden: false, access: 'strict' });
      expect(plan?.hold, 'nothing gets tighter').toBeUndefined();
    }
  });

  it('support hours are local: weekday and minute, the end exclusive', () => {
    const hours = { timeZone: 'Asia/Tokyo', days: [[], [{ fromMinute: 540, toMinute: 1080 }], [], [], [], [], []] };
    expect(isSupportOpen(hours, { weekday: 1, minute: 540 })).toBe(true);
    expect(isSupportOpen(hours, { weekday: 1, minute: 1080 })).toBe(false);
    expect(isSupportOpen(hours, { weekday: 0, minute: 600 })).toBe(false);
    expect(isSupportOpen(undefined, { weekday: 0, minute: 0 })).toBe(true);
  });
});

describe('grace after a release', () => {
  const released = given([T0, OPEN, seen(T0), garden('strict')], [T0 + 10 * HOUR, consent()]);
  const ask = (observedAt: number, change: Partial<DecideInput> = {}) =>
    decide(
      input({
        policy: strictPolicy,
        report: report({ observedAt }),
        now: T0 + 14 * HOUR,
        history: { cases: [released], reports: [] },
        ...change,
      }),
    );

  it('C02: a late duplicate of the old event changes nothing', () => {
    expect(reason(ask(T0 + 9 * HOUR))).toBe('ignore: grace-after-release');
    expect(reason(ask(T0 + 12 * HOUR - 1))).toBe('ignore: grace-after-release');
  });

  it('C03: only what was observed after the release and its grace acts again', () => {
    expect(reason(ask(T0 + 12 * HOUR))).toBe('act: seen-on-probation');
    expect(planOf(ask(T0 + 12 * HOUR))).toMatchObject({ access: 'strict', expiresAt: T0 + 14 * HOUR + 30 * DAY });
  });

  it('the grace is the line’s: the old event under another family’s name acts no more than under its own', () => {
    const other = report({ family: 'unknown', observedAt: T0 + 9 * HOUR });
    expect(reason(ask(0, { report: other }))).toBe('ignore: grace-after-release');
  });

  it('a staff release, an expiry or a wrong line counts as a release too', () => {
    const close: CaseCommand = { kind: 'close', actor: STAFF, reason: 'wrong-line' };
    const cases = [given([T0, OPEN, seen(T0), garden('strict')], [T0 + 10 * HOUR, close])];
    expect(reason(ask(T0 + 11 * HOUR, { history: { cases, reports: [] } }))).toBe('ignore: grace-after-release');
    expect(ask(T0 + 12 * HOUR, { history: { cases, reports: [] } }).kind).toBe('act');
  });
});

it('the end of a probation is no second release: what was seen during it still acts', () => {
  const passed = given(
    [T0, OPEN, seen(T0), garden('strict')],
    [T0 + HOUR, consent()],
    [T0 + 73 * HOUR, { kind: 'endProbation', actor: STAFF }],
  );
  const decision = strict({
    report: report({ observedAt: T0 + 72 * HOUR }),
    now: T0 + 74 * HOUR,
    history: { cases: [passed], reports: [] },
  });
  expect(reason(decision)).toBe('act: rule-matched');
});

describe('from a decision to orders', () => {
  const fresh = { caseId: 'c7', checkCode: 'ZZZZ9999', lineId: 'L1', epoch: 1 };
  const state = (decision: Decision, more = {}) => {
    const commands = commandsFor({ decision, report: report(), fresh, ...more });
    const done = decideAll(commands, undefined, T0 + HOUR);
    return done.ok ? done.value.folded : undefined;
  };

  it('an act opens the case, attaches the report and enters the step, as one unit', () => {
    expect(state(strict())).toMatchObject({
      id: 'c7',
      state: 'quarantined',
      access: 'strict',
      reports: 1,
      family: 'mirai',
    });
    expect(state(decide(input()))).toMatchObject({ state: 'noticed', access: 'notice' });
  });

  it('a hold by the plan or by the breaker opens the case and holds it', () => {
    expect(state(strict({ clockOk: false }))).toMatchObject({ state: 'held', hold: { reason: 'clock' } });
    expect(state(strict(), { hold: 'breaker' })).toMatchObject({ state: 'held', access: 'open', turn: 'engineer' });
  });

  it('a watch opens a case that only watches; a review without a case records none', () => {
    const weak = report({ class: 'c2-contact' });
    expect(state(strict({ report: weak }))).toMatchObject({ state: 'watching', access: 'open' });
    expect(commandsFor({ decision: strict({ line: line({ protected: true }) }), report: weak, fresh })).toEqual([]);
  });

  it('a held plan decided anew enters its step, or waits for a person once its report is too old', () => {
    const hold: CaseCommand = { kind: 'hold', actor: STAFF, reason: 'support-hours', wantedAccess: 'strict' };
    const held = given([T0, { ...OPEN, ruleId: 'homes' } as CaseCommand, seen(T0), hold]);
    const again = (now: number) => {
      const known = report({ id: 'known', observedAt: T0 });
      const decision = decide(
        input({ policy: strictPolicy, report: known, now, history: { cases: [held], reports: [known] } }),
      );
      const commands = commandsFor({ decision, report: known, open: held, fresh, again: true });
      const done = decideAll(commands, held, now);
      return done.ok ? done.value.folded : undefined;
    };
    expect(again(T0 + 12 * HOUR)).toMatchObject({ state: 'quarantined', access: 'strict', reports: 1 });
    expect(again(T0 + 73 * HOUR)).toMatchObject({
      state: 'held',
      hold: { reason: 'report-too-old' },
      turn: 'engineer',
    });
  });

  it('is the same for the same input: nothing but the input decides', () => {
    const one = input({ report: report({ id: 'same', port: 1, ip: ip('2001:db8::1') }) });
    expect(decide(one)).toEqual(decide(structuredClone(one)));
  });
});
