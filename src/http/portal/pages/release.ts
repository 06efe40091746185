// Declaration and consent, the release, its result, and the refusals. Says only what the gateway has confirmed (invariant 5).
import { createHash } from 'node:crypto';
import type { ReleaseRefusal } from '../../../core/casefile/case.ts';
import { callCard, deviceThe, htmlOf, openForm, type Parts, shownCode, sightingOf } from '../parts.ts';
import { fields, type LineVisit, type Model, type Reply, type Visit } from '../visit.ts';
import { after, QUESTION, stepList } from './steps.ts';

export const BOXES = ['steps-done', 'may-decide', 'may-return'];
const MASK = '[form token]';

const go = (visit: Visit, rest: string): Reply => ({ kind: 'go', to: `/${visit.tag}/${rest}` });

/** Where somebody belongs who is not ready for the consent page; undefined = ready. */
function elsewhere(parts: Parts, visit: LineVisit): Reply | undefined {
  const { journey } = visit;
  if (journey.phase === 'on-probation') return go(visit, 'result');
  if (parts.guides.progress(journey).at !== 'told') return go(visit, 'steps');
  if (journey.answers[QUESTION] === undefined) return go(visit, 'question');
  if (journey.phase !== 'quarantined') return go(visit, 'noted');
  return journey.selfRelease.allowed ? undefined : go(visit, `refused/${journey.selfRelease.reason}`);
}

/** The very page, with the token masked: shown, hashed into the form's token, kept with the consent. */
function consentHtml(parts: Parts, visit: LineVisit): { readonly masked: string; readonly hash: string } {
  const { journey, texts } = visit;
  const device = deviceThe(visit, journey.device);
  const progress = parts.guides.progress(journey);
  const model: Model = {
    title: texts.p('consent.title'),
    notice: undefined,
    deviceName: texts.raw(`device.${journey.device ?? 'unknown'}.name`),
    list: stepList(visit, progress.at === 'told' ? progress.steps : [], device),
    boxes: BOXES,
    formToken: MASK,
  };
  const masked = htmlOf(parts, visit, 'consent', model, journey);
  return { masked, hash: createHash('sha256').update(masked).digest('hex') };
}

export function releasePage(parts: Parts, visit: LineVisit): Reply {
  const other = elsewhere(parts, visit);
  if (other !== undefined) return other;
  const { masked, hash } = consentHtml(parts, visit);
  const token = parts.tokens.issue({ ...visit.journey, action: 'release', pageHash: hash }, visit.now);
  return { kind: 'page', view: 'consent', model: { title: '' }, html: masked.replace(MASK, token) };
}

export async function giveRelease(parts: Parts, visit: LineVisit): Promise<Reply> {
  const other = elsewhere(parts, visit);
  if (other !== undefined) return other;
  const { journey, texts, tag } = visit;
  const { masked, hash } = consentHtml(parts, visit);
  const form = openForm(parts, visit, 'release', { pageHash: hash, readingMs: parts.readingMs.consent });
  if (form.kind === 'bad') return go(visit, 'again/old');
  if (!form.fresh) return go(visit, 'refused/case-changed');
  if (form.early) return go(visit, 'again/read');
  const declared = fields(visit.request, 'declared').filter((box) => BOXES.includes(box));
  if (!BOXES.every((box) => declared.includes(box))) return go(visit, 'again/tick');
  const consent = { html: masked, textVersion: texts.version, language: tag, declared };
  const proof = { ...form.proof, requestId: visit.requestId };
  return after(visit, await parts.options.desk.release(journey.lineRef, journey.version, consent, proof), 'result');
}

export function resultPage(_parts: Parts, visit: LineVisit): Reply {
  const { journey, texts, tag, dates } = visit;
  if (journey.phase === 'quarantined' || journey.phase === 'noticed') return go(visit, '');
  const isOpen = journey.confirmed !== 'strict' && journey.confirmed !== 'unknown';
  const state = journey.phase === 'free' && isOpen ? 'free' : isOpen ? 'open' : 'waiting';
  // «You are done» only when the whole line is proven; browsers keep a DNS answer for up to a minute.
  const lines = [
    isOpen && journey.partial ? texts.t('result.partly') : texts.t(`result.${state}`),
    ...(state === 'open' ? [texts.t('result.minute')] : []),
  ];
  const until = journey.probationEndsAt;
  const next = [
    ...(state === 'waiting' ? [texts.t('result.waiting-more')] : []),
    ...(until === undefined
      ? []
      : [texts.t('result.watch', { until: dates.full(until) }), texts.t('result.closed-paths')]),
    texts.t('result.end'),
  ];
  return {
    kind: 'page',
    view: 'message',
    model: {
      title: texts.t(`result.${state}-title`),
      scene: true,
      icon: isOpen ? 'check' : 'eye',
      lines,
      ...sightingOf(visit, journey.sighting),
      ...(state === 'free' ? {} : { next: { title: texts.t('result.next'), lines: next } }),
      reference: { label: texts.t('result.reference'), value: shownCode(journey.checkCode) },
      code: undefined, // shown above as the reference
      actions: [{ href: `/${tag}/result`, label: texts.t('result.again'), main: state === 'waiting', word: isOpen }],
    },
  };
}

/** Nothing closed, steps answered: thanks, and nothing to release. */
export function notedPage(_parts: Parts, visit: LineVisit): Reply {
  const { texts, tag, journey } = visit;
  return {
    kind: 'page',
    view: 'message',
    model: {
      title: texts.t('noticed.title'),
      icon: 'check',
      lines: [texts.t('noticed.lead'), texts.t('noticed.watch')],
      ...sightingOf(visit, journey.sighting),
      actions: [{ href: `/${tag}/`, label: texts.t('steps.back'), main: false }],
    },
  };
}

type Refused = ReleaseRefusal | 'not-available' | 'failed';
export const REFUSALS: readonly Refused[] = [
  'still-seen',
  'cannot-see',
  'limit-per-day',
  'limit-per-90-days',
  'steps-missing',
  'not-in-garden',
  'medical-door-used',
  'case-changed',
  'not-available',
  'failed',
];

/** Where each leads; the others to the steps. */
const BACK: Partial<Readonly<Record<Refused, string>>> = { 'still-seen': 'device', 'cannot-see': 'release' };

export function refusedPage(_parts: Parts, visit: LineVisit): Reply {
  const { journey, texts, tag, dates } = visit;
  const reason = REFUSALS.find((r) => r === visit.request.params['reason']);
  if (reason === undefined) return go(visit, '');
  const { selfRelease } = journey;
  const nextAt = selfRelease.allowed ? undefined : selfRelease.nextAt;
  const needsPerson = reason !== 'case-changed' && reason !== 'not-in-garden' && reason !== 'steps-missing';
  return {
    kind: 'page',
    view: 'message',
    model: {
      title: texts.t('refused.title'),
      lines: [
        texts.t(`refused.${reason}`),
        ...(nextAt === undefined ? [] : [texts.t('refused.next-at', { at: dates.full(nextAt) })]),
      ],
      ...(reason === 'still-seen' ? sightingOf(visit, journey.sighting) : {}),
      ...(needsPerson ? callCard(texts.t('refused.call'), journey) : {}),
      actions: [
        {
          href: `/${tag}/${BACK[reason] ?? 'steps'}`,
          label: texts.t(reason === 'cannot-see' ? 'refused.again' : 'refused.to-steps'),
          main: false,
        },
      ],
    },
  };
}

/** Too fast, too old, or a box forgotten: friendly, and back to the page. Why is one of ours, or nothing. */
const AGAIN: Readonly<Record<string, { readonly text: string; readonly back: string }>> = {
  fast: { text: 'again.lead', back: 'steps' },
  question: { text: 'again.lead', back: 'question' },
  medical: { text: 'again.lead', back: 'medical' },
  later: { text: 'again.lead', back: 'later' },
  read: { text: 'again.lead', back: 'release' },
  old: { text: 'notice.again', back: 'release' },
  tick: { text: 'notice.tick', back: 'release' },
};

export function againPage(_parts: Parts, visit: Visit): Reply {
  const why = String(visit.request.params['why']);
  const again = Object.hasOwn(AGAIN, why) ? AGAIN[why]! : AGAIN['fast']!;
  const { texts, tag } = visit;
  return {
    kind: 'page',
    view: 'message',
    model: {
      title: texts.t('again.title'),
      lines: [texts.t(again.text)],
      actions: [{ href: `/${tag}/${again.back}`, label: texts.t('again.go'), main: true }],
    },
  };
}
