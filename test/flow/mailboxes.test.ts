import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ok } from '../../src/core/kernel/result.ts';
import { DAY, HOUR } from '../../src/core/kernel/time.ts';
import { backOffMs, Mailboxes } from '../../src/flow/mailboxes.ts';
import type { FoundMail, Mailbox, MailWork } from '../../src/flow/ports.ts';
import { World } from './world.ts';

const until = (isIt: () => boolean) => vi.waitUntil(isIt, { timeout: 10_000, interval: 5 });

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.end());

const found = (change: Partial<FoundMail> = {}): FoundMail => ({
  place: '1/1',
  size: 20,
  arrivedAt: world.now,
  read: async () => Buffer.from('Subject: x\r\n\r\nhello'),
  ...change,
});

type Script = (work: MailWork, connection: number) => Promise<void>;

async function open(script: Script, change: { readonly silence?: number; readonly keyFails?: boolean } = {}) {
  const { flow } = await (await world.process()).start();
  let connections = 0;
  const mailbox: Mailbox = {
    watch: async (work, signal) => {
      await script(work, ++connections);
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
    },
  };
  const mail = { fields: [], isStrict: true, mediaType: 'text/plain', reportType: '', subject: '', parts: [] };
  const signature = {
    domain: 'cert.example',
    keyName: 's._domainkey.cert.example',
    result: 'pass',
    comment: '',
    covers: ['from'],
    isWhole: true,
    isTesting: false,
    asked: true,
  };
  const parts = {
    ...flow,
    ...{ readerOf: () => undefined, familyOf: () => undefined, decide: async () => {}, random: () => 0 },
    unpacker: { ...flow.unpacker, mail: async () => ok(mail), dkim: async () => ok([signature]) } as never,
    keys: {
      txt: async () => (change.keyFails === true ? ({ ok: false, error: 'SERVFAIL' } as const) : ok(['v=DKIM1'])),
    },
  };
  const rules = {
    name: 'm',
    trust: 'dkim',
    routes: [{ dkim: 'cert.example', attachment: ['*.csv'], feed: 'f' }],
  } as const;
  const mailboxes = new Mailboxes(parts, [
    { rules, mailbox, sizeLimit: 100, ...(change.silence !== undefined && { silence: change.silence }) },
  ]);
  mailboxes.start();
  return { flow, mailboxes, state: () => mailboxes.standing()[0]!, connections: () => connections };
}

test('pauses double up to five minutes, never all at the same moment', () => {
  expect([1, 2, 3, 4].map((failures) => backOffMs(failures, 1))).toEqual([1000, 2000, 4000, 8000]);
  expect(backOffMs(1, 0)).toBe(500);
  expect(backOffMs(60, 1)).toBe(300_000);
});

test('a connection that fails is opened again and its reason is told; a good look forgets it', async () => {
  const { mailboxes, state, connections } = await open(async (work, connection) => {
    if (connection === 1) throw new Error('the server refuses the login');
    work.looked();
  });
  await until(() => state().failuresInARow === 1);
  expect(state()).toMatchObject({ isOpen: false, error: 'the server refuses the login' });
  await until(() => state().isOpen);
  expect(state().error).toBeUndefined();
  expect(connections()).toBe(2);
  await mailboxes.stop();
});

test('F24: a mailbox that nothing comes into is silent, across a restart too; a mail ends the silence', async () => {
  const first = await open(async (work) => work.looked(), { silence: 2 * HOUR });
  await until(() => first.state().isOpen);
  expect(first.state().silentMs).toBeUndefined();
  await first.mailboxes.stop();
  world.pass(3 * HOUR);
  let work: MailWork | undefined;
  const second = await open(
    async (given) => {
      work = given;
      given.looked();
    },
    { silence: 2 * HOUR },
  );
  await until(() => second.state().isOpen);
  expect(second.state().silentMs).toBe(3 * HOUR);
  await work!.take(found());
  expect(second.state().silentMs).toBeUndefined();
  await second.mailboxes.stop();
});

test('a mail larger than allowed is not read; one that lies about its size is read no further', async () => {
  const asked: number[] = [];
  const read = async (most: number) => {
    asked.push(most);
    return Buffer.alloc(most + 1);
  };
  const states: string[] = [];
  const { mailboxes, state } = await open(async (work) => {
    states.push(await work.take(found({ size: 101, read })), await work.take(found({ size: 0, read })));
    work.looked();
  });
  await until(() => state().isOpen);
  expect(states).toEqual(['parked', 'parked']);
  expect(asked).toEqual([100]);
  await mailboxes.stop();
});

test('a mail whose key cannot be asked waits, is told, and is a person’s after three days', async () => {
  const states: string[] = [];
  const { flow, mailboxes, state } = await open(
    async (work) => {
      states.push(await work.take(found()), await work.take(found({ arrivedAt: world.now - 3 * DAY })));
      work.looked();
    },
    { keyFails: true },
  );
  await until(() => state().isOpen);
  expect(states).toEqual(['later', 'parked']);
  expect(state()).toMatchObject({ waiting: 1, parked: 1 });
  expect((await flow.store.evidenceFiles({ state: 'parked', limit: 5 }))[0]?.reason).toBe('waited-too-long: SERVFAIL');
  await mailboxes.stop();
});

test('a disk that is full acknowledges nothing: the mail stays, the next one is tried', async () => {
  const states: string[] = [];
  const { mailboxes, state, flow } = await open(async (work) => {
    const keep = vi.spyOn(flow.evidence, 'keep').mockRejectedValueOnce(new Error('ENOSPC'));
    states.push(await work.take(found()), await work.take(found()));
    keep.mockRestore();
    work.looked();
  });
  await until(() => state().isOpen);
  expect(states[0]).toBe('later');
  expect(states[1]).toBe('parked');
  await mailboxes.stop();
});
