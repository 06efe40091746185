// The gateway's facts as a JSON file for the helper: addresses as text, everything checked on the way in.
// Written by the service or the launcher, read once at the helper's start; leaves out what the operator's own YAML says about it.
import {
  type GatewaySpec,
  LIFELINE_CLASSES,
  type Lifeline,
  type ModeMarks,
  type Pack,
  type SharedPool,
} from '../../core/garden/gateway.ts';
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { formatIp, type Ip, parseIp } from '../../core/net/ip.ts';
import { isPortSetShape } from '../../core/net/port-set.ts';
import { formatPrefix, overlaps, type Prefix, parsePrefix } from '../../core/net/prefix.ts';
import type { PortRange, Protocol } from '../../core/net/transport.ts';

export interface SpecFault {
  /** Where in the document, e.g. `lifelines[0].ports[1]`. */
  readonly path: string;
  readonly text: string;
}

const MAX_LIST = 10_000;

export function encodeSpec(spec: GatewaySpec): string {
  const peers = (p: Lifeline | Pack) => ({
    prefixes: p.prefixes.map(formatPrefix),
    ports: p.ports.map((r) => (r.low === r.high ? `${r.low}` : `${r.low}-${r.high}`)),
  });
  return JSON.stringify({
    ...spec,
    portal: { ip4: formatIp(spec.portal.ip4), ip6: formatIp(spec.portal.ip6) },
    sink: { ip4: formatIp(spec.sink.ip4), ip6: formatIp(spec.sink.ip6) },
    pools: spec.pools.map(formatPrefix),
    sharedPools: spec.sharedPools?.map((pool) => ({ ...pool, prefix: formatPrefix(pool.prefix) })),
    softwireBorders: spec.softwireBorders?.map(formatPrefix),
    infrastructure: spec.infrastructure.map(formatPrefix),
    ntpServers: spec.ntpServers.map(formatPrefix),
    lifelines: spec.lifelines.map((l) => ({ ...l, ...peers(l) })),
    packs: spec.packs.map((p) => ({ ...p, ...peers(p) })),
  });
}

/** Total: any text gives a spec or the first fault with its place. A spec without an `emergency` lifeline is a fault. */
export function decodeSpec(text: string): Result<GatewaySpec, SpecFault> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return err({ path: '', text: 'not JSON' });
  }
  try {
    return ok(specOf(new Node('', value)));
  } catch (fault) {
    if (fault instanceof Fault) return err({ path: fault.path, text: fault.message });
    throw fault;
  }
}

class Fault extends Error {
  readonly path: string;
  constructor(path: string, text: string) {
    super(text);
    this.path = path;
  }
}

/** A value with its place in the document; each reader gives the typed value or throws the fault. */
class Node {
  readonly path: string;
  readonly value: unknown;
  constructor(path: string, value: unknown) {
    this.path = path;
    this.value = value;
  }

  get(key: string): Node {
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value)) this.fail('an object');
    const path = this.path === '' ? key : `${this.path}.${key}`;
    return new Node(
      path,
      Object.hasOwn(this.value as object, key) ? (this.value as Record<string, unknown>)[key] : undefined,
    );
  }

  optional<T>(read: (item: Node) => T): T | undefined {
    return this.value === undefined ? undefined : read(this);
  }

  list<T>(read: (item: Node) => T): readonly T[] {
    if (!Array.isArray(this.value) || this.value.length > MAX_LIST) this.fail('a list');
    return (this.value as unknown[]).map((item, i) => read(new Node(`${this.path}[${i}]`, item)));
  }

  text(form: RegExp = /^[^\u0000-\u001f\u007f]{0,256}$/): string {
    if (typeof this.value !== 'string' || !form.test(this.value)) this.fail(`text like ${form}`);
    return this.value as string;
  }

  oneOf<T extends string>(words: readonly T[]): T {
    if (!words.includes(this.value as T)) this.fail(`one of ${words.join(', ')}`);
    return this.value as T;
  }

  bool(): boolean {
    if (typeof this.value !== 'boolean') this.fail('true or false');
    return this.value as boolean;
  }

  int(low: number, high: number): number {
    const n = this.value;
    if (typeof n !== 'number' || !Number.isInteger(n) || n < low || n > high) this.fail(`a number ${low}-${high}`);
    return n as number;
  }

  ip(family: 4 | 6): Ip {
    const ip = parseIp(this.text());
    if (ip?.family !== family) this.fail(`an IPv${family} address`);
    return ip as Ip;
  }

  fail(wanted: string): never {
    throw new Fault(this.path, `expected ${wanted}`);
  }
}

/** Names become parts of nft identifiers: nothing but these characters may ever reach nft. */
const IDENTIFIER = /^[a-z][a-z0-9_-]{0,31}$/;
const INTERFACE = /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,13}[A-Za-z0-9_.@*-]?$/;
const TABLE = /^[a-z][a-z0-9_]{0,31}$/;

const prefix = (n: Node): Prefix => parsePrefix(n.text()) ?? n.fail('an address or prefix without host bits');
const protocol = (n: Node): Protocol => n.oneOf(['tcp', 'udp']);
const port = (n: Node): number => n.int(1, 65_535);

function portRange(n: Node): PortRange {
  const parts = n
    .text(/^[0-9]{1,5}(-[0-9]{1,5})?$/)
    .split('-')
    .map(Number);
  const [low, high] = [parts[0]!, parts[1] ?? parts[0]!];
  if (low < 1 || high > 65_535 || low > high) n.fail('a port or low-high, 1-65535');
  return { low, high };
}

function peersOf(n: Node) {
  return {
    name: n.get('name').text(IDENTIFIER),
    prefixes: n.get('prefixes').list(prefix),
    protocols: n.get('protocols').list(protocol),
    ports: n.get('ports').list(portRange),
    dnsNames: n.get('dnsNames').list((name) => name.text()),
  };
}

function lifelineOf(n: Node): Lifeline {
  return { ...peersOf(n), class: n.get('class').oneOf(LIFELINE_CLASSES), inbound: n.get('inbound').bool() };
}

function packOf(n: Node): Pack {
  return { ...peersOf(n), purpose: n.get('purpose').text() };
}

function modeMarksOf(n: Node): ModeMarks {
  const bits = (key: string) => n.get(key).int(1, 0xffff_ffff);
  const marks = { mask: bits('mask'), strict: bits('strict'), leaky: bits('leaky') };
  const isInside = (mark: number) => (mark & ~marks.mask) === 0;
  if (!isInside(marks.strict) || !isInside(marks.leaky) || marks.strict === marks.leaky)
    n.fail('two different marks within the mask');
  return marks;
}

function sharedPoolOf(n: Node): SharedPool {
  const pool = {
    prefix: prefix(n.get('prefix')),
    offset: n.get('offset').int(0, 15),
    psidLength: n.get('psidLength').int(1, 16),
  };
  if (pool.prefix.ip.family !== 4) n.get('prefix').fail('an IPv4 prefix');
  if (!isPortSetShape(pool)) n.fail('offset and PSID length of at most 16 bits together');
  return pool;
}

function sharedPoolsOf(n: Node): readonly SharedPool[] {
  const pools = n.list(sharedPoolOf);
  if (pools.some((one, i) => pools.some((other, j) => j < i && overlaps(one.prefix, other.prefix))))
    n.fail('shared pools that do not overlap');
  return pools;
}

function specOf(root: Node): GatewaySpec {
  const lifelines = root.get('lifelines').list(lifelineOf);
  if (!lifelines.some((l) => l.class === 'emergency')) root.get('lifelines').fail('at least one of class emergency');
  const pair = (n: Node) => ({ ip4: n.get('ip4').ip(4), ip6: n.get('ip6').ip(6) });
  const ports = root.get('ports');
  const modeMarks = root.get('modeMarks').optional(modeMarksOf);
  const sharedPools = root.get('sharedPools').optional(sharedPoolsOf);
  const softwireBorders = root.get('softwireBorders').optional((n) => n.list(prefix));
  const isPortalElsewhere = root.get('isPortalElsewhere').optional((n) => n.bool());
  return {
    name: root.get('name').text(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/),
    table: root.get('table').text(TABLE),
    accessInterfaces: root.get('accessInterfaces').list((name) => name.text(INTERFACE)),
    portal: pair(root.get('portal')),
    ...(isPortalElsewhere === undefined ? {} : { isPortalElsewhere }),
    sink: pair(root.get('sink')),
    ports: {
      portalHttp: port(ports.get('portalHttp')),
      portalHttps: port(ports.get('portalHttps')),
      tlsRefuser: port(ports.get('tlsRefuser')),
      dnsFront: port(ports.get('dnsFront')),
    },
    tls443: root.get('tls443').oneOf(['alert', 'reset']),
    pools: root.get('pools').list(prefix),
    ...(sharedPools === undefined ? {} : { sharedPools }),
    ...(softwireBorders === undefined ? {} : { softwireBorders }),
    infrastructure: root.get('infrastructure').list(prefix),
    ipv6Lengths: root.get('ipv6Lengths').list((length) => (length.value === 128 ? 128 : length.int(48, 64))),
    lifelines,
    packs: root.get('packs').list(packOf),
    ntpServers: root.get('ntpServers').list(prefix),
    ...(modeMarks === undefined ? {} : { modeMarks }),
  };
}
