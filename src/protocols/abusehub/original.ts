// The original row that AbuseHUB sends beside its own: read by the column names of the feeds behind the hub, and compared. It
// knows UTC where the hub writes local time without saying so; where both speak of one thing, they must agree.
import { ok, type Result } from '../../core/kernel/result.ts';
import type { Instant } from '../../core/kernel/time.ts';
import type { FeedFile, FileFault } from '../../core/report/feed.ts';
import { openTable, type TableRow } from '../feed/csv-table.ts';
import { parseOffsetStamp, parseWallStamp } from '../feed/stamps.ts';

/** A hub's mail is about one sighting; more than this is another kind of file. */
export const MAX_ORIGINALS = 1000;

export interface Original {
  readonly observedAt: Instant;
  readonly fields: Readonly<Record<ComparedField, string>>;
  /** `forwarded_by`: a proxy was seen; who stood behind it is not in the row. */
  readonly isProxy: boolean;
}

export type ComparedField = 'ip' | 'port' | 'asn' | 'protocol' | 'infection' | 'destinationIp' | 'destinationPort';

/** The same fact under the names of newer and older files; the first that is filled counts. */
const NAMES: Readonly<Record<ComparedField, readonly string[]>> = {
  ip: ['src_ip', 'ip'],
  port: ['src_port', 'port'],
  asn: ['src_asn', 'asn'],
  protocol: ['protocol', 'type'],
  infection: ['infection'],
  destinationIp: ['dst_ip', 'cc', 'cc_ip'],
  destinationPort: ['dst_port', 'cc_port'],
};

/** undefined = none came along, or none that can be read as one: the hub's own rows are all there is. */
export async function originalsOf(
  beside: NonNullable<FeedFile['beside']>,
): Promise<Result<readonly Original[] | undefined, FileFault>> {
  for (const { fileName, bytes } of beside.slice(0, 20)) {
    if (!/\.csv$/i.test(fileName)) continue;
    const table = await openTable([bytes], ['timestamp']);
    if (!table.ok || !NAMES.ip.some((name) => table.value.header.includes(name))) continue;
    const found: Original[] = [];
    for await (const { row } of table.value.records) {
      const original = row.ok ? originalOf(row.value) : undefined;
      if (original === undefined || found.length >= MAX_ORIGINALS) return ok(undefined);
      found.push(original);
    }
    return ok(found);
  }
  return ok(undefined);
}

/** A stamp without a zone is UTC: so write the feeds behind the hub. */
function originalOf(row: TableRow): Original | undefined {
  const stamp = row.get('timestamp') ?? '';
  const observedAt = parseWallStamp(stamp)?.wall ?? parseOffsetStamp(stamp);
  if (observedAt === undefined) return undefined;
  const fields = Object.fromEntries(
    Object.entries(NAMES).map(([key, names]) => [
      key,
      names.map((name) => row.get(name) ?? '').find((cell) => cell !== '') ?? '',
    ]),
  ) as Record<ComparedField, string>;
  const forwarded = (row.get('forwarded_by') ?? '').trim().toLowerCase();
  return { observedAt, fields, isProxy: !['', '0', 'unknown'].includes(forwarded) };
}

/** The first thing of which the two say different things; what only one of them says is no difference. */
export function differenceOf(
  hub: Readonly<Record<ComparedField, string>>,
  hubInstants: readonly Instant[],
  original: Original,
): ComparedField | 'time' | undefined {
  if (!hubInstants.includes(original.observedAt)) return 'time';
  return (Object.keys(NAMES) as ComparedField[]).find((key) => {
    const [a, b] = [fold(hub[key]), fold(original.fields[key])];
    return a !== '' && b !== '' && a !== b;
  });
}

function fold(text: string): string {
  const lower = text.trim().toLowerCase();
  return lower === '0' ? '' : lower;
}
