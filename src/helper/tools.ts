// Runs one program to its end: absolute path, argument array, empty environment, deadline, bounded output.
import { spawn } from 'node:child_process';
import { err, ok, type Result } from '../core/kernel/result.ts';

export type ToolFailure =
  | { readonly kind: 'failed'; readonly code: number | null; readonly stderr: string }
  | { readonly kind: 'timeout'; readonly afterMs: number }
  | { readonly kind: 'too-long' };

export interface ToolOptions {
  readonly deadlineMs: number;
  readonly maxBytes: number;
}

const MAX_STDERR = 8 * 1024;

/** The whole output. Exit code 0 alone is ok. */
export async function runTool(argv: readonly string[], options: ToolOptions): Promise<Result<string, ToolFailure>> {
  const parts: Buffer[] = [];
  let bytes = 0;
  const end = await streamTool(argv, options.deadlineMs, (chunk) => {
    bytes += chunk.length;
    if (bytes <= options.maxBytes) parts.push(chunk);
    return bytes <= options.maxBytes;
  });
  return end.ok ? ok(Buffer.concat(parts).toString('utf8')) : end;
}

/** Hands out the output as it comes; `take` answers false to stop it. For what may be too big to hold. */
export function streamTool(
  argv: readonly string[],
  deadlineMs: number,
  take: (chunk: Buffer) => boolean,
): Promise<Result<void, ToolFailure>> {
  const [program, ...args] = argv;
  return new Promise((resolve) => {
    let stderr = '';
    let cut: ToolFailure | undefined;
    const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { LC_ALL: 'C' } });
    const stop = (failure: ToolFailure) => {
      cut ??= failure;
      child.kill('SIGKILL');
    };
    const timer = setTimeout(() => stop({ kind: 'timeout', afterMs: deadlineMs }), deadlineMs);
    child.stdout.on('data', (chunk: Buffer) => {
      if (cut === undefined && !take(chunk)) stop({ kind: 'too-long' });
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (stderr.length < MAX_STDERR) stderr += text.slice(0, MAX_STDERR - stderr.length);
    });
    child.on('error', (error) => {
      clearTimeout(timer);
      resolve(err({ kind: 'failed', code: null, stderr: error.message }));
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      if (cut !== undefined) resolve(err(cut));
      else resolve(code === 0 ? ok(undefined) : err({ kind: 'failed', code, stderr }));
    });
  });
}
