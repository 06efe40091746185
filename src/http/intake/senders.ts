// Who sends: by a bearer key, or by a signature that is fresh. Everything here happens before a body is read.
import type { Request } from 'express';
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { type Instant, MINUTE } from '../../core/kernel/time.ts';
import { createKeyring, type IntakeSource } from './keys.ts';
import { isGenuine, readSignature, type Signature } from './signature.ts';

/** How far a signature's time may be from ours, either way. */
export const FRESH_MS = 5 * MINUTE;

export interface Sender {
  readonly name: string;
  readonly signature?: Signature;
}

export type Stranger = 'stranger' | 'stale';

/** Throws on a faulty key configuration; see createKeyring. */
export function createDoorkeeper(
  sources: readonly IntakeSource[],
): (request: Request, now: Instant) => Result<Sender, Stranger> {
  const byBearer = createKeyring(sources);
  const keysOf = new Map(sources.map(({ name, signatureKeys = [] }) => [name, signatureKeys]));
  return (request, now) => {
    // A request with both is judged by its signature: that one says more.
    if (request.headers['signature-input'] !== undefined) {
      const { method, originalUrl: target, headers } = request;
      const signature = readSignature({ method, target, headers });
      if (signature === undefined || !isGenuine(signature, keysOf.get(signature.keyId) ?? [])) return err('stranger');
      return isFresh(signature, now) ? ok({ name: signature.keyId, signature }) : err('stale');
    }
    const name = byBearer(request.headers.authorization);
    return name === undefined ? err('stranger') : ok({ name });
  };
}

function isFresh({ created, expires }: Signature, now: Instant): boolean {
  return Math.abs(now - created * 1000) <= FRESH_MS && (expires === undefined || now <= expires * 1000);
}
