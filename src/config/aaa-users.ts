// The users of our own RADIUS server: who may log in, and with what. A file with a fault does not load, and says where.
import { z } from 'zod';
import { parsePasswordHash } from '../core/aaa/password-hash.ts';
import type { NamedAttribute } from '../core/dialect/dialect.ts';
import { err, ok, type Result } from '../core/kernel/result.ts';
import { encodeNamed, valueFault } from '../protocols/radius/named.ts';
import { always, readDocument, strict } from './document.ts';
import type { Fault } from './faults.ts';
import { line } from './scalars.ts';

export interface AaaUser {
  readonly name: string;
  readonly password: { readonly clear: string } | { readonly hash: string };
  readonly always: readonly NamedAttribute[];
  readonly plan: readonly NamedAttribute[];
}

const text = z.union([line(1000), z.int().min(0)], 'a text or a number').transform(String);
const HASH = 'a hash as `engawa aaa hash` prints it ($scrypt$… or $argon2id$…)';

/** `Name: value`, `Name:1: value` with a tag, or a list of values. */
const attributes = z
  .record(line(80), z.union([text, z.array(text).min(1).max(50)]))
  .check(
    always((written, fault) => {
      for (const [name, values] of Object.entries(written))
        for (const one of [values].flat()) {
          const problem = typeof one === 'string' ? valueFault(named(name, one)) : undefined;
          if (problem !== undefined) fault([name], `an attribute that can be sent (${name} ${problem})`);
        }
    }),
  )
  .transform((written) =>
    Object.entries(written).flatMap(([name, values]) => [values].flat().map((one) => named(name, one))),
  )
  .default([]);

const user = strict({
  name: line(253),
  /** Does for PAP. */
  password: z
    .string()
    .refine((hash) => parsePasswordHash(hash) !== undefined, HASH)
    .optional(),
  /** Does for PAP and CHAP; whoever reads the file can log in. */
  clearPassword: line(128).optional(),
  always: attributes,
  plan: attributes,
})
  .refine(
    (one) => (one.password === undefined) !== (one.clearPassword === undefined),
    'password or clearPassword, one of them',
  )
  .refine(({ always: stays, plan }) => encodeNamed([...stays, ...plan]).ok, 'attributes that fit one packet');

const usersFile = strict({
  /** Of everybody, unless a user says otherwise. */
  everyone: strict({ always: attributes, plan: attributes }).prefault({}),
  users: z
    .array(user)
    .max(10_000)
    .check(
      always((list, fault) => {
        const seen = new Set<unknown>();
        for (const [i, one] of list.entries()) {
          if (one?.name !== undefined && seen.has(one.name)) fault([i, 'name'], 'each name once');
          seen.add(one?.name);
        }
      }),
    ),
});

export function readAaaUsers(content: string, file: string): Result<ReadonlyMap<string, AaaUser>, readonly Fault[]> {
  const read = readDocument(content, file, usersFile);
  if (!read.ok) return err(read.error.map(withoutPassword));
  const { everyone, users } = read.value;
  const all = users.map(
    ({ name, password, clearPassword, ...own }): AaaUser => ({
      name,
      password: password === undefined ? { clear: clearPassword! } : { hash: password },
      always: merged(everyone.always, own.always),
      plan: merged(everyone.plan, own.plan),
    }),
  );
  return ok(new Map(all.map((one) => [one.name, one])));
}

/** Faults are printed and logged: what stands where a password belongs may be one. */
function withoutPassword(fault: Fault): Fault {
  return /assword$/.test(fault.path) ? { ...fault, got: 'something else' } : fault;
}

function named(written: string, value: string): NamedAttribute {
  const [, name, tag] = /^(.*?)(?::(\d{1,2}))?$/.exec(written)!;
  return tag === undefined ? { name: name!, value } : { name: name!, tag: Number(tag), value };
}

/** What a user says of an attribute takes the place of all that everyone says of it. */
function merged(common: readonly NamedAttribute[], own: readonly NamedAttribute[]): readonly NamedAttribute[] {
  const names = new Set(own.map((one) => one.name));
  return [...common.filter((one) => !names.has(one.name)), ...own];
}
