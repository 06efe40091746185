// How a simulated BNG behaves, as data: one strict one, and the ways in which real ones were seen to differ. Each name below is a
// behaviour to test against, never a claim about a product.

export interface Personality {
  /** Attributes it does not know: Error-Cause 401, or acknowledged and forgotten. */
  readonly unknownAttributes: 'nak' | 'ignore';
  /** `nothing`: acknowledged all the same. `ipv4-then-nak`: the change stops half way, and the NAK does not say so. */
  readonly change: 'atomic' | 'nothing' | 'ipv4-then-nak';
  /** The session goes on under a new Acct-Session-Id after a CoA. */
  readonly sessionIdChanges: boolean;
  /** Without User-Name a request is dropped. */
  readonly needsUserName: boolean;
  readonly nakHasCause: boolean;
  readonly requiresMessageAuthenticator: boolean;
  readonly requiresEventTimestamp: boolean;
  readonly messageAuthenticatorInReply: boolean;
  /** `wrong`: whoever typed it on the BNG mistyped it. */
  readonly secret: 'right' | 'wrong';
  readonly answerDelayMs: number;
  /** Of a hundred. */
  readonly dropRequestsPercent: number;
  readonly dropAnswersPercent: number;
  /** So many sessions may be in a garden; one more is refused with Error-Cause 506. */
  readonly mostInGarden?: number;
  /** A reboot ends sessions with a Stop and Accounting-Off, or they are simply gone. */
  readonly reboot: 'orderly' | 'forgets';
}

const STRICT: Personality = {
  unknownAttributes: 'nak',
  change: 'atomic',
  sessionIdChanges: false,
  needsUserName: false,
  nakHasCause: true,
  requiresMessageAuthenticator: true,
  requiresEventTimestamp: true,
  messageAuthenticatorInReply: true,
  secret: 'right',
  answerDelayMs: 0,
  dropRequestsPercent: 0,
  dropAnswersPercent: 0,
  reboot: 'orderly',
};

/** Neither checks the two attributes of RFC 5176 that are optional, nor sends them. */
const LAX: Personality = {
  ...STRICT,
  unknownAttributes: 'ignore',
  requiresMessageAuthenticator: false,
  requiresEventTimestamp: false,
  messageAuthenticatorInReply: false,
};

export const PERSONALITIES = {
  strict: STRICT,
  'ignores-and-acks': { ...LAX, change: 'nothing' },
  'half-applies': { ...LAX, change: 'ipv4-then-nak', nakHasCause: false },
  'forgets-on-reboot': { ...STRICT, reboot: 'forgets' },
  'changes-session-id': { ...LAX, sessionIdChanges: true, needsUserName: true, nakHasCause: false },
  slow: { ...STRICT, answerDelayMs: 5000 },
  lossy: { ...STRICT, dropRequestsPercent: 15, dropAnswersPercent: 15 },
  'no-ma-in-reply': { ...STRICT, messageAuthenticatorInReply: false },
  'wrong-secret': { ...STRICT, secret: 'wrong' },
  'set-full': { ...STRICT, mostInGarden: 100 },
} as const satisfies Readonly<Record<string, Personality>>;

export type PersonalityName = keyof typeof PERSONALITIES;

/** One by name, with single habits changed: `{ base: 'slow', answerDelayMs: 200 }`. */
export type PersonalityChoice = PersonalityName | (Partial<Personality> & { readonly base?: PersonalityName });

export function personalityOf(choice: PersonalityChoice): Personality {
  if (typeof choice === 'string') return PERSONALITIES[choice];
  const { base = 'strict', ...habits } = choice;
  return { ...PERSONALITIES[base], ...habits };
}

/** Mulberry32: the same seed loses the same packets. */
export function seededChance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
