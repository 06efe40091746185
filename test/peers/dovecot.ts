// Dovecot as an operator's mail server: IMAP with TLS on a port of its own, one account whose mails lie in a Maildir, all in a
// folder of its own. Mails arrive as a delivery agent brings them: a file that is moved into `new`.
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { accountOf, Daemon, freePort, makeCertificate, ownFolder } from './daemon.ts';

export const USER = 'feeds';
export const PASSWORD = 'only-for-tests-0815';

export interface Dovecot {
  readonly port: number;
  /** STARTTLS, or plain. */
  readonly plainPort: number;
  readonly ca: string;
  deliver(bytes: Uint8Array): void;
  /** How many mails lie in a folder: `''` = INBOX, `Engawa/Done`. */
  count(folder: string): number;
  /** Letters of the flags of each mail in INBOX, as Maildir writes them. */
  flags(): readonly string[];
  /** No mail anywhere; folders stay. */
  empty(): void;
  /** Another UIDVALIDITY for INBOX from now on. */
  forgetUids(): void;
  /** Gone without a word; everybody is cut off. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Nothing can be put into a folder any more, or again. */
  lock(folder: string, isLocked: boolean): void;
  stop(): Promise<void>;
}

export async function startDovecot(): Promise<Dovecot> {
  // One user for all of it: its own, unprivileged.
  const account = accountOf('dovecot');
  const folder = ownFolder('engawa-dovecot-', account);
  const ports = { tls: await freePort('tcp'), plain: await freePort('tcp') };
  const certificate = makeCertificate(folder, account);
  const mail = join(folder, 'mail');
  for (const path of [mail, ...['cur', 'new', 'tmp'].map((one) => join(mail, one))]) {
    mkdirSync(path, { mode: 0o700 });
    chownSync(path, account.uid, account.gid);
  }
  const file = join(folder, 'dovecot.conf');
  writeFileSync(file, configuration(folder, ports, certificate), { mode: 0o644 });
  let daemon: Daemon | undefined;
  let delivered = 0;
  /** Its children go on with their clients for some seconds when the master is gone: they are ended by their ids. */
  const end = async () => {
    const children = childrenOf(join(folder, 'run', 'master.pid'));
    await daemon?.stop();
    for (const pid of children) killQuietly(pid);
  };
  const peer: Dovecot = {
    port: ports.tls,
    plainPort: ports.plain,
    ca: readFileSync(certificate.cert, 'utf8'),
    deliver(bytes) {
      const name = `${1_700_000_000 + delivered}.M${delivered}P1.peer`;
      delivered++;
      writeFileSync(join(mail, 'tmp', name), bytes);
      chownSync(join(mail, 'tmp', name), account.uid, account.gid);
      renameSync(join(mail, 'tmp', name), join(mail, 'new', name));
    },
    count(name) {
      const at = name === '' ? mail : join(mail, `.${name.replaceAll('/', '.')}`);
      return ['cur', 'new'].reduce((sum, one) => sum + filesOf(join(at, one)).length, 0);
    },
    flags() {
      return [...filesOf(join(mail, 'cur')), ...filesOf(join(mail, 'new'))].map((name) => name.split(':2,')[1] ?? '');
    },
    empty() {
      const folders = [
        mail,
        ...readdirSync(mail)
          .filter((one) => one.startsWith('.'))
          .map((one) => join(mail, one)),
      ];
      for (const at of folders.flatMap((one) => [join(one, 'cur'), join(one, 'new')]))
        for (const name of filesOf(at)) rmSync(join(at, name), { force: true });
    },
    forgetUids() {
      for (const name of readdirSync(mail).filter((one) => one.startsWith('dovecot'))) rmSync(join(mail, name));
    },
    kill: () => end(),
    async start() {
      daemon = new Daemon('/usr/sbin/dovecot', ['-F', '-c', file], account);
      await daemon.until(() => answers(ports.plain));
    },
    lock(name, isLocked) {
      chmodSync(join(mail, `.${name.replaceAll('/', '.')}`), isLocked ? 0o000 : 0o700);
    },
    async stop() {
      await end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await peer.start();
    return peer;
  } catch (cause) {
    await peer.stop();
    throw cause;
  }
}

function filesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function childrenOf(pidFile: string): readonly number[] {
  try {
    const master = readFileSync(pidFile, 'utf8').trim();
    const found = execFileSync('ps', ['-o', 'pid=', '--ppid', master], { encoding: 'utf8' });
    return found
      .split('\n')
      .map(Number)
      .filter((pid) => pid > 0);
  } catch {
    return [];
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It went by itself.
  }
}

/** The greeting, not the port: before it nobody can log in. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.setTimeout(1000, () => socket.destroy());
    socket.once('data', (text) => {
      socket.destroy();
      resolve(text.toString().startsWith('* OK'));
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}

function configuration(
  folder: string,
  ports: { readonly tls: number; readonly plain: number },
  certificate: { readonly cert: string; readonly key: string },
): string {
  const users = join(folder, 'users');
  const hash = execFileSync('doveadm', ['-c', '/dev/null', 'pw', '-s', 'SHA512-CRYPT', '-r', '1000', '-p', PASSWORD], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
  writeFileSync(users, `${USER}:${hash}::::::\n`, { mode: 0o644 });
  return `protocols = imap
listen = 127.0.0.1
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = /dev/stderr
default_login_user = dovecot
default_internal_user = dovecot
default_internal_group = dovecot
mail_location = maildir:${folder}/mail
mail_home = ${folder}
mail_uid = dovecot
mail_gid = dovecot
first_valid_uid = 1
ssl = yes
ssl_cert = <${certificate.cert}
ssl_key = <${certificate.key}
disable_plaintext_auth = no
auth_mechanisms = plain
auth_failure_delay = 0
passdb {
  driver = passwd-file
  args = ${users}
}
userdb {
  driver = static
  args = uid=dovecot gid=dovecot home=${folder}
}
namespace inbox {
  inbox = yes
  separator = /
}
service imap-login {
  chroot =
  inet_listener imap {
    port = ${ports.plain}
  }
  inet_listener imaps {
    port = ${ports.tls}
    ssl = yes
  }
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
`;
}
