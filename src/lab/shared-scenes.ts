// What the story of shared addresses looks at: a server's view of a home, a report and what became of it, softwires' own counts.
import type { Lab, Sighting } from './lab.ts';
import type { LabHome } from './network-plan.ts';
import { LAB_MIRROR_PORT } from './site.ts';
import { waitFor } from './wait.ts';

export interface Seen {
  readonly address: string;
  readonly port: number;
}

/** As `engawa who` answers. */
export interface Who {
  readonly kind: string;
  readonly reason: string;
  readonly via: readonly { readonly kind: string; readonly id: string; readonly inside: string }[];
  readonly line: { readonly id: string } | null;
}

/** A report that names no line, as `engawa desk list` shows it. */
export interface Unresolved {
  readonly address: string;
  readonly port: number | null;
  readonly kind: string;
  readonly reason: string;
}

/** Under which address and port a server outside sees a home over IPv4; undefined = it was not reached. */
export async function mirrored(lab: Lab, { number }: LabHome): Promise<Seen | undefined> {
  const { site } = lab.network.addresses;
  const url = `http://${site.ip4}:${LAB_MIRROR_PORT}/`;
  const answer = await lab.homes[number - 1]!.do<{ status: number; body: string }>('visit', { url });
  return answer.status === 200 ? (JSON.parse(answer.body) as Seen) : undefined;
}

export async function who(lab: Lab, { peer, port, at }: Sighting): Promise<Who> {
  const asked = { address: peer, port, protocol: 'tcp', at: new Date(at).toISOString() };
  return (await lab.order('who', asked)) as unknown as Who;
}

/** What the honeypot saw, sent as its operator would; resolves when it is durable. */
export async function send(lab: Lab, seen: Sighting, event: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const answer = await lab.report(seen, event);
  if (answer.status !== 200) throw new Error(`the report was not taken: ${JSON.stringify(answer)}`);
}

/** Waits for a report of this address, without a port, to arrive at the desk. */
export function onTheDesk(lab: Lab, address: string): Promise<Unresolved | undefined> {
  const look = async () => {
    const { reports } = (await lab.order('desk.list', {})) as unknown as { reports: readonly Unresolved[] };
    return reports.find((one) => one.address === address && one.port === null);
  };
  return waitFor(look, (one) => one !== undefined);
}

/** Packets of homes that came to the operator's end: IPv4 inside IPv6, and IPv4 beside it, which nobody should send. */
export async function softwirePackets({ network }: Lab): Promise<{ readonly inside: number; readonly bare: number }> {
  const argv = ['nft', '-j', 'list', 'counters', 'table', 'inet', 'softwires'];
  const { stdout } = await network.exec(network.softwires!, argv);
  const { nftables } = JSON.parse(stdout) as { nftables: { counter?: { name: string; packets: number } }[] };
  const count = (name: string) => nftables.find(({ counter }) => counter?.name === name)?.counter?.packets ?? -1;
  return { inside: count('inside_ipv6'), bare: count('bare_ipv4') };
}

/** Elements of the garden, by the kernel's own list. */
export async function gardenSize({ network }: Lab): Promise<number> {
  const { stdout } = await network.exec(network.bng, ['nft', '-j', 'list', 'table', 'inet', network.spec.table]);
  const { nftables } = JSON.parse(stdout) as { nftables: { set?: { name: string; elem?: unknown[] } }[] };
  const sizeOf = (set: { name: string; elem?: unknown[] } | undefined) =>
    /^(strict|leaky)/.test(set?.name ?? '') ? (set!.elem?.length ?? 0) : 0;
  return nftables.reduce((size, { set }) => size + sizeOf(set), 0);
}
