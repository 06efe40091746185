// IPv4 in IPv6, as bytes: encapsulation (RFC 2473), and which port of a packet belongs to an IPv4 address that several homes
// share. Fragments are not put together here: the lab's access links are 40 octets wider instead (RFC 6333 §5.3).

/** RFC 2473 §3: next header 4 is a whole IPv4 packet. */
const IPV4_IN_IPV6 = 4;
const IPV6_HEADER = 40;
const HOP_LIMIT = 64;
const PROTOCOL = { icmp: 1, tcp: 6, udp: 17 } as const;
/** RFC 792: types that quote the packet they complain about. */
const ICMP_ERRORS = new Set([3, 11, 12]);
const ICMP_ECHO = new Set([0, 8]);

export interface Outer {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

export function versionOf(packet: Uint8Array): number {
  return (packet[0] ?? 0) >> 4;
}

/** The traffic class is the inner one (RFC 2473 §6.4), the hop limit the softwire's own. */
export function encapsulate(inner: Uint8Array, { source, destination }: Outer): Uint8Array {
  const packet = new Uint8Array(IPV6_HEADER + inner.length);
  const view = new DataView(packet.buffer);
  view.setUint32(0, (6 << 28) | ((inner[1] ?? 0) << 20));
  view.setUint16(4, inner.length);
  packet[6] = IPV4_IN_IPV6;
  packet[7] = HOP_LIMIT;
  packet.set(source, 8);
  packet.set(destination, 24);
  packet.set(inner, IPV6_HEADER);
  return packet;
}

export interface Decapsulated extends Outer {
  readonly inner: Uint8Array;
}

/** undefined = no whole IPv4 packet inside, extension headers included: nobody sends them here. */
export function decapsulate(packet: Uint8Array): Decapsulated | undefined {
  if (packet.length < IPV6_HEADER || versionOf(packet) !== 6 || packet[6] !== IPV4_IN_IPV6) return undefined;
  const length = (packet[4]! << 8) | packet[5]!;
  const inner = packet.subarray(IPV6_HEADER, IPV6_HEADER + length);
  if (inner.length !== length || headerLength(inner) === undefined) return undefined;
  return { source: packet.subarray(8, 24), destination: packet.subarray(24, 40), inner };
}

/** undefined = no IPv4 header in full. */
function headerLength(packet: Uint8Array): number | undefined {
  const length = ((packet[0] ?? 0) & 15) * 4;
  return versionOf(packet) === 4 && length >= 20 && packet.length >= length ? length : undefined;
}

/** Where the four octets of an address stand in the header. */
export function sourceOf(packet: Uint8Array): Uint8Array {
  return packet.subarray(12, 16);
}

export function destinationOf(packet: Uint8Array): Uint8Array {
  return packet.subarray(16, 20);
}

/**
 * The port on the side of `end`: for ICMP echo its identifier, for an ICMP error the port in what it quotes – on the other side, since
 * that packet went the other way (RFC 7597 §8.2). undefined = none: another protocol, or not the first fragment.
 */
export function portOf(packet: Uint8Array, end: 'source' | 'destination'): number | undefined {
  const header = headerLength(packet);
  if (header === undefined || (((packet[6]! & 0x1f) << 8) | packet[7]!) !== 0) return undefined;
  const payload = packet.subarray(header);
  const protocol = packet[9];
  if (protocol === PROTOCOL.tcp || protocol === PROTOCOL.udp) return uint16(payload, end === 'source' ? 0 : 2);
  if (protocol !== PROTOCOL.icmp) return undefined;
  const type = payload[0] ?? -1;
  if (ICMP_ECHO.has(type)) return uint16(payload, 4);
  if (!ICMP_ERRORS.has(type)) return undefined;
  const quoted = payload.subarray(8);
  // An error about an error is never sent (RFC 1122 §3.2.2): one step is enough.
  if (quoted[9] === PROTOCOL.icmp && ICMP_ERRORS.has(quoted[((quoted[0] ?? 0) & 15) * 4] ?? -1)) return undefined;
  return portOf(quoted, end === 'source' ? 'destination' : 'source');
}

function uint16(bytes: Uint8Array, at: number): number | undefined {
  return bytes.length < at + 2 ? undefined : (bytes[at]! << 8) | bytes[at + 1]!;
}
