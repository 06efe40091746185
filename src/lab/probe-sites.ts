// The hosts that devices ask whether they are online (deploy/probes.yaml), as they answer in the free internet of the lab.
// Plain HTTP only: the one row over TLS belongs to a name whose certificate the lab does not have.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { type Probe, parseProbes } from '../protocols/capport/probes.ts';

const FILE = join(import.meta.dirname, '../../deploy/probes.yaml');

export interface ProbeAnswer {
  readonly url: string;
  readonly status: number;
  readonly body: string;
}

export function httpProbes(): readonly Probe[] {
  const table = parseProbes(parse(readFileSync(FILE, 'utf8')));
  if (!table.ok) throw new Error(`${FILE}: ${table.error.join('; ')}`);
  return table.value.probes.filter(({ scheme }) => scheme === 'http');
}

export function freeAnswerOf({ host, path, free }: Probe): ProbeAnswer {
  const body = free.is ?? (free.contains === undefined ? '' : `<html><body>${free.contains}</body></html>`);
  return { url: `http://${host}${path}`, status: free.status, body };
}
