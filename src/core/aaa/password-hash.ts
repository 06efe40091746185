// A stored password as text: `$scrypt$ln=14,r=8,p=1$SALT$HASH` or `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`, base64 without
// padding. Bounded, so that no line of a file makes a login cost seconds or gigabytes. Whether a password fits, an adapter says.

export type PasswordHash = {
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
  readonly parallelism: number;
} & (
  | { readonly kind: 'scrypt'; readonly cost: number; readonly blockSize: number }
  | { readonly kind: 'argon2id'; readonly memoryKib: number; readonly passes: number }
);

const FORMS =
  /^\$(?:(scrypt)\$ln=(\d{1,2}),r=(\d{1,2})|(argon2id)\$v=19\$m=(\d{1,6}),t=(\d{1,2})),p=(\d{1,2})\$([A-Za-z0-9+/]{10,86})\$([A-Za-z0-9+/]{22,86})$/;

/** undefined = not of these forms, or beyond the bounds. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const found = FORMS.exec(text);
  if (found === null) return undefined;
  const [, scrypt, ln, r, , m, t, p, saltText, hashText] = found;
  const [salt, hash, parallelism] = [fromBase64(saltText!), fromBase64(hashText!), Number(p)];
  if (salt === undefined || hash === undefined || !isIn(parallelism, 1, 16)) return undefined;
  const common = { salt, hash, parallelism };
  if (scrypt !== undefined) {
    if (!isIn(Number(ln), 10, 16) || !isIn(Number(r), 1, 16)) return undefined;
    return { ...common, kind: 'scrypt', cost: 2 ** Number(ln), blockSize: Number(r) };
  }
  if (!isIn(Number(m), 8 * parallelism, 131_072) || !isIn(Number(t), 1, 10)) return undefined;
  return { ...common, kind: 'argon2id', memoryKib: Number(m), passes: Number(t) };
}

export function formatPasswordHash(hash: PasswordHash): string {
  const form =
    hash.kind === 'scrypt'
      ? `ln=${Math.log2(hash.cost)},r=${hash.blockSize}`
      : `v=19$m=${hash.memoryKib},t=${hash.passes}`;
  return `$${hash.kind}$${form},p=${hash.parallelism}$${toBase64(hash.salt)}$${toBase64(hash.hash)}`;
}

function isIn(value: number, low: number, high: number): boolean {
  return value >= low && value <= high;
}

function fromBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 === 1) return undefined;
  return Uint8Array.from(atob(text), (octet) => octet.charCodeAt(0));
}

function toBase64(octets: Uint8Array): string {
  return btoa(String.fromCharCode(...octets)).replace(/=+$/, '');
}
