// What a simulated BNG saw, in numbers that tests and benchmarks ask for.
export const BNG_COUNTS = [
  'received',
  'unknownSource',
  'malformed',
  'badAuthenticator',
  'badMessageAuthenticator',
  'messageAuthenticatorMissing',
  'eventTimestampMissing',
  'stale',
  /** The same request once more: answered from memory, or still being worked on. */
  'duplicates',
  /** Another request under a source port and identifier that was used less than 300 s ago. */
  'reusedIdentifiers',
  'droppedRequests',
  'droppedAnswers',
  'ignored',
  'acks',
  'naks',
  'effects',
  /** An order that the session's last order already was, carried out again. */
  'doubledEffects',
  'disconnects',
  'accessRequests',
  'accessAccepts',
  'accessRejects',
  'accessUnanswered',
] as const;

export type BngCount = (typeof BNG_COUNTS)[number];
export type BngCounts = Readonly<Record<BngCount, number>>;

export class Counter {
  readonly #counts = Object.fromEntries(BNG_COUNTS.map((name) => [name, 0])) as Record<BngCount, number>;

  add(name: BngCount): void {
    this.#counts[name]++;
  }

  counts(): BngCounts {
    return { ...this.#counts };
  }
}
