// The local Unix socket: every write of the command line goes through it while the service is up, so there is one writer.
// One request = one operation; answers are JSON lines: progress lines, then one `done` or `refused` line.
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { OperationRefused, type Operations } from '../../flow/operations.ts';
import type { Json, Log } from '../../flow/ports.ts';

/** Largest body (a feed file or a lines file), bytes. */
const BODY_LIMIT = 512 * 1024 * 1024;
const HEADER_LIMIT = 16 * 1024;

export interface ControlServer {
  listen(socketPath: string): Promise<void>;
  close(): Promise<void>;
}

export function createControlServer(operations: Operations, log: Log): ControlServer {
  const server = createServer({ maxHeaderSize: HEADER_LIMIT, requestTimeout: 600_000 }, (request, response) => {
    answer({ operations, log, request, response }).catch((cause) => {
      log.error('CONTROL_FAILED', { text: String(cause).slice(0, 200) });
      response.destroy();
    });
  });
  return { listen: (path) => listen(server, path), close: () => close(server) };
}

async function listen(server: Server, path: string): Promise<void> {
  rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve());
  });
  // The folder is 0750; members of the group may ask, nobody else reaches the socket.
  chmodSync(path, 0o660);
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

interface Exchange {
  readonly operations: Operations;
  readonly log: Log;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

const UNEXPECTED = {
  kind: 'not-done',
  code: 'unexpected',
  text: 'it failed in a way nobody foresaw; next: read the log for CONTROL_FAILED',
};

async function answer({ operations, log, request, response }: Exchange): Promise<void> {
  const name = (request.url ?? '').replace(/^\/v1\//, '');
  const operation = request.method === 'POST' && Object.hasOwn(operations, name) ? operations[name] : undefined;
  response.setHeader('content-type', 'application/x-ndjson');
  // «Heard», at once: the other end waits seconds for this and minutes for the answer.
  response.flushHeaders();
  const say = (line: Json) => void response.write(`${JSON.stringify(line)}\n`);
  const aborter = new AbortController();
  response.on('close', () => aborter.abort());
  try {
    if (operation === undefined)
      throw new OperationRefused({
        kind: 'usage',
        code: 'operation-unknown',
        text: `no operation «${name.slice(0, 60)}»`,
      });
    const body = await readBody(request);
    const value = await operation(readInput(request), {
      by: String(request.headers['engawa-by'] ?? 'unknown').slice(0, 80),
      signal: aborter.signal,
      progress: (state) => say({ progress: state }),
      body,
    });
    say({ done: value });
  } catch (error) {
    if (!(error instanceof OperationRefused))
      log.error('CONTROL_FAILED', { operation: name.slice(0, 60), text: String(error).slice(0, 200) });
    say({ refused: error instanceof OperationRefused ? { ...error.problem } : { ...UNEXPECTED } });
  } finally {
    // Whatever was not read is let go by, so that the answer arrives at whoever is still sending.
    request.resume();
    response.end();
  }
}

function readInput(request: IncomingMessage): Readonly<Record<string, Json>> {
  const text = String(request.headers['engawa-input'] ?? '{}');
  const parsed = parseJson(Buffer.from(text, 'base64url').toString('utf8') || '{}');
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new OperationRefused({ kind: 'usage', code: 'input-not-object', text: 'the input must be a JSON object' });
  }
  return parsed as Record<string, Json>;
}

/** undefined when it is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT)
      throw new OperationRefused({ kind: 'usage', code: 'body-too-large', text: `at most ${BODY_LIMIT} bytes` });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
