// Orders given while the service is down: they act on the same memory as the service would.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { activePolicyText } from '../../src/active-policy.ts';
import { callOperation } from '../../src/cli/call.ts';
import { runCli } from '../../src/cli/program.ts';
import { compose } from '../../src/compose.ts';
import { parseRequest } from '../../src/protocols/nftables/messages.ts';
import { type Installation, installation } from './installation.ts';

let here: Installation;
beforeEach(() => {
  here = installation();
});
afterEach(() => {
  vi.restoreAllMocks();
  here.remove();
});

const said: string[] = [];
async function engawa(...args: readonly string[]): Promise<number> {
  said.length = 0;
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((chunk) => said.push(String(chunk)) > 0);
  const code = await runCli(['--config', here.configFile, ...args]);
  vi.restoreAllMocks();
  return code;
}
const words = () => said.join('');
const holdNow = () => JSON.parse(readFileSync(join(here.state, 'hold'), 'utf8')) as { reason: string };

/** A socket at which somebody listens and answers each line with what is given. */
async function listener(path: string, answer: (line: string) => string | undefined): Promise<() => Promise<void>> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\n').filter(Boolean)) {
        const reply = answer(line);
        if (reply !== undefined) socket.write(reply);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
}

test('C09: an order given with the service down knows what the breaker let in before, and writes no emptiness back', async () => {
  const engine = await compose(here.config, { quiet: true });
  const at = engine.clock.now();
  const kept = {
    admissions: [1, 2, 3].map((n) => ({ source: `s${n}`, gateway: 'bng1', at: at - n })),
    trips: [{ scope: 'total', name: 'total', at }],
  };
  await engine.store.commit({ settings: { breaker: kept } });
  await engine.close();
  expect(await callOperation(here.config, { name: 'breaker.show' })).toMatchObject({
    breaker: { state: 'tripped', newGardensInWindow: 3 },
  });
  await callOperation(here.config, { name: 'breaker.discard' });
  expect(await callOperation(here.config, { name: 'breaker.show' })).toMatchObject({
    breaker: { state: 'closed', newGardensInWindow: 3 },
  });
});

test('C09: an order given with the service down takes the journal of releases in before it decides anything', async () => {
  const entry = { id: 'J1', lineId: 'L1', epoch: 1, at: 5, by: 'op', reason: 'storm' };
  appendFileSync(join(here.state, 'releases.jsonl'), `${JSON.stringify(entry)}\n`);
  await callOperation(here.config, { name: 'case.list' });
  const engine = await compose(here.config, { quiet: true });
  expect(await engine.store.setting('journal-imported')).toEqual({ count: 1, lastId: 'J1' });
  await engine.close();
  expect(existsSync(join(here.state, 'hold'))).toBe(false);
});

test('C09: hold on writes the file first, whatever is broken: store, configuration, or a service that hangs', async () => {
  writeFileSync(join(here.state, 'engawa.db'), 'x'.repeat(8192));
  expect(await engawa('hold', 'on', '--reason', 'broken store')).toBe(0);
  expect(holdNow().reason).toBe('broken store');
  expect(words()).toContain('Hold is ON');
  expect(words()).toContain('not on record yet');
  const close = await listener(here.config.controlSocket, () => undefined);
  const hung = engawa('hold', 'on', '--reason', 'hung service');
  await vi.waitFor(() => expect(holdNow().reason).toBe('hung service'), { timeout: 15_000 });
  await close();
  expect(await hung).toBe(0);
  writeFileSync(here.configFile, `stateFolder: ${here.state}\nnonsense: true\n`);
  expect(await engawa('hold', 'on', '--reason', 'broken configuration')).toBe(0);
  expect(holdNow().reason).toBe('broken configuration');
});

test('C09: release-all with a store that cannot be opened: hold, journal and the sweep of the gateway itself', async () => {
  writeFileSync(join(here.state, 'engawa.db'), 'x'.repeat(8192));
  const orders: string[] = [];
  const helper = await listener(join(here.folder, 'run/helper.sock'), (line) => {
    const asked = parseRequest(line);
    if (!asked.ok) throw new Error(asked.error.text);
    orders.push(asked.value.operation.op);
    return `${JSON.stringify({ id: asked.value.id, last: true })}\n`;
  });
  expect(await engawa('release-all', '--family', 'mirai')).toBe(1);
  expect(existsSync(join(here.state, 'hold'))).toBe(false);
  expect(await engawa('release-all', '--all')).toBe(0);
  expect(words()).toContain('--confirm all');
  expect(orders).toEqual([]);
  expect(await engawa('release-all', '--all', '--reason', 'x', '--confirm', 'all')).toBe(0);
  expect(orders).toEqual(['releaseAll']);
  expect(words()).toContain('The elements are out of the gateway.');
  expect(words()).not.toContain('null');
  expect(holdNow().reason).toBe('release-all: x');
  expect(readFileSync(join(here.state, 'releases.jsonl'), 'utf8')).toContain('"lineId":"*"');
  await helper();
});

test('status with the service down says so first, names what it can, and is no success', async () => {
  writeFileSync(join(here.state, 'hold'), '');
  const helper = await listener(join(here.folder, 'run/helper.sock'), () => 'no answer of a helper\n');
  expect(await engawa('status')).toBe(1);
  expect(words()).toMatch(/^(?:\u001b\[31m)?The service is not running\./);
  expect(words()).not.toContain('All is well');
  for (const said of ['systemctl start engawa', 'Hold is on', 'only assumed', 'The gateway does not answer'])
    expect(words()).toContain(said);
  expect(await engawa('status', '--json')).toBe(1);
  const codes = (JSON.parse(words()) as { warnings: { code: string }[] }).warnings.map(({ code }) => code);
  expect(codes).toEqual(expect.arrayContaining(['service-down', 'hold-on', 'clock-assumed', 'gateway-unreachable']));
  await helper();
});

test('config check finds out that the active policy would no longer load, and writes nothing', async () => {
  const engine = await compose(here.config, { quiet: true });
  const [known] = engine.shelf.texts();
  const text = `${known!.text}\nrule_that_nobody_knows: 1\n`;
  await engine.store.commit({ settings: { 'policy-shelf': [{ ...known!, text }] } });
  await engine.close();
  const { config } = here;
  const before = readFileSync(join(here.state, 'engawa.db'));
  const loadedActive = activePolicyText(config.stateFolder);
  expect(loadedActive?.text).toBe(text);
  expect(await engawa('config', 'check')).toBe(2);
  expect(words()).toContain('active policy');
  expect(readFileSync(join(here.state, 'engawa.db')).equals(before)).toBe(true);
});
