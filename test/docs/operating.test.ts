// docs/operating.md against the catalogue of log messages and the units: a code an engineer meets at night is in it.
// `UPDATE_DOCS=1` writes the table.
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { WARNINGS } from '../../src/telemetry/health.ts';
import { MESSAGES } from '../../src/telemetry/messages.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const text = read('docs/operating.md');

test('every log code stands in the table with the words of the catalogue, and no other does', () => {
  const wanted = Object.entries(MESSAGES).map(([code, one]) => `| \`${code}\` | ${one.text} | ${one.next} |`);
  const found = text.split('\n').filter((line) => /^\| `[A-Z][A-Z0-9_]+` \| /.test(line));
  if (process.env['UPDATE_DOCS'] === '1')
    writeFileSync(
      new URL('../../docs/operating.md', import.meta.url),
      text.replace(found.join('\n'), () => wanted.join('\n')),
    );
  else expect(found).toEqual(wanted);
});

test('files and sockets named in it are those of the units and the sample', () => {
  const told = read('deploy/engawa.yaml') + read('deploy/systemd/engawa-helper.service');
  for (const path of [
    '/run/engawa/control.sock',
    '/run/engawa-helper/helper.sock',
    '/run/engawa-gateway/gateway.json',
  ]) {
    expect(told).toContain(path);
    expect(text).toContain(path);
  }
});

test('every command that a message, a warning or this guide names exists', () => {
  const commands = [...read('docs/cli.md').matchAll(/^### (engawa .*)$/gm)].map((match) => match[1]!);
  const nexts = [...Object.values(MESSAGES), ...Object.values(WARNINGS)].map((one) => one.next);
  const written = [...text.matchAll(/`(engawa [^`]+)`/g)].map((match) => match[1]!);
  const named = [...nexts, ...written].flatMap((words) => words.match(/engawa (?!engawa)[a-z][a-z -]*[a-z]/g) ?? []);
  const unknown = named.filter((words) => !commands.some((one) => words === one || words.startsWith(`${one} `)));
  expect(named.length).toBeGreaterThan(30);
  expect(unknown).toEqual([]);
});
