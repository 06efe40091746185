// A dialect, a session and an order become requests: values in, values out. What is missing is said by name; nothing is
// guessed, and nothing half is sent.
import { err, ok, type Result } from '../kernel/result.ts';
import type { SessionFacts } from '../line/accounting.ts';
import type { NasSession } from '../line/session.ts';
import type { Dialect, DialectRequest, NamedAttribute, Order } from './dialect.ts';
import { accessMarked } from './mark.ts';
import { MARKERS, markerOf } from './marker.ts';
import type { PlanFault } from './plan-fault.ts';
import { asNamedValue, fill, type Placeholder, placeholdersOf, type Source } from './template.ts';

export type { PlanFault };

export interface PlannedRequest {
  readonly code: DialectRequest['code'];
  /** Those that name the session first. */
  readonly attributes: readonly NamedAttribute[];
  /** For judgeNak. */
  readonly doneOn?: readonly number[];
}

type Values = Readonly<Record<string, string>>;

export function planChange(
  dialect: Dialect,
  session: NasSession,
  order: Order,
  values: Values,
): Result<readonly PlannedRequest[], PlanFault> {
  const uncovered = order === 'strict' || order === 'leaky' ? uncoveredFamily(dialect, session) : undefined;
  if (uncovered !== undefined) return err({ kind: 'family-unsupported', family: uncovered });
  const source = sourceOf(dialect, session, values);
  const identification = identify(dialect, source);
  if (!identification.ok) return identification;
  const planned: PlannedRequest[] = [];
  const leftOut = new Set<string>();
  for (const request of dialect[order]) {
    const attributes = change(dialect, request, source);
    if (!attributes.ok) return attributes;
    for (const name of attributes.value.leftOut) leftOut.add(name);
    if (attributes.value.isWhole) planned.push(requestOf(request, identification.value, attributes.value.attributes));
  }
  return planned.length > 0 ? ok(planned) : err({ kind: 'value-missing', names: [...leftOut] });
}

/** undefined: this dialect cannot ask, or this session cannot be named to it. */
export function planQuery(dialect: Dialect, session: NasSession, values: Values): PlannedRequest | undefined {
  const query = dialect.confirm.find((one) => one.by === 'status-query');
  if (query === undefined) return undefined;
  const source = sourceOf(dialect, session, values);
  const identification = identify(dialect, source);
  const attributes = change(dialect, query.request, source);
  if (!identification.ok || !attributes.ok || !attributes.value.isWhole) return undefined;
  return requestOf(query.request, identification.value, attributes.value.attributes);
}

/** For an Access-Accept, the Class marker last. Without anything else: nothing, for a marker alone would say what is not so. */
export function loginAttributes(
  dialect: Dialect,
  access: 'strict' | 'leaky',
  values: Values,
): readonly NamedAttribute[] {
  const source: Source = { value: (name) => configured(dialect, values, name), session: () => undefined };
  const written = change(dialect, { code: 'CoA-Request', attributes: dialect.login[access] }, source);
  if (!written.ok || !written.value.isWhole || written.value.attributes.length === 0) return [];
  return [...written.value.attributes, { name: 'Class', value: MARKERS[access] }];
}

// ---------------------------------------------------------------- what a NAS says of a session

/** By the marks of accounting: `unknown` where the record does not tell. */
export function judgeFacts(
  dialect: Dialect,
  facts: SessionFacts,
  values: Values,
): 'strict' | 'leaky' | 'open' | 'unknown' {
  return judge(dialect, 'accounting', (name) => (Object.hasOwn(facts, name) ? facts[name]! : []), values);
}

/** By the marks of the answer to a status query. */
export function judgeQuery(
  dialect: Dialect,
  attributes: readonly NamedAttribute[],
  values: Values,
): 'strict' | 'leaky' | 'open' | 'unknown' {
  const valuesOf = (name: string) => attributes.filter((one) => one.name === name).map(({ value }) => value);
  return judge(dialect, 'status-query', valuesOf, values);
}

function judge(
  dialect: Dialect,
  by: 'accounting' | 'status-query',
  valuesOf: (attribute: string) => readonly string[],
  values: Values,
): 'strict' | 'leaky' | 'open' | 'unknown' {
  const source: Source = { value: (name) => configured(dialect, values, name), session: () => undefined };
  for (const one of dialect.confirm) {
    if (one.by === 'portal-hit' || one.by !== by) continue;
    const access = accessMarked(one, valuesOf, source);
    if (access !== 'unknown') return access;
  }
  return 'unknown';
}

// ---------------------------------------------------------------- the parts of a request

function uncoveredFamily({ families }: Dialect, { prefixes }: NasSession): 'ipv4' | 'ipv6' | undefined {
  const held = prefixes.map(({ prefix }) => (prefix.ip.family === 4 ? ('ipv4' as const) : ('ipv6' as const)));
  return held.every((family) => !families[family]) ? held[0] : undefined;
}

function sourceOf(dialect: Dialect, session: NasSession, values: Values): Source {
  return {
    value: (name) =>
      configured(dialect, values, name) ?? (name === 'plan' ? planBefore(dialect, session, values) : undefined),
    session: (name) => {
      if (name === 'Acct-Session-Id') return asNamedValue(session.sessionId);
      return Object.hasOwn(session.facts, name) ? session.facts[name]![0] : undefined;
    },
  };
}

function configured(dialect: Dialect, values: Values, name: string): string | undefined {
  if (Object.hasOwn(values, name)) return values[name];
  return Object.hasOwn(dialect.values, name) ? dialect.values[name]!.default : undefined;
}

/** What accounting showed before the garden. Never a name of ours, nor what a session that began in the garden shows. */
function planBefore({ revert, values: declared }: Dialect, { facts }: NasSession, values: Values): string | undefined {
  if (revert.needs !== 'plan' || markerOf(facts) !== undefined) return undefined;
  const shown = Object.hasOwn(facts, revert.attribute) ? facts[revert.attribute]![0] : undefined;
  const ours = new Set([...Object.values(declared).map((one) => one.default), ...Object.values(values)]);
  return ours.has(shown) ? undefined : shown;
}

/** The first group of which the session has everything. */
function identify(dialect: Dialect, source: Source): Result<readonly NamedAttribute[], PlanFault> {
  let best: PlanFault | undefined;
  for (const group of dialect.identify) {
    const filled = group.map((key) => {
      const attribute = typeof key === 'string' ? { name: key, value: `{session:${key}}` } : key;
      return { attribute, value: fill(attribute.value, source) };
    });
    const lacking = filled.flatMap(({ value }) => (value.ok ? [] : value.error));
    if (filled.every(({ value }) => value.ok))
      return ok(filled.map(({ attribute, value }) => ({ ...attribute, value: value.ok ? value.value : '' })));
    best ??= { kind: 'no-identification', missing: [...new Set(lacking.map(({ name }) => name))] };
  }
  return err(best ?? { kind: 'no-identification', missing: [] });
}

interface Change {
  readonly attributes: readonly NamedAttribute[];
  /** false: nothing is left of what it was for. */
  readonly isWhole: boolean;
  readonly leftOut: readonly string[];
}

function change(dialect: Dialect, request: DialectRequest, source: Source): Result<Change, PlanFault> {
  const attributes: NamedAttribute[] = [];
  const leftOut: string[] = [];
  let [asked, filledIn] = [0, 0];
  for (const attribute of request.attributes) {
    const places = placeholdersOf(attribute.value);
    if (places.length > 0) asked++;
    const filled = fill(attribute.value, source);
    if (filled.ok) {
      if (places.length > 0) filledIn++;
      attributes.push({ ...attribute, value: filled.value });
      continue;
    }
    const fault = faultOf(dialect, filled.error);
    if (fault !== undefined) return err(fault);
    leftOut.push(...filled.error.map(({ name }) => name));
  }
  return ok({ attributes, isWhole: asked === 0 || filledIn > 0, leftOut });
}

/** undefined: what is missing need not be there. */
function faultOf({ revert, values }: Dialect, missing: readonly Placeholder[]): PlanFault | undefined {
  const keys = missing.filter((one) => one.of === 'session').map(({ name }) => name);
  if (keys.length > 0) return { kind: 'no-identification', missing: keys };
  const names = missing.map(({ name }) => name);
  if (names.includes('plan') && revert.needs === 'plan') return { kind: 'plan-unknown', attribute: revert.attribute };
  const needed = names.filter((name) => !Object.hasOwn(values, name) || values[name]!.required);
  return missing.length > 0 && needed.length === 0 ? undefined : { kind: 'value-missing', names: needed };
}

function requestOf(
  { code, doneOn }: DialectRequest,
  identification: readonly NamedAttribute[],
  attributes: readonly NamedAttribute[],
): PlannedRequest {
  return {
    code,
    attributes: [...identification, ...attributes],
    ...(doneOn === undefined ? {} : { doneOn }),
  };
}
