// The policy as a value: what one version of the engineer's file says, checked and with units resolved. Reading the
// file is config's work (src/config/policy.ts); what the rules lead to is decide.ts's.
import { DAY, HOUR, MINUTE } from '../kernel/time.ts';
import type { LineClass } from '../line/line.ts';
import type { ReportClass } from '../report/report.ts';

export const STEP_ACTIONS = ['notify', 'leaky', 'strict'] as const;
export type StepAction = (typeof STEP_ACTIONS)[number];
/** Words of a later policy language: known, and refused with «not yet» rather than «unknown». */
export const RESERVED_ACTIONS = ['watch', 'notice', 'bounce', 'review'] as const;

/** Every condition given must hold; one left out holds always. */
export interface Match {
  readonly class?: readonly ReportClass[];
  /** Canonical slugs. */
  readonly family?: readonly string[];
  readonly source?: readonly string[];
  readonly lineClass?: readonly LineClass[];
  /** Distinct observations of this family on this line, the present one included. */
  readonly minReports?: { readonly count: number; readonly withinMs: number };
  /** Earlier cases of the line, any family, opened within the window: infection history drives the ladder. */
  readonly minPriorCases?: { readonly count: number; readonly withinMs: number };
}

/** Steps only ever tighten: notify, then leaky, then strict. Each needs a report of its own. */
export interface LadderStep {
  readonly do: StepAction;
  /** Time the line has had since the step before (the first: since the case opened) before a report may lead here. */
  readonly waitMs: number;
  /** Longest stay. Then the access falls back to the garden step before, or the case expires. */
  readonly maxMs?: number;
  /** Gardens start in support hours only, unless the rule says otherwise; `notify` is free of them. */
  readonly supportHoursOnly: boolean;
}

export interface LegalBasis {
  readonly basis: 'contract' | 'consent' | 'security-of-the-network' | 'legal-obligation';
  readonly termsClause: string;
  readonly note?: string;
}

export interface SelfRelease {
  readonly perDay: number;
  readonly per90Days: number;
  readonly probationMs: number;
}

export interface Rule {
  readonly id: string;
  readonly match: Match;
  /** Never empty. */
  readonly ladder: readonly LadderStep[];
  readonly legalBasis: LegalBasis;
  readonly selfRelease: SelfRelease;
  /** From the moment the garden begins; for a case without a garden, from its opening. */
  readonly expiryMs: number;
}

/** Design's numbers are the upper bounds: a policy may only be more careful. */
export interface BreakerLimits {
  readonly windowMs: number;
  /** Share of all lines, 0.001 = 0.1 %. */
  readonly share: number;
  readonly floor: number;
  readonly ceiling: number;
  readonly perSource: number;
  readonly perGateway: number;
}

/** Minutes of the day, local to `timeZone`; `toMinute` ≤ 1440 and exclusive. */
export interface OpenSpan {
  readonly fromMinute: number;
  readonly toMinute: number;
}

export interface SupportHours {
  /** IANA name; the flow turns now into a LocalTime with it. */
  readonly timeZone: string;
  /** Index 0 = Sunday … 6 = Saturday. */
  readonly days: readonly (readonly OpenSpan[])[];
}

export interface LocalTime {
  /** 0 = Sunday … 6 = Saturday. */
  readonly weekday: number;
  /** 0–1439. */
  readonly minute: number;
}

export interface Policy {
  /** SHA-256 (hex) of the file's bytes. */
  readonly version: string;
  readonly name: string;
  /** In order; the first match decides. */
  readonly rules: readonly Rule[];
  readonly breaker: BreakerLimits;
  /** Absent: always open. */
  readonly supportHours?: SupportHours;
  /** How long two independent sources may lie apart. */
  readonly corroborationMs: number;
  /** How far a subscriber may postpone the next step, once. */
  readonly postponeMs: number;
}

/** What holds whatever a policy says. */
export const LIMITS = {
  reportFreshMs: 72 * HOUR,
  futureToleranceMs: 2000,
  graceMs: 2 * HOUR,
  tighteningsPerDay: 2,
  medicalDoorMs: 30 * DAY,
  selfReleaseQuietMs: 10 * MINUTE,
  /** Counters read longer ago than this say nothing about now. */
  countersFreshMs: MINUTE,
  /** A line that is seen all the time is on record once in this; the newest sighting is in the counters. */
  stillSeenEveryMs: HOUR,
  /** Probation does not end sooner than this after the last sighting: a patient script gains nothing. */
  probationQuietMs: 24 * HOUR,
  portalUnseenMs: 24 * HOUR,
  expiryMs: 30 * DAY,
} as const;

export const DEFAULT_BREAKER: BreakerLimits = {
  windowMs: 10 * MINUTE,
  share: 0.001,
  floor: 3,
  ceiling: 50,
  perSource: 20,
  perGateway: 5,
};

export function ruleOf(policy: Policy, id: string): Rule | undefined {
  return policy.rules.find((rule) => rule.id === id);
}

/** As kept in cases and in the audit log. */
export function formatLegalBasis(legal: LegalBasis): string {
  return `${legal.basis}: ${legal.termsClause}`;
}

export function isSupportOpen(hours: SupportHours | undefined, local: LocalTime): boolean {
  if (hours === undefined) return true;
  const spans = hours.days[local.weekday] ?? [];
  return spans.some((span) => local.minute >= span.fromMinute && local.minute < span.toMinute);
}
