// Device, steps one at a time, the one question. The order is kept here: an answer to a step that is not next changes nothing (W06).
import { assertNever } from '../../../core/kernel/result.ts';
import type { ActResult, OutsideJourney } from '../../../flow/journey.ts';
import { STEP_ANSWERS, type Step } from '../guides.ts';
import type { Markup } from '../markup.ts';
import { callCard, deviceThe, openForm, type Parts, sightingOf } from '../parts.ts';
import { field, type LineVisit, type Reply, type Visit } from '../visit.ts';

export const QUESTION = 'home-now';
export const ANSWERS = ['found', 'several', 'off', 'helper', 'unknown'];

const go = (visit: Visit, rest: string): Reply => ({ kind: 'go', to: `/${visit.tag}/${rest}` });

export function devicePage(parts: Parts, visit: LineVisit): Reply {
  return {
    kind: 'page',
    view: 'device',
    model: { title: visit.texts.p('device.title'), devices: parts.guides.devices },
  };
}

export async function chooseDevice(parts: Parts, visit: LineVisit): Promise<Reply> {
  const device = field(visit.request, 'device');
  if (!parts.guides.devices.includes(device)) return go(visit, 'device?notice=choose');
  const form = openForm(parts, visit, 'device');
  if (form.kind === 'bad') return go(visit, 'device?notice=again');
  if (form.early) return go(visit, 'again/fast');
  const proof = { ...form.proof, requestId: visit.requestId };
  return after(visit, await parts.options.desk.chooseDevice(visit.journey.lineRef, device, proof), 'steps');
}

export function stepsPage(parts: Parts, visit: LineVisit): Reply {
  const { journey, texts, tag } = visit;
  if (journey.phase === 'on-probation') return go(visit, 'result');
  const progress = parts.guides.progress(journey);
  switch (progress.at) {
    case 'device':
      return go(visit, 'device');
    case 'step':
      return stepPage(parts, visit, journey, {
        steps: progress.steps,
        index: progress.index,
        inside: true,
        here: `/${tag}/steps`,
      });
    case 'help':
      return {
        kind: 'page',
        view: 'message',
        model: {
          title: texts.t('help.title'),
          lines: [texts.t('help.lead'), texts.t('help.off')],
          ...sightingOf(visit, journey.sighting),
          ...callCard(texts.t('help.call'), journey),
          actions: [
            { href: `/${tag}/steps/${firstUndone(progress.steps)}`, label: texts.t('help.retry'), main: true },
            { href: `/${tag}/device`, label: texts.t('steps.other-device'), main: false },
            { href: `/${tag}/later`, label: texts.t('first.later'), main: false },
          ],
        },
      };
    case 'told':
      return go(visit, journey.answers[QUESTION] === undefined ? 'question' : 'release');
    default:
      return assertNever(progress);
  }
}

/** Where «Try the steps again» begins. */
function firstUndone(steps: readonly Step[]): string {
  return (steps.find((step) => step.answer !== 'done') ?? steps[0]!).id;
}

/** A step answered before may be read and answered again; one that is not reached yet leads to the next. */
export function oneStepPage(parts: Parts, visit: LineVisit): Reply {
  const { journey, tag } = visit;
  const progress = parts.guides.progress(journey);
  if (progress.at === 'device' || journey.phase === 'on-probation') return go(visit, 'steps');
  const index = progress.steps.findIndex((step) => step.id === visit.request.params['step']);
  if (progress.steps[index]?.answer === undefined) return go(visit, 'steps');
  return stepPage(parts, visit, journey, { steps: progress.steps, index, inside: true, here: `/${tag}/steps` });
}

interface StepPlace {
  readonly steps: readonly Step[];
  readonly index: number;
  /** From outside the garden: no device choice, no pause, nothing but the step. */
  readonly inside: boolean;
  readonly here: string;
}

export function stepPage(parts: Parts, visit: Visit, journey: OutsideJourney, place: StepPlace): Reply {
  const { texts } = visit;
  const step = place.steps[place.index]!.id;
  const device = deviceThe(visit, journey.device);
  const note = parts.guides.note(journey.device ?? '');
  return {
    kind: 'page',
    view: 'step',
    model: {
      title: texts.t(`step.${step}.title`, { device }),
      n: place.index + 1,
      of: place.steps.length,
      step,
      action: `${place.inside ? 'tick' : 'outside'}:${step}`,
      how: texts.list(`step.${step}.how`, { device }),
      done: texts.t(`step.${step}.done`, { device }),
      ...(note === undefined ? {} : { note }),
      ...sightingOf(visit, journey.sighting),
      recheck: step === 'find',
      here: place.here,
      inside: place.inside,
      list: stepList(visit, place.steps, device),
    },
  };
}

export function stepList(
  visit: Visit,
  steps: readonly Step[],
  device: string,
): readonly { title: Markup; state: Markup; isDone: boolean }[] {
  return steps.map((step) => ({
    title: visit.texts.t(`step.${step.id}.title`, { device }),
    state: visit.texts.t(`steps.state.${step.with === 'support' ? 'support' : (step.answer ?? 'open')}`),
    isDone: step.answer === 'done',
  }));
}

export async function tickStep(parts: Parts, visit: LineVisit): Promise<Reply> {
  const order = orderedTick(parts, visit, visit.journey, 'tick');
  if (order === 'not-next') return go(visit, 'steps');
  if (order === 'bad') return go(visit, 'steps?notice=again');
  if (order === 'early') return go(visit, 'again/fast');
  const { step, answer, proof } = order;
  return after(visit, await parts.options.desk.tick(visit.journey.lineRef, step, answer, proof), 'steps');
}

/** Shared with the outside page: which step this form answers, if it is its turn, genuine and read. */
export function orderedTick(parts: Parts, visit: Visit, journey: OutsideJourney, scope: 'tick' | 'outside') {
  const progress = parts.guides.progress(journey);
  const step = field(visit.request, 'step');
  const answer = STEP_ANSWERS.find((a) => a === field(visit.request, 'answer'));
  const known = progress.at === 'device' ? undefined : progress.steps.find((one) => one.id === step);
  // The next one, or one answered before: people correct themselves, scripts skip ahead.
  const inOrder =
    known !== undefined &&
    (known.answer !== undefined || (progress.at === 'step' && progress.steps[progress.index] === known));
  if (!inOrder || answer === undefined) return 'not-next';
  const form = openForm(parts, { ...visit, journey }, `${scope}:${step}`);
  if (form.kind === 'bad') return 'bad';
  return form.early ? 'early' : { step, answer, proof: { ...form.proof, requestId: visit.requestId } };
}

export function questionPage(parts: Parts, visit: LineVisit): Reply {
  if (parts.guides.progress(visit.journey).at !== 'told') return go(visit, 'steps');
  return { kind: 'page', view: 'question', model: { title: visit.texts.p('question.title'), answers: ANSWERS } };
}

export async function answerQuestion(parts: Parts, visit: LineVisit): Promise<Reply> {
  const answer = field(visit.request, 'answer');
  if (parts.guides.progress(visit.journey).at !== 'told') return go(visit, 'steps');
  if (!ANSWERS.includes(answer)) return go(visit, 'question?notice=choose');
  const form = openForm(parts, visit, 'answer');
  if (form.kind === 'bad') return go(visit, 'question?notice=again');
  if (form.early) return go(visit, 'again/question');
  const proof = { ...form.proof, requestId: visit.requestId };
  return after(visit, await parts.options.desk.answer(visit.journey.lineRef, QUESTION, answer, proof), 'release');
}

/** A token used before is a double click: the record has it, so the reader simply goes on. */
export function after(visit: Visit, result: ActResult, rest: string): Reply {
  if (result.kind === 'done') return go(visit, rest);
  if (result.kind === 'failed') return go(visit, 'refused/failed');
  return go(
    visit,
    result.reason === 'token-used' ? rest : result.reason === 'unknown-line' ? '' : `refused/${result.reason}`,
  );
}
