// Everybody who may have held an address, through a port where it is shared: bindings of the address itself, and what rules and
// translators' logs say stood behind the port, each joined to the line that held that. Judges nothing: core/line/attribute.ts.
import { DAY, type Instant } from '../core/kernel/time.ts';
import type { Question, Sharing } from '../core/line/attribute.ts';
import type { Binding } from '../core/line/binding.ts';
import { type ClockCorrection, correctedBindings, correctedTranslation, reachMs } from '../core/line/corrections.ts';
import { isLogged, isWhole, joined, type Step, stepOfLog, stepsOfRules } from '../core/line/join.ts';
import { resolveShared, type SharedAnswer, type SharingRules } from '../core/line/sharing/rules.ts';
import { certainFrom, type Window } from '../core/line/window.ts';
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

/** Sessions are cut daily by many a NAS; evidence further off than this is not held against anybody. */
const MOST_AROUND_MS = 2 * DAY;

export async function findHolders(parts: HolderParts, plain: Asked): Promise<Found> {
  const { realm } = parts;
  const reach = reachMs(parts.corrections?.() ?? []);
  const asked = reach === 0 ? plain : { ...plain, window: widened(plain.window, reach) };
  const { ip, window } = asked;
  const direct = await corrected(parts, window, (from, to) => parts.bindings.holders(realm, ip, from, to));
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
  const found = await corrected(parts, asked.window, (from, to) => parts.bindings.over(realm, prefix, from, to));
  // As far as any clock in it may be off: the window it is judged by ends where those that are known end.
  const inner = { ...found, tailLimitAt: asked.limitAt + (asked.window.toAt - asked.core.toAt) };
  return {
    ...found,
    bindings: joined(step, inner, asked.core),
    skewMs: found.skewMs + (isLogged(step) ? stepSkewMs : 0),
  };
}

/** What a correction moves may meet any of the evidence found: then it is looked for around all of that. */
async function corrected(
  parts: HolderParts,
  { fromAt, toAt }: Asked['window'],
  look: (fromAt: Instant, toAt: Instant) => Promise<Holders>,
): Promise<Holders> {
  const corrections = (parts.corrections?.() ?? []).filter(({ of }) => of === 'nas');
  const near = await look(fromAt, toAt);
  if (corrections.length === 0 || near.bindings.length === 0) return near;
  const reach = reachMs(corrections);
  const first = Math.min(fromAt, ...near.bindings.map(certainFrom)) - reach;
  const last = Math.max(toAt, ...near.bindings.map((one) => one.certainEndAt)) + reach;
  const found = await look(Math.max(first, fromAt - MOST_AROUND_MS), Math.min(last, toAt + MOST_AROUND_MS));
  return { ...found, bindings: correctedBindings(corrections, found.bindings) };
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
