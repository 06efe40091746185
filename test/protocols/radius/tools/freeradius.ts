// FreeRADIUS of Debian as a peer: a folder of its own, a port of the kernel's choice, nothing of /etc/freeradius.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loopbackSocket, SECRET } from './radclient.ts';

export interface FreeRadius {
  readonly port: number;
  /** What its debug output says so far. */
  said(): string;
  stop(): Promise<void>;
}

export interface FreeRadiusOptions {
  readonly type: 'auth' | 'acct' | 'coa';
  /** Sections of the virtual server: `recv-coa { … }`. */
  readonly sections: string;
  readonly modules?: string;
}

export async function startFreeRadius(options: FreeRadiusOptions): Promise<FreeRadius> {
  const folder = mkdtempSync(join(tmpdir(), 'engawa-freeradius-'));
  const port = await freePort();
  writeFileSync(join(folder, 'radiusd.conf'), configuration(options, folder, port), { mode: 0o600 });
  const child = spawn('freeradius', ['-X', '-d', folder, '-n', 'radiusd'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (output += text));
  const closed = once(child, 'close');
  const stop = async () => {
    child.kill();
    await closed;
    rmSync(folder, { recursive: true, force: true });
  };
  const deadline = AbortSignal.timeout(20_000);
  while (!output.includes('Ready to process requests')) {
    if (child.exitCode !== null || deadline.aborted) {
      await stop();
      throw new Error(`freeradius did not start:\n${output.slice(-2000)}`);
    }
    await Promise.race([once(child.stdout, 'data'), closed, once(deadline, 'abort')]);
  }
  return { port, said: () => output, stop };
}

async function freePort(): Promise<number> {
  const { socket, port } = await loopbackSocket();
  socket.close();
  await once(socket, 'close');
  return port;
}

function configuration({ type, sections, modules = '' }: FreeRadiusOptions, folder: string, port: number): string {
  return `
prefix = /usr
libdir = /usr/lib/freeradius
logdir = ${folder}
run_dir = ${folder}
security {
  allow_core_dumps = no
}
modules {
  always reject {
    rcode = reject
  }
  always ok {
    rcode = ok
  }
${modules}
}
client loopback {
  ipaddr = 127.0.0.1
  secret = ${SECRET}
}
server peer {
  listen {
    type = ${type}
    ipaddr = 127.0.0.1
    port = ${port}
  }
${sections}
}
`;
}
