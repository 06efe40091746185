// Everything about one line that pages, commands and rules ask for at once: its open cases, its proof, its limits.
import type { Case } from '../core/casefile/case.ts';
import type { SelfReleaseStanding } from '../core/casefile/command.ts';
import { isGarden } from '../core/casefile/evolve.ts';
import { medicalDoorOf, wantedOf } from '../core/casefile/line-view.ts';
import { selfReleaseStanding } from '../core/consent/self-release.ts';
import type { Access } from '../core/garden/access.ts';
import { DAY, type Instant } from '../core/kernel/time.ts';
import type { Line } from '../core/line/line.ts';
import { LIMITS, ruleOf, type SelfRelease } from '../core/policy/policy.ts';
import type { FamilyBook } from '../core/report/family.ts';
import { type Sighting, sightingOf } from '../core/verdict/sighting.ts';
import type { Policies } from './decide.ts';
import type { Gardener } from './gardener.ts';
import type { LineProof } from './line-proof.ts';
import type { Bindings, Clock, Store } from './ports.ts';
import type { Verifier } from './verify.ts';

/** Steps of a guide that must have an answer before a release, and those of which one must be done. */
export type RequiredSteps = (journey: {
  readonly guide: string;
  readonly survivesRestart: boolean;
  readonly device?: string;
  readonly ticks: Case['ticks'];
}) => { readonly required: readonly string[]; readonly cures: readonly string[] };

export interface StandingParts {
  readonly store: Pick<Store, 'casesOfLine'>;
  readonly bindings: Pick<Bindings, 'openOf'>;
  readonly gardener: Pick<Gardener, 'proof'>;
  readonly verifier: Pick<Verifier, 'lastRiseAt' | 'lastReadAt' | 'watchedSince'>;
  readonly policies: Policies;
  readonly families: FamilyBook;
  readonly clock: Pick<Clock, 'now'>;
  readonly requiredSteps: RequiredSteps;
}

export interface LineStanding {
  readonly line: Line;
  /** Closed ones too, newest first. */
  readonly cases: readonly Case[];
  /** Open cases the household has been told about, or that restrict it; oldest first. */
  readonly shown: readonly Case[];
  readonly wanted: Access;
  readonly proof: LineProof;
  readonly guide: string;
  readonly survivesRestart: boolean;
  readonly selfRelease: SelfReleaseStanding;
  readonly limits: readonly SelfRelease[];
  /** Last rise of its deny counters that was seen since we look. */
  readonly deniedAt: Instant | undefined;
  readonly medicalDoorUsedAt: Instant | undefined;
  readonly medicalDoorAvailable: boolean;
  readonly sighting: Sighting | undefined;
}

/** Used when the policy a case was opened under is not on the shelf any more: the most careful numbers. */
const CAREFUL: SelfRelease = { perDay: 1, per90Days: 2, probationMs: 3 * DAY };

export async function standingOf(parts: StandingParts, line: Line): Promise<LineStanding> {
  const now = parts.clock.now();
  const cases = await parts.store.casesOfLine(line.id, line.epoch);
  const open = cases.filter((one) => one.state !== 'closed');
  const shown = open
    .filter((one) => one.state !== 'watching' && one.state !== 'held')
    .sort((a, b) => a.openedAt - b.openedAt);
  const free = line.protected || line.contract === 'ended';
  const wanted = free ? 'open' : wantedOf(open);
  const bindings = await parts.bindings.openOf(line.accessKey);
  const families = shown.map((one) => parts.families.families.get(one.family)).filter((one) => one !== undefined);
  // The most persistent family's guide: «restart it» must never be the advice for malware that survives that.
  const leading = families.find((one) => one.survivesRestart) ?? families[0];
  const guide = leading?.guide ?? parts.families.families.get('unknown')!.guide;
  const survivesRestart = families.some((one) => one.survivesRestart);
  const device = shown.find((one) => one.device !== undefined)?.device;
  const steps = parts.requiredSteps({
    guide,
    survivesRestart,
    ...(device === undefined ? {} : { device }),
    ticks: shown.flatMap((one) => one.ticks),
  });
  const limits = shown.map((one) => limitsOf(parts.policies, one));
  const deniedAt = parts.verifier.lastRiseAt(line.id);
  const readAt = parts.verifier.lastReadAt();
  const watchedSince = parts.verifier.watchedSince();
  const medicalDoorUsedAt = medicalDoorOf(cases);
  return {
    line,
    cases,
    shown,
    wanted,
    proof: parts.gardener.proof(line.id, wanted, bindings),
    guide,
    survivesRestart,
    limits,
    selfRelease: selfReleaseStanding({
      cases,
      limits: limits.length > 0 ? limits : [CAREFUL],
      requiredSteps: steps.required,
      cureSteps: steps.cures,
      ...(deniedAt === undefined ? {} : { deniedAt }),
      ...(readAt === undefined ? {} : { countersReadAt: readAt }),
      ...(watchedSince === undefined ? {} : { watchedSince }),
      now,
    }),
    deniedAt,
    medicalDoorUsedAt,
    medicalDoorAvailable:
      wanted === 'strict' && (medicalDoorUsedAt === undefined || now - medicalDoorUsedAt >= LIMITS.medicalDoorMs),
    sighting: sightingOf({
      ...lastReport(shown),
      ...(deniedAt === undefined ? {} : { lastDenyAt: deniedAt }),
      ...(readAt === undefined || !isGarden(wanted) ? {} : { countersReadAt: readAt }),
      now,
    }),
  };
}

function lastReport(cases: readonly Case[]): { readonly lastReportAt?: Instant } {
  return cases.length === 0
    ? {}
    : { lastReportAt: Math.max(...cases.map((one) => Math.max(one.lastObservedAt, one.stillSeenAt ?? 0))) };
}

function limitsOf(policies: Policies, state: Case): SelfRelease {
  const policy = policies.byVersion(state.policyVersion);
  return (policy === undefined ? undefined : ruleOf(policy, state.ruleId))?.selfRelease ?? CAREFUL;
}
