// The body of POST /v1/reports as reports and refused rows. A body that is no such document is a fault of the delivery; an
// event that is wrong is refused with its number and the others count.
import { hash } from 'node:crypto';
import { parseRfc3339 } from '../../core/kernel/civil.ts';
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { DAY, type Instant, SECOND } from '../../core/kernel/time.ts';
import { type Ip, parseIp } from '../../core/net/ip.ts';
import { CONTENT_KEY } from '../../core/report/content.ts';
import type { RefusedRow, Report } from '../../core/report/report.ts';
import { lineAddress } from '../feed/fields.ts';
import { writtenAt } from '../feed/stamps.ts';
import { type JsonFault, parseJson } from '../json/parse.ts';
import { eventSchema, type ReportedEvent } from './schema.ts';

/** 2000-01-01: an older time is an empty clock, not an observation. */
const EARLIEST: Instant = 946_684_800_000;

export interface DeliveryInput {
  readonly source: string;
  readonly format: 'json' | 'json-lines';
  readonly text: string;
  /** SHA-256 (hex) of the body's bytes. */
  readonly evidenceHash: string;
  readonly receivedAt: Instant;
  readonly familyOf: (name: string) => string | undefined;
}

export interface Delivery {
  readonly total: number;
  readonly reports: readonly Report[];
  readonly refused: readonly RefusedRow[];
}

export type DeliveryFault =
  | JsonFault
  | { readonly code: 'delivery-shape' | 'delivery-too-many'; readonly text: string };

export const MAX_EVENTS = 10_000;
const MAX_DEPTH = 8;

export function readDelivery(input: DeliveryInput): Result<Delivery, DeliveryFault> {
  const events = input.format === 'json' ? fromJson(input.text) : fromJsonLines(input.text);
  if (!events.ok) return events;
  if (events.value.length > MAX_EVENTS)
    return err({ code: 'delivery-too-many', text: `more than ${MAX_EVENTS} reports in one delivery` });
  const reports: Report[] = [];
  const refused: RefusedRow[] = [];
  for (const { line, value } of events.value) {
    const report = value.ok ? readEvent(value.value, line, input) : value;
    if (report.ok) reports.push(report.value);
    else refused.push({ line, code: report.error.code, text: report.error.text });
  }
  return ok({ total: events.value.length, reports, refused });
}

type Fault = { readonly code: string; readonly text: string };
/** `line`: 1-based line of JSON lines, 1-based place in the array of JSON. */
type Numbered = { readonly line: number; readonly value: Result<unknown, Fault> };

function fromJson(text: string): Result<readonly Numbered[], DeliveryFault> {
  const body = parseJson(text, MAX_DEPTH);
  if (!body.ok) return body;
  const reports = isRecord(body.value) && Object.keys(body.value).length === 1 ? body.value['reports'] : undefined;
  if (!Array.isArray(reports) || reports.length === 0)
    return err({ code: 'delivery-shape', text: 'expected {"reports": [ … ]} with at least one report' });
  return ok(reports.map((value: unknown, i) => ({ line: i + 1, value: ok(value) })));
}

function fromJsonLines(text: string): Result<readonly Numbered[], DeliveryFault> {
  const lines = text
    .split('\n')
    .map((line, i) => ({ line: i + 1, text: line.trim() }))
    .filter((line) => line.text !== '');
  if (lines.length === 0) return err({ code: 'delivery-shape', text: 'no line holds a report' });
  if (lines.length > MAX_EVENTS) return err({ code: 'delivery-too-many', text: `more than ${MAX_EVENTS} lines` });
  return ok(lines.map(({ line, text }) => ({ line, value: parseJson(text, MAX_DEPTH) })));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readEvent(value: unknown, line: number, input: DeliveryInput): Result<Report, Fault> {
  const shape = eventSchema.safeParse(value);
  if (!shape.success) {
    const issue = shape.error.issues[0];
    const place = issue?.path.join('.') ?? '';
    return err({
      code: 'event-shape',
      text: `${place === '' ? 'event' : place}: ${issue?.message ?? 'wrong'}`.slice(0, 200),
    });
  }
  const event = shape.data;
  const observedAt = parseRfc3339(event.observedAt);
  if (observedAt === undefined || observedAt < EARLIEST)
    return err({ code: 'timestamp-bad', text: 'observedAt is not RFC 3339 with Z or an offset, or lies before 2000' });
  if (observedAt > input.receivedAt + 2 * SECOND)
    return err({ code: 'timestamp-future', text: 'observedAt lies in the future' });
  const ip = lineAddress(event.ip);
  if (!ip.ok) return ip;
  const destinationIp = event.destinationIp === undefined ? undefined : parseIp(event.destinationIp);
  if (event.destinationIp !== undefined && destinationIp === undefined)
    return err({ code: 'ip-not-canonical', text: 'not an address in plain IPv4 or RFC 4291 form' });
  return ok(reportOf(event, { ip: ip.value, destinationIp, observedAt, line, input }));
}

interface Judged {
  readonly ip: Ip;
  readonly destinationIp: Ip | undefined;
  readonly observedAt: Instant;
  readonly line: number;
  readonly input: DeliveryInput;
}

function reportOf(event: ReportedEvent, { ip, destinationIp, observedAt, line, input }: Judged): Report {
  const isSpoofable = isHandshake(event) && (event.protocol === 'udp' || event.protocol === 'icmp');
  // Whoever says how exact it is knows that midnight was the time.
  const isDate = event.precisionSeconds === undefined && writtenAt(event.observedAt, observedAt)! % DAY === 0;
  const notes = [...(isSpoofable ? ['spoofable'] : []), ...(isDate ? ['midnight'] : [])].join(';');
  return {
    id: hash('sha256', JSON.stringify([input.source, 'api', event.id]), 'hex'),
    source: input.source,
    type: 'api',
    // One packet whose source anybody can write: no handshake took place.
    class: isSpoofable ? 'attack-single-packet' : event.class,
    mayAct: event.class !== 'victim' && event.class !== 'info',
    family: (event.family === undefined ? undefined : input.familyOf(event.family.trim().toLowerCase())) ?? 'unknown',
    ip,
    ...(event.port === undefined ? {} : { port: event.port }),
    ...(event.protocol === undefined ? {} : { protocol: event.protocol }),
    ...(destinationIp === undefined ? {} : { destinationIp }),
    ...(event.destinationPort === undefined ? {} : { destinationPort: event.destinationPort }),
    observedAt,
    precisionMs: isDate ? DAY : (event.precisionSeconds ?? 1) * SECOND,
    evidence: { hash: input.evidenceHash, line },
    extra: {
      ...withoutOurs(event.extra ?? {}),
      'engawa.event': event.id,
      [CONTENT_KEY]: contentOf(event),
      ...(notes !== '' && { 'engawa.notes': notes }),
    },
  };
}

function isHandshake(event: ReportedEvent): boolean {
  return event.class === 'infected-handshake' || event.class === 'attack-handshake';
}

function withoutOurs(extra: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(extra).filter(([key]) => !key.startsWith('engawa.')));
}

/** Independent of the order of keys. */
function contentOf(event: ReportedEvent): string {
  const sorted = (value: object) => Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return hash('sha256', JSON.stringify([sorted({ ...event, extra: undefined }), sorted(event.extra ?? {})]), 'hex');
}
