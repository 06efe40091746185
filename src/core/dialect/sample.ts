// A session that never was, with everything a dialect can ask for, under documentation addresses (RFC 5737, 3849, 7042): for
// showing packets, and for trying a dialect's values when it is loaded.
import type { NasSession } from '../line/session.ts';
import { parsePrefix } from '../net/prefix.ts';
import type { Dialect } from './dialect.ts';

export const SAMPLE_SESSION: NasSession = {
  nas: 'bng2',
  sessionId: '0A17C0DE',
  accessKey: 'home-42@isp.example',
  realm: 'main',
  prefixes: [
    { slot: 'ipv4', prefix: parsePrefix('198.51.100.42')! },
    { slot: 'delegated-ipv6', prefix: parsePrefix('2001:db8:42::/56')! },
  ],
  facts: {
    'User-Name': ['home-42@isp.example'],
    'NAS-Identifier': ['bng2'],
    'NAS-IP-Address': ['192.0.2.10'],
    'NAS-IPv6-Address': ['2001:db8::10'],
    'NAS-Port': ['4242'],
    'NAS-Port-Id': ['lag-1:100.42'],
    'NAS-Port-Type': ['Ethernet'],
    'Service-Type': ['Framed-User'],
    'Called-Station-Id': ['bng2'],
    'Calling-Station-Id': ['00-00-5E-00-53-2A'],
    'Acct-Session-Id': ['0A17C0DE'],
    'Acct-Multi-Session-Id': ['0A17C0DE-1'],
    'Chargeable-User-Identity': ['0x63323432'],
    'Framed-IP-Address': ['198.51.100.42'],
    'Framed-IPv6-Prefix': ['2001:db8:0:42::/64'],
    'Framed-IPv6-Address': ['2001:db8:0:42::2a'],
    'Framed-Interface-Id': ['0:0:0:2a'],
    'Delegated-IPv6-Prefix': ['2001:db8:42::/56'],
  },
  lastAt: 0,
};

/** Defaults and examples: with `isWhole` also of what need not be configured. */
export function sampleValues({ values }: Pick<Dialect, 'values'>, isWhole: boolean): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, one]) => {
      const value = one.default ?? (one.required || isWhole ? one.example : undefined);
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}
