// The lab's translator: gives each home that needs one a block of ports of the address its kind of homes shares, in the kernel and in its
// log alike. A session gets its block when it begins, as subscriber-aware translators do, and gives it back when it ends.
import { type BlockEvent, cardLine, type PortBlock, pbaLine } from './cgn-log.ts';
import type { LabNetwork } from './network.ts';
import { LAB_CGN, type LabHome } from './network-plan.ts';
import type { Remote } from './remote.ts';
import { LAB_TRANSLATORS } from './site-shared.ts';

type Kind = keyof typeof LAB_CGN.outside;

const MOST_UNSENT = 1000;

export class Cgn {
  readonly #network: LabNetwork;
  readonly #remote: Remote;
  readonly #now: () => number;
  readonly #unsent: string[] = [];
  readonly #blocks = new Map<number, PortBlock>();

  /** `now`: its clock, ms since the epoch; `remote`: an agent in its namespace. */
  constructor(network: LabNetwork, remote: Remote, now: () => number) {
    this.#network = network;
    this.#remote = remote;
    this.#now = now;
  }

  blockOf({ number }: LabHome): PortBlock | undefined {
    return this.#blocks.get(number);
  }

  async allocate(home: LabHome): Promise<PortBlock> {
    const kind = kindOf(home);
    const outside = LAB_CGN.outside[kind];
    const low = this.#freePort(outside);
    const block = {
      inside: kind === 'cgn' ? home.ip4 : home.softwire!,
      outside,
      low,
      high: low + LAB_CGN.blockSize - 1,
      allocatedAt: this.#now(),
    };
    this.#blocks.set(home.number, block);
    await this.#nft('add', home, block);
    await this.#log('allocated', kind, block);
    return block;
  }

  async release(home: LabHome): Promise<void> {
    const block = this.#blocks.get(home.number);
    if (block === undefined) return;
    await this.#nft('delete', home, block);
    await this.#network.exec(this.#network.cgn!, ['conntrack', '-D', '-s', home.ip4]);
    this.#blocks.delete(home.number);
    await this.#log('released', kindOf(home), block);
  }

  /** What is open, told again. */
  async interim(): Promise<void> {
    for (const home of this.#network.homes) {
      const block = this.#blocks.get(home.number);
      if (block !== undefined) await this.#log('in-use', kindOf(home), block);
    }
  }

  #freePort(outside: string): number {
    const taken = [...this.#blocks.values()].filter((block) => block.outside === outside).map(({ low }) => low);
    for (let low: number = LAB_CGN.firstPort; low < 65_536; low += LAB_CGN.blockSize)
      if (!taken.includes(low)) return low;
    throw new Error(`no free block of ${outside}`);
  }

  async #nft(act: 'add' | 'delete', { ip4 }: LabHome, { outside, low, high }: PortBlock): Promise<void> {
    const element = act === 'add' ? `{ ${ip4} : ${outside} . ${low}-${high} }` : `{ ${ip4} }`;
    const argv = ['nft', act, 'element', 'ip', 'cgn', 'blocks', element];
    const { code, stderr } = await this.#network.exec(this.#network.cgn!, argv);
    if (code !== 0) throw new Error(`the CGN could not ${act} a block: ${stderr}`);
  }

  async #log(event: BlockEvent, kind: Kind, block: PortBlock): Promise<void> {
    const at = this.#now();
    const { address, udpPort, tcpPort } = LAB_TRANSLATORS;
    if (kind === 'cgn') {
      await this.#remote.do('syslog.udp', { server: { address, port: udpPort }, line: pbaLine(event, block, at) });
      return;
    }
    // What nobody takes over TCP is kept and told later, in order; over UDP it is gone.
    this.#unsent.push(cardLine(event, block, at));
    if (this.#unsent.length > MOST_UNSENT) this.#unsent.shift();
    const sent = await this.#remote.do<number>('syslog.tcp', {
      server: { address, port: tcpPort },
      lines: this.#unsent,
    });
    this.#unsent.splice(0, sent);
  }
}

function kindOf({ sharing, number }: LabHome): Kind {
  if (sharing === 'cgn' || sharing === 'ds-lite') return sharing;
  throw new Error(`home ${number} has no block of a translator`);
}
