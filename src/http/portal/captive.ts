// Whether this line is captive in the sense of RFC 8908: web access is steered to us. Leaky and noticed lines browse freely.
import type { Journey } from '../../flow/journey.ts';

export function isCaptive(journey: Journey | undefined): boolean {
  if (journey === undefined || journey.phase === 'free') return false;
  return journey.confirmed === 'strict' || (journey.confirmed === 'unknown' && journey.wanted === 'strict');
}

/** RFC 8908 §5: `captive` always; the portal's address when captive (Android ignores the answer without it). */
export function captiveBody(captive: boolean, portalUrl: string): string {
  return JSON.stringify(captive ? { captive, 'user-portal-url': portalUrl, 'can-extend-session': false } : { captive });
}

export const CAPTIVE_TYPE = 'application/captive+json';
