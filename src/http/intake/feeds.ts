// POST /v1/feeds/NAME and /v1/feeds/NAME/FILE: the bytes of a feed's file, taken in as if it had been fetched.
import { createHash } from 'node:crypto';
import type { Result } from '../../core/kernel/result.ts';
import type { Log } from '../../flow/ports.ts';
import type { ArrivedFile, Parked, Taken } from '../../flow/take-in.ts';
import type { IntakeAnswer } from './answer.ts';

/** Resolves only when everything accepted is durable; rejects when nothing of it may be acknowledged. Repeatable. */
export type TakeFile = (file: ArrivedFile) => Promise<Result<Taken, Parked>>;

/** Of some formats the name says the type. */
export const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;

export async function takePosted(
  post: { readonly feed: string; readonly file: string | undefined; readonly bytes: Buffer },
  { takeFile, log }: { readonly takeFile: TakeFile; readonly log: Log },
): Promise<IntakeAnswer> {
  const hash = createHash('sha256').update(post.bytes).digest('hex');
  const name = post.file ?? `post-${hash.slice(0, 16)}`;
  let taken: Result<Taken, Parked>;
  try {
    taken = await takeFile({ source: post.feed, name, bytes: post.bytes });
  } catch (error) {
    log.error('INTAKE_NOT_STORED', { source: post.feed, hash, error: String(error).slice(0, 200) });
    return { kind: 'problem', code: 'WG-INT-007', extras: { retryAfterSeconds: 5 } };
  }
  if (!taken.ok) {
    log.warn('INTAKE_DELIVERY_REFUSED', { source: post.feed, hash, code: taken.error.code });
    const members = { fault: taken.error.code, delivery: hash };
    return { kind: 'problem', code: 'WG-INT-011', extras: { detail: `${taken.error.text}.`, members } };
  }
  const { types, total, accepted, duplicates, refusedTotal, refused } = taken.value;
  const rows = { total, accepted: accepted.length, duplicate: duplicates, refused: refusedTotal };
  log.info('INTAKE_ACCEPTED', { source: post.feed, hash, ...rows });
  return {
    kind: 'taken',
    body: {
      delivery: hash,
      source: post.feed,
      file: name,
      types: [...types],
      rows,
      refused: refused.map((row) => ({ ...row })),
    },
  };
}
