// Sources of bindings beside RADIUS accounting: translators over syslog, IPFIX or a followed file, and Kea. Part of the wiring: makes
// what the configuration names, starts and stops it.

import { KeaWatch } from './adapters/sessions/kea/watch.ts';
import { filePositions } from './adapters/state-folder/file-positions.ts';
import { IpfixListener } from './adapters/translations/ipfix/listener.ts';
import { TranslationRecorder } from './adapters/translations/recorder.ts';
import type { LineSource } from './adapters/translations/syslog/lines.ts';
import { SyslogListener } from './adapters/translations/syslog/listener.ts';
import { LogFileWatch } from './adapters/translations/syslog/watch.ts';
import type { Engine } from './compose.ts';
import { clockAheadMs, type KeaConfig, type TranslatorConfig } from './config/translators.ts';
import { offsetsOf } from './core/kernel/stamp.ts';
import { everyAddress } from './every-address.ts';
import type { Json } from './flow/ports.ts';
import { CGN_DIALECTS } from './protocols/cgn-log/dialects.ts';
import { insideRealm } from './protocols/cgn-log/event.ts';
import { type GenericDialect, genericDialect } from './protocols/cgn-log/generic.ts';

type SyslogConfig = Extract<TranslatorConfig, { kind: 'syslog' }>;
type IpfixConfig = Extract<TranslatorConfig, { kind: 'ipfix' }>;

interface Part {
  readonly name: string;
  start(): unknown;
  stop(): Promise<void>;
  counts(): Readonly<Record<string, Json>>;
}

export class BindingSources {
  readonly #recorder: TranslationRecorder;
  readonly #parts: readonly Part[];

  constructor(engine: Engine) {
    const { translations, config, flow } = engine;
    this.#recorder = new TranslationRecorder({ record: (batch) => translations.record(batch), log: flow.log });
    this.#parts = [
      ...listenersOf(engine, this.#recorder),
      ...config.translators.flatMap((one) =>
        one.kind === 'syslog' && one.transport === 'file' ? [logFileOf(engine, one, this.#recorder)] : [],
      ),
      ...config.dhcp.map((one) => keaOf(engine, one)),
    ];
  }

  /** Rejects when an address cannot be bound. */
  async start(): Promise<void> {
    for (const part of this.#parts) await part.start();
  }

  /** What was taken is stored before it resolves. */
  async stop(): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.stop()));
    await this.#recorder.stop();
  }

  counts(): Record<string, Json> {
    return Object.fromEntries(this.#parts.map((part) => [part.name, part.counts()]));
  }
}

/** One socket per kind, transport and address, however many translators send there. */
function listenersOf(engine: Engine, recorder: TranslationRecorder): Part[] {
  const { clock, log } = engine.flow;
  const sockets = engine.config.translators.flatMap((one) =>
    one.transport === 'file' || one.listen === undefined
      ? []
      : everyAddress(one.listen).map((listen) => ({
          one,
          listen,
          name: `${one.kind} ${one.transport} ${listen.address}:${listen.port}`,
        })),
  );
  return [...Map.groupBy(sockets, ({ name }) => name)].map(([name, group]): Part => {
    const [{ listen, one }] = group as [(typeof group)[0]];
    const common = { listen, recorder, clock, log, transport: one.transport === 'tcp' ? 'tcp' : 'udp' } as const;
    const configs = group.map((member) => member.one);
    const listener =
      one.kind === 'ipfix'
        ? new IpfixListener({ ...common, translators: configs.filter(isIpfix).map(ipfixOf) })
        : new SyslogListener({ ...common, translators: configs.filter(isSyslog).map(syslogOf) });
    return {
      name,
      start: () => listener.start(),
      stop: () => listener.stop(),
      counts: () => ({ ...listener.counts() }),
    };
  });
}

const isIpfix = (one: TranslatorConfig): one is IpfixConfig => one.kind === 'ipfix';
const isSyslog = (one: TranslatorConfig): one is SyslogConfig => one.kind === 'syslog';

function ipfixOf(one: IpfixConfig) {
  const realms = new Map(Object.entries(one.realms));
  return {
    name: one.name,
    from: one.from,
    outsideRealm: one.realm,
    insideRealmOf: (vrf: string | undefined) => insideRealm(vrf, { insideRealm: one.insideRealm, realms }),
    clockAheadMs: clockAheadMs(one),
    isOneToOne: one.oneToOne,
  };
}

function syslogOf(one: SyslogConfig) {
  return { name: one.name, from: one.from ?? [], ...lineSourceOf(one) };
}

export function lineSourceOf(one: SyslogConfig): LineSource {
  return {
    dialect: one.dialect === 'generic' ? genericDialect(one.generic as GenericDialect) : CGN_DIALECTS[one.dialect],
    facts: {
      outsideRealm: one.realm,
      insideRealm: one.insideRealm,
      realms: new Map(Object.entries(one.realms)),
      ...(one.timeZone === undefined ? {} : { offsetAt: offsetsOf(one.timeZone) }),
      clockAheadMs: clockAheadMs(one),
    },
  };
}

function logFileOf({ config, flow }: Engine, one: SyslogConfig, recorder: TranslationRecorder): Part {
  const { name, file } = one;
  const watch = new LogFileWatch({
    name,
    file: file!,
    ...lineSourceOf(one),
    recorder,
    positions: filePositions(config.stateFolder),
    clock: flow.clock,
    log: flow.log,
  });
  return { name, start: () => watch.start(), stop: () => watch.stop(), counts: () => watch.counts() };
}

function keaOf({ config, flow, bindings, reserved }: Engine, one: KeaConfig): Part {
  const { name, realm, accessKey, file, format } = one;
  const watch = new KeaWatch({
    ...{ name, realm, accessKey, file, format, reserved },
    zones: new Map(Object.entries(one.zoneNames)),
    record: (batch) => bindings.record(batch),
    positions: filePositions(config.stateFolder),
    clock: flow.clock,
    log: flow.log,
  });
  return { name, start: () => watch.start(), stop: () => watch.stop(), counts: () => watch.counts() };
}
