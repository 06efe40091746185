// The garden as a file that outlives a reboot: nft text with short timeouts, each line with the time that was really left, and a
// first line that says whose it is, of when, and what the rest adds up to. Pure; what of it may be loaded is the guard's word.
import { createHash } from 'node:crypto';
import type { GatewaySpec } from '../../core/garden/gateway.ts';
import { formatKey, type GardenKey } from '../../core/garden/key.ts';
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { formatIp, type Ip, parseIp } from '../../core/net/ip.ts';
import type { ProtocolPort } from '../../core/net/transport.ts';
import {
  type GardenAccess,
  type KeyForm,
  keyFormOf,
  keyForms,
  keyLength,
  keyOfParts,
  keyValue,
  lifelineSet,
  packSet,
  tupleValue,
} from './sets.ts';
import { keyText } from './text.ts';

export interface SavedLine {
  readonly prefix: GardenKey;
  readonly access: GardenAccess;
  readonly abusedPorts: readonly ProtocolPort[];
  readonly leftSeconds: number;
}

export interface SavedAddress {
  readonly kind: 'pack' | 'lifeline';
  /** Of the pack or lifeline. */
  readonly name: string;
  readonly ip: Ip;
  readonly leftSeconds: number;
}

export interface GardenContent {
  readonly lines: readonly SavedLine[];
  readonly addresses: readonly SavedAddress[];
}

export interface SnapshotFault {
  /** `clock`: the file is from the future, so that nobody knows its age. */
  readonly code: 'damaged' | 'foreign' | 'old' | 'clock';
  readonly text: string;
}

/** As long as a garden may stand on the word of a file alone. */
export const RESTORED_SECONDS = 600;
export const MAX_SNAPSHOT_BYTES = 64 * 1024 * 1024;
const MAX_AGE_MS = 24 * 3600 * 1000;
/** A clock that was set back a little at boot is no reason to forget the gardens. */
const CLOCK_SLACK_MS = 60_000;
const ELEMENTS_PER_LINE = 500;
const HEAD = /^# engawa-snapshot (\d+) ([A-Za-z0-9._-]{1,64}) ([a-z0-9_]{1,32}) (\d{1,15}) ([0-9a-f]{64})$/;
const LINE = /^add element inet ([a-z0-9_]{1,32}) ([a-z0-9_]{1,100}) \{([^{}]+)\} # (\d{1,9})$/;
const ELEMENT = /^([0-9a-z.:/ ]{1,80}) timeout \d{1,9}s$/;

/** Takes one element of one set, its key as nft writes it; false = not a key of this set. */
export type ReadElement = (key: string, leftSeconds: number, into: GardenReading) => boolean;

/**
 * The sets worth saving, in the order in which they must be read. Not `abuse_in`, which holds the keys of `abuse`; not the
 * budgets; and never @dns_alive: after a reboot nobody has asked the front anything yet.
 */
export function savedSets(spec: GatewaySpec): ReadonlyMap<string, ReadElement> {
  const sets = new Map<string, ReadElement>();
  for (const form of keyForms(spec)) {
    // Leaky last: a line on its way between the two is remembered with the more lenient access.
    for (const access of ['strict', 'leaky'] as const) sets.set(form.garden[access], readLine(form, access));
    sets.set(form.abuse, readPort(form));
  }
  for (const family of [4, 6] as const) {
    for (const { name } of spec.lifelines) sets.set(lifelineSet(name, family), readAddress('lifeline', name, family));
    for (const { name } of spec.packs) sets.set(packSet(name, family), readAddress('pack', name, family));
  }
  return sets;
}

/** What the sets add up to, once all of them were read. */
export class GardenReading {
  readonly #lines = new Map<string, Omit<SavedLine, 'abusedPorts'>>();
  readonly #ports = new Map<string, ProtocolPort[]>();
  readonly #addresses: SavedAddress[] = [];

  line(prefix: GardenKey, access: GardenAccess, leftSeconds: number): void {
    this.#lines.set(formatKey(prefix), { prefix, access, leftSeconds });
  }

  port(prefix: GardenKey, port: ProtocolPort): void {
    const key = formatKey(prefix);
    const known = this.#ports.get(key);
    if (known === undefined) this.#ports.set(key, [port]);
    else known.push(port);
  }

  address(address: SavedAddress): void {
    this.#addresses.push(address);
  }

  /** Ports of a prefix that is in no garden have no effect, and are left out. */
  content(): GardenContent {
    const lines = [...this.#lines].map(([key, line]) => ({ ...line, abusedPorts: this.#ports.get(key) ?? [] }));
    return { lines, addresses: this.#addresses };
  }
}

function readLine(form: KeyForm, access: GardenAccess): ReadElement {
  return (key, leftSeconds, into) => {
    const prefix = keyOfText(form, key.split(' . '));
    if (prefix !== undefined) into.line(prefix, access, leftSeconds);
    return prefix !== undefined;
  };
}

function readPort(form: KeyForm): ReadElement {
  return (key, _leftSeconds, into) => {
    const parts = key.split(' . ');
    const [protocol, port = '', ...more] = parts.splice(keyLength(form));
    const prefix = more.length === 0 ? keyOfText(form, parts) : undefined;
    if (prefix === undefined || (protocol !== 'tcp' && protocol !== 'udp') || !/^\d{1,5}$/.test(port)) return false;
    into.port(prefix, { protocol, port: Number(port) });
    return true;
  };
}

function keyOfText(form: KeyForm, [address, masked = '', ...more]: readonly string[]): GardenKey | undefined {
  const isWhole = more.length === 0 && (keyLength(form) === 1) === (masked === '');
  return isWhole ? keyOfParts(form, [address, /^\d{1,5}$/.test(masked) ? Number(masked) : undefined]) : undefined;
}

function readAddress(kind: SavedAddress['kind'], name: string, family: 4 | 6): ReadElement {
  return (key, leftSeconds, into) => {
    const ip = parseIp(key);
    if (ip?.family !== family) return false;
    into.address({ kind, name, ip, leftSeconds });
    return true;
  };
}

/** Lifelines first: should the file get too long, they are not what is left out. */
export function formatSnapshot(
  spec: GatewaySpec,
  content: GardenContent,
  savedAtMs: number,
): { readonly text: string; readonly leftOut: number } {
  const body = new Body(spec.table);
  const addresses = (kind: SavedAddress['kind'], setOf: typeof packSet) => {
    for (const one of content.addresses)
      if (one.kind === kind) body.add(setOf(one.name, one.ip.family), formatIp(one.ip), one.leftSeconds);
  };
  addresses('lifeline', lifelineSet);
  for (const { prefix, access, leftSeconds } of content.lines)
    body.add(keyFormOf(spec, prefix)!.garden[access], keyText(keyValue(prefix))!, leftSeconds);
  addresses('pack', packSet);
  for (const { prefix, abusedPorts, leftSeconds } of content.lines) {
    const form = keyFormOf(spec, prefix)!;
    for (const port of abusedPorts)
      for (const set of [form.abuse, form.abuseIn]) body.add(set, keyText(tupleValue(prefix, port))!, leftSeconds);
  }
  const text = body.text();
  const owner = `${spec.name} ${spec.table} ${savedAtMs}`;
  return { text: `# engawa-snapshot 1 ${owner} ${digest(owner, text)}\n${text}`, leftOut: body.leftOut };
}

class Body {
  readonly #table: string;
  readonly #groups = new Map<string, { readonly set: string; readonly left: number; readonly elements: string[] }>();
  #bytes = 0;
  leftOut = 0;

  constructor(table: string) {
    this.#table = table;
  }

  add(set: string, key: string, leftSeconds: number): void {
    const element = `${key} timeout ${Math.min(leftSeconds, RESTORED_SECONDS)}s`;
    // Every element is counted as if it had a line of its own.
    this.#bytes += element.length + this.#table.length + set.length + 40;
    if (this.#bytes > MAX_SNAPSHOT_BYTES) {
      this.leftOut++;
      return;
    }
    const name = `${set} ${leftSeconds}`;
    const group = this.#groups.get(name);
    if (group === undefined) this.#groups.set(name, { set, left: leftSeconds, elements: [element] });
    else group.elements.push(element);
  }

  text(): string {
    const lines: string[] = [];
    for (const { set, left, elements } of this.#groups.values())
      for (let i = 0; i < elements.length; i += ELEMENTS_PER_LINE) {
        const some = elements.slice(i, i + ELEMENTS_PER_LINE).join(',');
        lines.push(`add element inet ${this.#table} ${set} {${some}} # ${left}\n`);
      }
    return lines.join('');
  }
}

function digest(owner: string, body: string): string {
  return createHash('sha256').update(`${owner}\n${body}`).digest('hex');
}

/**
 * Total. What is whole, ours and not too old, with the time that is left of it now; `leftOut` counts what had none left, or
 * stands in a set that this gateway no longer has.
 */
export function parseSnapshot(
  spec: GatewaySpec,
  text: string,
  nowMs: number,
): Result<{ readonly content: GardenContent; readonly ageSeconds: number; readonly leftOut: number }, SnapshotFault> {
  const end = text.indexOf('\n');
  const [, version, gateway, table, saved, sum] = HEAD.exec(text.slice(0, Math.max(end, 0))) ?? [];
  if (sum === undefined) return fault('damaged', 'it has no head');
  if (version !== '1') return fault('foreign', `it is of format ${version}`);
  const body = text.slice(end + 1);
  if (digest(`${gateway} ${table} ${saved}`, body) !== sum) return fault('damaged', 'its checksum is another one');
  if (gateway !== spec.name || table !== spec.table) return fault('foreign', `it is of gateway ${gateway}, ${table}`);
  const ageMs = nowMs - Number(saved);
  if (ageMs < -CLOCK_SLACK_MS) return fault('clock', 'it is from the future: the clock cannot tell its age');
  if (ageMs > MAX_AGE_MS) return fault('old', `it is ${Math.round(ageMs / 3_600_000)} h old`);
  const ageSeconds = Math.max(0, Math.ceil(ageMs / 1000));
  const read = readBody(spec, body, ageSeconds);
  return read === undefined ? fault('damaged', 'a line of it is not understood') : ok({ ...read, ageSeconds });
}

function readBody(spec: GatewaySpec, body: string, ageSeconds: number) {
  const sets = savedSets(spec);
  const derived = new Set(keyForms(spec).map((form) => form.abuseIn));
  const reading = new GardenReading();
  let leftOut = 0;
  for (const line of body.split('\n')) {
    if (line === '') continue;
    const [, table, set, list, left] = LINE.exec(line) ?? [];
    if (table !== spec.table || list === undefined) return undefined;
    if (derived.has(set!)) continue;
    const read = sets.get(set!);
    const leftSeconds = Number(left) - ageSeconds;
    for (const element of list.split(',')) {
      const key = ELEMENT.exec(element)?.[1];
      if (key === undefined) return undefined;
      if (read === undefined || leftSeconds < 1) leftOut++;
      else if (!read(key, leftSeconds, reading)) return undefined;
    }
  }
  return { content: reading.content(), leftOut };
}

function fault(code: SnapshotFault['code'], text: string): Result<never, SnapshotFault> {
  return err({ code, text });
}
