// docs/cli.md against the help the program prints: every command and every option of it is described, and nothing else is.
import { readFileSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import { runCli } from '../../src/cli/program.ts';

const text = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
const sections = new Map(
  text
    .split('\n### ')
    .slice(1)
    .map((part) => [part.slice(0, part.indexOf('\n')), part.split('\n## ')[0]!] as const),
);

async function help(words: readonly string[]): Promise<string> {
  const printed: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => printed.push(String(chunk)) > 0);
  expect(await runCli([...words, '--help'])).toBe(0);
  vi.restoreAllMocks();
  return printed.join('');
}
afterEach(() => void vi.restoreAllMocks());

/** Names below a heading of the help; further lines of a description begin deeper. */
function names(helpText: string, heading: string, pattern: RegExp): readonly string[] {
  const part = helpText.split(`\n${heading}:\n`)[1]?.split('\n\n')[0] ?? '';
  return part.split('\n').flatMap((line) => pattern.exec(line)?.[1] ?? []);
}
const commandsIn = (helpText: string) => names(helpText, 'Commands', /^ {2}([a-z-]+)/).filter((one) => one !== 'help');
const optionsIn = (helpText: string) =>
  names(helpText, 'Options', /^ {2}(?:-., )?(--[a-z-]+)/).filter((one) => one !== '--help');

test('docs/cli.md describes every command with all its options, and no command that is not there', async () => {
  const found: string[] = [];
  const missing: string[] = [];
  const walk = async (words: readonly string[]): Promise<void> => {
    const said = await help(words);
    const below = commandsIn(said);
    for (const name of below) await walk([...words, name]);
    if (below.length > 0) return;
    const heading = ['engawa', ...words].join(' ');
    found.push(heading);
    const section = sections.get(heading);
    if (section === undefined) missing.push(heading);
    else
      missing.push(
        ...optionsIn(said).filter((option) => !section.includes(`\`${option}`) && !section.includes(` ${option}`)),
      );
  };
  await walk([]);
  expect(missing).toEqual([]);
  expect([...sections.keys()].sort()).toEqual(found.sort());
  expect(found.length).toBeGreaterThan(20);
});

test('docs/cli.md describes the options of every command', async () => {
  for (const option of optionsIn(await help([]))) expect(text).toContain(`\`${option}`);
});
