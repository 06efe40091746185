// C2SP signed-note with Ed25519 (c2sp.org/signed-note): a text, an empty line, signature lines. We write exactly one
// signature and accept exactly one: a second line would be bytes that nobody checks.
import { createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto';
import { err, ok, type Result } from '../../core/kernel/result.ts';

const ED25519 = 0x01;
/** SubjectPublicKeyInfo of an Ed25519 key without its 32 octets (RFC 8410 §4). */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

export interface NoteKey {
  /** No spaces, no plus sign. */
  readonly name: string;
  /** 32 octets. */
  readonly publicKey: Buffer;
}

/** The first 4 octets of SHA-256(name, newline, algorithm, key). */
function keyId(key: NoteKey): Buffer {
  const parts = [Buffer.from(`${key.name}\n`), Buffer.of(ED25519), key.publicKey];
  return hash('sha256', Buffer.concat(parts), 'buffer').subarray(0, 4);
}

export function publicKeyOf(privateKey: KeyObject): Buffer {
  return createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(SPKI.length);
}

/** `name+hash+key`, the vkey form of the specification. */
export function formatNoteKey(key: NoteKey): string {
  const body = Buffer.concat([Buffer.of(ED25519), key.publicKey]).toString('base64');
  return `${key.name}+${keyId(key).toString('hex')}+${body}`;
}

/** undefined for anything but the one form formatNoteKey writes. */
export function parseNoteKey(text: string): NoteKey | undefined {
  const match = /^([^\s+]{1,200})\+([0-9a-f]{8})\+([A-Za-z0-9+/=]{44})$/.exec(text);
  if (match === null) return undefined;
  const body = Buffer.from(match[3]!, 'base64');
  if (body.length !== 33 || body[0] !== ED25519) return undefined;
  const key = { name: match[1]!, publicKey: body.subarray(1) };
  return formatNoteKey(key) === text ? key : undefined;
}

/** `text` ends in a newline and holds no empty line at its end. */
export function signNote(text: string, key: NoteKey, privateKey: KeyObject): string {
  const signature = sign(null, Buffer.from(text), privateKey);
  return `${text}\n— ${key.name} ${Buffer.concat([keyId(key), signature]).toString('base64')}\n`;
}

/** The signed text, or why it is not one. */
export function openNote(note: string, key: NoteKey): Result<string, string> {
  const split = note.lastIndexOf('\n\n');
  if (split < 0) return err('no empty line before the signature');
  const text = note.slice(0, split + 1);
  const match = /^— ([^\s+]+) ([A-Za-z0-9+/=]+)\n$/.exec(note.slice(split + 2));
  if (match === null) return err('not exactly one signature line');
  const bytes = Buffer.from(match[2]!, 'base64');
  if (bytes.toString('base64') !== match[2]) return err('the signature is not canonical base64');
  if (match[1] !== key.name) return err('signed under another name than the key has');
  if (bytes.length !== 68 || !bytes.subarray(0, 4).equals(keyId(key))) return err('signed by another key');
  const spki = createPublicKey({ key: Buffer.concat([SPKI, key.publicKey]), format: 'der', type: 'spki' });
  return verify(null, Buffer.from(text), spki, bytes.subarray(4))
    ? ok(text)
    : err('the signature does not fit the text');
}
