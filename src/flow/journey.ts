// What the portal may know and do, for one line. The portal never sees the store: it sees a Journey and gives orders.

import type { ReleaseRefusal } from '../core/casefile/case.ts';
import type { Access } from '../core/garden/access.ts';
import type { Instant } from '../core/kernel/time.ts';

/** Everything the pages of one line show. One journey per line, however many cases are open. */
export interface Journey {
  /** Opaque, stable for this line: key for tokens and limits. Never shown, never in a URL. */
  readonly lineRef: string;
  /** The oldest open case's code; shown as 4+4 characters. */
  readonly checkCode: string;
  /** Changes with every recorded event: a form made from an older one is refused as `case-changed`. */
  readonly version: string;
  readonly phase: 'noticed' | 'quarantined' | 'on-probation' | 'free';
  readonly wanted: Access;
  /** What the gateway proves now; pages never say more than this. */
  readonly confirmed: Access | 'unknown';
  /** A known address family of this line is not covered. */
  readonly partial: boolean;
  /** Only an open door was seen, no attack from it: the page must not say otherwise. */
  readonly exposedOnly?: boolean;
  readonly startedAt: Instant;
  readonly lastSeenAt: Instant;
  /** Verify's word, never «clean»: still seen at T, or not seen since T. */
  readonly sighting: { readonly kind: 'still-seen' | 'not-seen-since' | 'unknown'; readonly at: Instant };
  readonly expiresAt?: Instant;
  readonly probationEndsAt?: Instant;
  /** Guides of the open families, strictest advice first, e.g. `restart`, `reset`, `nas`. */
  readonly guide: string;
  readonly survivesRestart: boolean;
  readonly device?: string;
  readonly ticks: readonly {
    readonly step: string;
    readonly answer: 'done' | 'cannot' | 'unknown';
    readonly with: 'self' | 'support';
  }[];
  readonly answers: Readonly<Record<string, string>>;
  readonly selfRelease:
    | { readonly allowed: true }
    | { readonly allowed: false; readonly reason: ReleaseRefusal; readonly nextAt?: Instant };
  /** «I need until Saturday»: the steps wait until then; the access stays as it is. */
  readonly postponedUntil?: Instant;
  readonly medicalDoor: { readonly available: boolean; readonly usedAt?: Instant };
  readonly customerNoLast3?: string;
  readonly expert: readonly {
    readonly family: string;
    readonly lastSeenAt: Instant;
    readonly destinationPort?: number;
    readonly source: string;
  }[];
  /** Line's language if the operator knows it. */
  readonly language?: string;
}

/** What a visitor with a check code from outside the garden may see: nothing personal, never a release. */
export type OutsideJourney = Pick<
  Journey,
  | 'lineRef'
  | 'checkCode'
  | 'version'
  | 'phase'
  | 'sighting'
  | 'guide'
  | 'survivesRestart'
  | 'device'
  | 'ticks'
  | 'startedAt'
  | 'expiresAt'
  | 'probationEndsAt'
>;

export type ActResult =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly reason: ReleaseRefusal | 'token-used' | 'unknown-line' | 'not-available' }
  | { readonly kind: 'failed' };

/** Single-use token of the form that ordered an act. */
export interface FormProof {
  readonly tokenId: string;
  readonly expiresAt: Instant;
  readonly requestId: string;
}

export interface Consent {
  /** The very page shown, form token masked; its SHA-256 goes into the log. */
  readonly html: string;
  readonly textVersion: string;
  readonly language: string;
  /** Keys of the boxes ticked. */
  readonly declared: readonly string[];
}

export interface JourneyDesk {
  /**
   * The line behind this socket peer, by our own gateway element or its binding now. Never by a header. Where lines share an
   * address, the port it comes from decides.
   */
  of(peerAddress: string, peerPort?: number): Promise<Journey | undefined>;
  /** `free`: known line without an open case; `unknown`: nobody we know. */
  standing(peerAddress: string, peerPort?: number): Promise<'in-garden' | 'noticed' | 'free' | 'unknown'>;
  /** Wrong codes count per source: 10 an hour, then a pause. */
  byCode(
    code: string,
    peerAddress: string,
    peerPort?: number,
  ): Promise<
    | { readonly kind: 'found'; readonly journey: OutsideJourney }
    | { readonly kind: 'wrong' }
    | { readonly kind: 'pause'; readonly untilAt: Instant }
  >;
  /** A person (not a probe) saw page one. Idempotent. */
  seen(lineRef: string): Promise<void>;
  chooseDevice(lineRef: string, device: string, proof: FormProof): Promise<ActResult>;
  tick(lineRef: string, step: string, answer: 'done' | 'cannot' | 'unknown', proof: FormProof): Promise<ActResult>;
  answer(lineRef: string, question: string, answer: string, proof: FormProof): Promise<ActResult>;
  /** Consent on record first, then leaky for the probation, proven before the result page is sent. */
  release(lineRef: string, version: string, consent: Consent, proof: FormProof): Promise<ActResult>;
  /** «A medical, alarm or care device here needs the internet»: leaky at once, to a person, once in 30 days. */
  medicalDoor(lineRef: string, proof: FormProof): Promise<ActResult>;
  /** `untilAt`: the time the reader chose (tonight, Saturday); the desk may shorten it. Access does not change. */
  postpone(lineRef: string, proof: FormProof, untilAt?: Instant): Promise<ActResult>;
}
