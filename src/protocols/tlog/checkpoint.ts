// C2SP tlog-checkpoint (c2sp.org/tlog-checkpoint): origin, size and root of a log, as a signed note. No extension lines.
import type { KeyObject } from 'node:crypto';
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { HASH_BYTES } from './merkle.ts';
import { type NoteKey, openNote, signNote } from './note.ts';

export interface Checkpoint {
  readonly size: number;
  readonly root: Buffer;
}

/** The origin is the key's name, as the specification recommends. */
export function signCheckpoint(checkpoint: Checkpoint, key: NoteKey, privateKey: KeyObject): string {
  return signNote(`${key.name}\n${checkpoint.size}\n${checkpoint.root.toString('base64')}\n`, key, privateKey);
}

export function openCheckpoint(note: string, key: NoteKey): Result<Checkpoint, string> {
  const text = openNote(note, key);
  if (!text.ok) return text;
  const [origin, size, root, end, ...more] = text.value.split('\n');
  if (origin !== key.name) return err('the origin is not the key name');
  if (size === undefined || !/^(0|[1-9][0-9]{0,15})$/.test(size)) return err('the size is not a number');
  if (root === undefined || end !== '' || more.length > 0) return err('not exactly three lines');
  const bytes = Buffer.from(root, 'base64');
  if (bytes.length !== HASH_BYTES || bytes.toString('base64') !== root) return err('the root is not a hash');
  return ok({ size: Number(size), root: bytes });
}
