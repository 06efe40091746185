// The operations of the helper: judge (guard), turn into one transaction (protocols/nftables), send, answer what is known.
// Holds no wanted state; what it remembers (ports, accesses) only serves to take away what may be there and nothing else, and is
// read back after a restart.
import type { GatewaySpec } from '../core/garden/gateway.ts';
import type { GardenKey } from '../core/garden/key.ts';
import { err, ok, type Result } from '../core/kernel/result.ts';
import type { NftCommand } from '../protocols/nftables/command.ts';
import {
  allowCommands,
  dnsAliveCommands,
  dnsDeadCommands,
  lifelineCommands,
  putCommands,
  removeCommands,
} from '../protocols/nftables/elements.ts';
import type { Answer, HelperError, Learned, Operation, PutElement } from '../protocols/nftables/messages.ts';
import type { NftFailure, NftSession } from '../protocols/nftables/session.ts';
import { isGardenSet, keyForms } from '../protocols/nftables/sets.ts';
import type { GardenContent } from '../protocols/nftables/snapshot.ts';
import { GardenMemory } from './garden-memory.ts';
import type { Guard } from './guard.ts';
import { isMissing, listCounts, listGarden, listOffloads, listStates } from './listing.ts';
import { observe } from './observe.ts';
import type { Skeleton } from './skeleton.ts';
import type { GardenChange } from './snapshot.ts';
import type { SteeredFlows } from './steered.ts';

const DNS_ALIVE_SECONDS = 60;
const ADOPT_PATIENCE_MS = 2000;
const NOTHING: Answer = { kind: 'none' };

export interface GatewayParts {
  readonly spec: GatewaySpec;
  readonly session: NftSession;
  readonly guard: Guard;
  readonly skeleton: Skeleton;
  readonly steered: SteeredFlows;
  /** The garden is no longer what was last saved. */
  readonly changed?: (what: GardenChange) => void;
}

export class Gateway {
  readonly #parts: GatewayParts;
  readonly #memory = new GardenMemory();
  /** Changes sent and not answered: what one of them may have put, the answer of another does not make us forget. */
  #applying = 0;
  #installing: Promise<unknown> = Promise.resolve();
  #adopted: Promise<void> = Promise.resolve();
  #portsLearnt: Promise<void> = Promise.resolve();

  constructor(parts: GatewayParts) {
    this.#parts = parts;
  }

  /**
   * Learns which port elements a former helper left behind; without a table there are none. Changes wait for it, but not
   * for long: a port that is missed here only stays in its set, without effect outside the garden, until its timeout.
   */
  adopt(): void {
    this.#portsLearnt = listCounts(this.#parts.spec).then((counts) => {
      if (!counts.ok) return;
      for (const { prefix, protocol, port } of counts.value) this.#memory.ports(prefix, [{ protocol, port }]);
    });
    void this.#learnAccesses();
    this.#changed('renewed');
    this.#adopted = Promise.race([
      this.#portsLearnt,
      new Promise<void>((resolve) => setTimeout(resolve, ADOPT_PATIENCE_MS)),
    ]);
  }

  /** Until it is known, every put takes the other access away, there or not: safe, and half as much work again. */
  async #learnAccesses(): Promise<void> {
    const states = await listStates(this.#parts.spec);
    // No table, no elements: what we put from now on is all there is.
    if (!states.ok && !isMissing(states.error)) return;
    for (const { prefix, access } of states.ok ? states.value : [])
      if (access === 'strict' || access === 'leaky') this.#memory.access(prefix, access);
    this.#memory.areAccessesKnown = true;
  }

  /** Everything a snapshot keeps, as the kernel has it now. */
  async garden(): Promise<Result<GardenContent, HelperError>> {
    await this.#portsLearnt;
    return listGarden(this.#parts.spec, (prefix) => this.#memory.portsOf(prefix));
  }

  async run(operation: Operation): Promise<Result<Answer, HelperError>> {
    const { spec, session, steered } = this.#parts;
    switch (operation.op) {
      case 'install':
        return this.#install();
      case 'apply':
        return this.#apply(operation.put, operation.remove);
      case 'observe':
        return ok({ kind: 'states', items: await observe(spec, session, operation.prefixes) });
      case 'readBack':
        return itemsOf('states', await listStates(spec));
      case 'denyCounts':
        return itemsOf('counts', await listCounts(spec));
      case 'skeleton':
        return this.#skeleton();
      case 'offload':
        return itemsOf('offloads', await listOffloads(spec));
      case 'forgetSteered':
        return answerOf(await steered.forget(operation.prefixes));
      case 'allow':
        return this.#learn(operation.op, operation.entries);
      case 'lifeline':
        return this.#learn(operation.op, operation.entries);
      case 'dnsAlive':
        return this.#transact(dnsAliveCommands(spec, DNS_ALIVE_SECONDS));
      case 'dnsOff':
        return this.#transact(dnsDeadCommands(spec));
      case 'releaseAll':
        return this.#releaseAll();
    }
  }

  async #skeleton(): Promise<Result<Answer, HelperError>> {
    const word = await this.#parts.skeleton.state();
    // Somebody else was at the table: what is saved may be gone.
    if (word !== 'intact') this.#changed('put');
    return ok({ kind: 'word', word });
  }

  #changed(what: GardenChange): void {
    this.#parts.changed?.(what);
  }

  /** One at a time: two loads of the same file would only disturb each other. */
  #install(): Promise<Result<Answer, HelperError>> {
    const next = this.#installing.then(async () => {
      const done = await this.#parts.skeleton.install();
      if (!done.ok || done.value !== 'adopted') this.#changed('put');
      return done.ok ? ok<Answer>({ kind: 'word', word: done.value }) : done;
    });
    this.#installing = next.catch(() => undefined);
    return next;
  }

  async #apply(put: readonly PutElement[], remove: readonly GardenKey[]): Promise<Result<Answer, HelperError>> {
    const { spec, guard } = this.#parts;
    for (const element of put) {
      const judged = guard.put(element);
      if (!judged.ok) return judged;
    }
    for (const prefix of remove) {
      const judged = guard.removable(prefix);
      if (!judged.ok) return judged;
    }
    const spent = guard.spend(put.length);
    if (!spent.ok) return spent;
    await this.#adopted;
    const memory = this.#memory;
    const removals = remove.map((prefix) => ({ prefix, abusedPorts: memory.portsOf(prefix) }));
    const puts = put.map((element) => ({
      ...element,
      dropPorts: memory.surplusOf(element),
      isOtherAbsent: memory.isOtherAbsent(element),
    }));
    const isRenewal = put.every((element) => memory.isRenewal(element));
    // Before the answer: should it get lost, what may exist is remembered all the same.
    for (const { prefix, access, abusedPorts } of put) {
      memory.ports(prefix, abusedPorts);
      memory.access(prefix, access);
    }
    this.#applying++;
    const done = await this.#transact([...removeCommands(spec, removals), ...putCommands(spec, puts)]).finally(
      () => this.#applying--,
    );
    if (done.ok) memory.settle(put, remove, this.#applying === 0);
    this.#changed(remove.length > 0 ? 'released' : isRenewal ? 'renewed' : 'put');
    return done;
  }

  async #learn(op: 'allow' | 'lifeline', entries: readonly Learned[]): Promise<Result<Answer, HelperError>> {
    const { spec, guard } = this.#parts;
    for (const entry of entries) {
      const judged = op === 'allow' ? guard.learnedForPack(entry) : guard.learnedForLifeline(entry);
      if (!judged.ok) return judged;
    }
    const commands =
      op === 'allow'
        ? allowCommands(
            spec,
            entries.map((e) => ({ ...e, pack: e.name })),
          )
        : lifelineCommands(
            spec,
            entries.map((e) => ({ ...e, lifeline: e.name })),
          );
    this.#changed('renewed');
    return this.#transact(commands);
  }

  /** Every line out of the garden in one transaction. Nothing else of the table is touched: DNS and packs go on. */
  async #releaseAll(): Promise<Result<Answer, HelperError>> {
    const { spec, skeleton } = this.#parts;
    // What a former configuration put into sets of another prefix length still closes until the new text is loaded.
    const present = (await skeleton.setNames())?.filter(isGardenSet);
    const sets =
      present ?? keyForms(spec).flatMap((form) => [form.garden.strict, form.garden.leaky, form.abuse, form.abuseIn]);
    const done = await this.#transact(
      sets.map((name) => ({ flush: { set: { family: 'inet', table: spec.table, name } } })),
    );
    if (done.ok) this.#memory.settleAllGone(this.#applying === 0);
    this.#changed('released');
    return done;
  }

  async #transact(commands: readonly NftCommand[]): Promise<Result<Answer, HelperError>> {
    if (commands.length === 0) return ok(NOTHING);
    const done = await this.#parts.session.transact(commands);
    return done.ok ? ok(NOTHING) : err(failureOf(done.error));
  }
}

function failureOf(failure: NftFailure): HelperError {
  switch (failure.kind) {
    case 'failed':
      return refusalOf(failure.errors[0] ?? '');
    case 'timeout':
      return { kind: 'unknown', afterMs: failure.afterMs };
    case 'gone':
      return { kind: 'unknown', afterMs: 0 };
    case 'busy':
      return { kind: 'unavailable', text: 'too much is waiting for nft' };
  }
}

function refusalOf(text: string): HelperError {
  // ENFILE is how the kernel says that a set has reached its size.
  if (text.includes('Too many open files')) return { kind: 'refused', code: 'set-full', text: 'the set is full' };
  // The socket buffer cannot be raised inside a user namespace (the lab without root): the transaction must be smaller.
  if (text.includes('Message too long'))
    return { kind: 'refused', code: 'too-many', text: 'too much for one transaction' };
  if (text.includes('No such file')) return { kind: 'unavailable', text: 'the table or a set of it is missing' };
  return { kind: 'unavailable', text: text.slice(0, 200) };
}

function answerOf(done: Result<void, HelperError>): Result<Answer, HelperError> {
  return done.ok ? ok(NOTHING) : done;
}

function itemsOf<K extends 'states' | 'counts' | 'offloads'>(
  kind: K,
  items: Result<Extract<Answer, { kind: K }>['items'], HelperError>,
): Result<Answer, HelperError> {
  return items.ok ? ok({ kind, items: items.value } as Answer) : items;
}
