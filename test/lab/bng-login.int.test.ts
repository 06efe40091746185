// The simulated BNG asks a real FreeRADIUS about its homes: PAP and Message-Authenticator of ours, its Access-Accept applied, its
// Class kept and told to accounting.
import { afterEach, expect, test } from 'vitest';
import { type SimulatedBng, startSimulatedBng } from '../../src/lab/bng/bng.ts';
import type { BngOptions } from '../../src/lab/bng/options.ts';
import { type FreeRadius, startFreeRadius } from '../protocols/radius/tools/freeradius.ts';
import { SECRET as AAA_SECRET } from '../protocols/radius/tools/radclient.ts';
import { AccountingPeer, SECRET } from './bng-peers.ts';

const LONG_PASSWORD = 'a password of more than sixteen octets, and of more than thirty-two';
const HOME = { user: 'anna@example.net', password: LONG_PASSWORD, ip4: '192.0.2.129' };
const SECTIONS = `
  authorize {
    if (!&Message-Authenticator) {
      reject
    }
    update control {
      Cleartext-Password := "${LONG_PASSWORD}"
    }
    pap
  }
  authenticate {
    Auth-Type PAP {
      pap
    }
  }
  post-auth {
    if (&User-Name == "anna@example.net") {
      update reply {
        Filter-Id := "engawa-strict"
        Class := 0x656e676177612d737472696374
        Framed-IP-Address := 192.0.2.150
        Delegated-IPv6-Prefix := 2001:db8:200:9600::/56
      }
    }
  }`;

const after: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of after.splice(0).reverse()) await end();
});

async function startAaa(): Promise<FreeRadius> {
  const aaa = await startFreeRadius({ type: 'auth', sections: SECTIONS, modules: '  pap {\n  }\n' });
  after.push(() => aaa.stop());
  return aaa;
}

async function startBng(options: Partial<BngOptions>): Promise<SimulatedBng> {
  const bng = await startSimulatedBng({
    name: 'bng2',
    address: '127.0.0.1',
    personality: 'strict',
    dialect: 'rfc',
    secrets: [SECRET],
    homes: [HOME],
    ...options,
  });
  after.push(() => bng.stop());
  return bng;
}

test('what the Access-Accept says is in force from the first packet: filter, addresses, Class in accounting', async () => {
  const aaa = await startAaa();
  const accounting = await AccountingPeer.start();
  after.push(() => accounting.close());
  const bng = await startBng({
    aaa: { address: '127.0.0.1', port: aaa.port, secret: AAA_SECRET },
    accounting: { address: '127.0.0.1', port: accounting.port, secret: SECRET },
  });
  expect(await bng.dial(HOME.user), aaa.said().slice(-1500)).toMatchObject({
    kind: 'up',
    session: {
      names: ['engawa-strict'],
      access: { 4: 'strict', 6: 'strict' },
      home: { ip4: '192.0.2.150', prefix6: '2001:db8:200:9600::/56' },
    },
  });
  bng.interim();
  expect(await bng.accounted()).toBe(true);
  expect(accounting.heard.slice(1)).toMatchObject([
    { status: 'start', class: 'engawa-strict' },
    { status: 'interim', class: 'engawa-strict' },
  ]);
});

test('a wrong password is a reject, and there is no session', async () => {
  const aaa = await startAaa();
  const bng = await startBng({
    aaa: { address: '127.0.0.1', port: aaa.port, secret: AAA_SECRET },
    homes: [{ ...HOME, password: 'another' }],
  });
  expect(await bng.dial(HOME.user)).toEqual({ kind: 'rejected' });
  expect(bng.sessions()).toEqual([]);
  expect(bng.counts()).toMatchObject({ accessRequests: 1, accessRejects: 1 });
});

test('an answer without Message-Authenticator does not count where it is required: the BNG gives up', async () => {
  const aaa = await startAaa();
  const bng = await startBng({
    aaa: {
      address: '127.0.0.1',
      port: aaa.port,
      secret: AAA_SECRET,
      requireMessageAuthenticator: true,
      waitsMs: [100, 200],
    },
  });
  // FreeRADIUS 3.2.1 sends none.
  expect(await bng.dial(HOME.user)).toEqual({ kind: 'unanswered' });
  expect(bng.counts()).toMatchObject({ accessRequests: 1, accessUnanswered: 1 });
  expect(aaa.said().match(/Sent Access-Accept/g)).toHaveLength(1);
});
