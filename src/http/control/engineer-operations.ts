// The engineer's orders: status, hold, breaker, release-all, clock, audit export.
import type { Case, HoldReason } from '../../core/casefile/case.ts';
import { formatInstant } from '../../core/kernel/civil.ts';
import { capOf } from '../../core/policy/breaker.ts';
import type { Flow } from '../../flow/assemble.ts';
import type { Operations } from '../../flow/operations.ts';
import type { AuditDraft, Json } from '../../flow/ports.ts';
import { redecide } from '../../flow/redecide.ts';
import {
  EVERY_LINE,
  importJournal,
  type ReleaseFilter,
  type ReleaseTarget,
  releaseAll,
  releaseTargets,
} from '../../flow/release-all.ts';
import { caseView } from './case-operations.ts';
import { flag, optionalCount, optionalText, text } from './input.ts';
import { notDone } from './refusal.ts';

export interface EngineerExtras {
  readonly confirmClock: () => Promise<void>;
  /** Takes garden elements out of every gateway; see flow/release-all.ts. */
  readonly removeElements: Parameters<typeof releaseAll>[0]['removeElements'];
  readonly service: () => 'running' | 'starting' | 'down';
  /** What stands wrong; with the service down it is looked up now. */
  readonly warnings: () => Promise<readonly Json[]>;
  readonly counters: () => Json;
}

const HELD_LIMIT = 10_000;
const WAITS_FOR_A_PERSON: ReadonlySet<HoldReason> = new Set(['breaker', 'hold', 'report-too-old', 'other']);

export function engineerOperations(flow: Flow, extras: EngineerExtras): Operations {
  return {
    status: async () => status(flow, extras),
    'hold.on': async (input, { by }) => {
      const reason = text(input, 'reason');
      const at = flow.clock.now();
      // What no disk takes is on in this process all the same: said, not refused.
      const written = await flow.hold.set({ by, at, reason }).then(
        () => true,
        () => false,
      );
      return {
        hold: { on: true, by, reason, at: formatInstant(at) },
        written,
        recorded: await recorded(flow, 'hold-on', flow.holdRecord.look()),
      };
    },
    'hold.off': async (_input, { by }) => {
      // Releases that could not be recorded when they were made come first: nothing of theirs may be added again.
      await importJournal(flow);
      const lifted = await flow.holdRecord.lift(by);
      if (!lifted.recorded) notRecorded(flow, 'hold-off', lifted.cause);
      await flow.reconciler.full();
      return { hold: { on: false }, recorded: lifted.recorded };
    },
    'gateway.check': async () => {
      await flow.reconciler.full();
      return { gateways: gatewaysView(flow) };
    },
    'clock.confirm': async (_input, { by }) => {
      await extras.confirmClock();
      await audit(flow, by, 'clock-confirmed', {});
      return { clock: { ...flow.clock.status() } };
    },
    'breaker.show': async () => ({
      breaker: await breakerView(flow),
      held: (await heldForAPerson(flow)).map(caseView),
    }),
    'breaker.approve': async (_input, { by, progress }) => {
      if (flow.hold.current().on)
        throw notDone(
          'hold-on',
          'hold is on: nothing may begin. Next: engawa hold off, then approve. Nothing was done.',
        );
      await flow.decider.resetBreaker();
      const counts = { acted: 0, 'still-held': 0, 'no-longer': 0 };
      for (const held of await heldForAPerson(flow)) {
        const redecided = await redecide(flow, held, true);
        // Nothing stands behind it any more: a plan that a person looked at does not wait for ever.
        if (redecided === 'no-longer') await discard(flow, held, by);
        counts[redecided]++;
        progress(counts);
      }
      await audit(flow, by, 'breaker-approved', counts);
      return counts;
    },
    'breaker.discard': async (_input, { by, progress }) => {
      await flow.decider.resetBreaker();
      let discarded = 0;
      for (const held of await heldForAPerson(flow)) {
        await discard(flow, held, by);
        progress({ discarded: ++discarded });
      }
      await audit(flow, by, 'breaker-discarded', { discarded });
      return { discarded };
    },
    'release-all.preview': async (input) => {
      const { filter, shown } = readFilter(input);
      const targets = await listTargets(flow, filter);
      if (typeof targets === 'string') return { filter: shown, count: null, lines: [], unreadable: targets };
      return { filter: shown, count: targets.length, lines: targets.slice(0, 50) as unknown as Json };
    },
    'release-all.run': async (input, { by }) => {
      const { filter, shown } = readFilter(input);
      const reason = text(input, 'reason');
      const typed = input['confirm'] === 'all' ? 'all' : optionalCount(input, 'confirm');
      if (typed === undefined)
        throw notDone('count-mismatch', 'type the count that the preview shows (--confirm). Nothing was done.');
      // Hold comes before the count: under a live feed the number would go on moving.
      const held = { by, at: flow.clock.now(), reason: `release-all: ${reason}` };
      if (!flow.hold.current().on) await flow.hold.set(held).catch(() => {});
      const found = await listTargets(flow, filter);
      const count = typeof found === 'string' ? 'all' : found.length;
      if (typed !== count)
        throw notDone(
          'count-mismatch',
          `${count} lines would be released (filter: ${shown}), the typed count is ${typed}. Hold is ON, so that the number stays; nobody was released. Next: the same with --confirm ${count}, or engawa hold off.`,
        );
      const targets = typeof found === 'string' ? [EVERYBODY] : found;
      const all = filter.all === true;
      const result = await releaseAll({ ...flow, removeElements: extras.removeElements }, { targets, all, by, reason });
      if (all && result.removed.ok) flow.gardener.forgetAll();
      // The elements are out. What the store cannot take now is in the journal and is imported before hold is lifted.
      const imported = await importJournal(flow).catch((cause) => {
        flow.log.error('JOURNAL_NOT_IMPORTED', { text: String(cause).slice(0, 200) });
        return null;
      });
      // Acknowledged is not proven: what the read-back still finds makes the lines on it `unknown`.
      await flow.reconciler.full();
      await recorded(flow, 'hold-on', flow.holdRecord.look());
      const onRecord = await audit(flow, by, 'release-all', { filter: shown, lines: result.journalled });
      return {
        hold: 'on',
        journalled: result.journalled,
        casesClosed: imported,
        elementsRemoved: result.removed.ok ? result.removed.value : null,
        failure: result.removed.ok ? null : result.removed.error.kind,
        faults: [...result.faults],
        recorded: onRecord,
      };
    },
    'audit.check': async () => {
      const faults = await flow.store.auditTables();
      return { intact: faults.length === 0, faults: faults.map((one) => ({ ...one })) };
    },
    'audit.export': async (input) => {
      const directory = text(input, 'directory', { max: 4096 });
      const { size, root } = await flow.store.exportAudit(directory, flow.clock.now());
      return { directory, size, root };
    },
  };
}

const EVERYBODY: ReleaseTarget = { lineId: EVERY_LINE, epoch: 0, access: 'unknown', families: [] };

/** Why nobody can be listed, when the store cannot be read: then everybody is all there is to release. */
async function listTargets(flow: Flow, filter: ReleaseFilter): Promise<readonly ReleaseTarget[] | string> {
  try {
    return await releaseTargets(flow.store, filter);
  } catch (cause) {
    const reason = `the store cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`;
    if (filter.all === true) return reason;
    throw notDone('store-unreadable', `${reason}. Only --all works without it. Nothing was done.`);
  }
}

function readFilter(input: Readonly<Record<string, Json>>): { readonly filter: ReleaseFilter; readonly shown: string } {
  const family = optionalText(input, 'family');
  const line = optionalText(input, 'line');
  const all = flag(input, 'all');
  // C09: an empty filter is a slip of the finger, not «everybody».
  if (!all && family === undefined && line === undefined) {
    throw notDone('filter-empty', 'say whom: --all, --family NAME or --line ID. Nothing was done.');
  }
  if (all && (family !== undefined || line !== undefined))
    throw notDone('filter-contradicts', '--all and a filter exclude each other. Nothing was done.');
  return {
    filter: {
      ...(all ? { all } : {}),
      ...(family === undefined ? {} : { family }),
      ...(line === undefined ? {} : { lineIds: [line] }),
    },
    shown: all
      ? 'all'
      : [family === undefined ? '' : `family ${family}`, line === undefined ? '' : `line ${line}`]
          .filter((word) => word !== '')
          .join(' and '),
  };
}

/** Held until somebody looks; what passes by itself (support hours, clock) is not among them. */
async function heldForAPerson(flow: Flow): Promise<readonly Case[]> {
  const held = await flow.store.cases({ state: 'held', limit: HELD_LIMIT });
  return held.filter((one) => one.hold !== undefined && WAITS_FOR_A_PERSON.has(one.hold.reason));
}

/** Closed without a word to the household: it never heard of the plan. */
async function discard(flow: Flow, held: Case, by: string): Promise<void> {
  const actor = { kind: 'staff', name: by } as const;
  await flow.casebook.order(held.id, () => [{ kind: 'close', actor, reason: 'staff' }]);
}

function gatewaysView(flow: Flow): Json {
  return flow.reconciler.health().map((one) => ({
    ...one,
    checkedAt: formatInstant(one.checkedAt),
    fullAt: one.fullAt === undefined ? null : formatInstant(one.fullAt),
  }));
}

async function breakerView(flow: Flow): Promise<Record<string, Json>> {
  const { admissions, trips } = flow.decider.breaker();
  const now = flow.clock.monotonicMs();
  const limits = flow.policies.isMissing === true ? undefined : flow.policies.active().breaker;
  const windowMs = limits?.windowMs ?? 0;
  return {
    state: trips.length === 0 ? 'closed' : 'tripped',
    trips: trips.map((trip) => ({
      scope: trip.scope,
      name: trip.name,
      agoSeconds: Math.round((now - trip.atMonotonicMs) / 1000),
    })),
    newGardensInWindow: admissions.filter((one) => one.atMonotonicMs > now - windowMs).length,
    cap: limits === undefined ? 0 : capOf(await flow.store.lineCount(), limits),
    windowSeconds: windowMs / 1000,
  };
}

async function status(flow: Flow, extras: EngineerExtras): Promise<Json> {
  const { states, waitForSupport } = await flow.store.openCaseCounts();
  const hold = flow.hold.current();
  const policy = flow.policies.isMissing === true ? undefined : flow.policies.active();
  return {
    service: extras.service(),
    hold: { on: hold.on, by: hold.by ?? null, reason: hold.reason ?? null },
    clock: { ...flow.clock.status() },
    breaker: await breakerView(flow),
    gateways: gatewaysView(flow),
    lines: await flow.store.lineCount(),
    openCases: states,
    waitForSupport,
    policy: policy === undefined ? null : { name: policy.name, version: policy.version },
    warnings: await extras.warnings(),
    counters: extras.counters(),
  };
}

/** False: the order is done and could not be put on record; the caller says so. */
async function audit(flow: Flow, by: string, action: string, detail: AuditDraft['detail']): Promise<boolean> {
  const entry: AuditDraft = { at: flow.clock.now(), actor: { kind: 'staff', name: by }, action, detail };
  return recorded(flow, action, flow.store.commit({ audit: [entry] }));
}

async function recorded(flow: Flow, action: string, record: Promise<unknown>): Promise<boolean> {
  try {
    await record;
    return true;
  } catch (cause) {
    notRecorded(flow, action, cause);
    return false;
  }
}

function notRecorded(flow: Flow, action: string, cause: unknown): void {
  flow.log.error('ORDER_NOT_RECORDED', { action, text: String(cause).slice(0, 200) });
}
