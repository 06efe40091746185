// The words of a case: one line + one threat family, from first report to close. Types only; decide.ts and evolve.ts act on them.
import type { Access } from '../garden/access.ts';
import type { Instant } from '../kernel/time.ts';
import type { ReportClass } from '../report/report.ts';

export type CaseState = 'watching' | 'noticed' | 'held' | 'quarantined' | 'on-probation' | 'closed';
export type CloseReason = 'not-seen' | 'clean' | 'expired' | 'staff' | 'wrong-line' | 'protected' | 'contract-ended';
export type HoldReason =
  | 'breaker'
  | 'support-hours'
  | 'clock'
  | 'hold'
  | 'report-too-old'
  | 'tightenings-today'
  | 'other';
/** Whose turn it is next: part of every state, never guessed from it. */
export type Turn = 'subscriber' | 'engineer' | 'support' | 'timer' | 'nobody';

/** Who did it. `subscriber` means "a device on this line", never a named person. */
export type Actor =
  | { readonly kind: 'subscriber' }
  | { readonly kind: 'staff'; readonly name: string }
  | { readonly kind: 'policy' }
  | { readonly kind: 'timer' }
  | { readonly kind: 'reconcile' };

export type CaseEvent =
  | {
      readonly type: 'case-opened';
      readonly caseId: string;
      readonly lineId: string;
      readonly epoch: number;
      readonly family: string;
      readonly checkCode: string;
      readonly policyVersion: string;
      readonly ruleId: string;
      readonly legalBasis: string;
      /** When the case closes by itself if nothing else happens (every case has an end). */
      readonly expiresAt: Instant;
    }
  | {
      readonly type: 'report-attached';
      readonly reportId: string;
      readonly source: string;
      readonly class: ReportClass;
      readonly observedAt: Instant;
      readonly destinationPort?: number;
    }
  | {
      readonly type: 'step-entered';
      readonly step: number;
      readonly ruleId: string;
      readonly policyVersion: string;
      /** The step's own maximum: then the ladder loosens. */
      readonly endsAt?: Instant;
    }
  | { readonly type: 'noticed' }
  | { readonly type: 'held'; readonly reason: HoldReason; readonly wantedAccess: Access }
  | {
      readonly type: 'quarantined';
      readonly access: 'leaky' | 'strict';
      readonly ruleId: string;
      readonly policyVersion: string;
      readonly legalBasis: string;
      readonly expiresAt: Instant;
    }
  | { readonly type: 'access-loosened'; readonly access: Access; readonly reason: 'medical-door' | 'staff' | 'ladder' }
  | { readonly type: 'postponed'; readonly until: Instant; readonly by: Actor }
  | { readonly type: 'disputed'; readonly by: Actor }
  | { readonly type: 'device-chosen'; readonly device: string }
  | {
      readonly type: 'step-ticked';
      readonly step: string;
      readonly answer: 'done' | 'cannot' | 'unknown';
      readonly with: 'self' | 'support';
    }
  | { readonly type: 'question-answered'; readonly question: string; readonly answer: string }
  | {
      readonly type: 'consent-given';
      /** SHA-256 (hex) of the very page shown; the page itself is kept. */
      readonly pageHash: string;
      readonly textVersion: string;
      readonly language: string;
      readonly declared: readonly string[];
      readonly requestId: string;
    }
  | { readonly type: 'release-refused'; readonly reason: ReleaseRefusal }
  | {
      readonly type: 'released';
      readonly by: Actor;
      readonly reason: string;
      readonly probationEndsAt: Instant;
      readonly access: Access;
    }
  | { readonly type: 'closed'; readonly reason: CloseReason; readonly by: Actor }
  | { readonly type: 'message-sent'; readonly channel: string; readonly outcome: 'sent' | 'failed' }
  | { readonly type: 'portal-seen' }
  | { readonly type: 'portal-unseen'; readonly afterMs: number }
  | { readonly type: 'still-seen'; readonly seenAt: Instant; readonly from: 'deny-counter' | 'report' }
  | { readonly type: 'note-added'; readonly by: Actor; readonly text: string };

export type ReleaseRefusal =
  | 'still-seen'
  /** The counters were not read just now: nobody knows whether it goes on. */
  | 'cannot-see'
  | 'limit-per-day'
  | 'limit-per-90-days'
  | 'steps-missing'
  | 'not-in-garden'
  | 'medical-door-used'
  | 'case-changed';

export interface RecordedEvent {
  readonly caseId: string;
  /** 1-based position in the case. */
  readonly version: number;
  readonly at: Instant;
  readonly actor: Actor;
  readonly event: CaseEvent;
}

/** The fold of a case's events: everything a page, a rule or a search needs. */
export interface Case {
  readonly id: string;
  readonly version: number;
  readonly lineId: string;
  readonly epoch: number;
  readonly family: string;
  readonly checkCode: string;
  readonly state: CaseState;
  readonly turn: Turn;
  /** What this case alone wants for the line. */
  readonly access: Access;
  readonly policyVersion: string;
  readonly ruleId: string;
  readonly legalBasis: string;
  /** Index into the rule's ladder; -1 before the first step is entered (watching, or held on the way to it). */
  readonly step: number;
  /** When the step was entered; the opening for step -1. */
  readonly stepEnteredAt: Instant;
  readonly stepEndsAt?: Instant;
  readonly openedAt: Instant;
  readonly quarantinedAt?: Instant;
  readonly expiresAt?: Instant;
  readonly releasedAt?: Instant;
  readonly probationEndsAt?: Instant;
  readonly closedAt?: Instant;
  readonly closeReason?: CloseReason;
  readonly hold?: { readonly reason: HoldReason; readonly wantedAccess: Access; readonly since: Instant };
  readonly postponedUntil?: Instant;
  readonly disputed: boolean;
  readonly reports: number;
  readonly sources: readonly string[];
  readonly classes: readonly ReportClass[];
  readonly firstObservedAt: Instant;
  readonly lastObservedAt: Instant;
  readonly lastDestinationPort?: number;
  readonly lastSource: string;
  readonly device?: string;
  readonly ticks: readonly {
    readonly step: string;
    readonly answer: 'done' | 'cannot' | 'unknown';
    readonly with: 'self' | 'support';
    readonly at: Instant;
  }[];
  readonly answers: Readonly<Record<string, string>>;
  readonly medicalDoorAt?: Instant;
  readonly portalSeenAt?: Instant;
  readonly portalUnseenAt?: Instant;
  /** Last `still-seen`, from deny counters or a report. */
  readonly stillSeenAt?: Instant;
  /** When this case's access was tightened; C13 counts them over the line's cases. */
  readonly tightenedAt: readonly Instant[];
  /** Releases ordered by a device on this line; the self-release limits count them over the line's cases. */
  readonly selfReleasedAt: readonly Instant[];
  readonly consentAt?: Instant;
  readonly notes: number;
}
