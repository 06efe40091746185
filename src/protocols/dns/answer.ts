// Reading what an upstream resolver answered: enough to know the addresses and the names it points to, with the place of every
// TTL, so that the message itself can be passed through. Leaves out DNSSEC: validating is the operator's resolver's work.
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { type Ip, ipFromBytes } from '../../core/net/ip.ts';
import { readName } from './name.ts';
import { CLASS_IN, TYPE, u16, u32 } from './query.ts';

export type RecordData =
  | { readonly kind: 'address'; readonly ip: Ip }
  /** CNAME, PTR, NS. */
  | { readonly kind: 'name'; readonly target: string }
  | {
      readonly kind: 'srv';
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
  /** RFC 3403 §4.1: flag "s" leads to SRV, "a" to addresses, "" to more NAPTR; `target` is '' when a regexp decides. */
  | { readonly kind: 'naptr'; readonly flags: string; readonly services: string; readonly target: string }
  | { readonly kind: 'other' };

export interface AnswerRecord {
  readonly section: 'answer' | 'authority' | 'additional';
  readonly name: string;
  readonly type: number;
  readonly class: number;
  readonly ttlSeconds: number;
  /** Offset of the 32-bit TTL in the message. Meaningless for OPT. */
  readonly ttlAt: number;
  readonly data: RecordData;
}

export interface Answer {
  readonly id: number;
  readonly rcode: number;
  readonly truncated: boolean;
  readonly name: string;
  readonly type: number;
  /** Question section as it came back: must equal what was sent, letter by letter (0x20). */
  readonly question: Uint8Array;
  readonly records: readonly AnswerRecord[];
}

/** Total and bounded: one pass, every record at least eleven octets. The error is a stable word. */
export function parseAnswer(message: Uint8Array): Result<Answer, string> {
  if (message.length < 12) return err('short');
  if ((message[2]! & 0xf8) !== 0x80) return err('not-a-response');
  if (u16(message, 4) !== 1) return err('question-count');
  const name = readName(message, 12);
  if (name === undefined || name.compressed || name.next + 4 > message.length) return err('question');
  const truncated = (message[2]! & 2) !== 0;
  const records = truncated ? [] : readSections(message, name.next + 4);
  if (records === undefined) return err('records');
  return ok({
    id: u16(message, 0),
    rcode: message[3]! & 15,
    truncated,
    name: name.text,
    type: u16(message, name.next),
    question: message.slice(12, name.next + 4),
    records,
  });
}

function readSections(message: Uint8Array, start: number): AnswerRecord[] | undefined {
  const records: AnswerRecord[] = [];
  let at = start;
  for (const [section, countAt] of [
    ['answer', 6],
    ['authority', 8],
    ['additional', 10],
  ] as const) {
    for (let left = u16(message, countAt); left > 0; left--) {
      const name = readName(message, at);
      if (name === undefined || name.next + 10 > message.length) return undefined;
      const type = u16(message, name.next);
      const from = name.next + 10;
      const to = from + u16(message, name.next + 8);
      if (to > message.length) return undefined;
      const data = readData(message, type, from, to);
      if (data === undefined) return undefined;
      records.push({
        section,
        name: name.text,
        type,
        class: u16(message, name.next + 2),
        // RFC 2181 §8: a TTL with the top bit set counts as zero.
        ttlSeconds: message[name.next + 4]! >= 0x80 ? 0 : u32(message, name.next + 4),
        ttlAt: name.next + 4,
        data,
      });
      at = to;
    }
  }
  return at === message.length ? records : undefined;
}

function readData(message: Uint8Array, type: number, from: number, to: number): RecordData | undefined {
  switch (type) {
    case TYPE.A:
    case TYPE.AAAA: {
      if (to - from !== (type === TYPE.A ? 4 : 16)) return undefined;
      const ip = ipFromBytes(message.subarray(from, to));
      return ip === undefined ? { kind: 'other' } : { kind: 'address', ip }; // IPv4-mapped in AAAA: never an address
    }
    case TYPE.CNAME:
    case TYPE.PTR:
    case TYPE.NS: {
      const target = wholeName(message, from, to);
      return target === undefined ? undefined : { kind: 'name', target };
    }
    case TYPE.SRV: {
      const target = to - from < 7 ? undefined : wholeName(message, from + 6, to);
      if (target === undefined) return undefined;
      const [priority, weight, port] = [from, from + 2, from + 4].map((at) => u16(message, at));
      return { kind: 'srv', priority: priority!, weight: weight!, port: port!, target };
    }
    case TYPE.NAPTR:
      return readNaptr(message, from, to);
    default:
      return { kind: 'other' };
  }
}

function readNaptr(message: Uint8Array, from: number, to: number): RecordData | undefined {
  const texts: string[] = [];
  let at = from + 4;
  for (let i = 0; i < 3; i++) {
    const length = at < to ? message[at]! : 256;
    if (at + 1 + length > to) return undefined;
    texts.push(String.fromCharCode(...message.subarray(at + 1, at + 1 + length)).toLowerCase());
    at += 1 + length;
  }
  const target = wholeName(message, at, to);
  return target === undefined ? undefined : { kind: 'naptr', flags: texts[0]!, services: texts[1]!, target };
}

function wholeName(message: Uint8Array, from: number, to: number): string | undefined {
  const name = readName(message, from);
  return name !== undefined && name.next === to ? name.text : undefined;
}

/** The owner names that speak for `name`: itself and its CNAME chain inside this answer (at most 16 links). */
export function chainOf(answer: Answer): ReadonlySet<string> {
  const chain = new Set([answer.name]);
  let current = answer.name;
  for (let hop = 0; hop < 16; hop++) {
    const link = answer.records.find((r) => r.section === 'answer' && r.type === TYPE.CNAME && r.name === current);
    if (link?.data.kind !== 'name' || chain.has(link.data.target)) break;
    current = link.data.target;
    chain.add(current);
  }
  return chain;
}

/** Addresses in the answer section that belong to the question's chain: others were not asked for and are not believed. */
export function addressesOf(answer: Answer): { readonly ip: Ip; readonly ttlSeconds: number }[] {
  const chain = chainOf(answer);
  const found: { ip: Ip; ttlSeconds: number }[] = [];
  for (const record of answer.records) {
    if (record.section !== 'answer' || record.class !== CLASS_IN || record.type !== answer.type) continue;
    if (record.data.kind === 'address' && chain.has(record.name)) {
      found.push({ ip: record.data.ip, ttlSeconds: record.ttlSeconds });
    }
  }
  return found;
}

/** Names the asker will look up next: CNAME, SRV and NAPTR targets of the question's chain. */
export function targetsOf(answer: Answer): string[] {
  const chain = chainOf(answer);
  const found = new Set<string>();
  for (const record of answer.records) {
    if (record.section !== 'answer' || !chain.has(record.name)) continue;
    const { data, type } = record;
    if (data.kind === 'srv' || data.kind === 'naptr' || (data.kind === 'name' && type === TYPE.CNAME)) {
      if (data.target !== '') found.add(data.target);
    }
  }
  return [...found];
}
