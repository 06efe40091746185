// Accounting of a real NAS: hostapd with a subscriber that really logs in, is cut off and logs in again.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { AccountingListener } from '../../../src/adapters/sessions/accounting/listener.ts';
import type { AccountingRecord } from '../../../src/core/line/accounting.ts';
import { prefix } from '../../core/line/records.ts';
import { type Hostapd, startHostapd } from '../../peers/hostapd.ts';

const SECRET = 'a secret for this test only';
const undo: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/** By another's client; nothing here may block, for datagrams go through this process. */
async function cutOff(nas: Hostapd, sessionId: string): Promise<void> {
  const client = spawn('radclient', [`${nas.address}:${nas.port}`, 'disconnect', nas.secret], { stdio: 'pipe' });
  const attributes = [`Event-Timestamp = ${Math.floor(Date.now() / 1000)}`, 'Message-Authenticator = 0x00'];
  client.stdin.end(`Acct-Session-Id = "${sessionId}"\n${attributes.join('\n')}\n`);
  expect(await once(client, 'close', { signal: AbortSignal.timeout(20_000) })).toEqual([0, null]);
}

test('a subscriber of hostapd logs in, is cut off and logs in again: On, Start, Stop, Start, each by the id the NAS knows it by', async () => {
  const stored: AccountingRecord[] = [];
  const listener = new AccountingListener({
    listen: [{ address: '127.0.0.1', port: 0 }],
    clients: [
      {
        name: 'ap',
        from: [prefix('127.0.0.1')],
        secrets: [Buffer.from(SECRET)],
        accessKey: 'Calling-Station-Id',
        realm: 'main',
        interimSeconds: 600,
        facts: true,
      },
    ],
    record: async (batch) => void stored.push(...batch),
    reserved: [],
    clock: Date,
    log: { info() {}, warn() {}, error() {} },
  });
  const [bound] = await listener.start();
  undo.push(() => listener.stop());
  const hostapd = await startHostapd({ accounting: { ...bound!, secret: SECRET }, nasIdentifier: 'ap7' });
  undo.push(() => hostapd.stop());
  const first = await hostapd.session();
  await cutOff(hostapd, first!.sessionId);
  const second = await hostapd.login();
  const said = () => stored.map((one) => `${one.status} ${'sessionId' in one ? one.sessionId : ''}`.trim());
  await expect
    .poll(said, { timeout: 20_000 })
    .toEqual(['on', `start ${first!.sessionId}`, `stop ${first!.sessionId}`, `start ${second.sessionId}`]);
  const start = stored[1]!;
  if (start.status !== 'start') throw new Error('no start');
  const station = first!.mac.replaceAll(':', '-').toUpperCase();
  expect(start).toMatchObject({ nas: 'ap', accessKey: station, startAt: start.eventAt });
  expect(Math.abs(start.clockLagMs!)).toBeLessThan(10_000);
  expect(start.facts).toMatchObject({
    'Acct-Session-Id': [first!.sessionId],
    'NAS-Identifier': ['ap7'],
    'Calling-Station-Id': [station],
  });
  expect(listener.counts()).toMatchObject({ stored: 4, malformed: 0, 'attribute-odd': 0, 'bad-authenticator': 0 });
}, 60_000);
