// What every form of a binding table shares: its faults, its bounds, and one entry made from the words for it.
import { entryFault, type Lw4o6Entry } from '../../core/line/sharing/lw4o6.ts';
import { parseIp } from '../../core/net/ip.ts';

export interface TableFault {
  /** 1-based. */
  readonly line: number;
  readonly column: number;
  readonly expected: string;
  readonly got: string;
}

/** More lines than any lwAFTR of today serves. */
export const MOST_ENTRIES = 4_000_000;
/** Shown; the table is refused at the first one anyway. */
export const MOST_FAULTS = 100;

export interface EntryWords {
  readonly ipv4: string | undefined;
  readonly psid: string | undefined;
  readonly psidLength: string | undefined;
  readonly offset: string | undefined;
  readonly b4: string | undefined;
}

/** The entry, or what was expected in its place and what stood there. */
export function readEntry(words: EntryWords): Lw4o6Entry | { readonly expected: string; readonly got: string } {
  const ipv4 = parseIp(words.ipv4 ?? '');
  const b4 = parseIp(words.b4 ?? '');
  if (ipv4 === undefined) return { expected: 'an IPv4 address', got: words.ipv4 ?? '' };
  if (b4 === undefined) return { expected: 'the IPv6 address of a B4', got: words.b4 ?? '' };
  const [psid, psidLength, offset] = [words.psid ?? '0', words.psidLength, words.offset ?? '0'].map(wholeNumber);
  if (psidLength === undefined) return { expected: 'a PSID length from 0 to 16', got: words.psidLength ?? '' };
  if (offset === undefined) return { expected: 'a PSID offset from 0 to 15', got: words.offset ?? '' };
  if (psid === undefined) return { expected: 'a PSID', got: words.psid ?? '' };
  const entry = { ipv4, psid, psidLength, offset, b4 };
  const fault = entryFault(entry);
  return fault === undefined
    ? entry
    : { expected: fault, got: [words.ipv4, psid, psidLength, offset, words.b4].join(' ') };
}

/** Decimal, or hexadecimal as `0x34`. */
export function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^(?:0|[1-9][0-9]{0,4}|0x[0-9a-fA-F]{1,4})$/.test(text)) return undefined;
  return Number(text);
}

export function isEntry(read: ReturnType<typeof readEntry>): read is Lw4o6Entry {
  return 'ipv4' in read;
}
