// A whole way to a simulated BNG, in one process and real packets: the BNG, accounting into a store, the client, the enforcer.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RadiusEnforcer } from '../../../../src/adapters/enforcer/radius/enforcer.ts';
import { NasClient } from '../../../../src/adapters/enforcer/radius/nas-client.ts';
import { AccountingListener } from '../../../../src/adapters/sessions/accounting/listener.ts';
import { Database } from '../../../../src/adapters/store/sqlite/database.ts';
import { migrate } from '../../../../src/adapters/store/sqlite/migrate.ts';
import { MIGRATIONS } from '../../../../src/adapters/store/sqlite/migrations.ts';
import { SqliteNasSessions } from '../../../../src/adapters/store/sqlite/nas-sessions.ts';
import { SqliteTellings } from '../../../../src/adapters/store/sqlite/tellings.ts';
import type { Dialect } from '../../../../src/core/dialect/dialect.ts';
import { MINUTE } from '../../../../src/core/kernel/time.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../../../../src/core/net/prefix.ts';
import { type SimulatedBng, startSimulatedBng } from '../../../../src/lab/bng/bng.ts';
import type { BngOptions } from '../../../../src/lab/bng/options.ts';
import type { PersonalityChoice } from '../../../../src/lab/bng/personality.ts';
import type { BngHome } from '../../../../src/lab/bng/sessions.ts';
import type { DriverUnderTest, Places, Truth } from '../../../contract/driver.ts';
import { FakeLog } from '../../../fakes/log.ts';

const SECRET = 'a-secret-between-two-boxes';
const prefix = (text: string) => parsePrefix(text)!;

export const HOMES: readonly BngHome[] = [1, 2].map((n) => ({
  user: `home${n}@isp.example`,
  ip4: `192.0.2.${128 + n}`,
  prefix6: `2001:db8:200:${n}00::/56`,
  portId: `1/1/${n}:100`,
  mac: `02:00:00:00:00:0${n}`,
}));

export interface BngStageOptions {
  readonly dialect: Dialect;
  readonly values: Readonly<Record<string, string>>;
  readonly vocabulary: BngOptions['dialect'];
  readonly personality?: PersonalityChoice;
  readonly bng?: Partial<BngOptions>;
  readonly bounce?: 'never' | 'release' | 'always';
  /** Default: two. */
  readonly homes?: readonly BngHome[];
  readonly pools?: readonly string[];
  readonly packetsPerSecond?: number;
}

export class BngStage implements DriverUnderTest {
  readonly #options: BngStageOptions;
  readonly #homes: readonly BngHome[];
  readonly #folder = mkdtempSync(join(tmpdir(), 'engawa-bng-'));
  readonly #database: Database;
  readonly log = new FakeLog();
  readonly sessions: SqliteNasSessions;
  readonly #tellings: SqliteTellings;
  bng!: SimulatedBng;
  #accounting!: AccountingListener;
  enforcer!: RadiusEnforcer;
  client!: NasClient;

  private constructor(options: BngStageOptions) {
    this.#options = options;
    this.#homes = options.homes ?? HOMES;
    this.#database = Database.open(join(this.#folder, 'engawa.db'));
    migrate(this.#database, MIGRATIONS);
    this.sessions = new SqliteNasSessions(this.#database);
    this.#tellings = new SqliteTellings(this.#database);
  }

  static async create(options: BngStageOptions): Promise<BngStage> {
    const stage = new BngStage(options);
    await stage.#start();
    return stage;
  }

  async #start(): Promise<void> {
    this.#accounting = new AccountingListener({
      listen: [{ address: '127.0.0.1', port: 0 }],
      clients: [
        {
          name: 'bng2',
          from: [prefix('127.0.0.0/8')],
          secrets: [Buffer.from(SECRET)],
          accessKey: 'User-Name',
          realm: 'main',
          interimSeconds: 600,
          facts: true,
        },
      ],
      record: (batch) => this.sessions.record(batch),
      reserved: [],
      clock: { now: () => Date.now() },
      log: this.log,
    });
    const [at] = await this.#accounting.start();
    this.bng = await startSimulatedBng({
      name: 'bng2',
      address: '127.0.0.1',
      personality: this.#options.personality ?? 'strict',
      dialect: this.#options.vocabulary,
      secrets: [SECRET],
      homes: this.#homes,
      accounting: { address: '127.0.0.1', port: at!.port, secret: SECRET, interimAfterCoa: false, retryMs: 100 },
      ...this.#options.bng,
    });
    for (const { user } of this.#homes) await this.bng.dial(user);
    await this.bng.accounted(120_000);
    this.#createEnforcer();
  }

  #createEnforcer(): void {
    const { dialect, values, bounce = 'never', packetsPerSecond = 200 } = this.#options;
    const { pools = ['192.0.2.128/26', '2001:db8:200::/48'] } = this.#options;
    this.client = new NasClient({
      name: 'bng2',
      address: '127.0.0.1',
      port: this.bng.port,
      secrets: [Buffer.from(SECRET)],
      packetsPerSecond,
      timers: { irtMs: 100, mrtMs: 400, mrc: 3, mrdMs: 1500 },
      now: () => Date.now(),
      monotonicMs: () => performance.now(),
      random: Math.random,
      log: this.log,
    });
    this.enforcer = new RadiusEnforcer({
      gateway: 'bng2',
      dialect,
      values,
      client: this.client,
      sessions: this.sessions,
      tellings: this.#tellings,
      nasIdentities: ['bng2'],
      pools: pools.map(prefix),
      ipv6Lengths: [56],
      reserved: [],
      mayTighten: () => true,
      bounce,
      window: 32,
      interimMs: MINUTE,
      clock: { now: () => Date.now(), monotonicMs: () => performance.now() },
      random: Math.random,
      log: this.log,
    });
  }

  get homes(): readonly Places[] {
    return this.#homes.map(({ ip4, prefix6 }) => ({ v4: prefix(ip4!), v6: prefix(prefix6!) }));
  }

  get places(): readonly [Places, Places] {
    const [a, b] = this.homes;
    return [a!, b!];
  }

  /** Sessions that the BNG restricts on any family. */
  inGarden(): number {
    return this.bng.sessions().filter(({ access }) => access[4] !== 'open' || access[6] !== 'open').length;
  }

  /** What the BNG itself does to packets of this address. */
  async truth(of: Prefix): Promise<Truth> {
    const text = formatPrefix(of);
    const session = this.bng.sessions().find(({ home }) => home.ip4 === text || home.prefix6 === text);
    return session === undefined ? 'open' : session.access[of.ip.family];
  }

  loseAnswers(): void {
    const { personality = 'strict' } = this.#options;
    const base = typeof personality === 'string' ? { base: personality } : personality;
    this.bng.become({ ...base, dropAnswersPercent: 100 });
  }

  heal(): void {
    this.bng.become(this.#options.personality ?? 'strict');
  }

  async restart(): Promise<void> {
    await this.enforcer.close();
    this.#createEnforcer();
  }

  async handOver(): Promise<void> {
    const [a, b] = HOMES as readonly [BngHome, BngHome];
    const { ip4 } = a;
    // A moves to another address; its old one is B's. No Stop tells of it.
    await this.bng.redial(a.user, { ip4: '192.0.2.140' } as never);
    await this.bng.redial(b.user, { ip4 } as never);
    await this.bng.accounted();
  }

  async prove(): Promise<void> {
    this.bng.interim();
    await this.bng.accounted();
  }

  async stop(): Promise<void> {
    await this.enforcer.close();
    await this.bng.stop();
    await this.#accounting.stop();
    await this.#database.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
