// Addresses shared by rule: what stands behind a port of one, for every moment of a window, and which ports an inside prefix has.
// The rules are versioned in time: an old event is judged by what was valid then, and a change inside the window gives several
// answers. From the inside prefix to the line is another step, with evidence of its own.
import { assertNever } from '../../kernel/result.ts';
import type { Instant } from '../../kernel/time.ts';
import type { Ip } from '../../net/ip.ts';
import { formatPrefix, type Prefix } from '../../net/prefix.ts';
import type { PortRange } from '../../net/transport.ts';
import { ip4FromNumber, ip4Number, size4 } from './bits.ts';
import { deterministicHolder, deterministicPortSets, isSharedByDeterministic } from './deterministic.ts';
import { isSharedByTable, tableHolder, tablePortSets } from './lw4o6.ts';
import { isSharedByMapE, mapEHolder, mapEPortSets } from './map-e.ts';
import { MOST_PORT_SETS } from './port-set.ts';
import { isValidAt, type NoHolder } from './rule.ts';
import { type Covering, rulesOf } from './rule-index.ts';
import type { SharingRule, SharingRules } from './sharing-rule.ts';

export type { SharingRule, SharingRules };

export const NO_SHARING: SharingRules = { version: 'none', rules: [] };

export interface SharedQuestion {
  readonly realm: string;
  readonly ip: Ip;
  readonly port?: number;
  readonly protocol?: 'tcp' | 'udp' | 'icmp';
  /** Both ends belong to the window. */
  readonly fromAt: Instant;
  readonly toAt: Instant;
}

/** The part of the window an answer speaks about. Neighbouring parts meet in one instant. */
interface Part {
  readonly fromAt: Instant;
  readonly toAt: Instant;
}

export type SharedAnswer =
  | (Part & {
      readonly kind: 'inside';
      readonly ruleId: string;
      readonly ruleKind: SharingRule['kind'];
      /** Of the prefix. */
      readonly realm: string;
      readonly prefix: Prefix;
      /** The whole port set of that holder, ascending. */
      readonly ports: readonly PortRange[];
    })
  /** Nobody can have had it: the report is wrong, or about something else. */
  | (Part & { readonly kind: 'impossible'; readonly ruleId: string; readonly reason: NoHolder | 'shared-address-icmp' })
  /** The dynamic pool of a deterministic CGN (RFC 7422 §2): its log names the holder, nothing else does. */
  | (Part & { readonly kind: 'log-needed'; readonly ruleId: string })
  /** Shared by rule, and the port is not known (RFC 6302 §4). */
  | (Part & { readonly kind: 'no-port'; readonly ruleId: string })
  /** Another part of the window has a rule, this one has none: what held then is not known. */
  | (Part & { readonly kind: 'no-rule' });

/** All answers over the window, in the order of time. Empty: no rule speaks about this address at any moment of it. */
export function resolveShared(rules: SharingRules, question: SharedQuestion): readonly SharedAnswer[] {
  const covering = rulesOf(rules, question.realm, question.ip);
  if (covering.length === 0) return [];
  const answers: SharedAnswer[] = [];
  for (const part of partsOf(covering, question)) {
    const found = longest(covering, part.fromAt);
    const told = found.length === 0 ? [{ kind: 'no-rule' as const, ...part }] : answersOf(found, question, part);
    for (const one of told) {
      // A rule that ended elsewhere divides the window, not the answer.
      const before = answers.findLastIndex((other) => other.toAt === part.fromAt && isSame(other, one));
      if (before < 0) answers.push(one);
      else answers[before] = { ...answers[before]!, toAt: one.toAt };
    }
  }
  return answers.some((one) => one.kind !== 'no-rule') ? answers : [];
}

/** Does any rule valid in the window share this address between households? */
export function isSharedByRule(
  rules: SharingRules,
  question: Pick<SharedQuestion, 'realm' | 'ip' | 'fromAt' | 'toAt'>,
): boolean {
  const covering = rulesOf(rules, question.realm, question.ip);
  return partsOf(covering, question).some((part) =>
    longest(covering, part.fromAt).some((rule) => isShared(rule, question.ip)),
  );
}

/**
 * The other way: which shares of outside addresses belong to whoever holds this inside prefix at that moment. A share lies in the
 * prefix or around it; several = all of them are the holder's. An unshared address has all ports.
 */
export function portSetsOf(
  rules: SharingRules,
  inside: { readonly realm: string; readonly prefix: Prefix },
  at: Instant,
): readonly { readonly ruleId: string; readonly outside: Ip; readonly ports: readonly PortRange[] }[] {
  return rules.rules
    .filter((rule) => rule.insideRealm === inside.realm && isValidAt(rule, at))
    .flatMap((rule) =>
      sharesOf(rule, inside.prefix).flatMap(({ outside, ports }) =>
        addressesIn(outside)
          // A longer rule may have taken the address out of this one's hands.
          .filter((ip) => longest(rulesOf(rules, rule.realm, ip), at).includes(rule))
          .map((ip) => ({ ruleId: rule.id, outside: ip, ports })),
      ),
    );
}

/** Stretches of the window during which the rules do not change; the last instant is one of its own. */
function partsOf(covering: readonly Covering[], { fromAt, toAt }: Part): readonly Part[] {
  if (covering.length === 0) return [];
  const changes = covering
    .flatMap(({ rule }) => [rule.validFromAt, rule.validToAt])
    .filter((at): at is Instant => at !== undefined && at > fromAt && at <= toAt);
  const points = [...new Set([fromAt, ...changes, toAt])].sort((a, b) => a - b);
  return points.map((at, i) => ({ fromAt: at, toAt: points[i + 1] ?? at }));
}

/** Several only where they divide the ports of one address between them. */
function longest(covering: readonly Covering[], at: Instant): readonly SharingRule[] {
  const valid = covering.filter(({ rule }) => isValidAt(rule, at));
  const length = Math.max(...valid.map((one) => one.length));
  return valid.filter((one) => one.length === length).map(({ rule }) => rule);
}

function answersOf(found: readonly SharingRule[], question: SharedQuestion, part: Part): readonly SharedAnswer[] {
  const all = found.map((rule) => answerOf(rule, question, part));
  const holders = all.filter((one) => one.kind === 'inside' || one.kind === 'log-needed');
  return holders.length > 0 ? holders : all.slice(0, 1);
}

function answerOf(rule: SharingRule, { ip, port, protocol }: SharedQuestion, part: Part): SharedAnswer {
  const shared = isShared(rule, ip);
  // The identifier of an echo is mapped as a port is (RFC 7597 §8.2), but no report carries it.
  if (shared && protocol === 'icmp')
    return { kind: 'impossible', ruleId: rule.id, reason: 'shared-address-icmp', ...part };
  if (shared && port === undefined) return { kind: 'no-port', ruleId: rule.id, ...part };
  const holder = holderOf(rule, ip, protocol === 'icmp' ? undefined : port);
  if (holder === 'dynamic') return { kind: 'log-needed', ruleId: rule.id, ...part };
  if (typeof holder === 'string') return { kind: 'impossible', ruleId: rule.id, reason: holder, ...part };
  return { kind: 'inside', ruleId: rule.id, ruleKind: rule.kind, realm: rule.insideRealm, ...holder, ...part };
}

function holderOf(rule: SharingRule, ip: Ip, port: number | undefined) {
  switch (rule.kind) {
    case 'map-e':
      return mapEHolder(rule, ip, port);
    case 'deterministic-cgn':
      return deterministicHolder(rule, ip, port);
    case 'lw4o6':
      return tableHolder(rule, ip, port);
    default:
      return assertNever(rule);
  }
}

function isShared(rule: SharingRule, ip: Ip): boolean {
  switch (rule.kind) {
    case 'map-e':
      return isSharedByMapE(rule);
    case 'deterministic-cgn':
      return isSharedByDeterministic(rule);
    case 'lw4o6':
      return isSharedByTable(rule, ip);
    default:
      return assertNever(rule);
  }
}

function sharesOf(rule: SharingRule, inside: Prefix) {
  switch (rule.kind) {
    case 'map-e':
      return mapEPortSets(rule, inside);
    case 'deterministic-cgn':
      return deterministicPortSets(rule, inside);
    case 'lw4o6':
      return tablePortSets(rule, inside);
    default:
      return assertNever(rule);
  }
}

function addressesIn(outside: Prefix): readonly Ip[] {
  if (size4(outside) > MOST_PORT_SETS) return [];
  return Array.from({ length: size4(outside) }, (_, i) => ip4FromNumber(ip4Number(outside.ip) + i));
}

function isSame(a: SharedAnswer, b: SharedAnswer): boolean {
  if (a.kind === 'no-rule' || b.kind === 'no-rule') return a.kind === b.kind;
  if (a.kind !== b.kind || a.ruleId !== b.ruleId) return false;
  return a.kind !== 'inside' || b.kind !== 'inside' || formatPrefix(a.prefix) === formatPrefix(b.prefix);
}
