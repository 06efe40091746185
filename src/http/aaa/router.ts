// POST /v1/aaa/post-auth: what a FreeRADIUS of the operator asks after each good login. From memory: an answer waits for
// nothing. 200 = these attributes; 204 = nothing of ours; anything else = not known, and the recipe lets the login in as it is.
import express, { type Express, type Request, type Response } from 'express';
import type { NamedAttribute } from '../../core/dialect/dialect.ts';
import { parseIp } from '../../core/net/ip.ts';
import { containsIp, type Prefix } from '../../core/net/prefix.ts';
import type { LoginAccess } from '../../flow/login-access.ts';
import type { Clock, Log } from '../../flow/ports.ts';
import { readBody } from '../intake/body.ts';
import { notFound, sendProblem, unknownError } from '../problem.ts';
import { seldom } from '../seldom.ts';
import { restAnswer } from './answer.ts';
import { createKeyCheck } from './key.ts';
import { type AccessKeyKind, accessKeysOf, type Login, readLogin } from './login.ts';

/** A NAS whose logins are asked about. */
export interface LoginNas {
  /** NAS-Identifier, or the address, as the login names it. */
  readonly identity: string;
  /** Addresses it may log in from, for one that goes by another name there. */
  readonly from?: readonly Prefix[];
  /** Handed to attributesFor. */
  readonly gateway: string;
  readonly accessKey: AccessKeyKind;
}

/** Words for the metrics; each request adds to one. */
export const LOGIN_COUNTS = ['quarantined', 'free', 'not-known', 'refused'] as const;
export type LoginCounts = Record<(typeof LOGIN_COUNTS)[number], number>;

export interface AaaRouterOptions {
  readonly logins: Pick<LoginAccess, 'of' | 'isReady'>;
  /** SHA-256 of each valid key, 64 hex digits; one, or two during rotation. */
  readonly keyHashes: readonly string[];
  readonly nases: readonly LoginNas[];
  /** Of a NAS that `nases` does not name. Default: User-Name. */
  readonly accessKey?: AccessKeyKind;
  /** For an Access-Accept, the marker in Class among them. Empty: nothing can be said at login, the gateway is told afterwards. */
  readonly attributesFor: (gateway: string | undefined, access: 'strict' | 'leaky') => readonly NamedAttribute[];
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly log: Log;
  /** Counted here, read by whoever shows them. */
  readonly counts?: LoginCounts;
}

const MAX_BODY_BYTES = 16 * 1024;
const BODY_DEADLINE_MS = 2000;
const MAX_IN_FLIGHT = 256;

/** Throws on a faulty key configuration; see createKeyring. */
export function createAaaRouter(options: AaaRouterOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app
    .route('/v1/aaa/post-auth')
    .post(createDesk(options))
    .all((_request, response) => {
      response.setHeader('Allow', 'POST');
      sendProblem(response, 'WG-HTTP-002');
    });
  app.use(notFound);
  app.use(unknownError(options.log));
  return app;
}

export function noLoginsYet(): LoginCounts {
  return { quarantined: 0, free: 0, 'not-known': 0, refused: 0 };
}

function createDesk(options: AaaRouterOptions) {
  const isKey = createKeyCheck(options.keyHashes);
  const counts = options.counts ?? noLoginsYet();
  const decide = createDecision(options);
  let peer: string | undefined;
  const tellStranger = seldom(
    () => options.clock.monotonicMs(),
    (times) => options.log.warn('AAA_UNAUTHORISED', { peer, times }),
  );
  let inFlight = 0;
  return async (request: Request, response: Response): Promise<void> => {
    // The key first: a stranger's body is never read.
    if (!isKey(request.headers.authorization)) {
      counts.refused++;
      peer = request.socket.remoteAddress;
      tellStranger();
      response.setHeader('WWW-Authenticate', 'Basic realm="engawa"');
      return hangUp(request, response, 'WG-AAA-001');
    }
    if (inFlight >= MAX_IN_FLIGHT) {
      counts['not-known']++;
      return hangUp(request, response, 'WG-AAA-003');
    }
    inFlight++;
    try {
      const body = await readBody(request, { maxBytes: MAX_BODY_BYTES, deadlineMs: BODY_DEADLINE_MS });
      const login = body.ok ? readLogin(body.value) : undefined;
      if (login === undefined) {
        counts.refused++;
        return hangUp(request, response, 'WG-AAA-002');
      }
      const answer = decide(login);
      counts[answer.kind]++;
      if (answer.kind === 'quarantined') send(response, answer.body);
      else if (answer.kind === 'free') response.status(204).end();
      else sendProblem(response, 'WG-AAA-003', { retryAfterSeconds: 5 });
    } finally {
      inFlight--;
    }
  };
}

type Decision = { readonly kind: 'quarantined'; readonly body: string } | { readonly kind: 'free' | 'not-known' };

function createDecision({ logins, nases, accessKey, attributesFor, clock, log }: AaaRouterOptions) {
  const byIdentity = new Map(nases.map((nas) => [nas.identity, nas]));
  let unsayable: { readonly gateway: string | null; readonly attribute: string; readonly text: string };
  const tellUnsayable = seldom(
    () => clock.monotonicMs(),
    (times) => log.error('AAA_ATTRIBUTE_UNSAYABLE', { ...unsayable, times }),
  );
  return (login: Login): Decision => {
    if (!logins.isReady) return { kind: 'not-known' };
    const nas = byIdentity.get(login.nas) ?? byIdentity.get(login.nasIp) ?? nasFrom(nases, login.nasIp);
    const keys = accessKeysOf(login, nas?.accessKey ?? accessKey ?? 'User-Name');
    const access = keys.map((key) => logins.of(key)).find((found) => found !== undefined);
    if (access === undefined) return { kind: 'free' };
    const attributes = attributesFor(nas?.gateway, access);
    if (attributes.length === 0) return { kind: 'free' };
    const answer = restAnswer(attributes);
    if (answer.ok) return { kind: 'quarantined', body: JSON.stringify(answer.value) };
    // Half a garden may be none: the login goes on as it is, the gateway is told afterwards.
    const { index, text } = answer.error;
    unsayable = { gateway: nas?.gateway ?? null, attribute: attributes[index]!.name, text };
    tellUnsayable();
    return { kind: 'not-known' };
  };
}

/** Of two that name one address, the longer prefix speaks. */
function nasFrom(nases: readonly LoginNas[], address: string): LoginNas | undefined {
  const ip = parseIp(address);
  if (ip === undefined) return undefined;
  let [best, length]: [LoginNas | undefined, number] = [undefined, -1];
  for (const nas of nases)
    for (const prefix of nas.from ?? [])
      if (prefix.length > length && containsIp(prefix, ip)) [best, length] = [nas, prefix.length];
  return best;
}

function send(response: Response, body: string): void {
  response.setHeader('Cache-Control', 'no-store');
  response.type('application/json').send(body);
}

/** An answer before the body was read: the connection goes with it, or the rest of the body would be the next request. */
function hangUp(request: Request, response: Response, code: 'WG-AAA-001' | 'WG-AAA-002' | 'WG-AAA-003'): void {
  response.setHeader('Connection', 'close');
  sendProblem(response, code);
  request.resume();
}
