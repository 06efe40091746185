// POST /v1/reports and /v1/feeds/NAME: who sends (key or signature), how much, what form; then the flow accepts, and only what
// is durable is answered with 200. Sending the same delivery again is always safe. Decides nothing about lines.
import { createHash } from 'node:crypto';
import express, { type Express, type Request, type Response } from 'express';
import type { AcceptInput, AcceptOutcome } from '../../flow/accept.ts';
import type { Clock, Log, Nonces } from '../../flow/ports.ts';
import { readDelivery } from '../../protocols/reports/read.ts';
import { notFound, type ProblemCode, type ProblemExtras, sendProblem, unknownError } from '../problem.ts';
import { seldom } from '../seldom.ts';
import { type IntakeAnswer, sendAnswer } from './answer.ts';
import { readBody } from './body.ts';
import { createBudget } from './budget.ts';
import { FILE_NAME, type TakeFile, takePosted } from './feeds.ts';
import type { IntakeSource } from './keys.ts';
import { OncePerNonce } from './nonces.ts';
import { createDoorkeeper, type Sender } from './senders.ts';
import { isBodySigned } from './signature.ts';

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
  readonly takeFile: TakeFile;
  readonly nonces: Nonces;
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
  const allowPost = (_request: Request, response: Response) => {
    response.setHeader('Allow', 'POST');
    sendProblem(response, 'WG-HTTP-002');
  };
  app
    .route('/v1/reports')
    .post((request, response) => desk(request, response, reportsOrder(request, options)))
    .all(allowPost);
  app
    .route('/v1/feeds/:feed{/:file}')
    .post((request, response) => desk(request, response, feedOrder(request, options)))
    .all(allowPost);
  app.use(notFound);
  app.use(unknownError(options.log));
  return app;
}

/** What an address wants of a request, and what it does with the body. */
interface Order {
  /** undefined = sources of reports; else the feed whose key it takes. */
  readonly feed: string | undefined;
  /** What is wrong before the body was read. */
  readonly fault?: ProblemCode;
  work(sender: string, bytes: Buffer): Promise<IntakeAnswer>;
}

function createDesk(options: IntakeOptions) {
  const limits = { ...INTAKE_LIMITS, ...options.limits };
  const senderOf = createDoorkeeper(options.sources);
  const feeds = new Set(options.sources.filter(({ isFeed }) => isFeed === true).map(({ name }) => name));
  const budget = createBudget(limits.perSourcePerSecond, limits.perSourceBurst);
  const once = new OncePerNonce(options.nonces);
  let inFlight = 0;
  const inFlightOf = new Map<string, number>();
  let peer: string | undefined;
  // Anybody may try a key: one line a minute, with the peer of the moment.
  const tellStranger = seldom(
    () => options.clock.monotonicMs(),
    (times) => options.log.warn('INTAKE_UNAUTHORISED', { peer, times }),
  );
  return async (request: Request, response: Response, order: Order): Promise<void> => {
    // The key first: a stranger's body is never read, and the answer says nothing about it.
    const sender = senderOf(request, options.clock.now());
    if (!sender.ok) {
      peer = request.socket.remoteAddress;
      tellStranger();
      return refuseStranger(request, response, sender.error === 'stale' ? 'WG-INT-009' : 'WG-INT-001');
    }
    const { name } = sender.value;
    const waitMs = budget.take(name, options.clock.monotonicMs());
    if (waitMs > 0) return hangUp(request, response, 'WG-INT-006', Math.ceil(waitMs / 1000));
    if (order.feed === undefined ? feeds.has(name) : order.feed !== name)
      return hangUp(request, response, 'WG-INT-010');
    const own = inFlightOf.get(name) ?? 0;
    if (own >= limits.perSourceInFlight || inFlight >= limits.maxInFlight)
      return hangUp(request, response, 'WG-INT-007', 2);
    inFlight++;
    inFlightOf.set(name, own + 1);
    try {
      await receive(request, response, { sender: sender.value, order, limits, once, options });
    } finally {
      inFlight--;
      inFlightOf.set(name, inFlightOf.get(name)! - 1);
    }
  };
}

function refuseStranger(request: Request, response: Response, code: 'WG-INT-001' | 'WG-INT-009'): void {
  response.setHeader('WWW-Authenticate', 'Bearer');
  hangUp(request, response, code);
}

/** An answer before the body was read: the connection goes with it, or the rest of the body would be the next request. */
function hangUp(request: Request, response: Response, code: ProblemCode, retryAfterSeconds?: number): void {
  response.setHeader('Connection', 'close');
  sendProblem(response, code, retryAfterSeconds === undefined ? {} : { retryAfterSeconds });
  request.resume();
}

interface Receiving {
  readonly sender: Sender;
  readonly order: Order;
  readonly limits: IntakeLimits;
  readonly once: OncePerNonce;
  readonly options: IntakeOptions;
}

async function receive(request: Request, response: Response, receiving: Receiving): Promise<void> {
  const { sender, order, limits } = receiving;
  const coding = request.headers['content-encoding'] ?? 'identity';
  if (order.fault !== undefined) return hangUp(request, response, order.fault);
  if (coding !== 'identity') return hangUp(request, response, 'WG-INT-003');
  const body = await readBody(request, { maxBytes: limits.maxBodyBytes, deadlineMs: limits.bodyDeadlineMs });
  if (!body.ok) {
    if (body.error === 'aborted') return void request.destroy();
    return hangUp(request, response, body.error === 'too-large' ? 'WG-INT-002' : 'WG-INT-008');
  }
  if (sender.signature === undefined) return sendAnswer(response, await order.work(sender.name, body.value));
  if (!isBodySigned(sender.signature, body.value))
    return sendProblem(response, 'WG-INT-001', { detail: 'The body is not the one that was signed.' });
  sendAnswer(response, await signed(request, body.value, receiving));
}

async function signed(
  request: Request,
  bytes: Buffer,
  { sender, order, once, options }: Receiving,
): Promise<IntakeAnswer> {
  const { nonce, created, digest } = sender.signature!;
  const delivery = {
    sender: sender.name,
    nonce,
    // The same body at another address is another delivery.
    digest: createHash('sha256').update(`${request.originalUrl}\n`).update(digest).digest('hex'),
    createdAt: created * 1000,
  };
  try {
    const answer = await once.answer(delivery, () => order.work(sender.name, bytes));
    return answer === 'replay' ? { kind: 'problem', code: 'WG-INT-009' } : answer;
  } catch (error) {
    options.log.error('INTAKE_NOT_STORED', { source: sender.name, error: String(error).slice(0, 200) });
    return { kind: 'problem', code: 'WG-INT-007', extras: { retryAfterSeconds: 5 } };
  }
}

function feedOrder(request: Request, options: IntakeOptions): Order {
  const { feed, file } = request.params as { readonly feed: string; readonly file?: string };
  return {
    feed,
    ...(file !== undefined && !FILE_NAME.test(file) && { fault: 'WG-INT-012' }),
    work: (_sender, bytes) => takePosted({ feed, file, bytes }, options),
  };
}

function reportsOrder(request: Request, options: IntakeOptions): Order {
  const format = FORMATS[(request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase()];
  return {
    feed: undefined,
    ...(format === undefined && { fault: 'WG-INT-003' }),
    work: (source, bytes) => readAndStore({ source, bytes, format: format! }, options),
  };
}

async function readAndStore(
  {
    source,
    bytes,
    format,
  }: { readonly source: string; readonly bytes: Buffer; readonly format: 'json' | 'json-lines' },
  options: IntakeOptions,
): Promise<IntakeAnswer> {
  const hash = createHash('sha256').update(bytes).digest('hex');
  const receivedAt = options.clock.now();
  const text = utf8(bytes);
  if (text === undefined) return problem('WG-INT-004', { detail: 'The body is not UTF-8.' });
  const delivery = readDelivery({ source, format, text, evidenceHash: hash, receivedAt, familyOf: options.familyOf });
  if (!delivery.ok) {
    options.log.warn('INTAKE_DELIVERY_REFUSED', { source, hash, code: delivery.error.code });
    return problem('WG-INT-004', { detail: delivery.error.text, members: { fault: delivery.error.code } });
  }
  const name = `api-${hash.slice(0, 16)}.${format === 'json' ? 'json' : 'jsonl'}`;
  const { total, reports, refused } = delivery.value;
  return store({ source, name, bytes, reports, refused }, { hash, total, options });
}

async function store(
  input: AcceptInput,
  { hash, total, options }: { readonly hash: string; readonly total: number; readonly options: IntakeOptions },
): Promise<IntakeAnswer> {
  let outcome: AcceptOutcome;
  try {
    outcome = await options.accept(input);
  } catch (error) {
    options.log.error('INTAKE_NOT_STORED', {
      source: input.source,
      hash,
      error: error instanceof Error ? error.message : String(error),
    });
    return problem('WG-INT-007', { retryAfterSeconds: 5 });
  }
  const rows = { total, accepted: outcome.accepted, duplicate: outcome.duplicates, refused: outcome.refused.length };
  const refused = outcome.refused.map((row) => ({ ...row }));
  options.log.info('INTAKE_ACCEPTED', { source: input.source, hash, ...rows });
  // F02: nothing but contradictions is a conflict; among other rows a contradiction is one refused row.
  if (refused.length === total && refused.every((row) => row.code === 'id-content-differs'))
    return problem('WG-INT-005', { members: { delivery: hash, refused } });
  return { kind: 'taken', body: { delivery: hash, source: input.source, rows, refused } };
}

function problem(code: ProblemCode, extras: ProblemExtras): IntakeAnswer {
  return { kind: 'problem', code, extras };
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
