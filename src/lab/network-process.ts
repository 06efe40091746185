// Programs inside namespaces: run to the end, or kept running. Argument arrays only; every run has a deadline and a bound on
// what it may say. Leaves out the network itself (network.ts).
import { type ChildProcess, execFile, spawn } from 'node:child_process';

export interface RunResult {
  /** undefined when a signal or the deadline ended it. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Default 10 s; then the program is killed and `code` is undefined. */
  readonly timeoutMs?: number;
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

export interface SpawnOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly stdio?: 'pipe' | 'ignore' | 'inherit';
}

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Runs a program to its end. A code other than 0 is an answer, not an exception. */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [program, ...args] = argv;
  return new Promise((resolve) => {
    const child = execFile(
      program!,
      args,
      {
        timeout: options.timeoutMs ?? 10_000,
        killSignal: 'SIGKILL',
        maxBuffer: MAX_OUTPUT_BYTES,
        ...(options.env === undefined ? {} : { env: options.env }),
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      },
      (error, stdout, stderr) => resolve({ code: exitCode(error), stdout, stderr: stderr || (error?.message ?? '') }),
    );
    child.stdin?.on('error', () => {}); // a program that ends before reading its input
    child.stdin?.end(options.input ?? '');
  });
}

function exitCode(error: { code?: string | number | null | undefined } | null): number | undefined {
  if (error === null) return 0;
  return typeof error.code === 'number' ? error.code : undefined;
}

/** As `run`, for the steps of building: anything but success throws with what the program said. */
export async function mustRun(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(argv, options);
  if (code !== 0) throw new Error(`${argv.join(' ')}: ${stderr.trim() || `ended with ${code ?? 'a signal'}`}`);
  return stdout;
}

/** `ip netns exec` replaces itself with the program: the child's pid is the program's own. */
export function inNamespace(namespace: string, argv: readonly string[], resolvConf?: string): string[] {
  const enter = ['ip', 'netns', 'exec', namespace];
  if (resolvConf === undefined) return [...enter, ...argv];
  // The namespace has a mount table of its own: the machine's resolv.conf stays as it is.
  const script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"';
  return [...enter, 'sh', '-c', script, resolvConf, ...argv];
}

export function start(argv: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const [program, ...args] = argv;
  return spawn(program!, args, {
    stdio: options.stdio ?? 'pipe',
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
}
