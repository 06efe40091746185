// Lines of `conntrack -L`, and which of them are flows that the garden steered: the DNS front's zone, or a redirect whose
// reply comes from one of our listeners. Never a lifeline's: it replies from its peer, whatever masquerade does. Pure.
import type { GatewaySpec } from '../../core/garden/gateway.ts';
import { formatIp, type Ip, parseIp, sameIp } from '../../core/net/ip.ts';
import { containsIp } from '../../core/net/prefix.ts';
import { DNS_ZONE } from './ruleset.ts';

export interface Flow {
  readonly protocol: 'tcp' | 'udp';
  readonly source: Ip;
  readonly target: Ip;
  readonly sourcePort: number;
  readonly targetPort: number;
  readonly replySource: Ip;
  readonly replyPort: number;
  readonly zone: number;
  readonly established: boolean;
}

const TUPLE = 'src=(\\S+) dst=(\\S+) sport=(\\d+) dport=(\\d+)';
const LINE = new RegExp(`^(tcp|udp)\\s+\\d+ \\d+ (.*?)${TUPLE} .*?${TUPLE}(.*)$`);

/** One line of `conntrack -L`; undefined for other protocols and anything unexpected. */
export function parseFlow(line: string): Flow | undefined {
  const m = LINE.exec(line);
  if (m === null) return undefined;
  const [source, target, replySource] = [parseIp(m[3]!), parseIp(m[4]!), parseIp(m[7]!)];
  if (source === undefined || target === undefined || replySource === undefined) return undefined;
  return {
    protocol: m[1] === 'tcp' ? 'tcp' : 'udp',
    source,
    target,
    sourcePort: Number(m[5]),
    targetPort: Number(m[6]),
    replySource,
    replyPort: Number(m[9]),
    zone: Number(/ zone=(\d+)/.exec(m[11]!)?.[1] ?? 0),
    established: m[2]!.includes('ESTABLISHED'),
  };
}

/** Was this flow steered by us, and does steering it end with the release? */
export function isSteered(spec: GatewaySpec, flow: Flow): boolean {
  if (spec.lifelines.some((l) => l.prefixes.some((p) => containsIp(p, flow.target)))) return false;
  if (flow.zone === DNS_ZONE) return flow.targetPort === 53;
  const isOf = (pair: GatewaySpec['portal'], ip: Ip) => sameIp(pair.ip4, ip) || sameIp(pair.ip6, ip);
  if (!isOf(spec.portal, flow.replySource) || !Object.values(spec.ports).includes(flow.replyPort)) return false;
  // These are redirected for everyone: a free line keeps such a flow, and with it the very page that says «released».
  return !isOf(spec.portal, flow.target) && !isOf(spec.sink, flow.target);
}

/** The arguments that delete exactly this flow. */
export function deleteArguments(flow: Flow): readonly string[] {
  const ends = ['-s', formatIp(flow.source), '-d', formatIp(flow.target)];
  const ports = ['--sport', `${flow.sourcePort}`, '--dport', `${flow.targetPort}`];
  const family = flow.source.family === 4 ? 'ipv4' : 'ipv6';
  return ['-D', '-f', family, '-p', flow.protocol, ...ends, ...ports, '-w', `${flow.zone}`];
}
