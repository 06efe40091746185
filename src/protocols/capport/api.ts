// The captive-portal API's answer (RFC 8908 §5). Android reads at most 4,096 characters and takes a captive answer seriously only
// with `user-portal-url`. Leaves out bytes-remaining: we sell no volumes.
import { err, ok, type Result } from '../../core/kernel/result.ts';

export const CAPPORT_HEADERS = {
  'Content-Type': 'application/captive+json',
  'Cache-Control': 'private, no-store',
} as const;
export const MAX_CAPPORT_CHARACTERS = 4096;

export type Capport =
  /** A captive client has no session that could end: seconds-remaining is left out (§5). */
  | {
      readonly captive: true;
      readonly userPortalUrl: string;
      readonly venueInfoUrl?: string;
      readonly canExtendSession?: boolean;
    }
  | {
      readonly captive: false;
      readonly userPortalUrl?: string;
      readonly venueInfoUrl?: string;
      readonly canExtendSession?: boolean;
      /** Until the line will be captive, when that is known; whole seconds, ≥ 0. */
      readonly secondsRemaining?: number;
    };

export type CapportFault = 'url-not-https' | 'seconds-not-whole' | 'too-long';

/** The body. Faults are the configuration's, never the asker's. */
export function capportJson(state: Capport): Result<string, CapportFault> {
  for (const url of [state.userPortalUrl, state.venueInfoUrl]) {
    if (url !== undefined && !isHttps(url)) return err('url-not-https');
  }
  const seconds = state.captive ? undefined : state.secondsRemaining;
  if (seconds !== undefined && (!Number.isSafeInteger(seconds) || seconds < 0)) return err('seconds-not-whole');
  const text = JSON.stringify({
    captive: state.captive,
    'user-portal-url': state.userPortalUrl,
    'venue-info-url': state.venueInfoUrl,
    'can-extend-session': state.canExtendSession,
    'seconds-remaining': seconds,
  });
  return text.length < MAX_CAPPORT_CHARACTERS ? ok(text) : err('too-long');
}

function isHttps(text: string): boolean {
  return URL.canParse(text) && new URL(text).protocol === 'https:';
}
