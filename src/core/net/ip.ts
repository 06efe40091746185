// IPv4 and IPv6 addresses as values. Strict text only: IPv4 dotted decimal without leading zeros, IPv6 as RFC 4291 §2.2
// allows it. Zones, IPv4 shorthand, octal, hex and IPv4-mapped forms are refused: each has named the wrong line somewhere.
export interface Ip {
  readonly family: 4 | 6;
  /** 4 or 16 octets, network order. Never changed after creation. */
  readonly bytes: Uint8Array;
}

/** undefined = not an address in the forms above. Never throws, whatever the text. */
export function parseIp(text: string): Ip | undefined {
  if (text.length < 2 || text.length > 45) return undefined;
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): Ip | undefined {
  const bytes = ipv4Octets(text);
  return bytes === undefined ? undefined : { family: 4, bytes };
}

function ipv4Octets(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4);
  let part = 0;
  let value = -1;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 46) {
      if (value < 0 || part === 3) return undefined;
      bytes[part++] = value;
      value = -1;
    } else if (c >= 48 && c <= 57) {
      if (value === 0) return undefined; // a leading zero: octal to some readers, decimal to others
      value = value < 0 ? c - 48 : value * 10 + c - 48;
      if (value > 255) return undefined;
    } else return undefined;
  }
  if (part !== 3 || value < 0) return undefined;
  bytes[3] = value;
  return bytes;
}

function parseIpv6(text: string): Ip | undefined {
  const gap = text.indexOf('::');
  if (gap >= 0 && text.indexOf('::', gap + 1) >= 0) return undefined;
  const head = groups(gap < 0 ? text : text.slice(0, gap), gap < 0);
  const tail = gap < 0 ? [] : groups(text.slice(gap + 2), true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (gap < 0 ? missing !== 0 : missing < 1) return undefined;
  const bytes = new Uint8Array(16);
  [...head, ...new Array<number>(missing).fill(0), ...tail].forEach((group, i) => {
    bytes[2 * i] = group >> 8;
    bytes[2 * i + 1] = group & 255;
  });
  return isMapped(bytes) ? undefined : { family: 6, bytes };
}

function groups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  if (parts.length > 8) return undefined;
  const found: number[] = [];
  for (const [i, part] of parts.entries()) {
    if (part.includes('.')) {
      const v4 = mayEndInIpv4 && i === parts.length - 1 ? ipv4Octets(part) : undefined;
      if (v4 === undefined) return undefined;
      found.push((v4[0]! << 8) | v4[1]!, (v4[2]! << 8) | v4[3]!);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      found.push(Number.parseInt(part, 16));
    }
  }
  return found;
}

/** ::ffff:0:0/96 (RFC 4291 §2.5.5.2). */
function isMapped(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 10).every((b) => b === 0) && bytes[10] === 255 && bytes[11] === 255;
}

/** Canonical text: dotted decimal, or RFC 5952 (lower case, longest run of two or more zero groups shortened). */
export function formatIp(ip: Ip): string {
  const [a, b, c, d] = ip.bytes;
  if (ip.family === 4) return `${a}.${b}.${c}.${d}`;
  const words = Array.from({ length: 8 }, (_, i) => (ip.bytes[2 * i]! << 8) | ip.bytes[2 * i + 1]!);
  let [start, length] = [-1, 1];
  for (let i = 0; i < 8; ) {
    let j = i;
    while (j < 8 && words[j] === 0) j++;
    if (j - i > length) [start, length] = [i, j - i];
    i = j + 1;
  }
  const hex = (part: number[]) => part.map((w) => w.toString(16)).join(':');
  return start < 0 ? hex(words) : `${hex(words.slice(0, start))}::${hex(words.slice(start + length))}`;
}

/** From octets on a wire (4 or 16); undefined for any other length and for IPv4-mapped IPv6. */
export function ipFromBytes(bytes: Uint8Array): Ip | undefined {
  if (bytes.length === 4) return { family: 4, bytes: bytes.slice() };
  if (bytes.length === 16 && !isMapped(bytes)) return { family: 6, bytes: bytes.slice() };
  return undefined;
}

/** Who is at the other end of a socket. At an address that lines share, the port says which of them it is. */
export interface Peer extends Ip {
  readonly port?: number;
}

/** A socket's peer: Node shows IPv4 peers of a dual-stack socket as `::ffff:a.b.c.d`, and link-local ones with a zone. */
export function parsePeer(text: string, port?: number): Peer | undefined {
  const ip = parseIp(text.startsWith('::ffff:') ? text.slice(7) : text);
  return ip === undefined || port === undefined ? ip : { ...ip, port };
}

export function sameIp(a: Ip, b: Ip): boolean {
  return a.family === b.family && a.bytes.every((byte, i) => byte === b.bytes[i]);
}
