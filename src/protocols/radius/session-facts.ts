// What identifies a session to its NAS, or tells of its state: attributes as text, bounded, out of one accounting request. A
// value that is not of its form is left out: nobody may send it back. Counters are left out: they change with every Interim.
import type { NamedAttribute } from '../../core/dialect/dialect.ts';
import type { SessionFacts } from '../../core/line/accounting.ts';
import { VENDOR_SPECIFIC } from './attributes.ts';
import type { Attribute } from './codec.ts';
import { attributeNamed } from './dictionary.ts';
import { decodeNamed } from './named.ts';

/** A real session has ten to twenty; many of one kind may not push out the one that names the session. */
const MOST_VALUES = 64;
const MOST_OF_ONE = 16;

const OF_RFCS: ReadonlySet<string> = new Set([
  'User-Name',
  'NAS-IP-Address',
  'NAS-Port',
  'Service-Type',
  'Framed-IP-Address',
  'Filter-Id',
  'Class',
  'Called-Station-Id',
  'Calling-Station-Id',
  'NAS-Identifier',
  'Acct-Session-Id',
  'Acct-Multi-Session-Id',
  'NAS-Port-Type',
  'NAS-Port-Id',
  'Chargeable-User-Identity',
  'NAS-IPv6-Address',
  'Framed-Interface-Id',
  'Framed-IPv6-Prefix',
  'Delegated-IPv6-Prefix',
  'Framed-IPv6-Address',
]);
const TYPES: ReadonlySet<number> = new Set([...OF_RFCS].flatMap((name) => attributeNamed(name)?.type ?? []));

/** Vendors' numbers that identify a session or tell its state. Their other numbers count. */
const VENDORS_NUMBERS: ReadonlySet<string> = new Set([
  'Alc-SAP-Session-Index',
  'Alc-Serv-Id',
  'CoovaChilli-Session-State',
  'Huawei-Connect-ID',
]);
/** Counters as text. */
const COUNTERS: ReadonlySet<string> = new Set(['Cisco-Control-Info']);

export function sessionFacts(attributes: readonly Attribute[]): SessionFacts {
  const facts: Record<string, string[]> = {};
  let values = 0;
  for (const { name, value } of attributes.flatMap(factsOf)) {
    const held = facts[name];
    if (held === undefined) facts[name] = [value];
    else if (held.length < MOST_OF_ONE) held.push(value);
    else continue;
    if (++values === MOST_VALUES) break;
  }
  return facts;
}

function factsOf(attribute: Attribute): readonly NamedAttribute[] {
  if (attribute.type === VENDOR_SPECIFIC) return decodeNamed([attribute]).filter(({ name }) => isVendorsFact(name));
  return TYPES.has(attribute.type) ? decodeNamed([attribute]).filter(({ name }) => OF_RFCS.has(name)) : [];
}

/** Of vendors everything with a name that is not a number. */
function isVendorsFact(name: string): boolean {
  const format = attributeNamed(name)?.format;
  if (format === undefined || COUNTERS.has(name)) return false;
  return VENDORS_NUMBERS.has(name) || !(format.startsWith('integer') || format === 'short' || format === 'byte');
}
