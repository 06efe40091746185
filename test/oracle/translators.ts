// Address translators as they really were: blocks and single ports given to inside addresses and taken back; and what they would log.
import type { TranslationEvent } from '../../src/core/line/translation.ts';
import { formatIp, type Ip } from '../../src/core/net/ip.ts';
import type { PortRange } from '../../src/core/net/transport.ts';
import type { Chance } from './chance.ts';
import type { Protocol } from './truth.ts';

const SECOND = 1000;

export interface Translator {
  readonly source: string;
  readonly insideRealm: string;
  readonly outside: readonly Ip[];
  /** Of one allocation. */
  readonly blockSize: number;
  readonly firstPort: number;
  readonly lastPort: number;
  /** A block of each protocol of its own, as some vendors give them. */
  readonly perProtocol: boolean;
  readonly meanMs: number;
  readonly mostPerHost: number;
  /** Its records are numbered: what is missing is seen. */
  readonly isNumbered: boolean;
  /** It repeats what is open. */
  readonly interimMs?: number;
  /** Records name when the allocation began. */
  readonly tellsSince: boolean;
}

export interface Allocation {
  readonly inside: Ip;
  readonly outside: Ip;
  readonly ports: PortRange;
  readonly protocol?: Protocol;
  readonly fromMs: number;
  readonly toMs: number;
}

/** A log record before the translator's clock and the network had a say. */
export interface Logged {
  readonly source: string;
  readonly trueMs: number;
  readonly sinceMs?: number;
  readonly event: Omit<TranslationEvent, 'at' | 'sinceAt' | 'source'>;
}

export interface Presence {
  readonly inside: Ip;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Allocations begin while somebody is there, and may outlive them: the next holder of the inside address goes on with them. */
export function allocate(
  chance: Chance,
  translator: Translator,
  presence: readonly Presence[],
  endMs: number,
): Allocation[] {
  const found: Allocation[] = [];
  const freeAt = new Map<string, number>();
  const openOf = new Map<string, Allocation[]>();
  const wishes = presence.flatMap(({ inside, fromMs, toMs }) =>
    Array.from({ length: chance.whole(1, translator.mostPerHost + 1) }, () => ({
      inside,
      ms: chance.whole(fromMs, Math.max(fromMs, toMs - 1)),
    })),
  );
  for (const { inside, ms } of wishes.sort((a, b) => a.ms - b.ms)) {
    const own = (openOf.get(formatIp(inside)) ?? []).filter((one) => one.toMs > ms);
    if (own.length >= translator.mostPerHost) continue;
    const place = freePlace(chance, translator, ms, freeAt);
    if (place === undefined) continue;
    const toMs = Math.min(endMs, ms + 20 * SECOND + Math.round(-Math.log(1 - chance.next()) * translator.meanMs));
    const allocation = { inside, ...place.at, fromMs: ms, toMs };
    found.push(allocation);
    openOf.set(formatIp(inside), [...own, allocation]);
    freeAt.set(place.key, toMs + (chance.is(0.6) ? chance.whole(0, 3) : chance.whole(3, 600)) * SECOND);
  }
  return found;
}

function freePlace(chance: Chance, translator: Translator, ms: number, freeAt: ReadonlyMap<string, number>) {
  const { outside, blockSize, firstPort, lastPort, perProtocol } = translator;
  const blocks = Math.floor((lastPort - firstPort + 1) / blockSize);
  for (let tries = 0; tries < 12; tries++) {
    const address = chance.pick(outside);
    const low = firstPort + chance.whole(0, blocks - 1) * blockSize;
    const protocol = perProtocol ? chance.pick(['tcp', 'udp'] as const) : undefined;
    const key = `${formatIp(address)} ${low} ${protocol ?? ''}`;
    if ((freeAt.get(key) ?? 0) > ms) continue;
    const ports = { low, high: low + blockSize - 1 };
    return { key, at: { outside: address, ports, ...(protocol === undefined ? {} : { protocol }) } };
  }
  return undefined;
}

export function logOf(translator: Translator, allocations: readonly Allocation[], endMs: number): Logged[] {
  const { source, insideRealm, interimMs, tellsSince } = translator;
  return allocations.flatMap(({ inside, outside, ports, protocol, fromMs, toMs }) => {
    const common = { realm: 'main', outside, ports, inside: { realm: insideRealm, ip: inside } };
    const say = (kind: TranslationEvent['kind'], trueMs: number): Logged => ({
      source,
      trueMs,
      ...(tellsSince && kind !== 'allocated' ? { sinceMs: fromMs } : {}),
      event: { ...common, ...(protocol === undefined ? {} : { protocol }), kind },
    });
    const records = [say('allocated', fromMs)];
    if (interimMs !== undefined)
      for (let ms = fromMs + interimMs; ms < toMs; ms += interimMs) records.push(say('in-use', ms));
    if (toMs < endMs) records.push(say('released', toMs));
    return records;
  });
}
