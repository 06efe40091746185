// The SQL way on real databases with FreeRADIUS' own tables, our account as deploy/freeradius/sql grants it, and Debian's
// FreeRADIUS reading them.
import { readFileSync, rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SqlGroups, type SqlGroupsOptions } from '../../../../src/adapters/aaa/sql/groups.ts';
import { mariadb } from '../../../../src/adapters/aaa/sql/mariadb.ts';
import { postgres } from '../../../../src/adapters/aaa/sql/postgres.ts';
import type { Connect, DatabaseAccess } from '../../../../src/adapters/aaa/sql/session.ts';
import { sqlUserName } from '../../../../src/adapters/aaa/sql/user-name.ts';
import type { NamedAttribute } from '../../../../src/core/dialect/dialect.ts';
import { MARKERS } from '../../../../src/core/dialect/marker.ts';
import { FakeLog } from '../../../fakes/log.ts';
import { FakeLogins } from '../../../fakes/logins.ts';
import { accountOf, makeCertificate, ownFolder } from '../../../peers/daemon.ts';
import {
  attributesIn,
  type FreeRadius,
  type Raddb,
  radclient,
  startFreeRadius,
} from '../../../peers/freeradius-aaa.ts';
import { startMariadb } from '../../../peers/mariadb.ts';
import { type SqlPeer, startPostgres } from '../../../peers/postgres.ts';

const PASSWORD = 'password-of-engawa';

interface Kind {
  readonly start: () => Promise<SqlPeer>;
  readonly connect: (port: number, more?: Partial<DatabaseAccess>) => Connect;
  /** How the session is hidden from others on the way; none when it is not. */
  readonly cipher: string;
  readonly grants: string;
  readonly setPassword: string;
  /** What FreeRADIUS' mods-available/sql calls it. */
  readonly dialect: string;
}

const access = (port: number, more: Partial<DatabaseAccess> = {}): DatabaseAccess => ({
  host: '127.0.0.1',
  port,
  database: 'radius',
  user: 'engawa',
  password: PASSWORD,
  connectTimeoutMs: 2000,
  statementTimeoutMs: 2000,
  ...more,
});

const KINDS: Readonly<Record<string, Kind>> = {
  PostgreSQL: {
    start: startPostgres,
    connect: (port, more) => postgres(access(port, more)),
    cipher: 'SELECT cipher AS value FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
    grants: 'postgresql.sql',
    setPassword: `ALTER ROLE engawa PASSWORD '${PASSWORD}'`,
    dialect: 'postgresql',
  },
  MariaDB: {
    start: startMariadb,
    connect: (port, more) => mariadb(access(port, more)),
    cipher: "SHOW STATUS LIKE 'Ssl_cipher'",
    grants: 'mariadb.sql',
    setPassword: `SET PASSWORD FOR 'engawa'@'127.0.0.1' = PASSWORD('${PASSWORD}')`,
    dialect: 'mysql',
  },
};

const GARDEN: readonly NamedAttribute[] = [
  { name: 'Filter-Id', value: 'wg-in' },
  { name: 'ERX-Service-Activate', tag: 1, value: 'WG(%{User-Name})' },
  { name: 'ERX-Service-Activate', tag: 2, value: 'WG2' },
  { name: 'Cisco-AVPair', value: 'sub:policy=\\n "x" %{User-Password}' },
  { name: 'Reply-Message', value: '`id`' },
];
const hex = (text: string) => `0x${Buffer.from(text).toString('hex')}`;

describe.each(Object.entries(KINDS))('the groups in %s', (_name, kind) => {
  let database: SqlPeer;
  let logins: FakeLogins;
  let log: FakeLog;
  let running: SqlGroups[];
  let attributes: readonly NamedAttribute[];

  beforeAll(async () => {
    database = await kind.start();
    database.run(new URL(`../../../../deploy/freeradius/sql/${kind.grants}`, import.meta.url).pathname);
    database.sql(kind.setPassword);
    database.sql(
      "INSERT INTO radcheck (username, attribute, op, value) VALUES ('ann', 'Cleartext-Password', ':=', 'right')",
    );
    database.sql("INSERT INTO radusergroup (username, groupname, priority) VALUES ('ann', 'plan', 1)");
    database.sql(
      "INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES ('plan', 'Filter-Id', ':=', 'plan-100')",
    );
  });
  afterAll(() => database.stop());

  beforeEach(() => {
    [logins, log, running, attributes] = [new FakeLogins(), new FakeLog(), [], GARDEN];
  });
  afterEach(async () => {
    for (const one of running) await one.stop();
    for (const table of ['radusergroup', 'radgroupreply'])
      database.sql(`DELETE FROM ${table} WHERE groupname <> 'plan'`);
  });

  function start(options: Partial<SqlGroupsOptions> = {}): SqlGroups {
    const groups = new SqlGroups({
      logins,
      connect: kind.connect(database.port),
      attributesFor: (garden) =>
        attributes.length === 0 ? [] : [...attributes, { name: 'Class', value: MARKERS[garden] }],
      priority: -100,
      log,
      ...options,
    });
    groups.start();
    running.push(groups);
    return groups;
  }

  const members = () =>
    database.sql(
      `SELECT username, groupname, priority FROM radusergroup WHERE groupname <> 'plan' ORDER BY username, id`,
    );
  const replies = (group: string) =>
    database.sql(`SELECT attribute, op, value FROM radgroupreply WHERE groupname = '${group}' ORDER BY id`);
  const inStep = (groups: SqlGroups) => expect.poll(() => groups.standing().state, { timeout: 15_000 }).toBe('in-step');

  test('start, change and release are one row each, and rows of others stay as they are', async () => {
    logins.wanted.set('ann', 'strict');
    const groups = start();
    await inStep(groups);
    expect(members()).toEqual(['ann|engawa-strict|-100']);
    logins.set('bob', 'leaky');
    logins.set('ann', 'leaky');
    await expect.poll(members).toEqual(['ann|engawa-leaky|-100', 'bob|engawa-leaky|-100']);
    logins.set('ann', undefined);
    logins.set('bob', undefined);
    await expect.poll(members).toEqual([]);
    expect(database.sql("SELECT count(*) FROM radusergroup WHERE groupname = 'plan'")).toEqual(['1']);
    expect(replies('plan')).toEqual(['Filter-Id|:=|plan-100']);
  });

  test('the comparison repairs what was deleted, doubled, altered or left behind', async () => {
    for (const [user, group, priority] of [
      ['gone', 'engawa-strict', -100],
      ['ann', 'engawa-strict', 5],
      ['eve', 'engawa-leaky', -100],
      ['eve', 'engawa-leaky', -100],
      ['eve', 'engawa-strict', -100],
    ])
      database.sql(
        `INSERT INTO radusergroup (username, groupname, priority) VALUES ('${user}', '${group}', ${priority})`,
      );
    database.sql(
      "INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES ('engawa-strict', 'Filter-Id', ':=', 'old')",
    );
    for (const [key, wanted] of [
      ['ann', 'strict'],
      ['eve', 'leaky'],
      ['new', 'strict'],
    ] as const)
      logins.wanted.set(key, wanted);
    const groups = start();
    await inStep(groups);
    const wanted = ['ann|engawa-strict|-100', 'eve|engawa-leaky|-100', 'new|engawa-strict|-100'];
    expect(members()).toEqual(wanted);
    expect(replies('engawa-strict')[0]).toBe('Filter-Id|!*|wg-in');
    database.sql("DELETE FROM radusergroup WHERE groupname = 'engawa-strict'");
    groups.compareSoon();
    await expect.poll(members).toEqual(wanted);
    attributes = [{ name: 'Filter-Id', value: 'other' }];
    groups.compareSoon();
    await expect
      .poll(() => replies('engawa-leaky'))
      .toEqual(['Filter-Id|!*|other', 'Filter-Id|:=|other', 'Class|+=|engawa-leaky']);
  });

  test('invariant 11: nothing is touched before the wanted state is known, however empty the memory looks', async () => {
    database.sql("INSERT INTO radusergroup (username, groupname, priority) VALUES ('ann', 'engawa-strict', -100)");
    logins.isReady = false;
    let connections = 0;
    const groups = start({
      connect: () => {
        connections++;
        return kind.connect(database.port)();
      },
    });
    logins.set('bob', 'strict');
    logins.set('bob', undefined);
    expect(groups.standing().state).toBe('not-known');
    const polls = logins.timesAsked;
    await expect.poll(() => logins.timesAsked, { timeout: 5000 }).toBeGreaterThan(polls + 2);
    expect([members(), connections]).toEqual([['ann|engawa-strict|-100'], 0]);
    logins.wanted.set('ann', 'strict');
    logins.isReady = true;
    await inStep(groups);
    expect(members()).toEqual(['ann|engawa-strict|-100']);
  });

  test('on hold nothing begins and nothing is repaired, but a release goes through', async () => {
    for (const user of ['ann', 'bob'])
      database.sql(
        `INSERT INTO radusergroup (username, groupname, priority) VALUES ('${user}', 'engawa-strict', -100)`,
      );
    for (const key of ['ann', 'bob', 'new']) logins.wanted.set(key, 'strict');
    logins.isOnHold = true;
    const groups = start();
    await inStep(groups);
    expect(members()).toEqual(['ann|engawa-strict|-100', 'bob|engawa-strict|-100']);
    logins.set('other', 'strict');
    logins.set('bob', undefined);
    await expect.poll(members).toEqual(['ann|engawa-strict|-100']);
    logins.isOnHold = false;
    groups.compareSoon();
    await expect
      .poll(members)
      .toEqual(['ann|engawa-strict|-100', 'new|engawa-strict|-100', 'other|engawa-strict|-100']);
  });

  test('a garden with nothing to say at login has no members: they would lose their plan for nothing', async () => {
    attributes = [];
    logins.wanted.set('ann', 'strict');
    const groups = start();
    await inStep(groups);
    expect([members(), replies('engawa-strict')]).toEqual([[], []]);
    attributes = [{ name: 'Attr-26.55999.7', value: '0x00' }];
    groups.compareSoon();
    await expect.poll(() => log.lines.some((line) => line.includes('AAA_ATTRIBUTE_UNSAYABLE'))).toBe(true);
    expect(members()).toEqual([]);
  });

  test('keys that are no words go in as rlm_sql asks for them; one that the database cannot hold stops no other', async () => {
    const keys = ["o'b", 'isp\\bob', '100%', '"; DROP TABLE radusergroup; --', '0x626f0a62'];
    for (const key of keys) logins.wanted.set(key, 'strict');
    const tooLong = 'x'.repeat(kind.dialect === 'mysql' ? 65 : 1);
    logins.wanted.set(tooLong, 'strict');
    const groups = start();
    await inStep(groups);
    const users = members().map((row) => row.split('|')[0]!);
    const wanted = [...keys, ...(kind.dialect === 'mysql' ? [] : [tooLong])].map(sqlUserName);
    expect(users.sort()).toEqual(wanted.sort());
    expect(groups.standing().refused).toBe(kind.dialect === 'mysql' ? 1 : 0);
  });

  test('a lost database is trouble that is told once; changes of that time are there when it is back', async () => {
    logins.wanted.set('ann', 'strict');
    const groups = start();
    await inStep(groups);
    await database.kill();
    logins.set('ann', undefined);
    logins.set('bob', 'leaky');
    await expect.poll(() => groups.standing().state, { timeout: 10_000 }).toBe('trouble');
    expect(groups.standing().text).toBeTruthy();
    await database.start();
    await expect.poll(members, { timeout: 20_000 }).toEqual(['bob|engawa-leaky|-100']);
    await inStep(groups);
    expect(log.lines.filter((line) => line.includes('AAA_SQL_FAILED'))).toHaveLength(1);
    expect(log.lines.join()).not.toContain(PASSWORD);
  });

  test('a wrong password is trouble, not an end', async () => {
    const groups = start({ connect: kind.connect(database.port, { password: 'wrong' }) });
    await expect.poll(() => groups.standing().state, { timeout: 10_000 }).toBe('trouble');
    expect(log.lines.join()).not.toContain('wrong');
  });

  test('with an authority the session is encrypted, and another server than that one’s is not spoken to', async () => {
    const cipherOf = async (more: Partial<DatabaseAccess>) => {
      const session = await kind.connect(database.port, more)();
      const [row] = await session.run(kind.cipher);
      await session.close();
      return row?.['value'] ?? row?.['Value'];
    };
    const host = 'localhost';
    expect(await cipherOf({ host, ca: database.ca })).toMatch(/^TLS_/);
    expect((await cipherOf({})) ?? '').toBe('');
    await expect(kind.connect(database.port, { host, ca: otherAuthority() })()).rejects.toThrow(/certificate/i);
    // The same machine, by what its certificate does not say.
    await expect(async () => kind.connect(database.port, { ca: database.ca })()).rejects.toThrow(/altnames|address/i);
  });

  test('our account reads no password and no plan, and writes no row of another group', async () => {
    const session = await kind.connect(database.port)();
    const refused = [
      'SELECT value FROM radcheck',
      'SELECT username FROM radusergroup',
      'DELETE FROM radgroupreply',
      "INSERT INTO radusergroup (username, groupname, priority) VALUES ('x', 'plan', 1)",
      "INSERT INTO engawa_radusergroup (username, groupname, priority) VALUES ('x', 'plan', 1)",
      "UPDATE engawa_radusergroup SET groupname = 'plan'",
    ];
    for (const statement of refused) await expect(session.run(statement), statement).rejects.toThrow();
    expect(await session.run('SELECT * FROM engawa_radusergroup')).toEqual([]);
    await session.run('DELETE FROM engawa_radusergroup');
    await session.close();
    expect(database.sql("SELECT count(*) FROM radusergroup WHERE groupname = 'plan'")).toEqual(['1']);
  });

  describe('and Debian’s FreeRADIUS on them', () => {
    let radius: FreeRadius;
    beforeAll(async () => {
      radius = await startFreeRadius((raddb) => readsSql(raddb, kind.dialect, database.port));
      for (const user of ['ann', 'bob'])
        for (const [table, attribute, op, value] of [
          ['radcheck', 'Cleartext-Password', ':=', 'right'],
          ['radreply', 'Filter-Id', ':=', 'own'],
          ['radreply', 'Filter-Id', '+=', 'own-extra'],
          ['radreply', 'Class', ':=', 'own-class'],
          ['radreply', 'Framed-IP-Address', ':=', '198.51.100.7'],
          ['radreply', 'ERX-Service-Activate:2', '+=', 'tv'],
        ])
          database.sql(
            `INSERT INTO ${table} (username, attribute, op, value) VALUES ('${user}', '${attribute}', '${op}', '${value}')`,
          );
    });
    afterAll(() => radius.stop());

    const login = async (user: string) => {
      const answer = await radclient(radius.authPort, 'auth', [`User-Name = "${user}"`, 'User-Password = "right"']);
      expect(answer.output).toContain('Received Access-Accept');
      return [...attributesIn(answer.output)].sort();
    };
    const garden = [
      `Class = ${hex('own-class')}`,
      `Class = ${hex('engawa-strict')}`,
      'Cisco-AVPair = "sub:policy=\\\\n \\"x\\" %{User-Password}"',
      'ERX-Service-Activate:1 = "WG(%{User-Name})"',
      'ERX-Service-Activate:2 = "WG2"',
      'Filter-Id = "wg-in"',
      'Framed-IP-Address = 198.51.100.7',
      'Reply-Message = "`id`"',
    ].sort();

    test('while the row is there a login gets the garden, marked; before and after it gets its plan', async () => {
      const plan = await login('ann');
      expect(plan).toContain('Filter-Id = "plan-100"');
      expect(plan.join()).not.toContain('wg-in');
      const groups = start();
      await inStep(groups);
      logins.set('ann', 'strict');
      await expect.poll(() => login('ann')).toEqual(garden);
      expect((await login('bob')).join()).not.toContain('wg-in');
      logins.set('ann', undefined);
      await expect.poll(() => login('ann')).toEqual(plan);
    });

    test('the row outlives Engawa: who is in the garden stays there while nothing of ours runs', async () => {
      logins.wanted.set('ann', 'strict');
      const groups = start();
      await inStep(groups);
      await groups.stop();
      expect(await login('ann')).toEqual(garden);
    });

    test.each([
      ["o'b", "o'b"],
      ['isp\\bob', 'isp\\\\bob'],
      ['100%', '100%'],
      ['a=b', 'a=b'],
      ['q"q', 'q\\"q'],
      ['0x626f0a62', 'bo\\nb'],
      ['0x626f0162', 'bo\\001b'],
      ['0x626fff62', 'bo\\377b'],
      ['#;,~+*()[]{}<>|&!?^$', '#;,~+*()[]{}<>|&!?^$'],
      // In MariaDB it depends on the character set of each side; docs/aaa.md.
      ...(kind.dialect === 'postgresql' ? [['jürgen', 'jürgen']] : []),
    ])('the row of %s is the one that rlm_sql looks for', async (accessKey, written) => {
      database.sql(
        `INSERT INTO radcheck (username, attribute, op, value) VALUES ('${sqlUserName(accessKey!)}', 'Cleartext-Password', ':=', 'right')`,
      );
      logins.wanted.set(accessKey!, 'strict');
      await inStep(start());
      expect(await login(written!)).toContain('Filter-Id = "wg-in"');
    });
  });
});

function otherAuthority(): string {
  const account = accountOf('root');
  const folder = ownFolder('engawa-authority-', account);
  const ca = readFileSync(makeCertificate(folder, account).cert, 'utf8');
  rmSync(folder, { recursive: true });
  return ca;
}

/** mods-available/sql of the package, told where the database is, as an operator does. */
function readsSql(raddb: Raddb, dialect: string, port: number): void {
  const file = 'mods-available/sql';
  raddb.replace(file, 'dialect = "sqlite"', `dialect = "${dialect}"`);
  raddb.replace(file, 'driver = "rlm_sql_null"', `driver = "rlm_sql_${dialect}"`);
  raddb.replace(file, '#\tserver = "localhost"', '\tserver = "127.0.0.1"');
  raddb.replace(file, '#\tport = 3306', `\tport = ${port}`);
  raddb.replace(file, '#\tlogin = "radius"', '\tlogin = "radius"');
  raddb.replace(file, '#\tpassword = "radpass"', '\tpassword = "radpass"');
  // Certificates that the sample names and nobody has.
  raddb.replace(file, 'tls_required = yes', 'tls_required = no');
  for (const name of ['ca_file', 'ca_path', 'certificate_file', 'private_key_file'])
    raddb.replace(file, `\t\t\t${name} = `, `\t\t\t#${name} = `);
  raddb.enable(file);
}
