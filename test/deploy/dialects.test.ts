// Every dialect that comes with Engawa, packet by packet, against test/vectors/dialects/ (UPDATE_DOCS=1 writes them: read what
// changed). And what must hold for all of them, whatever a session calls itself and whatever an operator configures.
import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadDialects } from '../../src/config/dialects.ts';
import { formatFault } from '../../src/config/faults.ts';
import type { Dialect, NamedAttribute, Order } from '../../src/core/dialect/dialect.ts';
import { judgeFacts, judgeQuery, loginAttributes, planChange, planQuery } from '../../src/core/dialect/plan.ts';
import { SAMPLE_SESSION, sampleValues } from '../../src/core/dialect/sample.ts';
import { encodeNamed } from '../../src/protocols/radius/named.ts';
import { runs } from '../runs.ts';
import { FILES, shipped } from './dialects.ts';

const ORDERS: readonly Order[] = ['strict', 'leaky', 'off', 'bounce'];
const DIALECTS = shipped();
const named = (name: string) => DIALECTS.find((one) => one.name === name)!;

const line = ({ name, tag, value }: NamedAttribute) =>
  `${name}${tag === undefined ? '' : `:${tag}`} =${value === '' ? '' : ` ${value}`}`;

/** Given these values, when a session is told something, then these packets. */
function asText(dialect: Dialect): string {
  const texts: string[] = [`# ${dialect.title}. Written by test/deploy/dialects.test.ts.`, ''];
  const given = [sampleValues(dialect, false), sampleValues(dialect, true)];
  const isOne = JSON.stringify(given[0]) === JSON.stringify(given[1]);
  for (const values of isOne ? given.slice(0, 1) : given) {
    texts.push(
      `Given ${
        Object.entries(values)
          .map((one) => one.join(' = '))
          .join(', ') || 'no values'
      }`,
    );
    for (const order of ORDERS) {
      texts.push('', `When ${order}, then`);
      const planned = planChange(dialect, SAMPLE_SESSION, order, values);
      if (!planned.ok) texts.push(`  ${JSON.stringify(planned.error)}`);
      for (const { code, attributes, doneOn } of planned.ok ? planned.value : [])
        texts.push(
          `  ${code}${doneOn === undefined ? '' : `, done on ${doneOn.join(', ')}`}`,
          ...attributes.map((one) => `    ${line(one)}`),
        );
    }
    const query = planQuery(dialect, SAMPLE_SESSION, values);
    if (query !== undefined)
      texts.push('', 'When asked, then', `  ${query.code}`, ...query.attributes.map((one) => `    ${line(one)}`));
    for (const access of ['strict', 'leaky'] as const) {
      texts.push('', `When it logs in ${access}, then`);
      for (const one of loginAttributes(dialect, access, values)) texts.push(`    ${line(one)}`);
    }
    texts.push('');
  }
  return `${texts.join('\n').trimEnd()}\n`;
}

describe('each dialect', () => {
  test.each(DIALECTS.map((one) => [one.name, one] as const))('%s sends what its vector says', (name, dialect) => {
    const file = new URL(`../vectors/dialects/${name}.txt`, import.meta.url);
    if (process.env['UPDATE_DOCS'] !== undefined) writeFileSync(file, asText(dialect));
    expect(asText(dialect)).toBe(readFileSync(file, 'utf8'));
  });

  test.each(DIALECTS.map((one) => [one.name, one] as const))(
    '%s can be told everything with its examples',
    (_name, dialect) => {
      for (const order of ORDERS)
        expect(planChange(dialect, SAMPLE_SESSION, order, sampleValues(dialect, true)).ok, order).toBe(true);
    },
  );

  test.each(FILES.map(({ name, text }) => [name, text] as const))(
    '%s names no address but those of documentation, and no site',
    (_name, text) => {
      const addresses = text.match(/\b\d{1,3}(?:\.\d{1,3}){3}\b/g) ?? [];
      expect(addresses.filter((one) => !/^(192\.0\.2|198\.51\.100|203\.0\.113)\./.test(one))).toEqual([]);
      expect(text.match(/2[0-9a-f]{3}:(?!db8)[0-9a-f]*:/g) ?? []).toEqual([]);
      expect(text).not.toMatch(/https?:/);
    },
  );

  test('the ones a BNG of two families needs cover both, the others say that they do not', () => {
    const only4 = DIALECTS.filter(({ families }) => !families.ipv6).map(({ name }) => name);
    expect(only4).toEqual(['accel-ppp', 'coova-chilli', 'mikrotik', 'redback']);
    for (const dialect of DIALECTS.filter(({ families }) => !families.ipv6))
      expect(dialect.notes.join(' '), dialect.name).toMatch(/IPv6|IPv4 only/);
  });

  test('none claims to be tested but the one that was', () => {
    const tested = DIALECTS.filter(({ certainty }) => certainty === 'tested-on-peer');
    expect(tested.map(({ name, testedOn }) => [name, testedOn])).toEqual([['coova-chilli', 'coova-chilli 1.9']]);
  });
});

test('docs/dialects.md has them all, as sure as they are', () => {
  const file = new URL('../../docs/dialects.md', import.meta.url);
  const [begin, end] = ['(UPDATE_DOCS=1 writes it) -->\n', '<!-- /dialects -->'];
  const text = readFileSync(file, 'utf8');
  const [head, rest] = [text.slice(0, text.indexOf(begin) + begin.length), text.slice(text.indexOf(end))];
  const rows = DIALECTS.map(({ name, title, certainty, testedOn, families, confirm, revert }) => [
    `\`${name}\``,
    title,
    { documented: 'as documented', 'operator-code': 'as operators do it', 'tested-on-peer': `tried on ${testedOn}` }[
      certainty
    ],
    families.ipv6 ? 'IPv4, IPv6' : 'IPv4 only',
    confirm.map(({ by }) => (by === 'portal-hit' ? 'page load' : by.replace('-', ' '))).join(', ') || 'none',
    revert.needs,
  ]);
  const header = ['dialect', 'for', 'how sure', 'covers', 'proof', 'off needs'];
  const table = [header, header.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |\n`).join('');
  if (process.env['UPDATE_DOCS'] !== undefined) writeFileSync(file, head + table + rest);
  expect(readFileSync(file, 'utf8')).toBe(head + table + rest);
  for (const { name } of DIALECTS) expect(rest).toMatch(new RegExp(`^### .*\\b${name}\\b`, 'm'));
});

test('the dialect that docs/dialects.md shows loads as it stands', () => {
  const text = readFileSync(new URL('../../docs/dialects.md', import.meta.url), 'utf8');
  const shown = /```yaml\n(name: our-bng\n[^`]*)```/.exec(text)?.[1] ?? '';
  const loaded = loadDialects([{ name: 'our-bng.yaml', text: shown }]);
  expect(loaded.ok ? [] : loaded.error.map(formatFault)).toEqual([]);
  expect(loaded.ok && loaded.value.has('our-bng')).toBe(true);
});

// ---------------------------------------------------------------- the traps, one by one

const attributesOf = (name: string, order: Order, values = sampleValues(named(name), true)) => {
  const planned = planChange(named(name), SAMPLE_SESSION, order, values);
  if (!planned.ok) throw new Error(JSON.stringify(planned.error));
  return planned.value.map(({ attributes }) => attributes);
};
const all = (name: string) => ORDERS.flatMap((order) => attributesOf(name, order)).flat();

describe('the traps', () => {
  test('Juniper: what is switched on has a tag, what is switched off has none, and no packet does both', () => {
    for (const order of ORDERS)
      for (const attributes of attributesOf('juniper-mx', order)) {
        const on = attributes.filter(({ name }) => name === 'ERX-Service-Activate');
        const off = attributes.filter(({ name }) => name === 'ERX-Service-Deactivate');
        expect(on.length * off.length).toBe(0);
        expect(on.map(({ tag }) => tag)).toEqual(on.map((_, i) => i + 1));
        expect(off.every(({ tag }) => tag === undefined)).toBe(true);
        expect(attributes.some(({ name }) => name === 'User-Name')).toBe(false);
      }
  });

  test('services: the garden comes before the plan goes, and the plan before the garden goes', () => {
    for (const [name, on, off] of [
      ['juniper-mx', 'ERX-Service-Activate', 'ERX-Service-Deactivate'],
      ['cisco-isg', 'activate-service', 'deactivate-service'],
      ['cisco-iosxr', 'activate-service', 'deactivate-service'],
    ] as const) {
      const acts = (order: Order) =>
        attributesOf(name, order).map((attributes) => {
          const text = attributes.map(line).join(' ');
          return `${text.includes(off) ? '-' : text.includes(on) ? '+' : '?'}${/(?:=|= )(engawa-[a-z]+)|INTERNET|IPV4/.exec(text)?.[1] ?? 'plan'}`;
        });
      expect(acts('strict'), name).toEqual(['+engawa-strict', '-plan', '-engawa-leaky']);
      expect(acts('off'), name).toEqual(['+plan', '-engawa-strict', '-engawa-leaky']);
    }
  });

  test('IOS XR: service-update, which changes the service of everybody, is nowhere', () => {
    expect(FILES.flatMap(({ text }) => text.split('\n')).filter((row) => /^[^#]*service-update/.test(row))).toEqual([]);
    expect(all('cisco-iosxr').some(({ value }) => value.includes('service-update'))).toBe(false);
  });

  test('SR OS: -2 restores what the sla-profile says, in both families and both directions', () => {
    const [attributes] = attributesOf('nokia-sros', 'off');
    expect(attributes!.at(-1)!.value).toBe('Ingr-v4:-2,Ingr-v6:-2,Egr-v4:-2,Egr-v6:-2');
    expect(attributes!.slice(0, 2).map(({ name }) => name)).toEqual(['NAS-Port-Id', 'Framed-IP-Address']);
  });

  test('SR OS: exactly one address stands beside the port', () => {
    const addresses = /^(Framed-IP-Address|Delegated-IPv6-Prefix|Framed-IPv6-Prefix)$/;
    for (const group of named('nokia-sros').identify)
      expect(group.filter((key) => typeof key === 'string' && addresses.test(key)).length).toBeLessThanOrEqual(1);
  });

  test('ISG: the answer tells which service is active, by its whole name', () => {
    const judge = (...infos: readonly string[]) =>
      judgeQuery(
        named('cisco-isg'),
        infos.map((value) => ({ name: 'Cisco-Account-Info', value })),
        {},
      );
    expect(judge('S198.51.100.42', 'N1engawa-strict;3541;home-42;8657')).toBe('strict');
    expect(judge('S198.51.100.42', 'N1TP_100;3541;home-42;8657;8149;1781505;2915555')).toBe('open');
  });

  test('CoovaChilli: User-Name is always there, Acct-Session-Id never, for the switch changes it', () => {
    for (const order of ORDERS)
      for (const attributes of attributesOf('coova-chilli', order))
        expect(
          attributes.filter(({ name }) => name === 'User-Name' || name === 'Acct-Session-Id').map(({ name }) => name),
        ).toEqual(['User-Name']);
    expect(named('coova-chilli')).toMatchObject({ sessionIdChanges: true, lacksLeaky: true });
    expect(judgeFacts(named('coova-chilli'), { 'CoovaChilli-Session-State': ['2'] }, {})).toBe('strict');
  });

  test('Redback: the redirect is taken away by an attribute without a value, which is sent', () => {
    const [attributes] = attributesOf('redback', 'off');
    const encoded = encodeNamed(attributes!);
    expect(encoded.ok && Buffer.from(encoded.value.at(-1)!.value).toString('hex')).toBe('000009306b02');
  });

  test('the ways back that need the plan say so when nobody knows it', () => {
    const needing = DIALECTS.filter((one) => {
      const planned = planChange(one, SAMPLE_SESSION, 'off', sampleValues(one, false));
      return !planned.ok && planned.error.kind === 'plan-unknown';
    });
    expect(needing.map(({ name }) => name)).toEqual(['huawei-me60', 'rfc']);
  });
});

// ---------------------------------------------------------------- whatever comes

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.constantFrom('{strict}', '{session:User-Name}', '0x00', 'a\u0000b', '{', '}'),
);
const anyDialect = fc.constantFrom(...DIALECTS);
const anyOrder = fc.constantFrom(...ORDERS);

test('no placeholder leaves us, and every value of a session leaves as it came', () => {
  const facts = fc.record(
    Object.fromEntries(
      Object.keys(SAMPLE_SESSION.facts).map((name) => [name, fc.array(anyText, { minLength: 1, maxLength: 1 })]),
    ),
  );
  fc.assert(
    fc.property(anyDialect, anyOrder, facts, (dialect, order, facts) => {
      const planned = planChange(dialect, { ...SAMPLE_SESSION, facts }, order, sampleValues(dialect, true));
      for (const { attributes } of planned.ok ? planned.value : []) {
        const own = new Set(Object.values(facts).flat());
        for (const { value } of attributes) if (!own.has(value)) expect(value).not.toMatch(/[{}]/);
      }
    }),
    { numRuns: runs(300) },
  );
});

test('a configured value changes its own attributes, and neither their number nor any other', () => {
  fc.assert(
    fc.property(anyDialect, anyOrder, anyText, fc.nat(), (dialect, order, text, which) => {
      const whole = sampleValues(dialect, true);
      const names = Object.keys(whole);
      if (names.length === 0) return;
      const name = names[which % names.length]!;
      const before = planChange(dialect, SAMPLE_SESSION, order, whole);
      const after = planChange(dialect, SAMPLE_SESSION, order, { ...whole, [name]: text });
      // Missing, when it is not fit to be sent: then nothing is, or what can do without it.
      if (!after.ok || !before.ok || after.value.length < before.value.length) return;
      for (const [i, { attributes }] of after.value.entries()) {
        if (attributes.length < before.value[i]!.attributes.length) continue;
        expect(attributes.map((one) => one.name)).toEqual(before.value[i]!.attributes.map((one) => one.name));
        for (const [j, { value }] of attributes.entries())
          if (value !== before.value[i]!.attributes[j]!.value) expect(value).toContain(text);
      }
    }),
    { numRuns: runs(300) },
  );
});
