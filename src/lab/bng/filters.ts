// The filters and services that are configured on a simulated BNG, and what they leave of a session's traffic.
export type BngAccess = 'strict' | 'leaky' | 'open';
export type Family = 4 | 6;

export interface Filter {
  readonly access: BngAccess;
  /** Absent: both. */
  readonly families?: readonly Family[];
}

export type Filters = Readonly<Record<string, Filter>>;

/** Per family: what was changed for one only is open for the other. */
export type FamilyAccess = Readonly<Record<Family, BngAccess>>;

const NARROWEST_FIRST: readonly BngAccess[] = ['strict', 'leaky', 'open'];

export function accessOf(names: readonly string[], filters: Filters, family: Family): BngAccess {
  const held = names.flatMap((name) => {
    const filter = filters[name];
    return filter === undefined || filter.families?.includes(family) === false ? [] : [filter.access];
  });
  return NARROWEST_FIRST.find((one) => held.includes(one)) ?? 'open';
}
