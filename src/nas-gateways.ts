// The wiring of BNGs that are told by RADIUS: a client and an enforcer for each. Part of compose.ts, which grew too long.
import { randomInt } from 'node:crypto';
import { RadiusEnforcer } from './adapters/enforcer/radius/enforcer.ts';
import { NasClient } from './adapters/enforcer/radius/nas-client.ts';
import type { Config, NasGatewayConfig } from './config/load.ts';
import { MINUTE } from './core/kernel/time.ts';
import { formatIp } from './core/net/ip.ts';
import type { Prefix } from './core/net/prefix.ts';
import type { GatewayLink } from './flow/gateway-acts.ts';
import type { Clock, HoldSwitch, Log, NasSessions, Tellings } from './flow/ports.ts';
import { isSure } from './flow/sure-clock.ts';

export interface NasGateway {
  readonly config: NasGatewayConfig;
  readonly client: NasClient;
  readonly enforcer: RadiusEnforcer;
}

interface NasParts {
  readonly sessions: NasSessions;
  readonly tellings: Tellings;
  readonly reserved: readonly Prefix[];
  readonly clock: Clock;
  readonly hold: HoldSwitch;
  readonly log: Log;
}

export function createNasGateways(config: Config, parts: NasParts): readonly NasGateway[] {
  const interims = new Map(config.accounting.clients.map((client) => [client.name, client.interim]));
  return config.nasGateways.map((gateway) => {
    const client = createClient(gateway, parts);
    const enforcer = new RadiusEnforcer({
      gateway: gateway.name,
      dialect: gateway.dialect,
      values: valuesOf(gateway),
      client,
      sessions: parts.sessions,
      tellings: parts.tellings,
      nasIdentities: gateway.nasIdentities,
      pools: gateway.pools,
      ipv6Lengths: gateway.ipv6Lengths,
      reserved: parts.reserved,
      mayTighten: () => !parts.hold.current().on && isSure(parts.clock.status()),
      bounce: gateway.bounce,
      window: gateway.window,
      interimMs: Math.max(MINUTE, ...gateway.nasIdentities.map((name) => interims.get(name) ?? 10 * MINUTE)),
      clock: parts.clock,
      random: chance,
      log: parts.log,
    });
    return { config: gateway, client, enforcer };
  });
}

function createClient(gateway: NasGatewayConfig, parts: NasParts): NasClient {
  return new NasClient({
    name: gateway.name,
    address: formatIp(gateway.address),
    port: gateway.port,
    ...(gateway.source === undefined ? {} : { source: formatIp(gateway.source) }),
    secrets: gateway.secrets,
    window: gateway.window,
    packetsPerSecond: gateway.packetsPerSecond,
    replayWindowMs: gateway.replayWindow,
    messageAuthenticator: gateway.messageAuthenticator !== 'omit',
    requireMessageAuthenticator: gateway.messageAuthenticator === 'require',
    // The NAS compares it with its own clock: the machine's, whatever the lab calls today.
    now: () => Date.now(),
    // Its memory of identifiers ages by no clock that can be moved.
    monotonicMs: () => performance.now(),
    random: chance,
    log: parts.log,
  });
}

/** What is not configured is as the dialect presets it. */
export function valuesOf({ dialect, values }: Pick<NasGatewayConfig, 'dialect' | 'values'>): Record<string, string> {
  const presets = Object.entries(dialect.values).flatMap(([name, one]) =>
    one.default === undefined ? [] : [[name, one.default] as const],
  );
  return { ...Object.fromEntries(presets), ...values };
}

export function linkOf({ config, enforcer }: NasGateway): GatewayLink {
  const { name, nasIdentities, ipv6Lengths, pools, dialect } = config;
  return {
    name,
    enforcer,
    nasIdentities,
    ipv6Lengths,
    pools,
    families: dialect.families,
    lacksLeaky: dialect.lacksLeaky === true,
  };
}

function chance(): number {
  return randomInt(2 ** 32) / 2 ** 32;
}
