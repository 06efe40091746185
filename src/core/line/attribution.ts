// What attribution answers. Only `unique` may ever lead to enforcement (invariant 2).
import type { Binding, Via } from './binding.ts';

export type AttributionKind = 'unique' | 'ambiguous' | 'stale' | 'none' | 'not-ours' | 'impossible';

export interface Attribution {
  readonly kind: AttributionKind;
  /** Every line that may have held the address inside [observedAt − δ, observedAt + δ]. */
  readonly candidates: readonly { readonly lineId: string; readonly epoch: number; readonly bindingId: string }[];
  /** The binding that answered, for kind `unique`. */
  readonly binding?: Binding;
  /** Half-width of the window looked at, ms. */
  readonly deltaMs: number;
  /** The span the answer speaks about, ms: where a later record of another holder contradicts it. */
  readonly window: { readonly fromAt: number; readonly toAt: number };
  /** Of a shared address: what stood behind the port, over all candidates. */
  readonly via?: readonly Via[];
  /** From the open tail (no later record confirms the holder yet): checked again at enforcement. */
  readonly provisional: boolean;
  /** Stable code, e.g. `holder-changed-in-window`, `last-evidence-too-old`, `address-outside-our-ranges`. */
  readonly reason: string;
}
