// The public side: is this real, and the steps by check code from anywhere. Reads and ticks; nothing personal, never a release.
import type { OutsideJourney } from '../../../flow/journey.ts';
import { deviceThe, type Parts, shownCode, sightingOf } from '../parts.ts';
import { field, type Reply, type Visit } from '../visit.ts';
import { orderedTick, stepList, stepPage } from './steps.ts';

const go = (visit: Visit, rest: string): Reply => ({ kind: 'go', to: `/${visit.tag}/${rest}` });

export function checkPage(_parts: Parts, visit: Visit): Reply {
  const problem = visit.request.query['problem'];
  const known = problem === 'wrong' || problem === 'pause' ? problem : undefined;
  const { texts } = visit;
  return {
    kind: 'page',
    view: 'check',
    model: {
      title: texts.t('check.title'),
      lines: [texts.t('check.lead')],
      ...(known === undefined ? {} : { problem: texts.t(`check.${known}`) }),
    },
  };
}

/** Crockford base32 as people write it: small or full-width letters, O for 0, I and L for 1, hyphens and spaces anywhere. */
export function readCode(text: string): string | undefined {
  const code = text
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[\s-‐–—ー－]/g, '')
    .replace(/O/g, '0')
    .replace(/[IL]/g, '1');
  return /^[0-9A-HJKMNP-TV-Z]{8}$/.test(code) ? code : undefined;
}

export async function checkCode(parts: Parts, visit: Visit): Promise<Reply> {
  const code = readCode(field(visit.request, 'code'));
  if (code === undefined) return go(visit, 'check?problem=wrong'); // no code at all: not a guess, so not counted as one
  const answer = await parts.options.desk.byCode(code, visit.peer, visit.peerPort);
  if (answer.kind === 'found') return go(visit, `c/${parts.tokens.seal(code, visit.now)}`);
  return go(visit, `check?problem=${answer.kind}`);
}

export type OutsideVisit = Visit & { readonly journey: OutsideJourney; readonly sealed: string };

/** undefined = not ours, too old, or the code is dead: all the same 404 (W05). */
export async function outsideVisit(parts: Parts, visit: Visit): Promise<OutsideVisit | undefined> {
  const sealed = String(visit.request.params['sealed']);
  const code = parts.tokens.unseal(sealed, visit.now);
  if (code === undefined) return undefined;
  const answer = await parts.options.desk.byCode(code, visit.peer, visit.peerPort);
  return answer.kind === 'found' ? { ...visit, journey: answer.journey, sealed } : undefined;
}

export function outsidePage(parts: Parts, visit: OutsideVisit): Reply {
  const { journey, texts, tag, dates } = visit;
  const progress = parts.guides.progress(journey);
  const until = journey.probationEndsAt;
  const status =
    journey.phase === 'on-probation'
      ? texts.t('outside.probation', { until: until === undefined ? '–' : dates.full(until) })
      : texts.t(`outside.${journey.phase}`);
  const open = journey.phase === 'quarantined' || journey.phase === 'noticed';
  const todo = progress.at === 'device' ? 'device' : progress.at === 'step' ? 'from-home' : 'finished';
  return {
    kind: 'page',
    view: 'message',
    model: {
      title: texts.t('outside.title'),
      icon: 'check',
      lines: [...(open ? [texts.t('outside.lead')] : []), status, ...(open ? [texts.t(`outside.${todo}`)] : [])],
      ...(journey.phase === 'free' ? {} : sightingOf(visit, journey.sighting)),
      ...(open && progress.at !== 'device'
        ? { next: { title: texts.t('steps.all'), list: listed(visit, parts) } }
        : {}),
      reference: {
        label: texts.t('outside.address'),
        value: `${new URL(parts.options.portalOrigins[0]).host}`,
        second: { label: texts.t('foot.code'), value: shownCode(journey.checkCode) },
      },
      code: undefined,
      actions:
        open && progress.at === 'step'
          ? [{ href: `/${tag}/c/${visit.sealed}/steps`, label: texts.t('first.continue'), main: true }]
          : [],
    },
  };
}

function listed(visit: OutsideVisit, parts: Parts) {
  const device = deviceThe(visit, visit.journey.device);
  return stepList(visit, parts.guides.plan(visit.journey), device);
}

export function outsideStepPage(parts: Parts, visit: OutsideVisit): Reply {
  const progress = parts.guides.progress(visit.journey);
  const open = visit.journey.phase === 'quarantined' || visit.journey.phase === 'noticed';
  if (!open || progress.at !== 'step') return go(visit, `c/${visit.sealed}`);
  const here = `/${visit.tag}/c/${visit.sealed}/steps`;
  return stepPage(parts, visit, visit.journey, { steps: progress.steps, index: progress.index, inside: false, here });
}

export async function outsideTick(parts: Parts, visit: OutsideVisit): Promise<Reply> {
  const back = `c/${visit.sealed}/steps`;
  const order = orderedTick(parts, visit, visit.journey, 'outside');
  if (order === 'not-next') return go(visit, back);
  if (order === 'bad' || order === 'early') return go(visit, `${back}?notice=again`);
  await parts.options.desk.tick(visit.journey.lineRef, order.step, order.answer, order.proof);
  return go(visit, back);
}
