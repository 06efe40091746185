// What stands before each page: limits, foreign forms, the line; and what is said when something fails.
import type { ErrorRequestHandler, Request, Response } from 'express';
import { parsePeer } from '../../core/net/ip.ts';
import { seldom } from '../seldom.ts';
import { isForeign } from './guard.ts';
import { negotiate } from './languages.ts';
import { createFirstUses, createLimit, type Limit } from './limits.ts';
import { type OutsideVisit, outsideVisit } from './pages/check.ts';
import { freePage, unknownPage } from './pages/first.ts';
import { asText, htmlOf, type Parts, type Subject } from './parts.ts';
import { sendHtml } from './send.ts';
import { field, type LineVisit, pathOf, peerOf, type Reply, type Visit } from './visit.ts';

export type Page<V> = (parts: Parts, visit: V) => Reply | Promise<Reply>;

export function answer(parts: Parts, visit: Visit, response: Response, reply: Reply, subject?: Subject): void {
  if (reply.kind === 'go') response.redirect(303, reply.to);
  else sendHtml(response, reply.status ?? 200, reply.html ?? htmlOf(parts, visit, reply.view, reply.model, subject));
}

export function createDoor(parts: Parts) {
  const { options, texts, dates } = parts;
  const loads = createLimit({ burst: 120, perSecond: 10 });
  const medicalLoads = createLimit({ burst: 60, perSecond: 5 });
  const orders = createLimit({ burst: 60, perSecond: 2 });
  const junk = createLimit({ burst: 20, perSecond: 0.5 });
  const tokens = createFirstUses();

  const visitOf = (request: Request, response: Response): Visit => {
    const asked = pathOf(request).split('/')[1] ?? '';
    const tag = texts.has(asked)
      ? asked
      : negotiate(request.get('accept-language'), options.languages, options.defaultLanguage);
    response.locals['requestId'] ??= options.randomId();
    return {
      request,
      tag,
      texts: texts.get(tag)!,
      dates: dates.get(tag)!,
      peer: peerOf(request),
      peerPort: request.socket.remotePort,
      now: options.now(),
      requestId: String(response.locals['requestId']),
    };
  };

  const fail = (
    request: Request,
    response: Response,
    status: number,
    kind: string,
    values = {},
    reference?: string,
  ) => {
    const visit = visitOf(request, response);
    const model = {
      title: visit.texts.t(kind === 'error' ? 'error.title' : `error.${kind}-title`),
      lines: [visit.texts.t(kind === 'error' ? 'error.lead' : `error.${kind}`, values)],
      actions: [{ href: `/${visit.tag}/`, label: visit.texts.t('error.home'), main: true }],
      ...(reference === undefined
        ? {}
        : { reference: { label: visit.texts.t('error.reference'), value: asText(reference) } }),
    };
    sendHtml(response, status, htmlOf(parts, visit, 'message', model));
  };

  /** For whoever has no line and no case here. */
  const keyOf = ({ peer, peerPort }: Pick<Visit, 'peer' | 'peerPort'>): string => {
    const ip = parsePeer(peer, peerPort);
    return ip === undefined ? 'nobody' : options.householdOf(ip).key;
  };

  /**
   * Who pays: a form of ours, sent for the first time, has a budget that no flood of anything else can empty; and the medical
   * door's page and form never wait behind a bot in the same home.
   */
  const limitOf = (request: Request, lineRef: string | undefined): Limit | undefined => {
    const isMedical = pathOf(request).split('/')[2] === 'medical';
    if (request.method !== 'POST') return isMedical ? medicalLoads : loads;
    const id = lineRef === undefined ? undefined : parts.tokens.idOf(field(request, 'token'), lineRef, options.now());
    if (id === undefined || !tokens.isFirst(id)) return junk;
    return isMedical ? undefined : orders;
  };

  const busy = (request: Request, response: Response, key: string, lineRef?: string): boolean => {
    const seconds = limitOf(request, lineRef)?.take(key, options.now());
    if (seconds === undefined) return false;
    response.setHeader('Retry-After', seconds);
    fail(request, response, 429, 'busy', { seconds });
    return true;
  };

  const open =
    (page: Page<Visit>) =>
    async (request: Request, response: Response): Promise<void> => {
      const visit = visitOf(request, response);
      const journey = await options.desk.of(visit.peer, visit.peerPort);
      if (busy(request, response, journey?.lineRef ?? keyOf(visit), journey?.lineRef)) return;
      answer(parts, visit, response, await page(parts, visit), journey);
    };

  const openForLine =
    (page: Page<LineVisit>) =>
    async (request: Request, response: Response): Promise<void> => {
      const visit = visitOf(request, response);
      const journey = await options.desk.of(visit.peer, visit.peerPort);
      if (busy(request, response, journey?.lineRef ?? keyOf(visit), journey?.lineRef)) return;
      if (journey !== undefined)
        return answer(parts, visit, response, await page(parts, { ...visit, journey }), journey);
      const stranger = (await options.desk.standing(visit.peer, visit.peerPort)) === 'unknown' ? unknownPage : freePage;
      answer(parts, visit, response, stranger(parts, visit));
    };

  // Any page of the web can make browsers send one: one line a minute.
  const tellForeign = seldom(options.now, (times) => options.log.warn('PORTAL_FOREIGN_FORM', { times }));
  const enter = (request: Request, response: Response, next: () => void): void => {
    const known = texts.has(String(request.params['lang'])) && ['GET', 'HEAD', 'POST'].includes(request.method);
    if (!known) fail(request, response, 404, 'missing');
    else if (request.method === 'POST' && isForeign(request.headers, options.portalOrigins)) {
      tellForeign();
      fail(request, response, 403, 'foreign');
    } else next();
  };

  /** Readers see a number they can tell us; the log has the rest, but nothing of the request. */
  const onError: ErrorRequestHandler = (error: unknown, request, response, next) => {
    if (response.headersSent) return next(error);
    const status = error instanceof Error ? Number(Reflect.get(error, 'status')) : Number.NaN;
    if (status >= 400 && status < 500) return fail(request, response, status === 413 ? 413 : 400, 'bad');
    const { requestId } = visitOf(request, response);
    options.log.error('PORTAL_PAGE_FAILED', {
      reference: requestId,
      error: error instanceof Error ? error.message : 'unknown',
    });
    fail(request, response, 500, 'error', {}, requestId);
  };

  /** The public side by check code: no line behind the asker, so the asker's address carries the limit. */
  const openOutside =
    (page: Page<OutsideVisit>) =>
    async (request: Request, response: Response): Promise<void> => {
      const asked = visitOf(request, response);
      if (busy(request, response, keyOf(asked))) return;
      const visit = await outsideVisit(parts, asked);
      if (visit === undefined) return fail(request, response, 404, 'missing');
      answer(parts, visit, response, await page(parts, visit), visit.journey);
    };

  return { fail, open, openForLine, openOutside, enter, onError };
}
