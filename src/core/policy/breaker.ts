// The breaker: how many lines may lose their freedom in one window, overall, per source and per gateway. A pure value on
// monotonic milliseconds, so that a wall clock set back opens nothing. Releases are not its business. Once a cap was hit,
// that scope stays shut until a person resets it: a flood must not drip through at the rate of the window.
import type { BreakerLimits } from './policy.ts';

export interface Admission {
  readonly source: string;
  readonly gateway: string;
  readonly atMonotonicMs: number;
}

export interface Trip {
  readonly scope: 'all' | 'source' | 'gateway';
  /** The source's or gateway's name; empty for `all`. */
  readonly name: string;
  readonly atMonotonicMs: number;
}

export interface BreakerState {
  /** Inside the window, oldest first. */
  readonly admissions: readonly Admission[];
  readonly trips: readonly Trip[];
}

export const NEW_BREAKER: BreakerState = { admissions: [], trips: [] };

export interface AdmitRequest extends Admission {
  readonly lineCount: number;
  readonly limits: BreakerLimits;
  /** A person approved this very plan: counted, but neither capped nor stopped by a trip. */
  readonly approved?: boolean;
}

export type Admit =
  | { readonly admitted: true; readonly state: BreakerState }
  /** `tripped`: this very request shut the scope (raise the alarm once). */
  | { readonly admitted: false; readonly state: BreakerState; readonly by: Trip; readonly tripped: boolean };

/** New gardens per window for this many lines: max(floor, min(ceiling, ⌈share × lines⌉)). */
export function capOf(lineCount: number, limits: BreakerLimits): number {
  // 0.001 × 7000 is 7.000000000000001 in binary: without the rounding the cap would be 8.
  const share = Math.ceil(Math.round(lineCount * limits.share * 1e6) / 1e6);
  return Math.max(limits.floor, Math.min(limits.ceiling, share));
}

export function tryAdmit(state: BreakerState, request: AdmitRequest): Admit {
  const { source, gateway, limits } = request;
  // Monotonic by contract; held to it here, so that not even a broken clock makes room.
  const at = Math.max(request.atMonotonicMs, state.admissions.at(-1)?.atMonotonicMs ?? request.atMonotonicMs);
  const admissions = state.admissions.filter((one) => one.atMonotonicMs > at - limits.windowMs);
  const admitted = { admissions: [...admissions, { source, gateway, atMonotonicMs: at }], trips: state.trips };
  if (request.approved === true) return { admitted: true, state: admitted };

  const shut = state.trips.find((trip) => stops(trip, request));
  if (shut !== undefined)
    return { admitted: false, state: { admissions, trips: state.trips }, by: shut, tripped: false };

  const full = fullScope(admissions, request);
  if (full === undefined) return { admitted: true, state: admitted };
  const by: Trip = { ...full, atMonotonicMs: at };
  return { admitted: false, state: { admissions, trips: [...state.trips, by] }, by, tripped: true };
}

function stops(trip: Trip, request: AdmitRequest): boolean {
  if (trip.scope === 'all') return true;
  return trip.name === (trip.scope === 'source' ? request.source : request.gateway);
}

function fullScope(
  admissions: readonly Admission[],
  { source, gateway, lineCount, limits }: AdmitRequest,
): Pick<Trip, 'scope' | 'name'> | undefined {
  if (admissions.length >= capOf(lineCount, limits)) return { scope: 'all', name: '' };
  if (admissions.filter((one) => one.source === source).length >= limits.perSource)
    return { scope: 'source', name: source };
  if (admissions.filter((one) => one.gateway === gateway).length >= limits.perGateway)
    return { scope: 'gateway', name: gateway };
  return undefined;
}

/** After approve or discard: everything may try again, inside what the window still allows. */
export function resetTrips(state: BreakerState): BreakerState {
  return { admissions: state.admissions, trips: [] };
}

/** At start: gardens of the last window as the store remembers them, so that a restart makes no room either. */
export function restoreBreaker(
  recent: readonly { readonly source: string; readonly gateway: string; readonly ageMs: number }[],
  nowMonotonicMs: number,
): BreakerState {
  const admissions = recent
    .map(({ source, gateway, ageMs }) => ({ source, gateway, atMonotonicMs: nowMonotonicMs - Math.max(0, ageMs) }))
    .sort((a, b) => a.atMonotonicMs - b.atMonotonicMs);
  return { admissions, trips: [] };
}
