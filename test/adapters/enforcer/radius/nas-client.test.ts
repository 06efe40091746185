// One request and what comes back, over real datagrams on loopback: sent again unchanged, and only a genuine answer counts.
import { hash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NasClient } from '../../../../src/adapters/enforcer/radius/nas-client.ts';
import { requestFault } from '../../../../src/protocols/radius/authenticator.ts';
import type { Attribute } from '../../../../src/protocols/radius/codec.ts';
import {
  type ClientOptions,
  change,
  clientOf,
  errorCause,
  type Heard,
  LoopbackNas,
  QUICK,
  reply,
  SECRET,
} from './loopback-nas.ts';

let nas: LoopbackNas;
const undo: (() => unknown)[] = [];
beforeEach(async () => {
  nas = await LoopbackNas.start();
});
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
  await nas.stop();
});

function client(options: ClientOptions = {}) {
  const made = clientOf(nas, options);
  undo.push(() => made.close());
  return made;
}

const bytesOf = (n: number) => Buffer.from(nas.heard[n]!.packet.bytes);

describe('a request', () => {
  it('carries a Message-Authenticator first, the attributes and the time, and is signed', async () => {
    const answer = await client({ now: () => 1_795_000_000_999 }).request(change('s1'));
    expect(answer).toMatchObject({ kind: 'ack', attributes: [] });
    const { packet } = nas.heard[0]!;
    expect(packet.code).toBe(43);
    expect(requestFault(packet, SECRET, { requireMessageAuthenticator: true })).toBeUndefined();
    expect(packet.attributes.map(({ type }) => type)).toEqual([80, 44, 11, 55]);
    expect(Buffer.from(packet.attributes[3]!.value).readUInt32BE()).toBe(1_795_000_000);
  });

  it('leaves both out for a NAS that refuses them', async () => {
    await client({ messageAuthenticator: false, eventTimestamp: false }).request(change('s1'));
    expect(nas.heard[0]!.packet.attributes.map(({ type }) => type)).toEqual([44, 11]);
  });

  it('is a Disconnect as well, answered with its own codes', async () => {
    const disconnect = { ...change('s1'), code: 40 } as const;
    expect(await client().request(disconnect)).toMatchObject({ kind: 'ack' });
    nas.answer = (one) => reply(one, { code: 42, attributes: [errorCause(504)] });
    expect(await client().request(disconnect)).toMatchObject({ kind: 'nak', errorCause: 504 });
  });

  it('leaves from the configured address', async () => {
    await client({ source: '127.0.0.9' }).request(change('s1'));
    expect(nas.heard[0]!.from.address).toBe('127.0.0.9');
  });

  it('goes over IPv6, however the address is written', async () => {
    const six = await LoopbackNas.start('::1');
    undo.push(() => six.stop());
    const made = clientOf(six, { address: '0:0:0:0:0:0:0:1', source: '::1' });
    undo.push(() => made.close());
    expect(await made.request(change('s1'))).toMatchObject({ kind: 'ack' });
  });

  it('that no packet can hold is refused before it is sent', async () => {
    const attributes = Array.from({ length: 17 }, () => ({ type: 26, value: new Uint8Array(253) }));
    await expect(client().request({ ...change('s1'), attributes })).rejects.toThrow('do not fit');
    const long = [{ type: 26, value: new Uint8Array(254) }];
    await expect(client().request({ ...change('s1'), attributes: long })).rejects.toThrow('do not fit');
    expect(nas.heard).toEqual([]);
  });

  it('to a NAS without an address or a secret is a mistake of the wiring', () => {
    expect(() => clientOf(nas, { address: 'bng.example.net' })).toThrow('bng2');
    expect(() => clientOf(nas, { secrets: [] })).toThrow('bng2');
  });
});

describe('answers', () => {
  it('N02: a NAK brings its cause, known or not, or none', async () => {
    const made = client();
    for (const cause of [401, 402, 403, 404, 501, 503, 504, 506, 508, 4711]) {
      nas.answer = (one) => reply(one, { code: 45, attributes: [errorCause(cause)] });
      expect(await made.request(change('s1'))).toMatchObject({ kind: 'nak', errorCause: cause });
    }
    nas.answer = (one) => reply(one, { code: 45 });
    const bare = await made.request(change('s1'));
    expect(bare).toMatchObject({ kind: 'nak', attributes: [] });
    expect(bare).not.toHaveProperty('errorCause');
    expect(made.counts()).toMatchObject({ nak: 11, ack: 0, timeout: 0 });
  });

  it('bring their attributes', async () => {
    const class1 = { type: 25, value: Buffer.from('q1') };
    nas.answer = (one) => reply(one, { attributes: [class1], isSigned: true });
    const answer = await client({ requireMessageAuthenticator: true }).request(change('s1'));
    const attributes = answer.kind === 'ack' ? answer.attributes : [];
    expect(attributes.map(({ type, value }) => [type, Buffer.from(value).toString()])).toContainEqual([25, 'q1']);
  });
});

describe('N01: no answer', () => {
  it('sends the same octets again from the same port, then says that nobody knows', async () => {
    nas.answer = () => undefined;
    let now = 1_795_000_000_000;
    const made = client({ timers: QUICK, now: () => (now += 5000) });
    const answer = await made.request(change('s1'));
    expect(answer).toMatchObject({ kind: 'timeout', sent: 3, badReplies: 0 });
    expect(answer.kind === 'timeout' && answer.afterMs).toBeGreaterThan(200);
    expect(nas.heard).toHaveLength(3);
    expect(new Set(nas.heard.map(({ from }) => from.port)).size).toBe(1);
    expect([bytesOf(1), bytesOf(2)]).toEqual([bytesOf(0), bytesOf(0)]);
    expect(made.counts()).toMatchObject({ sent: 1, retransmitted: 2, timeout: 1 });
  });

  it('takes the answer to a later transmission', async () => {
    nas.answer = (one) => (nas.heard.length < 2 ? undefined : reply(one));
    expect(await client({ timers: QUICK }).request(change('s1'))).toMatchObject({ kind: 'ack' });
  });

  it('takes an answer that waited in the socket while this process had other things to do', async () => {
    const made = client({ timers: { ...QUICK, mrdMs: 100, mrc: 1 } });
    const asked = made.request(change('s1'));
    nas.answer = (one) => {
      // Its answer leaves before the pause, which outlasts every timer.
      nas.send(reply(one), one.from);
      const until = performance.now() + 400;
      while (performance.now() < until);
      return undefined;
    };
    expect(await asked).toMatchObject({ kind: 'ack' });
    expect(made.counts()).toMatchObject({ sent: 1, retransmitted: 0, timeout: 0 });
  });

  it('counts an answer that comes too late, or twice, and believes it no more', async () => {
    nas.answer = () => undefined;
    const made = client({ timers: QUICK });
    expect(await made.request(change('s1'))).toMatchObject({ kind: 'timeout' });
    nas.answer = (one) => {
      nas.send(reply(nas.heard[0]!), nas.heard[0]!.from);
      nas.send(reply(one), one.from);
      nas.send(reply(one, { code: 45 }), one.from);
      return undefined;
    };
    expect(await made.request(change('s2'))).toMatchObject({ kind: 'ack' });
    nas.answer = (one) => reply(one);
    await made.request(change('s3'));
    expect(made.counts()).toMatchObject({ late: 2, ack: 2, nak: 0, timeout: 1 });
  });
});

describe('N01: what is no answer is counted, told once, and waiting goes on', () => {
  const secret = Buffer.from('another test secret');
  const cases: readonly [string, (one: Pick<Heard, 'packet'>) => Uint8Array, ClientOptions?][] = [
    ['bad-authenticator', (one) => reply(one, { secret })],
    ['bad-authenticator', withForgedMessageAuthenticator],
    ['message-authenticator-missing', (one) => reply(one), { requireMessageAuthenticator: true }],
    ['wrong-code', (one) => reply(one, { code: 41 })],
    ['wrong-code', (one) => reply(one, { code: 2 })],
    ['unknown-identifier', (one) => reply(one, { identifier: (one.packet.identifier + 7) % 256 })],
  ];
  for (const [at, [kind, forged, options]] of cases.entries())
    it(`${kind}, case ${at + 1}`, async () => {
      nas.answer = (one) => {
        nas.send(forged(one), one.from);
        nas.send(forged(one), one.from);
        return reply(one, { isSigned: true });
      };
      const made = client(options);
      expect(await made.request(change('s1'))).toMatchObject({ kind: 'ack' });
      expect(made.counts()).toMatchObject({ [kind]: 2, ack: 1, retransmitted: 0 });
      expect(made.log.lines).toEqual([`warn RADIUS_BAD_REPLY {"gateway":"bng2","kind":"${kind}","from":"127.0.0.1"}`]);
    });

  it('foreign-source: another port and another address of the NAS', async () => {
    const others = [createSocket('udp4').bind(0, '127.0.0.1'), createSocket('udp4').bind(nas.port, '127.0.0.2')];
    await Promise.all(others.map((other) => once(other, 'listening')));
    nas.answer = (one) => {
      for (const other of others) other.send(reply(one), one.from.port, one.from.address);
      return nas.heard.length < 2 ? undefined : reply(one);
    };
    const made = client({ timers: { ...QUICK, mrdMs: 4000 } });
    expect(await made.request(change('s1'))).toMatchObject({ kind: 'ack' });
    for (const other of others) other.close();
    expect(made.counts()['foreign-source']).toBeGreaterThanOrEqual(2);
    expect(made.log.lines).toHaveLength(1);
  });

  it('the timeout says how many there were', async () => {
    nas.answer = (one) => reply(one, { secret });
    expect(await client({ timers: QUICK }).request(change('s1'))).toMatchObject({ kind: 'timeout', badReplies: 3 });
  });

  it('N11: malformed octets are dropped, whatever they are', async () => {
    const raw = (one: Pick<Heard, 'packet'>, attributes: Uint8Array, length = 20 + attributes.length) =>
      Buffer.concat([
        Uint8Array.of(44, one.packet.identifier, length >> 8, length & 255),
        Buffer.alloc(16),
        attributes,
      ]);
    const many: Attribute[] = Array.from({ length: 2000 }, () => ({ type: 25, value: new Uint8Array() }));
    nas.answer = (one) => {
      const forged = [
        new Uint8Array(0),
        Uint8Array.of(44),
        reply(one).subarray(0, 19),
        raw(one, new Uint8Array(), 19),
        raw(one, new Uint8Array(), 4097),
        raw(one, new Uint8Array(10), 31),
        raw(one, Uint8Array.of(25, 0)),
        raw(one, Uint8Array.of(25, 1, 0)),
        raw(one, Uint8Array.of(25)),
        raw(one, Uint8Array.of(25, 9, 1)),
        raw(one, Buffer.alloc(8000, Uint8Array.of(25, 2))),
        reply(one, { attributes: many }),
        Buffer.alloc(5000, 255),
      ];
      for (const bytes of forged) nas.send(bytes, one.from);
      // A vendor's attribute too short for its own header is an attribute still: genuine, and nobody's business here.
      return reply(one, { attributes: [{ type: 26, value: Uint8Array.of(0) }] });
    };
    const made = client();
    expect(await made.request(change('s1'))).toMatchObject({ kind: 'ack' });
    expect(made.counts()).toMatchObject({ malformed: 13, ack: 1 });
  });
});

/** Its Response Authenticator is right. */
function withForgedMessageAuthenticator(one: Pick<Heard, 'packet'>): Uint8Array {
  const bytes = reply(one, { isSigned: true });
  bytes[25]! ^= 1;
  bytes.set(one.packet.authenticator, 4);
  bytes.set(hash('md5', Buffer.concat([bytes, SECRET]), 'buffer'), 4);
  return bytes;
}

describe('secrets', () => {
  it('show in no dump, log line or error', async () => {
    const made = client({ secrets: [SECRET, Buffer.from('an older test secret')], timers: QUICK, source: '192.0.2.1' });
    const asked = made.request(change('s1'));
    const shown = inspect(made, { depth: 10, showHidden: true }) + JSON.stringify(made) + made.log.lines.join();
    made.close();
    const told = `${shown}${JSON.stringify(await asked)}`;
    for (const form of ['utf8', 'hex', 'base64'] as const) expect(told).not.toContain(SECRET.toString(form));
    expect(told).not.toContain([...SECRET].join(','));
    expect(inspect(NasClient)).not.toContain('secret');
  });
});
