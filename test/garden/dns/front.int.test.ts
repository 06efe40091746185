// The DNS front over real sockets, before a resolver that remembers everything it was asked.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parsePrefix } from '../../../src/core/net/prefix.ts';
import { concat } from '../../../src/protocols/dns/bytes.ts';
import { RCODE, TYPE } from '../../../src/protocols/dns/query.ts';
import { ask, FREE, framed, question, read, STRICT, sendTcp, sendUdp, stage } from './garden-dns.ts';

let s: Awaited<ReturnType<typeof stage>>;
beforeEach(async () => {
  s = await stage();
});
afterEach(() => s.stop());

describe('a strict line', () => {
  test('gets the sink with TTL 5 for every other name, in both families, and nothing is asked upstream', async () => {
    const a = await ask(s.port, STRICT, 'www.example', 'A');
    const aaaa = await ask(s.port, STRICT, 'www.example', 'AAAA');
    expect([a.addresses, a.ttls, aaaa.addresses, aaaa.ttls]).toEqual([['203.0.113.2'], [5], ['2001:db8::2'], [5]]);
    expect(s.resolver.asked).toEqual([]);
  });

  test('E07: of a DNS tunnel not one octet leaves, whatever the type, case, transport or length of its labels', async () => {
    const label = 'x'.repeat(60);
    for (const type of ['TXT', 'A', 'AAAA', 'NAPTR', 'SRV', 'CNAME', 'NS', 'PTR', 'SOA', 'HTTPS'] as const) {
      const reply = await ask(s.port, STRICT, `${label}.${label}.${label}.TUNNEL.example`, type);
      expect(reply.answer.records.filter((r) => r.section === 'answer' && r.data.kind !== 'address')).toEqual([]);
    }
    const overTcp = await sendTcp(s.port, STRICT, framed(question('a.tunnel.example', 'TXT')), 1);
    expect(overTcp.map((m) => read(m).answer.records.map((r) => r.type))).toEqual([[TYPE.SOA]]);
    expect([s.resolver.asked, s.resolver.receivedBytes]).toEqual([[], 0]);
  });

  test('a name that only ends like a lifeline, or hides its dot inside a label, does not leave either', async () => {
    await ask(s.port, STRICT, 'evilsos.example', 'TXT');
    await ask(s.port, STRICT, 'evil\\046sos.example', 'TXT');
    await ask(s.port, STRICT, 'cdn.vendor.example', 'A');
    expect(s.resolver.asked).toEqual([]);
  });

  test('NODATA carries a SOA whose TTL and minimum are 5, so that a release is not outlived', async () => {
    const { answer, rcode } = await ask(s.port, STRICT, 'www.example', 'TXT');
    expect([rcode, answer.records.map((r) => [r.section, r.type, r.ttlSeconds])]).toEqual([
      RCODE.NOERROR,
      [['authority', TYPE.SOA, 5]],
    ]);
  });

  test.each(['use-application-dns.net', 'mask.icloud.com', 'mask-h2.icloud.com'])('%s does not exist', async (name) => {
    expect((await ask(s.port, STRICT, name, 'A')).rcode).toBe(RCODE.NXDOMAIN);
    expect(s.resolver.asked).toEqual([]);
  });

  test('gets the portal’s own addresses for portal and API names', async () => {
    expect((await ask(s.port, STRICT, 'Portal.ISP.example', 'A')).addresses).toEqual(['203.0.113.1']);
    expect((await ask(s.port, STRICT, 'api.isp.example', 'AAAA')).addresses).toEqual(['2001:db8::1']);
    expect((await ask(s.port, STRICT, 'api.isp.example', 'HTTPS')).answer.records[0]?.section).toBe('authority');
    expect(s.resolver.asked).toEqual([]);
  });
});

describe('lifelines', () => {
  test('a phone adapter finds its call server from inside strict: NAPTR, SRV, then the address, kernel first', async () => {
    const order: string[] = [];
    s.allowList.onTold = (line) => void order.push(line);
    const naptr = await ask(s.port, STRICT, 'sos.example', 'NAPTR');
    expect(naptr.answer.records[0]?.data).toMatchObject({ kind: 'naptr', target: '_sip._udp.voice.example' });
    const srv = await ask(s.port, STRICT, '_sip._udp.voice.example', 'SRV');
    expect(srv.answer.records[0]?.data).toMatchObject({ kind: 'srv', port: 5060, target: 'sbc1.voice.example' });
    const a = await ask(s.port, STRICT, 'sbc1.voice.example', 'A');
    order.push(`answered ${a.addresses}`);
    expect(order).toEqual(['lifeline emergency 198.51.100.40 259200', 'answered 198.51.100.40']);
    expect(a.ttls).toEqual([3600]);
  });

  test('subdomains, CNAME targets, other types and the PTR of a configured address are forwarded', async () => {
    expect((await ask(s.port, STRICT, 'www.sos.example', 'A')).addresses).toEqual(['198.51.100.41']);
    expect((await ask(s.port, STRICT, 'edge.voice.example', 'A')).addresses).toEqual(['198.51.100.41']);
    expect((await ask(s.port, STRICT, 'sos.example', 'TXT')).answer.records[0]?.type).toBe(TYPE.TXT);
    const ptr = await ask(s.port, STRICT, '17.100.51.198.in-addr.arpa', 'PTR');
    expect(ptr.answer.records[0]?.data).toEqual({ kind: 'name', target: 'sbc0.voice.example' });
    const other = await ask(s.port, STRICT, '99.113.0.203.in-addr.arpa', 'PTR');
    expect(other.answer.records.map((r) => r.section)).toEqual(['authority']);
  });

  test.each(['unavailable', 'throws', 'hangs'] as const)(
    'are answered even when the gateway %s: the address may be in the kernel already',
    async (mode) => {
      s.allowList.mode = mode;
      expect((await ask(s.port, STRICT, 'www.sos.example', 'A')).addresses).toEqual(['198.51.100.41']);
      expect(s.log.lines.join()).toContain('DNS_LIFELINE_UNCONFIRMED');
    },
  );

  test('private call servers are fine, loopback is not handed to the gateway', async () => {
    s.resolver.setRecords([
      { name: 'sos.example', type: 'A', value: '10.9.8.7' },
      { name: 'sos.example', type: 'A', value: '127.0.0.1' },
    ]);
    await ask(s.port, STRICT, 'sos.example', 'A');
    expect(s.allowList.told).toEqual(['lifeline emergency 10.9.8.7 259200']);
  });
});

describe('packs', () => {
  test('the address is confirmed in the kernel before the answer goes out, on every question anew', async () => {
    let confirm = () => {};
    s.allowList.onTold = () => new Promise<void>((resolve) => (confirm = resolve));
    let answered = false;
    const asked = ask(s.port, STRICT, 'update.vendor.example', 'A').then((reply) => {
      answered = true;
      return reply;
    });
    await vi.waitFor(() => expect(s.counters.get('dns_upstream_answered')).toBe(1), { timeout: 15_000 });
    await new Promise((done) => setImmediate(done));
    expect(answered).toBe(false);
    await vi.waitFor(() => {
      confirm();
      expect(answered).toBe(true);
    });
    const reply = await asked;
    expect([reply.addresses, reply.ttls]).toEqual([['203.0.113.80'], [30]]);
    s.allowList.onTold = undefined;
    await ask(s.port, STRICT, 'update.vendor.example', 'A');
    expect(s.allowList.told).toEqual(['pack updates 203.0.113.80 3600', 'pack updates 203.0.113.80 3600']);
  });

  test('a long TTL is cut to 300 s; types that carry unchecked addresses get NODATA', async () => {
    expect((await ask(s.port, STRICT, 'update.vendor.example', 'AAAA')).ttls).toEqual([300]);
    const before = s.resolver.asked.length;
    for (const type of ['HTTPS', 'TXT', 'SRV'] as const) {
      const reply = await ask(s.port, STRICT, 'update.vendor.example', type);
      expect(reply.answer.records.map((r) => r.section)).toEqual(['authority']);
    }
    expect(s.resolver.asked.length).toBe(before);
  });

  test.each(['unavailable', 'throws', 'hangs'] as const)('no address goes out when the gateway %s', async (mode) => {
    s.allowList.mode = mode;
    const reply = await ask(s.port, STRICT, 'update.vendor.example', 'A');
    expect([reply.rcode, reply.addresses]).toEqual([RCODE.SERVFAIL, []]);
  });

  test('E23: a name re-pointed by its owner into private or own networks opens nothing and says nothing', async () => {
    await s.stop();
    s = await stage({ infrastructure: [parsePrefix('203.0.113.0/26')!], pools: [parsePrefix('192.0.2.0/24')!] });
    const bad = ['10.0.0.1', '127.0.0.1', '169.254.169.254', '100.64.0.1', '203.0.113.5', '192.0.2.77', '224.0.0.1'];
    s.resolver.setRecords(bad.map((value) => ({ name: 'update.vendor.example', type: 'A', value })));
    const reply = await ask(s.port, STRICT, 'update.vendor.example', 'A');
    expect([reply.rcode, reply.addresses, s.allowList.told]).toEqual([RCODE.SERVFAIL, [], []]);
    expect(s.counters.get('dns_pack_address_special')).toBe(5);
    expect(s.counters.get('dns_pack_address_own')).toBe(2);
    expect(s.log.lines).toEqual([expect.stringContaining('"pack":"updates","special":5,"own":2')]);
  });

  test('E24: with TTL 0 and an address that flaps, one name never holds more than 32 permissions', async () => {
    for (let i = 0; i < 40; i++) {
      s.resolver.setRecords([
        { name: 'update.vendor.example', type: 'A', value: `203.0.113.${100 + i}`, ttlSeconds: 0 },
      ]);
      await ask(s.port, STRICT, 'update.vendor.example', 'A');
    }
    expect(new Set(s.allowList.told).size).toBe(32);
    expect(s.counters.get('dns_pack_address_changed')).toBe(31);
    expect(s.counters.get('dns_pack_address_capped')).toBe(8);
    expect(s.log.lines.length).toBe(1);
  });

  test('E25: of thousands of addresses in one answer eight become permissions, and only those are told', async () => {
    const many = Array.from({ length: 2000 }, (_, i) => `203.0.${112 + (i >> 8)}.${i & 255}`);
    s.resolver.setRecords(many.map((value) => ({ name: 'a.cdn.vendor.example', type: 'A', value })));
    const reply = await ask(s.port, STRICT, 'a.cdn.vendor.example', 'A');
    expect(reply.addresses.length).toBe(8);
    expect(s.allowList.told.map((line) => line.split(' ')[2])).toEqual(reply.addresses);
    expect(s.resolver.asked.map((q) => q.transport)).toEqual(['udp', 'tcp']);
  });
});

describe('everybody else', () => {
  test('a line that is not in strict is forwarded unfiltered', async () => {
    expect((await ask(s.port, FREE, 'www.example', 'A')).addresses).toEqual(['203.0.113.99']);
    expect((await ask(s.port, FREE, 'a.tunnel.example', 'TXT')).answer.records[0]?.type).toBe(TYPE.TXT);
    expect((await ask(s.port, FREE, 'nothing.example', 'A')).rcode).toBe(RCODE.NXDOMAIN);
  });

  test('zone transfers, other classes and updates are refused without a question upstream', async () => {
    expect((await ask(s.port, FREE, 'www.example', 'AXFR')).rcode).toBe(RCODE.NOTIMP);
    const chaos = question('version.bind', 'TXT');
    chaos[chaos.length - 1] = 3;
    expect(read((await sendUdp(s.port, FREE, chaos))!).rcode).toBe(RCODE.REFUSED);
    const update = question('www.example', 'SOA');
    update[2] = 0x28;
    expect((await sendUdp(s.port, FREE, update))?.at(3)).toBe(0x80 | RCODE.NOTIMP);
    expect(s.resolver.asked).toEqual([]);
  });
});

describe('after a restart with the helper away', () => {
  test('whoever comes from a pool is filtered until the kernel’s list was read: a bot’s tunnel does not open', async () => {
    await s.stop();
    s = await stage({ pools: [parsePrefix('127.0.0.3')!] });
    s.allowList.isSeeded = false;
    expect((await ask(s.port, FREE, 'www.example', 'A')).addresses).toEqual(['203.0.113.2']);
    expect((await ask(s.port, FREE, 'a.tunnel.example', 'TXT')).answer.records.map((r) => r.section)).toEqual([
      'authority',
    ]);
    expect(s.resolver.asked).toEqual([]);
    s.allowList.isSeeded = true;
    expect((await ask(s.port, FREE, 'www.example', 'A')).addresses).toEqual(['203.0.113.99']);
  });
});

describe('the wire', () => {
  test('over UDP without EDNS a long answer says TC, over TCP it comes whole', async () => {
    const values = Array.from({ length: 60 }, (_, i) => `203.0.113.${i}`);
    s.resolver.setRecords(values.map((value) => ({ name: 'www.example', type: 'A', value })));
    expect((await ask(s.port, FREE, 'www.example', 'A')).answer.truncated).toBe(true);
    const [whole] = await sendTcp(s.port, FREE, framed(question('www.example', 'A')), 1);
    expect(read(whole!).addresses.length).toBe(60);
  });

  test('TCP answers pipelined questions, and ends a connection that says nonsense or never stops', async () => {
    const three = concat(['a.example', 'b.example', 'c.example'].map((n, i) => framed(question(n, 'A', i + 1))));
    const replies = await sendTcp(s.port, STRICT, three, 3);
    expect(replies.map((m) => read(m).answer.id).sort()).toEqual([1, 2, 3]);
    expect(await sendTcp(s.port, STRICT, Uint8Array.of(0, 3, 1, 2, 3), 1)).toEqual([]);
    const many = concat(Array.from({ length: 150 }, () => framed(question('a.example', 'A'))));
    expect((await sendTcp(s.port, STRICT, many, 150)).length).toBeLessThanOrEqual(100);
  });

  test('garbage is not answered and does not stop the front', async () => {
    expect(await sendUdp(s.port, STRICT, Uint8Array.of(1, 2, 3), 200)).toBeUndefined();
    const response = question('www.example', 'A');
    response[2] = 0x81;
    expect(await sendUdp(s.port, STRICT, response, 200)).toBeUndefined();
    expect((await ask(s.port, STRICT, 'www.example', 'A')).rcode).toBe(RCODE.NOERROR);
  });

  test('a household has a bounded number of TCP places; a silent one makes room for the next question, others are served', async () => {
    const { connect } = await import('node:net');
    const held = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const socket = connect({ port: s.port, host: '127.0.0.1', localAddress: STRICT });
        socket.on('error', () => undefined);
        await new Promise((done) => socket.once('connect', done));
        return socket;
      }),
    );
    const pushedOut = new Promise((done) => held[0]!.once('close', done));
    expect(await sendTcp(s.port, STRICT, framed(question('a.example', 'A')), 1)).toHaveLength(1);
    await pushedOut;
    expect(held.slice(1).some((socket) => socket.closed)).toBe(false);
    expect((await sendTcp(s.port, FREE, framed(question('www.example', 'A')), 1)).length).toBe(1);
    for (const socket of held) socket.destroy();
  });
});

describe('upstream', () => {
  test('an answer with another id is ignored; one in other letter case is settled over TCP', async () => {
    s.resolver.tamper = (reply, _query, transport) => {
      if (transport === 'tcp') return [reply];
      const forged = reply.slice();
      forged[0] = forged[0]! ^ 0xff;
      const folded = reply.slice();
      for (let i = 12; i < 12 + 11; i++) folded[i] = folded[i]! ^ (folded[i]! > 64 ? 0x20 : 0);
      return [forged, folded];
    };
    expect((await ask(s.port, FREE, 'www.example', 'A')).addresses).toEqual(['203.0.113.99']);
    expect(s.resolver.asked.map((q) => q.transport)).toEqual(['udp', 'tcp']);
  });

  test('ports, ids and letter case of our own questions vary', async () => {
    const seen = new Set<string>();
    s.resolver.tamper = (reply) => {
      seen.add(Buffer.from(reply.slice(0, 25)).toString('hex'));
      return [reply];
    };
    for (let i = 0; i < 12; i++) await ask(s.port, FREE, 'www.example', 'A');
    expect(seen.size).toBe(12);
  });

  test('a silent resolver gives SERVFAIL within the deadline, and the garden’s own names still answer', async () => {
    s.resolver.tamper = () => [];
    expect((await ask(s.port, STRICT, 'sos.example', 'A')).rcode).toBe(RCODE.SERVFAIL);
    expect((await ask(s.port, STRICT, 'portal.isp.example', 'A')).addresses).toEqual(['203.0.113.1']);
  });
});

test('a household that floods names of a dead resolver still finds the portal, and its neighbour the resolver’s turn', async () => {
  s.resolver.tamper = () => [];
  const flood = Array.from({ length: 80 }, (_, i) => sendUdp(s.port, STRICT, question(`x${i}.sos.example`, 'A'), 2500));
  await vi.waitFor(() => expect(s.counters.get('dns_dropped')).toBeGreaterThan(0), { timeout: 15_000 });
  expect((await ask(s.port, STRICT, 'portal.isp.example', 'A')).addresses).toEqual(['203.0.113.1']);
  const neighbour = ask(s.port, FREE, 'www.example', 'A');
  expect((await neighbour).rcode).toBe(RCODE.SERVFAIL);
  const answered = (await Promise.all(flood)).filter((reply) => reply !== undefined);
  expect(answered.length).toBe(64);
});

describe('liveness', () => {
  test('renews only after a question through the front and its upstream was answered, and stops renewing when not', async () => {
    await s.stop();
    s = await stage({ livenessMs: 20 });
    expect(s.allowList.aliveCount).toBe(0);
    s.front.startLiveness();
    await vi.waitFor(() => expect(s.allowList.aliveCount).toBeGreaterThan(2), { timeout: 15_000 });
    expect(s.resolver.asked.every((q) => q.name === 'portal.isp.example')).toBe(true);
    s.resolver.tamper = () => [];
    await vi.waitFor(() => expect(s.log.lines.at(-1)).toContain('DNS_FRONT_NOT_ALIVE'), { timeout: 5000 });
    const before = s.allowList.aliveCount;
    const missed = s.counters.get('dns_not_alive');
    await vi.waitFor(() => expect(s.counters.get('dns_not_alive')).toBeGreaterThan(missed), { timeout: 5000 });
    expect(s.allowList.aliveCount).toBe(before);
    s.resolver.tamper = undefined;
    await vi.waitFor(() => expect(s.allowList.aliveCount).toBeGreaterThan(before), { timeout: 5000 });
  });
});

test('invariant 6: a planned stop ends the steering at once, after a renewal that is under way, and never twice', async () => {
  await s.stop();
  s = await stage({ livenessMs: 10 });
  let renew = () => {};
  s.allowList.onTold = undefined;
  s.allowList.onAlive = () => new Promise<void>((resolve) => (renew = resolve));
  s.front.startLiveness();
  await vi.waitFor(() => expect(s.allowList.aliveCount).toBe(1), { timeout: 15_000 });
  const stopped = s.front.unsteer();
  await new Promise((done) => setImmediate(done));
  expect(s.allowList.told).toEqual([]);
  renew();
  await stopped;
  expect(s.allowList.told).toEqual(['dns off']);
  await s.front.stop();
  expect(s.allowList.told).toEqual(['dns off']);
  expect(s.allowList.aliveCount).toBe(1);
});

test('a helper that is away delays a planned stop by seconds at most, and the log says that steering goes on', async () => {
  await s.stop();
  s = await stage({ livenessMs: 10 });
  s.front.startLiveness();
  await vi.waitFor(() => expect(s.allowList.aliveCount).toBeGreaterThan(0), { timeout: 15_000 });
  s.allowList.mode = 'unavailable';
  await s.front.unsteer();
  expect(s.log.lines.at(-1)).toContain('unsteered');
});

test('invariant 10: neither log nor counters hold a name that was asked', async () => {
  await ask(s.port, STRICT, 'secret-place.example', 'A');
  await ask(s.port, FREE, 'secret-place.example', 'A');
  await ask(s.port, STRICT, 'secret-place.cdn.vendor.example', 'A');
  await ask(s.port, STRICT, 'secret-place.sos.example', 'A');
  s.allowList.mode = 'unavailable';
  s.resolver.setRecords([{ name: '*.cdn.vendor.example', type: 'A', value: '10.0.0.1' }]);
  await ask(s.port, STRICT, 'secret-place.cdn.vendor.example', 'A');
  const said = JSON.stringify([s.log.lines, s.counters.snapshot()]);
  expect(said).not.toContain('secret');
  expect(said).not.toContain('127.0.0.');
});
