// When time may be trusted with what cannot be undone: endings and deletions wait for a clock that is sure.
import type { ClockStatus } from './ports.ts';

/** C06: neither unsynchronised nor jumped without a person's word. */
export function isSure({ state, jumped }: ClockStatus): boolean {
  return state !== 'unsynchronised' && !jumped;
}
