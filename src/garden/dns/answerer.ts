// One question of one peer → one reply, in the order of the design: lifelines, our own names, packs, everything else. Nothing
// here logs or keeps what was asked or by whom: counters, and changes of a pack's addresses, are all that stays (invariant 10).
import type { Lifeline, Pack } from '../../core/garden/gateway.ts';
import type { HouseholdOf } from '../../core/net/household.ts';
import type { Ip, Peer } from '../../core/net/ip.ts';
import { containsIp, type Prefix, prefixOf } from '../../core/net/prefix.ts';
import { isUnusable } from '../../core/net/special.ts';
import type { AllowList, Clock, Log } from '../../flow/ports.ts';
import { type Answer, addressesOf, targetsOf } from '../../protocols/dns/answer.ts';
import { concat } from '../../protocols/dns/bytes.ts';
import { canonicalName, encodeName, isWithin } from '../../protocols/dns/name.ts';
import { CLASS_IN, type Query, RCODE, TYPE } from '../../protocols/dns/query.ts';
import { buildReply, passThrough, type ReplyRecord } from '../../protocols/dns/reply.ts';
import type { Counters } from '../counters.ts';
import { within } from '../deadline.ts';
import { isLoopback } from '../peers.ts';
import type { LifelineHit, LifelineNames } from './lifeline-names.ts';
import { type Admission, PackNames } from './pack-names.ts';
import type { Upstream } from './upstream.ts';

export interface AnswererOptions {
  readonly upstream: Upstream;
  readonly allowList: AllowList;
  readonly lifelines: readonly Lifeline[];
  /** Shared with LifelineResolver. */
  readonly lifelineNames: LifelineNames;
  readonly packs: readonly Pack[];
  /** Portal and API names, answered with the portal's addresses. */
  readonly portalNames: readonly string[];
  readonly portal: { readonly ip4: Ip; readonly ip6: Ip };
  readonly sink: { readonly ip4: Ip; readonly ip6: Ip };
  /** Subscriber pools: who is answered at all (loopback beside them), and never the address of a pack or lifeline. */
  readonly pools: readonly Prefix[];
  /** Our own addresses: may ask, and are refused in answers for packs. */
  readonly infrastructure: readonly Prefix[];
  readonly householdOf: HouseholdOf;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Counters;
}

/** Names that tell browsers and devices to use the network's own resolver: NXDOMAIN. */
const CANARIES = ['use-application-dns.net', 'mask.icloud.com', 'mask-h2.icloud.com'];
const SINK_TTL = 5;
const PORTAL_TTL = 60;
/** A pack answer lives 30–300 s at the asker; its kernel element an hour, renewed with every question. */
const PACK_TTL = { floor: 30, cap: 300 };
const PACK_ELEMENT_SECONDS = 3600;
/** The longest the gateway takes: a lifeline's address must outlive every garden element. */
export const LIFELINE_ELEMENT_SECONDS = 259_200;
const LIFELINE_TTL_CAP = 3600;
const MAX_LIFELINE_ADDRESSES = 64;
const KERNEL_MS = 2000;
const CHANGE_LOG_MS = 60_000;

export class Answerer {
  readonly #o: AnswererOptions;
  readonly #packs: PackNames;
  readonly #portalNames: readonly string[];
  readonly #lifelineNever: readonly Prefix[];
  readonly #changeLoggedAt = new Map<string, number>();

  constructor(options: AnswererOptions) {
    this.#o = options;
    const ours = [options.portal, options.sink].flatMap((pair) => [prefixOf(pair.ip4), prefixOf(pair.ip6)]);
    this.#lifelineNever = [...options.pools, ...ours];
    const own = [...options.infrastructure, ...this.#lifelineNever];
    this.#packs = new PackNames(options.packs, { own, keepMs: PACK_ELEMENT_SECONDS * 1000 });
    this.#portalNames = options.portalNames.map((name) => canonicalName(name) ?? '').filter((name) => name !== '');
  }

  /**
   * The reply at once, or the way to it when a resolver must be asked: only that may wait, so a household that floods a dead resolver
   * still finds the portal. Never throws or rejects for anything a peer or an upstream sends.
   */
  answer(query: Query, peer: Peer): Uint8Array | (() => Promise<Uint8Array>) {
    const strict = this.#isStrict(peer);
    if (!strict && !this.#serves(peer)) return this.#reply(query, 'refused', { rcode: RCODE.REFUSED });
    if (query.class !== CLASS_IN) return this.#reply(query, 'refused', { rcode: RCODE.REFUSED });
    if (query.type === TYPE.AXFR || query.type === TYPE.IXFR) {
      return this.#reply(query, 'refused', { rcode: RCODE.NOTIMP });
    }
    return strict ? this.#fromGarden(query, peer) : () => this.#unfiltered(query);
  }

  /**
   * Only strict lines are steered here: whoever comes from a pool before the kernel's list was read is taken for one, and whoever
   * comes from an address that a strict line shares: two questions steered from one port are given two by conntrack.
   */
  #isStrict({ family, bytes }: Ip): boolean {
    const { allowList, pools } = this.#o;
    const peer = { family, bytes };
    return allowList.isStrict(peer) || (!allowList.isSeeded && pools.some((pool) => containsIp(pool, peer)));
  }

  /** Anyone else would make us an open resolver. */
  #serves(peer: Ip): boolean {
    return isLoopback(peer) || [...this.#o.pools, ...this.#o.infrastructure].some((prefix) => containsIp(prefix, peer));
  }

  #fromGarden(query: Query, peer: Peer): Uint8Array | (() => Promise<Uint8Array>) {
    const lifeline = this.#o.lifelineNames.match(query.name);
    if (lifeline !== undefined) return () => this.#lifeline(query, lifeline);
    if (this.#portalNames.includes(query.name)) return this.#ours(query, 'portal', this.#o.portal, PORTAL_TTL);
    const asksAddress = query.type === TYPE.A || query.type === TYPE.AAAA;
    const pack = asksAddress ? this.#packs.match(query.name) : undefined;
    if (pack !== undefined) return () => this.#pack(query, pack, peer);
    if (CANARIES.some((name) => isWithin(query.name, name))) {
      return this.#reply(query, 'canary', { rcode: RCODE.NXDOMAIN, authority: [this.#soa()] });
    }
    return this.#ours(query, 'sink', this.#o.sink, SINK_TTL);
  }

  /** For lines that are not in strict and still come here: as if we were not there. */
  async #unfiltered(query: Query): Promise<Uint8Array> {
    const asked = await this.#o.upstream.ask(query);
    if (!asked.ok) return this.#reply(query, 'servfail', { rcode: RCODE.SERVFAIL });
    this.#count('unfiltered');
    return passThrough(query, asked.value.message, asked.value.answer);
  }

  /** New addresses enter the lifeline set before the answer goes out; if the gateway cannot say so, it goes out all the same. */
  async #lifeline(query: Query, hit: LifelineHit): Promise<Uint8Array> {
    const asked = await this.#o.upstream.ask(query);
    if (!asked.ok) return this.#reply(query, 'servfail', { rcode: RCODE.SERVFAIL });
    const { answer, message } = asked.value;
    this.#o.lifelineNames.learn(hit, targetsOf(answer));
    const entries = this.#lifelineAddresses(answer, hit.lifeline).map((ip) => {
      return { lifeline: hit.lifeline, ip, timeoutSeconds: LIFELINE_ELEMENT_SECONDS };
    });
    if (entries.length > 0 && !(await this.#kernelHas(this.#o.allowList.lifeline(entries)))) {
      this.#count('lifeline_unconfirmed');
      this.#o.log.warn('DNS_LIFELINE_UNCONFIRMED', { lifeline: hit.lifeline });
    }
    this.#count('lifeline');
    return passThrough(query, message, answer, LIFELINE_TTL_CAP);
  }

  /** The chain's addresses, and those a SRV or NAPTR answer brings along for its targets. */
  #lifelineAddresses(answer: Answer, lifeline: string): Ip[] {
    const targets = new Set(targetsOf(answer));
    const brought = answer.records.flatMap((r) =>
      r.section === 'additional' && r.data.kind === 'address' && targets.has(r.name) ? [r.data.ip] : [],
    );
    const known = this.#o.lifelines.find((l) => l.name === lifeline)?.prefixes ?? [];
    return [...addressesOf(answer).map((a) => a.ip), ...brought]
      .filter((ip) => !isUnusable(ip) && ![...this.#lifelineNever, ...known].some((p) => containsIp(p, ip)))
      .slice(0, MAX_LIFELINE_ADDRESSES);
  }

  /**
   * Addresses only: other types of a pack get NODATA, since HTTPS and SVCB hints would name addresses nobody checked. Built
   * anew, without what was refused, and goes out only when the kernel has the rest.
   */
  async #pack(query: Query, pack: Pack, peer: Peer): Promise<Uint8Array> {
    const asked = await this.#o.upstream.ask({ name: query.name, type: query.type, edns: { dnssecOk: false } });
    if (!asked.ok) return this.#reply(query, 'servfail', { rcode: RCODE.SERVFAIL });
    const { answer } = asked.value;
    if (answer.rcode !== RCODE.NOERROR) {
      return this.#reply(query, 'pack', { rcode: answer.rcode, authority: [this.#soa()] });
    }
    const found = addressesOf(answer);
    if (found.length === 0) return this.#noData(query);
    const nowMs = this.#o.clock.monotonicMs();
    const addresses = found.map((a) => a.ip);
    const admission = this.#packs.admit({
      pack,
      name: query.name,
      addresses,
      household: this.#o.householdOf(peer).key,
      nowMs,
    });
    this.#record(pack, admission, nowMs);
    if (admission.admitted.length === 0) return this.#reply(query, 'servfail', { rcode: RCODE.SERVFAIL });
    const entries = admission.toLearn.map((ip) => {
      return { pack: pack.name, ip, timeoutSeconds: PACK_ELEMENT_SECONDS };
    });
    if (entries.length > 0 && !(await this.#kernelHas(this.#o.allowList.allow(entries)))) {
      return this.#reply(query, 'pack_unconfirmed', { rcode: RCODE.SERVFAIL });
    }
    const lowest = Math.min(...found.map((a) => a.ttlSeconds));
    const ttlSeconds = Math.min(PACK_TTL.cap, Math.max(PACK_TTL.floor, lowest));
    const answers = admission.admitted.map((ip) => ({ type: query.type, ttlSeconds, data: ip.bytes }));
    return this.#reply(query, 'pack', { rcode: RCODE.NOERROR, answers });
  }

  /** E23–E25: what a pack's owner did to its addresses goes on record, at most once a minute and pack. */
  #record(pack: Pack, admission: Admission, nowMs: number): void {
    const { special, own, capped, changed } = admission;
    this.#o.counters.add('dns_pack_address_special', special);
    this.#o.counters.add('dns_pack_address_own', own);
    this.#o.counters.add('dns_pack_address_capped', capped);
    this.#o.counters.add('dns_pack_address_changed', changed);
    if (special + own + capped + changed === 0) return;
    if (nowMs - (this.#changeLoggedAt.get(pack.name) ?? -CHANGE_LOG_MS) < CHANGE_LOG_MS) return;
    this.#changeLoggedAt.set(pack.name, nowMs);
    this.#o.log.warn('DNS_PACK_ADDRESSES', { pack: pack.name, special, own, capped, changed });
  }

  async #kernelHas(order: ReturnType<AllowList['allow']>): Promise<boolean> {
    const done = await within(KERNEL_MS, order, undefined).catch(() => undefined);
    return done?.ok === true;
  }

  #ours(query: Query, kind: 'portal' | 'sink', pair: { ip4: Ip; ip6: Ip }, ttlSeconds: number): Uint8Array {
    if (query.type !== TYPE.A && query.type !== TYPE.AAAA) return this.#noData(query);
    const ip = query.type === TYPE.A ? pair.ip4 : pair.ip6;
    return this.#reply(query, kind, {
      rcode: RCODE.NOERROR,
      answers: [{ type: query.type, ttlSeconds, data: ip.bytes }],
    });
  }

  #noData(query: Query): Uint8Array {
    return this.#reply(query, 'nodata', { rcode: RCODE.NOERROR, authority: [this.#soa()] });
  }

  /** Bounds how long a «no» is remembered (RFC 2308 §5): after a release it must be forgotten at once. */
  #soa(): ReplyRecord {
    const name = encodeName(this.#portalNames[0] ?? '') ?? new Uint8Array(1);
    const numbers = new DataView(new ArrayBuffer(20));
    [1, SINK_TTL, SINK_TTL, SINK_TTL, SINK_TTL].forEach((value, i) => {
      numbers.setUint32(4 * i, value);
    });
    return { type: TYPE.SOA, ttlSeconds: SINK_TTL, data: concat([name, name, new Uint8Array(numbers.buffer)]) };
  }

  #reply(query: Query, kind: string, reply: Parameters<typeof buildReply>[1]): Uint8Array {
    this.#count(kind);
    return buildReply(query, reply);
  }

  #count(kind: string): void {
    this.#o.counters.add(`dns_${kind}`);
  }
}
