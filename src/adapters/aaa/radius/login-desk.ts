// May this login come in, and with what? Password, wanted garden, attributes; no sockets and no octets of packets here.
import type { NamedAttribute } from '../../../core/dialect/dialect.ts';
import type { LoginAccess } from '../../../flow/login-access.ts';
import type { Log } from '../../../flow/ports.ts';
import { type AccessRequest, passwordFits } from '../../../protocols/radius/access.ts';
import { asText } from '../../../protocols/radius/attributes.ts';
import type { Attribute } from '../../../protocols/radius/codec.ts';
import { encodeNamed } from '../../../protocols/radius/named.ts';
import { type AaaUser, acceptAttributes } from './answer.ts';
import { Passwords } from './passwords.ts';

export interface LoginDeskOptions {
  readonly userOf: (name: string) => AaaUser | undefined;
  readonly logins: Pick<LoginAccess, 'of'>;
  /** For an Access-Accept, the marker in Class among them. Empty: nothing can be said at login. */
  readonly attributesFor: (gateway: string | undefined, access: 'strict' | 'leaky') => readonly NamedAttribute[];
  readonly log: Log;
}

export interface Login {
  readonly request: AccessRequest;
  /** undefined = the request does not say which line it is. */
  readonly accessKey: string | undefined;
  readonly gateway: string | undefined;
}

export type Verdict =
  | { readonly kind: 'accepted' | 'quarantined'; readonly attributes: readonly Attribute[] }
  | { readonly kind: 'rejected'; readonly reason?: string }
  /** Not tried: the NAS asks again. */
  | { readonly kind: 'overload' };

export class LoginDesk {
  readonly #options: LoginDeskOptions;
  readonly #passwords = new Passwords();

  constructor(options: LoginDeskOptions) {
    this.#options = options;
  }

  async decide(login: Login): Promise<Verdict> {
    const user = this.#options.userOf(asText(login.request.userName));
    if (user === undefined) return { kind: 'rejected' };
    const { credentials } = login.request;
    if (credentials.kind === 'eap') return { kind: 'rejected', reason: 'eap' };
    if (credentials.kind === 'chap' && !('clear' in user.password))
      return { kind: 'rejected', reason: 'chap-needs-clear-password' };
    const isRight = await this.#isRight(user, login.request);
    if (isRight === undefined) return { kind: 'overload' };
    return isRight ? this.#accept(user, this.#gardenOf(login), login.gateway) : { kind: 'rejected' };
  }

  /** undefined = too many at once. */
  async #isRight(user: AaaUser, { credentials }: AccessRequest): Promise<boolean | undefined> {
    if ('clear' in user.password) return passwordFits(credentials, new TextEncoder().encode(user.password.clear));
    if (credentials.kind !== 'pap') return false;
    return this.#passwords.fits(user.name, user.password.hash, credentials.password);
  }

  /** undefined = not in one, or nothing can be said at login: the plan it is, and the gateway is told afterwards. */
  #gardenOf({ accessKey, gateway }: Login): readonly NamedAttribute[] | undefined {
    const access = accessKey === undefined ? undefined : this.#options.logins.of(accessKey);
    if (access === undefined) return undefined;
    const attributes = this.#options.attributesFor(gateway, access);
    return attributes.length === 0 ? undefined : attributes;
  }

  /** Half a garden may be none: when it cannot be said the plan it is, and the gateway is told afterwards. */
  #accept(user: AaaUser, garden: readonly NamedAttribute[] | undefined, gateway: string | undefined): Verdict {
    const named = acceptAttributes(user, garden);
    const encoded = encodeNamed(named);
    if (encoded.ok) return { kind: garden === undefined ? 'accepted' : 'quarantined', attributes: encoded.value };
    const { index, text } = encoded.error;
    const attribute = named[index]!.name;
    this.#options.log.error('AAA_ATTRIBUTE_UNSAYABLE', { gateway: gateway ?? null, attribute, text });
    return garden === undefined
      ? { kind: 'rejected', reason: 'plan-unsayable' }
      : this.#accept(user, undefined, gateway);
  }
}
