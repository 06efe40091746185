// `engawa aaa hash`: a password as the users file of our own RADIUS server wants it. Asked for without echo; from a pipe, one line.
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { Command } from 'commander';
import { hashPassword } from '../hash-password.ts';
import { CliFault, type GlobalOptions } from './context.ts';
import { next, say, sayJson } from './print.ts';

const MOST_CHARACTERS = 128;

export function aaaCommands(program: Command): void {
  program
    .command('aaa')
    .description('logins: Engawa as RADIUS server')
    .command('hash')
    .description('ask for a password and print its hash, for the users file of aaa.server')
    .action(async (_options, command: Command) => {
      const password = await readPassword();
      if (password === '' || password.length > MOST_CHARACTERS)
        throw new CliFault(
          2,
          'password-invalid',
          `a password of 1 to ${MOST_CHARACTERS} characters; nothing was hashed`,
        );
      const hash = await hashPassword(password);
      if (command.optsWithGlobals<GlobalOptions>().json === true) return sayJson({ hash });
      say(hash);
      next('put it into the users file as password: "…" (docs/aaa.md), then restart the service');
    });
}

async function readPassword(): Promise<string> {
  if (process.stdin.isTTY !== true) return oneLine();
  const first = await ask('Password: ');
  if ((await ask('Again: ')) !== first)
    throw new CliFault(1, 'password-differs', 'the two are not the same; nothing was hashed');
  return first;
}

async function oneLine(): Promise<string> {
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) {
    lines.close();
    return line;
  }
  return '';
}

/** The terminal's own echo is off, and what readline would write goes nowhere. */
async function ask(question: string): Promise<string> {
  process.stderr.write(question);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return await lines.question('');
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
