// What exists by name is used by name: a word in one table that nothing else says is a promise nobody keeps.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { WARNINGS } from '../src/telemetry/health.ts';
import { MESSAGES } from '../src/telemetry/messages.ts';

const SRC = join(import.meta.dirname, '../src');
const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ name, text: readFileSync(join(SRC, name), 'utf8') }));
const read = (name: string) => readFileSync(join(SRC, name), 'utf8');
const saidOutside = (word: string, ...owners: readonly string[]) =>
  files.some(({ name, text }) => !owners.some((owner) => name.startsWith(owner)) && text.includes(word));

test('every command of a case is given by somebody: the flow, the portal or the command line', () => {
  const kinds = [...read('core/casefile/command.ts').matchAll(/kind: '([A-Za-z]+)'/g)].map((match) => match[1]!);
  expect(kinds.length).toBeGreaterThan(15);
  const given = (kind: string) =>
    saidOutside(`kind: '${kind}'`, 'core/casefile/command.ts', 'core/casefile/decide.ts', 'core/casefile/evolve.ts');
  expect(kinds.filter((kind) => !given(kind))).toEqual([]);
});

test('every order of the local socket is given by a command, and the other way round', () => {
  const tables = [
    'case-operations',
    'engineer-operations',
    'feed-operations',
    'collect-operations',
    'gateway-operations',
  ].map((name) => read(`http/control/${name}.ts`));
  const offered = tables.flatMap((text) =>
    [...text.matchAll(/^ {4}'?([a-z]+(?:[.-][a-z-]+)*)'?: async/gm)].map((m) => m[1]!),
  );
  expect(offered.length).toBeGreaterThan(20);
  const cli = files
    .filter(({ name }) => name.startsWith('cli/'))
    .map(({ text }) => text)
    .join('\n');
  expect(offered.filter((name) => !cli.includes(`'${name}'`))).toEqual([]);
});

test('every log code is written by something, and every warning raised by the one place that looks', () => {
  const codes = Object.keys(MESSAGES).filter((code) => !saidOutside(`'${code}'`, 'telemetry/messages.ts'));
  expect(codes).toEqual([]);
  expect(Object.keys(WARNINGS).filter((code) => !read('warnings.ts').includes(`'${code}'`))).toEqual([]);
});
