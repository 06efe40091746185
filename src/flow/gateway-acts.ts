// One batch of changes for one gateway: the intent on record, the act, the answer and the proof on record. Puts need
// their intent on record; removals go ahead without (doubt favours connectivity), and renewals change nothing to record.
import type { Access } from '../core/garden/access.ts';
import type { DerivedElement, DeriveGateway } from '../core/garden/derive.ts';
import { formatKey, type GardenKey } from '../core/garden/key.ts';
import { type Instant, SECOND } from '../core/kernel/time.ts';
import type { Binding } from '../core/line/binding.ts';
import { containsIp, type Prefix } from '../core/net/prefix.ts';
import { type GardenMemory, type Kept, keyOf } from './garden-memory.ts';
import { turn } from './pause.ts';
import type { AuditDraft, Clock, EnforceError, EnforcementRecord, Enforcer, GatewayWord, Log, Store } from './ports.ts';

export interface GatewayLink {
  readonly name: string;
  readonly enforcer: Enforcer;
  readonly nasIdentities: readonly string[];
  readonly ipv6Lengths: readonly number[];
  /** Subscriber pools behind it: static prefixes find their gateway by these. Absent: the only gateway. */
  readonly pools?: readonly Prefix[];
  /** Shared addresses whose lines it tells apart. Absent: none. */
  readonly sharedPools?: NonNullable<DeriveGateway['sharedPools']>;
  readonly passesSoftwires?: boolean;
  /** Absent: both. A line that holds the other family too is partial. */
  readonly families?: { readonly ipv4: boolean; readonly ipv6: boolean };
  /** It knows nothing between open and strict: a line in leaky is partial. */
  readonly lacksLeaky?: boolean;
}

/** It takes an order and answers later (RADIUS): its own queue waits for it, no batch of ours does. */
export function answersLater(gateway: GatewayLink): boolean {
  return gateway.enforcer.onWord !== undefined;
}

/**
 * The gateway that sees this binding's traffic. A static prefix has no NAS to name it: the pool it lies in does. So it is with a
 * share of an address, or an address that is held by rule: the line's own NAS carries it inside a tunnel, and who stands behind
 * the tunnel's end sees it.
 */
export function gatewayOf(gateways: readonly GatewayLink[], binding: Binding): GatewayLink | undefined {
  const { nas, prefix, ports, via } = binding;
  if (ports !== undefined)
    return gateways.find(({ sharedPools = [] }) => sharedPools.some((pool) => containsIp(pool.prefix, prefix.ip)));
  if (nas !== undefined && via === undefined) return gateways.find((gateway) => gateway.nasIdentities.includes(nas));
  if (gateways.length === 1) return gateways[0];
  return gateways.find(({ pools = [] }) =>
    pools.some((one) => one.length <= prefix.length && containsIp(one, prefix.ip)),
  );
}

export interface Move {
  readonly key: string;
  readonly lineId: string;
  readonly epoch: number;
  readonly prefix: GardenKey;
  /** `open` = out of the garden. */
  readonly access: Access;
  readonly put?: DerivedElement;
  /** Whose `put` is: a gateway that is told by sessions must not find another's on the address. */
  readonly accessKey?: string;
  /** The same access for the same line once more: a renewal or a repair, its intent is on record. */
  readonly isAgain: boolean;
  /** Still right at the very moment of sending? Asked without waiting in between. */
  readonly isStillRight: () => boolean;
}

export interface GatewayActsParts {
  readonly store: Pick<Store, 'commit'>;
  readonly memory: GardenMemory;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  /** A gateway acknowledged a put of this line. */
  readonly onAcked: (lineId: string) => void;
}

type Word = 'sent' | 'acked' | 'confirmed' | 'refused' | 'unanswered';

export class GatewayActs {
  readonly #parts: GatewayActsParts;

  constructor(parts: GatewayActsParts) {
    this.#parts = parts;
  }

  async perform(gateway: GatewayLink, moves: readonly Move[]): Promise<void> {
    const recorded = await this.#recordIntent(gateway, moves);
    if (recorded.length > 0) await this.#send(gateway, recorded);
  }

  /** Without a durable intent nothing is put; who shall be free becomes free all the same. */
  async #recordIntent(gateway: GatewayLink, moves: readonly Move[]): Promise<readonly Move[]> {
    try {
      await this.#record(
        gateway.name,
        moves.filter((move) => !move.isAgain),
        'sent',
      );
      return moves;
    } catch (cause) {
      this.#parts.log.error('INTENT_NOT_RECORDED', { gateway: gateway.name, text: String(cause).slice(0, 200) });
      for (const move of moves) if (move.put !== undefined) this.#takeBack(move);
      return moves.filter((move) => move.put === undefined);
    }
  }

  /** A put that was never sent: nothing of it is in the kernel unless an element was there before. */
  #takeBack(move: Move): void {
    const kept = this.#parts.memory.get(move.key);
    if (kept?.lineId !== move.lineId) return;
    if (kept.ackedAt === undefined && kept.phase === 'sent') this.#parts.memory.drop(move.key);
    else this.#parts.memory.change(move.key, { phase: 'unknown' });
  }

  async #send(gateway: GatewayLink, planned: readonly Move[]): Promise<void> {
    // One fsync may have made our intent and an address's new holder durable together, and we were woken first: let the
    // bindings speak before we look a last time. From here to the send nothing waits.
    await turn();
    const now = this.#parts.clock.now();
    const moves = planned.filter((move) => {
      // An element whose evidence ran out while it waited would only be put to expire.
      const hasTime = move.put === undefined || move.put.expiresAt > now;
      if (hasTime && move.isStillRight()) return true;
      this.#takeBack(move);
      return false;
    });
    if (moves.length === 0) return;
    const ofSessions = answersLater(gateway);
    const answer = await gateway.enforcer.apply({
      put: moves.flatMap(({ put, accessKey }) => {
        if (put === undefined) return [];
        const owner = ofSessions && accessKey !== undefined ? { accessKey } : {};
        return [{ ...put, ...owner, timeoutSeconds: secondsLeft(put, now) }];
      }),
      remove: moves.filter((move) => move.put === undefined).map((move) => move.prefix),
    });
    if (answer.ok) return ofSessions ? undefined : this.#acked(gateway, moves);
    if (answer.error.kind === 'refused' && moves.length > 1) {
      // One transaction, all or nothing: a single bad element must not hold up its neighbours, releases least of all.
      for (const part of parted(moves)) await this.#send(gateway, part);
      return;
    }
    await this.#failed(gateway, moves, answer.error);
  }

  /** What a gateway that answers later has to say; words about an order that is no longer ours are passed over. */
  async hear(gateway: GatewayLink, words: readonly GatewayWord[]): Promise<void> {
    const { memory } = this.#parts;
    const now = this.#parts.clock.now();
    const told = new Map<Word, Move[]>();
    for (const { prefix, access, word, failure } of words) {
      const key = keyOf(gateway.name, prefix);
      const kept = memory.get(key);
      if (kept === undefined || (kept.leaving ? 'open' : kept.element.access) !== access) continue;
      const heard = heardAs(kept, word, failure, now);
      memory.set(key, heard.kept);
      if (heard.kept.ackedAt !== undefined && access !== 'open') this.#parts.onAcked(kept.lineId);
      const move = {
        key,
        lineId: kept.lineId,
        epoch: kept.epoch,
        prefix,
        access,
        isAgain: true,
        isStillRight: () => true,
      };
      if (heard.news !== undefined) told.set(heard.news, [...(told.get(heard.news) ?? []), move]);
    }
    for (const [word, moves] of told) await this.#tell(gateway.name, moves, word);
    for (const { prefix } of words) this.#dropIfGone(keyOf(gateway.name, prefix));
  }

  #dropIfGone(key: string): void {
    const kept = this.#parts.memory.get(key);
    if (kept?.leaving === true && kept.phase === 'confirmed') this.#parts.memory.drop(key);
  }

  async #failed(gateway: GatewayLink, moves: readonly Move[], error: EnforceError): Promise<void> {
    const failure = error.kind === 'refused' ? `refused: ${error.code}` : error.kind;
    this.#parts.log.warn('ENFORCE_FAILED', { gateway: gateway.name, reason: failure, elements: moves.length });
    const news = moves.filter((move) => this.#parts.memory.get(move.key)?.failure !== failure);
    for (const move of moves) this.#parts.memory.change(move.key, { phase: 'unknown', failure });
    await this.#tell(gateway.name, news, error.kind === 'refused' ? 'refused' : 'unanswered');
  }

  async #acked(gateway: GatewayLink, moves: readonly Move[]): Promise<void> {
    const now = this.#parts.clock.now();
    const { memory } = this.#parts;
    const news = moves.filter((move) => isNews(memory.get(move.key)?.ackedAt, memory.get(move.key)?.failure));
    for (const move of moves) {
      const kept = memory.get(move.key);
      if (kept === undefined) continue;
      const { failure: _, ...rest } = kept;
      memory.set(move.key, { ...rest, phase: 'acked', ackedAt: kept.ackedAt ?? now });
      if (move.put !== undefined) this.#parts.onAcked(move.lineId);
    }
    await this.#tell(gateway.name, news, 'acked');
    const newKeys = new Set(news.map((move) => move.key));
    await this.#prove(gateway, moves, newKeys);
    await this.#forget(
      gateway,
      moves.filter((move) => move.access === 'open' || (move.access === 'leaky' && newKeys.has(move.key))),
    );
  }

  async #prove(gateway: GatewayLink, moves: readonly Move[], news: ReadonlySet<string>): Promise<void> {
    const seen = await gateway.enforcer.observe(moves.map((move) => move.prefix));
    const accessOf = new Map(seen.map((state) => [formatKey(state.prefix), state.access]));
    const now = this.#parts.clock.now();
    const { memory } = this.#parts;
    const proven: Move[] = [];
    for (const move of moves) {
      const isProven = accessOf.get(formatKey(move.prefix)) === (move.access === 'open' ? 'absent' : move.access);
      if (isProven && (news.has(move.key) || memory.get(move.key)?.confirmedAt === undefined)) proven.push(move);
      if (isProven) memory.change(move.key, { phase: 'confirmed', confirmedAt: now });
      else memory.change(move.key, { phase: 'unknown' });
    }
    await this.#tell(gateway.name, proven, 'confirmed');
    for (const move of moves) if (move.put === undefined) this.#dropIfGone(move.key);
  }

  /** After a step towards freedom the flows that were steered to us are forgotten, never a lifeline's. */
  async #forget(gateway: GatewayLink, freed: readonly Move[]): Promise<void> {
    if (freed.length === 0) return;
    const answer = await gateway.enforcer.forgetSteered(freed.map((move) => move.prefix));
    if (!answer.ok) this.#parts.log.warn('STEERED_FLOWS_KEPT', { gateway: gateway.name, reason: answer.error.kind });
  }

  /** Answers are recorded when the store takes them; what is in the kernel does not depend on it. */
  async #tell(gateway: string, moves: readonly Move[], word: Word): Promise<void> {
    await this.#record(gateway, moves, word).catch((cause) =>
      this.#parts.log.error('ANSWER_NOT_RECORDED', { gateway, answer: word, text: String(cause).slice(0, 200) }),
    );
  }

  async #record(gateway: string, moves: readonly Move[], word: Word): Promise<void> {
    if (moves.length === 0) return;
    const at = this.#parts.clock.now();
    const enforcement: EnforcementRecord[] = [];
    const audit: AuditDraft[] = [];
    for (const move of moves) {
      const kept = this.#parts.memory.get(move.key);
      const failure = word === 'refused' || word === 'unanswered' ? (kept?.failure ?? word) : undefined;
      enforcement.push({
        gateway,
        lineId: move.lineId,
        prefix: move.prefix,
        access: move.access,
        intentAt: kept?.intentAt ?? at,
        ...(word !== 'sent' && kept?.ackedAt !== undefined ? { ackedAt: kept.ackedAt } : {}),
        ...(word === 'confirmed' ? { confirmedAt: at } : {}),
        ...(failure === undefined ? {} : { failure }),
      });
      audit.push({
        at,
        actor: { kind: 'reconcile' },
        action: `garden-${word}`,
        line: { lineId: move.lineId, epoch: move.epoch },
        detail: { gateway, access: move.access, ...(failure === undefined ? {} : { failure }) },
      });
    }
    await this.#parts.store.commit({ enforcement, audit });
  }
}

/** A word as memory keeps it, and whether it is news for the record. */
function heardAs(
  kept: Kept,
  word: GatewayWord['word'],
  failure: string | undefined,
  now: Instant,
): { readonly kept: Kept; readonly news?: Word } {
  const { failure: before, ...rest } = kept;
  switch (word) {
    case 'acked': {
      const isNew = isNews(kept.ackedAt, before);
      const phase = kept.phase === 'confirmed' && !isNew ? kept.phase : 'acked';
      return { kept: { ...rest, phase, ackedAt: kept.ackedAt ?? now }, ...(isNew ? { news: 'acked' } : {}) };
    }
    case 'confirmed': {
      const isNew = kept.phase !== 'confirmed' && (kept.confirmedAt === undefined || kept.phase === 'unknown');
      const proven = { ...rest, phase: 'confirmed' as const, ackedAt: kept.ackedAt ?? now, confirmedAt: now };
      return { kept: proven, ...(isNew || before !== undefined ? { news: 'confirmed' } : {}) };
    }
    case 'unproven':
      return { kept: { ...kept, phase: 'unknown' } };
    case 'refused':
    case 'unanswered':
      return {
        kept: { ...kept, phase: 'unknown', failure: failure ?? word },
        ...(before === (failure ?? word) ? {} : { news: word }),
      };
  }
}

function isNews(ackedAt: Instant | undefined, failure: string | undefined): boolean {
  return ackedAt === undefined || failure !== undefined;
}

/** Removals first, then halves. */
function parted(moves: readonly Move[]): readonly (readonly Move[])[] {
  const removals = moves.filter((move) => move.put === undefined);
  const puts = moves.filter((move) => move.put !== undefined);
  if (removals.length > 0 && puts.length > 0) return [removals, puts];
  const half = Math.ceil(moves.length / 2);
  return [moves.slice(0, half), moves.slice(half)];
}

function secondsLeft(element: DerivedElement, now: Instant): number {
  return Math.max(1, Math.min(259_200, Math.floor((element.expiresAt - now) / SECOND)));
}
