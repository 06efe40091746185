// What the lab's translators write about their port blocks, each in a vendor's words: the CGN as a Juniper SRX (structured syslog of RFC
// 5424), the AFTR as a Juniper service card (which names a B4 by its IPv6 address). Text alone; cgn.ts sends it.

export interface PortBlock {
  /** IPv4 behind the CGN, the B4's IPv6 address behind the AFTR. */
  readonly inside: string;
  readonly outside: string;
  readonly low: number;
  readonly high: number;
  /** ms since the epoch, on the translator's clock. */
  readonly allocatedAt: number;
}

export type BlockEvent = 'allocated' | 'in-use' | 'released';

const PBA_WORDS = { allocated: 'ALLOC', 'in-use': 'INTERIM', released: 'RELEASE' } as const;

/** `epoch-time-64` is hexadecimal, and of an interim record it is the allocation's. */
export function pbaLine(event: BlockEvent, block: PortBlock, at: number): string {
  const since = event === 'in-use' ? block.allocatedAt : at;
  const fields = {
    'internal-ip': block.inside,
    'block-used': 1,
    'block-max-per-host': 1,
    'block-port-low': block.low,
    'block-port-high': block.high,
    'reflexive-ip': block.outside,
    'nat-pool-name': 'homes',
    'logical-system-id': 0,
    'epoch-time-64': Math.floor(since / 1000).toString(16),
  };
  const words = Object.entries(fields).map(([name, value]) => `${name}="${value}"`);
  const stamp = new Date(at).toISOString();
  return `<14>1 ${stamp} cgn1 RT_NAT - RT_SRC_NAT_PBA_${PBA_WORDS[event]} [junos@2636.1.1.1.2.135 ${words.join(' ')}]`;
}

const CARD_WORDS = { allocated: 'ALLOC', 'in-use': 'ACTIVE', released: 'RELEASE' } as const;
/** A service set is a realm of its own unless the configuration says which. */
export const AFTR_SERVICE_SET = 'SOFTWIRES';

/** Its clock names no zone; ours is set to UTC. */
export function cardLine(event: BlockEvent, block: PortBlock, at: number): string {
  const stamp = new Date(at).toISOString().slice(0, 19).replace('T', ' ');
  const since = event === 'in-use' ? ` 0x${Math.floor(block.allocatedAt / 1000).toString(16)}` : '';
  const { inside, outside, low, high } = block;
  const record = `JSERVICES_NAT_PORT_BLOCK_${CARD_WORDS[event]}: ${inside} -> ${outside}:${low}-${high}${since}`;
  return `<158>${stamp}: aftr1{${AFTR_SERVICE_SET}}[jservices-nat]: ${record}`;
}
