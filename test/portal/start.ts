// Starts a real portal server on a free loopback port over the fake desk; a clock the test moves; a browser-like client.
import { randomBytes } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { households } from '../../src/core/net/household.ts';
import type { PortalOptions } from '../../src/http/portal/options.ts';
import { createPortal } from '../../src/http/portal/portal.ts';
import { createHttpPortal } from '../../src/http/portal/server.ts';
import { createFakeDesk, type FakeDesk } from '../fakes/journey-desk.ts';

/** Sunday 22 November 2026, 14:05 in Tokyo. */
export const START_AT = Date.UTC(2026, 10, 22, 5, 5);
export const PEER = '127.0.0.1';

export interface TestPortal {
  readonly origin: string;
  readonly port: number;
  readonly desk: FakeDesk;
  readonly server: Server;
  readonly logged: { readonly level: string; readonly code: string; readonly fields: unknown }[];
  now(): number;
  pass(ms: number): void;
  get(path: string, headers?: Record<string, string>): Promise<Page>;
  post(path: string, form: Record<string, string | readonly string[]>, headers?: Record<string, string>): Promise<Page>;
  /** GET, then its form posted after a human pause; `more` are the fields of the button pressed. */
  fill(path: string, more: Record<string, string | readonly string[]>, pauseMs?: number): Promise<Page>;
  stop(): Promise<void>;
}

export interface Page {
  readonly status: number;
  readonly headers: Headers;
  readonly html: string;
  readonly location: string | undefined;
  readonly token: string;
}

export async function startPortal(more: Partial<PortalOptions> = {}): Promise<TestPortal> {
  let now = START_AT;
  const desk = createFakeDesk({ now: () => now });
  const logged: TestPortal['logged'] = [];
  const log = (level: string) => (code: string, fields?: unknown) => void logged.push({ level, code, fields });
  let app: ReturnType<typeof createPortal> | undefined;
  const server = createHttpPortal((request, response) => app!(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  app = createPortal({
    desk,
    operator: {
      name: 'Example Net',
      phone: '0120-555-010',
      contactUrl: 'https://help.example.net/chat',
      timeZone: 'Asia/Tokyo',
      supportHours: '9:00–18:00',
    },

    tokenKey: randomBytes(32),
    householdOf: households({ pools: [], ipv6Lengths: [] }),
    now: () => now,
    randomId: () => randomBytes(6).toString('hex'),
    log: { info: log('info'), warn: log('warn'), error: log('error') },
    languages: ['en', 'ja', 'ja-easy'],
    defaultLanguage: 'en',
    ...more,
    portalOrigins: [...(more.portalOrigins ?? []), origin] as [string, ...string[]],
  });
  const send = async (method: string, path: string, headers: Record<string, string>, body?: string): Promise<Page> => {
    const response = await fetch(`${origin}${path}`, {
      method,
      headers: { accept: 'text/html', ...headers },
      redirect: 'manual',
      signal: AbortSignal.timeout(5_000),
      ...(body === undefined ? {} : { body }),
    });
    const html = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      html,
      location: response.headers.get('location') ?? undefined,
      token: /name="token" value="([^"]*)"/.exec(html)?.[1] ?? '',
    };
  };
  const client: TestPortal = {
    origin,
    port,
    desk,
    server,
    logged,
    now: () => now,
    pass(ms) {
      now += ms;
    },
    get: (path, headers = {}) => send('GET', path, headers),
    post(path, form, headers = {}) {
      const body = new URLSearchParams();
      for (const [name, value] of Object.entries(form)) for (const v of [value].flat()) body.append(name, v);
      return send('POST', path, { 'content-type': 'application/x-www-form-urlencoded', ...headers }, body.toString());
    },
    async fill(path, fields, pauseMs = 10_000) {
      const page = await client.get(path);
      const step = /name="step" value="([^"]*)"/.exec(page.html)?.[1];
      now += pauseMs;
      return client.post(path, { token: page.token, ...(step === undefined ? {} : { step }), ...fields });
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return client;
}

/** Device, every step done, the question: up to the consent page. */
export async function walkToConsent(portal: TestPortal, device = 'camera', tag = 'en'): Promise<void> {
  await portal.fill(`/${tag}/device`, { device });
  for (let step = 0; step < 10; step++) {
    const done = await portal.fill(`/${tag}/steps`, { answer: 'done' });
    const next = await portal.get(done.location ?? '');
    if (next.location?.endsWith('/question')) break;
  }
  await portal.fill(`/${tag}/question`, { answer: 'found' });
}
