// The last good answers of lifeline names, on disk: after a restart with a dead resolver they are still known. Damage is told
// apart from absence; neither ever means that a lifeline has no addresses.
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { parseIp } from '../../core/net/ip.ts';

/** One (lifeline, name, type): canonical addresses and the names it leads to. */
export interface KeptAnswer {
  readonly lifeline: string;
  readonly name: string;
  readonly type: number;
  readonly addresses: readonly string[];
  readonly targets: readonly string[];
}

const MAX_BYTES = 4 * 1024 * 1024;

export async function readKept(path: string): Promise<Result<readonly KeptAnswer[], string>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? ok([]) : err('unreadable');
  }
  if (text.length > MAX_BYTES) return err('too-long');
  try {
    const data: unknown = JSON.parse(text);
    const answers = (data as { answers?: unknown } | null)?.answers;
    return Array.isArray(answers) && answers.every(isKept) ? ok(answers) : err('malformed');
  } catch {
    return err('malformed');
  }
}

function isKept(value: unknown): value is KeptAnswer {
  const v = value as Partial<Record<keyof KeptAnswer, unknown>> | null;
  const texts = (list: unknown) => Array.isArray(list) && list.every((text) => typeof text === 'string');
  return (
    typeof v === 'object' &&
    v !== null &&
    typeof v.lifeline === 'string' &&
    typeof v.name === 'string' &&
    Number.isInteger(v.type) &&
    texts(v.targets) &&
    texts(v.addresses) &&
    (v.addresses as string[]).every((text) => parseIp(text) !== undefined)
  );
}

/** Atomic and durable: a crash leaves the old file or the new one. */
export async function writeKept(path: string, answers: readonly KeptAnswer[]): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.new`;
  const file = await open(draft, 'w', 0o640);
  try {
    await file.writeFile(`${JSON.stringify({ version: 1, answers }, undefined, 1)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
