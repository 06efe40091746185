// The ambiguity desk: reports that name no line for sure, why, and who is in question. An engineer supplies the missing fact
// (facts.ts, a log file) and asks again; what is then unique is decided like any report, with every limit that holds for one.
import type { Instant } from '../core/kernel/time.ts';
import type { Line } from '../core/line/line.ts';
import type { Report } from '../core/report/report.ts';
import type { Attributed, Attributor } from './attribute.ts';
import type { Decider } from './decide.ts';
import { turn } from './pause.ts';
import type { Clock, DeskQuery, ReportOutcome, Store } from './ports.ts';

export interface DeskParts {
  readonly store: Pick<Store, 'unresolved' | 'unresolvedCounts' | 'report' | 'line' | 'commit'>;
  readonly attributor: Attributor;
  readonly decider: Pick<Decider, 'run'>;
  readonly clock: Pick<Clock, 'now'>;
}

export interface DeskRow {
  readonly report: Report;
  readonly outcome: ReportOutcome;
  readonly seq: number;
  /** What the same question would answer now. */
  readonly now: Attributed;
  readonly candidates: readonly Line[];
}

export interface Rerun {
  readonly asked: number;
  /** Would be attributed to one line now: decided anew. */
  readonly resolved: number;
  readonly stillOpen: number;
}

const PAGE = 500;
const PER_TURN = 50;

export async function deskRows(parts: DeskParts, query: DeskQuery): Promise<readonly DeskRow[]> {
  const rows: DeskRow[] = [];
  for (const [i, { id, seq }] of (await parts.store.unresolved(query)).entries()) {
    if (i % PER_TURN === 0) await turn();
    const found = await parts.store.report(id);
    if (found?.outcome === undefined) continue;
    const now = await parts.attributor.attribute(found.report);
    const ids = [...new Set(now.attribution.candidates.map((one) => one.lineId))].slice(0, 10);
    const candidates = (await Promise.all(ids.map((one) => parts.store.line(one)))).filter((one) => one !== undefined);
    rows.push({ report: found.report, outcome: found.outcome, seq, now, candidates });
  }
  return rows;
}

/**
 * Asks all of them again, oldest last. Only what is unique now is taken up: the rest keeps its outcome, and its place on the desk.
 * A crash in between leaves them pending, which decides them too.
 */
export async function rerun(
  parts: DeskParts,
  query: Omit<DeskQuery, 'limit' | 'beforeSeq'>,
  by: { readonly name: string; readonly reason: string; readonly limit: number },
  progress: (asked: number) => void = () => {},
): Promise<Rerun> {
  let [asked, resolved] = [0, 0];
  let beforeSeq: number | undefined;
  while (asked < by.limit) {
    const limit = Math.min(PAGE, by.limit - asked);
    const page = await parts.store.unresolved({ ...query, ...(beforeSeq === undefined ? {} : { beforeSeq }), limit });
    if (page.length === 0) break;
    beforeSeq = page.at(-1)!.seq;
    const unique: string[] = [];
    for (const [i, { id }] of page.entries()) {
      if (i % PER_TURN === 0) await turn();
      if (await isUnique(parts, id)) unique.push(id);
    }
    if (unique.length > 0) await reopen(parts, unique, by);
    asked += page.length;
    resolved += unique.length;
    progress(asked);
  }
  if (resolved > 0) await parts.decider.run();
  return { asked, resolved, stillOpen: asked - resolved };
}

async function isUnique(parts: DeskParts, id: string): Promise<boolean> {
  const found = await parts.store.report(id);
  return found !== undefined && (await parts.attributor.attribute(found.report)).attribution.kind === 'unique';
}

async function reopen(
  parts: DeskParts,
  ids: readonly string[],
  by: { readonly name: string; readonly reason: string },
): Promise<void> {
  const at: Instant = parts.clock.now();
  const detail = { reports: ids.length, first: ids[0]!, reason: by.reason };
  const audit = [{ at, actor: { kind: 'staff' as const, name: by.name }, action: 'reports-attributed-again', detail }];
  const committed = await parts.store.commit({ reopen: ids, audit });
  if (!committed.ok) throw new Error('reopening met a conflict');
}
