// An HTTP client for servers we do not run: TLS verified, addresses guarded, every wait and every size bounded (F21, F22). One
// connection per request, nothing kept. Says what came back; what it means is the collector's.
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { err, type Result } from '../../../core/kernel/result.ts';
import { HTTP_LIMITS, type HttpAnswer, type HttpFault, type HttpLimits, readAnswer } from './answer.ts';
import { type EgressRule, guardedLookup, urlFault } from './egress.ts';

export interface HttpOrder {
  readonly url: string;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is: these very bytes may be signed. */
  readonly body?: Uint8Array;
  /** Only a GET follows, each hop judged anew; credentials stay with the host they were meant for. */
  readonly redirects?: number;
  readonly signal?: AbortSignal;
}

export interface HttpClientOptions extends EgressRule {
  /** PEM, beside nothing else: for a server with a certificate of the operator's own authority. */
  readonly ca?: string;
  readonly limits?: Partial<HttpLimits>;
  readonly resolve?: LookupFunction;
}

export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #limits: HttpLimits;
  readonly #lookup: LookupFunction;

  constructor(options: HttpClientOptions) {
    this.#options = options;
    this.#limits = { ...HTTP_LIMITS, ...options.limits };
    this.#lookup = guardedLookup(options, options.resolve);
  }

  /** Never throws. Any status is an answer, a redirect that may not be followed is a fault. */
  async send(order: HttpOrder): Promise<Result<HttpAnswer, HttpFault>> {
    let url = URL.canParse(order.url) ? new URL(order.url) : undefined;
    let headers = order.headers ?? {};
    const headersBy = performance.now() + this.#limits.headersMs;
    const total = AbortSignal.timeout(this.#limits.totalMs);
    const signal = order.signal === undefined ? total : AbortSignal.any([order.signal, total]);
    for (let hop = 0; ; hop++) {
      if (url === undefined) return err({ kind: 'refused', text: 'no address that can be read' });
      const fault = urlFault(url, this.#options);
      if (fault !== undefined) return err({ kind: 'refused', text: fault });
      const answer = await this.#once(url, { ...order, headers, signal }, headersBy).catch(unsayable);
      if (!answer.ok || !isRedirect(answer.value.status)) return answer;
      if ((order.method ?? 'GET') !== 'GET' || hop >= (order.redirects ?? 0))
        return err({ kind: 'redirect', text: `HTTP ${answer.value.status}: redirects are not followed here` });
      const next = targetOf(answer.value, url);
      // RFC 9110 §15.4: credentials are for the origin they were given for.
      if (next?.origin !== url.origin) headers = {};
      url = next;
    }
  }

  #once(
    url: URL,
    order: HttpOrder & { readonly signal: AbortSignal },
    headersBy: number,
  ): Promise<Result<HttpAnswer, HttpFault>> {
    return new Promise((resolve) => {
      const asking = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
        method: order.method ?? 'GET',
        // No pool, no proxy from the environment, and no coding that could unfold beyond the cap.
        agent: false,
        headers: { 'User-Agent': 'engawa', 'Accept-Encoding': 'identity', ...order.headers, ...lengthOf(order.body) },
        lookup: this.#lookup,
        signal: order.signal,
        maxHeaderSize: 32 * 1024,
        ...(this.#options.ca === undefined ? {} : { ca: this.#options.ca }),
      });
      const settle = (result: Result<HttpAnswer, HttpFault>) => {
        clearTimeout(deadline);
        asking.destroy();
        resolve(result);
      };
      const deadline = setTimeout(
        () => settle(err({ kind: 'timeout', text: `no answer within ${Math.round(this.#limits.headersMs / 1000)} s` })),
        Math.max(0, headersBy - performance.now()),
      );
      asking.on('error', (error) => settle(err(faultOf(error, order.signal))));
      asking.once('response', (response) => {
        clearTimeout(deadline);
        const aborted = () => err(faultOf(new Error('the answer broke off'), order.signal));
        void readAnswer(response, this.#limits).then((read) =>
          settle(read.ok || read.error.kind !== 'unreachable' ? read : aborted()),
        );
      });
      asking.end(order.body);
    });
  }
}

/** A header that HTTP cannot carry throws before anything leaves. */
function unsayable(cause: unknown): Result<HttpAnswer, HttpFault> {
  return err({
    kind: 'refused',
    text: `the request cannot be made (${(cause as { code?: string }).code ?? 'unknown'})`,
  });
}

const isRedirect = (status: number) => [301, 302, 303, 307, 308].includes(status);

function targetOf(answer: HttpAnswer, from: URL): URL | undefined {
  const location = answer.headers.location;
  return location !== undefined && URL.canParse(location, from.href) ? new URL(location, from) : undefined;
}

function lengthOf(body: Uint8Array | undefined): Readonly<Record<string, string>> {
  return body === undefined ? {} : { 'Content-Length': String(body.length) };
}

function faultOf(error: Error & { readonly code?: string }, signal: AbortSignal): HttpFault {
  if (error.code === 'EGRESS') return { kind: 'refused', text: error.message };
  if (signal.aborted) {
    const isDeadline = (signal.reason as { name?: string } | undefined)?.name === 'TimeoutError';
    return isDeadline ? { kind: 'timeout', text: 'the whole took too long' } : { kind: 'stopped', text: 'stopped' };
  }
  return { kind: 'unreachable', text: `${error.code ?? ''} ${error.message}`.trim().slice(0, 200) };
}
