// What the relay put in, as Kea keeps it in a lease's user context (`store-extended-info`): option 82 as hexadecimal or as an object
// around it, DHCPv6 relays as a list, the one nearest to the client last.
import { identifierText, octetsOf } from './lease.ts';

export interface RelayIds {
  readonly circuitId?: string;
  readonly remoteId?: string;
}

const MAX_CONTEXT_CHARS = 16_384;
const MAX_RELAYS = 32;

/** A context that is no JSON, or of somebody else, names nobody. */
export function relayIdsOf(userContext: string): RelayIds {
  if (userContext.length > MAX_CONTEXT_CHARS || !userContext.startsWith('{')) return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(userContext);
  } catch {
    return {};
  }
  const isc = memberOf(parsed, 'ISC');
  const relays = memberOf(isc, 'relay-info') ?? memberOf(isc, 'relays');
  if (Array.isArray(relays)) return ofRelays(relays.slice(0, MAX_RELAYS));
  const agent = memberOf(isc, 'relay-agent-info');
  const whole = typeof agent === 'string' ? agent : memberOf(agent, 'sub-options');
  const octets = typeof whole === 'string' ? octetsOf(whole) : undefined;
  return octets === undefined ? {} : option82(octets);
}

function memberOf(value: unknown, key: string): unknown {
  return value !== null && typeof value === 'object' && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

const [CIRCUIT_ID, REMOTE_ID] = [1, 2];

/** RFC 3046 §2.0: type, length, value. */
function option82(octets: Uint8Array): RelayIds {
  const found = new Map<number, Uint8Array>();
  for (let at = 0; at + 2 <= octets.length; ) {
    const [type, size] = [octets[at]!, octets[at + 1]!];
    if (at + 2 + size > octets.length) return {};
    if (!found.has(type)) found.set(type, octets.subarray(at + 2, at + 2 + size));
    at += 2 + size;
  }
  return idsOf(found.get(CIRCUIT_ID), found.get(REMOTE_ID));
}

const [INTERFACE_ID, REMOTE_ID_6] = [18, 37];

/** Hop count 0 stands next to the client (RFC 8415 §19.1): its words, where it has any, else those of the next one. */
function ofRelays(relays: readonly unknown[]): RelayIds {
  const hops = relays
    .map((relay) => ({ hop: Number(memberOf(relay, 'hop') ?? 0), options: memberOf(relay, 'options') }))
    .sort((a, b) => a.hop - b.hop);
  for (const { options } of hops) {
    const octets = typeof options === 'string' ? octetsOf(options) : undefined;
    const ids = octets === undefined ? {} : dhcp6Options(octets);
    if (ids.circuitId !== undefined || ids.remoteId !== undefined) return ids;
  }
  return {};
}

function dhcp6Options(octets: Uint8Array): RelayIds {
  const view = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
  const found = new Map<number, Uint8Array>();
  for (let at = 0; at + 4 <= view.length; ) {
    const [type, size] = [view.readUInt16BE(at), view.readUInt16BE(at + 2)];
    if (at + 4 + size > view.length) return {};
    if (!found.has(type)) found.set(type, view.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
  // RFC 4649 §3: an enterprise number of four octets stands in front.
  return idsOf(found.get(INTERFACE_ID), found.get(REMOTE_ID_6)?.subarray(4));
}

function idsOf(circuit: Uint8Array | undefined, remote: Uint8Array | undefined): RelayIds {
  const circuitId = circuit === undefined ? undefined : identifierText(circuit);
  const remoteId = remote === undefined ? undefined : identifierText(remote);
  return { ...(circuitId === undefined ? {} : { circuitId }), ...(remoteId === undefined ? {} : { remoteId }) };
}
