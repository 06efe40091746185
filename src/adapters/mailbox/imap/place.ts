// Where we are in a folder: UIDs ascend and mean nothing under another UIDVALIDITY (RFC 9051 §2.3.1.1).
import type { Json } from '../../../flow/ports.ts';

export interface Place {
  /** '' = nothing known. */
  readonly uidValidity: string;
  /** Everything up to here has been dealt with. */
  readonly uid: number;
}

export function placeOf(kept: Json | undefined): Place {
  const { uidValidity, uid } = (kept ?? {}) as { uidValidity?: Json; uid?: Json };
  const isGood = typeof uidValidity === 'string' && typeof uid === 'number' && Number.isSafeInteger(uid) && uid >= 0;
  return isGood ? { uidValidity, uid } : { uidValidity: '', uid: 0 };
}

/** Only mails that are still there need to be remembered. */
export function forgetUntil(handled: Map<string, unknown>, uidValidity: string, waiting: readonly number[]): void {
  const there = new Set(waiting.map((uid) => `${uidValidity}/${uid}`));
  for (const key of handled.keys()) if (!there.has(key)) handled.delete(key);
}
