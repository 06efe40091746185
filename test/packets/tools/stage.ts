// A lab network with the ruleset loaded and an agent in every namespace: the stage on which packet tests play.
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { type Prefix, parsePrefix } from '../../../src/core/net/prefix.ts';
import type { ProtocolPort } from '../../../src/core/net/transport.ts';
import { buildNetwork, type LabNetwork, type NetworkOptions } from '../../../src/lab/network.ts';
import type { LabHome } from '../../../src/lab/network-plan.ts';
import {
  dnsAliveCommands,
  dnsDeadCommands,
  type NftCommand,
  putCommands,
  removeCommands,
  transaction,
} from '../../../src/protocols/nftables/elements.ts';
import { renderRuleset } from '../../../src/protocols/nftables/ruleset.ts';
import type { AgentCommand } from './agent-commands.ts';

const AGENT = new URL('agent.ts', import.meta.url).pathname;
export const ABUSED: readonly ProtocolPort[] = [
  { protocol: 'tcp', port: 23 },
  { protocol: 'tcp', port: 2323 },
];

export class Agent {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  #seq = 0;

  constructor(network: LabNetwork, namespace: string) {
    this.#child = network.spawn(namespace, [process.execPath, '--no-warnings', AGENT]);
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      const { seq, answer } = JSON.parse(line);
      this.#waiting.get(seq)?.(answer);
      this.#waiting.delete(seq);
    });
    this.#child.stderr!.on('data', (data) => process.stderr.write(`agent in ${namespace}: ${data}`));
  }

  tell(command: AgentCommand): Promise<unknown> {
    const seq = ++this.#seq;
    this.#child.stdin!.write(`${JSON.stringify({ seq, ...command })}\n`);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to ${JSON.stringify(command)}`)), 15_000);
      this.#waiting.set(seq, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
    });
  }

  tcp(host: string, port: number): Promise<unknown> {
    return this.tell({ do: 'tcp-open', host, port });
  }

  udp(host: string, port: number, text = 'knock'): Promise<unknown> {
    return this.tell({ do: 'udp-ask', host, port, text });
  }

  async heard(): Promise<readonly string[]> {
    return (await this.tell({ do: 'heard' })) as string[];
  }
}

export interface Stage {
  readonly network: LabNetwork;
  readonly internet: Agent;
  readonly bng: Agent;
  /** The computers in home 1 (the bot's) and home 2 (the neighbour). */
  readonly homes: readonly Agent[];
  put(home: LabHome, access: 'leaky' | 'strict', options?: PutOptions): Promise<void>;
  /** Both families of the home leave the garden. */
  free(home: LabHome): Promise<void>;
  dnsAlive(isAlive: boolean, timeoutSeconds?: number): Promise<void>;
  send(commands: readonly NftCommand[]): Promise<void>;
  /** Runs nft in the BNG's namespace. */
  nft(...args: string[]): Promise<{ code: number | undefined; stdout: string; stderr: string }>;
  loadText(text: string): Promise<void>;
  end(): Promise<void>;
}

interface PutOptions {
  readonly timeoutSeconds?: number;
  readonly abusedPorts?: readonly ProtocolPort[];
}

export async function setStage(options: NetworkOptions = {}): Promise<Stage> {
  const network = await buildNetwork(options);
  try {
    const stage = makeStage(network);
    await stage.loadText(renderRuleset(network.spec));
    await openShops(stage);
    return stage;
  } catch (error) {
    await network.destroy();
    throw error;
  }
}

function makeStage(network: LabNetwork): Stage {
  const { spec, bng } = network;
  const nft = (...args: string[]) => network.exec(bng, ['nft', ...args]);
  const must = async (...args: string[]) => {
    const { code, stderr } = await nft(...args);
    if (code !== 0) throw new Error(`nft ${args.join(' ').slice(0, 200)}: ${stderr}`);
  };
  const send = (commands: readonly NftCommand[]) => must('-j', transaction(commands));
  return {
    network,
    internet: new Agent(network, network.internet),
    bng: new Agent(network, bng),
    homes: network.homes.map(({ hostNamespace }) => new Agent(network, hostNamespace)),
    put: (home, access, { timeoutSeconds = 600, abusedPorts = ABUSED } = {}) => {
      const elements = prefixesOf(home).map((prefix) => ({ prefix, access, abusedPorts, timeoutSeconds }));
      return send(putCommands(spec, elements));
    },
    free: (home) =>
      send(
        removeCommands(
          spec,
          prefixesOf(home).map((prefix) => ({ prefix, abusedPorts: ABUSED })),
        ),
      ),
    dnsAlive: (isAlive, seconds = 60) => send(isAlive ? dnsAliveCommands(spec, seconds) : dnsDeadCommands(spec)),
    send,
    nft,
    loadText: (text) => must(text),
    end: () => network.destroy(),
  };
}

export function prefixesOf(home: LabHome): readonly Prefix[] {
  return [parsePrefix(home.ip4)!, parsePrefix(home.prefix6)!];
}

/** Everybody who waits outside, and stand-ins for portal, refuser and DNS front on the BNG: they echo. */
async function openShops({ internet, bng, network }: Stage): Promise<void> {
  const { addresses: at, spec } = network;
  const udp = (ip: string, port: number) => internet.tell({ do: 'udp-listen', host: ip, port });
  const everyTcp = [22, 23, 53, 80, 443, 853, 5060, 9000].map((port) =>
    internet.tell({ do: 'tcp-listen', host: '::', port }),
  );
  const udpPlaces: [{ ip4: string; ip6: string }, number[]][] = [
    [at.resolver, [53]],
    [at.foreignResolver, [53, 853]],
    [at.ntp, [123]],
    [at.emergency, [5060, 10_000]],
    [at.packSite, [443, 9000]],
    [at.site, [123, 443, 9000]],
  ];
  const everyUdp = udpPlaces.flatMap(([place, ports]) =>
    ports.flatMap((port) => [udp(place.ip4, port), udp(place.ip6, port)]),
  );
  const { portalHttp, portalHttps, tlsRefuser, dnsFront } = spec.ports;
  const local = [22, portalHttp, portalHttps, tlsRefuser, dnsFront].map((port) =>
    bng.tell({ do: 'tcp-listen', host: '::', port }),
  );
  const fronts = [at.portal.ip4, at.portal.ip6].map((host) => bng.tell({ do: 'udp-listen', host, port: dnsFront }));
  const answers = await Promise.all([...everyTcp, ...everyUdp, ...local, ...fronts]);
  const failed = answers.filter((answer) => answer !== 'listening');
  if (failed.length > 0) throw new Error(`listeners failed: ${failed.join(', ')}`);
}
