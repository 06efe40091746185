// Carries an order to the running service through its Unix socket; with the service down, runs it here as the one writer.
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { compose } from '../compose.ts';
import type { Config } from '../config/load.ts';
import { isUrgent, OperationRefused } from '../flow/operations.ts';
import type { Json } from '../flow/ports.ts';
import { recall } from '../flow/service.ts';
import { operationsOf } from '../operations.ts';
import { CliFault, whoAmI } from './context.ts';
import { actAsOwnerOf, helperFor } from './own-helper.ts';

export type Input = Readonly<Record<string, Json>>;
type Progress = (state: Readonly<Record<string, Json>>) => void;

export interface Call {
  readonly name: string;
  readonly input?: Input;
  readonly body?: Uint8Array;
  readonly progress?: Progress;
}

/** The service says «heard» at once; the work may take long after that. */
const HEARD_DEADLINE_MS = 10_000;
const ANSWER_DEADLINE_MS = 600_000;

/** Throws CliFault (exit code 1 or 2) for refusals. */
export async function callOperation(config: Config, call: Call): Promise<Record<string, Json>> {
  return (await askService(config, call)) ?? ((await runHere(config, call)) as Record<string, Json>);
}

/** Only from a service that runs; undefined where there is none. Opens and changes nothing. */
export async function askService(config: Config, call: Call): Promise<Record<string, Json> | undefined> {
  if (!existsSync(config.controlSocket)) return undefined;
  return (await tryTheSocket(config, call)) as Record<string, Json> | undefined;
}

/** Orders that must reach the gateway even with everything of ours dead. */
const NEEDS_GATEWAY = new Set(['release-all.run', 'case.release']);

async function runHere(config: Config, call: Call): Promise<Json> {
  const by = whoAmI(); // before we become somebody else
  return asTheService(config, NEEDS_GATEWAY.has(call.name), (usable) => runAsWriter(usable, call, by));
}

/** As the user whose state it is, and with a gateway helper of our own where none answers and we may start one. */
export async function asTheService<T>(
  config: Config,
  needsGateway: boolean,
  work: (config: Config) => Promise<T>,
): Promise<T> {
  // Without a helper the rest is still done: the gateway's silence is told with the answer.
  const own = needsGateway ? await helperFor(config).catch(tellHelperFault) : undefined;
  const becomeRootAgain = actAsOwnerOf(config.stateFolder);
  try {
    return await work(own?.config ?? config);
  } finally {
    becomeRootAgain();
    await own?.stop();
  }
}

function tellHelperFault(cause: Error): undefined {
  process.stderr.write(`engawa: ${cause.message}\n`);
}

async function runAsWriter(config: Config, call: Call, by: string): Promise<Json> {
  const engine = await compose(config, { quiet: true }).catch((cause: Error) => {
    throw new CliFault(
      1,
      'state-not-opened',
      `the service does not answer and its state cannot be opened here: ${cause.message}`,
    );
  });
  try {
    // Without it each order would begin with an empty breaker; only what frees or stops goes on when it cannot be read.
    const recalled = recall(engine.flow);
    await (isUrgent(call.name) ? recalled.catch(() => {}) : recalled);
    const operation = operationsOf(engine, undefined)[call.name];
    if (operation === undefined) throw new CliFault(2, 'operation-unknown', `no operation «${call.name}»`);
    return await operation(call.input ?? {}, {
      by,
      signal: AbortSignal.timeout(ANSWER_DEADLINE_MS),
      progress: call.progress ?? (() => {}),
      ...(call.body === undefined ? {} : { body: call.body }),
    });
  } catch (error) {
    throw asFault(error);
  } finally {
    await engine.flow.gardener.stop();
    await engine.close();
  }
}

function asFault(error: unknown): unknown {
  if (!(error instanceof OperationRefused)) return error;
  return new CliFault(error.problem.kind === 'usage' ? 2 : 1, error.problem.code, error.problem.text);
}

const SILENT =
  'the service took the order and said nothing: it hangs or is very busy, and may still carry it out. Next: engawa hold on works without it; journalctl -u engawa; systemctl restart engawa';

/** undefined = nobody listens there (a socket left behind by a dead process). */
function tryTheSocket(config: Config, call: Call): Promise<Json | undefined> {
  return new Promise((resolve, reject) => {
    const headers = {
      'engawa-by': whoAmI(),
      'engawa-input': Buffer.from(JSON.stringify(call.input ?? {})).toString('base64url'),
      'content-length': String(call.body?.length ?? 0),
    };
    const asked = request(
      {
        socketPath: config.controlSocket,
        path: `/v1/${call.name}`,
        method: 'POST',
        headers,
        timeout: ANSWER_DEADLINE_MS,
      },
      (response) => {
        clearTimeout(heard);
        readAnswer(response, call.progress ?? (() => {})).then(resolve, reject);
      },
    );
    const heard = setTimeout(() => asked.destroy(new CliFault(1, 'service-silent', SILENT)), HEARD_DEADLINE_MS);
    asked.on('close', () => clearTimeout(heard));
    asked.on('timeout', () => asked.destroy(new Error('the service did not answer in time')));
    asked.on('error', (error: NodeJS.ErrnoException) => {
      if (error instanceof CliFault) reject(error);
      else if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(undefined);
      else if (error.code === 'EACCES')
        reject(
          new CliFault(
            1,
            'socket-forbidden',
            `${config.controlSocket}: permission denied. Next: run as root or as a member of the group engawa.`,
          ),
        );
      else reject(new CliFault(1, 'service-failed', `the service broke off the answer: ${error.message}`));
    });
    asked.end(call.body);
  });
}

async function readAnswer(response: AsyncIterable<Buffer>, progress: Progress): Promise<Json> {
  let rest = '';
  for await (const chunk of response) {
    const lines = (rest + chunk.toString('utf8')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const said = JSON.parse(line) as {
        progress?: Record<string, Json>;
        done?: Json;
        refused?: { kind: string; code: string; text: string };
      };
      if (said.progress !== undefined) progress(said.progress);
      if (said.refused !== undefined)
        throw new CliFault(said.refused.kind === 'usage' ? 2 : 1, said.refused.code, said.refused.text);
      if (said.done !== undefined) return said.done;
    }
  }
  throw new CliFault(1, 'service-failed', 'the service broke off the answer; its log says why');
}
