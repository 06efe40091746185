// ARCHITECTURE.md and CONTRIBUTING.md against the tree: a folder nobody described is a folder nobody finds.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const list = (path: string) => readdirSync(new URL(path, root), { withFileTypes: true });
const folders = (path: string) => list(path).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));

test('the map of ARCHITECTURE.md names every layer and every protocol', () => {
  const text = read('ARCHITECTURE.md');
  const layers = folders('src').map((name) => `src/${name}/`);
  expect(layers.filter((path) => !text.includes(`\`${path}`))).toEqual([]);
  expect(folders('src/protocols').filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});

test('paths that the two documents name are there', () => {
  const text = read('ARCHITECTURE.md') + read('CONTRIBUTING.md');
  const paths = [...text.matchAll(/`((?:src|test|docs|deploy|scripts|bench|views|locales)\/[\w./-]*)`/g)];
  const named = paths.map((match) => match[1]!);
  expect(named.length).toBeGreaterThan(15);
  expect(named.filter((path) => !existsSync(new URL(path, root)))).toEqual([]);
});

test('every layer that has import rules stands in the table of CONTRIBUTING.md', () => {
  const rules = createRequire(import.meta.url)('../../.dependency-cruiser.cjs') as {
    forbidden: { from: { path?: string | string[] } }[];
  };
  const layers = rules.forbidden.flatMap(({ from }) => /^\^src\/([a-z]+)\//.exec(String(from.path ?? ''))?.[1] ?? []);
  const table = [...read('CONTRIBUTING.md').matchAll(/^\| `([a-z]+)(?:\/[A-Z])?` \|/gm)].map((match) => match[1]!);
  expect(new Set(layers).size).toBeGreaterThan(9);
  expect([...new Set(layers)].filter((layer) => !table.includes(layer))).toEqual([]);
});
