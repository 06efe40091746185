// Shows the portal, as home 2 sees it, to a browser on this machine: a small HTTP server on loopback that lets the home's
// agent fetch each page and rewrites nothing but the address.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Lab } from './lab.ts';
import { LAB_NAMES } from './site.ts';

const BODY_LIMIT = 16 * 1024;
const PORTAL = `https://${LAB_NAMES.portal}`;

export class Forwarder {
  readonly #server: Server;
  readonly url: string;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  static async start(lab: Lab): Promise<Forwarder> {
    const server = createServer((request, response) => {
      forward(lab, request, response).catch((error: Error) => {
        response.statusCode = 502;
        response.end(error.message);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Forwarder(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

async function forward(lab: Lab, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = '';
  for await (const chunk of request) {
    body += String(chunk);
    if (body.length > BODY_LIMIT) throw new Error('the form is too large');
  }
  const post = request.method === 'POST';
  const answer = await lab.homes[1]!.do<{
    status: number;
    headers: Record<string, string>;
    body: string;
    error: string | null;
  }>('visit', {
    url: `${PORTAL}${request.url ?? '/'}`,
    method: post ? 'POST' : 'GET',
    ca: lab.site.caFile,
    headers: {
      'accept-language': request.headers['accept-language'] ?? 'en',
      ...(post ? { 'content-type': 'application/x-www-form-urlencoded', origin: PORTAL } : {}),
    },
    ...(post ? { body } : {}),
  });
  if (answer.error !== null) throw new Error(`the home cannot reach the portal: ${answer.error}`);
  const location = answer.headers['location'];
  response.statusCode = answer.status;
  if (location !== undefined) response.setHeader('location', location.replace(PORTAL, ''));
  for (const name of ['content-type', 'content-security-policy', 'cache-control']) {
    const value = answer.headers[name];
    if (value !== undefined) response.setHeader(name, value);
  }
  response.end(answer.body);
}
