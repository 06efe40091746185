// The subscriber's portal: the table of pages, and the way from a request to a line, a page function and an answer.
// Reads and orders through JourneyDesk only; keeps nothing but rate limits.
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express';
import { CAPTIVE_TYPE, captiveBody, isCaptive } from './captive.ts';
import { datesFor } from './dates.ts';
import { canonicalHost, isForeign, noStore, securityHeaders } from './guard.ts';
import { loadGuides } from './guides.ts';
import { LANGUAGES, negotiate } from './languages.ts';
import { createLimit } from './limits.ts';
import type { PortalOptions } from './options.ts';
import { checkCode, checkPage, outsidePage, outsideStepPage, outsideTick, outsideVisit } from './pages/check.ts';
import {
  laterDonePage,
  laterPage,
  medicalDonePage,
  medicalPage,
  openMedicalDoor,
  postponeSteps,
} from './pages/doors.ts';
import { firstPage, freePage, managerPage, unknownPage } from './pages/first.ts';
import { againPage, giveRelease, notedPage, refusedPage, releasePage, resultPage } from './pages/release.ts';
import { answerQuestion, chooseDevice, devicePage, questionPage, stepsPage, tickStep } from './pages/steps.ts';
import { asText, contactOf, htmlOf, type Parts, readingMsOf } from './parts.ts';
import { createRenderer } from './render.ts';
import { sendHtml } from './send.ts';
import { loadTexts } from './texts.ts';
import { createTokens } from './tokens.ts';
import { type LineVisit, peerOf, type Reply, type Visit } from './visit.ts';

type Page<V> = (parts: Parts, visit: V) => Reply | Promise<Reply>;

/** Pages of a line with an open case. Everybody else gets the free page or the neutral one. */
const LINE_PAGES: readonly (readonly ['get' | 'post', string, Page<LineVisit>])[] = [
  ['get', '', firstPage],
  ['get', 'device', devicePage],
  ['post', 'device', chooseDevice],
  ['get', 'steps', stepsPage],
  ['post', 'steps', tickStep],
  ['get', 'question', questionPage],
  ['post', 'question', answerQuestion],
  ['get', 'release', releasePage],
  ['post', 'release', giveRelease],
  ['get', 'result', resultPage],
  ['get', 'refused/:reason', refusedPage],
  ['get', 'again/:why', againPage],
  ['get', 'noted', notedPage],
  ['get', 'medical', medicalPage],
  ['post', 'medical', openMedicalDoor],
  ['get', 'medical/done', medicalDonePage],
  ['get', 'later', laterPage],
  ['post', 'later', postponeSteps],
  ['get', 'later/done', laterDonePage],
  ['get', 'manager', managerPage],
];

/** Pages for anybody, from anywhere. */
const PUBLIC_PAGES: readonly (readonly ['get' | 'post', string, Page<Visit>])[] = [
  ['get', 'check', checkPage],
  ['post', 'check', checkCode],
];

const OUTSIDE_PAGES = [
  ['get', 'c/:sealed', outsidePage],
  ['get', 'c/:sealed/steps', outsideStepPage],
  ['post', 'c/:sealed/steps', outsideTick],
] as const;

export function createPortal(options: PortalOptions): Express {
  const parts = partsOf(options);
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('trust proxy', false);
  app.set('query parser', 'simple');
  app.set('case sensitive routing', true);
  app.use(securityHeaders(parts.renderer.styleSource), noStore, canonicalHost(options.portalOrigins));
  app.get('/favicon.ico', (_request, response) => void response.status(204).end());
  app.get('/captive', (request, response) => answerCaptive(parts, request, response));
  app.get('/', (request, response) => toLanguage(parts, request, response));

  const door = createDoor(parts);
  app.use('/:lang', door.enter, express.urlencoded({ extended: false, limit: 8192, parameterLimit: 32 }));
  for (const [method, path, page] of PUBLIC_PAGES) app[method](`/:lang/${path}`, door.open(page));
  for (const [method, path, page] of LINE_PAGES) app[method](`/:lang/${path}`, door.openForLine(page));
  for (const [method, path, page] of OUTSIDE_PAGES) {
    app[method](`/:lang/${path}`, async (request, response) => {
      const visit = await outsideVisit(parts, door.visitOf(request, response));
      if (visit === undefined) return door.fail(request, response, 404, 'missing');
      answer(parts, visit, response, await page(parts, visit), visit.journey);
    });
  }
  app.use((request, response) => door.fail(request, response, 404, 'missing'));
  app.use(door.onError);
  return app;
}

function partsOf(options: PortalOptions): Parts {
  const known = options.languages.filter((tag) => LANGUAGES.some((language) => language.tag === tag));
  if (known.length !== options.languages.length || !known.includes(options.defaultLanguage)) {
    throw new Error(`portal languages: choose from ${LANGUAGES.map((l) => l.tag).join(', ')}`);
  }
  return {
    options,
    guides: loadGuides(),
    tokens: createTokens(options.tokenKey),
    renderer: createRenderer(),
    texts: loadTexts(known),
    dates: new Map(known.map((tag) => [tag, datesFor(tag, options.operator.timeZone)])),
    contact: contactOf(options.operator),
    readingMs: readingMsOf(options),
  };
}

/** RFC 8908 API: anybody may ask, the answer is about the asker's own line, straight from the desk. */
async function answerCaptive(parts: Parts, request: Request, response: Response): Promise<void> {
  const captive = isCaptive(await parts.options.desk.of(peerOf(request)));
  response.setHeader('Content-Type', CAPTIVE_TYPE);
  response.setHeader('Cache-Control', 'private, no-store');
  response.end(captiveBody(captive, `${parts.options.portalOrigins[0]}/`));
}

/** The bare address leads to a language: the browser's, else what the operator knows of the line, else the default. */
async function toLanguage(parts: Parts, request: Request, response: Response): Promise<void> {
  const { languages, defaultLanguage, desk } = parts.options;
  const wished = negotiate(request.get('accept-language'), languages, '');
  const known = wished === '' ? (await desk.of(peerOf(request)))?.language : undefined;
  const tag = wished !== '' ? wished : known !== undefined && languages.includes(known) ? known : defaultLanguage;
  response.redirect(302, `/${tag}/`);
}

function answer(
  parts: Parts,
  visit: Visit,
  response: Response,
  reply: Reply,
  subject?: LineVisit['journey'] | Parameters<typeof htmlOf>[4],
): void {
  if (reply.kind === 'go') return void response.redirect(303, reply.to);
  sendHtml(response, reply.status ?? 200, reply.html ?? htmlOf(parts, visit, reply.view, reply.model, subject));
}

/** What stands before each page: limits, foreign forms, the line; and what is said when something fails. */
function createDoor(parts: Parts) {
  const { options, texts, dates } = parts;
  const loads = createLimit({ burst: 120, perSecond: 10 });
  const orders = createLimit({ burst: 20, perSecond: 0.5 });

  const visitOf = (request: Request, response: Response): Visit => {
    const asked = request.path.split('/')[1] ?? '';
    const tag = texts.has(asked)
      ? asked
      : negotiate(request.get('accept-language'), options.languages, options.defaultLanguage);
    const requestId: unknown = (response.locals['requestId'] ??= options.randomId());
    return {
      request,
      tag,
      texts: texts.get(tag)!,
      dates: dates.get(tag)!,
      peer: peerOf(request),
      now: options.now(),
      requestId: String(requestId),
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

  const busy = (request: Request, response: Response, key: string): boolean => {
    const limit = request.method === 'POST' ? orders : loads;
    const seconds = limit.take(key, options.now());
    if (seconds === undefined) return false;
    response.setHeader('Retry-After', seconds);
    fail(request, response, 429, 'busy', { seconds });
    return true;
  };

  const open =
    (page: Page<Visit>) =>
    async (request: Request, response: Response): Promise<void> => {
      const visit = visitOf(request, response);
      const journey = await options.desk.of(visit.peer);
      if (busy(request, response, journey?.lineRef ?? `peer ${visit.peer}`)) return;
      answer(parts, visit, response, await page(parts, visit), journey);
    };

  const openForLine =
    (page: Page<LineVisit>) =>
    async (request: Request, response: Response): Promise<void> => {
      const visit = visitOf(request, response);
      const journey = await options.desk.of(visit.peer);
      if (busy(request, response, journey?.lineRef ?? `peer ${visit.peer}`)) return;
      if (journey !== undefined)
        return answer(parts, visit, response, await page(parts, { ...visit, journey }), journey);
      const stranger = (await options.desk.standing(visit.peer)) === 'unknown' ? unknownPage : freePage;
      answer(parts, visit, response, stranger(parts, visit));
    };

  const enter = (request: Request, response: Response, next: () => void): void => {
    if (!texts.has(String(request.params['lang']))) return fail(request, response, 404, 'missing');
    if (!['GET', 'HEAD', 'POST'].includes(request.method)) return fail(request, response, 404, 'missing');
    if (request.method === 'POST' && isForeign(request.headers, options.portalOrigins)) {
      options.log.warn('PORTAL_FOREIGN_FORM');
      return fail(request, response, 403, 'foreign');
    }
    next();
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

  return { visitOf, fail, open, openForLine, enter, onError };
}
