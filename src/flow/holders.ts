// Everybody who may have held an address, through a port where it is shared: bindings of the address itself, and what rules and
// translators' logs say stood behind the port, each joined to the line that held that. Judges nothing: core/line/attribute.ts.
import type { Instant } from '../core/kernel/time.ts';
import type { Question, Sharing } from '../core/line/attribute.ts';
import type { Binding } from '../core/line/binding.ts';
import { type ClockCorrection, correctedBinding, correctedTranslation, reachMs } from '../core/line/corrections.ts';
import { isLogged, isWhole, joined, type Step, stepOfLog, stepsOfRules } from '../core/line/join.ts';
import { resolveShared, type SharedAnswer, type SharingRules } from '../core/line/sharing/rules.ts';
import type { Window } from '../core/line/window.ts';
import type { Report } from '../core/report/report.ts';
import type { Bindings, Holders, Translations } from './ports.ts';

export interface HolderParts {
  readonly bindings: Pick<Bindings, 'holders' | 'over'>;
  readonly realm: string;
  /** As they are now; each rule says from when to when it is true. Left out: no address is shared by rule. */
  readonly sharing?: () => SharingRules;
  /** Left out: no translator logs. */
  readonly translations?: Pick<Translations, 'over'>;
  /** Clocks put right by a person; left out: none. */
  readonly corrections?: () => readonly ClockCorrection[];
  /** How far the clock of the binding's NAS may be off whatever was measured; left out: as measured. */
  readonly leastSkewMsOf?: (binding: Binding) => number;
}

export type Asked = Pick<Report, 'ip' | 'port' | 'protocol'> & {
  /** As wide as any answer may need. */
  readonly window: Pick<Window, 'fromAt' | 'toAt'>;
  /** What every answer is about: a holder inside must be known in here. */
  readonly core: Pick<Window, 'fromAt' | 'toAt'>;
  /** Nothing after this is known of open tails, skew aside. */
  readonly limitAt: Instant;
};

/** What `attribute` needs to judge: holders of both kinds, and what arithmetic says. */
export type Found = Pick<Question, 'holders' | 'sharing'>;

export async function findHolders(parts: HolderParts, plain: Asked): Promise<Found> {
  const { realm } = parts;
  const reach = reachMs(parts.corrections?.() ?? []);
  const asked = reach === 0 ? plain : { ...plain, window: widened(plain.window, reach) };
  const { ip, window } = asked;
  const direct = corrected(parts, await parts.bindings.holders(realm, ip, window.fromAt, window.toAt));
  if (ip.family !== 4) return { holders: direct };
  // Rules know no clock but the true one: they are asked no further off than any window reaches.
  const answers = answersOf(parts, plain);
  const { steps, skewMs } = await stepsOf(parts, asked, { answers, window: plain.window });
  if (steps.length + answers.length === 0) return { holders: direct };
  const inner = await Promise.all(steps.map((step) => joinedTo(parts, step, asked, skewMs)));
  const holders = together([direct, ...inner]);
  const { leastSkewMsOf = () => 0 } = parts;
  const judged = widened(plain.core, Math.max(holders.skewMs, ...holders.bindings.map(leastSkewMsOf)));
  const told = answers.filter((one) => one.fromAt <= judged.toAt && one.toAt >= judged.fromAt);
  return { holders, sharing: sharingOf(told, steps, asked) };
}

function answersOf(parts: HolderParts, { ip, port, protocol, window }: Asked): readonly SharedAnswer[] {
  if (parts.sharing === undefined) return [];
  return resolveShared(parts.sharing(), {
    realm: parts.realm,
    ip,
    ...(port === undefined ? {} : { port }),
    ...(protocol === undefined ? {} : { protocol }),
    fromAt: window.fromAt,
    toAt: window.toAt,
  });
}

async function stepsOf(
  parts: HolderParts,
  asked: Asked,
  ruled: { readonly answers: readonly SharedAnswer[]; readonly window: Asked['window'] },
): Promise<Steps> {
  const { realm } = parts;
  const { ip, port, protocol, window } = asked;
  const steps = stepsOfRules(ruled.answers, { realm, ip, ...(port === undefined ? {} : { port }) }, ruled.window);
  if (port === undefined || protocol === 'icmp' || parts.translations === undefined) return { steps, skewMs: 0 };
  const place = { port, ...(protocol === undefined ? {} : { protocol }) };
  const logged = await parts.translations.over(realm, ip, place, window);
  const corrections = parts.corrections?.() ?? [];
  const translations = logged.translations.map((one) => correctedTranslation(corrections, one));
  return { steps: [...steps, ...translations.map(stepOfLog)], skewMs: logged.skewMs };
}

interface Steps {
  readonly steps: readonly Step[];
  /** How far the translator's clock may be off, ms. */
  readonly skewMs: number;
}

/** The uncertainties of both steps add up. */
async function joinedTo(parts: HolderParts, step: Step, asked: Asked, stepSkewMs: number): Promise<Holders> {
  const { realm, prefix } = step.inside;
  const found = corrected(parts, await parts.bindings.over(realm, prefix, asked.window.fromAt, asked.window.toAt));
  // As far as any clock in it may be off: the window it is judged by ends where those that are known end.
  const inner = { ...found, tailLimitAt: asked.limitAt + (asked.window.toAt - asked.core.toAt) };
  return {
    ...found,
    bindings: joined(step, inner, asked.core),
    skewMs: found.skewMs + (isLogged(step) ? stepSkewMs : 0),
  };
}

function corrected(parts: HolderParts, found: Holders): Holders {
  const corrections = parts.corrections?.() ?? [];
  if (corrections.length === 0) return found;
  return { ...found, bindings: found.bindings.map((one) => correctedBinding(corrections, one)) };
}

function widened({ fromAt, toAt }: Asked['window'], byMs: number): Asked['window'] {
  return { fromAt: fromAt - byMs, toAt: toAt + byMs };
}

function together(all: readonly Holders[]): Holders {
  return {
    bindings: all.flatMap((one) => one.bindings),
    skewMs: Math.max(...all.map((one) => one.skewMs)),
    interimMs: Math.min(...all.map((one) => one.interimMs)),
  };
}

function sharingOf(answers: readonly SharedAnswer[], steps: readonly Step[], { protocol }: Asked): Sharing {
  const isRuled = answers.some((one) => one.kind !== 'no-rule');
  const isShared =
    steps.some(isLogged) || (isRuled && answers.some((one) => one.kind !== 'inside' || !isWhole(one.ports)));
  const impossible = answers.find((answer) => answer.kind === 'impossible');
  const isPossible = answers.some((answer) => answer.kind !== 'impossible');
  return {
    isShared,
    ...(impossible === undefined || isPossible ? {} : { impossible: impossible.reason }),
    lacksProtocol: protocol === undefined && steps.some((step) => step.protocol !== undefined),
  };
}
