// The stage of the DNS front's tests: a recording resolver, the front, and clients on loopback addresses of their own.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Lifeline, Pack } from '../../../src/core/garden/gateway.ts';
import { households } from '../../../src/core/net/household.ts';
import { formatIp, parseIp } from '../../../src/core/net/ip.ts';
import { parsePrefix } from '../../../src/core/net/prefix.ts';
import { GardenCounters } from '../../../src/garden/counters.ts';
import { DnsFront, type DnsFrontOptions } from '../../../src/garden/dns/front.ts';
import { LifelineNames } from '../../../src/garden/dns/lifeline-names.ts';
import { Upstream } from '../../../src/garden/dns/upstream.ts';
import { framed, type ToyRecord, ToyResolver } from '../../../src/lab/resolver.ts';
import { type Answer, addressesOf, parseAnswer } from '../../../src/protocols/dns/answer.ts';
import { encodeName } from '../../../src/protocols/dns/name.ts';
import { buildQuery, TYPE } from '../../../src/protocols/dns/query.ts';
import { FakeAllowList } from '../../fakes/allow-list.ts';
import { FakeLog } from '../../fakes/log.ts';

export const STRICT = '127.0.0.2';
export const FREE = '127.0.0.3';

const tcp5060 = { protocols: ['tcp', 'udp'] as const, ports: [{ low: 5060, high: 5061 }] };
export const LIFELINES: readonly Lifeline[] = [
  {
    name: 'emergency',
    class: 'emergency',
    prefixes: [parsePrefix('198.51.100.16/28')!],
    ...tcp5060,
    inbound: true,
    dnsNames: ['sos.example'],
  },
];
export const PACKS: readonly Pack[] = [
  {
    name: 'updates',
    purpose: 'firmware',
    dnsNames: ['update.vendor.example', '*.cdn.vendor.example'],
    prefixes: [],
    protocols: ['tcp'],
    ports: [{ low: 443, high: 443 }],
  },
];
export const RECORDS: readonly ToyRecord[] = [
  { name: 'portal.isp.example', type: 'A', value: '203.0.113.1' },
  { name: 'sos.example', type: 'NAPTR', value: '10 10 s SIP+D2U _sip._udp.voice.example' },
  { name: '_sip._udp.voice.example', type: 'SRV', value: '10 10 5060 sbc1.voice.example' },
  { name: 'sbc1.voice.example', type: 'A', value: '198.51.100.40', ttlSeconds: 86_400 },
  { name: 'sbc1.voice.example', type: 'AAAA', value: '2001:db8:40::1' },
  { name: 'www.sos.example', type: 'CNAME', value: 'edge.voice.example' },
  { name: 'edge.voice.example', type: 'A', value: '198.51.100.41' },
  { name: 'sos.example', type: 'TXT', value: 'hello' },
  { name: '17.100.51.198.in-addr.arpa', type: 'PTR', value: 'sbc0.voice.example' },
  { name: 'update.vendor.example', type: 'CNAME', value: 'x.edge.example' },
  { name: 'x.edge.example', type: 'A', value: '203.0.113.80', ttlSeconds: 1 },
  { name: 'x.edge.example', type: 'AAAA', value: '2001:db8:80::1', ttlSeconds: 86_400 },
  { name: '*.tunnel.example', type: 'TXT', value: 'command' },
  { name: '*.tunnel.example', type: 'A', value: '203.0.113.66' },
  { name: 'www.example', type: 'A', value: '203.0.113.99' },
];

export async function stage(bend: Partial<DnsFrontOptions> = {}) {
  const resolver = new ToyResolver(RECORDS);
  const upstreamPort = await resolver.start('127.0.0.1');
  const allowList = new FakeAllowList();
  allowList.strict.add(STRICT);
  const counters = new GardenCounters();
  const log = new FakeLog();
  const upstream = new Upstream({
    servers: [{ address: '127.0.0.1', port: upstreamPort }],
    counters,
    attemptMs: 300,
    deadlineMs: 1000,
  });
  const names = new LifelineNames(LIFELINES);
  const front = new DnsFront({
    upstream,
    allowList,
    lifelines: LIFELINES,
    lifelineNames: names,
    packs: PACKS,
    portalNames: ['portal.isp.example', 'api.isp.example'],
    portal: { ip4: parseIp('203.0.113.1')!, ip6: parseIp('2001:db8::1')! },
    sink: { ip4: parseIp('203.0.113.2')!, ip6: parseIp('2001:db8::2')! },
    pools: [],
    infrastructure: [],
    householdOf: households({ pools: [], ipv6Lengths: [] }),
    clock: { now: () => 0, monotonicMs: () => performance.now(), status: () => ({ state: 'assumed', jumped: false }) },
    log,
    counters,
    listen: ['127.0.0.1'],
    port: 0,
    livenessName: 'portal.isp.example',
    ...bend,
  });
  const port = await front.start();
  const stop = async () => {
    await front.stop();
    await resolver.stop();
  };
  return { resolver, upstreamPort, allowList, counters, log, names, upstream, front, port, stop };
}

export interface Asked {
  readonly message: Uint8Array;
  readonly answer: Answer;
  readonly addresses: readonly string[];
  readonly ttls: readonly number[];
  readonly rcode: number;
}

export function read(message: Uint8Array): Asked {
  const answer = parseAnswer(message);
  if (!answer.ok) throw new Error(`not an answer: ${answer.error}`);
  const found = addressesOf(answer.value);
  return {
    message,
    answer: answer.value,
    addresses: found.map((a) => formatIp(a.ip)),
    ttls: found.map((a) => a.ttlSeconds),
    rcode: answer.value.rcode,
  };
}

export function question(name: string, type: keyof typeof TYPE, id = 4711, edns = false): Uint8Array {
  return buildQuery({
    id,
    name: encodeName(name)!,
    type: TYPE[type],
    ...(edns && { edns: { udpBytes: 1232, dnssecOk: false } }),
  });
}

/** undefined = nothing came in time. */
export async function sendUdp(port: number, from: string, bytes: Uint8Array, ms = 3000) {
  const socket = createSocket('udp4');
  try {
    socket.bind(0, from);
    await once(socket, 'listening');
    socket.send(bytes, port, '127.0.0.1');
    const [message] = (await once(socket, 'message', { signal: AbortSignal.timeout(ms) })) as [Uint8Array];
    return new Uint8Array(message);
  } catch (error) {
    if ((error as Error).name === 'AbortError') return undefined;
    throw error;
  } finally {
    socket.close();
  }
}

export async function ask(port: number, from: string, name: string, type: keyof typeof TYPE): Promise<Asked> {
  const reply = await sendUdp(port, from, question(name, type));
  if (reply === undefined) throw new Error('no answer');
  return read(reply);
}

/** Sends raw bytes over TCP and collects `replies` framed messages (or what came until the other side closed). */
export async function sendTcp(port: number, from: string, bytes: Uint8Array, replies: number): Promise<Uint8Array[]> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: from });
  const found: Uint8Array[] = [];
  let held = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
      found.push(new Uint8Array(held.subarray(2, 2 + held.readUInt16BE(0))));
      held = held.subarray(2 + held.readUInt16BE(0));
    }
    if (found.length >= replies) socket.destroy();
  });
  socket.on('error', () => undefined);
  socket.write(bytes);
  const deadline = setTimeout(() => socket.destroy(), 10_000);
  await new Promise((done) => socket.once('close', done)); // not once(): a reset is an answer too
  clearTimeout(deadline);
  return found;
}

export { framed };
