// What the lab's translators write about their port blocks, each in a vendor's words: the CGN as a Juniper (structured syslog, RFC 5424,
// with interim records), the AFTR as a Cisco (IOS-XR, which names a B4 by its IPv6 address). Text alone; cgn.ts sends it.

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

const JUNOS_WORDS = { allocated: 'ALLOC', 'in-use': 'INTERIM', released: 'RELEASE' } as const;

/** `epoch-time-64` is hexadecimal, and of an interim record it is the allocation's. */
export function junosLine(event: BlockEvent, block: PortBlock, at: number): string {
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
  return `<14>1 ${stamp} cgn1 RT_NAT - RT_SRC_NAT_PBA_${JUNOS_WORDS[event]} [junos@2636.1.1.1.2.135 ${words.join(' ')}]`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const IOS_WORDS = { allocated: 'UserbasedA', released: 'UserbasedW' } as const;

/** Its stamp has a year and no zone; ours is set to UTC. */
export function iosXrLine(event: keyof typeof IOS_WORDS, block: PortBlock, at: number): string {
  const [date, clock] = new Date(at).toISOString().split('T') as [string, string];
  const [year, month, day] = date.split('-').map(Number) as [number, number, number];
  const stamp = `${year} ${MONTHS[month - 1]} ${String(day).padStart(2)} ${clock.slice(0, 8)}`;
  const { inside, outside, low, high } = block;
  return `<134>1 ${stamp} aftr1 - DS-LITE - [${IOS_WORDS[event]} - - default ${inside} ${outside} - ${low} ${high}]`;
}
