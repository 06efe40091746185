// A namespace with a real unbound that holds the shipped configuration, a second one that plays the internet, and households on
// loopback addresses. stop() takes away everything it made.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { RpzEnforcer, type RpzEnforcerOptions } from '../../../../src/adapters/enforcer/rpz/enforcer.ts';
import { packName } from '../../../../src/protocols/rpz/owner.ts';
import { ip, prefix, SPEC } from '../../../helper/lab-gateway.ts';

const TREE = new URL('../../../../', import.meta.url).pathname;
const ASKER = new URL('asker.ts', import.meta.url).pathname;
export const HOMES = {
  strict4: '192.0.2.5',
  other4: '192.0.2.6',
  strict6: '2001:db8:100:4200::5',
  other6: '2001:db8:100:4300::5',
  zeros6: '2001:db8:10f::5',
  single6: '2001:db8:100:4400:0:1:0:5',
} as const;
const RESOLVER = { ip4: '203.0.113.53', ip6: '2001:db8:ff::53' } as const;
const INTERNET = '203.0.113.200';
const NAMES = [
  'bank.example. 300 IN A 198.51.100.7',
  'bank.example. 300 IN AAAA 2001:db8:5::7',
  'login.bank.example. 300 IN A 198.51.100.8',
  'sip.example.net. 300 IN A 198.51.100.112',
  'deep.sip.example.net. 300 IN TXT lifeline',
  'other.example. 300 IN A 198.51.100.99',
  'other.example. 300 IN AAAA 2001:db8:5::99',
  'other.example. 300 IN MX 10 mail.other.example.',
];

export interface LabResolver {
  readonly folder: string;
  enforcer(options?: Partial<RpzEnforcerOptions>): RpzEnforcer;
  /** Starts the resolver unless it runs; false = it refused to. */
  startResolver(): Promise<boolean>;
  killResolver(signal?: NodeJS.Signals): Promise<void>;
  readonly resolver: () => ChildProcess;
  ask(from: string, name: string, type?: string): Promise<unknown>;
  stop(): Promise<void>;
}

export function createLabResolver(): LabResolver {
  const netns = `engrpz${process.pid}`;
  const folder = mkdtempSync(join(tmpdir(), 'engrpz-'));
  const zoneFolder = join(folder, 'zones');
  mkdirSync(zoneFolder);
  execFileSync('ip', ['netns', 'add', netns]);
  const run = (...argv: string[]) => execFileSync('ip', ['netns', 'exec', netns, ...argv], { stdio: 'pipe' });
  run('ip', 'link', 'set', 'lo', 'up');
  for (const address of [...Object.values(HOMES), RESOLVER.ip4, RESOLVER.ip6, INTERNET])
    run('ip', 'addr', 'add', address, 'dev', 'lo');
  const controlSocket = join(folder, 'control.sock');
  const children: ChildProcess[] = [];
  let resolver: ChildProcess | undefined;
  let asker: ChildProcess | undefined;
  const waiting = new Map<number, (answer: unknown) => void>();
  let seq = 0;

  const inside = (argv: readonly string[]) => {
    const child = spawn('ip', ['netns', 'exec', netns, ...argv], { stdio: ['pipe', 'pipe', 'pipe'], env: {} });
    children.push(child);
    return child;
  };

  function common(name: string): readonly string[] {
    return [
      'server:',
      '  use-syslog: no',
      '  logfile: ""',
      '  username: ""',
      '  chroot: ""',
      `  directory: "${folder}"`,
      `  pidfile: "${join(folder, `${name}.pid`)}"`,
      '  verbosity: 1',
      '  do-daemonize: no',
      '  num-threads: 1',
    ];
  }

  async function startInternet(): Promise<void> {
    const config = join(folder, 'internet.conf');
    const data = NAMES.map((line) => `  local-data: "${line}"`);
    const lines = [...common('internet'), `  interface: ${INTERNET}`, '  access-control: 0.0.0.0/0 allow'];
    const zones = ['example.', 'net.'].map((zone) => `  local-zone: "${zone}" static`);
    writeFileSync(config, [...lines, ...zones, ...data, ''].join('\n'));
    if (!(await isUp(inside(['/usr/sbin/unbound', '-d', '-c', config])))) throw new Error('no internet');
  }

  async function startResolver(): Promise<boolean> {
    if (resolver !== undefined && resolver.exitCode === null && resolver.signalCode === null) return true;
    const shipped = readFileSync(join(TREE, 'deploy/unbound/engawa.conf'), 'utf8')
      .replaceAll('/var/lib/engawa-rpz', zoneFolder)
      .replaceAll('/run/unbound-engawa/control.sock', controlSocket)
      // Nothing here is signed.
      .replace('respip validator iterator', 'respip iterator');
    writeFileSync(join(folder, 'engawa.conf'), shipped);
    const lines = [
      ...common('resolver'),
      `  interface: ${RESOLVER.ip4}`,
      `  interface: ${RESOLVER.ip6}`,
      '  access-control: 0.0.0.0/0 allow',
      '  access-control: ::/0 allow',
      `include: "${join(folder, 'engawa.conf')}"`,
      'forward-zone:',
      '  name: "."',
      `  forward-addr: ${INTERNET}`,
      '',
    ];
    const config = join(folder, 'resolver.conf');
    writeFileSync(config, lines.join('\n'));
    resolver = inside(['/usr/sbin/unbound', '-d', '-c', config]);
    return isUp(resolver);
  }

  async function killResolver(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (resolver === undefined || resolver.exitCode !== null || resolver.signalCode !== null) return;
    const gone = new Promise((resolve) => resolver!.once('exit', resolve));
    resolver.kill(signal);
    await gone;
  }

  function startAsker(): ChildProcess {
    const child = inside([process.execPath, ASKER]);
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const { id, answer } = JSON.parse(line) as { id: number; answer: unknown };
      waiting.get(id)?.(answer);
      waiting.delete(id);
    });
    return child;
  }

  let internet: Promise<void> | undefined;
  return {
    folder: zoneFolder,
    resolver: () => resolver!,
    enforcer: (options = {}) =>
      new RpzEnforcer({
        gateway: 'bng1',
        folder: zoneFolder,
        controlSocket,
        zones: { allow: 'allow.engawa.', garden: 'garden.engawa.' },
        answers: { ip4: ip('203.0.113.10'), ip6: ip('2001:db8:ff::10') },
        letThrough: [packName('bank.example'), { name: 'sip.example.net', covers: 'both' }],
        now: () => Date.now(),
        pools: SPEC.pools,
        ipv6Lengths: SPEC.ipv6Lengths,
        reserved: [prefix('192.0.2.1'), prefix('192.0.2.112')],
        ...options,
      }),
    async startResolver() {
      internet ??= startInternet();
      await internet;
      return startResolver();
    },
    killResolver,
    ask(from, name, type = 'A') {
      asker ??= startAsker();
      const id = ++seq;
      const server = from.includes(':') ? `[${RESOLVER.ip6}]` : RESOLVER.ip4;
      asker.stdin!.write(`${JSON.stringify({ id, from, server, name, type })}\n`);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no answer for ${name}`)), 15_000);
        waiting.set(id, (answer) => {
          clearTimeout(timer);
          resolve(answer);
        });
      });
    },
    async stop() {
      for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
      execFileSync('ip', ['netns', 'del', netns]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** unbound says `start of service` once it answers. */
function isUp(child: ChildProcess): Promise<boolean> {
  return new Promise((resolve) => {
    let said = '';
    const timer = setTimeout(() => resolve(false), 15_000);
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('start of service')) end(true);
    });
    child.once('exit', () => end(false));
    function end(value: boolean): void {
      clearTimeout(timer);
      resolve(value);
    }
  });
}
