import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { dnsKeys } from '../../src/adapters/dkim-keys/dns/keys.ts';
import { ProcessUnpacker } from '../../src/adapters/unpacker/process/unpacker.ts';
import { ok } from '../../src/core/kernel/result.ts';
import type { FeedFile, FeedReader } from '../../src/core/report/feed.ts';
import { type MailboxRules, takeMail } from '../../src/flow/take-mail.ts';
import { dkimKey, type Letter, signedMail } from '../peers/signed-mail.ts';
import { startTxtServer, type TxtServer } from '../peers/txt-server.ts';
import { zipFile } from '../unpack/zip-file.ts';
import { World } from './world.ts';

const key = dkimKey('cert.example');
const evil = dkimKey('evil.example');

let dns: TxtServer;
let world: World;
const unpacker = new ProcessUnpacker();
beforeAll(async () => {
  dns = await startTxtServer();
  for (const one of [key, evil]) dns.records.set(one.name, one.record);
});
beforeEach(() => {
  world = new World();
  dns.state = 'up';
  dns.asked.length = 0;
});
afterEach(() => world.end());
afterAll(async () => {
  dns.stop();
  await unpacker.close();
});

const RULES: MailboxRules = {
  name: 'reports-mailbox',
  trust: 'dkim',
  routes: [
    { dkim: 'cert.example', attachment: ['hub-*.csv'], feed: 'hub' },
    { dkim: 'cert.example', attachment: ['*.csv', '*.csv.zip'], feed: 'daily' },
  ],
};

async function open() {
  const { flow } = await (await world.process()).start();
  const read: (FeedFile & { text: string })[] = [];
  const reader: FeedReader = async (file) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of file.bytes) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    read.push({ ...file, text });
    if (text.startsWith('broken')) return { ok: false, error: { code: 'file-broken', text: 'no header' } };
    const items = (async function* () {
      yield { line: 1, code: 'row-bad', text };
    })();
    return ok({ types: ['test'], remarks: [], items });
  };
  const parts = {
    ...flow,
    unpacker,
    keys: dnsKeys({ servers: [dns.at], timeoutMs: 300 }),
    readerOf: () => reader,
    familyOf: () => undefined,
    decide: async () => {},
  };
  const take = (bytes: Uint8Array, rules = RULES) => takeMail(parts, rules, bytes, AbortSignal.timeout(10_000));
  return { flow, read, take };
}

const csv = { filename: 'a.csv', content: 'a,b\r\n1,2\r\n' };
const letter = (change: Letter = {}) => signedMail({ key, attachments: [csv], ...change });

test('a mail signed by a configured domain reaches the readers of its feeds, with what lies beside', async () => {
  const { flow, read, take } = await open();
  const zip = zipFile({ name: 'b.csv', content: 'zipped' });
  const bytes = await letter({
    attachments: [
      { filename: 'hub-1.csv', content: 'hub' },
      csv,
      { filename: 'b.csv.zip', content: zip },
      { filename: 'logo.png', content: 'x' },
    ],
  });
  expect(await take(bytes)).toEqual({ state: 'taken', feeds: ['hub', 'daily'], rows: 3 });
  expect(read.map(({ source, fileName, text }) => [source, fileName, text])).toEqual([
    ['hub', 'hub-1.csv', 'hub'],
    ['daily', 'a.csv', 'a,b\r\n1,2\r\n'],
    ['daily', 'b.csv', 'zipped'],
  ]);
  expect(read[0]!.beside?.map(({ fileName }) => fileName)).toEqual(['text-plain', 'a.csv', 'b.csv', 'logo.png']);
  const kept = (await flow.store.evidenceFiles({ limit: 10 })).find(({ source }) => source === 'reports-mailbox');
  expect(kept).toMatchObject({ name: 'mail.eml', state: 'accepted', bytes: bytes.length });
  expect(await flow.evidence.read(kept!.hash)).toEqual(bytes);
});

/** Bytes of the head, before the body. */
const withHead = (bytes: Buffer, ...lines: readonly string[]) =>
  Buffer.concat([Buffer.from(lines.map((one) => `${one}\r\n`).join('')), bytes]);
const edited = (bytes: Buffer, from: string, to: string) => {
  const text = bytes.toString('latin1');
  if (!text.includes(from)) throw new Error(`no ${from}`);
  return Buffer.from(text.replace(from, to), 'latin1');
};

test.each([
  ['nobody signed', () => letter({ key: undefined as never }), 'sender-unknown'],
  ['another domain signed, From: is the reporter', () => letter({ key: evil }), 'sender-unknown'],
  [
    'a nested comment address',
    () => letter({ key: evil, from: 'x (cert.example (a)) <reports@cert.example>' }),
    'sender-unknown',
  ],
  [
    'the body was changed',
    async () => edited(await letter(), 'see the attachment', 'see the attachmenT'),
    'dkim-failed',
  ],
  ['the subject was changed', async () => edited(await letter(), 'Daily report', 'Weekly report'), 'dkim-failed'],
  ['two From:', async () => withHead(await letter(), 'From: reports@cert.example'), 'head-repeated'],
  [
    'a second Content-Type above',
    async () => withHead(await letter(), 'Content-Type: multipart/mixed; boundary=evil'),
    'head-repeated',
  ],
  [
    'a Content-Type with a space',
    async () => withHead(await letter(), 'Content-Type : multipart/mixed; boundary=evil'),
    'head-irregular',
  ],
  ['something after the body', async () => Buffer.concat([await letter(), Buffer.from('--x\r\nmore')]), 'dkim-failed'],
] as const)('F15: %s: kept, parked, never read by a feed', async (_, make, code) => {
  const { flow, read, take } = await open();
  const bytes = await make();
  expect(await take(bytes)).toMatchObject({ state: 'parked', code });
  expect(read).toEqual([]);
  const [kept] = await flow.store.evidenceFiles({ state: 'parked', limit: 10 });
  expect(kept?.reason).toMatch(new RegExp(`^${code}: `));
  expect(await flow.evidence.read(kept!.hash)).toEqual(bytes);
});

test('F15: no name of a stranger is asked for, whatever his mail says', async () => {
  const { take } = await open();
  await take(await letter({ key: evil }));
  expect(dns.asked).toEqual([]);
  await take(await letter());
  expect(new Set(dns.asked)).toEqual(new Set([key.name]));
});

test('a key that cannot be asked for now makes the mail wait; a key that is gone parks it', async () => {
  const { flow, take } = await open();
  const bytes = await letter();
  for (const state of ['failing', 'silent'] as const) {
    dns.state = state;
    expect(await take(bytes)).toMatchObject({ state: 'later' });
  }
  expect(await flow.store.evidenceFiles({ state: 'parked', limit: 10 })).toEqual([]);
  dns.state = 'up';
  dns.records.delete(key.name);
  try {
    expect(await take(bytes)).toMatchObject({ state: 'parked', code: 'dkim-failed' });
  } finally {
    dns.records.set(key.name, key.record);
  }
  expect(await take(bytes), 'mended: the same mail again').toMatchObject({ state: 'taken' });
  expect(await flow.store.evidenceFiles({ state: 'parked', limit: 10 })).toEqual([]);
});

test('F15: a short key and a testing domain answer for nothing', async () => {
  const { take } = await open();
  const short = dkimKey('cert.example', 1024 - 512);
  dns.records.set(key.name, short.record);
  expect(await take(await letter({ key: short }))).toMatchObject({ state: 'parked', code: 'dkim-failed' });
  dns.records.set(key.name, `${key.record}; t=y`);
  expect(await take(await letter())).toMatchObject({ state: 'parked', code: 'dkim-failed' });
  dns.records.set(key.name, key.record);
});

test('in a mailbox whose transport is trusted nothing needs a signature', async () => {
  const { take } = await open();
  const rules: MailboxRules = { name: 'm', trust: 'transport', routes: [{ attachment: ['*.csv'], feed: 'daily' }] };
  expect(await take(await letter({ key: undefined as never }), rules)).toMatchObject({ state: 'taken', rows: 1 });
  expect(dns.asked).toEqual([]);
});

test('a complaint (ARF) is evidence alone, from whomever it comes', async () => {
  const { read, take } = await open();
  const arf = Buffer.from(
    [
      'From: fbl@isp.example',
      'Content-Type: multipart/report; report-type=feedback-report; boundary=r',
      '',
      '--r',
      'Content-Type: message/feedback-report',
      '',
      'Feedback-Type: abuse',
      '--r--',
      '',
    ].join('\r\n'),
  );
  expect(await take(arf)).toMatchObject({ state: 'evidence' });
  expect(read).toEqual([]);
});

test('a part that a feed cannot read parks the mail and holds up no other part; without a route it is for a person', async () => {
  const { read, take } = await open();
  const two = await letter({ attachments: [{ filename: 'x.csv', content: 'broken' }, csv] });
  expect(await take(two)).toMatchObject({ state: 'parked', code: 'file-broken' });
  expect(read.map(({ fileName }) => fileName)).toEqual(['x.csv', 'a.csv']);
  const climbing = await letter({
    attachments: [{ filename: 'x.csv.zip', content: zipFile({ name: '../a.csv', content: 'x' }) }],
  });
  expect(await take(climbing)).toMatchObject({ state: 'parked', code: 'zip-path' });
  expect(await take(await letter({ attachments: [] }))).toMatchObject({ state: 'parked', code: 'no-route' });
});

test('F11: an incident document is kept for people; one with a DTD is parked', async () => {
  const { take } = await open();
  const xml = (content: string) =>
    letter({ attachments: [{ filename: 'incident.xml', content, contentType: 'application/xml' }] });
  expect(await take(await xml('<IODEF-Document><a>1</a></IODEF-Document>'))).toEqual({
    state: 'evidence',
    text: 'XML: IODEF-Document',
  });
  const laughs = '<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><a>&d;</a>';
  expect(await take(await xml(laughs))).toMatchObject({ state: 'parked', code: 'xml-dtd' });
});
