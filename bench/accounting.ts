// Accounting records per second, durable and answered, over real UDP on loopback. Beside it, in the same run and from the same
// sender: FreeRADIUS with PostgreSQL; and bare decode + insert without rules, look-ups or answers. The sender is a thread of its
// own on the same two cores: on a busy machine the CPU time per record of the thread that serves tells more than the rate.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { AccountingListener } from '../src/adapters/sessions/accounting/listener.ts';
import { SqliteBindings } from '../src/adapters/store/sqlite/bindings.ts';
import { BINDINGS_MIGRATIONS } from '../src/adapters/store/sqlite/bindings-schema.ts';
import { Database } from '../src/adapters/store/sqlite/database.ts';
import { parsePrefix } from '../src/core/net/prefix.ts';
import { readAccounting } from '../src/protocols/radius/accounting.ts';
import { replyFault, requestFault, signRequest } from '../src/protocols/radius/authenticator.ts';
import { decodePacket, encodePacket } from '../src/protocols/radius/codec.ts';
import { baselineFault, startBaseline } from './lib/freeradius-postgres.ts';
import { percentile, report } from './lib/report.ts';

const SECRET = Buffer.from('engawa-bench');
const SESSIONS = 10_000;
/** FreeRADIUS gets fewer: it would take a minute. */
const BASELINE_SESSIONS = 1_600;
/** Per session; a real day at ten minutes has 144 Interims for each Start, so this mix is harder than life. */
const ROUNDS = ['start', ...new Array<'interim'>(8).fill('interim'), 'stop'] as const;
const STATUS = { start: 1, stop: 2, interim: 3 } as const;
const SOCKETS = 16;
const IN_FLIGHT = 64;
const RETRY_MS = 1000;
const GIVE_UP_MS = 30_000;

function packet(round: number, session: number, identifier: number, nowSeconds: number): Uint8Array {
  const status = ROUNDS[round]!;
  const integer = (type: number, value: number) => ({ type, value: uint32(value) });
  const text = (type: number, value: string) => ({ type, value: Buffer.from(value) });
  const attributes = [
    integer(40, STATUS[status]),
    text(1, `line-${session}@example.net`),
    text(44, `s${session}`),
    text(32, 'bng1'),
    { type: 4, value: Uint8Array.of(192, 0, 2, 1) },
    { type: 8, value: Uint8Array.from([100, 64 + (session >> 16), (session >> 8) & 255, session & 255]) },
    {
      type: 123,
      value: Uint8Array.from([0, 56, 0x20, 1, 0x0d, 0xb8, session >> 16, (session >> 8) & 255, session & 255]),
    },
    integer(55, nowSeconds - 60 + round),
    ...(status === 'start' ? [] : [integer(46, round)]),
  ];
  return signRequest(encodePacket({ code: 4, identifier, attributes }), SECRET);
}

function uint32(value: number): Uint8Array {
  return Uint8Array.from([value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255]);
}

// ------------------------------------------------------------- the sender

/** One socket with IN_FLIGHT identifiers; each answer lets the next packet of its own identifier go. */
async function sendAll(socket: Socket, port: number, packets: readonly Uint8Array[]): Promise<void> {
  const pending = new Map<number, { bytes: Uint8Array; sentAt: number }>();
  const latencies: number[] = [];
  let next = 0;
  let answered = 0;
  let answeredAt = performance.now();
  await new Promise<void>((done, fail) => {
    const push = () => {
      while (next < packets.length && pending.size < IN_FLIGHT && !pending.has(packets[next]![1]!)) {
        const bytes = packets[next++]!;
        pending.set(bytes[1]!, { bytes, sentAt: performance.now() });
        socket.send(bytes, port, '127.0.0.1');
      }
    };
    const retry = setInterval(() => {
      if (performance.now() - answeredAt > GIVE_UP_MS) fail(new Error(`${pending.size} records without an answer`));
      for (const one of pending.values())
        if (performance.now() - one.sentAt > RETRY_MS) socket.send(one.bytes, port, '127.0.0.1');
    }, RETRY_MS / 2);
    socket.on('message', (answer) => {
      const one = pending.get(answer[1]!);
      // A late answer to an earlier packet of this identifier is none to this one.
      if (one === undefined || !isAnswer(answer, one.bytes)) return;
      pending.delete(answer[1]!);
      answeredAt = performance.now();
      latencies.push(performance.now() - one.sentAt);
      if (++answered === packets.length) {
        clearInterval(retry);
        done();
      } else push();
    });
    push();
  });
  parentPort!.postMessage({ latencies });
}

function isAnswer(answer: Uint8Array, request: Uint8Array): boolean {
  const packet = decodePacket(answer);
  return packet.ok && replyFault(packet.value, request.subarray(4, 20), SECRET) === undefined;
}

async function sender(): Promise<void> {
  const { port, sessions, nowSeconds } = workerData as { port: number; sessions: number; nowSeconds: number };
  const lanes = await Promise.all(
    Array.from({ length: SOCKETS }, async (_, lane) => {
      const socket = createSocket('udp4');
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
      const packets: Uint8Array[] = [];
      for (let round = 0; round < ROUNDS.length; round++)
        for (let session = lane; session < sessions; session += SOCKETS)
          packets.push(packet(round, session, packets.length & 255, nowSeconds));
      return { socket, packets };
    }),
  );
  parentPort!.postMessage('ready');
  await once(parentPort!, 'message');
  await Promise.all(lanes.map(({ socket, packets }) => sendAll(socket, port, packets)));
  for (const { socket } of lanes) socket.close();
  parentPort!.close();
}

// ------------------------------------------------------------- the three runs

interface Served {
  readonly perSecond: number;
  readonly cpuMicros: number;
  readonly p99Ms: number;
  readonly counts: object;
}

async function overUdp(folder: string): Promise<Served> {
  const database = Database.open(join(folder, 'bindings.db'));
  database.migrate((tx) => {
    for (const one of BINDINGS_MIGRATIONS) tx.exec(one.sql);
  });
  const interim = { of: () => 600_000, widestMs: 600_000 };
  const bindings = new SqliteBindings({ database, clock: Date, interim, reserved: [], retentionDays: 30 });
  let told = 0;
  bindings.onChange((change) => {
    told += change.accessKeys.length;
  });
  const listener = new AccountingListener({
    listen: [{ address: '127.0.0.1', port: 0 }],
    clients: [
      {
        name: 'bng1',
        from: [parsePrefix('127.0.0.1')!],
        secrets: [SECRET],
        accessKey: 'User-Name',
        realm: 'main',
        interimSeconds: 600,
        packetsPerSecond: 1_000_000,
      },
    ],
    record: (batch) => bindings.record(batch),
    reserved: [],
    clock: Date,
    log: { info() {}, warn() {}, error: (code, fields) => console.error(code, fields) },
  });
  const [bound] = await listener.start();
  const cpu = process.threadCpuUsage();
  const sent = await send(bound!.port, SESSIONS);
  const { user, system } = process.threadCpuUsage(cpu);
  await listener.stop();
  await database.close();
  const counts = { ...listener.counts(), told };
  return { ...sent, cpuMicros: (user + system) / (SESSIONS * ROUNDS.length), counts };
}

async function send(port: number, sessions: number): Promise<{ readonly perSecond: number; readonly p99Ms: number }> {
  const data = { port, sessions, nowSeconds: Math.floor(Date.now() / 1000) };
  const worker = new Worker(new URL(import.meta.url), { workerData: data });
  await once(worker, 'message');
  const latencies: number[] = [];
  worker.on('message', (message: { latencies: number[] }) => latencies.push(...message.latencies));
  const startedAt = performance.now();
  worker.postMessage('go');
  await once(worker, 'exit');
  const seconds = (performance.now() - startedAt) / 1000;
  return {
    perSecond: Math.round((sessions * ROUNDS.length) / seconds),
    p99Ms: Math.round(percentile(latencies, 0.99)),
  };
}

/** undefined = cannot be had here, and said so. */
async function besideFreeradius(): Promise<{ readonly perSecond: number; readonly p99Ms: number } | undefined> {
  const fault = baselineFault();
  if (fault !== undefined) {
    console.error(`  accounting: NOT compared with FreeRADIUS and PostgreSQL: ${fault}`);
    return undefined;
  }
  const baseline = await startBaseline(SECRET.toString());
  try {
    const sent = await send(baseline.port, BASELINE_SESSIONS);
    const finished = baseline.finished();
    if (finished !== BASELINE_SESSIONS) throw new Error(`FreeRADIUS kept ${finished} of ${BASELINE_SESSIONS} sessions`);
    return sent;
  } finally {
    await baseline.close();
  }
}

function bare(folder: string): { readonly perSecond: number; readonly cpuMicros: number } {
  const database = Database.open(join(folder, 'bare.db'));
  const packets: Uint8Array[] = [];
  const nowSeconds = Math.floor(Date.now() / 1000);
  for (let round = 0; round < ROUNDS.length; round++)
    for (let session = 0; session < SESSIONS; session++)
      packets.push(packet(round, session, session & 255, nowSeconds));
  database.migrate((tx) =>
    tx.exec('CREATE TABLE record (at INTEGER, status TEXT, session TEXT, user TEXT, ip BLOB, prefix BLOB)'),
  );
  const startedAt = performance.now();
  const cpu = process.threadCpuUsage();
  for (let from = 0; from < packets.length; from += 1000)
    database.migrate((tx) => {
      for (const bytes of packets.slice(from, from + 1000)) {
        const decoded = decodePacket(bytes);
        if (!decoded.ok || requestFault(decoded.value, SECRET) !== undefined) throw new Error('own packet refused');
        const read = readAccounting(decoded.value);
        if (!read.ok) throw new Error('own packet refused');
        const { status, sessionId, userName, framedIp, delegatedIpv6Prefixes, eventTimestampSeconds } = read.value;
        tx.runSql('INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)', [
          eventTimestampSeconds ?? 0,
          status,
          sessionId ?? '',
          userName ?? '',
          framedIp[0]!.bytes,
          delegatedIpv6Prefixes[0]!.ip.bytes,
        ]);
      }
    });
  const { user, system } = process.threadCpuUsage(cpu);
  return {
    perSecond: packets.length / ((performance.now() - startedAt) / 1000),
    cpuMicros: (user + system) / packets.length,
  };
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'engawa-bench-'));
  try {
    const baseline = bare(folder);
    const freeradius = await besideFreeradius();
    const { perSecond, cpuMicros, p99Ms, counts } = await overUdp(folder);
    report(
      'accounting',
      [
        {
          what: 'durable and answered',
          value: perSecond,
          unit: 'records/s',
          ...(freeradius === undefined
            ? {}
            : {
                baseline: { what: 'FreeRADIUS and PostgreSQL', value: freeradius.perSecond },
                ratio: perSecond / freeradius.perSecond,
              }),
          goal: '≥ 20,000 on two idle cores',
        },
        {
          what: 'CPU of the serving thread',
          value: cpuMicros,
          unit: 'µs/record',
          baseline: { what: 'bare decode and insert', value: baseline.cpuMicros },
          ratio: cpuMicros / baseline.cpuMicros,
          goal: '< 50, which is 20,000/s',
        },
      ],
      { p99Ms, counts, ...(freeradius === undefined ? {} : { freeradius }), bare: baseline.perSecond },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await (isMainThread ? main() : sender());
