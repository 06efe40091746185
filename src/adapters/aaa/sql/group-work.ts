// Brings the rows in step with the wanted gardens, once: all of them, or those that changed. Every step can be repeated; what
// fails throws, and the comparison after it finds what was done and what was not.
import type { NamedAttribute } from '../../../core/dialect/dialect.ts';
import type { LoginAccess } from '../../../flow/login-access.ts';
import type { Log } from '../../../flow/ports.ts';
import {
  type GardenAccess,
  GROUPS,
  type MembershipChanges,
  membershipChanges,
  type ReplyRow,
  replyRows,
  type WantedGroup,
} from './group-rows.ts';
import { type GroupTables, inTransaction } from './group-tables.ts';
import { SqlFault, type SqlSession } from './session.ts';
import { sqlUserName } from './user-name.ts';

export interface GroupWorkOptions {
  readonly logins: Pick<LoginAccess, 'of' | 'all'>;
  readonly tables: GroupTables;
  readonly attributesFor: (access: GardenAccess) => readonly NamedAttribute[];
  readonly priority: number;
  readonly log: Log;
}

/** undefined = released. */
export type Changes = ReadonlyMap<string, GardenAccess | undefined>;

type Addition = MembershipChanges['add'][number] & { readonly accessKey: string };

const ACCESSES: readonly GardenAccess[] = ['strict', 'leaky'];
const BATCH = 200;

export class GroupWork {
  readonly #options: GroupWorkOptions;
  readonly #refused = new Set<string>();
  /** Gardens whose group says something: only these have members. */
  #sayable: ReadonlySet<GardenAccess> = new Set();

  constructor(options: GroupWorkOptions) {
    this.#options = options;
  }

  /** Lines whose key the database cannot hold. */
  get refused(): number {
    return this.#refused.size;
  }

  /** `meanwhile` is done between batches: a release does not wait for a thousand others to come in. */
  async compare(session: SqlSession, meanwhile: () => Promise<void>): Promise<void> {
    const { logins, tables, priority } = this.#options;
    const replies = this.#replies();
    this.#sayable = new Set(ACCESSES.filter((access) => replies[access].length > 0));
    this.#refused.clear();
    const wanted = new Map<string, WantedGroup>();
    const keyOf = new Map<string, string>();
    for (const [accessKey, access] of logins.all()) {
      const user = sqlUserName(accessKey);
      keyOf.set(user, accessKey);
      const group = this.#groupFor(accessKey, access);
      if (group !== undefined) wanted.set(user, group);
    }
    const { remove, add } = membershipChanges(await tables.members(session), wanted, priority);
    for (const batch of batchesOf(remove)) await this.#remove(session, batch);
    // Nobody is in a group before it says something: its members would lose their plan and get no garden.
    for (const access of ACCESSES) await tables.setReply(session, GROUPS[access], replies[access]);
    for (const batch of batchesOf(add)) {
      await meanwhile();
      await this.#add(
        session,
        batch.map((one) => ({ ...one, accessKey: keyOf.get(one.user)! })),
      );
    }
  }

  async follow(session: SqlSession, changes: Changes): Promise<void> {
    const { tables, priority } = this.#options;
    const releasesFirst = [...changes].sort((a, b) => Number(a[1] !== undefined) - Number(b[1] !== undefined));
    for (const [accessKey, access] of releasesFirst) {
      const user = sqlUserName(accessKey);
      const group = access === undefined ? undefined : this.#groupFor(accessKey, access);
      const wanted = new Map<string, WantedGroup>(group === undefined ? [] : [[user, group]]);
      const { remove, add } = membershipChanges(await tables.membersNamed(session, user), wanted, priority);
      await this.#remove(session, remove);
      await this.#add(
        session,
        add.map((one) => ({ ...one, accessKey })),
      );
    }
  }

  /** undefined = no row: nothing could be said at its login. */
  #groupFor(accessKey: string, access: GardenAccess): WantedGroup | undefined {
    // Wanted, and all the same nothing of it may begin: hold is on.
    if (this.#options.logins.of(accessKey) === undefined) return 'as-it-is';
    return this.#sayable.has(access) ? GROUPS[access] : undefined;
  }

  #replies(): Readonly<Record<GardenAccess, readonly ReplyRow[]>> {
    const rowsOf = (access: GardenAccess) => {
      const attributes = this.#options.attributesFor(access);
      const rows = replyRows(attributes);
      if (rows.ok) return rows.value;
      const { index, text } = rows.error;
      this.#options.log.error('AAA_ATTRIBUTE_UNSAYABLE', { attribute: attributes[index]!.name, text });
      return [];
    };
    return { strict: rowsOf('strict'), leaky: rowsOf('leaky') };
  }

  async #remove(session: SqlSession, ids: readonly number[]): Promise<void> {
    if (ids.length === 0) return;
    await inTransaction(session, async () => {
      for (const id of ids) await this.#options.tables.remove(session, id);
    });
  }

  /** What is wanted may have changed since it was read: it is asked again at the moment of writing. */
  async #add(session: SqlSession, additions: readonly Addition[]): Promise<void> {
    const { logins, tables, priority } = this.#options;
    const wanted = additions.filter(({ accessKey, group }) => {
      const access = logins.of(accessKey);
      return access !== undefined && GROUPS[access] === group;
    });
    if (wanted.length === 0) return;
    try {
      await inTransaction(session, async () => {
        for (const { user, group } of wanted) await tables.add(session, user, group, priority);
      });
    } catch (cause) {
      if (!(cause instanceof SqlFault && cause.kind === 'value')) throw cause;
      // One that the database cannot hold takes no other with it.
      if (wanted.length === 1) this.#refused.add(wanted[0]!.accessKey);
      else for (const one of wanted) await this.#add(session, [one]);
    }
  }
}

function batchesOf<T>(all: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / BATCH) }, (_, i) => all.slice(i * BATCH, (i + 1) * BATCH));
}
