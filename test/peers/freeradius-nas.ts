// FreeRADIUS in the place of a NAS: it takes CoA and Disconnect and answers as the User-Name of the request says. An independent
// encoder and decoder, not a strict one: 3.2 puts no Message-Authenticator into answers and looks at no Event-Timestamp.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Daemon, freePort } from './daemon.ts';

/**
 * By the User-Name: `nak` = without a cause, `nak-503` and so on = with that Error-Cause, `silent` = no answer; anything else or
 * none = ACK.
 */
export interface FreeradiusNasOptions {
  readonly secret?: string;
  readonly address?: string;
  /** What its client is called by: default loopback. */
  readonly clients?: string;
  /** It tells of each packet, decoded; costs most of its speed. Default true. */
  readonly isVerbose?: boolean;
  /** So long it answers a repeated request from memory; 0: each is work, which a benchmark wants. Default 5. */
  readonly remembersSeconds?: number;
}

export interface FreeradiusNas {
  readonly address: string;
  readonly port: number;
  readonly secret: string;
  stop(): Promise<void>;
  /** Everything it said so far. */
  log(): string;
}

export async function startFreeradiusNas(options: FreeradiusNasOptions = {}): Promise<FreeradiusNas> {
  const { address = '127.0.0.1', secret = 'a secret for this test only' } = options;
  const { isVerbose = true, remembersSeconds = 5 } = options;
  const folder = mkdtempSync(join(tmpdir(), 'engawa-nas-'));
  const port = await freePort('udp');
  const clients = options.clients ?? (address.includes(':') ? '::1' : '127.0.0.0/8');
  writeFileSync(
    join(folder, 'radiusd.conf'),
    configuration({ folder, address, port, secret, clients, remembersSeconds }),
    {
      mode: 0o600,
    },
  );
  const args = ['-f', '-l', 'stdout', ...(isVerbose ? ['-xx'] : []), '-d', folder, '-n', 'radiusd'];
  const daemon = new Daemon('/usr/sbin/freeradius', args);
  const stop = async () => {
    await daemon.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await daemon.until(() => daemon.output.includes('Ready to process requests'));
  } catch (cause) {
    await stop();
    throw cause;
  }
  return { address, port, secret, stop, log: () => daemon.output };
}

interface Facts {
  readonly folder: string;
  readonly address: string;
  readonly port: number;
  readonly secret: string;
  readonly clients: string;
  readonly remembersSeconds: number;
}

function configuration({ folder, address, port, secret, clients, remembersSeconds }: Facts): string {
  const family = address.includes(':') ? 'ipv6addr' : 'ipv4addr';
  return `
prefix = /usr
libdir = /usr/lib/freeradius
logdir = ${folder}
run_dir = ${folder}
max_requests = 262144
cleanup_delay = ${remembersSeconds}
thread pool {
  start_servers = 2
  max_servers = 2
  min_spare_servers = 2
  max_spare_servers = 2
  max_queue_size = 65536
}
client engawa {
  ${family} = ${clients}
  secret = "${secret}"
}
modules {
  $INCLUDE /etc/freeradius/3.0/mods-available/always
}
server nas {
  listen {
    type = coa
    ${family} = ${address}
    port = ${port}
  }
  recv-coa {
    if (&User-Name == "silent") {
      update control {
        &Response-Packet-Type := Do-Not-Respond
      }
      handled
    }
    elsif (&User-Name =~ /^nak-([0-9]+)$/) {
      update reply {
        &Error-Cause := "%{1}"
      }
      reject
    }
    elsif (&User-Name == "nak") {
      reject
    }
    else {
      ok
    }
  }
  send-coa {
    ok
  }
}
`;
}
