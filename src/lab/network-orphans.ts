// Takes away what runs of the lab left: namespaces with everything that runs inside, and folders.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Namespaces and folders of runs that were killed: their names carry the pid of a process that is gone. */
export function removeOrphans(): void {
  const isOrphan = (name: string) => {
    const pid = /^(?:egw|engawa-lab)-(\d+)-/.exec(name)?.[1];
    return pid !== undefined && !existsSync(`/proc/${pid}`);
  };
  if (existsSync('/run/netns')) for (const name of readdirSync('/run/netns').filter(isOrphan)) removeNamespace(name);
  for (const name of readdirSync(tmpdir()).filter(isOrphan)) {
    try {
      rmSync(join(tmpdir(), name), { recursive: true, force: true });
    } catch {
      // another user's run left it: theirs to remove
    }
  }
}

/** Synchronous, so that it also works while the process is ending. */
export function removeNamespace(name: string): void {
  const { stdout } = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8', timeout: 5000 });
  for (const pid of (stdout ?? '').split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // it ended by itself in the meantime
    }
  }
  spawnSync('ip', ['netns', 'del', name], { timeout: 5000 });
}
