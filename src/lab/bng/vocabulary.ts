// What attributes mean on a simulated BNG: which ones name the filter or the services of a session, in a CoA, in an Access-Accept
// and in accounting. Which filter closes what is the BNG's configuration (filters.ts).
import type { NamedAttribute } from '../../core/dialect/dialect.ts';
import type { Filters } from './filters.ts';

/** What a request asks for. `set` replaces, the others add and take away. */
export interface Change {
  readonly set?: string;
  readonly activate: readonly string[];
  readonly deactivate: readonly string[];
  readonly asksStatus: boolean;
}

export interface Vocabulary {
  /** Vendor attributes that name a session. */
  readonly identifies: readonly string[];
  /** Attributes it knows beside those that name a session or a NAS. */
  readonly knows: readonly string[];
  /** Error-Cause for a filter or service that is not configured. */
  readonly unknownNameCause: 404 | 407;
  read(attributes: readonly NamedAttribute[]): Change;
  /** How accounting tells of the filters or services in force. */
  report(names: readonly string[]): readonly NamedAttribute[];
  /** Answer to a status query. */
  status(names: readonly string[]): readonly NamedAttribute[];
}

const NOTHING = { activate: [], deactivate: [], asksStatus: false };

function valuesOf(attributes: readonly NamedAttribute[], name: string): readonly string[] {
  return attributes.filter((one) => one.name === name).map(({ value }) => value);
}

/** One attribute holds the one filter of a session. */
function oneFilter(name: string): Vocabulary {
  return {
    identifies: [],
    knows: [name],
    unknownNameCause: 407,
    read: (attributes) => {
      const set = valuesOf(attributes, name).at(-1);
      return { ...NOTHING, ...(set === undefined ? {} : { set }) };
    },
    report: (names) => names.map((value) => ({ name, value })),
    status: () => [],
  };
}

/** `wg(10.0.0.1)` is the service `wg` with a parameter. */
function serviceName(value: string): string {
  return value.split('(', 1)[0]!.trim();
}

const JUNIPER_MX: Vocabulary = {
  identifies: [],
  knows: ['ERX-Service-Activate', 'ERX-Service-Deactivate'],
  unknownNameCause: 404,
  read: (attributes) => ({
    activate: valuesOf(attributes, 'ERX-Service-Activate').map(serviceName),
    deactivate: valuesOf(attributes, 'ERX-Service-Deactivate').map(serviceName),
    asksStatus: false,
  }),
  report: (names) => names.map((value) => ({ name: 'ERX-Service-Session', value })),
  status: () => [],
};

const ISG_COMMAND = 'subscriber:command=';
const ISG_SERVICE = 'subscriber:service-name=';

const CISCO_ISG: Vocabulary = {
  identifies: ['Cisco-Account-Info'],
  knows: ['Cisco-AVPair'],
  unknownNameCause: 404,
  read: (attributes) => {
    const pairs = valuesOf(attributes, 'Cisco-AVPair');
    const command = pairs.find((one) => one.startsWith(ISG_COMMAND))?.slice(ISG_COMMAND.length);
    const named = pairs.filter((one) => one.startsWith(ISG_SERVICE)).map((one) => one.slice(ISG_SERVICE.length));
    // In an Access-Accept `A…` starts a service at login.
    const atLogin = valuesOf(attributes, 'Cisco-Account-Info')
      .filter((one) => one.startsWith('A'))
      .map((one) => one.slice(1));
    return {
      activate: [...(command === 'activate-service' ? named : []), ...atLogin],
      deactivate: command === 'deactivate-service' ? named : [],
      asksStatus: command === 'account-status-query',
    };
  },
  report: () => [],
  // `N1` = an active service, `N0` would be one that is not.
  status: (names) => names.map((one) => ({ name: 'Cisco-Account-Info', value: `N1${one}` })),
};

export const VOCABULARIES = {
  rfc: oneFilter('Filter-Id'),
  mikrotik: oneFilter('Mikrotik-Address-List'),
  'coova-chilli': oneFilter('CoovaChilli-Session-State'),
  'juniper-mx': JUNIPER_MX,
  'cisco-isg': CISCO_ISG,
} as const satisfies Readonly<Record<string, Vocabulary>>;

export type VocabularyName = keyof typeof VOCABULARIES;

const BY_NAME: Filters = {
  plan: { access: 'open' },
  'engawa-strict': { access: 'strict' },
  'engawa-leaky': { access: 'leaky' },
};

/** A filter or service of each kind, under the names that tests and lab use. */
export const SAMPLE_FILTERS: Readonly<Record<VocabularyName, Filters>> = {
  rfc: BY_NAME,
  // The list of RouterOS holds IPv4 addresses.
  mikrotik: {
    plan: { access: 'open' },
    'engawa-strict': { access: 'strict', families: [4] },
    'engawa-leaky': { access: 'leaky', families: [4] },
  },
  'coova-chilli': { 1: { access: 'open' }, 2: { access: 'strict', families: [4] } },
  'juniper-mx': BY_NAME,
  'cisco-isg': BY_NAME,
};

/** The filters or services after a change; undefined = it asks for nothing. */
export function namesAfter(names: readonly string[], change: Change): readonly string[] | undefined {
  if (change.set !== undefined) return [change.set];
  if (change.activate.length + change.deactivate.length === 0) return undefined;
  const kept = names.filter((one) => !change.deactivate.includes(one));
  return [...kept, ...change.activate.filter((one) => !kept.includes(one))];
}
