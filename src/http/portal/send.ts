// Sends a page compressed. Each page carries fresh random tokens and repeats nothing a stranger can choose, so length leaks nothing.
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Response } from 'express';

const BROTLI = {
  params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT },
};

export function sendHtml(response: Response, status: number, html: string): void {
  const encoding = encodingOf(response.req.get('accept-encoding'));
  const text = Buffer.from(html, 'utf8');
  const body = encoding === 'br' ? brotliCompressSync(text, BROTLI) : encoding === 'gzip' ? gzipSync(text) : text;
  response.status(status);
  response.setHeader('Content-Type', 'text/html; charset=utf-8');
  response.setHeader('Content-Length', body.length);
  response.setHeader('Vary', 'Accept-Encoding');
  if (encoding !== 'identity') response.setHeader('Content-Encoding', encoding);
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

/** `q=0` means «not this one» (RFC 9110 §12.5.3); finer preferences make no difference here. */
function encodingOf(header: string | undefined): 'br' | 'gzip' | 'identity' {
  const offers = (header ?? '').slice(0, 256).toLowerCase().split(',');
  const accepts = (name: string) =>
    offers.some((o) => o.trim().split(';')[0]!.trim() === name && !/;\s*q=0(\.0*)?\s*$/.test(o));
  return accepts('br') ? 'br' : accepts('gzip') ? 'gzip' : 'identity';
}
