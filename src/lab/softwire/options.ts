// What an end of softwires is told at its start, as JSON: addresses as text.
import { type Ip, parseIp } from '../../core/net/ip.ts';
import { aftrFarEnds, brFarEnds, type FarEnds, type OneAddressRule, oneFarEnd } from './far-ends.ts';

export interface MapRule {
  readonly prefix6: string;
  readonly prefixLength: number;
  readonly address: string;
  readonly psidLength: number;
  readonly psidOffset: number;
}

export type SoftwireOptions =
  /** A B4 (RFC 6333) or a CE (RFC 7597): they differ in who may use which port, and that is the home's NAT. */
  | { readonly kind: 'home'; readonly own: string; readonly operator: string }
  | {
      readonly kind: 'aftr';
      readonly own: string;
      readonly b4s: readonly { readonly inside: string; readonly b4: string }[];
    }
  | { readonly kind: 'br'; readonly own: string; readonly rule: MapRule };

export function farEndsOf(options: SoftwireOptions): FarEnds {
  switch (options.kind) {
    case 'home':
      return oneFarEnd(address(options.operator));
    case 'aftr':
      return aftrFarEnds(options.b4s.map(({ inside, b4 }) => ({ inside: address(inside), b4: address(b4) })));
    case 'br':
      return brFarEnds(oneAddressRule(options.rule));
  }
}

export function oneAddressRule(rule: MapRule): OneAddressRule {
  return { ...rule, prefix6: address(rule.prefix6), address: address(rule.address) };
}

export function address(text: string): Ip {
  const ip = parseIp(text);
  if (ip === undefined) throw new Error(`not an address: ${text}`);
  return ip;
}
