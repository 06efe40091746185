// A simulated BNG: real RADIUS packets, invented box. Homes dial in through AAA, accounting tells of them, CoA and Disconnect change
// them; the personality says how well. It forwards nothing itself: a data plane may be given (data-plane.ts).
import { parsePrefix } from '../../core/net/prefix.ts';
import type { Attribute, Packet } from '../../protocols/radius/codec.ts';
import { RadiusCaller } from './caller.ts';
import { type BngCounts, Counter } from './counts.ts';
import { readNamed, writeNamed } from './dictionary.ts';
import type { Filters } from './filters.ts';
import { type Box, judge, type Verdict } from './judgement.ts';
import { orderOf, SessionLife, TERMINATE } from './life.ts';
import { askLogin, type LoginOutcome, WAITS_MS } from './login.ts';
import type { BngOptions } from './options.ts';
import { type Personality, type PersonalityChoice, personalityOf, seededChance } from './personality.ts';
import { aboutLogin } from './records.ts';
import { Reporter } from './reporter.ts';
import { type Answer, DynamicAuthorizationServer } from './server.ts';
import type { BngHome, BngSession } from './sessions.ts';
import { SAMPLE_FILTERS, VOCABULARIES } from './vocabularies.ts';
import { namesAfter, type Vocabulary } from './vocabulary.ts';

export type DialOutcome =
  | { readonly kind: 'up'; readonly session: BngSession }
  | { readonly kind: 'rejected' | 'unanswered' | 'unknown-filter' | 'gone' };

type Addresses = Pick<BngHome, 'ip4' | 'prefix6'>;

const REDIAL_MS = 50;
const REDIAL_AGAIN_MS = 1000;
const CLASS = 25;

export class SimulatedBng {
  readonly #options: BngOptions;
  readonly #vocabulary: Vocabulary;
  readonly #filters: Filters;
  readonly #plan: string;
  readonly #count = new Counter();
  readonly #life: SessionLife;
  readonly #server: DynamicAuthorizationServer;
  readonly #callers: readonly RadiusCaller[];
  readonly #aaa: RadiusCaller | undefined;
  readonly #reporter: Reporter | undefined;
  readonly #timers = new Set<NodeJS.Timeout>();
  #personality: Personality;
  #interims: NodeJS.Timeout | undefined;
  #isStopped = false;
  #aheadMs: number;
  /** Where it listens for CoA and Disconnect; known after start(). */
  port = 0;

  constructor(options: BngOptions) {
    this.#options = options;
    const { aaa, accounting, dialect } = options;
    this.#vocabulary = VOCABULARIES[dialect];
    this.#filters = options.filters ?? SAMPLE_FILTERS[dialect];
    this.#plan = options.plan ?? firstOpen(this.#filters);
    this.#personality = personalityOf(options.personality);
    this.#aaa = aaa === undefined ? undefined : new RadiusCaller(aaa);
    const teller = accounting === undefined ? undefined : new RadiusCaller(accounting);
    this.#callers = [this.#aaa, teller].filter((one) => one !== undefined);
    const { retryMs = 1000, eventTimestamp = true } = accounting ?? {};
    this.#aheadMs = options.aheadMs ?? 0;
    const now = () => Date.now() + this.#aheadMs;
    this.#reporter = teller && new Reporter({ caller: teller, retryMs, eventTimestamp, now });
    const parts = { vocabulary: this.#vocabulary, filters: this.#filters, reporter: this.#reporter, now };
    this.#life = new SessionLife({ bng: options, ...parts });
    this.#server = this.#createServer();
  }

  #createServer(): DynamicAuthorizationServer {
    const { address, port = 0, clients = ['127.0.0.0/8', '::1'], secrets, seed = 1 } = this.#options;
    return new DynamicAuthorizationServer({
      address,
      port,
      clients: clients.map((one) => parsePrefix(one)!),
      secrets: secrets.map((one) => Buffer.from(one, 'utf8')),
      personality: () => this.#personality,
      chance: seededChance(seed),
      count: this.#count,
      monotonic: () => performance.now() + this.#aheadMs,
      act: (request) => this.#life.inTurn(() => this.#act(request)),
    });
  }

  /** Comes up as a box does that was switched on: without a session, and says so. */
  async start(): Promise<void> {
    await this.#life.forgetAll();
    this.port = await this.#server.start();
    this.#life.tell('on');
    const { interimMs } = this.#options.accounting ?? {};
    if (interimMs !== undefined) this.#interims = setInterval(() => this.interim(), interimMs);
  }

  /** Says nothing more to anybody; sessions are not ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#interims);
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all([this.#server.stop(), ...this.#callers.map((one) => one.close())]);
  }

  become(choice: PersonalityChoice): void {
    this.#personality = personalityOf(choice);
  }

  /** Time passes for its sessions, its records and its memory; Event-Timestamps are still compared with this machine's clock. */
  advanceClock(ms: number): void {
    this.#aheadMs += ms;
  }

  counts(): BngCounts {
    return this.#count.counts();
  }

  sessions(): readonly BngSession[] {
    return this.#life.sessions.all();
  }

  sessionOf(user: string): BngSession | undefined {
    return this.#life.sessions.ofUser(user);
  }

  /** How many records went out, were answered, and wait for an answer. */
  accounting(): { readonly waiting: number; readonly answered: number; readonly sent: number } {
    return this.#reporter?.counts() ?? { waiting: 0, answered: 0, sent: 0 };
  }

  /** True when every record so far was answered. */
  async accounted(timeoutMs = 10_000): Promise<boolean> {
    return (await this.#reporter?.settled(timeoutMs)) ?? true;
  }

  // ------------------------------------------------------------- homes

  /** A home dials in: AAA is asked, what it answers is applied, accounting is told. An older session of the home ends. */
  async dial(user: string, addresses: Addresses = {}): Promise<DialOutcome> {
    const known = this.#options.homes.find((one) => one.user === user);
    if (known === undefined) throw new Error(`no home ${user} at ${this.#options.name}`);
    const home = { ...known, ...addresses };
    const id = this.#life.newId();
    const login = await this.#login(home, id);
    if (login.kind !== 'accept') return { kind: login.kind === 'reject' ? 'rejected' : 'unanswered' };
    return this.#life.inTurn(() => this.#comeUp(home, id, login.attributes));
  }

  async hangUp(user: string): Promise<void> {
    await this.#life.inTurn(async () => {
      const session = this.sessionOf(user);
      if (session !== undefined) await this.#life.end(session, TERMINATE.userRequest);
    });
  }

  async redial(user: string, addresses: Addresses = {}): Promise<DialOutcome> {
    await this.hangUp(user);
    return this.dial(user, addresses);
  }

  /** All sessions are lost; an orderly box ends them first. Homes dial in again. */
  async reboot(): Promise<void> {
    const lost = await this.#life.inTurn(async () => {
      const all = this.sessions();
      if (this.#personality.reboot === 'orderly') {
        for (const session of all) await this.#life.end(session, TERMINATE.nasReboot);
        this.#life.tell('off');
      }
      await this.#life.forgetAll();
      this.#server.forget();
      this.#life.tell('on');
      return all;
    });
    for (const { home } of lost) this.#comeBack(home);
  }

  /** An Interim-Update for one home, or for all. */
  interim(user?: string): void {
    for (const session of this.sessions())
      if (user === undefined || session.home.user === user) this.#life.tell('interim', session);
  }

  async #login(home: BngHome, id: string): Promise<LoginOutcome> {
    const { aaa } = this.#options;
    if (this.#aaa === undefined) return { kind: 'accept', attributes: [] };
    this.#count.add('accessRequests');
    const outcome = await askLogin(this.#aaa, {
      attributes: aboutLogin(home, id, this.#options),
      password: home.password ?? '',
      requireMessageAuthenticator: aaa?.requireMessageAuthenticator ?? false,
      waitsMs: aaa?.waitsMs ?? WAITS_MS,
    });
    const names = { accept: 'accessAccepts', reject: 'accessRejects', unanswered: 'accessUnanswered' } as const;
    this.#count.add(names[outcome.kind]);
    return outcome;
  }

  async #comeUp(home: BngHome, id: string, accept: readonly Attribute[]): Promise<DialOutcome> {
    if (this.#isStopped) return { kind: 'gone' };
    const named = readNamed(accept);
    const names = namesAfter([this.#plan], this.#vocabulary.read(named)) ?? [this.#plan];
    if (names.some((name) => this.#filters[name] === undefined)) return { kind: 'unknown-filter' };
    const classes = accept.filter(({ type }) => type === CLASS).map(({ value }) => value.slice());
    const given = {
      ip4: named.find(({ name }) => name === 'Framed-IP-Address')?.value ?? home.ip4,
      prefix6: named.find(({ name }) => name === 'Delegated-IPv6-Prefix')?.value ?? home.prefix6,
    };
    return { kind: 'up', session: await this.#life.comeUp({ ...home, ...given } as BngHome, { id, names, classes }) };
  }

  /** As a router at home does: again and again until it is let in, or turned away. */
  #comeBack(home: BngHome, afterMs = REDIAL_MS): void {
    if (this.#options.homesRedial === false || this.#isStopped) return;
    const { user, ip4, prefix6 } = home;
    const timer = setTimeout(async () => {
      this.#timers.delete(timer);
      if (this.sessionOf(user) !== undefined) return;
      const outcome = await this.dial(user, { ip4, prefix6 } as Addresses).catch(() => undefined);
      if (outcome === undefined || outcome.kind === 'unanswered') this.#comeBack(home, REDIAL_AGAIN_MS);
    }, afterMs);
    this.#timers.add(timer);
  }

  // ------------------------------------------------------------- CoA and Disconnect

  async #act(request: Packet): Promise<Answer | undefined> {
    const verdict = judge(request.code, readNamed(request.attributes), this.#box());
    switch (verdict.kind) {
      case 'drop':
        return undefined;
      case 'nak':
        return { isAck: false, attributes: [], ...(verdict.cause === undefined ? {} : { errorCause: verdict.cause }) };
      case 'shrug':
        return { isAck: true, attributes: [] };
      case 'status':
        return { isAck: true, attributes: writeNamed(this.#vocabulary.status(verdict.session.names)) };
      case 'disconnect':
        this.#count.add('disconnects');
        await this.#life.end(verdict.session, TERMINATE.adminReset);
        this.#comeBack(verdict.session.home);
        return { isAck: true, attributes: [] };
      case 'change':
        return this.#change(verdict, orderOf(request));
    }
  }

  async #change({ session, names }: Verdict & { kind: 'change' }, order: string): Promise<Answer> {
    this.#count.add('effects');
    if (session.lastOrder === order) this.#count.add('doubledEffects');
    const { change, sessionIdChanges } = this.#personality;
    if (change === 'ipv4-then-nak') await this.#life.changeHalf(session, names, order);
    else if (sessionIdChanges) await this.#life.changeAndRename(session, names, order);
    else await this.#life.change(session, names, order);
    return { isAck: change !== 'ipv4-then-nak', attributes: [] };
  }

  #box(): Box {
    const { name, address } = this.#options;
    return {
      identifier: name,
      address,
      vocabulary: this.#vocabulary,
      filters: this.#filters,
      sessions: this.#life.sessions,
      personality: this.#personality,
    };
  }
}

function firstOpen(filters: Filters): string {
  const name = Object.keys(filters).find((one) => filters[one]!.access === 'open');
  if (name === undefined) throw new Error('a simulated BNG needs a filter that is open: the plan');
  return name;
}

/** Up and listening; the caller stops it. */
export async function startSimulatedBng(options: BngOptions): Promise<SimulatedBng> {
  const bng = new SimulatedBng(options);
  await bng.start();
  return bng;
}
