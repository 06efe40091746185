// deploy/dialects/*.yaml and an operator's own: packets as data. What loads can be encoded and sent: every attribute, value and
// placeholder is tried here, since the first subscriber to meet a mistake would be one who waits to be let out.
import { basename, join } from 'node:path';
import { z } from 'zod';
import type { Dialect, DialectRequest, NakVerdict, NamedAttribute } from '../core/dialect/dialect.ts';
import { err, ok, type Result } from '../core/kernel/result.ts';
import { checkDialect } from './dialect-check.ts';
import { always, placeOf, readDocument, strict } from './document.ts';
import type { Fault } from './faults.ts';
import { line, port, slug } from './scalars.ts';

/** Those that come with Engawa. */
export const BUILT_IN_DIALECTS = join(import.meta.dirname, '../../deploy/dialects');

/** As radclient and every manual write it: `Filter-Id = garden`, `ERX-Service-Activate:1 = garden`. */
const attribute = z
  .string()
  .max(4096)
  .describe('NAME = VALUE or NAME:TAG = VALUE')
  .transform((text, context): NamedAttribute => {
    const parts = /^([A-Za-z0-9][A-Za-z0-9.-]*)(?::([0-9]{1,2}))? *=(?: (.*))?$/.exec(text);
    if (parts === null) {
      context.addIssue({ code: 'custom', message: 'NAME = VALUE, such as Filter-Id = {strict}' });
      return z.NEVER;
    }
    const [, name, tag, value = ''] = parts;
    return { name: name!, ...(tag !== undefined && { tag: Number(tag) }), value };
  });

const attributes = z.array(attribute).max(40);

/** A bare name: the session's own value. */
const KEY = 'the name of an attribute, or NAME = VALUE';
const key = z.union([z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.-]*$/, KEY), attribute], { error: KEY });

const cause = z.union([z.int().min(1).max(999), z.literal('none')], { error: 'an Error-Cause, or none' });

const request = strict({
  send: z.enum(['CoA-Request', 'Disconnect-Request']),
  attributes: attributes.default([]),
  doneOn: z.array(cause).max(10).optional().describe('Error-Causes that say: it is so already.'),
});
const requests = z.array(request).min(1).max(10);

const word = z.string().min(1).max(253);
const mark = strict({
  attribute: z.string().min(1).max(64),
  equals: word.optional(),
  contains: word.optional().describe('As a whole word.'),
}).refine((one) => (one.equals === undefined) !== (one.contains === undefined), 'one of equals and contains');
const marks = { strict: mark, leaky: mark.optional(), off: mark.optional() };

const confirmation = z.discriminatedUnion('by', [
  strict({ by: z.literal('accounting'), ...marks }),
  strict({ by: z.literal('status-query'), request, ...marks }),
  strict({ by: z.literal('portal-hit') }),
]);

const value = strict({
  purpose: line(200),
  default: line(253).optional(),
  example: line(253).optional(),
  required: z.boolean().default(true).describe('false: what needs it is left out where it is not configured.'),
}).refine((one) => one.default !== undefined || one.example !== undefined, 'a default or an example');

/** As the configuration of a gateway takes them, and as they stand in braces. */
const named = always<Readonly<Record<string, unknown>>>((values, fault) => {
  for (const name of Object.keys(values))
    if (!/^[a-z][a-zA-Z0-9-]{0,47}$/.test(name))
      fault([name], 'a name that begins with a small letter: letters, digits, hyphens');
});

const verdict = strict({
  action: z.enum(['done', 'stop', 'needs-key', 'session-gone', 'retry', 'wait']),
  text: line(300).describe('One sentence: what it means on this kind of BNG.'),
});

const dialectFile = strict({
  name: slug.describe('The name of the file, without .yaml.'),
  title: line(80),
  overrides: z.literal(true).optional().describe('In place of the dialect of this name that came before.'),
  certainty: z.enum(['documented', 'operator-code', 'tested-on-peer']).describe('How sure we are that it works so.'),
  testedOn: line(80).optional().describe('Which peer, which version.'),
  sources: z.array(line(300)).min(1).max(20),
  port: port.describe('Default UDP port of the NAS.'),
  families: z
    .array(z.enum(['ipv4', 'ipv6']))
    .min(1)
    .max(2),
  identify: z
    .array(z.array(key).min(1).max(8))
    .min(1)
    .max(8)
    .describe('Groups of attributes that name a session, best first.'),
  values: z.record(z.string(), value).default({}).check(named),
  strict: requests,
  leaky: requests.optional(),
  lacksLeaky: z.literal(true).optional().describe('In place of leaky: nothing between open and strict. It is as off.'),
  off: requests,
  bounce: requests,
  login: strict({ strict: attributes, leaky: attributes }).describe('For Access-Accept.'),
  revert: z
    .union([z.literal('nothing'), strict({ plan: z.string().min(1).max(64) })], {
      error: 'nothing, or plan: the attribute that shows the value from before',
    })
    .describe('What off needs to know.'),
  sessionIdChanges: z.boolean().default(false),
  confirm: z.array(confirmation).max(4).default([]),
  naks: z.record(z.string(), verdict).default({}).describe('By Error-Cause; none: a NAK without one.'),
  notes: z.array(line(500)).max(20).default([]),
})
  .refine((one) => (one.certainty === 'tested-on-peer') === (one.testedOn !== undefined), {
    path: ['testedOn'],
    error: 'the peer and its version with certainty: tested-on-peer, and only with it',
  })
  .refine((one) => (one.leaky === undefined) === (one.lacksLeaky === true), {
    path: ['leaky'],
    error: 'a list of requests, or lacksLeaky: true in place of it',
  })
  .refine((one) => Object.keys(one.naks).every((name) => name === 'none' || /^[1-9][0-9]{2}$/.test(name)), {
    path: ['naks'],
    error: 'Error-Causes such as 503, or none, as keys',
  });

type DialectFile = z.output<typeof dialectFile>;

interface File {
  readonly name: string;
  readonly text: string;
}

/** In the order given: a later file may take the place of an earlier one, if it says so. */
export function loadDialects(files: readonly File[]): Result<ReadonlyMap<string, Dialect>, readonly Fault[]> {
  const dialects = new Map<string, Dialect>();
  const faults: Fault[] = [];
  for (const file of files) {
    const read = loadDialect(file);
    if (!read.ok) {
      faults.push(...read.error);
      continue;
    }
    const { name, overrides } = read.value;
    const isTaken = dialects.has(name);
    if (isTaken === (overrides === true)) dialects.set(name, read.value);
    else
      faults.push({
        ...placeOf(file.text, file.name, isTaken ? 'name' : 'overrides'),
        path: isTaken ? 'name' : 'overrides',
        expected: isTaken
          ? 'a name no other dialect has, or overrides: true'
          : 'the name of a dialect that came before',
        got: JSON.stringify(name),
      });
  }
  return faults.length > 0 ? err(faults) : ok(dialects);
}

function loadDialect({ name, text }: File): Result<Dialect, readonly Fault[]> {
  const read = readDocument(text, name, dialectFile);
  if (!read.ok) return read;
  const dialect = toDialect(read.value);
  const found = checkDialect(dialect).map(({ path, ...fault }) => ({ ...placeOf(text, name, path), path, ...fault }));
  if (basename(name, '.yaml') !== dialect.name)
    found.push({
      ...placeOf(text, name, 'name'),
      path: 'name',
      expected: `the name of its file, ${basename(name, '.yaml')}`,
      got: JSON.stringify(dialect.name),
    });
  return found.length === 0 ? ok(dialect) : err(found.sort((a, b) => a.line - b.line || a.column - b.column));
}

function toDialect(file: DialectFile): Dialect {
  const { leaky, lacksLeaky, families, revert, naks, values, testedOn, overrides, ...plain } = file;
  const off = file.off.map(toRequest);
  return {
    ...plain,
    ...(testedOn !== undefined && { testedOn }),
    ...(overrides !== undefined && { overrides }),
    families: { ipv4: families.includes('ipv4'), ipv6: families.includes('ipv6') },
    values: Object.fromEntries(Object.entries(values).map(([name, one]) => [name, defined(one)])),
    strict: file.strict.map(toRequest),
    leaky: leaky?.map(toRequest) ?? off,
    ...(lacksLeaky !== undefined && { lacksLeaky }),
    off,
    bounce: file.bounce.map(toRequest),
    revert: revert === 'nothing' ? { needs: 'nothing' } : { needs: 'plan', attribute: revert.plan },
    confirm: file.confirm.map(toConfirmation),
    naks: Object.fromEntries(
      Object.entries(naks).map(([name, one]): [number, NakVerdict] => [name === 'none' ? 0 : Number(name), one]),
    ),
  };
}

function toRequest({ send, attributes, doneOn }: z.output<typeof request>): DialectRequest {
  return {
    code: send,
    attributes,
    ...(doneOn !== undefined && { doneOn: doneOn.map((one) => (one === 'none' ? 0 : one)) }),
  };
}

function toConfirmation(one: z.output<typeof confirmation>): Dialect['confirm'][number] {
  if (one.by === 'portal-hit') return one;
  const { strict: marked, leaky, off } = one;
  const marks = {
    strict: defined(marked),
    ...(leaky && { leaky: defined(leaky) }),
    ...(off && { off: defined(off) }),
  };
  return one.by === 'accounting' ? { by: one.by, ...marks } : { by: one.by, request: toRequest(one.request), ...marks };
}

/** exactOptionalPropertyTypes: what zod leaves as undefined is left out. */
function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as never;
}

/** JSON Schema (2020-12) of the file as written. */
export function dialectJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(dialectFile, { io: 'input', unrepresentable: 'any' });
  return { ...schema, title: 'Engawa dialect' };
}
