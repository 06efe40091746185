// A browser without script and cookies: fetches a page over HTTP or HTTPS, trusts the lab's own CA and nobody else, follows
// nothing by itself.
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';

interface Visit {
  readonly url: string;
  readonly method?: 'GET' | 'POST';
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly ca?: string;
  /** 4 or 6; default: whatever answers. */
  readonly family?: number;
  /** Goes to this address whatever the name says, as `curl --resolve` does. */
  readonly address?: string;
  readonly timeoutMs?: number;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Why there is no answer; then status is 0. */
  readonly error: string | null;
}

function always(address: string): LookupFunction {
  const family = address.includes(':') ? 6 : 4;
  return (_name, options, found) =>
    options.all === true ? found(null, [{ address, family }]) : found(null, address, family);
}

const MAX_BODY = 1024 * 1024;

export const VISIT_ABILITIES = {
  visit: (visit: Visit): Promise<Answer> =>
    new Promise((resolve) => {
      const url = new URL(visit.url);
      const nothing = (error: string) => resolve({ status: 0, headers: {}, body: '', error });
      const asked = (url.protocol === 'https:' ? httpsRequest : httpRequest)(
        url,
        {
          method: visit.method ?? 'GET',
          headers: { 'accept-language': 'en', accept: 'text/html', ...visit.headers },
          timeout: visit.timeoutMs ?? 5000,
          agent: false,
          ...(visit.family === undefined ? {} : { family: visit.family }),
          ...(visit.address === undefined ? {} : { lookup: always(visit.address) }),
          ...(visit.ca === undefined || url.protocol !== 'https:' ? {} : { ca: readFileSync(visit.ca) }),
        },
        (response) => {
          let body = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            if (body.length < MAX_BODY) body += chunk;
          });
          response.on('error', (error) => nothing(error.message));
          response.on('end', () => {
            const headers = Object.fromEntries(
              Object.entries(response.headers).map(([name, value]) => [name, String(value)]),
            );
            resolve({ status: response.statusCode ?? 0, headers, body, error: null });
          });
        },
      );
      asked.on('timeout', () => asked.destroy(new Error('timeout')));
      asked.on('error', (error: NodeJS.ErrnoException) => nothing(error.code ?? error.message));
      asked.end(visit.body);
    }),
};
