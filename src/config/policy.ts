// The policy file: YAML in, Policy out. Unknown keys, unknown words and rules without a legal basis do not load. The JSON
// Schema for editors is made from the same schema (deploy/policy.schema.json).
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ok, type Result } from '../core/kernel/result.ts';
import { DAY, HOUR, MINUTE } from '../core/kernel/time.ts';
import { LINE_CLASSES } from '../core/line/line.ts';
import {
  DEFAULT_BREAKER,
  type LadderStep,
  type Policy,
  RESERVED_ACTIONS,
  type Rule,
  STEP_ACTIONS,
  type StepAction,
  type SupportHours,
} from '../core/policy/policy.ts';
import { canonicalFamily, type FamilyBook, UNKNOWN_FAMILY } from '../core/report/family.ts';
import { REPORT_CLASSES } from '../core/report/report.ts';
import { always, readDocument, strict } from './document.ts';
import type { Fault } from './faults.ts';
import { duration, line, slug, timeZone } from './scalars.ts';

const count = z.int().min(1).max(100);
const oneOrMore = <T extends z.ZodType>(item: T) => z.array(item).min(1).max(50);

const match = strict({
  class: oneOrMore(z.enum(REPORT_CLASSES)).optional().describe('Report classes; left out: any that may act.'),
  family: oneOrMore(slug).optional().describe('Threat families by slug; left out: any.'),
  source: oneOrMore(slug).optional().describe('Names of sources and feeds; left out: any.'),
  lineClass: oneOrMore(z.enum(LINE_CLASSES)).optional(),
  minReports: strict({ count, within: duration(MINUTE, 30 * DAY) })
    .optional()
    .describe('So many distinct observations of the family on the line within the time.'),
  minPriorCases: strict({ count, within: duration(DAY, 730 * DAY) })
    .optional()
    .describe('So many earlier cases of the line, opened within the time.'),
});

const action = z.enum(STEP_ACTIONS, {
  error: ({ input }) =>
    (RESERVED_ACTIONS as readonly unknown[]).includes(input)
      ? `one of ${STEP_ACTIONS.join(', ')} (${String(input)}: not yet, a word of a later version)`
      : undefined,
});

const step = strict({
  do: action.describe('notify: messages only. leaky: abused ports closed. strict: packs and lifelines only.'),
  wait: duration(0, 90 * DAY)
    .optional()
    .describe('Time the line has after the step before; a report observed later leads here.'),
  max: duration(HOUR, 90 * DAY)
    .optional()
    .describe('Longest stay, then the ladder loosens by itself.'),
  supportHoursOnly: z.boolean().optional().describe('Gardens begin in support hours only; default true.'),
});

/** A check that runs over faulty files, too, may meet a mapping where a list belongs. */
function listed<T>(value: readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : [];
}

const ladder = z
  .array(step)
  .min(1)
  .max(3)
  .check(
    always<readonly { do: StepAction }[]>((steps, fault) => {
      for (const [i, step] of listed(steps).entries()) {
        const [now, before] = [STEP_ACTIONS.indexOf(step?.do), STEP_ACTIONS.indexOf(steps[i - 1]?.do as StepAction)];
        if (now >= 0 && now <= before) fault([i, 'do'], `a step stricter than ${STEP_ACTIONS[before]}`);
      }
    }),
  );

const rule = strict({
  id: slug,
  match,
  ladder,
  legalBasis: strict({
    basis: z.enum(['contract', 'consent', 'security-of-the-network', 'legal-obligation']),
    termsClause: line(200).describe('The clause a subscriber can look up.'),
    note: line(500).optional(),
  }).describe('Without it a rule does not load.'),
  selfRelease: strict({
    perDay: z.int().min(0).max(1).default(1),
    per90Days: z.int().min(0).max(2).default(2),
    probationHours: z.int().min(24).max(720).default(72),
  }).default({ perDay: 1, per90Days: 2, probationHours: 72 }),
  expiryDays: z.int().min(1).max(90).default(30).describe('Every case has an end.'),
});

const minuteOfDay = (text: string) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5));
const span = z.string().transform((text, context) => {
  const parts = /^((?:[01][0-9]|2[0-3]):[0-5][0-9])-((?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)$/.exec(text);
  const [fromMinute, toMinute] = [minuteOfDay(parts?.[1] ?? ''), minuteOfDay(parts?.[2] ?? '')];
  if (fromMinute < toMinute) return { fromMinute, toMinute };
  context.addIssue({ code: 'custom', message: 'hours such as 09:00-18:00 (until at most 24:00)' });
  return z.NEVER;
});
const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
const spans = z.array(span).max(4).default([]);

const supportHours = strict({
  timeZone,
  sunday: spans,
  monday: spans,
  tuesday: spans,
  wednesday: spans,
  thursday: spans,
  friday: spans,
  saturday: spans,
});

const policySchema = strict({
  name: slug.describe('For people; the version is the hash of the file.'),
  supportHours: supportHours.optional().describe('Left out: always open.'),
  breaker: strict({
    window: duration(10 * MINUTE, DAY).default(DEFAULT_BREAKER.windowMs),
    percentOfLines: z.number().gt(0).max(0.1).default(0.1),
    floor: z.int().min(1).max(3).default(3),
    ceiling: z.int().min(1).max(50).default(50),
    perSource: z.int().min(1).max(20).default(20),
    perGateway: z.int().min(1).max(5).default(5),
  })
    .prefault({})
    .describe('New gardens per window; a policy may only be more careful than the defaults.'),
  corroboration: duration(MINUTE, 7 * DAY)
    .default(72 * HOUR)
    .describe('How far two independent sources may lie apart.'),
  postpone: duration(HOUR, 7 * DAY)
    .default(DAY)
    .describe('How far a subscriber may postpone the next step, once.'),
  rules: z
    .array(rule)
    .min(1)
    .max(200)
    .check(
      always<readonly { id: string }[]>((rules, fault) => {
        const ids = listed(rules).map((one) => one?.id);
        for (const [i, id] of ids.entries())
          if (id !== undefined && ids.indexOf(id) < i) fault([i, 'id'], 'an id no other rule has');
      }),
    )
    .describe('In order; the first that matches decides.'),
});

export interface PolicyFacts {
  /** When given, a family the book does not know is a fault. */
  readonly families?: FamilyBook;
  /** When given, a source nobody configured is a fault. */
  readonly sources?: readonly string[];
}

export function loadPolicy(text: string, name: string, facts: PolicyFacts = {}): Result<Policy, readonly Fault[]> {
  const read = readDocument(text, name, withFacts(facts));
  if (!read.ok) return read;
  const file = read.value;
  const { window: windowMs, percentOfLines, ...caps } = file.breaker;
  const policy: Policy = {
    version: createHash('sha256').update(text).digest('hex'),
    name: file.name,
    rules: file.rules.map(toRule),
    breaker: { windowMs, share: percentOfLines / 100, ...caps },
    ...(file.supportHours && { supportHours: toSupportHours(file.supportHours) }),
    corroborationMs: file.corroboration,
    postponeMs: file.postpone,
  };
  return ok(policy);
}

/** Names that only the rest of the configuration knows are checked in the same pass, so that all faults come at once. */
function withFacts({ families, sources }: PolicyFacts) {
  const check = always<z.output<typeof policySchema>>(({ rules }, fault) => {
    for (const [i, rule] of (Array.isArray(rules) ? rules : []).entries()) {
      for (const [j, name] of listOf(rule?.match?.family).entries())
        if (families !== undefined && name !== UNKNOWN_FAMILY && canonicalFamily(families, name) !== name)
          fault(['rules', i, 'match', 'family', j], 'a family of families.yaml');
      for (const [j, name] of listOf(rule?.match?.source).entries())
        if (sources?.includes(name) === false) fault(['rules', i, 'match', 'source', j], 'a configured source or feed');
    }
  });
  return policySchema.check(check);
}

function listOf(value: readonly string[] | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function toRule(file: z.output<typeof rule>): Rule {
  const { minReports, minPriorCases, ...plain } = file.match;
  return {
    id: file.id,
    match: {
      ...defined(plain),
      ...(minReports && { minReports: { count: minReports.count, withinMs: minReports.within } }),
      ...(minPriorCases && { minPriorCases: { count: minPriorCases.count, withinMs: minPriorCases.within } }),
    },
    ladder: file.ladder.map(toStep),
    legalBasis: defined(file.legalBasis),
    selfRelease: {
      perDay: file.selfRelease.perDay,
      per90Days: file.selfRelease.per90Days,
      probationMs: file.selfRelease.probationHours * HOUR,
    },
    expiryMs: file.expiryDays * DAY,
  };
}

function toStep(file: z.output<typeof step>): LadderStep {
  return {
    do: file.do,
    waitMs: file.wait ?? 0,
    ...(file.max !== undefined && { maxMs: file.max }),
    supportHoursOnly: file.do === 'notify' ? false : (file.supportHoursOnly ?? true),
  };
}

function toSupportHours({ timeZone: zone, ...days }: z.output<typeof supportHours>): SupportHours {
  return { timeZone: zone, days: WEEKDAYS.map((day) => days[day]) };
}

/** exactOptionalPropertyTypes: what zod leaves as undefined is left out. */
function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as never;
}

/** JSON Schema (2020-12) of the file as written. */
export function policyJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(policySchema, { io: 'input', unrepresentable: 'any' });
  return { ...schema, title: 'Engawa policy' };
}
