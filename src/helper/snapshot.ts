// Keeps the snapshot file in step with the kernel: read back, written aside, renamed. At once after a release, when it is quiet
// after gardens were put, later where only timeouts moved; never more than a twentieth of the time, and once more at stop.
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { GatewaySpec } from '../core/garden/gateway.ts';
import type { Result } from '../core/kernel/result.ts';
import type { HelperError } from '../protocols/nftables/messages.ts';
import { formatSnapshot, type GardenContent } from '../protocols/nftables/snapshot.ts';

const AT_ONCE_MS = 200;
const QUIET_MS = 1000;
/** However busy it is. */
const LONGEST_MS = 10_000;
const LATER_MS = 60_000;
const STOP_TRIES = 3;
const LEAST_PAUSE_MS = 5000;
/** Reading back costs nft about a second per 100,000 elements. */
const PAUSE_PER_WORK = 20;

export interface SnapshotOptions {
  readonly spec: GatewaySpec;
  readonly file: string;
  readonly list: () => Promise<Result<GardenContent, HelperError>>;
  readonly report: (event: string, fields: Readonly<Record<string, string>>) => void;
}

/** `released`: somebody must not be put back. `put`: somebody would be free for a moment. `renewed`: only times changed. */
export type GardenChange = 'released' | 'put' | 'renewed';

export class SnapshotFile {
  readonly #options: SnapshotOptions;
  readonly #due = new Map<GardenChange, number>();
  #putSince: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #notBefore = 0;
  #running: Promise<void> | undefined;
  /** The same fault again and again is told once. */
  #told = '';

  constructor(options: SnapshotOptions) {
    this.#options = options;
  }

  changed(what: GardenChange): void {
    const now = performance.now();
    if (what === 'put') {
      this.#putSince ??= now;
      this.#due.set(what, Math.min(this.#putSince + LONGEST_MS, now + QUIET_MS));
    } else if (!this.#due.has(what)) this.#due.set(what, now + (what === 'released' ? AT_ONCE_MS : LATER_MS));
    // While one is under way its end sets the timer: it may have read the sets before this change.
    if (this.#running === undefined) this.#arm();
  }

  /** What is not saved yet is saved now. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#running;
    for (let i = 0; i < STOP_TRIES && this.#due.size > 0; i++) {
      // Whoever ends us may have ended our nft with us.
      if (i > 0) await new Promise((resolve) => setTimeout(resolve, AT_ONCE_MS));
      await this.#save();
    }
    clearTimeout(this.#timer);
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#due.size === 0) return;
    const dueAt = Math.max(this.#notBefore, Math.min(...this.#due.values()));
    this.#timer = setTimeout(() => void this.#save(), Math.max(0, dueAt - performance.now()));
  }

  #save(): Promise<void> {
    clearTimeout(this.#timer);
    this.#due.clear();
    this.#putSince = undefined;
    const startedAt = performance.now();
    this.#running = this.#write()
      .catch((cause) => this.#fail(cause instanceof Error ? cause.message : String(cause)))
      .finally(() => {
        const now = performance.now();
        this.#running = undefined;
        this.#notBefore = now + Math.max(LEAST_PAUSE_MS, PAUSE_PER_WORK * (now - startedAt));
        this.#arm();
      });
    return this.#running;
  }

  async #write(): Promise<void> {
    const { spec, file, list } = this.#options;
    const content = await list();
    // What cannot be read is no empty garden: the file stays as it was.
    if (!content.ok) return this.#fail('text' in content.error ? content.error.text : 'nft did not answer');
    const { text, leftOut } = formatSnapshot(spec, content.value, Date.now());
    const aside = `${file}.new`;
    try {
      await writeDurably(aside, text);
      await rename(aside, file);
    } catch (cause) {
      await rm(aside, { force: true });
      throw cause;
    }
    await syncFolder(dirname(file));
    this.#tell(leftOut === 0 ? '' : `too much for one file: ${leftOut} elements are left out`);
  }

  #fail(text: string): void {
    this.#tell(text);
    this.changed('renewed');
  }

  #tell(text: string): void {
    if (text !== '' && text !== this.#told) this.#options.report('snapshot-fault', { text: text.slice(0, 200) });
    this.#told = text;
  }
}

async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(file, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}
