// Starts an end of softwires in a namespace: afterwards its TUN device is there, up, and carries packets. Addresses and routes are the
// caller's.
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { SoftwireOptions } from './options.ts';

const OPEN = join(import.meta.dirname, 'open-tun.pl');
const PROGRAM = join(import.meta.dirname, 'main.ts');
const READY_MS = 15_000;

/** `spawn`: how a program is started in the namespace that gets the device. */
export function startSoftwire(
  spawn: (argv: readonly string[]) => ChildProcess,
  device: string,
  options: SoftwireOptions,
): Promise<void> {
  const child = spawn(['perl', OPEN, device, process.execPath, PROGRAM, JSON.stringify(options)]);
  return new Promise((resolve, reject) => {
    let words = '';
    const fail = () => reject(new Error(`the softwire end ${device} did not start: ${words.slice(-2000)}`));
    const timer = setTimeout(fail, READY_MS);
    child.once('exit', fail);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-4000);
    });
    child.stdout?.once('data', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
