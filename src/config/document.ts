// YAML text + schema → a value, or all faults at once with their place in the text. YAML 1.2 core: no merge keys, no
// aliases (a short file could unfold into a huge one), no duplicate keys, one document.
import { isMap, isNode, isScalar, LineCounter, type Node, parseDocument, visit } from 'yaml';
import { z } from 'zod';
import { err, ok, type Result } from '../core/kernel/result.ts';
import { describeValue, type Fault, nearest } from './faults.ts';

/** A configuration longer than this is a mistake. */
const TEXT_LIMIT = 1_000_000;
type Path = readonly PropertyKey[];
type Document = ReturnType<typeof parseDocument>;

/** An object that refuses unknown keys and knows how to name the one that was meant. */
export function strict<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const known = Object.keys(shape).join(' ');
  return z.strictObject(shape, { error: (issue) => (issue.code === 'unrecognized_keys' ? known : undefined) });
}

/** A check over a whole list or object that runs even while parts of it are faulty: all faults at once. */
export function always<T>(fn: (value: T, fault: (path: Path, expected: string) => void) => void) {
  const check = z.check<T>(({ value, issues }) => {
    fn(value, (path, message) => issues.push({ code: 'custom', input: value, path: [...path], message }));
  });
  check._zod.def.when = ({ value }) => value !== null && typeof value === 'object';
  return check;
}

export function readDocument<Schema extends z.ZodType>(
  text: string,
  file: string,
  schema: Schema,
): Result<z.output<Schema>, readonly Fault[]> {
  const lines = new LineCounter();
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  if (text.length > TEXT_LIMIT)
    return err([{ ...place(0), path: '', expected: `at most ${TEXT_LIMIT} characters`, got: String(text.length) }]);

  const doc = parseDocument(text, { lineCounter: lines, uniqueKeys: true, version: '1.2', merge: false, strict: true });
  const broken = [...doc.errors, ...doc.warnings].map((error): Fault => {
    const duplicate = error.code === 'DUPLICATE_KEY';
    const got = duplicate
      ? 'the same key again'
      : (error.message.split('\n')[0] ?? error.code).replace(/ at line .*$/, '');
    return { ...place(error.pos[0]), path: '', expected: duplicate ? 'each key once' : 'well-formed YAML', got };
  });
  if (broken.length > 0) return err(broken);
  if (hasAlias(doc)) return err([{ ...place(0), path: '', expected: 'no YAML aliases (*name)', got: 'one' }]);

  const parsed = schema.safeParse(doc.toJS({ maxAliasCount: 0 }));
  if (parsed.success) return ok(parsed.data);
  const root = doc.toJS({ maxAliasCount: 0 }) as unknown;
  const faults = parsed.error.issues.flatMap((issue) => faultsOf(issue, { doc, root, place }));
  return err(faults.sort((a, b) => a.line - b.line || a.column - b.column));
}

/** Where `rules[0].id` stands in a text that was read before. */
export function placeOf(text: string, file: string, path: string): Pick<Fault, 'file' | 'line' | 'column'> {
  const lines = new LineCounter();
  const doc = parseDocument(text, { lineCounter: lines });
  const parts = path.split(/[.[\]]+/).filter((part) => part !== '');
  const { line, col } = lines.linePos(
    offsetOf(
      doc,
      parts.map((part) => (/^\d+$/.test(part) ? Number(part) : part)),
    ),
  );
  return { file, line: Math.max(1, line), column: Math.max(1, col) };
}

function hasAlias(doc: Document): boolean {
  let found = false;
  visit(doc, {
    Alias: () => {
      found = true;
      return visit.BREAK;
    },
  });
  return found;
}

interface Context {
  readonly doc: Document;
  readonly root: unknown;
  place(offset: number): Pick<Fault, 'file' | 'line' | 'column'>;
}

function faultsOf(issue: z.core.$ZodIssue, context: Context): readonly Fault[] {
  const path = formatPath(issue.path);
  if (issue.code === 'unrecognized_keys') {
    const known = issue.message.split(' ');
    return issue.keys.map((key) => {
      const meant = nearest(key, known);
      return {
        ...context.place(keyOffset(context.doc, issue.path, key)),
        path: formatPath([...issue.path, key]),
        expected: meant === undefined ? `one of the keys ${known.join(', ')}` : 'a known key',
        got: JSON.stringify(key),
        ...(meant !== undefined && { hint: `did you mean "${meant}"?` }),
      };
    });
  }
  const value = valueAt(context.root, issue.path);
  const words = typeof value === 'string' && issue.code === 'invalid_value' ? issue.values.map(String) : [];
  const meant = typeof value === 'string' ? nearest(value, words) : undefined;
  return [
    {
      ...context.place(offsetOf(context.doc, issue.path)),
      path,
      expected: expectedOf(issue),
      got: describeValue(value),
      ...(meant !== undefined && { hint: `did you mean "${meant}"?` }),
    },
  ];
}

/** Our own checks word their message as what was expected; zod's are worded here. */
function expectedOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return NAMES[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return issue.message.startsWith('Invalid') ? `one of ${issue.values.map(String).join(', ')}` : issue.message;
    case 'too_small':
      return `${SIZES[issue.origin] ?? 'a number'} of at least ${issue.minimum}`;
    case 'too_big':
      return `${SIZES[issue.origin] ?? 'a number'} of at most ${issue.maximum}`;
    case 'invalid_union':
      return issue.message.startsWith('Invalid') ? `a known ${issue.discriminator ?? 'form'}` : issue.message;
    default:
      return issue.message;
  }
}

const NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};
const SIZES: Readonly<Record<string, string>> = { string: 'a length', array: 'a list length', number: 'a number' };

function formatPath(path: Path): string {
  return path.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`,
    '',
  );
}

function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      value !== null && typeof value === 'object' && Object.hasOwn(value, part)
        ? (value as Record<PropertyKey, unknown>)[part]
        : undefined,
    root,
  );
}

/** Where the value stands; for a missing one, where its nearest parent stands. */
function offsetOf(doc: Document, path: Path): number {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? doc.contents : doc.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) {
      // An empty value stands right behind its colon, where nothing is to be seen: show the key.
      const empty = isScalar(node) && node.range[0] === node.range[1] && length > 0;
      return empty ? keyOffset(doc, path.slice(0, length - 1), String(path[length - 1])) : node.range[0];
    }
  }
  return 0;
}

function keyOffset(doc: Document, path: Path, key: string): number {
  const parent = path.length === 0 ? doc.contents : doc.getIn(path, true);
  if (!isMap(parent)) return offsetOf(doc, path);
  const pair = parent.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
  return (pair?.key as Node | undefined)?.range?.[0] ?? parent.range?.[0] ?? 0;
}
