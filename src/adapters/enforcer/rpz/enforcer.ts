// A resolver as companion of a gateway: strict lines get the portal for every name that is not let through, everybody else their
// answers. Advisory: a hard-coded address passes it by, so that nothing it says is proof of a garden (`isAdvisory`). Changes
// that come close together are one version of the zone; what only moves an end is written later, without the resolver.
import { err, ok, type Result } from '../../../core/kernel/result.ts';
import { formatPrefix, overlaps, type Prefix } from '../../../core/net/prefix.ts';
import type { DenyCount, ElementState, EnforceError, Enforcer, GardenElement } from '../../../flow/ports.ts';
import type { ZoneLine } from '../../../protocols/rpz/zone.ts';
import { ResolverZones, type ZonesOptions } from './zones.ts';

export interface RpzEnforcerOptions extends ZonesOptions {
  /** Name of the gateway it goes with. */
  readonly gateway: string;
  readonly pools: readonly Prefix[];
  readonly ipv6Lengths: readonly number[];
  /** Never a line: portal, resolvers, lifelines, infrastructure. */
  readonly reserved: readonly Prefix[];
}

type Change = { readonly put: readonly GardenElement[]; readonly remove: readonly Prefix[] };
type Lines = ReadonlyMap<string, ZoneLine>;

interface Job {
  readonly change: Change;
  readonly resolve: (done: Result<void, EnforceError>) => void;
}

const MAX_APPLY = 100_000;
const MAX_JOBS = 10_000;
const MAX_LINES = 200_000;
const MAX_TIMEOUT_SECONDS = 259_200;
const RENEWALS_MS = 60_000;
const TICK_MS = 500;
const RETRY_MS = 5000;

export class RpzEnforcer implements Enforcer {
  readonly gateway: string;
  /** What it observes says what names a line is given, and nothing about its packets. */
  readonly isAdvisory = true;
  readonly #options: RpzEnforcerOptions;
  readonly #zones: ResolverZones;
  /** What the file says, but for ends that were moved since; undefined = no file of ours was found yet. */
  #lines: Lines | undefined;
  #jobs: Job[] = [];
  #queue: Promise<unknown> = Promise.resolve();
  #isTicking = false;
  #renewedAt: number | undefined;
  #notBefore = 0;
  readonly #timer: NodeJS.Timeout;
  #isClosed = false;

  constructor(options: RpzEnforcerOptions) {
    this.#options = options;
    this.gateway = options.gateway;
    this.#zones = new ResolverZones(options);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  async apply(change: Change): Promise<Result<void, EnforceError>> {
    if (this.#isClosed) return err(closed);
    if (change.put.length + change.remove.length > MAX_APPLY)
      return err({ kind: 'refused', code: 'too-many', text: `more than ${MAX_APPLY} at once` });
    for (const element of change.put) {
      const code = this.#faultOf(element);
      if (code !== undefined) return err({ kind: 'refused', code, text: formatPrefix(element.prefix) });
    }
    if (this.#jobs.length >= MAX_JOBS) return err({ kind: 'unavailable', text: 'too many changes wait' });
    return new Promise((resolve) => {
      this.#jobs.push({ change, resolve });
      if (this.#jobs.length === 1) void this.#exclusive(() => this.#drain());
    });
  }

  /** The same judgement as the helper of a Linux gateway (N12). */
  #faultOf({ prefix, timeoutSeconds }: GardenElement): string | undefined {
    const { pools, ipv6Lengths, reserved } = this.#options;
    if (prefix.ip.family === 4 ? prefix.length !== 32 : !ipv6Lengths.includes(prefix.length)) return 'prefix-length';
    if (!pools.some((pool) => pool.length <= prefix.length && overlaps(pool, prefix))) return 'outside-pools';
    if (reserved.some((one) => overlaps(one, prefix))) return 'covers-infrastructure';
    const isBad = !Number.isSafeInteger(timeoutSeconds) || timeoutSeconds < 1 || timeoutSeconds > MAX_TIMEOUT_SECONDS;
    return isBad ? 'timeout-bad' : undefined;
  }

  /** One at a time touches the files. */
  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#queue.then(work);
    this.#queue = next.catch(() => undefined);
    return next;
  }

  /** Everything that waits becomes one version. */
  async #drain(): Promise<void> {
    const jobs = this.#jobs.splice(0);
    const done = await this.#change(jobs.map(({ change }) => change)).catch((cause: unknown) => failed(cause));
    for (const job of jobs) job.resolve(done);
  }

  async #change(changes: readonly Change[]): Promise<Result<void, EnforceError>> {
    const before = await this.#known();
    if (before === undefined) return err({ kind: 'unavailable', text: 'there is no zone file yet' });
    const after = merged(before, changes, this.#options.now());
    if (after.size > MAX_LINES) return err({ kind: 'refused', code: 'set-full', text: 'the zone is full' });
    if (sameAnswers(before, after)) {
      this.#lines = after;
      this.#renewedAt ??= this.#options.now();
      return ok(undefined);
    }
    return this.#publish(after);
  }

  async #publish(lines: Lines, isWhole = false): Promise<Result<void, EnforceError>> {
    const published = await (isWhole ? this.#zones.publishAll(lines.values()) : this.#zones.publish(lines.values()));
    if (published.isWritten) {
      this.#lines = lines;
      this.#renewedAt = undefined;
    }
    return published.done;
  }

  async #known(): Promise<Lines | undefined> {
    if (this.#lines === undefined) {
      const found = await this.#zones.load();
      if (found !== undefined) this.#lines = keyed(found);
    }
    return this.#lines;
  }

  /** Lines whose time is over leave the zone; ends that moved are written once in a while, for the next start. */
  #tick(): void {
    const lines = this.#lines;
    if (this.#isTicking || lines === undefined || performance.now() < this.#notBefore) return;
    const now = this.#options.now();
    const isOver = [...lines.values()].some(({ until }) => until <= now);
    const isStale = this.#renewedAt !== undefined && now - this.#renewedAt >= RENEWALS_MS;
    if (!isOver && !isStale) return;
    this.#isTicking = true;
    this.#notBefore = performance.now() + RETRY_MS;
    void this.#exclusive(() => this.#publish(merged(this.#lines ?? lines, [], now)))
      .then((done) => {
        if (done.ok) this.#notBefore = 0;
      })
      .catch(() => undefined)
      .finally(() => {
        this.#isTicking = false;
      });
  }

  async observe(prefixes: readonly Prefix[]): Promise<readonly ElementState[]> {
    const lines = await this.#proven();
    return prefixes.map((prefix) => ({
      prefix,
      access: lines === undefined ? 'unknown' : (lines.get(formatPrefix(prefix))?.access ?? 'absent'),
    }));
  }

  async readBack(): Promise<Result<readonly ElementState[], EnforceError>> {
    const lines = await this.#proven();
    if (lines === undefined) return err({ kind: 'unavailable', text: `the zones are ${await this.skeleton()}` });
    return ok([...lines.values()].map(({ prefix, access }) => ({ prefix, access })));
  }

  /** Only what the resolver has loaded counts. */
  #proven(): Promise<Lines | undefined> {
    return this.#exclusive(async () => {
      const lines = this.#isClosed ? undefined : await this.#known();
      return lines !== undefined && (await this.#zones.state()) === 'intact' ? lines : undefined;
    });
  }

  skeleton(): Promise<'intact' | 'changed' | 'missing' | 'unknown'> {
    return this.#exclusive(() => this.#state());
  }

  async #state(): Promise<'intact' | 'changed' | 'missing' | 'unknown'> {
    if (this.#isClosed) return 'unknown';
    await this.#known();
    return this.#zones.state();
  }

  install(): Promise<Result<'adopted' | 'installed' | 'repaired', EnforceError>> {
    return this.#exclusive(async () => {
      if (this.#isClosed) return err(closed);
      const before = await this.#state();
      if (before === 'intact') return ok('adopted');
      const done = await this.#publish((await this.#known()) ?? new Map<string, ZoneLine>(), true);
      return done.ok ? ok(before === 'missing' ? 'installed' : 'repaired') : done;
    });
  }

  /** It steers no flow. */
  async forgetSteered(): Promise<Result<void, EnforceError>> {
    return ok(undefined);
  }

  /** It sees no packet. */
  async denyCounts(): Promise<Result<readonly DenyCount[], EnforceError>> {
    return ok([]);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    for (const job of this.#jobs.splice(0)) job.resolve(err(closed));
    await this.#exclusive(async () => {
      if (this.#renewedAt !== undefined && this.#lines !== undefined) await this.#publish(this.#lines);
    });
  }
}

const closed: EnforceError = { kind: 'unavailable', text: 'closed' };

function failed(cause: unknown): Result<void, EnforceError> {
  return err({ kind: 'unavailable', text: cause instanceof Error ? cause.message.slice(0, 200) : 'failed' });
}

function keyed(lines: readonly ZoneLine[]): Lines {
  return new Map(lines.map((line) => [formatPrefix(line.prefix), line]));
}

function merged(before: Lines, changes: readonly Change[], now: number): Lines {
  const after = new Map(before);
  for (const { put, remove } of changes) {
    for (const prefix of remove) after.delete(formatPrefix(prefix));
    for (const { prefix, access, timeoutSeconds } of put)
      after.set(formatPrefix(prefix), { prefix, access, until: now + timeoutSeconds * 1000 });
  }
  for (const [key, { until }] of after) if (until <= now) after.delete(key);
  return after;
}

/** The resolver would answer everybody as before. */
function sameAnswers(a: Lines, b: Lines): boolean {
  if (a.size !== b.size) return false;
  for (const [key, { access }] of a) if (b.get(key)?.access !== access) return false;
  return true;
}
