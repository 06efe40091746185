// Messages to the operator's own system: JSON over HTTPS, signed with the time so that nobody can forge or replay one.
// Follows no redirect and reads no answer beyond its status. The receiver verifies HMAC-SHA-256 over `timestamp.body`.
import { createHmac } from 'node:crypto';
import { err, ok, type Result } from '../../../core/kernel/result.ts';
import type { Clock, Notifier } from '../../../flow/ports.ts';
import { unfit } from '../envelope.ts';

export interface WebhookOptions {
  /** https, or http to 127.0.0.1 or [::1]; no user or password in it. */
  readonly url: string;
  /** Shared secret, 32 octets or more. */
  readonly secret: Uint8Array;
  readonly clock: Pick<Clock, 'now'>;
  readonly deadlineMs?: number;
}

type SendError = { readonly kind: 'temporary' | 'permanent'; readonly text: string };

/** Throws when address or secret could let messages leak. */
export function createWebhookNotifier(options: WebhookOptions): Notifier {
  const url = checkedUrl(options.url);
  if (options.secret.length < 32) throw new Error('webhook: the secret has fewer than 32 octets');
  return {
    channel: 'webhook',
    async send(message, signal) {
      const fault = unfit(message);
      if (fault !== undefined) return err({ kind: 'permanent', text: `not sent: ${fault}` });
      const { to, subject, text, language, checkCode, messageId } = message;
      const body = JSON.stringify({ id: messageId, to, subject, text, language, checkCode });
      const timestamp = String(Math.floor(options.clock.now() / 1000));
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(options.deadlineMs ?? 10_000)]);
      return await post(url, body, headersOf(options.secret, timestamp, body), deadline);
    },
  };
}

export function signWebhook(secret: Uint8Array, timestamp: string, body: string): string {
  return `v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
}

function headersOf(secret: Uint8Array, timestamp: string, body: string): Record<string, string> {
  return {
    'Content-Type': 'application/json',
    'Engawa-Timestamp': timestamp,
    'Engawa-Signature': signWebhook(secret, timestamp, body),
  };
}

async function post(
  url: URL,
  body: string,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<Result<void, SendError>> {
  try {
    const answer = await fetch(url, { method: 'POST', body, headers, redirect: 'manual', signal });
    await answer.body?.cancel();
    return answer.ok
      ? ok(undefined)
      : err({ kind: isPassing(answer.status) ? 'temporary' : 'permanent', text: `HTTP ${answer.status}` });
  } catch (error) {
    return err({ kind: 'temporary', text: signal.aborted ? 'deadline' : causeOf(error) });
  }
}

/** Busy or broken now. A redirect is none of these: the address is configured wrongly, and we never follow. */
function isPassing(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

function causeOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: unknown } };
  return typeof cause?.code === 'string' ? cause.code : 'no answer';
}

function checkedUrl(text: string): URL {
  const url = new URL(text);
  const isLoopback = url.hostname === '127.0.0.1' || url.hostname === '[::1]';
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback))
    throw new Error('webhook: https only (http to 127.0.0.1 or [::1])');
  if (url.username !== '' || url.password !== '') throw new Error('webhook: no user or password in the address');
  return url;
}
