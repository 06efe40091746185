// Mailboxes of the configuration, made real: IMAP, keys by DNS, the unpacker, and the readers of the feeds. Part of the wiring.
import { dnsKeys } from './adapters/dkim-keys/dns/keys.ts';
import { imapMailbox } from './adapters/mailbox/imap/mailbox.ts';
import { takeInParts } from './collectors.ts';
import type { Engine } from './compose.ts';
import type { MailboxConfig } from './config/mailboxes.ts';
import { formatIp } from './core/net/ip.ts';
import { Mailboxes, type WatchedMailbox } from './flow/mailboxes.ts';
import type { MailboxRules, TakeMailParts } from './flow/take-mail.ts';

export function createMailboxes(engine: Engine, decide: () => Promise<unknown>): Mailboxes {
  const { config, flow } = engine;
  const { store, log } = flow;
  const parts = { ...takeMailParts(engine, decide), store, log, random: Math.random };
  return new Mailboxes(parts, config.mailboxes.map(watched));
}

/** For a mail that is handed in otherwise, too. */
export function takeMailParts(engine: Engine, decide: () => Promise<unknown>): TakeMailParts {
  const { resolvers, port } = engine.config.dns;
  const servers = resolvers.map((ip) => (ip.family === 4 ? `${formatIp(ip)}:${port}` : `[${formatIp(ip)}]:${port}`));
  return { ...takeInParts(engine, decide), unpacker: engine.flow.unpacker, keys: dnsKeys({ servers }) };
}

export function rulesOf({ name, trust, routes }: MailboxConfig): MailboxRules {
  return {
    name,
    trust,
    routes: routes.map(({ dkim, subject, attachment, feed }) => ({
      attachment,
      feed,
      ...(dkim !== undefined && { dkim }),
      ...(subject !== undefined && { subject }),
    })),
  };
}

function watched(mailbox: MailboxConfig): WatchedMailbox {
  const { host, port, tls, ca, user, password, folder, after, doneFolder, parkedFolder, poll } = mailbox;
  return {
    rules: rulesOf(mailbox),
    mailbox: imapMailbox({
      ...{ host, port, tls, user, password, folder, pollMs: poll },
      ...(ca !== undefined && { ca }),
      after: after === 'flag' ? { kind: 'flag' } : { kind: 'move', done: doneFolder, parked: parkedFolder },
    }),
    sizeLimit: mailbox.sizeLimit,
    ...(mailbox.silence !== undefined && { silence: mailbox.silence }),
  };
}
