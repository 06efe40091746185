// The two doors that need no steps: somebody's health depends on the line, and «I need more time».
import { laterChoices } from '../dates.ts';
import { callCard, openForm, type Parts } from '../parts.ts';
import { field, type LineVisit, type Reply, type Visit } from '../visit.ts';
import { after } from './steps.ts';

const go = (visit: Visit, rest: string): Reply => ({ kind: 'go', to: `/${visit.tag}/${rest}` });

export function medicalPage(_parts: Parts, visit: LineVisit): Reply {
  const { journey, texts, tag, dates } = visit;
  const { available, usedAt } = journey.medicalDoor;
  const home = { href: `/${tag}/`, label: texts.t('medical.no'), main: false };
  const common = { title: texts.t('medical.title'), icon: 'heart', actions: [home] };
  if (!available) {
    const used =
      usedAt === undefined ? texts.t('refused.not-available') : texts.t('medical.used', { at: dates.short(usedAt) });
    const lines = [used, texts.t('medical.emergency')];
    return {
      kind: 'page',
      view: 'message',
      model: { ...common, lines, ...callCard(texts.t('medical.call'), journey) },
    };
  }
  return {
    kind: 'page',
    view: 'message',
    model: {
      ...common,
      lines: ['lead', 'what', 'once', 'emergency'].map((line) => texts.t(`medical.${line}`)),
      posts: [{ href: `/${tag}/medical`, action: 'medical', label: texts.t('medical.yes'), main: true }],
    },
  };
}

export async function openMedicalDoor(parts: Parts, visit: LineVisit): Promise<Reply> {
  const form = openForm(parts, visit, 'medical');
  if (form.kind === 'bad') return go(visit, 'medical?notice=again');
  if (form.early) return go(visit, 'again/medical');
  const proof = { ...form.proof, requestId: visit.requestId };
  const result = await parts.options.desk.medicalDoor(visit.journey.lineRef, proof);
  return after(visit, result, 'medical/done');
}

export function medicalDonePage(_parts: Parts, visit: LineVisit): Reply {
  const { journey, texts, tag } = visit;
  if (journey.medicalDoor.usedAt === undefined) return go(visit, 'medical');
  const isOpen = journey.confirmed !== 'strict' && journey.confirmed !== 'unknown';
  const state = isOpen ? 'done' : 'waiting';
  return {
    kind: 'page',
    view: 'message',
    model: {
      title: texts.t(`medical.${state}-title`),
      icon: isOpen ? 'check' : 'heart',
      lines: [texts.t(`medical.${state}`), texts.t('medical.next'), texts.t('medical.emergency')],
      ...(isOpen ? {} : callCard(texts.t('medical.waiting-call'), journey)),
      actions: [
        ...(isOpen ? [] : [{ href: `/${tag}/medical/done`, label: texts.t('result.again'), main: true }]),
        { href: `/${tag}/steps`, label: texts.t('first.continue'), main: false },
      ],
    },
  };
}

export function laterPage(parts: Parts, visit: LineVisit): Reply {
  const { texts, tag, dates, now } = visit;
  const choices = laterChoices(now, parts.options.operator.timeZone);
  const post = (value: 'tonight' | 'saturday', at: number) => ({
    href: `/${tag}/later`,
    action: 'later',
    value,
    label: texts.t(`later.${value}`, { at: dates.short(at) }),
    main: false,
  });
  return {
    kind: 'page',
    view: 'message',
    model: {
      title: texts.t('later.title'),
      lines: [texts.t('later.lead'), texts.t('later.same')],
      posts: [
        ...(choices.tonight === undefined ? [] : [post('tonight', choices.tonight)]),
        post('saturday', choices.saturday),
      ],
      actions: [{ href: `/${tag}/`, label: texts.t('later.back'), main: false }],
    },
  };
}

export async function postponeSteps(parts: Parts, visit: LineVisit): Promise<Reply> {
  const form = openForm(parts, visit, 'later');
  if (form.kind === 'bad') return go(visit, 'later?notice=again');
  if (form.early) return go(visit, 'again/later');
  const choices = laterChoices(visit.now, parts.options.operator.timeZone);
  const until = field(visit.request, 'choice') === 'tonight' ? choices.tonight : choices.saturday;
  const proof = { ...form.proof, requestId: visit.requestId };
  return after(visit, await parts.options.desk.postpone(visit.journey.lineRef, proof, until), 'later/done');
}

export function laterDonePage(_parts: Parts, visit: LineVisit): Reply {
  const { journey, texts, tag, dates } = visit;
  const until = journey.postponedUntil;
  return {
    kind: 'page',
    view: 'message',
    model: {
      title: texts.t('later.done-title'),
      icon: 'check',
      lines: [
        until === undefined ? texts.t('later.noted') : texts.t('later.done', { until: dates.full(until) }),
        texts.t('later.same'),
      ],
      actions: [{ href: `/${tag}/`, label: texts.t('steps.back'), main: false }],
    },
  };
}
