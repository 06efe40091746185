import { hash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type EvidenceFiles, openEvidence } from '../../../src/adapters/evidence/files/evidence.ts';

let folder: string;
let evidence: EvidenceFiles;

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'engawa-evidence-')), 'raw');
  evidence = await openEvidence(folder);
});
afterEach(() => rm(join(folder, '..'), { recursive: true }));

const files = async () => (await readdir(folder, { recursive: true })).filter((name) => name.includes('.'));
const CSV = Buffer.from('"timestamp","ip"\n"2026-01-01 00:00:00","192.0.2.7"\n'.repeat(500));

describe('evidence files', () => {
  test('the same bytes come back, byte for byte, named by their SHA-256', async () => {
    for (const bytes of [CSV, Buffer.alloc(0), randomBytes(100_000), Buffer.from([0xff, 0x00, 0xfe])]) {
      const name = await evidence.keep(bytes);
      expect(name).toBe(hash('sha256', bytes));
      expect(Buffer.from((await evidence.read(name))!).equals(bytes)).toBe(true);
    }
  });

  test('the same bytes twice are stored once, compressed, readable by nobody else', async () => {
    const [name, again] = await Promise.all([evidence.keep(CSV), evidence.keep(CSV)]);
    expect(again).toBe(name);
    expect(await files()).toEqual([join(name.slice(0, 2), `${name}.zst`)]);
    const { size, mode } = await stat(join(folder, (await files())[0]!));
    expect(size).toBeLessThan(CSV.length / 10);
    expect(mode & 0o077).toBe(0);
    expect((await stat(folder)).mode & 0o077).toBe(0);
  });

  test('removed evidence is gone, and removing it again is no error', async () => {
    const name = await evidence.keep(CSV);
    await evidence.remove(name);
    await evidence.remove(name);
    expect(await evidence.read(name)).toBeUndefined();
    expect(await files()).toEqual([]);
  });

  test('a damaged file is an error, never other bytes; keeping the original again repairs it', async () => {
    const name = await evidence.keep(CSV);
    const path = join(folder, (await files())[0]!);
    await writeFile(path, 'not compressed');
    await expect(evidence.read(name)).rejects.toThrow();
    expect(await evidence.keep(CSV)).toBe(name);
    expect(Buffer.from((await evidence.read(name))!).equals(CSV)).toBe(true);
  });

  test('what is old goes by its age alone; keeping the same bytes again starts anew', async () => {
    const [old, kept] = [await evidence.keep(CSV), await evidence.keep(Buffer.from('kept'))];
    for (const name of await files()) await utimes(join(folder, name), 1000, 1000);
    await evidence.keep(Buffer.from('kept'));
    expect(await evidence.removeOlderThan(2_000_000)).toBe(1);
    expect(await evidence.read(old)).toBeUndefined();
    expect(await evidence.read(kept)).toBeDefined();
  });

  test('a draft that a crash left behind is cleared away at the next start, a fresh one is not', async () => {
    for (const name of ['old.zst.aa.new', 'fresh.zst.bb.new']) await writeFile(join(folder, name), 'half');
    await utimes(join(folder, 'old.zst.aa.new'), 1000, 1000);
    await openEvidence(folder);
    expect(await files()).toEqual(['fresh.zst.bb.new']);
  });

  test('a name that is no hash never becomes a path', async () => {
    for (const name of ['../../etc/passwd', '', 'A'.repeat(64), `${'a'.repeat(63)}/`])
      await expect(evidence.read(name)).rejects.toThrow('SHA-256');
  });
});
