// What main and the helper say to each other: JSON lines over a Unix socket, typed, bounded, total. Form only: whether a
// prefix may be an element is judged by the helper alone (src/helper/guard.ts). Unknown fields are refused, never ignored.
import { formatKey, type GardenKey, parseKey } from '../../core/garden/key.ts';
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { formatIp, type Ip, parseIp } from '../../core/net/ip.ts';
import type { ProtocolPort } from '../../core/net/transport.ts';
import type { Offload } from './flowtables.ts';

export const MAX_LINE_BYTES = 4 * 1024 * 1024;
/** First line of a pipe that leads to a helper on another machine, once its socket is open. */
export const PIPE_GREETING = 'engawa-helper-pipe 1';
/** Elements or prefixes in one message; larger work goes in several messages. */
export const MAX_ITEMS = 5000;
export const MAX_ABUSED_PORTS = 64;
export const MAX_TIMEOUT_SECONDS = 259_200;
/** Items per part of a long answer. */
export const PART_ITEMS = 2000;

export interface PutElement {
  readonly prefix: GardenKey;
  readonly access: 'leaky' | 'strict';
  readonly abusedPorts: readonly ProtocolPort[];
  readonly timeoutSeconds: number;
}

export interface Learned {
  /** Name of the pack or lifeline. */
  readonly name: string;
  readonly ip: Ip;
  readonly timeoutSeconds: number;
}

export type Operation =
  | {
      readonly op:
        | 'install'
        | 'readBack'
        | 'skeleton'
        | 'denyCounts'
        | 'dnsAlive'
        | 'dnsOff'
        | 'releaseAll'
        | 'offload';
    }
  | { readonly op: 'apply'; readonly put: readonly PutElement[]; readonly remove: readonly GardenKey[] }
  | { readonly op: 'observe' | 'forgetSteered'; readonly prefixes: readonly GardenKey[] }
  | { readonly op: 'allow' | 'lifeline'; readonly entries: readonly Learned[] };

export interface Request {
  readonly id: number;
  readonly operation: Operation;
}

/** Stable code of a message that was not understood, with the id to answer to when there was one. */
export interface Malformed {
  readonly id?: number;
  readonly code: string;
  readonly text: string;
}

export type HelperError =
  /** Not done, and will not be: the message breaks a rule. */
  | { readonly kind: 'refused'; readonly code: string; readonly text: string }
  /** Not done: something is missing or busy. */
  | { readonly kind: 'unavailable'; readonly text: string }
  /** Nobody knows whether it was done. */
  | { readonly kind: 'unknown'; readonly afterMs: number };

export interface StateItem {
  readonly prefix: GardenKey;
  readonly access: 'absent' | 'leaky' | 'strict' | 'unknown';
}

export interface CountItem {
  readonly prefix: GardenKey;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly packets: number;
}

export type Answer =
  | { readonly kind: 'states'; readonly items: readonly StateItem[] }
  | { readonly kind: 'counts'; readonly items: readonly CountItem[] }
  | { readonly kind: 'offloads'; readonly items: readonly Offload[] }
  | { readonly kind: 'word'; readonly word: string }
  | { readonly kind: 'none' };

/** Parts come first, the last line of an answer closes it. */
export interface Response {
  readonly id: number;
  readonly last: boolean;
  readonly result: Result<Answer, HelperError>;
}

// ---------------------------------------------------------------- requests

export function formatRequest(request: Request): string {
  return JSON.stringify({ id: request.id, ...operationJson(request.operation) });
}

function operationJson(operation: Operation): Record<string, unknown> {
  switch (operation.op) {
    case 'apply':
      return { op: 'apply', put: operation.put.map(putJson), remove: operation.remove.map(formatKey) };
    case 'observe':
    case 'forgetSteered':
      return { op: operation.op, prefixes: operation.prefixes.map(formatKey) };
    case 'allow':
    case 'lifeline':
      return {
        op: operation.op,
        entries: operation.entries.map((e) => ({ name: e.name, ip: formatIp(e.ip), timeout: e.timeoutSeconds })),
      };
    default:
      return { op: operation.op };
  }
}

function putJson(e: PutElement): Record<string, unknown> {
  const ports = e.abusedPorts.map((p) => `${p.protocol}/${p.port}`);
  return { prefix: formatKey(e.prefix), access: e.access, ports, timeout: e.timeoutSeconds };
}

/** Total: any text gives a request or a refusal with a stable code. */
export function parseRequest(line: string): Result<Request, Malformed> {
  if (line.length > MAX_LINE_BYTES) return err({ code: 'line-too-long', text: 'message too long' });
  const value = json(line);
  if (!isRecord(value)) return err({ code: 'not-json', text: 'a message is one JSON object in one line' });
  const id = value['id'];
  if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0) {
    return err({ code: 'id-bad', text: 'id must be a number from 0' });
  }
  try {
    return ok({ id, operation: operationOf(value) });
  } catch (refusal) {
    if (refusal instanceof Refusal) return err({ id, code: refusal.code, text: refusal.message });
    throw refusal;
  }
}

class Refusal extends Error {
  readonly code: string;
  constructor(code: string, text: string) {
    super(text);
    this.code = code;
  }
}

type Fields = Readonly<Record<string, unknown>>;

function operationOf(value: Fields): Operation {
  const op = value['op'];
  switch (op) {
    case 'install':
    case 'readBack':
    case 'skeleton':
    case 'denyCounts':
    case 'dnsAlive':
    case 'dnsOff':
    case 'releaseAll':
    case 'offload':
      onlyFields(value, ['id', 'op']);
      return { op };
    case 'apply':
      onlyFields(value, ['id', 'op', 'put', 'remove']);
      return { op, put: list(value['put'], putOf), remove: list(value['remove'], prefixOfText) };
    case 'observe':
    case 'forgetSteered':
      onlyFields(value, ['id', 'op', 'prefixes']);
      return { op, prefixes: list(value['prefixes'], prefixOfText) };
    case 'allow':
    case 'lifeline':
      onlyFields(value, ['id', 'op', 'entries']);
      return { op, entries: list(value['entries'], learnedOf) };
    default:
      throw new Refusal('op-unknown', 'no such operation');
  }
}

function onlyFields(value: Fields, names: readonly string[]): void {
  for (const key of Object.keys(value)) {
    if (!names.includes(key)) throw new Refusal('field-unknown', 'a field this operation does not have');
  }
}

function list<T>(value: unknown, read: (item: unknown) => T, most = MAX_ITEMS): readonly T[] {
  if (!Array.isArray(value)) throw new Refusal('list-bad', 'expected a list');
  if (value.length > most) throw new Refusal('too-many', `more than ${most} items`);
  return value.map(read);
}

function record(value: unknown, names: readonly string[]): Fields {
  if (!isRecord(value)) throw new Refusal('item-bad', 'expected an object');
  onlyFields(value, names);
  return value;
}

function putOf(value: unknown): PutElement {
  const fields = record(value, ['prefix', 'access', 'ports', 'timeout']);
  const access = fields['access'];
  if (access !== 'leaky' && access !== 'strict') throw new Refusal('access-bad', 'access is leaky or strict');
  return {
    prefix: prefixOfText(fields['prefix']),
    access,
    abusedPorts: list(fields['ports'], protocolPortOf, MAX_ABUSED_PORTS),
    timeoutSeconds: timeoutOf(fields['timeout']),
  };
}

function learnedOf(value: unknown): Learned {
  const fields = record(value, ['name', 'ip', 'timeout']);
  const name = fields['name'];
  if (typeof name !== 'string' || !/^[a-z][a-z0-9_-]{0,31}$/.test(name)) throw new Refusal('name-bad', 'no such name');
  const ip = typeof fields['ip'] === 'string' ? parseIp(fields['ip']) : undefined;
  if (ip === undefined) throw new Refusal('address-bad', 'not an address');
  return { name, ip, timeoutSeconds: timeoutOf(fields['timeout']) };
}

function prefixOfText(value: unknown): GardenKey {
  const prefix = typeof value === 'string' ? parseKey(value) : undefined;
  if (prefix === undefined) throw new Refusal('prefix-bad', 'not an address or prefix');
  return prefix;
}

function protocolPortOf(value: unknown): ProtocolPort {
  const match = typeof value === 'string' ? /^(tcp|udp)\/([1-9][0-9]{0,4})$/.exec(value) : null;
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) throw new Refusal('port-bad', 'ports look like tcp/23');
  return { protocol: match[1] === 'tcp' ? 'tcp' : 'udp', port };
}

function timeoutOf(value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > MAX_TIMEOUT_SECONDS) {
    throw new Refusal('timeout-bad', `timeouts are 1-${MAX_TIMEOUT_SECONDS} seconds`);
  }
  return value;
}

// ---------------------------------------------------------------- responses

export function formatResponse(response: Response): string {
  const { id, last, result } = response;
  if (!result.ok) return JSON.stringify({ id, last, error: result.error });
  const answer = result.value;
  switch (answer.kind) {
    case 'states':
      return JSON.stringify({ id, last, states: answer.items.map((s) => [formatKey(s.prefix), s.access]) });
    case 'counts': {
      const counts = answer.items.map((c) => [formatKey(c.prefix), c.protocol, c.port, c.packets]);
      return JSON.stringify({ id, last, counts });
    }
    case 'offloads':
      return JSON.stringify({ id, last, offloads: answer.items.map((o) => [o.table, o.flowtable, o.interfaces]) });
    case 'word':
      return JSON.stringify({ id, last, word: answer.word });
    case 'none':
      return JSON.stringify({ id, last });
  }
}

/** Total; undefined = not something the helper says, and the connection cannot be trusted any more. */
export function parseResponse(line: string): Response | undefined {
  const value = line.length > MAX_LINE_BYTES ? undefined : json(line);
  if (!isRecord(value)) return undefined;
  const { id, last } = value;
  if (typeof id !== 'number' || !Number.isSafeInteger(id) || typeof last !== 'boolean') return undefined;
  const result = resultOf(value);
  return result === undefined ? undefined : { id, last, result };
}

function resultOf(value: Fields): Result<Answer, HelperError> | undefined {
  const { error, states, counts, offloads, word } = value;
  if (error !== undefined) {
    const known = errorOf(error);
    return known === undefined ? undefined : err(known);
  }
  if (states !== undefined) {
    const items = every(states, stateOf);
    return items && ok({ kind: 'states', items });
  }
  if (counts !== undefined) {
    const items = every(counts, countOf);
    return items && ok({ kind: 'counts', items });
  }
  if (offloads !== undefined) {
    const items = every(offloads, offloadOf);
    return items && ok({ kind: 'offloads', items });
  }
  if (word !== undefined) return typeof word === 'string' ? ok({ kind: 'word', word }) : undefined;
  return ok({ kind: 'none' });
}

function errorOf(value: unknown): HelperError | undefined {
  if (!isRecord(value)) return undefined;
  const { kind, code, text, afterMs } = value;
  if (kind === 'refused' && typeof code === 'string' && typeof text === 'string') return { kind, code, text };
  if (kind === 'unavailable' && typeof text === 'string') return { kind, text };
  if (kind === 'unknown' && typeof afterMs === 'number') return { kind, afterMs };
  return undefined;
}

function stateOf(value: unknown): StateItem | undefined {
  if (!Array.isArray(value) || typeof value[0] !== 'string') return undefined;
  const prefix = parseKey(value[0]);
  const access: unknown = value[1];
  if (prefix === undefined) return undefined;
  if (access !== 'absent' && access !== 'leaky' && access !== 'strict' && access !== 'unknown') return undefined;
  return { prefix, access };
}

function countOf(value: unknown): CountItem | undefined {
  if (!Array.isArray(value) || typeof value[0] !== 'string') return undefined;
  const [text, protocol, port, packets] = value as readonly unknown[];
  const prefix = parseKey(text as string);
  if (prefix === undefined || (protocol !== 'tcp' && protocol !== 'udp')) return undefined;
  if (typeof port !== 'number' || typeof packets !== 'number') return undefined;
  return { prefix, protocol, port, packets };
}

function offloadOf(value: unknown): Offload | undefined {
  if (!Array.isArray(value)) return undefined;
  const [table, flowtable, interfaces] = value as readonly unknown[];
  if (typeof table !== 'string' || typeof flowtable !== 'string') return undefined;
  const names = every(interfaces, (name) => (typeof name === 'string' ? name : undefined));
  return names && { table, flowtable, interfaces: names };
}

function every<T>(value: unknown, read: (item: unknown) => T | undefined): readonly T[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const items = value.map(read);
  return items.includes(undefined) ? undefined : (items as readonly T[]);
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// ---------------------------------------------------------------- framing

/** Splits a byte stream into lines without ever holding more than one bounded line. */
export class LineReader {
  #parts: Buffer[] = [];
  #bytes = 0;

  /** The complete lines; undefined = the peer sent an endless line: drop it. */
  push(chunk: Buffer): readonly string[] | undefined {
    const lines: string[] = [];
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      if (this.#bytes + end - from > MAX_LINE_BYTES) return undefined;
      lines.push(Buffer.concat([...this.#parts, chunk.subarray(from, end)]).toString('utf8'));
      this.#parts = [];
      this.#bytes = 0;
      from = end + 1;
    }
    const rest = chunk.subarray(from);
    this.#bytes += rest.length;
    if (this.#bytes > MAX_LINE_BYTES) return undefined;
    if (rest.length > 0) this.#parts.push(rest);
    return lines;
  }
}
