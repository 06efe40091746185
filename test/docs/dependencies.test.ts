// docs/dependencies.md against package.json and the installed packages: each with a reason and the licence it states.
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string> | undefined>;
const wanted = ['dependencies', 'optionalDependencies', 'devDependencies'].flatMap((kind) =>
  Object.keys(manifest[kind] ?? {}),
);
const rows = [...read('docs/dependencies.md').matchAll(/^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \|$/gm)].map(
  ([, name, licence, why]) => ({ name: name!, licence: licence!, why: why! }),
);

test('every package has one row, and every row a package', () => {
  expect(rows.map((row) => row.name).sort()).toEqual([...wanted].sort());
});

test('the licence is the one the package states', () => {
  const differing = rows.flatMap(({ name, licence }) => {
    const path = `node_modules/${name}/package.json`;
    if (!existsSync(new URL(path, root))) return []; // the runtime of another processor
    const stated = (JSON.parse(read(path)) as { license?: string }).license;
    return stated === licence ? [] : [`${name}: ${licence}, but it states ${stated}`];
  });
  expect(differing).toEqual([]);
});

test('versions are exact: an upgrade is a change somebody makes', () => {
  const loose = ['dependencies', 'optionalDependencies', 'devDependencies']
    .flatMap((kind) => Object.entries(manifest[kind] ?? {}))
    .filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version));
  expect(loose).toEqual([]);
});
