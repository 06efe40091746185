// Reads an operation's JSON input: small, strict, with the name of what is wrong.
import { OperationRefused } from '../../flow/operations.ts';
import type { Json } from '../../flow/ports.ts';

type Input = Readonly<Record<string, Json>>;

function refuse(name: string, expected: string, got: Json | undefined): never {
  const shown = got === undefined ? 'nothing' : JSON.stringify(got).slice(0, 80);
  throw new OperationRefused({
    kind: 'usage',
    code: 'input-invalid',
    text: `${name}: expected ${expected}, got ${shown}`,
  });
}

export function text(input: Input, name: string, options: { readonly max?: number } = {}): string {
  const value = input[name];
  const max = options.max ?? 500;
  if (typeof value !== 'string' || value.trim() === '' || value.length > max)
    refuse(name, `a text of 1–${max} characters`, value);
  return value;
}

export function optionalText(input: Input, name: string, options: { readonly max?: number } = {}): string | undefined {
  return input[name] === undefined || input[name] === null ? undefined : text(input, name, options);
}

export function flag(input: Input, name: string): boolean {
  const value = input[name] ?? false;
  if (typeof value !== 'boolean') refuse(name, 'true or false', value);
  return value;
}

export function optionalCount(input: Input, name: string): number | undefined {
  const value = input[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) refuse(name, 'a whole number', value);
  return value;
}

export function oneOf<T extends string>(input: Input, name: string, allowed: readonly T[]): T {
  const value = input[name];
  const found = allowed.find((one) => one === value);
  if (found === undefined) refuse(name, `one of ${allowed.join(', ')}`, value);
  return found;
}
