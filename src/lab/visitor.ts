// Somebody at home in front of the portal, without script and cookies: reads a page, presses a button, follows where it leads.
import type { Remote } from './remote.ts';

export interface Page {
  readonly url: string;
  readonly status: number;
  readonly body: string;
  readonly error: string | null;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly error: string | null;
}

export interface Form {
  readonly action: string;
  readonly method: string;
  readonly hidden: readonly (readonly [string, string])[];
  readonly html: string;
}

const MOST_REDIRECTS = 8;

export class Visitor {
  readonly #home: Remote;
  readonly #ca: string;
  #page: Page = { url: '', status: 0, body: '', error: null };

  constructor(home: Remote, ca: string) {
    this.#home = home;
    this.#ca = ca;
  }

  get page(): Page {
    return this.#page;
  }

  /** Where a page leads, redirects included. */
  async open(
    url: string,
    options: {
      readonly method?: 'GET' | 'POST';
      readonly body?: string;
      readonly follow?: boolean;
      readonly family?: number;
    } = {},
  ): Promise<Page> {
    let [at, method, body] = [url, options.method ?? 'GET', options.body];
    for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
      const headers =
        method === 'POST'
          ? {
              'content-type': 'application/x-www-form-urlencoded',
              origin: new URL(at).origin,
              'sec-fetch-site': 'same-origin',
            }
          : {};
      const answer: Answer = await this.#home.do('visit', {
        url: at,
        method,
        headers,
        ca: this.#ca,
        ...(body === undefined ? {} : { body }),
        ...(options.family === undefined ? {} : { family: options.family }),
      });
      const location = answer.headers['location'];
      if (location === undefined || options.follow === false || answer.status < 300 || answer.status > 399) {
        this.#page = { url: at, status: answer.status, body: location ?? answer.body, error: answer.error };
        return this.#page;
      }
      [at, method, body] = [new URL(location, at).href, 'GET', undefined];
    }
    throw new Error(`more than ${MOST_REDIRECTS} redirects from ${url}`);
  }

  /** The forms of this page, in order. */
  forms(): readonly Form[] {
    return [...this.#page.body.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].map(([, head, html]) => ({
      action: attribute(head!, 'action') ?? '',
      method: (attribute(head!, 'method') ?? 'get').toUpperCase(),
      hidden: [...html!.matchAll(/<input\b[^>]*type="hidden"[^>]*>/g)].map(
        ([input]) => [attribute(input, 'name') ?? '', attribute(input, 'value') ?? ''] as const,
      ),
      html: html!,
    }));
  }

  /** Sends the first POST form whose html contains `name="field" value="choice"`; returns where it led. */
  async choose(field: string, choice: string): Promise<Page> {
    const form = this.forms().find(
      (one) => one.method === 'POST' && one.html.includes(`name="${field}" value="${choice}"`),
    );
    if (form === undefined) throw new Error(`no form with ${field}=${choice} on ${this.#page.url}`);
    return this.send(form, [[field, choice]]);
  }

  async send(form: Form, fields: readonly (readonly [string, string])[]): Promise<Page> {
    const sent = new URLSearchParams();
    for (const [name, value] of [...form.hidden, ...fields]) sent.append(unescape_(name), unescape_(value));
    const body = sent.toString();
    return this.open(new URL(unescape_(form.action), this.#page.url).href, { method: 'POST', body });
  }

  /** Everything one must tick on this page. */
  boxes(): readonly string[] {
    return [...this.#page.body.matchAll(/<input\b[^>]*type="checkbox"[^>]*>/g)].map(
      ([input]) => attribute(input, 'value') ?? '',
    );
  }

  title(): string {
    return (/<h1[^>]*>([\s\S]*?)<\/h1>/.exec(this.#page.body)?.[1] ?? '').replace(/<[^>]+>/g, '').trim();
  }
}

function attribute(html: string, name: string): string | undefined {
  return new RegExp(`\\b${name}="([^"]*)"`).exec(html)?.[1];
}

function unescape_(text: string): string {
  return text
    .replaceAll('&#34;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}
