// A dialect of the simplest kind, and a session, for tests that change one thing of them.
import type { Dialect } from '../../../src/core/dialect/dialect.ts';
import { SAMPLE_SESSION } from '../../../src/core/dialect/sample.ts';
import type { NasSession } from '../../../src/core/line/session.ts';

export const FILTER: Dialect = {
  name: 'filter',
  title: 'Filter-Id',
  certainty: 'documented',
  sources: ['RFC 2865'],
  port: 3799,
  families: { ipv4: true, ipv6: true },
  identify: [['Acct-Session-Id']],
  values: {
    strict: { purpose: 'filter', required: true, default: 'garden' },
    leaky: { purpose: 'filter', required: true },
    strict6: { purpose: 'filter', required: false },
    plan: { purpose: 'filter', required: false },
  },
  strict: [
    {
      code: 'CoA-Request',
      attributes: [
        { name: 'Filter-Id', value: '{strict}' },
        { name: 'Filter-Id', value: '{strict6}' },
      ],
    },
  ],
  leaky: [{ code: 'CoA-Request', attributes: [{ name: 'Filter-Id', value: '{leaky}' }] }],
  off: [{ code: 'CoA-Request', attributes: [{ name: 'Filter-Id', value: '{plan}' }] }],
  bounce: [{ code: 'Disconnect-Request', attributes: [] }],
  login: {
    strict: [{ name: 'Filter-Id', value: '{strict}' }],
    leaky: [{ name: 'Filter-Id', value: '{leaky}' }],
  },
  revert: { needs: 'plan', attribute: 'Filter-Id' },
  sessionIdChanges: false,
  confirm: [],
  naks: {},
  notes: [],
};

export const VALUES = { leaky: 'some-ports', plan: 'home' };

export function session(facts: NasSession['facts'], change: Partial<NasSession> = {}): NasSession {
  return { ...SAMPLE_SESSION, facts, ...change };
}
