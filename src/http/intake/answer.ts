// What the intake answers, as a value: it is sent, and for a signed delivery kept, so that the same delivery hears the same.
import type { Response } from 'express';
import type { Json } from '../../flow/ports.ts';
import { type ProblemCode, type ProblemExtras, sendProblem } from '../problem.ts';

export type IntakeAnswer =
  | { readonly kind: 'taken'; readonly body: Json }
  | { readonly kind: 'problem'; readonly code: ProblemCode; readonly extras?: ProblemExtras };

export function sendAnswer(response: Response, answer: IntakeAnswer): void {
  if (answer.kind === 'problem') sendProblem(response, answer.code, answer.extras);
  else response.setHeader('Cache-Control', 'no-store').json(answer.body);
}

/** The same delivery may come again and be better off: nothing of these is kept. */
export function isPassing(answer: IntakeAnswer): boolean {
  return answer.kind === 'problem' && answer.extras?.retryAfterSeconds !== undefined;
}

export function fromKept(kept: Json): IntakeAnswer {
  return kept as unknown as IntakeAnswer;
}

export function toKept(answer: IntakeAnswer): Json {
  return JSON.parse(JSON.stringify(answer)) as Json;
}
