// A dialect as an engineer wants to read it before the first packet leaves: how sure we are, what would be sent, what proves it,
// what a refusal means. Packets are encoded and decoded again: what is shown is what is on the wire. 80 columns.
import type { Dialect, NamedAttribute, Order } from '../core/dialect/dialect.ts';
import { judgeNak, knownCauses } from '../core/dialect/error-cause.ts';
import { loginAttributes, type PlannedRequest, planChange, planQuery } from '../core/dialect/plan.ts';
import { planFaultText } from '../core/dialect/plan-fault.ts';
import { SAMPLE_SESSION } from '../core/dialect/sample.ts';
import { CODE, decodePacket } from '../protocols/radius/codec.ts';
import { attributeNamed } from '../protocols/radius/dictionary.ts';
import { buildDynamicRequest, ERROR_CAUSES } from '../protocols/radius/dynamic.ts';
import { decodeNamed, encodeNamed } from '../protocols/radius/named.ts';
import { paint, say } from './print.ts';

const WIDTH = 80;
const SECRET = new TextEncoder().encode('the secret of no gateway');
/** In every packet: said once instead. */
const IN_ALL: ReadonlySet<string> = new Set(['Message-Authenticator', 'Event-Timestamp']);

export const ORDERS: readonly Order[] = ['strict', 'leaky', 'off', 'bounce'];

export interface ShownPacket {
  readonly code: string;
  /** Of the whole datagram. */
  readonly octets: number;
  readonly attributes: readonly NamedAttribute[];
  readonly doneOn: readonly number[];
}

export type Shown = readonly ShownPacket[] | { readonly notSent: string };
type Values = Readonly<Record<string, string>>;

export function packetsOf(dialect: Dialect, order: Order, values: Values): Shown {
  const planned = planChange(dialect, SAMPLE_SESSION, order, values);
  return planned.ok ? planned.value.map(shownPacket) : { notSent: planFaultText(planned.error) };
}

export function queryOf(dialect: Dialect, values: Values): ShownPacket | undefined {
  const planned = planQuery(dialect, SAMPLE_SESSION, values);
  return planned && shownPacket(planned);
}

function shownPacket(request: PlannedRequest): ShownPacket {
  const encoded = encodeNamed(request.attributes);
  if (!encoded.ok) return unencoded(request, encoded.error.text);
  const bytes = buildDynamicRequest({
    code: request.code === 'CoA-Request' ? CODE.coaRequest : CODE.disconnectRequest,
    identifier: 1,
    attributes: encoded.value,
    secret: SECRET,
    eventTimestampSeconds: 0,
  });
  const packet = decodePacket(bytes);
  if (!packet.ok) throw new Error(`a packet of ours does not decode: ${JSON.stringify(packet.error)}`);
  const attributes = decodeNamed(packet.value.attributes).filter(({ name }) => !IN_ALL.has(name));
  return { code: request.code, octets: bytes.length, attributes, doneOn: request.doneOn ?? [] };
}

/** A value of the gateway does not fit its attribute: shown, since finding that out is what this is for. */
function unencoded(request: PlannedRequest, text: string): ShownPacket {
  return {
    code: `${request.code} that cannot be sent (${text})`,
    octets: 0,
    attributes: request.attributes,
    doneOn: [],
  };
}

// ---------------------------------------------------------------- on paper

export function printDialect(dialect: Dialect, values: Values): void {
  printHead(dialect);
  section('What it cannot do');
  for (const text of limitsOf(dialect)) bullet(text);
  section('Values, in the configuration of its gateways');
  printValues(dialect, values);
  for (const order of ORDERS) printOrder(dialect, order, values);
  printLogin(dialect, values);
  printProof(dialect, values);
  section('What a NAK means here');
  printNaks(dialect);
  if (dialect.notes.length > 0) section('To know');
  for (const note of dialect.notes) bullet(note);
  section('Sources');
  for (const source of dialect.sources) bullet(source);
  say();
}

export function printHead(dialect: Dialect): void {
  const own = dialect.overrides === true ? '  (yours, in place of ours)' : '';
  say(`${paint('bold', dialect.title)}  ${dialect.name}${own}`);
  say(`${certaintyText(dialect)}; ${familiesText(dialect)}; UDP ${dialect.port}`);
  for (const [i, group] of dialect.identify.entries())
    say(`${i === 0 ? 'Names a session by' : '           else by'}  ${groupText(group)}`);
}

export function certaintyText({ certainty, testedOn }: Dialect): string {
  if (certainty === 'tested-on-peer') return paint('green', `tried on ${testedOn}`);
  return paint('yellow', certainty === 'documented' ? 'as documented, not tried' : 'as operators do it, not tried');
}

export function familiesText({ families: { ipv4, ipv6 } }: Dialect): string {
  return ipv4 && ipv6 ? 'IPv4 and IPv6' : ipv4 ? 'IPv4 only' : 'IPv6 only';
}

function groupText(group: Dialect['identify'][number]): string {
  return group.map((key) => (typeof key === 'string' ? key : key.name)).join(' + ');
}

function limitsOf(dialect: Dialect): readonly string[] {
  const { families, confirm, revert } = dialect;
  const limits: string[] = [];
  if (!families.ipv6) limits.push('Restrict IPv6: a line that has it stays free there, and is shown as partial.');
  if (!families.ipv4) limits.push('Restrict IPv4: a line that has it stays free there, and is shown as partial.');
  if (dialect.lacksLeaky === true)
    limits.push('Leaky: there is nothing between open and strict, so a leaky line is free here.');
  if (revert.needs === 'plan')
    limits.push(
      `Go back without the ${revert.attribute} from before: of values.plan or of accounting; else by a bounce.`,
    );
  if (confirm.length === 0) limits.push('Prove anything: an acknowledgement is all there is.');
  else if (confirm.every(({ by }) => by === 'portal-hit'))
    limits.push('Prove freedom: a redirected page load proves a garden; all else stays acknowledged.');
  limits.push('Count what it denied: nothing here speaks for or against a release.');
  return limits;
}

function printValues(dialect: Dialect, values: Values): void {
  const names = Object.keys(dialect.values);
  if (names.length === 0) say('  none');
  const wide = Math.max(0, ...names.map((name) => name.length));
  for (const name of names) {
    const { purpose, required, default: preset } = dialect.values[name]!;
    const value = values[name] ?? '–';
    const kind = preset === value ? 'default' : required ? 'needed' : 'may be left out';
    say(`  ${name.padEnd(wide)}  ${paint('cyan', value)}  ${paint('dim', kind)}`);
    wrapped(' '.repeat(wide + 4), purpose);
  }
}

export function printOrder(dialect: Dialect, order: Order, values: Values): void {
  const text = order === 'leaky' && dialect.lacksLeaky === true ? 'as off, for want of it' : ORDER_TEXTS[order];
  section(`${order}: ${text}`);
  const shown = packetsOf(dialect, order, values);
  if ('notSent' in shown) wrapped(`  ${paint('red', 'not sent')}: `, shown.notSent);
  else for (const [i, packet] of shown.entries()) printPacket(packet, shown.length > 1 ? `${i + 1}. ` : '');
}

const ORDER_TEXTS: Readonly<Record<Order, string>> = {
  strict: 'into the garden',
  leaky: 'only the abused ports closed',
  off: 'as before',
  bounce: 'cut for a moment, AAA says what comes after',
};

function printPacket({ code, octets, attributes, doneOn }: ShownPacket, number: string): void {
  say(`  ${number}${paint('bold', code)}${octets > 0 ? `, ${octets} octets` : ''}`);
  printAttributes(attributes);
  if (doneOn.length > 0) say(paint('dim', `       a NAK ${doneOn.map(causeText).join(', ')} says: it is so already`));
}

/** As radclient writes them, one below the other. */
function printAttributes(attributes: readonly NamedAttribute[]): void {
  const names = attributes.map(({ name, tag }) => (tag === undefined ? name : `${name}:${tag}`));
  const wide = Math.max(0, ...names.map((name) => name.length));
  for (const [i, { name, value }] of attributes.entries()) {
    const isText = attributeNamed(name)?.format === 'string' && !value.startsWith('0x');
    const written = isText ? `"${value.replace(/["\\]/g, '\\$&')}"` : value;
    say(`       ${names[i]!.padEnd(wide)} = ${paint('cyan', written)}`);
  }
}

export function printLogin(dialect: Dialect, values: Values): void {
  section('At login: for the Access-Accept');
  for (const access of ['strict', 'leaky'] as const) {
    const attributes = loginAttributes(dialect, access, values);
    say(`  ${paint('bold', access)}`);
    if (attributes.length === 0) say('       nothing');
    printAttributes(attributes);
  }
}

function printProof(dialect: Dialect, values: Values): void {
  section('What proves it');
  if (dialect.confirm.length === 0) say('  nothing');
  for (const one of dialect.confirm) {
    if (one.by === 'portal-hit') {
      bullet('a page load that the BNG redirected to the portal (a garden, never freedom)');
      continue;
    }
    const marks = (['strict', 'leaky', 'off'] as const).flatMap((access) => {
      const mark = one[access];
      if (mark === undefined) return [];
      const [verb, text] = mark.equals === undefined ? ['contains', mark.contains] : ['is', mark.equals];
      return [`${access} when ${mark.attribute} ${verb} ${text}`];
    });
    bullet(`${one.by === 'accounting' ? 'accounting' : 'its answer to a question'}: ${marks.join('; ')}`);
    const query = one.by === 'status-query' ? queryOf(dialect, values) : undefined;
    if (query !== undefined) printPacket(query, '');
  }
}

function printNaks(dialect: Dialect): void {
  for (const cause of knownCauses(dialect)) {
    const { action, text } = judgeNak(dialect, cause);
    const isOwn = Object.hasOwn(dialect.naks, cause);
    const head = `  ${cause === 0 ? 'none' : String(cause).padEnd(4)}  ${action.padEnd(12)}  `;
    wrapped(isOwn ? paint('bold', head) : head, text, head.length);
  }
}

function causeText(cause: number): string {
  return cause === 0 ? 'without a cause' : String(cause);
}

export function causeName(cause: number): string {
  return cause === 0 ? 'none' : (ERROR_CAUSES[cause] ?? String(cause));
}

function section(title: string): void {
  say();
  say(paint(['bold', 'underline'], title));
}

function bullet(text: string): void {
  wrapped('  - ', text);
}

/** Later lines begin under the text of the first. */
function wrapped(head: string, text: string, headWidth = plainLength(head)): void {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1)!;
    if (last !== '' && headWidth + last.length + 1 + word.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  for (const [i, line] of lines.entries()) say(`${i === 0 ? head : ' '.repeat(headWidth)}${line}`);
}

function plainLength(text: string): number {
  return text.replace(/\u001b\[[0-9;]*m/g, '').length;
}
