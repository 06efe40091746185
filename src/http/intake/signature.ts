// HTTP Message Signatures (RFC 9421) as far as an intake needs them: one signature, HMAC-SHA-256, over method, path and the
// digest of the body (RFC 9530), with `created`, `nonce` and `keyid`. Verified before the body is read. What an unsigned part of
// the request says never matters.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export interface SignedRequest {
  readonly method: string;
  /** As on the request line. */
  readonly target: string;
  /** Lower-case names; a field that stood twice is one value, joined. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export interface Signature {
  readonly keyId: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly expires?: number;
  readonly nonce: string;
  /** SHA-256 of the body that was signed. */
  readonly digest: Buffer;
  /** What was signed (RFC 9421 §2.5). */
  readonly base: string;
  readonly value: Buffer;
}

const REQUIRED = ['@method', '@path', 'content-digest'];
const ALLOWED = [...REQUIRED, '@query', 'content-type'];
const INPUT =
  /^([a-z*][a-z0-9_.*-]{0,31})=(\(((?:"[@a-z-]{1,40}"(?: "[@a-z-]{1,40}"){0,9}))\)((?:;[a-z]{1,10}=(?:"[\x20-\x21\x23-\x5b\x5d-\x7e]{1,128}"|[0-9]{1,12})){1,6}))$/;
const PARAMETER = /;([a-z]+)=(?:"([^"]*)"|([0-9]+))/g;
const KNOWN_PARAMETERS = new Set(['created', 'expires', 'nonce', 'keyid', 'alg', 'tag']);

/** undefined = no signature of the form above. Total; says nothing yet about whether it is genuine. */
export function readSignature(request: SignedRequest): Signature | undefined {
  const input = INPUT.exec(one(request, 'signature-input') ?? '');
  if (input === null) return undefined;
  const [, label, params = '', list = ''] = input;
  const components = list.split(' ').map((name) => name.slice(1, -1));
  const value = signatureOf(one(request, 'signature') ?? '', label ?? '');
  const given = parametersOf(input[4] ?? '');
  const digest = digestOf(one(request, 'content-digest') ?? '');
  const base = baseOf(request, components, params);
  if (value === undefined || given === undefined || digest === undefined || base === undefined) return undefined;
  return { ...given, digest, base, value };
}

/** In the same time, whatever the difference. Every key is tried. */
export function isGenuine(signature: Signature, keys: readonly Uint8Array[]): boolean {
  let genuine = false;
  // A sender that does not exist takes as long as one that does.
  for (const key of keys.length === 0 ? [Buffer.alloc(32)] : keys) {
    const made = createHmac('sha256', key).update(signature.base, 'latin1').digest();
    const isSame = made.length === signature.value.length && timingSafeEqual(made, signature.value);
    if (isSame && keys.length > 0) genuine = true;
  }
  return genuine;
}

export function isBodySigned(signature: Signature, body: Uint8Array): boolean {
  const made = createHash('sha256').update(body).digest();
  return signature.digest.length === made.length && timingSafeEqual(made, signature.digest);
}

/** RFC 9421 §2.5: one line per component, then what was said about them, as it was said. */
export function signatureBase(values: readonly (readonly [name: string, value: string])[], params: string): string {
  return [...values, ['@signature-params', params] as const].map(([name, value]) => `"${name}": ${value}`).join('\n');
}

function baseOf(request: SignedRequest, components: readonly string[], params: string): string | undefined {
  const isEachOnce = new Set(components).size === components.length;
  const hasQuery = request.target.includes('?');
  if (!isEachOnce || !components.every((name) => ALLOWED.includes(name))) return undefined;
  if (!REQUIRED.every((name) => components.includes(name)) || (hasQuery && !components.includes('@query')))
    return undefined;
  const values = components.map((name) => [name, componentOf(request, name)] as const);
  return values.every((pair): pair is readonly [string, string] => pair[1] !== undefined)
    ? signatureBase(values, params)
    : undefined;
}

function componentOf(request: SignedRequest, name: string): string | undefined {
  const [path = '', query] = splitOnce(request.target, '?');
  if (name === '@method') return request.method;
  if (name === '@path') return path.startsWith('/') ? path : undefined;
  if (name === '@query') return `?${query ?? ''}`;
  return one(request, name)?.trim();
}

function splitOnce(text: string, by: string): readonly [string, string?] {
  const at = text.indexOf(by);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function parametersOf(text: string): Pick<Signature, 'keyId' | 'created' | 'expires' | 'nonce'> | undefined {
  const found = new Map<string, string>();
  for (const [, name = '', quoted, digits] of text.matchAll(PARAMETER)) {
    const isNumber = name === 'created' || name === 'expires';
    if (found.has(name) || !KNOWN_PARAMETERS.has(name) || isNumber !== (digits !== undefined)) return undefined;
    found.set(name, quoted ?? digits ?? '');
  }
  const [keyId, nonce] = [found.get('keyid'), found.get('nonce')];
  const [created, expires] = [found.get('created'), found.get('expires')];
  if (keyId === undefined || created === undefined || nonce === undefined || nonce.length < 16) return undefined;
  if ((found.get('alg') ?? 'hmac-sha256') !== 'hmac-sha256') return undefined;
  return { keyId, nonce, created: Number(created), ...(expires === undefined ? {} : { expires: Number(expires) }) };
}

/** `LABEL=:base64:` (RFC 8941 §3.3.5). */
function signatureOf(text: string, label: string): Buffer | undefined {
  const match = /^([a-z*][a-z0-9_.*-]{0,31})=:([A-Za-z0-9+/]{43}=):$/.exec(text);
  return match !== null && match[1] === label ? Buffer.from(match[2] ?? '', 'base64') : undefined;
}

/** RFC 9530 §2: other algorithms may stand beside ours. */
function digestOf(text: string): Buffer | undefined {
  if (text.length > 500) return undefined;
  const match = /(?:^|, ?)sha-256=:([A-Za-z0-9+/]{43}=):(?:$|,)/.exec(text);
  return match === null ? undefined : Buffer.from(match[1] ?? '', 'base64');
}

function one(request: SignedRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' && value.length <= 1000 ? value : undefined;
}
