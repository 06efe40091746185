// test/vectors/sharing: blocks that begin with «## title», comments before the first; and the words in them.
import { readFileSync } from 'node:fs';
import type { DeterministicRule, PoolHosts } from '../../../../src/core/line/sharing/deterministic.ts';
import { reservedPorts } from '../../../../src/core/line/sharing/deterministic.ts';
import type { InterfaceIdLayout, MapERule } from '../../../../src/core/line/sharing/map-e.ts';
import { type Ip, parseIp } from '../../../../src/core/net/ip.ts';
import { type Prefix, parsePrefix } from '../../../../src/core/net/prefix.ts';
import type { PortRange } from '../../../../src/core/net/transport.ts';

export interface Block {
  readonly title: string;
  readonly lines: readonly string[];
}

export function textOf(file: string): string {
  return readFileSync(new URL(`../../../vectors/sharing/${file}`, import.meta.url), 'utf8');
}

export function blocksOf(file: string): readonly Block[] {
  return textOf(file)
    .split(/^## /m)
    .slice(1)
    .map((text) => {
      const [title, ...lines] = text.trimEnd().split('\n');
      return { title: title!, lines: lines.filter((one) => one !== '') };
    });
}

export const ip = (text: string): Ip => parseIp(text) ?? fail(text);
export const prefix = (text: string): Prefix => parsePrefix(text) ?? fail(text);

function fail(text: string): never {
  throw new Error(`the vector is wrong: ${text}`);
}

export const HEAD = { id: 'rule', realm: 'main', insideRealm: 'main' };

/** `rule 2001:db8::/40 192.0.2.0/24 o16 a6 rfc7597 psid 0x34/8` */
export function mapERule(line: string): MapERule {
  const [, six, four, ea, offset, layout, , psid] = line.split(' ');
  const [value, length] = psid?.split('/').map(Number) ?? [];
  return {
    kind: 'map-e',
    ...HEAD,
    ipv6Prefix: prefix(six!),
    ipv4Prefix: prefix(four!),
    eaLength: Number(ea!.slice(1)),
    psidOffset: Number(offset!.slice(1)),
    layout: layout as InterfaceIdLayout,
    ...(value !== undefined && length !== undefined && { psid: { value, length } }),
  };
}

/** `rule 198.51.100.0/28 192.0.2.1/32 c14 d2 r0-1023 usable`; an IPv6 inside prefix has the subscriber's length behind it. */
export function deterministicRule(line: string): DeterministicRule {
  const [, inside, outside, ratio, dynamic, reserved, hosts] = line.split(' ');
  const [network, length, own = '32'] = inside!.split('/');
  return {
    kind: 'deterministic-cgn',
    ...HEAD,
    inside: prefix(`${network}/${length}`),
    insideLength: Number(own),
    insideHosts: hosts as PoolHosts,
    outside: [prefix(outside!)],
    outsideHosts: 'all',
    ratio: Number(ratio!.slice(1)),
    dynamicFactor: Number(dynamic!.slice(1)),
    reserved: reservedPorts(reserved!.slice(1).split(',').map(range)),
  };
}

export function range(text: string): PortRange {
  const [low, high = low] = text.split('-').map(Number);
  return { low: low!, high: high! };
}

export const shown = ({ low, high }: PortRange) => `${low}-${high}`;

/** `63: 1232-1235 2256-2259 … 64720-64723`, with as many at each end as the expected text has. */
export function summary(ranges: readonly PortRange[], like: string): string {
  const all = ranges.map(shown);
  const [head, tail] = like
    .replace(/^[0-9]+: /, '')
    .split(' … ')
    .map((part) => part.split(' ').length);
  if (tail === undefined) return `${all.length}: ${all.join(' ')}`;
  return `${all.length}: ${all.slice(0, head).join(' ')} … ${all.slice(-tail).join(' ')}`;
}

export const count = (ranges: readonly PortRange[]) => ranges.reduce((sum, { low, high }) => sum + high - low + 1, 0);
