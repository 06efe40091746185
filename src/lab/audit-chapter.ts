// The last chapter of every story: the audit log verifies, and a forged one does not.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifyExport } from '../protocols/tlog/verify.ts';
import type { Lab } from './lab.ts';
import type { Narrator } from './narrator.ts';

/** Every byte of a small export is tried by the tests; here enough to see it happen. */
const FORGERIES = 60;

export async function auditChapter(title: string, lab: Lab, say: Narrator): Promise<void> {
  say.chapter(title);
  const folder = await mkdtemp(join(tmpdir(), 'engawa-audit-'));
  const inside = join(lab.site.stateFolder, 'export');
  try {
    await lab.order('audit.export', { directory: inside });
    const verified = await verifyExport(inside);
    say.fact(
      'the audit log verifies',
      verified.ok,
      verified.ok ? `${verified.value.size} entries, ${verified.value.pages} kept pages` : verified.error.reason,
    );
    for (const file of ['log.jsonl', 'checkpoint', 'key.pub'])
      await writeFile(join(folder, file), await readFile(join(inside, file)));
    const survived = await forgeries(folder);
    say.fact(
      'one flipped bit anywhere, or its tail cut, and it does not',
      survived.length === 0,
      survived.length === 0 ? `${FORGERIES} places tried` : `verified all the same: ${survived.join(', ')}`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Spoils a copy of the export in many places, one at a time; answers with those the verifier did not notice. */
async function forgeries(folder: string): Promise<readonly string[]> {
  const survived: string[] = [];
  for (const file of ['log.jsonl', 'checkpoint', 'key.pub']) {
    const whole = await readFile(join(folder, file));
    for (let i = 0; i < FORGERIES / 3; i++) {
      const at = Math.floor((i * whole.length) / (FORGERIES / 3));
      const forged = Buffer.from(whole);
      forged[at] = forged[at]! ^ 1;
      await writeFile(join(folder, file), forged);
      if ((await verifyExport(folder)).ok) survived.push(`${file} byte ${at}`);
    }
    await writeFile(join(folder, file), whole);
  }
  const log = await readFile(join(folder, 'log.jsonl'));
  const lines = log.toString('utf8').split('\n');
  await writeFile(join(folder, 'log.jsonl'), `${lines.slice(0, -2).join('\n')}\n`);
  if ((await verifyExport(folder)).ok) survived.push('the last entry cut');
  return survived;
}
