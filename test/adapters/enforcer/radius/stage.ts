// An enforcer over real files, with a NAS that is a function: what it is asked, in order, and what it answers.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RadiusEnforcer, type RadiusEnforcerOptions } from '../../../../src/adapters/enforcer/radius/enforcer.ts';
import type { Asker } from '../../../../src/adapters/enforcer/radius/exchange.ts';
import type { Exchange } from '../../../../src/adapters/enforcer/radius/nas-client.ts';
import { Database } from '../../../../src/adapters/store/sqlite/database.ts';
import { migrate } from '../../../../src/adapters/store/sqlite/migrate.ts';
import { MIGRATIONS } from '../../../../src/adapters/store/sqlite/migrations.ts';
import { SqliteNasSessions } from '../../../../src/adapters/store/sqlite/nas-sessions.ts';
import { SqliteTellings } from '../../../../src/adapters/store/sqlite/tellings.ts';
import type { Dialect } from '../../../../src/core/dialect/dialect.ts';
import { MINUTE } from '../../../../src/core/kernel/time.ts';
import type { SessionRecord } from '../../../../src/core/line/accounting.ts';
import { formatPrefix } from '../../../../src/core/net/prefix.ts';
import type { GardenElement, GatewayWord } from '../../../../src/flow/ports.ts';
import { decodeNamed } from '../../../../src/protocols/radius/named.ts';
import { prefix, T0 } from '../../../core/line/records.ts';
import { FakeLog } from '../../../fakes/log.ts';

export const V4 = prefix('192.0.2.65');
export const V6 = prefix('2001:db8:100:100::/56');

/** By Filter-Id alone, as RFC 2865 has it: the way back needs the plan's own filter. */
export const FILTERS: Dialect = {
  name: 'filters',
  title: 'Filter-Id',
  certainty: 'documented',
  sources: ['RFC 5176'],
  port: 3799,
  families: { ipv4: true, ipv6: true },
  identify: [['Acct-Session-Id']],
  values: {
    strict: { purpose: 'filter', required: true },
    leaky: { purpose: 'filter', required: true },
    plan: { purpose: 'filter', required: false },
  },
  strict: [{ code: 'CoA-Request', attributes: [{ name: 'Filter-Id', value: '{strict}' }] }],
  leaky: [{ code: 'CoA-Request', attributes: [{ name: 'Filter-Id', value: '{leaky}' }] }],
  off: [{ code: 'CoA-Request', attributes: [{ name: 'Filter-Id', value: '{plan}' }] }],
  bounce: [{ code: 'Disconnect-Request', attributes: [] }],
  login: {
    strict: [{ name: 'Filter-Id', value: '{strict}' }],
    leaky: [{ name: 'Filter-Id', value: '{leaky}' }],
  },
  revert: { needs: 'plan', attribute: 'Filter-Id' },
  sessionIdChanges: false,
  confirm: [
    {
      by: 'accounting',
      strict: { attribute: 'Filter-Id', equals: '{strict}' },
      leaky: { attribute: 'Filter-Id', equals: '{leaky}' },
    },
    { by: 'portal-hit' },
  ],
  naks: {},
  notes: [],
};

export type Answer = (asked: string) => Exchange | Promise<Exchange>;
export const ack: Exchange = { kind: 'ack', attributes: [], tookMs: 1 };
export const nak = (errorCause?: number): Exchange =>
  errorCause === undefined
    ? { kind: 'nak', attributes: [], tookMs: 1 }
    : { kind: 'nak', errorCause, attributes: [], tookMs: 1 };
export const timeout: Exchange = { kind: 'timeout', afterMs: 30_000, sent: 5, badReplies: 0 };

export class Stage {
  readonly folder = mkdtempSync(join(tmpdir(), 'engawa-radius-'));
  readonly database: Database;
  readonly sessions: SqliteNasSessions;
  readonly tellings: SqliteTellings;
  readonly log = new FakeLog();
  /** What the NAS was asked: `43 s1 Filter-Id=strict`. */
  readonly asked: string[] = [];
  readonly words: string[] = [];
  now = T0;
  monotonicMs = 1_000_000;
  mayTighten = true;
  isSilent = false;
  /** Answers never come: quiet() does not wait for them. */
  isHanging = false;
  answer: Answer = () => ack;
  enforcer: RadiusEnforcer;
  readonly #change: Partial<RadiusEnforcerOptions>;

  constructor(change: Partial<RadiusEnforcerOptions> = {}) {
    this.#change = change;
    this.database = Database.open(join(this.folder, 'engawa.db'));
    migrate(this.database, MIGRATIONS);
    this.sessions = new SqliteNasSessions(this.database);
    this.tellings = new SqliteTellings(this.database);
    this.enforcer = this.#create();
  }

  #create(): RadiusEnforcer {
    const client: Asker & RadiusEnforcerOptions['client'] = {
      request: async ({ code, attributes }) => {
        const named = decodeNamed(attributes).map(({ name, value }) => `${name}=${value}`);
        const asked = [code, ...named].join(' ');
        this.asked.push(asked);
        return this.answer(asked);
      },
      standing: () => (this.isSilent ? { silentSinceMs: 1 } : {}),
      close: () => {},
    };
    const enforcer = new RadiusEnforcer({
      gateway: 'bng2',
      dialect: FILTERS,
      values: { strict: 'garden', leaky: 'leaky', plan: 'home' },
      client,
      sessions: this.sessions,
      tellings: this.tellings,
      nasIdentities: ['bng2'],
      pools: [prefix('192.0.2.64/26'), prefix('2001:db8:100::/40')],
      ipv6Lengths: [56, 64],
      reserved: [prefix('192.0.2.112')],
      mayTighten: () => this.mayTighten,
      bounce: 'never',
      window: 32,
      interimMs: 10 * MINUTE,
      clock: { now: () => this.now, monotonicMs: () => this.monotonicMs },
      random: () => 0.5,
      log: this.log,
      ...this.#change,
    });
    enforcer.onWord((words) => this.words.push(...words.map(wordText)));
    return enforcer;
  }

  /** Everything in memory is gone; the files are as they were. */
  async restart(): Promise<void> {
    await this.enforcer.close();
    this.enforcer = this.#create();
  }

  /** Time passes for both clocks, and the enforcer's own timer has looked. */
  async pass(ms: number): Promise<void> {
    this.now += ms;
    this.monotonicMs += ms;
    await this.quiet();
  }

  /** Until nothing moves any more: the queue has told what it could. */
  async quiet(): Promise<void> {
    let before = -1;
    for (let calm = 0; calm < 3; ) {
      this.enforcer.tick();
      await new Promise((resolve) => setTimeout(resolve, 2));
      const now = this.asked.length + this.words.length;
      const isStill = this.isHanging || this.enforcer.progress().inFlight === 0;
      calm = now === before && isStill ? calm + 1 : 0;
      before = now;
    }
  }

  async hear(change: Partial<SessionRecord> = {}): Promise<void> {
    await this.sessions.record([
      {
        status: 'start',
        nas: 'bng2',
        realm: 'main',
        sessionId: 's1',
        accessKey: 'home1@isp.example',
        eventAt: this.now,
        startAt: T0,
        prefixes: [
          { slot: 'ipv4', prefix: V4 },
          { slot: 'delegated-ipv6', prefix: V6 },
        ],
        facts: { 'User-Name': ['home1@isp.example'], 'Filter-Id': ['home'] },
        ...change,
      },
    ]);
    await this.quiet();
  }

  async put(access: 'leaky' | 'strict', ...prefixes: readonly GardenElement['prefix'][]) {
    const all = prefixes.length === 0 ? [V4, V6] : prefixes;
    const put = all.map((one) => ({ prefix: one, access, abusedPorts: [], timeoutSeconds: 1200 }));
    const answer = await this.enforcer.apply({ put, remove: [] });
    await this.quiet();
    return answer;
  }

  async remove(...prefixes: readonly GardenElement['prefix'][]): Promise<void> {
    await this.enforcer.apply({ put: [], remove: prefixes.length === 0 ? [V4, V6] : prefixes });
    await this.quiet();
  }

  async seen(): Promise<string> {
    const states = await this.enforcer.observe([V4, V6]);
    return states.map((one) => one.access).join(' ');
  }

  /** What was said since the last time. */
  said(): readonly string[] {
    return [...new Set(this.words.splice(0))];
  }

  async end(): Promise<void> {
    await this.enforcer.close();
    await this.database.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function wordText({ prefix: of, access, word, failure }: GatewayWord): string {
  return [formatPrefix(of), access, word, ...(failure === undefined ? [] : [`(${failure})`])].join(' ');
}
