// The wiring of mailboxes over an installation of its own: a signed mail in Dovecot, its key in DNS, an archive in it, and the
// rows of a real feed's file in the store.
import { readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { compose } from '../src/compose.ts';
import type { MailboxConfig } from '../src/config/mailboxes.ts';
import { parseIp } from '../src/core/net/ip.ts';
import { createMailboxes } from '../src/mailboxes.ts';
import { judge, lookAround } from '../src/warnings.ts';
import { installation } from './cli/installation.ts';
import { PASSWORD, startDovecot, USER } from './peers/dovecot.ts';
import { dkimKey, signedMail } from './peers/signed-mail.ts';
import { startTxtServer } from './peers/txt-server.ts';
import { zipFile } from './unpack/zip-file.ts';

const FILE = '2026-03-04-blocklist-example_isp.csv';

test('a mail with a *.csv.zip becomes reports of its feed', async () => {
  const here = installation();
  const server = await startDovecot();
  const dns = await startTxtServer();
  const key = dkimKey('reports.example');
  dns.records.set(key.name, key.record);
  const content = readFileSync(new URL(`vectors/shadowserver/${FILE}`, import.meta.url));
  const attachments = [{ filename: `${FILE}.zip`, content: zipFile({ name: FILE, content }) }];
  server.deliver(await signedMail({ key, attachments }));
  const mailbox: MailboxConfig = {
    ...{
      name: 'reports',
      host: 'localhost',
      port: server.port,
      tls: 'implicit',
      ca: server.ca,
      user: USER,
      password: PASSWORD,
    },
    ...{ folder: 'INBOX', after: 'move', doneFolder: 'Engawa/Done', parkedFolder: 'Engawa/Parked', trust: 'dkim' },
    ...{ sizeLimit: 25_000_000, poll: 60_000, silence: 3_600_000 },
    routes: [{ dkim: key.domain, attachment: ['*.csv.zip'], feed: 'shadowserver' }],
  };
  const [address, port] = dns.at.split(':');
  const engine = await compose(
    { ...here.config, mailboxes: [mailbox], dns: { resolvers: [parseIp(address!)!], port: Number(port) } },
    { quiet: true },
  );
  let decided = 0;
  const mailboxes = createMailboxes(engine, async () => {
    decided++;
  });
  try {
    mailboxes.start();
    await vi.waitUntil(() => server.count('Engawa/Done') === 1, { timeout: 20_000, interval: 20 });
    const files = await engine.store.evidenceFiles({ limit: 10 });
    expect(files.map(({ source, name, state }) => `${source} ${name} ${state}`).sort()).toEqual([
      'reports mail.eml accepted',
      `shadowserver ${FILE} accepted`,
    ]);
    expect((await engine.store.pendingReports(10)).map(({ source }) => source)).toEqual(['shadowserver']);
    expect(decided).toBe(1);
    const seen = judge(await lookAround(engine, { mailboxes })).map(({ code }) => code);
    expect(seen.filter((code) => code.startsWith('mail'))).toEqual([]);
  } finally {
    await mailboxes.stop();
    await engine.close();
    await server.stop();
    dns.stop();
    here.remove();
  }
});
