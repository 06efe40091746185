// families.yaml and packs/*.yaml: data of the product that an operator may extend.
import { z } from 'zod';
import type { Pack } from '../core/garden/gateway.ts';
import { err, ok, type Result } from '../core/kernel/result.ts';
import { type FamilyBook, makeFamilyBook } from '../core/report/family.ts';
import { readDocument, strict } from './document.ts';
import type { Fault } from './faults.ts';
import { countPorts, hostPattern, isTooWide, line, port, portRange, prefix, slug, WIDE_PREFIX } from './scalars.ts';

/** A garden that closed these would close itself: names, pages, time. */
const NEVER_ABUSED = [53, 80, 123, 443];
const abusedPort = port.refine((number) => !NEVER_ABUSED.includes(number), 'a port other than 53, 80, 123, 443');

const familiesFile = strict({
  families: z
    .array(
      strict({
        slug,
        aliases: z.array(line(64)).max(50).default([]),
        tcp: z.array(abusedPort).max(40).default([]),
        udp: z.array(abusedPort).max(40).default([]),
        survivesRestart: z.boolean(),
        guide: z.enum(['restart', 'reset', 'nas']),
      }),
    )
    .min(1)
    .max(200),
});

export function loadFamilies(text: string, name: string): Result<FamilyBook, readonly Fault[]> {
  const read = readDocument(text, name, familiesFile);
  if (!read.ok) return read;
  const made = makeFamilyBook(
    read.value.families.map(({ tcp, udp, ...family }) => ({
      ...family,
      abusedPorts: [
        ...tcp.map((number) => ({ protocol: 'tcp' as const, port: number })),
        ...udp.map((number) => ({ protocol: 'udp' as const, port: number })),
      ],
    })),
  );
  if (made.ok) return made;
  return err(
    made.error.map(({ slug: path, expected, got }) => ({ file: name, ...slugPlace(text, path), path, expected, got })),
  );
}

function slugPlace(text: string, name: string): { line: number; column: number } {
  const rows = text.split('\n');
  const at = rows.findIndex((row) => new RegExp(`slug:\\s*["']?${name}["']?\\s*[,}#]?`).test(row));
  return at < 0 ? { line: 1, column: 1 } : { line: at + 1, column: rows[at]!.indexOf('slug:') + 1 };
}

/** Names are asked through the DNS front alone: a pack on these ports would be a way around it. */
const NEVER_PACKED = [53, 853];
const MOST_PACK_PORTS = 1024;

const packFile = strict({
  name: slug,
  purpose: line(200),
  dnsNames: z.array(hostPattern).max(200).default([]),
  prefixes: z.array(prefix).max(200).default([]),
  protocols: z
    .array(z.enum(['tcp', 'udp']))
    .min(1)
    .max(2)
    .default(['tcp']),
  ports: z.array(portRange).min(1).max(20),
  /** Said by an operator who means a large network or most ports of it. */
  wide: z.boolean().default(false),
})
  .refine((pack) => pack.dnsNames.length + pack.prefixes.length > 0, 'at least one of dnsNames and prefixes')
  .refine((pack) => !pack.prefixes.some((each) => isTooWide(each, pack.wide)), {
    path: ['prefixes'],
    error: WIDE_PREFIX,
  })
  .refine((pack) => pack.wide || countPorts(pack.ports) <= MOST_PACK_PORTS, {
    path: ['ports'],
    error: `at most ${MOST_PACK_PORTS} ports, or wide: true`,
  })
  .refine(({ ports }) => !ports.some(({ low, high }) => NEVER_PACKED.some((one) => low <= one && one <= high)), {
    path: ['ports'],
    error: 'ports other than 53 and 853: a pack is no way around the DNS front',
  });

export function loadPack(text: string, name: string): Result<Pack, readonly Fault[]> {
  return readDocument(text, name, packFile);
}

/** All packs of a folder, or all their faults. Two packs of one name are a fault. */
export function loadPacks(
  files: readonly { readonly name: string; readonly text: string }[],
): Result<readonly Pack[], readonly Fault[]> {
  const packs: Pack[] = [];
  const faults: Fault[] = [];
  for (const { name, text } of files) {
    const read = loadPack(text, name);
    if (!read.ok) faults.push(...read.error);
    else if (packs.some((pack) => pack.name === read.value.name))
      faults.push({
        file: name,
        line: 1,
        column: 1,
        path: 'name',
        expected: 'a name no other pack has',
        got: read.value.name,
      });
    else packs.push(read.value);
  }
  return faults.length > 0 ? err(faults) : ok(packs);
}
