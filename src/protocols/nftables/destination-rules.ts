// Rules that match lifelines, packs and time servers: `to …` looks at packets from the home, `from …` at packets towards it.
// Static prefixes stand in the rule, learned addresses in the set named after the pack or lifeline. No verdict is decided here.
import type { GatewaySpec, Lifeline, Pack } from '../../core/garden/gateway.ts';
import { formatPrefix, overlaps, type Prefix } from '../../core/net/prefix.ts';
import type { PortRange, Protocol } from '../../core/net/transport.ts';
import { errorsToPortal } from './portal-elsewhere.ts';
import { lifelineSet, packSet } from './sets.ts';

const FAMILIES = [4, 6] as const;
type Family = (typeof FAMILIES)[number];
type Side = 'saddr' | 'daddr';

export function toLifelines(spec: GatewaySpec): string[] {
  return spec.lifelines.flatMap((lifeline) => {
    const to = (ports: string) => peer(lifeline, 'daddr', lifelineSet).map((host) => `${host} ${ports}`);
    const answers = lifeline.inbound ? to(`${portMatch(lifeline, 'sport')} ct direction reply`) : [];
    return [...to(portMatch(lifeline, 'dport')), ...answers].map((match) => `${match} accept ${named(lifeline.name)}`);
  });
}

/** Replies; and, where the lifeline may call the home, flows from its ports and to the same ports of the home. */
export function fromLifelines(spec: GatewaySpec): string[] {
  return spec.lifelines.flatMap((lifeline) => {
    const from = (ports: string) => peer(lifeline, 'saddr', lifelineSet).map((host) => `${host} ${ports}`);
    const matches = lifeline.inbound
      ? [...from(portMatch(lifeline, 'sport')), ...from(portMatch(lifeline, 'dport'))]
      : from(`${portMatch(lifeline, 'sport')} ct direction reply`);
    return matches.map((match) => `${match} accept ${named(lifeline.name)}`);
  });
}

export function toPacks(spec: GatewaySpec, verdict: string, families: readonly Family[] = FAMILIES): string[] {
  return spec.packs.flatMap((pack) =>
    peer(pack, 'daddr', packSet, families).map(
      (host) => `${host} ${portMatch(pack, 'dport')} ${verdict} ${named(pack.name)}`,
    ),
  );
}

/** In reply direction only: a pack host never opens a connection into the home. */
export function fromPacks(spec: GatewaySpec): string[] {
  return spec.packs.flatMap((pack) =>
    peer(pack, 'saddr', packSet).map(
      (host) => `${host} ${portMatch(pack, 'sport')} ct direction reply accept ${named(pack.name)}`,
    ),
  );
}

/** Hosts that an ICMP error of the home may go to: the peers of the flows that are allowed. */
export function toAnyPeer(spec: GatewaySpec): string[] {
  const hosts = [
    ...spec.lifelines.flatMap((lifeline) => peer(lifeline, 'daddr', lifelineSet)),
    ...spec.packs.flatMap((pack) => peer(pack, 'daddr', packSet)),
    ...hostMatches(spec.ntpServers, 'daddr', FAMILIES),
  ];
  return [...errorsToPortal(spec), ...hosts.map((host) => `${host} accept`)];
}

export function timeServers(spec: GatewaySpec, side: Side): string[] {
  const rest = side === 'daddr' ? 'udp dport 123 accept' : 'udp sport 123 ct direction reply accept';
  return hostMatches(spec.ntpServers, side, FAMILIES).map((host) => `${host} ${rest}`);
}

function peer(
  of: Pack | Lifeline,
  side: Side,
  setName: (name: string, family: Family) => string,
  families: readonly Family[] = FAMILIES,
): string[] {
  const learned = families.map((family) => `${header(family)} ${side} @${setName(of.name, family)}`);
  return [...hostMatches(of.prefixes, side, families), ...learned];
}

function hostMatches(prefixes: readonly Prefix[], side: Side, families: readonly Family[]): string[] {
  return families.flatMap((family) => {
    const own = withoutCovered(prefixes.filter(({ ip }) => ip.family === family));
    return own.length === 0 ? [] : [`${header(family)} ${side} { ${own.map(formatPrefix).join(', ')} }`];
  });
}

/** nft refuses a set whose intervals overlap, so a prefix inside another one is left out. */
function withoutCovered(prefixes: readonly Prefix[]): readonly Prefix[] {
  const widestFirst = [...prefixes].sort((a, b) => a.length - b.length);
  const kept: Prefix[] = [];
  for (const prefix of widestFirst) if (!kept.some((wider) => overlaps(wider, prefix))) kept.push(prefix);
  return kept;
}

function portMatch(
  of: { protocols: readonly Protocol[]; ports: readonly PortRange[] },
  field: 'sport' | 'dport',
): string {
  const protocols = [...new Set(of.protocols)].join(', ');
  return `meta l4proto { ${protocols} } th ${field} { ${portTexts(of.ports).join(', ')} }`;
}

function portTexts(ports: readonly PortRange[]): string[] {
  const merged: { low: number; high: number }[] = [];
  for (const { low, high } of [...ports].sort((a, b) => a.low - b.low)) {
    const last = merged.at(-1);
    if (last !== undefined && low <= last.high + 1) last.high = Math.max(last.high, high);
    else merged.push({ low, high });
  }
  return merged.map(({ low, high }) => (low === high ? `${low}` : `${low}-${high}`));
}

function header(family: Family): 'ip' | 'ip6' {
  return family === 4 ? 'ip' : 'ip6';
}

/** Letters, digits and a few signs only: a name from the configuration never ends a comment or a line. */
function named(name: string): string {
  return `comment "${name.replace(/[^A-Za-z0-9 ._-]/g, '').slice(0, 100)}"`;
}
