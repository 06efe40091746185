// Small readings that every feed shares: a port, a protocol, an address of a line, a value somewhere in a JSON object. Total;
// what is not what it should be is undefined or a refusal, never a guess.
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { type Ip, parseIp } from '../../core/net/ip.ts';
import type { Report } from '../../core/report/report.ts';

export type RowFault = { readonly code: string; readonly text: string };
export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Text as it is, a number as it is written; anything else – and the empty string – is not said. */
export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  let at = value;
  for (const key of path) at = isFields(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  if (typeof at === 'number') return String(at);
  return typeof at === 'string' && at !== '' ? at : undefined;
}

/** Of one line: a prefix, or an IPv4 address that ends in .0, names a network. */
export function lineAddress(text: string): Result<Ip, RowFault> {
  if (text.includes('/'))
    return err({ code: 'ip-is-network', text: 'the address is a prefix: it names no single line' });
  const ip = parseIp(text);
  if (ip === undefined) return err({ code: 'ip-not-canonical', text: 'not an address in plain IPv4 or RFC 4291 form' });
  if (ip.family === 4 && ip.bytes[3] === 0)
    return err({ code: 'ip-is-network', text: 'an IPv4 address ending in .0 is taken for a network' });
  return ok(ip);
}

/** Nothing and 0 mean: not said. Anything else must be a port. */
export function portNumber(text: string | undefined, name = 'the port'): Result<number | undefined, RowFault> {
  if (text === undefined || text === '' || text === '0') return ok(undefined);
  const port = /^[1-9][0-9]{0,4}$/.test(text) ? Number(text) : 65_536;
  return port > 65_535 ? err({ code: 'port-bad', text: `${name} is no port number` }) : ok(port);
}

const PROTOCOLS: Readonly<Record<string, NonNullable<Report['protocol']>>> = {
  tcp: 'tcp',
  udp: 'udp',
  icmp: 'icmp',
  'ipv6-icmp': 'icmp',
  icmpv6: 'icmp',
  // IANA numbers.
  '6': 'tcp',
  '17': 'udp',
  '1': 'icmp',
  '58': 'icmp',
};

export function protocolNamed(text: string | undefined): Report['protocol'] {
  const name = text?.slice(0, 16).trim().toLowerCase() ?? '';
  return Object.hasOwn(PROTOCOLS, name) ? PROTOCOLS[name] : undefined;
}
