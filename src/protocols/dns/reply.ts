// Replies we send: built from records of our own, or an upstream's message passed through under the asker's id and question.

import type { Answer } from './answer.ts';
import { concat } from './bytes.ts';
import { CLASS_IN, optRecord, put16, put32, type Query, RCODE, SAFE_UDP_BYTES, TYPE } from './query.ts';

export interface ReplyRecord {
  /** Owner in wire form; undefined = the name asked. */
  readonly owner?: Uint8Array;
  readonly type: number;
  readonly ttlSeconds: number;
  readonly data: Uint8Array;
}

export interface Reply {
  readonly rcode: number;
  readonly answers?: readonly ReplyRecord[];
  readonly authority?: readonly ReplyRecord[];
  readonly additional?: readonly ReplyRecord[];
  readonly authoritative?: boolean;
}

/** Whole message, never truncated here: see `fitInto`. An OPT goes out only to those who sent one (RFC 6891 §7). */
export function buildReply(query: Query, reply: Reply): Uint8Array {
  const sections = [reply.answers ?? [], reply.authority ?? [], reply.additional ?? []];
  const parts = [header(query, reply), query.question, ...sections.flat().map(recordBytes)];
  if (query.edns !== undefined) {
    parts.push(optRecord({ udpBytes: SAFE_UDP_BYTES, dnssecOk: query.edns.dnssecOk }, reply.rcode >> 4));
  }
  const message = concat(parts);
  put16(message, 4, 1);
  sections.forEach((section, i) => {
    put16(message, 6 + 2 * i, section.length);
  });
  if (query.edns !== undefined) put16(message, 10, sections[2]!.length + 1);
  return message;
}

function header(query: Query, reply: Reply): Uint8Array {
  const bytes = new Uint8Array(12);
  put16(bytes, 0, query.id);
  bytes[2] = 0x80 | (reply.authoritative === true ? 4 : 0) | (query.recursionDesired ? 1 : 0);
  bytes[3] = 0x80 | (query.checkingDisabled ? 0x10 : 0) | (reply.rcode & 15);
  return bytes;
}

function recordBytes(record: ReplyRecord): Uint8Array {
  const owner = record.owner ?? Uint8Array.of(0xc0, 12);
  const fixed = new Uint8Array(10);
  put16(fixed, 0, record.type);
  put16(fixed, 2, CLASS_IN);
  put32(fixed, 4, record.ttlSeconds);
  put16(fixed, 8, record.data.length);
  return concat([owner, fixed, record.data]);
}

/** For a message that could not be read as a query: header only (RFC 1035 §4.1.1). */
export function buildFault(fault: {
  readonly id: number;
  readonly opcode: number;
  readonly rcode: number;
}): Uint8Array {
  const extended = fault.rcode > 15;
  const message = new Uint8Array(extended ? 23 : 12);
  put16(message, 0, fault.id);
  message[2] = 0x80 | (fault.opcode << 3);
  message[3] = 0x80 | (fault.rcode & 15);
  if (extended) {
    put16(message, 10, 1);
    message.set(optRecord({ udpBytes: SAFE_UDP_BYTES, dnssecOk: false }, fault.rcode >> 4), 12);
  }
  return message;
}

/** What this asker takes over UDP: 512 without EDNS (RFC 1035 §4.2.1), never more than crosses a path unfragmented. */
export function udpLimit(query: Query): number {
  return query.edns === undefined ? 512 : Math.min(SAFE_UDP_BYTES, Math.max(512, query.edns.udpBytes));
}

/** The message, or the same header and question with TC set, so that the asker comes back over TCP (RFC 2181 §9). */
export function fitInto(query: Query, message: Uint8Array, limitBytes: number): Uint8Array {
  if (message.length <= limitBytes) return message;
  const short = buildReply(query, { rcode: RCODE.NOERROR });
  short[2] = short[2]! | 2;
  return short;
}

/**
 * An upstream's message for the asker: his id, his question in his letter case, TTLs clamped. Needs that both asked for EDNS or
 * neither did. The copy is ours to change.
 */
export function passThrough(query: Query, message: Uint8Array, answer: Answer, maxTtlSeconds = 0x7fffffff): Uint8Array {
  const copy = message.slice();
  put16(copy, 0, query.id);
  copy[2] = (copy[2]! & 0xfe) | (query.recursionDesired ? 1 : 0);
  copy.set(query.question, 12);
  for (const record of answer.records) {
    if (record.type !== TYPE.OPT && record.ttlSeconds > maxTtlSeconds) put32(copy, record.ttlAt, maxTtlSeconds);
  }
  return copy;
}
