// What every page function is given, and how a model becomes HTML: texts, paths, languages and form tokens in one place.
import type { Journey, OutsideJourney } from '../../flow/journey.ts';
import { type Dates, inOnePiece } from './dates.ts';
import type { Guides } from './guides.ts';
import { LANGUAGES } from './languages.ts';
import { escapeHtml, Markup, rich } from './markup.ts';
import { type Operator, type PortalOptions, READING_MS } from './options.ts';
import type { Renderer } from './render.ts';
import type { Texts } from './texts.ts';
import type { Opened, Tokens } from './tokens.ts';
import { field, type LineVisit, type Model, noticeOf, pathOf, type Visit } from './visit.ts';

export interface Parts {
  readonly options: PortalOptions;
  readonly guides: Guides;
  readonly tokens: Tokens;
  readonly renderer: Renderer;
  readonly texts: ReadonlyMap<string, Texts>;
  readonly dates: ReadonlyMap<string, Dates>;
  /** As shown: times of day stay in one piece. */
  readonly operator: Operator;
  readonly contact: { readonly href: string; readonly label: string };
  readonly readingMs: { readonly step: number; readonly consent: number };
}

/** Only https and mailto may become a link (EJS escapes quotes, not schemes). */
export function contactOf(operator: Operator): Parts['contact'] {
  const url = new URL(operator.contactUrl);
  if (url.protocol !== 'https:' && url.protocol !== 'mailto:') throw new Error('contactUrl: https or mailto');
  return { href: url.href, label: operator.contactUrl.replace(/^(https:\/\/|mailto:)/, '').replace(/\/$/, '') };
}

/** A name, a number and «9:00–18:00» (by U+2060) each stay on one line. */
export function shownOperator(operator: Operator): Operator {
  return {
    ...operator,
    name: inOnePiece(operator.name),
    phone: inOnePiece(operator.phone),
    supportHours: operator.supportHours.replace(/[–-]/g, '\u2060$&\u2060'),
  };
}

export function readingMsOf(options: PortalOptions): Parts['readingMs'] {
  return options.readingMs ?? READING_MS;
}

export type Subject = Pick<Journey | OutsideJourney, 'lineRef' | 'version' | 'checkCode'>;

/** The page of one model. `subject` gives it the check code and the tokens of its forms. */
export function htmlOf(parts: Parts, visit: Visit, view: string, model: Model, subject?: Subject): string {
  const { texts, tag } = visit;
  const language = LANGUAGES.find((l) => l.tag === tag);
  const asked = pathOf(visit.request).replace(/^\/[^/]*\/?/, '');
  // An address that is none of ours is not repeated, not even as a link (W02).
  const here = /^[a-z0-9/_-]*$/i.test(asked) ? asked : '';
  const { title } = model;
  return parts.renderer.render(view, {
    tag,
    html: language?.html,
    t: texts.t,
    p: texts.p,
    operator: parts.operator,
    gap: tag === 'ja' ? '' : ' ',
    contact: parts.contact,
    style: parts.renderer.style,
    svg: parts.renderer.svg,
    sceneSvg: parts.renderer.scene,
    notice: noticeOf(visit.request),
    scene: false,
    bare: false,
    code: subject === undefined ? undefined : shownCode(subject.checkCode),
    titleText: title instanceof Markup ? unruby(title) : title,
    path: (rest: string) => `/${tag}/${rest}`,
    languages: parts.options.languages.map((other) => languageLink(other, tag, here)),
    token: (action: string) => (subject === undefined ? '' : parts.tokens.issue({ ...subject, action }, visit.now)),
    note: undefined,
    icon: undefined,
    sighting: undefined,
    call: undefined,
    next: undefined,
    reference: undefined,
    problem: undefined,
    ...model,
  });
}

function languageLink(tag: string, current: string, here: string) {
  const language = LANGUAGES.find((l) => l.tag === tag);
  return {
    href: `/${tag}/${here}`,
    html: language?.html,
    label: rich(language?.label ?? tag),
    current: tag === current,
  };
}

function unruby(markup: Markup): Markup {
  return new Markup(markup.html.replace(/<rp>.*?<\/rp>|<rt>.*?<\/rt>|<[^>]*>/g, ''));
}

export function shownCode(code: string): string {
  return /^\w{8}$/.test(code) ? `${code.slice(0, 4)}-${code.slice(4)}` : code;
}

/** Green is for good news alone; «we still see it» has a warm tone of its own, never red. */
const TONES = { 'still-seen': 'amber', 'not-seen-since': 'leaf', unknown: '' } as const;

/** Verify's word about this line, in words; never «clean». */
export function sightingOf(visit: Visit, sighting: Journey['sighting']) {
  return {
    sighting: visit.texts.t(`sighting.${sighting.kind}`, { at: visit.dates.full(sighting.at) }),
    sightingIcon: sighting.kind === 'not-seen-since' ? 'check' : 'eye',
    sightingTone: TONES[sighting.kind],
  };
}

/** «Please call us» with the number and the code people read over the phone, so the foot of the page need not repeat the code. */
export function callCard(text: Markup, subject: Subject) {
  return { call: text, callCode: shownCode(subject.checkCode), code: undefined };
}

export function deviceThe(visit: Visit, device: string | undefined): string {
  return visit.texts.raw(`device.${device ?? 'unknown'}.the`);
}

/** Opens the form's token; `early` = answered faster than anybody reads (W06). */
export function openForm(
  parts: Parts,
  visit: LineVisit | (Visit & { readonly journey: OutsideJourney }),
  action: string,
  more: { readonly pageHash?: string; readonly readingMs?: number } = {},
): (Opened & { readonly kind: 'good'; readonly early: boolean }) | { readonly kind: 'bad' } {
  const { lineRef, version } = visit.journey;
  const page = more.pageHash === undefined ? {} : { pageHash: more.pageHash };
  const opened = parts.tokens.open(field(visit.request, 'token'), { lineRef, version, action, ...page }, visit.now);
  if (opened.kind === 'bad') return opened;
  return { ...opened, early: visit.now - opened.issuedAt < (more.readingMs ?? parts.readingMs.step) };
}

/** An address ends its line before the path, never inside it; copied, it is the address alone. */
export function asAddress(host: string, path: string): Markup {
  return new Markup(`${escapeHtml(host)}<strong>${escapeHtml(path)}</strong>`);
}

/** Error references and the like are text, shown in the code style. */
export function asText(value: string): Markup {
  return new Markup(escapeHtml(value));
}
