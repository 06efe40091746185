// What the kernel says about a process of ours, and the bound it sets for its memory. Linux.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const PRLIMIT = '/usr/bin/prlimit';
/** `getconf CLK_TCK`: 100 on every Linux that Node runs on (proc(5), «stat»). */
const TICK_MS = 10;
const START_MS = 5000;

/** Processor time so far, user and system; undefined = it is gone. */
export async function cpuMsOf(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The name stands in parentheses and may hold anything; fields are counted behind it.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields === undefined ? undefined : (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/**
 * From now on the process gets so much resident memory and no more, JavaScript heap or not: an allocation beyond it fails.
 * The kernel counts writable mappings (getrlimit(2), RLIMIT_DATA), and V8 reserves half a gigabyte of them before it uses any:
 * hence what is mapped now, plus what resident memory lacks to the bound.
 */
export async function boundMemory(pid: number, residentMost: number): Promise<void> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const octets = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
  const data = octets('VmData') + Math.max(0, residentMost - octets('VmRSS'));
  if (!Number.isSafeInteger(data)) throw new Error('the kernel does not say what a process has mapped');
  await promisify(execFile)(PRLIMIT, ['--pid', String(pid), `--data=${data}`, '--core=0'], {
    env: {},
    timeout: START_MS,
  });
}
