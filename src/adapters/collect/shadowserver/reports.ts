// The two calls of Shadowserver's reports API that we need: which reports there are, and one of them. Every call is signed over
// the exact bytes that are sent. An error may come as `{"error": …}` with a 2xx status: it is one all the same.
import { createHmac } from 'node:crypto';
import { err, ok, type Result } from '../../../core/kernel/result.ts';
import { parseJson } from '../../../protocols/json/parse.ts';
import type { HttpClient } from '../http/client.ts';

export interface ReportsApi {
  /** With a slash at the end. */
  readonly url: string;
  readonly download: string;
  readonly key: string;
  readonly secret: Uint8Array;
}

export interface ListedReport {
  readonly id: string;
  /** The name it is known by: the same report is listed again every hour. */
  readonly file: string;
  readonly type: string;
}

/** What one list may name; two days of every type for one network are some hundreds. */
const MAX_LISTED = 20_000;

export async function listReports(
  client: HttpClient,
  api: ReportsApi,
  query: { readonly date: string; readonly reports: readonly string[]; readonly signal: AbortSignal },
): Promise<Result<readonly ListedReport[], string>> {
  const { date, reports, signal } = query;
  // Serialised once: these bytes are signed and sent.
  const body = Buffer.from(JSON.stringify({ date, ...(reports.length > 0 && { reports }), apikey: api.key }));
  const answer = await client.send({
    url: `${api.url}reports/list`,
    method: 'POST',
    headers: { 'Content-Type': 'application/json', HMAC2: signatureOf(api.secret, body) },
    body,
    signal,
  });
  if (!answer.ok) return err(`the list: ${answer.error.text}`);
  const { status, body: bytes } = answer.value;
  if (status !== 200) return err(`the list: HTTP ${status}${saidIn(bytes)}`);
  const read = parseJson(bytes.toString('utf8'), 8);
  if (!read.ok) return err(`the list is no JSON (${read.error.code})`);
  if (!Array.isArray(read.value)) return err(`the list is none${saidIn(bytes)}`);
  if (read.value.length > MAX_LISTED) return err(`the list names more than ${MAX_LISTED} reports`);
  return ok(read.value.flatMap((one: unknown) => listed(one) ?? []));
}

export async function downloadReport(
  client: HttpClient,
  api: ReportsApi,
  { id, file }: ListedReport,
  signal: AbortSignal,
): Promise<Result<Buffer, string>> {
  const answer = await client.send({ url: `${api.download}${encodeURIComponent(id)}`, redirects: 3, signal });
  if (!answer.ok) return err(`${file}: ${answer.error.text}`);
  const { status, body } = answer.value;
  if (status !== 200) return err(`${file}: HTTP ${status}${saidIn(body)}`);
  // A report has a header at least.
  if (body.length === 0) return err(`${file}: the download is empty`);
  const said = saidIn(body);
  return said === '' ? ok(body) : err(`${file}${said}`);
}

/** hex(HMAC-SHA256(secret, body)), the header HMAC2. */
export function signatureOf(secret: Uint8Array, body: Uint8Array): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}

/** `: «their error»` when the body is one; a CSV file is none. */
function saidIn(bytes: Buffer): string {
  if (bytes.length > 10_000 || !bytes.toString('utf8', 0, 200).trimStart().startsWith('{')) return '';
  const read = parseJson(bytes.toString('utf8'), 8);
  const error =
    read.ok && typeof read.value === 'object' ? (read.value as Record<string, unknown>)['error'] : undefined;
  return error === undefined
    ? ''
    : `: «${String(error)
        .replace(/[^\x20-\x7e]/g, ' ')
        .slice(0, 120)}»`;
}

/** Names become a file name and a part of an address: what is neither is left out. */
function listed(one: unknown): ListedReport | undefined {
  const { id, file, type } = (typeof one === 'object' && one !== null ? one : {}) as Record<string, unknown>;
  const isName = (value: unknown): value is string =>
    typeof value === 'string' && /^[A-Za-z0-9._-]{1,200}$/.test(value);
  return isName(id) && isName(file) ? { id, file, type: isName(type) ? type : '' } : undefined;
}
