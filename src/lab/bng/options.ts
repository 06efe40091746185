// How a simulated BNG is configured: by a test in this process, or as JSON over the standard input of main.ts.
import type { Server } from './caller.ts';
import type { Filters } from './filters.ts';
import type { PersonalityChoice } from './personality.ts';
import type { BngHome, BngSession } from './sessions.ts';
import type { VocabularyName } from './vocabularies.ts';

/** What the box does to packets. Each resolves when it is in force. */
export interface DataPlane {
  apply(session: BngSession): Promise<void>;
  remove(session: BngSession): Promise<void>;
  clear(): Promise<void>;
}

export interface BngOptions {
  /** Its NAS-Identifier. */
  readonly name: string;
  readonly address: string;
  /** Default: any free one. */
  readonly port?: number;
  readonly personality: PersonalityChoice;
  readonly dialect: VocabularyName;
  /** Addresses and prefixes that may send requests. Default: loopback. */
  readonly clients?: readonly string[];
  readonly secrets: readonly string[];
  /** What is configured on the box. Default: the sample of the dialect. */
  readonly filters?: Filters;
  /** The filter or service of a session that AAA says nothing about. Default: the first that is open. */
  readonly plan?: string;
  /** Absent: every home that dials in is let in. */
  readonly aaa?: Server & LoginHabits;
  readonly accounting?: Server & AccountingHabits;
  readonly homes: readonly BngHome[];
  /** Homes whose session was cut dial in again by themselves. Default true. */
  readonly homesRedial?: boolean;
  /** Of the chance by which a lossy one drops packets. */
  readonly seed?: number;
  /** How far its clock is ahead of this machine's, as the lab's may be. Default 0. */
  readonly aheadMs?: number;
  readonly dataPlane?: DataPlane;
}

export interface LoginHabits {
  /** Default false. */
  readonly requireMessageAuthenticator?: boolean;
  /** How long each transmission waits for an answer before the next. Default 1, 2 and 3 s. */
  readonly waitsMs?: readonly number[];
}

export interface AccountingHabits {
  /** Absent: an Interim only when asked for. */
  readonly interimMs?: number;
  /** Are the filters or services in force part of a record? Default true. */
  readonly reportsFilter?: boolean;
  readonly interimAfterCoa?: boolean;
  /** Default 1 s. */
  readonly retryMs?: number;
  /** Default true. */
  readonly eventTimestamp?: boolean;
}
