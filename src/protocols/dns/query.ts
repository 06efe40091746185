// DNS queries, strictly read: one question, QUERY, nothing behind the end (RFC 1035 §4.1, RFC 6891 §6.1). Also what we ask
// upstream. Leaves out every opcode but QUERY, zone transfers, TSIG.
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { readName } from './name.ts';

export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  OPT: 41,
  HTTPS: 65,
  IXFR: 251,
  AXFR: 252,
} as const;
export const RCODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5, BADVERS: 16 } as const;
export const CLASS_IN = 1;
/** RFC 9715 §3.1 / DNS flag day 2020: what crosses every path unfragmented. */
export const SAFE_UDP_BYTES = 1232;

export interface Edns {
  readonly udpBytes: number;
  readonly dnssecOk: boolean;
}

export interface Query {
  readonly id: number;
  readonly recursionDesired: boolean;
  readonly checkingDisabled: boolean;
  /** Canonical (name.ts). */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** Question section as it came, the asker's letter case kept: copied into every reply (0x20). */
  readonly question: Uint8Array;
  readonly edns?: Edns;
}

/** `silent`: not a query at all, answering would make us a reflector. `reply`: an error the asker should hear. */
export type QueryFault =
  | { readonly kind: 'silent' }
  | { readonly kind: 'reply'; readonly id: number; readonly opcode: number; readonly rcode: number };

export function parseQuery(message: Uint8Array): Result<Query, QueryFault> {
  if (message.length < 12 || (message[2]! & 0x80) !== 0) return err({ kind: 'silent' });
  const id = u16(message, 0);
  const opcode = (message[2]! >> 3) & 15;
  const fault = (rcode: number) => err({ kind: 'reply', id, opcode, rcode } as const);
  if (opcode !== 0) return fault(RCODE.NOTIMP);
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map((at) => u16(message, at));
  if ((message[2]! & 2) !== 0 || questions !== 1 || answers !== 0 || authorities !== 0 || additionals! > 4) {
    return fault(RCODE.FORMERR);
  }
  const name = readName(message, 12);
  if (name === undefined || name.compressed || name.next + 4 > message.length) return fault(RCODE.FORMERR);
  const end = name.next + 4;
  const extra = readAdditional(message, end, additionals!);
  if (extra === undefined) return fault(RCODE.FORMERR);
  if (extra.version !== 0) return fault(RCODE.BADVERS);
  const query: Query = {
    id,
    recursionDesired: (message[2]! & 1) !== 0,
    checkingDisabled: (message[3]! & 0x10) !== 0,
    name: name.text,
    type: u16(message, name.next),
    class: u16(message, name.next + 2),
    question: message.slice(12, end),
  };
  return ok(extra.edns === undefined ? query : { ...query, edns: extra.edns });
}

/** At most one OPT, at the root; other records (TSIG, SIG(0)) are skipped, and the message must end where they end. */
function readAdditional(message: Uint8Array, start: number, count: number) {
  let at = start;
  let edns: Edns | undefined;
  let version = 0;
  for (let i = 0; i < count; i++) {
    const name = readName(message, at);
    if (name === undefined || name.next + 10 > message.length) return undefined;
    const type = u16(message, name.next);
    const end = name.next + 10 + u16(message, name.next + 8);
    if (end > message.length) return undefined;
    if (type === TYPE.OPT) {
      if (edns !== undefined || name.text !== '') return undefined;
      version = message[name.next + 5]!;
      edns = { udpBytes: u16(message, name.next + 2), dnssecOk: (message[name.next + 6]! & 0x80) !== 0 };
    }
    at = end;
  }
  return at === message.length ? { edns, version } : undefined;
}

export interface Outgoing {
  readonly id: number;
  /** Name in wire form, letter case as it shall be sent. */
  readonly name: Uint8Array;
  readonly type: number;
  readonly checkingDisabled?: boolean;
  readonly edns?: Edns;
}

/** A recursive query of our own, class IN. EDNS options are hop-by-hop (RFC 6891 §6.1.2): none is passed on. */
export function buildQuery(out: Outgoing): Uint8Array {
  const size = 12 + out.name.length + 4 + (out.edns === undefined ? 0 : 11);
  const message = new Uint8Array(size);
  put16(message, 0, out.id);
  message[2] = 1;
  message[3] = out.checkingDisabled === true ? 0x10 : 0;
  put16(message, 4, 1);
  message.set(out.name, 12);
  put16(message, 12 + out.name.length, out.type);
  put16(message, 14 + out.name.length, CLASS_IN);
  if (out.edns !== undefined) {
    put16(message, 10, 1);
    message.set(optRecord(out.edns, 0), size - 11);
  }
  return message;
}

/** RFC 6891 §6.1.3; `extendedRcode` are the upper eight bits. */
export function optRecord(edns: Edns, extendedRcode: number): Uint8Array {
  const opt = new Uint8Array(11);
  put16(opt, 1, TYPE.OPT);
  put16(opt, 3, edns.udpBytes);
  opt[5] = extendedRcode;
  opt[7] = edns.dnssecOk ? 0x80 : 0;
  return opt;
}

export function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

export function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 255;
}

export function u32(bytes: Uint8Array, at: number): number {
  return u16(bytes, at) * 65536 + u16(bytes, at + 2);
}

export function put32(bytes: Uint8Array, at: number, value: number): void {
  put16(bytes, at, value >>> 16);
  put16(bytes, at + 2, value & 0xffff);
}
