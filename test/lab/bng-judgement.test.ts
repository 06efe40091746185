// What a simulated BNG makes of a request, without a socket: keys, causes, vocabularies.
import { expect, test } from 'vitest';
import type { NamedAttribute } from '../../src/core/dialect/dialect.ts';
import { accessOf } from '../../src/lab/bng/filters.ts';
import { type Box, judge, type Verdict } from '../../src/lab/bng/judgement.ts';
import { type PersonalityChoice, personalityOf, seededChance } from '../../src/lab/bng/personality.ts';
import { type BngSession, SessionTable } from '../../src/lab/bng/sessions.ts';
import { SAMPLE_FILTERS, VOCABULARIES, type VocabularyName } from '../../src/lab/bng/vocabularies.ts';
import { namesAfter } from '../../src/lab/bng/vocabulary.ts';

const session = (id: string, user: string, ip4: string, prefix6: string): BngSession => ({
  id,
  home: { user, ip4, prefix6, portId: `ge-0/0/1:${id}`, mac: '02:00:00:00:00:01' },
  classes: [],
  names: ['plan'],
  access: { 4: 'open', 6: 'open' },
  startedAt: 0,
});
const ANNA = session('a1', 'anna@example.net', '192.0.2.129', '2001:db8:200:100::/56');
const BRUNO = session('b1', 'bruno@example.net', '192.0.2.130', '2001:db8:200:200::/56');

function boxOf(choice: PersonalityChoice = 'strict', dialect: VocabularyName = 'rfc'): Box {
  const sessions = new SessionTable();
  sessions.put(ANNA);
  sessions.put(BRUNO);
  return {
    identifier: 'bng2',
    address: '192.0.2.5',
    vocabulary: VOCABULARIES[dialect],
    filters: SAMPLE_FILTERS[dialect],
    sessions,
    personality: personalityOf(choice),
  };
}

const named = (...pairs: readonly (readonly [string, string])[]): NamedAttribute[] =>
  pairs.map(([name, value]) => ({ name, value }));
const STRICT = ['Filter-Id', 'engawa-strict'] as const;
const verdictOf = (verdict: Verdict) =>
  verdict.kind === 'nak'
    ? (verdict.cause ?? 'nak')
    : verdict.kind === 'change'
      ? `${verdict.session.home.user} ${verdict.names.join(' ')}`
      : verdict.kind;
const coa = (attributes: NamedAttribute[], box = boxOf()) => verdictOf(judge(43, attributes, box));
const cut = (attributes: NamedAttribute[], box = boxOf()) => verdictOf(judge(40, attributes, box));

test.each([
  ['Acct-Session-Id', 'a1'],
  ['User-Name', 'anna@example.net'],
  ['Framed-IP-Address', '192.0.2.129'],
  ['Delegated-IPv6-Prefix', '2001:db8:200:100:0::/56'],
  ['NAS-Port-Id', 'ge-0/0/1:a1'],
])('a session is found by %s', (name, value) => {
  expect(coa(named([name, value], STRICT))).toBe('anna@example.net engawa-strict');
});

test('all keys of a request must fit one session', () => {
  expect(coa(named(['Acct-Session-Id', 'a1'], ['Framed-IP-Address', '192.0.2.130'], STRICT))).toBe(503);
  expect(coa(named(['User-Name', 'anna@example.net'], ['Framed-IP-Address', '192.0.2.129'], STRICT))).toBe(
    'anna@example.net engawa-strict',
  );
  expect(coa(named(['Calling-Station-Id', '02:00:00:00:00:01'], STRICT))).toBe(508);
});

test('a request that names another NAS, no session, no change or nothing known is refused with the cause of RFC 5176', () => {
  expect(coa(named(['NAS-Identifier', 'bng9'], ['Acct-Session-Id', 'a1'], STRICT))).toBe(403);
  expect(coa(named(['NAS-IP-Address', '192.0.2.9'], ['Acct-Session-Id', 'a1'], STRICT))).toBe(403);
  expect(coa(named(['NAS-Identifier', 'bng2'], ['Acct-Session-Id', 'zz'], STRICT))).toBe(503);
  expect(coa(named(STRICT))).toBe(402);
  expect(coa(named(['Acct-Session-Id', 'a1']))).toBe(402);
  expect(coa(named(['Acct-Session-Id', 'a1'], ['?92', ''], STRICT))).toBe(401);
  expect(coa(named(['Acct-Session-Id', 'a1'], ['Filter-Id', 'no-such']))).toBe(407);
  expect(cut(named(['Acct-Session-Id', 'a1']))).toBe('disconnect');
  expect(cut(named(['Acct-Session-Id', 'a1'], STRICT)), 'a Disconnect changes nothing').toBe(401);
});

test('one that ignores and acknowledges does so whatever the attribute, but knows its sessions', () => {
  const box = boxOf('ignores-and-acks');
  expect(coa(named(['Acct-Session-Id', 'a1'], ['?26.6527.134', '']), box)).toBe('shrug');
  expect(coa(named(['Acct-Session-Id', 'a1'], STRICT), box)).toBe('shrug');
  expect(coa(named(['Acct-Session-Id', 'zz'], STRICT), box)).toBe(503);
});

test('one that wants User-Name drops what has none, and its NAK has no cause', () => {
  const box = boxOf('changes-session-id', 'coova-chilli');
  expect(coa(named(['Acct-Session-Id', 'a1'], ['CoovaChilli-Session-State', '2']), box)).toBe('drop');
  expect(coa(named(['User-Name', 'nobody'], ['CoovaChilli-Session-State', '2']), box)).toBe('nak');
  expect(coa(named(['User-Name', 'anna@example.net'], ['CoovaChilli-Session-State', '2']), box)).toBe(
    'anna@example.net 2',
  );
});

test('a full set refuses one more garden, never a release', () => {
  const box = boxOf({ mostInGarden: 1 });
  box.sessions.put({ ...BRUNO, names: ['engawa-strict'], access: { 4: 'strict', 6: 'strict' } });
  expect(coa(named(['Acct-Session-Id', 'a1'], STRICT), box)).toBe(506);
  expect(coa(named(['Acct-Session-Id', 'b1'], ['Filter-Id', 'plan']), box)).toBe('bruno@example.net plan');
  expect(coa(named(['Acct-Session-Id', 'b1'], ['Filter-Id', 'engawa-leaky']), box)).toBe(
    'bruno@example.net engawa-leaky',
  );
});

test('services are started and stopped one by one, with their parameters left aside', () => {
  const juniper = boxOf('strict', 'juniper-mx');
  expect(coa(named(['Acct-Session-Id', 'a1'], ['ERX-Service-Activate', 'engawa-strict(portal)']), juniper)).toBe(
    'anna@example.net plan engawa-strict',
  );
  expect(coa(named(['Acct-Session-Id', 'a1'], ['ERX-Service-Deactivate', 'plan']), juniper)).toBe('anna@example.net ');
  expect(coa(named(['Acct-Session-Id', 'a1'], ['ERX-Service-Activate', 'no-such']), juniper)).toBe(404);

  const isg = boxOf('strict', 'cisco-isg');
  const pair = (text: string) => ['Cisco-AVPair', text] as const;
  const anna = ['Cisco-Account-Info', 'S192.0.2.129'] as const;
  expect(
    coa(named(anna, pair('subscriber:command=activate-service'), pair('subscriber:service-name=engawa-strict')), isg),
  ).toBe('anna@example.net plan engawa-strict');
  expect(coa(named(anna, pair('subscriber:command=account-status-query')), isg)).toBe('status');
  expect(VOCABULARIES['cisco-isg'].status(['plan'])).toEqual([{ name: 'Cisco-Account-Info', value: 'N1plan' }]);
  const atLogin = VOCABULARIES['cisco-isg'].read(named(['Cisco-Account-Info', 'Aengawa-leaky']));
  expect(namesAfter(['plan'], atLogin)).toEqual(['plan', 'engawa-leaky']);
});

test('filters by number, each family its own; -2 gives back the plan; taking away what is not there is an error on some', () => {
  const sros = boxOf('strict', 'nokia-sros');
  const filter = (text: string) =>
    coa(
      named(['NAS-Port-Id', 'ge-0/0/1:a1'], ['Framed-IP-Address', '192.0.2.129'], ['Alc-Subscriber-Filter', text]),
      sros,
    );
  expect(filter('Ingr-v4:20,Ingr-v6:30,Egr-v4:21,Egr-v6:31')).toBe('anna@example.net 20 30');
  expect(filter('Ingr-v4:-2,Ingr-v6:-2,Egr-v4:-2,Egr-v6:-2')).toBe('anna@example.net plan');
  expect(filter('Ingr-v4:20,Ingr-v6:-2')).toBe('anna@example.net 20 plan');
  expect(filter('Ingr-v4:99,Ingr-v6:30')).toBe(407);

  const xr = boxOf('strict', 'cisco-iosxr');
  const service = (...pairs: readonly string[]) =>
    coa(named(['Acct-Session-Id', 'a1'], ...pairs.map((one) => ['Cisco-AVPair', one] as const)), xr);
  expect(service('subscriber:command=deactivate-service', 'subscriber:sd=engawa-strict')).toBe(404);
  expect(service('subscriber:command=deactivate-service', 'subscriber:sd=plan')).toBe('anna@example.net ');
});

test('rules in the packet: one may run over from an attribute into the next, and the first that matches counts', () => {
  const read = (...parts: readonly string[]) =>
    VOCABULARIES['rfc-filter-rule'].read(parts.map((value) => ({ name: 'NAS-Filter-Rule', value }))).set;
  const pass = 'permit in ip from any to any';
  expect(read('permit in ip from any to 192.0.2.112/32\0deny in ip fr', 'om any to any\0')).toEqual(['closed']);
  expect(read('deny in tcp from any to any 23\0', pass)).toEqual(['narrowed']);
  expect(read(pass, '\0permit out ip from any to any')).toEqual(['plan']);
  expect(read()).toBeUndefined();
});

test('of several services the narrowest counts, each in its own family', () => {
  const filters = SAMPLE_FILTERS['mikrotik'];
  expect(accessOf(['engawa-strict'], filters, 4)).toBe('strict');
  expect(accessOf(['engawa-strict'], filters, 6)).toBe('open');
  expect(accessOf(['plan', 'engawa-leaky'], SAMPLE_FILTERS['juniper-mx'], 6)).toBe('leaky');
  expect(accessOf([], filters, 4)).toBe('open');
});

test('the same seed loses the same packets', () => {
  const draw = (seed: number) => Array.from({ length: 50 }, seededChance(seed));
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7)).not.toEqual(draw(8));
  expect(draw(7).every((one) => one >= 0 && one < 1)).toBe(true);
});
