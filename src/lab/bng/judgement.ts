// What a simulated BNG makes of a CoA-Request or Disconnect-Request: a rule from values to a verdict. Who may send one, and
// whether it is a repetition, was settled before (server.ts).
import type { NamedAttribute } from '../../core/dialect/dialect.ts';
import { CODE } from '../../protocols/radius/codec.ts';
import { accessOf, type Filters } from './filters.ts';
import type { Personality } from './personality.ts';
import { type BngSession, KEYS, type SessionTable } from './sessions.ts';
import { type Change, namesAfter, type Vocabulary } from './vocabulary.ts';

/** RFC 5176 §3.6. */
const CAUSE = {
  unsupportedAttribute: 401,
  missingAttribute: 402,
  nasMismatch: 403,
  sessionNotFound: 503,
  resourcesUnavailable: 506,
  severalSessions: 508,
} as const;

export type Verdict =
  | { readonly kind: 'drop' }
  | { readonly kind: 'nak'; readonly cause?: number }
  | { readonly kind: 'disconnect'; readonly session: BngSession }
  | { readonly kind: 'status'; readonly session: BngSession }
  /** Acknowledged, and nothing is done. */
  | { readonly kind: 'shrug' }
  | { readonly kind: 'change'; readonly session: BngSession; readonly names: readonly string[] };

export interface Box {
  readonly identifier: string;
  readonly address: string;
  readonly vocabulary: Vocabulary;
  readonly filters: Filters;
  readonly sessions: SessionTable;
  readonly personality: Personality;
}

/** Speak of the packet, not of a session. */
const ABOUT_PACKET = ['Message-Authenticator', 'Event-Timestamp', 'Proxy-State', 'State'];
const ABOUT_NAS = ['NAS-Identifier', 'NAS-IP-Address', 'NAS-IPv6-Address'];

export function judge(code: number, attributes: readonly NamedAttribute[], box: Box): Verdict {
  const { personality, vocabulary, sessions } = box;
  if (personality.needsUserName && !attributes.some(({ name }) => name === 'User-Name')) return { kind: 'drop' };
  if (!namesThisNas(attributes, box)) return nak(CAUSE.nasMismatch, personality);
  const isDisconnect = code === CODE.disconnectRequest;
  const identifying = [...KEYS, ...vocabulary.identifies];
  const known = new Set([...ABOUT_PACKET, ...ABOUT_NAS, ...identifying]);
  if (!isDisconnect) for (const name of vocabulary.knows) known.add(name);
  if (personality.unknownAttributes === 'nak' && attributes.some(({ name }) => !known.has(name)))
    return nak(CAUSE.unsupportedAttribute, personality);
  const keys = attributes.filter(({ name }) => identifying.includes(name));
  if (keys.length === 0) return nak(CAUSE.missingAttribute, personality);
  const found = sessions.matching(keys);
  if (found.length !== 1) return nak(found.length === 0 ? CAUSE.sessionNotFound : CAUSE.severalSessions, personality);
  const [session] = found as [BngSession];
  return isDisconnect ? { kind: 'disconnect', session } : judgeChange(session, vocabulary.read(attributes), box);
}

function judgeChange(session: BngSession, change: Change, box: Box): Verdict {
  const { personality, vocabulary, filters } = box;
  if (change.asksStatus) return { kind: 'status', session };
  if (personality.change === 'nothing') return { kind: 'shrug' };
  const absent = change.deactivate.some((name) => !session.names.includes(name));
  if (absent && vocabulary.absentNameCause !== undefined) return nak(vocabulary.absentNameCause, personality);
  const names = namesAfter(session.names, change);
  if (names === undefined)
    return personality.unknownAttributes === 'ignore' ? { kind: 'shrug' } : nak(CAUSE.missingAttribute, personality);
  if (names.some((name) => filters[name] === undefined)) return nak(vocabulary.unknownNameCause, personality);
  if (isGarden(names, filters) && !isGarden(session.names, filters) && isFull(box))
    return nak(CAUSE.resourcesUnavailable, personality);
  return { kind: 'change', session, names };
}

function namesThisNas(attributes: readonly NamedAttribute[], { identifier, address }: Box): boolean {
  return attributes.every(
    ({ name, value }) => !ABOUT_NAS.includes(name) || value === (name === 'NAS-Identifier' ? identifier : address),
  );
}

function isGarden(names: readonly string[], filters: Filters): boolean {
  return accessOf(names, filters, 4) !== 'open' || accessOf(names, filters, 6) !== 'open';
}

function isFull({ personality, sessions, filters }: Box): boolean {
  const most = personality.mostInGarden;
  return most !== undefined && sessions.all().filter(({ names }) => isGarden(names, filters)).length >= most;
}

function nak(cause: number, { nakHasCause }: Personality): Verdict {
  return { kind: 'nak', ...(nakHasCause ? { cause } : {}) };
}
