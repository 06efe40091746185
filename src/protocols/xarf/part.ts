// X-ARF 0.2: the second part of a mail, `Key: value`. `Port` is the service that was attacked, never the port on the line, and
// `Date` comes from the clock of whichever server the reporter watches.
import { err, type Result } from '../../core/kernel/result.ts';
import type { Report } from '../../core/report/report.ts';
import type { RowFault } from '../feed/fields.ts';
import { parseFlatFields } from '../feed/flat-fields.ts';
import { type Place, reportOf } from '../feed/observation.ts';
import { parseMailDate, parseOffsetStamp, writtenAt } from '../feed/stamps.ts';
import { classOfType } from './classes.ts';
import type { XarfSettings } from './json.ts';

const ADDRESS_TYPES = new Set(['ip-address', 'ipv4', 'ipv6', 'ip']);

export function partReport(text: string, place: Place, settings: XarfSettings): Result<Report, RowFault> {
  const parsed = parseFlatFields(text, { indented: 'skipped' });
  if (!parsed.ok) return parsed;
  const fields = parsed.value;
  const missing = ['report-type', 'date', 'source-type', 'source'].find((key) => !fields.get(key));
  if (missing !== undefined) return err({ code: 'xarf-incomplete', text: `${missing} is missing` });
  if (!ADDRESS_TYPES.has(fields.get('source-type')!.toLowerCase()))
    return err({ code: 'source-not-address', text: 'the source is a name or a URL, not an address' });
  const date = fields.get('date')!;
  const observedAt = parseMailDate(date) ?? parseOffsetStamp(date);
  const type = fields.get('report-type')!;
  return reportOf(place, 1, {
    type: `${fields.get('category') ?? '-'}/${type}`.toLowerCase(),
    identity: ['xarf0', [...fields].sort(([a], [b]) => (a < b ? -1 : 1))],
    class: classOfType(undefined, type, undefined),
    mayAct: true,
    families: [],
    ip: fields.get('source'),
    // No port: the one that is there belongs to the other end.
    destinationPort: fields.get('port'),
    observedAt,
    writtenAt: writtenAt(date, observedAt),
    precisionMs: settings.clockMs,
    extra: [...fields].map(([name, value]) => [name.replaceAll('-', '_'), value] as const),
    notes: ['port-is-attacked-service'],
  });
}
