// The running service with its loops, and the local socket in front of the orders.
import { request } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OperationRefused } from '../../src/flow/operations.ts';
import type { Json } from '../../src/flow/ports.ts';
import { createControlServer } from '../../src/http/control/server.ts';
import { FakeLog } from '../fakes/log.ts';
import { lineOf, type Process, World } from './world.ts';

let world: World;
let house: Process;

beforeEach(async () => {
  world = new World();
  house = await world.process();
  await house.lines(lineOf('ann'));
  await house.online();
});
afterEach(() => world.end());

describe('the service', () => {
  it('decides what arrives, sends what is due, and stops with everything signed', async () => {
    await house.service.start();
    await house.accept({});
    house.service.reportsArrived();
    await vi.waitFor(async () => expect(await house.element('192.0.2.70')).toBe('strict'), 5000);
    await vi.waitFor(() => expect(world.mails).toHaveLength(1), 5000);
    await house.service.stop();
    expect(await house.element('192.0.2.70')).toBe('strict');
    expect(world.log.lines.filter((line) => line.startsWith('error'))).toEqual([]);
  });

  it('goes on when a loop fails, and says so', async () => {
    house.store.dueTimers = () => Promise.reject(new Error('disk trouble'));
    await house.service.start();
    await vi.waitFor(() => expect(world.log.lines.join()).toContain('"loop":"timers"'), 5000);
    await house.accept({});
    house.service.reportsArrived();
    await vi.waitFor(async () => expect(await house.element('192.0.2.70')).toBe('strict'), 5000);
    await house.service.stop();
  });
});

describe('the local socket', () => {
  const log = new FakeLog();
  const operations = {
    echo: async (input: Readonly<Record<string, Json>>, context: { by: string; body?: Uint8Array }) => ({
      input,
      by: context.by,
      bytes: context.body?.length ?? 0,
    }),
    slow: async (_: unknown, context: { progress(state: Readonly<Record<string, Json>>): void }) => {
      context.progress({ rows: 1 });
      context.progress({ rows: 2 });
      return 'done';
    },
    no: async () => {
      throw new OperationRefused({ kind: 'not-done', code: 'line-unknown', text: 'no such line' });
    },
    bug: async () => {
      throw new TypeError('secret of the house');
    },
  };

  async function ask(name: string, input: string, body = '', method = 'POST'): Promise<Json[]> {
    const server = createControlServer(operations, log);
    const socketPath = join(world.folder, 'control.sock');
    await server.listen(socketPath);
    try {
      const text = await new Promise<string>((resolve, reject) => {
        const headers = { 'engawa-input': Buffer.from(input).toString('base64url'), 'engawa-by': 'op-1' };
        const asked = request({ socketPath, path: `/v1/${name}`, method, headers, agent: false }, (response) => {
          let all = '';
          response.setEncoding('utf8').on('data', (part: string) => {
            all += part;
          });
          response.on('end', () => resolve(all)).on('error', reject);
        });
        asked.on('error', reject).end(body);
      });
      return text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Json);
    } finally {
      await server.close();
    }
  }

  it('answers with progress lines and one last line', async () => {
    expect(await ask('echo', '{"a":1}', 'file')).toEqual([{ done: { input: { a: 1 }, by: 'op-1', bytes: 4 } }]);
    expect(await ask('slow', '{}')).toEqual([{ progress: { rows: 1 } }, { progress: { rows: 2 } }, { done: 'done' }]);
  });

  it('refuses in words what is unknown, no object, not JSON or not a POST', async () => {
    for (const [name, input, method] of [
      ['nothing', '{}', 'POST'],
      ['toString', '{}', 'POST'],
      ['__proto__', '{}', 'POST'],
      ['echo', '[1]', 'POST'],
      ['echo', 'null', 'POST'],
      ['echo', '{', 'POST'],
      ['echo', '{}', 'GET'],
    ] as const) {
      const [answer] = await ask(name, input, '', method);
      expect(answer, `${method} ${name} ${input}`).toMatchObject({
        refused: { kind: 'usage', code: expect.any(String) },
      });
    }
    expect(await ask('no', '{}')).toMatchObject([{ refused: { code: 'line-unknown', text: 'no such line' } }]);
  });

  it('shows of a bug that it happened, never its text, and logs it', async () => {
    const [answer] = await ask('bug', '{}');
    expect(answer).toMatchObject({ refused: { kind: 'not-done', code: 'unexpected' } });
    expect(JSON.stringify(answer)).not.toContain('secret');
    expect(log.lines.join()).toContain('CONTROL_FAILED');
  });
});
