import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadFamilies } from '../../src/config/families.ts';
import { formatFault } from '../../src/config/faults.ts';
import { loadPolicy, type PolicyFacts, policyJsonSchema } from '../../src/config/policy.ts';

const deploy = (name: string) => readFileSync(new URL(`../../deploy/${name}`, import.meta.url), 'utf8');
const SAMPLE = deploy('policy.yaml');
const RULE = `  - id: a
    match: { class: [infected-handshake] }
    ladder: [{ do: notify }, { do: leaky, wait: 24h }]
    legalBasis: { basis: contract, termsClause: "7" }
`;
const one = (rules: string, head = 'name: x\n') => `${head}rules:\n${rules}`;
function faultsOf(text: string, facts?: PolicyFacts): readonly string[] {
  const loaded = loadPolicy(text, 'p.yaml', facts);
  return loaded.ok ? [] : loaded.error.map(formatFault);
}

describe('the sample policy', () => {
  it('loads as it stands, with families of the sample book', () => {
    const families = loadFamilies(deploy('families.yaml'), 'families.yaml');
    if (!families.ok) throw new Error(families.error.map(formatFault).join('\n'));
    expect(faultsOf(SAMPLE, { families: families.value })).toEqual([]);
  });

  it('is one value: version from its bytes, units resolved, defaults filled in', () => {
    const loaded = loadPolicy(SAMPLE, 'policy.yaml');
    if (!loaded.ok) throw new Error('the sample does not load');
    const { version, rules, breaker, supportHours } = loaded.value;
    expect(version).toMatch(/^[0-9a-f]{64}$/);
    expect(loadPolicy(`${SAMPLE} `, 'policy.yaml')).not.toMatchObject({ value: { version } });
    expect(breaker).toEqual({ windowMs: 600_000, share: 0.001, floor: 3, ceiling: 50, perSource: 20, perGateway: 5 });
    expect(supportHours?.days[1]).toEqual([{ fromMinute: 540, toMinute: 1080 }]);
    expect(supportHours?.days[0]).toEqual([]);
    expect(rules[3]!.selfRelease).toEqual({ perDay: 1, per90Days: 2, probationMs: 259_200_000 });
    expect(rules[1]!.ladder.map((step) => step.supportHoursOnly)).toEqual([false, true, true]);
  });

  it('matches the published JSON Schema file, which matches the loader', () => {
    expect(JSON.parse(deploy('policy.schema.json'))).toEqual(policyJsonSchema());
  });
});

describe('a faulty policy', () => {
  it('prints line and column, expected and got, for all faults at once', () => {
    const text = one(
      `  - id: a
    match: { class: [infected-handshak], famly: [mirai] }
    ladder: [{ do: leaky }, { do: leaky, wait: .nan }]
  - id: a
    match: {}
    ladder: []
    legalBasis: { basis: habit, termsClause: "7" }
`,
      'name: x\nbreaker: { window: 10mbb, perSource: 21 }\n',
    );
    expect(faultsOf(text)).toEqual([
      'p.yaml:2:20: expected a duration from 10min to 1d, such as 90s, 10min, 72h, 30d, got "10mbb" (breaker.window)',
      'p.yaml:2:38: expected a number of at most 20, got 21 (breaker.perSource)',
      'p.yaml:4:5: expected a mapping, got nothing (rules[0].legalBasis)',
      'p.yaml:5:22: expected one of infected-handshake, attack-handshake, attack-single-packet, c2-contact, exposed, victim, info, got "infected-handshak" (rules[0].match.class[0]); did you mean "infected-handshake"?',
      'p.yaml:5:42: expected a known key, got "famly" (rules[0].match.famly); did you mean "family"?',
      'p.yaml:6:35: expected a step stricter than leaky, got "leaky" (rules[0].ladder[1].do)',
      'p.yaml:6:48: expected text, got NaN (rules[0].ladder[1].wait)',
      'p.yaml:7:9: expected an id no other rule has, got "a" (rules[1].id)',
      'p.yaml:9:13: expected a list length of at least 1, got an empty list (rules[1].ladder)',
      'p.yaml:10:26: expected one of contract, consent, security-of-the-network, legal-obligation, got "habit" (rules[1].legalBasis.basis)',
    ]);
  });

  it('a rule without a legal basis does not load', () => {
    expect(faultsOf(one(RULE))).toEqual([]);
    expect(faultsOf(one(RULE.replace(/ {4}legalBasis.*\n/, ''))).join()).toContain('rules[0].legalBasis');
  });

  it('words of the later language are known and not yet spoken', () => {
    for (const word of ['watch', 'notice', 'bounce', 'review'])
      expect(faultsOf(one(RULE.replace('do: notify', `do: ${word}`)))[0]).toContain(
        `(${word}: not yet, a word of a later version)`,
      );
    expect(faultsOf(one(RULE.replace('do: notify', 'do: notfy')))[0]).toContain('did you mean "notify"?');
  });

  it('no policy may be less careful than the design', () => {
    const heads = ['ceiling: 51', 'perGateway: 6', 'percentOfLines: 0.2', 'window: 9min', 'floor: 4', 'ceiling: .inf'];
    for (const numbers of heads)
      expect(faultsOf(one(RULE, `name: x\nbreaker: { ${numbers} }\n`)), numbers).toHaveLength(1);
    for (const release of ['perDay: 2', 'per90Days: 3', 'probationHours: 1'])
      expect(faultsOf(one(`${RULE}    selfRelease: { ${release} }\n`)), release).toHaveLength(1);
  });

  it('families and sources nobody knows are faults, with their place', () => {
    const families = loadFamilies(deploy('families.yaml'), 'families.yaml');
    if (!families.ok) throw new Error('families');
    const text = one(RULE.replace('class: [infected-handshake]', 'family: [mirai, bashlite], source: [ours, theirs]'));
    expect(faultsOf(text, { families: families.value, sources: ['ours'] })).toEqual([
      'p.yaml:4:30: expected a family of families.yaml, got "bashlite" (rules[0].match.family[1])',
      'p.yaml:4:56: expected a configured source or feed, got "theirs" (rules[0].match.source[1])',
    ]);
  });

  it('hours are hours of the day, and zones are IANA zones', () => {
    const head = (zone: string, hours: string) =>
      `name: x\nsupportHours: { timeZone: ${zone}, monday: ["${hours}"] }\n`;
    expect(faultsOf(one(RULE, head('Asia/Tokyo', '00:00-24:00')))).toEqual([]);
    for (const hours of ['18:00-09:00', '9-18', '25:00-26:00', '09:00-24:30'])
      expect(faultsOf(one(RULE, head('Asia/Tokyo', hours)))[0], hours).toContain('hours such as 09:00-18:00');
    expect(faultsOf(one(RULE, head('Tokyo', '09:00-18:00')))[0]).toContain('an IANA time zone');
  });

  it('a mapping where a list belongs is a fault, not a crash', () => {
    for (const list of ['rules', 'ladder']) {
      const text =
        list === 'rules' ? 'name: x\nrules: { a: 1 }\n' : 'name: x\nrules:\n  - id: a\n    ladder: { do: leaky }\n';
      const loaded = loadPolicy(text, 'p.yaml');
      expect(loaded.ok ? [] : loaded.error.map(formatFault).join('\n')).toContain('expected a list, got a mapping');
    }
  });

  it('no text makes the loader throw', () => {
    const cut = fc.tuple(fc.nat(SAMPLE.length), fc.nat(40), fc.string({ maxLength: 12 }));
    fc.assert(
      fc.property(cut, ([at, length, text]) => {
        const loaded = loadPolicy(SAMPLE.slice(0, at) + text + SAMPLE.slice(at + length), 'p.yaml');
        if (!loaded.ok)
          for (const fault of loaded.error) expect(formatFault(fault)).toMatch(/^p\.yaml:\d+:\d+: expected /);
      }),
      { numRuns: 60 },
    );
  });
});
