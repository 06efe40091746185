// The secrets in the state folder: the Ed25519 key that signs checkpoints, the HMAC key behind line pseudonyms, and the key of
// the portal's forms. Created at first start, never replaced: with another key old pseudonyms and checkpoints mean nothing.
import {
  createHmac,
  createPrivateKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type NoteKey, publicKeyOf } from '../../../protocols/tlog/note.ts';

export interface StoreKeys {
  readonly note: NoteKey;
  readonly privateKey: KeyObject;
  /** A key object, not bytes: eight times faster per HMAC (measured). */
  readonly pseudonym: KeyObject;
}

/** Throws when a key file is unreadable, malformed or readable by others than its owner. May be repeated. */
export function loadKeys(folder: string, origin = 'engawa-audit'): StoreKeys {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const pem = secret(join(folder, 'audit-signing.pem'), () =>
    generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }),
  );
  const hex = hexKey(join(folder, 'pseudonym.key'));
  const privateKey = createPrivateKey(pem);
  if (privateKey.asymmetricKeyType !== 'ed25519') throw new Error('audit-signing.pem: not an Ed25519 key');
  return {
    note: { name: origin, publicKey: publicKeyOf(privateKey) },
    privateKey,
    pseudonym: createSecretKey(hex, 'hex'),
  };
}

/**
 * Behind form tokens and outside links. A restart must not kill the form that somebody is just reading; that each is used once
 * is the store's to know.
 */
export function loadFormKey(folder: string): Buffer {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return Buffer.from(hexKey(join(folder, 'portal-forms.key')), 'hex');
}

function hexKey(path: string): string {
  const hex = secret(path, () => `${randomBytes(32).toString('hex')}\n`).trim();
  if (!/^[0-9a-f]{64}$/.test(hex)) throw new Error(`${path}: not 64 hex digits`);
  return hex;
}

function secret(path: string, make: () => string | Buffer): string {
  try {
    if ((statSync(path).mode & 0o077) !== 0) throw new Error(`${path}: others may read it; next: chmod 600`);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    create(path, make());
  }
  return readFileSync(path, 'utf8');
}

/** Whole or not at all, and never over an existing key: written beside it, made durable, then linked into place. */
function create(path: string, content: string | Buffer): void {
  const draft = `${path}.${process.pid}.new`;
  const file = openSync(draft, 'wx', 0o600);
  try {
    fchmodSync(file, 0o600);
    writeSync(file, content.toString());
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    linkSync(draft, path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause; // another process was first: its key counts
  } finally {
    unlinkSync(draft);
  }
  syncFolder(join(path, '..'));
}

export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Same line and epoch, same pseudonym; nobody without the key file can go back or test a guess. */
export function linePseudonym(keys: StoreKeys, lineId: string, epoch: number): string {
  return keyed(keys, 'line', `${epoch}\n${lineId}`).slice(0, 32);
}

/** Hex. `purpose` keeps the uses of the one key apart. */
export function keyed(keys: StoreKeys, purpose: string, text: string): string {
  return createHmac('sha256', keys.pseudonym).update(`${purpose}\n${text}`).digest('hex');
}
