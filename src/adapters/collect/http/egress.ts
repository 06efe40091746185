// Where a collector may connect to. A feed's address is configuration, but what its name resolves to, or redirects to, is
// somebody else's word: our own network, this machine and a cloud's metadata service never answer for a feed (F21).

import { lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { type Ip, parseIp } from '../../../core/net/ip.ts';
import { containsIp, type Prefix } from '../../../core/net/prefix.ts';
import { isSpecial } from '../../../core/net/special.ts';

export interface EgressRule {
  /** Special addresses that may be spoken to all the same, and without TLS: a feed server in the operator's own network. */
  readonly allowPrivate: readonly Prefix[];
  /** Our infrastructure: portal, sinks, lifelines, gateways. Beats nothing that `allowPrivate` names. */
  readonly reserved: readonly Prefix[];
}

export class EgressRefused extends Error {
  readonly code = 'EGRESS';
}

/** IPv4-mapped, zoned and other unusual forms are no addresses here, and so refused. */
export function mayConnect(address: string, rule: EgressRule): boolean {
  const ip = parseIp(address);
  if (ip === undefined) return false;
  if (isAllowed(ip, rule)) return true;
  return !isSpecial(ip) && !rule.reserved.some((prefix) => containsIp(prefix, ip));
}

function isAllowed(ip: Ip, rule: EgressRule): boolean {
  return rule.allowPrivate.some((prefix) => containsIp(prefix, ip));
}

/** What is wrong with this address of a feed, before anything is looked up; undefined = nothing yet. */
export function urlFault(url: URL, rule: EgressRule): string | undefined {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return `the scheme ${url.protocol} is not spoken here`;
  if (url.username !== '' || url.password !== '') return 'an address with user or password';
  const host = hostOf(url);
  const literal = isIP(host) === 0 ? undefined : host;
  if (literal !== undefined && !mayConnect(literal, rule)) return `${literal} is no address of a feed`;
  if (url.protocol === 'https:') return undefined;
  // Without TLS anybody on the way could write reports: only to an address that was named as ours.
  const ip = literal === undefined ? undefined : parseIp(literal);
  return ip !== undefined && isAllowed(ip, rule) ? undefined : 'http is spoken only to addresses of allowPrivate';
}

export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

/**
 * Resolves at the moment of connecting, and hands on only what passes: between a check and a connect a name could change what
 * it says (DNS rebinding). `resolve` is the system's; a test has its own.
 */
export function guardedLookup(
  rule: EgressRule,
  resolve: LookupFunction = systemLookup as LookupFunction,
): LookupFunction {
  return (host, options, done) => {
    resolve(host, { ...options, all: true }, (error, found) => {
      if (error !== null) return done(error, '', 0);
      const all = Array.isArray(found) ? found : [];
      const passed = all.filter(({ address }) => mayConnect(address, rule));
      const first = passed[0];
      if (first === undefined) {
        const said = all.map(({ address }) => address).join(', ');
        return done(new EgressRefused(`${host} resolves to ${said || 'nothing'}: no address of a feed`), '', 0);
      }
      if (options.all === true) done(null, passed);
      else done(null, first.address, first.family);
    });
  };
}
