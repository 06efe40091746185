// The lines of a text file that grows, across rotation, truncation and a restart of ours: from a position that the caller keeps, each
// whole line once and in order. Where lines may have been lost it says so. A `*` in the file's name follows a series of dated files.
import { hash } from 'node:crypto';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export interface FilePosition {
  readonly name: string;
  readonly inode: number;
  /** Octets of whole lines that were handed on. */
  readonly offset: number;
  /** Of the first octets, so that another file with this inode, or another content, is found out. */
  readonly head: { readonly octets: number; readonly hash: string };
}

export interface LinesRead {
  readonly lines: readonly string[];
  /** Where to go on once these lines are durable. */
  readonly position: FilePosition | undefined;
  /** There was nothing more: what comes next was written after this. */
  readonly atEnd: boolean;
  /** Lines were missed, or may have been: the file was replaced or cut while nobody looked, or a line was too long. */
  readonly mayHaveLost: boolean;
}

const [CHUNK_OCTETS, MAX_LINE_OCTETS, HEAD_OCTETS, LF] = [1_048_576, 65_536, 256, 10];
const MAX_FILES = 10_000;

export class FileFollower {
  readonly #folder: string;
  readonly #pattern: string;
  #resume: FilePosition | undefined;
  #file: { readonly handle: FileHandle; readonly name: string; readonly inode: number } | undefined;
  #offset = 0;
  #rest: Buffer = Buffer.alloc(0);
  #skipping = false;
  #head: { readonly octets: number; readonly hash: string } = { octets: 0, hash: '' };
  #lost = false;
  /** Only what is in front of it is read. */
  #until = Number.POSITIVE_INFINITY;

  /** `path`: the last part may hold one `*`, for names that sort by date. */
  constructor(path: string, position?: FilePosition) {
    this.#folder = dirname(path);
    this.#pattern = basename(path);
    this.#resume = position;
  }

  /** The lines in front of a position, once more; undefined: its file is gone. */
  static async before(path: string, position: FilePosition): Promise<FileFollower | undefined> {
    const follower = new FileFollower(path, position);
    const name = await follower.#find(position);
    if (name === undefined) return undefined;
    await follower.#use(name, 0);
    follower.#until = position.offset;
    return follower;
  }

  /** At most a megabyte at once. A file that is not there (yet) is an empty one. */
  async read(): Promise<LinesRead> {
    if (this.#file === undefined && !(await this.#open())) return this.#answer([], true);
    if (await this.#isCut()) this.#restart();
    const chunk = Buffer.allocUnsafe(CHUNK_OCTETS);
    const at = this.#offset + this.#rest.length;
    const most = Math.min(CHUNK_OCTETS, this.#until - at);
    const { bytesRead } = await this.#file!.handle.read(chunk, 0, most, at);
    if (bytesRead > 0) {
      const lines = this.#split(chunk.subarray(0, bytesRead));
      await this.#keepHead();
      return this.#answer(lines, false);
    }
    const next = this.#until === Number.POSITIVE_INFINITY ? await this.#next() : undefined;
    if (next === undefined) return this.#answer([], true);
    // A line that its writer never ended is none.
    this.#lost ||= this.#rest.length > 0 || this.#skipping;
    await this.#use(next, 0);
    return this.#answer([], false);
  }

  async close(): Promise<void> {
    await this.#file?.handle.close();
    this.#file = undefined;
  }

  #answer(lines: readonly string[], atEnd: boolean): LinesRead {
    const mayHaveLost = this.#lost;
    this.#lost = false;
    const file = this.#file;
    const position = file && { name: file.name, inode: file.inode, offset: this.#offset, head: this.#head };
    return { lines, position: position ?? this.#resume, atEnd, mayHaveLost };
  }

  #split(bytes: Buffer): string[] {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const lines: string[] = [];
    let from = 0;
    for (let end = all.indexOf(LF); end >= 0; end = all.indexOf(LF, from)) {
      if (this.#skipping || end - from > MAX_LINE_OCTETS) this.#lost = true;
      else lines.push(all.toString('utf8', from, end));
      this.#skipping = false;
      from = end + 1;
    }
    this.#offset += from;
    this.#rest = Buffer.from(all.subarray(from));
    if (this.#rest.length > MAX_LINE_OCTETS) {
      this.#offset += this.#rest.length;
      this.#rest = Buffer.alloc(0);
      this.#skipping = true;
    }
    return lines;
  }

  /** False: there is no file. */
  async #open(): Promise<boolean> {
    const before = this.#resume;
    const found = before === undefined ? undefined : await this.#find(before);
    if (found !== undefined) {
      await this.#use(found, before!.offset);
      return true;
    }
    const names = await this.#names();
    // What we were in the middle of is gone: everything that is there may be new.
    const name = before === undefined ? names[0] : (names.find((one) => one > before.name) ?? names.at(-1));
    if (name === undefined) return false;
    this.#lost ||= before !== undefined;
    await this.#use(name, 0);
    return true;
  }

  /** The file of a position, whatever it is called by now (`log` → `log.1`). */
  async #find(position: FilePosition): Promise<string | undefined> {
    const all = await readdir(this.#folder).catch((): string[] => []);
    const stem = this.#pattern.split('*', 1)[0]!;
    for (const name of all.filter((one) => one.startsWith(stem)).slice(0, MAX_FILES)) {
      const facts = await stat(join(this.#folder, name)).catch(() => undefined);
      if (facts?.ino !== position.inode || facts.size < position.offset) continue;
      const handle = await open(join(this.#folder, name), 'r').catch(() => undefined);
      if (handle === undefined) continue;
      const head = await headOf(handle, position.head.octets).finally(() => handle.close());
      if (head.hash === position.head.hash) return name;
    }
    return undefined;
  }

  async #use(name: string, offset: number): Promise<void> {
    await this.close();
    const handle = await open(join(this.#folder, name), 'r');
    this.#file = { handle, name, inode: (await handle.stat()).ino };
    this.#offset = offset;
    this.#rest = Buffer.alloc(0);
    this.#skipping = false;
    this.#head = await headOf(handle, Math.min(HEAD_OCTETS, offset));
  }

  async #keepHead(): Promise<void> {
    if (this.#head.octets < HEAD_OCTETS && this.#offset > this.#head.octets)
      this.#head = await headOf(this.#file!.handle, Math.min(HEAD_OCTETS, this.#offset));
  }

  /** Shorter than what was read, or with another beginning: written anew in place. */
  async #isCut(): Promise<boolean> {
    const { size } = await this.#file!.handle.stat();
    if (size < this.#offset + this.#rest.length) return true;
    if (this.#head.octets === 0) return false;
    return (await headOf(this.#file!.handle, this.#head.octets)).hash !== this.#head.hash;
  }

  #restart(): void {
    this.#lost = true;
    this.#offset = 0;
    this.#rest = Buffer.alloc(0);
    this.#skipping = false;
    this.#head = { octets: 0, hash: '' };
  }

  /** The file that took this one's place, or the next of the series. */
  async #next(): Promise<string | undefined> {
    const names = await this.#names();
    if (this.#pattern.includes('*')) return names.find((name) => name > this.#file!.name);
    const facts = await stat(join(this.#folder, this.#pattern)).catch(() => undefined);
    return facts === undefined || facts.ino === this.#file!.inode ? undefined : this.#pattern;
  }

  async #names(): Promise<string[]> {
    const all = await readdir(this.#folder).catch((): string[] => []);
    const [before, after] = this.#pattern.split('*', 2) as [string, string?];
    if (after === undefined) return all.includes(before) ? [before] : [];
    const fits = (name: string) =>
      name.length >= before.length + after.length && name.startsWith(before) && name.endsWith(after);
    return all.filter(fits).sort().slice(-MAX_FILES);
  }
}

async function headOf(handle: FileHandle, octets: number): Promise<{ octets: number; hash: string }> {
  const head = Buffer.alloc(octets);
  const { bytesRead } = await handle.read(head, 0, octets, 0);
  return { octets, hash: hash('sha256', head.subarray(0, bytesRead)) };
}
