// What every answer carries and what every request must pass: headers, canonical host, foreign forms. No cookie anywhere.
import type { RequestHandler } from 'express';
import helmet from 'helmet';

/** CSP by hash of the one style block. No HSTS, no upgrade: docs/adr/0007-portal-without-hsts.md. */
export function securityHeaders(styleSource: string): RequestHandler {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        styleSrc: [styleSource],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    strictTransportSecurity: false,
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
    crossOriginEmbedderPolicy: false,
    originAgentCluster: false, // separates scripts of one site from another; there is no script here
  });
}

/** Never in a cache, never after «back» (W18). */
export const noStore: RequestHandler = (_request, response, next) => {
  response.setHeader('Cache-Control', 'no-store');
  next();
};

/** Any other Host, port or absolute target goes to our own first page: nothing of the request is repeated (W02, W03). */
export function canonicalHost(origins: readonly [string, ...string[]]): RequestHandler {
  const hosts = new Set(origins.map((origin) => new URL(origin).host));
  return (request, response, next) => {
    const host = request.headers.host?.toLowerCase() ?? '';
    if (hosts.has(host) && request.originalUrl.startsWith('/') && !request.originalUrl.startsWith('//')) return next();
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.status(400).type('text/plain').send('wrong host\n');
      return;
    }
    response.redirect(302, `${new URL(origins[0]).origin}/`);
  };
}

/**
 * Forms of other sites are refused (W04). Under `no-referrer` browsers send `Origin: null` with our own forms too
 * (Fetch, «append a request Origin header»), so null proves nothing either way: there the form token decides alone.
 */
export function isForeign(
  headers: { readonly origin?: string | undefined; readonly 'sec-fetch-site'?: string | string[] | undefined },
  origins: readonly string[],
): boolean {
  const { origin } = headers;
  if (origin !== undefined && origin !== 'null' && !origins.includes(origin)) return true;
  const site = headers['sec-fetch-site'];
  return site !== undefined && site !== 'same-origin' && site !== 'none';
}
