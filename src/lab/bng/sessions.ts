// The sessions of a simulated BNG, found by what a request names: every attribute that identifies must fit (RFC 5176 §3).
import type { NamedAttribute } from '../../core/dialect/dialect.ts';
import { formatPrefix, parsePrefix } from '../../core/net/prefix.ts';
import type { FamilyAccess } from './filters.ts';

export interface BngHome {
  readonly user: string;
  readonly password?: string;
  readonly ip4?: string;
  /** The delegated prefix. */
  readonly prefix6?: string;
  readonly portId?: string;
  readonly mac?: string;
}

export interface BngSession {
  /** Acct-Session-Id. */
  readonly id: string;
  /** With the addresses of this session. */
  readonly home: BngHome;
  /** From the Access-Accept, returned in accounting untouched (RFC 2865 §5.25). */
  readonly classes: readonly Uint8Array[];
  /** Filters or services that the BNG believes to be in force. */
  readonly names: readonly string[];
  /** What is really in force. */
  readonly access: FamilyAccess;
  readonly startedAt: number;
  /** The last order that was carried out, to notice one that is carried out twice. */
  readonly lastOrder?: string;
}

type Reads = (session: BngSession) => string | undefined;

const VENDOR_READS: Readonly<Record<string, Reads>> = {
  /** `S` and an address names the session to an ISG. */
  'Cisco-Account-Info': ({ home }) => (home.ip4 === undefined ? undefined : `S${home.ip4}`),
  // A SmartEdge has contexts; this one has one.
  'Context-Name': () => 'CLIPS',
};

const READS: Readonly<Record<string, Reads>> = {
  'Acct-Session-Id': ({ id }) => id,
  'User-Name': ({ home }) => home.user,
  'Framed-IP-Address': ({ home }) => home.ip4,
  'Delegated-IPv6-Prefix': ({ home }) => home.prefix6,
  'Calling-Station-Id': ({ home }) => home.mac,
  'NAS-Port-Id': ({ home }) => home.portId,
};

/** Attributes that name a session to every BNG (RFC 5176 §3). */
export const KEYS: readonly string[] = Object.keys(READS);

export class SessionTable {
  readonly #byId = new Map<string, BngSession>();
  readonly #idByIp4 = new Map<string, string>();
  readonly #idsByUser = new Map<string, Set<string>>();

  get size(): number {
    return this.#byId.size;
  }

  all(): readonly BngSession[] {
    return [...this.#byId.values()];
  }

  get(id: string): BngSession | undefined {
    return this.#byId.get(id);
  }

  ofUser(user: string): BngSession | undefined {
    return this.#find('User-Name', user).at(-1);
  }

  put(session: BngSession): void {
    this.#byId.set(session.id, session);
    if (session.home.ip4 !== undefined) this.#idByIp4.set(session.home.ip4, session.id);
    const ids = this.#idsByUser.get(session.home.user) ?? new Set();
    this.#idsByUser.set(session.home.user, ids.add(session.id));
  }

  remove(id: string): void {
    const session = this.#byId.get(id);
    if (session === undefined) return;
    this.#byId.delete(id);
    const { ip4, user } = session.home;
    if (ip4 !== undefined && this.#idByIp4.get(ip4) === id) this.#idByIp4.delete(ip4);
    const ids = this.#idsByUser.get(user);
    ids?.delete(id);
    if (ids?.size === 0) this.#idsByUser.delete(user);
  }

  clear(): void {
    for (const { id } of this.all()) this.remove(id);
  }

  /** Every session that all of these fit. */
  matching(keys: readonly NamedAttribute[]): readonly BngSession[] {
    const wanted = keys.map(({ name, value }) => ({ name, value: normal(name, value) }));
    const indexed = ['Acct-Session-Id', 'Framed-IP-Address', 'User-Name']
      .map((name) => wanted.find((one) => one.name === name))
      .find((one) => one !== undefined);
    const candidates = indexed === undefined ? this.all() : this.#find(indexed.name, indexed.value);
    return candidates.filter((session) =>
      wanted.every(({ name, value }) => normal(name, read(name, session)) === value),
    );
  }

  #find(name: string, value: string | undefined): readonly BngSession[] {
    if (value === undefined) return [];
    const ids =
      name === 'User-Name'
        ? [...(this.#idsByUser.get(value) ?? [])]
        : [name === 'Framed-IP-Address' ? this.#idByIp4.get(value) : value];
    return ids.flatMap((id) => (id === undefined ? [] : (this.#byId.get(id) ?? [])));
  }
}

function read(name: string, session: BngSession): string | undefined {
  return (READS[name] ?? VENDOR_READS[name])?.(session);
}

function normal(name: string, value: string | undefined): string | undefined {
  if (value === undefined || name !== 'Delegated-IPv6-Prefix') return value;
  const prefix = parsePrefix(value);
  return prefix === undefined ? value : formatPrefix(prefix);
}
