// Through a real kernel: what an open line reaches, and what a strict one does not. Stand-ins echo; no application code runs.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Agent, type Stage, setStage } from './tools/stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage?.end());
afterEach(async () => {
  await stage.free(stage.network.homes[0]!);
  await stage.dnsAlive(false);
  await stage.internet.heard();
  await stage.bng.heard();
});

const FAMILIES = ['ip4', 'ip6'] as const;
const at = () => stage.network.addresses;
const home = () => stage.network.homes[0]!;
const bot = () => stage.homes[0]!;
const neighbour = () => stage.homes[1]!;

describe.each(FAMILIES)('over %s', (family) => {
  test('an open line reaches everything', async () => {
    for (const port of [22, 23, 80, 443, 853, 9000]) expect(await bot().tcp(at().site[family], port)).toBe('open');
    expect(await bot().udp(at().site[family], 443)).toBe('echo');
    expect(await bot().udp(at().foreignResolver[family], 53)).toBe('echo');
    expect(await bot().tcp(at().honeypot[family], 23)).toBe('open');
  });

  test('a strict line reaches its packs and nothing else, and is told so at once', async () => {
    await stage.put(home(), 'strict');
    expect(await bot().tcp(at().packSite[family], 443)).toBe('open');
    expect(await bot().udp(at().packSite[family], 443)).toBe('echo');
    const startedAt = performance.now();
    expect(await bot().tcp(at().site[family], 9000)).toBe('ECONNREFUSED');
    expect(await bot().tcp(at().packSite[family], 9000)).toBe('ECONNREFUSED');
    expect(performance.now() - startedAt).toBeLessThan(500);
    expect(await bot().udp(at().site[family], 9000)).toMatch(/ECONNREFUSED|EHOSTUNREACH|EACCES/);
    expect((await stage.internet.heard()).filter((line) => line.includes(':9000'))).toEqual([]);
  });

  test('the neighbour of a strict line is untouched', async () => {
    await stage.put(home(), 'strict');
    for (const port of [23, 80, 443]) expect(await neighbour().tcp(at().site[family], port)).toBe('open');
    expect(await neighbour().udp(at().site[family], 443)).toBe('echo');
    expect((await stage.bng.heard()).length).toBe(0);
  });

  test('E01: a TCP flow from before the garden is reset without a conntrack flush', async () => {
    expect(await bot().tell({ do: 'tcp-open', id: `old-${family}`, host: at().site[family], port: 9000 })).toBe('open');
    expect(await bot().tell({ do: 'tcp-say', id: `old-${family}`, text: 'before' })).toBe('echo');
    await stage.put(home(), 'strict');
    expect(await bot().tell({ do: 'tcp-say', id: `old-${family}`, text: 'after' })).toBe('ECONNRESET');
  });

  test('old UDP flows die in both directions', async () => {
    const ask = { do: 'udp-ask', id: `flow-${family}`, host: at().site[family], port: 9000 } as const;
    expect(await bot().tell({ ...ask, text: 'before' })).toBe('echo');
    const from = /from (\S+):(\d+) before/.exec((await stage.internet.heard()).find((l) => l.includes('before'))!)!;
    await stage.put(home(), 'strict');
    expect(await bot().tell({ ...ask, text: 'after' })).not.toBe('echo');
    expect((await stage.internet.heard()).filter((line) => line.includes('after'))).toEqual([]);
    // The other way: the server keeps talking to the open port of the home's NAT.
    const push = () =>
      stage.internet.tell({
        do: 'udp-push',
        from: { host: at().site[family], port: 9000 },
        host: from[1]!,
        port: Number(from[2]),
      });
    const before = await homeUdpReceived(family);
    await push();
    await stage.free(home());
    await push();
    // The second one proves the way is there; had the first one come through, it would have been counted before it.
    await expect.poll(() => homeUdpReceived(family)).toBeGreaterThan(before);
    expect(await homeUdpReceived(family)).toBe(before + 1);
    await bot().tell({ do: 'close', id: ask.id });
  });

  test('E08: foreign port 53 is steered to the front while it lives', async () => {
    await stage.dnsAlive(true);
    await stage.put(home(), 'strict');
    expect(await bot().udp(at().foreignResolver[family], 53)).toBe('echo');
    expect(await bot().tcp(at().foreignResolver[family], 53)).toBe('open');
    expect((await stage.bng.heard()).length).toBe(2);
    expect(await stage.internet.heard()).toEqual([]);
  });

  test('E09: DoT and DoQ are refused', async () => {
    await stage.put(home(), 'strict');
    expect(await bot().tcp(at().foreignResolver[family], 853)).toBe('ECONNREFUSED');
    expect(await bot().udp(at().foreignResolver[family], 853)).not.toBe('echo');
    expect(await stage.internet.heard()).toEqual([]);
  });

  test('QUIC to a foreign host is rejected, web traffic ends at the redirector and the refuser', async () => {
    await stage.put(home(), 'strict');
    expect(await bot().udp(at().site[family], 443)).toMatch(/ECONNREFUSED|EHOSTUNREACH|EACCES/);
    expect(await bot().tcp(at().site[family], 80)).toBe('open');
    expect(await bot().tcp(at().site[family], 443)).toBe('open');
    expect(await bot().tcp(at().packSite[family], 80)).toBe('open');
    const { portalHttp, tlsRefuser } = stage.network.spec.ports;
    // The last one is open to its client a moment before the listener has written it down.
    const heard: number[] = [];
    await expect
      .poll(async () => {
        heard.push(...(await stage.bng.heard()).map((line) => Number(/:(\d+) from/.exec(line)![1])));
        return heard.toSorted((a, b) => a - b);
      })
      .toEqual([portalHttp, portalHttp, tlsRefuser]);
    expect(await stage.internet.heard()).toEqual([]);
  });

  test('time comes from the operator only', async () => {
    await stage.put(home(), 'strict');
    expect(await bot().udp(at().ntp[family], 123)).toBe('echo');
    expect(await bot().udp(at().site[family], 123)).not.toBe('echo');
  });

  test('the portal answers on its own address for everyone, its raw ports for nobody', async () => {
    const { portalHttp } = stage.network.spec.ports;
    for (const access of ['open', 'leaky', 'strict'] as const) {
      if (access !== 'open') await stage.put(home(), access);
      for (const port of [80, 443]) expect(await bot().tcp(at().portal[family], port)).toBe('open');
      expect(await bot().tcp(at().portal[family], portalHttp)).toBe('ECONNREFUSED');
    }
  });

  test("the gateway's own services are closed to a strict line and as before to others", async () => {
    expect(await bot().tcp(at().gateway[family], 22)).toBe('open');
    await stage.put(home(), 'strict');
    expect(await bot().tcp(at().gateway[family], 22)).toBe('ECONNREFUSED');
    expect(await neighbour().tcp(at().gateway[family], 22)).toBe('open');
  });

  test('a released line is reset out of the redirector and the refuser', async () => {
    await stage.put(home(), 'strict');
    for (const [id, port] of [
      ['r', 80],
      ['t', 443],
    ] as const) {
      expect(await bot().tell({ do: 'tcp-open', id: id + family, host: at().site[family], port })).toBe('open');
      expect(await bot().tell({ do: 'tcp-say', id: id + family, text: 'hello' })).toBe('echo');
    }
    expect(await bot().tell({ do: 'tcp-open', id: `p${family}`, host: at().portal[family], port: 80 })).toBe('open');
    await stage.free(home());
    for (const id of ['r', 't']) {
      expect(await bot().tell({ do: 'tcp-say', id: id + family, text: 'again' })).toBe('ECONNRESET');
    }
    expect(await bot().tell({ do: 'tcp-say', id: `p${family}`, text: 'still here' })).toBe('echo');
    await bot().tell({ do: 'close', id: `p${family}` });
    await stage.bng.heard();
    expect(await bot().tcp(at().site[family], 80)).toBe('open');
    expect(await stage.bng.heard()).toEqual([]);
  });

  test('a fragmented datagram of an unknown flow does not leave the garden', async () => {
    const big = 'x'.repeat(4000);
    expect(await bot().udp(at().site[family], 9000, big)).toBe('echo');
    await stage.internet.heard();
    await stage.put(home(), 'strict');
    expect(await bot().udp(at().site[family], 9000, big)).not.toBe('echo');
    expect(await stage.internet.heard()).toEqual([]);
    expect(await bot().udp(at().packSite[family], 443, big)).toBe('echo');
  });
});

describe.each(FAMILIES)('the sink over %s', (family) => {
  test('answers a free line on 80 and 443 with our listeners and refuses everything else', async () => {
    for (const port of [80, 443]) expect(await bot().tcp(at().sink[family], port)).toBe('open');
    expect((await stage.bng.heard()).length).toBe(2);
    expect(await bot().tcp(at().sink[family], 9000)).toBe('ECONNREFUSED');
    expect(await bot().udp(at().sink[family], 443)).toMatch(/ECONNREFUSED|EHOSTUNREACH|EACCES/);
  });
});

test('E06: over a link-local address the gateway offers a home router what routing needs, no service', async () => {
  const router = new Agent(stage.network, home().router);
  await stage.put(home(), 'strict');
  expect(await stage.bng.heard()).toEqual([]);
  expect(await router.tell({ do: 'tcp-open', host: 'fe80::1%wan', port: 22, timeoutMs: 400 })).toBe('timeout');
  expect(await router.tell({ do: 'tcp-open', host: 'fe80::1%wan', port: 80, timeoutMs: 400 })).not.toBe('open');
  expect(await bot().udp(at().packSite.ip6, 443)).toBe('echo'); // neighbour discovery still works
});

test('E05: a second prefix that nobody delegated to the home does not pass', async () => {
  const { network } = stage;
  const other = '2001:db8:100:f00::1';
  await network.exec(home().router, ['ip', 'addr', 'add', `${other}/128`, 'dev', 'lo', 'nodad']);
  const router = new Agent(network, home().router);
  const ask = { do: 'udp-ask', host: at().site.ip6, port: 9000, text: 'second', timeoutMs: 300 } as const;
  expect(await router.tell({ ...ask, localAddress: home().lan.ip6 })).toBe('echo');
  await stage.internet.heard();
  expect(await router.tell({ ...ask, localAddress: other })).toBe('timeout');
  expect(await stage.internet.heard()).toEqual([]);
});

test('E04: quarantine holds over IPv6 alone too', async () => {
  await stage.put(home(), 'strict');
  expect(await bot().tcp(at().site.ip6, 22)).toBe('ECONNREFUSED');
  expect(await bot().tcp(at().honeypot.ip6, 23)).toBe('ECONNREFUSED');
  expect(await stage.internet.heard()).toEqual([]);
});

/** Datagrams that any socket in the home or its router was handed or had no port for. */
async function homeUdpReceived(family: 'ip4' | 'ip6'): Promise<number> {
  const { network } = stage;
  const file = family === 'ip4' ? '/proc/net/snmp' : '/proc/net/snmp6';
  let sum = 0;
  for (const namespace of [home().hostNamespace, home().router]) {
    const { stdout } = await network.exec(namespace, ['cat', file]);
    if (family === 'ip6') {
      for (const [, n] of stdout.matchAll(/^Udp6(?:InDatagrams|NoPorts)\s+(\d+)/gm)) sum += Number(n);
    } else {
      const udp = stdout
        .split('\n')
        .filter((line) => line.startsWith('Udp:'))[1]!
        .split(' ');
      sum += Number(udp[1]) + Number(udp[2]);
    }
  }
  return sum;
}
