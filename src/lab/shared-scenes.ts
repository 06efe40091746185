// What the story of shared addresses looks at: a server's view of a home, a report and what became of it, softwires' own counts.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Lab, Sighting } from './lab.ts';
import type { LabHome } from './network-plan.ts';
import { LAB_MIRROR_PORT } from './site.ts';
import { waitFor } from './wait.ts';

export interface Seen {
  readonly address: string;
  readonly port: number;
}

export interface Outcome {
  readonly attribution: string;
  readonly attributionReason: string;
  readonly decision: string;
}

/** Under which address and port a server outside sees a home over IPv4; undefined = it was not reached. */
export async function mirrored(lab: Lab, { number }: LabHome): Promise<Seen | undefined> {
  const { site } = lab.network.addresses;
  const url = `http://${site.ip4}:${LAB_MIRROR_PORT}/`;
  const answer = await lab.homes[number - 1]!.do<{ status: number; body: string }>('visit', { url });
  return answer.status === 200 ? (JSON.parse(answer.body) as Seen) : undefined;
}

/** Sends what the honeypot saw as its operator would, and waits for what the service made of it. */
export async function reportOf(
  lab: Lab,
  seen: Sighting,
  event: Readonly<Record<string, unknown>> = {},
): Promise<Outcome> {
  const answer = await lab.report(seen, event);
  if (answer.status !== 200)
    throw new Error(`the report was not taken: ${answer.status} ${answer.body} ${JSON.stringify(answer)}`);
  const outcome = await waitFor(
    async () => lastOutcome(lab),
    ({ decision }) => decision !== 'pending',
  );
  return outcome;
}

/** The newest report on record, read beside the service; undefined parts = not decided yet. */
function lastOutcome({ site }: Lab): Outcome {
  const database = new DatabaseSync(join(site.stateFolder, 'engawa.db'), { readOnly: true, timeout: 5000 });
  try {
    const row = database
      .prepare('SELECT attribution, attribution_reason, decision FROM report ORDER BY seq DESC')
      .get();
    const text = (name: string) => String(row?.[name] ?? 'pending');
    return {
      attribution: text('attribution'),
      attributionReason: text('attribution_reason'),
      decision: text('decision'),
    };
  } finally {
    database.close();
  }
}

/** Packets of homes that came to the operator's end: IPv4 inside IPv6, and IPv4 beside it, which nobody should send. */
export async function softwirePackets({ network }: Lab): Promise<{ readonly inside: number; readonly bare: number }> {
  const argv = ['nft', '-j', 'list', 'counters', 'table', 'inet', 'softwires'];
  const { stdout } = await network.exec(network.softwires!, argv);
  const { nftables } = JSON.parse(stdout) as { nftables: { counter?: { name: string; packets: number } }[] };
  const count = (name: string) => nftables.find(({ counter }) => counter?.name === name)?.counter?.packets ?? -1;
  return { inside: count('inside_ipv6'), bare: count('bare_ipv4') };
}
