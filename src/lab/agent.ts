// A remote hand inside a namespace: takes orders as JSON lines on stdin, answers on stdout. What it can do is in abilities-*.ts.
// Started by remote.ts; ends when its stdin ends, so nothing outlives the lab.
import { createInterface } from 'node:readline';
import { HOST_ABILITIES } from './abilities-host.ts';
import { INTERNET_ABILITIES } from './abilities-internet.ts';
import { NAS_ABILITIES } from './abilities-nas.ts';
import { VISIT_ABILITIES } from './abilities-visit.ts';

export type Value = null | boolean | number | string | readonly Value[] | { readonly [key: string]: Value };
export type Ability = (
  args: Readonly<Record<string, never>>,
  tell: (event: Readonly<Record<string, Value>>) => void,
) => Promise<Value>;

const ABILITIES: Readonly<Record<string, Ability>> = {
  ...HOST_ABILITIES,
  ...INTERNET_ABILITIES,
  ...NAS_ABILITIES,
  ...VISIT_ABILITIES,
} as never;

function write(line: Readonly<Record<string, Value>>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function obey(line: string): Promise<void> {
  const { id, ability, args } = JSON.parse(line) as {
    id: number;
    ability: string;
    args: Readonly<Record<string, never>>;
  };
  try {
    const run = ABILITIES[ability];
    if (run === undefined) throw new Error(`no ability ${ability}`);
    write({ id, value: await run(args, (event) => write({ event })) });
  } catch (error) {
    write({ id, error: error instanceof Error ? error.message : String(error) });
  }
}

createInterface({ input: process.stdin })
  .on('line', (line) => void obey(line))
  .on('close', () => process.exit(0));
write({ event: { ready: true } });
