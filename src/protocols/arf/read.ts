// ARF (RFC 5965): the machine-readable part of a feedback report, with the source port of RFC 6692. Evidence and nothing else: a
// complaint names a mailbox's user or a forwarder, and hardly any comes with a port. The mail around it is taken apart elsewhere.
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { MINUTE } from '../../core/kernel/time.ts';
import type { FeedReader } from '../../core/report/feed.ts';
import type { Report } from '../../core/report/report.ts';
import type { RowFault } from '../feed/fields.ts';
import { type FlatFields, parseFlatFields, smallText } from '../feed/flat-fields.ts';
import { itemOf, type Place, reportOf } from '../feed/observation.ts';
import { parseMailDate, writtenAt } from '../feed/stamps.ts';

const MAX_PART_BYTES = 256 * 1024;
/** The clock is that of a mail server nobody here knows. */
const PRECISION_MS = 15 * MINUTE;
/** RFC 5965 §3.2: may stand several times. */
const REPEATABLE = new Set(['authentication-results', 'original-rcpt-to', 'reported-domain', 'reported-uri']);

export const readArf: FeedReader = async (file) => {
  const text = await smallText(file.bytes, MAX_PART_BYTES);
  if (text === undefined) return err({ code: 'file-too-long', text: 'the part is longer than 256 KiB' });
  if (text.trim() === '') return err({ code: 'file-empty', text: 'the part is empty' });
  const fields = parseFlatFields(text, { indented: 'continues', repeatable: REPEATABLE });
  if (!fields.ok || !fields.value.has('feedback-type'))
    return err({
      code: 'not-arf',
      text: 'no message/feedback-report part: Feedback-Type is missing or a line is no field',
    });
  const report = feedbackReport(fields.value, file);
  return ok({ types: report.ok ? [report.value.type] : [], remarks: [], items: one(itemOf(1, report)) });
};

function feedbackReport(fields: FlatFields, place: Place): Result<Report, RowFault> {
  // RFC 5965 §3.1: required, each once.
  const missing = ['user-agent', 'version'].find((key) => !fields.get(key));
  if (missing !== undefined) return err({ code: 'arf-incomplete', text: `${missing} is missing` });
  const date = fields.get('arrival-date') ?? fields.get('received-date') ?? '';
  const observedAt = parseMailDate(date);
  return reportOf(place, 1, {
    type: `arf/${fields.get('feedback-type')!.toLowerCase()}`,
    identity: ['arf', [...fields].sort(([a], [b]) => (a < b ? -1 : 1))],
    class: 'info',
    mayAct: false,
    families: [],
    ip: fields.get('source-ip'),
    // RFC 6692 §3
    port: fields.get('source-port'),
    observedAt,
    writtenAt: writtenAt(date, observedAt),
    precisionMs: PRECISION_MS,
    extra: KEPT.map((key) => [key.replaceAll('-', '_'), fields.get(key)] as const),
    notes: ['evidence-only'],
  });
}

/** Not the recipient: whose mailbox complained is nobody's business here. */
const KEPT = [
  'feedback-type',
  'user-agent',
  'version',
  'reported-domain',
  'incidents',
  'auth-failure',
  'reporting-mta',
];

async function* one<T>(item: T): AsyncGenerator<T> {
  yield item;
}
