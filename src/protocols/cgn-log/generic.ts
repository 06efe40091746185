// A dialect that a configuration describes: `key=value` words under names of your own, or a regular expression with named groups.
// For boxes without a dialect here; docs/translators.md says how to write one. Lines are bounded, so that a slow pattern stays slow only.
import { parseRfc3339 } from '../../core/kernel/civil.ts';
import { err, ok, type Result } from '../../core/kernel/result.ts';
import type { Stamp } from '../../core/kernel/stamp.ts';
import { type CgnDialect, type CgnRecord, NOT_A_BINDING, recordOf } from './record.ts';

const FIELDS = ['event', 'inside', 'outside', 'ports', 'low', 'high', 'protocol', 'vrf', 'time'] as const;
export type GenericField = (typeof FIELDS)[number];

export interface GenericDialect {
  /** Field → the key that the log uses for it. One of `keys` and `pattern`. */
  readonly keys?: Readonly<Partial<Record<GenericField, string>>>;
  /** With named groups of the same names. */
  readonly pattern?: string;
  /** What stands in `event`, in the log's own words. */
  readonly allocated: readonly string[];
  readonly inUse: readonly string[];
  readonly released: readonly string[];
}

const MAX_LINE_CHARS = 2_048;
const WORD = /([A-Za-z][A-Za-z0-9_.-]{0,63})=(?:"([^"]{0,200})"|([^\s",;]{0,200}))/g;

/** A pattern that cannot be compiled, or that names no address: said at load. */
export function genericFault(described: GenericDialect): string | undefined {
  if ((described.keys === undefined) === (described.pattern === undefined)) return 'either keys or a pattern';
  if (described.pattern !== undefined) {
    try {
      new RegExp(described.pattern, 'u');
    } catch {
      return 'a regular expression';
    }
  }
  const has = (field: GenericField) =>
    described.keys === undefined ? described.pattern!.includes(`(?<${field}>`) : Object.hasOwn(described.keys, field);
  for (const field of ['event', 'inside', 'outside'] as const) if (!has(field)) return `${field} among the fields`;
  return has('ports') || has('low') ? undefined : 'ports, or low and high, among the fields';
}

/** Throws on what `genericFault` refuses. */
export function genericDialect(described: GenericDialect): CgnDialect {
  const read = described.keys === undefined ? byPattern(described.pattern!) : byKeys(described.keys);
  const kinds = new Map<string, CgnRecord['kind']>([
    ...described.allocated.map((word) => [word, 'allocated'] as const),
    ...described.inUse.map((word) => [word, 'in-use'] as const),
    ...described.released.map((word) => [word, 'released'] as const),
  ]);
  return (body) => {
    if (body.length > MAX_LINE_CHARS) return [err('malformed')];
    const fields = read(body);
    if (fields?.event === undefined) return NOT_A_BINDING;
    const kind = kinds.get(fields.event);
    if (kind === undefined) return [err('event-unknown')];
    const own = readTime(fields.time);
    if (!own.ok) return [err('time-bad')];
    const [low, high] = fields.ports === undefined ? [fields.low, fields.high] : fields.ports.split('-', 2);
    const { inside, outside, protocol, vrf } = fields;
    return [recordOf({ kind, inside, outside, low, high, protocol, vrf, own: own.value })];
  };
}

type Fields = Partial<Record<GenericField, string>>;

function byKeys(keys: NonNullable<GenericDialect['keys']>): (body: string) => Fields | undefined {
  const fieldOf = new Map(
    FIELDS.flatMap((field) => (keys[field] === undefined ? [] : [[keys[field], field] as const])),
  );
  return (body) => {
    const found: Fields = {};
    for (const [, key, quoted, plain] of body.matchAll(WORD)) {
      const field = fieldOf.get(key!);
      if (field !== undefined && found[field] === undefined) found[field] = quoted ?? plain ?? '';
    }
    return found;
  };
}

function byPattern(pattern: string): (body: string) => Fields | undefined {
  const compiled = new RegExp(pattern, 'u');
  return (body) => compiled.exec(body)?.groups as Fields | undefined;
}

/** Seconds or milliseconds since 1970, or RFC 3339 with its offset; absent: the head's time. */
function readTime(text: string | undefined): Result<Stamp | undefined, undefined> {
  if (text === undefined || text === '') return ok(undefined);
  if (/^[0-9]{9,10}$/.test(text)) return ok({ at: Number(text) * 1000 });
  if (/^[0-9]{9,10}\.[0-9]{1,6}$/.test(text)) return ok({ at: Math.floor(Number(text) * 1000) });
  if (/^[0-9]{12,13}$/.test(text)) return ok({ at: Number(text) });
  const at = parseRfc3339(text);
  return at === undefined ? err(undefined) : ok({ at });
}
