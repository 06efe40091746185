// The key of the portal's forms: kept over a restart, ours alone, and never guessed when it is damaged.
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { loadFormKey } from '../../../src/adapters/store/sqlite/keys.ts';
import { createTokens } from '../../../src/http/portal/tokens.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'keys-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return join(path, 'keys');
}

it('a form and an outside link opened before a restart are good after it', () => {
  const keys = folder();
  const subject = { lineRef: '1 line-1', version: 'v1', action: 'release', pageHash: 'aa' };
  const before = createTokens(loadFormKey(keys));
  const [form, link] = [before.issue(subject, 1000), before.seal('7KQM4XRT', 1000)];
  const after = createTokens(loadFormKey(keys));
  expect(after.open(form, subject, 2000)).toMatchObject({ kind: 'good', fresh: true });
  expect(after.idOf(form, subject.lineRef, 2000)).toBe(form.split('.')[1]);
  expect(after.idOf(form, '1 line-2', 2000)).toBeUndefined();
  expect(after.unseal(link, 2000)).toBe('7KQM4XRT');
});

it('is readable by its owner alone, and a key that others may read or that is none is refused', () => {
  const keys = folder();
  loadFormKey(keys);
  const file = join(keys, 'portal-forms.key');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  chmodSync(file, 0o640);
  expect(() => loadFormKey(keys)).toThrow('others may read it');
  writeFileSync(file, 'short\n');
  chmodSync(file, 0o600);
  expect(() => loadFormKey(keys)).toThrow('not 64 hex digits');
});
