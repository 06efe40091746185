// What simulated BNGs understand: one vocabulary for each dialect, the reading end of what the dialect files write. Simulated: no
// box of any vendor was heard.
import type { NamedAttribute } from '../../core/dialect/dialect.ts';
import type { Filters } from './filters.ts';
import type { Vocabulary } from './vocabulary.ts';

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
      return { ...NOTHING, ...(set === undefined ? {} : { set: [set] }) };
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

const XR_COMMAND = 'subscriber:command=';

const CISCO_IOSXR: Vocabulary = {
  identifies: [],
  knows: ['Cisco-AVPair'],
  unknownNameCause: 404,
  // Taking away a service that is not there is an error on this router.
  absentNameCause: 404,
  read: (attributes) => {
    const pairs = valuesOf(attributes, 'Cisco-AVPair');
    const after = (start: string) => pairs.filter((one) => one.startsWith(start)).map((one) => one.slice(start.length));
    const [command] = after(XR_COMMAND);
    return {
      // In an Access-Accept the service alone, without a command.
      activate: command === undefined || command === 'activate-service' ? after('subscriber:sa=') : [],
      deactivate: command === 'deactivate-service' ? after('subscriber:sd=') : [],
      asksStatus: false,
    };
  },
  report: () => [],
  status: () => [],
};

const SROS_FILTER = 'Alc-Subscriber-Filter';

/** `Ingr-v4:20,Ingr-v6:30,…`: filters by number, from the home only; those towards it restrict nothing here. */
const NOKIA_SROS: Vocabulary = {
  identifies: [],
  knows: [SROS_FILTER],
  unknownNameCause: 407,
  read: (attributes) => {
    const text = valuesOf(attributes, SROS_FILTER).at(-1);
    if (text === undefined) return NOTHING;
    const numbers = text
      .split(',')
      .filter((one) => one.startsWith('Ingr-'))
      .map((one) => one.slice(one.indexOf(':') + 1));
    // -2: the filter of the sla-profile.
    return { ...NOTHING, set: numbers.map((one) => (one === '-2' ? 'plan' : one)) };
  },
  report: () => [],
  status: () => [],
};

/** Redirected or not, and the ipset its address is put into (accel-ppp.conf, [ipoe] attr-l4-redirect and attr-l4-redirect-ipset). */
const ACCEL_PPP: Vocabulary = {
  identifies: [],
  knows: ['Mikrotik-Mark-Id', 'Mikrotik-Address-List'],
  unknownNameCause: 407,
  read: (attributes) => {
    const redirect = valuesOf(attributes, 'Mikrotik-Mark-Id').at(-1);
    if (redirect === undefined) return NOTHING;
    const sets = valuesOf(attributes, 'Mikrotik-Address-List').slice(-1);
    return { ...NOTHING, set: redirect === '0' ? ['plan'] : sets };
  },
  report: () => [],
  status: () => [],
};

const REDBACK: Vocabulary = {
  identifies: ['Context-Name'],
  knows: ['Forward-Policy', 'HTTP-Redirect-Profile-Name'],
  unknownNameCause: 404,
  read: (attributes) => {
    const policy = valuesOf(attributes, 'Forward-Policy').at(-1);
    const profiles = valuesOf(attributes, 'HTTP-Redirect-Profile-Name').filter((one) => one !== '');
    return policy === undefined ? NOTHING : { ...NOTHING, set: [policy.replace(/^in:/, ''), ...profiles] };
  },
  report: () => [],
  status: () => [],
};

/** RFC 4849 §2: rules end with an octet of zero and may run over from one attribute into the next. */
const RFC_FILTER_RULE: Vocabulary = {
  identifies: [],
  knows: ['NAS-Filter-Rule'],
  unknownNameCause: 407,
  read: (attributes) => {
    const rules = valuesOf(attributes, 'NAS-Filter-Rule')
      .join('')
      .split('\0')
      .filter((one) => one !== '');
    if (rules.length === 0) return NOTHING;
    const [first] = rules.filter((one) => one.startsWith('deny in ') || one === 'permit in ip from any to any');
    const everything = rules.includes('deny in ip from any to any');
    return { ...NOTHING, set: [everything ? 'closed' : first?.startsWith('deny') ? 'narrowed' : 'plan'] };
  },
  report: () => [],
  status: () => [],
};

export const VOCABULARIES = {
  rfc: oneFilter('Filter-Id'),
  mikrotik: oneFilter('Mikrotik-Address-List'),
  'coova-chilli': oneFilter('CoovaChilli-Session-State'),
  'juniper-mx': JUNIPER_MX,
  'cisco-isg': CISCO_ISG,
  'cisco-iosxr': CISCO_IOSXR,
  'nokia-sros': NOKIA_SROS,
  // A user group; its accounting does not name it.
  'huawei-me60': { ...oneFilter('Filter-Id'), unknownNameCause: 404, report: () => [] },
  'accel-ppp': ACCEL_PPP,
  redback: REDBACK,
  'rfc-filter-rule': RFC_FILTER_RULE,
} as const satisfies Readonly<Record<string, Vocabulary>>;

export type VocabularyName = keyof typeof VOCABULARIES;

const BY_NAME: Filters = {
  plan: { access: 'open' },
  'engawa-strict': { access: 'strict' },
  'engawa-leaky': { access: 'leaky' },
};

const BY_NAME_IPV4: Filters = {
  plan: { access: 'open' },
  'engawa-strict': { access: 'strict', families: [4] },
  'engawa-leaky': { access: 'leaky', families: [4] },
};

/** A filter or service of each kind, under the names that tests and lab use. */
export const SAMPLE_FILTERS: Readonly<Record<VocabularyName, Filters>> = {
  rfc: BY_NAME,
  // The list of RouterOS holds IPv4 addresses.
  mikrotik: BY_NAME_IPV4,
  'coova-chilli': { 1: { access: 'open' }, 2: { access: 'strict', families: [4] } },
  'juniper-mx': BY_NAME,
  'cisco-isg': BY_NAME,
  'cisco-iosxr': BY_NAME,
  'nokia-sros': {
    plan: { access: 'open' },
    20: { access: 'strict', families: [4] },
    30: { access: 'strict', families: [6] },
    40: { access: 'leaky', families: [4] },
    50: { access: 'leaky', families: [6] },
  },
  'huawei-me60': BY_NAME,
  'accel-ppp': BY_NAME_IPV4,
  redback: {
    plan: { access: 'open' },
    'ENGAWA-STRICT': { access: 'strict', families: [4] },
    'ENGAWA-LEAKY': { access: 'leaky', families: [4] },
    'ENGAWA-PORTAL': { access: 'open' },
  },
  'rfc-filter-rule': { plan: { access: 'open' }, closed: { access: 'strict' }, narrowed: { access: 'leaky' } },
};
