// Every link and picture in the documents that leads into this tree leads somewhere.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = new URL('../../', import.meta.url).pathname;
const documents = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...['docs', 'docs/adr', 'docs/feeds'].flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${folder}/${name}`),
  ),
];

/** GitHub's anchor of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

test('no link is broken', () => {
  const broken = documents.flatMap((document) => {
    const text = readFileSync(join(ROOT, document), 'utf8');
    const links = [...text.matchAll(/\]\(([^)\s]+)\)|src="([^"]+)"/g)].map((match) => (match[1] ?? match[2])!);
    return links
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => {
        const [path, anchor] = link.split('#');
        const target = path === '' ? join(ROOT, document) : join(ROOT, dirname(document), path!);
        if (!existsSync(target)) return true;
        const headings = anchor === undefined ? [] : (readFileSync(target, 'utf8').match(/^#+ .*$/gm) ?? []);
        return anchor !== undefined && !headings.some((one) => anchorOf(one.replace(/^#+ /, '')) === anchor);
      })
      .map((link) => `${document}: ${link}`);
  });
  expect(documents.length).toBeGreaterThan(10);
  expect(broken).toEqual([]);
});
