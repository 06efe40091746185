// The first process entry: the command line, `engawa start` among it. With helper/main.ts the only file that ends a process.
import { enableCompileCache } from 'node:module';

enableCompileCache();
const { runCli } = await import('./cli/program.ts');
process.exitCode = await runCli(process.argv.slice(2));
