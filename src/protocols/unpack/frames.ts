// What the service and its unpacking process say to each other over a pipe: a JSON head, then the bytes it announces. Both
// sides hold the other to the same bounds; what breaks them ends the conversation. No meaning here, see messages.ts.

export interface Frame {
  readonly head: Readonly<Record<string, unknown>>;
  readonly bytes: Uint8Array;
}

export const MAX_HEAD = 1 << 20;
/** What is longer is sent in several frames. */
export const MAX_CHUNK = 1 << 18;

const LENGTHS = 8;

/** 4 octets length of the head, 4 octets length of the bytes (both big endian), head, bytes. */
export function frameHead(head: Readonly<Record<string, unknown>>, length: number): Buffer {
  const text = Buffer.from(JSON.stringify(head));
  if (text.length > MAX_HEAD) throw new RangeError(`a head of ${text.length} octets`);
  const lengths = Buffer.alloc(LENGTHS);
  lengths.writeUInt32BE(text.length, 0);
  lengths.writeUInt32BE(length, 4);
  return Buffer.concat([lengths, text]);
}

/** Takes whatever the pipe gives and hands out whole frames. Throws at the first thing that is none. */
export class FrameReader {
  readonly #maxBytes: number;
  #held: Uint8Array[] = [];
  #size = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Uint8Array): readonly Frame[] {
    this.#held.push(chunk);
    this.#size += chunk.length;
    const frames: Frame[] = [];
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) frames.push(frame);
    return frames;
  }

  #next(): Frame | undefined {
    if (this.#size < LENGTHS) return undefined;
    const lengths = this.#peek();
    const headLength = lengths.readUInt32BE(0);
    const length = lengths.readUInt32BE(4);
    if (headLength > MAX_HEAD || length > this.#maxBytes) throw new RangeError('a frame beyond its bounds');
    if (this.#size < LENGTHS + headLength + length) return undefined;
    const whole = this.#held.length === 1 ? asBuffer(this.#held[0]!) : Buffer.concat(this.#held);
    const from = LENGTHS + headLength;
    const rest = whole.subarray(from + length);
    this.#held = rest.length === 0 ? [] : [rest];
    this.#size = rest.length;
    return { head: headOf(whole.toString('utf8', LENGTHS, from)), bytes: whole.subarray(from, from + length) };
  }

  /** Pieces are joined only when a frame is whole: a large one that comes in many costs no square. */
  #peek(): Buffer {
    if (this.#held[0]!.length < LENGTHS) this.#held = [Buffer.concat(this.#held)];
    return asBuffer(this.#held[0]!);
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function headOf(text: string): Frame['head'] {
  const head: unknown = JSON.parse(text);
  if (head === null || typeof head !== 'object' || Array.isArray(head)) throw new TypeError('a head is a mapping');
  return head as Frame['head'];
}
