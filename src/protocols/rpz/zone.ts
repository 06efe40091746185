// The two zone files of the resolver companion, as text: names that are let through for everybody, and the strict lines. The first
// line says whose file it is and what the rest adds up to; leaky lines and ends stand in comments, for us alone. Pure, total.
import { createHash } from 'node:crypto';
import { formatIp, type Ip, parseIp } from '../../core/net/ip.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../../core/net/prefix.ts';
import { clientOfOwner, clientOwner, type LetThrough, letThroughOwners } from './owner.ts';

export interface ZoneLine {
  readonly prefix: Prefix;
  readonly access: 'leaky' | 'strict';
  /** Milliseconds since 1970: it ends by itself. */
  readonly until: number;
}

export interface ZoneHead {
  /** Absolute, with the dot at its end. */
  readonly zone: string;
  readonly serial: number;
}

/** What a strict line gets for every name that is not let through. */
export interface Answers {
  readonly ip4: Ip;
  readonly ip6: Ip;
}

/** Short: a line that was released must not be answered from its own cache for long. */
const TTL_SECONDS = 5;
const FIRST_LINE = /^; engawa-rpz 1 (\S{1,255}\.) (\d{1,10}) ([0-9a-f]{64})$/;
const STRICT = /^(\S+) A (\S+) ; until (\d{1,15})$/;
const SECOND_FAMILY = /^(\S+) AAAA (\S+)$/;
const LEAKY = /^; leaky (\S+) until (\d{1,15})$/;

export function isZoneName(zone: string): boolean {
  return zone.length <= 100 && /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+$/.test(zone);
}

/** RFC 1982: larger than the last one, and near the clock, so that a lost file never leads backwards. */
export function nextSerial(last: number | undefined, nowMs: number): number {
  const now = Math.floor(nowMs / 1000) % 2 ** 32;
  return last === undefined ? now : Math.max(now, last + 1) % 2 ** 32;
}

export function formatAllowZone(head: ZoneHead, names: readonly LetThrough[]): string {
  const owners = [...new Set(names.flatMap(letThroughOwners))].sort();
  return sealed(head, owners.map((owner) => `${owner} CNAME rpz-passthru.\n`).join(''));
}

export function formatGardenZone(head: ZoneHead, answers: Answers, lines: Iterable<ZoneLine>): string {
  const [a, aaaa] = [formatIp(answers.ip4), formatIp(answers.ip6)];
  const text: string[] = [];
  for (const { prefix, access, until } of lines) {
    const owner = clientOwner(prefix);
    if (access === 'strict') text.push(`${owner} A ${a} ; until ${until}\n${owner} AAAA ${aaaa}\n`);
    else text.push(`; leaky ${formatPrefix(prefix)} until ${until}\n`);
  }
  return sealed(head, text.join(''));
}

function sealed({ zone, serial }: ZoneHead, records: string): string {
  const body = [
    `$ORIGIN ${zone}\n`,
    `$TTL ${TTL_SECONDS}\n`,
    `@ SOA localhost. hostmaster.localhost. ${serial} 3600 600 86400 ${TTL_SECONDS}\n`,
    '@ NS localhost.\n',
    records,
  ].join('');
  return `; engawa-rpz 1 ${zone} ${serial} ${digest(body)}\n${body}`;
}

function digest(body: string): string {
  return createHash('sha256').update(body).digest('hex');
}

/** undefined = not a file of ours, or not the whole of one. */
export function readHead(text: string): ZoneHead | undefined {
  const end = text.indexOf('\n');
  const [, zone, serial, sum] = FIRST_LINE.exec(text.slice(0, Math.max(0, end))) ?? [];
  if (zone === undefined || digest(text.slice(end + 1)) !== sum) return undefined;
  return { zone, serial: Number(serial) };
}

/** The lines of a garden zone, whatever its answers are. undefined = damaged, which is not the same as empty. */
export function readGardenZone(
  text: string,
): { readonly head: ZoneHead; readonly lines: readonly ZoneLine[] } | undefined {
  const head = readHead(text);
  if (head === undefined) return undefined;
  const lines: ZoneLine[] = [];
  // One line for us, five for the resolver.
  for (const line of text.split('\n').slice(5)) {
    if (line === '') continue;
    const read = lineOf(line);
    if (read === undefined) return undefined;
    if (read !== 'second') lines.push(read);
  }
  return { head, lines };
}

function lineOf(line: string): ZoneLine | 'second' | undefined {
  const [, owner, address, until] = STRICT.exec(line) ?? [];
  if (owner !== undefined) {
    const prefix = clientOfOwner(owner);
    return prefix && parseIp(address!)?.family === 4 ? { prefix, access: 'strict', until: Number(until) } : undefined;
  }
  const [, second, address6] = SECOND_FAMILY.exec(line) ?? [];
  if (second !== undefined) return clientOfOwner(second) && parseIp(address6!)?.family === 6 ? 'second' : undefined;
  const [, text, end] = LEAKY.exec(line) ?? [];
  const prefix = text === undefined ? undefined : parsePrefix(text);
  return prefix && { prefix, access: 'leaky', until: Number(end) };
}

/** `unbound-control list_auth_zones`: the serial of each zone that is loaded; undefined = it has none that could be read. */
export function readZoneList(text: string): ReadonlyMap<string, number | undefined> {
  const zones = new Map<string, number | undefined>();
  for (const line of text.split('\n')) {
    const [, zone, state] = /^(\S+)\t(.*)$/.exec(line) ?? [];
    const serial = /^serial (\d{1,10})$/.exec(state ?? '')?.[1];
    if (zone !== undefined) zones.set(zone, serial === undefined ? undefined : Number(serial));
  }
  return zones;
}
