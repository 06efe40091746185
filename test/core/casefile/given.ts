// Builders for the tests of the decisions: a valid thing of each kind, changed where a test says so.
import type { Actor, Case, RecordedEvent } from '../../../src/core/casefile/case.ts';
import type { CaseCommand } from '../../../src/core/casefile/command.ts';
import { decideAll, decideCase } from '../../../src/core/casefile/decide.ts';
import { DAY, HOUR, type Instant } from '../../../src/core/kernel/time.ts';
import type { Attribution } from '../../../src/core/line/attribution.ts';
import type { Line } from '../../../src/core/line/line.ts';
import { type Ip, parseIp } from '../../../src/core/net/ip.ts';
import type { DecideInput } from '../../../src/core/policy/decision.ts';
import { DEFAULT_BREAKER, type Policy, type Rule } from '../../../src/core/policy/policy.ts';
import type { Report } from '../../../src/core/report/report.ts';

export const T0: Instant = 1_772_600_000_000;
export const POLICY: Actor = { kind: 'policy' };
export const HOME: Actor = { kind: 'subscriber' };
export const STAFF: Actor = { kind: 'staff', name: 'agent' };
export const TIMER: Actor = { kind: 'timer' };

export const ip = (text: string): Ip => parseIp(text)!;

let serial = 0;
export function report(change: Partial<Report> = {}): Report {
  serial++;
  return {
    id: `r${serial}`,
    source: 'honeypot',
    type: 'api',
    class: 'attack-handshake',
    mayAct: true,
    family: 'mirai',
    ip: ip('203.0.113.7'),
    port: 40_000 + serial,
    protocol: 'tcp',
    destinationPort: 23,
    observedAt: T0,
    precisionMs: 1000,
    evidence: { hash: 'e', line: 1 },
    extra: {},
    ...change,
  };
}

export function line(change: Partial<Line> = {}): Line {
  return {
    id: 'L1',
    epoch: 1,
    accessKey: 'user1',
    customerNo: 'C1',
    class: 'home',
    protected: false,
    staticPrefixes: [],
    realm: 'main',
    contract: 'active',
    epochStartedAt: T0 - 400 * DAY,
    ...change,
  };
}

export function attribution(change: Partial<Attribution> = {}): Attribution {
  return {
    kind: 'unique',
    candidates: [{ lineId: 'L1', epoch: 1, bindingId: 'b1' }],
    deltaMs: 60_000,
    provisional: false,
    reason: 'one-holder',
    ...change,
  } as Attribution;
}

export function rule(change: Partial<Rule> = {}): Rule {
  return {
    id: 'homes',
    match: {},
    ladder: [
      { do: 'notify', waitMs: 0, supportHoursOnly: false },
      { do: 'leaky', waitMs: 24 * HOUR, supportHoursOnly: true },
      { do: 'strict', waitMs: 72 * HOUR, maxMs: 14 * DAY, supportHoursOnly: true },
    ],
    legalBasis: { basis: 'contract', termsClause: '7.3' },
    selfRelease: { perDay: 1, per90Days: 2, probationMs: 72 * HOUR },
    expiryMs: 30 * DAY,
    ...change,
  };
}

export const STRICT_AT_ONCE = rule({ ladder: [{ do: 'strict', waitMs: 0, supportHoursOnly: true }] });
export const LEAKY_AT_ONCE = rule({ ladder: [{ do: 'leaky', waitMs: 0, supportHoursOnly: true }] });

export function policy(...rules: readonly Rule[]): Policy {
  return {
    version: 'v1',
    name: 'test',
    rules: rules.length === 0 ? [rule()] : rules,
    breaker: DEFAULT_BREAKER,
    corroborationMs: 72 * HOUR,
    postponeMs: DAY,
  };
}

export function input(change: Partial<DecideInput> = {}): DecideInput {
  const active = change.policy ?? policy();
  return {
    report: report(),
    attribution: attribution(),
    line: line(),
    history: { cases: [], reports: [] },
    policy: active,
    ...((change.history?.cases.length ?? 0) > 0 && { casePolicy: active }),
    now: T0 + HOUR,
    clockOk: true,
    hold: false,
    supportOpen: true,
    ...change,
  };
}

export const OPEN: CaseCommand = {
  kind: 'openCase',
  actor: POLICY,
  caseId: 'c1',
  lineId: 'L1',
  epoch: 1,
  family: 'mirai',
  checkCode: 'ABCD1234',
  policyVersion: 'v1',
  ruleId: 'homes',
  legalBasis: 'contract: 7.3',
  expiresAt: T0 + 30 * DAY,
};
export function seen(observedAt: Instant, source = 'honeypot'): CaseCommand {
  const words = { class: 'attack-handshake', destinationPort: 23 } as const;
  return { kind: 'attachReport', actor: POLICY, reportId: `at-${observedAt}`, source, observedAt, ...words };
}
export function garden(access: 'leaky' | 'strict', expiresAt = T0 + 30 * DAY, step = 0): CaseCommand {
  const words = { ruleId: 'homes', policyVersion: 'v1', legalBasis: 'contract: 7.3' };
  return { kind: 'quarantine', actor: POLICY, access, step, expiresAt, ...words };
}
export const NOTICE: CaseCommand = { kind: 'advance', actor: POLICY, step: 0, ruleId: 'homes', policyVersion: 'v1' };
export function consent(probationMs = 72 * HOUR): CaseCommand {
  return {
    kind: 'consentAndRelease',
    actor: HOME,
    pageHash: 'f'.repeat(64),
    textVersion: '1',
    language: 'en',
    declared: ['steps-done'],
    requestId: 'q1',
    checked: { allowed: true },
    selfRelease: { probationMs },
  };
}

/** A case after these orders, each at its own time. Throws when one is refused: the test's story is wrong then. */
export function given(...story: readonly (readonly [Instant, ...CaseCommand[]])[]): Case {
  let state: Case | undefined;
  for (const [at, ...commands] of story) {
    const done = decideAll(commands, state, at);
    if (!done.ok) throw new Error(`${done.error.command}: ${done.error.refusal}`);
    state = done.value.folded;
  }
  return state!;
}

/** Names of the events, or the refusal. */
export function when(state: Case | undefined, command: CaseCommand, at: Instant): readonly string[] | string {
  const decided = decideCase(command, state, at);
  return decided.ok ? decided.value.map((event) => event.type) : decided.error;
}

/** The same events once more, as the store gives them back. */
export function recorded(...story: readonly (readonly [Instant, ...CaseCommand[]])[]): readonly RecordedEvent[] {
  let state: Case | undefined;
  const all: RecordedEvent[] = [];
  for (const [at, ...commands] of story) {
    const done = decideAll(commands, state, at);
    if (!done.ok) throw new Error(done.error.refusal);
    for (const one of done.value.events) all.push({ ...one, caseId: 'c1', version: all.length + 1 });
    state = done.value.folded;
  }
  return all;
}
