// The first screen, and what the same address shows when there is nothing to do or nobody we know.
import type { Journey } from '../../../flow/journey.ts';
import { asAddress, type Parts, shownCode } from '../parts.ts';
import { isNavigation, type LineVisit, type Reply, type Visit } from '../visit.ts';
import { resultPage } from './release.ts';

/** Which row of «what works» is true now: only what the gateway proves (invariant 5). */
function effect(confirmed: Journey['confirmed']): 'strict' | 'leaky' | 'notice' | 'unknown' {
  return confirmed === 'open' ? 'notice' : confirmed;
}

export async function firstPage(parts: Parts, visit: LineVisit): Promise<Reply> {
  const { journey, texts, dates } = visit;
  if (journey.phase === 'free') return freePage(parts, visit);
  // An observation, not a change of anything: a person's browser loaded page one.
  if (isNavigation(visit.request)) await parts.options.desk.seen(journey.lineRef);
  if (journey.phase === 'on-probation') return resultPage(parts, visit);
  const heading = journey.phase === 'noticed' ? 'first.notice-title' : 'first.title';
  const now = effect(journey.confirmed);
  return {
    kind: 'page',
    view: 'first',
    model: {
      title: texts.p(heading),
      heading,
      what: journey.exposedOnly === true ? 'first.what-exposed' : 'first.what',
      scene: true,
      bare: true,
      now,
      partial: journey.partial,
      lastSeen: texts.t('expert.at', { at: dates.full(journey.lastSeenAt) }),
      begun: journey.device !== undefined,
      medical: journey.phase === 'quarantined' && (journey.wanted === 'strict' || journey.confirmed === 'strict'),
      postponed: journey.postponedUntil === undefined ? undefined : dates.short(journey.postponedUntil),
      last3: journey.customerNoLast3,
      expert: journey.expert.map((row) => ({
        family: row.family,
        seen: texts.t('expert.at', { at: dates.short(row.lastSeenAt) }),
        port: row.destinationPort ?? texts.t('expert.none'),
      })),
    },
  };
}

export function freePage(_parts: Parts, visit: Visit): Reply {
  const { texts, tag } = visit;
  return {
    kind: 'page',
    view: 'message',
    model: {
      title: texts.t('free.title'),
      scene: true,
      icon: 'check',
      lines: [texts.t('free.lead'), texts.t('free.letter')],
      actions: [{ href: `/${tag}/check`, label: texts.t('foot.genuine'), main: false }],
    },
  };
}

/** Nobody we know: the phone, and a field for the code. Says nothing about any line. */
export function unknownPage(_parts: Parts, visit: Visit): Reply {
  const { texts } = visit;
  return {
    kind: 'page',
    view: 'check',
    model: {
      title: texts.t('unknown.title'),
      lines: [texts.t('unknown.lead'), texts.t('unknown.call')],
    },
  };
}

export function managerPage(parts: Parts, visit: LineVisit): Reply {
  const { texts, tag, journey } = visit;
  return {
    kind: 'page',
    view: 'message',
    model: {
      title: texts.t('manager.title'),
      lines: [texts.t('manager.lead'), texts.t('manager.works'), texts.t('manager.business')],
      reference: {
        label: texts.t('manager.address'),
        value: asAddress(new URL(parts.options.portalOrigins[0]).host, `/${tag}/check`),
        second: { label: texts.t('foot.code'), value: shownCode(journey.checkCode) },
      },
      actions: [{ href: `/${tag}/`, label: texts.t('steps.back'), main: false }],
    },
  };
}
