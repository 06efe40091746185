// The whole chain over real files – store, bindings, evidence, hold, journal – with a gateway in memory, a clock that
// stands still until it is moved, and ids that count. A process can die at any call and another one opens the same files.
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { openEvidence } from '../../src/adapters/evidence/files/evidence.ts';
import { holdFile } from '../../src/adapters/state-folder/hold.ts';
import { releaseJournal } from '../../src/adapters/state-folder/release-journal.ts';
import { SqliteBindings } from '../../src/adapters/store/sqlite/bindings.ts';
import { loadKeys } from '../../src/adapters/store/sqlite/keys.ts';
import { openStore, type SqliteStore } from '../../src/adapters/store/sqlite/store.ts';
import { ProcessUnpacker } from '../../src/adapters/unpacker/process/unpacker.ts';
import { loadFamilies } from '../../src/config/families.ts';
import type { Case } from '../../src/core/casefile/case.ts';
import { CROCKFORD } from '../../src/core/casefile/check-code.ts';
import type { GatewaySpec } from '../../src/core/garden/gateway.ts';
import { DAY, MINUTE } from '../../src/core/kernel/time.ts';
import type { AccountingRecord, SessionRecord } from '../../src/core/line/accounting.ts';
import type { Line } from '../../src/core/line/line.ts';
import type { SharingRules } from '../../src/core/line/sharing/rules.ts';
import { DEFAULT_BREAKER, type LadderStep, type Policy, type Rule } from '../../src/core/policy/policy.ts';
import type { Report } from '../../src/core/report/report.ts';
import { assembleFlow, type Flow } from '../../src/flow/assemble.ts';
import type { GatewayLink } from '../../src/flow/gateway-acts.ts';
import { ingest } from '../../src/flow/ingest.ts';
import type { ClockStatus, Enforcer, Notifier, Store } from '../../src/flow/ports.ts';
import { Service } from '../../src/flow/service.ts';
import { ip, prefix, T0 } from '../core/line/records.ts';
import { FakeEnforcer, FakeKernel } from '../fakes/enforcer.ts';
import { FakeLog } from '../fakes/log.ts';
import { exampleGateway } from '../protocols/nftables/example-gateway.ts';

// Memory where there is some: what a disk does to the store is the store's own test.
const FOLDERS = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export const INTERIM_MS = 10 * MINUTE;

export const SPEC: GatewaySpec = {
  ...exampleGateway,
  pools: [prefix('192.0.2.64/26'), prefix('2001:db8:100::/40')],
  ipv6Lengths: [56, 64],
  sharedPools: [{ prefix: prefix('192.0.2.112/28'), offset: 6, psidLength: 8 }],
};

const families = loadFamilies(
  readFileSync(join(import.meta.dirname, '../../deploy/families.yaml'), 'utf8'),
  'families',
);
if (!families.ok) throw new Error('families');

export function rule(change: Partial<Rule> = {}, ...steps: readonly Partial<LadderStep>[]): Rule {
  return {
    id: 'handshakes',
    match: { class: ['attack-handshake', 'infected-handshake'] },
    ladder: (steps.length === 0 ? [{}] : steps).map((step) => ({
      do: 'strict',
      waitMs: 0,
      supportHoursOnly: false,
      ...step,
    })),
    legalBasis: { basis: 'contract', termsClause: 'Terms of service, section 7.3' },
    selfRelease: { perDay: 1, per90Days: 2, probationMs: 3 * DAY },
    expiryMs: 30 * DAY,
    ...change,
  };
}

export function policyOf(change: Partial<Policy> = {}): Policy {
  return {
    version: createHash('sha256').update(JSON.stringify(change)).digest('hex'),
    name: 'test',
    rules: [rule()],
    breaker: DEFAULT_BREAKER,
    corroborationMs: 3 * DAY,
    postponeMs: DAY,
    ...change,
  };
}

export function lineOf(key: string, change: Partial<Line> = {}): Line {
  return {
    id: `line-${key}`,
    epoch: 1,
    accessKey: key,
    customerNo: `C-4711-${key}`,
    class: 'home',
    protected: false,
    staticPrefixes: [],
    realm: 'main',
    email: `${key}@example.net`,
    phone: '+81-50-5555-0199',
    contract: 'active',
    epochStartedAt: T0 - 400 * DAY,
    ...change,
  };
}

/** What outlives a process: files, time, the kernel of the gateway, and what was ever sent. */
export class World {
  readonly folder = mkdtempSync(join(FOLDERS, 'engawa-flow-'));
  readonly kernel = new FakeKernel();
  readonly log = new FakeLog();
  /** Starts its process when something is to be unpacked. */
  readonly unpacker = new ProcessUnpacker();
  readonly mails: { readonly to: string; readonly subject: string; readonly text: string }[] = [];
  /** Answers of the mail server, first come first served; then it takes everything. */
  readonly mailAnswers: ('temporary' | 'permanent' | 'throw')[] = [];
  now = T0;
  monotonicMs = 1_000_000;
  clock: ClockStatus = { state: 'assumed', jumped: false };
  policy = policyOf();
  #serial = 0;
  #processes: Process[] = [];

  /** Time passes; the machine's clock and the monotonic one agree about it. */
  pass(ms: number): void {
    this.now += ms;
    this.monotonicMs += ms;
  }

  id(): string {
    return `ID${String(++this.#serial).padStart(8, '0')}`;
  }

  checkCode(): string {
    let [value, code] = [++this.#serial, ''];
    for (let i = 0; i < 8; i++, value = Math.floor(value / 32)) code = CROCKFORD[value % 32] + code;
    return code;
  }

  async process(faults: Faults = {}): Promise<Process> {
    const process = await Process.open(this, faults);
    this.#processes.push(process);
    return process;
  }

  async end(): Promise<void> {
    for (const one of this.#processes) await one.end();
    await this.unpacker.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface Faults {
  readonly store?: (store: SqliteStore) => Store;
  readonly enforcer?: (enforcer: FakeEnforcer) => Enforcer;
  readonly policies?: readonly Policy[];
  /** Beside the one that every world has. */
  readonly gateways?: readonly GatewayLink[];
  readonly sharing?: SharingRules;
}

export class Process {
  readonly world: World;
  readonly store: SqliteStore;
  readonly bindings: SqliteBindings;
  readonly enforcer: FakeEnforcer;
  readonly flow: Flow;
  readonly service: Service;
  #ended = false;

  private constructor(parts: Pick<Process, 'world' | 'store' | 'bindings' | 'enforcer' | 'flow'>) {
    this.world = parts.world;
    this.store = parts.store;
    this.bindings = parts.bindings;
    this.enforcer = parts.enforcer;
    this.flow = parts.flow;
    this.service = new Service(parts.flow);
  }

  static async open(world: World, faults: Faults): Promise<Process> {
    const now = () => world.now;
    const store = openStore({ path: join(world.folder, 'engawa.db'), keys: loadKeys(join(world.folder, 'keys')), now });
    const bindings = new SqliteBindings({
      database: store.database,
      clock: { now },
      interim: { of: () => INTERIM_MS, widestMs: INTERIM_MS },
      reserved: [],
      retentionDays: 30,
    });
    const enforcer = new FakeEnforcer({ spec: SPEC, nowMs: now, kernel: world.kernel });
    const used = faults.store?.(store) ?? store;
    const flow = assembleFlow({
      store: used,
      evidence: await openEvidence(join(world.folder, 'evidence')),
      unpacker: world.unpacker,
      bindings,
      gateways: [
        {
          name: SPEC.name,
          enforcer: faults.enforcer?.(enforcer) ?? enforcer,
          nasIdentities: ['bng1'],
          ipv6Lengths: SPEC.ipv6Lengths,
          pools: SPEC.pools,
          sharedPools: SPEC.sharedPools ?? [],
          passesSoftwires: true,
        },
        ...(faults.gateways ?? []),
      ],
      notifiers: [mailer(world)],
      policies: {
        active: () => world.policy,
        byVersion: (version) => [world.policy, ...(faults.policies ?? [])].find((one) => one.version === version),
      },
      families: families.ok ? families.value : (undefined as never),
      clock: { now, monotonicMs: () => world.monotonicMs, status: () => world.clock },
      ids: { id: () => world.id(), checkCode: () => world.checkCode() },
      hold: holdFile(world.folder),
      journal: releaseJournal(world.folder),
      log: world.log,
      ranges: {
        ours: [...SPEC.pools, ...(faults.gateways ?? []).flatMap(({ pools = [] }) => pools)],
        infrastructure: [],
        shared: [],
      },
      ...(faults.sharing === undefined ? {} : { sharing: faults.sharing }),
      realm: 'main',
      origins: {},
      interimMsOf: () => INTERIM_MS,
      requiredSteps: () => ({ required: ['restart'], cures: ['restart'] }),
      renderMessage: (template, language, code) => ({ subject: template, text: `${language} ${code}` }),
      defaultLanguage: 'en',
      sha256: (text) => createHash('sha256').update(text).digest('hex'),
    });
    return new Process({ world, store, bindings, enforcer, flow });
  }

  /** As a service starts, without its loops: tests turn them by hand. */
  async start(): Promise<this> {
    await this.service.prepare();
    return this;
  }

  async lines(...lines: readonly Line[]): Promise<void> {
    await this.store.commit({ lines });
    await this.bindings.refreshStatic(this.store.allLines());
  }

  record(...records: readonly AccountingRecord[]): Promise<unknown> {
    return this.bindings.record(records);
  }

  /** A line dials in: a Start at this moment. */
  dial(key: string, ...addresses: readonly string[]): Promise<unknown> {
    return this.record(session('start', key, this.world.now, addresses));
  }

  interim(key: string, ...addresses: readonly string[]): Promise<unknown> {
    return this.record(session('interim', key, this.world.now, addresses));
  }

  /** A line that has been there for a while: bound long enough that an observation of now is its own. */
  async online(key = 'ann', ...addresses: readonly string[]): Promise<void> {
    const places = addresses.length > 0 ? addresses : ['192.0.2.70', '2001:db8:100:100::/56'];
    await this.record(
      session('start', key, this.world.now - 5 * MINUTE, places, { sessionId: `s-${key}-${this.world.now}` }),
    );
    await this.record(session('interim', key, this.world.now, places, { sessionId: `s-${key}-${this.world.now}` }));
    await this.settle();
  }

  /** Reports arrive as one delivery and are decided; gardens are enforced when it resolves. */
  async report(...reports: readonly Partial<Report>[]): Promise<void> {
    await this.accept(...reports);
    await this.flow.decider.run();
    await this.settle();
  }

  async accept(...reports: readonly Partial<Report>[]): Promise<readonly string[]> {
    const { world } = this;
    const taken = await ingest(this.flow, {
      source: 'honeypot.example',
      name: 'delivery',
      bytes: Buffer.from(JSON.stringify([world.now, reports.map((one) => one.id ?? world.id())])),
      rows: async function* (hash) {
        for (const [i, change] of reports.entries()) yield reportOf(world, hash, i, change);
      },
    });
    return taken.accepted;
  }

  /** Until nothing moves any more. */
  async settle(): Promise<void> {
    for (let i = 0; i < 4; i++) {
      await turn();
      await this.flow.enforcement.settled();
      await this.flow.gardener.refresh('nobody');
    }
  }

  async cases(key: string): Promise<readonly Case[]> {
    return this.store.casesOfLine(`line-${key}`, 1);
  }

  /** The kernel's element: `strict`, `leaky` or `absent`. */
  async element(text: string): Promise<string> {
    return (await this.enforcer.observe([prefix(text)]))[0]!.access;
  }

  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.flow.gardener.stop();
    await this.store.database.close();
  }

  /** Dies in the middle: whatever it waits for never comes. */
  async crash(): Promise<void> {
    this.#ended = true;
    void this.flow.gardener.stop();
    await this.store.database.close();
  }
}

export function session(
  status: 'start' | 'interim' | 'stop',
  key: string,
  eventAt: number,
  addresses: readonly string[],
  change: Partial<Pick<SessionRecord, 'sessionId' | 'nas' | 'startAt' | 'blocks'>> = {},
): AccountingRecord {
  return {
    status,
    nas: 'bng1',
    realm: 'main',
    sessionId: `s-${key}`,
    accessKey: key,
    eventAt,
    ...(status === 'start' ? { startAt: eventAt } : {}),
    prefixes: addresses.map((text) => {
      const value = prefix(text);
      return { slot: value.ip.family === 4 ? ('ipv4' as const) : ('delegated-ipv6' as const), prefix: value };
    }),
    ...change,
  };
}

function reportOf(world: World, hash: string, index: number, change: Partial<Report>): Report {
  return {
    id: world.id(),
    source: 'honeypot.example',
    type: 'api',
    class: 'attack-handshake',
    mayAct: true,
    family: 'mirai',
    ip: ip('192.0.2.70'),
    protocol: 'tcp',
    destinationPort: 23,
    observedAt: world.now - 1000,
    precisionMs: 1000,
    extra: {},
    ...change,
    evidence: { hash, line: index + 1 },
  };
}

function mailer(world: World): Notifier {
  return {
    channel: 'email',
    send: async ({ to, subject, text }) => {
      const answer = world.mailAnswers.shift();
      if (answer === 'throw') throw new Error('a bug in the mail library');
      if (answer !== undefined) return { ok: false, error: { kind: answer, text: 'no' } };
      world.mails.push({ to, subject, text });
      return { ok: true, value: undefined };
    },
  };
}

/** Counts calls of the named methods over several objects; at the N-th the process is dead: before or after the deed. */
export class Guillotine {
  readonly #at: number;
  readonly #deed: 'before' | 'after';
  calls = 0;
  readonly fallen: Promise<void>;
  #fall!: () => void;

  constructor(at: number, deed: 'before' | 'after') {
    this.#at = at;
    this.#deed = deed;
    this.fallen = new Promise((resolve) => {
      this.#fall = resolve;
    });
  }

  over<T extends object>(target: T, ...names: readonly (keyof T)[]): T {
    return new Proxy(target, {
      get: (object, name) => {
        const value = Reflect.get(object, name, object) as unknown;
        if (typeof value !== 'function') return value;
        if (!names.includes(name as keyof T)) return value.bind(object);
        return (...args: unknown[]) => this.#call(() => value.apply(object, args) as Promise<unknown>);
      },
    });
  }

  async #call(work: () => Promise<unknown>): Promise<unknown> {
    this.calls++;
    if (this.calls < this.#at) return work();
    if (this.calls === this.#at) {
      if (this.#deed === 'after') await work();
      this.#fall();
    }
    return new Promise(() => {});
  }
}
