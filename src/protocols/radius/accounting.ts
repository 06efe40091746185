// Accounting-Request as values and Accounting-Response as octets (RFC 2866). What the values mean for a line is decided
// elsewhere; here only their form counts.
import { err, ok, type Result } from '../../core/kernel/result.ts';
import type { Ip } from '../../core/net/ip.ts';
import type { Prefix } from '../../core/net/prefix.ts';
import {
  type AttributeValue,
  asText,
  type Field,
  MESSAGE_AUTHENTICATOR,
  PROXY_STATE,
  type Read,
  readAttribute,
  readVendor,
  VENDOR_SPECIFIC,
} from './attributes.ts';
import { signAccountingResponse } from './authenticator.ts';
import { type Attribute, CODE, encodePacket, type Packet } from './codec.ts';
import { EXTENDED_1, type IpPortRange, readPortRange } from './port-range.ts';

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
  readonly portRanges?: readonly IpPortRange[];
  /** Attributes we do not know, or whose value is not of their form, in order, untouched. */
  readonly unknown: readonly Attribute[];
  /** How many of these we do know, but not in this form; left out: none. */
  readonly odd?: number;
}

export type AccountingError =
  | { readonly kind: 'not-accounting'; readonly code: number }
  | { readonly kind: 'attribute-value'; readonly type: number }
  | { readonly kind: 'no-status' };

const STATUS: Readonly<Record<number, AcctStatus>> = { 1: 'start', 2: 'stop', 3: 'interim', 7: 'on', 8: 'off' };

/** What a record is about, and when: Acct-Status-Type, -Delay-Time, -Session-Time, Event-Timestamp. Of others an odd value
 *  costs that value, not the record: a Stop unanswered for hours would cost more. */
const NEEDED: ReadonlySet<number> = new Set([40, 41, 46, 55]);

export function readAccounting(packet: Packet): Result<AccountingRequest, AccountingError> {
  if (packet.code !== CODE.accountingRequest) return err({ kind: 'not-accounting', code: packet.code });
  const found: Found = {
    framedIp: [],
    framedIpv6Prefixes: [],
    delegatedIpv6Prefixes: [],
    framedIpv6Addresses: [],
    unknown: [],
  };
  for (const attribute of packet.attributes) {
    if (attribute.type === EXTENDED_1) {
      keepPortRange(found, attribute);
      continue;
    }
    const read = attribute.type === VENDOR_SPECIFIC ? readVendor(attribute.value) : readAttribute(attribute);
    if (read === undefined && NEEDED.has(attribute.type)) return err({ kind: 'attribute-value', type: attribute.type });
    if (read === undefined) found.odd = (found.odd ?? 0) + 1;
    if (read === undefined || read === 'unknown') found.unknown.push(attribute);
    else if ('field' in read) keep(found, read);
    else if (read.length === 0) found.unknown.push(attribute);
    else for (const one of read) keep(found, one);
  }
  const { status, class: classOctets, nasIp, nasIpv6, ...rest } = found;
  if (status === undefined) return err({ kind: 'no-status' });
  const nas = nasIp ?? nasIpv6;
  return ok({
    ...rest,
    status: STATUS[status] ?? 'other',
    ...(classOctets === undefined ? {} : { class: asText(classOctets) }),
    ...(nas === undefined ? {} : { nasIp: nas }),
  });
}

function keepPortRange(found: Found, attribute: Attribute): void {
  const range = readPortRange(attribute.value);
  if (range === undefined) found.odd = (found.odd ?? 0) + 1;
  if (range === undefined || range === 'other') found.unknown.push(attribute);
  else found.portRanges = [...(found.portRanges ?? []), range];
}

/** A request under way: numbers and octets as they came, lists still open. */
type Found = Mutable<Omit<AccountingRequest, 'status' | 'class' | Many>> & {
  -readonly [K in Many]: AccountingRequest[K][number][];
} & { status?: number; class?: Uint8Array; nasIpv6?: Ip };
type Many = 'framedIp' | 'framedIpv6Prefixes' | 'delegatedIpv6Prefixes' | 'framedIpv6Addresses' | 'unknown';
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** attributes.ts pairs each field with a form of its type. */
function keep(found: Found, { field, value }: Read): void {
  if (field === undefined) return;
  const draft = found as unknown as Record<Field, AttributeValue | AttributeValue[]>;
  const held = draft[field];
  if (Array.isArray(held)) held.push(value);
  else if (held === undefined) draft[field] = value;
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
