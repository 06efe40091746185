// Mailboxes against Debian's Dovecot: TLS, IDLE, folders, cuts, crashes – and what is on disk when the server hears of it.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type ImapOptions, imapMailbox } from '../../../src/adapters/mailbox/imap/mailbox.ts';
import { ProcessUnpacker } from '../../../src/adapters/unpacker/process/unpacker.ts';
import { ok } from '../../../src/core/kernel/result.ts';
import type { FeedReader } from '../../../src/core/report/feed.ts';
import { Mailboxes, type MailboxesParts } from '../../../src/flow/mailboxes.ts';
import type { DkimKeys, Mailbox } from '../../../src/flow/ports.ts';
import { ip } from '../../core/line/records.ts';
import { World } from '../../flow/world.ts';
import { type Dovecot, PASSWORD, startDovecot, USER } from '../../peers/dovecot.ts';
import { dkimKey, signedMail } from '../../peers/signed-mail.ts';

const until = (isIt: () => boolean | Promise<boolean>) => vi.waitUntil(isIt, { timeout: 20_000, interval: 20 });

const key = dkimKey('cert.example');
const keys: DkimKeys = { txt: async (name) => ok(name === key.name ? [key.record] : []) };

let server: Dovecot;
let world: World;
let running: Mailboxes[] = [];
const unpacker = new ProcessUnpacker({ memory: 120 << 20 });
beforeAll(async () => {
  server = await startDovecot();
});
afterAll(async () => {
  await server.stop();
  await unpacker.close();
});
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  await Promise.all(running.map((one) => one.stop()));
  running = [];
  await world.end();
  server.empty();
});

/** One report per line. */
const reader: FeedReader = async (file) => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of file.bytes) chunks.push(chunk);
  const lines = Buffer.concat(chunks).toString().trim().split(/\r?\n/);
  const items = (async function* () {
    for (const [i, line] of lines.entries())
      yield {
        ...{
          id: `r-${line}`,
          source: file.source,
          type: 'test',
          class: 'info' as const,
          mayAct: false,
          family: 'unknown',
        },
        ...{ ip: ip('192.0.2.70'), observedAt: file.receivedAt, precisionMs: 1000, extra: {} },
        evidence: { hash: file.evidenceHash, line: i + 1 },
      };
  })();
  return ok({ types: ['test'], remarks: [], items });
};

const mail = (text: string, signer = true) =>
  signedMail({ ...(signer && { key }), attachments: [{ filename: 'a.csv', content: text }] });

const MOVE = { kind: 'move', done: 'Engawa/Done', parked: 'Engawa/Parked' } as const;

function options(change: Partial<ImapOptions> = {}): ImapOptions {
  return {
    ...{
      host: 'localhost',
      port: server.port,
      tls: 'implicit' as const,
      ca: server.ca,
      user: USER,
      password: PASSWORD,
    },
    ...{ folder: 'INBOX', after: MOVE, pollMs: 60_000, timeouts: { idleAfterMs: 20, connectMs: 5000 } },
    ...change,
  };
}

async function open(mailbox: Mailbox = imapMailbox(options()), change: Partial<MailboxesParts> = {}) {
  const process = await (await world.process()).start();
  const { flow } = process;
  const parts = {
    ...flow,
    ...{ unpacker, keys, readerOf: () => reader, familyOf: () => undefined, decide: async () => {}, random: () => 0 },
    ...change,
  };
  const rules = {
    name: 'm',
    trust: 'dkim',
    routes: [{ dkim: 'cert.example', attachment: ['*.csv'], feed: 'daily' }],
  } as const;
  const mailboxes = new Mailboxes(parts, [{ rules, mailbox, sizeLimit: 3_000_000 }]);
  running.push(mailboxes);
  mailboxes.start();
  const has = async (id: string) => (await flow.store.report(`r-${id}`)) !== undefined;
  return { flow, mailboxes, has, state: () => mailboxes.standing()[0]!, process };
}

const counts = () => [server.count(''), server.count('Engawa/Done'), server.count('Engawa/Parked')];

test('mails that wait are taken in, then those that come; each goes to its folder when it is durable', async () => {
  server.deliver(await mail('one'));
  server.deliver(await mail('forged', false));
  const { flow, has, state } = await open();
  await until(() => counts().join() === '0,1,1');
  expect(await has('one')).toBe(true);
  expect(await has('forged')).toBe(false);
  expect((await flow.store.evidenceFiles({ state: 'parked', limit: 5 })).map(({ reason }) => reason)).toEqual([
    'sender-unknown: no DKIM signature of a domain that a route of this mailbox names',
  ]);
  // The server tells: the next look would be in a minute.
  server.deliver(await mail('two'));
  await until(() => has('two'));
  await until(() => counts().join() === '0,2,1');
  expect(state()).toMatchObject({ isOpen: true, taken: 2, parked: 1, failuresInARow: 0 });
});

test('F13: a mail that ends the unpacking process, and one too large to fetch, are parked; the next one is taken', async () => {
  const parts = Buffer.from('--x\r\n\r\na\r\n'.repeat(290_000));
  server.deliver(Buffer.concat([Buffer.from('Content-Type: multipart/mixed; boundary=x\r\n\r\n'), parts]));
  server.deliver(Buffer.concat([Buffer.from('Subject: large\r\n\r\n'), Buffer.alloc(3_100_000, 'a\r\n')]));
  server.deliver(await mail('after'));
  const { flow, has } = await open();
  await until(() => counts().join() === '0,1,2');
  expect(await has('after')).toBe(true);
  const [killer] = await flow.store.evidenceFiles({ state: 'parked', limit: 5 });
  expect(killer?.reason).toMatch(/^(memory|time)-limit: /);
  expect(world.log.lines.some((line) => line.includes('MAIL_PARKED') && line.includes('mail-too-large'))).toBe(true);
});

test('a crash after the rows are durable and before the mail moved: handled again, counted once', async () => {
  server.deliver(await mail('once'));
  const real = imapMailbox(options());
  let isTaken: () => void = () => {};
  const taken = new Promise<void>((resolve) => {
    isTaken = resolve;
  });
  // The answer never reaches the adapter: as if the process had died on the way.
  const dying: Mailbox = {
    watch: (work, signal) =>
      real.watch(
        {
          ...work,
          take: async (one) => {
            await work.take(one);
            isTaken();
            return new Promise(() => {});
          },
        },
        signal,
      ),
  };
  const first = await open(dying);
  await taken;
  await first.mailboxes.stop();
  expect(counts()).toEqual([1, 0, 0]);
  await first.process.end();
  const second = await open();
  await until(() => counts().join() === '0,1,0');
  expect(await second.has('once')).toBe(true);
  expect((await second.flow.store.pendingReports(10)).length).toBe(1);
});

test('a server that goes away is found again, and what came meanwhile is taken', async () => {
  const { has, state } = await open();
  await until(() => state().isOpen);
  await server.kill();
  await until(() => !state().isOpen && state().failuresInARow > 0);
  expect(state().error).toBeDefined();
  server.deliver(await mail('meanwhile'));
  await server.start();
  await until(() => has('meanwhile'));
  await until(() => state().isOpen && state().failuresInARow === 0);
  expect(world.log.lines.some((line) => line.includes('MAILBOX_LOST'))).toBe(true);
});

test('STARTTLS is insisted on; plain text goes to loopback only; a wrong certificate or password opens nothing', async () => {
  server.deliver(await mail('starttls'));
  const { has } = await open(imapMailbox(options({ tls: 'starttls', port: server.plainPort })));
  await until(() => has('starttls'));
  expect(() => imapMailbox(options({ tls: 'none', host: 'mail.isp.example' }))).toThrow('loopback');
  const { ca: _, ...withoutCa } = options();
  for (const [bad, text] of [
    [withoutCa, /certificate/],
    [options({ password: 'wrong-password-1' }), /refuses the login/],
    [options({ port: 1 }), /ECONNREFUSED/],
    [options({ folder: 'Absent' }), /Absent|exist/i],
  ] as const) {
    const failed = await imapMailbox(bad)
      .watch(WORK, AbortSignal.timeout(20_000))
      .catch((cause: unknown) => cause as Error);
    expect((failed as Error).message).toMatch(text);
    expect((failed as Error).message).not.toContain('wrong-password');
  }
});

const WORK = { kept: undefined, keep: async () => {}, take: async () => 'later' as const, looked: () => {} };

test('where nothing may be moved, flags and a kept place say what was done; under a new UIDVALIDITY it is done again, once', async () => {
  const flags = () => imapMailbox(options({ after: { kind: 'flag' } }));
  server.deliver(await mail('f1'));
  server.deliver(await mail('forged', false));
  const first = await open(flags());
  await until(() => first.state().taken + first.state().parked === 2);
  await until(async () => JSON.stringify(await first.flow.store.setting('mailbox.m')).includes('"uid":'));
  await until(() => server.flags().filter((one) => one.includes('S')).length === 2);
  expect([...server.flags()].sort()).toEqual(['FS', 'S']);
  await first.mailboxes.stop();
  await first.process.end();
  server.deliver(await mail('f2'));
  const second = await open(flags());
  await until(() => second.has('f2'));
  expect(second.state(), 'nothing but the new one').toMatchObject({ taken: 1, parked: 0 });
  await second.mailboxes.stop();
  await second.process.end();
  server.forgetUids();
  const third = await open(flags());
  await until(() => third.state().taken + third.state().parked === 3);
  expect((await third.flow.store.pendingReports(10)).length).toBe(2);
});

test('a server that refuses to move a mail gets it not read twice; when it relents the mail moves', async () => {
  const { state } = await open(imapMailbox(options({ pollMs: 300 })));
  await until(() => state().isOpen);
  server.lock('Engawa/Done', true);
  try {
    server.deliver(await mail('stuck'));
    await until(() => state().taken === 1);
    server.deliver(await mail('stuck too'));
    await until(() => state().taken === 2);
  } finally {
    server.lock('Engawa/Done', false);
  }
  await until(() => counts().join() === '0,2,0');
  expect(state().taken).toBe(2);
});
