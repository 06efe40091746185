// `engawa feeds check` as an engineer sees it: without a service, without a store, 80 columns, exit code 0 or 1.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runCli } from '../../src/cli/program.ts';
import { formatInstant } from '../../src/core/kernel/civil.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'engawa-check-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const said: string[] = [];
async function check(name: string, content: string, ...args: readonly string[]): Promise<number> {
  writeFileSync(join(folder, name), content);
  said.length = 0;
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((chunk) => said.push(String(chunk)) > 0);
  const code = await runCli(['--config', join(folder, 'none.yaml'), 'feeds', 'check', join(folder, name), ...args]);
  vi.restoreAllMocks();
  return code;
}
const lines = () => said.join('').replaceAll(folder, '').trimEnd().split('\n');

const SINKHOLE = '2026-03-04-event4_sinkhole-example-asn.csv';
const stamp = (ms: number) =>
  formatInstant(Date.now() + ms)
    .slice(0, 19)
    .replace('T', ' ');
const rows = (...list: readonly string[]) => `timestamp,src_ip,src_port,protocol\n${list.join('\n')}\n`;

describe('a file before it is let in', () => {
  test('rows, types, span, what would act and what would be refused, in 80 columns', async () => {
    const at = stamp(-3_600_000);
    const text = rows(`${at},192.0.2.17,50123,tcp`, `${at},192.0.2.18,50124,udp`, `${at},192.0.2.1.9,1,tcp`);
    expect(await check(SINKHOLE, text, '--source', 'shadowserver')).toBe(0);
    const shown = lines();
    // The command to go on with is as long as its path.
    expect(shown.slice(0, -1).filter((line) => line.length > 80)).toEqual([]);
    expect(shown[0]).toBe(`shadowserver (shadowserver) · ${SINKHOLE}`);
    expect(shown).toContain('rows    3: 2 reports · 1 refused');
    expect(shown).toContain(`time    ${at} – ${at} UTC, ±1 s`);
    expect(shown).toContain('acts    1 may act · 1 with a second source · 0 never');
    expect(shown).toContain('1        yes      infected-handshake    event4_sinkhole');
    expect(shown).toContain('  ip-not-canonical: line 4');
    expect(shown.some((line) => line.includes('columns-missing'))).toBe(true);
    expect(shown.at(-1)).toBe(`Next: engawa ingest /${SINKHOLE} --source shadowserver`);
  });

  test('local time written as UTC: told, and exit code 1', async () => {
    expect(await check(SINKHOLE, rows(`${stamp(32_000_000)},192.0.2.17,1025,tcp`), '--source', 'shadowserver')).toBe(1);
    expect(said.join('')).toContain('times-ahead');
    expect(said.join('')).toContain('as when UTC+9 is written');
    expect(said.join('')).toContain('Not to be let in as it is: no row becomes a report, times-ahead.');
  });

  test('what would be parked, and why', async () => {
    expect(await check('x.csv', rows(), '--source', 'shadowserver')).toBe(1);
    expect(said.join('')).toContain('It would be parked: file-name-unknown');
    expect(await check('x.csv', rows(), '--source', 'shadowserver', '--name', SINKHOLE)).toBe(1);
    expect(said.join('')).toContain('it has no rows');
  });

  test('F19: what a file says cannot move the cursor', async () => {
    const event = {
      'time.source': '2026-03-04T05:06:07+00:00',
      'source.ip': '192.0.2.17',
      'classification.type': 'a\u001b[2J\u202e',
    };
    await check('events.jsonl', JSON.stringify(event), '--source', 'intelmq');
    expect(said.join('')).toContain('a\\u{1b}[2J\\u{202e}');
    expect(said.join('')).not.toContain('\u001b[2J');
  });

  test('--json is one document with everything', async () => {
    const code = await check(
      SINKHOLE,
      rows(`${stamp(-1000)},192.0.2.17,50123,tcp`),
      '--source',
      'shadowserver',
      '--json',
    );
    expect(code).toBe(0);
    expect(JSON.parse(said.join(''))).toMatchObject({
      kind: 'shadowserver',
      fit: true,
      reasons: [],
      rows: 1,
      acts: { alone: 1 },
      types: [{ type: 'event4_sinkhole', class: 'infected-handshake' }],
      refused: [],
      doubts: [],
    });
  });

  test('a source that is no kind, a file that is not there: usage', async () => {
    expect(await check('x.csv', '', '--source', 'nobody')).toBe(2);
    expect(await check('x.csv', '', '--source', 'n6', '--beside', join(folder, 'gone.csv'))).toBe(2);
  });
});
