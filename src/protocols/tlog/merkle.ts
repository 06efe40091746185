// The Merkle tree of RFC 9162 §2.1, kept as its frontier: the roots of the full subtrees, largest first. Appending and
// taking the root cost O(log n) and never look at an old entry. Inclusion proofs are left out: an export holds the log.
import { hash } from 'node:crypto';

export const HASH_BYTES = 32;
const LEAF = Buffer.of(0);
const NODE = Buffer.of(1);

/** RFC 9162 §2.1.1: HASH(0x00 || entry). */
export function leafHash(entry: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([LEAF, entry]), 'buffer');
}

function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([NODE, left, right]), 'buffer');
}

export class MerkleFrontier {
  #size: number;
  readonly #roots: Buffer[];

  private constructor(size: number, roots: Buffer[]) {
    this.#size = size;
    this.#roots = roots;
  }

  static empty(): MerkleFrontier {
    return new MerkleFrontier(0, []);
  }

  /** undefined when `bytes` is not one hash per set bit of `size`. */
  static from(size: number, bytes: Uint8Array): MerkleFrontier | undefined {
    if (!Number.isSafeInteger(size) || size < 0 || bytes.length !== HASH_BYTES * subtrees(size)) return undefined;
    const roots: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += HASH_BYTES) roots.push(Buffer.from(bytes.subarray(at, at + HASH_BYTES)));
    return new MerkleFrontier(size, roots);
  }

  get size(): number {
    return this.#size;
  }

  append(leaf: Buffer): void {
    let root = leaf;
    // Each trailing one bit of the size is a full subtree as large as what we carry: join them.
    for (let n = this.#size; n % 2 === 1; n = Math.floor(n / 2)) root = nodeHash(this.#roots.pop()!, root);
    this.#roots.push(root);
    this.#size += 1;
  }

  /** RFC 9162 §2.1.1: MTH(D[n]); the hash of the empty string for no entries. */
  root(): Buffer {
    if (this.#size === 0) return hash('sha256', '', 'buffer');
    return this.#roots.reduceRight((right, left) => nodeHash(left, right));
  }

  bytes(): Buffer {
    return Buffer.concat(this.#roots);
  }
}

function subtrees(size: number): number {
  let count = 0;
  for (let n = size; n > 0; n = Math.floor(n / 2)) count += n % 2;
  return count;
}
