// The first process entry: the command line, `engawa start` among it. With helper/main.ts the only file that ends a process.
import { enableCompileCache } from 'node:module';

/** What a stopped service may still hold open is not waited for longer. */
const LAST_MS = 10_000;

// `engawa case list | head -1`: whoever reads no further has what they wanted.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'EPIPE') throw cause;
  });
enableCompileCache();
const { runCli } = await import('./cli/program.ts');
process.exitCode = await runCli(process.argv.slice(2));
setTimeout(() => process.exit(), LAST_MS).unref();
