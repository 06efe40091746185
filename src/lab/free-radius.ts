// The lab's AAA server: Debian's FreeRADIUS beside the service, with our recipe (deploy/freeradius) as an operator installs it – the
// two facts that are the operator's filled in, nothing else changed.
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LabProcess } from './launcher.ts';
import type { LabNetwork } from './network.ts';
import { LAB_BNG2 } from './network-plan.ts';
import { run } from './network-process.ts';
import { LAB_AAA, LAB_BNG2_SECRETS, LAB_POST_AUTH, userOf } from './site-second.ts';

const RECIPE = join(import.meta.dirname, '../../deploy/freeradius');
const READY_MS = 20_000;

/** The version, as the program says it; undefined = it is not installed, or rlm_rest is not. */
export async function findFreeRadius(): Promise<string | undefined> {
  const { code, stdout } = await run(['freeradius', '-v']);
  const hasRest = (await run(['ls', '/usr/lib/freeradius/rlm_rest.so'])).code === 0;
  return code === 0 && hasRest ? (/version ([0-9.]+)/i.exec(stdout)?.[1] ?? 'of unknown version') : undefined;
}

export class FreeRadius {
  readonly #network: LabNetwork;
  readonly #folder: string;
  #process: LabProcess | undefined;

  private constructor(network: LabNetwork, folder: string) {
    this.#network = network;
    this.#folder = folder;
  }

  static async prepare(network: LabNetwork, folder: string): Promise<FreeRadius> {
    await mkdir(folder, { mode: 0o700 });
    await cp(join(RECIPE, 'policy.d', 'engawa'), join(folder, 'policy-engawa'));
    const rest = await readFile(join(RECIPE, 'mods-available', 'engawa_rest'), 'utf8');
    const { address, port, key } = LAB_POST_AUTH;
    const filled = rest
      .replace(/connect_uri = "[^"]*"/, `connect_uri = "http://${address}:${port}"`)
      .replace('CHANGE-ME', key);
    await writeFile(join(folder, 'engawa_rest'), filled, { mode: 0o600 });
    const users = network.homes
      .filter(({ behind }) => behind === 'bng2')
      .map(({ number }) => `${userOf(number)} Cleartext-Password := "${LAB_BNG2_SECRETS.home}"\n`);
    await writeFile(join(folder, 'users'), users.join(''), { mode: 0o600 });
    await writeFile(join(folder, 'radiusd.conf'), mainFile(folder), { mode: 0o600 });
    return new FreeRadius(network, folder);
  }

  async start(): Promise<void> {
    const argv = ['freeradius', '-f', '-l', 'stdout', '-d', this.#folder, '-n', 'radiusd'];
    const child = this.#network.spawn(this.#network.bng, argv);
    let words = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        words = (words + text).slice(-20_000);
      });
    this.#process = { child, words: () => words };
    const deadline = performance.now() + READY_MS;
    while (!words.includes('Ready to process requests')) {
      if (child.exitCode !== null || performance.now() > deadline)
        throw new Error(`FreeRADIUS did not start: ${words.slice(-2000)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async kill(): Promise<void> {
    const process_ = this.#process;
    this.#process = undefined;
    if (process_ === undefined || process_.child.exitCode !== null) return;
    const gone = new Promise((resolve) => process_.child.once('exit', resolve));
    process_.child.kill('SIGKILL');
    await gone;
  }
}

function mainFile(folder: string): string {
  return `prefix = /usr
libdir = /usr/lib/freeradius
logdir = ${folder}
run_dir = ${folder}
max_request_time = 10
security {
  allow_core_dumps = no
  reject_delay = 0
}
thread pool {
  start_servers = 2
  max_servers = 4
  min_spare_servers = 1
  max_spare_servers = 2
}
client lab-bng2 {
  ipaddr = ${LAB_BNG2.ip4}
  secret = ${LAB_BNG2_SECRETS.aaa}
  require_message_authenticator = yes
}
modules {
  always ok {
    rcode = ok
  }
  pap {
  }
  files {
    filename = ${join(folder, 'users')}
  }
  $INCLUDE ${join(folder, 'engawa_rest')}
}
policy {
  $INCLUDE ${join(folder, 'policy-engawa')}
}
server default {
  listen {
    type = auth
    ipaddr = ${LAB_AAA.address}
    port = ${LAB_AAA.port}
  }
  authorize {
    files
    pap
  }
  authenticate {
    Auth-Type PAP {
      pap
    }
  }
  post-auth {
    update reply {
      Filter-Id := "plan"
    }
    engawa_login
  }
}
`;
}
