// The helper's socket: JSON lines in, JSON lines out, bounded on every side. Who may connect is said by the folder (0750)
// and the socket (0660); what a connection may ask is said by the parser and the guard, not by who is asking.
import { createServer, type Server, type Socket } from 'node:net';
import { err, ok, type Result } from '../core/kernel/result.ts';
import {
  type Answer,
  formatResponse,
  type HelperError,
  LineReader,
  type Operation,
  PART_ITEMS,
  parseRequest,
} from '../protocols/nftables/messages.ts';

const MAX_CONNECTIONS = 8;
const MAX_IN_FLIGHT = 512;
/** A peer that does not read its answers is dropped. */
const MAX_UNREAD_BYTES = 256 * 1024 * 1024;

export interface ServerOptions {
  readonly run: (operation: Operation) => Promise<Result<Answer, HelperError>>;
  /** Refusals and faults, for the journal. */
  readonly report: (event: string, fields: Readonly<Record<string, string>>) => void;
}

export function createHelperServer(options: ServerOptions): Server {
  const server = createServer((socket) => serve(socket, options));
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

function serve(socket: Socket, options: ServerOptions): void {
  const reader = new LineReader();
  let inFlight = 0;
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    const lines = reader.push(chunk as Buffer);
    if (lines === undefined) {
      options.report('refused', { code: 'line-too-long' });
      socket.destroy();
      return;
    }
    for (const line of lines) void handle(line);
  });

  async function handle(line: string): Promise<void> {
    const request = parseRequest(line);
    if (!request.ok) {
      const { id, code, text } = request.error;
      options.report('refused', { code, text });
      // Without an id there is nobody to answer to: the peer does not speak this language.
      if (id === undefined) socket.destroy();
      else send(id, err({ kind: 'refused', code, text }));
      return;
    }
    const { id, operation } = request.value;
    if (inFlight >= MAX_IN_FLIGHT) return send(id, err({ kind: 'unavailable', text: 'too many requests at once' }));
    inFlight++;
    try {
      const result = await options.run(operation);
      if (!result.ok) options.report(result.error.kind, { op: operation.op, ...codeOf(result.error) });
      send(id, result);
    } catch (cause) {
      options.report('fault', { op: operation.op, text: String(cause) });
      send(id, err({ kind: 'unknown', afterMs: 0 }));
    } finally {
      inFlight--;
    }
  }

  function send(id: number, result: Result<Answer, HelperError>): void {
    if (socket.destroyed) return;
    const parts = partsOf(result);
    parts.forEach((part, i) => {
      socket.write(`${formatResponse({ id, last: i === parts.length - 1, result: part })}\n`);
    });
    if (socket.writableLength > MAX_UNREAD_BYTES) socket.destroy();
  }
}

/** Long answers in several lines, so that neither side ever holds one huge document. */
function partsOf(result: Result<Answer, HelperError>): readonly Result<Answer, HelperError>[] {
  if (!result.ok || !('items' in result.value) || result.value.items.length <= PART_ITEMS) return [result];
  const { kind, items } = result.value;
  const parts: Result<Answer, HelperError>[] = [];
  for (let i = 0; i < items.length; i += PART_ITEMS)
    parts.push(ok({ kind, items: items.slice(i, i + PART_ITEMS) } as Answer));
  return parts;
}

function codeOf(error: HelperError): Readonly<Record<string, string>> {
  return error.kind === 'refused' ? { code: error.code } : error.kind === 'unavailable' ? { text: error.text } : {};
}
