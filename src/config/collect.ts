// `collect` of a feed: how its files reach us, and `silence`, how long it may bring none. One way a feed; without any it comes by
// hand (`engawa ingest`). Schema and loading stand together: secrets are read from files of their own.
import { z } from 'zod';
import { DAY, HOUR, MINUTE } from '../core/kernel/time.ts';
import type { Prefix } from '../core/net/prefix.ts';
import { strict } from './document.ts';
import { duration, filePath, line, port, prefix, secretFiles } from './scalars.ts';

/** https, or http: whether http may be spoken is judged by `allowPrivate` when it is connected to. */
const feedUrl = z
  .string()
  .max(1000)
  .refine((text) => {
    if (!URL.canParse(text)) return false;
    const { protocol, username, password, hash } = new URL(text);
    return ['https:', 'http:'].includes(protocol) && username + password + hash === '';
  }, 'an https URL without user, password and fragment');
const baseUrl = feedUrl.refine((text) => text.endsWith('/'), 'an https URL that ends in /');

/** Of every way over HTTP. */
const http = {
  /** Authorities to believe instead of the system's. */
  caFile: filePath.optional(),
  /** Addresses of your own network that this feed is fetched from; http is spoken to these alone. */
  allowPrivate: z.array(prefix).max(50).default([]),
};
const word = z.string().regex(/^[A-Za-z0-9._-]{1,200}$/, 'letters, digits, dot, underscore and hyphen');

const shadowserverApi = strict({
  url: baseUrl.default('https://transform.shadowserver.org/api2/'),
  download: baseUrl.default('https://dl.shadowserver.org/'),
  keyFile: filePath,
  secretFile: filePath,
  reports: z.array(word).max(100).default([]),
  types: z.array(word).max(500).default([]),
  every: duration(5 * MINUTE, DAY).default(HOUR),
  lookBack: duration(DAY, 30 * DAY).default(2 * DAY),
  ...http,
});

const n6 = strict({ url: feedUrl, keyFile: filePath, every: duration(MINUTE, DAY).default(5 * MINUTE), ...http });

const redis = strict({
  host: line(253).optional(),
  port: port.optional(),
  /** A Unix socket instead. */
  socket: filePath.optional(),
  /** IntelMQ's pipelines use 2. */
  database: z.int().min(0).max(1000).default(2),
  queue: line(200),
  user: line(200).optional(),
  passwordFile: filePath.optional(),
  tls: z.boolean().default(false),
  caFile: filePath.optional(),
}).refine((one) => (one.host === undefined) !== (one.socket === undefined), 'host or socket, one of them');

const post = strict({ keyFiles: secretFiles.optional(), signatureKeyFiles: secretFiles.optional() }).refine(
  (one) => one.keyFiles !== undefined || one.signatureKeyFiles !== undefined,
  'keyFiles, signatureKeyFiles or both',
);

const WAYS = ['folder', 'shadowserverApi', 'n6', 'redis', 'post'] as const;

export const collectSchema = strict({
  folder: filePath.optional(),
  shadowserverApi: shadowserverApi.optional(),
  n6: n6.optional(),
  redis: redis.optional(),
  post: post.optional(),
}).refine((one) => WAYS.filter((way) => one[way] !== undefined).length === 1, `one of ${WAYS.join(', ')}`);

export const silenceSchema = duration(HOUR, 366 * DAY);

interface OverHttp {
  readonly ca?: string;
  readonly allowPrivate: readonly Prefix[];
}

/** A way with its secrets, ready for use. `feed` is the name of the feed. */
export type FeedWay = { readonly feed: string } & (
  | { readonly kind: 'folder'; readonly folder: string }
  | ({
      readonly kind: 'shadowserver-api';
      readonly url: string;
      readonly download: string;
      readonly key: string;
      readonly secret: Uint8Array;
      readonly reports: readonly string[];
      readonly types: readonly string[];
      readonly everyMs: number;
      readonly lookBackMs: number;
    } & OverHttp)
  | ({ readonly kind: 'n6'; readonly url: string; readonly key: string; readonly everyMs: number } & OverHttp)
  | {
      readonly kind: 'redis';
      readonly host?: string;
      readonly port?: number;
      readonly path?: string;
      readonly database: number;
      readonly queue: string;
      readonly user?: string;
      readonly password?: string;
      readonly tls?: { readonly ca?: string };
    }
  | { readonly kind: 'post'; readonly keys: readonly Uint8Array[]; readonly signatureKeys: readonly Uint8Array[] }
);

/** What reading the configuration offers to its parts. */
export interface FileReader {
  resolve(path: string): string;
  fault(path: string, expected: string, got: string): void;
  text(file: string, path: string): string | undefined;
  secret(file: string, path: string, least?: number): Uint8Array | undefined;
}

interface FeedFile {
  readonly name: string;
  readonly kind: string;
  readonly collect?: z.output<typeof collectSchema> | undefined;
}

/** A way that is made for one format. */
const KIND_OF = { shadowserverApi: 'shadowserver', n6: 'n6', redis: 'intelmq' } as const;
/** An HMAC key as long as its output (RFC 2104 §3); a bearer key and a password are others' choice. */
const SIGNATURE_KEY_LEAST = 32;
const KEY_LEAST = 16;

export function waysOf(feeds: readonly FeedFile[], reader: FileReader): readonly FeedWay[] {
  return feeds.flatMap((feed, i) => (feed.collect === undefined ? [] : wayOf(feed, `feeds[${i}].collect`, reader)));
}

function wayOf({ name: feed, kind, collect = {} }: FeedFile, path: string, reader: FileReader): readonly FeedWay[] {
  for (const [way, needs] of Object.entries(KIND_OF))
    if (collect[way as keyof typeof KIND_OF] !== undefined && kind !== needs)
      reader.fault(`${path}.${way}`, `kind: ${needs} for this way`, JSON.stringify(kind));
  const { folder, shadowserverApi, n6, redis, post } = collect;
  if (folder !== undefined) return [{ feed, kind: 'folder', folder: reader.resolve(folder) }];
  if (shadowserverApi !== undefined) {
    const { keyFile, secretFile, every, lookBack, caFile, ...plain } = shadowserverApi;
    const at = `${path}.shadowserverApi`;
    const secret = reader.secret(secretFile, `${at}.secretFile`, 1) ?? new Uint8Array();
    const key = headerKey(keyFile, `${at}.keyFile`, reader);
    const ca = caOf(caFile, at, reader);
    return [{ feed, kind: 'shadowserver-api', ...plain, ...ca, key, secret, everyMs: every, lookBackMs: lookBack }];
  }
  if (n6 !== undefined) {
    const { keyFile, every, caFile, ...plain } = n6;
    const key = headerKey(keyFile, `${path}.n6.keyFile`, reader);
    return [{ feed, kind: 'n6', ...plain, ...caOf(caFile, `${path}.n6`, reader), key, everyMs: every }];
  }
  if (redis !== undefined) return [redisOf(feed, redis, `${path}.redis`, reader)];
  if (post === undefined) return [];
  const keys = (post.keyFiles ?? []).map((file, i) => reader.secret(file, `${path}.post.keyFiles[${i}]`));
  return [{ feed, kind: 'post', keys: found(keys), signatureKeys: signatureKeys(post, `${path}.post`, reader) }];
}

export function signatureKeys(
  from: { readonly signatureKeyFiles?: readonly string[] | undefined },
  path: string,
  reader: FileReader,
): readonly Uint8Array[] {
  const files = from.signatureKeyFiles ?? [];
  return found(files.map((file, i) => reader.secret(file, `${path}.signatureKeyFiles[${i}]`, SIGNATURE_KEY_LEAST)));
}

function redisOf(
  feed: string,
  { socket, passwordFile, tls, caFile, ...plain }: z.output<typeof redis>,
  path: string,
  reader: FileReader,
): FeedWay {
  const password =
    passwordFile === undefined ? undefined : reader.text(passwordFile, `${path}.passwordFile`)?.trimEnd();
  return {
    feed,
    kind: 'redis',
    ...(plain as { readonly database: number; readonly queue: string }),
    ...(socket !== undefined && { path: reader.resolve(socket) }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: caOf(caFile, path, reader) }),
  };
}

/** It travels in a header or a document: one line of printable characters. */
function headerKey(file: string, path: string, reader: FileReader): string {
  const text = Buffer.from(reader.secret(file, path, KEY_LEAST) ?? new Uint8Array()).toString('latin1');
  if (!/^[\x21-\x7e]*$/.test(text)) reader.fault(path, 'one line of printable characters without blanks', file);
  return text;
}

function caOf(file: string | undefined, path: string, reader: FileReader): { readonly ca?: string } {
  const ca = file === undefined ? undefined : reader.text(file, `${path}.caFile`);
  return ca === undefined ? {} : { ca };
}

function found(keys: readonly (Uint8Array | undefined)[]): readonly Uint8Array[] {
  return keys.filter((key) => key !== undefined);
}

/** How long silence is no news when nobody said otherwise: what is fetched is expected daily. */
export const SILENCE_MS = 24 * HOUR;
