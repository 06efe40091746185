// Raw feed files in a folder, named by the SHA-256 of their bytes, compressed. Readable by the service's user alone.
// Nothing here knows retention: the store says when a file goes.
import { hash, randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { HOUR, type Instant } from '../../../core/kernel/time.ts';
import type { Evidence } from '../../../flow/ports.ts';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** Largest original we hand back: what a damaged or planted file could unfold to is bounded. */
const MAX_BYTES = 1 << 30;

/** Creates the folder when absent, closes it to others, and clears away drafts that a crash left. */
export async function openEvidence(folder: string): Promise<EvidenceFiles> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const evidence = new EvidenceFiles(folder);
  await evidence.removeOlderThan(Date.now() - HOUR, '.new');
  return evidence;
}

export class EvidenceFiles implements Evidence {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async keep(bytes: Uint8Array): Promise<string> {
    const name = hash('sha256', bytes);
    const path = this.#pathOf(name);
    // A damaged copy must not shadow good bytes, so what is there is read, not just looked at.
    if (await this.read(name).catch(() => undefined)) {
      await utimes(path, new Date(), new Date()); // its retention starts anew
      return name;
    }
    await this.#makeFolder(dirname(path));
    await writeDurably(path, await compress(bytes));
    return name;
  }

  /** undefined = not here. Throws when what is here is not what its name says: evidence must not lie. */
  async read(name: string): Promise<Uint8Array | undefined> {
    const stored = await readFile(this.#pathOf(name)).catch(absent);
    if (stored === undefined) return undefined;
    const bytes = await decompress(stored, { maxOutputLength: MAX_BYTES });
    if (hash('sha256', bytes) !== name) throw new Error(`evidence ${name} is damaged`);
    return bytes;
  }

  async remove(name: string): Promise<void> {
    const path = this.#pathOf(name);
    await rm(path, { force: true });
    await syncFolder(dirname(path)).catch(absent);
  }

  /** Also what no table knows of: a crash between keeping a file and taking in its rows leaves one behind. */
  async removeOlderThan(before: Instant, suffix: '.zst' | '.new' = '.zst'): Promise<number> {
    let removed = 0;
    for (const name of await readdir(this.#folder, { recursive: true })) {
      if (!name.endsWith(suffix)) continue;
      const path = join(this.#folder, name);
      const age = await stat(path).catch(absent);
      if (age === undefined || age.mtimeMs >= before) continue;
      await rm(path, { force: true });
      removed++;
    }
    return removed;
  }

  /** Two levels, so that no folder grows without bound. A name that is no hash never becomes a path. */
  #pathOf(name: string): string {
    if (!/^[0-9a-f]{64}$/.test(name)) throw new Error('evidence is named by a SHA-256 in lower-case hex');
    return join(this.#folder, name.slice(0, 2), `${name}.zst`);
  }

  async #makeFolder(folder: string): Promise<void> {
    const made = await mkdir(folder, { recursive: true, mode: 0o700 });
    if (made !== undefined) await syncFolder(dirname(folder));
  }
}

/** The name appears only with its whole content: written beside it, synced, renamed, and the folder synced. */
async function writeDurably(path: string, content: Uint8Array): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}.new`;
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (cause) {
    await rm(draft, { force: true });
    throw cause;
  }
  await syncFolder(dirname(path));
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function absent(cause: NodeJS.ErrnoException): undefined {
  if (cause.code === 'ENOENT') return undefined;
  throw cause;
}
