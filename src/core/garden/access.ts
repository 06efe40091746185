// The four things a line's access can be, from free to closed. What each means on the wire: design.md, «What each access means».
export const ACCESSES = ['open', 'notice', 'leaky', 'strict'] as const;
export type Access = (typeof ACCESSES)[number];

/** A line with several open cases gets the strictest of them. */
export function strictest(accesses: Iterable<Access>): Access {
  let rank = 0;
  for (const access of accesses) rank = Math.max(rank, ACCESSES.indexOf(access));
  return ACCESSES[rank]!;
}

export function isTightening(from: Access, to: Access): boolean {
  return ACCESSES.indexOf(to) > ACCESSES.indexOf(from);
}
