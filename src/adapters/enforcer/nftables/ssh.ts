// The way to the helper of another machine: one `ssh` that stays, with nothing but our lines on its pipes. The system's own
// ssh does the cryptography; nothing of the operator's ssh configuration, agent or known hosts is used. What it says on stderr
// is read for its reason and never passed on.
import { spawn } from 'node:child_process';
import { PIPE_GREETING } from '../../../protocols/nftables/messages.ts';
import type { Link, LinkEvents, LinkTrouble } from './link.ts';

export interface SshTarget {
  readonly kind: 'ssh';
  /** Name or address. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** The private key; may be a systemd credential. */
  readonly identityFile: string;
  /** The one host key that is right, as `ssh-keyscan` prints it. */
  readonly knownHostsFile: string;
}

const SSH = '/usr/bin/ssh';
/** Where sshd forces a command, this is ignored; where it does not, it is at least no shell that reads our lines. */
const REMOTE_COMMAND = 'engawa-helper-pipe';
/** Login, forced command and its greeting. */
const UP_DEADLINE_MS = 20_000;
const MAX_STDERR = 8 * 1024;

export function sshArguments(target: SshTarget): readonly string[] {
  const options = {
    BatchMode: 'yes',
    StrictHostKeyChecking: 'yes',
    UserKnownHostsFile: target.knownHostsFile,
    GlobalKnownHostsFile: '/dev/null',
    UpdateHostKeys: 'no',
    IdentityFile: target.identityFile,
    IdentitiesOnly: 'yes',
    IdentityAgent: 'none',
    PreferredAuthentications: 'publickey',
    // A peer that went away without a word is noticed within 15 s.
    ConnectTimeout: '10',
    ServerAliveInterval: '5',
    ServerAliveCountMax: '3',
    ClearAllForwardings: 'yes',
    ControlMaster: 'no',
    ControlPath: 'none',
    PermitLocalCommand: 'no',
    EscapeChar: 'none',
    LogLevel: 'ERROR',
  };
  const named = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${quoted(value)}`]);
  // -F none: no configuration file; --: whatever the host is called, it is no option.
  return [
    '-F',
    'none',
    '-T',
    '-a',
    '-x',
    '-p',
    `${target.port}`,
    '-l',
    target.user,
    ...named,
    '--',
    target.host,
    REMOTE_COMMAND,
  ];
}

/** As in ssh_config(5): a path with a blank is one value, and `%` begins a token. */
function quoted(value: string): string {
  const escaped = value.replaceAll('%', '%%');
  return /[\s"\\]/.test(escaped) ? `"${escaped.replace(/["\\]/g, '\\$&')}"` : escaped;
}

export function openSshLink(target: SshTarget, events: LinkEvents): Link {
  const child = spawn(SSH, sshArguments(target), { stdio: ['pipe', 'pipe', 'pipe'], env: { LC_ALL: 'C' } });
  const greeting = new Greeting();
  let said = '';
  let cut: LinkTrouble | undefined;
  let isDown = false;

  const drop = (trouble?: LinkTrouble) => {
    cut ??= trouble;
    child.kill('SIGKILL');
  };
  const down = (trouble: LinkTrouble) => {
    if (isDown) return;
    isDown = true;
    clearTimeout(timer);
    events.down(cut ?? trouble);
  };
  const timer = setTimeout(() => drop(TROUBLES['unreachable']), UP_DEADLINE_MS);

  const take = (bytes: Buffer) => {
    if (bytes.length > 0 && !events.data(bytes)) drop(TROUBLES['no-helper-pipe']);
  };
  child.stdout.on('data', (chunk: Buffer) => {
    if (greeting.isOver) return take(chunk);
    const rest = greeting.take(chunk);
    if (rest === 'wrong') return drop(TROUBLES['no-helper-pipe']);
    if (rest === 'more') return;
    clearTimeout(timer);
    events.up();
    take(rest);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-MAX_STDERR);
  });
  child.stdin.on('drain', events.drained);
  child.stdin.on('error', () => {}); // 'close' follows and tells everything
  child.on('error', () => down({ code: 'ended', text: `${SSH} cannot be started` }));
  child.on('close', (code) => down(troubleOf(said, code)));
  return {
    get backlog() {
      return child.stdin.writableLength;
    },
    write: (text) => void child.stdin.write(text),
    drop: () => drop(),
  };
}

/** The first line of the other end: until it came, nothing of ours is sent, so that no shell ever reads it. */
class Greeting {
  #begun = Buffer.alloc(0);
  isOver = false;

  /** What follows the greeting in this chunk. */
  take(chunk: Buffer): Buffer | 'more' | 'wrong' {
    const wanted = Buffer.from(`${PIPE_GREETING}\n`);
    this.#begun = Buffer.concat([this.#begun, chunk]);
    const seen = this.#begun.subarray(0, wanted.length);
    if (!wanted.subarray(0, seen.length).equals(seen)) return 'wrong';
    if (seen.length < wanted.length) return 'more';
    this.isOver = true;
    return this.#begun.subarray(wanted.length);
  }
}

const TROUBLES = {
  unreachable: { code: 'unreachable', text: 'the gateway’s ssh cannot be reached' },
  'host-key': { code: 'host-key', text: 'the host key is not the one in the known-hosts file: refused' },
  login: { code: 'login', text: 'the gateway refuses the login with this key' },
  'helper-away': { code: 'helper-away', text: 'the gateway answers, its helper does not' },
  'no-helper-pipe': { code: 'no-helper-pipe', text: 'the other end is no helper pipe: see the forced command' },
} as const satisfies Record<string, LinkTrouble>;

/** Words of OpenSSH and of our own pipe; in this order, since a refused host key also ends in «Connection closed». */
const SIGNS: readonly (readonly [RegExp, LinkTrouble])[] = [
  [
    /host key verification failed|remote host identification has changed|no .* host key is known/i,
    TROUBLES['host-key'],
  ],
  [/permission denied \(|identity file .* not accessible|load key|unprotected private key/i, TROUBLES.login],
  [/engawa-helper-pipe: no helper/, TROUBLES['helper-away']],
  [/not found|no such file|: permission denied/i, TROUBLES['no-helper-pipe']],
  [/could not resolve|invalid characters|no route|unreachable|timeout|broken pipe/i, TROUBLES.unreachable],
  [/connection .*(refused|timed out|reset|closed)/i, TROUBLES.unreachable],
];

export function troubleOf(said: string, code: number | null): LinkTrouble {
  const sign = SIGNS.find(([pattern]) => pattern.test(said));
  return sign?.[1] ?? { code: 'ended', text: code === null ? 'ssh was ended' : `ssh ended with code ${code}` };
}
