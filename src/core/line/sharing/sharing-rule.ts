// All rules by which lines share addresses, as one value: what an operator's file says, and nothing else.
import type { DeterministicRule } from './deterministic.ts';
import type { Lw4o6Table } from './lw4o6.ts';
import type { MapERule } from './map-e.ts';

export type SharingRule = MapERule | DeterministicRule | Lw4o6Table;

export interface SharingRules {
  /** SHA-256 of what was read: it stands in the evidence of every answer. */
  readonly version: string;
  readonly rules: readonly SharingRule[];
}
