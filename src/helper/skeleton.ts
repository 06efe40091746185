// Is our table as we made it? The expected text is not guessed: the same ruleset is loaded once as a dormant twin (no hook
// of a dormant table ever sees a packet), listed the way the kernel tells it, and removed. Loading never flushes elements.
import { rm, writeFile } from 'node:fs/promises';
import type { GatewaySpec } from '../core/garden/gateway.ts';
import { err, ok, type Result } from '../core/kernel/result.ts';
import { probeSentinelTransaction, readProbe } from '../protocols/nftables/elements.ts';
import type { HelperError } from '../protocols/nftables/messages.ts';
import { renderRepair, renderRuleset, type Stale, skeletonDigest } from '../protocols/nftables/ruleset.ts';
import type { NftSession } from '../protocols/nftables/session.ts';
import { keyForms, learnedSetNames } from '../protocols/nftables/sets.ts';
import { objectsOf, sameObjects, staleObjects } from './table-text.ts';
import { runTool, type ToolFailure } from './tools.ts';

export const NFT = '/usr/sbin/nft';
const LIMITS = { deadlineMs: 10_000, maxBytes: 8 * 1024 * 1024 };
/** Elements are work, not a hang: a megabyte gets ten seconds more. */
const BYTES_PER_EXTRA_MS = 100;

/** What may stand in a `delete` of ours: nft's own identifiers. */
const NAME = /^[A-Za-z][A-Za-z0-9_.]{0,127}$/;

export type SkeletonState = 'intact' | 'changed' | 'missing' | 'unknown';

export class Skeleton {
  readonly #spec: GatewaySpec;
  readonly #session: NftSession;
  readonly #folder: string;
  #expected: string | undefined;

  /** `folder`: ours alone, for the moment a file is handed to `nft -f` (it cannot read a Node pipe as /dev/stdin). */
  constructor(spec: GatewaySpec, session: NftSession, folder: string) {
    this.#spec = spec;
    this.#session = session;
    this.#folder = folder;
  }

  async state(): Promise<SkeletonState> {
    const found = await listText(this.#spec.table);
    if (!found.ok) return 'unknown';
    if (found.value === undefined) return 'missing';
    const expected = await this.#expectedText();
    if (expected === undefined) return 'unknown';
    if (!sameObjects(found.value, expected)) return 'changed';
    const sentinel = await this.#session.probe(probeSentinelTransaction(this.#spec));
    if (!sentinel.ok) return 'unknown';
    const proof = readProbe(sentinel.value.join('\n'));
    return proof === 'present' ? 'intact' : proof === 'absent' ? 'changed' : 'unknown';
  }

  /** Names of the sets that are there now; undefined = the table cannot be listed, or is not there. */
  async setNames(): Promise<readonly string[] | undefined> {
    const found = await listText(this.#spec.table);
    if (!found.ok || found.value === undefined) return undefined;
    return objectsOf(found.value).flatMap(({ kind, name }) => (kind === 'set' ? [name] : []));
  }

  /**
   * Adopts what is intact; loads the text in one transaction otherwise. Elements of sets that stay as they are stay.
   * `elements`: more text for that transaction, for a table that was not there before.
   */
  async install(elements = ''): Promise<Result<'adopted' | 'installed' | 'repaired', HelperError>> {
    const before = await this.state();
    if (before === 'intact') return ok('adopted');
    const loaded = await this.#load(
      before === 'missing' ? `${renderRuleset(this.#spec)}${elements}` : renderRepair(this.#spec, await this.#stale()),
    );
    if (!loaded.ok) return err(toError('nft -f', loaded.error));
    const after = await this.state();
    if (after !== 'intact') return err({ kind: 'unavailable', text: `the ruleset is ${after} right after loading it` });
    return ok(before === 'missing' ? 'installed' : 'repaired');
  }

  /** What a former configuration or release left in the table, and what this one defines differently. */
  async #stale(): Promise<readonly Stale[]> {
    const found = await listText(this.#spec.table);
    const expected = await this.#expectedText();
    if (!found.ok || found.value === undefined || expected === undefined) return [];
    const stale = new Map(staleObjects(found.value, expected).map((o) => [`${o.kind} ${o.name}`, o]));
    // Read-back looks at the garden sets alone: with one set of a form, all four are made anew, so that lines are put again whole.
    for (const { garden, abuse, abuseIn } of keyForms(this.#spec)) {
      const four = [garden.strict, garden.leaky, abuse, abuseIn];
      if (!four.some((name) => stale.has(`set ${name}`))) continue;
      for (const object of objectsOf(found.value))
        if (object.kind === 'set' && four.includes(object.name)) stale.set(`set ${object.name}`, object);
    }
    const learned = new Set(learnedSetNames(this.#spec));
    const whole = [...stale.values()].filter(({ kind, name }) => kind !== '' && NAME.test(name));
    return Promise.all(
      whole.map(async ({ kind, name }) => {
        // Nobody would put a lifeline's addresses again at once, and nothing is ever taken out of them by an order.
        const elements = kind === 'set' && learned.has(name) ? await this.#elementsOf(name) : undefined;
        return { kind, name, ...(elements === undefined ? {} : { elements }) };
      }),
    );
  }

  async #elementsOf(set: string): Promise<string | undefined> {
    const listed = await runTool([NFT, 'list', 'set', 'inet', this.#spec.table, set], LIMITS);
    if (!listed.ok) return undefined;
    const elements = /^\t\telements = \{ ([\s\S]*?) \}$/m.exec(listed.value)?.[1];
    // Listed without its timeout where that is the set's own, which the new set may not have.
    return elements?.replace(/(^|,\s*)([0-9a-f.:]+) expires (\w+)/g, '$1$2 timeout $3');
  }

  async #expectedText(): Promise<string | undefined> {
    if (this.#expected !== undefined) return this.#expected;
    const twin = { ...this.#spec, table: `${this.#spec.table}_expected` };
    const asleep = `add table inet ${twin.table} { flags dormant; }`;
    const awake = `add table inet ${twin.table}\n`;
    const rules = renderRuleset(twin);
    if (!rules.startsWith(awake)) return undefined;
    const gone = `${asleep}\ndelete table inet ${twin.table}\n`;
    const loaded = await this.#load(`${gone}${asleep}\n${rules.slice(awake.length)}`);
    const listed = loaded.ok ? await listText(twin.table) : undefined;
    await this.#load(gone);
    if (listed?.ok !== true || listed.value === undefined) return undefined;
    this.#expected = listed.value
      .replace('\tflags dormant\n', '')
      .replace(/^\n+/m, '')
      .replace(`table inet ${twin.table} {`, `table inet ${this.#spec.table} {`)
      .replaceAll(skeletonDigest(twin), skeletonDigest(this.#spec));
    return this.#expected;
  }

  async #load(text: string): Promise<Result<string, ToolFailure>> {
    const file = `${this.#folder}/ruleset-${process.pid}.nft`;
    await writeFile(file, text, { mode: 0o600 });
    try {
      const deadlineMs = LIMITS.deadlineMs + Math.round(text.length / BYTES_PER_EXTRA_MS);
      return await runTool([NFT, '-f', file], { ...LIMITS, deadlineMs });
    } finally {
      await rm(file, { force: true });
    }
  }
}

/**
 * Our table as the kernel tells it, without elements and counters; undefined = it is not there. `list ruleset`, because
 * `-t list table` of nft 1.0.6 fetches every element first: 13 s at 100,000 lines against 10 ms.
 */
async function listText(table: string): Promise<Result<string | undefined, ToolFailure>> {
  const all = await runTool([NFT, '-s', '-t', 'list', 'ruleset', 'inet'], LIMITS);
  if (!all.ok) return all;
  const head = `table inet ${table} {\n`;
  const start = all.value.startsWith(head) ? 0 : all.value.indexOf(`\n${head}`) + 1;
  if (!all.value.startsWith(head, start)) return ok(undefined);
  const end = all.value.indexOf('\n}\n', start);
  return ok(all.value.slice(start, end < 0 ? undefined : end + 3));
}

export function toError(what: string, failure: ToolFailure): HelperError {
  switch (failure.kind) {
    case 'failed':
      return { kind: 'unavailable', text: `${what}: ${failure.stderr.trim().split('\n')[0]?.slice(0, 200) ?? ''}` };
    case 'timeout':
      return { kind: 'unknown', afterMs: failure.afterMs };
    case 'too-long':
      return { kind: 'unavailable', text: `${what}: answer longer than expected` };
  }
}
