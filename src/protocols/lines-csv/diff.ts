// What an import would change: added, changed, a new customer on a line (new epoch), removed, unchanged. Pure; the dry run
// prints it and the import carries it out. Absent lines stay unless `replace` was ordered, and then only so many.
import { err, ok, type Result } from '../../core/kernel/result.ts';
import type { Instant } from '../../core/kernel/time.ts';
import type { Line } from '../../core/line/line.ts';
import { formatPrefix } from '../../core/net/prefix.ts';
import type { RefusedRow } from '../../core/report/report.ts';
import type { Column } from './cells.ts';
import { overlappingPairs } from './overlaps.ts';
import type { LineValues, ParsedLine, ParsedLines } from './parse.ts';

export interface DiffOptions {
  readonly now: Instant;
  /** Lines of the store that the file does not name end their contract. */
  readonly replace?: { readonly maxRemoved: number };
}

export interface LinesDiff {
  readonly added: readonly Line[];
  /** With the names of the fields that differ: values are personal and stay out of reports. */
  readonly changed: readonly { readonly line: Line; readonly fields: readonly string[] }[];
  /** Another customer on a known line id: history, cases and contact data of the one before do not pass over. */
  readonly newEpoch: readonly Line[];
  /** Contract ended by `replace`; the record stays. */
  readonly removed: readonly Line[];
  readonly unchanged: number;
}

export type DiffFault =
  | { readonly kind: 'too-many-removed'; readonly wouldRemove: number; readonly maxRemoved: number }
  | { readonly kind: 'conflicts'; readonly rows: readonly RefusedRow[] };

export function diffLines(
  current: ReadonlyMap<string, Line>,
  parsed: ParsedLines,
  options: DiffOptions,
): Result<LinesDiff, DiffFault> {
  const named = new Set(parsed.lines.map(({ values }) => values.id));
  const absent = [...current.values()].filter((line) => !named.has(line.id) && line.contract === 'active');
  const removed = options.replace === undefined ? [] : absent.map((line) => ({ ...line, contract: 'ended' as const }));
  if (options.replace !== undefined && removed.length > options.replace.maxRemoved)
    return err({ kind: 'too-many-removed', wouldRemove: removed.length, maxRemoved: options.replace.maxRemoved });
  const wanted = parsed.lines.map((one) => ({
    row: one.row,
    line: nextOf(current.get(one.values.id), one, parsed.columns, options.now),
  }));
  const rows = conflicts(wanted, options.replace === undefined ? absent : []);
  if (rows.length > 0) return err({ kind: 'conflicts', rows });
  return ok({
    ...sort(
      current,
      wanted.map(({ line }) => line),
    ),
    removed,
  });
}

function sort(current: ReadonlyMap<string, Line>, wanted: readonly Line[]): Omit<LinesDiff, 'removed'> {
  const added: Line[] = [];
  const changed: { line: Line; fields: readonly string[] }[] = [];
  const newEpoch: Line[] = [];
  let unchanged = 0;
  for (const line of wanted) {
    const before = current.get(line.id);
    if (before === undefined) added.push(line);
    else if (before.epoch !== line.epoch) newEpoch.push(line);
    else {
      const fields = differingFields(before, line);
      if (fields.length === 0) unchanged++;
      else changed.push({ line, fields });
    }
  }
  return { added, changed, newEpoch, unchanged };
}

/** The line as it will be. Of a new customer nothing is inherited, of the same one what the file does not name. */
function nextOf(before: Line | undefined, { values }: ParsedLine, columns: ReadonlySet<Column>, now: Instant): Line {
  if (before === undefined) return { ...values, epoch: 1, epochStartedAt: now };
  // Its contact data is gone, as it should be: a file that still lists the contract as ended does not bring it back.
  if (before.contract === 'ended' && before.customerNo === '' && values.contract === 'ended') return before;
  if (before.customerNo !== values.customerNo) return { ...values, epoch: before.epoch + 1, epochStartedAt: now };
  const kept = Object.fromEntries(
    Object.entries(before).filter(([field]) => {
      const column = COLUMN_OF[field as keyof LineValues];
      return column !== undefined && !columns.has(column);
    }),
  ) as Partial<Line>;
  // Two lines may swap their logins: what was seen under one before is not of the line that has it now.
  const isSameLogin = before.accessKey === values.accessKey;
  return { ...values, ...kept, epoch: before.epoch, epochStartedAt: isSameLogin ? before.epochStartedAt : now };
}

const COLUMN_OF: Readonly<Partial<Record<keyof LineValues, Column>>> = {
  staticPrefixes: 'static_prefixes',
  realm: 'realm',
  email: 'email',
  phone: 'phone',
  language: 'language',
  termsVersion: 'terms_version',
  // `contract` is not among them: a line that the file names without saying more has a contract.
};

function differingFields(before: Line, after: Line): readonly string[] {
  const [a, b] = [comparable(before), comparable(after)];
  const fields = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((field) => field !== 'epochStartedAt');
  return fields.filter((field) => a[field] !== b[field]).sort();
}

function comparable(line: Line): Record<string, unknown> {
  return { ...line, staticPrefixes: line.staticPrefixes.map(formatPrefix).sort().join(' ') };
}

/** Against lines that stay as they are: the file itself was checked when it was read (kept columns are checked here). */
function conflicts(
  wanted: readonly { readonly row: number; readonly line: Line }[],
  staying: readonly Line[],
): readonly RefusedRow[] {
  const active = wanted.filter(({ line }) => line.contract === 'active');
  const all = [...active, ...staying.map((line) => ({ row: 0, line }))];
  const held = all.flatMap((owner) =>
    owner.line.staticPrefixes.map((prefix) => ({ owner, realm: owner.line.realm, prefix })),
  );
  const overlapping = overlappingPairs(held)
    .filter(([one, other]) => one.owner.row > 0 || other.owner.row > 0)
    .map(([one, other]) => {
      const [mine, theirs] = one.owner.row >= other.owner.row ? [one, other] : [other, one];
      const text = `${formatPrefix(mine.prefix)} overlaps ${formatPrefix(theirs.prefix)} of line id ${theirs.owner.line.id}`;
      return { line: mine.owner.row, code: 'prefix-overlap', text };
    });
  const keys = new Map(staying.map((line) => [line.accessKey, line.id]));
  const sameKey = active.flatMap(({ row, line }) => {
    const other = keys.get(line.accessKey);
    return other === undefined
      ? []
      : [{ line: row, code: 'access-key-twice', text: `this access_key belongs to line id ${other}` }];
  });
  return [...overlapping, ...sameKey].sort((a, b) => a.line - b.line).slice(0, 1000);
}
