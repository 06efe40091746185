// deploy/feeds/*.yaml and an operator's own: mapping profiles for lists in CSV or JSON. A profile that does not say its zone, or
// whose pattern could run for long, does not load.
import { join } from 'node:path';
import { z } from 'zod';
import { err, ok, type Result } from '../core/kernel/result.ts';
import { DAY, MINUTE, SECOND } from '../core/kernel/time.ts';
import { boundedPattern, type FeedProfile, TIME_FORMS } from '../core/report/feed-profile.ts';
import { REPORT_CLASSES } from '../core/report/report.ts';
import { readDocument, strict } from './document.ts';
import type { Fault } from './faults.ts';
import { duration, feedZone, slug } from './scalars.ts';

/** Those that come with Engawa. */
export const BUILT_IN_PROFILES = join(import.meta.dirname, '../../deploy/feeds');

const column = z
  .string()
  .regex(/^[A-Za-z0-9_. -]{1,64}$/, 'the name of a column')
  .transform((text) => text.toLowerCase());
const cell = z.string().max(64);

const inText = strict({
  column,
  pattern: z
    .string()
    .refine(
      (text) => boundedPattern(text) !== undefined,
      'a pattern with one (group), repetition up to {0,8} and nothing unbounded (no * or +), such as srcport:? (\\d{1,5})',
    ),
});

const csv = strict({
  kind: z.literal('csv'),
  separator: z.enum([',', ';', '|', '\t', ' '], 'one of , ; | a tab or a blank').default(','),
  comment: z.string().length(1, 'one character').optional(),
  quotes: z.boolean().default(true),
  columns: z.array(column).min(1).max(200).optional(),
  mayGrow: z.boolean().default(false),
}).refine((one) => one.comment !== one.separator, 'another character than the separator');
const json = strict({ kind: z.literal('json') });

const time = strict({
  columns: z.array(column).min(1).max(2),
  form: z.enum(TIME_FORMS),
  zone: z.union([z.literal('unknown'), feedZone], {
    error:
      'an IANA time zone such as Asia/Tokyo, UTC, or unknown (±14 h): a list without a zone names other households',
  }),
  precision: duration(SECOND, 14 * DAY).optional(),
}).refine((one) => one.zone === 'UTC' || !['offset', 'epoch-s', 'epoch-ms', 'filetime'].includes(one.form), {
  path: ['zone'],
  error: 'UTC: this form of time says its zone itself',
});

const IMPLIED_PRECISION = { minute: MINUTE, date: DAY } as const;

const reportClass = z.enum(REPORT_CLASSES);

const profileFile = strict({
  name: slug,
  version: z.int().min(1).max(1_000_000),
  format: z.discriminatedUnion('kind', [csv, json]),
  toldBy: z.string().min(3).max(200).optional(),
  time,
  subscriber: strict({
    ip: column,
    port: column.optional(),
    portMayBeOther: z.boolean().default(false),
    portInText: inText.optional(),
  }),
  other: strict({ ip: column.optional(), port: column.optional() }).optional(),
  protocol: column.optional(),
  protocolInText: inText.optional(),
  families: z.array(column).max(5).default([]),
  familyInText: inText.optional(),
  type: column.optional(),
  class: strict({
    column: column.optional(),
    by: z.record(z.string().min(1).max(64), reportClass).default({}),
    otherwise: reportClass,
    onlyWithTcp: z.boolean().default(true),
  }),
  mayAct: z.boolean(),
  empty: z.array(cell).max(20).default([]),
  defanged: z.boolean().default(false),
  left: z.array(column).max(50).default([]),
}).refine((one) => one.class.column !== undefined || Object.keys(one.class.by).length === 0, {
  path: ['class', 'by'],
  error: 'class.column, the column whose cells these are',
});

export function loadFeedProfile(text: string, file: string): Result<FeedProfile, readonly Fault[]> {
  const read = readDocument(text, file, profileFile);
  if (!read.ok) return read;
  const { time: written, ...profile } = read.value;
  const { precision, ...rest } = written;
  const implied = written.form in IMPLIED_PRECISION ? IMPLIED_PRECISION[written.form as 'minute' | 'date'] : SECOND;
  return ok({
    ...profile,
    class: { ...profile.class, by: folded(profile.class.by) },
    // A list cannot be surer than the form it writes.
    time: { ...rest, precisionMs: Math.max(precision ?? implied, implied) },
  });
}

function folded<T>(by: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(by).map(([key, value]) => [key.toLowerCase(), value]));
}

/** By name; a later folder's profile takes the place of one that comes with Engawa. */
export function loadFeedProfiles(
  files: readonly { readonly name: string; readonly text: string }[],
): Result<ReadonlyMap<string, FeedProfile>, readonly Fault[]> {
  const read = files.map(({ name, text }) => loadFeedProfile(text, name));
  const faults = read.flatMap((one) => (one.ok ? [] : one.error));
  if (faults.length > 0) return err(faults);
  return ok(new Map(read.flatMap((one) => (one.ok ? [[one.value.name, one.value] as const] : []))));
}
