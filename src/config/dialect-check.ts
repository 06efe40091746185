// What a dialect's structure cannot say: does the attribute exist, can its value be written, is the placeholder declared, does
// it keep to RFC 5176 §3. Every part is tried with sample values, encoded by the codec that will send it.
import type { Dialect, DialectRequest, NamedAttribute } from '../core/dialect/dialect.ts';
import { planChange } from '../core/dialect/plan.ts';
import { SAMPLE_SESSION, sampleValues } from '../core/dialect/sample.ts';
import { fill, parseTemplate } from '../core/dialect/template.ts';
import { attributeNamed } from '../protocols/radius/dictionary.ts';
import { ATTRIBUTE_ROWS } from '../protocols/radius/dictionary-data.ts';
import { ERROR_CAUSES } from '../protocols/radius/dynamic.ts';
import { encodeNamed, valueFault } from '../protocols/radius/named.ts';
import { describeValue, type Fault, nearest } from './faults.ts';

type DialectFault = Omit<Fault, 'file' | 'line' | 'column'>;

/** RFC 5176 §3: they say which NAS and which session. What identifies is never what changes. */
const NAMES_A_SESSION: ReadonlySet<string> = new Set([
  ...['NAS-IP-Address', 'NAS-Identifier', 'NAS-IPv6-Address', 'NAS-Port', 'NAS-Port-Id', 'NAS-Port-Type'],
  ...['User-Name', 'Framed-IP-Address', 'Framed-Interface-Id', 'Framed-IPv6-Prefix', 'Framed-IPv6-Address'],
  ...['Delegated-IPv6-Prefix', 'Called-Station-Id', 'Calling-Station-Id', 'Chargeable-User-Identity'],
  ...['Acct-Session-Id', 'Acct-Multi-Session-Id'],
]);

/** Added to every packet, or for others than us. */
const NOT_DATA: ReadonlySet<string> = new Set([
  'Message-Authenticator',
  'Event-Timestamp',
  'Proxy-State',
  'Error-Cause',
]);

const ATTRIBUTE_NAMES = ATTRIBUTE_ROWS.map(([, , name]) => name);

export function checkDialect(dialect: Dialect): DialectFault[] {
  const check = new Check(dialect);
  for (const order of ['strict', 'off', 'bounce'] as const) check.requests(order, dialect[order]);
  if (dialect.lacksLeaky !== true) check.requests('leaky', dialect.leaky);
  check.identification();
  for (const access of ['strict', 'leaky'] as const)
    for (const [i, one] of dialect.login[access].entries()) check.attribute(`login.${access}[${i}]`, one);
  check.confirmations();
  if (dialect.revert.needs === 'plan') {
    check.name('revert.plan', dialect.revert.attribute);
    if (!Object.hasOwn(dialect.values, 'plan')) check.fault('revert.plan', 'a value called plan among values', 'none');
  }
  for (const cause of Object.keys(dialect.naks).map(Number)) if (cause !== 0) check.cause(`naks.${cause}`, cause);
  // Both would only repeat what was told.
  if (check.faults.length === 0) check.unused();
  if (check.faults.length === 0) check.sizes();
  return check.faults;
}

class Check {
  readonly faults: DialectFault[] = [];
  readonly #dialect: Dialect;
  readonly #samples: Readonly<Record<string, string>>;
  readonly #used = new Set<string>();

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
    this.#samples = sampleValues(dialect, true);
  }

  fault(path: string, expected: string, got: string, known?: readonly string[]): void {
    const meant = known === undefined ? undefined : nearest(got, known);
    this.faults.push({
      path,
      expected,
      got: describeValue(got),
      ...(meant !== undefined && { hint: `did you mean "${meant}"?` }),
    });
  }

  requests(path: string, requests: readonly DialectRequest[]): void {
    for (const [i, request] of requests.entries()) this.request(`${path}[${i}]`, request);
  }

  request(path: string, request: DialectRequest): void {
    if (request.code === 'Disconnect-Request' && request.attributes.length > 0)
      this.fault(`${path}.attributes`, 'nothing: a Disconnect-Request only names the session (RFC 5176 §3)', 'some');
    if (request.code === 'CoA-Request' && request.attributes.length === 0)
      this.fault(path, 'attributes: what the CoA-Request changes', 'none');
    for (const [i, one] of request.attributes.entries()) {
      const at = `${path}.attributes[${i}]`;
      if (NAMES_A_SESSION.has(one.name))
        this.fault(at, 'an attribute that changes: those that name the session stand in identify', one.name);
      else this.attribute(at, one);
    }
    for (const [i, cause] of (request.doneOn ?? []).entries())
      if (cause !== 0) this.cause(`${path}.doneOn[${i}]`, cause);
  }

  identification(): void {
    for (const [i, group] of this.#dialect.identify.entries())
      for (const [j, key] of group.entries()) {
        const path = `identify[${i}][${j}]`;
        const attribute = typeof key === 'string' ? { name: key, value: `{session:${key}}` } : key;
        const isOfVendor = attributeNamed(attribute.name)?.vendor !== undefined;
        if (!this.name(path, attribute.name)) continue;
        if (!isOfVendor && !NAMES_A_SESSION.has(attribute.name))
          this.fault(path, 'an attribute that names a session (RFC 5176 §3), or one of a vendor', attribute.name);
        else this.attribute(path, attribute);
      }
  }

  confirmations(): void {
    for (const [i, one] of this.#dialect.confirm.entries()) {
      if (one.by === 'portal-hit') continue;
      if (one.by === 'status-query') this.request(`confirm[${i}].request`, one.request);
      for (const access of ['strict', 'leaky', 'off'] as const) {
        const mark = one[access];
        if (mark === undefined) continue;
        const path = `confirm[${i}].${access}`;
        this.name(`${path}.attribute`, mark.attribute);
        const kind = mark.equals === undefined ? 'contains' : 'equals';
        this.template(`${path}.${kind}`, mark.equals ?? mark.contains ?? '');
      }
    }
  }

  /** false: there is no such attribute. */
  name(path: string, name: string): boolean {
    if (/^Attr-[0-9.]+$/.test(name) || attributeNamed(name) !== undefined) return true;
    this.fault(path, 'an attribute of the RADIUS dictionary, or Attr-26.VENDOR.NUMBER', name, ATTRIBUTE_NAMES);
    return false;
  }

  attribute(path: string, attribute: NamedAttribute): void {
    if (NOT_DATA.has(attribute.name))
      this.fault(path, 'an attribute other than those we add ourselves, or that are in answers only', attribute.name);
    else if (this.name(path, attribute.name) && this.template(path, attribute.value)) this.#written(path, attribute);
  }

  #written(path: string, attribute: NamedAttribute): void {
    const filled = fill(attribute.value, {
      value: (name) => this.#samples[name],
      session: (name) => SAMPLE_SESSION.facts[name]?.[0],
    });
    if (!filled.ok) {
      // A vendor's own key of a session has no sample: what a NAS wrote, it reads.
      const isOfSession = filled.error.length > 0 && filled.error.every(({ of }) => of === 'session');
      if (!isOfSession) this.fault(path, 'values that fit: at most 253 octets, octets as 0x…', attribute.value);
      return;
    }
    const fault = valueFault({ ...attribute, value: filled.value });
    if (fault !== undefined)
      this.fault(path, `an attribute that can be sent; ${attribute.name} ${fault}`, filled.value || 'nothing');
  }

  /** false: it has a fault, which is told. */
  template(path: string, text: string): boolean {
    const parsed = parseTemplate(text);
    if (!parsed.ok) {
      this.fault(path, 'placeholders such as {strict} or {session:User-Name}; braces mean nothing else', parsed.error);
      return false;
    }
    const declared = Object.keys(this.#dialect.values);
    const before = this.faults.length;
    for (const part of parsed.value) {
      if (typeof part === 'string') continue;
      if (part.of === 'session') this.name(path, part.name);
      else if (declared.includes(part.name)) this.#used.add(part.name);
      else this.fault(path, `a value of this dialect (${declared.join(', ') || 'it has none'})`, part.name, declared);
    }
    return this.faults.length === before;
  }

  cause(path: string, cause: number): void {
    if (ERROR_CAUSES[cause] === undefined)
      this.fault(path, 'an Error-Cause that an RFC names (101, RFC 5176 §3.6)', String(cause));
  }

  /** Each fits; do all of one request? */
  sizes(): void {
    for (const order of ['strict', 'leaky', 'off', 'bounce'] as const) {
      const planned = planChange(this.#dialect, SAMPLE_SESSION, order, this.#samples);
      for (const [i, { attributes }] of (planned.ok ? planned.value : []).entries()) {
        const encoded = encodeNamed(attributes);
        if (!encoded.ok) this.fault(`${order}[${i}]`, 'attributes that fit into a packet together', encoded.error.text);
      }
    }
  }

  unused(): void {
    for (const name of Object.keys(this.#dialect.values))
      if (!this.#used.has(name)) this.fault(`values.${name}`, 'a value that some attribute uses', 'none that does');
  }
}
