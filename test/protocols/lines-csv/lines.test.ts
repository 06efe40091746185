import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Line } from '../../../src/core/line/line.ts';
import { formatPrefix, overlaps, parsePrefix, prefixOf } from '../../../src/core/net/prefix.ts';
import { type DiffOptions, diffLines } from '../../../src/protocols/lines-csv/diff.ts';
import { overlappingPairs } from '../../../src/protocols/lines-csv/overlaps.ts';
import { parseLines } from '../../../src/protocols/lines-csv/parse.ts';
import { runs } from '../../runs.ts';

const HEAD = 'line_id,access_key,customer_no,class,protected';
const FULL = `${HEAD},static_prefixes,realm,email,phone,language,terms_version,contract`;
const reserved = ['198.51.100.0/24', '2001:db8:ffff::/48'].map((text) => parsePrefix(text)!);

async function parse(text: string) {
  return parseLines({ bytes: [new TextEncoder().encode(text)], reserved });
}

async function faults(text: string): Promise<string[]> {
  const parsed = await parse(text);
  return parsed.ok ? [] : parsed.error.map((fault) => `${fault.line} ${fault.code}`);
}

describe('the lines file', () => {
  test('every column is read; phones become digits, empty cells are nothing', async () => {
    const parsed = await parse(
      `\ufeff${FULL}\r\nL1,user1@isp.example,C1,home,no,192.0.2.8/29 2001:db8:1::/56,,a@example.net,+81 (0)3-0000-0000,ja,2026-01,active\r\nL2,user2,C2,public-wifi,yes,,main,,,,,ended\r\n`,
    );
    expect(
      parsed.ok &&
        parsed.value.lines.map(({ row, values }) => [
          row,
          { ...values, staticPrefixes: values.staticPrefixes.map(formatPrefix) },
        ]),
    ).toEqual([
      [
        2,
        {
          id: 'L1',
          accessKey: 'user1@isp.example',
          customerNo: 'C1',
          class: 'home',
          protected: false,
          staticPrefixes: ['192.0.2.8/29', '2001:db8:1::/56'],
          realm: 'main',
          email: 'a@example.net',
          phone: '+81030000000' + '0',
          language: 'ja',
          termsVersion: '2026-01',
          contract: 'active',
        },
      ],
      [
        3,
        {
          id: 'L2',
          accessKey: 'user2',
          customerNo: 'C2',
          class: 'public-wifi',
          protected: true,
          staticPrefixes: [],
          realm: 'main',
          contract: 'ended',
        },
      ],
    ]);
  });

  test('an empty file, a header alone, a missing or misspelt column: nothing is imported', async () => {
    expect(await faults('')).toEqual(['1 file-empty']);
    expect(await faults(`${HEAD}\n\n`)).toEqual(['1 file-empty']);
    expect(await faults('line_id,access_key,customer_no,class\nL1,u,C,home\n')).toEqual(['1 column-missing']);
    expect(await faults(`${HEAD},protcted\nL1,u,C,home,no,yes\n`)).toEqual(['1 column-unknown']);
    expect(await faults(`${HEAD},protected\nL1,u,C,home,no,yes\n`)).toEqual(['1 column-unknown']);
    expect(await faults(`"${HEAD}\nL1,u,C,home,no\n`)).toEqual(['1 header-broken']);
  });

  test('a realm we cannot tell apart yet is refused, not stored and never found', async () => {
    expect(await faults(`${FULL}\nL1,u1,C1,home,no,,north,,,,,\n`)).toEqual(['2 realm-unknown']);
  });

  test('all faults come at once, each with its line', async () => {
    const rows = [
      'L1,u1,C1,home,maybe,,,,,,,',
      'L2,u2,C2,castle,no,,,,,,,',
      ',u3,C3,home,no,,,,,,,',
      'L4,u4,C4,home,no,192.0.2.1/29,,,,,,',
      'L5,u5,C5,home,no,192.0.2.0/28,,,,,,',
      'L6,u6,C6,home,no,2001:db8::/32,,,,,,',
      'L7,u7,C7,home,no,198.51.100.5,,,,,,',
      'L8,u8,C8,home,no,,,"a@example.net\nBcc: b@example.net",,,,',
      'L9,u9,C9,home,no,,,,12,,,',
      'L10,u10,C10,home,no,,,,,JAPANESE,,',
      'L11,u11,C11,home,no,,,,,,,perhaps',
      'L12,u12,C12,home',
      'L13,"u13\u202e",C13,home,no,,,,,,,',
      'L14,u14,C14,home,no,203.0.113.0/30,,,,,,',
      'L14,u14,C14,home,no,203.0.113.2,,,,,,',
    ];
    expect(await faults(`${FULL}\n${rows.join('\n')}\n`)).toEqual([
      '2 cell-bad',
      '3 class-unknown',
      '4 cell-empty',
      '5 prefix-bad',
      '6 prefix-size',
      '7 prefix-size',
      '8 prefix-reserved',
      '9 email-bad',
      '11 phone-bad',
      '12 language-bad',
      '13 cell-bad',
      '14 cell-count',
      '15 cell-bad',
      '17 line-twice',
      '17 access-key-twice',
      '17 prefix-overlap',
    ]);
  });

  test('F10: no text throws', async () => {
    const piece = fc.constantFrom(
      HEAD,
      FULL,
      '\n',
      ',',
      '"',
      'L1',
      'no',
      'home',
      '=cmd()',
      '192.0.2.1',
      '\0',
      'é',
      '::/0',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
        const parsed = await parse(pieces.join(''));
        if (!parsed.ok) expect(parsed.error.length).toBeGreaterThan(0);
      }),
      { numRuns: runs(200) },
    );
  });

  test('overlapping prefixes are found as by comparing each with each', () => {
    const prefix = fc
      .record({
        last: fc.integer({ min: 0, max: 63 }),
        length: fc.integer({ min: 26, max: 32 }),
        realm: fc.constantFrom('main', 'b'),
      })
      .map(({ last, length, realm }) => ({
        realm,
        prefix: prefixOf(parsePrefix(`192.0.2.${last}`)!.ip, length),
        owner: {},
      }));
    fc.assert(
      fc.property(fc.array(prefix, { maxLength: 8 }), (held) => {
        const involved = new Set(overlappingPairs(held).flat());
        const expected = held.filter((a) =>
          held.some((b) => a !== b && a.realm === b.realm && overlaps(a.prefix, b.prefix)),
        );
        expect(involved).toEqual(new Set(expected));
      }),
      { numRuns: runs(300) },
    );
  });
});

describe('what an import would change', () => {
  const NOW = 2_000_000;
  const line = (id: string, more: Partial<Line> = {}): Line => ({
    id,
    epoch: 1,
    accessKey: `user-${id}`,
    customerNo: `C-${id}`,
    class: 'home',
    protected: false,
    staticPrefixes: [],
    realm: 'main',
    contract: 'active',
    epochStartedAt: 1,
    ...more,
  });
  async function diff(current: readonly Line[], text: string, options: Partial<DiffOptions> = {}) {
    const parsed = await parse(text);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
    return diffLines(new Map(current.map((one) => [one.id, one])), parsed.value, { now: NOW, ...options });
  }
  const row = (id: string, customer = `C-${id}`, isProtected = 'no') =>
    `${id},user-${id},${customer},home,${isProtected}\n`;

  test('added, changed, unchanged; absent lines and absent columns stay', async () => {
    const current = [line('A', { email: 'a@example.net', termsVersion: '1' }), line('B'), line('C')];
    const result = await diff(current, `${HEAD}\n${row('A', 'C-A', 'yes')}${row('B')}${row('D')}`);
    expect(result).toEqual({
      ok: true,
      value: {
        added: [line('D', { epochStartedAt: NOW })],
        changed: [{ line: { ...current[0], protected: true }, fields: ['protected'] }],
        newEpoch: [],
        removed: [],
        unchanged: 1,
      },
    });
  });

  test('a present column with an empty cell clears', async () => {
    const result = await diff([line('A', { email: 'a@example.net' })], `${HEAD},email\n${row('A').trim()},\n`);
    expect(result.ok && result.value.changed).toEqual([{ line: line('A'), fields: ['email'] }]);
  });

  test('contact data that was forgotten does not come back with a file that lists the contract as ended', async () => {
    const forgotten = line('A', { contract: 'ended', customerNo: '' });
    const ended = `${HEAD},contract\n${row('A').trim()},ended\n`;
    expect(await diff([forgotten], ended)).toMatchObject({ ok: true, value: { unchanged: 1, newEpoch: [] } });
    const again = await diff([forgotten], `${HEAD}\n${row('A')}`);
    expect(again.ok && again.value.newEpoch).toMatchObject([{ epoch: 2, customerNo: 'C-A', contract: 'active' }]);
  });

  test('A05: a new customer on a line id starts a new epoch and inherits no contact', async () => {
    const before = line('A', { epoch: 3, email: 'old@example.net', phone: '000', language: 'ja', termsVersion: '1' });
    const result = await diff([before], `${HEAD}\n${row('A', 'C-new')}`);
    expect(result.ok && result.value.newEpoch).toEqual([
      line('A', { epoch: 4, customerNo: 'C-new', epochStartedAt: NOW }),
    ]);
  });

  test('A05: another login counts from now, even on a line whose customer stays: two lines may have swapped theirs', async () => {
    const text = `${HEAD}\nA,user-B,C-A,home,no\nB,user-A,C-B,home,no\n`;
    const result = await diff([line('A'), line('B')], text);
    expect(result.ok && result.value.changed).toEqual([
      { line: line('A', { accessKey: 'user-B', epochStartedAt: NOW }), fields: ['accessKey'] },
      { line: line('B', { accessKey: 'user-A', epochStartedAt: NOW }), fields: ['accessKey'] },
    ]);
  });

  test('invariant 11: replacing removes no more than was allowed, and only when ordered', async () => {
    const current = [line('A'), line('B'), line('C'), line('D', { contract: 'ended' })];
    const text = `${HEAD}\n${row('A')}`;
    expect(await diff(current, text, { replace: { maxRemoved: 1 } })).toEqual({
      ok: false,
      error: { kind: 'too-many-removed', wouldRemove: 2, maxRemoved: 1 },
    });
    const done = await diff(current, text, { replace: { maxRemoved: 2 } });
    expect(done.ok && done.value.removed.map((one) => [one.id, one.contract])).toEqual([
      ['B', 'ended'],
      ['C', 'ended'],
    ]);
  });

  test('a line named again after its contract ended has one again', async () => {
    const result = await diff([line('A', { contract: 'ended' })], `${HEAD}\n${row('A')}`);
    expect(result.ok && result.value.changed).toEqual([{ line: line('A'), fields: ['contract'] }]);
  });

  test('prefixes and access keys of lines that stay are not taken; those of lines that go are free', async () => {
    const holder = line('B', { staticPrefixes: [parsePrefix('203.0.113.0/29')!], accessKey: 'user-A' });
    const text = `${HEAD},static_prefixes\n${row('A').trim()},203.0.113.4\n`;
    const result = await diff([holder], text);
    expect(result.ok ? [] : result.error).toMatchObject({
      kind: 'conflicts',
      rows: [
        { line: 2, code: 'prefix-overlap' },
        { line: 2, code: 'access-key-twice' },
      ],
    });
    expect((await diff([holder], text, { replace: { maxRemoved: 1 } })).ok).toBe(true);
    expect((await diff([{ ...holder, realm: 'north', accessKey: 'x' }], text)).ok).toBe(true);
  });
});
