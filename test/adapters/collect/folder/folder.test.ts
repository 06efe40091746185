import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FolderCollector } from '../../../../src/adapters/collect/folder/folder.ts';
import { DAY } from '../../../../src/core/kernel/time.ts';
import { Turns } from '../turn.ts';

let folder: string;
let turns: Turns;
let ms: number;
let collector: FolderCollector;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'engawa-spool-'));
  turns = new Turns();
  turns.now = Date.now();
  ms = 0;
  collector = open();
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = () => new FolderCollector({ folder, settleMs: 1000, maxBytes: 100, monotonicMs: () => ms });
const put = (name: string, text = name) => writeFileSync(join(folder, name), text);
const ls = (name = '') => readdirSync(join(folder, name)).sort();

/** Two looks, a second apart. */
async function settle(): Promise<readonly string[]> {
  expect(await turns.run(collector)).toBeUndefined();
  ms += 1000;
  expect(await turns.run(collector)).toBeUndefined();
  return turns.names();
}

test('whole files are taken in the order of their names, once, and moved to done', async () => {
  put('b.json');
  put('a.json', 'first');
  expect(await settle()).toEqual(['a.json', 'b.json']);
  expect([ls('done'), ls('claimed'), ls()]).toEqual([['a.json', 'b.json'], [], ['claimed', 'done', 'parked']]);
  expect(await settle()).toEqual([]);
});

test('what is not whole yet is left: by its name, while it grows, and while its writer goes on in the renamed file', async () => {
  for (const name of ['a.part', '.hidden', 'b.tmp', 'c~', 'd.filepart']) put(name);
  put('grows.json', '1');
  await turns.run(collector);
  ms += 1000;
  appendFileSync(join(folder, 'grows.json'), '2');
  await turns.run(collector);
  expect(turns.names()).toEqual([]);
  expect(await settle()).toEqual(['grows.json']);
  renameSync(join(folder, 'a.part'), join(folder, 'a.json'));
  expect(await settle()).toEqual(['a.json']);
});

test('what cannot be read as its format goes to parked; nothing is written over', async () => {
  turns.answer = () => ({ state: 'parked', code: 'header-broken', text: 'no' });
  put('x.csv', 'one');
  await settle();
  put('x.csv', 'two');
  await settle();
  expect(ls('parked')).toHaveLength(2);
  expect(ls('parked')[0]).toBe('x.csv');
});

test('links, pipes and files beyond the cap are put aside unread', async () => {
  const secret = join(folder, 'claimed', 'link.json');
  await turns.run(collector);
  writeFileSync(join(tmpdir(), `engawa-secret-${process.pid}`), 'secret');
  symlinkSync(join(tmpdir(), `engawa-secret-${process.pid}`), secret);
  symlinkSync('/etc/hostname', join(folder, 'top.json'));
  execFileSync('mkfifo', [join(folder, 'claimed', 'pipe.json')]);
  put('large.json', 'x'.repeat(101));
  expect(await turns.run(collector)).toBe(
    `${folder}: put aside unread: link.json (not-regular), pipe.json (not-regular)`,
  );
  ms += 1000;
  expect(await turns.run(collector)).toBe(`${folder}: put aside unread: large.json (too-large)`);
  expect(turns.names()).toEqual([]);
  expect(await turns.run(collector), 'once').toBeUndefined();
  expect(ls('parked')).toEqual(['large.json', 'link.json', 'pipe.json']);
  expect(ls(), 'a link that was not claimed stays where it is').toContain('top.json');
  rmSync(join(tmpdir(), `engawa-secret-${process.pid}`));
});

test('killed between claiming and moving: the next start takes it again, and nothing is lost', async () => {
  put('a.json');
  turns.answer = () => {
    throw new Error('disk full');
  };
  await turns.run(collector);
  ms += 1000;
  await expect(turns.run(collector)).rejects.toThrow('disk full');
  expect(ls('claimed')).toEqual(['a.json']);
  turns.answer = () => ({ state: 'accepted', rows: 1, refused: 0 });
  collector = open();
  await turns.run(collector);
  expect(turns.names()).toEqual(['a.json']);
  expect(ls('done')).toEqual(['a.json']);
});

test('of two that look at one folder each file has one taker', async () => {
  const other = open();
  for (let i = 0; i < 20; i++) put(`${i}.json`);
  await Promise.all([turns.run(collector), turns.run(other)]);
  ms += 1000;
  // Either may lose the race for a file; neither may fail or take it twice.
  await Promise.allSettled([turns.run(collector), turns.run(other)]);
  await settle();
  expect(ls('done').length).toBe(20);
});

test('done is emptied after a week, by when a file was moved there', async () => {
  put('old.json');
  utimesSync(join(folder, 'old.json'), 1, 1);
  await settle();
  expect(ls('done')).toEqual(['old.json']);
  turns.now += 7 * DAY + 60_000;
  await turns.run(collector);
  expect(ls('done')).toEqual([]);
});

test('a folder that is not there or not ours is said in words, and used as soon as it is', async () => {
  const later = join(folder, 'later');
  const one = new FolderCollector({ folder: later, settleMs: 0 });
  expect(await turns.run(one)).toBe(`${later}: ENOENT`);
  expect(existsSync(later)).toBe(false);
  mkdirSync(later);
  writeFileSync(join(later, 'a'), 'x');
  expect([await turns.run(one), await turns.run(one)]).toEqual([undefined, undefined]);
  expect(turns.names()).toEqual(['a']);
});
