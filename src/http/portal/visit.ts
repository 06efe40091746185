// One request of one reader: language, line, time. The line comes from the socket's peer and from nothing else (W01).
import type { Request } from 'express';
import type { Instant } from '../../core/kernel/time.ts';
import type { Journey } from '../../flow/journey.ts';
import type { Dates } from './dates.ts';
import type { Texts } from './texts.ts';

export interface Visit {
  readonly request: Request;
  readonly tag: string;
  readonly texts: Texts;
  readonly dates: Dates;
  readonly peer: string;
  /** Says which line it is where lines share an address. */
  readonly peerPort: number | undefined;
  readonly now: Instant;
  readonly requestId: string;
}

/** A visit of a line we know, with an open case. */
export interface LineVisit extends Visit {
  readonly journey: Journey;
}

/** What a page answers: a template with its model, or the next address (always 303: POST → GET). */
export type Reply =
  | {
      readonly kind: 'page';
      readonly view: string;
      readonly model: Model;
      readonly status?: number;
      readonly html?: string;
    }
  | { readonly kind: 'go'; readonly to: string };

export interface Model {
  readonly title: string | import('./markup.ts').Markup;
  readonly [key: string]: unknown;
}

/** The path as asked, wherever in the router we are; without the query. */
export function pathOf(request: Request): string {
  return request.originalUrl.split('?')[0] ?? '';
}

/** A dual-stack socket names IPv4 peers in mapped form; the desk wants the address itself. */
export function peerOf(request: Request): string {
  const address = request.socket.remoteAddress ?? '';
  return address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
}

/** One short text field of a form; anything else (lists, objects, long ones) is no answer. */
export function field(request: Request, name: string): string {
  const body: unknown = request.body;
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, name)) return '';
  const value: unknown = Reflect.get(body, name);
  return typeof value === 'string' && value.length <= 256 ? value : '';
}

export function fields(request: Request, name: string): readonly string[] {
  const body: unknown = request.body;
  const value: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, name) : undefined;
  const list: readonly unknown[] = Array.isArray(value) ? value.slice(0, 8) : [value];
  return list.filter((v): v is string => typeof v === 'string' && v.length <= 64);
}

/** `?notice=` picks one of our own sentences; any other value is nothing. */
const NOTICES = ['again', 'choose', 'tick'];
export function noticeOf(request: Request): string | undefined {
  const value = request.query['notice'];
  return typeof value === 'string' && NOTICES.includes(value) ? value : undefined;
}

/** RFC 9110: speculative loads say so; page previews do not count as «a person saw it». */
export function isNavigation(request: Request): boolean {
  const header = (name: string) => request.get(name)?.toLowerCase() ?? '';
  const speculative = `${header('sec-purpose')} ${header('purpose')} ${header('x-moz')} ${header('x-purpose')}`;
  if (/prefetch|prerender|preview/.test(speculative)) return false;
  if (request.method !== 'GET' || !header('accept').includes('text/html')) return false;
  if (!['', 'document'].includes(header('sec-fetch-dest'))) return false;
  return !/captivenetworksupport|nx nifm|networkmanager|microsoft ncsi/.test(header('user-agent'));
}
