import { appendFileSync, copyFileSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FileFollower, type FilePosition } from '../../../src/protocols/line-file/follower.ts';

let folder = '';
let log = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'engawa-follow-'));
  log = join(folder, 'cgn.log');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Everything up to the end. */
async function drain(follower: FileFollower) {
  const lines: string[] = [];
  let [position, mayHaveLost]: [FilePosition | undefined, boolean] = [undefined, false];
  for (;;) {
    const read = await follower.read();
    lines.push(...read.lines);
    position = read.position;
    mayHaveLost ||= read.mayHaveLost;
    if (read.atEnd) return { lines: lines.join(), mayHaveLost, position };
  }
}

describe('each whole line once, in order', () => {
  test('as it is written, a line only when it is whole', async () => {
    const follower = new FileFollower(log);
    expect(await drain(follower)).toMatchObject({ lines: '', mayHaveLost: false });
    writeFileSync(log, 'one\ntw');
    expect((await drain(follower)).lines).toBe('one');
    appendFileSync(log, 'o\n');
    expect((await drain(follower)).lines).toBe('two');
    await follower.close();
  });

  test('across a rotation, also one that happened while nobody looked', async () => {
    writeFileSync(log, 'one\ntwo\n');
    const first = new FileFollower(log);
    const { position } = await drain(first);
    appendFileSync(log, 'three\n');
    renameSync(log, `${log}.1`);
    writeFileSync(log, 'four\n');
    expect(await drain(first)).toMatchObject({ lines: 'three,four', mayHaveLost: false });
    await first.close();
    const again = new FileFollower(log, position);
    expect(await drain(again)).toMatchObject({ lines: 'three,four', mayHaveLost: false });
    await again.close();
  });

  test('in a series of dated files', async () => {
    const series = new FileFollower(join(folder, 'kea-legal.*.txt'));
    writeFileSync(join(folder, 'kea-legal.20260304.txt'), 'one\n');
    expect((await drain(series)).lines).toBe('one');
    writeFileSync(join(folder, 'kea-legal.20260305.txt'), 'two\n');
    const { position, ...read } = await drain(series);
    expect(read).toEqual({ lines: 'two', mayHaveLost: false });
    await series.close();
    appendFileSync(join(folder, 'kea-legal.20260305.txt'), 'three\n');
    const again = new FileFollower(join(folder, 'kea-legal.*.txt'), position);
    expect(await drain(again)).toMatchObject({ lines: 'three', mayHaveLost: false });
    await again.close();
  });
});

describe('what may be missing is said', () => {
  test('copied and cut to nothing, and written on past the old length', async () => {
    writeFileSync(log, 'one\ntwo\n');
    const follower = new FileFollower(log);
    await drain(follower);
    copyFileSync(log, `${log}.1`);
    truncateSync(log);
    appendFileSync(log, 'x\n');
    expect(await drain(follower)).toMatchObject({ lines: 'x', mayHaveLost: true });
    writeFileSync(log, 'other\nlines\nand more of them\n');
    expect(await drain(follower)).toMatchObject({ lines: 'other,lines,and more of them', mayHaveLost: true });
    await follower.close();
  });

  test('the file of the position is gone, or is another one with its number', async () => {
    writeFileSync(log, 'one\n');
    const follower = new FileFollower(log);
    const { position } = await drain(follower);
    await follower.close();
    writeFileSync(log, 'uno\ndue\n'); // the same inode
    const other = new FileFollower(log, position);
    expect(await drain(other)).toMatchObject({ lines: 'uno,due', mayHaveLost: true });
    await other.close();
    expect(await FileFollower.before(log, position!)).toBeUndefined();
  });

  test('a line without an end, and one that never ends', async () => {
    const follower = new FileFollower(log);
    writeFileSync(log, `one\n${'x'.repeat(3_000_000)}\ntwo\nthr`);
    expect(await drain(follower)).toMatchObject({ lines: 'one,two', mayHaveLost: true });
    renameSync(log, `${log}.1`);
    writeFileSync(log, 'four\n');
    expect(await drain(follower)).toMatchObject({ lines: 'four', mayHaveLost: true });
    await follower.close();
  });
});

test('what lies in front of a position is read once more, and no further', async () => {
  writeFileSync(log, 'one\ntwo\n');
  const follower = new FileFollower(log);
  const { position } = await drain(follower);
  await follower.close();
  appendFileSync(log, 'three\n');
  const before = await FileFollower.before(log, position!);
  expect((await drain(before!)).lines).toBe('one,two');
  await before!.close();
});
