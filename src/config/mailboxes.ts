// `mailboxes` of engawa.yaml: where mail with reports is fetched, whom we believe, and which part belongs to which feed.
import { z } from 'zod';
import { DAY, HOUR, MINUTE, SECOND } from '../core/kernel/time.ts';
import { strict } from './document.ts';
import { byteSize, duration, filePath, hostname, line, port, slug } from './scalars.ts';

const LOOPBACK = ['127.0.0.1', '::1', 'localhost'];
const PORTS = { implicit: 993, starttls: 143, none: 143 } as const;

/** What is opened is bounded at 64 MiB, and base64 makes a third more of it. */
const MOST = 64_000_000;

const folder = line(200).refine((text) => text !== '' && !text.split('/').includes(''), 'folders parted by /');

const route = strict({
  /** Who must have signed: exactly this domain. */
  dkim: hostname.optional(),
  /** `*` stands for any characters; case does not matter. */
  subject: line(200).optional(),
  /** Names of attachments, or of files in an archive; the media type of a part without a name. */
  attachment: z.array(line(200)).min(1).max(20).default(['*.csv', '*.csv.zip', '*.json']),
  feed: slug,
});

export const mailboxSchema = strict({
  name: slug,
  host: line(253),
  port: port.optional(),
  tls: z.enum(['implicit', 'starttls', 'none']).default('implicit'),
  caFile: filePath.optional(),
  user: line(200),
  passwordFile: filePath,
  folder: folder.default('INBOX'),
  /** `flag`: where the account may move nothing. */
  after: z.enum(['move', 'flag']).default('move'),
  doneFolder: folder.default('Engawa/Done'),
  parkedFolder: folder.default('Engawa/Parked'),
  /** `transport`: nobody but authenticated senders can put a mail into this folder. */
  trust: z.enum(['dkim', 'transport']).default('dkim'),
  sizeLimit: byteSize.prefault('25MB').refine((size) => size <= MOST, 'at most 64MB'),
  /** At the latest; IDLE tells sooner. */
  poll: duration(10 * SECOND, HOUR).default(5 * MINUTE),
  /** A warning when nothing came for so long. */
  silence: duration(HOUR, 90 * DAY).optional(),
  routes: z.array(route).min(1).max(100),
})
  .refine((one) => one.tls !== 'none' || LOOPBACK.includes(one.host), {
    error: 'implicit or starttls (none only to 127.0.0.1, ::1 or localhost)',
    path: ['tls'],
  })
  .refine((one) => new Set([one.folder, one.doneFolder, one.parkedFolder]).size === 3, {
    error: 'three folders: what waits, what is done, what is parked',
    path: ['doneFolder'],
  })
  .refine((one) => one.routes.every(({ dkim }) => (dkim === undefined) === (one.trust === 'transport')), {
    error: 'dkim in every route; or in none, in a mailbox with trust: transport',
    path: ['routes'],
  })
  .transform((one) => ({ ...one, port: one.port ?? PORTS[one.tls] }));

type MailboxFile = z.output<typeof mailboxSchema>;

export interface MailboxConfig extends Omit<MailboxFile, 'passwordFile' | 'caFile'> {
  readonly password: string;
  readonly ca?: string;
}

interface FileReader {
  text(file: string, path: string): string | undefined;
  fault(path: string, expected: string, got: string): void;
}

/** With the files they name, and every feed known. */
export function mailboxesOf(
  mailboxes: readonly MailboxFile[],
  feeds: readonly { readonly name: string }[],
  reader: FileReader,
): readonly MailboxConfig[] {
  return mailboxes.map(({ passwordFile, caFile, ...mailbox }, i) => {
    const at = `mailboxes[${i}]`;
    for (const [j, { feed }] of mailbox.routes.entries())
      if (!feeds.some(({ name }) => name === feed))
        reader.fault(`${at}.routes[${j}].feed`, 'the name of a feed', JSON.stringify(feed));
    const password = (reader.text(passwordFile, `${at}.passwordFile`) ?? '').replace(/\r?\n$/, '');
    const ca = caFile === undefined ? undefined : reader.text(caFile, `${at}.caFile`);
    return { ...mailbox, password, ...(ca !== undefined && { ca }) };
  });
}
