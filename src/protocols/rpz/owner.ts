// Owner names of response policy zones (draft-vixie-dnsop-dns-rpz §4): the address of a client as labels, its prefix length first,
// the rest backwards; `zz` stands for the longest run of zeros, as `::` does. Names that are let through, as they are asked for.
import { formatIp, type Ip, parseIp } from '../../core/net/ip.ts';
import { maskIp, type Prefix, parsePrefix } from '../../core/net/prefix.ts';

const TRIGGER = 'rpz-client-ip';

/** `32.5.2.0.192.rpz-client-ip`, `56.zz.4200.100.db8.2001.rpz-client-ip`; relative to the zone. */
export function clientOwner(prefix: Prefix): string {
  const ip = maskIp(prefix.ip, prefix.length);
  const labels = ip.family === 4 ? [...ip.bytes].map(String) : hextetLabels(ip);
  return [prefix.length, ...labels.reverse(), TRIGGER].join('.');
}

/** Total. Only what clientOwner() writes; undefined for anything else. */
export function clientOfOwner(owner: string): Prefix | undefined {
  const match = /^(\d{1,3})\.([0-9a-z.]{1,80})\.rpz-client-ip$/.exec(owner);
  if (match === null) return undefined;
  const labels = match[2]!.split('.').reverse();
  const address = labels.length === 4 && !labels.includes('zz') ? labels.join('.') : ipv6Text(labels);
  const ip = parseIp(address);
  const prefix = ip && parsePrefix(`${formatIp(ip)}/${Number(match[1])}`);
  return prefix !== undefined && clientOwner(prefix) === owner ? prefix : undefined;
}

function ipv6Text(labels: readonly string[]): string {
  const at = labels.indexOf('zz');
  if (at < 0) return labels.join(':');
  return `${labels.slice(0, at).join(':')}::${labels.slice(at + 1).join(':')}`;
}

function hextetLabels(ip: Ip): string[] {
  const hextets = Array.from({ length: 8 }, (_, i) => (ip.bytes[2 * i]! << 8) | ip.bytes[2 * i + 1]!);
  const run = longestZeros(hextets);
  const labels = hextets.map((hextet) => hextet.toString(16));
  // One zero alone is written as it is, as in RFC 5952 §4.2.2.
  if (run.length > 1) labels.splice(run.at, run.length, 'zz');
  return labels;
}

function longestZeros(hextets: readonly number[]): { readonly at: number; readonly length: number } {
  let best = { at: 0, length: 0 };
  let at = 0;
  hextets.forEach((hextet, i) => {
    if (hextet !== 0) at = i + 1;
    else if (i + 1 - at > best.length) best = { at, length: i + 1 - at };
  });
  return best;
}

/** A name that is let through: itself, what is below it, or both. */
export interface LetThrough {
  readonly name: string;
  readonly covers: 'name' | 'below' | 'both';
}

/** As a pack writes it: exact, or `*.suffix`. */
export function packName(text: string): LetThrough {
  return text.startsWith('*.') ? { name: text.slice(2), covers: 'below' } : { name: text, covers: 'name' };
}

/** Relative owners in the zone; an empty list for what is no host name: it must not become another line of the file. */
export function letThroughOwners({ name, covers }: LetThrough): readonly string[] {
  const plain = name.toLowerCase().replace(/\.$/, '');
  if (
    plain.length > 200 ||
    !/^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(plain)
  )
    return [];
  return [...(covers === 'below' ? [] : [plain]), ...(covers === 'name' ? [] : [`*.${plain}`])];
}
