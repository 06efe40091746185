// The documents that show what the code defines must not drift from it. `UPDATE_DOCS=1` writes the generated parts.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { feedSchema } from '../src/config/feeds.ts';
import { HUB_TYPES } from '../src/protocols/abusehub/types.ts';
import { deliveryJsonSchema } from '../src/protocols/reports/schema.ts';
import { ROLE_TABLE, ROLES } from '../src/protocols/shadowserver/role-table.ts';

function compare(file: string, pattern: RegExp, generated: string): void {
  const path = new URL(`../docs/${file}`, import.meta.url);
  const text = readFileSync(path, 'utf8');
  const found = pattern.exec(text)?.[1];
  expect(found, `${file} has lost its generated part`).toBeDefined();
  if (process.env['UPDATE_DOCS'] === '1')
    writeFileSync(
      path,
      text.replace(found!, () => generated),
    );
  else expect(found).toBe(generated);
}

test('docs/reports-api.md shows the schema that is enforced', () => {
  compare(
    'reports-api.md',
    /<!-- schema:[^\n]*-->\n```json\n([\s\S]*?)\n```/,
    JSON.stringify(deliveryJsonSchema(), null, 2),
  );
});

test('docs/feeds/shadowserver.md shows the role table that is used', () => {
  const rows = ROLES.map((role) => {
    const types = role.types.map((type) => `\`${type}\``).join(', ');
    const column = { src: '`src_ip`', dst: '`dst_ip`', ip: '`ip`', http_referer: '`http_referer_ip`', none: '–' }[
      role.subscriber
    ];
    return `| ${types} | ${column} | \`${role.class}\` | ${role.mayAct ? 'yes' : 'never'} | ${role.why} |`;
  });
  const table = ['| type | subscriber | class | may act | because |', '|---|---|---|---|---|', ...rows].join('\n');
  compare(
    'feeds/shadowserver.md',
    /\((role table version [^)]*)\)/,
    `role table version ${ROLE_TABLE.version}, held against the types published on ${ROLE_TABLE.snapshot}`,
  );
  compare('feeds/shadowserver.md', /<!-- roles:[^\n]*-->\n([\s\S]*?)\n\nWhat a row says/, table);
});

test('docs/feeds/abusehub.md shows the types that are known', () => {
  const rows = HUB_TYPES.map(({ says, class: reportClass, why }) => `| ${says} | \`${reportClass}\` | ${why} |`);
  const table = ['| report type | class | because |', '|---|---|---|', ...rows].join('\n');
  compare('feeds/abusehub.md', /<!-- hub types:[^\n]*-->\n([\s\S]*?)\n\nAll of these/, table);
});

function codesIn(...files: string[]): string[] {
  const source = files.map((file) => readFileSync(new URL(`../src/${file}`, import.meta.url), 'utf8')).join('\n');
  return [...new Set([...source.matchAll(/code: '([a-z-]+)'/g)].map((match) => match[1]!))];
}

test.each([['reports-api.md', codesIn('protocols/reports/read.ts', 'protocols/json/parse.ts', 'flow/accept.ts')]])(
  'docs/%s names every code a sender can meet',
  (file, codes) => {
    const text = readFileSync(new URL(`../docs/${file}`, import.meta.url), 'utf8');
    expect(codes.length).toBeGreaterThan(5);
    expect(codes.filter((code) => !text.includes(`\`${code}\``))).toEqual([]);
  },
);

const FORMATS = {
  shadowserver: 'shadowserver',
  abusehub: 'abusehub',
  xarf: 'xarf',
  n6: 'n6',
  intelmq: 'intelmq',
  suricata: 'suricata',
  arf: 'arf',
  profiles: 'profile',
};

test.each(Object.entries(FORMATS))(
  'docs/feeds/%s.md and the overview name every code of the reader',
  (page, folder) => {
    const files = readdirSync(new URL(`../src/protocols/${folder}`, import.meta.url)).map(
      (file) => `protocols/${folder}/${file}`,
    );
    const text = ['feeds.md', `feeds/${page}.md`]
      .map((file) => readFileSync(new URL(`../docs/${file}`, import.meta.url), 'utf8'))
      .join();
    const codes = [...codesIn(...files), ...codesIn(...['csv', 'json', 'feed'].flatMap(sharedFiles))];
    expect(codes.length).toBeGreaterThan(15);
    expect(codes.filter((code) => !text.includes(`\`${code}\``))).toEqual([]);
  },
);

/** But for flat-fields.ts: its readers tell all its faults as `not-xarf` and `not-arf`. */
function sharedFiles(folder: string): readonly string[] {
  const files = readdirSync(new URL(`../src/protocols/${folder}`, import.meta.url));
  return files.filter((file) => file !== 'flat-fields.ts').map((file) => `protocols/${folder}/${file}`);
}

test('docs/feeds.md names every kind of feed', () => {
  const text = readFileSync(new URL('../docs/feeds.md', import.meta.url), 'utf8');
  const kinds = feedSchema.options.map((option) => option.shape.kind.value);
  expect(kinds.filter((kind) => !text.includes(`| \`${kind}\` |`))).toEqual([]);
});
