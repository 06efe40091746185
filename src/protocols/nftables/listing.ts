// What `nft -j list set` answers, as values: elements, keys, counters. Pure, total; a listing that is not understood is
// never read as an empty one.
import type { GardenKey } from '../../core/garden/key.ts';
import type { CountItem } from './messages.ts';
import { type KeyForm, keyLength, keyOfParts } from './sets.ts';

export interface RawElement {
  readonly val: unknown;
  readonly packets: number;
  /** Whole seconds until it goes by itself; undefined = it stays. */
  readonly expires: number | undefined;
}

/** Total. undefined = the listing does not hold that set; no `elem` = the set is there and empty. */
export function parseSetListing(text: string, name: string): readonly RawElement[] | undefined {
  let document: { nftables?: unknown };
  try {
    document = JSON.parse(text) as typeof document;
  } catch {
    return undefined;
  }
  if (!Array.isArray(document?.nftables)) return undefined;
  const entry = document.nftables.find((o: { set?: { name?: unknown } } | null) => o?.set?.name === name);
  if (entry === undefined) return undefined;
  const elements: unknown = entry.set.elem ?? [];
  return Array.isArray(elements) ? elements.map(rawElement) : undefined;
}

/** A bare value, or `{elem: {val, timeout, expires, counter}}`. */
function rawElement(element: unknown): RawElement {
  if (typeof element !== 'object' || element === null || !('elem' in element))
    return { val: element, packets: 0, expires: undefined };
  const { val, counter, expires } = (element.elem ?? {}) as {
    val?: unknown;
    counter?: { packets?: unknown };
    expires?: unknown;
  };
  const packets = counter?.packets;
  return {
    val,
    packets: typeof packets === 'number' ? packets : 0,
    expires: typeof expires === 'number' ? expires : undefined,
  };
}

/** An element of `strict` or `leaky`. */
export function keyOf(form: KeyForm, { val }: RawElement): GardenKey | undefined {
  const parts = partsOf(val);
  return parts?.length === keyLength(form) ? keyOfParts(form, parts) : undefined;
}

function partsOf(val: unknown): readonly unknown[] | undefined {
  if (typeof val === 'string') return [val];
  const parts = (val as { concat?: unknown } | null)?.concat;
  return Array.isArray(parts) ? parts : undefined;
}

export function countOf(form: KeyForm, element: RawElement): CountItem | undefined {
  const parts = partsOf(element.val);
  if (parts === undefined) return undefined;
  const [protocol, port] = parts.slice(keyLength(form));
  const prefix = keyOfParts(form, parts);
  if (prefix === undefined || (protocol !== 'tcp' && protocol !== 'udp') || typeof port !== 'number') return undefined;
  return { prefix, protocol, port, packets: element.packets };
}
