// A toy recursive resolver for the lab and for tests: answers from a name table over UDP and TCP, follows its own CNAMEs, and
// remembers every question, so that a test can prove what did not leave. Leaves out caching, zones and DNSSEC.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { parseIp } from '../core/net/ip.ts';
import { concat } from '../protocols/dns/bytes.ts';
import { canonicalName, encodeName } from '../protocols/dns/name.ts';
import { parseQuery, put16, type Query, RCODE, SAFE_UDP_BYTES, TYPE, u16 } from '../protocols/dns/query.ts';
import { buildFault, buildReply, fitInto, type ReplyRecord } from '../protocols/dns/reply.ts';

/** One line of the table, e.g. `{ name: 'sos.example', type: 'A', value: '192.0.2.1', ttlSeconds: 60 }`. */
export interface ToyRecord {
  /** `*.example` answers for every name below that has no record of its own. */
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'CNAME' | 'PTR' | 'SRV' | 'NAPTR' | 'TXT';
  /** Address · name · SRV `PRIORITY WEIGHT PORT TARGET` · NAPTR `ORDER PREFERENCE FLAGS SERVICES TARGET` · text. */
  readonly value: string;
  readonly ttlSeconds?: number;
}

export interface AskedQuestion {
  readonly name: string;
  readonly type: number;
  readonly transport: 'udp' | 'tcp';
  readonly bytes: number;
}

const MAX_REMEMBERED = 10_000;

export class ToyResolver {
  readonly asked: AskedQuestion[] = [];
  /** Octets that reached us, readable or not. */
  receivedBytes = 0;
  /** A test may bend the next messages: return other bytes, several, or none at all. */
  tamper: ((reply: Uint8Array, query: Query, transport: 'udp' | 'tcp') => readonly Uint8Array[]) | undefined;
  #records: readonly { readonly name: string; readonly record: ToyRecord }[] = [];
  #udp: Socket | undefined;
  #tcp: Server | undefined;

  constructor(records: readonly ToyRecord[]) {
    this.setRecords(records);
  }

  setRecords(records: readonly ToyRecord[]): void {
    this.#records = records.map((record) => ({ name: tableName(record.name), record }));
  }

  /** Port 0 picks one that is free for UDP and TCP. Returns the port. */
  async start(address: string, port = 0): Promise<number> {
    const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    udp.on('message', (bytes, peer) => {
      for (const reply of this.#answer(bytes, 'udp')) udp.send(reply, peer.port, peer.address);
    });
    udp.bind(port, address);
    await once(udp, 'listening');
    this.#udp = udp;
    this.#tcp = createServer((socket) => {
      let held: Uint8Array = new Uint8Array(0);
      socket.on('error', () => socket.destroy());
      socket.setTimeout(5000, () => socket.destroy());
      socket.on('data', (chunk) => {
        held = concat([held, chunk]);
        while (held.length >= 2 && held.length >= 2 + u16(held, 0)) {
          const end = 2 + u16(held, 0);
          for (const reply of this.#answer(held.slice(2, end), 'tcp')) socket.write(framed(reply));
          held = held.slice(end);
        }
      });
    });
    this.#tcp.listen(udp.address().port, address);
    await once(this.#tcp, 'listening');
    return udp.address().port;
  }

  async stop(): Promise<void> {
    const [udp, tcp] = [this.#udp, this.#tcp];
    this.#udp = undefined;
    this.#tcp = undefined;
    if (udp !== undefined) await new Promise<void>((done) => udp.close(() => done()));
    if (tcp !== undefined) await new Promise<void>((done) => tcp.close(() => done()));
  }

  #answer(bytes: Uint8Array, transport: 'udp' | 'tcp'): readonly Uint8Array[] {
    this.receivedBytes += bytes.length;
    const parsed = parseQuery(bytes);
    if (!parsed.ok) return parsed.error.kind === 'silent' ? [] : [buildFault(parsed.error)];
    const query = parsed.value;
    if (this.asked.length < MAX_REMEMBERED) {
      this.asked.push({ name: query.name, type: query.type, transport, bytes: bytes.length });
    }
    const whole = this.#lookUp(query);
    const limit = transport === 'tcp' ? 65_535 : query.edns === undefined ? 512 : SAFE_UDP_BYTES;
    const reply = fitInto(query, whole, limit);
    return this.tamper === undefined ? [reply] : this.tamper(reply, query, transport);
  }

  #lookUp(query: Query): Uint8Array {
    const answers: ReplyRecord[] = [];
    let name = query.name;
    let known = false;
    for (let hop = 0; hop < 8; hop++) {
      const here = this.#at(name);
      known ||= here.length > 0;
      const hits = here.filter((r) => TYPE[r.type] === query.type);
      const owner = name === query.name ? undefined : wireName(name);
      for (const hit of hits) answers.push(wireRecord(owner, hit));
      const alias = hits.length === 0 ? here.find((r) => r.type === 'CNAME') : undefined;
      if (alias === undefined) break;
      answers.push(wireRecord(owner, alias));
      name = canonicalName(alias.value) ?? '';
    }
    return buildReply(query, { rcode: known ? RCODE.NOERROR : RCODE.NXDOMAIN, answers });
  }

  #at(name: string): ToyRecord[] {
    const own = this.#records.filter((r) => r.name === name);
    if (own.length > 0) return own.map((r) => r.record);
    return this.#records.filter((r) => r.name.startsWith('*.') && name.endsWith(r.name.slice(1))).map((r) => r.record);
  }
}

function tableName(name: string): string {
  const wildcard = name.startsWith('*.');
  const canonical = canonicalName(wildcard ? name.slice(2) : name);
  if (canonical === undefined) throw new Error(`toy resolver: not a name: ${name}`);
  return wildcard ? `*.${canonical}` : canonical;
}

export function framed(message: Uint8Array): Uint8Array {
  const length = new Uint8Array(2);
  put16(length, 0, message.length);
  return concat([length, message]);
}

function wireRecord(owner: Uint8Array | undefined, record: ToyRecord): ReplyRecord {
  return {
    ...(owner && { owner }),
    type: TYPE[record.type],
    ttlSeconds: record.ttlSeconds ?? 60,
    data: wireData(record),
  };
}

function wireName(text: string): Uint8Array {
  const wire = encodeName(text);
  if (wire === undefined) throw new Error(`toy resolver: not a name: ${text}`);
  return wire;
}

function wireData({ type, value }: ToyRecord): Uint8Array {
  switch (type) {
    case 'A':
    case 'AAAA': {
      const ip = parseIp(value);
      if (ip === undefined || (ip.family === 4) !== (type === 'A'))
        throw new Error(`toy resolver: bad ${type}: ${value}`);
      return ip.bytes;
    }
    case 'CNAME':
    case 'PTR':
      return wireName(value);
    case 'SRV': {
      const [priority, weight, port, target] = value.split(/\s+/);
      return concat([numbers(priority, weight, port), wireName(target ?? '')]);
    }
    case 'NAPTR': {
      const [order, preference, flags, services, target] = value.split(/\s+/);
      const texts = [flags ?? '', services ?? '', ''].map(characterString);
      return concat([numbers(order, preference), ...texts, wireName(target ?? '')]);
    }
    case 'TXT':
      return characterString(value);
  }
}

function numbers(...texts: readonly (string | undefined)[]): Uint8Array {
  const bytes = new Uint8Array(2 * texts.length);
  texts.forEach((text, i) => {
    put16(bytes, 2 * i, Number(text ?? 0));
  });
  return bytes;
}

function characterString(text: string): Uint8Array {
  return concat([Uint8Array.of(text.length), new TextEncoder().encode(text)]);
}

// As a process of its own in a namespace: `node src/lab/resolver.ts TABLE.json PORT ADDRESS…`
if (import.meta.main) {
  const [table, port, ...addresses] = process.argv.slice(2);
  const records = JSON.parse(readFileSync(table ?? '', 'utf8')) as ToyRecord[];
  for (const address of addresses) await new ToyResolver(records).start(address, Number(port));
  process.stdout.write('resolver ready\n');
}
