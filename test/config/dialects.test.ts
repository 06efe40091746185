// A dialect file with a mistake does not load, and says where and what instead. The files that come with Engawa: test/deploy.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { dialectJsonSchema, loadDialects } from '../../src/config/dialects.ts';
import { formatFault } from '../../src/config/faults.ts';

const RFC = readFileSync(new URL('../../deploy/dialects/rfc.yaml', import.meta.url), 'utf8');

const HEAD = `name: x
title: X
certainty: documented
sources: [a manual]
port: 3799
families: [ipv4]
`;
const REST = `values:
  strict: { purpose: filter, default: garden }
strict: [{ send: CoA-Request, attributes: ["Filter-Id = {strict}"] }]
lacksLeaky: true
off: [{ send: CoA-Request, attributes: ["Filter-Id = home"] }]
bounce: [{ send: Disconnect-Request }]
login: { strict: [], leaky: [] }
revert: nothing
`;
const IDENTIFY = 'identify: [[Acct-Session-Id]]\n';
const WHOLE = HEAD + IDENTIFY + REST;

function load(text: string, name = 'x.yaml') {
  return loadDialects([{ name, text }]);
}
function faultsOf(text: string, name?: string): readonly string[] {
  const loaded = load(text, name);
  return loaded.ok ? [] : loaded.error.map(formatFault);
}
function dialectOf(text: string) {
  const loaded = load(text);
  if (!loaded.ok) throw new Error(loaded.error.map(formatFault).join('\n'));
  return loaded.value.get('x')!;
}

describe('a dialect file', () => {
  it('becomes the value that plans are made of', () => {
    expect(dialectOf(WHOLE)).toEqual({
      name: 'x',
      title: 'X',
      certainty: 'documented',
      sources: ['a manual'],
      port: 3799,
      families: { ipv4: true, ipv6: false },
      identify: [['Acct-Session-Id']],
      values: { strict: { purpose: 'filter', default: 'garden', required: true } },
      strict: [{ code: 'CoA-Request', attributes: [{ name: 'Filter-Id', value: '{strict}' }] }],
      leaky: [{ code: 'CoA-Request', attributes: [{ name: 'Filter-Id', value: 'home' }] }],
      lacksLeaky: true,
      off: [{ code: 'CoA-Request', attributes: [{ name: 'Filter-Id', value: 'home' }] }],
      bounce: [{ code: 'Disconnect-Request', attributes: [] }],
      login: { strict: [], leaky: [] },
      revert: { needs: 'nothing' },
      sessionIdChanges: false,
      confirm: [],
      naks: {},
      notes: [],
    });
  });

  it('reads tags, empty values, keys with a value, and none as Error-Cause 0', () => {
    const text = `${HEAD}identify: [[User-Name, "Context-Name = {context}"]]
values:
  context: { purpose: context, example: CLIPS }
  strict: { purpose: filter, default: garden, required: false }
strict:
  - send: CoA-Request
    attributes: ["ERX-Service-Activate:1 = {strict}", "HTTP-Redirect-Profile-Name ="]
    doneOn: [404, none]
lacksLeaky: true
off: [{ send: CoA-Request, attributes: ["Filter-Id = a = b"] }]
bounce: [{ send: Disconnect-Request }]
login: { strict: [], leaky: [] }
revert: nothing
naks: { none: { action: session-gone, text: gone }, 503: { action: retry, text: soon } }
`;
    const { identify, strict, off, naks } = dialectOf(text);
    expect(identify).toEqual([['User-Name', { name: 'Context-Name', value: '{context}' }]]);
    expect(strict[0]).toEqual({
      code: 'CoA-Request',
      attributes: [
        { name: 'ERX-Service-Activate', tag: 1, value: '{strict}' },
        { name: 'HTTP-Redirect-Profile-Name', value: '' },
      ],
      doneOn: [404, 0],
    });
    expect(off[0]!.attributes).toEqual([{ name: 'Filter-Id', value: 'a = b' }]);
    expect(naks).toEqual({ 0: { action: 'session-gone', text: 'gone' }, 503: { action: 'retry', text: 'soon' } });
  });

  it('has a JSON Schema for editors, which matches the loader', () => {
    const file = new URL('../../deploy/dialects.schema.json', import.meta.url);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(dialectJsonSchema());
  });
});

describe('a faulty one', () => {
  it('is told of line and column, expected and got, all faults at once', () => {
    const text = WHOLE.replace('certainty: documented', 'certainty: documentd')
      .replace('port: 3799', 'port: 0')
      .replace('revert: nothing', 'revrt: nothing\nconfirm: [{ by: page }]');
    expect(faultsOf(text)).toEqual([
      expect.stringMatching(/^x\.yaml:1:1: expected nothing, or plan: .* got nothing \(revert\)$/),
      'x.yaml:3:12: expected one of documented, operator-code, tested-on-peer, got "documentd" (certainty); did you mean "documented"?',
      'x.yaml:5:7: expected a number of at least 1, got 0 (port)',
      'x.yaml:15:1: expected a known key, got "revrt" (revrt); did you mean "revert"?',
      'x.yaml:16:17: expected a known by, got "page" (confirm[0].by)',
    ]);
  });

  it.each([
    ['an attribute nobody knows', 'Filter-Id = {strict}', 'Filter-It = {strict}', '10:44', 'Filter-Id'],
    ['a placeholder nobody declared', 'Filter-Id = {strict}', 'Filter-Id = {strikt}', '10:44', 'strict'],
    [
      'a fact that is no attribute',
      'Filter-Id = {strict}',
      'Filter-Id = {strict}{session:User-Nam}',
      '10:44',
      'User-Name',
    ],
    ['a key that is no attribute', '[[Acct-Session-Id]]', '[[Acct-Sesion-Id]]', '7:13', 'Acct-Session-Id'],
  ])('%s is told with the word that was meant', (_name, from, to, place, meant) => {
    const faults = faultsOf(WHOLE.replace(from, to));
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(`x.yaml:${place}: `);
    expect(faults[0]).toContain(`did you mean "${meant}"?`);
  });

  it.each([
    ['no NAME = VALUE', 'Filter-Id: {strict}', 'NAME = VALUE'],
    ['braces that are no placeholder', 'Filter-Id = {strict} {', 'placeholders such as {strict}'],
    ['a value that the attribute cannot hold', 'Framed-MTU = {strict}', 'takes a number'],
    ['an address that is none', 'Alc-Primary-Dns = {strict}', 'takes an IPv4 address'],
    ['a tag where none belongs', 'Filter-Id:1 = {strict}', 'takes no tag'],
    ['a tag that is none', 'ERX-Service-Activate:32 = {strict}', 'tag from 0 to 31'],
    ['a hidden attribute', 'Tunnel-Password:1 = {strict}', 'hidden with the secret'],
    ['Message-Authenticator', 'Message-Authenticator = {strict}', 'we add ourselves'],
    ['Event-Timestamp', 'Event-Timestamp = {strict}', 'we add ourselves'],
    ['Proxy-State', 'Proxy-State = {strict}', 'we add ourselves'],
    ['a key as change', 'Framed-IP-Address = 192.0.2.1', 'an attribute that changes'],
    ['a key as change, whatever its value', 'User-Name = {strict}', 'an attribute that changes'],
    ['octets that are none', 'Class = 0x123', 'takes octets'],
    ['a number of an unknown attribute with text', 'Attr-26.55999.7 = {strict}', 'takes octets'],
  ])('%s in a request is refused', (_name, attribute, expected) => {
    const faults = faultsOf(WHOLE.replace('Filter-Id = {strict}', attribute));
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(/^x\.yaml:10:44: expected /);
    expect(faults[0]).toContain(expected);
  });

  it.each([
    ['a value nothing uses', 'values:\n', 'values:\n  lost: { purpose: x, default: y }\n', 'some attribute uses'],
    ['a value without example', 'default: garden', 'required: true', 'a default or an example'],
    [
      'a Disconnect-Request with a change',
      '{ send: Disconnect-Request }',
      '{ send: Disconnect-Request, attributes: ["Class = x"] }',
      'only names the session',
    ],
    [
      'a CoA-Request without a change',
      'attributes: ["Filter-Id = home"]',
      'attributes: []',
      'what the CoA-Request changes',
    ],
    ['no identification', '[[Acct-Session-Id]]', '[]', 'a list length of at least 1'],
    ['an identification by what changes', '[[Acct-Session-Id]]', '[[Filter-Id]]', 'names a session'],
    ['a plan nobody configures', 'revert: nothing', 'revert: { plan: Filter-Id }', 'a value called plan'],
    [
      'an Error-Cause no RFC has',
      'revert: nothing',
      'revert: nothing\nnaks: { 299: { action: stop, text: x } }',
      'RFC names',
    ],
    [
      'an Error-Cause that is no number',
      'revert: nothing',
      'revert: nothing\nnaks: { gone: { action: stop, text: x } }',
      'such as 503',
    ],
    [
      'an action nobody knows',
      'revert: nothing',
      'revert: nothing\nnaks: { 503: { action: retri, text: x } }',
      'one of done',
    ],
    [
      'a mark with two texts',
      'revert: nothing',
      'revert: nothing\nconfirm: [{ by: accounting, strict: { attribute: Class, equals: a, contains: b } }]',
      'one of equals and contains',
    ],
    [
      'a mark of no attribute',
      'revert: nothing',
      'revert: nothing\nconfirm: [{ by: accounting, strict: { attribute: Klass, equals: a } }]',
      'RADIUS dictionary',
    ],
    ['tested, and not on what', 'certainty: documented', 'certainty: tested-on-peer', 'the peer and its version'],
    [
      'a note with a control character',
      'revert: nothing',
      'revert: nothing\nnotes: ["a\\tb"]',
      'without control characters',
    ],
    [
      'more than a packet holds',
      '"Filter-Id = {strict}"',
      Array.from({ length: 20 }, () => `"Filter-Id = {strict}${'x'.repeat(240)}"`).join(', '),
      'fit into a packet together',
    ],
    ['an alias', 'off: [', 'off: *strict\nofff: [', 'no YAML aliases'],
  ])('%s is refused', (_name, from, to, expected) => {
    expect(faultsOf(WHOLE.replace(from, to)).join('\n')).toContain(expected);
  });

  it('is named like its file, or an operator looks for it in vain', () => {
    expect(faultsOf(WHOLE, 'folder/y.yaml')).toEqual([
      'folder/y.yaml:1:7: expected the name of its file, y, got "x" (name)',
    ]);
  });
});

describe('an operator’s dialect', () => {
  const ours = { name: 'ours/rfc.yaml', text: RFC };

  it('stands beside ours', () => {
    const loaded = loadDialects([ours, { name: 'own/x.yaml', text: WHOLE }]);
    expect(loaded.ok && [...loaded.value.keys()]).toEqual(['rfc', 'x']);
  });

  it('does not take the place of ours unsaid', () => {
    const loaded = loadDialects([ours, { name: 'own/rfc.yaml', text: RFC }]);
    const faults = loaded.ok ? [] : loaded.error.map(formatFault);
    expect(faults).toEqual([
      'own/rfc.yaml:3:7: expected a name no other dialect has, or overrides: true, got "rfc" (name)',
    ]);
  });

  it('takes the place of ours when it says so, and the value says it, too', () => {
    const text = RFC.replace('name: rfc', 'name: rfc\noverrides: true').replace('Filter-Id, as', 'Our own, as');
    const loaded = loadDialects([ours, { name: 'own/rfc.yaml', text }]);
    expect(loaded.ok && loaded.value.get('rfc')).toMatchObject({
      overrides: true,
      title: 'Our own, as the RFCs have it',
    });
  });

  it('overrides nothing that is not there', () => {
    const faults = faultsOf(WHOLE.replace('title: X', 'overrides: true\ntitle: X'));
    expect(faults).toEqual(['x.yaml:2:12: expected the name of a dialect that came before, got "x" (overrides)']);
  });
});
