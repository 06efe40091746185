// Writes an audit export: log.jsonl, checkpoint, key.pub and the kept pages. What it proves: src/protocols/tlog/verify.ts.
import { mkdir, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { prunedLine } from '../../../protocols/tlog/entry.ts';
import { formatNoteKey } from '../../../protocols/tlog/note.ts';
import { readHead, type SignedHead } from './audit-rows.ts';
import type { Connection } from './database.ts';
import { type StoreKeys, syncFolder } from './keys.ts';
import { readPage } from './work-rows.ts';

const ROWS_PER_TURN = 1000;

/** `view` must not move and must hold exactly the entries that `head` signs. Throws when the folder is not empty. */
export async function writeExport(view: Connection, directory: string, signed: { keys: StoreKeys; head: SignedHead }) {
  await mkdir(join(directory, 'pages'), { recursive: true, mode: 0o750 });
  await writeFile(join(directory, 'log.jsonl'), logLines(view, signed.head.size));
  for (const { hash } of view.allSql<{ hash: string }>('SELECT hash FROM page ORDER BY hash'))
    await writeFile(join(directory, 'pages', `${hash}.html`), [readPage(view, hash)!]);
  await writeFile(join(directory, 'key.pub'), [`${formatNoteKey(signed.keys.note)}\n`]);
  // The checkpoint comes last: an export that was interrupted has none and does not verify.
  await writeFile(join(directory, 'checkpoint'), [signed.head.note]);
  for (const folder of [join(directory, 'pages'), directory]) syncFolder(folder);
}

export async function refuseUsedFolder(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  if (names.length > 0) throw new Error(`${directory} is not empty; next: name a new folder for the export`);
}

async function* logLines(view: Connection, size: number): AsyncGenerator<string> {
  const { pruned, prunedHash } = readHead(view);
  if (pruned.size > 0) yield `${prunedLine(pruned, prunedHash)}\n`;
  for (let from = pruned.size; from < size; ) {
    const rows = view.allSql<{ sequence: number; entry: string }>(
      'SELECT sequence, entry FROM audit WHERE sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?',
      [from, size, ROWS_PER_TURN],
    );
    // A hole is exported as it is: the verifier names it, and nobody may say that the export hid it.
    if (rows.length === 0) return;
    yield rows.map((row) => `${row.entry}\n`).join('');
    from = rows.at(-1)!.sequence;
    await turn();
  }
}

async function writeFile(path: string, parts: Iterable<string> | AsyncIterable<string>): Promise<void> {
  const file = await open(path, 'wx', 0o640);
  try {
    for await (const part of parts) await file.write(part);
    await file.sync();
  } finally {
    await file.close();
  }
}
