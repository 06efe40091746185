// docs/accounting.md against the code: every count that a metric can show is explained, in the same order.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { COUNTS } from '../../src/adapters/sessions/accounting/client-state.ts';

test('docs/accounting.md explains every count and no other', () => {
  const text = readFileSync(new URL('../../docs/accounting.md', import.meta.url), 'utf8');
  const table = text.slice(text.indexOf('<!-- counts:'));
  expect([...table.matchAll(/^\| `([a-z-]+)` \|/gm)].map((match) => match[1])).toEqual([...COUNTS]);
});
