// Element commands in nft's own language: a file of it costs nft two thirds of what the same file costs as JSON (measured).
// For long transactions only; what is not an element is not written here.
import type { NftCommand } from './command.ts';

interface ElementBody {
  readonly table: string;
  readonly name: string;
  readonly elem: readonly { readonly elem: { readonly val: unknown; readonly timeout?: number } }[];
}

/** undefined = at least one command is no add or delete of elements as elements.ts makes them. */
export function elementsText(commands: readonly NftCommand[]): string | undefined {
  const lines: string[] = [];
  for (const command of commands) {
    const verb = 'add' in command ? 'add' : 'delete' in command ? 'delete' : undefined;
    const body = verb === undefined ? undefined : (command[verb] as { readonly element?: ElementBody }).element;
    if (verb === undefined || body === undefined) return undefined;
    const elements: string[] = [];
    for (const one of body.elem) {
      const key = keyText(one.elem?.val);
      if (key === undefined) return undefined;
      const { timeout } = one.elem;
      elements.push(verb === 'add' && timeout !== undefined ? `${key} timeout ${timeout}s` : key);
    }
    lines.push(`${verb} element inet ${body.table} ${body.name} {${elements.join(',')}}\n`);
  }
  return lines.join('');
}

/** A key as nft writes it, out of its JSON. */
export function keyText(val: unknown): string | undefined {
  if (typeof val === 'string' || typeof val === 'number') return String(val);
  const parts = (val as { readonly concat?: readonly (string | number)[] } | undefined)?.concat;
  return parts?.join(' . ');
}
