// The window an observation may truly lie in, on the clock of the source that named the holder.
import { type Instant, MINUTE, SECOND } from '../kernel/time.ts';
import type { Binding } from './binding.ts';

export interface Window {
  readonly fromAt: Instant;
  readonly toAt: Instant;
  readonly deltaMs: number;
}

const STATIC_MS = 5 * SECOND;
const ACCOUNTING_MS = MINUTE;

/**
 * δ: ±5 s for static prefixes, ±60 s plus the NAS's measured skew for accounting; a feed that is less precise than that
 * (minutes, a whole day, an unknown zone) widens it to its own precision.
 */
export function deltaFor(precisionMs: number, dynamic: boolean, skewMs: number): number {
  return Math.max(dynamic ? ACCOUNTING_MS : STATIC_MS, precisionMs) + (dynamic ? skewMs : 0);
}

/** The widest δ any binding of this address could ask for: what to look up before the bindings are known. */
export function widestWindow(observedAt: Instant, precisionMs: number, skewMs: number): Window {
  const deltaMs = deltaFor(precisionMs, true, skewMs);
  return { fromAt: observedAt - deltaMs, toAt: observedAt + deltaMs, deltaMs };
}

/** Nothing can be observed after the report of it arrived: the window ends there, as the NAS's clock may have shown it. */
export function windowOf(options: {
  readonly observedAt: Instant;
  readonly arrivedAt: Instant;
  readonly precisionMs: number;
  readonly dynamic: boolean;
  readonly skewMs: number;
  readonly narrow?: boolean;
}): Window {
  const { precisionMs, dynamic, skewMs } = options;
  const deltaMs =
    options.narrow === true ? precisionMs + (dynamic ? skewMs : 0) : deltaFor(precisionMs, dynamic, skewMs);
  const fromAt = options.observedAt - deltaMs;
  const limitAt = options.arrivedAt + (options.dynamic ? options.skewMs : 0);
  return { fromAt, toAt: Math.max(fromAt, Math.min(options.observedAt + deltaMs, limitAt)), deltaMs };
}

export function certainFrom(binding: Binding): Instant {
  return binding.certainFromAt ?? binding.startAt;
}

/** Could this binding have held its prefix at any moment of the window? */
export function mayTouch(binding: Binding, window: Window): boolean {
  return binding.startAt <= window.toAt && (binding.endAt ?? Number.POSITIVE_INFINITY) >= window.fromAt;
}

/** Is there evidence for it inside the window, between its first and last sighting? */
export function certainlyTouches(binding: Binding, window: Window): boolean {
  return certainFrom(binding) <= window.toAt && binding.certainEndAt >= window.fromAt;
}

/** Up to when this binding answers for its prefix: its evidence, or the open tail, never longer. */
export function coveredUntil(binding: Binding, interimMs: number, tailLimitAt: Instant): Instant {
  if (binding.coveredUntilAt !== undefined) return binding.coveredUntilAt;
  if (binding.endAt !== undefined) return binding.certainEndAt;
  if (binding.source === 'static') return Number.POSITIVE_INFINITY;
  return Math.max(binding.certainEndAt, Math.min(tailLimitAt, binding.certainEndAt + 2 * interimMs));
}
