// E-mail by SMTP: one connection a message, a deadline on each step, no attachment, no remote content. Says whether the
// server took the message; what becomes of it afterwards (bounces) is not seen here.
import { createTransport } from 'nodemailer';
import { err, ok, type Result } from '../../../core/kernel/result.ts';
import type { Notifier } from '../../../flow/ports.ts';
import { isMailAddress, type OutgoingMessage, unfit } from '../envelope.ts';

export interface SmtpOptions {
  readonly host: string;
  readonly port: number;
  /** `starttls` fails when the server does not offer it; `none` is for a relay on the same machine. */
  readonly security: 'none' | 'starttls' | 'tls';
  readonly from: { readonly name: string; readonly address: string };
  readonly auth?: { readonly user: string; readonly password: string };
  /** For each of: connect, greeting, silence in between. */
  readonly stepMs?: number;
}

type SendError = { readonly kind: 'temporary' | 'permanent'; readonly text: string };

/** Throws when the sender's own address is none. */
export function createSmtpNotifier(options: SmtpOptions): Notifier {
  if (!isMailAddress(options.from.address)) throw new Error('notifier: the sender is no plain mail address');
  const domain = options.from.address.slice(options.from.address.indexOf('@') + 1);
  return {
    channel: 'email',
    async send(message, signal) {
      const fault = isMailAddress(message.to) ? unfit(message) : 'recipient';
      if (fault !== undefined) return err({ kind: 'permanent', text: `not sent: ${fault}` });
      if (signal.aborted) return err({ kind: 'temporary', text: 'deadline' });
      return await deliver(options, domain, message, signal);
    },
  };
}

async function deliver(
  options: SmtpOptions,
  domain: string,
  message: OutgoingMessage,
  signal: AbortSignal,
): Promise<Result<void, SendError>> {
  const stepMs = options.stepMs ?? 10_000;
  const transport = createTransport({
    host: options.host,
    port: options.port,
    secure: options.security === 'tls',
    requireTLS: options.security === 'starttls',
    ignoreTLS: options.security === 'none',
    connectionTimeout: stepMs,
    greetingTimeout: stepMs,
    socketTimeout: stepMs,
    dnsTimeout: stepMs,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(options.auth === undefined ? {} : { auth: { user: options.auth.user, pass: options.auth.password } }),
  });
  const sending = transport.sendMail({
    from: options.from,
    to: { name: '', address: message.to },
    subject: message.subject,
    text: message.text,
    messageId: `<${message.messageId}@${domain}>`,
    headers: {
      // RFC 3834 §5: no vacation notice answers this.
      'Auto-Submitted': 'auto-generated',
      'Content-Language': message.language,
    },
  });
  try {
    await Promise.race([sending, aborted(signal)]);
    return ok(undefined);
  } catch (error) {
    // The race may have ended before the transport did; its own deadlines end it soon, and nobody listens any more.
    sending.catch(() => {});
    return err(signal.aborted ? { kind: 'temporary', text: 'deadline' } : errorOf(error));
  } finally {
    transport.close();
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('deadline')), { once: true });
  });
}

/** RFC 5321 §4.2.1: 5yz is final. A refused log-in is our own fault and goes away when it is mended. */
function errorOf(error: unknown): SendError {
  const { responseCode, code } = error as { responseCode?: unknown; code?: unknown };
  const final = typeof responseCode === 'number' && responseCode >= 500 && code !== 'EAUTH';
  // The server's words may quote the recipient: only numbers and the library's own code leave here.
  const text = [typeof code === 'string' ? code : 'failed', responseCode]
    .filter((part) => part !== undefined)
    .join(' ');
  return { kind: final ? 'permanent' : 'temporary', text };
}
