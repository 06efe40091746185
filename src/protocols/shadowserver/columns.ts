// Which columns a report type is known to have, as data, so that a change of the feed is told before its meaning is missed. Where
// only the head is known, new columns behind it are no news.
import type { OpenedFeed } from '../../core/report/feed.ts';

const END = ['ip', 'port', 'asn', 'geo', 'region', 'city', 'hostname', 'naics', 'sector'];
const DEVICE = ['device_vendor', 'device_type', 'device_model'];
const EVENT = [
  ...['timestamp', 'protocol', ...END.map((name) => `src_${name}`), ...DEVICE, 'severity'],
  ...[...END.map((name) => `dst_${name}`), 'public_source', 'infection', 'family', 'tag', 'application', 'version'],
  'event_id',
];
const HOST = [
  ...['timestamp', 'severity', 'ip', 'protocol', 'port', 'hostname', 'tag', 'asn', 'geo', 'region', 'city', 'naics'],
  ...['hostname_source', 'sector'],
];
const HTTP = [
  ...['http_url', 'http_host', 'http_agent', 'forwarded_by', 'ssl_cipher', 'http_referer', 'ssl_servername'],
  'machine_name',
];
const COMPROMISED = [
  ...['source_type', 'category', 'family', 'status', 'detail', 'public_source', 'account', 'server_host_key'],
  'malpubkey_sha256',
];
const LOGIN = [
  ...['service', 'start_time', 'end_time', 'client_version', 'username', 'password', 'payload_url', 'payload_md5'],
  ...['vulnerability_*', 'target_*'],
];

interface KnownColumns {
  readonly types: RegExp;
  readonly head: readonly string[];
  /** What stands behind the head; undefined = not known to the last. A `*` at the end stands for anything. */
  readonly more?: readonly string[];
}

const KNOWN: readonly KnownColumns[] = [
  { types: /^event[46]_(?:microsoft_)?sinkhole$/, head: EVENT, more: ['ssl_cipher', 'ssl_servername'] },
  { types: /^event[46]_(?:microsoft_)?sinkhole_http$/, head: EVENT, more: HTTP },
  { types: /^event[46]_honeypot_darknet$/, head: EVENT, more: ['count'] },
  { types: /^event[46]_honeypot_brute_force$/, head: EVENT, more: LOGIN },
  { types: /^event[46]_(?!sinkhole_http_referer$)/, head: EVENT },
  { types: /^scan6?_telnet$/, head: HOST, more: ['banner'] },
  { types: /^device_id6?$/, head: HOST, more: [...DEVICE, 'device_version'] },
  { types: /^compromised_iot6?$/, head: HOST, more: [...DEVICE, 'device_version', ...COMPROMISED] },
  { types: /^(?:scan|population)6?_/, head: ['timestamp', 'ip', 'port', 'protocol', 'tag', 'asn', 'geo'] },
];

/** New and missing columns by name; nothing for a type whose columns are not known. */
export function columnRemarks(type: string, header: readonly string[]): OpenedFeed['remarks'] {
  const known = KNOWN.find(({ types }) => types.test(type));
  if (known === undefined) return [];
  const { head, more } = known;
  const missing = [...head, ...(more ?? [])].filter((name) => !name.endsWith('*') && !header.includes(name));
  const fresh = more === undefined ? [] : header.filter((name) => ![...head, ...more].some((one) => fits(one, name)));
  return [remark('columns-missing', 'missing', missing), remark('columns-new', 'new', fresh)].flat();
}

function fits(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

const SHOWN = 12;

function remark(code: string, word: string, names: readonly string[]): OpenedFeed['remarks'] {
  if (names.length === 0) return [];
  const shown = names.slice(0, SHOWN).map((name) => JSON.stringify(name.slice(0, 40)));
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  return [{ code, text: `${word} since the columns of this type were written down: ${shown.join(', ')}${more}` }];
}
