// The life of the groups against a database that fails as databases do: it refuses, hangs, goes away in the middle.
import { afterEach, describe, expect, test } from 'vitest';
import { GROUPS, membershipChanges, replyRows } from '../../../../src/adapters/aaa/sql/group-rows.ts';
import { SqlGroups, type SqlGroupsOptions } from '../../../../src/adapters/aaa/sql/groups.ts';
import { SqlFault, type SqlRow, type SqlSession, type SqlValue } from '../../../../src/adapters/aaa/sql/session.ts';
import { MARKERS } from '../../../../src/core/dialect/marker.ts';
import { FakeLog } from '../../../fakes/log.ts';
import { FakeLogins } from '../../../fakes/logins.ts';

/** Two tables in memory, behind the very statements. */
class FakeDatabase {
  members: { id: number; username: SqlValue; groupname: SqlValue; priority: SqlValue }[] = [];
  replies: { id: number; groupname: SqlValue; attribute: SqlValue; op: SqlValue; value: SqlValue }[] = [];
  readonly statements: string[] = [];
  connections = 0;
  /** Called before each statement; may throw or never resolve. */
  before: (statement: string, values: readonly SqlValue[]) => Promise<void> = async () => {};
  #id = 0;
  #saved: Pick<FakeDatabase, 'members' | 'replies'> | undefined;

  connect = async (): Promise<SqlSession> => {
    this.connections++;
    return { run: (statement, values = []) => this.#run(statement, values), close: async () => this.#rollback() };
  };

  async #run(statement: string, values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    this.statements.push(statement.split(' ').slice(0, 3).join(' '));
    await this.before(statement, values);
    const isMembers = statement.includes('engawa_radusergroup');
    if (statement === 'START TRANSACTION') this.#saved = { members: [...this.members], replies: [...this.replies] };
    else if (statement === 'COMMIT') this.#saved = undefined;
    else if (statement === 'ROLLBACK') this.#rollback();
    else if (statement.startsWith('SELECT')) return this.#select(isMembers, statement, values);
    else if (statement.startsWith('INSERT')) this.#insert(isMembers, values);
    else if (isMembers) this.members = this.members.filter((row) => row.id !== values[0]);
    else this.replies = this.replies.filter((row) => row.id !== values[0]);
    return [];
  }

  #select(isMembers: boolean, statement: string, values: readonly SqlValue[]): readonly SqlRow[] {
    if (!isMembers) return this.replies.filter((row) => row.groupname === values[0]);
    return this.members.filter((row) => !statement.includes('username = ?') || row.username === values[2]);
  }

  #insert(isMembers: boolean, values: readonly SqlValue[]): void {
    const [a, b, c, d] = values as [SqlValue, SqlValue, SqlValue, SqlValue];
    const id = ++this.#id;
    if (isMembers) this.members.push({ id, username: a, groupname: b, priority: c });
    else this.replies.push({ id, groupname: a, attribute: b, op: c, value: d });
  }

  #rollback(): void {
    Object.assign(this, this.#saved ?? {});
    this.#saved = undefined;
  }

  users(): readonly SqlValue[] {
    return this.members.map((row) => row.username);
  }
}

const running: SqlGroups[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

function started(options: Partial<SqlGroupsOptions> = {}) {
  const database = new FakeDatabase();
  const logins = new FakeLogins();
  const log = new FakeLog();
  const groups = new SqlGroups({
    logins,
    connect: database.connect,
    attributesFor: (access) => [
      { name: 'Filter-Id', value: 'wg' },
      { name: 'Class', value: MARKERS[access] },
    ],
    priority: -100,
    log,
    limits: { firstWaitMs: 5, stopWithinMs: 50 },
    ...options,
  });
  running.push(groups);
  return { database, logins, log, groups };
}
const inStep = (groups: SqlGroups) => expect.poll(() => groups.standing().state, { timeout: 10_000 }).toBe('in-step');

describe('the groups of the AAA database', () => {
  test('a group says something before anybody is in it', async () => {
    const { database, logins, groups } = started();
    logins.wanted.set('ann', 'strict');
    let saidAtFirstMember: number | undefined;
    database.before = async (statement) => {
      if (statement.startsWith('INSERT INTO engawa_radusergroup')) saidAtFirstMember ??= database.replies.length;
    };
    groups.start();
    await inStep(groups);
    expect(database.users()).toEqual(['ann']);
    expect(saidAtFirstMember).toBe(6);
  });

  test('a release in the middle of a thousand additions does not wait for them, and none of them brings it back', async () => {
    const { database, logins, groups } = started();
    for (let i = 0; i < 1000; i++) logins.wanted.set(`user-${i}`, 'strict');
    let added = 0;
    let releasedAfter: number | undefined;
    database.before = async (statement, values) => {
      if (statement.startsWith('INSERT INTO engawa_radusergroup') && ++added === 1) {
        logins.set('user-0', undefined);
        logins.set('user-999', undefined);
      }
      if (statement.startsWith('DELETE FROM engawa_radusergroup') && typeof values[0] === 'number')
        releasedAfter ??= added;
    };
    groups.start();
    await inStep(groups);
    expect(releasedAfter).toBeLessThanOrEqual(200);
    expect(database.members).toHaveLength(998);
    expect(database.users()).not.toContain('user-0');
    expect(database.users()).not.toContain('user-999');
  });

  test('more changes than are worth remembering become one comparison', async () => {
    const { database, logins, groups } = started();
    groups.start();
    await inStep(groups);
    for (let i = 0; i < 5000; i++) logins.set(`user-${i}`, 'leaky');
    expect(groups.standing().waiting).toBeLessThanOrEqual(1000);
    await inStep(groups);
    expect(database.members).toHaveLength(5000);
    for (let i = 0; i < 5000; i++) logins.set(`user-${i}`, undefined);
    await inStep(groups);
    expect(database.members).toEqual([]);
  });

  test('a row that the database cannot hold costs no other, and is counted until it is gone', async () => {
    const { database, logins, groups } = started();
    database.before = async (statement, values) => {
      if (statement.startsWith('INSERT') && values[0] === 'bad') throw new SqlFault('value', new Error('too long'));
    };
    for (const key of ['ann', 'bad', 'eve']) logins.wanted.set(key, 'strict');
    groups.start();
    await inStep(groups);
    expect(database.users()).toEqual(['ann', 'eve']);
    expect(groups.standing().refused).toBe(1);
    logins.wanted.delete('bad');
    groups.compareSoon();
    await inStep(groups);
    expect(groups.standing().refused).toBe(0);
  });

  test('a connection that ended while nothing happened is opened again without a word', async () => {
    const { database, logins, log, groups } = started();
    groups.start();
    await inStep(groups);
    let isBroken = true;
    database.before = async () => {
      if (isBroken) {
        isBroken = false;
        throw new SqlFault('trouble', new Error('terminated'));
      }
    };
    logins.set('ann', 'strict');
    await expect.poll(() => database.users()).toEqual(['ann']);
    expect([database.connections, log.lines]).toEqual([2, []]);
  });

  test('trouble: told once, waited longer each time, and everything of that time is done afterwards', async () => {
    const { database, logins, log, groups } = started();
    logins.wanted.set('ann', 'strict');
    let isUp = false;
    database.before = async () => {
      if (!isUp) throw new SqlFault('trouble', new Error('no route to "db.isp.example"'));
    };
    groups.start();
    await expect.poll(() => groups.standing().state).toBe('trouble');
    expect(groups.standing().text).toBe('no route to …');
    logins.set('bob', 'leaky');
    logins.set('ann', undefined);
    await expect.poll(() => database.connections).toBeGreaterThan(3);
    isUp = true;
    await inStep(groups);
    expect(database.users()).toEqual(['bob']);
    expect(log.lines).toHaveLength(1);
    expect(groups.standing()).toMatchObject({ waiting: 0, refused: 0 });
    expect(groups.standing().troubleForMs).toBeUndefined();
  });

  test('what was lost in the middle of a batch is done again, once', async () => {
    const { database, logins, groups } = started();
    for (let i = 0; i < 50; i++) logins.wanted.set(`user-${i}`, 'strict');
    let inserts = 0;
    database.before = async (statement) => {
      if (statement.startsWith('INSERT INTO engawa_radusergroup') && ++inserts === 20)
        throw new SqlFault('trouble', new Error('gone'));
    };
    groups.start();
    await inStep(groups);
    expect(new Set(database.users()).size).toBe(50);
    expect(database.members).toHaveLength(50);
  });

  test('a database that answers nothing holds up nobody’s stop', async () => {
    const { database, groups } = started();
    database.before = () => new Promise(() => {});
    groups.start();
    await expect.poll(() => database.statements.length).toBe(1);
    const begun = performance.now();
    await groups.stop();
    expect(performance.now() - begun).toBeLessThan(2000);
  });

  test('a table name that is none is refused: it becomes part of a statement', () => {
    for (const name of ['a b', 'x;', '', "a'", 'a.b.c', '1a'])
      expect(() => started({ tables: { userGroup: name, groupReply: 'ok' } })).toThrow(/not the name/);
    expect(() => started({ tables: { userGroup: 'radius.radusergroup', groupReply: 'ok' } })).not.toThrow();
  });
});

describe('the rows', () => {
  test('of a garden take away what the plan says, once for all tags, and add its own', () => {
    const rows = replyRows([
      { name: 'ERX-Service-Activate', tag: 1, value: 'a' },
      { name: 'ERX-Service-Activate', tag: 2, value: 'b' },
      { name: 'Filter-Id', value: 'one' },
      { name: 'Filter-Id', value: 'two' },
      { name: 'Cisco-AVPair', value: 'x=y' },
      { name: 'Class', value: MARKERS.leaky },
    ]);
    expect(rows.ok && rows.value.map((row) => Object.values(row).join(' '))).toEqual([
      'ERX-Service-Activate !* a',
      'ERX-Service-Activate:1 := a',
      'ERX-Service-Activate:2 += b',
      'Filter-Id !* one',
      'Filter-Id := one',
      'Filter-Id += two',
      'Cisco-AVPair += x=y',
      'Class += engawa-leaky',
    ]);
  });

  test('of members: one for each who is wanted, in the right group and place, none for others', () => {
    const row = (id: number, user: string, group: string, priority = -100) => ({ id, user, group, priority });
    const wanted = new Map([
      ['stays', GROUPS.strict],
      ['twice', GROUPS.strict],
      ['moves', GROUPS.leaky],
      ['new', GROUPS.leaky],
      ['held', 'as-it-is'],
      ['held-new', 'as-it-is'],
    ] as const);
    const found = [
      row(1, 'stays', GROUPS.strict),
      row(2, 'twice', GROUPS.strict),
      row(3, 'twice', GROUPS.strict),
      row(4, 'moves', GROUPS.strict),
      row(5, 'gone', GROUPS.strict),
      row(6, 'held', GROUPS.leaky, 7),
    ];
    expect(membershipChanges(found, wanted, -100)).toEqual({
      remove: [3, 4, 5],
      add: [
        { user: 'moves', group: GROUPS.leaky },
        { user: 'new', group: GROUPS.leaky },
      ],
    });
  });
});
