// A spool folder that another program writes into: whole files are claimed by renaming, taken in, and moved to `done` or `parked`.
// Nothing is deleted that was not taken; files that are still being written are left alone. Formats are somebody else's.
import type { BigIntStats } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { err, ok, type Result } from '../../../core/kernel/result.ts';
import { DAY, SECOND } from '../../../core/kernel/time.ts';
import type { Collector, CollectTurn } from '../../../flow/ports.ts';
import { readRegularFile } from './regular-file.ts';

export interface FolderOptions {
  readonly folder: string;
  readonly everyMs?: number;
  /** A file must have kept its size and time for so long. */
  readonly settleMs?: number;
  readonly maxBytes?: number;
  readonly monotonicMs?: () => number;
}

/** How writers mark what is not whole yet; a leading dot too. */
const INCOMPLETE = /^\.|\.(part|partial|filepart|tmp|temp|new|swp|crdownload)$|~$/i;
/** What was taken is kept as evidence anyway; here it only shows that it was. */
const DONE_KEPT_MS = 7 * DAY;
const MAX_BYTES = 512 * 1024 * 1024;
/** More in one turn waits for the next. */
const FILES_PER_TURN = 1000;

export class FolderCollector implements Collector {
  readonly way = 'folder';
  readonly everyMs: number;
  readonly #options: Required<FolderOptions>;
  /** What the last look saw, by name. */
  readonly #seen = new Map<string, { readonly print: string; readonly sinceMs: number }>();

  constructor(options: FolderOptions) {
    this.#options = {
      everyMs: 5 * SECOND,
      settleMs: 2 * SECOND,
      maxBytes: MAX_BYTES,
      monotonicMs: () => performance.now(),
      ...options,
    };
    this.everyMs = this.#options.everyMs;
  }

  async collect(turn: CollectTurn): Promise<Result<void, string>> {
    const { folder } = this.#options;
    try {
      // The folder itself is the operator's: whose it is, and who writes there, is no guess of ours.
      for (const name of ['claimed', 'done', 'parked']) await mkdir(join(folder, name), { mode: 0o750 }).catch(there);
      // First what a crash left between claiming and moving: the same rows again are known.
      const aside: string[] = [];
      for (const name of await namesIn(join(folder, 'claimed'))) aside.push(...(await this.#takeClaimed(turn, name)));
      for (const name of await this.#settled()) {
        if (turn.signal.aborted) return err('stopped');
        if (await this.#claim(name)) aside.push(...(await this.#takeClaimed(turn, name)));
      }
      await this.#forgetDone(turn.now());
      return aside.length === 0 ? ok(undefined) : err(`${folder}: put aside unread: ${aside.slice(0, 10).join(', ')}`);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      // A store that fails is no folder that fails: the loop says which.
      if (code === undefined || !/^E[A-Z]+$/.test(code)) throw cause;
      return err(`${folder}: ${code}`);
    }
  }

  /** Whole files, oldest name first: feeds name their files by date. */
  async #settled(): Promise<readonly string[]> {
    const now = this.#options.monotonicMs();
    const found = new Map<string, string>();
    for (const name of await namesIn(this.#options.folder)) {
      if (INCOMPLETE.test(name)) continue;
      const stat = await lstat(join(this.#options.folder, name), { bigint: true }).catch(gone);
      if (stat?.isFile() === true) found.set(name, printOf(stat));
    }
    for (const name of this.#seen.keys()) if (!found.has(name)) this.#seen.delete(name);
    const settled: string[] = [];
    for (const [name, print] of found) {
      const seen = this.#seen.get(name);
      if (seen?.print !== print) this.#seen.set(name, { print, sinceMs: now });
      else if (now - seen.sinceMs >= this.#options.settleMs) settled.push(name);
    }
    return settled.sort().slice(0, FILES_PER_TURN);
  }

  /** By one rename: of two that look at the same folder, one gets it. */
  async #claim(name: string): Promise<boolean> {
    const { folder } = this.#options;
    const claimed = await rename(join(folder, name), join(folder, 'claimed', name)).then(() => true, gone);
    this.#seen.delete(name);
    return claimed === true;
  }

  /** What was put aside without a look inside, with the reason: nothing else would ever say so. */
  async #takeClaimed(turn: CollectTurn, name: string): Promise<readonly string[]> {
    const { folder, maxBytes } = this.#options;
    const path = join(folder, 'claimed', name);
    const read = await readRegularFile(path, maxBytes);
    if (!read.ok) {
      if (read.error === 'growing') return []; // its writer goes on in the renamed file: the next turn finds it whole
      await moveTo(path, join(folder, 'parked'), name, turn.now());
      return [`${name.slice(0, 80)} (${read.error})`];
    }
    const taken = await turn.take({ name, bytes: read.value });
    await moveTo(path, join(folder, taken.state === 'parked' ? 'parked' : 'done'), name, turn.now());
    return [];
  }

  async #forgetDone(now: number): Promise<void> {
    const done = join(this.#options.folder, 'done');
    for (const name of await namesIn(done)) {
      const stat = await lstat(join(done, name)).catch(gone);
      // The change time is that of the move: the file itself may be years old.
      if (stat?.isFile() === true && now - stat.ctimeMs > DONE_KEPT_MS) await rm(join(done, name), { force: true });
    }
  }
}

function printOf(stat: BigIntStats): string {
  return `${stat.ino} ${stat.size} ${stat.mtimeNs}`;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

/** Another file of this name may be there from before: nothing is written over. */
async function moveTo(path: string, folder: string, name: string, now: number): Promise<void> {
  const taken = await lstat(join(folder, name)).catch(gone);
  await rename(path, join(folder, taken === undefined ? name : `${name}.${now}`));
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}

function there(cause: NodeJS.ErrnoException): void {
  if (cause.code !== 'EEXIST') throw cause;
}

function gone(cause: NodeJS.ErrnoException): undefined {
  if (cause.code === 'ENOENT') return undefined;
  throw cause;
}
