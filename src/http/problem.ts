// Error answers of the HTTP interfaces: problem documents (RFC 9457) with stable codes. HTTP numbers exist only here and
// nowhere else; an unknown error shows a reference number, never its text. The portal's pages have their own error page.
import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import type { Log } from '../flow/ports.ts';

/** Codes are never reused. `detail` says what to do next; a request may replace it with something more exact. */
const PROBLEMS = {
  'WG-HTTP-001': { status: 404, title: 'Not Found', detail: 'There is nothing at this address.' },
  'WG-HTTP-002': { status: 405, title: 'Method Not Allowed', detail: 'This address knows other methods; see Allow.' },
  'WG-HTTP-003': { status: 500, title: 'Internal Server Error', detail: 'Tell the operator the reference.' },
  'WG-INT-001': { status: 401, title: 'Unauthorized', detail: 'Send a valid API key: Authorization: Bearer …' },
  'WG-INT-002': { status: 413, title: 'Content Too Large', detail: 'Send smaller deliveries.' },
  'WG-INT-003': {
    status: 415,
    title: 'Unsupported Media Type',
    detail: 'Send application/json or application/x-ndjson, not compressed.',
  },
  'WG-INT-004': { status: 400, title: 'Bad Request', detail: 'The body is no delivery of reports.' },
  'WG-INT-005': {
    status: 409,
    title: 'Conflict',
    detail: 'These ids were used before with other content. Nothing was accepted; send new observations under new ids.',
  },
  'WG-INT-006': {
    status: 429,
    title: 'Too Many Requests',
    detail: 'Wait as long as Retry-After says, then send again.',
  },
  'WG-INT-007': {
    status: 503,
    title: 'Service Unavailable',
    detail: 'Nothing of this delivery was acknowledged. Send the same delivery again after Retry-After.',
  },
  'WG-INT-008': { status: 408, title: 'Request Timeout', detail: 'The body did not arrive in time. Send it again.' },
  'WG-INT-009': {
    status: 401,
    title: 'Unauthorized',
    detail:
      'This signature is older than 5 minutes (or as far ahead), or its nonce was used with other content. Sign anew.',
  },
  'WG-INT-010': { status: 403, title: 'Forbidden', detail: 'This key is for another address of this interface.' },
  'WG-INT-011': {
    status: 422,
    title: 'Unprocessable Content',
    detail: 'The file cannot be read as its format. It is kept, and nothing of it was taken in.',
  },
  'WG-INT-012': {
    status: 400,
    title: 'Bad Request',
    detail: 'A file name is of letters, digits, dots, hyphens and underscores, 200 at most.',
  },
  'WG-AAA-001': {
    status: 401,
    title: 'Unauthorized',
    detail: 'Send a valid key: Bearer, or as the password of Basic.',
  },
  'WG-AAA-002': {
    status: 400,
    title: 'Bad Request',
    detail: 'The body is no login as deploy/freeradius/mods-available/engawa sends it.',
  },
  'WG-AAA-003': {
    status: 503,
    title: 'Service Unavailable',
    detail: 'Not known at this moment. Let the login in as it is; the gateway is told once there is an answer.',
  },
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

export interface ProblemExtras {
  readonly detail?: string;
  readonly retryAfterSeconds?: number;
  /** Extension members (RFC 9457 §3.2). */
  readonly members?: Readonly<Record<string, unknown>>;
}

export function sendProblem(response: Response, code: ProblemCode, extras: ProblemExtras = {}): void {
  const problem = PROBLEMS[code];
  if (extras.retryAfterSeconds !== undefined) response.setHeader('Retry-After', String(extras.retryAfterSeconds));
  response.setHeader('Cache-Control', 'no-store');
  response
    .status(problem.status)
    .type('application/problem+json')
    .send(
      // RFC 9457 §4.2.1: `about:blank` with the status phrase as title; our own meaning is in `code`.
      JSON.stringify({
        type: 'about:blank',
        title: problem.title,
        status: problem.status,
        detail: extras.detail ?? problem.detail,
        code,
        ...extras.members,
      }),
    );
}

export function notFound(_request: Request, response: Response): void {
  sendProblem(response, 'WG-HTTP-001');
}

/** The last handler: four parameters, or Express does not take it for one. */
export function unknownError(log: Log) {
  return (error: unknown, _request: Request, response: Response, next: NextFunction): void => {
    const reference = randomUUID();
    log.error('HTTP_UNEXPECTED', { reference, error: error instanceof Error ? error.message : String(error) });
    if (response.headersSent) next(error);
    else sendProblem(response, 'WG-HTTP-003', { members: { reference } });
  };
}
