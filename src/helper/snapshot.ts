// Keeps the snapshot file in step with the kernel: read back, written aside, renamed. Soon after a change that matters, later
// after one that only moves timeouts; never more than a twentieth of the time, and once more at stop.
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { GatewaySpec } from '../core/garden/gateway.ts';
import type { Result } from '../core/kernel/result.ts';
import type { HelperError } from '../protocols/nftables/messages.ts';
import { formatSnapshot, type GardenContent } from '../protocols/nftables/snapshot.ts';

const SOON_MS = 200;
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

export class SnapshotFile {
  readonly #options: SnapshotOptions;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #notBefore = 0;
  #running: Promise<void> | undefined;
  /** The same fault again and again is told once. */
  #told = '';

  constructor(options: SnapshotOptions) {
    this.#options = options;
  }

  /** Something changed. A release is on disk after a moment; what only renews may wait. */
  changed(when: 'soon' | 'later'): void {
    const now = performance.now();
    const dueAt = Math.max(this.#notBefore, now + (when === 'soon' ? SOON_MS : LATER_MS));
    if (dueAt >= this.#dueAt) return;
    this.#dueAt = dueAt;
    // While one is under way its end sets the timer: it may have read the sets before this change.
    if (this.#running === undefined) this.#arm();
  }

  /** What is not saved yet is saved now. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#running;
    for (let i = 0; i < STOP_TRIES && this.#dueAt !== Number.POSITIVE_INFINITY; i++) {
      // Whoever ends us may have ended our nft with us.
      if (i > 0) await new Promise((resolve) => setTimeout(resolve, SOON_MS));
      await this.#save();
    }
    clearTimeout(this.#timer);
  }

  #arm(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#save(), Math.max(0, this.#dueAt - performance.now()));
  }

  #save(): Promise<void> {
    this.#dueAt = Number.POSITIVE_INFINITY;
    const startedAt = performance.now();
    this.#running = this.#write()
      .catch((cause) => this.#fail(cause instanceof Error ? cause.message : String(cause)))
      .finally(() => {
        const now = performance.now();
        this.#running = undefined;
        this.#notBefore = now + Math.max(LEAST_PAUSE_MS, PAUSE_PER_WORK * (now - startedAt));
        this.#dueAt = Math.max(this.#dueAt, this.#notBefore);
        if (this.#dueAt !== Number.POSITIVE_INFINITY) this.#arm();
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
    this.changed('later');
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
