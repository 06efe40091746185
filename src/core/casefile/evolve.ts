// From events to a case. No decision is made here and none is refused: what was recorded, happened.
import { type Access, isTightening } from '../garden/access.ts';
import { assertNever } from '../kernel/result.ts';
import type { Instant } from '../kernel/time.ts';
import { LIMITS } from '../policy/policy.ts';
import type { Case, CaseEvent, HoldReason, RecordedEvent, Turn } from './case.ts';

/** How many instants a case remembers for line-wide limits: more than any limit counts. */
const REMEMBERED = 20;

/** Events that hand the turn to nobody else. */
const PASSING: ReadonlySet<CaseEvent['type']> = new Set([
  'report-attached',
  'message-sent',
  'still-seen',
  'note-added',
]);

/** Throws on a stream that does not begin with `case-opened`: that is a broken store, not a refusal. */
export function fold(events: readonly RecordedEvent[]): Case {
  const folded = events.reduce<Case | undefined>(evolve, undefined);
  if (folded === undefined) throw new Error('a case without events');
  return folded;
}

export function evolve(state: Case | undefined, recorded: Pick<RecordedEvent, 'at' | 'event' | 'version'>): Case {
  const { at, event, version } = recorded;
  if (state === undefined) {
    if (event.type !== 'case-opened') throw new Error(`a case cannot begin with ${event.type}`);
    return opened(event, at, version);
  }
  const next = apply(state, event, at);
  const passes = next.state === state.state && PASSING.has(event.type);
  return { ...next, version, turn: passes ? state.turn : turnOf(next, event) };
}

function opened(event: Extract<CaseEvent, { type: 'case-opened' }>, at: Instant, version: number): Case {
  const { type: _, caseId, ...words } = event;
  return {
    ...words,
    id: caseId,
    version,
    state: 'watching',
    turn: 'nobody',
    access: 'open',
    step: -1,
    stepEnteredAt: at,
    openedAt: at,
    disputed: false,
    reports: 0,
    sources: [],
    classes: [],
    firstObservedAt: at,
    lastObservedAt: at,
    lastSource: '',
    ticks: [],
    answers: {},
    tightenedAt: [],
    selfReleasedAt: [],
    notes: 0,
  };
}

function apply(state: Case, event: CaseEvent, at: Instant): Case {
  switch (event.type) {
    case 'case-opened':
      throw new Error('a case opens once');
    case 'report-attached':
      return withReport(state, event);
    case 'step-entered':
      return withStep(state, event, at);
    case 'noticed':
      return { ...without(state, 'hold'), state: 'noticed', access: 'notice' };
    case 'held':
      return { ...state, state: 'held', hold: { reason: event.reason, wantedAccess: event.wantedAccess, since: at } };
    case 'quarantined':
      return quarantined(state, event, at);
    case 'access-loosened':
      return loosened(state, event, at);
    case 'postponed':
      return { ...state, postponedUntil: event.until };
    case 'disputed':
      return { ...state, disputed: true };
    case 'device-chosen':
      // Steps done on one device say nothing about another. Choosing the same one again keeps them.
      return state.device === event.device ? state : { ...state, device: event.device, ticks: [], answers: {} };
    case 'step-ticked': {
      const { type: _, ...tick } = event;
      return { ...state, ticks: [...state.ticks.filter((one) => one.step !== tick.step), { ...tick, at }] };
    }
    case 'question-answered':
      return { ...state, answers: { ...state.answers, [event.question]: event.answer } };
    case 'consent-given':
      return { ...state, consentAt: at };
    case 'release-refused':
    case 'message-sent':
      return state;
    case 'released':
      return released(state, event, at);
    case 'closed':
      return {
        ...without(state, 'hold', 'stepEndsAt'),
        state: 'closed',
        access: 'open',
        closedAt: at,
        closeReason: event.reason,
      };
    case 'portal-seen':
      return { ...state, portalSeenAt: state.portalSeenAt ?? at };
    case 'portal-unseen':
      return { ...state, portalUnseenAt: at };
    case 'still-seen':
      return stillSeen({ ...state, stillSeenAt: Math.max(state.stillSeenAt ?? 0, event.seenAt) }, event.seenAt);
    case 'note-added':
      return { ...state, notes: state.notes + 1 };
    default:
      return assertNever(event);
  }
}

function withReport(state: Case, event: Extract<CaseEvent, { type: 'report-attached' }>): Case {
  const first = state.reports === 0;
  const newest = first || event.observedAt >= state.lastObservedAt;
  const next: Case = {
    ...state,
    reports: state.reports + 1,
    sources: included(state.sources, event.source),
    classes: included(state.classes, event.class),
    firstObservedAt: first ? event.observedAt : Math.min(state.firstObservedAt, event.observedAt),
    lastObservedAt: newest ? event.observedAt : state.lastObservedAt,
    lastSource: newest ? event.source : state.lastSource,
  };
  const port = newest ? event.destinationPort : state.lastDestinationPort;
  const withPort = port === undefined ? without(next, 'lastDestinationPort') : { ...next, lastDestinationPort: port };
  return stillSeen(withPort, event.observedAt);
}

/** A sighting after the release and its grace keeps the probation running, never beyond the case's own end. */
function stillSeen(state: Case, seenAt: Instant): Case {
  if (state.probationEndsAt === undefined || state.state === 'closed') return state;
  if (seenAt < (state.releasedAt ?? 0) + LIMITS.graceMs) return state;
  const quiet = Math.min(seenAt + LIMITS.probationQuietMs, state.expiresAt ?? Number.POSITIVE_INFINITY);
  return { ...state, probationEndsAt: Math.max(state.probationEndsAt, quiet) };
}

function withStep(state: Case, event: Extract<CaseEvent, { type: 'step-entered' }>, at: Instant): Case {
  const { step, ruleId, policyVersion, endsAt } = event;
  const next: Case = { ...without(state, 'stepEndsAt'), step, ruleId, policyVersion, stepEnteredAt: at };
  return endsAt === undefined ? next : { ...next, stepEndsAt: endsAt };
}

function quarantined(state: Case, event: Extract<CaseEvent, { type: 'quarantined' }>, at: Instant): Case {
  const tightened = isTightening(state.access, event.access);
  return {
    ...without(state, 'hold', 'probationEndsAt', 'portalUnseenAt'),
    state: 'quarantined',
    access: event.access,
    ruleId: event.ruleId,
    policyVersion: event.policyVersion,
    legalBasis: event.legalBasis,
    expiresAt: event.expiresAt,
    quarantinedAt: at,
    tightenedAt: tightened ? remembered(state.tightenedAt, at) : state.tightenedAt,
  };
}

function loosened(state: Case, event: Extract<CaseEvent, { type: 'access-loosened' }>, at: Instant): Case {
  const next: Case = { ...without(state, 'stepEndsAt'), access: event.access };
  return event.reason === 'medical-door' ? { ...next, medicalDoorAt: at } : next;
}

function released(state: Case, event: Extract<CaseEvent, { type: 'released' }>, at: Instant): Case {
  const bySelf = event.by.kind === 'subscriber';
  return {
    ...without(state, 'hold', 'stepEndsAt'),
    state: 'on-probation',
    access: event.access,
    releasedAt: at,
    probationEndsAt: event.probationEndsAt,
    selfReleasedAt: bySelf ? remembered(state.selfReleasedAt, at) : state.selfReleasedAt,
  };
}

/** Whose turn it is next. The event matters only where the state alone cannot tell. */
function turnOf(state: Case, event: CaseEvent): Turn {
  switch (state.state) {
    case 'watching':
    case 'closed':
      return 'nobody';
    case 'held':
      return holdTurn(state.hold?.reason);
    case 'on-probation':
      return state.disputed ? 'support' : 'timer';
    case 'noticed':
      return state.disputed ? 'support' : 'subscriber';
    case 'quarantined':
      if (state.disputed || needsPhone(state)) return 'support';
      return event.type === 'release-refused' && event.reason !== 'steps-missing' ? 'support' : 'subscriber';
    default:
      return assertNever(state.state);
  }
}

function needsPhone(state: Case): boolean {
  const medical = state.medicalDoorAt !== undefined && state.medicalDoorAt >= (state.quarantinedAt ?? 0);
  return medical || (state.portalUnseenAt !== undefined && state.portalSeenAt === undefined);
}

function holdTurn(reason: HoldReason | undefined): Turn {
  return reason === 'support-hours' ? 'timer' : 'engineer';
}

export function isGarden(access: Access): access is 'leaky' | 'strict' {
  return access === 'leaky' || access === 'strict';
}

function included<T>(list: readonly T[], item: T): readonly T[] {
  return list.includes(item) ? list : [...list, item];
}

function remembered(list: readonly Instant[], at: Instant): readonly Instant[] {
  return [...list, at].slice(-REMEMBERED);
}

/** exactOptionalPropertyTypes: absent, not undefined. */
function without<K extends keyof Case>(state: Case, ...keys: K[]): Case {
  const copy: Partial<Case> = { ...state };
  for (const key of keys) delete copy[key];
  return copy as Case;
}
