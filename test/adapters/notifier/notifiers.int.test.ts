import { createHmac } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createNotifiers } from '../../../src/adapters/notifier/create.ts';
import { createSmtpNotifier } from '../../../src/adapters/notifier/smtp/notifier.ts';
import { createSpoolNotifier } from '../../../src/adapters/notifier/spool/notifier.ts';
import { createWebhookNotifier } from '../../../src/adapters/notifier/webhook/notifier.ts';
import { type FakeSmtp, startFakeSmtp } from '../../fakes/smtp.ts';

const NOW = Date.UTC(2026, 2, 4, 5, 6, 7);
const clock = { now: () => NOW };
const from = { name: '回線サポート', address: 'care@isp.example' };
const message = {
  to: 'home@example.net',
  subject: 'お知らせ: インターネット接続について、大切なご案内があります(確認コード 7K3M-9QXR)',
  text: '確認コード: 7K3M-9QXR\n.\n電話: 0000\n',
  language: 'ja',
  checkCode: '7K3M9QXR',
  messageId: '01J-test_1',
};
const signal = () => AbortSignal.timeout(5000);

describe('SMTP', () => {
  let server: FakeSmtp;
  beforeEach(async () => {
    server = await startFakeSmtp();
  });
  afterEach(() => server.close());
  const notifier = (stepMs = 2000) =>
    createSmtpNotifier({ host: '127.0.0.1', port: server.port, security: 'none', from, stepMs });

  test('the server takes one plain message with our headers, to one recipient', async () => {
    expect(await notifier().send(message, signal())).toEqual({ ok: true, value: undefined });
    expect(server.mails).toHaveLength(1);
    const mail = server.mails[0]!;
    expect([mail.from.replace(/ BODY=.*/, ''), mail.to]).toEqual([
      'MAIL FROM:<care@isp.example>',
      ['RCPT TO:<home@example.net>'],
    ]);
    expect(mail.data).toMatch(/^Message-ID: <01J-test_1@isp\.example>\r$/m);
    expect(mail.data).toMatch(/^Auto-Submitted: auto-generated\r$/m);
    expect(mail.data).toMatch(/^Content-Language: ja\r$/m);
    expect(mail.data).toMatch(/^Content-Type: text\/plain; charset=utf-8\r$/m);
    const body = mail.data.slice(mail.data.indexOf('\r\n\r\n') + 4);
    expect(Buffer.from(body, 'base64').toString('utf8').replaceAll('\r\n', '\n')).toBe(message.text);
  });

  test('a refused recipient is final, a full letter box is not, and neither answer quotes the address', async () => {
    server.answer('RCPT', '550 5.1.1 <home@example.net> unknown');
    const refused = await notifier().send(message, signal());
    expect(refused).toMatchObject({ ok: false, error: { kind: 'permanent' } });
    server.answer('RCPT', '452 4.2.2 <home@example.net> over quota');
    const full = await notifier().send(message, signal());
    expect(full).toMatchObject({ ok: false, error: { kind: 'temporary' } });
    expect(JSON.stringify([refused, full])).not.toContain('home@');
    server.answer('RCPT', '250 ok');
    server.answer('body', '554 5.7.1 no');
    expect(await notifier().send(message, signal())).toMatchObject({ error: { kind: 'permanent' } });
    expect(server.mails).toEqual([]);
  });

  test('a server that falls silent at any step costs no more than the deadline', async () => {
    for (const step of ['greeting', 'RCPT', 'DATA', 'body'] as const) {
      server.answer(step, 'silence');
      expect(await notifier(200).send(message, signal())).toMatchObject({ error: { kind: 'temporary' } });
      server.answer(step, { greeting: '220 mail.example', RCPT: '250 ok', DATA: '354 go on', body: '250 ok' }[step]);
    }
    server.answer('greeting', 'silence');
    const early = await notifier(60_000).send(message, AbortSignal.timeout(100));
    expect(early).toEqual({ ok: false, error: { kind: 'temporary', text: 'deadline' } });
  });

  test('nobody listening is temporary', async () => {
    await server.close();
    expect(await notifier().send(message, signal())).toMatchObject({ error: { kind: 'temporary', text: 'ESOCKET' } });
    server = await startFakeSmtp();
  });

  test.each([
    { to: 'a@example.net\r\nBcc: b@example.net' },
    { to: 'a@example.net, b@example.net' },
    { to: '"a" <a@example.net>' },
    { subject: 'x\r\nBcc: b@example.net' },
    { messageId: 'x>\r\nBcc: b@example.net' },
    { language: 'ja\r\nBcc: b@example.net' },
  ])('a header injected through %j never leaves', async (part) => {
    expect(await notifier().send({ ...message, ...part }, signal())).toMatchObject({ error: { kind: 'permanent' } });
    expect(server.mails).toEqual([]);
  });
});

test('a configuration names its notifiers: mail always, the webhook when there is one', () => {
  const operator = { name: 'Example ISP' };
  const mail = { kind: 'spool', directory: '/nowhere', from: 'care@isp.example' } as const;
  const webhook = { url: 'https://hook.example/', secret: Buffer.alloc(32, 1) };
  expect(createNotifiers({ operator, mail }).map((one) => one.channel)).toEqual(['email']);
  expect(createNotifiers({ operator, mail, webhook }).map((one) => one.channel)).toEqual(['email', 'webhook']);
  expect(() => createNotifiers({ operator, mail, webhook: { ...webhook, secret: Buffer.alloc(31) } })).toThrow(/32/);
});

describe('spool', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'engawa-spool-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('one whole file a message, nothing half written beside it; the same message again is the same file', async () => {
    const notifier = createSpoolNotifier({ folder: join(folder, 'out'), from, clock });
    for (let i = 0; i < 2; i++) expect(await notifier.send(message, signal())).toEqual({ ok: true, value: undefined });
    expect(readdirSync(join(folder, 'out'))).toEqual(['01J-test_1.eml']);
    const mail = readFileSync(join(folder, 'out', '01J-test_1.eml'), 'utf8');
    expect(mail).toMatch(/^Date: Wed, 04 Mar 2026 05:06:07 \+0000\r\n/);
    expect(Math.max(...mail.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(78);
    const subject = /^Subject: ((?:.*\r\n )*.*)\r\n/m.exec(mail)![1]!;
    const words = subject.split('\r\n ').map((word) => Buffer.from(word.slice(10, -2), 'base64').toString('utf8'));
    expect(words.join('')).toBe(message.subject);
    const body = mail.slice(mail.indexOf('\r\n\r\n') + 4);
    expect(Buffer.from(body, 'base64').toString('utf8')).toBe(message.text.replaceAll('\n', '\r\n'));
  });

  test('a folder that cannot be made is temporary, a bad recipient is final', async () => {
    writeFileSync(join(folder, 'file'), '');
    const notifier = createSpoolNotifier({ folder: join(folder, 'file'), from, clock });
    expect(await notifier.send(message, signal())).toMatchObject({ error: { kind: 'temporary' } });
    expect(await notifier.send({ ...message, to: '../x' }, signal())).toMatchObject({ error: { kind: 'permanent' } });
    expect(await notifier.send({ ...message, messageId: '../x' }, signal())).toMatchObject({
      error: { kind: 'permanent' },
    });
  });
});

describe('webhook', () => {
  const secret = Buffer.from('s'.repeat(32));
  let server: Server;
  let seen: { headers: IncomingMessage['headers']; body: string }[];
  let status: number | 'silence';
  let url: string;
  beforeEach(async () => {
    [seen, status] = [[], 204];
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        seen.push({ headers: request.headers, body });
        if (status !== 'silence') response.writeHead(status, { location: '/elsewhere' }).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  test('the receiver can verify who sent it and when', async () => {
    const notifier = createWebhookNotifier({ url, secret, clock });
    expect(await notifier.send({ ...message, to: 'C-1' }, signal())).toEqual({ ok: true, value: undefined });
    const { headers, body } = seen[0]!;
    const timestamp = String(headers['engawa-timestamp']);
    expect(timestamp).toBe(String(NOW / 1000));
    expect(headers['engawa-signature']).toBe(
      `v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`,
    );
    expect(JSON.parse(body)).toMatchObject({ id: '01J-test_1', to: 'C-1', checkCode: '7K3M9QXR' });
  });

  test('redirects are not followed and final; busy and silent servers are temporary', async () => {
    const notifier = createWebhookNotifier({ url, secret, clock, deadlineMs: 200 });
    const kinds: unknown[] = [];
    for (status of [302, 307, 400, 410, 429, 500, 503, 'silence'] as const) {
      const answer = await notifier.send(message, signal());
      kinds.push([status, answer.ok ? 'ok' : answer.error.kind]);
    }
    expect(kinds).toEqual([
      [302, 'permanent'],
      [307, 'permanent'],
      [400, 'permanent'],
      [410, 'permanent'],
      [429, 'temporary'],
      [500, 'temporary'],
      [503, 'temporary'],
      ['silence', 'temporary'],
    ]);
    expect(seen).toHaveLength(8);
  });

  test.each(['http://hook.example/', 'ftp://127.0.0.1/', 'https://user:pw@hook.example/', 'http://localhost.example/'])(
    'the address %s is refused at start',
    (bad) => {
      expect(() => createWebhookNotifier({ url: bad, secret, clock })).toThrow(/webhook/);
    },
  );
});
