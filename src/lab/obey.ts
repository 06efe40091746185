// The far end of remote.ts: orders as JSON lines on standard input, answers and events on standard output. Ends when its standard
// input ends, so nothing outlives the lab.
import { createInterface } from 'node:readline';

export type Value = null | boolean | number | string | readonly Value[] | { readonly [key: string]: Value };
export type Tell = (event: Readonly<Record<string, Value>>) => void;
/** What comes back undefined is told as null. */
export type Ability = (args: never, tell: Tell) => unknown;

export function obey(abilities: Readonly<Record<string, Ability>>): void {
  createInterface({ input: process.stdin })
    .on('line', (line) => void obeyOne(line, abilities))
    .on('close', () => process.exit(0));
  write({ event: { ready: true } });
}

async function obeyOne(line: string, abilities: Readonly<Record<string, Ability>>): Promise<void> {
  const { id, ability, args } = JSON.parse(line) as { id: number; ability: string; args: never };
  try {
    const run = abilities[ability];
    if (run === undefined) throw new Error(`no ability ${ability}`);
    write({ id, value: (await run(args, (event) => write({ event }))) ?? null });
  } catch (error) {
    write({ id, error: error instanceof Error ? error.message : String(error) });
  }
}

function write(line: unknown): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
