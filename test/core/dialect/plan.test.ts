// From dialect, session and order to requests. Given what is known of a session and of a gateway, when it is to be told
// something, then these packets, or one of four faults.
import { describe, expect, test } from 'vitest';
import { MARKERS, markerOf } from '../../../src/core/dialect/marker.ts';
import { loginAttributes, planChange, planQuery } from '../../../src/core/dialect/plan.ts';
import { planFaultText } from '../../../src/core/dialect/plan-fault.ts';
import { parsePrefix } from '../../../src/core/net/prefix.ts';
import { FILTER, session, VALUES } from './dialects.ts';

const faultOf = (planned: ReturnType<typeof planChange>) => (planned.ok ? undefined : planned.error);
const attributesOf = (planned: ReturnType<typeof planChange>) =>
  planned.ok ? planned.value.map(({ attributes }) => attributes.map(({ name, value }) => `${name}=${value}`)) : [];

describe('naming the session', () => {
  const dialect = {
    ...FILTER,
    identify: [['NAS-Port-Id', 'Framed-IP-Address'], ['NAS-Port-Id', 'Delegated-IPv6-Prefix'], ['Acct-Session-Id']],
  };

  test('takes the first group of which the session has everything', () => {
    const facts = { 'NAS-Port-Id': ['lag-1:7'], 'Delegated-IPv6-Prefix': ['2001:db8:7::/56'] };
    expect(attributesOf(planChange(dialect, session(facts), 'bounce', {}))).toEqual([
      ['NAS-Port-Id=lag-1:7', 'Delegated-IPv6-Prefix=2001:db8:7::/56'],
    ]);
  });

  test('falls back to the Acct-Session-Id that every session has', () => {
    expect(attributesOf(planChange(dialect, session({}), 'bounce', {}))).toEqual([['Acct-Session-Id=0A17C0DE']]);
  });

  test('without any group says what the best one lacks', () => {
    const fault = faultOf(
      planChange({ ...dialect, identify: dialect.identify.slice(0, 2) }, session({}), 'bounce', {}),
    );
    expect(fault).toEqual({ kind: 'no-identification', missing: ['NAS-Port-Id', 'Framed-IP-Address'] });
    expect(planFaultText(fault!)).toContain('NAS-Port-Id, Framed-IP-Address');
  });

  test('may send more than the session says of itself', () => {
    const redback = { ...FILTER, identify: [['User-Name', { name: 'Context-Name', value: '{leaky}' }]] };
    const facts = { 'User-Name': ['home-7'] };
    expect(attributesOf(planChange(redback, session(facts), 'bounce', VALUES))).toEqual([
      ['User-Name=home-7', 'Context-Name=some-ports'],
    ]);
  });

  test('sends an Acct-Session-Id that begins with 0x as the text it is', () => {
    const planned = planChange(FILTER, session({}, { sessionId: '0x1A' }), 'bounce', {});
    expect(attributesOf(planned)).toEqual([['Acct-Session-Id=0x30783141']]);
  });

  test('does not take a fact with control characters, and does not look into Object', () => {
    const byName = { ...FILTER, identify: [['User-Name']] };
    expect(faultOf(planChange(byName, session({ 'User-Name': ['a\nb'] }), 'bounce', {}))?.kind).toBe(
      'no-identification',
    );
    const byOdd = { ...FILTER, identify: [['constructor']] };
    expect(faultOf(planChange(byOdd, session({}), 'bounce', {}))?.kind).toBe('no-identification');
  });
});

describe('values', () => {
  test('come from the gateway, else from the default; what need not be configured is left out', () => {
    expect(attributesOf(planChange(FILTER, session({}), 'strict', VALUES))).toEqual([
      ['Acct-Session-Id=0A17C0DE', 'Filter-Id=garden'],
    ]);
    expect(attributesOf(planChange(FILTER, session({}), 'strict', { strict: 'g4', strict6: 'g6' }))).toEqual([
      ['Acct-Session-Id=0A17C0DE', 'Filter-Id=g4', 'Filter-Id=g6'],
    ]);
  });

  test('that are needed and missing are named, and nothing is sent', () => {
    expect(faultOf(planChange(FILTER, session({}), 'leaky', {}))).toEqual({ kind: 'value-missing', names: ['leaky'] });
  });

  test('that are not fit to be sent count as missing', () => {
    const fault = faultOf(planChange(FILTER, session({}), 'leaky', { leaky: 'x'.repeat(254) }));
    expect(fault).toEqual({ kind: 'value-missing', names: ['leaky'] });
    expect(planFaultText(fault!)).toContain('values.leaky');
  });

  const SWITCH = {
    ...FILTER,
    revert: { needs: 'nothing' } as const,
    off: [
      {
        code: 'CoA-Request' as const,
        attributes: [
          { name: 'Cisco-AVPair', value: 'subscriber:command=activate-service' },
          { name: 'Cisco-AVPair', value: 'subscriber:service-name={plan}' },
        ],
      },
      { code: 'CoA-Request' as const, attributes: [{ name: 'Filter-Id', value: '{strict}' }], doneOn: [404] },
    ],
  };

  test('a request that was for a value nobody configured is left out, constant parts and all', () => {
    expect(attributesOf(planChange(SWITCH, session({}), 'off', {}))).toEqual([
      ['Acct-Session-Id=0A17C0DE', 'Filter-Id=garden'],
    ]);
  });

  test('requests keep their order, and what counts as done stays with its request', () => {
    const planned = planChange(SWITCH, session({}), 'off', { plan: 'home' });
    expect(planned.ok && planned.value.map(({ doneOn }) => doneOn)).toEqual([undefined, [404]]);
    expect(attributesOf(planned)[0]).toContain('Cisco-AVPair=subscriber:service-name=home');
  });

  test('when nothing at all is left to send, that is a fault and no success', () => {
    const empty = { ...SWITCH, off: SWITCH.off.slice(0, 1) };
    expect(faultOf(planChange(empty, session({}), 'off', {}))).toEqual({ kind: 'value-missing', names: ['plan'] });
  });
});

describe('the way back', () => {
  test('uses the configured plan, before what accounting shows', () => {
    const facts = { 'Filter-Id': ['gold'] };
    expect(attributesOf(planChange(FILTER, session(facts), 'off', { plan: 'home' }))[0]).toContain('Filter-Id=home');
    expect(attributesOf(planChange(FILTER, session(facts), 'off', {}))[0]).toContain('Filter-Id=gold');
  });

  test.each([
    ['accounting shows nothing', {}],
    ['accounting shows a name of ours: the default', { 'Filter-Id': ['garden'] }],
    ['accounting shows a name of ours: a configured one', { 'Filter-Id': ['some-ports'] }],
    ['the session began in the garden', { 'Filter-Id': ['gold'], Class: ['0x656e676177612d737472696374'] }],
  ])('is unknown when %s', (_name, facts) => {
    const fault = faultOf(planChange(FILTER, session(facts), 'off', { leaky: 'some-ports' }));
    expect(fault).toEqual({ kind: 'plan-unknown', attribute: 'Filter-Id' });
    expect(planFaultText(fault!)).toContain('bounce');
  });

  test('is not asked for by any other order', () => {
    for (const order of ['strict', 'leaky', 'bounce'] as const)
      expect(planChange(FILTER, session({}), order, { leaky: 'x' }).ok).toBe(true);
  });
});

describe('families', () => {
  const only4 = { ...FILTER, families: { ipv4: true, ipv6: false } };
  const v6 = { prefixes: [{ slot: 'delegated-ipv6', prefix: parsePrefix('2001:db8:7::/56')! }] } as const;

  test('a session with nothing that can be restricted is not told to be', () => {
    const fault = faultOf(planChange(only4, session({}, v6), 'strict', VALUES));
    expect(fault).toEqual({ kind: 'family-unsupported', family: 'ipv6' });
    expect(planFaultText(fault!)).toContain('IPv6');
  });

  test('it is let out all the same, and cut all the same', () => {
    expect(planChange(only4, session({}, v6), 'off', VALUES).ok).toBe(true);
    expect(planChange(only4, session({}, v6), 'bounce', VALUES).ok).toBe(true);
  });

  test('one with both families, or with none known yet, is told', () => {
    expect(planChange(only4, session({}), 'strict', VALUES).ok).toBe(true);
    expect(planChange(only4, session({}, { prefixes: [] }), 'strict', VALUES).ok).toBe(true);
  });
});

describe('asking', () => {
  test('is for dialects that can, and names the session', () => {
    const query = { code: 'CoA-Request' as const, attributes: [{ name: 'Cisco-AVPair', value: 'query' }] };
    const mark = { attribute: 'Cisco-Account-Info', contains: 'N1{strict}' };
    const asks = { ...FILTER, confirm: [{ by: 'status-query' as const, request: query, strict: mark }] };
    expect(planQuery(FILTER, session({}), {})).toBeUndefined();
    expect(planQuery(asks, session({}), {})?.attributes).toEqual([
      { name: 'Acct-Session-Id', value: '0A17C0DE' },
      { name: 'Cisco-AVPair', value: 'query' },
    ]);
    expect(planQuery({ ...asks, identify: [['User-Name']] }, session({}), {})).toBeUndefined();
  });
});

describe('at a login', () => {
  test('the attributes of the garden come with the Class that marks it', () => {
    expect(loginAttributes(FILTER, 'strict', {})).toEqual([
      { name: 'Filter-Id', value: 'garden' },
      { name: 'Class', value: MARKERS.strict },
    ]);
    expect(loginAttributes(FILTER, 'leaky', VALUES).at(-1)).toEqual({ name: 'Class', value: 'engawa-leaky' });
  });

  test('without its value there is no marker either: it would say what is not so', () => {
    expect(loginAttributes(FILTER, 'leaky', {})).toEqual([]);
  });

  test('a dialect that has nothing to say marks nothing', () => {
    expect(loginAttributes({ ...FILTER, login: { strict: [], leaky: [] } }, 'leaky', VALUES)).toEqual([]);
  });

  test('the marker is known again as text and as octets, the strictest of several', () => {
    expect(markerOf({ Class: ['engawa-leaky'] })).toBe('leaky');
    expect(markerOf({ Class: ['0x656e676177612d6c65616b79', '0x656e676177612d737472696374'] })).toBe('strict');
    expect(markerOf({ Class: ['0x00', 'engawa-strict-2'] })).toBeUndefined();
    expect(markerOf({})).toBeUndefined();
  });
});
