// The orders a case takes. Types only; decide.ts answers each with events or a refusal.
import type { Instant } from '../kernel/time.ts';
import type { SelfRelease } from '../policy/policy.ts';
import type { ReportClass } from '../report/report.ts';
import type { Actor, CloseReason, HoldReason, ReleaseRefusal } from './case.ts';

export type CaseRefusal =
  | ReleaseRefusal
  | 'already-open'
  | 'no-case'
  | 'case-closed'
  | 'not-tighter'
  | 'no-newer-report'
  | 'already-postponed'
  | 'not-available'
  | 'not-due';

interface By {
  readonly actor: Actor;
}

interface Step {
  readonly step: number;
  readonly ruleId: string;
  readonly policyVersion: string;
  readonly stepEndsAt?: Instant;
}

export type CaseCommand =
  | (By & {
      readonly kind: 'openCase';
      readonly caseId: string;
      readonly lineId: string;
      readonly epoch: number;
      readonly family: string;
      readonly checkCode: string;
      readonly policyVersion: string;
      readonly ruleId: string;
      readonly legalBasis: string;
      readonly expiresAt: Instant;
    })
  | (By & {
      readonly kind: 'attachReport';
      readonly reportId: string;
      readonly source: string;
      readonly class: ReportClass;
      readonly observedAt: Instant;
      readonly destinationPort?: number;
    })
  /** Enter a `notify` step. */
  | (By & Step & { readonly kind: 'advance' })
  /** Enter a garden step. Refused without a report newer than the last release and its grace. */
  | (By &
      Step & {
        readonly kind: 'quarantine';
        readonly access: 'leaky' | 'strict';
        readonly legalBasis: string;
        readonly expiresAt: Instant;
      })
  | (By & {
      readonly kind: 'hold';
      readonly reason: HoldReason;
      readonly wantedAccess: 'notice' | 'leaky' | 'strict';
    })
  | (By & {
      readonly kind: 'tick';
      readonly step: string;
      readonly answer: 'done' | 'cannot' | 'unknown';
      readonly with: 'self' | 'support';
    })
  | (By & { readonly kind: 'chooseDevice'; readonly device: string })
  | (By & { readonly kind: 'answer'; readonly question: string; readonly answer: string })
  /** Consent and release in one unit. `checked` is the line-wide answer of consent/self-release.ts. */
  | (By & {
      readonly kind: 'consentAndRelease';
      readonly pageHash: string;
      readonly textVersion: string;
      readonly language: string;
      readonly declared: readonly string[];
      readonly requestId: string;
      readonly checked: SelfReleaseStanding;
      readonly selfRelease: Pick<SelfRelease, 'probationMs'>;
    })
  | (By & { readonly kind: 'refuse'; readonly reason: ReleaseRefusal })
  /** `usedAt`: the last time over all cases of the line. */
  | (By & { readonly kind: 'medicalDoor'; readonly usedAt?: Instant })
  | (By & { readonly kind: 'postpone'; readonly until: Instant; readonly postponeMs: number })
  /** Never refused while a case exists; a closed case answers with no events. `leaky` starts a probation. */
  | (By & {
      readonly kind: 'staffRelease';
      readonly reason: string;
      readonly to?: 'open' | 'leaky';
      readonly probationMs?: number;
    })
  | (By & { readonly kind: 'expire' })
  /** The step's maximum is over: loosens to `to`, or the case expires. */
  | (By & { readonly kind: 'endStep'; readonly to: 'leaky' | 'open' })
  | (By & { readonly kind: 'close'; readonly reason: CloseReason })
  | (By & { readonly kind: 'endProbation' })
  | (By & { readonly kind: 'note'; readonly text: string })
  | (By & { readonly kind: 'messageSent'; readonly channel: string; readonly outcome: 'sent' | 'failed' })
  | (By & { readonly kind: 'portalSeen' })
  | (By & { readonly kind: 'portalUnseen' })
  | (By & { readonly kind: 'stillSeen'; readonly seenAt: Instant; readonly from: 'deny-counter' | 'report' })
  | (By & { readonly kind: 'dispute' });

export type SelfReleaseStanding =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly reason: ReleaseRefusal; readonly nextAt?: Instant };
