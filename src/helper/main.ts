// The second process entry: the only code that may hold CAP_NET_ADMIN. `helper/main.ts --socket PATH --spec FILE [--snapshot FILE]`
// serves; `--restore FILE --spec FILE` loads what a snapshot vouches for, and ends. Reads no environment. Stopping it, however
// hard, leaves the kernel's rules as they are: the next one adopts them.
import { readFileSync } from 'node:fs';
import { chmod, mkdir, stat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import type { GatewaySpec } from '../core/garden/gateway.ts';
import { NftSession } from '../protocols/nftables/session.ts';
import { decodeSpec } from '../protocols/nftables/spec-json.ts';
import { Gateway } from './gateway.ts';
import { Guard } from './guard.ts';
import { restore } from './restore.ts';
import { createHelperServer } from './server.ts';
import { NFT, Skeleton } from './skeleton.ts';
import { SnapshotFile } from './snapshot.ts';
import { SteeredFlows } from './steered.ts';

const NFT_DEADLINE_MS = 5000;
const REPORTS_PER_MINUTE = 60;
/** Of the ten seconds that the unit has for its end. */
const STOP_PATIENCE_MS = 8000;

/** Usage or configuration: exit code 2, one line that says what is wrong and where. */
class Fault extends Error {}

type Options =
  | { readonly spec: string; readonly socket: string; readonly snapshot: string | undefined }
  | { readonly spec: string; readonly restore: string };

function readOptions(): Options {
  try {
    const text = { type: 'string' } as const;
    const { values } = parseArgs({ options: { socket: text, spec: text, snapshot: text, restore: text } });
    const { socket, spec, snapshot, restore } = values;
    if (spec !== undefined && restore !== undefined && socket === undefined && snapshot === undefined)
      return { spec, restore };
    if (spec !== undefined && socket !== undefined && restore === undefined) return { spec, socket, snapshot };
  } catch {
    // falls through to the one sentence about usage
  }
  throw new Fault('usage: helper/main.ts --socket PATH --spec FILE [--snapshot FILE], or --restore FILE --spec FILE');
}

/** The folder decides who may talk to us: nobody but its owner writes, nobody but its group enters. */
async function prepareFolder(socket: string): Promise<string> {
  const folder = dirname(socket);
  await mkdir(folder, { mode: 0o750 }).catch(() => undefined);
  const { mode } = await stat(folder);
  if ((mode & 0o027) !== 0) throw new Fault(`${folder} must have mode 0750 or less`);
  if (await answers(socket)) throw new Fault(`a helper already answers on ${socket}`);
  await unlink(socket).catch(() => undefined);
  return folder;
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket);
    const end = (found: boolean) => {
      probe.destroy();
      resolve(found);
    };
    probe.setTimeout(1000, () => end(true)); // it took the connection and says nothing: somebody is there
    probe.once('connect', () => end(true)).once('error', () => end(false));
  });
}

/** One JSON line per event on stderr, for the journal; a flood of refusals is counted, not written out. */
function createReport(): (event: string, fields: Readonly<Record<string, string>>) => void {
  let [minute, written, left] = [-1, 0, 0];
  return (event, fields) => {
    const now = Math.floor(performance.now() / 60_000);
    if (now !== minute) {
      if (left > 0) process.stderr.write(`${JSON.stringify({ event: 'reports-left-out', count: left })}\n`);
      [minute, written, left] = [now, 0, 0];
    }
    if (++written <= REPORTS_PER_MINUTE) process.stderr.write(`${JSON.stringify({ event, ...fields })}\n`);
    else left++;
  };
}

function readSpec(file: string): GatewaySpec {
  const spec = decodeSpec(readFileSync(file, 'utf8'));
  if (!spec.ok) throw new Fault(`${file}: ${spec.error.path}: ${spec.error.text}`);
  return spec.value;
}

async function main(): Promise<void> {
  const options = readOptions();
  const spec = readSpec(options.spec);
  const guard = new Guard(spec, () => performance.now());
  if ('restore' in options) await runRestore(spec, guard, options.restore);
  else await serve(spec, guard, options);
}

async function runRestore(spec: GatewaySpec, guard: Guard, file: string): Promise<void> {
  process.umask(0o077);
  const folder = dirname(file);
  const session = new NftSession({ program: [NFT], deadlineMs: NFT_DEADLINE_MS, folder });
  const skeleton = new Skeleton(spec, session, folder);
  const done = await restore({ spec, guard, skeleton, file, nowMs: Date.now() });
  session.close();
  if (!done.ok) throw new Error('text' in done.error ? done.error.text : 'nft did not answer');
  const { outcome, ...fields } = done.value;
  process.stderr.write(`${JSON.stringify({ event: outcome, gateway: spec.name, ...fields })}\n`);
}

async function serve(
  spec: GatewaySpec,
  guard: Guard,
  options: { readonly socket: string; readonly snapshot: string | undefined },
): Promise<void> {
  const folder = await prepareFolder(options.socket);
  process.umask(0o117);
  const report = createReport();
  const session = new NftSession({ program: [NFT], deadlineMs: NFT_DEADLINE_MS, folder });
  const list = () => gateway.garden();
  const snapshot =
    options.snapshot === undefined ? undefined : new SnapshotFile({ spec, file: options.snapshot, list, report });
  const gateway: Gateway = new Gateway({
    spec,
    session,
    guard,
    skeleton: new Skeleton(spec, session, folder),
    steered: new SteeredFlows(spec),
    changed: (what) => snapshot?.changed(what),
  });
  gateway.adopt();
  const server = createHelperServer({ run: (operation) => gateway.run(operation), report });
  server.listen(options.socket, () => {
    void chmod(options.socket, 0o660).then(() => report('ready', { gateway: spec.name }));
  });
  server.on('error', (error) => {
    report('fault', { text: error.message });
    process.exit(1);
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void end());

  async function end(): Promise<void> {
    session.close();
    server.close();
    const patience = new Promise((resolve) => setTimeout(resolve, STOP_PATIENCE_MS));
    await Promise.race([snapshot?.stop(), patience]);
    process.exit(0);
  }
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${JSON.stringify({ event: 'fault', text: error instanceof Error ? error.message : String(error) })}\n`,
  );
  process.exit(error instanceof Fault ? 2 : 1);
});
