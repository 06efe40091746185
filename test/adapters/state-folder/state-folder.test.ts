import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { holdFile } from '../../../src/adapters/state-folder/hold.ts';
import { lastSeenFile } from '../../../src/adapters/state-folder/last-seen.ts';
import { releaseJournal } from '../../../src/adapters/state-folder/release-journal.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'engawa-state-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const entry = (id: string) => ({ id, lineId: 'L1', epoch: 1, at: 5, by: 'kim', reason: 'storm' });

test('hold survives a restart of the process and says who set it', async () => {
  await holdFile(folder).set({ by: 'kim', at: 1000, reason: 'wrong feed' });
  expect(holdFile(folder).current()).toEqual({ on: true, by: 'kim', at: 1000, reason: 'wrong feed' });
  await holdFile(folder).lift();
  await holdFile(folder).lift();
  expect(holdFile(folder).current()).toEqual({ on: false });
});

test('an empty file made by hand is a hold, and so is one we cannot read', () => {
  writeFileSync(join(folder, 'hold'), '');
  expect(holdFile(folder).current().on).toBe(true);
  expect(holdFile(join(folder, 'hold')).current().on).toBe(true);
});

test('a journal line torn by a power cut is left out, and the next append is not glued to it', async () => {
  const journal = releaseJournal(folder);
  expect(await journal.entries()).toEqual([]);
  await journal.append([entry('a'), entry('b')]);
  appendFileSync(join(folder, 'releases.jsonl'), '{"id":"c","line');
  await journal.append([entry('d')]);
  expect((await journal.entries()).map((e) => e.id)).toEqual(['a', 'b', 'd']);
});

test('a hold that no disk takes is on in this process until it is lifted, and says that it is not written', async () => {
  const hold = holdFile(join(folder, 'no-such-folder'));
  await expect(hold.set({ by: 'kim', at: 1000, reason: 'x' })).rejects.toThrow('ENOENT');
  expect(hold.current()).toEqual({ on: true, by: 'kim', at: 1000, reason: 'x' });
});

test('a journal that cannot be read is an error, never «no releases»; what could not be written is not forgotten', async () => {
  mkdirSync(join(folder, 'releases.jsonl'));
  const journal = releaseJournal(folder);
  await expect(journal.append([entry('a')])).rejects.toThrow('EISDIR');
  await expect(journal.entries()).rejects.toThrow('EISDIR');
  rmSync(join(folder, 'releases.jsonl'), { recursive: true });
  expect((await journal.entries()).map((e) => e.id)).toEqual(['a']);
  await journal.append([entry('b')]);
  expect((await releaseJournal(folder).entries()).map((e) => e.id)).toEqual(['a', 'b']);
});

test('the last sure instant survives the process; a file that says nothing counts as a jump, no file as a first start', async () => {
  const file = lastSeenFile(folder);
  expect(await file.read()).toBeUndefined();
  await file.write({ at: 7, jumped: false });
  expect(await lastSeenFile(folder).read()).toEqual({ at: 7, jumped: false });
  writeFileSync(join(folder, 'last-seen'), '');
  expect(await file.read()).toMatchObject({ jumped: true });
});
