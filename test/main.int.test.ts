// The process itself: what the shell around it sees.
import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Installation, installation } from './cli/installation.ts';

const MAIN = join(import.meta.dirname, '../src/main.ts');
let here: Installation;
beforeEach(() => {
  here = installation();
});
afterEach(() => here.remove());

test('a reader that goes away early is no stack trace', async () => {
  const line = '"$0" "$1" --config "$2" gateway ruleset | head -1';
  const { stdout, stderr } = await promisify(execFile)('sh', ['-c', line, process.execPath, MAIN, here.configFile], {
    timeout: 30_000,
  });
  expect(stdout).not.toBe('');
  expect(stderr).toBe('');
  const child = spawn(process.execPath, [MAIN, '--config', here.configFile, 'gateway', 'ruleset'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words += text;
  });
  const code = await new Promise((resolve) => child.once('exit', resolve));
  expect([code, words]).toEqual([0, '']);
});

test('the kill switch ends in seconds beside a service that takes the order and says nothing', async () => {
  const hung = `require('node:net').createServer(() => {}).listen(${JSON.stringify(here.config.controlSocket)}, () => console.log('up'))`;
  const service = spawn(process.execPath, ['-e', hung], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await new Promise((resolve) => service.stdout.once('data', resolve));
    const began = performance.now();
    const args = [MAIN, '--config', here.configFile, 'hold', 'on', '--reason', 'it hangs'];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 40_000 });
    expect(stdout).toContain('Hold is ON');
    expect(stdout).toContain('said nothing');
    expect(performance.now() - began).toBeLessThan(30_000);
  } finally {
    service.kill('SIGKILL');
  }
});
