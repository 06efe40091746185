// DNS over TCP towards homes (RFC 7766): length-prefixed messages, pipelined, each connection bounded in time, questions and bytes.
import type { Socket } from 'node:net';
import { concat } from '../../protocols/dns/bytes.ts';
import { put16, u16 } from '../../protocols/dns/query.ts';

const IDLE_MS = 5000;
const LIFETIME_MS = 30_000;
const MAX_QUERIES = 100;
const MAX_AT_ONCE = 8;
const MAX_QUERY_BYTES = 4096;

/** Answers until the peer goes, is idle, asks too much or says nonsense. `handle` undefined = nothing to say: goodbye. */
export function serveTcp(socket: Socket, handle: (query: Uint8Array) => Promise<Uint8Array | undefined>): void {
  let held: Uint8Array = new Uint8Array(0);
  let asked = 0;
  let running = 0;
  const lifetime = setTimeout(() => socket.destroy(), LIFETIME_MS);
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.once('close', () => clearTimeout(lifetime));
  socket.on('data', (chunk) => {
    held = concat([held, chunk]);
    next();
  });

  function next(): void {
    while (!socket.destroyed && held.length >= 2) {
      const length = u16(held, 0);
      if (length < 12 || length > MAX_QUERY_BYTES) return void socket.destroy();
      if (held.length < 2 + length) break;
      if (running >= MAX_AT_ONCE) return void socket.pause();
      if (++asked > MAX_QUERIES) return void socket.end();
      const query = held.slice(2, 2 + length);
      held = held.slice(2 + length);
      running++;
      void handle(query).then(answered, () => socket.destroy());
    }
    socket.resume();
  }

  function answered(reply: Uint8Array | undefined): void {
    running--;
    if (reply === undefined || socket.destroyed) return void socket.destroy();
    const length = new Uint8Array(2);
    put16(length, 0, reply.length);
    // A reader that never reads: what waits for it is bounded by the questions, and the idle timer ends it.
    socket.write(concat([length, reply]));
    next();
  }
}
