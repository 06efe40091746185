// Cases for the command line: list, show, why, release, dispute, note. Reads and orders; the rules are core's.
import type { Case, RecordedEvent } from '../../core/casefile/case.ts';
import { showCheckCode } from '../../core/casefile/check-code.ts';
import { formatInstant } from '../../core/kernel/civil.ts';
import { HOUR } from '../../core/kernel/time.ts';
import { formatIp } from '../../core/net/ip.ts';
import { ruleOf } from '../../core/policy/policy.ts';
import type { Report } from '../../core/report/report.ts';
import type { Flow } from '../../flow/assemble.ts';
import { findCases } from '../../flow/case-finder.ts';
import { evidenceRow } from '../../flow/evidence-row.ts';
import { standingOf } from '../../flow/line-standing.ts';
import type { Operations } from '../../flow/operations.ts';
import type { Json } from '../../flow/ports.ts';
import { rollBackWrongLine } from '../../flow/wrong-line.ts';
import { plainText } from '../../telemetry/plain.ts';
import { oneOf, optionalText, text } from './input.ts';
import { notDone } from './refusal.ts';

const LIST_LIMIT = 200;
const ROWS_SHOWN = 5;
const PROBATION_MS = 72 * HOUR;
const STATES = ['watching', 'noticed', 'held', 'quarantined', 'on-probation', 'closed'] as const;
const TURNS = ['subscriber', 'engineer', 'support', 'timer', 'nobody'] as const;

/** With the service down nothing knows what is in the gateway but the record of what was ever put there. */
export type FreeOffline = (lineId: string) => Promise<void>;

export function caseOperations(flow: Flow, freeOffline?: FreeOffline): Operations {
  return {
    'case.list': async (input) => {
      const state = input['state'] === undefined ? undefined : oneOf(input, 'state', STATES);
      const turn = input['turn'] === undefined ? undefined : oneOf(input, 'turn', TURNS);
      const cases = await flow.store.cases({
        ...(state === undefined ? { open: true } : { state }),
        ...(turn === undefined ? {} : { turn }),
        newestFirst: true,
        limit: LIST_LIMIT,
      });
      return { cases: cases.map(caseView), more: cases.length === LIST_LIMIT };
    },
    'case.show': async (input) => {
      const state = await theCase(flow, text(input, 'find'));
      const line = await flow.store.line(state.lineId);
      const standing = line === undefined ? undefined : await standingOf(flow, line);
      const events = await flow.store.caseEvents(state.id);
      return {
        case: caseView(state),
        line:
          line === undefined
            ? null
            : { id: line.id, class: line.class, protected: line.protected, customerNo: line.customerNo },
        proof: standing === undefined ? null : (standing.proof as unknown as Json),
        selfRelease: standing === undefined ? null : ({ ...standing.selfRelease } as Json),
        events: events.map(eventView),
      };
    },
    'case.why': async (input) => {
      const state = await theCase(flow, text(input, 'find'));
      const reports = await flow.store.reportsOfCase(state.id, 20);
      const policy = flow.policies.byVersion(state.policyVersion);
      const rows = await Promise.all(reports.slice(0, ROWS_SHOWN).map(({ report }) => rowOf(flow, report)));
      return {
        case: caseView(state),
        policy: {
          version: state.policyVersion,
          name: policy?.name ?? 'not on the shelf any more',
          rule: state.ruleId,
          legalBasis: state.legalBasis,
        },
        reports: reports.map(({ report, outcome }, i) => ({
          id: report.id,
          source: report.source,
          type: report.type,
          class: report.class,
          address: formatIp(report.ip),
          port: report.port ?? null,
          observedAt: formatInstant(report.observedAt),
          evidence: { hash: report.evidence.hash, line: report.evidence.line, row: rows[i] ?? null },
          attribution: outcome?.attribution ?? 'pending',
          attributionReason: outcome?.attributionReason ?? '',
          decision: outcome?.decision ?? 'pending',
          reason: outcome?.reason ?? '',
          proof: outcome?.evidence ?? null,
        })),
      };
    },
    'case.release': async (input, { by }) => {
      const state = await theCase(flow, text(input, 'find'));
      const reason = text(input, 'reason');
      const to = input['to'] === undefined ? 'open' : oneOf(input, 'to', ['open', 'leaky']);
      if (state.state === 'closed')
        throw notDone('case-closed', `case ${state.id} is closed (${state.closeReason}); nothing to release`);
      const actor = { kind: 'staff', name: by } as const;
      const probationMs = probationOf(flow, state);
      const answer = await flow.casebook.order(state.id, () => [
        { kind: 'staffRelease', actor, reason, to, probationMs },
      ]);
      if (!answer.ok) throw notDone(answer.error, `the case refused the release: ${answer.error}`);
      await flow.gardener.refresh(state.lineId, { urgent: true });
      if (to === 'open') await freeOffline?.(state.lineId);
      const line = await flow.store.line(state.lineId);
      const standing = line === undefined ? undefined : await standingOf(flow, line);
      return {
        case: caseView(answer.value.after),
        proof: standing === undefined ? null : (standing.proof as unknown as Json),
      };
    },
    'case.wrong-line': async (input, { by }) => {
      const state = await theCase(flow, text(input, 'find'));
      const line = await flow.store.line(state.lineId);
      const words = flow.renderMessage('apology', line?.language ?? flow.defaultLanguage, state.checkCode);
      const apology = optionalText(input, 'apology', { max: 4000 }) ?? `${words.subject}\n\n${words.text}`;
      const answer = await rollBackWrongLine(flow, state, { by, reason: text(input, 'reason'), apology });
      if (!answer.ok) throw notDone(answer.error, `the case refused it: ${answer.error}`);
      await freeOffline?.(state.lineId);
      const standing = line === undefined ? undefined : await standingOf(flow, line);
      return {
        case: caseView(answer.value.case),
        proof: standing === undefined ? null : (standing.proof as unknown as Json),
        apology: { hash: answer.value.apology, text: apology },
        on: { ...answer.value.on },
        others: answer.value.others.map((one) => ({ ...one })),
        more: answer.value.more,
      };
    },
    'case.dispute': async (input, { by }) => {
      const state = await theCase(flow, text(input, 'find'));
      const reason = text(input, 'reason', { max: 2000 });
      if (state.disputed) throw notDone('already-disputed', `case ${state.id} is disputed already`);
      const actor = { kind: 'staff', name: by } as const;
      const answer = await flow.casebook.order(state.id, () => [
        { kind: 'note', actor, text: reason },
        { kind: 'dispute', actor },
      ]);
      if (!answer.ok) throw notDone(answer.error, `the case refused it: ${answer.error}`);
      return { case: caseView(answer.value.after) };
    },
    'case.note': async (input, { by }) => {
      const state = await theCase(flow, text(input, 'find'));
      const note = text(input, 'text', { max: 2000 });
      const answer = await flow.casebook.order(state.id, () => [
        { kind: 'note', actor: { kind: 'staff', name: by }, text: note },
      ]);
      if (!answer.ok) throw notDone(answer.error, `the case refused the note: ${answer.error}`);
      return { case: caseView(answer.value.after) };
    },
  };
}

/** As long as the case's own rule says; its policy may be gone from the shelf. */
function probationOf(flow: Flow, state: Case): number {
  const policy = flow.policies.byVersion(state.policyVersion);
  const rule = policy === undefined ? undefined : ruleOf(policy, state.ruleId);
  return rule?.selfRelease.probationMs ?? PROBATION_MS;
}

/** Feeds are written by others: what they wrote is shown without what a terminal would obey. */
async function rowOf(flow: Flow, report: Report): Promise<string | null> {
  const row = await evidenceRow(flow.evidence, report.evidence).catch(() => undefined);
  return row === undefined ? null : plainText(row);
}

/** One case, or a refusal that says how many were found and how to name one. Open cases win over closed ones. */
async function theCase(flow: Flow, words: string): Promise<Case> {
  const found = await findCases(flow, words);
  const open = found.cases.filter((one) => one.state !== 'closed');
  const candidates = open.length > 0 ? open : found.cases;
  if (candidates.length === 1) return candidates[0]!;
  if (candidates.length === 0) {
    const lines =
      found.lines.length === 0 ? 'no line either' : `line ${found.lines.map((line) => line.id).join(', ')} has no case`;
    throw notDone(
      'case-not-found',
      `no case found for «${words}» (${lines}). Try a check code, line, customer number, phone, or ADDRESS@TIME.`,
    );
  }
  const newest = [...candidates].sort((a, b) => b.openedAt - a.openedAt);
  if (open.length === 0) return newest[0]!;
  const list = newest.slice(0, 5).map((one) => `${one.id} (${one.family}, ${one.state})`);
  throw notDone(
    'case-ambiguous',
    `${candidates.length} open cases fit (found by ${found.by}): ${list.join('; ')}. Name one by its id.`,
  );
}

export function caseView(state: Case): Record<string, Json> {
  const at = (instant: number | undefined) => (instant === undefined ? null : formatInstant(instant));
  return {
    id: state.id,
    line: state.lineId,
    family: state.family,
    state: state.state,
    access: state.access,
    turn: state.turn,
    checkCode: showCheckCode(state.checkCode),
    openedAt: at(state.openedAt),
    lastObservedAt: at(state.lastObservedAt),
    quarantinedAt: at(state.quarantinedAt),
    releasedAt: at(state.releasedAt),
    probationEndsAt: at(state.probationEndsAt),
    expiresAt: at(state.expiresAt),
    closedAt: at(state.closedAt),
    closeReason: state.closeReason ?? null,
    disputed: state.disputed,
    hold: state.hold === undefined ? null : { reason: state.hold.reason, wantedAccess: state.hold.wantedAccess },
    reports: state.reports,
    sources: [...state.sources],
    policyVersion: state.policyVersion,
    rule: state.ruleId,
  };
}

function eventView(recorded: RecordedEvent): Json {
  const { type, ...rest } = recorded.event;
  const actor = recorded.actor.kind === 'staff' ? `staff ${recorded.actor.name}` : recorded.actor.kind;
  return { version: recorded.version, at: formatInstant(recorded.at), actor, type, detail: rest as unknown as Json };
}
