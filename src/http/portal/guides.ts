// The steps per guide and device, as data from deploy/guides; and where a journey stands in them. No texts here.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import type { OutsideJourney } from '../../flow/journey.ts';

export type StepAnswer = 'done' | 'cannot' | 'unknown';
export const STEP_ANSWERS: readonly StepAnswer[] = ['done', 'cannot', 'unknown'];

const conditions = z.record(z.string(), z.array(z.enum(['done', 'cannot', 'unknown'])));
const stepSchema = z.union([
  z.string().transform((id) => ({ id, when: undefined, unless: undefined })),
  z.strictObject({ id: z.string(), when: conditions.optional(), unless: conditions.optional() }),
]);
const guidesSchema = z.strictObject({
  devices: z.array(z.string()).min(2),
  notes: z.record(z.string(), z.string()),
  plans: z.record(z.string(), z.strictObject({ cure: z.array(z.string()).min(1), steps: z.array(stepSchema).min(1) })),
  guides: z.record(z.string(), z.record(z.string(), z.string())),
});

export interface Step {
  readonly id: string;
  readonly answer?: StepAnswer;
  readonly with?: 'self' | 'support';
}

/** What the reader has to do next; derived from the line's record, so every browser at home sees the same. */
export type Progress =
  | { readonly at: 'device' }
  | { readonly at: 'step'; readonly steps: readonly Step[]; readonly index: number }
  /** All answered, but nothing that could have cured it: the phone, a pause, or another try. */
  | { readonly at: 'help'; readonly steps: readonly Step[] }
  | { readonly at: 'told'; readonly steps: readonly Step[] };

export interface Guides {
  readonly devices: readonly string[];
  readonly steps: readonly string[];
  note(device: string): string | undefined;
  plan(journey: Pick<OutsideJourney, 'guide' | 'survivesRestart' | 'device' | 'ticks'>): readonly Step[];
  progress(journey: Pick<OutsideJourney, 'guide' | 'survivesRestart' | 'device' | 'ticks'>): Progress;
  /** At least one of these must be done before a release without a call. */
  cure(journey: Pick<OutsideJourney, 'guide' | 'survivesRestart' | 'device' | 'ticks'>): readonly string[];
}

export const GUIDES_FILE = join(import.meta.dirname, '../../../deploy/guides/guides.yaml');

export function loadGuides(file = GUIDES_FILE): Guides {
  const data = guidesSchema.parse(parse(readFileSync(file, 'utf8')));
  type Asked = Parameters<Guides['plan']>[0];
  const planOf = (journey: Asked) => {
    const guide = data.guides[journey.guide] ?? data.guides[journey.survivesRestart ? 'reset' : 'restart'];
    const plan = data.plans[guide?.[journey.device ?? ''] ?? guide?.['default'] ?? ''];
    if (plan === undefined) throw new Error(`no plan for guide ${journey.guide}`);
    return plan;
  };
  const stepsOf = (journey: Asked): readonly Step[] => {
    const latest = new Map(journey.ticks.map((tick) => [tick.step, tick]));
    const holds = (wanted: Readonly<Record<string, readonly StepAnswer[]>>) =>
      Object.entries(wanted).some(([id, answers]) => answers.some((a) => a === latest.get(id)?.answer));
    return planOf(journey)
      .steps.filter((step) => (step.when === undefined || holds(step.when)) && !(step.unless && holds(step.unless)))
      .map(({ id }) => {
        const tick = latest.get(id);
        return tick === undefined ? { id } : { id, answer: tick.answer, with: tick.with };
      });
  };
  return {
    devices: data.devices,
    steps: [...new Set(Object.values(data.plans).flatMap((plan) => plan.steps.map((step) => step.id)))],
    note: (device) => data.notes[device],
    plan: stepsOf,
    cure: (journey) => planOf(journey).cure,
    progress(journey) {
      if (journey.device === undefined || !data.devices.includes(journey.device)) return { at: 'device' };
      const steps = stepsOf(journey);
      const index = steps.findIndex((step) => step.answer === undefined);
      if (index >= 0) return { at: 'step', steps, index };
      const { cure } = planOf(journey);
      const cured = steps.some((step) => step.answer === 'done' && cure.includes(step.id));
      return { at: cured ? 'told' : 'help', steps };
    },
  };
}
