// A real Kea (Debian's) in a network namespace, perfdhcp beside it as clients behind a relay that adds option 82: what Kea writes into
// its lease file becomes records of the line that the option names. Then restarts of ours, and Kea's own compaction of the file.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type KeaOptions, KeaWatch } from '../../../../src/adapters/sessions/kea/watch.ts';
import { filePositions } from '../../../../src/adapters/state-folder/file-positions.ts';
import type { SessionRecord } from '../../../../src/core/line/accounting.ts';
import { formatPrefix } from '../../../../src/core/net/prefix.ts';
import type { Log } from '../../../../src/flow/ports.ts';

const folder = mkdtempSync(join(tmpdir(), 'engawa-kea-'));
const file = join(folder, 'leases4.csv');
const name = `engawa-kea-${process.pid}`;
const quiet: Log = { info: () => {}, warn: () => {}, error: () => {} };
let kea: ChildProcess | undefined;

const ip = (...args: string[]) => execFileSync('ip', args);
/** Sub-option 1 `port-1/1/1`, 2 four octets. */
const OPTION_82 = '010a706f72742d312f312f310204cafe0001';

beforeAll(async () => {
  for (const end of ['s', 'c']) ip('netns', 'add', `${name}-${end}`);
  ip('link', 'add', 'kea0', 'netns', `${name}-s`, 'type', 'veth', 'peer', 'name', 'kea1', 'netns', `${name}-c`);
  for (const [end, link, address] of [['s', 'kea0', '192.0.2.1/24'] as const, ['c', 'kea1', '192.0.2.2/24'] as const]) {
    ip('-n', `${name}-${end}`, 'addr', 'add', address, 'dev', link);
    ip('-n', `${name}-${end}`, 'link', 'set', link, 'up');
  }
  const config = {
    'interfaces-config': { interfaces: ['kea0'], 'dhcp-socket-type': 'udp' },
    'lease-database': { type: 'memfile', persist: true, name: file, 'lfc-interval': 0 },
    'valid-lifetime': 3600,
    'store-extended-info': true,
    subnet4: [{ id: 1, subnet: '192.0.2.0/24', pools: [{ pool: '192.0.2.100-192.0.2.200' }] }],
    loggers: [{ name: 'kea-dhcp4', output_options: [{ output: 'stdout' }], severity: 'INFO' }],
  };
  writeFileSync(join(folder, 'kea.json'), JSON.stringify({ Dhcp4: config }));
  kea = spawn('ip', ['netns', 'exec', `${name}-s`, 'kea-dhcp4', '-c', join(folder, 'kea.json')], {
    env: { PATH: process.env['PATH'] ?? '', KEA_LOCKFILE_DIR: 'none', KEA_PIDFILE_DIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [kea.stdout!, kea.stderr!]) stream.on('data', (chunk) => (said += String(chunk)));
  await vi.waitFor(() => expect(said).toContain('DHCP4_STARTED'), { timeout: 15_000 });
});

afterAll(async () => {
  if (kea?.exitCode === null) {
    const ended = new Promise((done) => kea!.once('exit', done));
    kea.kill('SIGTERM');
    await ended;
  }
  for (const end of ['s', 'c']) ip('netns', 'del', `${name}-${end}`);
  rmSync(folder, { recursive: true, force: true });
});

/** One exchange, and for `-F` one release after it. */
function clients(...more: string[]): void {
  const args = ['netns', 'exec', `${name}-c`, 'perfdhcp', '-4', '-l', 'kea1', '-R', '1', '-o', `82,${OPTION_82}`];
  try {
    execFileSync('ip', [...args, ...more, '192.0.2.1'], { stdio: 'pipe' });
  } catch (cause) {
    // 3: some exchanges were still open when it ended, and that is all the same here.
    if ((cause as { status?: number }).status !== 3) throw cause;
  }
}

function watch(more: Partial<KeaOptions> = {}): { readonly records: SessionRecord[]; readonly kea: KeaWatch } {
  const records: SessionRecord[] = [];
  const watched = new KeaWatch({
    name: 'kea1',
    realm: 'main',
    accessKey: 'circuit-id',
    reserved: [],
    file,
    format: 'leases',
    zones: new Map(),
    record: async (batch) => records.push(...batch),
    positions: filePositions(folder),
    clock: { now: () => Date.now() },
    log: quiet,
    pollMs: 20,
    ...more,
  });
  watched.start();
  return { records, kea: watched };
}

const told = ({ status, accessKey, prefixes }: SessionRecord) =>
  `${status} ${accessKey} ${formatPrefix(prefixes[0]!.prefix)}`;

describe('leases of a real Kea', () => {
  test('are followed from grant to release, over a restart of ours and over a file that was replaced', async () => {
    const first = watch();
    clients('-r', '5', '-p', '1');
    await vi.waitFor(() => expect(first.records.length).toBeGreaterThan(1), { timeout: 15_000 });
    await first.kea.stop();
    const { eventAt, startAt, nas, sessionId, prefixes } = first.records[0]!;
    const address = formatPrefix(prefixes[0]!.prefix);
    expect(first.records.map(told)).toEqual(
      first.records.map((_, i) => `${i === 0 ? 'start' : 'interim'} port-1/1/1 ${address}`),
    );
    expect([nas, sessionId, startAt]).toEqual(['kea1', `00:0c:01:02:03:04 ${address}`, eventAt]);
    expect(Math.abs(eventAt - Date.now())).toBeLessThan(60_000);

    // While nobody looked: what was read is not read again, and whose lease it is and since when is known.
    clients('-r', '5', '-p', '1');
    const second = watch();
    await vi.waitFor(() => expect(second.records.length).toBeGreaterThan(1), { timeout: 15_000 });
    expect(new Set(second.records.map(told))).toEqual(new Set([`interim port-1/1/1 ${address}`]));
    expect(second.records.length).toBeLessThanOrEqual(6);
    expect(second.records.every((one) => one.startAt === startAt)).toBe(true);

    // A release, seen as it is written.
    const seen = second.records.length;
    clients('-r', '5', '-F', '4', '-p', '1');
    await vi.waitFor(() => expect(second.records.slice(seen).map(told)).toContain(`stop port-1/1/1 ${address}`), {
      timeout: 15_000,
    });
    const stop = second.records.slice(seen).find(({ status }) => status === 'stop')!;
    expect([stop.startAt, stop.endUnseen]).toEqual([startAt, undefined]);

    // Kea compacts: the journal moves aside, a new one begins with its header.
    const [header, row] = readFileSync(file, 'utf8').split('\n') as [string, string];
    renameSync(file, `${file}.2`);
    const [, ...rest] = row.split(',');
    writeFileSync(file, `${header}\n`);
    appendFileSync(file, `${['192.0.2.199', ...rest].join()}\n`);
    await vi.waitFor(() => expect(second.records.map(told)).toContain('start port-1/1/1 192.0.2.199'), {
      timeout: 15_000,
    });
    await second.kea.stop();
  });

  test('the store takes nothing for a while: the same rows once more, and nothing is missing', async () => {
    const state = mkdtempSync(join(folder, 'state-'));
    let failures = 2;
    const stored: SessionRecord[] = [];
    const record = async (batch: readonly SessionRecord[]) => {
      if (failures-- > 0) throw new Error('database or disk is full');
      stored.push(...batch);
    };
    writeFileSync(
      join(state, 'l.csv'),
      readFileSync(new URL('../../../vectors/kea/kea-2.2-leases4.csv', import.meta.url)),
    );
    const { kea: watched } = watch({ file: join(state, 'l.csv'), record, positions: filePositions(state) });
    await vi.waitFor(() => expect(stored.length).toBeGreaterThan(8), { timeout: 15_000 });
    await watched.stop();
    expect(stored.filter(({ status }) => status === 'start').map(told)).toEqual([
      'start port-1/1/1 192.0.2.100',
      'start port-1/1/1 192.0.2.101',
      'start port-1/1/1 192.0.2.102',
      'start port-1/1/1 192.0.2.103',
      'start port-1/1/1 192.0.2.104',
    ]);
  });
});
