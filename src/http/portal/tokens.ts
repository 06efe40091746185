// Form tokens without cookies (W04, W05): HMAC over line, version, action, time and nonce; used once, which the desk guards.
// Outside links: the check code sealed, so that a URL shows nothing and dies by itself.
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { HOUR, type Instant, MINUTE } from '../../core/kernel/time.ts';
import type { FormProof } from '../../flow/journey.ts';

const FORM_LIFE_MS = 30 * MINUTE;
const OUTSIDE_LIFE_MS = 12 * HOUR;
const MAX_TOKEN = 200;
const DOOR_BYTES = 12;

export interface FormSubject {
  readonly lineRef: string;
  readonly version: string;
  /** What the form orders, target included, e.g. `tick:restart`. */
  readonly action: string;
  /** SHA-256 of the page shown, for the forms whose page is kept. */
  readonly pageHash?: string;
}

export type Opened =
  | {
      readonly kind: 'good';
      readonly proof: Omit<FormProof, 'requestId'>;
      readonly issuedAt: Instant;
      readonly fresh: boolean;
    }
  | { readonly kind: 'bad' };

export interface Tokens {
  issue(subject: FormSubject, now: Instant): string;
  /** Forged, foreign and expired ones are one answer, in one time. `fresh`: made from this very version and page. */
  open(token: string, subject: FormSubject, now: Instant): Opened;
  /** For the door, before the page is known: a form of ours, served to this line, not expired; its id. */
  idOf(token: string, lineRef: string, now: Instant): string | undefined;
  seal(code: string, now: Instant): string;
  unseal(sealed: string, now: Instant): string | undefined;
}

export function createTokens(key: Buffer): Tokens {
  if (key.length < 32) throw new Error('portal token key: 32 bytes or more');
  const formKey = Buffer.from(hkdfSync('sha256', key, '', 'engawa portal form v1', 32));
  const sealKey = Buffer.from(hkdfSync('sha256', key, '', 'engawa portal outside v1', 32));
  const mac = (parts: readonly string[]) => createHmac('sha256', formKey).update(JSON.stringify(parts)).digest();
  const doorMac = (time: string, random: Buffer, lineRef: string) =>
    mac(['door', time, random.toString('base64url'), lineRef]).subarray(0, DOOR_BYTES);
  return {
    issue(subject, now) {
      const time = now.toString(36);
      const random = randomBytes(12);
      const nonce = Buffer.concat([random, doorMac(time, random, subject.lineRef)]).toString('base64url');
      const head = [time, nonce, stateTag(subject)];
      return [...head, mac([...head, subject.lineRef, subject.action]).toString('base64url')].join('.');
    },
    open(token, subject, now) {
      const parts = token.length > MAX_TOKEN ? [] : token.split('.');
      const [time = '', nonce = '', tag = '', signature = ''] = parts;
      const expected = mac([time, nonce, tag, subject.lineRef, subject.action]);
      const given = Buffer.alloc(expected.length);
      Buffer.from(signature, 'base64url').copy(given);
      const genuine = timingSafeEqual(expected, given) && parts.length === 4;
      const issuedAt = Number.parseInt(time, 36);
      const expiresAt = issuedAt + FORM_LIFE_MS;
      if (!genuine || !(now < expiresAt)) return { kind: 'bad' };
      return { kind: 'good', proof: { tokenId: nonce, expiresAt }, issuedAt, fresh: tag === stateTag(subject) };
    },
    idOf(token, lineRef, now) {
      const [time = '', nonce = ''] = token.length > MAX_TOKEN ? [] : token.split('.');
      const bytes = Buffer.from(nonce, 'base64url');
      if (bytes.length !== 12 + DOOR_BYTES || !(now < Number.parseInt(time, 36) + FORM_LIFE_MS)) return undefined;
      return timingSafeEqual(bytes.subarray(12), doorMac(time, bytes.subarray(0, 12), lineRef)) ? nonce : undefined;
    },
    seal(code, now) {
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', sealKey, iv);
      const body = Buffer.concat([cipher.update(`${code}.${(now + OUTSIDE_LIFE_MS).toString(36)}`), cipher.final()]);
      return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url');
    },
    unseal(sealed, now) {
      const bytes = Buffer.from(sealed.slice(0, MAX_TOKEN), 'base64url');
      if (bytes.length < 30) return undefined;
      try {
        const open = createDecipheriv('aes-256-gcm', sealKey, bytes.subarray(0, 12));
        open.setAuthTag(bytes.subarray(12, 28));
        const text = Buffer.concat([open.update(bytes.subarray(28)), open.final()]).toString('utf8');
        const [code = '', until = ''] = text.split('.');
        return now < Number.parseInt(until, 36) ? code : undefined;
      } catch {
        return undefined; // not sealed by us
      }
    },
  };
}

/** Says whether a form was made from the state we have now, without showing that state. */
function stateTag(subject: FormSubject): string {
  return createHash('sha256')
    .update(JSON.stringify([subject.version, subject.pageHash ?? '']))
    .digest('base64url')
    .slice(0, 22);
}
