// POST /v1/reports: who sends (API key), how much, what form; then the flow accepts, and only what is durable is answered
// with 200. Sending the same delivery again is always safe. Decides nothing about lines.
import { createHash } from 'node:crypto';
import express, { type Express, type Request, type Response } from 'express';
import type { AcceptInput, AcceptOutcome } from '../../flow/accept.ts';
import type { Clock, Log } from '../../flow/ports.ts';
import { readDelivery } from '../../protocols/reports/read.ts';
import { notFound, sendProblem, unknownError } from '../problem.ts';
import { seldom } from '../seldom.ts';
import { readBody } from './body.ts';
import { createBudget } from './budget.ts';
import { createKeyring, type IntakeSource } from './keys.ts';

/** Resolves only when everything accepted is durable; rejects when nothing of it may be acknowledged. Repeatable. */
export type Accept = (input: AcceptInput) => Promise<AcceptOutcome>;

export interface IntakeLimits {
  readonly maxBodyBytes: number;
  readonly bodyDeadlineMs: number;
  /** Deliveries in work at one time, over all sources. */
  readonly maxInFlight: number;
  /** Of these for one source: a slow one leaves room for the others. */
  readonly perSourceInFlight: number;
  readonly perSourcePerSecond: number;
  readonly perSourceBurst: number;
}

export const INTAKE_LIMITS: IntakeLimits = {
  maxBodyBytes: 8 * 1024 * 1024,
  bodyDeadlineMs: 30_000,
  maxInFlight: 64,
  perSourceInFlight: 8,
  perSourcePerSecond: 100,
  perSourceBurst: 2000,
};

export interface IntakeOptions {
  readonly accept: Accept;
  readonly sources: readonly IntakeSource[];
  readonly familyOf: (name: string) => string | undefined;
  readonly clock: Pick<Clock, 'now' | 'monotonicMs'>;
  readonly log: Log;
  readonly limits?: Partial<IntakeLimits>;
}

const FORMATS: Readonly<Record<string, 'json' | 'json-lines'>> = {
  'application/json': 'json',
  'application/x-ndjson': 'json-lines',
  'application/jsonl': 'json-lines',
};

/** Throws on a faulty key configuration; see createKeyring. */
export function createIntake(options: IntakeOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  const desk = createDesk(options);
  app
    .route('/v1/reports')
    .post(desk)
    .all((_request, response) => {
      response.setHeader('Allow', 'POST');
      sendProblem(response, 'WG-HTTP-002');
    });
  app.use(notFound);
  app.use(unknownError(options.log));
  return app;
}

function createDesk(options: IntakeOptions) {
  const limits = { ...INTAKE_LIMITS, ...options.limits };
  const sourceOf = createKeyring(options.sources);
  const budget = createBudget(limits.perSourcePerSecond, limits.perSourceBurst);
  let inFlight = 0;
  const inFlightOf = new Map<string, number>();
  let peer: string | undefined;
  // Anybody may try a key: one line a minute, with the peer of the moment.
  const tellStranger = seldom(
    () => options.clock.monotonicMs(),
    (times) => options.log.warn('INTAKE_UNAUTHORISED', { peer, times }),
  );
  return async (request: Request, response: Response): Promise<void> => {
    // The key first: a stranger's body is never read, and the answer says nothing about it.
    const source = sourceOf(request.headers.authorization);
    if (source === undefined) {
      peer = request.socket.remoteAddress;
      tellStranger();
      return refuseStranger(request, response);
    }
    const waitMs = budget.take(source, options.clock.monotonicMs());
    if (waitMs > 0) return hangUp(request, response, 'WG-INT-006', Math.ceil(waitMs / 1000));
    const own = inFlightOf.get(source) ?? 0;
    if (own >= limits.perSourceInFlight || inFlight >= limits.maxInFlight)
      return hangUp(request, response, 'WG-INT-007', 2);
    inFlight++;
    inFlightOf.set(source, own + 1);
    try {
      await receive(request, response, source, limits, options);
    } finally {
      inFlight--;
      inFlightOf.set(source, inFlightOf.get(source)! - 1);
    }
  };
}

function refuseStranger(request: Request, response: Response): void {
  response.setHeader('WWW-Authenticate', 'Bearer');
  hangUp(request, response, 'WG-INT-001');
}

/** An answer before the body was read: the connection goes with it, or the rest of the body would be the next request. */
function hangUp(
  request: Request,
  response: Response,
  code: 'WG-INT-001' | 'WG-INT-002' | 'WG-INT-003' | 'WG-INT-006' | 'WG-INT-007' | 'WG-INT-008',
  retryAfterSeconds?: number,
): void {
  response.setHeader('Connection', 'close');
  sendProblem(response, code, retryAfterSeconds === undefined ? {} : { retryAfterSeconds });
  request.resume();
}

async function receive(
  request: Request,
  response: Response,
  source: string,
  limits: IntakeLimits,
  options: IntakeOptions,
): Promise<void> {
  const format = FORMATS[(request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase()];
  const coding = request.headers['content-encoding'] ?? 'identity';
  if (format === undefined || coding !== 'identity') return hangUp(request, response, 'WG-INT-003');
  const body = await readBody(request, { maxBytes: limits.maxBodyBytes, deadlineMs: limits.bodyDeadlineMs });
  if (!body.ok) {
    if (body.error === 'aborted') return void request.destroy();
    return hangUp(request, response, body.error === 'too-large' ? 'WG-INT-002' : 'WG-INT-008');
  }
  const bytes = body.value;
  const hash = createHash('sha256').update(bytes).digest('hex');
  const receivedAt = options.clock.now();
  const text = utf8(bytes);
  if (text === undefined) return sendProblem(response, 'WG-INT-004', { detail: 'The body is not UTF-8.' });
  const delivery = readDelivery({ source, format, text, evidenceHash: hash, receivedAt, familyOf: options.familyOf });
  if (!delivery.ok) {
    options.log.warn('INTAKE_DELIVERY_REFUSED', { source, hash, code: delivery.error.code });
    return sendProblem(response, 'WG-INT-004', {
      detail: delivery.error.text,
      members: { fault: delivery.error.code },
    });
  }
  const name = `api-${hash.slice(0, 16)}.${format === 'json' ? 'json' : 'jsonl'}`;
  const { total, reports, refused } = delivery.value;
  await store(response, { source, name, bytes, reports, refused }, { hash, total, options });
}

async function store(
  response: Response,
  input: AcceptInput,
  { hash, total, options }: { readonly hash: string; readonly total: number; readonly options: IntakeOptions },
): Promise<void> {
  let outcome: AcceptOutcome;
  try {
    outcome = await options.accept(input);
  } catch (error) {
    options.log.error('INTAKE_NOT_STORED', {
      source: input.source,
      hash,
      error: error instanceof Error ? error.message : String(error),
    });
    return sendProblem(response, 'WG-INT-007', { retryAfterSeconds: 5 });
  }
  const counts = { total, accepted: outcome.accepted, duplicate: outcome.duplicates, refused: outcome.refused.length };
  options.log.info('INTAKE_ACCEPTED', { source: input.source, hash, ...counts });
  // F02: nothing but contradictions is a conflict; among other rows a contradiction is one refused row.
  if (outcome.refused.length === total && outcome.refused.every((row) => row.code === 'id-content-differs'))
    return sendProblem(response, 'WG-INT-005', { members: { delivery: hash, refused: outcome.refused } });
  response.setHeader('Cache-Control', 'no-store');
  response.json({
    delivery: hash,
    source: input.source,
    rows: counts,
    refused: outcome.refused,
  });
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
