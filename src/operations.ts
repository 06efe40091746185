// The table of orders, put together once for the control socket and for commands that run without a service.
import { setTimeout as pause } from 'node:timers/promises';
import type { NftablesEnforcer } from './adapters/enforcer/nftables/client.ts';
import { RadiusEnforcer } from './adapters/enforcer/radius/enforcer.ts';
import { importBindings } from './binding-import.ts';
import { createCollectors, silenceOf, takeInParts } from './collectors.ts';
import { type Engine, readSharing } from './compose.ts';
import { formatFault } from './config/faults.ts';
import { wantedOf } from './core/casefile/line-view.ts';
import { formatKey } from './core/garden/key.ts';
import { formatInstant } from './core/kernel/civil.ts';
import { err, ok, type Result } from './core/kernel/result.ts';
import { formatIp } from './core/net/ip.ts';
import type { Collectors } from './flow/collect.ts';
import { OperationRefused, type Operations } from './flow/operations.ts';
import type { EnforceError, Json } from './flow/ports.ts';
import { importJournal, type ReleaseTarget } from './flow/release-all.ts';
import type { Service } from './flow/service.ts';
import { takeIn } from './flow/take-in.ts';
import { attributionOperations } from './http/control/attribution-operations.ts';
import { bindingOperations } from './http/control/binding-operations.ts';
import { caseOperations } from './http/control/case-operations.ts';
import { collectOperations, type FeedDesk } from './http/control/collect-operations.ts';
import { engineerOperations } from './http/control/engineer-operations.ts';
import { feedOperations } from './http/control/feed-operations.ts';
import { type AskedGateway, gatewayOperations } from './http/control/gateway-operations.ts';
import { notDone } from './http/control/refusal.ts';
import { whenPrepared } from './http/control/starting.ts';
import type { NasGateway } from './nas-gateways.ts';
import { diffLines } from './protocols/lines-csv/diff.ts';
import { parseLines } from './protocols/lines-csv/parse.ts';
import { standingWarnings } from './warnings.ts';

/** The running service, and what fetches feeds for it. */
export type ServiceParts = Pick<Service, 'isPrepared'> & { readonly collectors: Collectors };

/** `service` undefined: a command of its own beside nobody, after recall(). */
export function operationsOf(engine: Engine, service: ServiceParts | undefined, counters?: () => Json): Operations {
  const all = everyOperation(engine, service, counters);
  if (service === undefined) return all;
  return whenPrepared(all, { isPrepared: () => service.isPrepared, importJournal: () => importJournal(engine.flow) });
}

function everyOperation(
  engine: Engine,
  service: ServiceParts | undefined,
  counters: () => Json = () => ({}),
): Operations {
  const { config, flow, shelf, health } = engine;
  return {
    ...labOperations(engine),
    ...gatewayOperations(flow, engine.nasGateways.map(askedGateway)),
    ...caseOperations(flow, service === undefined ? (lineId) => freeOffline(engine, lineId) : undefined),
    ...engineerOperations(flow, {
      confirmClock: () => engine.clock.confirm(),
      removeElements: (targets, all) => removeElements(engine, targets, all),
      service: () => (service === undefined ? 'down' : service.isPrepared ? 'running' : 'starting'),
      // Beside nobody nothing looks around by itself.
      warnings: async () => {
        if (service === undefined) await lookOnce(engine);
        return health.list().map((one) => ({ ...one }));
      },
      counters,
    }),
    ...attributionOperations(flow, {
      readSharing: (text, name) => {
        const read = readSharing(config, text, name);
        return read.ok ? { ok: true, rules: read.value } : { ok: false, text: read.error.map(formatFault).join('\n') };
      },
    }),
    ...feedOperations(flow, {
      sources: config.feeds.map((feed) => feed.name),
      evidenceKeptMs: config.retention.evidence,
      takeIn: (file, progress) =>
        takeIn(
          takeInParts(engine, () => flow.decider.run()),
          file,
          progress,
        ),
      readLines: async (bytes) => {
        const parsed = await parseLines({ bytes: [bytes], reserved: engine.reserved });
        if (!parsed.ok) throw notDone('lines-file-refused', faultsText(parsed.error));
        return (current, replace) => {
          const diff = diffLines(current, parsed.value, {
            now: flow.clock.now(),
            ...(replace === undefined ? {} : { replace }),
          });
          if (diff.ok) return diff.value;
          if (diff.error.kind === 'conflicts') throw notDone('lines-conflict', faultsText(diff.error.rows));
          throw notDone(
            'too-many-removed',
            `${diff.error.wouldRemove} lines would lose their contract, --max-removed allows ${diff.error.maxRemoved}. Nothing was changed.`,
          );
        };
      },
      afterLines: async () => {
        await engine.bindings.refreshStatic(engine.store.allLines());
      },
      activatePolicy: async (text, name, by) => {
        const activated = await shelf.activate(text, name, by);
        if (activated.ok) return { changed: activated.value.changed, version: activated.value.policy.version };
        throw new OperationRefused({
          kind: 'not-done',
          code: 'policy-invalid',
          text: activated.error.map(formatFault).join('\n'),
        });
      },
      policyTexts: () => shelf.texts(),
    }),
    ...bindingOperations({
      sources: [...config.translators, ...config.dhcp].map(({ name }) => name),
      now: () => flow.clock.now(),
      importFile: (file, progress) => importBindings(engine, file, progress),
    }),
    ...collectOperations(feedDesk(engine, service?.collectors)),
  };
}

function feedDesk(engine: Engine, running: Collectors | undefined): FeedDesk {
  const { config, flow, feedBook } = engine;
  const wayOf = (name: string) => config.ways.find((way) => way.feed === name)?.kind ?? 'by hand';
  return {
    feeds: config.feeds.map((feed) => {
      const silenceMs = silenceOf(feed);
      return { name: feed.name, kind: feed.kind, way: wayOf(feed.name), ...(silenceMs !== undefined && { silenceMs }) };
    }),
    book: feedBook,
    standing: running && (() => running.standing()),
    // Beside nobody: fetched by this command alone, which decides before it ends.
    now: async (name) => {
      if (running !== undefined) return running.now(name);
      const once = createCollectors(engine, () => flow.decider.run());
      return once.now(name).finally(() => once.stop());
    },
  };
}

function askedGateway({ config, client, enforcer }: NasGateway): AskedGateway {
  const { name, dialect, address, port, nasIdentities } = config;
  return {
    name,
    enforcer,
    nasIdentities,
    interimMs: enforcer.interimMs,
    view: () => ({
      dialect: dialect.name,
      certainty: dialect.certainty,
      address: formatIp(address),
      port,
      confirms: dialect.confirm.map(({ by }) => by),
      told: { ...enforcer.progress() } as unknown as Json,
      radius: { ...client.standing(), ...client.counts() } as unknown as Json,
    }),
    retryNow: () => enforcer.retryNow(),
  };
}

/** A helper that is there answers in milliseconds; nobody waits longer for one that is not. */
const LOOK_MS = 2000;
/** A BNG answers when it likes: so long a command waits for its acknowledgements. */
const RELEASED_MS = 60_000;

/** Whoever asks while the service is down wants to know what is true now, the gateways included. */
async function lookOnce(engine: Engine): Promise<void> {
  const asked = engine.enforcers.map((enforcer) => enforcer.skeleton().catch(() => 'unknown'));
  await Promise.race([Promise.all(asked), pause(LOOK_MS, undefined, { ref: false })]);
  await standingWarnings(engine, {});
}

/** Only for a clock that nobody relies on, and only where the launcher of the lab says so. */
function labOperations(engine: Engine): Operations {
  if (engine.config.clock.source !== 'assumed' || process.env['ENGAWA_LAB'] !== '1') return {};
  return {
    'lab.advance-clock': async (input) => {
      const ms = input['ms'];
      if (typeof ms !== 'number' || !Number.isSafeInteger(ms) || ms < 0)
        throw notDone('ms-invalid', 'ms: expected a whole number of milliseconds');
      // What was counted until now happened now, not after the jump. Twice: the first may join a reading that began earlier.
      await engine.flow.verifier.poll();
      await engine.flow.verifier.poll();
      engine.clock.advance(ms);
      await engine.clock.remember();
      return { now: formatInstant(engine.clock.now()) };
    },
  };
}

/** A released line whose other cases want nothing leaves the gateway now, not when the service starts again. */
async function freeOffline(engine: Engine, lineId: string): Promise<void> {
  const line = await engine.store.line(lineId);
  const open = line === undefined ? [] : await engine.store.openCasesOfLine(lineId, line.epoch);
  if (wantedOf(open) !== 'open' && wantedOf(open) !== 'notice') return;
  const removed = await removeElements(
    engine,
    [{ lineId, epoch: line?.epoch ?? 1, access: 'open', families: [] }],
    false,
  );
  if (!removed.ok)
    throw notDone(
      'gateway-failed',
      'the release is on record, but the gateway does not answer: the element ends by its own timeout, or when the service starts',
    );
}

function faultsText(rows: readonly { readonly line: number; readonly code: string; readonly text: string }[]): string {
  const shown = rows.slice(0, 20).map((row) => `  line ${row.line}: ${row.code}: ${row.text}`);
  const more = rows.length > shown.length ? `\n  … and ${rows.length - shown.length} more` : '';
  return `the lines file was refused; nothing was changed:\n${shown.join('\n')}${more}`;
}

/** `release-all`: everything by the gateway's own sweep, or the elements of the named lines. One gateway that does not
 *  answer keeps nobody in the garden of another: all are asked, the first failure is told. */
async function removeElements(
  engine: Engine,
  targets: readonly ReleaseTarget[],
  all: boolean,
): Promise<Result<number, EnforceError>> {
  const every = [...engine.enforcers, ...engine.nasGateways.map(({ enforcer }) => enforcer)];
  const answers = await Promise.all(
    every.map((enforcer) => (all ? enforcer.releaseAll() : removeNamed(engine, enforcer, targets))),
  );
  return answers.find((answer) => !answer.ok) ?? ok(targets.length);
}

async function removeNamed(
  engine: Engine,
  enforcer: NftablesEnforcer | RadiusEnforcer,
  targets: readonly ReleaseTarget[],
): Promise<Result<void, EnforceError>> {
  const known = targets.flatMap((target) => engine.flow.gardener.keysOf(target.lineId, enforcer.gateway));
  const recorded = await Promise.all(targets.map((target) => engine.store.enforcement(target.lineId)));
  const everPut = recorded.flat().filter((one) => one.gateway === enforcer.gateway && one.access !== 'open');
  const remove = [
    ...new Map([...known, ...everPut.map((one) => one.prefix)].map((key) => [formatKey(key), key])).values(),
  ];
  for (let from = 0; from < remove.length; from += 1000) {
    const answer = await enforcer.apply({ put: [], remove: remove.slice(from, from + 1000) });
    if (!answer.ok) return err(answer.error);
  }
  await enforcer.forgetSteered(remove);
  return enforcer instanceof RadiusEnforcer ? enforcer.drained(RELEASED_MS, remove) : ok(undefined);
}
