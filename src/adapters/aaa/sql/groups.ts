// Keeps the groups of an operator's FreeRADIUS database as the lines in the garden want them: one row a line. Level-triggered,
// like everything that keeps a copy: changes are hints, the comparison at start and every few minutes is what counts. Waits for
// nothing but the database, and nothing waits for it.
import type { NamedAttribute } from '../../../core/dialect/dialect.ts';
import type { LoginAccess } from '../../../flow/login-access.ts';
import type { Log } from '../../../flow/ports.ts';
import type { GardenAccess } from './group-rows.ts';
import { GroupTables, type TableNames, VIEWS } from './group-tables.ts';
import { GroupWork } from './group-work.ts';
import { Nap } from './nap.ts';
import type { Connect, SqlSession } from './session.ts';

export interface SqlGroupsOptions {
  readonly logins: LoginAccess;
  readonly connect: Connect;
  /** What a login in that garden gets, the marker in Class among it. Empty: nothing can be said at login, and nobody is put into the group. */
  readonly attributesFor: (access: GardenAccess) => readonly NamedAttribute[];
  /** Lower than that of every group of a plan: FreeRADIUS takes the lowest first and, without Fall-Through, no other. */
  readonly priority: number;
  readonly tables?: TableNames;
  readonly log: Log;
  readonly limits?: Partial<SqlGroupsLimits>;
  readonly monotonic?: () => number;
}

export interface SqlGroupsLimits {
  readonly compareEveryMs: number;
  /** After trouble; doubled each time, up to the longest. */
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  readonly stopWithinMs: number;
}

export interface SqlGroupsStanding {
  /** `not-known`: the wanted state is not loaded yet, nothing is touched. */
  readonly state: 'not-known' | 'working' | 'in-step' | 'trouble';
  /** Changes that wait. */
  readonly waiting: number;
  /** Lines whose key the database cannot hold: their logins get the plan. */
  readonly refused: number;
  readonly comparedAgoMs?: number;
  readonly troubleForMs?: number;
  /** The database's own words, without values. */
  readonly text?: string;
}

const LIMITS: SqlGroupsLimits = {
  compareEveryMs: 300_000,
  firstWaitMs: 1000,
  longestWaitMs: 60_000,
  stopWithinMs: 2000,
};
/** More at once cost less as a comparison, which needs no memory of them. */
const MOST_WAITING = 1000;
const READY_POLL_MS = 250;
const TELL_EVERY_MS = 600_000;

export class SqlGroups {
  readonly #options: SqlGroupsOptions;
  readonly #limits: SqlGroupsLimits;
  readonly #work: GroupWork;
  readonly #now: () => number;
  readonly #nap = new Nap();
  /** By access key, with what was last heard of it; undefined = released. */
  #changed = new Map<string, GardenAccess | undefined>();
  #session: SqlSession | undefined;
  #compareAt = Number.NEGATIVE_INFINITY;
  #comparedAt: number | undefined;
  #failures = 0;
  #trouble: { readonly since: number; readonly text: string } | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;
  #isAtWork = false;
  #isStopped = false;
  #loop: Promise<void> | undefined;

  /** Throws on a table name that is none. */
  constructor(options: SqlGroupsOptions) {
    const { logins, attributesFor, priority, log } = options;
    const tables = new GroupTables(options.tables ?? VIEWS);
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#work = new GroupWork({ logins, tables, attributesFor, priority, log });
    this.#now = options.monotonic ?? (() => performance.now());
  }

  start(): void {
    this.#options.logins.onChange((accessKey, access) => this.#onChange(accessKey, access));
    this.#loop = this.#run();
  }

  /** Gardens stay: the rows are left as they are. A database that answers nothing is not waited for. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#nap.end();
    const late = new Nap();
    await Promise.race([this.#loop, late.sleep(this.#limits.stopWithinMs)]);
    late.end();
    await this.#disconnect();
  }

  /** After hold was lifted, or the attributes changed. */
  compareSoon(): void {
    this.#compareAt = Number.NEGATIVE_INFINITY;
    this.#nap.wake();
  }

  standing(): SqlGroupsStanding {
    const now = this.#now();
    return {
      state: this.#state(),
      waiting: this.#changed.size,
      refused: this.#work.refused,
      ...(this.#comparedAt === undefined ? {} : { comparedAgoMs: now - this.#comparedAt }),
      ...(this.#trouble === undefined ? {} : { troubleForMs: now - this.#trouble.since, text: this.#trouble.text }),
    };
  }

  #state(): SqlGroupsStanding['state'] {
    if (!this.#options.logins.isReady) return 'not-known';
    if (this.#trouble !== undefined) return 'trouble';
    return this.#isAtWork || this.#isDue() || this.#changed.size > 0 ? 'working' : 'in-step';
  }

  #isDue(): boolean {
    return this.#now() >= this.#compareAt;
  }

  #onChange(accessKey: string, access: GardenAccess | undefined): void {
    if (this.#isStopped) return;
    if (this.#changed.size < MOST_WAITING || this.#changed.has(accessKey)) this.#changed.set(accessKey, access);
    else this.#compareAt = Number.NEGATIVE_INFINITY;
    this.#nap.wake();
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      try {
        // Invariant 11: an empty memory says nothing about anybody.
        if (this.#options.logins.isReady) await this.#turn();
        else await this.#nap.sleep(READY_POLL_MS);
      } catch (cause) {
        await this.#onFailure(cause);
      }
    }
  }

  async #turn(): Promise<void> {
    if (!this.#isDue() && this.#changed.size === 0) return this.#nap.sleep(Math.max(1, this.#compareAt - this.#now()));
    this.#isAtWork = true;
    const session = await this.#connected();
    if (session === undefined) return;
    if (this.#isDue()) {
      this.#changed.clear(); // what it reads is newer than they are
      // Set before: whoever asks for one while this one runs gets another.
      this.#compareAt = this.#now() + this.#limits.compareEveryMs;
      await this.#work.compare(session, () => this.#follow(session));
      this.#comparedAt = this.#now();
    } else await this.#follow(session);
    this.#isAtWork = false;
    this.#failures = 0;
    this.#trouble = undefined;
  }

  /** undefined = stopped while the database made up its mind. */
  async #connected(): Promise<SqlSession | undefined> {
    this.#session ??= await this.#options.connect();
    if (this.#isStopped) await this.#disconnect();
    return this.#session;
  }

  async #follow(session: SqlSession): Promise<void> {
    if (this.#changed.size === 0) return;
    const changes = this.#changed;
    this.#changed = new Map();
    await this.#work.follow(session, changes);
  }

  async #onFailure(cause: unknown): Promise<void> {
    await this.#disconnect();
    this.#compareAt = Number.NEGATIVE_INFINITY; // what was under way may be there or not
    this.#failures++;
    // An idle connection ends some day, without trouble: the first retry is at once and says nothing.
    if (this.#failures === 1) return;
    const text = cause instanceof Error ? cause.message : String(cause);
    this.#trouble = { since: this.#trouble?.since ?? this.#now(), text };
    if (this.#now() - this.#toldAt >= TELL_EVERY_MS) {
      this.#toldAt = this.#now();
      this.#options.log.warn('AAA_SQL_FAILED', { text });
    }
    const { firstWaitMs, longestWaitMs } = this.#limits;
    const waitMs = Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(this.#failures - 2, 20));
    await this.#nap.sleepThrough(waitMs * (0.8 + 0.4 * Math.random()));
  }

  async #disconnect(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.close().catch(() => {});
  }
}
