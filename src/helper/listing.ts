// Reads the garden's sets back, one set at a time, each in a process of its own: the long-lived nft would keep what it lists.
// A set that cannot be read is an error, never an empty answer.
import type { GatewaySpec } from '../core/garden/gateway.ts';
import { err, ok, type Result } from '../core/kernel/result.ts';
import { parseIp } from '../core/net/ip.ts';
import { type Prefix, prefixOf } from '../core/net/prefix.ts';
import type { CountItem, HelperError, StateItem } from '../protocols/nftables/messages.ts';
import { type KeyForm, keyForms } from '../protocols/nftables/sets.ts';
import { NFT, toError } from './skeleton.ts';
import { runTool } from './tools.ts';

/** 1 M elements of nft's JSON are about 100 MB and 25 s. */
const LIMITS = { deadlineMs: 60_000, maxBytes: 512 * 1024 * 1024 };

export async function listStates(spec: GatewaySpec): Promise<Result<readonly StateItem[], HelperError>> {
  const items: StateItem[] = [];
  for (const form of keyForms(spec)) {
    for (const access of ['strict', 'leaky'] as const) {
      const elements = await listSet(spec, form.garden[access]);
      if (!elements.ok) return elements;
      for (const { val } of elements.value) {
        const prefix = typeof val === 'string' ? keyPrefix(form, val) : undefined;
        if (prefix === undefined)
          return err({ kind: 'unavailable', text: `an element of ${form.garden[access]} is not a key` });
        items.push({ prefix, access });
      }
    }
  }
  return ok(items);
}

/** Every abused-port element with its packets; zero ones too, so that a reset can be told from an absence. */
export async function listCounts(spec: GatewaySpec): Promise<Result<readonly CountItem[], HelperError>> {
  const items: CountItem[] = [];
  for (const form of keyForms(spec)) {
    const elements = await listSet(spec, form.abuse);
    if (!elements.ok) return elements;
    for (const element of elements.value) {
      const item = countOf(form, element);
      if (item === undefined) return err({ kind: 'unavailable', text: `an element of ${form.abuse} is not a tuple` });
      items.push(item);
    }
  }
  return ok(items);
}

interface RawElement {
  readonly val: unknown;
  readonly packets: number;
}

async function listSet(spec: GatewaySpec, name: string): Promise<Result<readonly RawElement[], HelperError>> {
  const listed = await runTool([NFT, '-j', 'list', 'set', 'inet', spec.table, name], LIMITS);
  if (!listed.ok) return err(toError(`list set ${name}`, listed.error));
  const elements = parseSetListing(listed.value, name);
  return elements === undefined ? err({ kind: 'unavailable', text: `list set ${name}: not understood` }) : ok(elements);
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
  if (typeof element !== 'object' || element === null || !('elem' in element)) return { val: element, packets: 0 };
  const { val, counter } = element.elem as { val?: unknown; counter?: { packets?: unknown } };
  const packets = counter?.packets;
  return { val, packets: typeof packets === 'number' ? packets : 0 };
}

function keyPrefix(form: KeyForm, text: string): Prefix | undefined {
  const ip = parseIp(text);
  return ip?.family === form.family ? prefixOf(ip, form.length) : undefined;
}

function countOf(form: KeyForm, element: RawElement): CountItem | undefined {
  const tuple = (element.val as { concat?: unknown } | null)?.concat;
  if (!Array.isArray(tuple)) return undefined;
  const [address, protocol, port] = tuple as readonly unknown[];
  const prefix = typeof address === 'string' ? keyPrefix(form, address) : undefined;
  if (prefix === undefined || (protocol !== 'tcp' && protocol !== 'udp') || typeof port !== 'number') return undefined;
  return { prefix, protocol, port, packets: element.packets };
}
