// Keeps the addresses of lifelines in the kernel: resolves their names now and then, follows SRV, NAPTR and CNAME, and never lets
// an empty or failed answer remove anything. What was good once stays, on disk and in the gateway, until a better answer comes.
import type { Lifeline } from '../../core/garden/gateway.ts';
import { formatIp, type Ip, parseIp } from '../../core/net/ip.ts';
import { containsIp, type Prefix } from '../../core/net/prefix.ts';
import { isUnusable } from '../../core/net/special.ts';
import type { AllowList, Log } from '../../flow/ports.ts';
import { addressesOf, targetsOf } from '../../protocols/dns/answer.ts';
import { canonicalName } from '../../protocols/dns/name.ts';
import { RCODE, TYPE } from '../../protocols/dns/query.ts';
import type { Counters } from '../counters.ts';
import { within } from '../deadline.ts';
import { LIFELINE_ELEMENT_SECONDS } from './answerer.ts';
import { type KeptAnswer, readKept, writeKept } from './lifeline-file.ts';
import type { LifelineNames } from './lifeline-names.ts';
import type { Upstream } from './upstream.ts';

export interface LifelineResolverOptions {
  readonly lifelines: readonly Lifeline[];
  /** Shared with the front. */
  readonly names: LifelineNames;
  readonly upstream: Upstream;
  readonly allowList: AllowList;
  /** Pools, portal, sinks: the gateway refuses them, and one refused entry would refuse its whole batch. */
  readonly never: readonly Prefix[];
  /** `lifelines.json` in the state folder. */
  readonly file: string;
  readonly log: Log;
  readonly counters: Counters;
  /** Default 300,000. */
  readonly everyMs?: number;
}

export interface LifelineState {
  readonly lifeline: string;
  /** Addresses known from names, beside the configured ones. */
  readonly addresses: number;
  /** Names whose last look-up gave nothing; the kept answer stands in where there is one. */
  readonly failing: readonly string[];
  /** The gateway took them all at the last turn. */
  readonly inKernel: boolean;
}

const TYPES = [TYPE.A, TYPE.AAAA, TYPE.SRV, TYPE.NAPTR];
const MAX_DEPTH = 4;
const MAX_NAMES = 128;
const RETRY_MS = 10_000;
const KERNEL_MS = 5000;

export class LifelineResolver {
  readonly #o: LifelineResolverOptions;
  readonly #kept = new Map<string, KeptAnswer>();
  readonly #states = new Map<string, LifelineState>();
  #timer: NodeJS.Timeout | undefined;
  #running = false;

  constructor(options: LifelineResolverOptions) {
    this.#o = options;
  }

  /** What is on disk enters the kernel before any resolver is asked: then this resolves, and the turns go on by themselves. */
  async start(): Promise<void> {
    this.#running = true;
    const kept = await readKept(this.#o.file);
    if (!kept.ok) this.#o.log.warn('LIFELINE_FILE_UNREADABLE', { reason: kept.error });
    for (const answer of kept.ok ? kept.value : []) if (this.#isCurrent(answer)) this.#kept.set(keyOf(answer), answer);
    for (const lifeline of this.#o.lifelines) await this.#intoKernel(lifeline, []);
    void this.#loop();
  }

  stop(): void {
    this.#running = false;
    clearTimeout(this.#timer);
  }

  state(): readonly LifelineState[] {
    return [...this.#states.values()];
  }

  /** A lifeline that left the configuration takes its kept answers with it. */
  #isCurrent(answer: KeptAnswer): boolean {
    return this.#o.lifelines.some((l) => l.name === answer.lifeline);
  }

  async #loop(): Promise<void> {
    const well = await this.refresh();
    if (!this.#running) return;
    const everyMs = this.#o.everyMs ?? 300_000;
    this.#timer = setTimeout(() => void this.#loop(), well ? everyMs : Math.min(RETRY_MS, everyMs));
  }

  /** One turn over all lifelines. True = every name answered and the gateway has every address. */
  async refresh(): Promise<boolean> {
    const before = this.#serialised();
    let well = true;
    for (const lifeline of this.#o.lifelines) {
      const failing = await this.#resolve(lifeline);
      well = (await this.#intoKernel(lifeline, failing)) && well;
    }
    if (this.#serialised() !== before) await this.#save();
    return well;
  }

  #serialised(): string {
    return JSON.stringify([...this.#kept.values()]);
  }

  async #save(): Promise<void> {
    try {
      await writeKept(this.#o.file, [...this.#kept.values()]);
    } catch (error) {
      this.#o.log.error('LIFELINE_FILE_NOT_WRITTEN', { code: (error as NodeJS.ErrnoException).code });
    }
  }

  /** Names of this lifeline, breadth first from the configured ones; returns the configured ones that gave nothing at all. */
  async #resolve(lifeline: Lifeline): Promise<string[]> {
    const roots = lifeline.dnsNames.flatMap((text) => canonicalName(text) ?? []);
    const queue = roots.map((name) => ({ name, depth: 0 }));
    const seen = new Set(roots);
    const failing: string[] = [];
    for (let i = 0; i < queue.length && i < MAX_NAMES; i++) {
      const { name, depth } = queue[i]!;
      const answered = await Promise.all(TYPES.map((type) => this.#lookUp(lifeline.name, name, type)));
      if (depth === 0 && !answered.includes(true)) failing.push(name);
      const targets = TYPES.flatMap(
        (type) => this.#kept.get(keyOf({ lifeline: lifeline.name, name, type }))?.targets ?? [],
      );
      this.#o.names.learn({ lifeline: lifeline.name, depth }, targets);
      for (const target of targets) {
        if (seen.has(target) || depth >= MAX_DEPTH) continue;
        seen.add(target);
        queue.push({ name: target, depth: depth + 1 });
      }
    }
    this.#forgetUnreachable(lifeline.name, seen);
    return failing;
  }

  /** A good answer that leads elsewhere replaces where the old one led; failing names stay reachable and are kept. */
  #forgetUnreachable(lifeline: string, reachable: ReadonlySet<string>): void {
    for (const [key, kept] of this.#kept) {
      if (kept.lifeline === lifeline && !reachable.has(kept.name)) this.#kept.delete(key);
    }
  }

  /** True when this look-up brought something; only then is the kept answer replaced. */
  async #lookUp(lifeline: string, name: string, type: number): Promise<boolean> {
    const asked = await this.#o.upstream.ask({ name, type, edns: { dnssecOk: false } });
    if (!asked.ok || asked.value.answer.rcode !== RCODE.NOERROR) return false;
    const { answer } = asked.value;
    const addresses = addressesOf(answer).filter(({ ip }) => this.#isAllowed(ip));
    const targets = targetsOf(answer);
    if (addresses.length === 0 && targets.length === 0) return false;
    const kept = {
      lifeline,
      name,
      type,
      addresses: addresses.map(({ ip }) => formatIp(ip)).sort(),
      targets: targets.sort(),
    };
    this.#kept.set(keyOf(kept), kept);
    return true;
  }

  #isAllowed(ip: Ip): boolean {
    return !isUnusable(ip) && !this.#o.never.some((prefix) => containsIp(prefix, ip));
  }

  /** Every kept address, every turn: renews the elements too. */
  async #intoKernel(lifeline: Lifeline, failing: readonly string[]): Promise<boolean> {
    const kept = [...this.#kept.values()].filter((answer) => answer.lifeline === lifeline.name);
    const addresses = [...new Set(kept.flatMap((answer) => answer.addresses))]
      .flatMap((text) => parseIp(text) ?? [])
      .filter((ip) => this.#isAllowed(ip) && !lifeline.prefixes.some((prefix) => containsIp(prefix, ip)));
    const entries = addresses.map((ip) => {
      return { lifeline: lifeline.name, ip, timeoutSeconds: LIFELINE_ELEMENT_SECONDS };
    });
    const inKernel = entries.length === 0 || (await this.#put(entries));
    this.#say({ lifeline: lifeline.name, addresses: addresses.length, failing, inKernel });
    return inKernel && failing.length === 0;
  }

  async #put(entries: Parameters<AllowList['lifeline']>[0]): Promise<boolean> {
    const done = await within(KERNEL_MS, this.#o.allowList.lifeline(entries), undefined).catch(() => undefined);
    return done?.ok === true;
  }

  /** Names here are the operator's own configuration, never a subscriber's question. One line per change. */
  #say(state: LifelineState): void {
    const before = this.#states.get(state.lifeline);
    this.#states.set(state.lifeline, state);
    this.#o.counters.add(state.inKernel && state.failing.length === 0 ? 'lifeline_turn_ok' : 'lifeline_turn_failed');
    const failing = state.failing.join(' ');
    if (before?.inKernel === state.inKernel && before.failing.join(' ') === failing) return;
    if (!state.inKernel) this.#o.log.error('LIFELINE_NOT_IN_KERNEL', { lifeline: state.lifeline });
    if (failing !== '')
      this.#o.log.warn('LIFELINE_NAME_UNRESOLVED', { lifeline: state.lifeline, names: [...state.failing] });
  }
}

function keyOf(answer: Pick<KeptAnswer, 'lifeline' | 'name' | 'type'>): string {
  return `${answer.lifeline} ${answer.type} ${answer.name}`;
}
