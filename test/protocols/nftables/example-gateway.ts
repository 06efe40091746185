// A small gateway with one of everything, for the golden ruleset and the element commands.
import type { GatewaySpec } from '../../../src/core/garden/gateway.ts';
import { parseIp } from '../../../src/core/net/ip.ts';
import { parsePrefix } from '../../../src/core/net/prefix.ts';

export const prefix = (text: string) => parsePrefix(text)!;
export const ip = (text: string) => parseIp(text)!;

export const exampleGateway: GatewaySpec = {
  name: 'bng1',
  table: 'engawa',
  accessInterfaces: ['ppp*', 'access0'],
  portal: { ip4: ip('192.0.2.2'), ip6: ip('2001:db8:0:1::2') },
  sink: { ip4: ip('192.0.2.3'), ip6: ip('2001:db8:0:1::3') },
  ports: { portalHttp: 8080, portalHttps: 8443, tlsRefuser: 8444, dnsFront: 5353 },
  tls443: 'alert',
  pools: [prefix('192.0.2.64/26'), prefix('2001:db8:100::/48')],
  infrastructure: [prefix('192.0.2.0/26')],
  ipv6Lengths: [56, 128],
  lifelines: [
    {
      name: 'emergency calls',
      class: 'emergency',
      prefixes: [prefix('198.51.100.112/29'), prefix('198.51.100.112'), prefix('2001:db8:ffff::112')],
      protocols: ['udp', 'tcp'],
      ports: [
        { low: 10_000, high: 10_999 },
        { low: 5060, high: 5060 },
        { low: 5061, high: 5061 },
      ],
      inbound: true,
      dnsNames: ['sos.example'],
    },
    {
      name: 'acs',
      class: 'acs',
      prefixes: [],
      protocols: ['tcp'],
      ports: [{ low: 7547, high: 7547 }],
      inbound: false,
      dnsNames: ['acs.example'],
    },
  ],
  packs: [
    {
      name: 'cert-status',
      purpose: 'certificate status',
      dnsNames: ['ocsp.example'],
      prefixes: [prefix('203.0.113.80')],
      protocols: ['tcp'],
      ports: [{ low: 80, high: 80 }],
    },
  ],
  ntpServers: [prefix('198.51.100.123'), prefix('2001:db8:ffff::123')],
};

/** The same behind a border relay: some of its addresses are shared, in two ways. */
export const sharingGateway: GatewaySpec = {
  ...exampleGateway,
  sharedPools: [
    { prefix: prefix('192.0.2.96/28'), offset: 6, psidLength: 8 },
    { prefix: prefix('192.0.2.112/28'), offset: 0, psidLength: 6 },
  ],
  softwireBorders: [prefix('2001:db8:0:2::64')],
};
