// What one session shall be, was told, and has proven. A value with a life: changed in place by the enforcer, written down
// before a packet leaves and after the answer. Nothing here sends or stores.
import { markerOf } from '../../../core/dialect/marker.ts';
import type { Instant } from '../../../core/kernel/time.ts';
import type { NasSession } from '../../../core/line/session.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../../../core/net/prefix.ts';
import type { Json } from '../../../flow/ports.ts';

export type TellAccess = 'open' | 'leaky' | 'strict';

export interface Wanted {
  readonly prefix: Prefix;
  readonly access: 'leaky' | 'strict';
  /** Nobody renewed it until then: it leaves by itself. */
  readonly expiresAt: Instant;
}

export type Proof = 'accounting' | 'status-query' | 'portal-hit' | 'login' | 'session-over';

export interface Telling {
  /** Of the session it was made for first; it may move on to the next session of the same line. */
  readonly key: string;
  session: NasSession;
  readonly wanted: Map<string, Wanted>;
  /** Asked out of the garden; an answer is owed for each. */
  readonly leaving: Map<string, Prefix>;
  /** The last order that left us, whatever came of it. */
  sent?: { readonly access: TellAccess; readonly at: Instant };
  /** The strictest that left us since then and was never settled: an order that got no answer may be in force all the same. */
  doubt?: TellAccess;
  /** The last order that was acknowledged. `login`: AAA let the session in like this. */
  told?: { readonly access: TellAccess; readonly at: Instant; readonly by: 'coa' | 'login' | 'bounce' };
  /** When the acknowledged order was sent: a record made since then may speak of it, though it was made before the answer came. */
  toldFrom?: Instant;
  /** What a record said while the order was under way: proof as soon as the order is acknowledged. */
  glimpse?: TellAccess;
  proven?: { readonly access: TellAccess; readonly at: Instant; readonly by: Proof };
  failure?: string;
  /** Since when it is owed an order towards freedom. */
  releaseOwedSince?: Instant;
  /** The NAS does not know the session (503), or accounting said that it is over. */
  gone?: 'unknown-to-nas' | 'over';
  goneAt?: Instant;
  bouncedAt?: Instant;
  /** What the session had before the garden, where the way back needs it. */
  plan?: string;
  attempts: number;
  /** From an earlier process, and nobody has asked for it again in this one: it may free, never tighten. */
  isRecalled: boolean;
  /** AAA let it in quarantined, and nobody has said yet whether that is wanted: it is left as it is. */
  isUnclaimed?: boolean;
}

export function newTelling(session: NasSession): Telling {
  return { key: sessionKeyOf(session), session, wanted: new Map(), leaving: new Map(), attempts: 0, isRecalled: false };
}

export function sessionKeyOf(session: Pick<NasSession, 'nas' | 'sessionId' | 'accessKey'>): string {
  return `${session.nas}\u0000${session.sessionId}\u0000${session.accessKey}`;
}

/** The strictest of what its prefixes want: a session cannot be half in the garden. */
export function wantedAccess(telling: Telling): TellAccess {
  let access: TellAccess = 'open';
  for (const one of telling.wanted.values()) if (rank(one.access) > rank(access)) access = one.access;
  return access;
}

export function rank(access: TellAccess): number {
  return access === 'strict' ? 2 : access === 'leaky' ? 1 : 0;
}

/** What it was told last and nothing since: undefined = not known, something may be half done. Never by times: two orders may
 *  leave in one millisecond, a login is told of by the NAS's clock, and a later order does not undo the doubt of an earlier. */
export function settledAccess({ sent, told, doubt }: Telling): TellAccess | undefined {
  if (doubt !== undefined) return undefined;
  if (told === undefined) return sent === undefined ? 'open' : undefined;
  return sent !== undefined && sent.access !== told.access ? undefined : told.access;
}

/** The strictest that it may be now. */
export function mostAccess({ sent, told, doubt }: Telling): TellAccess {
  let most: TellAccess = 'open';
  for (const access of [told?.access, sent?.access, doubt])
    if (access !== undefined && rank(access) > rank(most)) most = access;
  return most;
}

/** Is an order owed? */
export function isOwed(telling: Telling): boolean {
  if (telling.isUnclaimed === true && telling.wanted.size + telling.leaving.size === 0) return false;
  return telling.gone === undefined && settledAccess(telling) !== wantedAccess(telling);
}

/** Towards freedom from whatever it may be now. */
export function isLoosening(telling: Telling): boolean {
  const wanted = wantedAccess(telling);
  return rank(wanted) === 0 || rank(wanted) < rank(mostAccess(telling));
}

/** What is proven of what was told last; `unknown` when it is an acknowledgement alone, or less. */
export function provenAccess(telling: Telling): TellAccess | 'unknown' {
  if (telling.gone === 'over') return 'open';
  const { told, sent, proven } = telling;
  if (told === undefined && sent === undefined && telling.doubt === undefined) return 'open';
  if (proven === undefined || told === undefined || settledAccess(telling) === undefined) return 'unknown';
  return proven.access === told.access && proven.at >= told.at ? proven.access : 'unknown';
}

/**
 * Nothing of ours is on it and nobody is owed an answer. A session that AAA let in quarantined says so in its Class to its
 * end: what it was told since is remembered as long, or each of its records would look like a garden nobody asked for.
 */
export function isDone(telling: Telling): boolean {
  if (telling.wanted.size + telling.leaving.size > 0 || provenAccess(telling) !== 'open') return false;
  return telling.gone === 'over' || markerOf(telling.session.facts) === undefined;
}

export function prefixesOf(telling: Telling): readonly Prefix[] {
  const all = new Map<string, Prefix>();
  for (const { prefix } of telling.wanted.values()) all.set(formatPrefix(prefix), prefix);
  for (const [text, prefix] of telling.leaving) all.set(text, prefix);
  if (telling.gone !== 'over' && mostAccess(telling) !== 'open')
    for (const { prefix } of telling.session.prefixes) all.set(formatPrefix(prefix), prefix);
  return [...all.values()];
}

// ---------------------------------------------------------------- on disk

const VERSION = 1;

export function tellingJson(telling: Telling): Json {
  const { session, wanted, leaving, attempts: _, isRecalled: __, ...rest } = telling;
  return JSON.parse(
    JSON.stringify({
      version: VERSION,
      ...rest,
      session: {
        ...session,
        prefixes: session.prefixes.map(({ slot, prefix }) => ({ slot, prefix: formatPrefix(prefix) })),
      },
      wanted: [...wanted.values()].map((one) => ({ ...one, prefix: formatPrefix(one.prefix) })),
      leaving: [...leaving.keys()],
    }),
  ) as Json;
}

/** undefined = not of this version, or damaged: then the session's next record tells what to do. */
export function tellingFrom(json: Json): Telling | undefined {
  try {
    const raw = json as unknown as {
      readonly version: number;
      readonly session: Omit<NasSession, 'prefixes'> & {
        readonly prefixes: readonly { slot: never; prefix: string }[];
      };
      readonly wanted: readonly { readonly prefix: string; readonly access: 'leaky' | 'strict'; expiresAt: number }[];
      readonly leaving: readonly string[];
    } & Pick<Telling, 'key'>;
    if (raw.version !== VERSION) return undefined;
    const { version: __, session, wanted, leaving, ...rest } = raw;
    return {
      ...rest,
      session: {
        ...session,
        prefixes: session.prefixes.map(({ slot, prefix }) => ({ slot, prefix: stored(prefix) })),
      },
      wanted: new Map(wanted.map((one) => [one.prefix, { ...one, prefix: stored(one.prefix) }])),
      leaving: new Map(leaving.map((text) => [text, stored(text)])),
      attempts: 0,
      isRecalled: true,
    };
  } catch {
    return undefined;
  }
}

function stored(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new Error(`a stored prefix that is none: ${text}`);
  return prefix;
}
