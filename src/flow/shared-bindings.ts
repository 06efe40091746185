// Bindings as the gardens and the portal see them: what records say, and what follows from it by rule where lines share addresses.
// What is asked about the past goes through as it is: holders.ts joins it with its uncertainties.
import type { Instant } from '../core/kernel/time.ts';
import type { Binding } from '../core/line/binding.ts';
import { sharesByRule } from '../core/line/shares.ts';
import { resolveShared, type SharedAnswer, type SharingRules } from '../core/line/sharing/rules.ts';
import type { Ip, Peer } from '../core/net/ip.ts';
import type { Prefix } from '../core/net/prefix.ts';
import type { BindingChange, Bindings, Clock, Holders } from './ports.ts';

export interface SharedBindingsParts {
  readonly bindings: Bindings;
  /** As they are now. */
  readonly sharing: () => SharingRules;
  readonly clock: Pick<Clock, 'now'>;
}

export class SharedBindings implements Bindings {
  readonly #parts: SharedBindingsParts;

  constructor(parts: SharedBindingsParts) {
    this.#parts = parts;
  }

  holders(realm: string, ip: Ip, fromAt: Instant, toAt: Instant): Promise<Holders> {
    return this.#parts.bindings.holders(realm, ip, fromAt, toAt);
  }

  over(realm: string, prefix: Prefix, fromAt: Instant, toAt: Instant): Promise<Holders> {
    return this.#parts.bindings.over(realm, prefix, fromAt, toAt);
  }

  onChange(listener: (change: BindingChange) => void): void {
    this.#parts.bindings.onChange(listener);
  }

  /** With the line's shares. Where records name the very blocks too, the rule's word stands: whole, and with the prefix. */
  async openOf(accessKey: string): Promise<readonly Binding[]> {
    const open = await this.#parts.bindings.openOf(accessKey);
    const shares = sharesByRule(this.#parts.sharing(), open, this.#parts.clock.now());
    if (shares.length === 0) return open;
    const places = new Set(shares.map(placeText));
    return [...open.filter((one) => one.ports === undefined || !places.has(placeText(one))), ...shares];
  }

  async holderNow(realm: string, peer: Peer): Promise<Binding | undefined> {
    const answers = this.#answersOf(realm, peer);
    if (answers.length === 0) return this.#parts.bindings.holderNow(realm, peer);
    const [answer, ...others] = answers;
    // Shared by rule: the whole of it is nobody's, whatever a record says, and without a port nobody is told apart.
    if (answer?.kind !== 'inside' || others.length > 0) return undefined;
    const inner = await this.#parts.bindings.holderNow(answer.realm, answer.prefix.ip);
    const isAll = inner !== undefined && inner.prefix.length <= answer.prefix.length;
    return isAll ? inner : undefined;
  }

  #answersOf(realm: string, peer: Peer): readonly SharedAnswer[] {
    if (peer.family !== 4) return [];
    const { family, bytes, port } = peer;
    const now = this.#parts.clock.now();
    const at = { realm, ip: { family, bytes }, fromAt: now, toAt: now };
    const answers = resolveShared(this.#parts.sharing(), { ...at, ...(port === undefined ? {} : { port }) });
    // A translator's own logs are no rule: who is behind such a port, records alone may say.
    return answers.filter((one) => one.kind !== 'log-needed');
  }
}

function placeText({ prefix, ports }: Binding): string {
  return `${prefix.ip.bytes.join('.')} ${ports?.low}`;
}
