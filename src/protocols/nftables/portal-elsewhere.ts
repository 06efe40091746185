// What the rules need in addition where the portal's machine is not this one: steered packets are forwarded instead of delivered,
// so the forward hook lets pass, and refuses, what the input hook does where the portal is here. Empty lists otherwise.
import type { GatewaySpec } from '../../core/garden/gateway.ts';
import { formatIp } from '../../core/net/ip.ts';
import { interfaces, ip, portal } from './rule-parts.ts';

const FAMILIES = [4, 6] as const;
type Family = (typeof FAMILIES)[number];

/** Before routing: answers of the front come in by an interface here, and must find the zone of their question. */
export function zoneOfFrontReplies(spec: GatewaySpec, zoneChain: string): string[] {
  if (spec.isPortalElsewhere !== true) return [];
  const { dnsFront } = spec.ports;
  return FAMILIES.map(
    (family) =>
      `iifname != { ${interfaces(spec)} } ${fromPortal(spec, family)} meta l4proto { tcp, udp } th sport ${dnsFront} goto ${zoneChain}`,
  );
}

/** Its listeners are reached by steering alone: for every line, and before any other verdict. */
export function portalByHand(spec: GatewaySpec): string[] {
  if (spec.isPortalElsewhere !== true) return [];
  return FAMILIES.flatMap((family) => [
    `${portal(spec, { family })} meta l4proto tcp th dport { ${listeners(spec)} } ct status & dnat == 0 reject with tcp reset`,
    `${portal(spec, { family })} meta l4proto udp th dport ${spec.ports.dnsFront} ct status & dnat == 0 drop`,
  ]);
}

/** For lines that are not strict: one that was released keeps its connection to redirector or refuser until it is reset. */
export function resetAfterRelease(spec: GatewaySpec): string[] {
  if (spec.isPortalElsewhere !== true) return [];
  const steered = `{ ${spec.ports.portalHttp}, ${spec.ports.tlsRefuser} }`;
  return FAMILIES.map((family) => {
    const ours = [spec.portal, spec.sink].map((pair) => formatIp(ip(pair, family))).join(', ');
    const asked = `ct original ${family === 4 ? 'ip' : 'ip6'} daddr != { ${ours} }`;
    return `${portal(spec, { family })} tcp dport ${steered} ${asked} reject with tcp reset`;
  });
}

/** From a strict line: what was steered there, and an echo request. */
export function toPortal(spec: GatewaySpec, family: Family): string[] {
  if (spec.isPortalElsewhere !== true) return [];
  return [
    `${portal(spec, { family })} meta l4proto { tcp, udp } th dport { ${listeners(spec)} } ct status & dnat == dnat accept`,
    `${portal(spec, { family })} ${family === 4 ? 'icmp' : 'icmpv6'} type echo-request accept`,
  ];
}

/** Towards a strict line: answers only. */
export function answersOfPortal(spec: GatewaySpec, family: Family): string[] {
  return spec.isPortalElsewhere === true ? [`${fromPortal(spec, family)} ct direction reply accept`] : [];
}

/** ICMP errors about its answers: without «packet too big» a page stalls. */
export function errorsToPortal(spec: GatewaySpec): string[] {
  return spec.isPortalElsewhere === true ? FAMILIES.map((family) => `${portal(spec, { family })} accept`) : [];
}

function listeners({ ports }: GatewaySpec): string {
  return [ports.portalHttp, ports.portalHttps, ports.tlsRefuser, ports.dnsFront].join(', ');
}

function fromPortal(spec: GatewaySpec, family: Family): string {
  return `${family === 4 ? 'ip' : 'ip6'} saddr ${formatIp(ip(spec.portal, family))}`;
}
