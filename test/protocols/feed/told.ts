// A feed file read to its end and told in one line per row, so that vectors can be compared as text.
import { readFileSync } from 'node:fs';
import { formatInstant } from '../../../src/core/kernel/civil.ts';
import { formatIp } from '../../../src/core/net/ip.ts';
import type { FeedFile, FeedReader } from '../../../src/core/report/feed.ts';
import type { RefusedRow, Report } from '../../../src/core/report/report.ts';

const FAMILIES = new Set(['mirai', 'gafgyt', 'mozi', 'qsnatch', 'conficker', 'avalanche-andromeda', 'zeroaccess']);
/** 2026-12-31: later than every vector. */
const RECEIVED = Date.UTC(2026, 11, 31);

export interface ReadFile {
  readonly fault: string | undefined;
  readonly remarks: readonly string[];
  readonly items: readonly (Report | RefusedRow)[];
  readonly reports: readonly Report[];
  /** One line per row. */
  readonly told: readonly string[];
}

export async function readAll(
  reader: FeedReader,
  content: string | Uint8Array,
  more: Partial<Omit<FeedFile, 'bytes'>> = {},
): Promise<ReadFile> {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const opened = await reader({
    source: 'feed',
    fileName: 'file',
    evidenceHash: 'e'.repeat(64),
    receivedAt: RECEIVED,
    familyOf: (name) => (FAMILIES.has(name) ? name : undefined),
    ...more,
    bytes: [bytes],
  });
  if (!opened.ok) return { fault: opened.error.code, remarks: [], items: [], reports: [], told: [] };
  const items: (Report | RefusedRow)[] = [];
  for await (const item of opened.value.items) items.push(item);
  return {
    fault: undefined,
    remarks: opened.value.remarks.map((one) => one.code),
    items,
    reports: items.filter((item): item is Report => !('code' in item)),
    told: items.map(tell),
  };
}

export function vectorOf(format: string, name: string): Uint8Array {
  return readFileSync(new URL(`../../vectors/${format}/${name}`, import.meta.url));
}

/** Line, class, act, family, subscriber, other end, time ± precision, notes; or line and reason. */
export function tell(item: Report | RefusedRow): string {
  if ('code' in item) return `${item.line} ${item.code}`;
  const end = (ip: Report['destinationIp'], port: number | undefined) =>
    `${ip === undefined ? '-' : formatIp(ip)}:${port ?? '-'}`;
  const until = item.untilAt === undefined ? '' : `..${stamp(item.untilAt)}`;
  return [
    item.evidence.line,
    item.type,
    item.class,
    item.mayAct ? 'may-act' : 'never',
    item.family,
    end(item.ip, item.port),
    item.protocol ?? '-',
    end(item.destinationIp, item.destinationPort),
    `${stamp(item.observedAt)}${until}±${item.precisionMs / 1000}s`,
    item.extra['engawa.notes'] ?? '-',
  ].join(' ');
}

function stamp(at: number): string {
  return formatInstant(at).replace('.000Z', 'Z');
}
