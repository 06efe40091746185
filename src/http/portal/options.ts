// What the wiring hands to the portal. No environment, no files of the operator, no clock of its own.

import type { Instant } from '../../core/kernel/time.ts';
import type { HouseholdOf } from '../../core/net/household.ts';
import type { JourneyDesk } from '../../flow/journey.ts';
import type { Log } from '../../flow/ports.ts';
import type { Guides } from './guides.ts';

export interface Operator {
  /** Shown as the logo, as text. */
  readonly name: string;
  /** As printed on the bill: the number people can check us with. */
  readonly phone: string;
  /** The way to write instead of calling: https or mailto, nothing else. */
  readonly contactUrl: string;
  /** IANA zone of the readers, e.g. `Asia/Tokyo`. */
  readonly timeZone: string;
  /** Free of words, so that it fits every language, e.g. `9:00–18:00`. */
  readonly supportHours: string;
}

export interface PortalOptions {
  readonly desk: JourneyDesk;
  readonly operator: Operator;
  /** The first is canonical: every other Host is sent there. Scheme, host and port if not the usual one. */
  readonly portalOrigins: readonly [string, ...string[]];
  /** 32 bytes or more, the same after a restart: form tokens and outside links die when it changes. */
  readonly tokenKey: Buffer;
  now(): Instant;
  /** For error references; never for secrets. */
  randomId(): string;
  /** Keys for the limits of those who have no case here. */
  readonly householdOf: HouseholdOf;
  readonly log: Log;
  readonly languages: readonly string[];
  readonly defaultLanguage: string;
  /** Ours from deploy/guides when absent. */
  readonly guides?: Guides;
  /** Least time between a form being served and its answer (W06). */
  readonly readingMs?: { readonly step: number; readonly consent: number };
}

export const READING_MS = { step: 1500, consent: 6000 };
