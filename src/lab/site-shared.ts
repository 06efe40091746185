// The part of the operator's folder that homes which share addresses need: which rule gives ports, whose translator logs are read.
// Both ends stand here, since the lab is both.
import { stringify } from 'yaml';
import { AFTR_SERVICE_SET } from './cgn-log.ts';
import { LAB_ADDRESSES, LAB_CGN, LAB_MAP_RULE, LAB_UPLINK } from './network-plan.ts';
import type { SitePart } from './site-second.ts';

/** Where the service hears translators' logs. */
export const LAB_TRANSLATORS = { address: LAB_ADDRESSES.gateway.ip4, udpPort: 5514, tcpPort: 5515 } as const;

export function sharedPart(): SitePart {
  const { prefix6, prefixLength, address, psidLength, psidOffset } = LAB_MAP_RULE;
  const rule = {
    id: 'map-e',
    kind: 'map-e',
    ipv6Prefix: `${prefix6}/${prefixLength}`,
    ipv4Prefix: `${address}/32`,
    // The IPv4 prefix is a whole address: no bit of it is left, and all are the PSID (RFC 7597 §5.2).
    eaLength: psidLength,
    psidOffset,
    layout: 'rfc7597',
  };
  return {
    gateways: [],
    accountingClients: [],
    top: { translators: translators(), sharing: { rules: 'sharing.yaml', addresses: [LAB_CGN.outsidePool] } },
    files: { 'sharing.yaml': stringify({ rules: [rule] }) },
  };
}

/** Each logs from the CGN's own address, to a port of its own. */
function translators(): readonly unknown[] {
  const { address, udpPort, tcpPort } = LAB_TRANSLATORS;
  const common = () => ({ kind: 'syslog', from: [`${LAB_UPLINK.internet}/32`], interim: '10min' });
  return [
    { ...common(), name: 'cgn1', dialect: 'junos-pba', transport: 'udp', listen: `${address}:${udpPort}` },
    {
      ...common(),
      name: 'aftr1',
      dialect: 'junos-ms-mpc',
      transport: 'tcp',
      listen: `${address}:${tcpPort}`,
      timeZone: 'UTC',
      realms: { [AFTR_SERVICE_SET]: 'main' },
    },
  ];
}
