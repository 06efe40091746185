// hostapd as a strict gateway for CoA and Disconnect (RFC 5176): it demands Message-Authenticator and Event-Timestamp, and signs
// its answers. Without an interface of its own it has no sessions; nothing of the system's network is touched.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loopbackSocket, SECRET } from './radclient.ts';

export interface Hostapd {
  readonly port: number;
  stop(): Promise<void>;
}

export async function startHostapd(): Promise<Hostapd> {
  const folder = mkdtempSync(join(tmpdir(), 'engawa-hostapd-'));
  const { socket, port } = await loopbackSocket();
  socket.close();
  await once(socket, 'close');
  const configuration = [
    'interface=lo',
    'driver=none',
    'nas_identifier=bng1',
    `radius_das_port=${port}`,
    `radius_das_client=127.0.0.1 ${SECRET}`,
    'radius_das_time_window=300',
    'radius_das_require_event_timestamp=1',
    'radius_das_require_message_authenticator=1',
  ];
  writeFileSync(join(folder, 'hostapd.conf'), `${configuration.join('\n')}\n`, { mode: 0o600 });
  const child = spawn('hostapd', [join(folder, 'hostapd.conf')], { stdio: ['ignore', 'pipe', 'pipe'] });
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
  while (!output.includes('AP-ENABLED')) {
    if (child.exitCode !== null || deadline.aborted) {
      await stop();
      throw new Error(`hostapd did not start:\n${output}`);
    }
    await Promise.race([once(child.stdout, 'data'), closed, once(deadline, 'abort')]);
  }
  return { port, stop };
}
