// IPFIX messages (RFC 7011 §3): header, sets, templates and data records of one observation domain. Keeps only the elements that a NAT
// event needs. Total and bounded; what cannot be read is said, with what it means for the count of records.
import { err, ok, type Result } from '../../core/kernel/result.ts';
import type { Instant } from '../../core/kernel/time.ts';
import { WANTED } from './elements.ts';
import { type Template, type Templates, VARIABLE } from './templates.ts';

export interface IpfixHeader {
  readonly exportAt: Instant;
  /** Data records sent before this message, modulo 2^32 (§3.1). */
  readonly sequence: number;
  readonly domain: number;
}

/** Element → its octets; the first of each. */
export type IpfixRecord = ReadonlyMap<number, Uint8Array>;

export interface IpfixMessage extends IpfixHeader {
  readonly records: readonly IpfixRecord[];
  /** How many the sequence number of the next message will have grown by; undefined: a set could not be counted. */
  readonly counted: number | undefined;
  /** Sets whose template is not known (yet): lost records, as far as we are concerned. */
  readonly unknownSets: number;
}

export type IpfixFault = 'too-short' | 'version' | 'length' | 'set-bad' | 'template-bad' | 'too-many-records';

const HEADER_OCTETS = 16;
const SET_HEADER_OCTETS = 4;
const [TEMPLATE_SET, OPTIONS_SET, FIRST_DATA_SET] = [2, 3, 256];
/** A message has at most 65,535 octets; records of one octet would still be this many at most. */
const MAX_RECORDS = 65_535;

/** The octets of the message that a stream begins with; undefined: more are needed to say. */
export function messageLength(octets: Uint8Array): number | undefined {
  return octets.length < 4 ? undefined : (octets[2]! << 8) | octets[3]!;
}

export function readHeader(octets: Uint8Array): Result<IpfixHeader, IpfixFault> {
  if (octets.length < HEADER_OCTETS) return err('too-short');
  const view = viewOf(octets);
  if (view.getUint16(0) !== 10) return err('version');
  if (view.getUint16(2) !== octets.length) return err('length');
  return ok({ exportAt: view.getUint32(4) * 1000, sequence: view.getUint32(8), domain: view.getUint32(12) });
}

/** Templates are taken in as they come; those in front of a fault stay. */
export function readMessage(octets: Uint8Array, templates: Templates): Result<IpfixMessage, IpfixFault> {
  const header = readHeader(octets);
  if (!header.ok) return header;
  const { domain } = header.value;
  const found: Found = { records: [], counted: 0, unknownSets: 0 };
  for (let at = HEADER_OCTETS; at < octets.length; ) {
    if (octets.length - at < SET_HEADER_OCTETS) return err('set-bad');
    const view = viewOf(octets.subarray(at));
    const [id, size] = [view.getUint16(0), view.getUint16(2)];
    if (size < SET_HEADER_OCTETS || at + size > octets.length) return err('set-bad');
    const body = octets.subarray(at + SET_HEADER_OCTETS, at + size);
    const fault = readSet(id, body, { domain, templates, found });
    if (fault !== undefined) return err(fault);
    at += size;
  }
  return ok({ ...header.value, ...found });
}

interface Found {
  readonly records: IpfixRecord[];
  counted: number | undefined;
  unknownSets: number;
}

function readSet(
  id: number,
  body: Uint8Array,
  { domain, templates, found }: { readonly domain: number; readonly templates: Templates; readonly found: Found },
): IpfixFault | undefined {
  if (id === TEMPLATE_SET || id === OPTIONS_SET)
    return templates.take(domain, body, id === OPTIONS_SET) ? undefined : 'template-bad';
  if (id < FIRST_DATA_SET) return undefined; // §3.3.2: reserved
  const template = templates.of(domain, id);
  if (template === undefined) {
    found.unknownSets++;
    found.counted = undefined;
    return undefined;
  }
  return readRecords(template, body, found);
}

function readRecords(template: Template, body: Uint8Array, found: Found): IpfixFault | undefined {
  // §3.3.1: padding is shorter than any record.
  for (let at = 0; body.length - at >= template.leastOctets; ) {
    const read = readRecord(template, body, at);
    if (read === undefined) return 'set-bad';
    if (found.records.length >= MAX_RECORDS) return 'too-many-records';
    if (found.counted !== undefined) found.counted++;
    // Records of an options template are about the exporter; they count, and say nothing about a binding.
    if (!template.isOptions) found.records.push(read.record);
    at = read.end;
  }
  return undefined;
}

function readRecord(
  template: Template,
  body: Uint8Array,
  from: number,
): { readonly record: IpfixRecord; readonly end: number } | undefined {
  const record = new Map<number, Uint8Array>();
  let at = from;
  for (const { element, length, isEnterprise } of template.fields) {
    let size = length;
    if (length === VARIABLE) {
      // §7: one octet, or 255 and two more.
      const short = body[at];
      if (short === undefined) return undefined;
      size = short < 255 ? short : ((body[at + 1] ?? 0) << 8) | (body[at + 2] ?? 0);
      at += short < 255 ? 1 : 3;
    }
    if (at + size > body.length) return undefined;
    if (!isEnterprise && WANTED.has(element) && !record.has(element)) record.set(element, body.subarray(at, at + size));
    at += size;
  }
  return { record, end: at };
}

function viewOf(octets: Uint8Array): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.length);
}
