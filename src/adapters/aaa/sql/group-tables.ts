// The statements on radusergroup and radgroupreply, or on views of them. Every one names our groups, so that no other row is
// read or written whatever the rights of our account.
import { GROUPS, type GroupName, type Membership, type ReplyRow, sameRows } from './group-rows.ts';
import type { SqlRow, SqlSession } from './session.ts';

export interface TableNames {
  readonly userGroup: string;
  readonly groupReply: string;
}

/** Views that show our groups alone; deploy/freeradius/sql makes them. */
export const VIEWS: TableNames = { userGroup: 'engawa_radusergroup', groupReply: 'engawa_radgroupreply' };

const OURS = [GROUPS.strict, GROUPS.leaky];
const OF_OURS = 'groupname IN (?, ?)';
/** More members than this is no installation of ours: reading on would only fill memory. */
const MOST_ROWS = 1_000_000;

export class GroupTables {
  readonly #names: TableNames;

  /** Throws on a name that is none: it becomes part of a statement. */
  constructor(names: TableNames) {
    for (const name of [names.userGroup, names.groupReply])
      if (!/^[A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62})?$/.test(name))
        throw new Error(`${JSON.stringify(name)} is not the name of a table`);
    this.#names = names;
  }

  async members(session: SqlSession): Promise<readonly Membership[]> {
    const rows = await session.run(`${this.#selectMembers()} ORDER BY id LIMIT ${MOST_ROWS + 1}`, OURS);
    if (rows.length > MOST_ROWS) throw new Error(`more than ${MOST_ROWS} rows in our groups`);
    return rows.map(membership);
  }

  async membersNamed(session: SqlSession, user: string): Promise<readonly Membership[]> {
    const rows = await session.run(`${this.#selectMembers()} AND username = ? ORDER BY id`, [...OURS, user]);
    // A collation may take others for the same.
    return rows.map(membership).filter((row) => row.user === user);
  }

  async remove(session: SqlSession, id: number): Promise<void> {
    await session.run(`DELETE FROM ${this.#names.userGroup} WHERE id = ? AND ${OF_OURS}`, [id, ...OURS]);
  }

  async add(session: SqlSession, user: string, group: GroupName, priority: number): Promise<void> {
    const into = `INSERT INTO ${this.#names.userGroup} (username, groupname, priority) VALUES (?, ?, ?)`;
    await session.run(into, [user, group, priority]);
  }

  /** What a login of this group gets: all of it at once, or as before. */
  async setReply(session: SqlSession, group: GroupName, wanted: readonly ReplyRow[]): Promise<void> {
    const table = this.#names.groupReply;
    const select = `SELECT id, attribute, op, value FROM ${table} WHERE groupname = ? ORDER BY id`;
    const found = (await session.run(select, [group])).map((row) => ({
      id: Number(row['id']),
      attribute: String(row['attribute']),
      op: String(row['op']) as ReplyRow['op'],
      value: String(row['value']),
    }));
    if (sameRows(found, wanted)) return;
    await inTransaction(session, async () => {
      for (const { id } of found) await session.run(`DELETE FROM ${table} WHERE id = ? AND groupname = ?`, [id, group]);
      const into = `INSERT INTO ${table} (groupname, attribute, op, value) VALUES (?, ?, ?, ?)`;
      for (const { attribute, op, value } of wanted) await session.run(into, [group, attribute, op, value]);
    });
  }

  #selectMembers(): string {
    return `SELECT id, username, groupname, priority FROM ${this.#names.userGroup} WHERE ${OF_OURS}`;
  }
}

function membership(row: SqlRow): Membership {
  return {
    id: Number(row['id']),
    user: String(row['username']),
    group: String(row['groupname']),
    priority: Number(row['priority']),
  };
}

export async function inTransaction(session: SqlSession, steps: () => Promise<void>): Promise<void> {
  await session.run('START TRANSACTION');
  try {
    await steps();
    await session.run('COMMIT');
  } catch (cause) {
    await session.run('ROLLBACK').catch(() => {}); // the connection may be gone, and the transaction with it
    throw cause;
  }
}
