// `engawa feeds` with the service down: what is configured, what came, and one look at a folder.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { runCli } from '../../src/cli/program.ts';
import { type Installation, installation } from './installation.ts';

let here: Installation;
let spool: string;
beforeEach(() => {
  here = installation();
  spool = join(here.folder, 'spool');
  mkdirSync(spool);
  const feeds = `  - { name: shadowserver, kind: shadowserver, collect: { folder: ${spool} } }\n  - { name: mailed, kind: xarf }\n`;
  const text = readFileSync(here.configFile, 'utf8');
  writeFileSync(here.configFile, text.replace('  - { name: shadowserver, kind: shadowserver }\n', feeds));
});
afterEach(() => {
  vi.restoreAllMocks();
  here.remove();
});

async function engawa(...args: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
  const said: string[] = [];
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((chunk) => said.push(String(chunk)) > 0);
  const code = await runCli(['--config', here.configFile, ...args]);
  vi.restoreAllMocks();
  return { code, said: said.join('') };
}
const listed = async () =>
  (JSON.parse((await engawa('--json', 'feeds', 'list')).said) as { feeds: Record<string, unknown>[] }).feeds;

const CSV =
  '"timestamp","src_ip","src_port","protocol"\n"2026-03-04 05:00:00","198.51.100.7","40001","tcp"\n"nonsense","198.51.100.7","1","tcp"\n';

test('what a folder holds is taken in by its format, and both feeds are shown with what they brought', async () => {
  expect(await listed()).toMatchObject([
    { name: 'shadowserver', way: 'folder', files: 0, lastFileAt: null, error: null },
    { name: 'mailed', kind: 'xarf', way: 'by hand' },
  ]);
  // What was claimed before is taken at the first look: one that is new must keep its size first.
  mkdirSync(join(spool, 'claimed'));
  writeFileSync(join(spool, 'claimed', '2026-03-04-event4_sinkhole-asn64496.csv'), CSV);
  writeFileSync(join(spool, 'claimed', 'odd.csv'), CSV);
  const collected = await engawa('feeds', 'collect', 'shadowserver');
  expect(collected).toEqual({ code: 0, said: expect.stringContaining('2 files, 2 rows, 1 refused, 1 files parked') });
  expect([readdirSync(join(spool, 'done')), readdirSync(join(spool, 'parked'))]).toEqual([
    ['2026-03-04-event4_sinkhole-asn64496.csv'],
    ['odd.csv'],
  ]);
  expect((await listed())[0]).toMatchObject({ files: 2, parked: 1, rows: 2, refused: 1, silentMs: null });
  expect((await engawa('feeds', 'list')).said).toMatch(
    /not running: nothing is fetched[\s\S]*shadowserver +shadowserver +folder/,
  );
});

test('what is not fetched, not configured or not there is refused in words', async () => {
  expect(await engawa('feeds', 'collect', 'mailed')).toEqual({
    code: 1,
    said: expect.stringContaining('comes by hand: there is nothing to fetch'),
  });
  expect(await engawa('feeds', 'collect', 'nobody')).toEqual({
    code: 1,
    said: expect.stringContaining('engawa feeds list'),
  });
  writeFileSync(here.configFile, readFileSync(here.configFile, 'utf8').replace(spool, `${spool}-away`));
  expect(await engawa('feeds', 'collect', 'shadowserver')).toEqual({
    code: 1,
    said: expect.stringContaining('spool-away: ENOENT'),
  });
});
