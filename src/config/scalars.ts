// The small words of our files: durations, sizes, addresses, names. Each message says what was expected.
import { isIP } from 'node:net';
import { z } from 'zod';
import { DAY, HOUR, MINUTE, SECOND } from '../core/kernel/time.ts';
import { type Ip, parseIp } from '../core/net/ip.ts';
import { type Prefix, parsePrefix } from '../core/net/prefix.ts';
import type { PortRange } from '../core/net/transport.ts';

function scalar<T>(expected: string, read: (text: string) => T | undefined) {
  // Described on the way in, so that the JSON Schema tells an editor the form.
  const text = z.string().describe(expected);
  return text.transform((written, context) => {
    const value = read(written);
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: expected });
    return z.NEVER;
  });
}

const UNITS = { ms: 1, s: SECOND, min: MINUTE, h: HOUR, d: DAY } as const;

/** A whole number and a unit: `90s`, `10min`, `72h`, `30d`. A bare number is refused: nobody remembers of what. */
export function duration(atLeastMs: number, atMostMs: number) {
  const range = `a duration from ${formatMs(atLeastMs)} to ${formatMs(atMostMs)}, such as 90s, 10min, 72h, 30d`;
  return scalar(range, (text) => {
    const match = /^(0|[1-9][0-9]{0,8})(ms|s|min|h|d)$/.exec(text);
    const ms = match === null ? Number.NaN : Number(match[1]) * UNITS[match[2] as keyof typeof UNITS];
    return ms >= atLeastMs && ms <= atMostMs ? ms : undefined;
  });
}

function formatMs(ms: number): string {
  const unit = (['d', 'h', 'min', 's'] as const).find((name) => ms >= UNITS[name] && ms % UNITS[name] === 0) ?? 'ms';
  return `${ms / UNITS[unit]}${unit}`;
}

const SIZES = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 } as const;

export const byteSize = scalar('a size such as 512kB, 8MB', (text) => {
  const match = /^([1-9][0-9]{0,5})(B|kB|MB|GB)$/.exec(text);
  return match === null ? undefined : Number(match[1]) * SIZES[match[2] as keyof typeof SIZES];
});

export const ip = scalar('an IPv4 or IPv6 address', parseIp);
export const ip4 = scalar('an IPv4 address', (text) => ofFamily(4, parseIp(text)));
export const ip6 = scalar('an IPv6 address', (text) => ofFamily(6, parseIp(text)));
export const prefix = scalar<Prefix>('an address or prefix without host bits, such as 192.0.2.0/24', parsePrefix);

/** A prefix that an operator cannot have meant: one lost digit, and half the Internet is open or every line reserved. */
export function isTooWide({ ip: { family }, length }: Prefix, wide: boolean): boolean {
  return length < (family === 4 ? (wide ? 8 : 16) : wide ? 16 : 32);
}

export const WIDE_PREFIX = 'prefixes of at least /16 and, for IPv6, /32; with wide: true /8 and /16';

/** How many ports a list of ranges names; overlaps count twice. */
export function countPorts(ranges: readonly PortRange[]): number {
  return ranges.reduce((sum, { low, high }) => sum + high - low + 1, 0);
}

function ofFamily(family: 4 | 6, found: Ip | undefined): Ip | undefined {
  return found?.family === family ? found : undefined;
}

/** `443` or `5060-5061`. A bare number is natural here, so both forms are taken. */
export const portRange = z.preprocess(
  (value) => (typeof value === 'number' ? String(value) : value),
  scalar<PortRange>('a port or a range of ports, such as 443 or "10000-20000"', (text) => {
    const match = /^([1-9][0-9]{0,4})(?:-([1-9][0-9]{0,4}))?$/.exec(text);
    if (match === null) return undefined;
    const [low, high] = [Number(match[1]), Number(match[2] ?? match[1])];
    return low <= high && high <= 65_535 ? { low, high } : undefined;
  }),
);

export const port = z.int().min(1).max(65_535);

/** Socket address to listen on: `host:port`, `[host]:port`; host is an address, never a name. */
export const listen = scalar('an address and port to listen on, such as 127.0.0.1:8080 or "[::]:8080"', (text) => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(0|[1-9][0-9]{0,4})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const number = Number(match?.[3]);
  if (host === undefined || isIP(host) !== (match?.[1] === undefined ? 4 : 6) || number > 65_535) return undefined;
  return { host, port: number };
});

const LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;

/** Lower-case DNS name of at least two labels, no trailing dot. */
export const hostname = scalar('a DNS name in lower case, such as portal.isp.example', (text) =>
  isHostname(text) ? text : undefined,
);
/** The same, or `*.suffix`. */
export const hostPattern = scalar('a DNS name, or *. and a DNS name', (text) =>
  isHostname(text.startsWith('*.') ? text.slice(2) : text) ? text : undefined,
);

function isHostname(text: string): boolean {
  const labels = text.split('.');
  return text.length <= 253 && labels.length >= 2 && labels.every((label) => LABEL.test(label)) && isIP(text) === 0;
}

export const slug = scalar('lower-case letters, digits and hyphens (at most 48)', (text) =>
  /^[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?$/.test(text) ? text : undefined,
);

/** A line for people: no control characters, so that it can stand in a log and on a page. */
export function line(max: number) {
  return z
    .string()
    .min(1)
    .max(max)
    .refine(
      (text) => !/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/.test(text),
      'text without control characters',
    );
}

export const timeZone = scalar('an IANA time zone, such as Asia/Tokyo', (text) =>
  isTimeZone(text) ? text : undefined,
);

/** Of a feed's times: `IST` is India to this runtime and Israel to others, so only `UTC` and Area/City. */
export const feedZone = scalar('an IANA time zone such as Asia/Tokyo, or UTC; no abbreviation', (text) =>
  isTimeZone(text) && (text === 'UTC' || /^[A-Z][A-Za-z]+\/[A-Z]/.test(text)) ? text : undefined,
);

function isTimeZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return /^[A-Za-z]/.test(text);
  } catch {
    return false;
  }
}

/** A path as written: load.ts resolves it against the folder of the file it stands in. */
export const filePath = z
  .string()
  .min(1)
  .max(1024)
  .refine((text) => !text.includes('\u0000'), 'a path');

/** Two are valid while one is being replaced. */
export const secretFiles = z.array(filePath).min(1).max(2);
