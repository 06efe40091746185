// The gateway part of engawa.yaml: facts of the network. A gateway without an emergency lifeline does not load.
import { z } from 'zod';
import { LIFELINE_CLASSES, type Lifeline, type SharedPool } from '../core/garden/gateway.ts';
import { SECOND } from '../core/kernel/time.ts';
import { containsIp, overlaps, type Prefix } from '../core/net/prefix.ts';
import { strict } from './document.ts';
import {
  countPorts,
  duration,
  filePath,
  hostname,
  ip,
  ip4,
  ip6,
  isTooWide,
  line,
  port,
  portRange,
  prefix,
  secretFiles,
  slug,
  WIDE_PREFIX,
} from './scalars.ts';

/** Media ranges are large; every port of a host is more than a lifeline needs. */
const MOST_LIFELINE_PORTS = 32_768;

const prefixes = z.array(prefix).max(200).default([]);

const lifeline = strict({
  name: slug,
  class: z.enum(LIFELINE_CLASSES),
  prefixes,
  protocols: z
    .array(z.enum(['tcp', 'udp']))
    .min(1)
    .max(2),
  ports: z.array(portRange).min(1).max(20),
  inbound: z.boolean().default(false),
  dnsNames: z.array(hostname).max(50).default([]),
  /** Said by an operator who means a large network or most ports of it. */
  wide: z.boolean().default(false),
})
  .refine((one) => one.prefixes.length + one.dnsNames.length > 0, 'at least one of prefixes and dnsNames')
  .refine((one) => !one.prefixes.some((each) => isTooWide(each, one.wide)), {
    path: ['prefixes'],
    error: WIDE_PREFIX,
  })
  .refine((one) => one.wide || countPorts(one.ports) <= MOST_LIFELINE_PORTS, {
    path: ['ports'],
    error: `at most ${MOST_LIFELINE_PORTS} ports, or wide: true`,
  });

const lifelines = z
  .array(lifeline)
  .min(1)
  .max(100)
  .refine((list) => list.some((one) => (one as Partial<Lifeline> | undefined)?.class === 'emergency'), {
    error: 'a lifeline of class emergency: a gateway does not load without one',
    // Told even while other entries have faults of their own: it is the one nobody may overlook.
    when: ({ value }) => Array.isArray(value),
  });

/** `IFNAMSIZ` is 16 with its end; the characters are those that nft takes unquoted. */
const interfaceName = z.string().regex(/^[A-Za-z0-9_.@-]{1,15}\*?$/, 'the name of a network interface');

/** NAS-Identifier or NAS address whose sessions the gateway carries. */
const nasIdentities = z.array(line(253)).max(100);

const pools = z.array(prefix).min(1).max(500);

/** IPv4 addresses that lines share and whose ports the gateway sees: it stands behind the BR or lwAFTR. */
const sharedPool = strict({
  prefix,
  psidOffset: z.int().min(0).max(15),
  psidLength: z.int().min(1).max(16),
})
  .refine((one) => one.prefix.ip.family === 4, { path: ['prefix'], error: 'an IPv4 prefix' })
  .refine((one) => one.psidOffset + one.psidLength <= 16, {
    path: ['psidLength'],
    error: 'at most 16 bits together with psidOffset',
  })
  .transform(({ prefix, psidOffset, psidLength }): SharedPool => ({ prefix, offset: psidOffset, psidLength }));

const ipv6Lengths = z
  .array(z.union([z.literal(128), z.int().min(48).max(64)], 'a prefix length from 48 to 64, or 128'))
  .min(1)
  .max(8)
  .default([56, 64]);

/** A resolver that follows the gateway by response policy zones: advice, never proof. */
const resolver = strict({
  folder: filePath,
  controlSocket: filePath,
  zones: strict({ allow: line(253).default('allow.engawa.'), garden: line(253).default('garden.engawa.') }).prefault(
    {},
  ),
});

/** The helper of another machine, behind a forced command. */
const ssh = strict({
  host: line(253).regex(/^[A-Za-z0-9[]/, 'a name or an address'),
  port: port.default(22),
  user: line(32),
  identityFile: filePath,
  knownHostsFile: filePath,
});

const markBits = z.int().min(1).max(0xffff_ffff);

/** Bits of the packet mark for the operator's own rules. */
const modeMarks = strict({ mask: markBits, strict: markBits, leaky: markBits }).refine(
  ({ mask, strict: one, leaky: other }) => one !== other && (one & ~mask) === 0 && (other & ~mask) === 0,
  'strict and leaky that differ, within the bits of mask',
);

/** A BNG that listens to RADIUS dynamic authorization (RFC 5176) and nothing else. */
export const radiusGatewaySchema = strict({
  name: slug,
  kind: z.literal('radius'),
  /** A file of the dialects folder, by its name. */
  dialect: slug,
  address: ip,
  /** Absent: the dialect's. */
  port: port.optional(),
  /** The address of ours that the NAS knows as its client. */
  source: ip.optional(),
  /** The current one first; a second is tried while it is being replaced. */
  secretFiles,
  nasIdentities: nasIdentities.min(1),
  /** What the dialect asks for: names of filters, groups or services on the BNG. */
  values: z.record(z.string().regex(/^[a-z][a-zA-Z0-9-]{0,47}$/, 'the name of a value'), line(253)).default({}),
  pools,
  ipv6Lengths,
  /** Requests under way at once. */
  window: z.int().min(1).max(256).default(32),
  packetsPerSecond: z.int().min(1).max(20_000).default(200),
  /** An identifier is not used again on one port for so long. */
  replayWindow: duration(30 * SECOND, 3600 * SECOND).default(300 * SECOND),
  /** In requests: always, but for a NAS that refuses it. `require`: in its answers too. */
  messageAuthenticator: z.enum(['send', 'require', 'omit']).default('send'),
  /** May a session be cut for a moment where the dialect has no other way? A call under way is cut with it. */
  bounce: z.enum(['never', 'release', 'always']).default('never'),
  resolver: resolver.optional(),
});

export const gatewaySchema = strict({
  name: slug,
  kind: z.literal('nftables').optional(),
  table: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,30}$/, 'the name of an nft table')
    .default('engawa'),
  /** Absent: the one helper of this machine. */
  helperSocket: filePath.optional(),
  /** Its helper runs elsewhere; portal and DNS front stay here. */
  ssh: ssh.optional(),
  modeMarks: modeMarks.optional(),
  resolver: resolver.optional(),
  accessInterfaces: z.array(interfaceName).min(1).max(256),
  portal: strict({ ip4, ip6 }),
  sink: strict({ ip4, ip6 }),
  tls443: z.enum(['alert', 'reset']).default('alert'),
  pools,
  sharedPools: z.array(sharedPool).max(100).optional(),
  /** BRs and AFTRs: IPv4 in IPv6 to and from them passes for strict lines. */
  softwireBorders: z.array(prefix).max(100).optional(),
  infrastructure: prefixes,
  ipv6Lengths,
  ntpServers: z.array(prefix).min(1).max(20),
  lifelines,
  packs: z.union([z.literal('all'), z.array(slug).max(100)], 'all, or a list of pack names').default('all'),
  nasIdentities: nasIdentities.default([]),
}).superRefine((gateway, context) => {
  if (gateway.ssh !== undefined && gateway.helperSocket !== undefined)
    context.addIssue({ code: 'custom', path: ['helperSocket'], message: 'helperSocket or ssh, not both' });
  const mine = [gateway.portal.ip4, gateway.portal.ip6].map((ip) => ip.bytes.join());
  if ([gateway.sink.ip4, gateway.sink.ip6].some((ip) => mine.includes(ip.bytes.join())))
    context.addIssue({ code: 'custom', path: ['sink'], message: "addresses other than the portal's own" });
  const shared = gateway.sharedPools ?? [];
  for (const [i, { prefix: one }] of shared.entries()) {
    const path = ['sharedPools', i, 'prefix'];
    if (!gateway.pools.some((pool) => pool.length <= one.length && containsIp(pool, one.ip)))
      context.addIssue({ code: 'custom', path, message: 'a part of the subscriber pools' });
    if (shared.some((other, j) => j < i && overlaps(other.prefix, one)))
      context.addIssue({ code: 'custom', path, message: 'shared pools that do not overlap' });
  }
  // Nothing inside could ever be a line: every import, binding and element would be refused as reserved.
  const swallows = (outer: Prefix) =>
    gateway.pools.some((pool) => outer.length <= pool.length && containsIp(outer, pool.ip));
  const message = 'prefixes that do not cover a whole subscriber pool';
  if (gateway.infrastructure.some(swallows)) context.addIssue({ code: 'custom', path: ['infrastructure'], message });
  for (const [i, { prefixes: found }] of gateway.lifelines.entries())
    if (found.some(swallows)) context.addIssue({ code: 'custom', path: ['lifelines', i, 'prefixes'], message });
});
