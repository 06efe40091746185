// The kill switch: hold, then every release into the journal with fsync, then the elements out of the kernel. The store
// is told last: the journal is imported (idempotent, by id) now or at the next start, before anything is added again.
// A disk that takes neither hold nor journal keeps nobody in the garden: it is told, and the elements go.
import type { Result } from '../core/kernel/result.ts';
import type { Casebook } from './casebook.ts';
import type { Clock, EnforceError, HoldSwitch, Ids, Json, Log, ReleaseEntry, ReleaseJournal, Store } from './ports.ts';

export interface ReleaseFilter {
  /** Everything; must be said, an empty filter is refused by the caller. */
  readonly all?: boolean;
  readonly family?: string;
  readonly lineIds?: readonly string[];
}

export interface ReleaseTarget {
  readonly lineId: string;
  readonly epoch: number;
  readonly access: string;
  readonly families: readonly string[];
}

/** Who would be released: the dry run that every release-all begins with. */
export async function releaseTargets(
  store: Pick<Store, 'wantedLines'>,
  filter: ReleaseFilter,
): Promise<readonly ReleaseTarget[]> {
  const wanted = await store.wantedLines();
  const ids = filter.lineIds === undefined ? undefined : new Set(filter.lineIds);
  return wanted.filter(
    (one) =>
      (filter.all === true || filter.family !== undefined || ids !== undefined) &&
      (filter.family === undefined || one.families.includes(filter.family)) &&
      (ids === undefined || ids.has(one.lineId)),
  );
}

export interface ReleaseAllParts {
  readonly hold: HoldSwitch;
  readonly journal: ReleaseJournal;
  readonly clock: Pick<Clock, 'now'>;
  readonly ids: Pick<Ids, 'id'>;
  /** Takes the elements of these lines out; `all` = every element, known or not. */
  readonly removeElements: (targets: readonly ReleaseTarget[], all: boolean) => Promise<Result<number, EnforceError>>;
}

export interface ReleasedAll {
  readonly journalled: number;
  readonly removed: Result<number, EnforceError>;
  /** What did not become durable; the elements were asked out all the same. */
  readonly faults: readonly string[];
}

/** Names every line that is wanted in a garden when the journal is read: for when nobody could be listed. */
export const EVERY_LINE = '*';

export async function releaseAll(
  parts: ReleaseAllParts,
  order: {
    readonly targets: readonly ReleaseTarget[];
    readonly all: boolean;
    readonly by: string;
    readonly reason: string;
  },
): Promise<ReleasedAll> {
  const at = parts.clock.now();
  const faults: string[] = [];
  const attempt = (what: string, done: Promise<void>) =>
    done.then(
      () => true,
      (cause: unknown) => {
        faults.push(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`);
        return false;
      },
    );
  await attempt('hold was not written', parts.hold.set({ by: order.by, at, reason: `release-all: ${order.reason}` }));
  const entries: ReleaseEntry[] = order.targets.map(({ lineId, epoch }) => ({
    id: parts.ids.id(),
    lineId,
    epoch,
    at,
    by: order.by,
    reason: order.reason,
  }));
  const isJournalled = await attempt('the journal was not written', parts.journal.append(entries));
  const removed = await parts.removeElements(order.targets, order.all);
  return { journalled: isJournalled ? entries.length : 0, removed, faults };
}

export interface ImportParts {
  readonly journal: ReleaseJournal;
  readonly store: Pick<Store, 'openCasesOfLine' | 'setting' | 'commit' | 'wantedLines'>;
  readonly casebook: Casebook;
  readonly log: Log;
}

/** How far the journal was read, so that a long one is not walked through the store again at each start. */
const IMPORTED = 'journal-imported';

interface Imported {
  readonly count: number;
  /** The entry that stood there: a journal that was moved away and begun anew is read from its start. */
  readonly lastId: string;
}

/** Closes the cases of every journalled line that were open when it was released. Returns how many entries were new. */
export async function importJournal(parts: ImportParts): Promise<number> {
  const entries = await parts.journal.entries();
  const known = knownOf(await parts.store.setting(IMPORTED), entries);
  const fresh = entries.slice(known);
  for (const entry of fresh) await importOne(parts, entry);
  const lastId = entries.at(-1)?.id;
  if (fresh.length > 0 && lastId !== undefined) {
    const imported: Imported = { count: entries.length, lastId };
    await parts.store.commit({ settings: { [IMPORTED]: { ...imported } } });
    parts.log.info('JOURNAL_IMPORTED', { entries: fresh.length });
  }
  return fresh.length;
}

function knownOf(setting: Json | undefined, entries: readonly ReleaseEntry[]): number {
  const { count, lastId } = (setting ?? {}) as Partial<Imported>;
  return count !== undefined && entries[count - 1]?.id === lastId ? count : 0;
}

async function importOne(parts: ImportParts, entry: ReleaseEntry): Promise<void> {
  if (entry.lineId === EVERY_LINE) {
    for (const { lineId, epoch } of await parts.store.wantedLines())
      await importOne(parts, { ...entry, lineId, epoch });
    return;
  }
  const actor = { kind: 'staff', name: entry.by } as const;
  for (const state of await parts.store.openCasesOfLine(entry.lineId, entry.epoch)) {
    if (state.openedAt > entry.at) continue;
    const ordered = await parts.casebook.order(
      state.id,
      () => [{ kind: 'staffRelease', actor, reason: entry.reason }],
      () => ({ journalIds: [entry.id] }),
    );
    if (!ordered.ok) throw new Error(`the release of case ${state.id} was not recorded: ${ordered.error}`);
  }
}
