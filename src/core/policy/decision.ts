// What decide.ts is asked and what it answers. Types only. Every answer carries its reason; the trace says which rules
// were looked at and what each one missed, so that «why this line?» can be answered years later.
import type { Case, HoldReason } from '../casefile/case.ts';
import type { Instant } from '../kernel/time.ts';
import type { Attribution } from '../line/attribution.ts';
import type { Line } from '../line/line.ts';
import type { Report } from '../report/report.ts';
import type { Policy, Rule } from './policy.ts';

export interface DecideInput {
  /** `family` already canonical (family.ts, canonicalFamily). */
  readonly report: Report;
  readonly attribution: Attribution;
  /** The line as it is now; undefined when the id is not known (any more). */
  readonly line: Line | undefined;
  readonly history: {
    /** All cases of (line, epoch), closed ones too. */
    readonly cases: readonly Case[];
    /** Reports decided for (line, epoch) inside the longest window of the policy; the present one may be among them. */
    readonly reports: readonly Report[];
  };
  /** The active policy: decides what opens a case. */
  readonly policy: Policy;
  /** The version the family's open case was opened under; open cases keep it. Undefined only when there is no open case. */
  readonly casePolicy?: Policy;
  readonly now: Instant;
  /** Synchronised (or `assumed`), and no unconfirmed jump. */
  readonly clockOk: boolean;
  /** The engineer's stop. */
  readonly hold: boolean;
  /** Source → who stands behind it, where several sources are one (configuration: `origin`). Absent: each its own. */
  readonly origins?: Readonly<Record<string, string>>;
  /** The source went over its limits: a person looks at what it says until one lets it act again. */
  readonly sourceDemoted?: boolean;
  /** isSupportOpen of the deciding policy (casePolicy when given), at now. */
  readonly supportOpen: boolean;
}

export type IgnoreReason =
  | 'class-never-acts'
  | 'type-never-acts'
  | 'observed-in-future'
  | 'report-too-old'
  | 'no-line'
  | 'not-ours'
  | 'impossible'
  | 'contract-ended'
  | 'before-this-customer'
  | 'grace-after-release'
  | 'no-rule';

/** A person decides; nothing happens by itself. */
export type ReviewReason =
  | 'ambiguous'
  | 'stale'
  | 'line-unknown'
  | 'customer-changed'
  | 'line-protected'
  | 'wholesale-line'
  | 'disputed'
  | 'source-demoted'
  | 'policy-missing';

/** Recorded on the case; no step. */
export type WatchReason =
  | 'needs-second-source'
  /** `exposed` never goes beyond a notice unless the rule names the class. */
  | 'exposed-notice-only'
  | 'below-count'
  | 'step-wait'
  | 'ladder-complete'
  | 'postponed'
  | 'medical-door';

export interface RuleTrace {
  readonly ruleId: string;
  /** The first condition that did not hold; absent on the rule that matched. */
  readonly missed?: string;
}

/** The step a report leads to. `hold` set = decided, but not now: the case goes to `held` and is decided anew later. */
export interface Plan {
  readonly ruleId: string;
  readonly policyVersion: string;
  readonly legalBasis: string;
  readonly step: number;
  readonly access: 'notice' | 'leaky' | 'strict';
  readonly expiresAt: Instant;
  readonly stepEndsAt?: Instant;
  /** The line's garden begins or becomes stricter: ask the breaker first. */
  readonly newGarden: boolean;
  readonly hold?: HoldReason;
}

interface Common {
  readonly trace: readonly RuleTrace[];
  /** The family's open case: the report belongs to it. Absent also where the report must not touch a case. */
  readonly caseId?: string;
}

export type Decision =
  | (Common & { readonly kind: 'ignore'; readonly reason: IgnoreReason })
  | (Common & { readonly kind: 'review'; readonly reason: ReviewReason })
  /** Without caseId: open a case in `watching` with these words. */
  | (Common & {
      readonly kind: 'watch';
      readonly reason: WatchReason;
      readonly ruleId: string;
      readonly policyVersion: string;
      readonly legalBasis: string;
      readonly expiresAt: Instant;
    })
  /** Without caseId: open a case first. */
  | (Common & { readonly kind: 'act'; readonly reason: 'rule-matched' | 'seen-on-probation'; readonly plan: Plan });

/** What decide.ts hands to plan.ts once a rule has matched. */
export interface RuleContext {
  readonly input: DecideInput;
  /** The deciding version: the open case's own, else the active one. */
  readonly policy: Policy;
  readonly rule: Rule;
  readonly open: Case | undefined;
  readonly trace: readonly RuleTrace[];
}
