import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { accessReply, passwordFits, readAccess, statusReply } from '../../../src/protocols/radius/access.ts';
import { replyFault, signRandomRequest } from '../../../src/protocols/radius/authenticator.ts';
import { type Attribute, CODE, decodePacket, encodePacket } from '../../../src/protocols/radius/codec.ts';

const SECRET = Buffer.from('engawa-test');
const AUTHENTICATOR = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
const alice: Attribute = { type: 1, value: Buffer.from('alice') };
const text = (type: number, value: string): Attribute => ({ type, value: Buffer.from(value) });
const octets = (type: number, length: number): Attribute => ({ type, value: new Uint8Array(length).fill(1) });

describe('an Access-Request', () => {
  it('gives its PAP password with every length, and no padding', () => {
    for (const password of ['x', 'exactly-16-octet', 'seventeen-octets!', 'p'.repeat(128)]) {
      const read = readAccess(request([alice, { type: 2, value: hidden(password) }]), SECRET);
      if (!read.ok || read.value.credentials.kind !== 'pap') throw new Error('no PAP');
      expect(Buffer.from(read.value.credentials.password).toString()).toBe(password);
      expect(passwordFits(read.value.credentials, Buffer.from(password))).toBe(true);
      expect(passwordFits(read.value.credentials, Buffer.from(`${password}x`))).toBe(false);
    }
  });

  it('reads another password with another secret, and none out of a wrong length', () => {
    const read = readAccess(request([alice, { type: 2, value: hidden('hello') }]), Buffer.from('another-secret'));
    expect(read.ok && passwordFits(read.value.credentials, Buffer.from('hello'))).toBe(false);
    for (const length of [0, 15, 17, 144])
      expect(readAccess(request([alice, octets(2, length)]), SECRET)).toEqual({ ok: false, error: 'user-password' });
  });

  it('checks CHAP against its own challenge, or else the Request Authenticator', () => {
    const challenge = Buffer.from('a challenge of any length');
    const response = (over: Uint8Array) => ({
      type: 3,
      value: Buffer.concat([Uint8Array.of(9), chap(9, 'hello', over)]),
    });
    for (const attributes of [
      [alice, response(AUTHENTICATOR)],
      [alice, response(challenge), { type: 60, value: challenge }],
    ]) {
      const read = readAccess(request(attributes), SECRET);
      expect(read.ok && passwordFits(read.value.credentials, Buffer.from('hello'))).toBe(true);
      expect(read.ok && passwordFits(read.value.credentials, Buffer.from('Hello'))).toBe(false);
    }
    for (const attributes of [[octets(3, 16)], [octets(3, 18)], [octets(3, 17), octets(60, 0)]])
      expect(readAccess(request([alice, ...attributes]), SECRET)).toEqual({ ok: false, error: 'chap' });
  });

  it('has one user and one kind of credentials (RFC 2865 §4.1)', () => {
    const error = (...attributes: Attribute[]) => {
      const read = readAccess(request(attributes), SECRET);
      return read.ok ? read.value.credentials.kind : read.error;
    };
    expect(error()).toBe('user-name');
    expect(error(text(1, ''))).toBe('user-name');
    expect(error(alice, alice)).toBe('user-name');
    expect(error(alice, octets(2, 16), octets(3, 17))).toBe('two-credentials');
    expect(error(alice, octets(2, 16), octets(2, 16))).toBe('two-credentials');
    expect(error(alice, octets(79, 5), octets(2, 16))).toBe('two-credentials');
    expect(error(alice, octets(79, 253), octets(79, 5))).toBe('eap');
    expect(error(alice)).toBe('none');
    expect(readAccess({ ...request([alice]), code: 4 }, SECRET)).toEqual({ ok: false, error: 'not-access' });
  });

  it('is let in by no password at all: neither an empty one, nor without one, nor by EAP', () => {
    const empty = readAccess(request([alice, { type: 2, value: hidden('') }]), SECRET);
    expect(empty.ok && passwordFits(empty.value.credentials, Buffer.from(''))).toBe(false);
    for (const kind of ['none', 'eap'] as const) expect(passwordFits({ kind }, Buffer.from('hello'))).toBe(false);
  });
});

describe('the answer', () => {
  it('has Message-Authenticator first, asked for or not, and every Proxy-State in order', () => {
    const asked = request([alice, text(33, 'abc'), text(33, 'def'), text(33, 'abc')]);
    for (const code of [CODE.accessAccept, CODE.accessReject] as const) {
      const bytes = accessReply({ code, request: asked, attributes: [text(11, 'garden')], secret: SECRET });
      const reply = decodePacket(bytes!);
      if (!reply.ok) throw new Error(reply.error.kind);
      expect(reply.value).toMatchObject({ code, identifier: 5 });
      expect(reply.value.attributes.map((one) => one.type)).toEqual([80, 11, 33, 33, 33]);
      expect(reply.value.attributes.slice(2).map((one) => String(Buffer.from(one.value)))).toEqual([
        'abc',
        'def',
        'abc',
      ]);
      const demands = { requireMessageAuthenticator: true };
      expect(replyFault(reply.value, AUTHENTICATOR, SECRET, demands)).toBeUndefined();
      const other = Buffer.alloc(16, 7);
      expect(replyFault(reply.value, other, SECRET, demands)).toBe('response-authenticator');
    }
  });

  it('is nothing when the request’s Proxy-States leave no room for it', () => {
    const asked = request([alice, ...Array.from({ length: 15 }, () => octets(33, 253)), octets(33, 200)]);
    const answer = { code: CODE.accessAccept, request: asked, secret: SECRET };
    expect(accessReply({ ...answer, attributes: [] })).toHaveLength(20 + 18 + 15 * 255 + 202);
    expect(accessReply({ ...answer, attributes: [text(11, 'a filter with a name that is too long')] })).toBeUndefined();
  });

  it('to Status-Server is an Access-Accept with nothing in it (RFC 5997 §3)', () => {
    const reply = decodePacket(statusReply({ ...request([]), code: CODE.statusServer }, SECRET)!);
    expect(reply.ok && [reply.value.code, ...reply.value.attributes.map((one) => one.type)]).toEqual([2, 80]);
  });
});

function request(attributes: readonly Attribute[]) {
  const bytes = encodePacket({ code: CODE.accessRequest, identifier: 5, attributes });
  const packet = decodePacket(signRandomRequest(bytes, AUTHENTICATOR, SECRET));
  if (!packet.ok) throw new Error(packet.error.kind);
  return packet.value;
}

/** RFC 2865 §5.2, the other way round. */
function hidden(password: string): Uint8Array {
  const plain = Buffer.alloc(Math.max(16, Math.ceil(password.length / 16) * 16));
  plain.write(password);
  let before: Uint8Array = AUTHENTICATOR;
  for (let at = 0; at < plain.length; at += 16) {
    const mask = createHash('md5').update(SECRET).update(before).digest();
    for (let i = 0; i < 16; i++) plain[at + i]! ^= mask[i]!;
    before = plain.subarray(at, at + 16);
  }
  return plain;
}

function chap(identifier: number, password: string, challenge: Uint8Array): Uint8Array {
  return createHash('md5').update(Uint8Array.of(identifier)).update(password).update(challenge).digest();
}
