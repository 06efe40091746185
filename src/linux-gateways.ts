// The wiring of Linux gateways, here and on other machines, and of resolvers that follow a gateway. Part of compose.ts.
import { NftablesEnforcer } from './adapters/enforcer/nftables/client.ts';
import { AccompaniedEnforcer } from './adapters/enforcer/rpz/companion.ts';
import { RpzEnforcer } from './adapters/enforcer/rpz/enforcer.ts';
import type { Config, GatewayConfig, NasGatewayConfig } from './config/load.ts';
import type { Prefix } from './core/net/prefix.ts';
import type { Enforcer, Log } from './flow/ports.ts';
import { type LetThrough, packName } from './protocols/rpz/owner.ts';

export function createLinuxGateway({ spec, helperSocket, ssh }: GatewayConfig, log: Log): NftablesEnforcer {
  const gateway = spec.name;
  if (ssh === undefined) return new NftablesEnforcer({ gateway, socketPath: helperSocket });
  return new NftablesEnforcer({
    gateway,
    ssh,
    onTrouble: (trouble) => {
      if (trouble !== undefined) log.warn('REMOTE_GATEWAY_LOST', { gateway, reason: trouble.code, text: trouble.text });
    },
  });
}

interface CompanionParts {
  readonly reserved: readonly Prefix[];
  readonly log: Log;
  readonly now: () => number;
}

export class Companions {
  readonly #config: Config;
  readonly #parts: CompanionParts;
  readonly #resolvers: RpzEnforcer[] = [];
  readonly #troubles = new Map<string, string>();

  constructor(config: Config, parts: CompanionParts) {
    this.#config = config;
    this.#parts = parts;
  }

  /** The gateway itself, or the gateway with its resolver following. */
  beside(enforcer: Enforcer, gateway: GatewayConfig | NasGatewayConfig): Enforcer {
    const { resolver } = gateway;
    if (resolver === undefined) return enforcer;
    const facts = 'spec' in gateway ? gateway.spec : gateway;
    const { portal } = this.#config.gateways[0]!.spec;
    const follower = new RpzEnforcer({
      ...resolver,
      gateway: facts.name,
      pools: facts.pools,
      ipv6Lengths: facts.ipv6Lengths,
      reserved: this.#parts.reserved,
      answers: portal,
      letThrough: this.#letThrough(),
      now: this.#parts.now,
    });
    this.#resolvers.push(follower);
    return new AccompaniedEnforcer(enforcer, follower, { onTrouble: (text) => this.#heard(facts.name, text) });
  }

  /** Names of packs and lifelines are everybody's. */
  #letThrough(): readonly LetThrough[] {
    const { lifelines, packs } = this.#config.gateways[0]!.spec;
    return [
      ...packs.flatMap((pack) => pack.dnsNames.map(packName)),
      ...lifelines.flatMap((lifeline) => lifeline.dnsNames.map((name) => ({ name, covers: 'both' as const }))),
    ];
  }

  #heard(gateway: string, text: string | undefined): void {
    if (text === undefined) this.#troubles.delete(gateway);
    else {
      if (!this.#troubles.has(gateway)) this.#parts.log.warn('RPZ_FAILED', { gateway, text: text.slice(0, 200) });
      this.#troubles.set(gateway, text);
    }
  }

  /** Resolvers that do not follow now. */
  troubles(): readonly { readonly gateway: string; readonly text: string }[] {
    return [...this.#troubles].map(([gateway, text]) => ({ gateway, text }));
  }

  async close(): Promise<void> {
    await Promise.all(this.#resolvers.map((one) => one.close()));
  }
}
