// FreeRADIUS as an operator's AAA server: the configuration of Debian's package in a folder of its own, other paths and ports,
// and files of deploy/freeradius put where docs/aaa.md says. Runs as Debian's user, like the package.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { accountOf, Daemon, freePort, ownFolder } from './daemon.ts';

const PACKAGE = '/etc/freeradius/3.0';
const DEPLOYED = new URL('../../deploy/freeradius/', import.meta.url);

/** The client `localhost` of Debian's clients.conf. */
export const SECRET = 'testing123';

export interface Raddb {
  readonly folder: string;
  /** A file of deploy/freeradius as it stands, but for facts of the site: `[as written there, here]`. Each must be there. */
  install(path: string, facts?: readonly (readonly [written: string, here: string])[]): void;
  /** A line before the first one that begins so, tabs aside. */
  insertBefore(path: string, beginning: string, line: string): void;
  append(path: string, text: string): void;
  replace(path: string, written: string, here: string): void;
  enable(path: string): void;
}

export interface FreeRadius {
  readonly authPort: number;
  readonly acctPort: number;
  readonly folder: string;
  readonly daemon: Daemon;
  stop(): Promise<void>;
}

export async function startFreeRadius(configure: (raddb: Raddb) => void): Promise<FreeRadius> {
  const account = accountOf('freerad');
  const folder = ownFolder('engawa-freeradius-', account);
  try {
    const [authPort, acctPort] = [await freePort('udp'), await freePort('udp')];
    const raddb = copyOf(folder, { authPort, acctPort });
    configure(raddb);
    execFileSync('chown', ['-R', 'freerad:freerad', folder]);
    const daemon = new Daemon('/usr/sbin/freeradius', ['-d', raddb.folder, '-f', '-xx', '-l', 'stdout'], account);
    await daemon.until(() => daemon.output.includes('Ready to process requests'));
    const stop = async () => {
      await daemon.stop();
      rmSync(folder, { recursive: true, force: true });
    };
    return { authPort, acctPort, folder, daemon, stop };
  } catch (cause) {
    rmSync(folder, { recursive: true, force: true });
    throw cause;
  }
}

function copyOf(folder: string, ports: { readonly authPort: number; readonly acctPort: number }): Raddb {
  const target = join(folder, 'raddb');
  cpSync(PACKAGE, target, { recursive: true, verbatimSymlinks: true });
  mkdirSync(join(folder, 'log'));
  mkdirSync(join(folder, 'run'));
  const raddb = raddbIn(target);
  raddb.replace('radiusd.conf', 'raddbdir = /etc/freeradius/3.0', `raddbdir = ${target}`);
  raddb.replace('radiusd.conf', 'logdir = /var/log/freeradius', `logdir = ${join(folder, 'log')}`);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: as FreeRADIUS writes it
  raddb.replace('radiusd.conf', 'run_dir = ${localstatedir}/run/${name}', `run_dir = ${join(folder, 'run')}`);
  // The tunnel's site listens on a fixed port and serves nobody here.
  rmSync(join(target, 'sites-enabled/inner-tunnel'));
  const site = join(target, 'sites-available/default');
  writeFileSync(site, onOwnPorts(readFileSync(site, 'utf8'), ports));
  return raddb;
}

/** Its four listeners, each on its loopback address. */
function onOwnPorts(site: string, ports: { readonly authPort: number; readonly acctPort: number }): string {
  return site.replace(/^listen \{$[\s\S]*?^\}$/gm, (section) =>
    section
      .replace(/^(\tport = )0/m, `$1${/^\ttype = auth/m.test(section) ? ports.authPort : ports.acctPort}`)
      .replace(/^(\tipaddr = )\*/m, '$1127.0.0.1')
      .replace(/^(\tipv6addr = )::(?=\s)/m, '$1::1'),
  );
}

function raddbIn(folder: string): Raddb {
  const change = (path: string, edit: (text: string) => string) => {
    const file = join(folder, path);
    const text = readFileSync(file, 'utf8');
    const changed = edit(text);
    if (changed === text) throw new Error(`nothing to change in ${path}`);
    writeFileSync(file, changed);
  };
  const raddb: Raddb = {
    folder,
    install(path, facts = []) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      cpSync(new URL(path, DEPLOYED), join(folder, path));
      for (const [written, here] of facts) raddb.replace(path, written, here);
      if (path.includes('-available/')) raddb.enable(path);
    },
    insertBefore: (path, beginning, line) =>
      change(path, (text) => {
        const lines = text.split('\n');
        const at = lines.findIndex((one) => one.replace(/^\t+/, '').startsWith(beginning));
        return at < 0 ? text : lines.toSpliced(at, 0, line).join('\n');
      }),
    append: (path, text) => appendFileSync(join(folder, path), text),
    replace: (path, written, here) => change(path, (text) => text.replaceAll(written, () => here)),
    enable: (path) => symlinkSync(`../${path}`, join(folder, path.replace('-available/', '-enabled/'))),
  };
  return raddb;
}

export interface Answer {
  /** 0 = accepted or acknowledged. */
  readonly code: number;
  /** What radclient printed: every attribute with its dictionary's name. */
  readonly output: string;
  readonly tookMs: number;
}

/** One request, one answer, as radclient of the same package sees them. */
export async function radclient(
  port: number,
  kind: 'auth' | 'acct' | 'status',
  attributes: readonly string[],
  options: {
    readonly secret?: string;
    readonly retries?: number;
    readonly timeoutSeconds?: number;
    readonly host?: string;
  } = {},
): Promise<Answer> {
  const { secret = SECRET, retries = 1, timeoutSeconds = 5, host = '127.0.0.1' } = options;
  const args = ['-x', '-r', String(retries), '-t', String(timeoutSeconds), `${host}:${port}`, kind, secret];
  const begun = performance.now();
  const child = spawn('/usr/bin/radclient', args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: 60_000 });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  child.stdin.end(`${attributes.join('\n')}\n`);
  const [code] = await once(child, 'close');
  return { code: code as number, output, tookMs: performance.now() - begun };
}

/** `Name = value` lines of the answer, as printed, in order. */
export function attributesIn(output: string): readonly string[] {
  const from = output.indexOf('Received ');
  if (from < 0) return [];
  return output
    .slice(from)
    .split('\n')
    .filter((line) => line.startsWith('\t'))
    .map((line) => line.trim());
}
