// What the system tests of the lab have in common: a lab that runs, a home in the garden, the kernel's own word.
// Leaves out any expectation: the tests say what must be so.
import { afterAll } from 'vitest';
import { MINUTE } from '../../src/core/kernel/time.ts';
import { Lab, type Sighting } from '../../src/lab/lab.ts';
import type { Remote } from '../../src/lab/remote.ts';
import { LAB_NAMES } from '../../src/lab/site.ts';
import { waitFor } from '../../src/lab/wait.ts';
import { type Answer, parseAnswer } from '../../src/protocols/dns/answer.ts';
import { encodeName } from '../../src/protocols/dns/name.ts';
import { buildQuery, TYPE } from '../../src/protocols/dns/query.ts';

export interface CaseShown {
  readonly case: {
    readonly id: string;
    readonly line: string;
    readonly state: string;
    readonly access: string;
    readonly checkCode: string;
    readonly closeReason: string | null;
    readonly reports: number;
  };
  readonly proof: {
    readonly wanted: string;
    readonly confirmed: string;
    readonly partial: boolean;
    readonly elements: readonly { readonly prefix: string; readonly access: string; readonly phase: string }[];
  };
  readonly selfRelease: { readonly allowed: boolean; readonly reason?: string };
  readonly events: readonly { readonly version: number; readonly type: string }[];
}

export interface KernelElement {
  readonly value: string;
  readonly timeout: number;
  readonly expires: number;
  readonly packets: number;
}

/** Everything stands and runs, the lines are imported, every home has been online for a quarter of an hour. */
export async function openLab(options: Parameters<typeof Lab.build>[0] = {}): Promise<Lab> {
  const lab = await Lab.build(options);
  try {
    await lab.startEngawa();
    await lab.importLines();
    for (const home of lab.network.homes) {
      await dialIn(lab, home.number);
      if (home.sharing === 'cgn' || home.sharing === 'ds-lite') await lab.cgn!.allocate(home);
    }
    await lab.advanceClock(15 * MINUTE);
    return lab;
  } catch (cause) {
    await lab.destroy();
    throw cause;
  }
}

/** As its BNG says it; resolves when the record is durable. */
export async function dialIn(lab: Lab, home: number, overrides: Readonly<Record<string, unknown>> = {}): Promise<void> {
  if (!(await lab.account(home, 'start', overrides)))
    throw new Error(`the accounting record of home ${home} was not answered`);
}

/** One lab for the tests of a file; gone after the last of them. */
export function labOfThisFile(options: Parameters<typeof Lab.build>[0] = {}): () => Promise<Lab> {
  let built: Promise<Lab> | undefined;
  afterAll(async () => {
    await (await built?.catch(() => undefined))?.destroy();
  }, 60_000);
  return () => {
    built ??= openLab(options);
    return built;
  };
}

/** The last case of a line as the console shows it; undefined before there is one, or while nobody answers. */
export async function shownOf(lab: Lab, home: number): Promise<CaseShown | undefined> {
  try {
    return (await lab.order('case.show', { find: `LAB-${home}` })) as unknown as CaseShown;
  } catch {
    return undefined;
  }
}

/** A login at the honeypot as its operator would report it, seen now. */
export function sightingAt(lab: Lab, home: number): Sighting {
  const { ip4 } = lab.network.homes[home - 1]!;
  return { peer: ip4, port: 40_000 + home, at: lab.now(), destinationPort: 23 };
}

/** Reports the home until its garden is proven in every family. */
export async function quarantine(lab: Lab, home: number): Promise<CaseShown> {
  const answer = await lab.report(sightingAt(lab, home));
  if (answer.status !== 200) throw new Error(`the report was not taken: ${answer.status} ${answer.body}`);
  return untilShown(lab, home, (one) => one.proof.confirmed === 'strict' && one.proof.elements.length > 1);
}

/** Waits for the line's case to look so; throws with what it looked like instead. */
export async function untilShown(
  lab: Lab,
  home: number,
  isIt: (shown: CaseShown) => boolean,
  timeoutMs = 20_000,
): Promise<CaseShown> {
  const look = () => shownOf(lab, home);
  const seen = await waitFor(look, (one) => one !== undefined && isIt(one), timeoutMs, 50);
  if (seen === undefined || !isIt(seen))
    throw new Error(
      `home ${home} never looked as awaited: ${JSON.stringify(seen?.case)} ${JSON.stringify(seen?.proof)}`,
    );
  return seen;
}

/** Fails with what was seen last when the condition does not come true. */
export async function until<T>(look: () => Promise<T>, isIt: (seen: T) => boolean, timeoutMs = 10_000): Promise<T> {
  const seen = await waitFor(look, isIt, timeoutMs, 50);
  if (!isIt(seen))
    throw new Error(`never so within ${timeoutMs} ms, last seen: ${JSON.stringify(seen)?.slice(0, 500)}`);
  return seen;
}

export async function nft(lab: Lab, ...args: string[]): Promise<string> {
  const { network } = lab;
  const { code, stdout, stderr } = await network.exec(network.bng, ['nft', ...args]);
  if (code !== 0) throw new Error(`nft ${args.join(' ').slice(0, 120)}: ${stderr}`);
  return stdout;
}

/** A set as the kernel lists it. */
export async function kernelSet(lab: Lab, name: string): Promise<readonly KernelElement[]> {
  const listed = JSON.parse(await nft(lab, '-j', 'list', 'set', 'inet', lab.network.spec.table, name)) as {
    readonly nftables: readonly { readonly set?: { readonly elem?: readonly unknown[] } }[];
  };
  return (listed.nftables.find((one) => one.set !== undefined)?.set?.elem ?? []).map(readElement);
}

function readElement(element: unknown): KernelElement {
  const { elem } = element as { readonly elem?: Readonly<Record<string, never>> };
  const val: unknown = elem === undefined ? element : elem['val'];
  const { concat } = (typeof val === 'object' ? val : {}) as { readonly concat?: readonly (string | number)[] };
  const counter = elem?.['counter'] as { readonly packets?: number } | undefined;
  return {
    value: concat === undefined ? String(val) : concat.join(' '),
    timeout: Number(elem?.['timeout'] ?? 0),
    expires: Number(elem?.['expires'] ?? 0),
    packets: Number(counter?.packets ?? 0),
  };
}

/** Addresses and prefixes in the garden, by the kernel's word: `strict 192.0.2.66`, … sorted. */
export async function kernelGarden(lab: Lab): Promise<readonly string[]> {
  const lists = await Promise.all(
    (['strict', 'leaky'] as const).flatMap((access) =>
      ['4', '6_56', '6_64'].map(async (suffix) =>
        (await kernelSet(lab, `${access}${suffix}`)).map(({ value }) => `${access} ${value}`),
      ),
    ),
  );
  return lists.flat().sort();
}

/** What the kernel holds when this home alone is strict. */
export function gardenOf(lab: Lab, home: number, access: 'strict' | 'leaky' = 'strict'): readonly string[] {
  const { ip4, prefix6 } = lab.network.homes[home - 1]!;
  return [`${access} ${ip4}`, `${access} ${prefix6.split('/')[0]}`].sort();
}

export async function browses(home: Remote, family: 4 | 6 = 4): Promise<boolean> {
  const url = `http://${LAB_NAMES.site}/`;
  return (await home.do<{ status: number }>('visit', { url, family, timeoutMs: 3000 })).status === 200;
}

export async function knock(home: Remote, address: string, port: number): Promise<string> {
  return (await home.do<{ outcome: string }>('tcp', { address, port })).outcome;
}

/** Opens a UDP socket at a home and returns a DNS client that never changes its source port. */
export async function dnsClient(home: Remote, server: string, localPort: number) {
  const key = `dns-${localPort}`;
  await home.do('udp.open', { key, family: server.includes(':') ? 6 : 4, localPort });
  let id = localPort;
  return async (name: string, type: keyof typeof TYPE, timeoutMs = 1500): Promise<Answer | undefined> => {
    id = (id + 1) & 0xffff;
    const query = buildQuery({ id, name: encodeName(name)!, type: TYPE[type] });
    const hex = Buffer.from(query).toString('hex');
    const answer = await home.do<string | null>('udp.ask', { key, address: server, port: 53, hex, timeoutMs });
    if (answer === null) return undefined;
    const parsed = parseAnswer(Buffer.from(answer, 'hex'));
    return parsed.ok && parsed.value.id === id ? parsed.value : undefined;
  };
}
