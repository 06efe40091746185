// N17: a subscriber who knows the BNG's address, and by some leak even its secret, sends it a CoA. Requests count only from
// its clients' addresses: what comes from a subscriber's is dropped before anything of it is read.
import { afterEach, expect, test } from 'vitest';
import { Lab } from '../../src/lab/lab.ts';
import { LAB_BNG2 } from '../../src/lab/network-plan.ts';
import { LAB_BNG2_SECRETS } from '../../src/lab/site-second.ts';

let lab: Lab | undefined;
afterEach(async () => {
  await lab?.destroy();
  lab = undefined;
}, 60_000);

test('N17: a CoA from the subscriber side reaches nothing, whatever it says', async () => {
  lab = await Lab.build({ homes: 1, radiusHomes: 1 });
  await lab.startEngawa();
  await lab.startSecond();
  const home = lab.network.homes.find(({ behind }) => behind === 'bng2')!;
  const second = lab.second!;
  expect(await second.dial(home)).toMatchObject({ kind: 'up' });
  const session = await second.sessionOf(home);
  const forged = [
    `Acct-Session-Id = "${session!.id}"`,
    'Filter-Id = "engawa-strict"',
    `Event-Timestamp = ${Math.floor(Date.now() / 1000)}`,
    'Message-Authenticator = 0x00',
  ].join('\\n');
  const to = `${LAB_BNG2.ip4}:3799`;
  const argv = ['sh', '-c', `printf '${forged}\\n' | radclient -t 1 -r 2 ${to} coa '${LAB_BNG2_SECRETS.dynamic}'`];
  const before = await second.counts();
  const sent = await lab.network.exec(home.hostNamespace, argv, { timeoutMs: 20_000 });
  expect(sent.stdout).toContain('Sent CoA-Request');
  expect(sent.stdout).not.toContain('Received CoA');
  const after = await second.counts();
  expect(after['unknownSource']).toBe(before['unknownSource'] + 2);
  expect(after).toMatchObject({ effects: before['effects'], acks: before['acks'], naks: before['naks'] });
  expect((await second.sessionOf(home))?.access).toEqual({ 4: 'open', 6: 'open' });
}, 120_000);
