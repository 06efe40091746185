// The gateway's whole skeleton as text for `nft -f`: table, sets, chains, rules; never a subscriber. Loading it over an existing
// table replaces the rules in one transaction and keeps every element and counter. Elements: elements.ts. Why so: ADR 0004.
import { createHash } from 'node:crypto';
import type { GatewaySpec } from '../../core/garden/gateway.ts';
import { fromHome, localServices, toHome } from './chains-garden.ts';
import { dnsZone, limits, steering } from './chains-steering.ts';
import { fromLifelines, fromPacks, toAnyPeer, toLifelines, toPacks } from './destination-rules.ts';
import { modeMarks } from './mode-marks.ts';
import type { Chain } from './rule-parts.ts';
import { declaredSets, keyForms, SENTINEL_SET, SENTINEL_VALUE } from './sets.ts';
import { movedSources } from './shared-addresses.ts';

export { DNS_ZONE } from './chains-steering.ts';

/** The chain that is never entered; its one rule carries the digest of the rules that were loaded. */
const DIGEST_CHAIN = 'skeleton';

/** Idempotent: `flush table` empties chains and leaves sets alone, all inside the one transaction of `nft -f`. */
export function renderRuleset(spec: GatewaySpec): string {
  const chains = allChains(spec);
  const body = renderBody(spec, chains);
  const digest = { name: DIGEST_CHAIN, rules: [`return comment "sha256:${sha256(body)}"`] };
  return `${body}${renderRules(spec, [digest])}`;
}

/** What stands in the kernel's table and has to go before the text can be loaded over it. */
export interface Stale {
  readonly kind: string;
  readonly name: string;
  /** Elements to put back, as nft lists them, when the object is only defined anew. */
  readonly elements?: string;
}

/**
 * Over a table that is not as it should be: the same text, since loading it keeps the elements; in the same transaction,
 * what no text of ours declares any more (a pack that left, a prefix length) or declares differently goes first.
 */
export function renderRepair(spec: GatewaySpec, stale: readonly Stale[] = []): string {
  const table = `inet ${spec.table}`;
  const flush = `flush table ${table}\n`;
  const [head, body] = cutAfter(renderRuleset(spec), flush);
  // A map may point at chains, so chains go last; the rules that used any of it are flushed already.
  const rank = ({ kind }: Stale) => (kind === 'map' ? 0 : kind === 'chain' ? 2 : 1);
  const gone = [...stale].sort((a, b) => rank(a) - rank(b)).map((o) => `delete ${o.kind} ${table} ${o.name}\n`);
  const again = stale.flatMap(({ name, elements }) =>
    elements === undefined ? [] : [`add element ${table} ${name} { ${elements} }\n`],
  );
  return [head, ...gone, body, ...again].join('');
}

function cutAfter(text: string, part: string): readonly [string, string] {
  const at = text.indexOf(part) + part.length;
  return [text.slice(0, at), text.slice(at)];
}

/** What `chain skeleton` says when this very ruleset is loaded: `sha256:…`. */
export function skeletonDigest(spec: GatewaySpec): string {
  return `sha256:${sha256(renderBody(spec, allChains(spec)))}`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** The two names that stand in the text as they are; everything else is an address, a number or a slug. */
function assertNames({ table, accessInterfaces }: GatewaySpec): void {
  if (!/^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(table)) throw new Error(`not a table name: ${JSON.stringify(table)}`);
  if (accessInterfaces.length === 0) throw new Error('a gateway without access interfaces encloses nobody');
  for (const name of accessInterfaces) {
    if (!/^[A-Za-z0-9_.:@-]{1,15}\*?$/.test(name)) throw new Error(`not an interface name: ${JSON.stringify(name)}`);
  }
}

function renderBody(spec: GatewaySpec, chains: readonly Chain[]): string {
  assertNames(spec);
  const table = `inet ${spec.table}`;
  const sets = declaredSets(spec).map(({ name, definition }) => `add set ${table} ${name} { ${definition} }`);
  return [
    `add table ${table}`,
    `flush table ${table}`,
    ...sets,
    `add element ${table} ${SENTINEL_SET} { ${SENTINEL_VALUE} }`,
    renderRules(spec, chains),
  ].join('\n');
}

function renderRules(spec: GatewaySpec, chains: readonly Chain[]): string {
  const table = `inet ${spec.table}`;
  const heads = chains.map(({ name, hook }) => {
    return `add chain ${table} ${name}${hook === undefined ? '' : ` { type ${hook}; policy accept; }`}`;
  });
  const rules = chains.flatMap(({ name, rules }) => rules.map((rule) => `add rule ${table} ${name} ${rule}`));
  return [...heads, ...rules, ''].join('\n');
}

/** In the order a packet meets them: design.md, «Order in the ruleset». */
function allChains(spec: GatewaySpec): readonly Chain[] {
  const forms = keyForms(spec);
  return [
    ...sharedChains(spec),
    ...dnsZone(spec, forms),
    ...limits(spec, forms),
    ...modeMarks(spec, forms),
    ...steering(spec, forms),
    ...fromHome(spec, forms),
    ...toHome(spec, forms),
    ...localServices(spec, forms),
    ...movedSources(spec),
  ];
}

/** A verdict `accept` ends one base chain only: the chains of the other hooks still see the packet. */
function sharedChains(spec: GatewaySpec): Chain[] {
  return [
    { name: 'to_lifeline', rules: toLifelines(spec) },
    { name: 'from_lifeline', rules: fromLifelines(spec) },
    { name: 'to_pack', rules: toPacks(spec, 'accept') },
    { name: 'from_pack', rules: fromPacks(spec) },
    { name: 'error_to_peer', rules: toAnyPeer(spec) },
  ];
}
