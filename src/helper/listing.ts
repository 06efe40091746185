// Reads the garden's sets back, one set at a time, each in a process of its own: the long-lived nft would keep what it lists.
// A set that cannot be read is an error, never an empty answer.
import type { GatewaySpec } from '../core/garden/gateway.ts';
import type { GardenKey } from '../core/garden/key.ts';
import { err, ok, type Result } from '../core/kernel/result.ts';
import type { ProtocolPort } from '../core/net/transport.ts';
import { type Offload, parseFlowtables } from '../protocols/nftables/flowtables.ts';
import { countOf, keyOf, parseSetListing, type RawElement } from '../protocols/nftables/listing.ts';
import type { CountItem, HelperError, StateItem } from '../protocols/nftables/messages.ts';
import { keyForms } from '../protocols/nftables/sets.ts';
import { type GardenContent, GardenReading, RESTORED_SECONDS, savedSets } from '../protocols/nftables/snapshot.ts';
import { keyText } from '../protocols/nftables/text.ts';
import { NFT, toError } from './skeleton.ts';
import { runTool } from './tools.ts';

/** One is enough to warn of. */
const MOST_OFFLOADS = 100;
/** 1 M elements of nft's JSON are about 100 MB and 25 s. */
const LIMITS = { deadlineMs: 60_000, maxBytes: 512 * 1024 * 1024 };

export async function listStates(spec: GatewaySpec): Promise<Result<readonly StateItem[], HelperError>> {
  const items: StateItem[] = [];
  for (const form of keyForms(spec)) {
    for (const access of ['strict', 'leaky'] as const) {
      const elements = await listSet(spec, form.garden[access]);
      if (!elements.ok) return elements;
      for (const element of elements.value) {
        const prefix = keyOf(form, element);
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

/**
 * What a snapshot keeps. A table or set that is not there holds nothing; one that cannot be read is an error. The ports come
 * from the helper's memory: their sets are twenty times as large as all others together.
 */
export async function listGarden(
  spec: GatewaySpec,
  portsOf: (prefix: GardenKey) => readonly ProtocolPort[],
): Promise<Result<GardenContent, HelperError>> {
  const reading = new GardenReading();
  const skipped = new Set(keyForms(spec).map((form) => form.abuse));
  for (const [name, read] of savedSets(spec)) {
    if (skipped.has(name)) continue;
    const elements = await listSet(spec, name);
    if (!elements.ok && !isMissing(elements.error)) return elements;
    for (const { val, expires } of elements.ok ? elements.value : []) {
      const key = keyText(val);
      // Somebody else's element without a timeout is kept no longer than any other.
      if (key === undefined || !read(key, expires ?? RESTORED_SECONDS, reading))
        return err({ kind: 'unavailable', text: `an element of ${name} is not understood` });
    }
  }
  const { lines, addresses } = reading.content();
  return ok({ lines: lines.map((line) => ({ ...line, abusedPorts: portsOf(line.prefix) })), addresses });
}

/** What takes packets of our lines past the rules, whoever made it. */
export async function listOffloads(spec: GatewaySpec): Promise<Result<readonly Offload[], HelperError>> {
  const listed = await runTool([NFT, '-j', 'list', 'flowtables'], LIMITS);
  if (!listed.ok) return err(toError('list flowtables', listed.error));
  const offloads = parseFlowtables(listed.value, spec.accessInterfaces);
  return offloads === undefined
    ? err({ kind: 'unavailable', text: 'list flowtables: not understood' })
    : ok(offloads.slice(0, MOST_OFFLOADS));
}

/** No table, or no such set in it. */
export function isMissing(error: HelperError): boolean {
  return 'text' in error && error.text.includes('No such file');
}

async function listSet(spec: GatewaySpec, name: string): Promise<Result<readonly RawElement[], HelperError>> {
  const listed = await runTool([NFT, '-j', 'list', 'set', 'inet', spec.table, name], LIMITS);
  if (!listed.ok) return err(toError(`list set ${name}`, listed.error));
  const elements = parseSetListing(listed.value, name);
  return elements === undefined ? err({ kind: 'unavailable', text: `list set ${name}: not understood` }) : ok(elements);
}
