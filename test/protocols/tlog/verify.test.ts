// P07: what a person with every right on the machine may try on an export. Each attack must be seen, and placed.
import { generateKeyPairSync, hash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { signCheckpoint } from '../../../src/protocols/tlog/checkpoint.ts';
import { entryBytes, prunedLine } from '../../../src/protocols/tlog/entry.ts';
import { leafHash, MerkleFrontier } from '../../../src/protocols/tlog/merkle.ts';
import { formatNoteKey, publicKeyOf } from '../../../src/protocols/tlog/note.ts';
import { type VerifyOptions, verifyExport } from '../../../src/protocols/tlog/verify.ts';

// Every byte of an export is tried: seconds on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

const { privateKey } = generateKeyPairSync('ed25519');
const key = { name: 'engawa-audit', publicKey: publicKeyOf(privateKey) };
const PUBLIC = `${formatNoteKey(key)}\n`;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'engawa-verify-'));
});
afterAll(() => rm(directory, { recursive: true }));

interface Log {
  readonly lines: readonly string[];
  readonly checkpoint: string;
}

function makeLog(actions: readonly string[]): Log {
  const tree = MerkleFrontier.empty();
  let previousHash = '';
  const lines = actions.map((action, i) => {
    const bytes = entryBytes({ sequence: i + 1, at: 1000 - i, action, previousHash, detail: { size: 2 } });
    const leaf = leafHash(bytes);
    tree.append(leaf);
    previousHash = leaf.toString('base64');
    return bytes.toString();
  });
  return { lines, checkpoint: signCheckpoint({ size: tree.size, root: tree.root() }, key, privateKey) };
}

async function verify(log: Log, options: VerifyOptions = {}, publicKey = PUBLIC) {
  await writeFile(join(directory, 'log.jsonl'), log.lines.map((line) => `${line}\n`).join(''));
  await writeFile(join(directory, 'checkpoint'), log.checkpoint);
  await writeFile(join(directory, 'key.pub'), publicKey);
  return verifyExport(directory, options);
}

const words = (n: number) => Array.from({ length: n }, (_, i) => `action-${i + 1}`);

describe('audit verify', () => {
  test('an honest log verifies: sequence orders, not time', async () => {
    expect(await verify(makeLog(words(9)))).toMatchObject({ ok: true, value: { size: 9, pruned: 0, pages: 0 } });
    expect(await verify(makeLog([]))).toMatchObject({ ok: true, value: { size: 0 } });
  });

  test('P07: every single byte of a small export, changed, is noticed', async () => {
    await verify(makeLog(words(3)));
    for (const file of ['log.jsonl', 'checkpoint', 'key.pub']) {
      const path = join(directory, file);
      const bytes = await readFile(path);
      for (let i = 0; i < bytes.length; i++) {
        const changed = Buffer.from(bytes);
        changed[i] = changed[i]! ^ (1 << (i % 8));
        await writeFile(path, changed);
        expect((await verifyExport(directory)).ok, `${file} byte ${i}`).toBe(false);
      }
      await writeFile(path, bytes);
    }
    expect((await verifyExport(directory)).ok).toBe(true);
  });

  test('P07: a log, checkpoint or key cut at any place is noticed', async () => {
    await verify(makeLog(words(3)));
    for (const file of ['log.jsonl', 'checkpoint', 'key.pub']) {
      const path = join(directory, file);
      const bytes = await readFile(path);
      for (let length = 0; length < bytes.length; length++) {
        await writeFile(path, bytes.subarray(0, length));
        expect((await verifyExport(directory)).ok, `${file} cut to ${length}`).toBe(false);
      }
      await writeFile(path, bytes);
    }
  });

  test('P07: entries edited, deleted, swapped, repeated or inserted: the first bad one is named', async () => {
    const log = makeLog(words(12));
    const edit = (change: (lines: string[]) => void) => {
      const lines = [...log.lines];
      change(lines);
      return verify({ ...log, lines });
    };
    const change = (lines: string[]) => lines.splice(4, 1, lines[4]!.replace('action-5', 'action-X'));
    expect(await edit(change)).toMatchObject({ ok: false, error: { sequence: 5 } });
    expect(await edit((lines) => lines.splice(4, 1))).toMatchObject({ ok: false, error: { sequence: 5 } });
    expect(await edit((lines) => lines.splice(4, 0, lines[4]!))).toMatchObject({ ok: false, error: { sequence: 6 } });
    expect(await edit((lines) => lines.splice(2, 2, lines[3]!, lines[2]!))).toMatchObject({ error: { sequence: 3 } });
    expect(await edit((lines) => lines.splice(0, 1))).toMatchObject({ ok: false, error: { sequence: 1 } });
    expect(await edit((lines) => lines.pop())).toMatchObject({ ok: false, error: { sequence: 12 } });
    expect(await edit((lines) => lines.push(lines[11]!))).toMatchObject({ ok: false, error: { sequence: 13 } });
    const last = (lines: string[]) => lines.splice(11, 1, lines[11]!.replace('action-12', 'action-X'));
    expect(await edit(last)).toMatchObject({ ok: false, error: { sequence: 12 } });
  });

  test('P07: any random edit of the log is noticed', async () => {
    const log = makeLog(words(20));
    const text = Buffer.from(log.lines.map((line) => `${line}\n`).join(''));
    await verify(log);
    const edits = fc.record({
      at: fc.nat(text.length - 1),
      remove: fc.nat(40),
      insert: fc.uint8Array({ maxLength: 40 }),
    });
    await fc.assert(
      fc.asyncProperty(edits, async ({ at, remove, insert }) => {
        const edited = Buffer.concat([text.subarray(0, at), insert, text.subarray(at + remove)]);
        fc.pre(!edited.equals(text));
        await writeFile(join(directory, 'log.jsonl'), edited);
        expect((await verifyExport(directory)).ok).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  test('P07: a whole rewritten log with a fresh chain and signature is caught by an earlier checkpoint', async () => {
    const earlier = makeLog(words(5)).checkpoint;
    expect(await verify(makeLog(words(9)), { earlier })).toMatchObject({ ok: true });
    const rewritten = makeLog(words(9).with(2, 'something-else'));
    expect(await verify(rewritten)).toMatchObject({ ok: true });
    expect(await verify(rewritten, { earlier })).toMatchObject({ ok: false, error: { sequence: 5 } });
    expect(await verify(makeLog(words(4)), { earlier })).toMatchObject({ ok: false, error: { sequence: 5 } });
  });

  test('P07: a rotated or foreign key is not the key that was expected', async () => {
    expect(await verify(makeLog(words(2)), { key: PUBLIC })).toMatchObject({ ok: true });
    const other = publicKeyOf(generateKeyPairSync('ed25519').privateKey);
    const foreign = `${formatNoteKey({ name: key.name, publicKey: other })}\n`;
    expect(await verify(makeLog(words(2)), { key: foreign })).toMatchObject({ error: { file: 'key.pub' } });
    expect(await verify(makeLog(words(2)), {}, foreign)).toMatchObject({ error: { file: 'checkpoint' } });
  });

  test('old entries may be missing only when a later entry records their deletion', async () => {
    const prune = (log: Log) => {
      const tree = MerkleFrontier.empty();
      for (const line of log.lines.slice(0, 2)) tree.append(leafHash(Buffer.from(line)));
      const lastHash = leafHash(Buffer.from(log.lines[1]!)).toString('base64');
      return { ...log, lines: [prunedLine(tree, lastHash), ...log.lines.slice(2)] };
    };
    expect(await verify(prune(makeLog(words(5))))).toMatchObject({ ok: false, error: { sequence: 2 } });
    const honest = prune(makeLog([...words(4), 'audit-pruned']));
    expect(await verify(honest)).toMatchObject({ ok: true, value: { size: 5, pruned: 2 } });
    const first = Buffer.from(honest.lines[0]!);
    for (let i = 0; i < first.length; i++) {
      const changed = Buffer.from(first);
      changed[i] = changed[i]! ^ 1;
      const lines = [changed.toString('latin1'), ...honest.lines.slice(1)];
      expect((await verify({ ...honest, lines })).ok, `byte ${i}`).toBe(false);
    }
  });

  test('a kept page that was changed is named', async () => {
    const page = '<p>We ask you to agree.</p>';
    await mkdir(join(directory, 'pages'));
    const path = join(directory, 'pages', `${hash('sha256', page)}.html`);
    await writeFile(path, page);
    expect(await verify(makeLog(words(2)))).toMatchObject({ ok: true, value: { pages: 1 } });
    await writeFile(path, page.replace('agree', 'agrée'));
    expect((await verify(makeLog(words(2)))).ok).toBe(false);
    await rm(join(directory, 'pages'), { recursive: true });
  });

  test('missing files are failures with a reason, never exceptions', async () => {
    await verify(makeLog(words(2)));
    await rm(join(directory, 'log.jsonl'));
    expect(await verifyExport(directory)).toMatchObject({ ok: false, error: { file: 'log.jsonl' } });
    expect(await verifyExport(join(directory, 'nowhere'))).toMatchObject({ ok: false, error: { file: 'key.pub' } });
  });
});
