// Whether this line is captive in the sense of RFC 8908: web access is steered to us. Leaky and noticed lines browse freely.
import type { Journey } from '../../flow/journey.ts';
import { capportJson } from '../../protocols/capport/api.ts';

export function isCaptive(journey: Journey | undefined): boolean {
  if (journey === undefined || journey.phase === 'free') return false;
  return journey.confirmed === 'strict' || (journey.confirmed === 'unknown' && journey.wanted === 'strict');
}

/** RFC 8908 §5: `captive` always; the portal's address when captive, which only an https portal has. */
export function captiveBody(captive: boolean, userPortalUrl: string): string {
  const full = captive ? capportJson({ captive, userPortalUrl, canExtendSession: false }) : capportJson({ captive });
  return full.ok ? full.value : JSON.stringify({ captive });
}
