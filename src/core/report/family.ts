// Threat families: a closed list of slugs, held as data (deploy/families.yaml), checked when loaded.
import { err, ok, type Result } from '../kernel/result.ts';
import type { ProtocolPort } from '../net/transport.ts';

export interface Family {
  readonly slug: string;
  /** Lower-case names that feeds use for it. */
  readonly aliases: readonly string[];
  /** Ports the bot abuses outgoing; never 53, 80, 123 or 443. `unknown` = union of all plus 22, 23, 25, 2323. */
  readonly abusedPorts: readonly ProtocolPort[];
  /** Memory-only malware goes when the device is restarted. */
  readonly survivesRestart: boolean;
  /** Name of the step guide the portal shows. */
  readonly guide: string;
}

/** The one slug that is always there: what a source does not name. */
export const UNKNOWN_FAMILY = 'unknown';
/** A garden that closed these would close itself: names, time, pages. */
const NEVER_ABUSED: ReadonlySet<number> = new Set([53, 80, 123, 443]);
/** What an unnamed bot is most often seen doing, beside all that the named ones do. */
const UNKNOWN_PORTS: readonly ProtocolPort[] = [22, 23, 25, 2323].map((port) => ({ protocol: 'tcp', port }));

/** Families by every name they go by. `unknown` carries its full port list here. */
export interface FamilyBook {
  readonly families: ReadonlyMap<string, Family>;
  readonly slugByName: ReadonlyMap<string, string>;
}

export interface FamilyFault {
  readonly slug: string;
  readonly expected: string;
  readonly got: string;
}

/** All faults at once; a book is made only of a list without any. */
export function makeFamilyBook(list: readonly Family[]): Result<FamilyBook, readonly FamilyFault[]> {
  const faults: FamilyFault[] = [];
  const slugByName = new Map<string, string>();
  for (const family of list) {
    for (const { port } of family.abusedPorts)
      if (NEVER_ABUSED.has(port))
        faults.push({ slug: family.slug, expected: 'abused ports other than 53, 80, 123, 443', got: String(port) });
    for (const name of [family.slug, ...family.aliases].map(foldName)) {
      const other = slugByName.get(name);
      if (other !== undefined && other !== family.slug)
        faults.push({ slug: family.slug, expected: 'a name no other family has', got: `${name} (of ${other})` });
      slugByName.set(name, family.slug);
    }
  }
  const unknown = list.find((family) => family.slug === UNKNOWN_FAMILY);
  if (unknown === undefined) faults.push({ slug: UNKNOWN_FAMILY, expected: 'a family `unknown`', got: 'none' });
  if (unknown === undefined || faults.length > 0) return err(faults);

  const abusedPorts = union([...list.map((family) => family.abusedPorts), UNKNOWN_PORTS]);
  const families = new Map(list.map((family) => [family.slug, family]));
  families.set(UNKNOWN_FAMILY, { ...unknown, abusedPorts });
  return ok({ families, slugByName });
}

/** Whatever a feed calls it. Never fails: a name nobody knows is `unknown`. */
export function canonicalFamily(book: FamilyBook, name: string): string {
  return book.slugByName.get(foldName(name)) ?? UNKNOWN_FAMILY;
}

/** `Mirai`, `MIRAI` and ` mirai ` are one name; `_` and spaces are `-`. */
function foldName(name: string): string {
  return name
    .slice(0, 100)
    .trim()
    .toLowerCase()
    .replace(/[\s_]+/g, '-');
}

/** Never fails: a slug that left the book since the case opened counts as `unknown`. */
export function familyOf(book: FamilyBook, slug: string): Family {
  return book.families.get(slug) ?? book.families.get(UNKNOWN_FAMILY)!;
}

/** Sorted, without repetition: the same cases always give the same elements. */
export function abusedPortsOfFamilies(book: FamilyBook, slugs: readonly string[]): readonly ProtocolPort[] {
  return union(slugs.map((slug) => familyOf(book, slug).abusedPorts));
}

function union(lists: readonly (readonly ProtocolPort[])[]): readonly ProtocolPort[] {
  const seen = new Map(lists.flat().map((one) => [`${one.protocol} ${one.port}`, one]));
  return [...seen.values()].sort((a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1));
}
