// The notifiers a configuration asks for: mail always (a server or a spool folder), a webhook when there is one.
import type { Clock, Notifier } from '../../flow/ports.ts';
import { createSmtpNotifier, type SmtpOptions } from './smtp/notifier.ts';
import { createSpoolNotifier } from './spool/notifier.ts';
import { createWebhookNotifier } from './webhook/notifier.ts';

/** The part of the configuration that concerns messages; `operator.name` is the sender people see. */
export interface NotifierConfig {
  readonly operator: { readonly name: string };
  readonly mail:
    | {
        readonly kind: 'smtp';
        readonly host: string;
        readonly port: number;
        readonly tls: 'starttls' | 'implicit' | 'none';
        readonly user?: string | undefined;
        readonly password?: string | undefined;
        readonly from: string;
      }
    | { readonly kind: 'spool'; readonly directory: string; readonly from: string };
  readonly webhook?: { readonly url: string; readonly secret: Uint8Array } | undefined;
}

const SECURITY: Readonly<Record<'starttls' | 'implicit' | 'none', SmtpOptions['security']>> = {
  starttls: 'starttls',
  implicit: 'tls',
  none: 'none',
};

/** Throws when an address or secret is unfit; see the three notifiers. */
export function createNotifiers(config: NotifierConfig, clock: Pick<Clock, 'now'> = Date): readonly Notifier[] {
  const { mail, webhook } = config;
  const from = { name: config.operator.name, address: mail.from };
  const byMail =
    mail.kind === 'spool'
      ? createSpoolNotifier({ folder: mail.directory, from, clock })
      : createSmtpNotifier({
          host: mail.host,
          port: mail.port,
          security: SECURITY[mail.tls],
          from,
          ...(mail.user === undefined ? {} : { auth: { user: mail.user, password: mail.password ?? '' } }),
        });
  return webhook === undefined ? [byMail] : [byMail, createWebhookNotifier({ ...webhook, clock })];
}
