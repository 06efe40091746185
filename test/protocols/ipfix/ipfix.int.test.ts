// The encoder of the vectors against two judges: it must still make the octets that are kept, and tshark must read in them what the
// decoder's tests say is there.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'engawa-ipfix-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const run = (program: string, args: readonly string[]) =>
  execFileSync(program, args, { encoding: 'utf8', env: { PATH: process.env['PATH'] ?? '', HOME: folder } });
const kept = readFileSync(new URL('../../vectors/ipfix/messages.txt', import.meta.url), 'utf8');

test('the kept messages are those that the independent encoder makes', () => {
  const made = run('python3', [new URL('./encode.py', import.meta.url).pathname]);
  expect(made).toBe(kept);
});

test('tshark reads the same fields', () => {
  const hex = new Map(
    kept
      .trim()
      .split('\n')
      .map((line) => line.split(' ') as [string, string]),
  );
  const text = ['templates', 'sessions', 'blocks', 'dslite', 'varied'].map((name) => hexdump(hex.get(name)!)).join('');
  writeFileSync(join(folder, 'messages.txt'), text);
  run('text2pcap', ['-q', '-u', '4739,4739', join(folder, 'messages.txt'), join(folder, 'messages.pcap')]);
  const fields = ['nat_event', 'postNATSourceIPv4Address', 'portRangeStart', 'portRangeEnd', 'protocol', 'srcport'];
  const args = fields.flatMap((name) => ['-e', `cflow.${FIELD[name] ?? name}`]);
  const source = ['-r', join(folder, 'messages.pcap'), '-d', 'udp.port==4739,cflow', '-T', 'fields'];
  const out = run('tshark', [...source, ...args]);
  const rows = out.split('\n').map((line) => line.split('\t'));
  expect(rows[1]!.slice(0, 2)).toEqual(['4,5,8,1,4', new Array(5).fill('192.0.2.1').join()]);
  expect(rows[1]![4]).toBe('6,6,17,1,47');
  expect(rows[2]!.slice(0, 4)).toEqual([
    '16,17,13,16',
    '192.0.2.1,192.0.2.1,0.0.0.0,192.0.2.1',
    '1024,1024,0,1024',
    '2047,2047,0,2047',
  ]);
  expect(rows[3]!.slice(0, 3)).toEqual(['16', '192.0.2.2', '4096']);
  expect(rows[4]!.slice(0, 4)).toEqual(['16,16', '192.0.2.4,192.0.2.4', '1024,1536', '1535,2047']);
});

/** Their names in tshark. */
const FIELD: Readonly<Record<string, string>> = {
  postNATSourceIPv4Address: 'post_natsource_ipv4_address',
  portRangeStart: 'port_range_start',
  portRangeEnd: 'port_range_end',
};

function hexdump(hex: string): string {
  const octets = hex.match(/../g)!;
  const lines = Array.from({ length: Math.ceil(octets.length / 16) }, (_, i) =>
    [(16 * i).toString(16).padStart(6, '0'), ...octets.slice(16 * i, 16 * i + 16)].join(' '),
  );
  return `${lines.join('\n')}\n`;
}
