// The lab's second BNG with the homes behind it: a simulated one, told by RADIUS alone. Its walled garden is configured here, as an
// operator would on the box; so are its AAA and accounting servers, which are this lab's.

import type { Lifeline, Pack } from '../core/garden/gateway.ts';
import { formatPrefix } from '../core/net/prefix.ts';
import type { BngOptions } from './bng/options.ts';
import { type DialShown, RemoteBng, type SessionShown } from './bng/remote.ts';
import type { Destination, WalledGarden } from './bng/ruleset.ts';
import type { LabNetwork } from './network.ts';
import type { LabHome } from './network-plan.ts';
import { LAB_ADDRESSES, LAB_BNG2 } from './network-plan.ts';
import { LAB_ACCOUNTING, portText } from './site.ts';
import { LAB_AAA, LAB_BNG2_SECRETS, userOf } from './site-second.ts';

/** Everything that the families of the lab's bots abuse. */
const LEAKY_PORTS = [22, 23, 25, 2323];
const INTERIM_MS = 2000;

export class SecondBng {
  readonly #network: LabNetwork;
  readonly #aaa: 'freeradius' | 'own';
  /** Addresses under which homes are or were online; they dial in again when the box comes back. */
  readonly #online = new Map<number, string>();
  #bng: RemoteBng | undefined;
  #aheadMs = 0;

  constructor(network: LabNetwork, aaa: 'freeradius' | 'own') {
    this.#network = network;
    this.#aaa = aaa;
  }

  get isRunning(): boolean {
    return this.#bng !== undefined;
  }

  /** As after a power cut: it says Accounting-On, and every home that was online dials in again. */
  async start(): Promise<void> {
    const { bng2 } = this.#network;
    if (bng2 === undefined) throw new Error('this lab has no second BNG');
    this.#bng = await RemoteBng.start(this.#network, bng2, { options: this.#options(), garden: this.#garden() });
    for (const [number, ip4] of this.#online) await this.#bng.dial(userOf(number), { ip4 });
  }

  /** Its rules go on forwarding, as line cards do for a while; nobody answers. */
  async kill(): Promise<void> {
    const bng = this.#bng;
    this.#bng = undefined;
    await bng?.kill();
  }

  stop(): void {
    this.#bng?.stop();
    this.#bng = undefined;
  }

  async dial({ number, ip4 }: LabHome): Promise<DialShown> {
    const shown = await this.#running().dial(userOf(number), { ip4 });
    if (shown.kind === 'up') this.#online.set(number, ip4);
    return shown;
  }

  /** Hangs up and dials in again; `to`: the pool gives another address this time. */
  async redial(home: LabHome, to?: string): Promise<DialShown> {
    const { number } = home;
    const from = this.addressOf(home);
    if (to !== undefined && to !== from) await this.#network.renumber(home, from, to);
    this.#online.set(number, to ?? from);
    return this.#running().redial(userOf(number), { ip4: to ?? from });
  }

  addressOf({ number, ip4 }: LabHome): string {
    return this.#online.get(number) ?? ip4;
  }

  sessionOf({ number }: LabHome): Promise<SessionShown | undefined> {
    return this.#running().sessionOf(userOf(number));
  }

  counts(): ReturnType<RemoteBng['counts']> {
    return this.#running().counts();
  }

  /** Its clock goes with the lab's. */
  async advanceClock(ms: number): Promise<void> {
    this.#aheadMs += ms;
    await this.#bng?.advanceClock(ms);
  }

  /** An Interim-Update of every session; true when all records so far are durable. */
  async interim(timeoutMs?: number): Promise<boolean> {
    await this.#running().interim();
    return this.accounted(timeoutMs);
  }

  accounted(timeoutMs?: number): Promise<boolean> {
    return this.#running().accounted(timeoutMs);
  }

  #running(): RemoteBng {
    if (this.#bng === undefined) throw new Error('the second BNG does not run');
    return this.#bng;
  }

  #options(): Omit<BngOptions, 'dataPlane'> {
    const source = LAB_BNG2.ip4;
    return {
      name: LAB_BNG2.name,
      address: LAB_BNG2.ip4,
      port: 3799,
      personality: 'strict',
      dialect: 'rfc',
      clients: [LAB_ADDRESSES.gateway.ip4],
      secrets: [LAB_BNG2_SECRETS.dynamic],
      // FreeRADIUS 3.2.1 sends no Message-Authenticator; ours always does.
      aaa: {
        ...LAB_AAA,
        secret: LAB_BNG2_SECRETS.aaa,
        source,
        requireMessageAuthenticator: this.#aaa === 'own',
      },
      accounting: {
        ...LAB_ACCOUNTING,
        secret: LAB_BNG2_SECRETS.accounting,
        source,
        // Often, so that nobody waits for a proof; a real one has minutes.
        interimMs: INTERIM_MS,
        interimAfterCoa: true,
        // It would say whole seconds, and here people re-dial in the second in which they were seen.
        eventTimestamp: false,
      },
      aheadMs: this.#aheadMs,
      homes: this.#network.homes
        .filter(({ behind }) => behind === 'bng2')
        .map(({ number, ip4, prefix6 }) => ({
          user: userOf(number),
          password: LAB_BNG2_SECRETS.home,
          ip4,
          prefix6,
          portId: `lab-bng2 eth 0/${number}`,
        })),
    };
  }

  #garden(): WalledGarden {
    const { portal, resolver } = LAB_ADDRESSES;
    const { lifelines, packs } = this.#network.spec;
    return {
      accessInterfaces: 'acc*',
      portal,
      // The operator's own, not the service's DNS front: names go on resolving while nothing of ours lives.
      resolver,
      lifelines: lifelines.map(destinationOf),
      packs: packs.map(destinationOf),
      leakyPorts: LEAKY_PORTS,
    };
  }
}

function destinationOf(one: Pack | Lifeline): Destination {
  return {
    addresses: one.prefixes.map(formatPrefix),
    protocols: one.protocols,
    ports: one.ports.map((range) => String(portText(range))),
    ...('inbound' in one ? { inbound: one.inbound } : {}),
  };
}
