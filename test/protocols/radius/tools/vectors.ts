// Vectors as text, and what our code makes of their octets, in the same words. A block: `## title`, `from …`, then `secret`,
// `answers` (Request Authenticator of the question) and `password` where they matter, `hex` lines that join up, and what is
// expected: `= …` lines in order, or `! error`.
import { readFileSync } from 'node:fs';
import { passwordFits, readAccess } from '../../../../src/protocols/radius/access.ts';
import { replyFault, requestFault } from '../../../../src/protocols/radius/authenticator.ts';
import { CODE, decodePacket, type Packet } from '../../../../src/protocols/radius/codec.ts';
import { readDynamicReply } from '../../../../src/protocols/radius/dynamic.ts';
import { decodeNamed } from '../../../../src/protocols/radius/named.ts';

export interface Vector {
  readonly title: string;
  readonly secret: string;
  readonly answers?: Buffer;
  readonly password?: string;
  readonly octets: Buffer;
  readonly expected: readonly string[];
}

export function vectorsOf(file: string): Vector[] {
  const text = readFileSync(new URL(`../../../vectors/radius/${file}`, import.meta.url), 'utf8');
  return text.split(/^## /m).slice(1).map(parse);
}

function parse(block: string): Vector {
  const lines = block.trim().split('\n');
  const all = (word: string) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((l) => l.slice(word.length + 1));
  const answers = all('answers')[0];
  const password = all('password')[0];
  return {
    title: lines[0]!,
    secret: all('secret')[0] ?? 'engawa-test',
    ...(answers === undefined ? {} : { answers: Buffer.from(answers, 'hex') }),
    ...(password === undefined ? {} : { password }),
    octets: Buffer.from(all('hex').join(''), 'hex'),
    expected: lines.filter((line) => /^[=!] /.test(line)),
  };
}

export function describeVector({ secret, answers, password, octets }: Omit<Vector, 'title' | 'expected'>): string[] {
  const decoded = decodePacket(octets);
  if (!decoded.ok) return [`! ${decoded.error.kind}`];
  const packet = decoded.value;
  const key = Buffer.from(secret);
  const fault = answers === undefined ? requestFault(packet, key) : replyFault(packet, answers, key);
  if (fault !== undefined) return [`! ${fault}`];
  const named = decodeNamed(packet.attributes);
  return [
    `= code ${packet.code}`,
    ...describeReply(packet),
    ...(packet.code === CODE.accessRequest ? describeAccess(packet, key, password) : []),
    ...named.map((one) => `= ${one.name}${one.tag === undefined ? '' : `:${one.tag}`} ${one.value}`.trimEnd()),
  ];
}

function describeReply(packet: Packet): string[] {
  const reply = readDynamicReply(packet);
  if (reply === undefined) return [];
  return [`= ${reply.kind}${reply.errorCause === undefined ? '' : ` ${reply.errorCause}`}`];
}

function describeAccess(packet: Packet, secret: Uint8Array, password = ''): string[] {
  const request = readAccess(packet, secret);
  if (!request.ok) return [`= ! ${request.error}`];
  const { credentials } = request.value;
  return [
    `= ${credentials.kind}, password ${passwordFits(credentials, Buffer.from(password)) ? 'fits' : 'does not fit'}`,
  ];
}
