// A family of commands that several files add to.
import type { Command } from 'commander';

export function groupOf(program: Command, name: string, description: string): Command {
  return program.commands.find((one) => one.name() === name) ?? program.command(name).description(description);
}
