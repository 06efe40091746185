// Flowtables, of whatever table, that take packets of our access interfaces past the forward hook: what is offloaded is never
// judged. Read from `nft -j list flowtables`. Pure, total.

export interface Offload {
  /** Family and name of the table, e.g. `inet fw4`. */
  readonly table: string;
  readonly flowtable: string;
  /** Those of its devices that are access interfaces. */
  readonly interfaces: readonly string[];
}

/** undefined = the listing is not understood, which is not the same as none. */
export function parseFlowtables(text: string, accessInterfaces: readonly string[]): readonly Offload[] | undefined {
  let document: { nftables?: unknown };
  try {
    document = JSON.parse(text) as typeof document;
  } catch {
    return undefined;
  }
  if (!Array.isArray(document?.nftables)) return undefined;
  return document.nftables.flatMap((object: { flowtable?: Flowtable } | null) => {
    const { family, table, name, dev } = object?.flowtable ?? {};
    if (typeof family !== 'string' || typeof table !== 'string' || typeof name !== 'string') return [];
    const devices = (Array.isArray(dev) ? (dev as unknown[]) : [dev]).filter((one) => typeof one === 'string');
    const interfaces = devices.filter((device) => accessInterfaces.some((own) => meet(own, device))).map(plain);
    return interfaces.length === 0 ? [] : [{ table: plain(`${family} ${table}`), flowtable: plain(name), interfaces }];
  });
}

interface Flowtable {
  readonly family?: unknown;
  readonly table?: unknown;
  readonly name?: unknown;
  /** One is a string, several are a list; a newer nft knows `ppp*`. */
  readonly dev?: unknown;
}

/** Names are somebody else's choice, and end in a log and on a page. */
function plain(name: string): string {
  return name.replace(/[^A-Za-z0-9_./* @:-]/g, '?').slice(0, 128);
}

/** Either may end in `*`. */
function meet(a: string, b: string): boolean {
  const [startA, startB] = [a.replace(/\*$/, ''), b.replace(/\*$/, '')];
  if (a.endsWith('*') && b.endsWith('*')) return startA.startsWith(startB) || startB.startsWith(startA);
  if (a.endsWith('*')) return b.startsWith(startA);
  return b.endsWith('*') ? a.startsWith(startB) : a === b;
}
