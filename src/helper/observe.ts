// What the kernel proves per prefix, by probes that must abort (nothing changes). Several prefixes share one probe while the
// answer is all or none; a mixed one is halved until each prefix has a proof of its own. Doubt is `unknown`.
import type { GatewaySpec } from '../core/garden/gateway.ts';
import { formatKey, type GardenKey } from '../core/garden/key.ts';
import type { StateItem } from '../protocols/nftables/messages.ts';
import type { NftSession } from '../protocols/nftables/session.ts';
import { type GardenAccess, keyFormOf, keyValue } from '../protocols/nftables/sets.ts';

/** Bounded by what a kernel error queue holds for sure. */
const SHARED = 32;

type Proof = 'present' | 'absent' | 'unknown';

export async function observe(
  spec: GatewaySpec,
  session: NftSession,
  prefixes: readonly GardenKey[],
): Promise<readonly StateItem[]> {
  // Each key once: asked for twice in one transaction, the second would find the first one's own element.
  const asked = new Map(prefixes.map((prefix) => [formatKey(prefix), prefix]));
  const known = [...asked.values()].filter((prefix) => keyFormOf(spec, prefix) !== undefined);
  const strict = await prove(spec, session, known, 'strict');
  const others = known.filter((prefix) => strict.get(formatKey(prefix)) === 'absent');
  const leaky = await prove(spec, session, others, 'leaky');
  return prefixes.map((prefix) => {
    const text = formatKey(prefix);
    return { prefix, access: accessOf(strict.get(text) ?? 'unknown', leaky.get(text) ?? 'unknown') };
  });
}

function accessOf(strict: Proof, leaky: Proof): StateItem['access'] {
  if (strict !== 'absent') return strict === 'present' ? 'strict' : 'unknown';
  return leaky === 'present' ? 'leaky' : leaky;
}

async function prove(
  spec: GatewaySpec,
  session: NftSession,
  prefixes: readonly GardenKey[],
  access: GardenAccess,
): Promise<ReadonlyMap<string, Proof>> {
  const proofs = new Map<string, Proof>();
  const groups: (readonly GardenKey[])[] = [];
  for (let i = 0; i < prefixes.length; i += SHARED) groups.push(prefixes.slice(i, i + SHARED));
  for (let group = groups.pop(); group !== undefined; group = groups.pop()) {
    const proof = await proveGroup(spec, session, group, access);
    if (proof === undefined) break; // nft does not answer: whoever is left stays unknown, without a deadline each
    if (proof !== 'mixed') for (const prefix of group) proofs.set(formatKey(prefix), proof);
    else groups.push(group.slice(0, group.length >> 1), group.slice(group.length >> 1));
  }
  return proofs;
}

/** One create per element, then our own table, which exists: its «File exists» aborts the transaction in any case. */
async function proveGroup(
  spec: GatewaySpec,
  session: NftSession,
  group: readonly GardenKey[],
  access: GardenAccess,
): Promise<Proof | 'mixed' | undefined> {
  const family = 'inet';
  const creates = group.map((prefix) => {
    const name = keyFormOf(spec, prefix)!.garden[access];
    return { create: { element: { family, table: spec.table, name, elem: [{ elem: { val: keyValue(prefix) } }] } } };
  });
  const document = [...creates, { create: { table: { family, name: spec.table } } }];
  const answer = await session.probe(JSON.stringify({ nftables: document }));
  if (!answer.ok) return undefined;
  if (answer.value.length === 0) return 'unknown';
  if (answer.value.some((line) => !line.includes('File exists'))) return 'unknown';
  if (answer.value.length === 1) return 'absent';
  if (answer.value.length === group.length + 1) return 'present';
  return group.length > 1 ? 'mixed' : 'unknown';
}
