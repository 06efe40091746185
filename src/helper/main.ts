// The second process entry: the only code that may hold CAP_NET_ADMIN. `node src/helper/main.ts --socket PATH --spec FILE`.
// Reads no environment. Stopping it, however hard, leaves the kernel's rules as they are: the next one adopts them.
import { readFileSync } from 'node:fs';
import { chmod, mkdir, stat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { NftSession } from '../protocols/nftables/session.ts';
import { decodeSpec } from '../protocols/nftables/spec-json.ts';
import { Gateway } from './gateway.ts';
import { Guard } from './guard.ts';
import { createHelperServer } from './server.ts';
import { NFT, Skeleton } from './skeleton.ts';
import { SteeredFlows } from './steered.ts';

const NFT_DEADLINE_MS = 5000;
const REPORTS_PER_MINUTE = 60;

/** Usage or configuration: exit code 2, one line that says what is wrong and where. */
class Fault extends Error {}

function readOptions(): { socket: string; spec: string } {
  try {
    const { values } = parseArgs({ options: { socket: { type: 'string' }, spec: { type: 'string' } } });
    if (values.socket !== undefined && values.spec !== undefined) return { socket: values.socket, spec: values.spec };
  } catch {
    // falls through to the one sentence about usage
  }
  throw new Fault('usage: helper/main.ts --socket PATH --spec FILE');
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

async function main(): Promise<void> {
  const options = readOptions();
  const spec = decodeSpec(readFileSync(options.spec, 'utf8'));
  if (!spec.ok) throw new Fault(`${options.spec}: ${spec.error.path}: ${spec.error.text}`);
  const folder = await prepareFolder(options.socket);
  process.umask(0o117);
  const session = new NftSession({ program: [NFT], deadlineMs: NFT_DEADLINE_MS, folder });
  const gateway = new Gateway({
    spec: spec.value,
    session,
    guard: new Guard(spec.value, () => performance.now()),
    skeleton: new Skeleton(spec.value, session, folder),
    steered: new SteeredFlows(spec.value),
  });
  gateway.adopt();
  const report = createReport();
  const server = createHelperServer({ run: (operation) => gateway.run(operation), report });
  server.listen(options.socket, () => {
    void chmod(options.socket, 0o660).then(() => report('ready', { gateway: spec.value.name }));
  });
  server.on('error', (error) => {
    report('fault', { text: error.message });
    process.exit(1);
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      session.close();
      server.close();
      process.exit(0);
    });
  }
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${JSON.stringify({ event: 'fault', text: error instanceof Error ? error.message : String(error) })}\n`,
  );
  process.exit(error instanceof Fault ? 2 : 1);
});
