// Where parts go: out of this process as they are made, in pieces, counted. Nothing is collected here, so that what an archive
// unfolds to is never in memory as a whole.
import { frameHead, MAX_CHUNK } from '../protocols/unpack/frames.ts';
import type { Limits, Said } from '../protocols/unpack/messages.ts';
import { UnpackFault } from './fault.ts';

export class Outlet {
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  readonly #limits: Limits;
  #parts = 0;
  #bytes = 0;

  /** `write` resolves when there is room again. */
  constructor(limits: Limits, write: (bytes: Uint8Array) => Promise<void>) {
    this.#limits = limits;
    this.#write = write;
  }

  async part(name: string, mediaType: string): Promise<void> {
    if (++this.#parts > this.#limits.parts)
      throw new UnpackFault('too-many-parts', `more than ${this.#limits.parts} parts`);
    await this.say({ is: 'part', name: fileNameOf(name), mediaType: mediaType.slice(0, 200) });
  }

  async bytes(bytes: Uint8Array): Promise<void> {
    this.#bytes += bytes.length;
    if (this.#bytes > this.#limits.bytesOut)
      throw new UnpackFault('too-much-out', `unfolds to more than ${this.#limits.bytesOut} octets`);
    for (let from = 0; from < bytes.length; from += MAX_CHUNK) {
      const piece = bytes.subarray(from, from + MAX_CHUNK);
      await this.#write(frameHead({ is: 'bytes' }, piece.length));
      await this.#write(piece);
    }
  }

  async say(what: Said): Promise<void> {
    await this.#write(frameHead(what, 0));
  }
}

/** A label, never a path: the last segment, without characters that steer anything. */
export function fileNameOf(name: string): string {
  const last = name.split(/[/\\]/).at(-1) ?? '';
  return last
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '')
    .trim()
    .slice(0, 200);
}
