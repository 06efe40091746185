// libnftables-JSON commands for the elements of the gateway's sets. Pure: values in, commands out; who sends them, and what
// the kernel answers, is the helper's business. One `transaction` is all or nothing.
import type { GatewaySpec } from '../../core/garden/gateway.ts';
import { formatKey, type GardenKey } from '../../core/garden/key.ts';
import { formatIp, type Ip } from '../../core/net/ip.ts';
import type { ProtocolPort } from '../../core/net/transport.ts';
import {
  DNS_ALIVE_SET,
  type GardenAccess,
  type KeyForm,
  keyFormOf,
  keyValue,
  lifelineSet,
  packSet,
  SENTINEL_SET,
  SENTINEL_VALUE,
  type SetValue,
  tupleValue,
} from './sets.ts';

export interface GardenElement {
  readonly prefix: GardenKey;
  readonly access: GardenAccess;
  readonly abusedPorts: readonly ProtocolPort[];
  readonly timeoutSeconds: number;
}

interface SetElement {
  readonly elem: { readonly val: SetValue; readonly timeout?: number };
}
interface ElementBody {
  readonly element: {
    readonly family: 'inet';
    readonly table: string;
    readonly name: string;
    readonly elem: readonly SetElement[];
  };
}
interface TableBody {
  readonly table: { readonly family: 'inet'; readonly name: string };
}
export type NftCommand =
  | { readonly add: ElementBody }
  | { readonly delete: ElementBody }
  | { readonly create: ElementBody | TableBody };

/** One line of `nft -j -i`: the commands as one transaction. */
export function transaction(commands: readonly NftCommand[]): string {
  return JSON.stringify({ nftables: commands });
}

/**
 * Puts elements, or renews them: adding again sets a new timeout and keeps the counters. The new access is added before the
 * other one is taken away, in the same transaction; not where the caller knows that the other one never was (`isOtherAbsent`).
 * Ports that the line no longer has are given in `dropPorts`.
 */
export function putCommands(
  spec: GatewaySpec,
  elements: readonly (GardenElement & {
    readonly dropPorts?: readonly ProtocolPort[];
    readonly isOtherAbsent?: boolean;
  })[],
): readonly NftCommand[] {
  const adds = new Batch(spec);
  const removes = new Batch(spec);
  for (const { prefix, access, abusedPorts, timeoutSeconds, dropPorts, isOtherAbsent } of elements) {
    const form = formOrThrow(spec, prefix);
    const other = access === 'strict' ? 'leaky' : 'strict';
    adds.put(form.garden[access], keyValue(prefix), timeoutSeconds);
    if (isOtherAbsent !== true) removes.put(form.garden[other], keyValue(prefix), timeoutSeconds);
    for (const set of [form.abuse, form.abuseIn]) {
      for (const port of abusedPorts) adds.put(set, tupleValue(prefix, port), timeoutSeconds);
      for (const port of dropPorts ?? []) removes.put(set, tupleValue(prefix, port), timeoutSeconds);
    }
  }
  return [...adds.add(), ...removes.addThenDelete()];
}

/** Takes prefixes out of the garden, present or not. Abused ports not named here have no effect and time out. */
export function removeCommands(
  spec: GatewaySpec,
  removals: readonly { readonly prefix: GardenKey; readonly abusedPorts?: readonly ProtocolPort[] }[],
): readonly NftCommand[] {
  const batch = new Batch(spec);
  for (const { prefix, abusedPorts } of removals) {
    const form = formOrThrow(spec, prefix);
    for (const access of ['strict', 'leaky'] as const) batch.put(form.garden[access], keyValue(prefix), 1);
    for (const set of [form.abuse, form.abuseIn]) {
      for (const port of abusedPorts ?? []) batch.put(set, tupleValue(prefix, port), 1);
    }
  }
  return batch.addThenDelete();
}

/** Must abort, and so changes nothing: `create` of the element asked for, then `create` of our own table, which exists. */
export function probeTransaction(spec: GatewaySpec, prefix: GardenKey, access: GardenAccess): string {
  const batch = new Batch(spec);
  batch.put(formOrThrow(spec, prefix).garden[access], keyValue(prefix));
  return probe(spec, batch);
}

/** Is the sentinel still there, that is: did nobody flush our sets? */
export function probeSentinelTransaction(spec: GatewaySpec): string {
  const batch = new Batch(spec);
  batch.put(SENTINEL_SET, SENTINEL_VALUE);
  return probe(spec, batch);
}

function probe(spec: GatewaySpec, batch: Batch): string {
  return transaction([...batch.create(), { create: { table: { family: 'inet', name: spec.table } } }]);
}

/** What a probe's error text proves: the table alone exists = absent; both exist = present; anything else = no proof. */
export function readProbe(stderr: string): 'present' | 'absent' | 'unknown' {
  const lines = stderr.split('\n').filter((line) => /\berror\b/i.test(line));
  if (lines.some((line) => !line.includes('File exists'))) return 'unknown';
  return lines.length === 2 ? 'present' : lines.length === 1 ? 'absent' : 'unknown';
}

/** Addresses the DNS front learned for packs: `allow` them before the answer goes out. */
export function allowCommands(
  spec: GatewaySpec,
  entries: readonly { readonly pack: string; readonly ip: Ip; readonly timeoutSeconds: number }[],
): readonly NftCommand[] {
  return learned(spec, entries, (entry, family) => packSet(entry.pack, family));
}

/** Addresses learned for lifelines. */
export function lifelineCommands(
  spec: GatewaySpec,
  entries: readonly { readonly lifeline: string; readonly ip: Ip; readonly timeoutSeconds: number }[],
): readonly NftCommand[] {
  return learned(spec, entries, (entry, family) => lifelineSet(entry.lifeline, family));
}

function learned<E extends { readonly ip: Ip; readonly timeoutSeconds: number }>(
  spec: GatewaySpec,
  entries: readonly E[],
  setOf: (entry: E, family: Ip['family']) => string,
): readonly NftCommand[] {
  const batch = new Batch(spec);
  for (const entry of entries) batch.put(setOf(entry, entry.ip.family), formatIp(entry.ip), entry.timeoutSeconds);
  return batch.add();
}

/** Steering of DNS hangs on this element: gone after `timeoutSeconds`, then port 53 passes unsteered. */
export function dnsAliveCommands(spec: GatewaySpec, timeoutSeconds = 60): readonly NftCommand[] {
  const batch = new Batch(spec);
  batch.put(DNS_ALIVE_SET, 53, timeoutSeconds);
  return batch.add();
}

/** Front known to be dead: unsteer now instead of in a minute. */
export function dnsDeadCommands(spec: GatewaySpec): readonly NftCommand[] {
  const batch = new Batch(spec);
  batch.put(DNS_ALIVE_SET, 53, 60);
  return batch.addThenDelete();
}

function formOrThrow(spec: GatewaySpec, prefix: GardenKey): KeyForm {
  const form = keyFormOf(spec, prefix);
  // The helper refuses such prefixes on arrival; reaching this line is a bug of ours.
  if (form === undefined) throw new Error(`no set of gateway ${spec.name} takes the prefix ${formatKey(prefix)}`);
  return form;
}

/** Elements grouped by set: one command per set keeps a batch of thousands at microseconds per element. */
class Batch {
  readonly #table: string;
  readonly #sets = new Map<string, SetElement[]>();

  constructor(spec: GatewaySpec) {
    this.#table = spec.table;
  }

  put(set: string, val: SetValue, timeout?: number): void {
    const elements = this.#sets.get(set) ?? [];
    if (elements.length === 0) this.#sets.set(set, elements);
    elements.push({ elem: timeout === undefined ? { val } : { val, timeout } });
  }

  add(): NftCommand[] {
    return this.#bodies().map((add) => ({ add }));
  }

  create(): NftCommand[] {
    return this.#bodies().map((create) => ({ create }));
  }

  /** `delete` of an absent element fails and undoes the batch; adding it first makes the delete idempotent. */
  addThenDelete(): NftCommand[] {
    return this.#bodies().flatMap((body) => [{ add: body }, { delete: body }]);
  }

  #bodies(): ElementBody[] {
    return [...this.#sets].map(([name, elem]) => ({
      element: { family: 'inet', table: this.#table, name, elem },
    }));
  }
}
