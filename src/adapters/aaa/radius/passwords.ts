// Does this password fit that hash? Costly on purpose, so at most two are at work and few wait; what was found last for a user
// is remembered under a key of this process, for after a BNG's reboot all dial at once, and a home with a wrong password dials
// for ever.
import { argon2, createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { formatPasswordHash, type PasswordHash, parsePasswordHash } from '../../../core/aaa/password-hash.ts';

const AT_WORK = 2; // of the four threads that files and names need too
const MOST_WAITING = 64;
const REMEMBERED = 20_000;

export class Passwords {
  readonly #key = randomBytes(32);
  readonly #right = new Map<string, Uint8Array>();
  readonly #wrong = new Map<string, Uint8Array>();
  readonly #waiting: (() => void)[] = [];
  #atWork = 0;

  /** undefined = too many at once: not tried. `stored` is a text that parsePasswordHash takes. */
  async fits(user: string, stored: string, password: Uint8Array): Promise<boolean | undefined> {
    const digest = createHmac('sha256', this.#key).update(`${user}\0${stored}\0`).update(password).digest();
    if (isSame(this.#right.get(user), digest)) return true;
    if (isSame(this.#wrong.get(user), digest)) return false;
    const hash = parsePasswordHash(stored);
    if (hash === undefined) return false;
    if (!(await this.#turn())) return undefined;
    try {
      const isRight = timingSafeEqual(await derive(hash, password), hash.hash);
      remember(isRight ? this.#right : this.#wrong, user, digest);
      return isRight;
    } finally {
      this.#atWork--;
      this.#waiting.shift()?.();
    }
  }

  async #turn(): Promise<boolean> {
    if (this.#atWork >= AT_WORK) {
      if (this.#waiting.length >= MOST_WAITING) return false;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#atWork++;
    return true;
  }
}

/** For the users file. */
export async function hashPassword(password: string): Promise<string> {
  const form = { kind: 'scrypt', cost: 2 ** 14, blockSize: 8, parallelism: 1, salt: randomBytes(16) } as const;
  const hash = await derive({ ...form, hash: new Uint8Array(32) }, new TextEncoder().encode(password));
  return formatPasswordHash({ ...form, hash });
}

/** As many octets as the stored hash has. */
function derive(form: PasswordHash, password: Uint8Array): Promise<Uint8Array> {
  const { salt, parallelism, hash } = form;
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, derived: Buffer) => (error === null ? resolve(derived) : reject(error));
    if (form.kind === 'scrypt') {
      const { cost, blockSize } = form;
      const maxmem = 256 * blockSize * (cost + parallelism);
      scrypt(password, salt, hash.length, { cost, blockSize, parallelization: parallelism, maxmem }, done);
    } else {
      const { memoryKib: memory, passes } = form;
      argon2('argon2id', { message: password, nonce: salt, parallelism, tagLength: hash.length, memory, passes }, done);
    }
  });
}

function isSame(kept: Uint8Array | undefined, digest: Uint8Array): boolean {
  return kept !== undefined && timingSafeEqual(kept, digest);
}

function remember(where: Map<string, Uint8Array>, user: string, digest: Uint8Array): void {
  where.delete(user);
  where.set(user, digest);
  if (where.size > REMEMBERED) where.delete(where.keys().next().value!);
}
