// Through a real kernel: a gateway whose portal is on another machine, behind the uplink. What a strict line reaches and does not
// is as with the portal here; the sender's own address arrives at the portal, which knows the line by it.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Stage, setStage } from './tools/stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await setStage({ spec: { isPortalElsewhere: true } });
  const { network, internet } = stage;
  const { portal } = network.addresses;
  const { portalHttp, portalHttps, tlsRefuser, dnsFront } = network.spec.ports;
  for (const address of [`${portal.ip4}/32`, `${portal.ip6}/128`])
    for (const [namespace, what] of [
      [network.bng, 'del'],
      [network.internet, 'add'],
    ] as const)
      await network.exec(namespace, ['ip', 'addr', what, address, 'dev', 'lo']);
  const listeners = [portalHttp, portalHttps, tlsRefuser, dnsFront].map((port) =>
    internet.tell({ do: 'tcp-listen', host: '::', port }),
  );
  const fronts = [portal.ip4, portal.ip6].map((host) => internet.tell({ do: 'udp-listen', host, port: dnsFront }));
  expect(new Set(await Promise.all([...listeners, ...fronts]))).toEqual(new Set(['listening']));
});
afterAll(() => stage?.end());
afterEach(async () => {
  await stage.free(stage.network.homes[0]!);
  await stage.dnsAlive(false);
  await stage.internet.heard();
});

const FAMILIES = ['ip4', 'ip6'] as const;
const at = () => stage.network.addresses;
const home = () => stage.network.homes[0]!;
const bot = () => stage.homes[0]!;
const ports = () => stage.network.spec.ports;
const heardAt = async () =>
  (await stage.internet.heard()).map((line) => Number(/:(\d+) from/.exec(line)![1])).sort((a, b) => a - b);

describe.each(FAMILIES)('over %s', (family) => {
  test('web traffic of a strict line ends at the redirector and the refuser of the other machine, with the line’s address', async () => {
    await stage.put(home(), 'strict');
    expect(await bot().tcp(at().site[family], 80)).toBe('open');
    expect(await bot().tcp(at().site[family], 443)).toBe('open');
    const heard = await stage.internet.heard();
    const sender = family === 'ip4' ? home().ip4 : home().host.ip6;
    expect(heard.every((line) => line.includes(sender))).toBe(true);
    expect(heard.map((line) => Number(/:(\d+) from/.exec(line)![1]))).toEqual([ports().portalHttp, ports().tlsRefuser]);
  });

  test('E08: its DNS is steered to the front there and answered, UDP and TCP, and freed when the front dies', async () => {
    await stage.put(home(), 'strict');
    await stage.dnsAlive(true);
    const ask = { do: 'udp-ask', id: `dns-${family}`, host: at().foreignResolver[family], port: 53 } as const;
    expect(await bot().tell({ ...ask, text: 'steered' })).toBe('echo');
    expect(await bot().tcp(at().foreignResolver[family], 53)).toBe('open');
    expect(await heardAt()).toEqual([ports().dnsFront, ports().dnsFront]);
    await stage.dnsAlive(false);
    // The same source port: without a conntrack zone of its own the flow would go on to the front.
    expect(await bot().tell({ ...ask, text: 'free' })).toBe('echo');
    expect(await heardAt()).toEqual([53]);
    await bot().tell({ do: 'close', id: ask.id });
  });

  test('the portal answers on its own address for every line, its raw ports for nobody', async () => {
    for (const access of ['open', 'leaky', 'strict'] as const) {
      if (access !== 'open') await stage.put(home(), access);
      for (const port of [80, 443]) expect(await bot().tcp(at().portal[family], port)).toBe('open');
      expect(await heardAt()).toEqual([ports().portalHttp, ports().portalHttps]);
      for (const port of Object.values(ports()))
        expect(await bot().tcp(at().portal[family], port)).toBe('ECONNREFUSED');
      expect(await bot().udp(at().portal[family], ports().dnsFront)).not.toBe('echo');
      expect(await heardAt()).toEqual([]);
    }
  });

  test('a strict line reaches nothing else of that machine, nor anything else', async () => {
    await stage.put(home(), 'strict');
    for (const port of [22, 853, 9000]) expect(await bot().tcp(at().portal[family], port)).toBe('ECONNREFUSED');
    expect(await bot().tcp(at().site[family], 9000)).toBe('ECONNREFUSED');
    expect(await bot().tcp(at().honeypot[family], 23)).toBe('ECONNREFUSED');
    expect(await bot().udp(at().emergency[family], 5060)).toBe('echo');
    expect((await stage.internet.heard()).filter((line) => !line.includes(':5060'))).toEqual([]);
  });

  test('a released line is reset out of redirector and refuser, and keeps its page at the portal', async () => {
    await stage.put(home(), 'strict');
    const open = (id: string, host: string, port: number) =>
      bot().tell({ do: 'tcp-open', id: id + family, host, port });
    const say = (id: string) => bot().tell({ do: 'tcp-say', id: id + family, text: 'still here' });
    expect(await open('r', at().site[family], 80)).toBe('open');
    expect(await open('t', at().site[family], 443)).toBe('open');
    expect(await open('p', at().portal[family], 80)).toBe('open');
    for (const id of ['r', 't', 'p']) expect(await say(id)).toBe('echo');
    await stage.free(home());
    for (const id of ['r', 't']) expect(await say(id)).toBe('ECONNRESET');
    expect(await say('p')).toBe('echo');
    await bot().tell({ do: 'close', id: `p${family}` });
  });

  test('the sink answers a free line on 80 and 443 with the listeners there', async () => {
    for (const port of [80, 443]) expect(await bot().tcp(at().sink[family], port)).toBe('open');
    expect(await heardAt()).toEqual([ports().portalHttp, ports().tlsRefuser]);
    expect(await bot().tcp(at().sink[family], 9000)).toBe('ECONNREFUSED');
  });
});
