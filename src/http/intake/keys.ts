// API keys of the report sources. Only SHA-256 digests are configured; two per source are valid while a key is changed.
import { createHash, timingSafeEqual } from 'node:crypto';

export interface IntakeSource {
  readonly name: string;
  /** SHA-256 of each valid key, 64 hex digits; one, or two during rotation. */
  readonly keyHashes: readonly string[];
  /** Secrets of signatures, 32 octets or more; two during rotation. */
  readonly signatureKeys?: readonly Uint8Array[];
  /** A feed whose files are posted; left out: a source of reports. */
  readonly isFeed?: boolean;
}

/** Keys are random (32 bytes or more): a plain digest is enough, there is nothing to guess. */
export function hashKey(key: string): string {
  return createHash('sha256').update(key, 'utf8').digest('hex');
}

/** Throws on a configuration that could let somebody in by accident: a digest that is none, or one used by two sources. */
export function createKeyring(
  sources: readonly IntakeSource[],
): (authorization: string | undefined) => string | undefined {
  const entries = sources.flatMap(({ name, keyHashes }) => {
    if (keyHashes.length > 2) throw new Error(`source ${name}: at most two keys are valid at a time`);
    return keyHashes.map((digest) => ({ name, digest: digestOf(name, digest) }));
  });
  if (new Set(entries.map(({ digest }) => digest.toString('hex'))).size !== entries.length)
    throw new Error('one key belongs to two sources, or stands twice');
  return (authorization) => {
    const key = /^Bearer ([\x21-\x7e]{16,512})$/i.exec(authorization ?? '')?.[1];
    const offered = createHash('sha256')
      .update(key ?? '', 'utf8')
      .digest();
    // Every digest is compared, so that the time says nothing about which one was close.
    let found: string | undefined;
    for (const { name, digest } of entries) if (timingSafeEqual(digest, offered)) found = name;
    return key === undefined ? undefined : found;
  };
}

function digestOf(source: string, hex: string): Buffer {
  if (!/^[0-9a-f]{64}$/i.test(hex)) throw new Error(`source ${source}: a key digest must be 64 hex digits (SHA-256)`);
  return Buffer.from(hex, 'hex');
}
