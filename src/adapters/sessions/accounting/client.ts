// One RADIUS client (NAS or proxy) as configured, and what its requests mean for bindings. No sockets here.
import { HOUR, type Instant, SECOND } from '../../../core/kernel/time.ts';
import {
  type AccountingRecord,
  eventTime,
  type NamedPrefix,
  type PortBlock,
  type Slot,
} from '../../../core/line/accounting.ts';
import { type NotHoldable, whyNotHoldable } from '../../../core/line/holdable.ts';
import { formatIp } from '../../../core/net/ip.ts';
import { type Prefix, prefixOf, samePrefix } from '../../../core/net/prefix.ts';
import type { AccountingRequest } from '../../../protocols/radius/accounting.ts';
import type { Attribute } from '../../../protocols/radius/codec.ts';
import { sessionFacts } from '../../../protocols/radius/session-facts.ts';

export interface AccountingClient {
  readonly name: string;
  /** Source addresses its packets come from; of two clients that name one address, the longer prefix speaks. */
  readonly from: readonly Prefix[];
  /** The current secret first; a previous one during rotation. Octets: RFC 2865 §3 knows no character set. */
  readonly secrets: readonly Uint8Array[];
  readonly accessKey: 'User-Name' | 'Agent-Circuit-Id' | 'Calling-Station-Id' | 'Class';
  readonly realm: string;
  readonly interimSeconds: number;
  /** A proxy that speaks for several NASes: each is then named `<client>/<NAS-Identifier or NAS-IP-Address>`. */
  readonly proxy?: boolean;
  /** Genuine datagrams; what is more goes unanswered, and is repeated. Default: client-state.ts. */
  readonly packetsPerSecond?: number;
  /** `accept`: verified when it is there. Accounting needs none to be genuine (RFC 5080 §2.2.2). */
  readonly messageAuthenticator?: 'accept' | 'require';
  /** Its gateway is spoken to per session (RFC 5176): keep what a request has to name. */
  readonly facts?: boolean;
}

export type Unusable = 'other-status' | 'no-session-id' | 'no-access-key' | 'no-nas-identity';

export interface Reading {
  readonly record?: AccountingRecord;
  readonly unusable?: Unusable;
  /** Prefixes that were named but no line may hold. */
  readonly refused: readonly NotHoldable[];
}

/** Longest session an Acct-Session-Time is believed for; beyond it the counter has wrapped or is nonsense. */
const MAX_SESSION_MS = 400 * 24 * HOUR;

/** Acct-Terminate-Cause of a session that a crash ended (RFC 2866 §5.10); its Stop is sent when the NAS is up again. */
const NAS_REBOOT = 11;

/** Pure: one request, one client, the moment it arrived. */
export function readRecord(
  request: AccountingRequest,
  client: AccountingClient,
  at: {
    readonly arrivedAt: Instant;
    readonly reserved: readonly Prefix[];
    /** The request's own, as they came. */
    readonly attributes: readonly Attribute[];
  },
): Reading {
  const nas = nasOf(request, client);
  if (nas === undefined) return { unusable: 'no-nas-identity', refused: [] };
  const base = { nas, realm: client.realm, ...eventTime({ ...request, arrivedAt: at.arrivedAt }) };
  const { status } = request;
  if (status === 'on' || status === 'off') return { record: { ...base, status }, refused: [] };
  if (status === 'other') return { unusable: 'other-status', refused: [] };
  if (!request.sessionId) return { unusable: 'no-session-id', refused: [] };
  const accessKey = accessKeyOf(request, client.accessKey);
  if (!accessKey) return { unusable: 'no-access-key', refused: [] };
  const startAt = startOf(request, base.eventAt);
  const { prefixes, blocks, refused } = prefixesOf(request, at.reserved);
  const record = { ...base, status, sessionId: request.sessionId, accessKey, prefixes };
  return {
    record: {
      ...record,
      ...(startAt === undefined ? {} : { startAt }),
      ...(blocks.length === 0 ? {} : { blocks }),
      ...(status === 'stop' && request.terminateCause === NAS_REBOOT ? { endUnseen: true } : {}),
      ...(client.facts === true ? { facts: sessionFacts(at.attributes) } : {}),
    },
    refused,
  };
}

function nasOf(request: AccountingRequest, client: AccountingClient): string | undefined {
  if (client.proxy !== true) return client.name;
  const identity = request.nasIdentifier ?? (request.nasIp === undefined ? undefined : formatIp(request.nasIp));
  return identity === undefined ? undefined : `${client.name}/${identity}`;
}

function accessKeyOf(request: AccountingRequest, kind: AccountingClient['accessKey']): string | undefined {
  switch (kind) {
    case 'User-Name':
      return request.userName;
    case 'Agent-Circuit-Id':
      return request.agentCircuitId;
    case 'Calling-Station-Id':
      return request.callingStationId;
    case 'Class':
      return request.class;
  }
}

function startOf(request: AccountingRequest, eventAt: Instant): Instant | undefined {
  if (request.status === 'start') return eventAt;
  if (request.sessionSeconds === undefined) return undefined;
  const sessionMs = request.sessionSeconds * SECOND;
  return sessionMs > MAX_SESSION_MS ? undefined : eventAt - sessionMs;
}

function prefixesOf(request: AccountingRequest, reserved: readonly Prefix[]) {
  const ranges = blocksOf(request);
  const isShared = (prefix: Prefix) => ranges.some((block) => samePrefix(block.prefix, prefix));
  const named: NamedPrefix[] = [
    ...request.framedIp.map((ip) => slotted('ipv4', prefixOf(ip))).filter(({ prefix }) => !isShared(prefix)),
    ...request.framedIpv6Prefixes.map((prefix) => slotted('framed-ipv6', prefix)),
    ...request.delegatedIpv6Prefixes.map((prefix) => slotted('delegated-ipv6', prefix)),
    ...request.framedIpv6Addresses.map((ip) => slotted('address-ipv6', prefixOf(ip))),
  ];
  const prefixes: NamedPrefix[] = [];
  const refused: NotHoldable[] = [];
  const isHoldable = (prefix: Prefix) => {
    const reason = whyNotHoldable(prefix, reserved);
    // 255.255.255.254 and its like mean «not assigned yet» (RFC 2865 §5.8): nothing to refuse, nothing to keep.
    if (reason !== undefined && reason !== 'special-address') refused.push(reason);
    return reason === undefined;
  };
  for (const one of named) if (isHoldable(one.prefix)) prefixes.push(one);
  return { prefixes, blocks: ranges.filter((block) => isHoldable(block.prefix)), refused };
}

/** Ports without an address of their own are ports of the session's address. */
function blocksOf({ portRanges = [], framedIp }: AccountingRequest): PortBlock[] {
  return portRanges.flatMap(({ address = framedIp[0], ports, isReleased }) =>
    address === undefined ? [] : [{ prefix: prefixOf(address), ports, isReleased }],
  );
}

function slotted(slot: Slot, prefix: Prefix): NamedPrefix {
  return { slot, prefix };
}
