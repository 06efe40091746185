// sharing.yaml: the rules by which lines share addresses, each with the time it was valid. A file with a fault does not load: a
// wrong rule names wrong households, all of them at once. Binding tables of lw4o6 may stand in files beside it.
import { createHash } from 'node:crypto';
import { err, ok, type Result } from '../core/kernel/result.ts';
import { collisions } from '../core/line/sharing/collisions.ts';
import { type DeterministicRule, deterministicFaults, reservedPorts } from '../core/line/sharing/deterministic.ts';
import { doubledEntries, type Lw4o6Entry, type Lw4o6Table } from '../core/line/sharing/lw4o6.ts';
import { type MapERule, mapEFaults } from '../core/line/sharing/map-e.ts';
import type { RuleFault, RuleHead } from '../core/line/sharing/rule.ts';
import type { SharingRule, SharingRules } from '../core/line/sharing/rules.ts';
import { formatIp } from '../core/net/ip.ts';
import { formatPrefix, type Prefix } from '../core/net/prefix.ts';
import { parseCsvTable } from '../protocols/lw4o6/csv-table.ts';
import { parseSnabbTable } from '../protocols/lw4o6/snabb.ts';
import { parseRfc7422Record, ruleOf } from '../protocols/rfc7422/record.ts';
import { placeOf, readDocument } from './document.ts';
import { describeValue, type Fault } from './faults.ts';
import { type FileRule, sharingFile } from './sharing-schema.ts';

/** Of one table file, octets. */
const TABLE_LIMIT = 512_000_000;
/** Shown; the file is refused at the first one anyway. */
const MOST_FAULTS = 200;

type Made = Result<SharingRule, readonly (RuleFault & Partial<Fault>)[]>;

export interface SharingInput {
  readonly text: string;
  readonly file: string;
  /** Octets of a file named in it, by the name as written; throws what node:fs throws. */
  readonly read: (path: string) => Uint8Array;
}

export function loadSharing({ text, file, read }: SharingInput): Result<SharingRules, readonly Fault[]> {
  const document = readDocument(text, file, sharingFile);
  if (!document.ok) return document;
  const hash = createHash('sha256').update(text);
  const rules: SharingRule[] = [];
  const faults: Fault[] = [];
  const fault = (place: number, { field, ...rest }: RuleFault & Partial<Fault>) => {
    if (faults.length >= MOST_FAULTS) return;
    const path = field === '' ? `rules[${place}]` : `rules[${place}].${field}`;
    faults.push({ ...placeOf(text, file, path), path, got: 'something else', ...rest });
  };
  for (const [place, one] of document.value.rules.entries()) {
    const made = makeRule(one, (path) => {
      const octets = read(path);
      // The rules are the file and its tables together.
      hash.update('\0').update(octets);
      return octets;
    });
    if (made.ok) rules.push(made.value);
    else for (const each of made.error) fault(place, each);
  }
  // Places are those of the file only where every rule was read.
  if (faults.length === 0)
    for (const { first, second } of collisions(rules))
      fault(second, {
        field: '',
        expected: `a rule whose addresses no other rule has at that time (${rules[first]!.id} has)`,
        got: rules[second]!.id,
      });
  if (faults.length > 0) return err(faults.sort((a, b) => a.line - b.line || a.column - b.column));
  return ok(
    Object.freeze({ version: hash.digest('hex'), rules: Object.freeze(rules.map((one) => Object.freeze(one))) }),
  );
}

function makeRule(one: FileRule, read: (path: string) => Uint8Array): Made {
  if (one.kind === 'map-e') return makeMapE(one);
  return one.kind === 'deterministic-cgn' ? makeDeterministic(one) : makeTable(one, read);
}

function headOf({ id, realm, insideRealm, validFrom, validTo }: FileRule): RuleHead {
  return {
    ...{ id, realm, insideRealm },
    ...(validFrom !== undefined && { validFromAt: validFrom }),
    ...(validTo !== undefined && { validToAt: validTo }),
  };
}

function makeMapE(one: Extract<FileRule, { kind: 'map-e' }>): Made {
  const { ipv6Prefix, ipv4Prefix, eaLength, layout, psid } = one;
  const made: MapERule = {
    kind: 'map-e',
    ...headOf(one),
    ...{ ipv6Prefix, ipv4Prefix, eaLength, layout },
    psidOffset: one.psidOffset,
    ...(psid !== undefined && { psid }),
  };
  const faults = mapEFaults(made);
  // A PSID length that does not fit follows from other numbers: it stands in no key of its own.
  return faults.length === 0 ? ok(made) : err(faults.map((each) => shown(one, each, 'psidLength', 'eaLength')));
}

/** Every value has to be said: the RFC's defaults are not those of every CGN, and the wrong one names neighbours. */
const VALUES = ['inside', 'outside', 'ratio', 'dynamicFactor', 'algorithm', 'reservedPorts'] as const;

function makeDeterministic(one: Extract<FileRule, { kind: 'deterministic-cgn' }>): Made {
  if (one.record !== undefined) return fromRecord(one, one.record);
  const missing = VALUES.filter((key) => one[key] === undefined);
  if (one.recordZone !== undefined) return err([{ field: 'recordZone', expected: 'a record with it', got: 'none' }]);
  const unsaid = missing.map((field) => ({ field, expected: `${field}, or a record`, got: 'nothing' }));
  const faults = [...unsaid, ...poolFaults(one, one.inside, one.outside ?? [])];
  if (faults.length > 0) return err(faults);
  const inside = one.inside!;
  const made: DeterministicRule = {
    kind: 'deterministic-cgn',
    ...headOf(one),
    inside,
    insideLength: one.insideLength ?? 32,
    insideHosts: one.insideHosts ?? 'all',
    outside: one.outside!,
    outsideHosts: one.outsideHosts ?? 'all',
    ratio: one.ratio!,
    dynamicFactor: one.dynamicFactor!,
    reserved: reservedPorts(one.reservedPorts!),
  };
  const wrong = deterministicFaults(made);
  return wrong.length === 0 ? ok(made) : err(wrong.map((each) => shown(one, each)));
}

/** Where first and last address of a pool may or may not be used, somebody has to say so. */
function poolFaults(
  one: Extract<FileRule, { kind: 'deterministic-cgn' }>,
  inside: Prefix | undefined,
  outside: readonly Prefix[],
): readonly (RuleFault & Partial<Fault>)[] {
  const isV4 = inside?.ip.family === 4;
  const faults: (RuleFault & Partial<Fault>)[] = [];
  const expected = 'usable or all: does the pool give out its first and last address?';
  if (inside !== undefined && !isV4 && one.insideLength === undefined)
    faults.push({ field: 'insideLength', expected: 'the length of one subscriber’s prefix', got: 'nothing' });
  if (isV4 && inside.length < 31 && one.insideHosts === undefined)
    faults.push({ field: 'insideHosts', expected, got: 'nothing' });
  if (outside.some(({ length }) => length < 31) && one.outsideHosts === undefined)
    faults.push({ field: 'outsideHosts', expected, got: 'nothing' });
  return faults;
}

function fromRecord(one: Extract<FileRule, { kind: 'deterministic-cgn' }>, text: string): Made {
  const doubled = VALUES.filter((key) => one[key] !== undefined);
  if (doubled.length > 0)
    return err(doubled.map((field) => ({ field, expected: 'record or its values, not both', got: 'both' })));
  if (one.validFrom !== undefined)
    return err([{ field: 'validFrom', expected: 'nothing: the record says since when', got: 'a time' }]);
  if (one.recordZone === undefined)
    return err([{ field: 'recordZone', expected: 'the offset of the CGN’s clock from UTC', got: 'nothing' }]);
  const parsed = parseRfc7422Record(text);
  if (!parsed.ok) return err([{ field: 'record', expected: parsed.error, got: describeValue(text) }]);
  const { inside, outside } = parsed.value;
  const faults = poolFaults(one, inside, [outside]);
  if (faults.length > 0) return err(faults);
  const made = ruleOf(parsed.value, {
    id: one.id,
    realm: one.realm,
    insideRealm: one.insideRealm,
    insideLength: one.insideLength ?? 32,
    hosts: one.insideHosts ?? 'all',
    outsideHosts: one.outsideHosts ?? 'all',
    zoneMs: one.recordZone,
    ...(one.validTo !== undefined && { validToAt: one.validTo }),
  });
  if (!made.ok) return err([{ field: 'record', expected: made.error, got: describeValue(text) }]);
  if (one.validTo !== undefined && one.validTo <= made.value.validFromAt!)
    return err([{ field: 'validTo', expected: 'a time after that of the record', got: 'an earlier one' }]);
  return made;
}

function makeTable(one: Extract<FileRule, { kind: 'lw4o6' }>, read: (path: string) => Uint8Array): Made {
  const entries = one.entries === undefined ? readTable(one, read) : ok(one.entries);
  if (!entries.ok) return entries;
  const made: Lw4o6Table = { kind: 'lw4o6', ...headOf(one), entries: entries.value };
  const doubled = doubledEntries(made.entries).slice(0, 100);
  if (doubled.length === 0) return ok(made);
  return err(
    doubled.map(([earlier, later]) => ({
      field: one.entries === undefined ? 'tableFile' : `entries[${later}]`,
      expected: 'ports of an address that no other entry has',
      got: `entry ${later + 1}, which shares some with entry ${earlier + 1}`,
    })),
  );
}

function readTable(
  one: Extract<FileRule, { kind: 'lw4o6' }>,
  read: (path: string) => Uint8Array,
): Result<readonly Lw4o6Entry[], readonly (RuleFault & Partial<Fault>)[]> {
  const path = one.tableFile!;
  const unread = (got: string) => err([{ field: 'tableFile', expected: 'a file that can be read', got }]);
  let text: string;
  try {
    const octets = read(path);
    if (octets.length > TABLE_LIMIT) return unread(`${octets.length} octets (at most ${TABLE_LIMIT})`);
    text = new TextDecoder('utf-8', { fatal: true }).decode(octets);
  } catch (error) {
    return unread(error instanceof TypeError ? 'no UTF-8' : String((error as { code?: unknown }).code ?? error));
  }
  const parsed = one.tableFormat === 'csv' ? parseCsvTable(text) : parseSnabbTable(text);
  if (parsed.ok) return parsed;
  return err(
    parsed.error.map(({ line, column, expected, got }) => ({
      ...{ field: 'tableFile', file: path, line, column, path: '', expected },
      got: describeValue(got),
    })),
  );
}

/** What stands in the file where the fault is. */
function shown(one: FileRule, fault: RuleFault, from?: string, to?: string): RuleFault & Partial<Fault> {
  const field = fault.field === from ? to! : fault.field;
  const value = (one as Readonly<Record<string, unknown>>)[field];
  return { field, expected: fault.expected, got: wordsOf(value) };
}

function wordsOf(value: unknown): string {
  if (value !== null && typeof value === 'object') {
    if ('length' in value && 'ip' in value) return formatPrefix(value as Parameters<typeof formatPrefix>[0]);
    if ('family' in value) return formatIp(value as Parameters<typeof formatIp>[0]);
  }
  return describeValue(value);
}
