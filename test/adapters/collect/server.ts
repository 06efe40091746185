// A feed's server on loopback: real sockets, answers from a function, ended with the test.
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HttpClient } from '../../../src/adapters/collect/http/client.ts';
import { parsePrefix } from '../../../src/core/net/prefix.ts';

export interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export type Answer = { readonly status?: number; readonly body: string | Buffer } | 'hang' | 'break';

export class FeedServer {
  readonly asked: Asked[] = [];
  readonly #answer: (asked: Asked) => Answer;
  readonly #server = createServer();

  constructor(answer: (asked: Asked) => Answer) {
    this.#answer = answer;
  }

  async start(): Promise<this> {
    this.#server.on('request', (request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const url = new URL(request.url ?? '/', 'http://localhost');
        const asked = { method: request.method ?? '', url, headers: request.headers, body: Buffer.concat(parts) };
        this.asked.push(asked);
        const answer = this.#answer(asked);
        if (answer === 'hang') return;
        if (answer === 'break') return void response.destroy();
        response.writeHead(answer.status ?? 200).end(answer.body);
      });
    });
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}

export function localClient(): HttpClient {
  const limits = { headersMs: 500, progressMs: 500, maxBytes: 100_000 };
  return new HttpClient({ allowPrivate: [parsePrefix('127.0.0.1')!], reserved: [], limits });
}
