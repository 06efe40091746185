// The captive-portal probes of operating systems and browsers, as data (deploy/probes.yaml). Tells which family of client asked;
// what we answer never depends on it.
import { z } from 'zod';
import { err, ok, type Result } from '../../core/kernel/result.ts';

const word = z.string().regex(/^[a-z][a-z0-9-]{0,30}$/);
const row = z.strictObject({
  family: word,
  host: z.string().regex(/^[a-z0-9][a-z0-9.-]{0,252}$/),
  path: z.string().regex(/^\/[!-~]{0,200}$/),
  scheme: z.enum(['http', 'https']).default('http'),
  free: z.strictObject({
    status: z.int().min(200).max(399),
    is: z.string().max(200).optional(),
    contains: z.string().max(200).optional(),
  }),
});
const table = z.strictObject({ probes: z.array(row).min(1).max(200) });

export type Probe = Readonly<z.infer<typeof row>>;

/** Faults as `probes[3].host: …`, all at once. */
export function parseProbes(data: unknown): Result<ProbeTable, readonly string[]> {
  const parsed = table.safeParse(data);
  if (parsed.success) return ok(new ProbeTable(parsed.data.probes));
  return err(parsed.error.issues.map((issue) => `${place(issue.path)}: ${issue.message}`));
}

function place(path: readonly PropertyKey[]): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .replace(/^\./, '');
}

export class ProbeTable {
  readonly probes: readonly Probe[];
  readonly families: readonly string[];
  readonly #families = new Map<string, string>();

  constructor(probes: readonly Probe[]) {
    this.probes = probes;
    this.families = [...new Set(probes.map((probe) => probe.family))];
    for (const { scheme, host, path, family } of probes) if (scheme === 'http') this.#families.set(host + path, family);
  }

  /** `host` and `path` as they came: a port, a query, a trailing dot or capitals in the host do not matter. Plain HTTP only. */
  family(host: string, path: string): string | undefined {
    if (host.length > 260 || path.length > 300) return undefined;
    const name = host
      .toLowerCase()
      .replace(/:[0-9]*$/, '')
      .replace(/\.$/, '');
    const query = path.indexOf('?');
    return this.#families.get(name + (query < 0 ? path : path.slice(0, query)));
  }
}
