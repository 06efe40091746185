// Our packets to FreeRADIUS and hostapd, theirs and radclient's to us: both sides have to believe each other, and nobody a packet
// that was spoilt.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NamedAttribute } from '../../../src/core/dialect/dialect.ts';
import { accessReply, passwordFits, readAccess, statusReply } from '../../../src/protocols/radius/access.ts';
import { accountingResponse, readAccounting } from '../../../src/protocols/radius/accounting.ts';
import { replyFault, requestFault, signReply } from '../../../src/protocols/radius/authenticator.ts';
import { type Attribute, CODE, decodePacket, encodePacket, type Packet } from '../../../src/protocols/radius/codec.ts';
import { buildDynamicRequest, readDynamicReply } from '../../../src/protocols/radius/dynamic.ts';
import { decodeNamed, encodeNamed } from '../../../src/protocols/radius/named.ts';
import { type FreeRadius, startFreeRadius } from './tools/freeradius.ts';
import { type Hostapd, startHostapd } from './tools/hostapd.ts';
import { answerTo, type Kind, loopbackSocket, packetOf, radclient, SECRET } from './tools/radclient.ts';

const KEY = Buffer.from(SECRET);
const SESSION = { name: 'Acct-Session-Id', value: '0000A1' };

describe('CoA and Disconnect to FreeRADIUS', () => {
  let peer: FreeRadius;
  beforeAll(async () => {
    peer = await startFreeRadius({ type: 'coa', sections: SECTIONS });
  });
  afterAll(() => peer.stop());

  it('are acknowledged, and the acknowledgement is believed', async () => {
    for (const code of [CODE.coaRequest, CODE.disconnectRequest] as const) {
      const request = dynamic(code, [SESSION]);
      const reply = believed(await answerTo(peer.port, request), request);
      expect(readDynamicReply(reply)).toMatchObject({ kind: 'ack' });
    }
  });

  it('are refused with a cause, and answered with a Message-Authenticator of its own kind', async () => {
    const refused = dynamic(CODE.coaRequest, [SESSION, { name: 'Filter-Id', value: 'nak' }]);
    const nak = readDynamicReply(believed(await answerTo(peer.port, refused), refused));
    expect(nak).toMatchObject({ kind: 'nak', errorCause: 503 });
    const asked = dynamic(CODE.coaRequest, [SESSION, { name: 'Filter-Id', value: 'signed' }]);
    const reply = believed(await answerTo(peer.port, asked), asked, { requireMessageAuthenticator: true });
    expect(decodeNamed(reply.attributes)).toContainEqual({ name: 'Class', value: '0x71' });
  });

  it('are dropped when the Message-Authenticator is spoilt, though the Request Authenticator is right', async () => {
    const spoilt = dynamic(CODE.coaRequest, [SESSION]);
    spoilt[30]! ^= 1;
    spoilt.fill(0, 4, 20);
    spoilt.set(createHash('md5').update(spoilt).update(KEY).digest(), 4);
    const foreign = dynamic(CODE.coaRequest, [SESSION], Buffer.from('another-secret'));
    const good = dynamic(CODE.coaRequest, [SESSION], KEY, 2);
    believed(await answerTo(peer.port, spoilt, foreign, good), good);
    expect(peer.said()).toMatch(/invalid Message-Authenticator/);
  });

  it('are shown by it with the names and values we gave them', async () => {
    const attributes: NamedAttribute[] = [
      SESSION,
      { name: 'ERX-Service-Activate', tag: 1, value: 'WG(x)' },
      { name: 'Alc-Subscriber-Filter', value: 'Ingr-v4:-2' },
      { name: 'Service-Name', tag: 2, value: 'garden' },
      { name: 'Delegated-IPv6-Prefix', value: '2001:db8:aa00::/56' },
      { name: 'Acct-Input-Octets-64', value: '18446744073709551615' },
      { name: 'NAS-Filter-Rule', value: 'permit in ip from any to 192.0.2.1' },
    ];
    const request = dynamic(CODE.coaRequest, attributes);
    expect(await answerTo(peer.port, request)).toBeDefined();
    await expect.poll(() => peer.said()).toMatch(/NAS-Filter-Rule = "permit in ip from any to 192.0.2.1"/);
    for (const line of [
      'ERX-Service-Activate:1 = "WG(x)"',
      'Alc-Subscriber-Filter = "Ingr-v4:-2"',
      'Service-Name:2 = "garden"',
      'Delegated-IPv6-Prefix = 2001:db8:aa00::/56',
      'Acct-Input-Octets-64 = 18446744073709551615',
    ])
      expect(peer.said()).toContain(line);
  });
});

describe('CoA and Disconnect to hostapd, which demands Message-Authenticator and Event-Timestamp', () => {
  let peer: Hostapd;
  beforeAll(async () => {
    peer = await startHostapd();
  });
  afterAll(() => peer.stop());

  it.each([
    ['no such session', CODE.disconnectRequest, [SESSION], 503],
    ['another NAS', CODE.disconnectRequest, [{ name: 'NAS-Identifier', value: 'bng2' }], 403],
    ['an attribute it does not know', CODE.coaRequest, [SESSION, { name: 'Filter-Id', value: 'x' }], 401],
  ] as const)('are refused with a signed cause: %s', async (_, code, attributes, errorCause) => {
    const request = dynamic(code, attributes);
    const reply = believed(await answerTo(peer.port, request), request, { requireMessageAuthenticator: true });
    expect(readDynamicReply(reply)).toMatchObject({ kind: 'nak', errorCause });
  });

  it('are dropped without either, or with an old timestamp', async () => {
    const common = { code: CODE.disconnectRequest, identifier: 1, attributes: encoded([SESSION]), secret: KEY };
    const lacking = [
      { ...common, messageAuthenticator: false, eventTimestampSeconds: seconds() },
      common,
      { ...common, eventTimestampSeconds: seconds() - 310 },
    ];
    const good = dynamic(CODE.disconnectRequest, [SESSION], KEY, 2);
    believed(await answerTo(peer.port, ...lacking.map(buildDynamicRequest), good), good);
  });
});

describe('radclient', () => {
  it.each([
    ['coa', CODE.coaAck, CODE.coaNak],
    ['disconnect', CODE.disconnectAck, CODE.disconnectNak],
  ] as const)('sends %s that we believe, and believes our ACK and our NAK', async (kind, ack, nak) => {
    for (const code of [ack, nak]) {
      const said = await answered(kind, [...SAMPLE, 'Message-Authenticator = 0x00'], (packet) => {
        expect(requestFault(packet, KEY, { requireMessageAuthenticator: true })).toBeUndefined();
        const named = decodeNamed(packet.attributes);
        expect(named).toContainEqual({ name: 'ERX-Service-Activate', tag: 3, value: 'WG(x)' });
        expect(named).toContainEqual({ name: 'Cisco-AVPair', value: 'subscriber:command=account-status-query' });
        const attributes = encoded([
          ...(code === nak ? [{ name: 'Error-Cause', value: 'Session-Context-Not-Found' }] : []),
          { name: 'Cisco-Account-Info', value: 'NGARDEN' },
        ]);
        return replyTo(packet, code, attributes);
      });
      expect(said.output).toMatch(
        code === ack ? /Received \w+-ACK/ : /Received \w+-NAK[\s\S]*Error-Cause = Session-Context-/,
      );
      expect(said.output).toContain('Cisco-Account-Info = "NGARDEN"');
      expect(said.output).not.toMatch(/verification failed|No reply/);
    }
  });

  it('does not believe an answer of ours that was spoilt on the way', async () => {
    const said = await answered('coa', SAMPLE, (packet) => {
      const reply = replyTo(packet, CODE.coaAck, encoded([SESSION]));
      reply[30]! ^= 1;
      return reply;
    });
    expect(said.output).toMatch(/verification failed/);
    expect(said.code).not.toBe(0);
  });

  it('sends accounting with Message-Authenticator that we read, and believes our answer', async () => {
    const said = await answered(
      'acct',
      [...START, 'Message-Authenticator = 0x00', 'Proxy-State = 0x6162'],
      (packet) => {
        expect(requestFault(packet, KEY, { requireMessageAuthenticator: true })).toBeUndefined();
        expect(readAccounting(packet)).toMatchObject({ ok: true, value: { status: 'start', sessionId: '0000A1' } });
        return accountingResponse(packet, KEY);
      },
    );
    expect(said.output).toMatch(
      /Received Accounting-Response[\s\S]*Message-Authenticator = [\s\S]*Proxy-State = 0x6162/,
    );
    expect(said.code).toBe(0);
  });

  it.each([
    ['PAP', 'User-Password = "correct horse battery staple"'],
    ['CHAP', 'CHAP-Password = "correct horse battery staple"'],
  ])('asks for access by %s, and believes what we answer', async (_, password) => {
    for (const [right, word] of [
      ['correct horse battery staple', 'Access-Accept'],
      ['another password', 'Access-Reject'],
    ] as const) {
      const asked = ['User-Name = "alice"', password, 'Message-Authenticator = 0x00', 'Proxy-State = 0x6162'];
      const said = await answered('auth', asked, (packet) => {
        expect(requestFault(packet, KEY, { requireMessageAuthenticator: true })).toBeUndefined();
        const access = readAccess(packet, KEY);
        const fits = access.ok && passwordFits(access.value.credentials, Buffer.from(right));
        const attributes = encoded(fits ? [{ name: 'Filter-Id', value: 'garden' }] : []);
        return accessReply({
          code: fits ? CODE.accessAccept : CODE.accessReject,
          request: packet,
          attributes,
          secret: KEY,
        })!;
      });
      expect(said.output).toMatch(new RegExp(`Received ${word}[^]*Message-Authenticator = [^]*Proxy-State = 0x6162`));
      expect(said.output.includes('Filter-Id = "garden"')).toBe(word === 'Access-Accept');
    }
  });

  it('asks whether we are there (RFC 5997), and believes that', async () => {
    const said = await answered('status', ['Message-Authenticator = 0x00'], (packet) => {
      expect(requestFault(packet, KEY)).toBeUndefined();
      return statusReply(packet, KEY)!;
    });
    expect(said.output).toMatch(/Received Access-Accept/);
    expect(said.code).toBe(0);
  });

  it('makes packets that show nothing but what it was given', async () => {
    const packet = decoded(await packetOf('coa', SAMPLE));
    expect(decodeNamed(packet.attributes)).toEqual([
      SESSION,
      { name: 'ERX-Service-Activate', tag: 3, value: 'WG(x)' },
      { name: 'Cisco-AVPair', value: 'subscriber:command=account-status-query' },
    ]);
  });
});

const SAMPLE = [
  'Acct-Session-Id = "0000A1"',
  'ERX-Service-Activate:3 = "WG(x)"',
  'Cisco-AVPair = "subscriber:command=account-status-query"',
];
const START = ['Acct-Session-Id = "0000A1"', 'Acct-Status-Type = Start', 'User-Name = "alice"'];

/** Refuses by Filter-Id `nak`; signs by Filter-Id `signed`. */
const SECTIONS = `
  recv-coa {
    if (&Filter-Id == "nak") {
      update reply {
        Error-Cause := Session-Context-Not-Found
      }
      reject
    }
    if (&Filter-Id == "signed") {
      update reply {
        Message-Authenticator := 0x00
        Class := 0x71
      }
    }
    ok
  }
  send-coa {
    ok
  }
`;

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}

function encoded(attributes: readonly NamedAttribute[]): readonly Attribute[] {
  const result = encodeNamed(attributes);
  if (!result.ok) throw new Error(result.error.text);
  return result.value;
}

function dynamic(
  code: 40 | 43,
  attributes: readonly NamedAttribute[],
  secret: Uint8Array = KEY,
  identifier = 1,
): Uint8Array {
  const eventTimestampSeconds = seconds();
  return buildDynamicRequest({ code, identifier, attributes: encoded(attributes), secret, eventTimestampSeconds });
}

function decoded(octets: Uint8Array): Packet {
  const packet = decodePacket(octets);
  if (!packet.ok) throw new Error(packet.error.kind);
  return packet.value;
}

function believed(octets: Uint8Array, request: Uint8Array, demands = {}): Packet {
  const reply = decoded(octets);
  expect(replyFault(reply, request.subarray(4, 20), KEY, demands)).toBeUndefined();
  return reply;
}

function replyTo(request: Packet, code: number, attributes: readonly Attribute[]): Uint8Array {
  const place = { type: 80, value: new Uint8Array(16) };
  const bytes = encodePacket({ code, identifier: request.identifier, attributes: [place, ...attributes] });
  return signReply(bytes, request.authenticator, KEY);
}

/** radclient asks, `answer` answers; what went wrong in there is thrown here. */
async function answered(kind: Kind, attributes: readonly string[], answer: (packet: Packet) => Uint8Array) {
  const { socket, port } = await loopbackSocket();
  let failure: unknown;
  socket.on('message', (octets, from) => {
    try {
      socket.send(answer(decoded(octets)), from.port, from.address);
    } catch (error) {
      failure = error;
    }
  });
  const said = await radclient(kind, port, attributes);
  socket.close();
  if (failure !== undefined) throw failure;
  return said;
}
