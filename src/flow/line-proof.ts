// What may be said about a line: never beyond what its gateways have proven (invariant 5). In doubt it says `unknown`.
import type { Access } from '../core/garden/access.ts';
import type { Derived, DerivedElement } from '../core/garden/derive.ts';
import { formatKey, type GardenKey, keyOverlaps } from '../core/garden/key.ts';
import type { Instant } from '../core/kernel/time.ts';
import type { Binding } from '../core/line/binding.ts';
import { formatPrefix } from '../core/net/prefix.ts';
import type { ElementPhase, Kept } from './garden-memory.ts';

export interface LineProof {
  readonly wanted: Access;
  /** What the gateways prove for every open address of the line; `unknown` as soon as one is in doubt. */
  readonly confirmed: Access | 'unknown';
  readonly partial: boolean;
  readonly elements: readonly {
    readonly gateway: string;
    readonly prefix: string;
    readonly access: Access;
    readonly phase: ElementPhase;
    readonly confirmedAt?: Instant;
    /** Why it is not further: `timeout`, `applies-at-next-login`, `nak 401: …`. */
    readonly failure?: string;
  }[];
  readonly uncovered: Derived['uncovered'];
}

export interface ProofFacts {
  readonly wanted: Access;
  /** What the line holds at this moment. */
  readonly open: readonly Binding[];
  readonly kept: readonly Kept[];
  readonly uncovered: Derived['uncovered'];
  /** Elements in a gateway that nobody wants and that are not proven gone. */
  readonly strays: Iterable<GardenKey>;
  /** Gateways that were read back since the start and answer. */
  readonly isSure: (gateway: string) => boolean;
  readonly areAllSure: boolean;
  readonly now: Instant;
}

export function lineProof(facts: ProofFacts): LineProof {
  const { wanted, kept, uncovered } = facts;
  const isGarden = wanted === 'leaky' || wanted === 'strict';
  return {
    wanted,
    confirmed: (isGarden ? isGardenProven(facts) : isFreedomProven(facts)) ? mostOf(facts) : 'unknown',
    partial: uncovered.length > 0,
    uncovered,
    elements: kept.map((one) => ({
      gateway: one.element.gateway,
      prefix: formatKey(one.element.prefix),
      access: one.element.access,
      phase: one.phase,
      ...(one.confirmedAt === undefined ? {} : { confirmedAt: one.confirmedAt }),
      ...(one.failure === undefined ? {} : { failure: one.failure }),
    })),
  };
}

/** Where every gateway of the line sees a tunnel from outside, none is as strict as it is wanted. */
function mostOf({ wanted, kept }: ProofFacts): Access {
  return wanted === 'strict' && kept.every((one) => one.element.access === 'leaky') ? 'leaky' : wanted;
}

/** Every open address has its element or is said to be uncovered; every element is proven and still alive. */
function isGardenProven({ wanted, open, kept, uncovered, isSure, now }: ProofFacts): boolean {
  const expressed = (binding: Binding) =>
    uncovered.some((one) => one.prefix === formatPrefix(binding.prefix)) ||
    kept.some((one) => keyOverlaps(one.element.prefix, binding));
  // A gateway that sees the outer packets of a tunnel alone is as strict as it can be.
  const isAsWanted = ({ access, prefix }: DerivedElement) =>
    access === wanted ||
    (access === 'leaky' &&
      uncovered.some((one) => one.reason === 'outer-packet' && one.prefix === formatPrefix(prefix)));
  return (
    kept.length > 0 &&
    open.every(expressed) &&
    kept.every(
      (one) =>
        one.phase === 'confirmed' &&
        !one.leaving &&
        isAsWanted(one.element) &&
        one.element.expiresAt > now &&
        isSure(one.element.gateway),
    )
  );
}

/** Nothing of ours is left, and no stray element lies on what the line holds. */
function isFreedomProven({ open, kept, strays, areAllSure }: ProofFacts): boolean {
  if (kept.length > 0 || !areAllSure) return false;
  for (const stray of strays) if (open.some((binding) => keyOverlaps(stray, binding))) return false;
  return true;
}
