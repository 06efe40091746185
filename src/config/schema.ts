// engawa.yaml as written. Values with a sensible default have one; facts of the operator's network have none.
import { z } from 'zod';
import { DAY, MINUTE, SECOND } from '../core/kernel/time.ts';
import { strict } from './document.ts';
import { feedSchema } from './feeds.ts';
import { gatewaySchema, radiusGatewaySchema } from './gateway.ts';
import { mailboxSchema } from './mailboxes.ts';
import {
  byteSize,
  duration,
  filePath,
  hostname,
  ip,
  line,
  listen,
  port,
  prefix,
  secretFiles,
  slug,
  timeZone,
} from './scalars.ts';
import { dhcpSchema, translatorsSchema } from './translators.ts';

const httpUrl = (protocols: readonly string[]) =>
  z
    .string()
    .refine(
      (text) => URL.canParse(text) && protocols.includes(new URL(text).protocol),
      `a URL (${protocols.join(' or ')})`,
    );

/** Check codes travel there: never in the clear over a network, never with a password that a log could show. */
const webhookUrl = httpUrl(['https:', 'http:']).refine((text) => {
  if (!URL.canParse(text)) return true; // told above
  const { protocol, hostname: host, username, password } = new URL(text);
  return (protocol === 'https:' || host === '127.0.0.1' || host === '[::1]') && username + password === '';
}, 'https without user and password (http only to 127.0.0.1 or [::1])');

const accountingClient = strict({
  name: slug,
  from: z.array(prefix).min(1).max(50),
  secretFiles,
  /** What joins its records to a line's access_key. */
  accessKey: z.enum(['User-Name', 'Agent-Circuit-Id', 'Calling-Station-Id', 'Class']).default('User-Name'),
  realm: z.literal('main', 'main (other realms: not yet)').default('main'),
  interim: duration(MINUTE, DAY).default(600 * SECOND),
  /** How far its clock may be off before its records are doubted. */
  skew: duration(0, 10 * MINUTE).default(0),
  /** It speaks for several NASes: each is then `NAME/NAS-Identifier`. */
  proxy: z.boolean().default(false),
  packetsPerSecond: z.int().min(1).max(1_000_000).optional(),
  /** Accounting needs none to be genuine; what is there is verified. */
  messageAuthenticator: z.enum(['accept', 'require']).default('accept'),
});

const aaaClient = strict({
  name: slug,
  from: z.array(prefix).min(1).max(50),
  secretFiles,
  gateway: slug.optional(),
  accessKey: z.enum(['User-Name', 'Agent-Circuit-Id', 'Calling-Station-Id']).default('User-Name'),
  /** Off for an old NAS that sends none (CVE-2024-3596): then no request of its with a Proxy-State. */
  requireMessageAuthenticator: z.boolean().default(true),
  limitProxyState: z.boolean().default(true),
  requestsPerSecond: z.int().min(1).max(100_000).default(200),
});

const smtp = strict({
  kind: z.literal('smtp'),
  host: z.string().min(1).max(253),
  port: port.default(587),
  tls: z.enum(['starttls', 'implicit', 'none']).default('starttls'),
  user: line(200).optional(),
  passwordFile: filePath.optional(),
  from: z.email('a mail address'),
});
const spool = strict({ kind: z.literal('spool'), directory: filePath, from: z.email('a mail address') });

const retention = (days: number) => duration(DAY, 3660 * DAY).default(days * DAY);

export const configSchema = strict({
  stateFolder: filePath.default('/var/lib/engawa'),
  controlSocket: filePath.default('/run/engawa/control.sock'),
  helperSocket: filePath.default('/run/engawa-helper/helper.sock'),
  policy: filePath,
  families: filePath,
  packs: filePath,
  guides: filePath,

  operator: strict({
    name: line(60),
    phone: line(40),
    contactUrl: httpUrl(['https:', 'mailto:']),
    timeZone,
    supportHours: line(60),
  }),
  languages: strict({
    offered: z
      .array(z.string().regex(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, 'a language tag such as en or ja-easy'))
      .min(1)
      .max(20),
    default: z.string(),
  }).refine((one) => one.offered.includes(one.default), { error: 'one of the offered languages', path: ['default'] }),

  listen: strict({
    intake: listen.prefault('127.0.0.1:8090'),
    portalHttp: listen.prefault('[::]:8080'),
    portalHttps: listen.prefault('[::]:8443'),
    tlsRefuser: listen.prefault('[::]:8444'),
    /** Only the port is free: answers must leave from the portal's own addresses, and there the front listens. */
    dnsFront: listen
      .refine(({ host }) => host === '::', "[::]:PORT (the DNS front listens on the portal's own addresses)")
      .prefault('[::]:5353'),
    accounting: listen.prefault('[::]:1813'),
  }).prefault({}),
  portal: strict({
    /** The first is canonical. */
    names: z.array(hostname).min(1).max(10),
    certFile: filePath,
    keyFile: filePath,
  }),
  dns: strict({ resolvers: z.array(ip).min(1).max(8), port: port.default(53) }),

  /** Dialects of your own, beside those that come with Engawa. */
  dialects: filePath.optional(),
  gateways: z
    .array(z.discriminatedUnion('kind', [gatewaySchema, radiusGatewaySchema]))
    .min(1)
    .max(1000)
    // The DNS front, packs and lifelines of a second one would be nobody's: its strict lines would have unsteered DNS.
    .refine(
      (list) => list.filter((one) => one.kind !== 'radius' && one.ssh === undefined).length === 1,
      'one gateway of kind nftables, this machine: portal and DNS front live there; others by ssh, or of kind radius',
    ),
  /** Addresses that several lines share: by rule (MAP-E, lw4o6, deterministic CGN), and any others behind translators. */
  sharing: strict({ rules: filePath.optional(), addresses: z.array(prefix).max(1000).default([]) }).prefault({}),
  accounting: strict({ clients: z.array(accountingClient).max(1000).default([]) }).prefault({}),
  /** How AAA learns that a line is in the garden, so that a re-dial does not open it. */
  aaa: strict({
    /** FreeRADIUS asks at each login (deploy/freeradius). */
    postAuth: strict({ listen: listen.prefault('127.0.0.1:8095'), keyFiles: secretFiles }).optional(),
    /** The rows of two groups in FreeRADIUS' own database. */
    sql: strict({
      kind: z.enum(['postgresql', 'mariadb']),
      host: line(253),
      port: port.optional(),
      database: line(64),
      user: line(64),
      passwordFile: filePath,
      /** TLS, for a database on another machine. */
      caFile: filePath.optional(),
      /** Whose dialect says what a login gets. */
      gateway: slug,
      /** Lower than that of every other group. */
      priority: z.int().min(-1_000_000).max(1_000_000).default(-100),
    }).optional(),
    /** Engawa is AAA: for small ISPs, and the lab. */
    server: strict({
      listen: listen.prefault('[::]:1812'),
      usersFile: filePath,
      clients: z.array(aaaClient).min(1).max(1000),
    }).optional(),
  }).prefault({}),
  intake: strict({
    bodyLimit: byteSize.prefault('8MB'),
    sources: z
      .array(
        strict({
          name: slug,
          /** Bearer keys. */
          keyFiles: secretFiles.optional(),
          /** Keys of signatures (RFC 9421), 32 octets or more. */
          signatureKeyFiles: secretFiles.optional(),
          /** Sources of one origin never corroborate each other. */
          origin: slug.optional(),
        }).refine(
          (one) => one.keyFiles !== undefined || one.signatureKeyFiles !== undefined,
          'keyFiles, signatureKeyFiles or both',
        ),
      )
      .max(500)
      .default([]),
  }).prefault({}),
  /** Who logs which ports of a shared address stood for whom. */
  translators: translatorsSchema,
  /** DHCP servers that say who holds an address. */
  dhcp: dhcpSchema,
  feeds: z.array(feedSchema).max(100).default([]),
  /** Where reports arrive by mail. */
  mailboxes: z.array(mailboxSchema).max(20).default([]),
  /** Mapping profiles of your own, beside those that come with Engawa. */
  feedProfiles: filePath.optional(),

  clock: strict({ source: z.enum(['chrony', 'timesyncd', 'assumed']) }),
  mail: z.discriminatedUnion('kind', [smtp, spool]),
  webhook: strict({ url: webhookUrl, secretFile: filePath }).optional(),
  retention: strict({
    evidence: retention(30),
    reports: retention(180),
    /** A week at least: reports act for 72 h, and are attributed again for as long. */
    bindings: duration(7 * DAY, 3660 * DAY).default(180 * DAY),
    cases: retention(180),
    pages: retention(1095),
    audit: retention(1095),
  }).prefault({}),
  /** The newest days of bindings, 105 octets each; what does not fit is read from disk. */
  memory: strict({ bindings: byteSize.default(1e9) }).prefault({}),
});
