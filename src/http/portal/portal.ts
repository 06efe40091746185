// The subscriber's portal: the table of pages, and the way from a request to a line, a page function and an answer.
// Reads and orders through JourneyDesk only; keeps nothing but rate limits.
import express, { type Express, type Request, type Response } from 'express';
import { CAPPORT_HEADERS } from '../../protocols/capport/api.ts';
import { captiveBody, isCaptive } from './captive.ts';
import { datesFor } from './dates.ts';
import { createDoor, type Page } from './door.ts';
import { canonicalHost, noStore, securityHeaders } from './guard.ts';
import { loadGuides } from './guides.ts';
import { LANGUAGES, negotiate } from './languages.ts';
import type { PortalOptions } from './options.ts';
import { checkCode, checkPage, type OutsideVisit, outsidePage, outsideStepPage, outsideTick } from './pages/check.ts';
import {
  laterDonePage,
  laterPage,
  medicalDonePage,
  medicalPage,
  openMedicalDoor,
  postponeSteps,
} from './pages/doors.ts';
import { firstPage, managerPage } from './pages/first.ts';
import { againPage, giveRelease, notedPage, refusedPage, releasePage, resultPage } from './pages/release.ts';
import {
  answerQuestion,
  chooseDevice,
  devicePage,
  oneStepPage,
  questionPage,
  stepsPage,
  tickStep,
} from './pages/steps.ts';
import { contactOf, type Parts, readingMsOf, shownOperator } from './parts.ts';
import { createRenderer } from './render.ts';
import { loadTexts } from './texts.ts';
import { createTokens } from './tokens.ts';
import { type LineVisit, peerOf, type Visit } from './visit.ts';

/** Pages of a line with an open case. Everybody else gets the free page or the neutral one. */
const LINE_PAGES: readonly (readonly ['get' | 'post', string, Page<LineVisit>])[] = [
  ['get', '', firstPage],
  ['get', 'device', devicePage],
  ['post', 'device', chooseDevice],
  ['get', 'steps', stepsPage],
  ['post', 'steps', tickStep],
  ['get', 'steps/:step', oneStepPage],
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

/** By check code, from outside the garden. */
const OUTSIDE_PAGES: readonly (readonly ['get' | 'post', string, Page<OutsideVisit>])[] = [
  ['get', 'c/:sealed', outsidePage],
  ['get', 'c/:sealed/steps', outsideStepPage],
  ['post', 'c/:sealed/steps', outsideTick],
];

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
  for (const [method, path, page] of OUTSIDE_PAGES) app[method](`/:lang/${path}`, door.openOutside(page));
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
    guides: options.guides ?? loadGuides(),
    tokens: createTokens(options.tokenKey),
    renderer: createRenderer(),
    texts: loadTexts(known),
    dates: new Map(known.map((tag) => [tag, datesFor(tag, options.operator.timeZone)])),
    operator: shownOperator(options.operator),
    contact: contactOf(options.operator),
    readingMs: readingMsOf(options),
  };
}

/** RFC 8908 API: anybody may ask, the answer is about the asker's own line, straight from the desk. */
async function answerCaptive(parts: Parts, request: Request, response: Response): Promise<void> {
  const captive = isCaptive(await parts.options.desk.of(peerOf(request), request.socket.remotePort));
  for (const [name, value] of Object.entries(CAPPORT_HEADERS)) response.setHeader(name, value);
  response.end(captiveBody(captive, `${parts.options.portalOrigins[0]}/`));
}

/** The bare address leads to a language: the browser's, else what the operator knows of the line, else the default. */
async function toLanguage(parts: Parts, request: Request, response: Response): Promise<void> {
  const { languages, defaultLanguage, desk } = parts.options;
  const wished = negotiate(request.get('accept-language'), languages, '');
  const known = wished === '' ? (await desk.of(peerOf(request), request.socket.remotePort))?.language : undefined;
  const tag = wished !== '' ? wished : known !== undefined && languages.includes(known) ? known : defaultLanguage;
  response.redirect(302, `/${tag}/`);
}
