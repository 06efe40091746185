// The few static answers of the redirector, made once at start. They depend on the configuration alone: nothing a client sent ever
// comes back in them.

export interface StaticAnswer {
  readonly status: number;
  /** Name, value, name, value: as node:http writes them. */
  readonly headers: readonly string[];
  /** A string: node:http then sends head and body in one write. */
  readonly body: string;
}

/** Every answer ends its connection: after a release, nothing must go on in a flow that was steered to us. */
function answer(status: number, html: string, extra: readonly string[] = []): StaticAnswer {
  const body = `<!doctype html><html><meta charset="utf-8">${html}</html>\n`;
  const headers = [
    ...['Content-Type', 'text/html; charset=utf-8', 'Content-Length', String(Buffer.byteLength(body))],
    ...['Cache-Control', 'no-store', 'Referrer-Policy', 'no-referrer', 'Connection', 'close', ...extra],
  ];
  return { status, headers, body };
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

/** A body of more than four octets, or Android reads the answer as a broken one. */
export function toPortal(portalUrl: string): StaticAnswer {
  const link = `<title>…</title><p><a href="${escaped(portalUrl)}">${escaped(portalUrl)}</a></p>`;
  return answer(302, link, ['Location', portalUrl]);
}

/** RFC 6585 §6, for programs that would take a redirect for data. */
export function authenticationRequired(portalUrl: string): StaticAnswer {
  const url = escaped(portalUrl);
  return answer(511, `<title>511</title><p>This line is in quarantine: <a href="${url}">${url}</a></p>`);
}

/**
 * For a free line whose device still remembers a sink. 503 and not 200: a probe must take it neither for «online» nor for a portal.
 * The page asks again by itself, when the five seconds of the sink's TTL are over.
 */
export function lineIsFree(): StaticAnswer {
  const html = [
    '<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="6"><title>OK</title>',
    '<p lang="ja">お客さまの回線は、制限されていません。数秒後に、もう一度ページを開いてください。</p>',
    '<p lang="ja">インターネットは つかえます。すこし まって、もういちど ページを ひらいてください。</p>',
    '<p lang="en">Your line is free: nothing is blocked. Please open your page again in a few seconds.</p>',
  ].join('\n');
  return answer(503, html, ['Retry-After', '6']);
}

/** For what is no HTTP, too much of it, or two things at once (W09). */
export const BAD_REQUEST = Buffer.from(
  'HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 12\r\nCache-Control: no-store\r\nConnection: close\r\n\r\nBad Request\n',
);
