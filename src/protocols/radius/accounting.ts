// Accounting-Request as values and Accounting-Response as octets (RFC 2866). What the values mean for a line is decided
// elsewhere; here only their form counts.
import { err, ok, type Result } from '../../core/kernel/result.ts';
import type { Ip } from '../../core/net/ip.ts';
import type { Prefix } from '../../core/net/prefix.ts';
import {
  type AttributeValue,
  asText,
  MESSAGE_AUTHENTICATOR,
  PROXY_STATE,
  readAttribute,
  readVendor,
  VENDOR_SPECIFIC,
} from './attributes.ts';
import { signAccountingResponse } from './authenticator.ts';
import { type Attribute, CODE, encodePacket, type Packet } from './codec.ts';

export type AcctStatus = 'start' | 'stop' | 'interim' | 'on' | 'off' | 'other';

export interface AccountingRequest {
  readonly status: AcctStatus;
  readonly sessionId?: string;
  readonly userName?: string;
  readonly callingStationId?: string;
  readonly agentCircuitId?: string;
  readonly agentRemoteId?: string;
  readonly class?: string;
  readonly nasIdentifier?: string;
  readonly nasPortId?: string;
  readonly nasIp?: Ip;
  readonly framedIp: readonly Ip[];
  readonly framedIpv6Prefixes: readonly Prefix[];
  readonly delegatedIpv6Prefixes: readonly Prefix[];
  readonly framedIpv6Addresses: readonly Ip[];
  readonly delaySeconds?: number;
  readonly sessionSeconds?: number;
  readonly eventTimestampSeconds?: number;
  readonly terminateCause?: number;
  /** Attributes we do not know, in order, untouched. */
  readonly unknown: readonly Attribute[];
}

export type AccountingError =
  | { readonly kind: 'not-accounting'; readonly code: number }
  | { readonly kind: 'attribute-value'; readonly type: number }
  | { readonly kind: 'no-status' };

const STATUS: Readonly<Record<number, AcctStatus>> = { 1: 'start', 2: 'stop', 3: 'interim', 7: 'on', 8: 'off' };

export function readAccounting(packet: Packet): Result<AccountingRequest, AccountingError> {
  if (packet.code !== CODE.accountingRequest) return err({ kind: 'not-accounting', code: packet.code });
  const found = new Map<string, AttributeValue[]>();
  const unknown: Attribute[] = [];
  for (const attribute of packet.attributes) {
    const read = attribute.type === VENDOR_SPECIFIC ? readVendor(attribute.value) : readAttribute(attribute);
    if (read === undefined) return err({ kind: 'attribute-value', type: attribute.type });
    if (read === 'unknown' || (Array.isArray(read) && read.length === 0)) {
      unknown.push(attribute);
      continue;
    }
    for (const { name, value } of Array.isArray(read) ? read : [read]) {
      const values = found.get(name);
      if (values === undefined) found.set(name, [value]);
      else values.push(value);
    }
  }
  const status = found.get('Acct-Status-Type')?.[0];
  if (typeof status !== 'number') return err({ kind: 'no-status' });
  return ok({ status: STATUS[status] ?? 'other', ...valuesOf(found), unknown });
}

function valuesOf(
  found: ReadonlyMap<string, readonly AttributeValue[]>,
): Omit<AccountingRequest, 'status' | 'unknown'> {
  const all = <T>(name: string) => (found.get(name) ?? []) as readonly T[];
  const one = <K extends string, T>(key: K, name: string): { readonly [P in K]?: T } => {
    const value = found.get(name)?.[0];
    return (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: T };
  };
  const nasIp = all<Ip>('NAS-IP-Address')[0] ?? all<Ip>('NAS-IPv6-Address')[0];
  const classValue = all<Uint8Array>('Class')[0];
  return {
    ...one<'sessionId', string>('sessionId', 'Acct-Session-Id'),
    ...one<'userName', string>('userName', 'User-Name'),
    ...one<'callingStationId', string>('callingStationId', 'Calling-Station-Id'),
    ...one<'agentCircuitId', string>('agentCircuitId', 'Agent-Circuit-Id'),
    ...one<'agentRemoteId', string>('agentRemoteId', 'Agent-Remote-Id'),
    ...one<'nasIdentifier', string>('nasIdentifier', 'NAS-Identifier'),
    ...one<'nasPortId', string>('nasPortId', 'NAS-Port-Id'),
    ...one<'delaySeconds', number>('delaySeconds', 'Acct-Delay-Time'),
    ...one<'sessionSeconds', number>('sessionSeconds', 'Acct-Session-Time'),
    ...one<'eventTimestampSeconds', number>('eventTimestampSeconds', 'Event-Timestamp'),
    ...one<'terminateCause', number>('terminateCause', 'Acct-Terminate-Cause'),
    ...(classValue === undefined ? {} : { class: asText(classValue) }),
    ...(nasIp === undefined ? {} : { nasIp }),
    framedIp: all<Ip>('Framed-IP-Address'),
    framedIpv6Prefixes: all<Prefix>('Framed-IPv6-Prefix'),
    delegatedIpv6Prefixes: all<Prefix>('Delegated-IPv6-Prefix'),
    framedIpv6Addresses: all<Ip>('Framed-IPv6-Address'),
  };
}

/**
 * Proxy-State is copied, in order (RFC 2865 §5.33). Message-Authenticator goes first, and only to one who sent it: older
 * equipment drops what it does not know.
 */
export function accountingResponse(request: Packet, secret: Uint8Array): Uint8Array {
  const signed = request.attributes.some((one) => one.type === MESSAGE_AUTHENTICATOR);
  const attributes = [
    ...(signed ? [{ type: MESSAGE_AUTHENTICATOR, value: new Uint8Array(16) }] : []),
    ...request.attributes.filter((one) => one.type === PROXY_STATE),
  ];
  const bytes = encodePacket({ code: CODE.accountingResponse, identifier: request.identifier, attributes });
  return signAccountingResponse(bytes, request.authenticator, secret);
}
