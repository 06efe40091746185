// Syslog messages in a TCP stream (RFC 6587 §3.4): octet counting where a frame begins with a number and `<`, line breaks otherwise;
// a sender may do either. Bounded: a frame that is too long is thrown away and counted, and the stream goes on behind it.
const [LF, CR, BLANK, LESS] = [10, 13, 32, 60];
const MAX_FRAME_OCTETS = 65_536;
const MAX_COUNT_DIGITS = 6;

export class SyslogFrames {
  /** Frames that were too long. */
  dropped = 0;
  #rest: Uint8Array = new Uint8Array();
  /** Octets of a frame that is thrown away still to come; −1 = up to the next line break. */
  #skip = 0;

  /** Frames completed by this chunk, without their line break; empty ones are none. */
  push(chunk: Uint8Array): string[] {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: string[] = [];
    while (bytes.length > 0) {
      const skipped = this.#skipped(bytes);
      if (skipped > 0) {
        bytes = bytes.subarray(skipped);
        continue;
      }
      const frame = nextFrame(bytes);
      if (frame === undefined) break;
      if (frame.tooLong !== undefined) {
        this.dropped++;
        this.#skip = frame.tooLong;
      } else if (frame.text !== '') frames.push(frame.text);
      bytes = bytes.subarray(frame.used);
    }
    this.#rest = bytes.slice();
    return frames;
  }

  /** What stood behind the last line break when the sender hung up: a line cut short would be another line. */
  get openOctets(): number {
    return this.#rest.length;
  }

  #skipped(bytes: Uint8Array): number {
    if (this.#skip === 0) return 0;
    const end = this.#skip > 0 ? Math.min(this.#skip, bytes.length) : bytes.indexOf(LF) + 1 || bytes.length;
    if (this.#skip > 0) this.#skip -= end;
    else if (bytes[end - 1] === LF) this.#skip = 0;
    return end;
  }
}

interface Frame {
  readonly used: number;
  readonly text: string;
  /** It is thrown away: so many octets more, −1 = up to the next line break. */
  readonly tooLong?: number;
}

function nextFrame(bytes: Uint8Array): Frame | undefined {
  const count = readCount(bytes);
  if (count === 'unknown-yet') return undefined;
  if (count !== undefined) {
    const { head, octets } = count;
    if (octets > MAX_FRAME_OCTETS) return { used: head, text: '', tooLong: octets };
    if (bytes.length < head + octets) return undefined;
    return { used: head + octets, text: textOf(bytes.subarray(head, head + octets)) };
  }
  const end = bytes.indexOf(LF);
  if (end < 0) return bytes.length > MAX_FRAME_OCTETS ? { used: bytes.length, text: '', tooLong: -1 } : undefined;
  if (end > MAX_FRAME_OCTETS) return { used: end, text: '', tooLong: -1 };
  return { used: end + 1, text: textOf(bytes.subarray(0, end)) };
}

/** MSG-LEN SP, and `<` of the priority behind it: a line of a file may begin with a number too. */
function readCount(bytes: Uint8Array): { readonly head: number; readonly octets: number } | 'unknown-yet' | undefined {
  let octets = 0;
  for (let i = 0; i <= MAX_COUNT_DIGITS; i++) {
    const c = bytes[i];
    if (c === undefined) return i === 0 ? undefined : 'unknown-yet';
    if (c === BLANK && i > 0) {
      const next = bytes[i + 1];
      if (next === undefined) return 'unknown-yet';
      return next === LESS ? { head: i + 1, octets } : undefined;
    }
    if (c < 48 || c > 57 || (c === 48 && i === 0)) return undefined;
    octets = octets * 10 + c - 48;
  }
  return undefined;
}

function textOf(bytes: Uint8Array): string {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === LF || bytes[end - 1] === CR || bytes[end - 1] === 0)) end--;
  return Buffer.from(bytes.buffer, bytes.byteOffset, end).toString('utf8');
}
