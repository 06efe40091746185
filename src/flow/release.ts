// Step 7: consent first, on record, then the act, then the proof. Staff releases are never refused while a case is open.
import type { Case } from '../core/casefile/case.ts';
import type { CaseCommand, CaseRefusal } from '../core/casefile/command.ts';
import { isGarden } from '../core/casefile/evolve.ts';
import { probationOf } from '../core/consent/self-release.ts';
import { err, ok, type Result } from '../core/kernel/result.ts';
import type { Casebook, Extra, Ordered } from './casebook.ts';
import type { Gardener } from './gardener.ts';
import type { LineStanding } from './line-standing.ts';

export interface ReleaseParts {
  readonly casebook: Casebook;
  readonly gardener: Pick<Gardener, 'refresh'>;
}

export interface ConsentRecord {
  readonly pageHash: string;
  readonly textVersion: string;
  readonly language: string;
  readonly declared: readonly string[];
  readonly requestId: string;
}

export type ReleaseError = CaseRefusal | 'token-used' | 'busy';

/** Covers every garden case of the line in one commit with the consent, its page and its form token. */
export async function selfRelease(
  parts: ReleaseParts,
  standing: LineStanding,
  consent: ConsentRecord,
  extra: Extra,
): Promise<Result<void, ReleaseError>> {
  const covered = standing.shown.filter((one) => isGarden(one.access) && one.probationEndsAt === undefined);
  const first = covered[0];
  if (first === undefined) return err('not-in-garden');
  if (!standing.selfRelease.allowed) {
    const { reason } = standing.selfRelease;
    await parts.casebook.order(
      first.id,
      () => [{ kind: 'refuse', actor: { kind: 'subscriber' }, reason }],
      () => extra,
    );
    return err(reason);
  }
  const command = (): CaseCommand => ({
    kind: 'consentAndRelease',
    actor: { kind: 'subscriber' },
    ...consent,
    checked: standing.selfRelease,
    selfRelease: { probationMs: probationOf(standing.limits) },
  });
  return orderAll(parts, covered, command, extra);
}

/** «A medical, alarm or care device here needs the internet»: leaky at once, and a person looks at it. */
export async function openMedicalDoor(
  parts: ReleaseParts,
  standing: LineStanding,
  extra: Extra,
): Promise<Result<void, ReleaseError>> {
  const covered = standing.shown.filter((one) => one.access === 'strict');
  if (covered.length === 0) return err('not-in-garden');
  const usedAt = standing.medicalDoorUsedAt;
  const command = (): CaseCommand => ({
    kind: 'medicalDoor',
    actor: { kind: 'subscriber' },
    ...(usedAt === undefined ? {} : { usedAt }),
  });
  return orderAll(parts, covered, command, extra);
}

/** Several cases, one commit; nothing of it when one of them moved meanwhile. */
async function orderAll(
  parts: ReleaseParts,
  cases: readonly Case[],
  command: (state: Case) => CaseCommand,
  extra: Extra,
): Promise<Result<void, ReleaseError>> {
  const ordered: Ordered[] = [];
  for (const state of cases) {
    const decided = parts.casebook.decide(state, [command(state)]);
    if (!decided.ok) return decided;
    ordered.push(decided.value);
  }
  const answer = await parts.casebook.commit(ordered, extra);
  if (!answer.ok) return err(answer.error === 'token-used' ? 'token-used' : 'case-changed');
  await parts.gardener.refresh(cases[0]!.lineId, { urgent: true });
  return ok(undefined);
}
