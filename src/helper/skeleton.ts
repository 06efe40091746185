// Is our table as we made it? The expected text is not guessed: the same ruleset is loaded once as a dormant twin (no hook
// of a dormant table ever sees a packet), listed the way the kernel tells it, and removed. Loading never flushes elements.
import { rm, writeFile } from 'node:fs/promises';
import type { GatewaySpec } from '../core/garden/gateway.ts';
import { err, ok, type Result } from '../core/kernel/result.ts';
import { probeSentinelTransaction, readProbe } from '../protocols/nftables/elements.ts';
import type { HelperError } from '../protocols/nftables/messages.ts';
import { renderRepair, renderRuleset, skeletonDigest } from '../protocols/nftables/ruleset.ts';
import type { NftSession } from '../protocols/nftables/session.ts';
import { runTool, type ToolFailure } from './tools.ts';

export const NFT = '/usr/sbin/nft';
const LIMITS = { deadlineMs: 10_000, maxBytes: 8 * 1024 * 1024 };

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
    if (!found.ok) return isMissing(found.error) ? 'missing' : 'unknown';
    const expected = await this.#expectedText();
    if (expected === undefined) return 'unknown';
    if (found.value !== expected) return 'changed';
    const sentinel = await this.#session.probe(probeSentinelTransaction(this.#spec));
    if (!sentinel.ok) return 'unknown';
    const proof = readProbe(sentinel.value.join('\n'));
    return proof === 'present' ? 'intact' : proof === 'absent' ? 'changed' : 'unknown';
  }

  /** Adopts what is intact; loads the text in one transaction otherwise. Elements that exist stay. */
  async install(): Promise<Result<'adopted' | 'installed' | 'repaired', HelperError>> {
    const before = await this.state();
    if (before === 'intact') return ok('adopted');
    const loaded = await this.#load(before === 'missing' ? renderRuleset(this.#spec) : renderRepair(this.#spec));
    if (!loaded.ok) return err(toError('nft -f', loaded.error));
    const after = await this.state();
    if (after !== 'intact') return err({ kind: 'unavailable', text: `the ruleset is ${after} right after loading it` });
    return ok(before === 'missing' ? 'installed' : 'repaired');
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
    if (listed?.ok !== true) return undefined;
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
      return await runTool([NFT, '-f', file], LIMITS);
    } finally {
      await rm(file, { force: true });
    }
  }
}

/** Without elements and counters: what the skeleton is, not what passed through it. */
function listText(table: string): Promise<Result<string, ToolFailure>> {
  return runTool([NFT, '-s', '-t', 'list', 'table', 'inet', table], LIMITS);
}

export function isMissing(failure: ToolFailure): boolean {
  return failure.kind === 'failed' && failure.stderr.includes('No such file or directory');
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
