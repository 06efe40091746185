// A sender that signs as docs/reports-api.md says, written from that page and not from our code.
import { createHash, createHmac } from 'node:crypto';

export const KEY = Buffer.from('a signature key of 32 octets ...');

export interface ToSign {
  readonly body: string | Uint8Array;
  /** Seconds. */
  readonly created: number;
  readonly nonce: string;
  readonly keyId?: string;
  readonly path?: string;
}

export function sign(
  { body, created, nonce, keyId = 'honeypot-1', path = '/v1/reports' }: ToSign,
  key: Uint8Array = KEY,
) {
  const digest = `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
  const params = `("@method" "@path" "content-digest");created=${created};nonce="${nonce}";keyid="${keyId}";alg="hmac-sha256"`;
  const base = `"@method": POST\n"@path": ${path}\n"content-digest": ${digest}\n"@signature-params": ${params}`;
  const mac = createHmac('sha256', key).update(base).digest('base64');
  return {
    method: 'POST',
    target: path,
    headers: { 'content-digest': digest, 'signature-input': `sig1=${params}`, signature: `sig1=:${mac}:` },
  };
}
